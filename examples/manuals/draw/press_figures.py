"""Figures of the press manual; each function fills a box of `width` by `height` points."""

import math

from .charts import Axes
from .diagrams import turn_arrow
from .pen import THIN, Ink, Pen, Point
from .solids import BRASS, RUBBER, STEEL, axis, bolt, cylinder, face, holes, part_balloons

RUST, BLUE, STEELY = "#7a2e1d", "#24405c", "#cfd6dd"
PRESSURE, TANK = Ink("#b3261e", None, 1.8), Ink("#2467a8", None, 1.8)
PILOT = Ink("#b3261e", None, 0.9, (4, 2.5))
PANEL = Ink("#d8cfc9", "#faf7f5", 0.8)
BODY = Ink("#22201f", "#ffffff", 1.3)


def _tank(pen: Pen, at: Point) -> None:
    x, y = at
    pen.line([(x - 12, y + 8), (x - 12, y), (x + 12, y), (x + 12, y + 8)], Ink(width=1.5))


def _valve43(pen: Pen, at: Point) -> None:
    x, y = at
    for k in range(3):
        pen.box((x + 44 * k, y, 44, 44), BODY)
    pen.arrow([(x + 12, y), (x + 12, y + 44)], Ink(width=1.2))
    pen.arrow([(x + 32, y + 44), (x + 32, y)], Ink(width=1.2))
    pen.line([(x + 56, y), (x + 56, y + 14), (x + 76, y + 14), (x + 76, y)], Ink(width=1.2))
    for dx in (56, 76):
        pen.line([(x + dx, y + 44), (x + dx, y + 34)], Ink(width=1.2))
        pen.line([(x + dx - 5, y + 34), (x + dx + 5, y + 34)], Ink(width=1.2))
    pen.arrow([(x + 100, y), (x + 120, y + 44)], Ink(width=1.2))
    pen.arrow([(x + 100, y + 44), (x + 120, y)], Ink(width=1.2))
    for sx, name in ((x - 24, "Y1"), (x + 132, "Y2")):
        pen.box((sx, y + 10, 24, 24), BODY)
        pen.line([(sx, y + 10), (sx + 24, y + 34)], Ink(width=1))
        pen.label((sx + 12, y + 40), name, size=8.5, colour=RUST)


def _relief(pen: Pen, at: Point, name: str) -> None:
    x, y = at
    pen.box((x - 15, y - 15, 30, 30), BODY)
    pen.arrow([(x - 4, y + 15), (x - 4, y - 15)], Ink(width=1.2))
    pen.line([(x + 15 + 4 * k, y + (4 if k % 2 else -4)) for k in range(6)], Ink(width=1.1))
    pen.line([(x - 15, y + 5), (x - 24, y + 5), (x - 24, y + 26), (x, y + 26)], PILOT)
    pen.text((x + 40, y - 3), name, size=9, style="-Bold", colour=RUST)


def schematic(pen: Pen, width: float, height: float) -> None:
    """Tank, pump, relief, directional valve, counterbalance valve, cylinder."""
    pen.box((0, 0, width, height), PANEL, radius=5)
    px, vx = 110.0, 214.0
    pen.line([(px, 30), (px, 172), (vx + 56, 172), (vx + 56, 196)], PRESSURE)
    _tank(pen, (px, 26))
    pen.circle((px, 88), 20, BODY)
    pen.line([(px - 7, 98), (px + 7, 98), (px, 108)], Ink("#22201f", "#22201f"), closed=True)
    pen.line([(px - 20, 88), (px - 44, 88)], Ink(width=2.4))
    pen.circle((px - 64, 88), 20, BODY)
    pen.label((px - 64, 84), "M", size=13)
    pen.label((px - 64, 58), "M1 15 kW", size=8.5, colour=RUST)
    pen.text((px + 24, 84), "P1 28 l/min", size=8.5, style="-Bold", colour=RUST)
    pen.line([(px, 148), (px + 92, 148), (px + 92, 121)], PRESSURE)
    _relief(pen, (px + 96, 106), "V1 310 bar")
    pen.line([(px + 92, 91), (px + 92, 34)], TANK)
    _tank(pen, (px + 92, 26))
    pen.circle((px, 212), 17, BODY)
    pen.line([(px, 172), (px, 195)], PRESSURE)
    pen.arrow([(px, 212), (px + 9, 222)], Ink(RUST, None, 1.6), head=4)
    pen.label((px - 24, 234), "MP1 0 to 400 bar", size=8.5, colour=RUST)
    _valve43(pen, (vx, 196))
    pen.label((vx + 66, 180), "P", size=8.5)
    pen.text((vx + 150, 184), "V2", size=10, style="-Bold", colour=RUST)
    pen.line([(vx + 76, 196), (vx + 76, 150), (vx + 160, 150), (vx + 160, 118)], TANK)
    _filter(pen, (vx + 160, 100))
    pen.line([(vx + 160, 82), (vx + 160, 34)], TANK)
    _tank(pen, (vx + 160, 26))
    _cylinder_symbol(pen, (vx + 56, 322), width)
    legend_x = 14
    for k, (ink, word) in enumerate(((PRESSURE, "pressure line"), (TANK, "return to tank"), (PILOT, "pilot line"))):
        pen.line([(legend_x, height - 20 - 15 * k), (legend_x + 26, height - 20 - 15 * k)], ink)
        pen.text((legend_x + 32, height - 23 - 15 * k), word, size=8.4)


