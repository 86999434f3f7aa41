"""The check of the built documentation finds the errors of small sites with one error each.

Also, every public name is documented on a page of the reference.
"""

import ast
import importlib.util
import re
from pathlib import Path

import pytest

import classical
import qconv

DOCS = Path(__file__).parent.parent / "docs"
_SPEC = importlib.util.spec_from_file_location("check_links", DOCS / "check_links.py")
check = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(check)


@pytest.fixture
def faults(tmp_path):
    """Return a function that writes a site of one page, and returns the errors found."""

    def found(body, css=""):
        (tmp_path / "index.html").write_text(f"<html><body>{body}</body></html>")
        (tmp_path / "other.html").write_text('<p id="there">Text</p>')
        (tmp_path / "style.css").write_text(css)
        pages = check.read_pages(tmp_path)
        return (
            check.broken(pages, tmp_path)[0]
            + check.loaded_from_elsewhere(pages, tmp_path)
            + check.raw_formulas(pages, tmp_path)
        )

    return found


@pytest.mark.parametrize(
    "body",
    [
        '<a href="other.html#there">a</a>',
        '<a href="https://example.org/">links may lead elsewhere</a>',
        '<link rel="canonical" href="https://example.org/">',
        "<code>$HOME</code> and <pre>\\(x\\)</pre> and 5 $ and 6 $",
        "<math><mi>x</mi></math>",
    ],
)
def test_no_fault(faults, body):
    assert faults(body) == []


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ('<a href="missing.html">a</a>', "no file for missing.html"),
        ('<a href="other.html#nowhere">a</a>', "no place for other.html#nowhere"),
        ('<script src="https://example.org/a.js"></script>', "loads https://example.org/a.js"),
        ('<img src="//example.org/a.png">', "loads //example.org/a.png"),
        ('<link rel="stylesheet" href="http://example.org/a.css">', "loads http://example.org/"),
        (r"<p>so \(x + 1\)</p>", "raw formula '\\\\('"),
        (r"<p>with \sqrt in it</p>", "raw formula '\\\\sqrt'"),
        ("<p>the value $x^2$</p>", "raw formula '$x^2$'"),
        ("<p><code>code</code> and $$</p>", "raw formula '$$'"),
    ],
)
def test_a_fault(faults, body, fault):
    (found,) = {line.replace("index.html: ", "") for line in faults(body)} or {"none"}
    assert found.startswith(fault)


def test_a_style_sheet_that_loads(faults):
    assert faults("", css="@font-face { src: url('https://example.org/a.woff') }") == [
        "style.css: loads https://example.org/a.woff"
    ]


def test_lists_of_names_in_other_projects():
    paths = sorted((DOCS / "inventories").glob("*.inv"))
    assert {"numpy", "scipy", "qiskit"} <= {path.stem for path in paths}
    conf = (DOCS / "conf.py").read_text()
    for path in paths:
        assert f'"{path.stem}": "https://' in conf
        first, project, version, *names = path.read_text().splitlines()
        assert first == "# Sphinx inventory version 1"
        assert project == f"# Project: {path.stem}"
        assert version.startswith("# Version: ")
        assert all(len(line.split(" ")) == 3 for line in names)
        assert len({line.split()[0] for line in names}) == len(names) > 0


def public(package):
    """Return the public names of a package, which need not be importable here."""
    tree = ast.parse((DOCS.parent / package.replace(".", "/") / "__init__.py").read_text())
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return ast.literal_eval(node.value)
    raise AssertionError(package)


def test_every_public_name_has_its_place_in_the_reference():
    names = {f"qconv.{name}" for name in qconv.__all__}
    names |= {f"classical.{name}" for name in classical.__all__}
    names |= {f"qconv.transfer.{name}" for name in qconv.transfer.__all__}
    for package in ("qconv.torch", "qconv.distributed"):
        names |= {f"{package}.{name}" for name in public(package)}
    pages = "".join(path.read_text() for path in (DOCS / "reference").glob("*.md"))
    documented = re.findall(r"^\.\. auto(?:function|class|module):: (\S+)", pages, re.MULTILINE)
    assert names <= set(documented), sorted(names - set(documented))
    assert len(documented) == len(set(documented))


def sources():
    """Return every source that a docstring cites, without the following text in brackets."""
    for folder in ("qconv", "classical"):
        for path in (DOCS.parent / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef):
                    text = ast.get_docstring(node) or ""
                    for cited in re.findall(r"^Source:\s(.*?)(?:\n\n|\Z)", text, re.M | re.S):
                        yield from re.split(";|, and ", " ".join(cited.split()))


def test_every_source_is_in_the_bibliography():
    entries = (DOCS / "reference" / "bibliography.md").read_text().replace("\n  ", " ")
    entries = [line for line in entries.splitlines() if line.startswith("- ")]
    cited = list(sources())
    assert len(cited) > 30
    for source in cited:
        name = re.search(r"[A-Z][A-Za-z]{2,}", source).group()
        years = re.findall(r"\b(?:19|20)\d\d\b", source)
        numbers = re.findall(r"arXiv:[\d.]+\d|quant-ph/\d+|\b\d+, \d+ \(", source)
        fitting = [line for line in entries if name in line and all(y in line for y in years)]
        assert any(all(n in line for n in numbers) for line in fitting), source
    pages = [*DOCS.rglob("*.md"), *(DOCS.parent / "notebooks").glob("*.ipynb")]
    pages += [
        path for name in ("qconv", "classical") for path in (DOCS.parent / name).rglob("*.py")
    ]
    numbers = {n for path in pages for n in re.findall(r"arXiv:(\d{4}\.\d{4,5})", path.read_text())}
    assert len(numbers) > 15
    assert {n for n in numbers if not any(f"arXiv:{n}]" in line for line in entries)} == set()
    modules = [p for name in ("qconv", "classical") for p in (DOCS.parent / name).rglob("*.py")]
    text = "".join(path.read_text() for path in modules)
    numbers = set(re.findall(r"arXiv:(\d{4}\.\d{4,5})|(quant-ph/\d{7})", text))
    numbers = {first or second for first, second in numbers}
    assert len(numbers) > 15
    assert {n for n in numbers if not any(f"{n}]" in line for line in entries)} == set()


def test_citation_in_bibtex_is_that_of_the_citation_file():
    page = (DOCS / "howto" / "cite.md").read_text()
    entry = dict(re.findall(r"^  (\w+) +=\s+\{+(.*?)\}+,?$", page, re.MULTILINE))
    citation = (DOCS.parent / "CITATION.cff").read_text()
    fields = dict(re.findall(r'^([\w-]+): "?(.*?)"?$', citation, re.MULTILINE))
    assert entry["version"] == fields["version"] == qconv.__version__
    assert entry["year"] == fields["date-released"][:4]
    assert entry["title"] == fields["title"]
    assert entry["license"] == fields["license"]
    assert f"- name: {entry['author']}" in citation
