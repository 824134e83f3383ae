"""Instruction book of an invented 1974 lathe, black on white; `scan` makes page images of it, `lathe_figures` draws."""

from . import lathe_figures as fig
from .pen import Ink
from .scenes import chuck as chuck_picture
from .sheet import Chapter, Column, Manual, Theme

THEME = Theme(
    (595.3, 841.9),
    "Serif",
    accent="#000000",
    second="#000000",
    tint="#f0f0f0",
    margin=62,
    body=12.4,
    ink="#000000",
    muted="#222222",
    title_size=19,
    table_head="#333333",
)


def _cover(column: Column) -> None:
    pen = column.pen
    width, height = column.theme.size
    pen.box((40, 40, width - 80, height - 80), Ink("#000000", None, 2.5))
    pen.box((46, 46, width - 92, height - 92), Ink("#000000", None, 0.8))
    pen.label((width / 2, height - 120), "WHITCOMBE & DRAY LTD.", size=20)
    pen.text((width / 2, height - 142), "MACHINE TOOL MAKERS", size=11, anchor="c")
    pen.line([(170, height - 158), (width - 170, height - 158)], Ink("#000000", None, 1))
    pen.label((width / 2, height - 208), "INSTRUCTION BOOK", size=30)
    pen.text((width / 2, height - 238), "for the Model 13 Centre Lathe", size=18, anchor="c", style="-Italic")
    pen.picture(chuck_picture(), (98, 246, 400, 289))
    pen.box((98, 246, 400, 289), Ink("#000000", None, 1))
    pen.text((width / 2, 190), "Erection, Lubrication, Operation and Spare Parts", size=13, anchor="c")
    pen.text((width / 2, 112), "Publication No. 1374      Second Impression 1974", size=11, anchor="c")
    pen.text((width / 2, 92), "Price 75 pence", size=10, anchor="c", style="-Italic")


def _specification(column: Column) -> None:
    column.text(
        "Every Model 13 lathe is run under power for eight hours before it leaves the works, and is inspected to "
        "the limits of the "
        "test chart that accompanies the machine. Please quote the serial number, stamped on the tailstock end "
        "of the bed, in all correspondence."
    )
    column.table(
        [
            ["Capacity", "Inches", "Millimetres"],
            ["Height of centres", "6 1/2", "165"],
            ["Swing over bed", "13 1/4", "337"],
            ["Swing over cross slide", "8", "203"],
            ["Distance between centres", "40", "1016"],
            ["Hole through spindle", "1 3/8", "35"],
            ["Spindle nose taper", "Morse No. 5", "-"],
            ["Tailstock barrel travel", "5", "127"],
            ["Width of belt, flat leather", "2 1/2", "64"],
        ],
        [2.2, 1, 1],
        size=11,
    )
    column.caption("Table 1. Principal dimensions and capacities.")
    column.table(
        [
            ["Weights and power", ""],
            ["Net weight of lathe with electrics", "1 290 lb. (585 kg.)"],
            ["Motor, 1 425 r.p.m.", "3 h.p., 415 volts, 3 phase"],
            ["Floor space", "6 ft. 4 in. by 2 ft. 9 in."],
            ["Coolant tank", "5 gallons"],
        ],
        [1.5, 1.5],
        size=11,
    )
    column.heading("Unpacking")
    column.text(
        "Slide the carriage towards the tailstock until the machine balances. Pass a rope sling under the bed "
        "between the feet; never lift by the "
        "spindle, the leadscrew or the feed shaft. Remove the slushing compound with paraffin, not with a scraper."
    )


def _arrangement(column: Column) -> None:
    column.text("Reference letters in the illustration are used throughout this book.")
    column.figure(330, fig.arrangement, "General arrangement of the Model 13 lathe, front elevation.")
    column.table(
        [
            ["Letter", "Control", "Letter", "Control"],
            ["A", "Speed change levers", "F", "Tailstock handwheel"],
            ["B", "Feed reverse lever", "G", "Tailstock clamp"],
            ["C", "Back gear knob", "H", "Saddle handwheel"],
            ["D", "Cross slide handle", "J", "Half-nut lever"],
            ["E", "Top slide handle", "K", "Clutch and brake rod"],
        ],
        [0.5, 1.7, 0.5, 1.7],
        size=11,
    )
    column.text(
        "Do not move levers A or C while the spindle turns. The half-nut lever J is interlocked with the feed: "
        "it cannot be closed until the feed is out."
    )


