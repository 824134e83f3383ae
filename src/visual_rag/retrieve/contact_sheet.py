"""Contact sheets: what a search found, at a glance, as a picture or as a web page.

    png = contact_sheet_png("oil filter", searcher.search("oil filter"), searcher.page_image)
    html = contact_sheets_html([("oil filter", hits), ("torque", other_hits)], searcher.page_image)

A page whose image is missing is shown as such; it does not cost the sheet.
"""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFilter

from visual_rag.errors import InvalidInput, StoreUnavailable
from visual_rag.records import Hit
from visual_rag.retrieve.contact_sheet_html import contact_sheets_html
from visual_rag.retrieve.contact_sheet_page import (
    ImageOf,
    found_text,
    page_picture,
    page_title,
    score_text,
    similarity_percent,
    thumbnail,
    told_apart,
)
from visual_rag.retrieve.contact_sheet_text import Line, fit, wrap

__all__ = ["contact_sheet_png", "contact_sheets_html", "contact_sheets_png", "write_contact_sheets"]

Color = tuple[int, int, int]

# Drawn at twice the size at which a README shows it, so that small text stays sharp.
_WIDTH, _MARGIN, _GAP = 1800, 64, 40
_MIN_COLUMNS, _MAX_COLUMNS = 4, 5
_MAX_HEIGHT = 60_000  # viewers and the formats they convert to give up at 65,535
_BACKGROUND: Color = (244, 246, 249)
_INK, _SOFT_INK = (24, 33, 48), (94, 105, 122)
_RULE, _TRACK, _ACCENT, _BADGE = (219, 224, 232), (222, 227, 235), (37, 99, 235), (71, 85, 105)
_PAGE_EDGE: Color = (205, 211, 221)
_QUESTION_SIZE, _NAME_SIZE, _SMALL_SIZE = 44, 25, 22
_QUESTION_LEADING, _CAPTION_HEIGHT = 58, 142
_SEMI_BOLD = 0.5  # the bundled font has one weight; a thin outline makes the second
_SHADOW_PX = 14


class _Tile(NamedTuple):
    hit: Hit
    picture: Image.Image


def contact_sheet_png(question: str, hits: Sequence[Hit], image_of: ImageOf) -> bytes:
    """Draw one search. See `contact_sheets_png`."""
    return contact_sheets_png([(question, hits)], image_of)


def contact_sheets_png(searches: Sequence[tuple[str, Sequence[Hit]]], image_of: ImageOf) -> bytes:
    """Draw several searches under each other: the question, and below it the pages that were found, best first.

    Args:
        searches: Questions with their hits.
        image_of: Reads a page's image file. It may raise an error of this package; the page is then drawn empty.

    Returns:
        A PNG file, 1800 pixels wide.

    Raises:
        InvalidInput: There is no search, or more than fit into one picture.
    """
    if not searches:
        raise InvalidInput("there is no search to draw; give at least one question with its hits")
    most_hits = max(len(hits) for _, hits in searches)
    n_columns = min(max(most_hits, _MIN_COLUMNS), _MAX_COLUMNS)
    strips: list[Image.Image] = []
    for question, hits in told_apart(searches):
        strips.append(_search_strip(question, hits, image_of, n_columns))
        if sum(strip.height for strip in strips) > _MAX_HEIGHT:
            raise InvalidInput(f"{len(searches)} searches do not fit into one picture; take contact_sheets_html")
    return _png(_stack(strips))


def _stack(strips: Sequence[Image.Image]) -> Image.Image:
    sheet = Image.new("RGB", (_WIDTH, sum(strip.height for strip in strips)), _BACKGROUND)
    draw, top = ImageDraw.Draw(sheet), 0
    for strip in strips:
        sheet.paste(strip, (0, top))
        if top:
            draw.line((_MARGIN, top, _WIDTH - _MARGIN, top), fill=_RULE, width=2)
        top += strip.height
    return sheet


