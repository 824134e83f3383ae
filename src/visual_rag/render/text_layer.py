"""A PDF page's own text: words with the place where they stand, read with pdfium.

One call into pdfium per character and quantity: about 2 microseconds a character, 3 ms for a page of prose.
"""

import ctypes
import math
import unicodedata
from collections.abc import Iterator

import pypdfium2
import pypdfium2.raw as pdfium_c

from visual_rag.records import PageWord, Region

_HYPHENS = frozenset({0x02, 0xAD, 0xFFFE})
"""How pdfium hands over a hyphen at the end of a line (0x02, 0xFFFE), and the soft hyphen itself."""
_LINE_BREAKS = frozenset({0x0A, 0x0D})
_LAST_CODE = 0x10FFFF

_Box = tuple[float, float, float, float]  # left, bottom, right, top in PDF units
_Character = tuple[int, _Box | None]  # its code; no box for whitespace and hyphens, whose place does not matter


class _Word:
    """A word while it is put together."""

    def __init__(self) -> None:
        self.text = ""
        self.boxes: list[_Box] = []
        self.is_broken = False  # ended in a hyphen; what follows belongs to it
        self._continued = False  # on the next line; the box stays where the word begins

    def add(self, character: str, box: _Box | None) -> None:
        if self.is_broken:
            # "exam-" + "ple" is one word, "F-" + "16" and "Anglo-" + "Saxon" keep their hyphen.
            self.text += "" if self.text[-1:].islower() and character.islower() else "-"
            self.is_broken, self._continued = False, True
        self.text += character
        if box is not None and not self._continued:
            self.boxes.append(box)


def read_words(page: pypdfium2.PdfPage) -> tuple[PageWord, ...]:
    """Read the text layer of a page.

    Args:
        page: An open page.

    Returns:
        Words in the file's reading order, split at whitespace; regions refer to the upright page as rendered. A word
        hyphenated across lines is joined and stands where it begins. Text outside the page is left out.

    Raises:
        PdfiumError: The text cannot be read.
    """
    to_region = _Placement(page)
    textpage = page.get_textpage()
    try:
        words = list(_words(_characters(textpage)))
    finally:
        textpage.close()
    placed = ((word, to_region(word.boxes)) for word in words)
    return tuple(PageWord(_clean(word.text), region) for word, region in placed if region is not None)


class _Placement:
    """Turns boxes in PDF units into regions of the upright page."""

    def __init__(self, page: pypdfium2.PdfPage) -> None:
        self._left, bottom, right, self._top = page.get_bbox()
        self._width, self._height = right - self._left, self._top - bottom
        self._rotation = page.get_rotation()

    def __call__(self, boxes: list[_Box]) -> Region | None:
        """The region around all boxes, None where it lies outside the page."""
        if not boxes or not self._width or not self._height:
            return None
        lefts, bottoms, rights, tops = zip(*boxes, strict=True)
        region = Region(
            left=(min(lefts) - self._left) / self._width,
            top=(self._top - max(tops)) / self._height,
            right=(max(rights) - self._left) / self._width,
            bottom=(self._top - min(bottoms)) / self._height,
        )
        region = _rotated(region, self._rotation)
        if not all(map(math.isfinite, region)):
            return None
        if region.right <= 0 or region.left >= 1 or region.bottom <= 0 or region.top >= 1:
            return None
        return Region(*(min(max(value, 0.0), 1.0) for value in region))


def _rotated(region: Region, rotation: int) -> Region:
    """Turn a region with its page, clockwise."""
    left, top, right, bottom = region
    match rotation:
        case 90:
            return Region(1 - bottom, left, 1 - top, right)
        case 180:
            return Region(1 - right, 1 - bottom, 1 - left, 1 - top)
        case 270:
            return Region(top, 1 - right, bottom, 1 - left)
        case _:
            return region


def _characters(textpage: pypdfium2.PdfTextPage) -> Iterator[_Character]:
    handle = textpage.raw
    get_code, get_box = pdfium_c.FPDFText_GetUnicode, pdfium_c.FPDFText_GetCharBox
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    to_left, to_right, to_bottom, to_top = (ctypes.byref(value) for value in (left, right, bottom, top))
    for index in range(textpage.count_chars()):
        code = get_code(handle, index)
        if code <= 0x20 or code in _HYPHENS or not get_box(handle, index, to_left, to_right, to_bottom, to_top):
            yield code, None
        else:
            yield code, (left.value, bottom.value, right.value, top.value)


def _words(characters: Iterator[_Character]) -> Iterator[_Word]:
    word = _Word()
    for code, box in characters:
        if code in _HYPHENS:
            word.is_broken = bool(word.text)
        elif word.is_broken and code in _LINE_BREAKS:
            continue
        elif code <= _LAST_CODE and chr(code).isspace():
            if word.text:
                yield word
            word = _Word()
        elif not _is_noise(code):
            word.add(chr(code), box)
    if word.text:
        yield word


def _is_noise(code: int) -> bool:
    """Characters that say nothing as text: controls, private use, byte order marks, replacement characters."""
    if 0x20 < code < 0x7F:
        return False
    if code > _LAST_CODE or code in (0xFEFF, 0xFFFD, 0xFFFF):
        return True
    return unicodedata.category(chr(code)) in ("Cc", "Co")


def _clean(text: str) -> str:
    """Join surrogate pairs (two characters each on Windows), drop lone ones, and spell ligatures out."""
    if any("\ud800" <= character <= "\udfff" for character in text):
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "ignore")
    if any("\ufb00" <= character <= "\ufb06" for character in text):
        text = unicodedata.normalize("NFKC", text)
    return text
