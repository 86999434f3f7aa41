"""The interactive page in use: speed, mouse, touch, keyboard, and any width.

Times are for headless Chromium on two cores, the best of three because others share the cores.
"""

import time

import numpy as np
import pytest

from tests.cli.test_explore import NAMES

VERDICT = """(() => {
  const {rmse, predicted, seen, held} = Collapse.verdict();
  return {rmse, predicted, seen, held};
})()"""

FOCUS = """(() => {
  const e = document.activeElement, around = [e, e.nextElementSibling, e.parentElement];
  const ring = around.some((x) => x && getComputedStyle(x).outlineStyle !== "none");
  const data = Object.keys(e.dataset)[0];
  const name = e.id || e.name || (data ? `${data} ${e.dataset[data]}` : e.ariaLabel);
  return [name || e.className || e.tagName, ring || e === document.body];
})()"""


def wait_for(page, script):
    """Wait until a condition holds; the page's security policy forbids Playwright's own method."""
    for _ in range(1000):
        if page.evaluate(script):
            return
        page.wait_for_timeout(25)
    pytest.fail(f"waited in vain for {script}")


def add(page, shots):
    page.click(f"[data-shots='{shots}']")
    page.evaluate("Collapse.idle()")


def test_first_paint_within_a_second(opened):
    painted, took = "performance.getEntriesByName('first-contentful-paint')", []
    for _ in range(3):
        page = opened()
        wait_for(page, f"{painted}.length")  # the entry appears after a delay
        took.append(page.evaluate(f"{painted}[0].startTime"))
    print(f"first paint after {min(took):.0f} ms")
    assert 0 < min(took) <= 1000


def test_a_million_shots_a_pixel_within_two_seconds(opened):
    page, took = opened(), []
    for _ in range(3):
        page.click("#reset")
        milliseconds = page.evaluate("""async () => {
          const start = performance.now();
          document.querySelector("[data-shots='1000000']").click();
          await Collapse.idle();
          return performance.now() - start;
        }""")
        assert page.inner_text("#shots") == "1,000,000"
        assert page.inner_text("#executions") == f"{10**6 * 128 * 128:,} executions"
        took.append(milliseconds)
    print(f"a million shots at each of 128 x 128 pixels: {min(took) / 1000:.2f} s")
    assert min(took) <= 2000


def test_error_falls_along_its_line_and_intervals_hold(opened):
    page = opened()
    for shots in (1, 10, 1000, 1_000_000):
        add(page, shots)
        found = page.evaluate(VERDICT)
        assert found["seen"] == 128 * 128
        assert abs(found["rmse"] / found["predicted"] - 1) < 0.1
    # 16,384 independent pixels: 7 standard deviations, a probability below 1e-9.
    assert abs(found["held"] / found["seen"] - 0.95) < 7 * np.sqrt(0.05 * 0.95 / 128**2)
    assert page.locator("#plot circle").count() > 15
    assert "contain the exact value" in page.inner_text("#status")
    page.click("#reset")
    assert page.inner_text("#shots") == "0"
    assert page.is_visible("#measured-empty")


def test_baseline_changes_the_distribution(opened):
    page = opened()
    with_baseline = page.evaluate("Collapse.setting().rms")
    assert page.locator("#amplitudes .value").count() == 8
    page.uncheck("#baseline")
    assert page.evaluate("Collapse.setting().rms") > 10 * with_baseline
    assert page.evaluate("Collapse.setting().otherRms") == with_baseline
    assert page.locator("#amplitudes .value").count() == 9


def test_every_kernel_by_name(opened):
    page = opened()
    for name in NAMES:
        page.select_option("#kernel-name", name)
        page.evaluate("Collapse.idle()")
        kernel, qubits = (
            page.evaluate("Explore.state.kernel"),
            page.locator("#circuit .wire").count(),
        )
        assert qubits == (4 if len(kernel) == 9 else 6)
        gates = page.evaluate("Preparation.gates(Collapse.setting().propagator.p)")
        boxes = sum(gate[0] != "cz" for gate in gates)
        assert page.locator("#circuit rect.gate").count() == boxes + qubits  # and the meters
        assert page.locator("#circuit .link").count() == len(gates) - boxes
        assert page.inner_text("#circuit-cost") == f"{len(gates) - boxes} CZ"
        assert page.inner_text("#shots") == "1"


