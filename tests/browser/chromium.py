"""Locations of the browser and of the page."""

import shutil
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "explore" / "index.html").as_uri()


def chromium_path():
    """Return the path of the system's Chromium, or None; nothing is downloaded."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next(filter(None, map(shutil.which, names)), None)
