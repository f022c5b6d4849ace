"""Small things that every chapter shows."""

from streamlit.testing.v1 import AppTest

from lmviz.models import registry
from lmviz.ui import show


def test_models_of_one_tokenizer_need_no_note():
    assert show.tokenizer_words({"nano": 7, "trigram": 7, "unigram": 7}) == show.tokenizer_words({"nano": 7}) == show.tokenizer_words({}) == ""


def test_where_tokenizers_meet_each_is_named_with_its_count_and_what_compares_is_said():
    words = show.tokenizer_words({"smollm2-135m": 6, "nano": 9, "unigram": 9})
    titles = [registry.row(name).title for name in ("smollm2-135m", "nano", "unigram")]
    assert words.startswith(f"{titles[0]} cuts this text into 6 tokens, {titles[1]} and {titles[2]} cut this text into 9 tokens")
    assert "perplexities per token do not compare" in words and "Bits per byte do" in words


def test_equal_counts_of_different_tokenizers_are_still_different_tokens():
    assert "their tokenizers differ" in show.tokenizer_words({"smollm2-135m": 6, "nano": 6})


def test_the_note_appears_only_where_there_is_something_to_say():
    def page():
        from lmviz.ui import show

        show.tokenizer_note({"nano": 3, "uniform": 3})
        show.tokenizer_note({"nano": 3, "hub:owner/some_model*": 4})

    at = AppTest.from_function(page).run()
    assert not at.exception and len(at.caption) == 1 and "some\\_model\\*" in at.caption[0].value
