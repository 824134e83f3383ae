"""Service manual of an invented hydraulic press: A4, dense technical style, drawings in `press_figures`."""

from . import press_figures as fig
from . import press_service_figures as service
from .pen import Ink
from .scenes import press as press_picture
from .sheet import Chapter, Column, Manual, Theme

THEME = Theme(
    (595.3, 841.9),
    "Condensed",
    accent="#7a2e1d",
    second="#24405c",
    tint="#f6efec",
    margin=50,
    body=10.3,
    ink="#22201f",
    muted="#6f6a66",
    title_size=18,
)


def _cover(column: Column) -> None:
    pen = column.pen
    width, height = column.theme.size
    pen.box((0, 0, width, height), Ink(None, "#f3f0ea"))
    pen.box((0, 0, 22, height), Ink(None, "#7a2e1d"))
    pen.text((54, height - 90), "GRIMSUND", size=15, style="-Bold", colour="#7a2e1d")
    pen.text((54, height - 140), "HP-60", size=50, style="-Bold")
    pen.text((54, height - 172), "Frame-type hydraulic press, 600 kN", size=19)
    pen.text((54, height - 200), "Service manual", size=19, style="-Bold", colour="#24405c")
    pen.picture(press_picture(), (54, 150, 487, 454))
    pen.text((54, 116), "SM-HP60-04     for machines built from 2019 on", size=11)
    pen.text((54, 70), "For trained service personnel only", size=10, style="-Bold", colour="#b3261e")


def _schematic(column: Column) -> None:
    column.text(
        "Working pressure <b>280 bar</b>, relief valve V1 set to <b>310 bar</b>. In rest position valve V2 "
        "stands in the middle and the pump runs free to tank."
    )
    column.figure(452, fig.schematic, "Hydraulic schematic of the HP-60, symbols after ISO 1219.")
    column.table(
        [
            ["Mark", "Part", "Data", "Mark", "Part", "Data"],
            ["P1", "Gear pump", "28 l/min", "V3", "Counterbalance valve", "45 bar"],
            ["M1", "Motor", "15 kW, 1450 rpm", "C1", "Main cylinder", "165 / 110 x 400 mm"],
            ["V1", "Relief valve", "310 bar", "F1", "Return filter", "10 µm"],
            ["V2", "4/3 directional valve", "24 V DC", "S1", "Pressure switch", "280 bar"],
        ],
        [0.55, 1.4, 1.2, 0.55, 1.5, 1.4],
    )


def _timing(column: Column) -> None:
    column.text(
        "One cycle takes <b>12 seconds</b>. The diagram shows which solenoid is energised in which phase; S1 "
        "ends the pressing phase when 280 bar are reached."
    )
    column.figure(330, fig.timing, "Timing diagram: ram stroke, pressure and solenoids during one press cycle.")
    column.table(
        [
            ["Phase", "From (s)", "To (s)", "Solenoids on", "Ram speed (mm/s)"],
            ["Rapid approach", "0.0", "3.0", "Y1, Y3", "100"],
            ["Pressing", "3.0", "6.0", "Y1", "12"],
            ["Holding", "6.0", "8.0", "-", "0"],
            ["Decompression", "8.0", "8.8", "Y4", "0"],
            ["Return", "8.8", "12.0", "Y2", "105"],
        ],
        [1.4, 0.8, 0.8, 1.2, 1.2],
    )
    column.notice(
        "NOTE", "Holding time is set at timer T2, 0 to 60 seconds; the diagram shows the factory setting of 2 seconds."
    )


def _cylinder(column: Column) -> None:
    column.text(
        "Lower the ram onto wooden blocks before you open the cylinder. Lift the piston rod (86 kg) with a "
        "sling, never with a chain."
    )
    column.figure(470, fig.cylinder_exploded, "Exploded view of the main cylinder C1.")
    column.table(
        [
            ["Pos.", "Part", "Pos.", "Part", "Pos.", "Part"],
            ["1", "Cylinder barrel", "4", "Piston rod", "7", "Gland nut"],
            ["2", "Piston nut M80", "5", "Rod seal set", "8", "Flange screws M20"],
            ["3", "Piston with seal", "6", "Gland bush, bronze", "9", "Platen adapter"],
        ],
        [0.4, 1.4, 0.4, 1.4, 0.4, 1.4],
    )


def _seal_kit(column: Column) -> None:
    column.text(
        "Kit <b>HK-2260</b> holds every soft part of the cylinder. Replace all of them together, at the latest "
        "after 500 000 cycles."
    )
    column.table(
        [
            ["Pos.", "Part number", "Seal", "Size (mm)", "Material", "Qty"],
            ["3.1", "HK-2261", "Piston seal, compact", "165 x 140 x 25", "polyurethane", "1"],
            ["3.2", "HK-2262", "Guide ring", "165 x 160 x 15", "phenolic fabric", "2"],
            ["5.1", "HK-2263", "Rod seal, lip", "110 x 125 x 14", "polyurethane", "1"],
            ["5.2", "HK-2264", "Wiper ring", "110 x 122 x 10", "nitrile rubber", "1"],
            ["5.3", "HK-2265", "O-ring, gland", "158 x 5", "nitrile rubber", "2"],
            ["7.1", "HK-2266", "Back-up ring", "158 x 3", "PTFE", "2"],
        ],
        [0.5, 1, 1.7, 1.3, 1.3, 0.4],
        size=9,
    )
    column.caption("<b>Table 1:</b> seal kit HK-2260 of the main cylinder.")
    column.figure(225, fig.seal_profiles, "Profiles of the seals. The lip always points to the pressure side.")
    column.heading("Fitting rules")
    column.items(
        [
            "Warm polyurethane seals in oil of 60 °C for ten minutes; fold them into a kidney shape.",
            "No screwdriver: use the plastic tool HT-11.",
            "Grind off burrs at the oil ports; cover threads with tape.",
            "Let the seals settle for one hour before the first pressure test.",
        ]
    )


