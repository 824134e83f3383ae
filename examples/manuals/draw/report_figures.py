"""Charts and the map of the maintenance report; each function fills a box of `width` by `height` points."""

import math

import numpy as np

from .charts import Axes, legend, pie
from .pen import Ink, Pen

DARK, TEAL, CORAL, SAND, SKY = "#0b3d4f", "#1f9e8f", "#e4684a", "#e9b44c", "#6ab0d4"
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
PREVENTIVE = (62, 55, 70, 76, 78, 74, 60, 54, 78, 82, 80, 68)
CORRECTIVE = (41, 58, 38, 31, 28, 33, 40, 62, 36, 27, 29, 24)


def tiles(pen: Pen, width: float, height: float) -> None:
    """Four tiles with a number each."""
    w = width / 4
    entries = (
        ("98.7 %", "availability", "+0.9 points", TEAL),
        ("318 h", "downtime", "-21 %", TEAL),
        ("1 284", "work orders", "+6 %", DARK),
        ("1.86 M€", "maintenance costs", "+3 %", CORAL),
    )
    for i, (number, word, change, colour) in enumerate(entries):
        pen.box((w * i + 3, 0, w - 6, height - 4), Ink("#c9d8d8", "#f4f9f9", 0.8), radius=6)
        pen.box((w * i + 3, height - 12, w - 6, 8), Ink(None, colour))
        pen.label((w * (i + 0.5), 58), number, size=24, colour=colour)
        pen.text((w * (i + 0.5), 36), word, size=10, anchor="c")
        pen.label((w * (i + 0.5), 16), change, size=9, colour="#5f7078")


def ratio(pen: Pen, width: float, height: float) -> None:
    """A line with an area below."""
    axes = Axes(pen, (44, 30, width - 110, height - 40), (2018.6, 2024.4), (0, 80))
    values = [(2019, 38), (2020, 41), (2021, 47), (2022, 52), (2023, 58), (2024, 65)]
    pen.line([axes.at(2019, 0), *[axes.at(*v) for v in values], axes.at(2024, 0)], Ink(None, "#d7eeeb"), closed=True)
    axes.frame(xticks=range(2019, 2025), yticks=range(0, 81, 20), ylabel="%")
    axes.steps(values, TEAL, width=2.4)
    axes.dots(values, TEAL, radius=3.4)
    for year, value in values:
        axes.note(year - 0.14, value + (2 if year < 2024 else -9), f"{value} %", colour=DARK)
    axes.steps([(2018.6, 70), (2024.4, 70)], CORAL, width=1.2)
    axes.note(2024.4, 67.5, "target 70 %", colour=CORAL)


def orders(pen: Pen, width: float, height: float) -> None:
    """Stacked bars over twelve months."""
    axes = Axes(pen, (44, 30, width - 60, height - 56), (-0.6, 11.6), (0, 140))
    axes.frame(xticks=(), yticks=range(0, 141, 20), ylabel="Work orders")
    axes.names(MONTHS, size=9)
    for i, (planned, repairs) in enumerate(zip(PREVENTIVE, CORRECTIVE, strict=True)):
        axes.bar(i, (0, planned), TEAL)
        axes.bar(i, (planned, planned + repairs), CORAL)
        x, y = axes.at(i, planned + repairs)
        pen.label((x, y + 4), str(planned + repairs), size=8.4)
    legend(pen, (60, height - 12), (("preventive", TEAL),))
    legend(pen, (150, height - 12), (("corrective", CORAL),))


def costs(pen: Pen, width: float, height: float) -> None:
    """A ring chart with the total in the middle."""
    centre = (width / 2, height / 2)
    pie(
        pen,
        centre,
        height * 0.44,
        (
            ("Wages of own staff", 781, DARK),
            ("Spare parts", 409, TEAL),
            ("External contractors", 335, SKY),
            ("Lubricants and chemicals", 112, SAND),
            ("Sensors and software", 223, CORAL),
        ),
    )
    pen.label((centre[0], centre[1] + 2), "1.86 M€", size=18, colour=DARK)
    pen.text((centre[0], centre[1] - 14), "in 2024", size=9, anchor="c")


