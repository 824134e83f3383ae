"""Pictures of evidence: the page with what was found painted over it, alone or beside a legend.

    picture = draw_evidence(image, evidence)            # all words of the question
    picture = draw_evidence(image, evidence, token=0)   # the first alone
    sheet = evidence_sheet(image, evidence)

Each token has a color of its own. How strong it is painted follows its heat, and its strength beside the strongest
token: what is hardly there is hardly seen. Marks of a model's prompt, such as <pad>, are not drawn.
"""

import re
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageStat

from visual_rag.embed.spotter_words import QUESTION_WORDS
from visual_rag.errors import InvalidInput
from visual_rag.records import Evidence, FloatArray, Region, TokenEvidence
from visual_rag.retrieve.contact_sheet_page import page_title
from visual_rag.retrieve.contact_sheet_text import fit
from visual_rag.retrieve.evidence import stand_alone

Color = tuple[int, int, int]
Box = tuple[float, float, float, float]  # left, top, right, bottom in pixels

# Dark enough for white letters on them, and told apart by people who see red and green alike.
_COLORS: tuple[Color, ...] = (
    (217, 72, 15),
    (29, 78, 216),
    (4, 120, 87),
    (162, 28, 175),
    (161, 98, 7),
    (14, 116, 144),
    (190, 18, 60),
    (71, 85, 105),
    (77, 93, 20),
    (91, 33, 182),
    (124, 45, 18),
    (12, 74, 110),
)
_MARK = re.compile(r"<.*>|\[[A-Z]+\]", re.DOTALL)
_WORD_OPACITY, _CELL_OPACITY = 0.45, 0.6
_FADE = 3  # power of a token's strength beside the strongest: half as strong is an eighth as opaque
_LEAST_OPACITY = 0.12
_WORD_FLOOR, _CELL_FLOOR = 0.7, 0.3  # heat that is not painted
_MAP_PX = 320  # long side of the map of cells before it is smoothed and enlarged
_SAME_PLACE = 0.45  # shared area over joint area

_BACKGROUND: Color = (244, 246, 249)
_INK, _SOFT_INK, _TRACK, _EDGE = (24, 33, 48), (94, 105, 122), (222, 227, 235), (205, 211, 221)
_PAGE_PX = 1400  # long side of the page on a sheet
_LEGEND_PX, _MARGIN, _ROW_PX = 380, 48, 64
_TITLE_SIZE, _TEXT_SIZE, _SMALL_SIZE = 26, 24, 20


class _Mark(NamedTuple):
    """One place to outline: its tokens' text, color, box in pixels and opacity in 0..1."""

    text: str
    color: Color
    box: Box
    opacity: float


def draw_evidence(image: Image.Image, evidence: Evidence, *, token: int | None = None) -> Image.Image:
    """Paint what was found over the page.

    Args:
        image: The page, of any size.
        evidence: Of this page.
        token: 0-based number of the only token to draw; None draws those that name something, twelve at most.

    Returns:
        RGB, as large as `image`, which is left as it is.

    Raises:
        InvalidInput: There is no such token.
    """
    if token is not None and not 0 <= token < len(evidence.tokens):
        raise InvalidInput(f"token {token} is not one of the {len(evidence.tokens)} of this evidence; count from 0")
    picture = image.convert("RGB")
    shown = _shown(evidence) if token is None else [token]
    are_words = stand_alone(evidence.regions)
    strongest = max((evidence.tokens[number].strength for number in shown), default=0.0)
    marks: list[_Mark] = []
    for turn, number in enumerate(shown):
        found, color = evidence.tokens[number], _COLORS[turn % len(_COLORS)]
        opacity = _opacity(found, strongest)
        paint = _paint_words if are_words else _paint_cells
        paint(picture, evidence.regions, found.heat, color=color, opacity=opacity)
        marks.append(_Mark(found.token.strip(), color, _pixels(found.box, picture.size), opacity))
    _outline(picture, _joined(marks))
    return picture


def evidence_sheet(image: Image.Image, evidence: Evidence) -> Image.Image:
    """Draw the page with all tokens, and beside it how strongly each was found.

    Returns:
        RGB; the page is 1400 pixels long, the legend 380 pixels wide.
    """
    scale = _PAGE_PX / max(image.size)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    page = draw_evidence(image.convert("RGB").resize(size, Image.Resampling.LANCZOS), evidence)
    height = max(page.height, min(_PAGE_PX, 120 + _ROW_PX * (len(_shown(evidence)) + 1)))
    sheet = Image.new("RGB", (page.width + _LEGEND_PX + 3 * _MARGIN, height + 2 * _MARGIN), _BACKGROUND)
    sheet.paste(page, (_MARGIN, _MARGIN))
    edge = (_MARGIN - 1, _MARGIN - 1, _MARGIN + page.width, _MARGIN + page.height)
    ImageDraw.Draw(sheet).rectangle(edge, outline=_EDGE)
    _draw_legend(sheet, evidence, (page.width + 2 * _MARGIN, _MARGIN))
    return sheet