def _pressure(column: Column) -> None:
    left, right = column.split(0.5)
    left.heading("Setting the relief valve V1")
    left.items(
        [
            "Connect a 400 bar gauge to test point MP1.",
            "Loosen the lock nut, 24 mm.",
            "Turn the spindle out by three turns.",
            "Start the motor, move the ram against the bed.",
            "Turn in until the gauge shows <b>310 bar</b>.",
            "Tighten the lock nut with 40 Nm, seal it with lead.",
        ],
        numbered=True,
    )
    right.figure(208, fig.valve_section, "Relief valve V1: one turn changes the pressure by 55 bar.")
    column.resume(left, right)
    column.heading("Press force")
    column.figure(
        250, fig.force_chart, "Press force over pressure for three cylinder sizes; the HP-60 has the 165 mm piston."
    )
    column.text(
        "Force in kN = pressure in bar x piston area in cm² / 100. For 165 mm: 213.8 cm² x 280 bar / 100 = "
        "<b>599 kN</b>."
    )
    column.notice(
        "DANGER",
        "An oil jet from a leak at 280 bar goes through gloves and skin. Search for leaks with cardboard, never "
        "with the hand. Injected oil: hospital at once.",
    )


def _oil(column: Column) -> None:
    column.heading("How often to replace the oil filter and to change the oil")
    column.table(
        [
            ["Work", "Interval", "Part or quantity"],
            ["Check the oil level at the sight glass", "every day", "between the marks"],
            ["Replace the oil filter F1 (return line)", "every 500 hours", "HF-0310, 10 µm"],
            ["Clean the suction strainer", "every 1000 hours", "white spirit, compressed air"],
            ["Change the hydraulic oil", "every 4000 hours or 2 years", "180 litres HLP 46"],
            ["Replace the air breather", "every 2000 hours", "HF-0355, 3 µm"],
            ["Oil analysis in the laboratory", "every 1000 hours", "200 ml bottle"],
        ],
        [2, 1.3, 1.5],
        size=9.4,
    )
    column.caption("<b>Table 2:</b> oil and filter service.")
    column.heading("Replacing the oil filter")
    column.figure(190, service.filter_steps, "Replacing the oil filter element in four steps.")
    column.heading("Which viscosity?")
    column.figure(
        176,
        service.viscosity,
        "Viscosity of HLP 32, HLP 46 and HLP 68 over oil temperature; the green band is permitted.",
    )
    column.notice(
        "CAUTION", "Never mix zinc-free oil with HLP oil: the mixture forms sludge that blocks the pilot of V2."
    )


def _control(column: Column) -> None:
    column.text(
        "Both hand buttons must be pressed within <b>0.5 seconds</b>; releasing either stops the ram. Relay K5 "
        "supervises the light curtain."
    )
    column.figure(380, service.ladder, "Ladder diagram of the two-hand control, 24 V DC.")
    column.table(
        [
            ["Mark", "Meaning", "Terminal", "Mark", "Meaning", "Terminal"],
            ["S2, S3", "hand buttons left, right", "X2: 5 to 8", "K4", "two-hand relay", "X2: 12"],
            ["S0", "emergency stop", "X2: 1, 2", "K5", "light curtain relay", "X2: 14"],
            ["B7", "upper limit switch", "X2: 9", "Y1, Y2", "ram down, ram up", "X2: 20, 21"],
        ],
        [0.7, 1.7, 0.9, 0.7, 1.6, 0.9],
    )
    column.heading("Test before every shift")
    column.items(
        [
            "Interrupt the light curtain with the test rod of 30 mm: the ram stops within 90 ms.",
            "Press only S2, then only S3: nothing may move.",
            "Press emergency stop during the stroke: motor and ram stop.",
        ]
    )


def _faults(column: Column) -> None:
    column.text("Start at the top and answer with a gauge in the hand, not from memory.")
    column.figure(500, service.fault_tree, "Fault-finding flow chart: the ram does not build up pressure.")
    column.notice("NOTE", "Normal drift of the ram: 1 mm in ten minutes at 50 °C. More points to piston seal 3.1.")


PREFACE = (
    "The manual covers service and repair of the press by trained fitters and electricians; operating "
    "instructions are a book of their own. "
    "Marks such as V1 or K4 are the same on the machine, in the schematics and in the tables. Pressures are "
    "gauge pressures."
)
MANUAL = Manual(
    "press.pdf",
    "Grimsund HP-60 hydraulic press",
    "Service manual SM-HP60-04",
    THEME,
    _cover,
    (
        Chapter("Hydraulic schematic", _schematic),
        Chapter("Press cycle and timing", _timing),
        Chapter("Main cylinder", _cylinder),
        Chapter("Seal kit", _seal_kit),
        Chapter("Pressure and force", _pressure),
        Chapter("Oil and filters", _oil),
        Chapter("Two-hand control", _control),
        Chapter("Fault finding", _faults),
    ),
    preface=PREFACE,
)
