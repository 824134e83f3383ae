"""One page of a contact sheet: its picture, whatever its shape and state, and the words under it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from io import BytesIO
from urllib.parse import unquote

from PIL import Image, ImageDraw

from visual_rag.errors import VisualRagError
from visual_rag.records import Hit, PageRecord
from visual_rag.retrieve.contact_sheet_text import fit

ImageOf = Callable[[PageRecord], bytes]

_NO_IMAGE_FILL, _NO_IMAGE_INK = (236, 239, 243), (110, 119, 133)
_A4_PX = (1240, 1754)
_LONGEST = 2.0  # a page that is longer than this times its width is cut off, not shrunk to a thread
_FADE_SHARE = 0.12


def found_text(n_hits: int) -> str:
    """Say how many pages were found."""
    if n_hits > 1:
        return f"{n_hits} pages, best first"
    return "1 page" if n_hits else "0 pages"


def told_apart(searches: Sequence[tuple[str, Sequence[Hit]]]) -> list[tuple[str, list[Hit]]]:
    """Name documents that share a name by as much of their folders as tells them apart: `2024/report.pdf`."""
    names = _names(hit.page for _, hits in searches for hit in hits)
    return [
        (question, [replace(hit, page=replace(hit.page, document_name=names[hit.page.document_id])) for hit in hits])
        for question, hits in searches
    ]


def _names(pages: Iterable[PageRecord]) -> dict[str, str]:
    by_id = {page.document_id: page for page in pages}
    paths = {document_id: unquote(page.source_uri).split("/") for document_id, page in by_id.items()}
    names: dict[str, str] = {}
    for document_id, page in by_id.items():
        rivals = [paths[other.document_id] for other in by_id.values() if other.document_name == page.document_name]
        path, n_parts = paths[document_id], 1
        while sum(rival[-n_parts:] == path[-n_parts:] for rival in rivals) > 1 and n_parts < len(path):
            n_parts += 1
        names[document_id] = page.document_name if n_parts == 1 else "/".join(path[-n_parts:])
    return names


def page_numbers(page: PageRecord) -> str:
    """The position of a page, with the printed number where that differs: `5 · printed iii`."""
    printed = f" · printed {page.label}" if page.label not in ("", str(page.page_number)) else ""
    return f"{page.page_number}{printed}"


def page_title(page: PageRecord) -> str:
    """Say which page it is: `page 5 · printed iii`."""
    return f"page {page_numbers(page)}"


def similarity_percent(hit: Hit) -> int:
    """Similarity for people, from 0 to 100."""
    return round(100 * min(max(hit.similarity, 0.0), 1.0))


def score_text(hit: Hit) -> str:
    """The score with the name of what it comes from: `maxsim 12.34`."""
    return f"{hit.scored_by} {hit.score:.2f}"


def page_picture(page: PageRecord, image_of: ImageOf) -> Image.Image:
    """Read a page's image as RGB; a page whose image is missing or broken gives a picture that says so."""
    try:
        with Image.open(BytesIO(image_of(page))) as image:
            return _on_white(image)
    # An error of ours says the image cannot be had; the rest is what Pillow raises for broken files.
    except (VisualRagError, OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return _no_image(page)


def thumbnail(picture: Image.Image, box_px: tuple[int, int]) -> Image.Image:
    """Fit a picture into a box, keeping its proportions; a very long or very wide one is cut off and fades out."""
    width, height = picture.size
    shown = picture.crop((0, 0, min(width, round(_LONGEST * height)), min(height, round(_LONGEST * width))))
    scale = min(box_px[0] / shown.width, box_px[1] / shown.height)
    size = max(1, round(shown.width * scale)), max(1, round(shown.height * scale))
    small = shown.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    if shown.size != picture.size:
        _fade_out(small, downwards=shown.height < height)
    return small


def _on_white(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    picture = Image.new("RGB", image.size, "white")
    picture.paste(layer, mask=layer)
    return picture


def _fade_out(picture: Image.Image, *, downwards: bool) -> None:
    length = max(1, round(_FADE_SHARE * (picture.height if downwards else picture.width)))
    ramp = Image.linear_gradient("L")  # black on top to white below
    if downwards:
        mask = ramp.resize((picture.width, length))
        corner = (0, picture.height - length)
    else:
        mask = ramp.rotate(90).resize((length, picture.height))
        corner = (picture.width - length, 0)
    picture.paste("white", (*corner, corner[0] + mask.width, corner[1] + mask.height), mask)


def _no_image(page: PageRecord) -> Image.Image:
    width, height = page.width_px, page.height_px
    if width < 1 or height < 1:
        width, height = _A4_PX
    scale = min(1.0, 1200 / max(width, height))
    picture = Image.new("RGB", (max(1, round(width * scale)), max(1, round(height * scale))), _NO_IMAGE_FILL)
    middle = picture.width / 2, picture.height / 2
    line = fit("image not available", size=max(10, picture.width // 14), width_px=picture.width * 0.9)
    ImageDraw.Draw(picture).text(middle, line.text, font=line.font, fill=_NO_IMAGE_INK, anchor="mm")
    return picture