def _shown(evidence: Evidence) -> list[int]:
    """Choose the tokens to draw: those that name something, the weightiest and strongest if there are many."""
    said = [number for number, found in enumerate(evidence.tokens) if _names_something(found.token)]
    telling = [number for number in said if evidence.tokens[number].token.strip().casefold() not in QUESTION_WORDS]
    chosen = telling or said or list(range(len(evidence.tokens)))
    chosen.sort(key=lambda number: (-evidence.tokens[number].weight, -evidence.tokens[number].strength))
    return sorted(chosen[: len(_COLORS)])


def _names_something(token: str) -> bool:
    return any(letter.isalnum() for letter in token) and not _MARK.fullmatch(token.strip())


def _opacity(found: TokenEvidence, strongest: float) -> float:
    return max(_LEAST_OPACITY, (found.strength / strongest) ** _FADE) if strongest > 0 else _LEAST_OPACITY


def _pixels(region: Region, size: tuple[int, int]) -> Box:
    width, height = size
    return region.left * width, region.top * height, region.right * width, region.bottom * height


def _paint_words(picture: Image.Image, regions: FloatArray, heat: FloatArray, *, color: Color, opacity: float) -> None:
    """Highlight words, as with a marker pen."""
    mask = Image.new("L", picture.size)
    draw = ImageDraw.Draw(mask)
    hot = np.flatnonzero(heat > _WORD_FLOOR)
    for row in hot[np.argsort(heat[hot], kind="stable")]:  # the hottest last, on top
        share = float((heat[row] - _WORD_FLOOR) / (1 - _WORD_FLOOR))
        left, top, right, bottom = _pixels(Region(*regions[row].tolist()), picture.size)
        radius = (bottom - top) / 5
        draw.rounded_rectangle((left, top, right, bottom), radius, fill=round(255 * opacity * _WORD_OPACITY * share))
    picture.paste(color, (0, 0), mask)


def _paint_cells(picture: Image.Image, regions: FloatArray, heat: FloatArray, *, color: Color, opacity: float) -> None:
    """Paint a smooth map: cells on a small raster, blurred by half a cell, enlarged."""
    scale = _MAP_PX / max(picture.size)
    width, height = (max(1, round(side * scale)) for side in picture.size)
    raster = np.zeros((height, width), dtype=np.float32)
    edges = np.rint(regions * np.array([width, height] * 2)).astype(int)
    for (left, top, right, bottom), value in zip(edges.tolist(), heat.tolist(), strict=True):
        place = raster[top : max(bottom, top + 1), left : max(right, left + 1)]
        np.maximum(place, value, out=place)
    shares = np.clip((raster - _CELL_FLOOR) / (1 - _CELL_FLOOR), 0, 1)
    side = float(np.median(np.sqrt(np.prod(edges[:, 2:] - edges[:, :2], axis=1))))
    small = Image.fromarray(np.rint(255 * opacity * _CELL_OPACITY * shares).astype(np.uint8))
    smooth = small.filter(ImageFilter.GaussianBlur(min(side / 2, _MAP_PX / 16)))
    picture.paste(color, (0, 0), smooth.resize(picture.size, Image.Resampling.BICUBIC))


def _joined(marks: Sequence[_Mark]) -> list[_Mark]:
    """Give tokens of one place, such as the pieces of a word, one outline; the most opaque gives the color."""
    places: list[list[_Mark]] = []
    for mark in marks:
        for place in places:
            if _overlap(mark.box, place[0].box) > _SAME_PLACE:
                place.append(mark)
                break
        else:
            places.append([mark])
    return [
        max(place, key=lambda mark: mark.opacity)._replace(
            text=" ".join(mark.text for mark in place), box=_around([mark.box for mark in place])
        )
        for place in places
    ]


def _around(boxes: Sequence[Box]) -> Box:
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def _shared(one: Box, other: Box) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(width, 0.0) * max(height, 0.0)


def _overlap(one: Box, other: Box) -> float:
    """Shared area over joint area, in 0..1."""
    shared = _shared(one, other)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return shared / max(sum(areas) - shared, 1e-9)


def _outline(picture: Image.Image, marks: Sequence[_Mark]) -> None:
    """Frame each place and name it; a white rim keeps frames and names legible on dark pages."""
    unit = max(1, round(max(picture.size) / 1600))
    size = max(11, round(max(picture.size) / 95))
    layer = picture.convert("RGBA")
    taken: list[Box] = [mark.box for mark in marks]
    for mark in sorted(marks, key=lambda mark: mark.opacity):
        alpha = round(255 * (0.35 + 0.65 * mark.opacity))
        pen = Image.new("RGBA", picture.size)
        draw = ImageDraw.Draw(pen)
        _draw_frame(draw, mark, unit, alpha)
        label = _label_box(mark, picture, size, taken)
        taken.append(label)
        draw.rounded_rectangle(label, size / 3, fill=(*mark.color, alpha), outline=(255, 255, 255, alpha), width=unit)
        line = fit(mark.text, size=size, width_px=picture.width / 3)
        middle = (label[0] + label[2]) / 2, (label[1] + label[3]) / 2
        draw.text(middle, line.text, font=line.font, fill=(255, 255, 255, alpha), anchor="mm")
        layer.alpha_composite(pen)
    picture.paste(layer.convert("RGB"))


