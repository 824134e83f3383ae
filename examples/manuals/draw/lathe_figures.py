"""Black-and-white figures of the lathe book; each function fills a box of `width` by `height` points."""

import math
from collections.abc import Sequence

from .charts import Axes
from .diagrams import turn_arrow
from .pen import Ink, Pen, Point, around
from .solids import BARE, axis, cylinder, gear

INK = Ink("#000000", None, 1.2)
WHITE = Ink("#000000", "#ffffff", 1.2)
GREY = Ink("#000000", "#d9d9d9", 1.2)
FINE = Ink("#000000", None, 0.6)


def _marks(pen: Pen, marks: Sequence[tuple[str, Point, Point]]) -> None:
    """Circled letters or numbers, each with where it stands and what it points to."""
    for text, at, target in marks:
        pen.line([at, target], FINE)
        pen.circle(at, 10, WHITE)
        pen.label((at[0], at[1] - 4), text, size=11)


def _hatch(pen: Pen, x: float, y: float, w: float, h: float) -> None:
    with pen.clipped((x, y, w, h)):
        for k in range(int((w + h) / 6)):
            pen.line([(x + 6 * k - h, y), (x + 6 * k, y + h)], Ink("#000000", None, 0.45))


def _lathe(pen: Pen, x: float, y: float) -> None:
    for fx, fw in ((10, 96), (330, 84)):
        pen.line([(x + fx, y), (x + fx + fw, y), (x + fx + fw - 12, y + 92), (x + fx + 12, y + 92)], GREY, closed=True)
        pen.box((x + fx + 22, y + 20, fw - 44, 54), WHITE)
    pen.box((x, y + 92, 436, 30), WHITE)
    _hatch(pen, x, y + 92, 436, 8)
    pen.line([(x + 96, y + 82), (x + 420, y + 82)], Ink("#000000", None, 3))
    pen.line([(x + 96, y + 74), (x + 420, y + 74)], Ink("#000000", None, 1.6))
    pen.box((x + 4, y + 122, 112, 92), GREY, radius=8)
    pen.box((x + 4, y + 60, 92, 32), WHITE)
    for k in range(2):
        pen.circle((x + 36 + 40 * k, y + 180), 11, WHITE)
        pen.line([(x + 36 + 40 * k, y + 180), (x + 48 + 40 * k, y + 202)], Ink("#000000", None, 3))
    pen.circle((x + 26, y + 146), 7, WHITE)
    pen.circle((x + 84, y + 146), 7, WHITE)
    pen.box((x + 116, y + 138, 14, 56), WHITE)
    pen.box((x + 130, y + 132, 20, 68), GREY)
    pen.box((x + 150, y + 160, 40, 12), WHITE)
    pen.box((x + 196, y + 122, 84, 14), WHITE)
    pen.box((x + 206, y + 62, 66, 60), GREY, radius=4)
    pen.circle((x + 226, y + 94), 15, WHITE)
    pen.circle((x + 226, y + 94), 4, INK)
    pen.box((x + 254, y + 76, 8, 26), WHITE)
    pen.box((x + 216, y + 136, 40, 12), WHITE)
    pen.box((x + 222, y + 148, 26, 16), GREY)
    pen.circle((x + 236, y + 128), 7, WHITE)
    pen.line([(x + 236, y + 128), (x + 246, y + 118)], Ink("#000000", None, 2.4))
    pen.box((x + 256, y + 140, 16, 6), WHITE)
    pen.box((x + 330, y + 122, 64, 20), WHITE)
    pen.line([(x + 336, y + 142), (x + 342, y + 184), (x + 388, y + 184), (x + 388, y + 142)], GREY, closed=True)
    pen.box((x + 314, y + 160, 28, 14), WHITE)
    pen.line([(x + 314, y + 162), (x + 302, y + 167), (x + 314, y + 172)], WHITE, closed=True)
    pen.box((x + 388, y + 162, 20, 10), WHITE)
    pen.box((x + 408, y + 146, 9, 42), WHITE, radius=3)
    pen.line([(x + 360, y + 184), (x + 372, y + 202)], Ink("#000000", None, 3))