def test_a_kernel_of_ones_own(opened):
    page = opened()
    entry = page.locator("#grid input")
    entry.nth(0).fill("2.5")
    assert page.evaluate("Explore.state.kernel[0]") == 2.5
    assert page.input_value("#kernel-name") == "drawn"
    page.click("[data-nudge=sign]")
    assert page.evaluate("Explore.state.kernel[0]") == -2.5
    entry.nth(0).fill("")
    assert "number" in page.inner_text("#kernel-error")
    for j in range(9):
        entry.nth(j).fill("0")
    assert "other than 0" in page.inner_text("#kernel-error")
    assert page.evaluate("Explore.state.kernel").count(0) == 8
    entry.nth(8).fill("-3")
    assert page.inner_text("#kernel-error") == ""
    page.check("[value='5']")
    kernel = page.evaluate("Explore.state.kernel")
    assert (len(kernel), kernel[18], sum(map(abs, kernel))) == (25, -3, 3)
    page.locator("#grid input").nth(24).fill("7")
    page.locator("#grid input").nth(18).fill("0")
    page.click("[value='3']")  # would leave only zeros
    assert "other than 0" in page.inner_text("#kernel-error")
    assert page.is_checked("[value='5']")


def test_a_photograph_of_ones_own(opened, tmp_path):
    from PIL import Image

    pixels = np.zeros((200, 400, 3), np.uint8)
    pixels[:, 200:] = 255
    Image.fromarray(pixels).save(tmp_path / "mine.png")
    page = opened()
    page.set_input_files("#file", tmp_path / "mine.png")
    page.wait_for_selector(".photos .own")
    shape = page.evaluate("[Explore.state.picture.height, Explore.state.picture.width]")
    assert shape == [64, 128]
    assert page.evaluate("[0, 127].map((i) => Explore.state.picture.data[i])") == [0, 255]
    (tmp_path / "none.png").write_text("not a picture")
    page.set_input_files("#file", tmp_path / "none.png")
    wait_for(page, "document.getElementById('photo-error').textContent.includes('none.png')")
    page.set_input_files(
        "#file", [{"name": "scan.tif", "mimeType": "image/tiff", "buffer": b"II*\0...."}]
    )
    wait_for(page, "document.getElementById('photo-error').textContent.includes('TIFF')")


def test_tab_reaches_everything_and_focus_shows(opened):
    page = opened()
    reached = set()
    for _ in range(50):
        page.keyboard.press("Tab")
        name, shows = page.evaluate(FOCUS)
        assert shows, f"{name} shows no focus"
        reached.add(name)
    assert {"mode", "measured", "reset", "drop", "photo", "file", "kernel-name"} <= reached
    assert {"seed", "copy-link", "copy-python", "side"} <= reached
    assert {"shots 1", "shots 1000000", "nudge sign", "row 1, column 1"} <= reached
    assert {"baseline", "circuit-scroll"} <= reached


def test_keyboard_alone(opened):
    """Arrows choose a pixel, Enter adds a shot, Space presses; the status line reports it."""
    page = opened(reduced_motion="reduce")
    page.focus("#measured")
    row, column = int(page.inner_text("#at-row")), int(page.inner_text("#at-column"))
    for key in ("ArrowDown", "ArrowRight", "ArrowRight", "Shift+ArrowUp"):
        page.keyboard.press(key)
    assert page.inner_text("#at-row") == str(row - 7)
    assert page.inner_text("#at-column") == str(column + 2)
    page.keyboard.press("Enter")
    assert page.inner_text("#pixel-shots") == "2 shots"
    assert f"Row {row - 7}, column {column + 2}" in page.inner_text("#status")
    page.focus("[data-shots='10']")
    page.keyboard.press("Space")
    page.evaluate("Collapse.idle()")
    assert page.inner_text("#shots") == "11"
    page.select_option("#kernel-name", "gaussian")
    page.focus("[value=collapse]")
    page.keyboard.press("ArrowRight")
    assert page.is_visible("#diffusion")
    page.focus("#step")
    page.keyboard.press("Enter")
    assert page.inner_text("#steps") == "1"