def _filter(pen: Pen, at: Point) -> None:
    x, y = at
    pen.line([(x, y + 18), (x + 18, y), (x, y - 18), (x - 18, y)], BODY, closed=True)
    pen.line([(x - 18, y), (x + 18, y)], Ink(width=1, dash=(3, 2)))
    pen.text((x + 24, y - 3), "F1 return filter 10 µm", size=8.5, style="-Bold", colour=RUST)


def _cylinder_symbol(pen: Pen, at: Point, _width: float) -> None:
    x, y = at
    pen.line([(x, y - 82), (x, y + 94), (x + 124, y + 94)], PRESSURE)
    pen.line([(x + 20, y - 82), (x + 20, y - 40)], TANK)
    pen.box((x + 6, y - 40, 30, 30), BODY)
    pen.arrow([(x + 16, y - 10), (x + 16, y - 40)], Ink(width=1.2))
    pen.line([(x + 36 + 4 * k, y - 25 + (4 if k % 2 else -4)) for k in range(6)], Ink(width=1.1))
    pen.text((x + 62, y - 28), "V3 45 bar", size=9, style="-Bold", colour=RUST)
    pen.line([(x + 20, y - 10), (x + 20, y + 12), (x + 124, y + 12)], TANK)
    pen.box((x + 124, y, 60, 112), BODY)
    pen.box((x + 124, y + 52, 60, 15), Ink("#22201f", STEELY, 1.2))
    pen.box((x + 146, y - 34, 16, 86), Ink("#22201f", STEELY, 1.2))
    pen.box((x + 120, y - 44, 68, 11), Ink("#22201f", "#9aa5b0", 1.2))
    pen.label((x + 154, y + 118), "C1  165 / 110 x 400", size=9, colour=RUST)
    pen.text((x + 154, y - 58), "platen", size=8.5, anchor="c")
    pen.line([(x, y + 70), (x - 66, y + 70)], PRESSURE)
    pen.box((x - 110, y + 56, 44, 28), BODY)
    pen.line([(x - 102, y + 62), (x - 84, y + 76)], Ink(width=1.2))
    pen.label((x - 88, y + 42), "S1 280 bar", size=8.5, colour=RUST)
    pen.text((x - 5, y - 74), "A", size=8.5, anchor="r", style="-Bold")
    pen.text((x + 26, y - 74), "B", size=8.5, style="-Bold")