def pareto(pen: Pen, width: float, height: float) -> None:
    """Falling bars and the cumulated line."""
    causes = (
        ("mechanical\nseals", 96),
        ("frequency\nconverters", 71),
        ("bearings", 53),
        ("burst\nmains", 38),
        ("sensors,\ncables", 27),
        ("lightning", 19),
        ("others", 14),
    )
    total = sum(hours for _, hours in causes)
    area = (44.0, 44.0, width - 92, height - 60)
    axes = Axes(pen, area, (-0.6, 6.6), (0, 120))
    axes.frame(xticks=(), yticks=range(0, 121, 20), ylabel="Downtime (h)")
    axes.names([name for name, _ in causes], size=8.6)
    share = Axes(pen, area, (-0.6, 6.6), (0, 120))
    line, running = [], 0
    for i, (_, hours) in enumerate(causes):
        axes.bar(i, (0, hours), DARK if i < 3 else SKY)
        running += hours
        line.append((float(i), 100 * running / total))
        x, y = axes.at(i, hours)
        pen.label((x, y + 3), f"{hours} h", size=8.4, colour=DARK)
    share.steps(line, CORAL, width=2)
    share.dots(line, CORAL, radius=3.2)
    for place, percent in line[2:]:
        share.note(place - 0.34, percent + 2, f"{percent:.0f} %", colour=CORAL)
    for tick in range(0, 101, 20):
        x, y = share.at(6.6, tick)
        pen.text((x + 6, y - 3), f"{tick} %", size=7.6, colour=CORAL)


def vibration_trend(pen: Pen, width: float, height: float) -> None:
    """Weekly values that climb, then fall after the repair."""
    axes = Axes(pen, (44, 36, width - 120, height - 46), (1, 52), (0, 8))
    for low, high, colour in ((0, 2.8, "#e3f3ea"), (2.8, 4.5, "#fdf1d3"), (4.5, 8, "#fbe1da")):
        axes.band((1, 52), (low, high), Ink(None, colour))
    axes.frame(xticks=range(4, 53, 4), yticks=range(0, 9, 2), xlabel="Calendar week 2024", ylabel="mm/s")
    rng = np.random.default_rng(11)
    rise = [1.7 + float(rng.normal(0, 0.12)) + (0 if w < 15 else 5.2 * ((w - 14) / 8) ** 1.7) for w in range(1, 23)]
    after = [1.4 + float(rng.normal(0, 0.12)) for _ in range(23, 53)]
    axes.steps([(float(w + 1), v) for w, v in enumerate(rise + after)], DARK, width=1.8)
    axes.note(52, 2.7, "warning 2.8", colour="#b07d00")
    axes.note(52, 4.4, "alarm 4.5", colour=CORAL)
    axes.note(23.2, 6.2, "bearing replaced, 3 June", colour=DARK)


def vibration_scatter(pen: Pen, width: float, height: float) -> None:
    """38 dots, four above the alarm limit."""
    axes = Axes(pen, (44, 36, width - 120, height - 46), (30, 100), (0, 7))
    axes.frame(
        xticks=range(30, 101, 10),
        yticks=range(8),
        xlabel="Bearing temperature (°C)",
        ylabel="Vibration velocity (mm/s)",
    )
    rng = np.random.default_rng(38)
    temperature = rng.uniform(36, 78, 34)
    velocity = np.clip(0.8 + 0.035 * (temperature - 36) + rng.normal(0, 0.35, 34), 0.5, 4.2)
    axes.dots([(float(t), float(v)) for t, v in zip(temperature, velocity, strict=True)], TEAL, radius=3.6)
    for t, v, name in (
        (74, 4.9, "Saltmarsh 2"),
        (81, 5.4, "Heronsford 6"),
        (92, 5.0, "Tarn Hill 1"),
        (91, 6.2, "Mossgate 4"),
    ):
        axes.dots([(t, v)], CORAL, radius=4.4)
        axes.note(t, v, name, colour=CORAL, size=8.4)
    axes.steps([(30, 4.5), (100, 4.5)], CORAL, width=1)
    axes.note(30.5, 4.5, "alarm limit 4.5 mm/s", colour=CORAL)


