"""Figures of the pump manual; each function fills a box of `width` by `height` points."""

from .charts import Axes, legend
from .diagrams import coil, contact, earth, motor, step_circle, terminals, turn_arrow, wire
from .pen import DASH_DOT, THIN, Ink, Pen, Point

NAVY, ORANGE, WATER, TINT = "#12324a", "#e0701a", "#3d8fd1", "#eef3f7"
PANEL = Ink("#b9c4cf", TINT, 0.7)
SOLID = Ink("#1d2733", "#c9d6e2", 1)


def lockout(pen: Pen, width: float, height: float) -> None:
    """Six pictograms: announce, stop, isolate, lock, vent, test."""
    words = ("Announce", "Stop the pump", "Isolate Q1", "Padlock and tag", "Vent to 0 bar", "Test: dead?")
    cell = width / 6
    for i, word in enumerate(words):
        x, y = cell * (i + 0.5), height * 0.58
        pen.box((cell * i + 4, 22, cell - 8, height - 24), PANEL, radius=5)
        step_circle(pen, (cell * i + 15, height - 12), str(i + 1), colour=ORANGE, radius=7.5)
        pen.label((x, 8), word, size=8.2)
        _lockout_sign(pen, i, (x, y - 2))


def _lockout_sign(pen: Pen, i: int, at: Point) -> None:
    x, y = at
    bold = Ink(NAVY, "#ffffff", 2)
    if i == 0:
        pen.line(
            [(x - 16, y - 6), (x - 16, y + 6), (x - 5, y + 6), (x + 12, y + 17), (x + 12, y - 17), (x - 5, y - 6)],
            bold,
            closed=True,
        )
        pen.arc((x + 12, y), 9, Ink(NAVY, None, 1.6), start=-40, extent=80)
    elif i == 1:
        pen.circle((x, y), 19, Ink(NAVY, "#c0392b", 2))
        pen.box((x - 8, y - 8, 16, 16), Ink(None, "#ffffff"))
    elif i == 2:
        pen.circle((x, y), 19, bold)
        pen.box((x - 19, y - 4.5, 38, 9), Ink(None, NAVY), radius=4)
        pen.text((x + 14, y + 15), "0", size=10, style="-Bold")
    elif i == 3:
        pen.arc((x, y + 4), 9, Ink(NAVY, None, 4), start=0, extent=180)
        pen.box((x - 15, y - 18, 30, 23), Ink(NAVY, ORANGE, 1.5), radius=3)
        pen.circle((x, y - 5), 3.4, Ink(None, "#ffffff"))
    elif i == 4:
        pen.circle((x, y + 2), 19, bold)
        pen.arrow([(x, y + 2), (x - 11, y - 9)], Ink("#c0392b", None, 2.2), head=6)
        pen.text((x - 4, y + 8), "bar", size=8, style="-Bold")
    else:
        pen.box((x - 17, y - 16, 34, 32), bold, radius=3)
        pen.box((x - 12, y, 24, 12), Ink(NAVY, "#dff0d8", 1))
        pen.label((x, y + 3), "0 V", size=8)
        pen.circle((x - 6, y - 8), 3, Ink(None, "#c0392b"))
        pen.circle((x + 6, y - 8), 3, Ink(None, NAVY))


