"""Setting text in a picture so that it fits and can be read.

Pillow ships one font (a cut of Aileron) with English letters only. Text that it lacks letters for is set in a font of
this machine that has them, if there is one; what no font has becomes "?". Nothing here fails for want of a font.

    line = fit("Pump manual, final version.pdf", size=24, width_px=180)
    draw.text((0, 0), line.text, font=line.font, fill="black")
"""

import unicodedata
from functools import lru_cache
from typing import NamedTuple

from PIL import ImageFont

_ELLIPSIS = "…"
_UNKNOWN = "?"
_NO_CHARACTER = "\uffff"  # Unicode keeps it free for ever: every font draws its sign for "I have no such letter"
_JOINERS = "\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}"
_MAX_CHARACTERS = 1000  # more are never seen, and would be measured again and again
_INSTALLED_FONTS = (
    "NotoSans-Regular.ttf",
    "DejaVuSans.ttf",
    "Arial Unicode.ttf",
    "arial.ttf",
    "NotoSansCJK-Regular.ttc",
    "NotoSansArabic-Regular.ttf",
    "NotoSansHebrew-Regular.ttf",
    "NotoSansDevanagari-Regular.ttf",
    "NotoSansThai-Regular.ttf",
    "msyh.ttc",
    "PingFang.ttc",
)
# So that a dash in an English sentence does not change the font of the sentence.
_PLAIN = str.maketrans(
    {
        "\N{EN DASH}": "-",
        "\N{EM DASH}": "-",
        "\N{MINUS SIGN}": "-",
        "\N{HYPHEN}": "-",
        "\N{NON-BREAKING HYPHEN}": "-",
        "\N{MULTIPLICATION SIGN}": "x",
        "\N{BULLET}": "·",
    }
)


class Line(NamedTuple):
    """Text that its font can draw."""

    text: str
    font: ImageFont.FreeTypeFont

    @property
    def width_px(self) -> float:
        """How wide it is drawn."""
        return self.font.getlength(self.text)


def fit(text: str, *, size: int, width_px: float) -> Line:
    """Set text on one line; a longer text loses its middle, for names begin and end with what tells them apart."""
    line = _drawable(text, size)
    if line.width_px <= width_px:
        return line
    kept, too_many = 0, len(line.text)
    while too_many - kept > 1:
        n_characters = (kept + too_many) // 2
        if line.font.getlength(_without_middle(line.text, n_characters)) <= width_px:
            kept = n_characters
        else:
            too_many = n_characters
    return Line(_without_middle(line.text, kept), line.font)


def wrap(text: str, *, size: int, width_px: float, max_lines: int) -> list[Line]:
    """Set text on several lines, broken at spaces; what is left over loses its middle on the last line."""
    line = _drawable(text, size)
    words = line.text.split(" ")
    lines: list[Line] = []
    while words and len(lines) < max_lines - 1:
        n_words = 1
        while n_words < len(words) and line.font.getlength(" ".join(words[: n_words + 1])) <= width_px:
            n_words += 1
        lines.append(fit(" ".join(words[:n_words]), size=size, width_px=width_px))
        words = words[n_words:]
    if words:
        lines.append(fit(" ".join(words), size=size, width_px=width_px))
    return lines


def _without_middle(text: str, n_characters: int) -> str:
    """Keep that many characters of both ends together, one more in front."""
    n_tail = n_characters // 2
    return text[: n_characters - n_tail].rstrip() + _ELLIPSIS + (text[-n_tail:].lstrip() if n_tail else "")


def visible(text: str) -> str:
    """Leave out what cannot be seen: control characters, halves of characters, and marks that reverse the direction.

    Such marks can make one name look like another. Those that join letters stay.
    """
    joined = " ".join(unicodedata.normalize("NFC", text).split())
    return "".join(
        letter for letter in joined if letter in _JOINERS or not unicodedata.category(letter).startswith("C")
    )


def _drawable(text: str, size: int) -> Line:
    """Choose the font that has most of the text's letters, and replace those that it lacks."""
    clean = visible(text[:_MAX_CHARACTERS]).translate(_PLAIN)
    letters = frozenset(clean)
    best, best_missing = "", _missing("", letters)
    for name in _INSTALLED_FONTS if best_missing else ():
        missing = _missing(name, letters)
        if len(missing) < len(best_missing):
            best, best_missing = name, missing
        if not best_missing:
            break
    drawn = "".join(_replacement(best, letter) if letter in best_missing else letter for letter in clean)
    return Line(drawn, _font(best, size))


def _replacement(font_name: str, letter: str) -> str:
    """Leave out the accent where that helps: é becomes e."""
    if letter in _JOINERS or unicodedata.combining(letter):
        return ""
    base = "".join(part for part in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(part))
    return base if base and not _missing(font_name, frozenset(base)) else _UNKNOWN


def _missing(font_name: str, letters: frozenset[str]) -> frozenset[str]:
    return frozenset(letter for letter in letters if not letter.isspace() and not _has_letter(font_name, letter))


@lru_cache(maxsize=20_000)
def _has_letter(font_name: str, letter: str) -> bool:
    if not _is_installed(font_name):
        return False
    font = _font(font_name, 20)
    drawn, unknown = font.getmask(letter), font.getmask(_NO_CHARACTER)
    return drawn.size != unknown.size or bytes(drawn) != bytes(unknown)


@lru_cache(maxsize=64)
def _is_installed(font_name: str) -> bool:
    try:
        _font(font_name, 20)
    except OSError:
        return False
    return True


@lru_cache(maxsize=64)
def _font(font_name: str, size: int) -> ImageFont.FreeTypeFont:
    if font_name:
        return ImageFont.truetype(font_name, size)
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise OSError("this build of Pillow has no FreeType; install Pillow from PyPI")
    return font
