"""Figures of the espresso machine manual; each function fills a box of `width` by `height` points."""

from .charts import Axes
from .diagrams import link, node, step_circle, turn_arrow
from .pen import THIN, Ink, Pen, Point
from .solids import balloon

BROWN, RED, CREAM, COFFEE = "#5b3a29", "#c8553d", "#f8f1ea", "#7a4a21"
PANEL = Ink("#dccbbd", CREAM, 0.8)
STEEL = Ink("#3b332e", "#dfe1e3", 1)
DARK = Ink("#2c211b", "#3b332e", 1)


def machine(pen: Pen, width: float, _height: float) -> None:
    """Front view with balloons."""
    x = width / 2 - 105
    pen.gradient((x, 118, 210, 128), ["#b9bdc2", "#eef0f2", "#d3d6d9"])
    pen.box((x, 118, 210, 128), Ink("#3b332e", None, 1.3), radius=0)
    for i in range(7):
        pen.line([(x + 6 + i * 33, 246), (x + 6 + i * 33, 258)], Ink("#3b332e", None, 1.4))
    pen.line([(x, 258), (x + 210, 258)], Ink("#3b332e", None, 2))
    for i in range(4):
        pen.line(
            [(x + 22 + i * 36, 247), (x + 18 + i * 36, 272), (x + 46 + i * 36, 272), (x + 42 + i * 36, 247)],
            Ink("#3b332e", "#ffffff", 0.9),
            closed=True,
        )
    pen.gradient((x + 30, 30, 150, 88), ["#8d9298", "#c9cdd1"])
    pen.box((x + 30, 30, 150, 88), Ink("#3b332e", None, 1))
    pen.box((x - 8, 8, 226, 26), STEEL, radius=4)
    for i in range(16):
        pen.box((x + 4 + i * 13, 20, 8, 8), Ink(None, "#6a625c"), radius=2)
    for gx, needle in ((42, 8), (168, -6)):
        pen.circle((x + gx, 212), 22, Ink("#2c211b", "#ffffff", 2))
        pen.arrow([(x + gx, 212), (x + gx + needle, 226)], Ink(RED, None, 1.4), head=4)
        pen.text((x + gx, 200), "bar", size=6, anchor="c")
    pen.box((x + 74, 192, 62, 36), Ink("#2c211b", "#17303a", 1.2), radius=3)
    pen.label((x + 105, 203), "93°C", size=17, colour="#9ff0ff")
    for i in range(3):
        pen.circle((x + 83 + i * 22, 178), 6, Ink("#2c211b", "#ffffff", 1))
    pen.circle((x + 20, 146), 12, DARK)
    pen.circle((x + 190, 146), 12, DARK)
    pen.box((x + 72, 104, 66, 26), STEEL, radius=4)
    pen.box((x + 68, 92, 74, 15), DARK, radius=4)
    pen.line([(x + 96, 92), (x + 92, 80), (x + 88, 78)], Ink("#3b332e", None, 3))
    pen.line([(x + 114, 92), (x + 118, 80), (x + 122, 78)], Ink("#3b332e", None, 3))
    pen.line([(x + 142, 99), (x + 196, 84)], Ink("#2c211b", None, 9))
    pen.line([(x + 20, 134), (x + 14, 100), (x - 4, 54)], Ink("#8d9298", None, 4))
    pen.line([(x + 182, 120), (x + 186, 100), (x + 186, 110)], Ink("#8d9298", None, 4))
    pen.line([(x + 76, 34), (x + 82, 60), (x + 126, 60), (x + 132, 34)], Ink("#3b332e", "#ffffff", 1.1), closed=True)
    pen.box((x + 192, 122, 12, 9), Ink("#2c211b", RED, 1), radius=2)
    spots: tuple[tuple[str, Point, Point], ...] = (
        ("1", (40, 280), (x + 34, 266)),
        ("2", (26, 232), (x + 28, 216)),
        ("3", (26, 160), (x + 12, 146)),
        ("4", (width / 2, 286), (x + 105, 222)),
        ("5", (26, 84), (x + 2, 72)),
        ("6", (width - 28, 96), (x + 187, 104)),
        ("7", (width - 28, 62), (x + 188, 85)),
        ("8", (width - 28, 24), (x + 214, 20)),
        ("9", (width - 28, 200), (x + 208, 200)),
        ("10", (width - 28, 140), (x + 203, 127)),
    )
    for name, at, target in spots:
        balloon(pen, at, name, target=target, colour=RED)


