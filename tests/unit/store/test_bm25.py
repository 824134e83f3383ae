"""Text as sparse vectors: what counts as a word, in which language, and that no text breaks it."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visual_rag.errors import InvalidInput
from visual_rag.store.bm25 import LANGUAGES, SparseText, TextAnalyser

ENGLISH = TextAnalyser("english")


def words(text: str, analyser: TextAnalyser = ENGLISH) -> set[int]:
    """The words of a page's text."""
    found = analyser.document(text)
    return set(found.indices) if found else set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_cuts_documents_and_questions_alike(language: str) -> None:
    """Whatever it makes of a word, it makes the same of both."""
    analyser = TextAnalyser(language)
    question = analyser.query("hydraulic pump")
    assert question is not None
    assert set(question.indices) == words("Hydraulic PUMP", analyser)
    assert question.values == [1.0] * len(question.indices)


def test_an_unknown_language_is_refused() -> None:
    """With those that there are."""
    with pytest.raises(InvalidInput, match=r"'klingon' is unknown; use one of none, arabic, .*english"):
        TextAnalyser("klingon")


def test_english_drops_endings_and_stop_words_and_mixed_corpora_keep_them() -> None:
    """A question in another form finds the page."""
    assert words("the pumps were pumping") == words("pump")
    assert len(words("the pumps pumping", TextAnalyser("none"))) == 3


@pytest.mark.parametrize("language", ["chinese", "japanese"])
def test_languages_without_spaces_are_cut_into_words(language: str) -> None:
    """A word is found within a run of characters."""
    analyser = TextAnalyser(language)
    assert words("\u5317\u4eac", analyser) < words("\u6211\u6765\u5230\u5317\u4eac\u6e05\u534e\u5927\u5b66", analyser)


def test_one_letter_has_one_form() -> None:
    """Ligatures and combining accents of text layers meet what people type."""
    assert words("\ufb01lter") == words("filter")
    assert words(unicodedata.normalize("NFD", "th\u00e9 Gr\u00f6\u00dfe")) == words("th\u00e9 Gr\u00f6\u00dfe")


@pytest.mark.parametrize("text", ["", "  \n", "the", "?!"])
def test_without_a_word_that_counts_there_is_no_vector(text: str) -> None:
    """For pages and questions alike."""
    assert ENGLISH.document(text) is None
    assert ENGLISH.query(text) is None


def test_a_huge_text_is_cut_as_any_other() -> None:
    """A million characters, as one word or as many."""
    assert len(words("x" * 1_000_000)) == 1
    assert words("pump " * 200_000) == words("pump")


def test_frequent_words_weigh_more_and_ever_less_so() -> None:
    """Term frequency saturates below k + 1 = 2.2."""
    once, often, always = (ENGLISH.document("pump " * n + "filler " * (100 - n)) for n in (1, 10, 100))
    weights = [text.values[text.indices.index(*words("pump"))] for text in (once, often, always) if text]
    assert weights == sorted(weights)
    assert 0 < weights[0] < weights[2] < 2.2


@given(st.text())
def test_any_text_gives_distinct_indices_and_positive_values(text: str) -> None:
    """Lone surrogates and control characters included."""
    found = ENGLISH.document(text)
    if found is not None:
        assert isinstance(found, SparseText)
        assert len(set(found.indices)) == len(found.indices) == len(found.values)
        assert min(found.values) > 0
