"""A real browser for the page that plays: the system's Chromium, driven by Playwright.

Skipped where either is missing; with ``QCONV_REQUIRE_BROWSER=1`` that is a failure.
"""

import os

import pytest

from tests.browser.chromium import PAGE, chromium_path


def _missing(what):
    """Skip, or fail where a browser is required."""
    if os.environ.get("QCONV_REQUIRE_BROWSER"):
        pytest.fail(f"QCONV_REQUIRE_BROWSER is set, but {what}")
    pytest.skip(what)


@pytest.fixture(scope="session")
def page_url():
    """The page, with a seed that repeats its shots."""
    return f"{PAGE}#seed=7"


@pytest.fixture(scope="module")
def browser():
    """The system's Chromium; nothing is downloaded."""
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
    """Open the page; afterwards nothing may have been asked of a network or complained about."""
    contexts, requests, complaints = [], [], []

    def open_page(width=1280, height=900, seed=7, **how):
        contexts.append(browser.new_context(viewport={"width": width, "height": height}, **how))
        page = contexts[-1].new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{PAGE}#seed={seed}")
        page.evaluate("Explore.ready")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert requests
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
    assert complaints == []
