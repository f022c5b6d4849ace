"""Chapter 2 in a real Chromium: what only a browser can show."""

import io
import xml.etree.ElementTree as ElementTree

import pytest
from PIL import Image

from lmviz import landing
from lmviz.data import examples
from lmviz.models import scoring

pytestmark = pytest.mark.smollm2


@pytest.fixture
def chapter(serve, open_page):
    page = open_page(f"{serve('app.py')}/heatmap")
    page.locator('[role="option"]').first.wait_for(timeout=60_000)
    page.locator(".st-key-heatmap_line .js-plotly-plot .main-svg").first.wait_for(timeout=60_000)
    return page


def selected(page) -> list[int]:
    """The selected chip of each strip, from the top."""
    return [int(chip.get_attribute("data-n")) for chip in page.locator('[role="option"][aria-selected="true"]').all()]


def wait_until_selected(page, first: int):
    page.wait_for_function("n => new URLSearchParams(location.search).get('token') === String(n)", arg=first)


def download(page, button: str) -> bytes:
    with page.expect_download(timeout=60_000) as arriving:
        page.get_by_role("button", name=button).click()
    return open(arriving.value.path(), "rb").read()


def test_a_click_anywhere_over_the_curve_selects_the_token_below(chapter, settled):
    plot = chapter.locator(".st-key-heatmap_line .nsewdrag").first.bounding_box()
    chapter.mouse.move(plot["x"] + plot["width"] * 3.5 / 6, plot["y"] + plot["height"] * 0.7)
    chapter.mouse.click(plot["x"] + plot["width"] * 3.5 / 6, plot["y"] + plot["height"] * 0.7)
    wait_until_selected(chapter, 3)
    settled(chapter)
    assert selected(chapter)[0] == 3


def test_the_list_of_the_costliest_is_walked_with_the_arrow_keys_and_keeps_the_focus(chapter, settled, smollm2):
    order = landing.costliest(scoring.score(smollm2, examples.OPENING).losses, 6)
    stops = chapter.get_by_role("radiogroup", name="Go to").locator("input")
    stops.first.focus()
    for expected in order[1:4]:
        chapter.keyboard.press("ArrowDown")
        wait_until_selected(chapter, expected)
        settled(chapter)
        assert selected(chapter)[0] == expected


def test_a_key_goes_to_the_next_costliest(chapter, settled, smollm2):
    order = landing.costliest(scoring.score(smollm2, examples.OPENING).losses, 6)
    chapter.keyboard.press("Alt+n")
    wait_until_selected(chapter, order[1])
    settled(chapter)
    assert selected(chapter)[0] == order[1]


def test_selecting_in_one_of_two_strips_selects_the_same_bytes_in_the_other(chapter, settled):
    strips = chapter.locator('[role="listbox"]')
    strips.nth(2).scroll_into_view_if_needed()
    strips.nth(2).locator('[role="option"]').nth(4).click()
    chapter.wait_for_function("""() => [...document.querySelectorAll('*')].filter(e => e.shadowRoot).map(e => e.shadowRoot.querySelector('[role=listbox]'))
        .filter(Boolean).map(list => list.querySelector('[aria-selected=true]')?.dataset.n).slice(1).join() === '4,4'""")
    assert selected(chapter)[1:] == [4, 4]


def test_the_picture_is_saved_as_a_png_drawn_from_the_svg(chapter, settled, axe):
    chapter.get_by_role("button", name="Save").click()
    chapter.get_by_role("button", name="Picture, PNG").wait_for(timeout=30_000)
    settled(chapter)
    svg = ElementTree.fromstring(download(chapter, "Picture, SVG"))
    image = Image.open(io.BytesIO(download(chapter, "Picture, PNG"))).convert("RGB")
    assert image.size == (2 * int(svg.get("width")), 2 * int(svg.get("height")))
    colours = {colour for _, colour in image.getcolors(maxcolors=1_000_000)}
    assert (213, 94, 0) in colours and (255, 255, 255) in colours  # the token past the limit, and the paper
    assert axe(chapter) == []
