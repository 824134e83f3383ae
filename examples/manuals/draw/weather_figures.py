"""Figures of the weather station guide, light on dark; each function fills a box of `width` by `height` points."""

import math

from .charts import Axes, legend
from .diagrams import step_circle, turn_arrow
from .pen import Ink, Pen, Point, around

PALE, TEAL, AMBER, CORAL, BLUE = "#d7e3ec", "#4cc9c0", "#f4b860", "#f0776c", "#5aa9e6"
CARD = Ink("#2c4257", "#162737", 0.8)
LINE = Ink(PALE, "#21384c", 1.2)
GRID = "#2a3f53"


def _anemometer(pen: Pen, at: Point) -> None:
    x, y = at
    pen.line([(x, y - 26), (x, y + 8)], Ink(PALE, None, 3))
    for angle in (20, 140, 260):
        a = math.radians(angle)
        end = (x + 22 * math.cos(a), y + 8 + 9 * math.sin(a))
        pen.line([(x, y + 8), end], Ink(PALE, None, 1.6))
        pen.circle(end, 6.5, Ink(PALE, "#37566f", 1.2))


def _shield(pen: Pen, at: Point) -> None:
    x, y = at
    for k in range(6):
        pen.ellipse((x, y - 22 + 8 * k), (21, 5), Ink("#6b8296", PALE, 0.9))


def _rain(pen: Pen, at: Point) -> None:
    x, y = at
    pen.box((x - 16, y - 24, 32, 34), LINE)
    pen.line(
        [(x - 22, y + 24), (x + 22, y + 24), (x + 16, y + 10), (x - 16, y + 10)], Ink(PALE, "#37566f", 1.2), closed=True
    )
    pen.line([(x - 9, y - 8), (x, y - 3), (x + 9, y - 8)], Ink(TEAL, None, 1.6))


def _panel(pen: Pen, at: Point) -> None:
    x, y = at
    pen.line(
        [(x - 24, y - 16), (x + 12, y - 16), (x + 24, y + 16), (x - 12, y + 16)], Ink(PALE, "#1f4f8a", 1.3), closed=True
    )
    for k in range(1, 4):
        pen.line([(x - 24 + 9 * k, y - 16), (x - 12 + 9 * k, y + 16)], Ink(PALE, None, 0.5))
    pen.line([(x - 18, y), (x + 18, y)], Ink(PALE, None, 0.5))


def _console_icon(pen: Pen, at: Point) -> None:
    x, y = at
    pen.box((x - 32, y - 22, 64, 44), LINE, radius=4)
    pen.box((x - 26, y - 12, 52, 28), Ink(None, "#bcd3c4"))
    pen.label((x, y - 4), "18.2°", size=14, colour="#14212c")


def _clamp(pen: Pen, at: Point) -> None:
    x, y = at
    for dx in (-9, 11):
        pen.arc((x + dx, y + 2), 12, Ink(PALE, None, 3), start=0, extent=180)
        pen.line([(x + dx - 12, y + 2), (x + dx - 12, y - 18)], Ink(PALE, None, 3))
        pen.line([(x + dx + 12, y + 2), (x + dx + 12, y - 18)], Ink(PALE, None, 3))


