"""The interactive page in class mode, on a phone, and with a file dropped on it."""

import base64

import pytest

from tests.browser.test_explore_page import wait_for

SIZES = pytest.mark.parametrize(
    ("width", "height", "scheme"), [(400, 800, "dark"), (1400, 900, "light")]
)


def shots(page):
    return int(page.inner_text("#shots").replace(",", ""))


@SIZES
def test_a_lesson_by_keyboard_alone(width, height, scheme, opened):
    """The lesson begins without baseline and shots; the shots then follow automatically."""
    page = opened(width=width, height=height, color_scheme=scheme)
    page.focus("#class-enter")
    page.keyboard.press("Enter")
    wait_for(page, "document.activeElement.id === 'lesson-next'")
    assert not page.evaluate("Explore.state.baseline")
    assert (shots(page), page.is_visible("#measured-empty")) == (0, True)
    one, other = (page.locator(f"#{name}").bounding_box() for name in ("photograph", "measured"))
    assert one["y"] + one["height"] <= height
    assert abs(one["y"] - other["y"]) < 2
    assert one["width"] >= 0.44 * min(width, height)
    assert not page.is_visible("#share")
    sentences = []
    for step in range(1, page.evaluate("Lesson.steps") + 1):
        sentences.append(page.inner_text("#lesson-says"))
        assert page.inner_text("#lesson-step").startswith(f"{step} of")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        if step == 3:
            page.select_option("#pace", "100")
            wait_for(page, "Collapse.shots() >= 4")
            assert {event["n"] for event in page.evaluate("Collapse.events()")} == {1}
            page.focus("#lesson-play")
            page.keyboard.press("Space")
            page.evaluate("Collapse.idle()")
            before = shots(page)
            page.wait_for_timeout(300)
            assert shots(page) == before
        page.keyboard.press("PageDown")
        page.evaluate("Collapse.idle()")
    assert len(set(sentences)) == page.evaluate("Lesson.steps")
    assert all(text.count(".") <= 2 and len(text) < 130 for text in sentences)
    assert page.get_attribute("#lesson-next", "aria-disabled") == "true"
    assert page.evaluate("Lesson.step() === Lesson.steps")
    page.keyboard.press("PageUp")
    assert page.evaluate("Lesson.step() === Lesson.steps - 1")
    page.focus("#lesson-leave")
    page.keyboard.press("Enter")
    assert page.is_visible("#share")
    assert page.evaluate("document.activeElement.id") == "class-enter"


def test_full_screen(opened):
    page = opened()
    page.click("#class-enter")
    page.click("#lesson-full")
    wait_for(page, "document.fullscreenElement !== null")
    wait_for(page, "document.getElementById('lesson-full').textContent === 'Exit full screen'")
    page.click("#lesson-leave")
    wait_for(page, "document.fullscreenElement === null")


def test_a_link_into_a_lesson_does_not_play(opened):
    page = opened(link="#kernel=box&photo=coins&seed=3&baseline=off&shots=1x3&class=3")
    page.wait_for_timeout(600)
    assert (shots(page), page.input_value("#kernel-name")) == (3, "box")
    assert page.inner_text("#lesson-play") == "Play"
    assert page.evaluate("location.hash").endswith("&class=3")


@pytest.mark.parametrize("kernel", ["edge", "gaussian-5"])
def test_on_a_phone_the_card_that_a_tap_changes_is_beside_the_picture(kernel, opened):
    link = f"#kernel={kernel}&seed=7"
    page = opened(width=400, height=800, has_touch=True, link=link)
    page.evaluate("document.getElementById('measured').scrollIntoView()")
    box = page.locator("#measured").bounding_box()
    page.touchscreen.tap(box["x"] + 100, box["y"] + 100)
    page.evaluate("Collapse.idle()")
    bar = page.locator("#collapse > .actions").bounding_box()
    for part in ("#measured", "#zoom", "#last-shot"):
        box = page.locator(part).bounding_box()
        assert box["y"] >= -1
        assert box["y"] + box["height"] <= bar["y"]


@pytest.mark.parametrize("width", [320, 400, 720, 1400])
def test_buttons_that_belong_together_stay_in_one_line(width, opened):
    page = opened(width=width)
    page.select_option("#kernel-name", "gaussian")
    for mode, kind in (("collapse", "shots"), ("diffusion", "particles")):
        page.check(f"[value={mode}]", force=True)
        boxes = [found.bounding_box() for found in page.locator(f"[data-{kind}]").all()]
        assert len({box["y"] for box in boxes}) == 1
        assert len({box["height"] for box in boxes}) == 1
        modes = page.locator("#modes span").all()
        assert len({found.bounding_box()["y"] for found in modes}) == 1


def test_numbers_are_explained_where_they_stand(opened):
    page = opened()
    mean = page.inner_text("#pixel-mean")
    error = mean.split("± ")[1]
    assert f"±{error} is the standard error" in page.inner_text("#pixel-error")
    page.click("[data-shots='1000000']")
    page.evaluate("Collapse.idle()")
    assert not page.is_visible("#last-shot")  # no shot was added individually
    assert "√1,000,001" in page.inner_text("#pixel-error")
    page.click("#drop")
    assert page.is_visible("#last-shot")


DROP = """
([name, content]) => {
  const bytes = Uint8Array.from(atob(content), (c) => c.charCodeAt(0));
  const files = new DataTransfer();
  files.items.add(new File([bytes], name));
  for (const type of ["dragover", "drop"]) {
    const event = new DragEvent(type, {dataTransfer: files, bubbles: true, cancelable: true});
    document.getElementById("plot").dispatchEvent(event);
  }
}"""


def test_a_picture_dropped_on_the_page(opened, tmp_path):
    from PIL import Image

    page = opened()
    image = Image.new("L", (30, 20), 77)
    for name in ("mine.png", "scan.tif"):
        image.save(tmp_path / name)
        content = base64.b64encode((tmp_path / name).read_bytes()).decode()
        page.evaluate(DROP, [name, content])
        if name == "mine.png":
            page.wait_for_selector(".photos .own")
            assert page.evaluate("Explore.state.picture.width") == 30
    wait_for(page, "document.getElementById('photo-error').textContent !== ''")
    said = page.inner_text("#photo-error")
    assert "scan.tif is a TIFF file, which browsers do not read" in said
    assert "PNG" in said
    assert page.evaluate("Explore.state.picture.name") == "mine.png"
