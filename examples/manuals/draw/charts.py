"""Charts drawn with a pen: axes with ticks, lines, scatter, bars, pies, radar. Data units in, points on paper out."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .pen import Box, Ink, Pen, Point

GRID = Ink("#c9d0d8", None, 0.4)


@dataclass(frozen=True)
class Axes:
    """A plot area and the data range that it shows.

    Attributes:
        pen: Draws into the figure that holds the area.
        area: x, y, width, height of the plot area in points.
        xlim: Data value at the left and at the right edge.
        ylim: Data value at the bottom and at the top edge.
        ink: Colour of axes and labels.
        grid: Colour of grid lines.
    """

    pen: Pen
    area: Box
    xlim: tuple[float, float]
    ylim: tuple[float, float]
    ink: str = "#3d4a57"
    grid: str = "#d5dbe1"

    def at(self, x: float, y: float) -> Point:
        """Place of a data point on paper."""
        left, bottom, width, height = self.area
        fx = (x - self.xlim[0]) / (self.xlim[1] - self.xlim[0])
        fy = (y - self.ylim[0]) / (self.ylim[1] - self.ylim[0])
        return left + fx * width, bottom + fy * height

    def frame(self, *, xticks: Sequence[float], yticks: Sequence[float], xlabel: str = "", ylabel: str = "") -> None:
        """Draw grid, axes, tick labels and axis titles."""
        left, bottom, width, height = self.area
        for tick in yticks:
            y = self.at(self.xlim[0], tick)[1]
            self.pen.line([(left, y), (left + width, y)], Ink(self.grid, None, 0.5))
            self.pen.text((left - 5, y - 2.6), f"{tick:g}", size=7.4, anchor="r", colour=self.ink)
        for tick in xticks:
            x = self.at(tick, self.ylim[0])[0]
            self.pen.line([(x, bottom), (x, bottom + height)], Ink(self.grid, None, 0.5))
            self.pen.text((x, bottom - 11), f"{tick:g}", size=7.4, anchor="c", colour=self.ink)
        self.outline(xlabel, ylabel)

    def outline(self, xlabel: str = "", ylabel: str = "") -> None:
        """Draw the two axes and their titles only."""
        left, bottom, width, height = self.area
        self.pen.line([(left, bottom + height), (left, bottom), (left + width, bottom)], Ink(self.ink, None, 0.9))
        self.pen.text((left + width / 2, bottom - 24), xlabel, size=8.2, anchor="c", colour=self.ink)
        self.pen.turned_text((left - 30, bottom + height / 2), ylabel, colour=self.ink)

    def names(self, labels: Sequence[str], *, size: float = 7.6) -> None:
        """Write one label under each unit step of the x axis, centred on 0, 1, 2 and so on."""
        for i, label in enumerate(labels):
            x, y = self.at(i, self.ylim[0])
            self.pen.text((x, y - 11), label, size=size, anchor="c", colour=self.ink)

    def line(self, points: Sequence[Point], colour: str, *, width: float = 1.6, dash: tuple[float, ...] = ()) -> None:
        """Draw a smooth curve through data points."""
        self.pen.smooth([self.at(*p) for p in points], Ink(colour, None, width, dash))

    def steps(self, points: Sequence[Point], colour: str, *, width: float = 1.2) -> None:
        """Draw a straight polyline through data points."""
        self.pen.line([self.at(*p) for p in points], Ink(colour, None, width))

    def dots(self, points: Sequence[Point], colour: str, *, radius: float = 2.2) -> None:
        """Draw a mark at each data point."""
        for point in points:
            self.pen.circle(self.at(*point), radius, Ink("#ffffff", colour, 0.4))

    def bar(self, x: float, span: tuple[float, float], colour: str, *, width: float = 0.6) -> None:
        """Draw an upright bar centred on `x` over the data values of `span`."""
        self.band((x - width / 2, x + width / 2), span, Ink(None, colour))

    def band(self, xspan: tuple[float, float], yspan: tuple[float, float], ink: Ink) -> None:
        """Draw a rectangle between data values."""
        left, bottom = self.at(xspan[0], yspan[0])
        right, top = self.at(xspan[1], yspan[1])
        self.pen.box((left, bottom, right - left, top - bottom), ink)

    def note(self, x: float, y: float, text: str, *, colour: str = "", size: float = 7.8) -> None:
        """Write a label beside a data point."""
        px, py = self.at(x, y)
        self.pen.text((px + 3, py + 3), text, size=size, style="-Bold", colour=colour or self.ink)


def legend(
    pen: Pen, at: Point, entries: Sequence[tuple[str, str]], *, colour: str = "#3d4a57", step: float = 12
) -> None:
    """A stacked legend; entries are (label, hex colour)."""
    for i, (label, swatch) in enumerate(entries):
        y = at[1] - i * step
        pen.box((at[0], y, 9, 7), Ink(None, swatch))
        pen.text((at[0] + 14, y + 0.4), label, size=7.8, colour=colour)


def pie(pen: Pen, centre: Point, radius: float, slices: Sequence[tuple[str, float, str]]) -> None:
    """A ring chart; slices are (label, share, hex colour). Percentages stand on the ring, labels outside."""
    total = sum(share for _, share, _ in slices)
    angle = 90.0
    for label, share, colour in slices:
        extent = -360 * share / total
        pen.wedge(centre, radius, Ink("#ffffff", colour, 1.2), start=angle, extent=extent)
        middle = math.radians(angle + extent / 2)
        x, y = math.cos(middle), math.sin(middle)
        percent = f"{100 * share / total:.0f} %"
        pen.label((centre[0] + 0.74 * radius * x, centre[1] + 0.74 * radius * y - 3), percent, colour="#ffffff")
        pen.line(
            [
                (centre[0] + radius * x, centre[1] + radius * y),
                (centre[0] + 1.1 * radius * x, centre[1] + 1.1 * radius * y),
            ],
            Ink(colour),
        )
        at = (centre[0] + 1.14 * radius * x, centre[1] + 1.14 * radius * y - 3)
        pen.text(at, label, anchor="l" if x > 0 else "r")
        angle += extent
    pen.circle(centre, radius * 0.48, Ink(None, "#ffffff"))