def _search_strip(question: str, hits: Sequence[Hit], image_of: ImageOf, n_columns: int) -> Image.Image:
    header = _header(question, hits)
    width = (_WIDTH - 2 * _MARGIN - _GAP * (n_columns - 1)) // n_columns
    rows = [_row(hits[first : first + n_columns], image_of, width) for first in range(0, len(hits), n_columns)]
    parts = [header, *(rows or [_nothing_found()])]
    strip = Image.new("RGB", (_WIDTH, sum(part.height for part in parts) + _MARGIN // 2), _BACKGROUND)
    top = 0
    for part in parts:
        strip.paste(part, (0, top))
        top += part.height
    return strip


def _header(question: str, hits: Sequence[Hit]) -> Image.Image:
    indent = _MARGIN + 64
    lines = wrap(question, size=_QUESTION_SIZE, width_px=_WIDTH - _MARGIN - indent, max_lines=2)
    height = _MARGIN - 8 + _QUESTION_LEADING * len(lines) + 58
    header = Image.new("RGB", (_WIDTH, height), _BACKGROUND)
    _draw_magnifier(header, (_MARGIN, _MARGIN - 2))
    draw = ImageDraw.Draw(header)
    for index, line in enumerate(lines):
        _draw_line(draw, (indent, _MARGIN + 34 + _QUESTION_LEADING * index), line, _INK, weight=0.8)
    found = found_text(len(hits)) + (" · bar: similarity" if hits else "")
    note = fit(found, size=_SMALL_SIZE, width_px=_WIDTH - _MARGIN - indent)
    _draw_line(draw, (indent, height - 36), note, _SOFT_INK)
    return header


def _draw_magnifier(header: Image.Image, corner: tuple[int, int]) -> None:
    """Draw it four times larger and shrink it: Pillow's own circles have steps."""
    icon = Image.new("L", (176, 176))
    draw = ImageDraw.Draw(icon)
    draw.ellipse((12, 12, 118, 118), outline=255, width=20)
    draw.line((104, 104, 156, 156), fill=255, width=22)
    draw.circle((156, 156), 11, fill=255)
    header.paste(_ACCENT, corner, icon.resize((44, 44), Image.Resampling.LANCZOS))


def _nothing_found() -> Image.Image:
    height, top, bottom = 200, 4, 168
    part = Image.new("RGB", (_WIDTH, height), _BACKGROUND)
    draw = ImageDraw.Draw(part)
    box = (_MARGIN, top, _WIDTH - _MARGIN, bottom)
    draw.rounded_rectangle(box, radius=16, fill=(250, 251, 253), outline=_RULE, width=2)
    line = fit("No page found", size=28, width_px=_WIDTH - 4 * _MARGIN)
    draw.text((_WIDTH / 2, (top + bottom) / 2), line.text, font=line.font, fill=_SOFT_INK, anchor="mm")
    return part


def _row(hits: Sequence[Hit], image_of: ImageOf, width: int) -> Image.Image:
    """Hang the pages of one row from a common line, each with its caption right below it."""
    box = width, round(width * 1.5)
    tiles = [_Tile(hit, thumbnail(page_picture(hit.page, image_of), box)) for hit in hits]
    tallest = max(tile.picture.height for tile in tiles)
    row = Image.new("RGB", (_WIDTH, _SHADOW_PX + tallest + 24 + _CAPTION_HEIGHT + 24), _BACKGROUND)
    for column, tile in enumerate(tiles):
        left = _MARGIN + column * (width + _GAP)
        corner = left + (width - tile.picture.width) // 2, _SHADOW_PX
        _paste_page(row, tile.picture, corner)
        _draw_badge(row, tile.hit.rank, corner)
        _draw_caption(row, tile.hit, (left, _SHADOW_PX + tile.picture.height + 24), width)
    return row


def _paste_page(row: Image.Image, picture: Image.Image, corner: tuple[int, int]) -> None:
    blur = _SHADOW_PX
    shadow = Image.new("L", (picture.width + 2 * blur, picture.height + 2 * blur))
    shadow.paste(60, (blur, blur, blur + picture.width, blur + picture.height))
    shadow = shadow.filter(ImageFilter.GaussianBlur(blur / 2))
    row.paste((15, 23, 42), (corner[0] - blur, corner[1] - blur + 5), shadow)
    row.paste(picture, corner)
    edge = (corner[0] - 1, corner[1] - 1, corner[0] + picture.width, corner[1] + picture.height)
    ImageDraw.Draw(row).rectangle(edge, outline=_PAGE_EDGE, width=1)


def _draw_badge(row: Image.Image, rank: int, corner: tuple[int, int]) -> None:
    """Put the rank on the page's corner, in the accent colour for the best page."""
    line = fit(str(rank), size=_SMALL_SIZE, width_px=200)
    height = 40
    width = max(height, round(line.width_px) + 22)
    left, top = corner[0] - 14, corner[1] - 14
    _draw_pill(row, (left, top, left + width, top + height), _ACCENT if rank == 1 else _BADGE)
    middle = left + width / 2, top + height / 2
    draw = ImageDraw.Draw(row)
    draw.text(
        middle, line.text, font=line.font, fill="white", anchor="mm", stroke_width=_SEMI_BOLD, stroke_fill="white"
    )


def _draw_caption(row: Image.Image, hit: Hit, corner: tuple[int, int], width: int) -> None:
    left, top = corner
    draw = ImageDraw.Draw(row)
    name = fit(hit.page.document_name, size=_NAME_SIZE, width_px=width)
    _draw_line(draw, (left, top + 24), name, _INK, weight=_SEMI_BOLD)
    _draw_line(draw, (left, top + 58), fit(page_title(hit.page), size=_SMALL_SIZE, width_px=width), _SOFT_INK)
    percent = similarity_percent(hit)
    number = fit(f"{percent}%", size=_SMALL_SIZE, width_px=width)
    end = left + width - round(number.font.getlength("100%")) - 14
    _draw_pill(row, (left, top + 82, end, top + 92), _TRACK)
    _draw_pill(row, (left, top + 82, left + round((end - left) * percent / 100), top + 92), _ACCENT)
    _draw_line(draw, (left + width - number.width_px, top + 95), number, _INK)
    score = fit(score_text(hit), size=_SMALL_SIZE, width_px=width)
    _draw_line(draw, (left, top + 129), score, _SOFT_INK)


def _draw_pill(row: Image.Image, box: tuple[int, int, int, int], color: Color) -> None:
    """Draw a bar with round ends, of any width; four times larger and shrunk, for Pillow's own curves have steps."""
    width, height = box[2] - box[0], box[3] - box[1]
    if width < 1:
        return
    mask = Image.new("L", (width * 4, height * 4))
    draw = ImageDraw.Draw(mask)
    draw.rounded_rectangle((0, 0, width * 4 - 1, height * 4 - 1), min(width, height) * 2, fill=255)
    row.paste(color, box[:2], mask.resize((width, height), Image.Resampling.LANCZOS))


def _draw_line(
    draw: ImageDraw.ImageDraw, start: tuple[float, float], line: Line, color: Color, *, weight: float = 0
) -> None:
    """Draw text from the left end of its baseline, for fonts differ in what they leave above it."""
    draw.text(start, line.text, font=line.font, fill=color, anchor="ls", stroke_width=weight, stroke_fill=color)


def _png(picture: Image.Image) -> bytes:
    buffer = BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def write_contact_sheets(searches: Sequence[tuple[str, Sequence[Hit]]], image_of: ImageOf, path: Path) -> Path:
    """Write the contact sheet of several searches as a picture (`.png`) or a web page (`.html`); return the path.

    Raises:
        InvalidInput: The suffix is neither, or there is no search, or too many for one picture.
        StoreUnavailable: The file cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in {".png", ".html", ".htm"}:
        raise InvalidInput(f"cannot tell the kind of contact sheet from '{path.name}'; end it in .png or .html")
    is_picture = suffix == ".png"
    sheet = contact_sheets_png(searches, image_of) if is_picture else contact_sheets_html(searches, image_of).encode()
    try:
        path.write_bytes(sheet)
    except OSError as error:
        raise StoreUnavailable(
            f"'{path}' cannot be written: {error.strerror}; name a file in a folder that exists and may be written to"
        ) from error
    return path