def in_the_box(pen: Pen, width: float, height: float) -> None:
    """Eight cards with the parts."""
    cards = (
        (_anemometer, "1 anemometer"),
        (_shield, "1 thermometer shield"),
        (_rain, "1 rain gauge"),
        (_panel, "1 solar panel 2 W"),
        (_console_icon, "1 display console"),
        (_clamp, "2 mast clamps, U-bolt"),
        (None, "4 bolts M8 x 30"),
        (None, "1 USB cable, 1.5 m"),
    )
    w, h = width / 4, height / 2
    for i, (draw, word) in enumerate(cards):
        x, y = (i % 4) * w, (1 - i // 4) * h
        pen.box((x + 4, y + 4, w - 8, h - 8), CARD, radius=7)
        pen.label((x + w / 2, y + 13), word, size=10.4, colour=PALE)
        at = (x + w / 2, y + h / 2 + 9)
        if draw:
            draw(pen, at)
        elif i == 6:
            for k in range(4):
                pen.box((at[0] - 46 + 26 * k, at[1] + 6, 16, 9), Ink(PALE, "#37566f", 1))
                pen.box((at[0] - 41 + 26 * k, at[1] - 20, 6, 26), Ink(PALE, "#21384c", 1))
        else:
            pen.curve(
                (at[0] - 40, at[1]),
                Ink(PALE, None, 2.4),
                bends=[((at[0] - 10, at[1] + 46), (at[0] + 10, at[1] - 46), (at[0] + 36, at[1]))],
            )
            pen.box((at[0] - 52, at[1] - 5, 14, 10), Ink(PALE, "#37566f", 1))
            pen.box((at[0] + 36, at[1] - 5, 14, 10), Ink(PALE, "#37566f", 1))


def site_map(pen: Pen, width: float, height: float) -> None:
    """Contour map with a stream, a road, a house, trees and the mast."""
    pen.box((0, 0, width, height), Ink("#2c4257", "#14261f", 1), radius=4)
    for k in range(6):
        points = []
        for step in range(61):
            a = 2 * math.pi * step / 60
            r = (22 + 21 * k) * (1 + 0.14 * math.sin(2 * a + 0.6) + 0.07 * math.sin(3 * a + k * 0.35))
            points.append(
                (
                    min(max(width * 0.42 + 1.18 * r * math.cos(a), 2), width - 2),
                    min(max(height * 0.54 + 0.85 * r * math.sin(a), 2), height - 2),
                )
            )
        pen.line(points, Ink("#7a6a48" if k % 2 else "#a08b5b", None, 0.8 if k % 2 else 1.2), closed=True)
        pen.text(
            (width * 0.42 - 6, height * 0.54 - 0.85 * (22 + 21 * k) * 0.93 + 3),
            f"{145 - 5 * k}",
            size=7,
            colour="#d9c48f",
        )
    pen.smooth([(0, 34), (70, 46), (150, 24), (230, 40), (width, 22)], Ink(BLUE, None, 3))
    pen.text((52, 30), "stream", size=8.5, colour=BLUE, style="-Italic")
    pen.smooth(
        [(width * 0.72, height), (width * 0.8, height * 0.6), (width * 0.76, height * 0.3), (width * 0.9, 0)],
        Ink("#6f7c88", None, 6),
    )
    pen.box((width - 48, height * 0.62, 26, 18), Ink(PALE, CORAL, 1))
    pen.text((width - 35, height * 0.62 + 24), "house 7 m", size=8.5, anchor="c", colour=PALE)
    for dx, dy in ((0, 0), (13, 7), (4, 15), (20, -6), (-10, 9)):
        pen.circle((40 + dx, height - 60 + dy), 7, Ink("#2f7d4f", "#245f3d", 1))
    pen.text((28, height - 82), "trees", size=8.5, colour="#7ccf9c")
    mast = (width * 0.42, height * 0.54)
    pen.circle(mast, 5, Ink("#ffffff", AMBER, 1.4))
    pen.text((mast[0] + 8, mast[1] + 8), "WS-7 mast", size=10, style="-Bold", colour=AMBER)
    end = (width - 48, height * 0.62 + 8)
    pen.line([mast, end], Ink(AMBER, None, 0.9, (4, 3)))
    pen.text(((mast[0] + end[0]) / 2 - 4, (mast[1] + end[1]) / 2 - 14), "80 m", size=9.5, style="-Bold", colour=AMBER)
    pen.arrow([(30, 74), (86, 112)], Ink(TEAL, None, 3), head=10)
    pen.text((20, 62), "prevailing wind", size=9, colour=TEAL, style="-Bold")
    pen.arrow([(width - 20, height - 46), (width - 20, height - 16)], Ink(PALE, None, 1.6), head=8)
    pen.label((width - 20, height - 58), "N", size=11, colour=PALE)
    pen.line([(width - 120, 9), (width - 22, 9)], Ink(PALE, None, 2.4))
    pen.text((width - 84, 13), "50 m", size=8.5, anchor="c", colour=PALE)


def mounting(pen: Pen, width: float, height: float) -> None:
    """Four cards: clamp, head, north, level."""
    words = (
        "Clamp the U-bolts, 6 Nm",
        "Slide the sensor head on",
        "Turn arrow N to true north",
        "Level it, plug in the panel",
    )
    w = width / 4
    for i, word in enumerate(words):
        x = w * (i + 0.5)
        pen.box((w * i + 4, 0, w - 8, height), CARD, radius=7)
        step_circle(pen, (w * i + 22, height - 20), str(i + 1), colour="#2a8f88", radius=11)
        pen.label((x, 13), word, size=10.4, colour=PALE)
        if i != 2:
            pen.box((x - 7, 34, 14, 96 if i == 1 else 120), Ink(PALE, "#37566f", 1.2))
        if i == 0:
            for y in (70, 112):
                pen.box((x - 17, y, 34, 8), Ink(PALE, AMBER, 1), radius=2)
                pen.box((x + 13, y - 3, 10, 14), Ink(PALE, "#37566f", 1))
            turn_arrow(pen, (x + 18, 96), 30, Ink(AMBER, None, 2.2), start=-50, extent=110)
        elif i == 1:
            _anemometer(pen, (x - 6, 186))
            pen.box((x - 34, 152, 68, 12), LINE, radius=3)
            pen.arrow([(x + 44, 180), (x + 44, 122)], Ink(AMBER, None, 2.4), head=9)
        elif i == 2:
            _compass(pen, (x, 122))
        else:
            _shield(pen, (x, 160))
            pen.box((x - 30, 118, 60, 14), Ink(PALE, "#b6e35f", 1.2), radius=6)
            pen.ellipse((x, 125), (8, 4), Ink("#3d5a12", "#eaffc2", 1))
            _panel(pen, (x, 70))


def _compass(pen: Pen, at: Point) -> None:
    x, y = at
    pen.circle(at, 54, LINE)
    for name, angle in (("N", 90), ("E", 0), ("S", 270), ("W", 180)):
        place = around((x, y - 4), 42, math.radians(angle))
        pen.label(place, name, size=12, colour=AMBER if name == "N" else PALE)
    pen.line([(x - 7, y), (x, y + 32), (x + 7, y)], Ink(None, CORAL), closed=True)
    pen.line([(x - 7, y), (x, y - 32), (x + 7, y)], Ink(None, PALE), closed=True)


def radio_blocks(pen: Pen, width: float, height: float) -> None:
    """Sensors, microcontroller, transmitter, receiver, display, USB."""

    def block(x: float, y: float, word: str, colour: str) -> None:
        pen.box((x - 44, y - 17, 88, 34), Ink(colour, "#162737", 1.4), radius=5)
        pen.label((x, y + 4 if "\n" in word else y - 3.5), word, size=9, colour=PALE)

    x1, x2, x3 = 46.0, width * 0.5, width - 46
    for k, word in enumerate(("wind", "temperature\nhumidity", "rain", "solar panel\n2 W")):
        y = height - 24 - k * 54
        block(x1, y, word, TEAL)
        pen.arrow([(x1 + 44, y), (x2 - 46, height * 0.62 if k < 3 else 34)], Ink(TEAL, None, 1.1), head=6)
    block(x2, height * 0.62, "controller\n10 bit ADC", AMBER)
    block(x2, 34, "charger\nLi cell 3.7 V", AMBER)
    pen.arrow([(x2, 51), (x2, height * 0.62 - 18)], Ink(AMBER, None, 1.2), head=6)
    pen.arrow([(x2, height * 0.62 + 17), (x2, height - 42)], Ink(AMBER, None, 1.2), head=6)
    block(x2, height - 24, "transmitter\n868 MHz", CORAL)
    block(x3, height - 24, "receiver", CORAL)
    for k in range(3):
        pen.arc((x2 + 46, height - 24), 12 + 8 * k, Ink(CORAL, None, 1.4), start=-32, extent=64)
    block(x3, height * 0.5, "console\ndisplay", BLUE)
    block(x3, 34, "USB export\nCSV", BLUE)
    pen.arrow([(x3, height - 41), (x3, height * 0.5 + 18)], Ink(BLUE, None, 1.2), head=6)
    pen.arrow([(x3, height * 0.5 - 17), (x3, 52)], Ink(BLUE, None, 1.2), head=6)


def radio_range(pen: Pen, width: float, height: float) -> None:
    """Three falling lines and the limit."""
    axes = Axes(pen, (40, 34, width - 56, height - 44), (0, 400), (-120, -40), ink=PALE, grid=GRID)
    axes.frame(xticks=range(0, 401, 100), yticks=range(-120, -39, 20), xlabel="Distance (m)", ylabel="dBm")
    for name, loss, exponent, colour, at in (
        ("open field", 0, 22, TEAL, 300),
        ("forest", 0, 29, AMBER, 250),
        ("two walls", 24, 22, CORAL, 170),
    ):
        curve = [(d, -44 - loss - exponent * math.log10(d / 5)) for d in range(8, 401, 14)]
        axes.line([p for p in curve if p[1] > -119], colour, width=2)
        axes.note(at, -44 - loss - exponent * math.log10(at / 5) + 1, name, colour=colour)
    axes.steps([(0, -105), (400, -105)], "#ffffff", width=0.9)
    axes.note(2, -114, "limit -105 dBm", colour="#ffffff")


def console(pen: Pen, width: float, height: float) -> None:
    """The LCD with callouts on both sides."""
    x, w = width / 2 - 150, 300.0
    pen.box((x, 0, w, height), Ink("#4a6176", "#263a4c", 1.6), radius=14)
    pen.box((x + 16, 42, w - 32, height - 58), Ink("#0d1721", "#bcd3c4", 1.2), radius=4)
    dark = "#14212c"
    pen.text((x + 30, height - 74), "18.2", size=46, style="-Bold", colour=dark)
    pen.text((x + 132, height - 56), "°C", size=16, style="-Bold", colour=dark)
    pen.text((x + 182, height - 56), "64 %", size=28, style="-Bold", colour=dark)
    pen.text((x + 30, height - 124), "1013", size=30, style="-Bold", colour=dark)
    pen.text((x + 102, height - 124), "hPa", size=12, colour=dark)
    pen.arrow([(x + 134, height - 126), (x + 148, height - 106)], Ink(dark, None, 2.4), head=8)
    pen.text((x + 30, height - 172), "3.4 mm", size=24, style="-Bold", colour=dark)
    pen.circle((x + 222, height - 130), 40, Ink(dark, None, 2))
    pen.ticks((x + 222, height - 130), (34, 40), 16, Ink(dark, None, 1.2))
    pen.arrow([(x + 222 + 22, height - 130 + 22), (x + 222 - 24, height - 130 - 24)], Ink(dark, None, 3), head=10)
    pen.label((x + 222, height - 186), "24 km/h", size=13, colour=dark)
    for k, key in enumerate(("MODE", "MEM", "LIGHT", "LINK")):
        pen.box((x + 28 + k * 63, 13, 54, 18), Ink("#0d1721", "#3c566c", 1), radius=5)
        pen.label((x + 55 + k * 63, 18.5), key, size=8.4, colour=PALE)
    calls = (
        ("outdoor temperature", -1, height - 58, x + 30),
        ("air pressure, arrow: rising", -1, height - 114, x + 30),
        ("rain since midnight", -1, height - 164, x + 30),
        ("humidity", 1, height - 46, x + 246),
        ("wind direction: from south-west", 1, height - 112, x + 262),
        ("mean wind speed of 10 min", 1, height - 182, x + 252),
    )
    for word, side, y, target in calls:
        edge = x - 20 if side < 0 else x + w + 20
        pen.line([(edge, y), (target, y)], Ink(AMBER, None, 1))
        pen.text((edge + 4 * side, y - 3), word, size=9.6, anchor="r" if side < 0 else "l", colour=AMBER)


def wind_rose(pen: Pen, width: float, height: float) -> None:
    """Stacked petals for 16 directions."""
    centre, scale = (width / 2 + 26, height / 2), height / 2.35 / 20
    for ring in (5, 10, 15, 20):
        pen.circle(centre, ring * scale, Ink(GRID, None, 0.8))
        pen.text((centre[0] + 3, centre[1] + ring * scale - 9), f"{ring} %", size=7.6, colour="#8fa5b8")
    shares = (4, 3, 3.5, 4, 4.5, 3, 2.5, 3, 5, 10, 19, 14, 9, 6, 5, 4.5)
    for k, share in enumerate(shares):
        angle = 90 - k * 22.5
        for part, colour in ((1.0, CORAL), (0.72, AMBER), (0.4, TEAL)):
            pen.wedge(centre, share * part * scale, Ink("#0f1c29", colour, 0.7), start=angle - 9, extent=18)
    for name, angle in (
        ("N", 90),
        ("NE", 45),
        ("E", 0),
        ("SE", -45),
        ("S", -90),
        ("SW", -135),
        ("W", 180),
        ("NW", 135),
    ):
        place = around((centre[0], centre[1] - 4), 21.6 * scale, math.radians(angle))
        pen.label(place, name, size=10.5, colour=PALE)
    legend(pen, (0, 28), (("below 12 km/h", TEAL), ("12 to 28 km/h", AMBER), ("above 28 km/h", CORAL)), colour=PALE)


def month(pen: Pen, width: float, height: float) -> None:
    """Temperature line over rain bars, two scales."""
    rain = {3: 4, 4: 7, 5: 2, 9: 5, 10: 3, 16: 9, 17: 14, 18: 6, 23: 4, 24: 2, 27: 3, 28: 2}
    area = (44.0, 36.0, width - 96, height - 48)
    axes = Axes(pen, area, (0.2, 30.8), (0, 20), ink=PALE, grid=GRID)
    axes.frame(xticks=range(2, 31, 2), yticks=range(0, 21, 5), xlabel="Day of April", ylabel="Mean temperature (°C)")
    for day, value in rain.items():
        axes.bar(day, (0, value), BLUE, width=0.7)
    axes.note(15.2, 14.1, "14 mm on the 17th", colour=BLUE)
    temperature = [
        (d, round(6.1 + 0.21 * d + 2.6 * math.sin(d / 2.9) - (2.4 if d in rain else 0), 1)) for d in range(1, 31)
    ]
    axes.line(temperature, AMBER, width=2.4)
    for mark in range(0, 21, 5):
        x, y = axes.at(30.8, mark)
        pen.text((x + 6, y - 2.6), str(mark), size=7.4, colour=BLUE)
    pen.turned_text((width - 24, height / 2), "Rain (mm)", turn=-90, colour=BLUE)
    legend(pen, (60, height - 20), (("mean temperature", AMBER), ("rain", BLUE)), colour=PALE)


def battery(pen: Pen, width: float, height: float) -> None:
    """Bars by interval."""
    axes = Axes(pen, (40, 34, width - 56, height - 46), (-0.6, 4.6), (0, 60), ink=PALE, grid=GRID)
    axes.frame(xticks=(), yticks=range(0, 61, 20), xlabel="Transmission interval", ylabel="weeks")
    axes.names(("16 s", "30 s", "1 min", "5 min", "15 min"), size=9)
    for i, weeks in enumerate((6, 11, 19, 38, 52)):
        axes.bar(i, (0, weeks), TEAL if weeks < 38 else AMBER, width=0.62)
        x, y = axes.at(i, weeks)
        pen.label((x, y + 4), str(weeks), size=10, colour=PALE)