def dimensions(pen: Pen, _width: float, _height: float) -> None:
    """Side view with dimension lines."""
    x0, base = 70.0, 46.0
    pen.box((x0, base, 350, 14), Ink("#1d2733", "#aab4bf", 1))
    pen.box((x0 + 190, base + 46, 140, 92), SOLID, radius=6)
    for i in range(8):
        pen.line([(x0 + 196, base + 54 + 11 * i), (x0 + 318, base + 54 + 11 * i)], THIN)
    pen.box((x0 + 322, base + 50, 18, 84), SOLID, radius=5)
    pen.box((x0 + 230, base + 138, 50, 22), SOLID, radius=2)
    for foot in (x0 + 205, x0 + 290):
        pen.box((foot, base + 14, 26, 32), SOLID)
    pen.box((x0 + 100, base + 72, 92, 40), SOLID)
    pen.box((x0 + 40, base + 14, 40, 36), SOLID)
    pen.box((x0 + 128, base + 14, 16, 58), SOLID)
    pen.box((x0 + 30, base + 42, 72, 100), SOLID, radius=26)
    pen.box((x0 + 50, base + 130, 32, 52), SOLID)
    pen.box((x0 + 38, base + 180, 56, 9), SOLID)
    pen.box((x0 + 4, base + 72, 30, 40), SOLID)
    pen.box((x0 - 4, base + 62, 9, 60), SOLID)
    pen.line([(x0 - 20, base + 92), (x0 + 355, base + 92)], Ink(ORANGE, None, 0.6, DASH_DOT))
    pen.line([(x0 + 66, base + 30), (x0 + 66, base + 205)], Ink(ORANGE, None, 0.6, DASH_DOT))
    for x in (x0, x0 + 350):
        pen.line([(x, base - 4), (x, base - 34)], THIN)
    pen.dimension((x0, base - 28), (x0 + 350, base - 28), "1040", size=8.5)
    pen.line([(x0 - 4, base + 60), (x0 - 4, base - 18)], THIN)
    pen.line([(x0 + 66, base + 28), (x0 + 66, base - 18)], THIN)
    pen.dimension((x0 - 4, base - 12), (x0 + 66, base - 12), "100", size=8.5)
    pen.line([(x0 - 24, base), (x0 - 48, base)], THIN)
    pen.line([(x0 - 24, base + 92), (x0 - 48, base + 92)], THIN)
    pen.dimension((x0 - 42, base), (x0 - 42, base + 92), "250", size=8.5)
    pen.line([(x0 + 98, base + 189), (x0 + 376, base + 189)], THIN)
    pen.line([(x0 + 354, base), (x0 + 376, base)], THIN)
    pen.dimension((x0 + 370, base), (x0 + 370, base + 189), "430", size=8.5)
    pen.text((x0 - 62, base + 128), "suction DN 65", size=8.5, style="-Bold", colour=ORANGE)
    pen.text((x0 + 100, base + 178), "discharge DN 50", size=8.5, style="-Bold", colour=ORANGE)
    pen.text((x0 + 350, base + 200), "anchor bolts 4 x M16, spacing 900 x 320", size=8.5, anchor="r")


def alignment(pen: Pen, width: float, height: float) -> None:
    """Coupling halves with dial gauges, radial and axial."""
    for i, (title, off) in enumerate((("Radial: gauge on the rim", 5.0), ("Axial: gauge on the face", 0.0))):
        x0 = 14 + i * width / 2
        pen.box((x0 - 8, 0, width / 2 - 12, height), PANEL, radius=5)
        pen.text((x0 + 4, height - 16), title, size=9.5, style="-Bold", colour=NAVY)
        y = 82.0
        pen.box((x0, y - 13, 70, 26), SOLID)
        pen.box((x0 + 70, y - 42, 28, 84), SOLID, radius=2)
        with pen.at((x0 + 105, y + off), turn=0 if i == 0 else -3):
            pen.box((0, -42, 28, 84), SOLID, radius=2)
            pen.box((28, -13, 70, 26), SOLID)
        pen.line([(x0 - 4, y), (x0 + 110, y)], Ink(ORANGE, None, 0.7, DASH_DOT))
        pen.line([(x0 + 92, y + off), (x0 + 206, y + off - i * 8)], Ink("#2467a8", None, 0.7, DASH_DOT))
        pen.line([(x0 + 84, y + 42), (x0 + 84, y + 82), (x0 + 122, y + 82)], Ink(NAVY, None, 3))
        pen.circle((x0 + 138, y + 82), 17, Ink(NAVY, "#ffffff", 1.8))
        pen.ticks((x0 + 138, y + 82), (12.5, 15), 12)
        pen.arrow([(x0 + 138, y + 82), (x0 + 146, y + 91)], Ink("#c0392b", None, 1.2), head=4)
        tip = (x0 + 138, y + 48) if i == 0 else (x0 + 136, y + 36)
        pen.line([(x0 + 138, y + 65), tip], Ink(NAVY, None, 2))
        turn_arrow(pen, (x0 + 36, y), 22, Ink(ORANGE, None, 1.6), start=230, extent=-280)
        pen.label((x0 + 36, y - 40), "90°", size=8.5, colour=ORANGE)
        pen.text((x0 + 70, 16), "pump half" if i == 0 else "gap 3.0 to 3.5 mm", size=8.5)
        pen.text((x0 + 140, 16), "motor half" if i == 0 else "", size=8.5)


