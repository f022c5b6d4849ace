"""Chapter 5 in a real Chromium: a game played to its end with the keyboard, on a phone by tapping, and a link that brings results."""

import re

import pytest
from playwright.sync_api import expect

from lmviz import display, guessing, results, units
from lmviz.data.guessing import passages
from lmviz.data.recorded import guessing as recorded

TEXT = passages()[1].text  # what a new reader is given first
MISSES = {0: "qz", 6: "x", 20: " jq", len(TEXT) - 1: "vw"}  # before which letters this reader misses, and how


@pytest.fixture(scope="module")
def book(serve):
    return serve("app.py")


@pytest.fixture
def begin(book, open_page):
    def start(**options):
        page = open_page(f"{book}/guessing_game?model=nano", **options)
        page.locator(".board .cell").first.wait_for(timeout=60_000)
        page.get_by_role("button", name="Play it yourself").click()
        expect(page.get_by_role("application")).to_be_focused(timeout=60_000)
        return page

    return start


def found(page):
    return page.locator(".board .cell:not(.next):not(.blank)")


def press(page, symbol: str):
    page.keyboard.press("Space" if symbol == " " else symbol)


def test_a_passage_is_guessed_to_its_end_with_the_keyboard_and_gives_shannons_bounds(begin):
    page = begin()
    guesses = []
    for i, letter in enumerate(TEXT):
        misses = [c for c in MISSES.get(i, "") if c != letter]
        for miss in misses:
            press(page, miss)
            expect(page.locator(f'.key[data-letter="{miss}"]')).to_have_class(re.compile(r"\bout\b"), timeout=30_000)
        press(page, letter)  # what is right is typed ahead, as a quick typist would
        guesses.append(len(misses) + 1)
        if misses or i % 12 == 11 or i + 1 in MISSES:
            expect(found(page)).to_have_count(i + 1, timeout=60_000)
    bounds = guessing.bounds(guesses)
    page.get_by_text(f"You found {guesses.count(1)} of {len(TEXT)} letters at the first guess").wait_for(timeout=60_000)
    page.get_by_text(f"{display.number(units.to_bits(bounds.lower))} and {display.amount(bounds.upper, 'bits')} a letter").first.wait_for()
    shown = page.locator(".board .cell .guesses").all_inner_texts()
    assert [int(n) for n in shown] == guesses
    assert "".join(page.locator(".board .cell .text").all_inner_texts()).replace("·", " ").lower() == TEXT
    code = results.encode(results.Result("letters", passages()[1].id, tuple(guesses)))
    page.get_by_text(code).first.wait_for(timeout=60_000)


LISTEN = """() => {
    const { get } = Object.getOwnPropertyDescriptor(MessageEvent.prototype, 'data');
    window.heard = '';
    Object.defineProperty(MessageEvent.prototype, 'data', { get() {
        const data = get.call(this);
        if (data instanceof ArrayBuffer) window.heard += new TextDecoder().decode(data).toLowerCase();
        return data;
    } });
}"""


def test_what_is_hidden_never_reaches_the_browser(begin):
    page = begin()
    page.evaluate(LISTEN)  # to all that the server sends from here on
    for n, letter in enumerate(TEXT[:2], 1):
        press(page, letter)
        expect(found(page)).to_have_count(n, timeout=60_000)
    heard = page.evaluate("() => window.heard")
    assert f"{TEXT[1]} is right, at guess 1" in heard  # it can be read, so that the next lines say something
    assert TEXT[:9] not in heard and " roof of " not in heard
    assert TEXT[:9] not in page.content().lower()


def test_a_miss_forgets_what_was_typed_ahead_and_a_second_try_costs_nothing(begin):
    page = begin()
    for symbol in ("q", "q", TEXT[0], TEXT[1]):  # the letters after a miss were meant for places that are not reached
        press(page, symbol)
    expect(page.locator('.key[data-letter="q"]')).to_have_class(re.compile(r"\bout\b"), timeout=30_000)
    press(page, "q")
    press(page, TEXT[0])
    expect(found(page)).to_have_count(1, timeout=30_000)
    assert found(page).first.locator(".guesses").inner_text() == "2"
    expect(page.get_by_role("status").filter(has_text="is right, at guess 2")).to_have_count(1)


def test_on_a_phone_letters_are_tapped_and_the_board_is_accessible(begin, axe, sideways, settled):
    page = begin(width=390, height=800, has_touch=True)
    for letter in TEXT[:3]:
        page.locator(f'.key[data-letter="{letter}"]').tap()
    expect(found(page)).to_have_count(3, timeout=60_000)
    settled(page)  # what is being drawn anew is pale
    page.wait_for_timeout(800)
    assert sideways(page) <= 1
    assert axe(page) == []
    sizes = page.locator(".key").evaluate_all("keys => keys.map(k => Math.min(k.getBoundingClientRect().width, k.getBoundingClientRect().height))")
    assert min(sizes) >= 24
    page.get_by_role("button", name="Stop here").click()
    page.get_by_text("You found 3 of 3 letters at the first guess").wait_for(timeout=60_000)
    settled(page)
    page.wait_for_timeout(800)
    assert axe(page) == []


def test_tokens_are_typed_into_a_field_and_found_without_their_space(begin):
    page = begin()
    page.get_by_role("radio", name="Tokens").click()
    page.get_by_role("button", name="Play it yourself").click(timeout=60_000)
    field = page.get_by_role("textbox", name="The next token")
    expect(field).to_be_focused(timeout=60_000)
    field.fill("zebra")
    field.press("Enter")
    page.get_by_text("Not:").wait_for(timeout=30_000)
    first = recorded.game("nano", passages()[1].id, "tokens").symbols[0]
    field.fill(f" {first.strip().capitalize()} ")
    field.press("Enter")
    expect(found(page)).to_have_count(1, timeout=30_000)


def test_a_link_brings_the_results_of_others_once(book, open_page):
    codes = [results.encode(results.Result("letters", "crow", (1, 2, 3, 1))), results.encode(results.Result("letters", "beans", (1, 1, 7)))]
    page = open_page(f"{book}/guessing_game#results={'.'.join(codes)}")
    page.get_by_text("7 letters of 2 games").wait_for(timeout=60_000)
    assert "#" not in page.url


def test_a_csv_that_was_saved_is_read_back_and_any_other_file_gets_a_sentence(book, open_page, tmp_path):
    page = open_page(f"{book}/guessing_game")
    file = tmp_path / "class.csv"
    for text, answer in (
        (results.to_csv([results.Result("letters", "crow", (1, 4, 1))]), "3 letters of 1 game"),
        ("name,score\n", "The first line of the file must be"),
    ):
        file.write_text(text, encoding="utf-8")
        page.get_by_role("button", name="Add results of others").click(timeout=60_000)
        page.locator('input[type="file"]').set_input_files(file, timeout=60_000)
        page.get_by_text(answer).first.wait_for(timeout=60_000)
        page.keyboard.press("Escape")
