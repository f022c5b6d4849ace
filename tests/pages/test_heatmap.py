"""Chapter 2 in the app, against the core."""

import json
import math

import numpy as np
import pytest

from lmviz import compare, display, landing, models, units
from lmviz.data import examples
from lmviz.figures import concentration
from lmviz.models import scoring
from lmviz.ui import heatmap, heatmap_compare, heatmap_files, scores
from tests.pages.conftest import figures_of, open_chapter, words_of

pytestmark = pytest.mark.smollm2
HOSTILE = "A <b>bold</b> :red[word] costs $x$ *more* ![than](https://example.org/a.png) 😀."


@pytest.fixture
def chapter():
    return open_chapter("pages/reading/heatmap.py")


def strips_of(at) -> list[dict]:
    return [json.loads(part.proto.json) for part in at.get("bidi_component") if "measures" in part.proto.json]


def numbers(column) -> list[float]:
    """A list of Plotly's, which may be packed."""
    import base64

    return np.frombuffer(base64.b64decode(column["bdata"]), dtype=column["dtype"]).tolist() if isinstance(column, dict) else column


def test_the_page_says_where_the_opening_example_costs_most(chapter, smollm2):
    scored = scoring.score(smollm2, examples.OPENING)
    place = int(np.argmax(scored.losses))
    shown = words_of(chapter)
    assert scored.tokens[place].text == " cat" and "·cat" in shown
    assert display.amount(scored.losses[place], "bits") in shown
    assert concentration.percent(scored.losses.max() / scored.losses.sum()) in shown  # one token is the costliest tenth of six


def test_the_line_under_the_strip_is_the_loss_with_the_entropy_in_bits(chapter, smollm2):
    scored = scoring.score(smollm2, examples.OPENING)
    loss, entropy = figures_of(chapter)[0]["data"][:2]
    np.testing.assert_allclose(numbers(loss["y"]), units.to_bits(scored.losses), atol=1e-4)
    np.testing.assert_allclose(numbers(entropy["y"]), units.to_bits(scored.entropies), atol=1e-4)


def test_the_strip_can_be_coloured_by_all_five_measures(chapter):
    assert list(strips_of(chapter)[0]["measures"]) == ["loss", "probability", "rank", "entropy", "surprise"]


def test_choosing_in_the_list_of_the_costliest_selects_in_the_strip_and_in_the_curve(chapter, smollm2):
    losses = scoring.score(smollm2, examples.OPENING).losses
    order = landing.costliest(losses, 8)
    listed = chapter.radio(key="heatmap_costliest_tokens")
    assert all(option.endswith(display.amount(losses[i], "bits")) for option, i in zip(listed.options, order, strict=True))
    listed.set_value(order[2]).run()
    assert not chapter.exception
    assert strips_of(chapter)[0]["selected"] == order[2]
    assert numbers(figures_of(chapter)[0]["data"][2]["x"]) == [order[2] + 1]


def test_next_costliest_goes_down_the_order_and_round(chapter, smollm2):
    order = landing.costliest(scoring.score(smollm2, examples.OPENING).losses, 8)
    for expected in [*order[1:], order[0]]:
        chapter.button(key="heatmap_next").click().run()
        assert strips_of(chapter)[0]["selected"] == expected


def test_the_costliest_words_are_sums_over_their_tokens(chapter, smollm2):
    text = "The beekeeper Anastasia Featherstonehaugh whistled."
    chapter.text_area(key="text").set_value(text).run()
    chapter.button_group(key="heatmap_by").set_value("words").run()
    scored = scoring.score(smollm2, text)
    first, end, nats = landing.costliest_words([t.text for t in scored.tokens], scored.losses, 1)[0]
    assert end - first > 1
    option = chapter.radio(key="heatmap_costliest_words").options[0]
    assert display.amount(nats, "bits") in option
    assert math.isclose(nats, scored.losses[first:end].sum())


