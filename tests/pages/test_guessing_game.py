"""Chapter 5 through app.py: what the page says is what the core says, and what is hidden stays hidden."""

import json
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from lmviz import betting, display, guessing, results, units
from lmviz.data.guessing import passage, passages, shannon_1951
from lmviz.data.recorded import guessing as recorded
from lmviz.guessing_play import Play
from lmviz.ui import guess_board, guessing_game, guessing_pool, guessing_words

APP = Path(__file__).parents[2] / "app.py"
PAGE = "pages/reading/guessing_game.py"


def opened(model: str = "nano", unit: str = "bits", **state) -> AppTest:
    at = AppTest.from_file(APP, default_timeout=120)
    at.query_params["model"], at.query_params["unit"] = model, unit
    at.run()
    for name, value in state.items():
        at.session_state[f"guessing_game_{name}"] = value
    at.switch_page(PAGE)
    at.run()
    assert not at.exception
    return at


def board(at) -> dict:
    (data,) = [d for c in at.get("bidi_component") if "cells" in (d := json.loads(c.proto.json))]
    return data


def prose(at) -> str:
    return "\n".join(m.value for m in at.markdown)


@pytest.mark.parametrize("unit", ["bits", "nats"])
def test_the_opening_picture_is_the_models_own_game_with_its_bounds_and_its_loss(unit):
    at = opened("nano", unit)
    game = recorded.game("nano", passages()[0].id)
    assert "".join(c["text"] for c in board(at)["cells"]).replace("·", " ").lower() == passages()[0].text
    assert [int(c["guesses"]) for c in board(at)["cells"]] == list(game.ranks)
    found = guessing.bounds(game.ranks)
    text = prose(at)
    for nats in (found.lower, found.upper, float(np.mean(game.nats))):
        assert display.number(units.to_bits(nats) if unit == "bits" else nats) in text
    assert f"**{game.ranks.count(1)}** at the first guess" in text
    alts = [c.proto.alt for c in at.get("plotly_chart")]
    shannon = guessing.bounds(shannon_1951()[1])
    assert any(display.amount(shannon.upper, unit) in alt for alt in alts)


def test_a_game_being_played_sends_the_browser_nothing_that_is_hidden():
    text = passage("beans").text
    at = opened(play=Play("letters", "beans", 1, guesses=(1, 3, 1), wrong=("x", "q"), turn=7))
    data = board(at)
    assert "".join(c["text"] for c in data["cells"]).replace("·", " ").lower() == text[:3]
    assert data["hidden"] == len(text) - 3 and data["wrong"] == ["x", "q"] and data["playing"]
    everything = " ".join([prose(at), *(c.proto.json for c in at.get("bidi_component")), *(c.proto.alt for c in at.get("plotly_chart"))]).lower()
    assert "plant the beans" not in everything and "beans too early" not in everything


def test_a_finished_game_stands_beside_the_model_on_the_same_letters_and_can_be_handed_on():
    n = 20
    guesses = tuple(1 + (i % 4 == 0) * 2 for i in range(n))
    at = opened(play=Play("letters", "crow", 1, guesses=guesses, turn=40, stopped=True), finished=[results.Result("letters", "crow", guesses)])
    text = prose(at)
    you, them = guessing.bounds(guesses), recorded.game("nano", "crow")
    assert f"**{guesses.count(1)}** of {n} letters at the first guess, nano {them.ranks[:n].count(1)}" in text
    assert display.amount(you.upper, "bits") in text and display.amount(float(np.mean(them.nats[:n])), "bits") in text
    assert any(results.encode(results.Result("letters", "crow", guesses)) in c.value for c in at.code)


def test_pooled_bounds_are_those_of_all_guess_numbers_laid_end_to_end():
    a, b = results.Result("letters", "crow", (1, 2, 3, 1)), results.Result("letters", "beans", (1, 1, 7))
    at = opened(finished=[a], pool=[b])
    found = guessing.bounds(a.guesses + b.guesses)
    said = next(m.value for m in at.markdown if m.value.startswith("**7 letters of 2 games**"))
    assert display.number(units.to_bits(found.lower)) in said and display.amount(found.upper, "bits") in said


def test_codes_are_pasted_into_the_pool_once_and_a_slip_gets_a_sentence():
    at = opened()
    at.session_state["guessing_game_add"] = True
    at.run()
    code = results.encode(results.Result("letters", "crow", (1, 2, 1)))
    at.text_area(key="guessing_game_codes").set_value(f"{code}\n{code}")
    at.button(key="guessing_game_add_codes").click().run()
    assert at.session_state["guessing_game_pool"] == [results.Result("letters", "crow", (1, 2, 1))]
    at.session_state["guessing_game_add"] = True
    at.run()
    at.text_area(key="guessing_game_codes").set_value(code.replace("crow", "beans"))
    at.button(key="guessing_game_add_codes").click().run()
    assert not at.exception and any("slip" in t.value for t in at.text)
    assert len(at.session_state["guessing_game_pool"]) == 1