def test_a_tap_drops_a_shot_where_it_falls(opened):
    page = opened(width=360, height=740, has_touch=True)
    page.locator("#measured").scroll_into_view_if_needed()
    box = page.locator("#measured").bounding_box()
    side = box["width"] / 128
    page.touchscreen.tap(box["x"] + 20.5 * side, box["y"] + 30.5 * side)
    assert (page.inner_text("#at-row"), page.inner_text("#at-column")) == ("30", "20")
    assert page.inner_text("#pixel-shots") == "2 shots"


@pytest.mark.parametrize("width", [320, 360, 768, 1280])
def test_no_sideways_scrolling(width, opened):
    page = opened(width=width, height=740)
    page.select_option("#kernel-name", "emboss")
    add(page, 10)
    for mode in ("collapse", "diffusion"):
        page.check(f"[value={mode}]", force=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_every_picture_and_field_has_a_name(opened):
    page = opened()
    script = """Array.from(document.querySelectorAll("canvas, svg, input, select, button"))
      .filter((e) => !e.closest("label") && e.ariaHidden !== "true")
      .filter((e) => !(e.ariaLabel || e.textContent.trim()))
      .map((e) => e.outerHTML)"""
    assert page.evaluate(script) == []


def test_diffusion(opened):
    page = opened()
    page.select_option("#kernel-name", "gaussian")
    page.check("[value=diffusion]", force=True)
    page.click("[data-particles='1000000']")
    start = time.perf_counter()
    for _ in range(9):
        page.click("#step")
    assert time.perf_counter() - start < 30
    assert page.inner_text("#steps") == "9"
    found = page.evaluate("(({rmse, predicted}) => ({rmse, predicted}))(Diffusion.verdict())")
    assert abs(found["rmse"] / found["predicted"] - 1) < 0.1
    assert abs(float(page.inner_text("#distance")) - 3) < 0.02  # nine steps of variance 1
    page.click("#run")
    wait_for(page, "Number(document.getElementById('steps').textContent) >= 11")
    page.click("#run")
    assert page.inner_text("#run") == "Run"


def test_diffusion_says_that_it_needs_a_kernel_without_negative_entries(opened):
    page = opened()
    kernel = page.evaluate("Explore.state.kernel")
    page.check("[value=diffusion]", force=True)
    assert "without negative entries" in page.inner_text("#diffusion-refused")
    assert not page.is_visible("#step")
    assert page.input_value("#kernel-name") == "edge"
    page.check("[value=collapse]", force=True)
    assert page.evaluate("Explore.state.kernel") == kernel
    page.check("[value=diffusion]", force=True)
    page.click("[data-use=magnitudes]")
    assert page.evaluate("Explore.state.kernel") == np.abs(kernel).tolist()
    page.click("#step")
    assert page.inner_text("#steps") == "1"
    page.locator("#grid input").nth(0).fill("-1")
    assert not page.is_visible("#step")
    page.click("[data-use=gaussian]")
    assert page.input_value("#kernel-name") == "gaussian"
    assert page.is_visible("#step")


def test_the_same_seed_repeats_the_page(opened):
    script = "Array.from(Collapse.verdict().estimate).join()"
    estimates = [opened(seed=seed).evaluate(script) for seed in (5, 5, 6)]
    assert estimates[0] == estimates[1] != estimates[2]


def test_dark_and_light_are_legible(opened):
    """The contrast of text and background is at least 4.5 to 1 (WCAG 2.1, AA)."""
    names = ["ink card", "soft card", "soft page", "more card", "less card", "on more"]
    names += ["ink hole", "soft hole"]
    script = """(names) => names.map((pair) => pair.split(" ").map((name) =>
      getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()))"""
    for scheme in ("light", "dark"):
        for pair in opened(color_scheme=scheme).evaluate(script, names):
            assert contrast(*pair) >= 4.5, (scheme, pair)


def contrast(one, other):
    """Return the contrast of two colours ``#rrggbb``."""
    channels = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in (one, other)]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    dark, bright = np.sort(linear @ [0.2126, 0.7152, 0.0722])
    return (bright + 0.05) / (dark + 0.05)