def timing(pen: Pen, width: float, height: float) -> None:
    """Stacked traces over one cycle."""
    left, span = 96.0, width - 116

    def at(t: float) -> float:
        return left + span * t / 12

    phases = ((0, 3, "approach"), (3, 6, "pressing"), (6, 8, "holding"), (8, 8.8, ""), (8.8, 12, "return"))
    for k, (a, b, word) in enumerate(phases):
        pen.box((at(a), 22, at(b) - at(a), height - 40), Ink(None, "#f6efec" if k % 2 == 0 else "#eaf0f6"))
        pen.label(((at(a) + at(b)) / 2, height - 12), word, size=8.6, colour=BLUE)
    for t in range(13):
        pen.line([(at(t), 22), (at(t), height - 18)], Ink("#d0c8c2", None, 0.4))
        pen.text((at(t), 10), str(t), size=8, anchor="c")
    pen.text((left - 8, 10), "time (s)", size=8, anchor="r")
    stroke = ((0, 0), (3, 300), (6, 336), (8, 336), (8.8, 336), (12, 0))
    pressure = ((0, 15), (3, 20), (4.2, 60), (6, 280), (8, 272), (8.8, 10), (9, 70), (12, 70))
    for points, top, base, high, label, colour in (
        (stroke, 400, height - 100, 72.0, "Stroke\n0 to 400 mm", RUST),
        (pressure, 300, height - 196, 76.0, "Pressure\n0 to 300 bar", "#b3261e"),
    ):
        pen.line([(left, base), (left + span, base)], Ink(width=0.7))
        pen.line([(at(t), base + high * v / top) for t, v in points], Ink(colour, None, 2))
        pen.text((left - 8, base + 36), label, size=8.4, anchor="r", style="-Bold", colour=colour)
    for k, (name, spans) in enumerate(
        (("Y1 down", ((0, 6),)), ("Y2 up", ((8.8, 12),)), ("Y3 prefill", ((0, 3),)), ("Y4 decompress", ((8, 8.8),)))
    ):
        base = 104.0 - 25 * k
        outline = [(at(0), base)]
        for a, b in spans:
            outline += [(at(a), base), (at(a), base + 14), (at(b), base + 14), (at(b), base)]
        pen.line([*outline, (at(12), base)], Ink(BLUE, None, 1.7))
        pen.text((left - 8, base + 4), name, size=8.4, anchor="r", style="-Bold", colour=BLUE)


def cylinder_exploded(pen: Pen, width: float, _height: float) -> None:
    """The cylinder's parts along a steep axis."""
    turn, origin, scale = 40.0, (50.0, 62.0), 0.9
    with pen.at(origin, turn=turn, scale=scale):
        axis(pen, -30, 600)
        cylinder(pen, 452, 130, 62, tones=("#7a2e1d", "#d59a86", "#5f2315"), bore=44)
        cylinder(pen, 444, 12, 80, tones=("#7a2e1d", "#d59a86", "#5f2315"), bore=44)
        holes(pen, 444, 71, 10, radius=3.6)
        cylinder(pen, 396, 14, 24, bore=14)
        for x in (352, 366):
            cylinder(pen, x, 12, 43, bore=20)
        cylinder(pen, 362, 5, 44, tones=RUBBER)
        cylinder(pen, 350, 13, 43, bore=15)
        cylinder(pen, 190, 148, 28)
        face(pen, 190, 28)
        cylinder(pen, 152, 6, 40, tones=RUBBER, bore=28)
        cylinder(pen, 140, 5, 40, tones=RUBBER, bore=28)
        cylinder(pen, 96, 26, 46, tones=BRASS, bore=28)
        cylinder(pen, 48, 22, 60, bore=29)
        holes(pen, 48, 50, 10, radius=3)
        bolt(pen, 60, 84, length=30, radius=6)
        bolt(pen, 60, -84, length=30, radius=6)
        cylinder(pen, -24, 20, 48, tones=STEEL, bore=16)
        holes(pen, -24, 36, 4, radius=3.4)
    parts = (
        (1, 520, 50, -60, 34),
        (2, 398, 22, -50, 50),
        (3, 356, 40, -56, 34),
        (4, 260, 18, -56, 50),
        (5, 144, -38, 48, -34),
        (6, 104, 40, -46, 46),
        (7, 56, -52, 60, -22),
        (8, 66, 84, -34, 30),
        (9, -14, -44, 62, -6),
    )
    part_balloons(pen, parts, origin=origin, turn=turn, scale=scale, colour=RUST)
    pen.text(
        (width - 170, 40),
        "Gland nut 7: 1200 Nm\nFlange screws 8: 410 Nm\nPiston nut 2: 1500 Nm",
        size=9.4,
        style="-Bold",
        colour=BLUE,
    )