def test_two_texts_are_set_side_by_side_at_once_and_the_difference_is_theirs(chapter, smollm2):
    a, b = scoring.score(smollm2, examples.OPENING), scoring.score(smollm2, compare.OTHER_ORDER)
    _, first, second = strips_of(chapter)
    assert len(first["tokens"]) == len(a) and len(second["tokens"]) == len(b)
    assert first["limits"] == second["limits"]
    assert f"{display.amount(b.total_nats - a.total_nats, 'bits')} more" in words_of(chapter)
    bars = figures_of(chapter)[3]["data"]
    drawn = sum(sum(numbers(bar["y"])) for bar in bars)
    assert math.isclose(drawn, units.to_bits(b.total_nats - a.total_nats), abs_tol=1e-3)


def test_selecting_on_one_side_selects_the_same_place_on_the_other(chapter):
    chapter.session_state["token"] = 3
    chapter.run()
    assert [strip["selected"] for strip in strips_of(chapter)] == [3, 3, 3]


def test_the_second_texts_kept_first_view_is_what_a_fresh_run_gives(smollm2):
    kept, fresh = scores.first_view("heatmap-smollm2-135m"), scoring.score(smollm2, compare.OTHER_ORDER)
    assert kept.text == fresh.text and kept.tokens == fresh.tokens
    for column in ("log_probs", "entropies", "tail_log_prob"):
        np.testing.assert_allclose(getattr(kept, column), getattr(fresh, column), atol=1e-4)


def test_another_first_text_leaves_the_second_to_the_reader(chapter):
    chapter.text_area(key="text").set_value("A dog ran off").run()
    assert chapter.text_area(key="heatmap_other").value == "" and len(strips_of(chapter)) == 1
    chapter.button(key="heatmap_variant_CAPITALS").click().run()
    assert not chapter.exception
    assert chapter.text_area(key="heatmap_other").value == "A DOG RAN OFF" and len(strips_of(chapter)) == 3


def test_an_uploaded_file_becomes_the_readers_text(chapter):
    chapter.file_uploader(key="heatmap_upload").set_value(("tale.md", b"Once upon\r\na time", "text/markdown")).run()
    assert not chapter.exception
    assert chapter.text_area(key="text").value == "Once upon\na time"
    assert sum(len("".join(pieces)) for pieces in strips_of(chapter)[0]["tokens"]) == len("Once upon\na time")


def test_a_file_that_is_no_text_leaves_a_sentence_and_the_text(chapter):
    chapter.file_uploader(key="heatmap_upload").set_value(("noise.txt", b"\x00\x01\x02" * 50, "text/plain")).run()
    assert not chapter.exception
    assert any("“noise.txt” is not text" in element.value for element in chapter.text)
    assert chapter.text_area(key="text").value == examples.OPENING
    chapter.run()
    assert not any("noise.txt" in element.value for element in chapter.text)


def test_a_file_longer_than_the_box_is_cut_and_says_so(chapter, monkeypatch):
    monkeypatch.setattr(heatmap_files, "TYPED", 500)
    monkeypatch.setenv("LMVIZ_MAX_CHARACTERS", "120")
    chapter.file_uploader(key="heatmap_upload").set_value(("long.txt", b"again and " * 90, "text/plain")).run()
    said = " ".join(element.value for element in chapter.info)
    assert "The file has 900 characters; the first 500 are in the text box" in said
    assert "That text has 500 characters; the first 120 are read" in said


def test_markup_in_the_text_stays_text(chapter):
    chapter.text_area(key="text").set_value(HOSTILE).run()
    chapter.button(key="heatmap_variant_lower case").click().run()
    assert not chapter.exception
    listed = chapter.radio(key="heatmap_costliest_tokens")
    shown = words_of(chapter) + "".join(listed.options) + "".join(listed.proto.captions)
    for raw in ("<b>", ":red[", "$x$", "![than](", " *more* "):
        assert raw not in shown


def test_the_unit_changes_every_number(chapter, smollm2):
    chapter.button_group(key="unit").set_value("nats").run()
    scored = scoring.score(smollm2, examples.OPENING)
    shown = words_of(chapter)
    assert display.amount(scored.losses[1], "nats") in shown and " bits**" not in shown
    np.testing.assert_allclose(numbers(figures_of(chapter)[0]["data"][0]["y"]), scored.losses, atol=1e-4)


