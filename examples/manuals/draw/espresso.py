"""Manual of an invented espresso machine: A5, warm colours, drawings in `espresso_figures`."""

from . import espresso_figures as fig
from .pen import Ink
from .scenes import cup as cup_picture
from .sheet import Chapter, Column, Manual, Theme

THEME = Theme(
    (419.5, 595.3),
    "OpenSans",
    accent="#5b3a29",
    second="#c8553d",
    tint="#f8f1ea",
    margin=36,
    body=8.2,
    ink="#2c211b",
    muted="#7d6c60",
    paper="#fffdfa",
    title_size=17,
)


def _cover(column: Column) -> None:
    pen = column.pen
    width = column.theme.size[0]
    pen.picture(cup_picture(), (0, 150, width, width * 520 / 640 + 108))
    pen.box((0, 0, width, 160), Ink(None, "#5b3a29"))
    pen.text((36, 108), "Miravetta Duo", size=34, style="-Bold", colour="#fff4e8")
    pen.text((36, 80), "Espresso machine with two boilers", size=13, colour="#f0cdb0")
    pen.text((36, 36), "User manual for models MD-2 and MD-2 S", size=10, colour="#fff4e8")
    pen.box((36, 66, 60, 2.5), Ink(None, column.theme.second))


def _overview(column: Column) -> None:
    column.figure(292, fig.machine, "The machine and its parts, front view.")
    column.table(
        [
            ["No.", "Part", "No.", "Part"],
            ["1", "Cup warmer", "6", "Hot water tap"],
            ["2", "Brew pressure gauge", "7", "Portafilter"],
            ["3", "Steam knob", "8", "Drip tray with float"],
            ["4", "Display and keys", "9", "Water tank, 2.5 litres, behind"],
            ["5", "Steam wand", "10", "Main switch"],
        ],
        [0.35, 1.4, 0.35, 1.6],
    )
    column.text("Net weight 14.8 kg, 230 V, 1650 W. Brew boiler 0.5 litres, steam boiler 1.2 litres.")


def _first_use(column: Column) -> None:
    column.notice(
        "WARNING", "Steam and hot water scald. Keep hands away from the wand and the brew group while lamps are lit."
    )
    column.heading("Before the first coffee")
    column.items(
        [
            "Rinse the water tank and fill it to the mark <b>MAX</b>.",
            "Switch on; both boilers fill for 90 seconds with a loud hum.",
            "Wait until the display shows <b>93 °C</b>: about 12 minutes.",
            "Run half a litre through the brew group and the hot water tap.",
            "Dip the test strip for one second, wait one minute, count the red fields.",
        ],
        numbered=True,
    )
    column.heading("Setting the water hardness")
    column.figure(120, fig.hardness, "Test strip: red fields, hardness in °dH and the value to set in menu HARD.")
    column.table(
        [
            ["Red fields", "Water is", "Menu HARD", "Descale after"],
            ["0 to 1", "soft, below 7 °dH", "1", "6 months"],
            ["2", "medium, 7 to 14 °dH", "2", "4 months"],
            ["3", "hard, 14 to 21 °dH", "3", "2 months"],
            ["4", "very hard, above 21 °dH", "4", "use filter cartridge MF-40"],
        ],
        [0.8, 1.6, 0.9, 1.5],
    )
    column.notice("NOTE", "Never fill the tank with distilled water: the level probe needs minerals to sense it.")


def _shot(column: Column) -> None:
    column.text("One double espresso: <b>18 g</b> of coffee in, <b>36 g</b> in the cup, <b>25 to 30 seconds</b>.")
    column.figure(330, fig.shot_steps, "Pulling a shot in six steps.")
    column.items(
        [
            "Press lightly with the tamper: about 15 kg, level, without twisting.",
            "The gauge should read 9 bar. Below 7 bar grind finer, above 11 bar grind coarser.",
            "Knock out the puck at once; rinse the group for two seconds.",
        ]
    )