def hardness(pen: Pen, width: float, height: float) -> None:
    """Five test strips with growing numbers of red fields."""
    cell = width / 5
    for i, word in enumerate(("below 4 °dH", "4 to 7 °dH", "7 to 14 °dH", "14 to 21 °dH", "above 21 °dH")):
        x = cell * i + cell / 2
        pen.box((x - 13, 26, 26, height - 30), Ink("#a89a8e", "#ffffff", 0.9), radius=4)
        for k in range(4):
            pen.box((x - 8, height - 24 - k * 19, 16, 14), Ink("#a89a8e", RED if k < i else "#9fc7a4", 0.5))
        pen.label((x, 14), word, size=7.4)
        pen.text((x, 3), f"{i} red", size=7, anchor="c")


def _panels(pen: Pen, width: float, height: float, captions: tuple[str, ...]) -> list[Point]:
    w, h = width / 2, height / (len(captions) / 2)
    centres = []
    for i, caption in enumerate(captions):
        x, y = (i % 2) * w, height - (i // 2 + 1) * h
        pen.box((x + 3, y + 3, w - 6, h - 6), PANEL, radius=6)
        step_circle(pen, (x + 17, y + h - 17), str(i + 1), colour=RED)
        pen.label((x + w / 2, y + 12), caption, size=8, colour=BROWN)
        centres.append((x + w / 2, y + h / 2 + 8))
    return centres


def _portafilter(pen: Pen, at: Point, *, fill: float = 0.0, blind: bool = False) -> None:
    x, y = at
    pen.line([(x + 26, y + 6), (x + 66, y - 2)], Ink("#2c211b", None, 8))
    pen.line(
        [(x - 26, y + 14), (x - 21, y - 10), (x + 21, y - 10), (x + 26, y + 14)],
        Ink("#3b332e", "#dfe1e3" if not blind else "#9da2a8", 1.3),
        closed=True,
    )
    if fill:
        pen.ellipse((x, y + 14), (25, 3 + 6 * fill), Ink(COFFEE, COFFEE, 1))
    pen.line([(x - 4, y - 10), (x - 8, y - 17)], Ink("#3b332e", None, 3))
    pen.line([(x + 4, y - 10), (x + 8, y - 17)], Ink("#3b332e", None, 3))


def _group(pen: Pen, at: Point) -> None:
    x, y = at
    pen.box((x - 34, y + 12, 68, 20), DARK, radius=4)
    pen.box((x - 22, y + 30, 44, 8), STEEL)


def shot_steps(pen: Pen, width: float, height: float) -> None:
    """Grind, level, tamp, lock in, brew, knock out."""
    centres = _panels(
        pen,
        width,
        height,
        (
            "Grind 18 g",
            "Level the coffee",
            "Tamp with 15 kg",
            "Lock in the portafilter",
            "Brew 36 g in 28 s",
            "Knock out the puck",
        ),
    )
    x, y = centres[0]
    pen.line([(x - 22, y + 42), (x + 22, y + 42), (x + 8, y + 22), (x - 8, y + 22)], STEEL, closed=True)
    for k in range(9):
        pen.circle((x - 5 + 5 * (k % 3), y + 18 - 5 * (k // 3)), 1.3, Ink(None, COFFEE))
    _portafilter(pen, (x, y - 12), fill=0.6)
    x, y = centres[1]
    _portafilter(pen, (x, y), fill=0.4)
    pen.line([(x - 30, y + 24), (x + 30, y + 24)], Ink("#8d9298", None, 5))
    pen.arrow([(x - 20, y + 36), (x + 24, y + 36)], Ink(RED, None, 2), head=7)
    x, y = centres[2]
    _portafilter(pen, (x, y - 10), fill=0.1)
    pen.box((x - 19, y + 5, 38, 8), STEEL)
    pen.box((x - 6, y + 13, 12, 22), DARK, radius=4)
    pen.arrow([(x + 34, y + 36), (x + 34, y + 10)], Ink(RED, None, 2), head=7)
    x, y = centres[3]
    _group(pen, (x, y))
    _portafilter(pen, (x, y - 8))
    turn_arrow(pen, (x, y - 2), 36, Ink(RED, None, 2), start=205, extent=110)
    x, y = centres[4]
    _group(pen, (x, y))
    _portafilter(pen, (x, y + 2))
    for dx in (-8, 8):
        pen.line([(x + dx, y - 15), (x + dx * 0.6, y - 28)], Ink(COFFEE, None, 2))
    pen.line([(x - 15, y - 22), (x - 11, y - 40), (x + 11, y - 40), (x + 15, y - 22)], Ink("#3b332e", None, 1.4))
    x, y = centres[5]
    with pen.at((x, y + 12), turn=180):
        _portafilter(pen, (0, 0))
    pen.box((x - 20, y - 22, 40, 11), Ink(COFFEE, COFFEE, 1), radius=3)
    pen.arrow([(x + 34, y + 10), (x + 34, y - 20)], Ink(RED, None, 2), head=7)


def extraction(pen: Pen, width: float, height: float) -> None:
    """Three flow curves and the target box."""
    axes = Axes(pen, (38, 32, width - 60, height - 40), (0, 50), (0, 60))
    axes.frame(
        xticks=range(0, 51, 5), yticks=range(0, 61, 12), xlabel="Brewing time (s)", ylabel="Weight in the cup (g)"
    )
    axes.band((25, 30), (33, 39), Ink("#2f9e44", "#d9f2de", 1))
    for start, slope, end, colour in ((4, 3.3, 21, "#e09f3e"), (7, 1.72, 36, "#2f9e44"), (12, 1.03, 50, BROWN)):
        axes.steps([(0, 0), (start, 0), (end, slope * (end - start))], colour, width=2.2)
    for time, weight, name, colour in (
        (21.0, 51, "too coarse", "#b8741a"),
        (35.5, 44, "right", "#2f9e44"),
        (41.0, 36, "too fine", BROWN),
    ):
        axes.note(time, weight, name, colour=colour)


def roasts(pen: Pen, width: float, height: float) -> None:
    """Floating bars of temperature ranges."""
    axes = Axes(pen, (38, 22, width - 60, height - 30), (-0.6, 2.6), (86, 98))
    axes.frame(xticks=(), yticks=range(86, 99, 2), ylabel="°C")
    axes.names(("light roast", "medium roast", "dark roast"))
    for i, (low, high, colour) in enumerate(((93.5, 96, "#c69c6d"), (92, 94, "#8a5a33"), (88.5, 91, "#3e2415"))):
        axes.bar(i, (low, high), colour, width=0.5)
        axes.note(i + 0.24, (low + high) / 2 - 0.6, f"{low:g} to {high:g}")


def milk(pen: Pen, width: float, height: float) -> None:
    """Two jugs with the wand."""
    for i, (word, depth) in enumerate((("stretching, up to 37 °C", 6), ("rolling, up to 62 °C", 30))):
        x = width * (0.25 + 0.5 * i)
        pen.box((x - width / 4 + 4, 2, width / 2 - 8, height - 4), PANEL, radius=6)
        pen.line(
            [(x - 40, 26), (x + 40, 26), (x + 34, 100), (x + 50, 112), (x - 34, 100)],
            Ink("#3b332e", "#dfe1e3", 1.4),
            closed=True,
        )
        pen.line([(x - 39, 29), (x + 39, 29), (x + 36, 74), (x - 36, 74)], Ink(None, "#fffaf0"), closed=True)
        pen.ellipse((x, 74), (36, 5), Ink("#c9b8a6", "#ffffff", 0.8))
        pen.line([(x - 4 + i * 14, 140), (x + 2 + i * 16, 74 - depth)], Ink("#6d7278", None, 4))
        if i:
            turn_arrow(pen, (x - 4, 52), 15, Ink(RED, None, 1.8), start=60, extent=290)
        else:
            for k in range(7):
                pen.circle((x - 16 + 6 * k, 70 - 3 * (k % 3)), 1.8, Ink(RED, "#ffffff", 0.7))
        pen.label((x, 11), word, size=8, colour=BROWN)


def milk_scale(pen: Pen, width: float, _height: float) -> None:
    """A horizontal thermometer."""
    axes = Axes(pen, (16, 48, width - 32, 26), (0, 80), (0, 1))
    for low, high, colour, word in (
        (0, 37, "#a9cfe8", "foam forms"),
        (37, 60, "#f3d9a4", "heat and roll"),
        (60, 65, "#7cc48a", "best"),
        (65, 70, "#f3b27a", ""),
        (70, 80, "#d9674f", "cooked"),
    ):
        axes.band((low, high), (0, 1), Ink("#ffffff", colour, 0.8))
        x, y = axes.at((low + high) / 2, 0)
        pen.label((x, y + 9), word, size=7.6)
    for t in range(0, 81, 10):
        x = axes.at(t, 0)[0]
        pen.line([(x, 48), (x, 42)], THIN)
        pen.text((x, 31), f"{t} °C", size=7.4, anchor="c")
    pen.arrow([(axes.at(62, 0)[0], 100), (axes.at(62, 0)[0], 77)], Ink(RED, None, 1.8), head=6)
    pen.label((axes.at(62, 0)[0], 104), "stop here: 62 °C", size=8, colour=RED)


def backflush(pen: Pen, width: float, height: float) -> None:
    """Six panels of the weekly cleaning."""
    centres = _panels(
        pen,
        width,
        height,
        (
            "Insert the blind filter",
            "Add 3 g powder MC-1",
            "Lock in",
            "10 s on, 10 s off, 5 times",
            "Rinse, repeat with water",
            "Brush the shower screen",
        ),
    )
    x, y = centres[0]
    _portafilter(pen, (x, y - 12), blind=True)
    pen.ellipse((x, y + 26), (24, 6), Ink("#3b332e", "#9da2a8", 1.3))
    pen.arrow([(x + 38, y + 34), (x + 38, y + 6)], Ink(RED, None, 2), head=7)
    x, y = centres[1]
    _portafilter(pen, (x, y - 12), blind=True)
    pen.line([(x - 40, y + 32), (x - 12, y + 24)], Ink("#8d9298", None, 3))
    pen.ellipse((x - 6, y + 22), (9, 4), Ink("#3b332e", "#ffffff", 1))
    for k in range(6):
        pen.circle((x - 8 + 4 * (k % 3), y + 14 - 5 * (k // 3)), 1.1, Ink(None, "#4f86b5"))
    x, y = centres[2]
    _group(pen, (x, y))
    _portafilter(pen, (x, y - 8), blind=True)
    turn_arrow(pen, (x, y - 2), 36, Ink(RED, None, 2), start=205, extent=110)
    x, y = centres[3]
    pen.circle((x, y + 4), 31, Ink("#2c211b", "#ffffff", 2))
    for start in (0, 120, 240):
        pen.wedge((x, y + 4), 28, Ink(None, "#e7b9a9"), start=start, extent=60)
    pen.circle((x, y + 4), 16, Ink("#2c211b", "#ffffff", 1))
    pen.label((x, y - 1), "5 x", size=13, colour=RED)
    x, y = centres[4]
    _group(pen, (x, y))
    for k in range(-3, 4):
        pen.line([(x + 8 * k, y + 11), (x + 8 * k, y - 24)], Ink("#3d8fd1", None, 1.8, (7, 3)))
    x, y = centres[5]
    _group(pen, (x, y))
    pen.line([(x + 48, y - 26), (x + 6, y - 4)], Ink(RED, None, 6))
    for k in range(6):
        pen.line([(x - 12 + 5 * k, y - 4), (x - 12 + 5 * k, y + 10)], Ink("#2c211b", None, 1.6))


def descaling(pen: Pen, width: float, height: float) -> None:
    """The flow chart from lamp CALC to rinsing."""
    x, side = width * 0.36, width * 0.83
    fill, ask = Ink(BROWN, "#ffffff", 1), Ink(RED, "#fbeae4", 1)
    node(pen, (x, height - 14, 150, 24), "Lamp CALC glows", shape="round", ink=Ink(BROWN, "#5b3a29", 1))
    node(pen, (x, height - 66, 148, 56), "Filter cartridge\nin the tank?", shape="diamond", ink=ask)
    node(pen, (side, height - 66, 92, 34), "Take the\ncartridge out", ink=fill)
    node(pen, (x, height - 128, 170, 34), "Fill sachet MC-5 and\n1 litre of water", ink=fill)
    node(pen, (x, height - 178, 170, 34), "Press CALC for 5 seconds:\n20 minutes of pumping", ink=fill)
    node(pen, (x, height - 238, 148, 56), "Tank empty?", shape="diamond", ink=ask)
    node(pen, (side, height - 238, 92, 34), "Wait until the\npump stops", ink=fill)
    node(pen, (x, height - 300, 170, 34), "Rinse: fill fresh water\nto MAX and press CALC", ink=fill)
    node(pen, (x, height - 352, 148, 44), "Rinsed twice?", shape="diamond", ink=ask)
    node(pen, (side, height - 352, 92, 34), "Ready: lamp\nCALC is off", shape="round", ink=Ink("#1f7a4d", "#1f7a4d", 1))
    link(pen, [(x, height - 26), (x, height - 38)])
    link(pen, [(x + 74, height - 66), (side - 46, height - 66)], "yes", at=(x + 78, height - 62), colour=RED)
    link(pen, [(x, height - 94), (x, height - 111)], "no")
    link(pen, [(side, height - 83), (side, height - 128), (x + 85, height - 128)])
    link(pen, [(x, height - 145), (x, height - 161)])
    link(pen, [(x, height - 195), (x, height - 210)])
    link(pen, [(x + 74, height - 238), (side - 46, height - 238)], "no", at=(x + 78, height - 234), colour=RED)
    link(pen, [(side, height - 221), (side, height - 202), (x + 8, height - 202), (x + 2, height - 209)])
    link(pen, [(x, height - 266), (x, height - 283)], "yes")
    link(pen, [(x, height - 317), (x, height - 330)])
    link(pen, [(x + 74, height - 352), (side - 46, height - 352)], "yes", at=(x + 78, height - 348), colour=RED)
    link(
        pen,
        [(x - 74, height - 352), (14, height - 352), (14, height - 300), (x - 85, height - 300)],
        "no",
        at=(20, height - 348),
    )


def display(pen: Pen, width: float, height: float) -> None:
    """The display with an error and its four lamps."""
    pen.box((20, 4, width - 40, height - 8), Ink("#2c211b", "#17303a", 1.4), radius=8)
    pen.text((46, height / 2 - 14), "Er 4", size=38, style="-Bold", colour="#9ff0ff")
    for i, (word, colour) in enumerate(
        (("WATER", "#39a0ed"), ("HEATER", "#6b5a4f"), ("CALC", "#ffb238"), ("SERVICE", "#6b5a4f"))
    ):
        x = 170 + i * 43
        pen.circle((x, height / 2 + 10), 11, Ink("#0c1a20", colour, 1.4))
        pen.label((x, height / 2 - 16), word, size=7.2, colour="#d7eef5")
