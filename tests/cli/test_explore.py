"""The interactive page: its data from the library, and the command that opens it."""

import base64
import importlib.util
import json
import re
import webbrowser
from pathlib import Path

import numpy as np
import pytest

from qconv.cli import explore, main

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "explore"


def exporter():
    """Import the script that writes the page's data as a module."""
    spec = importlib.util.spec_from_file_location("explore_export", ROOT / "docs/explore_export.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def committed(name):
    """Read the array that a data file of the page assigns: JSON except for names and commas."""
    text = (FOLDER / name).read_text()
    body = re.sub(r",\n\];\n$", "\n]", text[text.index("= [") + 2 :])
    return json.loads(re.sub(r"(?<=[{ ])(name|height|width|grey):", r'"\1":', body))


NAMES = [name for name, *_ in exporter().KERNELS]


def test_kernels_are_the_librarys():
    kept, today = committed("kernels.js"), exporter().named_kernels()
    assert [kernel["name"] for kernel in kept] == NAMES
    for is_, should_be in zip(kept, today, strict=True):
        np.testing.assert_allclose(is_.pop("kernel"), should_be.pop("kernel"), rtol=1e-12, atol=0)
        assert is_ == should_be


def test_photographs_are_scikit_images():
    today = exporter().photographs()
    kept = {photo["name"]: photo for photo in committed("photos.js")}
    assert list(kept) == list(today) == ["camera", "coins", "astronaut"]
    for name, photo in kept.items():
        grey = np.frombuffer(base64.b64decode(photo["grey"]), np.uint8)
        pixels = grey.reshape(photo["height"], photo["width"]).astype(int)
        assert pixels.shape == (128, 128)
        assert np.abs(pixels - today[name]).max() <= 1, name  # colours may be rounded differently


def test_small_and_without_a_network():
    files = list(FOLDER.iterdir())
    assert sum(path.stat().st_size for path in files) <= 2**20
    for path in files:
        text = path.read_text().replace("http://www.w3.org/2000/svg", "")
        reaching = r"https?:|fetch\(|XMLHttpRequest|^\s*import\b|import\(|WebSocket|sendBeacon"
        assert not re.search(reaching, text, re.MULTILINE), path
        if path.name not in ("kernels.js", "photos.js"):
            assert len(text.splitlines()) <= 400, path


def test_links_lead_to_pages_of_the_documentation():
    """They are shown where ``docs/conf.py`` has put the page beside the documentation."""
    text = (FOLDER / "index.html").read_text()
    links = re.findall(r'href="\.\./(.*?)\.html"', text)
    assert len(links) > 3
    for link in links:
        assert (ROOT / "docs" / f"{link}.md").is_file(), link
    assert text.count('aria-label="Documentation" hidden') == 1
    assert 'aria-label="Documentation" hidden' in (ROOT / "docs" / "conf.py").read_text()


def test_the_command_prints_a_page(capsys):
    assert main(["explore", "--print"]) == 0
    out, err = capsys.readouterr()
    page = Path(out.removesuffix("\n"))
    assert page.name == "index.html"
    assert "Explore" in page.read_text()
    assert err == ""


@pytest.mark.parametrize("found", [True, False])
def test_the_command_opens_the_page(found, capsys, monkeypatch):
    opened = []
    monkeypatch.setattr(webbrowser, "open", lambda address: opened.append(address) or found)
    assert main(["explore"]) == 0
    out, _ = capsys.readouterr()
    assert opened == out.splitlines()[:1]
    assert opened[0] in [(place / "index.html").as_uri() for place in explore.PLACES]
    assert ("no browser" in out) is not found


def test_the_command_says_that_the_page_is_missing(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(explore, "PLACES", (tmp_path / "explore",))
    assert main(["explore"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "found none" in err


def test_the_command_prefers_the_installed_page(capsys, monkeypatch, tmp_path):
    installed, source = explore.PLACES
    assert installed.parts[-2:] == ("qconv", "explore")
    assert source.parts[-2:] == ("docs", "explore")
    places = tmp_path / "installed", tmp_path / "source"
    monkeypatch.setattr(explore, "PLACES", places)
    for place in reversed(places):
        place.mkdir()
        (place / "index.html").write_text("")
        assert main(["explore", "--print"]) == 0
        assert capsys.readouterr().out == f"{place / 'index.html'}\n"


def test_the_command_takes_no_more(capsys):
    assert main(["explore", "photo.png"]) == 2
    assert "photo.png" in capsys.readouterr().err