def test_start_takes_a_passage_that_was_not_played_and_the_shown_one_last():
    at = opened()
    seen = []
    for _ in passages():
        at.button(key="guessing_game_start").click().run()
        play = at.session_state["guessing_game_play"]
        seen.append(play.passage)
        at.session_state["guessing_game_finished"] = [results.Result("letters", id, (1,)) for id in seen]
        at.session_state["guessing_game_play"] = None
        at.run()
    assert sorted(seen) == sorted(p.id for p in passages()) and seen[-1] == passages()[0].id


def test_tokens_are_played_on_the_embedded_tokenizer_with_ten_guesses_each():
    at = opened("smollm2-135m" if "smollm2-135m" in recorded.load() else "nano")
    at.button_group(key="guessing_game_form").set_value("tokens").run()
    assert not at.exception
    played = recorded.game(recorded.best_recorded("smollm2-135m", "tokens"), passages()[0].id, "tokens")
    cells = board(at)["cells"]
    assert "".join(c["text"] for c in cells).replace("·", " ") == passages()[0].text
    assert [c["guesses"] for c in cells] == [str(r) if r <= 10 else ">10" for r in played.ranks]
    at.session_state["guessing_game_play"] = Play("tokens", "crow", 1, guesses=(1, 11, 2), turn=30, stopped=True)
    at.run()
    found = guessing.bounds((1, 11, 2), recorded.game("nano", "crow", "tokens").n_symbols, cap=10)
    assert display.amount(found.upper, "bits") in prose(at)


def test_what_comes_from_the_browser_is_checked():
    valid = {"symbol": "e", "turn": 0, "game": 1}
    assert guess_board.valid_guess(valid, mode="letters", turn=0, game=1) == "e"
    for wrong in (
        None,
        "e",
        [],
        {},
        valid | {"turn": 1},
        valid | {"game": 2},
        valid | {"symbol": "E"},
        valid | {"symbol": "ee"},
        valid | {"symbol": 5},
        valid | {"symbol": "é"},
    ):
        assert guess_board.valid_guess(wrong, mode="letters", turn=0, game=1) is None
    assert guess_board.valid_guess(valid | {"symbol": "x" * 25}, mode="tokens", turn=0, game=1) is None


def chips(at, values) -> None:
    for k, value in enumerate(values):
        at.number_input(key=f"guessing_game_chips_0_{k}").set_value(value)
    at.run()
    assert not at.exception


def test_the_table_of_bets_shows_the_expected_pay_of_the_readers_chips():
    at = opened()
    place = recorded.places("nano")[0]
    chips(at, [30, 20, 10, 5, 5])
    bet = np.array([30, 20, 10, 5, 5, 30]) / 100
    (table,) = [m.value for m in at.markdown if m.value.startswith("| expected pay")]
    rows = {line.split("**")[1]: [c.strip() for c in line.split("|")[2:5]] for line in table.splitlines()[2:]}
    for name, score in (("log score", "log"), ("Brier score", "brier"), ("accuracy", "accuracy"), ("linear score", "linear")):
        worth = [betting.expected(score, bet, place.probs), betting.expected(score, place.probs, place.probs), betting.best_expected(score, place.probs)]
        shown = [display.amount(w, "bits") if score == "log" else display.number(w) for w in worth]
        assert rows[name] == shown


def test_too_many_chips_get_a_sentence_and_presets_place_a_hundred():
    at = opened()
    chips(at, [100, 100, 0, 0, 0])
    assert "You have placed 200 chips; there are 100" in prose(at)
    at.button(key="guessing_game_preset_Honest").click().run()
    placed = [at.number_input(key=f"guessing_game_chips_0_{k}").value for k in range(5)]
    assert placed == betting.honest_chips(recorded.places("nano")[0].probs)[:5].tolist()


def test_the_prediction_is_answered_by_the_recorded_games():
    _, options, answer, because, _ = guessing_words.prediction("nano")
    means = []
    for kind in options:
        ranks = []
        for p in passages():
            words = f" {p.text}"
            for i, rank in enumerate(recorded.game("nano", p.id).ranks):
                here, before = words[i + 1], words[i]
                if kind == ("the space after a word" if here == " " else "the first letter of a word" if before == " " else "a later letter of a word"):
                    ranks.append(rank)
        means.append(sum(ranks) / len(ranks))
    assert answer == int(np.argmax(means)) and all(display.number(m) in because for m in means)


def test_the_snippet_prints_the_numbers_of_the_opening_picture(capsys):
    exec(guessing_words.snippet("nano"), {})
    first, second = capsys.readouterr().out.strip().splitlines()
    game = recorded.game("nano", passages()[0].id)
    assert first.startswith(f"{game.ranks.count(1)} of {len(game.ranks)}")
    found = guessing.bounds(game.ranks)
    assert [float(x) for x in second.split()] == pytest.approx([units.to_bits(x) for x in (found.lower, found.upper, float(np.mean(game.nats)))], rel=1e-3)


def test_a_link_of_results_is_read_back_by_the_page_that_made_it():
    found = [results.Result("letters", "crow", (1, 2, 1)), results.Result("tokens", "beans", (11, 1))]
    assert results.find_codes(guessing_pool.link(found), guessing_game.length) == found
