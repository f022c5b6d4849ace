import math
import random
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect

from lmviz import display, words

APPS = Path(__file__).parent / "apps"
APP = APPS / "strip_app.py"
sys.path.insert(0, str(APPS))
from strip_texts import CAT, CAT_LOSSES, HOSTILE, MARKDOWN, long_tokens  # noqa: E402


@pytest.fixture
def pair(open_page, serve):
    return open_page(f"{serve(APP)}/?show=pair")


def chips(page, strip: int = 0):
    return page.locator(".strip").nth(strip).locator(".chip")


def colour(chip) -> str:
    return chip.locator(".text").evaluate("e => getComputedStyle(e).backgroundColor")


def value(chip) -> str:
    return chip.evaluate("e => getComputedStyle(e, '::after').content").strip('"')


def focused(page) -> int:
    return page.evaluate("Number(document.activeElement.shadowRoot?.activeElement?.dataset.n ?? -1)")


def test_a_click_gives_python_the_index_of_the_token(page):
    chips(page).nth(1).click()
    expect(page.get_by_text("selected 1 runs 2")).to_be_visible()
    expect(chips(page).nth(1)).to_have_attribute("aria-selected", "true")
    chips(page).nth(0).click()
    expect(page.get_by_text("selected 0 runs 3")).to_be_visible()
    expect(page.locator("[aria-selected=true].chip")).to_have_count(1)


def test_keys_move_and_choose_and_the_focus_survives_the_rerun(page):
    chips(page).nth(2).focus()
    for key, at in (("ArrowRight", 3), ("End", 6), ("ArrowRight", 6), ("Home", 0), ("ArrowLeft", 0), ("ArrowRight", 1)):
        page.keyboard.press(key)
        assert focused(page) == at
    expect(page.get_by_text("selected None runs 1")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_text("selected 1 runs 2")).to_be_visible()
    assert focused(page) == 1
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    expect(page.get_by_text("selected 2 runs 3")).to_be_visible()
    assert focused(page) == 2
    assert page.locator(".chip[tabindex='0']").count() == 1


def test_up_and_down_go_to_the_nearest_token_of_the_next_line(pair):
    boxes = [chips(pair).nth(n).bounding_box() for n in range(60)]
    chips(pair).nth(4).focus()
    pair.keyboard.press("ArrowDown")
    below = focused(pair)
    second_line = sorted({round(box["y"]) for box in boxes})[1]
    middle = boxes[4]["x"] + boxes[4]["width"] / 2
    assert below == min((n for n in range(60) if round(boxes[n]["y"]) == second_line), key=lambda n: abs(boxes[n]["x"] + boxes[n]["width"] / 2 - middle))
    pair.keyboard.press("ArrowUp")
    assert round(boxes[focused(pair)]["y"]) == round(boxes[4]["y"])


def test_the_colour_changes_in_the_browser_without_a_run(page):
    seen = set()
    known = {"loss": "13.1", "probability": "1×10⁻⁴", "rank": display.number(round(math.exp(9.06) / 3))}
    for measure in ("loss", "probability", "rank", "entropy", "surprise"):
        page.locator(f"input[value={measure}]").check(force=True)
        seen.add(value(chips(page).nth(1)))
        assert value(chips(page).nth(1)) == known.get(measure, value(chips(page).nth(1)))
        assert page.locator(".strip").get_attribute("data-measure") == measure
    assert len(seen) == 5
    expect(page.get_by_text("selected None runs 1")).to_be_visible()


def test_what_costs_more_is_coloured_more(page):
    strength = "e => { const c = document.createElement('canvas').getContext('2d'); c.fillStyle = getComputedStyle(e).backgroundColor; \
        c.fillRect(0, 0, 1, 1); const [r, g, b] = c.getImageData(0, 0, 1, 1).data; return Math.max(r, g, b) - Math.min(r, g, b) }"
    strengths = [chips(page).nth(n).locator(".text").evaluate(strength) for n in range(len(CAT))]
    assert sorted(range(len(CAT)), key=strengths.__getitem__) == sorted(range(len(CAT)), key=CAT_LOSSES.__getitem__)


