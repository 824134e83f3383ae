"""How text is cut into words, for questions and pages alike."""

import numpy as np
import pytest

from visual_rag.embed.spotter_words import (
    MAX_CHARACTERS,
    PADDING_ID,
    UNKNOWN_ID,
    content_words,
    encode_words,
    split_words,
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Replace the filter.", ["replace", "the", "filter"]),
        ("single-stage and/or", ["single", "stage", "and", "or"]),
        ("error E-4021, WD-40-7!", ["error", "e-4021", "wd-40-7"]),
        ("“quoted” (bracketed) [x]", ["quoted", "bracketed", "x"]),
        ("3.5 mm at 120°C", ["3.5", "mm", "at", "120°c"]),
        ("oil–water 1990–2001", ["oil", "water", "1990-2001"]),
        ("ﬁlter Ｏil", ["filter", "oil"]),
        (" — ... ", []),
        ("", []),
    ],
)
def test_text_is_cut_into_normalised_words(text: str, words: list[str]) -> None:
    """Case, compatibility forms and outer punctuation go; codes stay whole; compounds of plain words are cut."""
    assert split_words(text) == words


def test_words_that_only_make_it_a_question_are_left_out() -> None:
    """What remains is what the page should show, each word once."""
    assert content_words("Where is the oil filter, and which oil?") == ["oil", "filter"]


def test_a_question_of_function_words_keeps_them_all() -> None:
    """Better to look for "who is who" than for nothing."""
    assert content_words("Who is it?") == ["who", "is", "it"]


def test_encoding_pads_truncates_and_marks_unknown_symbols() -> None:
    """Rows are as wide as the model's longest word; a symbol outside the alphabet has its own id."""
    symbols, lengths = encode_words(["ab", "x" * 40, "漢"])
    assert symbols.shape == (3, MAX_CHARACTERS)
    assert lengths.tolist() == [2, MAX_CHARACTERS, 1]
    assert np.all(symbols[0, 2:] == PADDING_ID)
    assert symbols[2, 0] == UNKNOWN_ID
    assert symbols[0, 0] != symbols[0, 1]
