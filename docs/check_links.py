"""Check every internal link of a built site: ``python docs/check_links.py docs/_build/html``.

A link must lead to a file of the site and, if it has a fragment, to an element of that file.
Links to other sites are listed by number only; nothing is fetched.
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlparse


class Page(HTMLParser):
    """The links of a page, and the places that links can lead to."""

    def __init__(self, text):
        super().__init__()
        self.links, self.places = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        """Gather what points elsewhere, and what can be pointed to."""
        given = dict(attrs)
        self.places.update(given[name] for name in ("id", "name") if given.get(name))
        self.links += [given[name] for name in ("href", "src") if given.get(name)]


def broken(site):
    """Every internal link that leads nowhere, and how many there are of both kinds."""
    pages = {
        path.resolve(): Page(path.read_text(encoding="utf-8"))
        for path in site.rglob("*.html")
        if "_static" not in path.parts  # where themes keep their templates
    }
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
                found.append(f"{path.relative_to(site.resolve())}: no file for {link}")
            elif place and file in pages and unquote(place) not in pages[file].places:
                found.append(f"{path.relative_to(site.resolve())}: no place for {link}")
    return sorted(set(found)), inside, outside


def main(arguments):
    """Print what is broken; the exit status says whether anything is."""
    site = Path(arguments[0])
    found, inside, outside = broken(site)
    print(*found, sep="\n", end="\n" if found else "")
    print(f"{inside} internal links, {len(found)} broken; {outside} to other sites, not followed")
    return 1 if found or not inside else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
