"""Figures of the service half of the pump manual; each function fills a box of `width` by `height` points."""

import math

from .charts import Axes, legend
from .pen import DASH_DOT, THIN, Ink, Pen, around
from .pump_figures import NAVY, ORANGE, PANEL
from .solids import BRASS, CAST, RUBBER, STEEL, axis, bolt, cylinder, face, holes, impeller, part_balloons, spring


def exploded(pen: Pen, width: float, _height: float) -> None:
    """All parts along the shaft, from lower left to upper right."""
    turn, origin = 43.0, (62.0, 62.0)
    with pen.at(origin, turn=turn):
        axis(pen, -40, 590)
        _exploded_far(pen)
        _exploded_near(pen)
    parts = (
        (1, 30, 66, -34, 44),
        (2, 112, 30, -34, 44),
        (3, 150, -10, 52, -32),
        (4, 196, 46, -44, 44),
        (5, 248, -50, 44, -44),
        (6, 286, -14, 50, -38),
        (7, 322, 52, -44, 44),
        (8, 388, -40, 52, -44),
        (9, 458, 24, -44, 40),
        (10, 346, 0, 68, -60),
        (11, 494, -26, 46, -36),
        (12, 560, 34, -40, 32),
        (13, 82, -66, 36, -28),
        (14, 524, -5, 62, -34),
    )
    part_balloons(pen, parts, origin=origin, turn=turn, colour=NAVY)
    pen.text((width - 128, 30), "parts come off this way", size=8.5, colour=ORANGE, style="-Bold")
    pen.arrow([(width - 20, 18), (width - 128, 18)], Ink(ORANGE, None, 2), head=8)


def _exploded_far(pen: Pen) -> None:
    cylinder(pen, 552, 24, 34, bore=11)
    holes(pen, 552, 24, 6, radius=3.4)
    pen.box((516, -3, 20, 6), Ink("#1d2733", "#c9a24a", 0.8), radius=2)
    cylinder(pen, 490, 8, 30, bore=12, tones=CAST)
    holes(pen, 490, 24, 4)
    cylinder(pen, 452, 13, 24, bore=12)
    face(pen, 452, 19, bore=12)
    cylinder(pen, 372, 52, 38, tones=CAST)
    cylinder(pen, 360, 12, 50, tones=CAST, bore=24)
    holes(pen, 360, 42, 8)


def _exploded_near(pen: Pen) -> None:
    cylinder(pen, 340, 60, 7)
    cylinder(pen, 312, 12, 56, tones=CAST, bore=17)
    holes(pen, 312, 48, 8)
    spring(pen, 276, 20, 13, turns=5)
    cylinder(pen, 266, 7, 16, tones=RUBBER, bore=9)
    cylinder(pen, 244, 2, 56, tones=("#b5651d", "#e8b07a", "#8a4a10"), bore=44)
    impeller(pen, 196, 48, tones=BRASS)
    cylinder(pen, 146, 9, 10, tones=STEEL, bore=5)
    cylinder(pen, 108, 9, 30, tones=BRASS, bore=24)
    bolt(pen, 74, -66, length=24, radius=4)
    bolt(pen, 74, 66, length=24, radius=4)
    cylinder(pen, 20, 34, 72, tones=CAST)
    with pen.at((36, 66)):
        pen.box((-13, 0, 26, 26), Ink("#1d2733", "#5b93ba", 0.8))
        pen.box((-20, 24, 40, 8), Ink("#1d2733", "#8db9d8", 0.8))
    face(pen, 20, 72, tones=CAST)
    holes(pen, 20, 64, 8, radius=3)
    cylinder(pen, -10, 30, 30, tones=CAST)
    cylinder(pen, -20, 10, 44, tones=CAST, bore=26)
    holes(pen, -20, 36, 8, radius=3)


def stock(pen: Pen, width: float, height: float) -> None:
    """Grouped bars: parts by number of pumps."""
    axes = Axes(pen, (44, 26, width - 170, height - 34), (-0.6, 3.6), (0, 6))
    axes.frame(xticks=(), yticks=(0, 2, 4, 6), ylabel="pieces")
    axes.names(("1 pump", "2 to 3 pumps", "4 to 6 pumps", "7 or more"))
    for k, (values, colour) in enumerate((((1, 2, 4, 6), NAVY), ((1, 1, 2, 4), ORANGE), ((0, 1, 1, 2), "#6fa8d8"))):
        for i, value in enumerate(values):
            axes.bar(i + (k - 1) * 0.24, (0, value), colour, width=0.22)
    legend(
        pen,
        (width - 112, height - 26),
        (("seal kit A", NAVY), ("bearing kit B", ORANGE), ("impeller 209 mm", "#6fa8d8")),
    )


