"""What people type for a query or an example: words, the path of a picture, or a page such as `manual.pdf:12`."""

import re
from collections.abc import Sequence
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING

from visual_rag.errors import InvalidInput

if TYPE_CHECKING:
    from PIL.Image import Image

    from visual_rag.index import VisualIndex
    from visual_rag.records import PageRecord, Region

_PAGE = re.compile(r"(?P<document>.+):(?P<number>[0-9]+)")
_PICTURES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif"})
_REGION_EDGES = 4


def read_page(opened: "VisualIndex", text: str) -> "PageRecord":
    """Find the page that `manual.pdf:12` means, counted from 1.

    Raises:
        InvalidInput: It is not of that form, or there is no such page.
    """
    match = _PAGE.fullmatch(text)
    if match is None:
        raise InvalidInput(f"the page is '{text}'; name document and page number, such as manual.pdf:12")
    return opened.page(match["document"], int(match["number"]))


def read_region(text: str) -> "Region":
    """Read `left,top,right,bottom`.

    Raises:
        InvalidInput: It is not four numbers.
    """
    from visual_rag.records import Region

    try:
        edges = [float(part) for part in text.split(",")]
    except ValueError:
        edges = []
    if len(edges) != _REGION_EDGES:
        raise InvalidInput(f"the region is '{text}'; give left,top,right,bottom from 0 to 1, such as 0.1,0.2,0.5,0.6")
    return Region(*edges)


def read_example(opened: "VisualIndex", text: str) -> "str | Image | PageRecord":
    """Tell pages, pictures and words apart: a page is written `name:number`, a picture ends like an image file.

    Raises:
        InvalidInput: There is no such page, or no such picture.
    """
    if _PAGE.fullmatch(text):
        return read_page(opened, text)
    if Path(text).suffix.lower() in _PICTURES:
        from visual_rag.retrieve.query_image import read_query_image

        return read_query_image(text)
    return text


def example_words(examples: Sequence[str]) -> str:
    """Those of the examples that are words, as one text."""
    is_words = (not _PAGE.fullmatch(text) and Path(text).suffix.lower() not in _PICTURES for text in examples)
    return " ".join(compress(examples, is_words))
