"""Text in pictures: it fits, and it is readable as far as fonts go."""

import pytest

from visual_rag.retrieve.contact_sheet_text import fit, visible, wrap


def test_text_that_fits_is_left_alone() -> None:
    """Nothing is shortened without need."""
    assert fit("pump.pdf", size=24, width_px=300).text == "pump.pdf"


@pytest.mark.parametrize("width_px", [40, 90, 150, 260, 400])
def test_a_long_name_keeps_its_beginning_and_its_end(width_px: int) -> None:
    """It fits, and loses no more than it must."""
    name = "Operating manual of the centrifugal pump, revision 7.pdf"
    line = fit(name, size=24, width_px=width_px)
    head, _, tail = line.text.partition("…")
    assert line.width_px <= width_px
    assert name.startswith(head)
    assert name.endswith(tail)
    assert line.width_px > width_px - 40


def test_no_width_leaves_the_sign_of_what_is_missing() -> None:
    """There is no width at which it fails."""
    assert fit("pump.pdf", size=24, width_px=1).text == "…"


def test_a_question_breaks_at_spaces() -> None:
    """All words stay, in order."""
    question = "How often must the oil filter of the small pump be replaced in winter?"
    lines = wrap(question, size=24, width_px=300, max_lines=9)
    assert len(lines) > 2
    assert " ".join(line.text for line in lines) == question
    assert all(line.width_px <= 300 for line in lines)


def test_a_very_long_question_ends_on_the_last_line() -> None:
    """And a word without spaces is shortened where it stands."""
    lines = wrap("x" * 300 + " and more words " * 50, size=24, width_px=300, max_lines=2)
    assert len(lines) == 2
    assert all("…" in line.text and line.width_px <= 300 for line in lines)


def test_a_dash_does_not_change_the_font() -> None:
    """The bundled font has no dash; another font for the whole sentence would be worse."""
    plain = fit("a - b", size=24, width_px=300)
    assert fit("a \N{EN DASH} b", size=24, width_px=300) == plain


def test_letters_that_no_font_has_become_question_marks() -> None:
    """It is not an error."""
    assert fit("a\N{CUNEIFORM SIGN A}b", size=24, width_px=300).text == "a?b"


def test_accents_written_apart_are_put_together() -> None:
    """MacOS writes names that way."""
    assert visible("e\u0301te\u0301") == "été"


def test_marks_that_reverse_the_direction_are_left_out() -> None:
    """`report<mark>fdp.exe` would be shown as report exe.pdf."""
    assert visible("report\u202efdp.exe") == "reportfdp.exe"


def test_marks_that_join_letters_stay() -> None:
    """Persian and many emoji need them."""
    assert visible("a\u200cb\u200dc") == "a\u200cb\u200dc"