def station_map(pen: Pen, width: float, height: float) -> None:
    """Lake, river, town, stations and mains."""
    pen.box((0, 0, width, height), Ink("#9fb8ae", "#eef4e6", 1), radius=4)
    hill = [(width * 0.2 + 92 * math.cos(a / 9.5), height * 0.74 + 58 * math.sin(a / 9.5)) for a in range(60)]
    for k in range(4):
        pen.line(
            [
                (width * 0.2 + (x - width * 0.2) * (1 - 0.22 * k), height * 0.74 + (y - height * 0.74) * (1 - 0.22 * k))
                for x, y in hill
            ],
            Ink("#c7b98c", "#e6e3c4" if k == 0 else None, 0.7),
            closed=True,
        )
    pen.curve(
        (width * 0.66, height - 3),
        Ink("#5f9cc0", "#bfe0f0", 1),
        bends=[
            ((width * 0.6, height * 0.7), (width * 0.74, height * 0.6), (width * 0.84, height * 0.68)),
            ((width * 0.97, height * 0.74), (width * 0.93, height * 0.9), (width * 0.9, height - 3)),
        ],
    )
    pen.text((width * 0.79, height * 0.83), "Lake Alder", size=10.5, anchor="c", style="-Italic", colour="#34729a")
    pen.smooth(
        [
            (width * 0.7, height * 0.66),
            (width * 0.6, height * 0.52),
            (width * 0.62, height * 0.34),
            (width * 0.48, height * 0.2),
            (width * 0.44, 2),
        ],
        Ink("#8cc3de", None, 5),
    )
    for i in range(5):
        for j in range(3):
            pen.box((width * 0.3 + 15 * i, height * 0.34 + 15 * j, 11, 11), Ink("#b3a698", "#d9cdbf", 0.5))
    pen.text((width * 0.3 + 36, height * 0.34 + 47), "Aldermere town", size=9.5, anchor="c", style="-Italic")
    places = {
        "North Weir": (0.7, 0.66),
        "Tarn Hill": (0.2, 0.74),
        "Mossgate": (0.46, 0.56),
        "Heronsford": (0.56, 0.3),
        "Quarry Lane": (0.16, 0.36),
        "Otterbank": (0.82, 0.34),
        "Saltmarsh": (0.36, 0.12),
    }
    mains = (
        ("North Weir", "Mossgate", "DN 600"),
        ("Mossgate", "Tarn Hill", "DN 300"),
        ("Mossgate", "Heronsford", "DN 400"),
        ("Tarn Hill", "Quarry Lane", "DN 250"),
        ("Heronsford", "Otterbank", "DN 300"),
        ("Heronsford", "Saltmarsh", "DN 250"),
    )
    for first, second, size in mains:
        (x0, y0), (x1, y1) = places[first], places[second]
        pen.line([(x0 * width, y0 * height), (x1 * width, y1 * height)], Ink(DARK, None, 1 + int(size[3:]) / 200))
        pen.text(
            ((x0 + x1) / 2 * width + 6, (y0 + y1) / 2 * height + (6 if (x1 - x0) * (y1 - y0) < 0 else -11)),
            size,
            size=8,
            style="-Bold",
            colour=DARK,
        )
    for name, (fx, fy) in places.items():
        x, y = fx * width, fy * height
        pen.circle((x, y), 9, Ink("#ffffff", TEAL, 2))
        pen.line([(x - 3.5, y - 4), (x - 3.5, y + 4), (x + 5, y)], Ink(None, "#ffffff"), closed=True)
        shift = {"Tarn Hill": (-22, 14), "Quarry Lane": (-26, -20)}.get(name, (12, -12))
        pen.text((x + shift[0], y + shift[1]), name, size=9.6, style="-Bold")
    pen.line([(width - 96, 16), (width - 26, 16)], Ink(DARK, None, 2.4))
    pen.text((width - 61, 21), "5 km", size=9, anchor="c")
    pen.arrow([(26, height - 46), (26, height - 14)], Ink(DARK, None, 1.8), head=9)
    pen.label((26, height - 58), "N", size=11)


def gantt(pen: Pen, width: float, height: float) -> None:
    """Bars over twelve months."""
    jobs = (
        ("Pumps above alarm limit, four bearings", 0.0, 1.0, CORAL),
        ("Heronsford: new impellers, pumps 1 and 2", 1.0, 3.5, DARK),
        ("Mossgate: cooling of converters", 2.0, 5.0, TEAL),
        ("Tarn Hill: relining of main DN 300", 3.0, 6.0, DARK),
        ("Lightning protection, Quarry Lane", 4.5, 6.0, TEAL),
        ("Saltmarsh: new control system", 8.0, 11.0, DARK),
        ("Inspection of all seven tanks", 8.5, 10.0, SAND),
        ("Frost protection of exposed pipes", 10.0, 11.5, SKY),
    )
    left, top = 196.0, height - 22
    step, month = (height - 34) / len(jobs), (width - left - 6) / 12
    pen.box((left + 6 * month, 6, 2 * month, top - 6), Ink(None, "#fbeee9"))
    pen.label((left + 7 * month, 10), "no work", size=8, colour=CORAL)
    for i in range(13):
        pen.line([(left + i * month, 6), (left + i * month, top)], Ink("#cbd6da", None, 0.5))
        if i < 12:
            pen.label((left + (i + 0.5) * month, top + 6), MONTHS[i], size=8.6)
    for k, (name, start, end, colour) in enumerate(jobs):
        y = top - (k + 1) * step
        pen.text((left - 8, y + step / 2 - 3), name, size=8.6, anchor="r")
        pen.box((left + start * month, y + step * 0.25, (end - start) * month, step * 0.5), Ink(None, colour), radius=3)