def _draw_frame(draw: ImageDraw.ImageDraw, mark: _Mark, unit: int, alpha: int) -> None:
    """Frame a place from outside, so that no line runs over what was found."""
    left, top, right, bottom = mark.box
    for reach, width, color in ((3 * unit, 3 * unit, (255, 255, 255)), (2 * unit, 2 * unit, mark.color)):
        frame = left - reach, top - reach, right + reach, bottom + reach
        draw.rounded_rectangle(frame, 3 * unit, outline=(*color, alpha), width=width)


def _label_box(mark: _Mark, picture: Image.Image, type_px: int, taken: Sequence[Box]) -> Box:
    """Find room for a label beside its frame: on the page, not over other places, and where the page is empty."""
    size = picture.size
    width = fit(mark.text, size=type_px, width_px=size[0] / 3).width_px + type_px
    height, gap = 1.5 * type_px, 0.5 * type_px
    left, top, right, bottom = mark.box
    middle = (top + bottom - height) / 2
    corners = [
        (left - gap, top - gap - height),
        (right + gap - width, top - gap - height),
        (left - gap, bottom + gap),
        (right + gap - width, bottom + gap),
        (right + gap, middle),
        (left - gap - width, middle),
    ]
    places = []
    for x, y in corners:
        x, y = min(max(x, 0), max(size[0] - width, 0)), min(max(y, 0), max(size[1] - height, 0))  # noqa: PLW2901
        places.append((x, y, x + width, y + height))

    def cost(place: Box) -> float:
        hidden = sum(_shared(place, other) for other in taken) / (width * height)
        shown = picture.crop((int(place[0]), int(place[1]), int(place[2]) + 1, int(place[3]) + 1)).convert("L")
        return 10 * hidden + ImageStat.Stat(shown).stddev[0] / 255

    return min(places, key=cost)


def _draw_legend(sheet: Image.Image, evidence: Evidence, corner: tuple[int, int]) -> None:
    left, top = corner
    draw = ImageDraw.Draw(sheet)
    name = fit(evidence.page.document_name, size=_TITLE_SIZE, width_px=_LEGEND_PX)
    draw.text((left, top + 26), name.text, font=name.font, fill=_INK, anchor="ls", stroke_width=0.5, stroke_fill=_INK)
    title = fit(f"{page_title(evidence.page)} · bar: strength", size=_SMALL_SIZE, width_px=_LEGEND_PX)
    draw.text((left, top + 60), title.text, font=title.font, fill=_SOFT_INK, anchor="ls")
    shown = _shown(evidence)
    for turn, number in enumerate(shown):
        color = _COLORS[turn % len(_COLORS)]
        _draw_row(draw, evidence.tokens[number], color, (left, top + 90 + _ROW_PX * turn))
    if left_out := len(evidence.tokens) - len(shown):
        note = fit(f"and {left_out} more that are not drawn", size=_SMALL_SIZE, width_px=_LEGEND_PX)
        at = left, top + 90 + _ROW_PX * len(shown) + 28
        draw.text(at, note.text, font=note.font, fill=_SOFT_INK, anchor="ls")


def _draw_row(draw: ImageDraw.ImageDraw, found: TokenEvidence, color: Color, corner: tuple[int, int]) -> None:
    """Write one token over a bar that is as long as it is strong."""
    left, top = corner
    number = fit(f"{found.strength:.2f}", size=_SMALL_SIZE, width_px=80)
    name = fit(found.token.strip(), size=_TEXT_SIZE, width_px=_LEGEND_PX - 80)
    draw.text((left, top + 28), name.text, font=name.font, fill=_INK, anchor="ls")
    draw.text((left + _LEGEND_PX, top + 28), number.text, font=number.font, fill=_SOFT_INK, anchor="rs")
    draw.rounded_rectangle((left, top + 38, left + _LEGEND_PX, top + 47), 4, fill=_TRACK)
    if (length := round(_LEGEND_PX * found.strength)) > 0:
        draw.rounded_rectangle((left, top + 38, left + length, top + 47), min(4, length // 2), fill=color)


def write_evidence(evidence: Evidence, encoded_image: bytes, path: Path) -> Path:
    """Write the sheet of a page's evidence as a picture.

    Args:
        evidence: Of the page.
        encoded_image: The kept image of the page, as a file.
        path: Where; its suffix says what kind of picture.

    Raises:
        InvalidInput: Pillow writes no pictures of that kind, or not there.
    """
    with Image.open(BytesIO(encoded_image)) as image:
        sheet = evidence_sheet(image, evidence)
    try:
        sheet.save(path)
    except (ValueError, OSError) as error:
        raise InvalidInput(f"no picture can be written to '{path.name}': {error}; end it in .png or .jpg") from error
    return path
