"""Annual maintenance report of an invented water works: A4, teal, charts in `report_figures`."""

from . import report_figures as fig
from .pen import Ink
from .scenes import pipe_bend
from .sheet import Chapter, Column, Manual, Theme

THEME = Theme(
    (595.3, 841.9),
    "Sans",
    accent="#0b3d4f",
    second="#1f9e8f",
    tint="#edf5f4",
    margin=56,
    body=11,
    ink="#1c2a30",
    muted="#5f7078",
    title_size=20,
)


def _cover(column: Column) -> None:
    pen = column.pen
    width, height = column.theme.size
    pen.gradient((0, 0, width, height), ["#e4f1ef", "#ffffff"])
    pen.picture(pipe_bend(), (0, 300, width, width * 440 / 640))
    pen.box((0, 270, width, 34), Ink(None, "#1f9e8f"))
    pen.text((56, height - 66), "ALDERMERE WATER WORKS", size=14, style="-Bold", colour="#1f9e8f")
    pen.text((56, 208), "Annual maintenance report", size=34, style="-Bold", colour="#0b3d4f")
    pen.text((56, 172), "January to December 2024", size=18)
    pen.text((56, 120), "Mechanical workshop, March 2025", size=11)
    pen.text((56, 281), "Seven stations   |   38 pumps   |   212 km of mains", size=12, style="-Bold", colour="#ffffff")


def _summary(column: Column) -> None:
    column.figure(118, fig.tiles, "Key figures of 2024 and change against 2023.")
    column.text(
        "Never before was the share of planned work so high. Of <b>1 284 work orders</b>, 837 were preventive "
        "and 447 corrective. "
        "Downtime fell from 402 to <b>318 hours</b>; the supply was never interrupted for longer than four hours."
    )
    column.heading("What went well")
    column.items(
        [
            "Vibration sensors on all 38 pumps found nine bearing faults before they became failures.",
            "Seal kits in stock cut the repair time of a pump from 11 to 6 hours.",
            "The new workshop rota filled 96 % of planned hours.",
        ]
    )
    column.heading("What did not")
    column.items(
        [
            "Two frequency converters at Mossgate burned out in the August heat; cooling fans are on order.",
            "Energy per cubic metre rose at Heronsford, where both impellers are worn.",
        ]
    )
    column.figure(190, fig.ratio, "Share of preventive work orders, 2019 to 2024, and the target of 70 %.")


def _orders(column: Column) -> None:
    column.text(
        "February and August carried the most corrective work: frost damage to the mains in winter, overheated "
        "drives in summer."
    )
    column.figure(290, fig.orders, "Work orders per month, preventive and corrective.")
    rows = [["Quarter", "Preventive", "Corrective", "Total", "Closed within 7 days"]]
    closed = ("88 %", "93 %", "84 %", "95 %")
    for quarter in range(4):
        planned, repairs = (sum(series[quarter * 3 : quarter * 3 + 3]) for series in (fig.PREVENTIVE, fig.CORRECTIVE))
        rows.append([f"Q{quarter + 1}", str(planned), str(repairs), str(planned + repairs), closed[quarter]])
    rows.append(
        [
            "<b>Year</b>",
            f"<b>{sum(fig.PREVENTIVE)}</b>",
            f"<b>{sum(fig.CORRECTIVE)}</b>",
            f"<b>{sum(fig.PREVENTIVE) + sum(fig.CORRECTIVE)}</b>",
            "<b>90 %</b>",
        ]
    )
    column.table(rows, [1, 1, 1, 1, 1.4])
    column.caption("<b>Table 1:</b> work orders by quarter.")
    column.notice("NOTE", "A work order counts as corrective when the machine had already lost its function.")


