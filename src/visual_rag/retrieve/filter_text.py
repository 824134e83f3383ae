"""The text of a filter before Python reads it: signs that mean something else there, and how a place is shown.

Python would drop a comment, glue "a" "b" together, read new lines in a Windows path and bind `&` tighter than `==`, all
in silence; in a filter nothing is ever ignored.
"""

import re

from visual_rag.errors import InvalidFilter

LEGAL = (
    'legal are comparisons such as year >= 2023, 2020 <= year <= 2023, language in ["en", "de"], "part" in title, '
    'draft == true, made is null; has_words(text, "some words"), contains(title, "part"), is_empty(x), is_null(x); '
    "all combined by and, or, not and brackets"
)
_TEXT = re.compile(r"""'(?:[^'\\\n\r]|\\.)*'|"(?:[^"\\\n\r]|\\.)*\"""")
_BAD_CHARACTER = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_ODD_BACKSLASH = re.compile(r"""(?:[^\\]|\\[\\'"])*(\\)(?![\\'"])""")
# Over the text with every quoted text masked: \x01 for its first character, \x00 for the others.
_ODD_SIGNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"['\"]"), "a text begins here and does not end"),
    (re.compile(r"\w(?=\x01)"), "between a word and a text stands a space or a sign"),
    (re.compile(r"(?<=\x00)\w"), "between a text and a word stands a space or a sign"),
    (re.compile(r"(?<=\x00)(?=\s*\x01)"), "two texts stand side by side; put a comma between them"),
    (re.compile(r"(?<=\d)(?:and|or|in|is|not|if|else)\b"), "between a number and a word stands a space"),
    (re.compile(r"(?<![=!<>:])=(?!=)|==="), "use == instead of ="),
    (re.compile(r"&"), "use and instead of &"),
    (re.compile(r"\|"), "use or instead of |"),
    (re.compile(r"<>"), "use != instead of <>"),
    (re.compile(r"~|!(?!=)"), "use not instead of ~ or !"),
    (re.compile(r"\\"), "a backslash stands only in a text"),
    (re.compile(r"#"), "there are no comments; # stands only in a text"),
)
_SHOWN = 60  # characters on either side of the place


def check_signs(text: str) -> str:
    """Refuse signs that Python reads otherwise than a user means them.

    Returns:
        The text as one line without space around it.

    Raises:
        InvalidFilter: With the place and what to write instead.
    """
    _refuse_found(_BAD_CHARACTER, text, text, "this character stands in no filter")
    for quoted in _TEXT.finditer(text):
        odd = _ODD_BACKSLASH.match(quoted[0][1:-1])
        if odd:
            raise InvalidFilter(
                marked(text, quoted.start() + 1 + odd.start(1), "a backslash in a text is written twice")
            )
    masked = _TEXT.sub(lambda quoted: "\x01" + "\x00" * (len(quoted[0]) - 1), text)
    for sign, what in _ODD_SIGNS:
        _refuse_found(sign, masked, text, what)
    if not masked.strip():
        raise InvalidFilter(marked(text, 0, "the filter is empty"))
    return "".join(" " if mask.isspace() else shown for mask, shown in zip(masked, text, strict=True)).strip()


def marked(line: str, offset: int, what: str) -> str:
    """Say what is wrong, show the place by a caret under it, and say what is legal."""
    start = max(0, offset - _SHOWN)
    shown = re.sub(r"\s", " ", line[start : offset + _SHOWN].encode(errors="replace").decode())
    return f"{what}\n    {shown}\n    {' ' * (offset - start)}^\n{LEGAL}"


def _refuse_found(sign: re.Pattern[str], searched: str, text: str, what: str) -> None:
    found = sign.search(searched)
    if found:
        raise InvalidFilter(marked(text, found.start(), what))