def test_the_readers_choice_survives_reruns_and_another_unit(page):
    page.locator("input[value=entropy]").check(force=True)
    page.locator("[data-toggle=values]").click()
    chips(page).nth(3).click()
    expect(page.get_by_text("selected 3 runs 2")).to_be_visible()
    page.get_by_text("nats", exact=True).click()
    expect(page.get_by_text("selected 3 runs 3")).to_be_visible()
    expect(page.locator(".says")).to_have_text("entropy, nats")
    expect(page.locator("input[value=entropy]")).to_be_checked()
    assert value(chips(page).nth(1)) == "none"


def test_another_text_drops_the_selection_and_python_can_select(page):
    chips(page).nth(3).click()
    expect(page.get_by_text("selected 3 runs 2")).to_be_visible()
    page.get_by_role("combobox").click()
    page.get_by_role("option", name="dog").click()
    expect(page.get_by_text("selected None runs 3")).to_be_visible()
    expect(chips(page)).to_have_count(6)
    page.get_by_role("button", name="Select the last").click()
    expect(page.get_by_text("selected 5")).to_be_visible()
    expect(chips(page).nth(5)).to_have_attribute("aria-selected", "true")


def test_the_tooltip_says_the_numbers_in_full_on_hover_and_on_focus(page):
    rows = {
        "P": f"{display.probability(math.exp(-9.06))}, {display.one_in(math.exp(-9.06))}",
        "−log P": display.amount(9.06, "bits"),
        "rank": display.number(round(math.exp(9.06) / 3)),
    }
    for reach in (chips(page).nth(1).hover, chips(page).nth(1).focus):
        reach()
        tip = page.locator(".tip")
        expect(tip).to_be_visible()
        shown = dict(zip(tip.locator("dt").all_inner_texts(), tip.locator("dd").all_inner_texts(), strict=True))
        assert {name: shown[name] for name in rows} == rows
        expect(tip.locator(".title")).to_have_text("·cat")
        expect(tip.locator(".note")).to_have_text("id 101")
        page.mouse.move(5, 5)
    page.keyboard.press("Escape")
    expect(page.locator(".tip")).to_be_hidden()


def test_a_words_loss_is_the_sum_over_its_tokens(pair):
    tokens, losses = long_tokens(60)
    starts = words.word_groups(tokens)
    pair.locator("[data-toggle=words]").first.click()
    pair.locator("input[value=loss]").first.check(force=True)
    expect(chips(pair)).to_have_count(len(starts))
    sums = words.word_sums(losses, starts)
    word = next(n for n, (begin, end) in enumerate(zip(starts, starts[1:], strict=False)) if end - begin > 1)
    chips(pair).nth(word).hover()
    shown = dict(zip(pair.locator(".tip dt").all_inner_texts(), pair.locator(".tip dd").all_inner_texts(), strict=False))
    assert shown["−log P"] == display.amount(sums[word], "bits")
    assert shown["P"].startswith(display.probability(math.exp(-sums[word])))
    chips(pair).nth(word).click()
    expect(pair.get_by_text(f"one {starts[word]} ")).to_be_visible()
    expect(chips(pair)).to_have_count(len(starts))


def test_in_a_fragment_a_selection_reruns_the_fragment_alone(pair):
    expect(pair.get_by_text("one 3 runs 1 fragments 1")).to_be_visible()
    chips(pair).nth(7).click()
    expect(pair.get_by_text("one 7 runs 1 fragments 2")).to_be_visible()


def test_infinite_and_unscored_losses_are_said_in_words(pair):
    strip = pair.locator(".strip").nth(1)
    strip.locator("[data-toggle=values]").click()
    assert [value(chips(pair, 1).nth(n)) for n in (0, 1)] == ["–", "∞"]
    chips(pair, 1).nth(1).hover()
    expect(pair.locator(".tip.open dd").first).to_have_text("infinite: the model gives it no probability at all")
    assert "not scored" in chips(pair, 1).nth(0).get_attribute("aria-label")


def test_hostile_tokens_are_shown_letter_for_letter(open_page, serve):
    page = open_page(f"{serve(APP)}/?show=hostile")
    expect(chips(page)).to_have_count(len(HOSTILE))
    assert [chips(page).nth(n).inner_text() for n in range(len(HOSTILE))] == [display.visible(token) for token in HOSTILE]
    for n in range(len(HOSTILE)):
        chips(page).nth(n).hover()
        assert page.locator(".tip .title").inner_text() == display.visible(HOSTILE[n])
    assert page.locator(".strip script, .strip img, .strip b").count() == 0
    assert page.evaluate("window.__p") is None


