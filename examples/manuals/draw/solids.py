"""Turned parts for exploded views: cylinders, rings, flanges, bolts, springs, gears along one axis.

The pen must already be turned so that x runs along the shaft; the near face of every part is its low-x end. A disc
across the shaft appears as an ellipse `FLAT` times as deep as it is high.
"""

import math
from collections.abc import Sequence

from reportlab.lib.colors import HexColor

from .pen import DASH_DOT, Ink, Pen, Point

FLAT = 0.34
STEEL = ("#8d98a5", "#f2f5f8", "#7b8693")
CAST = ("#2c5a7d", "#8db9d8", "#23506f")
BRASS = ("#9a7420", "#f6dd97", "#8a661a")
RUBBER = ("#2a2f35", "#7d858e", "#22262b")
BARE = ("#ffffff", "#ffffff", "#ffffff")
EDGE = Ink("#1d2733", None, 0.7)


def _rim(x: float, radius: float, start: float, end: float) -> list[Point]:
    angles = [math.radians(start + (end - start) * i / 40) for i in range(41)]
    return [(x + FLAT * radius * math.cos(a), radius * math.sin(a)) for a in angles]


def _shade(pen: Pen, outline: Sequence[Point], tones: Sequence[str]) -> None:
    canvas = pen.canvas
    canvas.saveState()
    clip = canvas.beginPath()
    clip.moveTo(*outline[0])
    for point in outline[1:]:
        clip.lineTo(*point)
    clip.close()
    canvas.clipPath(clip, stroke=0, fill=0)
    low, high = min(p[1] for p in outline), max(p[1] for p in outline)
    canvas.linearGradient(0, low, 0, high, [HexColor(t) for t in tones], positions=[0, 0.66, 1])
    canvas.restoreState()
    pen.line(outline, EDGE, closed=True)


def cylinder(
    pen: Pen, x: float, length: float, radius: float, *, tones: Sequence[str] = STEEL, bore: float = 0
) -> None:
    """A solid or bored cylinder from `x` to `x + length`."""
    cone(pen, x, length, (radius, radius), tones=tones)
    face(pen, x, radius, tones=tones, bore=bore)


def cone(pen: Pen, x: float, length: float, radii: tuple[float, float], *, tones: Sequence[str] = STEEL) -> None:
    """The mantle of a cone or cylinder; `radii` are the near and the far one."""
    near, far = radii
    _shade(pen, [*_rim(x + length, far, -90, 90), *_rim(x, near, 90, 270)], tones)


def face(pen: Pen, x: float, radius: float, *, tones: Sequence[str] = STEEL, bore: float = 0) -> None:
    """The near face of a turned part, with a dark bore through it."""
    pen.ellipse((x, 0), (FLAT * radius, radius), Ink("#1d2733", tones[1], 0.7))
    if bore:
        pen.ellipse((x, 0), (FLAT * bore, bore), Ink("#1d2733", tones[0] if tones is not BARE else "#ffffff", 0.7))
        pen.line(_rim(x + min(bore * 0.25, 3), bore * 0.93, 100, 260), Ink("#1d2733", None, 0.4))


def holes(pen: Pen, x: float, circle: float, count: int, *, radius: float = 2.0) -> None:
    """Bolt holes on a circle of the near face."""
    for i in range(count):
        angle = 2 * math.pi * (i + 0.5) / count
        centre = (x + FLAT * circle * math.cos(angle), circle * math.sin(angle))
        pen.ellipse(centre, (FLAT * radius + 0.4, radius), Ink("#1d2733", "#3a444f", 0.4))


def bolt(pen: Pen, x: float, y: float, *, length: float = 22, radius: float = 3) -> None:
    """A hexagon bolt beside the axis, head at the near end."""
    with pen.at((x, y)):
        cylinder(pen, 4, length, radius * 0.55)
        for i in range(int(length / 3)):
            pen.line(_rim(7 + 3 * i, radius * 0.55, 90, 270), Ink("#1d2733", None, 0.35))
        cylinder(pen, 0, 4, radius)


