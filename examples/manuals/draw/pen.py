"""Drawing primitives on a reportlab canvas: lines, boxes, ellipses, text, arrows, gradients. Units are points, y up."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Literal

from PIL import Image
from reportlab.lib.colors import HexColor
from reportlab.lib.utils import ImageReader

from .fonts import text_width

Point = tuple[float, float]
Box = tuple[float, float, float, float]
Anchor = Literal["l", "c", "r"]


@dataclass(frozen=True)
class Ink:
    """How an outline is drawn: hex colours, line width in points, dash pattern in points."""

    stroke: str | None = "#1d2733"
    fill: str | None = None
    width: float = 0.8
    dash: tuple[float, ...] = ()


BLACK = Ink()
THIN = Ink(width=0.5)
DASH_DOT = (9, 2.5, 1.5, 2.5)
"""The dash pattern of centre lines."""


def around(centre: Point, radius: float, angle: float) -> Point:
    """The point of a circle at `angle` in radians, anticlockwise from the x axis."""
    return centre[0] + radius * math.cos(angle), centre[1] + radius * math.sin(angle)


class Pen:
    """Draws on one canvas with one font family.

    Args:
        canvas: The reportlab canvas of the document.
        family: Registered font family of labels.
        colour: Default text colour.
    """

    def __init__(self, canvas: Any, family: str, *, colour: str = "#1d2733") -> None:
        self.canvas = canvas
        self.family = family
        self.colour = colour

    @contextmanager
    def at(self, origin: Point, *, turn: float = 0.0, scale: float = 1.0) -> Iterator["Pen"]:
        """Move the origin, then rotate by `turn` degrees and scale, for the length of a `with` block."""
        self.canvas.saveState()
        self.canvas.translate(*origin)
        self.canvas.rotate(turn)
        self.canvas.scale(scale, scale)
        yield self
        self.canvas.restoreState()

    def _apply(self, ink: Ink) -> dict[str, int]:
        if ink.stroke:
            self.canvas.setStrokeColor(HexColor(ink.stroke))
        if ink.fill:
            self.canvas.setFillColor(HexColor(ink.fill))
        self.canvas.setLineWidth(ink.width)
        self.canvas.setDash(list(ink.dash))
        self.canvas.setLineJoin(1)
        return {"stroke": int(ink.stroke is not None), "fill": int(ink.fill is not None)}

    def line(self, points: Sequence[Point], ink: Ink = BLACK, *, closed: bool = False) -> None:
        """Draw a polyline; closed and filled when asked."""
        flags = self._apply(ink)
        path = self.canvas.beginPath()
        path.moveTo(*points[0])
        for point in points[1:]:
            path.lineTo(*point)
        if closed:
            path.close()
        self.canvas.drawPath(path, stroke=flags["stroke"], fill=flags["fill"] if closed else 0)

    def curve(self, start: Point, ink: Ink = BLACK, *, bends: Sequence[tuple[Point, Point, Point]]) -> None:
        """Draw Bezier curves: each bend is two control points and an end point."""
        flags = self._apply(ink)
        path = self.canvas.beginPath()
        path.moveTo(*start)
        for first, second, end in bends:
            path.curveTo(*first, *second, *end)
        self.canvas.drawPath(path, **flags)

    def smooth(self, points: Sequence[Point], ink: Ink = BLACK) -> None:
        """Draw an open curve through the points (Catmull-Rom)."""
        padded = [points[0], *points, points[-1]]
        bends = []
        for i in range(1, len(padded) - 2):
            (x0, y0), (x1, y1), (x2, y2), (x3, y3) = padded[i - 1 : i + 3]
            bends.append(
                (((x1 + (x2 - x0) / 6), y1 + (y2 - y0) / 6), (x2 - (x3 - x1) / 6, y2 - (y3 - y1) / 6), (x2, y2))
            )
        self.curve(points[0], ink, bends=bends)

    def box(self, box: Box, ink: Ink = BLACK, *, radius: float = 0.0) -> None:
        """Draw a rectangle given as x, y, width, height."""
        flags = self._apply(ink)
        if radius:
            self.canvas.roundRect(*box, radius, **flags)
        else:
            self.canvas.rect(*box, **flags)

    def circle(self, centre: Point, radius: float, ink: Ink = BLACK) -> None:
        """Draw a circle."""
        self.ellipse(centre, (radius, radius), ink)

    def ellipse(self, centre: Point, radii: Point, ink: Ink = BLACK) -> None:
        """Draw an ellipse with axes along x and y."""
        flags = self._apply(ink)
        (x, y), (a, b) = centre, radii
        self.canvas.ellipse(x - a, y - b, x + a, y + b, **flags)

    def arc(self, centre: Point, radius: float, ink: Ink = BLACK, *, start: float, extent: float) -> None:
        """Draw part of a circle; angles in degrees, anticlockwise from the x axis."""
        steps = max(int(abs(extent) / 4), 2)
        angles = [math.radians(start + extent * i / steps) for i in range(steps + 1)]
        self.line([around(centre, radius, angle) for angle in angles], ink)

    def wedge(self, centre: Point, radius: float, ink: Ink = BLACK, *, start: float, extent: float) -> None:
        """Draw a filled slice of a disc."""
        flags = self._apply(ink)
        x, y = centre
        self.canvas.wedge(x - radius, y - radius, x + radius, y + radius, start, extent, **flags)

    def arrow(self, points: Sequence[Point], ink: Ink = BLACK, *, head: float = 5.0) -> None:
        """Draw a polyline that ends in a filled arrow head."""
        (x0, y0), (x1, y1) = points[-2], points[-1]
        angle = math.atan2(y1 - y0, x1 - x0)
        neck = (x1 - 0.8 * head * math.cos(angle), y1 - 0.8 * head * math.sin(angle))
        self.line([*points[:-1], neck], ink)
        wings = [(x1 - head * math.cos(angle + s * 0.42), y1 - head * math.sin(angle + s * 0.42)) for s in (1, -1)]
        self.line([wings[0], (x1, y1), wings[1]], Ink(None, ink.stroke), closed=True)

    def dimension(self, start: Point, end: Point, text: str, *, size: float = 7.0) -> None:
        """Draw a dimension line with two heads and its measure in the middle, on the paper colour's gap."""
        self.arrow([((start[0] + end[0]) / 2, (start[1] + end[1]) / 2), end], THIN, head=4)
        self.arrow([((start[0] + end[0]) / 2, (start[1] + end[1]) / 2), start], THIN, head=4)
        middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
        half = text_width(text, self.family, size) / 2 + 1.5
        self.box((middle[0] - half, middle[1] - size * 0.55, 2 * half, size * 1.1), Ink(None, "#ffffff"))
        self.text((middle[0], middle[1] - size * 0.35), text, size=size, anchor="c")

    def text(
        self, at: Point, text: str, *, size: float = 8.0, anchor: Anchor = "l", style: str = "", colour: str = ""
    ) -> float:
        """Draw one line of text per line of `text`; `style` is "", "-Bold", "-Italic" or "-BoldItalic".

        Returns:
            Width of the last line in points.
        """
        font = self.family + style
        self.canvas.setFillColor(HexColor(colour or self.colour))
        self.canvas.setFont(font, size)
        x, y = at
        width = 0.0
        for number, line in enumerate(text.split("\n")):
            width = text_width(line, font, size)
            shift = {"l": 0.0, "c": width / 2, "r": width}[anchor]
            self.canvas.drawString(x - shift, y - number * size * 1.22, line)
        return width

    def label(self, at: Point, text: str, *, size: float = 8.0, colour: str = "") -> None:
        """Draw bold text centred on `at`."""
        self.text(at, text, size=size, anchor="c", style="-Bold", colour=colour)

    def turned_text(self, at: Point, text: str, *, turn: float = 90, size: float = 8.2, colour: str = "") -> None:
        """Draw text centred on `at` and turned by degrees, as beside an upright axis."""
        with self.at(at, turn=turn):
            self.text((0, 0), text, size=size, anchor="c", colour=colour)

    def ticks(self, centre: Point, radii: tuple[float, float], count: int, ink: Ink = THIN) -> None:
        """Draw the marks of a round scale between an inner and an outer radius."""
        for i in range(count):
            angle = 2 * math.pi * i / count
            self.line([around(centre, radius, angle) for radius in radii], ink)

    @contextmanager
    def clipped(self, box: Box) -> Iterator[None]:
        """Draw only inside a rectangle for the length of a `with` block."""
        self.canvas.saveState()
        clip = self.canvas.beginPath()
        clip.rect(*box)
        self.canvas.clipPath(clip, stroke=0, fill=0)
        yield
        self.canvas.restoreState()

    def gradient(self, box: Box, colours: Sequence[str], *, upright: bool = True) -> None:
        """Fill a rectangle with a smooth run of colours, bottom to top (or left to right)."""
        x, y, w, h = box
        end = (x, y + h) if upright else (x + w, y)
        with self.clipped(box):
            self.canvas.linearGradient(x, y, *end, [HexColor(c) for c in colours])

    def picture(self, image: Image.Image, box: Box, *, quality: int = 82) -> None:
        """Place a raster picture as a JPEG that fills the box."""
        data = BytesIO()
        image.save(data, "JPEG", quality=quality, optimize=True)
        data.seek(0)
        self.canvas.drawImage(ImageReader(data), *box)
