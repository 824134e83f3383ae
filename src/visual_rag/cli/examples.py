"""What people type for a query or an example: words, the path of a picture, or a page such as `manual.pdf:12`."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from visual_rag.errors import InvalidInput
from visual_rag.records import Region

if TYPE_CHECKING:
    from PIL.Image import Image

    from visual_rag.index import VisualIndex
    from visual_rag.records import PageRecord

_PAGE = re.compile(r"(?P<document>.+):(?P<number>[0-9]+)")
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


def read_region(text: str) -> Region:
    """Read `left,top,right,bottom`.

    Raises:
        InvalidInput: It is not four numbers.
    """
    try:
        edges = [float(part) for part in text.split(",")]
    except ValueError:
        edges = []
    if len(edges) != _REGION_EDGES:
        raise InvalidInput(f"the region is '{text}'; give left,top,right,bottom from 0 to 1, such as 0.1,0.2,0.5,0.6")
    return Region(*edges)


def read_example(opened: "VisualIndex", text: str) -> "str | Image | PageRecord":
    """Tell pages, pictures and words apart: a page is written `name:number`, a picture is a file that is there.

    Raises:
        InvalidInput: There is no such page.
    """
    if _PAGE.fullmatch(text):
        return read_page(opened, text)
    if Path(text).suffix and Path(text).is_file():
        from visual_rag.retrieve.query_image import read_query_image

        return read_query_image(text)
    return text