def wiring(pen: Pen, width: float, height: float) -> None:
    """Power circuit on the left, control circuit on the right."""
    pen.box((0, 0, width, height), Ink("#b9c4cf", "#fbfcfd", 0.7), radius=5)
    colours = ("#7a4a21", "#20242a", "#9aa2ab")
    strip = terminals(pen, (40, height - 40), ("L1", "L2", "L3", "PE"), pitch=36)
    pen.text((12, height - 16), "X1  mains 3 x 400 V 50 Hz", size=9, style="-Bold", colour=NAVY)
    for (x, y), colour in zip(strip[:3], colours, strict=True):
        wire(pen, [(x, y - 6), (x, 232)], colour)
        pen.box((x - 6, height - 106, 12, 26), Ink(fill="#ffffff", width=1.1))
        pen.line([(x, height - 106), (x, height - 80)], THIN)
        pen.box((x - 7, 262, 14, 18), Ink(None, "#fbfcfd"))
        pen.line([(x, 262), (x - 9, 281)], Ink(width=1.5))
    pen.text((126, height - 97), "F1  fuses 35 A", size=8.5)
    pen.text((126, 268), "Q1  isolator", size=8.5)
    _contactors(pen, [p[0] for p in strip[:3]], colours)
    motor(pen, (76, 66), 34)
    pen.text((12, 108), "U1  V1  W1", size=8, style="-Bold")
    pen.text((118, 66), "M1  11 kW\n2940 rpm\n19.8 A", size=8.5)
    wire(
        pen,
        [(strip[3][0], strip[3][1] - 6), (strip[3][0], height - 64), (216, height - 64), (216, 40)],
        "#f1d10a",
        stripe="#2f9e44",
    )
    earth(pen, (216, 40))
    pen.text((228, 26), "PE", size=8.5, style="-Bold")
    _control(pen, (262, height - 58), width - 290)


def _contactors(pen: Pen, xs: list[float], colours: tuple[str, ...]) -> None:
    for i, (x, colour) in enumerate(zip(xs, colours, strict=True)):
        wire(pen, [(x, 208), (x, 180 - i * 6), (64 + i * 12, 128), (64 + i * 12, 97)], colour)
        pen.line([(x, 208), (x - 9, 231)], Ink(width=1.5))
    pen.text((10, 216), "K1", size=9, style="-Bold")
    for name, x, y in (("K2 delta", 148, 160), ("K3 star", 148, 120)):
        pen.box((x, y, 36, 22), Ink(fill="#ffffff", width=1.1), radius=2)
        pen.label((x + 18, y + 8), name, size=7.4)
        pen.line([(x, y + 11), (100, y + 4)], Ink(width=1))
    pen.text((128, 108), "U2  V2  W2", size=8, style="-Bold")


def _control(pen: Pen, at: Point, width: float) -> None:
    x, y = at
    pen.text((x - 6, y + 42), "Control circuit 24 V DC", size=9, style="-Bold", colour=NAVY)
    pen.line([(x, y + 24), (x, y - 270)], Ink("#2467a8", None, 2))
    pen.line([(x + width, y + 24), (x + width, y - 270)], Ink("#2467a8", None, 2))
    pen.label((x, y + 28), "L+", size=8.5)
    pen.label((x + width, y + 28), "M", size=8.5)
    rungs = (
        (("S0 stop", True), ("F3 PTC", True), ("B1 float", True), "K1"),
        (("K1", False), ("T1 6 s", True), ("K2", True), "K3"),
        (("K1", False), ("T1 6 s", False), ("K3", True), "K2"),
        (("K1", False), "T1"),
    )
    for number, rung in enumerate(rungs):
        level = y - 10 - number * 66
        pen.line([(x, level), (x + 8, level)], Ink(width=1.1))
        here = x + 8
        for part in rung[:-1]:
            contact(pen, (here, level), part[0], closed=bool(part[1]), width=50)
            here += 50
        pen.line([(here, level), (x + width - 34, level)], Ink(width=1.1))
        coil(pen, (x + width - 34, level), str(rung[-1]))
        pen.line([(x + width - 8, level), (x + width, level)], Ink(width=1.1))
    pen.text(
        (x, y - 290),
        "Terminals 11, 12: thermistor PTC (white)\nTerminals 21, 22: float switch (blue)\nT1 changes over from "
        "star to delta after 6 s",
        size=8.5,
    )