def arrangement(pen: Pen, _width: float, _height: float) -> None:
    """Front elevation with reference letters."""
    x, y = 18.0, 30.0
    _lathe(pen, x, y)
    marks = (
        ("A", (30, 288), (x + 46, y + 198)),
        ("B", (4, 150), (x + 19, y + 146)),
        ("C", (126, 270), (x + 86, y + 152)),
        ("D", (186, 40), (x + 240, y + 122)),
        ("E", (290, 262), (x + 266, y + 144)),
        ("F", (458, 230), (x + 414, y + 188)),
        ("G", (388, 284), (x + 371, y + 202)),
        ("H", (218, 22), (x + 226, y + 80)),
        ("J", (304, 40), (x + 258, y + 78)),
        ("K", (150, 64), (x + 150, y + 74)),
    )
    _marks(pen, marks)
    pen.text((x + 300, 70), "bed", size=11, anchor="c", style="-Italic")
    pen.line([(x + 300, 82), (x + 300, y + 96)], FINE)


def foundation(pen: Pen, _width: float, _height: float) -> None:
    """Plan with six bolts, jacking screws and dimensions."""
    pen.box((24, 44, 420, 170), Ink("#000000", None, 0.9, (8, 4)))
    for fx, fw in ((54, 110), (316, 96)):
        pen.box((fx, 78, fw, 100), GREY)
        for dx in (14, fw - 14):
            for dy in (94, 162):
                pen.circle((fx + dx, dy), 6, WHITE)
                pen.line([(fx + dx - 10, dy), (fx + dx + 10, dy)], FINE)
                pen.line([(fx + dx, dy - 10), (fx + dx, dy + 10)], FINE)
    pen.box((64, 112, 340, 32), WHITE)
    for k, at in enumerate(((109, 88), (109, 168), (364, 88), (364, 168))):
        pen.circle(at, 9, WHITE)
        pen.label((at[0], at[1] - 4), str(k + 1), size=11)
    pen.text((234, 124), "bed of lathe", size=11, anchor="c", style="-Italic")
    pen.text((234, 198), "edge of concrete block", size=11, anchor="c", style="-Italic")
    pen.dimension((24, 24), (444, 24), "76", size=11)
    pen.dimension((68, 60), (398, 60), "54 1/2", size=11)
    pen.dimension((10, 44), (10, 214), "33", size=11)
    pen.dimension((426, 94), (426, 162), "13", size=11)
    pen.text((24, 232), "Bolts 5/8 in. Whitworth, 9 in. long, grouted.  Jacking screws 1 to 4.", size=11)


def lubrication(pen: Pen, _width: float, _height: float) -> None:
    """The lathe once more with numbered points."""
    x, y = 18.0, 14.0
    _lathe(pen, x, y)
    marks = (
        ("1", (66, 262), (x + 60, y + 206)),
        ("2", (-4, 190), (x + 10, y + 150)),
        ("3", (-4, 60), (x + 30, y + 72)),
        ("4", (244, 24), (x + 236, y + 66)),
        ("5", (236, 262), (x + 236, y + 154)),
        ("6", (470, 60), (x + 420, y + 82)),
        ("7", (330, 256), (x + 330, y + 168)),
        ("8", (150, 20), (x + 70, y + 50)),
    )
    _marks(pen, marks)


def gear_train(pen: Pen, _width: float, _height: float) -> None:
    """Three shafts with gears, exploded and parallel."""
    turn = 24.0
    rows: tuple[tuple[Point, str], ...] = (((36, 196), "input"), ((36, 112), "middle"), ((60, 14), "spindle"))
    for origin, kind in rows:
        with pen.at(origin, turn=turn):
            axis(pen, -26, 452)
            if kind == "input":
                cylinder(pen, 330, 90, 7, tones=BARE)
                for k, r in enumerate((30, 25, 20)):
                    gear(pen, 262 - 24 * k, 13, r, teeth=22, tones=BARE)
                cylinder(pen, 30, 130, 8, tones=BARE)
                cylinder(pen, -10, 30, 38, tones=BARE, bore=9)
            elif kind == "middle":
                gear(pen, 350, 15, 40, teeth=29, tones=BARE)
                gear(pen, 318, 15, 20, teeth=16, tones=BARE)
                cylinder(pen, 30, 220, 8, tones=BARE)
            else:
                cylinder(pen, 330, 110, 13, tones=BARE)
                gear(pen, 236, 20, 46, teeth=36, tones=BARE)
                cylinder(pen, 30, 140, 13, tones=BARE)
                cylinder(pen, 6, 22, 22, tones=BARE, bore=9)
    marks = (
        ("31", (30, 292), (40, 222)),
        ("32", (226, 372), (232, 306)),
        ("33", (112, 222), (150, 166)),
        ("34", (432, 318), (374, 264)),
        ("35", (330, 56), (290, 92)),
        ("36", (176, 30), (150, 52)),
    )
    _marks(pen, marks)


