"""The line of a page's text under a hit."""

from visual_rag.retrieve.snippet import snippet

FILLER = " ".join(f"filler{n}" for n in range(50))


def test_the_stretch_with_most_words_of_the_question_is_shown() -> None:
    """And says by dots that it is cut out."""
    text = f"The pump. {FILLER} Wiring diagram of the pump motor: {FILLER}"
    shown = snippet(text, "where is the wiring diagram of the pump?")
    assert "Wiring diagram of the pump motor:" in shown
    assert shown.startswith("… ")
    assert shown.endswith(" …")


def test_a_short_text_is_shown_whole() -> None:
    """Nothing is cut, so nothing is dotted."""
    assert snippet("Oil filter, part WD-40-7", "wd-40-7") == "Oil filter, part WD-40-7"


def test_without_text_or_words_there_is_nothing_to_show() -> None:
    """A scan has no text layer; a look-alike is no match."""
    assert snippet("", "pump") == ""
    assert snippet(FILLER, "pump") == ""


def test_a_text_without_spaces_stays_one_short_line() -> None:
    """Whatever a text layer holds."""
    assert len(snippet("pump/" + "x" * 10_000 + " pump " + "x" * 10_000, "pump")) <= 104