def _costs(column: Column) -> None:
    column.text("Maintenance cost <b>1.86 million euros</b> in 2024, 4 % less than the budget of 1.94 million.")
    column.figure(250, fig.costs, "Breakdown of maintenance costs 2024.")
    column.table(
        [
            ["Cost type", "2023 (k€)", "2024 (k€)", "Change"],
            ["Wages of own staff", "742", "781", "+5 %"],
            ["Spare parts", "455", "409", "-10 %"],
            ["External contractors", "401", "335", "-16 %"],
            ["Lubricants and chemicals", "118", "112", "-5 %"],
            ["Sensors and software", "96", "223", "+132 %"],
            ["<b>Total</b>", "<b>1 812</b>", "<b>1 860</b>", "<b>+3 %</b>"],
        ],
        [2, 1, 1, 1],
    )
    column.caption("<b>Table 2:</b> costs by type, thousand euros.")
    column.text(
        "The jump in sensors and software is the one-off purchase of 114 vibration sensors (three per pump) at "
        "1150 euros each."
    )


def _downtime(column: Column) -> None:
    column.text("The three longest bars make up 69 % of all downtime. That is where money should go first.")
    column.figure(300, fig.pareto, "Pareto chart: downtime in hours by cause, with cumulated share.")
    column.heading("Longest single stops")
    column.table(
        [
            ["Date", "Station", "Cause", "Hours"],
            ["14 August", "Mossgate", "frequency converter burned out", "31"],
            ["9 February", "Tarn Hill", "burst main DN 300", "22"],
            ["2 June", "Heronsford", "bearing seized, pump 3", "17"],
            ["21 November", "Quarry Lane", "lightning, control cabinet", "14"],
        ],
        [1, 1.2, 2.2, 0.6],
    )
    column.caption("<b>Table 3:</b> the four longest stops; stand-by pumps kept the supply going.")


def _vibration(column: Column) -> None:
    column.text(
        "Pump 3 at Heronsford shows why sensors pay. The vibration velocity left its usual band in April; the "
        "bearing was replaced on 3 June, one day after it seized."
    )
    column.figure(
        225,
        fig.vibration_trend,
        "Vibration velocity of pump 3, Heronsford, weekly values with warning and alarm limits.",
    )
    column.figure(
        255, fig.vibration_scatter, "Scatter plot: bearing temperature against vibration for all 38 pumps in December."
    )
    column.text("Four pumps lie above the alarm limit of <b>4.5 mm/s</b>: they have been scheduled for January 2025.")


def _map(column: Column) -> None:
    column.figure(345, fig.station_map, "Map of the seven pumping stations and trunk mains.")
    column.table(
        [
            ["Station", "Pumps", "Built", "Energy (kWh/m³)", "Availability"],
            ["Heronsford", "8", "1986", "0.61", "97.9 %"],
            ["Mossgate", "6", "2004", "0.44", "97.2 %"],
            ["Tarn Hill", "5", "1974", "0.52", "98.8 %"],
            ["Quarry Lane", "6", "1998", "0.47", "98.6 %"],
            ["Otterbank", "4", "2012", "0.39", "99.6 %"],
            ["Saltmarsh", "5", "1991", "0.50", "99.1 %"],
            ["North Weir", "4", "2019", "0.36", "99.8 %"],
        ],
        [1.4, 0.7, 0.7, 1.2, 1],
    )
    column.caption("<b>Table 4:</b> stations with specific energy and availability in 2024.")


def _plan(column: Column) -> None:
    column.text(
        "Budget 2025: <b>1.91 million euros</b>. Work inside stations is kept out of July and August, when "
        "demand peaks."
    )
    column.figure(300, fig.gantt, "Gantt chart of the major jobs in 2025.")
    column.heading("Targets for 2025")
    column.table(
        [
            ["Target", "2024", "2025"],
            ["Preventive share of work orders", "65 %", "70 %"],
            ["Downtime", "318 h", "below 260 h"],
            ["Overdue inspections", "23", "0"],
            ["Stock value of spare parts", "412 k€", "380 k€"],
        ],
        [2.4, 1, 1],
    )
    column.notice("NOTE", "Next report: March 2026. Questions to the workshop, extension 4410.")


MANUAL = Manual(
    "report.pdf",
    "Annual maintenance report 2024",
    "Aldermere Water Works",
    THEME,
    _cover,
    (
        Chapter("Summary", _summary),
        Chapter("Work orders", _orders),
        Chapter("Costs", _costs),
        Chapter("Downtime", _downtime),
        Chapter("Vibration monitoring", _vibration),
        Chapter("Stations", _map),
        Chapter("Plan for 2025", _plan),
    ),
    contents=False,
)