def test_the_prediction_is_answered_by_this_texts_own_sums(chapter, smollm2):
    scored = scoring.score(smollm2, examples.OPENING)
    ratio = scored.losses.sum() / scored.entropies.sum()
    right = 0 if ratio < 0.95 else 1 if ratio <= 1.05 else 2
    chapter.radio(key="heatmap_predict").set_value(right).run()
    assert "**Yes.**" in words_of(chapter) and f"{display.number(ratio)} times as much" in words_of(chapter)


def test_the_snippet_runs_and_reproduces_the_numbers(smollm2, capsys):
    scored = scoring.score(smollm2, examples.OPENING)
    exec(heatmap.snippet(scored), {})
    lines = capsys.readouterr().out.splitlines()
    token, loss = lines[0].rsplit(" ", 1)
    assert token == " cat" and math.isclose(float(loss), scored.losses[1], abs_tol=1e-5)
    assert math.isclose(float(lines[1]), scored.losses[1] / scored.total_nats, abs_tol=1e-5)
    assert math.isclose(float(lines[2]), scored.losses[1] - scored.entropies[1], abs_tol=1e-5)
    assert lines[3].split(",")[:2] == ['"index"', '"word"']


def test_the_snippet_for_a_long_text_reads_it_from_a_file(smollm2, capsys, tmp_path, monkeypatch):
    text = "Pull “and” rest,\nthen pull again. " * 15
    scored = scoring.score(smollm2, text)
    (tmp_path / "text.txt").write_text(text, encoding="utf-8", newline="")
    monkeypatch.chdir(tmp_path)
    exec(heatmap.snippet(scored), {})
    assert math.isclose(float(capsys.readouterr().out.splitlines()[1]), landing.share_of_costliest(scored.losses), abs_tol=1e-4)


@pytest.mark.parametrize("name", [name for name in models.names() if name != "smollm2-135m"][:2])
def test_another_model_reads_the_same_bytes(name, smollm2):
    text = "The lighthouse keeper whistled 😀, naïvely."
    a, b = scoring.score(smollm2, text), scoring.score(models.load(name), text)
    spans = compare.align(a, b)
    assert "".join(span.a_text for span in spans) == text and all(span.same for span in spans)
    assert math.isclose(math.fsum(s.a_nats for s in spans), a.total_nats) and math.isclose(math.fsum(s.b_nats for s in spans), b.total_nats)
    said = heatmap_compare.verdict(a, b, spans, ("SmolLM2", name), "bits")
    assert display.amount(abs(b.total_nats - a.total_nats), "bits") in said


@pytest.mark.parametrize("text", ["x", "😀", "日本語の文", " ", "a\n\n\nb", "aaaa " * 60])
def test_a_text_beside_itself_in_capitals_or_reversed_is_never_a_traceback(text, smollm2):
    scored = scoring.score(smollm2, text)
    for other in heatmap_compare.variants(text).values():
        if other.strip():
            b = scoring.score(smollm2, other)
            spans = compare.align(scored, b)
            assert heatmap_compare.verdict(scored, b, spans, ("a", "b"), "nats")
            assert heatmap_compare.differences_alt(spans, ("a", "b"), "nats")
    assert heatmap.answer(scored, "bits") and heatmap.pieces(scored, "bits") and heatmap.concentrated(scored, "bits")


def test_a_model_that_knows_nothing_has_no_first_choice_and_no_surprise_beyond_expectation(smollm2):
    scored = scoring.score(models.load("uniform"), examples.OPENING)
    assert "share first place" in heatmap.concentrated(scored, "bits")
    assert "just what it expected to pay" in heatmap.here(scored, 0, "bits")
    other = scoring.score(models.load("uniform"), compare.OTHER_ORDER)
    said = heatmap_compare.verdict(scored, other, compare.align(scored, other), ("a", "b"), "bits")
    assert "cost the same" in said and "widest gap" not in said