def bolt_sequence(pen: Pen, width: float, height: float) -> None:
    """Eight studs on a circle with their order."""
    centre, radius = (width * 0.32, height / 2), height * 0.46
    pen.circle(centre, radius, Ink(NAVY, "#d7e3ec", 1.6))
    pen.circle(centre, radius * 0.5, Ink(NAVY, "#ffffff", 1.4))
    pen.circle(centre, radius * 0.78, Ink(NAVY, None, 0.6, (6, 3)))
    places = {}
    for number, slot in zip(range(1, 9), (0, 4, 2, 6, 1, 5, 3, 7), strict=True):
        angle = math.pi / 2 - slot * math.pi / 4
        places[number] = around(centre, radius * 0.78, angle)
    for first, second in ((1, 2), (3, 4), (5, 6), (7, 8)):
        pen.line([places[first], places[second]], Ink(ORANGE, None, 0.9, (3, 2)))
    for number, at in places.items():
        pen.line([around(at, 12, k * math.pi / 3) for k in range(6)], Ink(NAVY, "#ffffff", 1.4), closed=True)
        pen.label((at[0], at[1] - 4), str(number), size=11)
    for i, (share, torque) in enumerate(
        (("Round 1   30 %", "17 Nm"), ("Round 2   70 %", "39 Nm"), ("Round 3   100 %", "55 Nm"))
    ):
        y = height * 0.7 - i * 42
        pen.box((width * 0.62, y, 165, 30), PANEL, radius=4)
        pen.text((width * 0.62 + 10, y + 11), share, size=10)
        pen.text((width * 0.62 + 155, y + 11), torque, size=11, anchor="r", style="-Bold", colour=ORANGE)


def seal_section(pen: Pen, width: float, _height: float) -> None:
    """Half section of the seal above the shaft's centre line."""
    y = 50.0
    pen.box((20, y - 22, width - 60, 44), Ink(NAVY, "#dfe6ec", 1.2))
    pen.line([(6, y), (width - 26, y)], Ink(ORANGE, None, 0.7, DASH_DOT))
    pen.box((110, y + 22, 260, 12), Ink(NAVY, "#f0d9a8", 1))
    pen.box((300, y + 36, 34, 60), Ink(NAVY, "#7d8995", 1))
    pen.box((266, y + 36, 34, 48), Ink(NAVY, "#3d4650", 1))
    points = [(140 + 7 * i, y + (40 if i % 2 else 74)) for i in range(18)]
    pen.line(points, Ink("#7b8693", None, 2.6))
    pen.box((118, y + 36, 20, 48), Ink(NAVY, "#c9d6e2", 1))
    pen.line(
        [
            (334, y + 36),
            (380, y + 36),
            (380, y + 150),
            (60, y + 150),
            (60, y + 112),
            (300, y + 112),
            (300, y + 96),
            (334, y + 96),
        ],
        Ink(NAVY, "#8db9d8", 1.2),
        closed=True,
    )
    for at in ((283, y + 90), (345, y + 101)):
        pen.circle(at, 4.2, Ink(NAVY, "#20242a", 1))
    pen.line([(300, y + 36), (300, y + 84)], Ink("#c0392b", None, 2.2))
    pen.dimension((138, y + 98), (266, y + 98), "28.5", size=9)
    for text, at, target in (
        ("casing cover 7", (404, y + 138), (372, y + 132)),
        ("stationary ring, silicon carbide", (392, y + 108), (325, y + 76)),
        ("sealing gap", (400, y + 86), (301, y + 60)),
        ("rotating ring, carbon", (400, y + 64), (285, y + 52)),
        ("shaft sleeve", (404, y + 42), (352, y + 28)),
    ):
        pen.line([(at[0] - 3, at[1] + 3), target], THIN)
        pen.text(at, text, size=8.4)
    pen.text((170, y + 124), "water side", size=9, style="-Bold", colour="#ffffff")
    pen.text((66, y - 16), "shaft 33 mm", size=9, style="-Bold")
    pen.text((6, y + 60), "spring holder", size=8.4)
    pen.line([(62, y + 62), (118, y + 60)], THIN)


def grease_chart(pen: Pen, width: float, height: float) -> None:
    """Regreasing interval falls with temperature."""
    axes = Axes(pen, (58, 36, width - 110, height - 48), (50, 110), (0, 10000))
    axes.frame(xticks=range(50, 111, 10), yticks=range(0, 10001, 2000), xlabel="Bearing temperature (°C)")
    pen.turned_text((10, height / 2), "Interval (hours)")
    axes.line([(t, 9000 * 2 ** (-(t - 50) / 15)) for t in range(50, 111, 4)], NAVY, width=2.2)
    axes.dots([(65, 4500), (80, 2250), (95, 1125)], ORANGE, radius=3.4)
    for t, hours in ((65, 4500), (80, 2250), (95, 1125)):
        axes.note(t, hours, f"{t} °C: {hours} h", colour=ORANGE)


def controller(pen: Pen, width: float, height: float) -> None:
    """Front panel with display, keys and lamps."""
    x = width / 2 - 130
    pen.box((x, 0, 260, height), Ink(NAVY, "#2b3a48", 1.4), radius=8)
    pen.box((x + 14, 22, 112, height - 36), Ink("#0f1a12", "#14301c", 1), radius=3)
    pen.label((x + 70, height * 0.42), "E-21", size=34, colour="#7dff9a")
    for i, (name, colour) in enumerate((("RUN", "#3c5a45"), ("ALARM", "#ff4b3e"), ("REMOTE", "#5a5640"))):
        pen.circle((x + 146, height - 24 - i * 24), 5, Ink("#0c1218", colour, 1))
        pen.text((x + 157, height - 27 - i * 24), name, size=8, colour="#dbe7f0")
    for i, name in enumerate(("RESET", "STOP")):
        pen.box(
            (x + 204, height - 42 - i * 36, 44, 26), Ink("#0c1218", "#e0701a" if i == 0 else "#b3261e", 1), radius=4
        )
        pen.label((x + 226, height - 32 - i * 36), name, size=8, colour="#ffffff")
    pen.text((x + 70, 9), "Torvale TC-2", size=8, anchor="c", colour="#dbe7f0")
