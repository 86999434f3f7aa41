"""Where the browser is, and the page."""

import shutil
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "explore" / "index.html").as_uri()


def chromium_path():
    """The Chromium of the system, or None; nothing is downloaded."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next(filter(None, map(shutil.which, names)), None)
