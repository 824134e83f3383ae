"""Figures of oil service, control and fault finding of the press; each fills a box of `width` by `height` points."""

import math

from .charts import Axes
from .diagrams import coil, contact, link, node, step_circle, turn_arrow
from .pen import THIN, Ink, Pen
from .press_figures import BLUE, PANEL, RUST

GREEN = "#2f8f5b"


def filter_steps(pen: Pen, width: float, height: float) -> None:
    """Unscrew, exchange, oil the ring, screw on."""
    words = ("Unscrew bowl, 36 mm", "Pull out old element", "Oil the new O-ring", "Screw on, 25 Nm")
    w = width / 4
    for i, word in enumerate(words):
        x = w * (i + 0.5)
        pen.box((w * i + 3, 0, w - 6, height), PANEL, radius=5)
        step_circle(pen, (w * i + 19, height - 17), str(i + 1), colour=RUST)
        pen.label((x, 11), word, size=8.8, colour=RUST)
        if i in (0, 1, 3):
            pen.box((x - 32, height - 66, 64, 22), Ink("#22201f", "#9aa5b0", 1.2), radius=3)
        if i in (0, 3):
            pen.box((x - 24, 40, 48, 76 if i == 3 else 66), Ink("#22201f", BLUE, 1.2), radius=8)
            pen.box((x - 10, 30, 20, 11), Ink("#22201f", "#9aa5b0", 1.1))
            turn_arrow(
                pen, (x, 48), 26, Ink("#b3261e", None, 2), start=200 if i == 0 else 340, extent=140 if i == 0 else -140
            )
        elif i == 1:
            pen.box((x - 17, 34, 34, 76), Ink("#22201f", "#e9d9a8", 1.1))
            for k in range(1, 6):
                pen.line([(x - 17 + 5.7 * k, 34), (x - 17 + 5.7 * k, 110)], THIN)
            pen.arrow([(x + 32, 108), (x + 32, 50)], Ink("#b3261e", None, 2), head=8)
        else:
            pen.ellipse((x, 82), (34, 16), Ink("#22201f", None, 8))
            pen.ellipse((x, 82), (34, 16), Ink("#6a737c", None, 2))
            pen.curve(
                (x + 30, 140),
                Ink("#a8841c", "#e2b93b", 1),
                bends=[((x + 18, 118), (x + 22, 106), (x + 30, 106)), ((x + 38, 106), (x + 42, 118), (x + 30, 140))],
            )


def viscosity(pen: Pen, width: float, height: float) -> None:
    """Kinematic viscosity on a log scale."""
    axes = Axes(pen, (48, 36, width - 120, height - 46), (10, 80), (0.8, 2.7))
    axes.band((10, 80), (math.log10(16), math.log10(100)), Ink(None, "#e0f2e6"))
    axes.frame(xticks=range(10, 81, 10), yticks=(), xlabel="Oil temperature (°C)", ylabel="Viscosity (mm²/s)")
    for value in (10, 16, 50, 100, 200, 500):
        left, right = axes.at(10, math.log10(value)), axes.at(80, math.log10(value))
        pen.line([left, right], Ink("#d0c8c2", None, 0.4))
        pen.text((left[0] - 5, left[1] - 2.6), str(value), size=7.4, anchor="r")
    for grade, colour in ((32, "#8aa7c2"), (46, RUST), (68, BLUE)):
        curve = [(t, math.log10(grade) - 0.0202 * (t - 40) + 0.00013 * (t - 40) ** 2) for t in range(10, 81, 5)]
        axes.line(curve, colour, width=2)
        axes.note(80, curve[-1][1] - 0.05, f"HLP {grade}", colour=colour)


def ladder(pen: Pen, width: float, height: float) -> None:
    """Five rungs between L+ and M."""
    left, right, top = 34.0, width - 34, height - 30
    for x, word in ((left, "L+  24 V"), (right, "M  0 V")):
        pen.line([(x, top), (x, 8)], Ink(BLUE, None, 2.2))
        pen.label((x, top + 8), word, size=9, colour=BLUE)
    rungs = (
        ("1", (("S0 stop", 1), ("K5 curtain", 0), ("F4 motor", 1)), "K1", "motor on"),
        ("2", (("S2 left", 0), ("S3 right", 0), ("K1", 0)), "K4", "two-hand relay"),
        ("3", (("K4", 0), ("S1 280 bar", 1), ("K7 up", 1)), "Y1", "ram down"),
        ("4", (("T2 time", 0), ("B7 top", 1), ("K4", 1)), "Y2", "ram up"),
        ("5", (("B5 curtain", 0), ("S9 key", 0)), "K5", "light curtain"),
    )
    step = (top - 20) / len(rungs)
    for k, (number, parts, target, word) in enumerate(rungs):
        y = top - 34 - k * step
        pen.text((left - 22, y - 3), number, size=9, style="-Bold", colour=RUST)
        pen.line([(left, y), (left + 24, y)], Ink(width=1.1))
        x = left + 24
        for name, closed in parts:
            contact(pen, (x, y), name, closed=bool(closed), width=62)
            pen.line([(x + 62, y), (x + 84, y)], Ink(width=1.1))
            x += 84
        pen.line([(x, y), (right - 96, y)], Ink(width=1.1))
        coil(pen, (right - 96, y), target, width=34)
        pen.line([(right - 62, y), (right, y)], Ink(width=1.1))
        pen.text((right - 79, y - 20), word, size=8.4, anchor="c", colour=RUST)


def fault_tree(pen: Pen, width: float, height: float) -> None:
    """Questions on the left, remedies on the right."""
    x, side = 150.0, width - 100
    node(
        pen,
        (x, height - 18, 210, 26),
        "Ram moves but builds up no pressure",
        shape="round",
        ink=Ink(RUST, "#7a2e1d", 1),
        size=9,
    )
    questions = (
        ("Oil level between\nthe marks?", "no", "Top up HLP 46,\nlook for the leak"),
        ("Motor turns in the\ndirection of the arrow?", "no", "Exchange two phases\nat terminals U, V"),
        ("MP1 shows 310 bar\nwith valve V2 shifted?", "no", "Set relief valve V1;\nreplace its poppet"),
        ("Solenoid Y1 gets\n24 V?", "no", "Check rung 3,\nfuse F6 and relay K4"),
        ("Ram holds its\nposition for ten minutes?", "no", "Replace piston seal 3.1\nfrom kit HK-2260"),
    )
    step = (height - 90) / len(questions)
    for k, (question, word, remedy) in enumerate(questions):
        y = height - 84 - k * step
        link(
            pen,
            [(x, height - 31 if k == 0 else y + step - 35), (x, y + 35)],
            "" if k == 0 else "yes",
            colour=GREEN if k else "#22201f",
        )
        node(pen, (x, y, 230, 70), question, shape="diamond", ink=Ink(BLUE, "#eaf0f6", 1.2), size=9)
        link(pen, [(x + 115, y), (side - 82, y)], word, at=(x + 122, y + 5), colour="#b3261e")
        node(pen, (side, y, 164, 42), remedy, ink=Ink(RUST, "#ffffff", 1.2), size=9)
    last = height - 84 - (len(questions) - 1) * step
    link(pen, [(x, last - 35), (x, 26)], "yes", colour=GREEN)
    node(
        pen,
        (x, 13, 210, 26),
        "Measure pump flow: below 22 l/min replace P1",
        shape="round",
        ink=Ink("#1f7a4d", "#1f7a4d", 1),
        size=8.6,
    )