def cutting_chart(pen: Pen, width: float, height: float) -> None:
    """Hyperbolas n = 12 v / (pi d)."""
    axes = Axes(pen, (56, 40, width - 150, height - 52), (0.5, 8), (0, 1100), ink="#000000", grid="#999999")
    axes.frame(xticks=range(1, 9), yticks=range(0, 1101, 200), xlabel="Work diameter, inches")
    pen.turned_text((14, height / 2), "Spindle speed, r.p.m.", size=9)
    for speed, dash in ((60, (2.0, 2.0)), (100, ()), (200, (8.0, 3.0))):
        points = [(0.5 + 0.25 * k, 12 * speed / math.pi / (0.5 + 0.25 * k)) for k in range(31)]
        axes.line([p for p in points if p[1] < 1100], "#000000", width=1.8, dash=dash)
        axes.note(8.05, {200: 150, 100: 70, 60: -10}[speed], f"{speed} ft./min.", colour="#000000", size=9.5)


def change_gears(pen: Pen, _width: float, _height: float) -> None:
    """Three meshing wheels on the quadrant."""
    pen.curve(
        (150, 10),
        Ink("#000000", "#e6e6e6", 1),
        bends=[((60, 90), (110, 200), (210, 216)), ((330, 216), (360, 120), (330, 10))],
    )
    for (x, y), r, teeth, word in (
        ((132, 150), 38, 20, "driver"),
        ((216, 108), 56, 32, "idler"),
        ((332, 82), 64, 40, "driven"),
    ):
        outline = []
        for k in range(teeth * 4):
            radius = r * (1.0 if k % 4 in (1, 2) else 0.9)
            a = 2 * math.pi * k / (teeth * 4)
            outline.append(around((x, y), radius, a))
        pen.line(outline, WHITE, closed=True)
        pen.circle((x, y), r * 0.62, FINE)
        pen.circle((x, y), 7, GREY)
        pen.text((x, y + 14), word, size=11, anchor="c", style="-Italic")
    turn_arrow(pen, (132, 150), 48, INK, start=160, extent=-90)
    turn_arrow(pen, (332, 82), 74, INK, start=20, extent=-80)
    pen.text((10, 196), "spindle stud", size=11)
    pen.line([(72, 194), (128, 156)], FINE)
    pen.text((400, 160), "leadscrew", size=11)
    pen.line([(404, 156), (338, 88)], FINE)


def belt(pen: Pen, _width: float, _height: float) -> None:
    """Two pulleys, a slack belt and the pull."""
    small, large = (110.0, 92.0), (360.0, 92.0)
    pen.line([(110, 126), (236, 112), (360, 166)], Ink("#000000", None, 2.6))
    pen.line([(110, 58), (360, 18)], Ink("#000000", None, 2.6))
    pen.line([(110, 126), (360, 166)], Ink("#000000", None, 0.8, (5, 3)))
    for (x, y), r, word in ((small, 33, "motor"), (large, 73, "headstock")):
        pen.circle((x, y), r, GREY)
        pen.circle((x, y), 8, WHITE)
        pen.text((x, y + 14), word, size=11, anchor="c", style="-Italic")
    pen.arrow([(236, 186), (236, 116)], Ink("#000000", None, 2.2), head=9)
    pen.text((244, 176), "8 lb.", size=12, style="-Bold")
    pen.dimension((216, 143), (216, 114), "", size=9)
    pen.text((206, 122), "1/2 in.", size=12, anchor="r", style="-Bold")