def priming(pen: Pen, width: float, height: float) -> None:
    """Six panels: valves, filling, venting, turning, starting, opening."""
    steps = (
        ("Open suction valve", "Discharge valve stays shut"),
        ("Fill through plug 6D", "about 6 litres of water"),
        ("Vent until no bubbles rise", "then close plug 6D"),
        ("Turn the shaft by hand", "it must move freely"),
        ("Start the motor", "check direction of rotation"),
        ("Open discharge valve slowly", "until 60 m³/h are reached"),
    )
    w, h = width / 3, height / 2
    for i, (first, second) in enumerate(steps):
        x, y = (i % 3) * w, (1 - i // 3) * h
        pen.box((x + 4, y + 4, w - 8, h - 8), PANEL, radius=6)
        step_circle(pen, (x + 18, y + h - 18), str(i + 1), colour=ORANGE)
        pen.label((x + w / 2, y + 25), first, size=9, colour=NAVY)
        pen.text((x + w / 2, y + 13), second, size=8.4, anchor="c")
        _small_pump(pen, (x + w / 2, y + 82), i)


def _valve(pen: Pen, at: Point, *, opened: bool) -> None:
    x, y = at
    for s in (-1, 1):
        pen.line(
            [(x, y), (x + 9 * s, y + 6), (x + 9 * s, y - 6)],
            Ink(NAVY, "#2f9e44" if opened else "#c0392b", 1),
            closed=True,
        )


def _small_pump(pen: Pen, at: Point, step: int) -> None:
    x, y = at
    full = (0.0, 0.55, 1.0, 1.0, 1.0, 1.0)[step]
    pen.line([(x - 70, y - 6), (x, y - 6)], Ink(WATER, None, 6))
    pen.line([(x + 16, y), (x + 16, y + 40), (x + 66, y + 40)], Ink(WATER if step == 5 else "#c3ccd5", None, 6))
    pen.circle((x, y - 6), 25, Ink(NAVY, "#ffffff", 1.8))
    if full:
        pen.wedge((x, y - 6), 24, Ink(None, WATER), start=270 - 180 * full, extent=360 * full)
    pen.circle((x, y - 6), 7, Ink(NAVY, "#ffffff", 1.4))
    _valve(pen, (x - 48, y - 6), opened=True)
    _valve(pen, (x + 44, y + 40), opened=step == 5)
    pen.box((x - 12, y + 18, 8, 8), Ink(NAVY, ORANGE, 1))
    if step == 1:
        pen.arrow([(x - 8, y + 50), (x - 8, y + 28)], Ink(WATER, None, 2.4), head=7)
    if step == 2:
        for k in range(4):
            pen.circle((x - 14 + 4 * k, y + 33 + 6 * (k % 3)), 2.4, Ink(WATER, "#ffffff", 1))
    if step in (3, 4):
        turn_arrow(pen, (x, y - 6), 32, Ink(ORANGE, None, 2.2), start=200, extent=-150 if step == 3 else -290)


def head_curve(pen: Pen, width: float, height: float) -> None:
    """H over Q for three diameters and iso-efficiency lines."""
    axes = Axes(pen, (44, 36, width - 130, height - 52), (0, 100), (0, 70))
    axes.frame(xticks=range(0, 101, 10), yticks=range(0, 71, 10), xlabel="Flow Q (m³/h)", ylabel="Head H (m)")
    for diameter, shut_off, droop, end, colour in (
        (209, 60.0, 0.00333, 92, NAVY),
        (195, 51.5, 0.00345, 84, "#2467a8"),
        (180, 43.0, 0.0036, 76, "#6fa8d8"),
    ):
        axes.line([(q, shut_off - droop * q * q) for q in range(0, end + 1, 4)], colour, width=2.2)
        axes.note(end, shut_off - droop * end * end - 2, f"Ø {diameter} mm", colour=colour)
    for share, points in (
        (60, ((24, 61), (26, 50), (24, 39), (21, 31))),
        (70, ((42, 58), (46, 46), (43, 37), (38, 29))),
        (70, ((80, 42), (76, 32), (69, 26), (60, 22))),
    ):
        axes.line(points, ORANGE, width=1, dash=(4, 2.5))
        axes.note(points[0][0] - 3, points[0][1], f"{share} %", colour=ORANGE)
    x, y = axes.at(60, 48)
    pen.circle((x, y), 4.5, Ink("#c0392b", "#ffffff", 1.8))
    pen.text((x + 8, y + 8), "duty point 60 m³/h, 48 m, 74 %", size=8.4, style="-Bold", colour="#c0392b")
    legend(pen, (width - 78, height - 30), (("head", NAVY), ("efficiency", ORANGE)))


def power_curve(pen: Pen, width: float, height: float) -> None:
    """P and NPSH over Q, side by side."""
    for i, (label, top, ticks, colour) in enumerate(
        (("Power P (kW)", 14, (0, 4, 8, 12), "#2467a8"), ("NPSH (m)", 8, (0, 2, 4, 6, 8), "#2f9e44"))
    ):
        axes = Axes(pen, (44 + i * width / 2, 36, width / 2 - 62, height - 48), (0, 100), (0, top))
        axes.frame(xticks=range(0, 101, 20), yticks=ticks, xlabel="Flow Q (m³/h)", ylabel=label)
        curve = (
            [(q, 5.2 + 0.09 * q - 0.00008 * q * q) for q in range(0, 93, 4)]
            if i == 0
            else [(q, 1.7 + 0.00031 * q * q) for q in range(8, 93, 4)]
        )
        axes.line(curve, colour, width=2)
