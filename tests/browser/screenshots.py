"""Take the documentation's screenshots of the page: ``docs/_static/explore-*.png``.

Run from the project's root directory; requires Playwright, Pillow and Chromium:
``python -m tests.browser.screenshots``.
"""

import io

from PIL import Image
from playwright.sync_api import sync_playwright

from tests.browser.chromium import PAGE, ROOT, chromium_path

FOLDER = ROOT / "docs" / "_static"
DESKTOP, PHONE = (1280, 900), (360, 740)


def page_of(chromium, size, scheme):
    """Open the page in a window of this size."""
    width, height = size
    context = chromium.new_context(
        viewport={"width": width, "height": height},
        color_scheme=scheme,
        reduced_motion="reduce" if size == PHONE else "no-preference",
        device_scale_factor=2 if size == PHONE else 1,
    )
    page = context.new_page()
    page.goto(f"{PAGE}#seed=7")
    page.evaluate("Explore.ready")
    return page


def save(page, name):
    """Save a screenshot of the window."""
    page.evaluate("window.scrollTo(0, 0)")
    page.wait_for_timeout(400)
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    picture.quantize(256).save(FOLDER / f"explore-{name}.png", optimize=True)
    print(f"docs/_static/explore-{name}.png")


def collapse(page, name):
    """Save screenshots after 1, 1,000 and a million shots per pixel."""
    save(page, f"{name}-1-shot")
    for shots, said in ((1000, "1000-shots"), (1_000_000, "million-shots")):
        page.click("#reset")
        page.click(f"[data-shots='{shots}']")
        page.evaluate("Collapse.idle()")
        save(page, f"{name}-{said}")


def diffusion(page, name):
    """Save screenshots with a thousand and a million particles after ten steps."""
    page.check("[value=diffusion]", force=True)
    for particles, said in ((1000, "1000-particles"), (1_000_000, "million-particles")):
        page.click(f"[data-particles='{particles}']")
        for _ in range(10):
            page.click("#step")
        save(page, f"{name}-{said}")


def main():
    """Take all screenshots."""
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        arguments = {"executable_path": chromium_path(), "args": ["--no-sandbox"]}
        chromium = playwright.chromium.launch(**arguments)
        collapse(page_of(chromium, DESKTOP, "light"), "light")
        diffusion(page_of(chromium, DESKTOP, "light"), "light")
        diffusion(page_of(chromium, DESKTOP, "dark"), "dark")
        save(page_of(chromium, PHONE, "light"), "phone")
        chromium.close()


if __name__ == "__main__":
    main()