def _foundation(column: Column) -> None:
    column.text(
        "Set the lathe on a concrete floor not less than six inches thick. Leave two feet behind the headstock "
        "for access to the motor."
    )
    column.figure(262, fig.foundation, "Foundation plan with holding-down bolts. Dimensions in inches.")
    column.heading("Levelling the bed")
    column.items(
        [
            (
                "Place a precision level across the bed near the headstock; adjust jacking screws 1 and 2 until the "
                "bubble is central."
            ),
            (
                "Move the level to the tailstock end; adjust screws 3 and 4. The error must not exceed 0.0005 inch "
                "per foot."
            ),
            "Tighten the holding-down bolts evenly and check once more.",
            (
                "Turn a test bar of 2 inches diameter, 12 inches long, without tailstock: both ends must agree "
                "within 0.0006 inch."
            ),
        ],
        numbered=True,
    )
    column.text("A twisted bed turns taper. Repeat the levelling after one month and then yearly.")


def _lubrication(column: Column) -> None:
    column.figure(285, fig.lubrication, "Lubrication chart. Numbers in circles are lubrication points.")
    column.table(
        [
            ["Point", "Part", "Lubricant", "Attention"],
            ["1", "Headstock gearbox, 7 pints", "Oil, medium, SAE 30", "Drain every 6 months"],
            ["2", "Change gear studs", "Grease", "Weekly, one turn of cap"],
            ["3", "Feed gearbox, 2 pints", "Oil, medium, SAE 30", "Top up weekly"],
            ["4", "Apron", "Oil, light, SAE 20", "Daily, to mark on window"],
            ["5", "Saddle and cross slide", "Oil, light, SAE 20", "Daily, oil gun, 4 nipples"],
            ["6", "Leadscrew bearings", "Oil, light, SAE 20", "Daily, 6 drops"],
            ["7", "Tailstock barrel", "Oil, light, SAE 20", "Weekly"],
            ["8", "Motor bearings", "Grease", "Yearly, repack"],
        ],
        [0.5, 1.6, 1.4, 1.7],
        size=10.6,
    )
    column.text(
        "New machines: drain the headstock after the first 200 hours, flush with light oil, never with paraffin."
    )


def _headstock(column: Column) -> None:
    column.text(
        "The headstock is of the all-geared pattern. A cluster of three gears on the input shaft and one of two "
        "on the intermediate shaft give six speeds, doubled by the back gear."
    )
    column.figure(380, fig.gear_train, "Exploded view of the headstock gearbox: shafts, sliding gears and spindle.")
    column.table(
        [
            ["No.", "Description", "Teeth", "Part"],
            ["31", "Input shaft with pulley", "-", "H.310"],
            ["32", "Sliding cluster, first", "28 / 36 / 44", "H.322"],
            ["33", "Intermediate shaft", "-", "H.330"],
            ["34", "Sliding cluster, second", "24 / 58", "H.341"],
            ["35", "Spindle wheel", "72", "H.352"],
            ["36", "Spindle, hardened", "-", "H.360"],
        ],
        [0.5, 1.8, 1.2, 0.8],
        size=11,
    )


def _speeds(column: Column) -> None:
    column.text(
        "The plate on the headstock shows the spindle speed in revolutions per minute for every position of "
        "levers A1, A2 and of back gear knob C."
    )
    column.table(
        [
            ["Levers A1 - A2", "C out: direct drive, r.p.m.", "C in: back gear, r.p.m."],
            ["1 - L", "170", "28"],
            ["2 - L", "245", "40"],
            ["3 - L", "350", "58"],
            ["1 - H", "510", "84"],
            ["2 - H", "730", "120"],
            ["3 - H", "1 050", "172"],
        ],
        [1, 1.4, 1.4],
        size=11.4,
    )
    column.caption("Table 2. Spindle speeds.")
    column.figure(
        255,
        fig.cutting_chart,
        "Chart of spindle speed against work diameter for three cutting speeds in feet per minute.",
    )
    column.table(
        [
            ["Material", "High speed steel, ft./min.", "Carbide, ft./min."],
            ["Mild steel", "100", "350"],
            ["Cast iron", "60", "200"],
            ["Brass", "200", "600"],
            ["Aluminium alloy", "300", "1 000"],
        ],
        [1.2, 1.4, 1.2],
        size=11,
    )


