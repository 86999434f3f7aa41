"""The check of the built documentation sees what it should, on small sites with one fault each."""

import importlib.util
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"
_SPEC = importlib.util.spec_from_file_location("check_links", DOCS / "check_links.py")
check = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(check)


@pytest.fixture
def faults(tmp_path):
    """Return a function that writes a site of one page, and returns its faults."""

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
