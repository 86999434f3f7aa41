"""A real browser for the interactive page: the system's Chromium, driven by Playwright.

Tests are skipped if either is missing, and fail with ``QCONV_REQUIRE_BROWSER=1``.
"""

import os

import pytest

from tests.browser.chromium import PAGE, chromium_path


def _missing(what):
    """Skip the test, or fail if a browser is required."""
    if os.environ.get("QCONV_REQUIRE_BROWSER"):
        pytest.fail(f"QCONV_REQUIRE_BROWSER is set, but {what}")
    pytest.skip(what)


@pytest.fixture(scope="session")
def page_url():
    """Address of the page, with a seed that repeats its shots."""
    return f"{PAGE}#seed=7"


@pytest.fixture(scope="module")
def browser():
    """Start the system's Chromium; nothing is downloaded."""
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        _missing("Playwright is not installed: pip install 'qconv[browser]'")
    path = chromium_path()
    if path is None:
        _missing("no Chromium is installed")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def opened(browser):
    """Return a function that opens the page; check that it sends no request and has no error."""
    contexts, requests, complaints = [], [], []

    def open_page(width=1280, height=900, seed=7, link=None, **how):
        contexts.append(browser.new_context(viewport={"width": width, "height": height}, **how))
        page = contexts[-1].new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{PAGE}{link or f'#seed={seed}'}")
        page.evaluate("Explore.ready")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert requests
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
    assert complaints == []
