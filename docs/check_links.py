"""Check a built site: ``python docs/check_links.py docs/_build/html``.

- An internal link leads to a file of the site and, if it has a fragment, to an element of the file.
- No page loads anything from another site. Links to other sites are counted; nothing is fetched.
- No formula is left as it was typed.
- The search finds the words that readers look for.
- Every public name has a line on the first page of the reference.
"""

import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlparse

#: Words that people typed, and pages that are to be among the results.
SEARCHES = {
    "rgb": "howto/colours",
    "tiff": "howto/your-data",
    "16-bit": "howto/your-data",
    "3d": "howto/colours",
    "volume": "howto/colours",
    "stack": "howto/colours",
    "tutorial": "start/index",
    "lesson": "learn/teach",
    "teach": "learn/teach",
    "classroom": "learn/teach",
    "primary source": "reference/bibliography",
    "speed-up": "understand/advantage",
    "boundary": "reference/verbs",
    "reflect": "reference/verbs",
    "mirror": "reference/verbs",
    "padding": "reference/verbs",
    "gabor": "howto/complex",
    "sigma": "howto/your-data",
    "cite": "howto/cite",
    "bibtex": "howto/cite",
    "hardware": "howto/device",
    "backend": "howto/device",
    "frqi": "understand/others",
    "neqr": "understand/others",
    "qpie": "understand/others",
}

#: Elements and attributes by which a browser loads something without being asked.
LOADING = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src"}
LOADED_LINKS = {"stylesheet", "icon", "preload", "prefetch", "preconnect", "dns-prefetch"}

#: What TeX leaves in text that is no code: its delimiters and commands.
TEX = re.compile(r"\\[(\[]|\\[a-zA-Z]{2,}|\$\$|\$[^$\s]+\$")
NOT_TEXT = {"code", "pre", "script", "style", "math", "textarea"}


class Page(HTMLParser):
    """The links of a page, the places that links can lead to, what it loads, and its prose."""

    def __init__(self, text):
        super().__init__()
        self.links, self.places, self.loaded, self.prose = [], set(), [], []
        self._inside = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        """Gather what points elsewhere, and what can be pointed to."""
        given = dict(attrs)
        self.places.update(given[name] for name in ("id", "name") if given.get(name))
        self.links += [given[name] for name in ("href", "src") if given.get(name)]
        kinds = set((given.get("rel") or "").split())
        if tag in LOADING or (tag == "link" and kinds & LOADED_LINKS):
            self.loaded.append(given.get(LOADING.get(tag, "href")) or "")
        if tag in NOT_TEXT:
            self._inside.append(tag)

    def handle_endtag(self, tag):
        """Prose goes on where an element of code ends."""
        if self._inside and self._inside[-1] == tag:
            self._inside.pop()

    def handle_data(self, data):
        """Keep what is read as prose."""
        if not self._inside:
            self.prose.append(data)


def is_outside(link):
    """True if a link leads to another site."""
    return link.startswith("//") or urlparse(link).scheme in ("http", "https")


def broken(pages, site):
    """Every internal link that leads nowhere, and how many there are of both kinds."""
    found, inside, outside = [], 0, 0
    for path, page in pages.items():
        for link in page.links:
            if urlparse(link).scheme or link.startswith("//"):
                outside += 1
                continue
            inside += 1
            target, place = urldefrag(link)
            file = (path.parent / unquote(target.partition("?")[0])).resolve() if target else path
            file = file / "index.html" if file.is_dir() else file
            if not file.is_file():
                found.append(f"{path.relative_to(site)}: no file for {link}")
            elif "=" in place:
                continue  # the state of the interactive page, not a place
            elif place and file in pages and unquote(place) not in pages[file].places:
                found.append(f"{path.relative_to(site)}: no place for {link}")
    return sorted(set(found)), inside, outside


def loaded_from_elsewhere(pages, site):
    """Every address of another site that a page or a style sheet loads."""
    found = [
        f"{path.relative_to(site)}: loads {link}"
        for path, page in pages.items()
        for link in page.loaded
        if is_outside(link)
    ]
    for path in site.rglob("*.css"):
        text = path.read_text(encoding="utf-8")
        found += [
            f"{path.relative_to(site)}: loads {link}"
            for link in re.findall(r"(?:url\(|@import )\s*[\"']?([^\"')\s;]+)", text)
            if is_outside(link)
        ]
    return sorted(set(found))


def raw_formulas(pages, site):
    """Every piece of TeX in the text of a page."""
    return sorted(
        {
            f"{path.relative_to(site)}: raw formula {match.group()!r}"
            for path, page in pages.items()
            for match in TEX.finditer(" ".join(page.prose))
            if "_modules" not in path.parts
        }
    )


def search_index(site):
    """What the search of the site looks in: documents, words of texts and titles, and names."""
    text = (site / "searchindex.js").read_text(encoding="utf-8")
    return json.loads(text[text.index("(") + 1 : text.rindex(")")])


def not_found(site):
    """Every word that the search does not find on its page."""
    from sphinx.search.en import SearchEnglish  # the rest needs the standard library alone

    index, language = search_index(site), SearchEnglish({})
    numbers = {name: number for number, name in enumerate(index["docnames"])}
    found = []
    for words, page in SEARCHES.items():
        for word in language.split(words):
            stem = language.stem(word.lower())
            if word.isdigit() or not language.word_filter(stem):
                continue  # the search skips numbers and words such as "up"
            documents = set()
            for kind in ("terms", "titleterms"):
                given = index[kind].get(stem, [])
                documents |= {given} if isinstance(given, int) else set(given)
            if numbers.get(page) not in documents:
                found.append(f"search for {words!r}: {page} is not among the results")
    return found


def read_pages(site):
    """Read every page of a site, path to page."""
    return {
        path: Page(path.read_text(encoding="utf-8"))
        for path in site.rglob("*.html")
        if "_static" not in path.parts  # where themes keep their templates
    }


def not_listed(pages, site):
    """Every public name without a line on the first page of the reference."""
    import classical
    import qconv
    import qconv.transfer

    packages = qconv, classical, qconv.transfer
    public = {f"{package.__name__}.{name}" for package in packages for name in package.__all__}
    listed = {urldefrag(link).fragment for link in pages[site / "reference/index.html"].links}
    return [f"reference/index.html: no line for {name}" for name in sorted(public - listed)]


def main(arguments):
    """Print what is wrong; the exit status says whether anything is."""
    site = Path(arguments[0]).resolve()
    pages = read_pages(site)
    found, inside, outside = broken(pages, site)
    others = loaded_from_elsewhere(pages, site) + raw_formulas(pages, site)
    others += not_found(site) + not_listed(pages, site)
    for line in found + others:
        print(line)
    print(f"{inside} internal links, {len(found)} broken; {outside} to other sites, not followed")
    print(f"{len(pages)} pages, {len(SEARCHES)} searches: {len(others)} other faults")
    return 1 if found or others or not inside else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
