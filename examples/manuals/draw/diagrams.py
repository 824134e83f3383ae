"""Parts of block diagrams, flow charts and wiring diagrams: nodes, links, terminals, coils, contacts, motors."""

import math
from collections.abc import Sequence
from typing import Literal

from .pen import Box, Ink, Pen, Point, around

PAPER = Ink(fill="#ffffff")
Shape = Literal["box", "round", "diamond"]


def node(pen: Pen, box: Box, text: str, *, shape: Shape = "box", ink: Ink = PAPER, size: float = 8) -> None:
    """A box, pill or diamond with centred lines of text; `box` is centre x, centre y, width, height."""
    x, y, w, h = box
    if shape == "diamond":
        pen.line([(x - w / 2, y), (x, y + h / 2), (x + w / 2, y), (x, y - h / 2)], ink, closed=True)
    else:
        pen.box((x - w / 2, y - h / 2, w, h), ink, radius=h / 2 if shape == "round" else 3)
    lines = text.split("\n")
    top = y + (len(lines) - 1) * size * 0.61 - size * 0.35
    dark = ink.fill in ("#12324a", "#0b3d4f", "#7a2e1d", "#24405c", "#5b3a29", "#b3261e", "#1f7a4d")
    pen.text((x, top), text, size=size, anchor="c", colour="#ffffff" if dark else "")


def link(
    pen: Pen, points: Sequence[Point], label: str = "", *, colour: str = "#1d2733", at: Point | None = None
) -> None:
    """An arrow between nodes with a word beside it (at the start unless `at` is given)."""
    pen.arrow(points, Ink(colour, None, 1))
    if label:
        x, y = at or (points[0][0] + 5, points[0][1] - 10)
        pen.text((x, y), label, size=8, style="-Bold", colour=colour)


def terminals(pen: Pen, at: Point, names: Sequence[str], *, pitch: float = 34, size: float = 7.6) -> list[Point]:
    """A terminal strip; returns the screw centres."""
    x, y = at
    pen.box((x - pitch / 2, y - 13, pitch * len(names), 26), Ink("#1d2733", "#eef1f4", 0.9), radius=2)
    centres = []
    for i, name in enumerate(names):
        centre = (x + i * pitch, y - 3)
        pen.circle(centre, 4.2, Ink("#1d2733", "#ffffff", 0.8))
        pen.line([(centre[0] - 3, centre[1] - 3), (centre[0] + 3, centre[1] + 3)], Ink(width=0.8))
        pen.label((centre[0], y + 5), name, size=size)
        centres.append(centre)
    return centres


def wire(pen: Pen, points: Sequence[Point], colour: str, *, stripe: str = "", width: float = 2.0) -> None:
    """A wire in its insulation colour; `stripe` adds the second colour of protective earth."""
    pen.line(points, Ink("#1d2733", None, width + 0.9))
    pen.line(points, Ink(colour, None, width))
    if stripe:
        pen.line(points, Ink(stripe, None, width, (5, 5)))


def motor(pen: Pen, centre: Point, radius: float, text: str = "M\n3~") -> None:
    """A motor symbol."""
    pen.circle(centre, radius, Ink(fill="#ffffff", width=1.3))
    pen.label((centre[0], centre[1] + radius * 0.1), text, size=radius * 0.52)


def contact(pen: Pen, at: Point, label: str, *, closed: bool = False, width: float = 30) -> None:
    """A switch contact in a horizontal rung, starting at `at`."""
    x, y = at
    pen.line([(x, y), (x + width * 0.3, y)], Ink(width=1.1))
    pen.line([(x + width * 0.7, y), (x + width, y)], Ink(width=1.1))
    tip = y + (3 if closed else 9)
    pen.line([(x + width * 0.3, y), (x + width * 0.72, tip)], Ink(width=1.1))
    if closed:
        pen.line([(x + width * 0.7, y), (x + width * 0.7, y + 6)], Ink(width=1.1))
    pen.label((x + width / 2, y + 13), label, size=7.4)


def coil(pen: Pen, at: Point, label: str, *, width: float = 26) -> None:
    """A relay coil or solenoid in a horizontal rung, starting at `at`."""
    x, y = at
    pen.box((x, y - 7, width, 14), Ink(fill="#ffffff", width=1.1))
    pen.label((x + width / 2, y - 2.7), label, size=7.4)


def earth(pen: Pen, at: Point) -> None:
    """A protective earth symbol that hangs below `at`."""
    x, y = at
    pen.line([(x, y), (x, y - 8)], Ink(width=1.2))
    for i, half in enumerate((9, 6, 3)):
        pen.line([(x - half, y - 8 - 3 * i), (x + half, y - 8 - 3 * i)], Ink(width=1.2))


def step_circle(pen: Pen, at: Point, number: str, *, colour: str, radius: float = 9) -> None:
    """A filled circle with the number of a step."""
    pen.circle(at, radius, Ink(None, colour))
    pen.label((at[0], at[1] - radius * 0.38), number, size=radius * 1.1, colour="#ffffff")


def turn_arrow(pen: Pen, centre: Point, radius: float, ink: Ink, *, start: float, extent: float) -> None:
    """A circular arrow, for 'turn this way'."""
    pen.arc(centre, radius, ink, start=start, extent=extent)
    end = math.radians(start + extent)
    before = math.radians(start + extent * 0.93)
    pen.arrow([around(centre, radius, before), around(centre, radius, end)], ink, head=6)