def spring(pen: Pen, x: float, length: float, radius: float, *, turns: int = 7) -> None:
    """A compression spring around the axis."""
    points = []
    for i in range(turns * 24 + 1):
        angle = 2 * math.pi * i / 24
        points.append((x + length * i / (turns * 24) + FLAT * radius * math.cos(angle), radius * math.sin(angle)))
    pen.line(points, Ink("#1d2733", None, 2.6))
    pen.line(points, Ink("#c3cad2", None, 1.5))


def impeller(pen: Pen, x: float, radius: float, *, vanes: int = 6, tones: Sequence[str] = BRASS) -> None:
    """An open impeller: a disc whose near face carries curved vanes and a hub."""
    cylinder(pen, x, radius * 0.22, radius, tones=tones)
    for i in range(vanes):
        points = []
        for j in range(13):
            r = radius * (0.28 + 0.68 * j / 12)
            angle = 2 * math.pi * i / vanes + 1.25 * j / 12
            points.append((x - 2 + FLAT * r * math.cos(angle), r * math.sin(angle)))
        pen.line(points, Ink("#1d2733", None, 2.4))
        pen.line(points, Ink(tones[0], None, 1.2))
    cylinder(pen, x - radius * 0.16, radius * 0.16, radius * 0.26, tones=tones, bore=radius * 0.12)


def gear(pen: Pen, x: float, length: float, radius: float, *, teeth: int = 24, tones: Sequence[str] = STEEL) -> None:
    """A spur gear with a bore."""
    outline = []
    for i in range(teeth * 4):
        r = radius * (1.0 if i % 4 in (1, 2) else 0.88)
        angle = 2 * math.pi * i / (teeth * 4)
        outline.append((FLAT * r * math.cos(angle), r * math.sin(angle)))
    cone(pen, x, length, (radius * 0.97, radius * 0.97), tones=tones)
    for i in range(teeth):
        angle = 2 * math.pi * (i + 0.4) / teeth
        if math.cos(angle) < 0.1:
            px, py = x + FLAT * radius * math.cos(angle), radius * math.sin(angle)
            pen.line([(px, py), (px + length, py)], Ink("#1d2733", None, 0.5))
    pen.line([(x + px, py) for px, py in outline], Ink("#1d2733", tones[1], 0.7), closed=True)
    pen.ellipse((x, 0), (FLAT * radius * 0.32, radius * 0.32), Ink("#1d2733", tones[0], 0.7))


def axis(pen: Pen, start: float, end: float, *, y: float = 0) -> None:
    """The dash-dotted centre line of an exploded view."""
    pen.line([(start, y), (end, y)], Ink("#66717e", None, 0.5, DASH_DOT))


def balloon(pen: Pen, at: Point, text: str, *, target: Point, colour: str = "#1d2733") -> None:
    """A numbered balloon with a leader line to its part; coordinates of the unturned pen."""
    pen.line([at, target], Ink(colour, None, 0.55))
    pen.circle(target, 1.3, Ink(None, colour))
    pen.circle(at, 8.2, Ink(colour, "#ffffff", 1))
    pen.label((at[0], at[1] - 3), text, size=8.4, colour=colour)


def part_balloons(
    pen: Pen,
    parts: Sequence[tuple[int, float, float, float, float]],
    *,
    origin: Point,
    turn: float,
    scale: float = 1.0,
    colour: str,
) -> None:
    """Number the parts of an exploded view whose axis is turned by degrees.

    Args:
        pen: Unturned.
        parts: Number; place along and across the axis; how far to the right of it and above it the balloon stands.
        origin: Where the axis begins.
        turn: Of the axis, in degrees.
        scale: Of the view.
        colour: Of the balloons.
    """
    cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    for number, along, across, dx, dy in parts:
        x = origin[0] + scale * (along * cos - across * sin)
        y = origin[1] + scale * (along * sin + across * cos)
        balloon(pen, (x + dx, y + dy), str(number), target=(x, y), colour=colour)