def _extraction(column: Column) -> None:
    column.text(
        "Taste tells which way to turn the grinder: <b>sour</b> means the water ran too fast, <b>bitter</b> "
        "means too slow."
    )
    column.figure(205, fig.extraction, "Weight in the cup over time for three grind settings, 18 g double basket.")
    column.heading("Brewing temperature by roast")
    column.figure(128, fig.roasts, "Recommended brewing temperature: light, medium and dark roast.")
    column.table(
        [
            ["Grind", "36 g after", "Taste", "Correct by"],
            ["too coarse, setting 9", "15 s", "sour, thin", "two steps finer"],
            ["right, setting 6", "28 s", "sweet, round", "-"],
            ["too fine, setting 3", "47 s", "bitter, dry", "two steps coarser"],
        ],
        [1.4, 0.8, 1, 1.1],
    )


def _milk(column: Column) -> None:
    column.text("Use cold milk, 4 to 6 °C, and a steel jug that is one third full.")
    column.figure(150, fig.milk, "Position of the steam wand: first stretching, then rolling.")
    column.items(
        [
            "Purge the wand for one second into the drip tray.",
            "<b>Stretch:</b> tip just below the surface, a soft hiss, until 37 °C.",
            "<b>Roll:</b> wand 2 cm deep at the edge, a whirlpool, until 62 °C.",
            "Close the steam knob before you lift the wand out.",
            "Wipe the wand with a damp cloth at once; purge again.",
        ],
        numbered=True,
    )
    column.heading("Milk temperature")
    column.figure(
        120,
        fig.milk_scale,
        "Milk temperature: foam forms below 37 °C, sweetness peaks at 60 to 65 °C, above 70 °C it tastes cooked.",
    )


def _cleaning(column: Column) -> None:
    column.text(
        "Backflushing rinses coffee oil out of the brew valve. Once a week with <b>3 g</b> of cleaning powder MC-1, "
        "once a day with water only."
    )
    column.figure(330, fig.backflush, "Backflushing with the blind filter, step by step.")
    column.notice("CAUTION", "Not in the dishwasher: portafilter, shower screen and steam tip lose their plating.")


def _descaling(column: Column) -> None:
    column.text(
        "When lamp <b>CALC</b> glows, follow the chart. It takes 40 minutes and needs one sachet MC-5 (citric "
        "acid) in 1 litre of water."
    )
    column.figure(392, fig.descaling, "Descaling flow chart.")
    column.notice(
        "WARNING", "Do not drink or steam milk until the rinse is finished. Never use vinegar: it attacks the seals."
    )


def _errors(column: Column) -> None:
    column.figure(88, fig.display, "Lamps of the display: water, heater, calc, service.")
    column.table(
        [
            ["Display", "Meaning", "What to do"],
            ["<b>Er 1</b>", "Water tank empty or not seated", "Fill the tank, push it down"],
            ["<b>Er 2</b>", "Brew boiler too hot, above 125 °C", "Switch off, cool down for 30 minutes"],
            ["<b>Er 3</b>", "Temperature probe broken", "Call the service"],
            ["<b>Er 4</b>", "Steam boiler does not fill in 90 s", "Descale, check the tank filter"],
            ["<b>Er 5</b>", "Flow meter gives no pulses", "Grind coarser; clean the flow meter"],
            ["<b>Er 8</b>", "Drip tray full", "Empty the tray, dry the float"],
        ],
        [0.6, 1.7, 1.8],
    )
    column.heading("Troubles with the coffee")
    column.table(
        [
            ["Trouble", "Likely reason", "Remedy"],
            ["No crema", "Beans older than six weeks", "Buy fresh beans"],
            ["Coffee drips beside the portafilter", "Group gasket hard", "Replace gasket MG-58"],
            ["Pump loud, little water", "Air in the filter cartridge", "Soak it for 10 minutes"],
            ["Steam is weak", "Tip blocked by milk", "Clear the holes with a needle"],
            ["Cup only lukewarm", "Cup cold, group cold", "Warm cups, flush first"],
        ],
        [1.4, 1.5, 1.4],
    )
    column.notice("NOTE", "Service line: give the serial number from the plate under the drip tray.")


MANUAL = Manual(
    "espresso.pdf",
    "Miravetta Duo",
    "User manual MD-2 / MD-2 S",
    THEME,
    _cover,
    (
        Chapter("Parts of the machine", _overview),
        Chapter("First use and water", _first_use),
        Chapter("Pulling a shot", _shot),
        Chapter("Grind and extraction", _extraction),
        Chapter("Steaming milk", _milk),
        Chapter("Weekly cleaning", _cleaning),
        Chapter("Descaling", _descaling),
        Chapter("Error codes", _errors),
    ),
    contents=False,
)