def _threads(column: Column) -> None:
    column.text(
        "The leadscrew has four threads per inch. Set up the change gears on the quadrant as shown and close "
        "half-nut lever J."
    )
    column.figure(222, fig.change_gears, "Change gear quadrant for screw cutting: driver, idler and driven wheel.")
    column.table(
        [
            ["Threads per inch", "Driver, stud", "Idler", "Driven, leadscrew"],
            ["8", "40", "any", "80"],
            ["10", "40", "any", "100"],
            ["12", "30", "any", "90"],
            ["16", "20", "any", "80"],
            ["20", "20", "any", "100"],
            ["26", "20", "any", "130"],
            ["Metric, 1.5 mm", "30", "127 / 100", "100"],
        ],
        [1.3, 1, 1, 1.3],
        size=11,
    )
    column.caption("Table 3. Change wheels for English and metric threads.")
    column.text(
        "<b>Thread dial indicator.</b> For even numbers of threads engage at any line; for odd numbers at any "
        "numbered line; for half threads at line 1 or 3 only. "
        "For metric threads keep the half-nuts closed and reverse the motor."
    )
    column.text(
        "The gear between driver and driven wheel only fills the gap; allow 0.005 inch backlash, the thickness "
        "of a sheet of newspaper."
    )


def _spares(column: Column) -> None:
    column.text(
        "Wear of the belts, bearings and gib strips is taken up as follows. Spare parts are dispatched within "
        "three days of receipt of order."
    )
    column.figure(
        190, fig.belt, "Tension of the driving belt: deflection of half an inch under a pull of eight pounds."
    )
    column.table(
        [
            ["Complaint", "Probable cause", "Remedy"],
            ["Chatter marks on the work", "Spindle bearings slack", "Tighten collar nut by 1/16 turn"],
            ["Lathe turns taper", "Tailstock set over, bed twisted", "Align tailstock, level the bed"],
            ["Belt slips, squeals", "Oil on leather, slack belt", "Wash with petrol, shorten"],
            ["Cross slide has shake", "Gib strip worn", "Adjust the three gib screws"],
            ["Saddle stops under load", "Shear pin broken", "Fit new brass pin L.88"],
        ],
        [1.4, 1.6, 1.6],
        size=11,
    )
    column.table(
        [
            ["Part No.", "Spare part", "Price"],
            ["B.204", "Leather belt, endless, 2 1/2 in.", "£6.40"],
            ["L.88", "Shear pin, brass, packet of ten", "£0.85"],
            ["H.371", "Taper roller bearing, front", "£14.20"],
            ["H.372", "Taper roller bearing, rear", "£11.75"],
            ["T.015", "Tailstock centre, Morse No. 3", "£2.10"],
            ["S.119", "Gib strip, cross slide", "£3.30"],
        ],
        [0.8, 2.4, 0.7],
        size=11,
    )
    column.caption("Table 4. Price list of spare parts, May 1974, carriage extra.")


MANUAL = Manual(
    "lathe.pdf",
    "Model 13 Centre Lathe",
    "WHITCOMBE & DRAY LTD.     Instruction Book No. 1374",
    THEME,
    _cover,
    (
        Chapter("Specification", _specification),
        Chapter("General Arrangement", _arrangement),
        Chapter("Foundation and Levelling", _foundation),
        Chapter("Lubrication", _lubrication),
        Chapter("Headstock Gearbox", _headstock),
        Chapter("Spindle Speeds", _speeds),
        Chapter("Screw Cutting", _threads),
        Chapter("Adjustments and Spares", _spares),
    ),
    contents=False,
)
