"""Part numbers and error codes in a question, and whether a text holds them letter by letter.

>>> find_codes("what does error E-4021 mean on the WD-40-7, 2018 edition?")
('E-4021', 'WD-40-7')
>>> count_codes(("E-4021",), "Code e–4021: pump blocked. E-40212 is another.")
1
"""

import re
from collections.abc import Sequence

_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-") | {"\u00ad": None})
_CANDIDATE = re.compile(r"[^\W_]+(?:[-./_:][^\W_]+)*")
_MEASURE = re.compile(r"[0-9]+([.,][0-9]+)?-?[^\W\d_]+")  # 24V, 10mm, 1st, 24-hour; 172S is lost with them
_RANGE = re.compile(r"[0-9]{1,4}[-./:][0-9]{1,4}([-./:][0-9]{2,4})?")  # 2019-2020, 3/4, 12.05.2019, 10:30
_MOST_CODES = 8


def find_codes(question: str) -> tuple[str, ...]:
    """Pick out what looks like a code: it holds a digit, and a letter or a dash; plain numbers and years are none.

    Args:
        question: Plain words.

    Returns:
        At most eight, in order, each once. Measures, ordinals, dates and ranges are none.
    """
    found = (match.group() for match in _CANDIDATE.finditer(question.translate(_DASHES)))
    return tuple(dict.fromkeys(filter(_is_code, found)))[:_MOST_CODES]


def count_codes(codes: Sequence[str], text: str) -> int:
    """Count how many of the codes stand in a text as they are, in any case, dashes of any kind, not inside another."""
    plain = text.translate(_DASHES).casefold()
    return sum(_stands_in(code.casefold(), plain) for code in codes)


def _is_code(word: str) -> bool:
    if _MEASURE.fullmatch(word) or _RANGE.fullmatch(word):
        return False
    has_digit = any(character.isdigit() for character in word)
    has_letter = any(character.isalpha() for character in word)
    return has_digit and len(word) > 2 and (has_letter or "-" in word)


def _stands_in(code: str, text: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(code)}(?![\w-])", text) is not None