def seal_profiles(pen: Pen, width: float, height: float) -> None:
    """Six cross sections in cards."""
    names = (
        "3.1 piston seal",
        "3.2 guide ring",
        "5.1 rod seal, lip",
        "5.2 wiper ring",
        "5.3 O-ring",
        "7.1 back-up ring",
    )
    w, h = width / 3, height / 2
    dark = Ink("#22201f", "#4a525b", 1.2)
    for i, name in enumerate(names):
        x, y = (i % 3 + 0.5) * w, (1.5 - i // 3) * h + 8
        pen.box((x - w / 2 + 4, y - h / 2 - 4, w - 8, h - 8), PANEL, radius=5)
        pen.label((x, y - h / 2 + 4), name, size=9, colour=RUST)
        if i == 0:
            pen.line(
                [
                    (x - 40, y - 14),
                    (x + 40, y - 14),
                    (x + 34, y + 18),
                    (x + 8, y + 22),
                    (x, y + 14),
                    (x - 8, y + 22),
                    (x - 34, y + 18),
                ],
                dark,
                closed=True,
            )
        elif i == 1:
            pen.box((x - 36, y - 7, 72, 16), Ink("#22201f", "#b98a4b", 1.2))
        elif i == 2:
            pen.line(
                [
                    (x - 34, y - 16),
                    (x + 14, y - 16),
                    (x + 36, y - 22),
                    (x + 18, y),
                    (x + 36, y + 24),
                    (x + 14, y + 18),
                    (x - 34, y + 18),
                ],
                dark,
                closed=True,
            )
            pen.arrow([(x + 70, y), (x + 42, y)], PRESSURE, head=7)
        elif i == 3:
            pen.line(
                [
                    (x - 26, y - 16),
                    (x + 8, y - 16),
                    (x + 34, y - 24),
                    (x + 14, y - 2),
                    (x + 14, y + 18),
                    (x - 26, y + 18),
                ],
                dark,
                closed=True,
            )
        elif i == 4:
            pen.circle((x, y + 2), 19, dark)
        else:
            pen.box((x - 24, y - 4, 48, 11), Ink("#22201f", "#e8e4da", 1.2))


def valve_section(pen: Pen, width: float, _height: float) -> None:
    """Section of a poppet valve with spring and spindle."""
    x = width / 2
    pen.box((x - 55, 34, 110, 96), Ink("#22201f", "#d59a86", 1.2))
    pen.box((x - 28, 52, 56, 78), Ink("#22201f", "#ffffff", 1))
    pen.box((x - 12, 12, 24, 40), Ink("#22201f", "#ffffff", 1))
    pen.line([(x - 22, 66), (x, 44), (x + 22, 66)], Ink("#22201f", "#8d98a5", 1.2), closed=True)
    pen.line([(x + (18 if k % 2 else -18), 68 + 6 * k) for k in range(10)], Ink("#3d4650", None, 2.2))
    pen.box((x - 22, 124, 44, 8), Ink("#22201f", "#8d98a5", 1))
    pen.box((x - 8, 130, 16, 56), Ink("#22201f", "#c9d0d8", 1))
    pen.box((x - 20, 140, 40, 13), Ink("#22201f", "#c9a24a", 1))
    pen.box((x + 28, 54, 40, 12), Ink("#22201f", "#ffffff", 1))
    pen.arrow([(x, 4), (x, 38)], PRESSURE)
    pen.arrow([(x + 40, 60), (x + 86, 60)], TANK)
    turn_arrow(pen, (x, 186), 16, Ink(BLUE, None, 1.8), start=200, extent=-260)
    for word, at, target in (
        ("spindle", (x + 50, 176), (x + 9, 172)),
        ("lock nut 24 mm", (x + 50, 150), (x + 20, 147)),
        ("spring", (x - 118, 96), (x - 18, 92)),
        ("poppet", (x - 118, 66), (x - 14, 60)),
    ):
        pen.line([(at[0] + (-4 if at[0] > x else 38), at[1] + 3), target], THIN)
        pen.text(at, word, size=8.8)
    pen.text((x + 74, 68), "to tank", size=8.4, colour="#2467a8")
    pen.text((x + 14, 8), "P", size=10, style="-Bold", colour="#b3261e")


def force_chart(pen: Pen, width: float, height: float) -> None:
    """Straight lines through the origin, working point marked."""
    axes = Axes(pen, (48, 36, width - 130, height - 48), (0, 320), (0, 900))
    axes.frame(xticks=range(0, 321, 40), yticks=range(0, 901, 100), xlabel="Pressure (bar)", ylabel="Press force (kN)")
    for diameter, colour in ((140, "#8aa7c2"), (165, RUST), (200, BLUE)):
        area = math.pi * diameter**2 / 400
        end = min(320, 900 * 100 / area)
        axes.steps([(0, 0), (end, area * end / 100)], colour, width=2.2)
        axes.note(end, area * end / 100 - 30, f"Ø {diameter} mm", colour=colour)
    x, y = axes.at(280, 599)
    pen.line([axes.at(280, 0), (x, y), axes.at(0, 599)], Ink("#b3261e", None, 0.9, (4, 3)))
    pen.circle((x, y), 4.5, Ink("#b3261e", "#ffffff", 1.8))
    pen.text((x + 7, y - 17), "599 kN at 280 bar", size=9, anchor="l", style="-Bold", colour="#b3261e")
