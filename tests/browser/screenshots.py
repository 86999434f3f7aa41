"""Take the documentation's screenshots of the page: ``docs/_static/explore-*.png``.

Run from the project's root directory; requires Playwright, Pillow and Chromium:
``python -m tests.browser.screenshots``.
"""

import io

from PIL import Image
from playwright.sync_api import sync_playwright

from tests.browser.chromium import PAGE, ROOT, chromium_path

FOLDER = ROOT / "docs" / "_static"
SIZE = {"width": 1280, "height": 900}

#: Name of the screenshot, address of the page, and a script that adds to it.
PAGES = (
    ("1000-shots", "#kernel=edge&photo=camera&seed=7&shots=1000", "Collapse.dropOne()"),
    ("particles", "#kernel=gaussian&mode=diffusion&particles=1000&steps=10&seed=7", "0"),
    ("class", "#kernel=gaussian&photo=camera&seed=7&baseline=off&shots=1x30&class=3", "0"),
)


def main():
    """Take all screenshots."""
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        arguments = {"executable_path": chromium_path(), "args": ["--no-sandbox"]}
        chromium = playwright.chromium.launch(**arguments)
        for name, link, script in PAGES:
            page = chromium.new_page(viewport=SIZE, color_scheme="light")
            page.goto(f"{PAGE}{link}")
            page.evaluate("Explore.ready")
            page.evaluate(script)
            page.wait_for_timeout(400)
            picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
            picture.quantize(256).save(FOLDER / f"explore-{name}.png", optimize=True)
            print(f"docs/_static/explore-{name}.png")
        chromium.close()


if __name__ == "__main__":
    main()
