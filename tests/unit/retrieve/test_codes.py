"""Codes in questions: what is one, and where one stands."""

from typing import Any

import pytest

from visual_rag.retrieve.codes import count_codes, find_codes


@pytest.mark.parametrize(
    ("question", "codes"),
    [
        ("what does error E-4021 mean?", ("E-4021",)),
        ("torque for the WD-40-7, and M8x20 bolts", ("WD-40-7", "M8x20")),
        ("part 12-345/7", ("12-345/7",)),
        ("fault P0420.", ("P0420",)),
        ("wiring diagram of the pump in 2018, page 12", ()),
        ("twenty-two well-known pumps", ()),
        ("E\u20114021 with another dash", ("E-4021",)),
        ("a 24V supply, 10mm bolts, the 1st of 3/4, 24-hour service", ()),
        ("from 2019-2020, on 12.05.2019 at 10:30", ()),
        ("", ()),
    ],
)
def test_codes_have_digits_and_letters_or_dashes(question: Any, codes: Any) -> None:
    """Plain words, numbers and years are none."""
    assert find_codes(question) == codes


@pytest.mark.parametrize(
    ("text", "n_found"),
    [
        ("Code e\u20134021: the pump is blocked", 1),
        ("E-4021", 1),
        ("E-40211 is another, so is XE-4021, so is E-4021-B", 0),
        ("(E-4021), E-4021.", 1),
        ("E 4021", 0),
    ],
)
def test_a_code_stands_as_it_is_or_not_at_all(text: Any, n_found: Any) -> None:
    """In any case and with any dash, but not as a part of a longer code."""
    assert count_codes(("E-4021",), text) == n_found


def test_signs_in_codes_are_only_signs() -> None:
    """A dot in a code is no pattern."""
    assert count_codes(("1.5-A",), "1x5-A") == 0