def test_escaped_text_in_markdown_is_shown_letter_for_letter(pair):
    shown = pair.locator("[data-testid=stMarkdown]", has_text="Literal:")
    assert shown.inner_text().replace("\u2060", "") == f"Literal: {MARKDOWN} end"
    assert shown.locator("a, img, em, strong, code, del, .katex, [data-testid=stIconMaterial]").count() == 0


def test_a_long_text_scrolls_inside_the_strip_and_keeps_its_place(open_page, serve):
    page = open_page(f"{serve(APP)}/?show=1200")
    expect(chips(page)).to_have_count(1200)
    scrolled = page.locator(".list")
    assert scrolled.bounding_box()["height"] <= 482
    page.get_by_role("button", name="Select the last").click()
    expect(page.get_by_text("selected 1199 ")).to_be_visible()
    expect(chips(page).nth(1199)).to_be_in_viewport()
    chips(page).nth(700).scroll_into_view_if_needed()
    before = scrolled.evaluate("e => e.scrollTop")
    chips(page).nth(700).click()
    expect(page.get_by_text("selected 700 ")).to_be_visible()
    assert before > 0
    assert scrolled.evaluate("e => e.scrollTop") == pytest.approx(before, abs=1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("what", ["hostile", "pair"])
def test_nothing_is_amiss_for_axe(open_page, serve, axe, scheme, what):
    page = open_page(f"{serve(APP)}/?show={what}", scheme=scheme)
    chips(page).nth(1).click()
    assert axe(page) == []
    page.locator("input[value=surprise]").first.check(force=True)
    assert axe(page) == []


def test_dark_and_light_have_their_own_colours(open_page, serve):
    light, dark = (open_page(serve(APP), scheme=scheme) for scheme in ("light", "dark"))
    for page in (light, dark):
        chips(page).first.wait_for()
    assert colour(chips(light).nth(1)) != colour(chips(dark).nth(1))
    assert colour(chips(light).nth(4)) != colour(chips(dark).nth(4))


@pytest.mark.parametrize("what", ["cat", "pair", "hostile"])
def test_on_a_phone_nothing_scrolls_sideways_and_every_chip_can_be_hit(open_page, serve, sideways, what):
    page = open_page(f"{serve(APP)}/?show={what}", width=390, height=844)
    chips(page).first.wait_for()
    assert sideways(page) <= 1
    heights = page.evaluate(
        "[...document.querySelectorAll('[data-testid=stBidiComponentIsolated]')].flatMap((host) => "
        "[...host.shadowRoot.querySelectorAll('.chip')].slice(0, 100).map((e) => e.getBoundingClientRect().height))"
    )
    assert min(heights) >= 32
    assert page.locator(".list").first.evaluate("e => e.scrollWidth <= e.clientWidth")


def test_the_browser_writes_numbers_as_python_does(browser):
    chance = random.Random(3)
    values = [0, 1, 0.5, 0.33, 0.9982, 0.9999996, 9.996, 999.7, 0.0009996, 12345.6, 1.78e10, 1e-7]
    values += [chance.choice([-1, 1]) * 10 ** chance.uniform(-8, 12) for _ in range(300)] + [chance.random() for _ in range(200)]
    chances = [x for x in values if 0 <= x <= 1]
    source = (Path(__file__).parents[2] / "lmviz/ui/token_strip.js").read_text(encoding="utf-8")
    page = browser.new_page()
    written = page.evaluate(
        """async ([source, values, chances]) => {
            const strip = await import(URL.createObjectURL(new Blob([source], {type: 'text/javascript'})));
            return [values.map((x) => strip.number(x)), values.map((x) => strip.number(x, 2, true)), chances.map(strip.probability), chances.map(strip.oneIn)];
        }""",
        [source, values, chances],
    )
    page.close()
    floats = [float(x) for x in values]
    assert written[0] == [display.number(x) for x in floats]
    assert written[1] == [display.number(x, 2, sign=True) for x in floats]
    assert written[2] == [display.probability(x) for x in chances]
    assert written[3] == [display.one_in(x) for x in chances]
