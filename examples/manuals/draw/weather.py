"""Quick guide of an invented weather station: landscape slides, light on dark, drawings in `weather_figures`."""

from . import weather_figures as fig
from .pen import Ink, Pen
from .raymarch import ridges
from .sheet import Chapter, Column, Manual, Theme

THEME = Theme(
    (720, 405),
    "Roboto",
    accent="#e8f1f8",
    second="#4cc9c0",
    tint="#1a2b3c",
    margin=40,
    body=11.2,
    ink="#d7e3ec",
    muted="#8fa5b8",
    paper="#0f1c29",
    title_size=24,
    table_head="#2a7f79",
)
PALE = "#d7e3ec"


def _mast(pen: Pen, x: float, y: float) -> None:
    ink = Ink("#0a121b", "#0a121b", 2)
    pen.line([(x, 0), (x, y)], Ink("#0a121b", None, 5))
    pen.line([(x - 46, y - 12), (x + 46, y - 12)], Ink("#0a121b", None, 3))
    for dx in (-46, -30, -38):
        pen.circle((x + dx, y + (4 if dx == -38 else -2)), 6, ink)
    pen.line([(x + 34, y + 10), (x + 62, y + 2), (x + 62, y + 14)], ink, closed=True)
    for k in range(5):
        pen.box((x - 16, y - 62 + 7 * k, 32, 4), ink, radius=2)
    pen.line([(x + 8, y - 90), (x + 44, y - 72)], Ink("#0a121b", None, 5))


def _cover(column: Column) -> None:
    pen = column.pen
    width, height = column.theme.size
    pen.picture(ridges((1080, 608), seed=5), (0, 0, width, height), quality=78)
    _mast(pen, 150, 214)
    pen.text((40, height - 62), "SKERRYWIND", size=15, style="-Bold", colour="#7fe0d8")
    pen.text((40, height - 112), "WS-7 weather station", size=42, style="-Bold", colour="#ffffff")
    pen.text((40, height - 140), "Quick guide: unpack, place, mount, connect, read", size=16, colour="#f6ddc8")
    pen.text((width - 40, 26), "QG-07, 8 steps", size=12, anchor="r", colour="#f6ddc8")


def _box(column: Column) -> None:
    column.figure(
        206, fig.in_the_box, "Contents of the package. Check them against the list before you climb a ladder."
    )
    column.items(
        [
            "Tools you need: cross-head screwdriver PH2, spanner 13 mm, compass, spirit level.",
            "Not included: mast tube 35 to 45 mm, three AA lithium cells for the display.",
        ]
    )


def _site(column: Column) -> None:
    left, right = column.split(0.56)
    left.figure(250, fig.site_map, "Map of a good site: contour lines every 5 m, open to the prevailing wind.")
    right.heading("Choosing the site")
    right.items(
        [
            "Anemometer <b>10 m</b> above open ground.",
            "Distance from a house: at least <b>ten times</b> its height.",
            "Thermometer at <b>2 m</b>, over grass, away from asphalt.",
            "Rain gauge level, no tree within <b>8 m</b>.",
            "Solar panel faces south (north of the equator).",
        ]
    )
    right.notice("CAUTION", "Lightning: earth the mast with 16 mm² copper.")


def _mount(column: Column) -> None:
    column.figure(222, fig.mounting, "Mounting the sensor head on the mast in four steps.")
    column.text(
        "Torque of the mast clamp bolts: <b>6 Nm</b>. The arrow <b>N</b> on the sensor head must point to true "
        "north; magnetic north is off by the declination of your place."
    )


def _radio(column: Column) -> None:
    left, right = column.split(0.55)
    left.figure(218, fig.radio_blocks, "Block diagram of the radio link at 868 MHz.")
    left.text("Pairing: hold <b>LINK</b> for 5 seconds on both units. Channel 1 to 4.")
    right.figure(186, fig.radio_range, "Signal strength over distance: open field, forest, two walls.")
    right.items(["Below -105 dBm packets are lost.", "Each wall costs about 12 dB."])


def _display(column: Column) -> None:
    column.figure(236, fig.console, "Display console: what each field shows.")
    column.text(
        "Keys: <b>MODE</b> changes the field, <b>MEM</b> shows minimum and maximum of 24 hours, <b>LIGHT</b> for "
        "8 seconds of backlight."
    )


def _wind(column: Column) -> None:
    left, right = column.split(0.5)
    left.figure(250, fig.wind_rose, "Wind rose of one year: share of hours by direction and speed.")
    right.heading("Reading the wind rose")
    right.text(
        "The longest petal points to where the wind <b>comes from</b>. Here it is south-west with 19 % of all hours."
    )
    right.table(
        [
            ["Beaufort", "km/h", "Sign on land"],
            ["2", "6 to 11", "leaves rustle"],
            ["4", "20 to 28", "small branches move"],
            ["6", "39 to 49", "umbrellas are hard to hold"],
            ["8", "62 to 74", "twigs break off"],
            ["10", "89 to 102", "trees are uprooted"],
        ],
        [0.8, 0.9, 1.8],
        size=9.6,
    )


def _month(column: Column) -> None:
    column.figure(238, fig.month, "A month on the console: daily mean temperature (line) and rain (bars), April.")
    column.text(
        "April: mean <b>8.8 °C</b>, rain <b>61 mm</b> on 12 days, wettest day the 17th with <b>14 mm</b>. Export "
        "as CSV over USB."
    )


def _battery(column: Column) -> None:
    left, right = column.split(0.54)
    left.figure(196, fig.battery, "Battery life in weeks without sun, by transmission interval.")
    left.text(
        "Backup cell: lithium <b>CR123A</b>, replace every 4 years. Below -20 °C the range of the clock is reduced."
    )
    right.heading("Blink codes of the status LED")
    right.table(
        [
            ["LED", "Meaning"],
            ["green, every 10 s", "all is well"],
            ["green, twice", "pairing has worked"],
            ["yellow, every 2 s", "battery below 2.6 V"],
            ["red, once", "no contact with the console"],
            ["red, three times", "rain gauge blocked"],
            ["red, steady", "sensor head defective"],
        ],
        [1.2, 1.6],
        size=9.8,
    )


MANUAL = Manual(
    "weather.pdf",
    "Skerrywind WS-7",
    "Quick guide QG-07",
    THEME,
    _cover,
    (
        Chapter("In the box", _box),
        Chapter("Where to put it", _site),
        Chapter("Mounting on the mast", _mount),
        Chapter("Radio link", _radio),
        Chapter("The console", _display),
        Chapter("Wind", _wind),
        Chapter("Temperature and rain", _month),
        Chapter("Battery and status LED", _battery),
    ),
    contents=False,
)
