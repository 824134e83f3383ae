"""Manual of an invented centrifugal pump: A4, blue and orange, drawings in `pump_figures`."""

from . import pump_figures as fig
from . import pump_service_figures as service
from .pen import Ink
from .scenes import pump as pump_picture
from .sheet import Chapter, Column, Manual, Theme

THEME = Theme((595.3, 841.9), "Lato", accent="#12324a", second="#e0701a", tint="#eef3f7", body=10.7)


def _cover(column: Column) -> None:
    pen = column.pen
    width, height = column.theme.size
    pen.gradient((0, height - 300, width, 300), ["#1d4c6e", "#0d2537"])
    pen.box((0, height - 306, width, 6), Ink(None, column.theme.second))
    pen.text((54, height - 92), "TORVALE", size=17, style="-Bold", colour="#f4a261")
    pen.text((54, height - 158), "CX 50-200", size=54, style="-Bold", colour="#ffffff")
    pen.text((54, height - 196), "Single-stage centrifugal water pump", size=19, colour="#dbe7f0")
    pen.text((54, height - 252), "Installation, operation and maintenance manual", size=14, colour="#ffffff")
    pen.picture(pump_picture(), (54, 190, 487, 325))
    pen.text((54, 150), "Document TM-4410, edition 3", size=11, style="-Bold")
    pen.text((54, 132), "Valid for serial numbers 22-01000 and later. Keep this manual beside the pump.", size=10)
    pen.text((54, 60), "Torvale Pump Works", size=9, colour=column.theme.muted)


def _safety(column: Column) -> None:
    column.text(
        "Read this page before you lift, connect or open the pump. Three people have duties: the <b>operator</b> "
        "starts and watches, the <b>fitter</b> opens the hydraulic side, the <b>electrician</b> opens the terminal box."
    )
    column.notice(
        "DANGER",
        "Electric shock. Lock out and tag the isolator Q1 before you open the terminal box. Capacitors of a "
        "frequency converter stay charged for 10 minutes.",
    )
    column.notice(
        "WARNING",
        "Hot liquid under pressure. Close both shut-off valves and vent the casing at plug 6D until the gauge "
        "shows 0 bar before you loosen a casing nut.",
    )
    column.notice(
        "WARNING",
        "Rotating shaft. Never run the pump without the coupling guard, not even to check the direction of rotation.",
    )
    column.notice(
        "CAUTION",
        "Dry running destroys the mechanical seal within 30 seconds. Fill and vent the pump before every start.",
    )
    column.notice(
        "NOTE",
        "The sound pressure level at 1 m is 74 dB(A) at the duty point. Hearing protection is needed above 80 dB(A).",
    )
    column.heading("Lockout and tagout in six steps")
    column.figure(
        118, fig.lockout, "Lockout sequence. Each person who works on the pump hangs up a padlock of their own."
    )
    column.heading("Permitted use")
    column.items(
        [
            "Clean water and water-glycol mixtures up to 40 % glycol, free of fibres, solids up to 0.5 mm.",
            "Liquid temperature from -10 to +110 °C, ambient temperature up to 40 °C.",
            "Maximum casing pressure 10 bar; inlet pressure plus shut-off head must stay below it.",
        ]
    )


def _data(column: Column) -> None:
    column.table(
        [
            ["Quantity", "CX 50-160", "CX 50-200", "CX 50-250"],
            ["Rated flow (m³/h)", "48", "60", "66"],
            ["Rated head (m)", "31", "48", "74"],
            ["Impeller diameter (mm)", "169", "209", "254"],
            ["Motor power (kW)", "7.5", "11", "22"],
            ["Speed (rpm)", "2930", "2940", "2950"],
            ["Rated current at 400 V (A)", "13.6", "19.8", "38.5"],
            ["NPSH required (m)", "2.6", "2.8", "3.4"],
            ["Mass with motor (kg)", "118", "164", "271"],
        ],
        [2.2, 1, 1, 1],
    )
    column.caption("<b>Table 1:</b> technical data at 50 Hz, water at 20 °C.")
    column.heading("Outline dimensions")
    column.figure(
        250,
        fig.dimensions,
        "Outline dimensions of the CX 50-200 in millimetres. Suction flange DN 65, discharge flange DN 50, PN 16.",
    )
    column.text(
        "The name plate sits on the bearing bracket. Quote the serial number and the impeller diameter whenever "
        "you order "
        "spare parts: trimmed impellers carry the real diameter, such as <b>/195</b>, behind the type."
    )


def _install(column: Column) -> None:
    column.text(
        "Set the base plate on a concrete foundation that weighs at least three times as much as the pump set. "
        "Level it with "
        "steel shims on both sides of each anchor bolt to 0.2 mm per metre, then grout it without cavities."
    )
    column.heading("Coupling alignment")
    column.figure(
        205,
        fig.alignment,
        "Checking radial and axial misalignment of the coupling with a dial gauge. Turn both halves together by 90°.",
    )
    column.table(
        [
            ["Check", "Cold, at 20 °C", "At operating temperature"],
            ["Radial offset (mm)", "0.10 or less", "0.05 or less"],
            ["Axial gap difference (mm)", "0.08 or less", "0.05 or less"],
            ["Gap between coupling halves (mm)", "3.0 to 3.5", "3.0 to 3.5"],
        ],
        [1.6, 1, 1.2],
    )
    column.heading("Pipework")
    column.items(
        [
            "Support the pipes before the flanges: the pump casing must not carry their weight.",
            "Suction pipe: one size larger than the flange, straight for five diameters, rising towards the pump.",
            "Use an eccentric reducer with the flat side up, so that no air pocket forms.",
            "Fit the non-return valve between discharge flange and gate valve.",
        ],
        numbered=True,
    )
    column.notice(
        "NOTE", "Repeat the alignment after the pipes are bolted on, and once more after two hours of running."
    )


def _wiring(column: Column) -> None:
    column.text(
        "Motor 11 kW, started in star-delta. Contactors K1 (line), K2 (delta) and K3 (star) switch over after "
        "<b>6 seconds</b>. "
        "The thermistor relay F3 and the float switch B1 interrupt the control circuit at 24 V DC."
    )
    column.figure(
        405, fig.wiring, "Wiring diagram of the pump motor, 3 x 400 V 50 Hz, with terminal strip X1 and wire colours."
    )
    column.table(
        [
            ["Terminal", "Wire", "Colour", "Leads to"],
            ["X1: L1, L2, L3", "10 mm²", "brown, black, grey", "isolator Q1, fuses 35 A"],
            ["X1: PE", "10 mm²", "green-yellow", "earth bar and motor frame"],
            ["X1: 11, 12", "1.5 mm²", "white", "thermistor PTC in the winding"],
            ["X1: 21, 22", "1.5 mm²", "blue", "float switch B1, opens at low level"],
        ],
        [1, 0.7, 1.2, 1.8],
    )


def _startup(column: Column) -> None:
    column.text(
        "A centrifugal pump cannot draw in water by itself when it is full of air: it has to be <b>primed</b>. "
        "Work through the "
        "six pictures after every installation, repair or standstill of more than four weeks."
    )
    column.figure(300, fig.priming, "Priming and first start in six steps.")
    column.heading("Direction of rotation")
    column.text(
        "Switch the motor on and off at once. Seen from the fan cover, the shaft must turn <b>clockwise</b>. If "
        "it does not, let an "
        "electrician exchange L1 and L2."
    )
    column.table(
        [
            ["Reading after ten minutes", "Good", "Stop and look for the cause"],
            ["Motor current", "up to 19.8 A", "above 21 A"],
            ["Bearing temperature", "up to 75 °C", "above 90 °C"],
            ["Seal leakage", "up to 3 drops per hour", "steady trickle"],
            ["Vibration velocity", "up to 2.8 mm/s", "above 4.5 mm/s"],
        ],
        [1.4, 1, 1.4],
    )


def _curve(column: Column) -> None:
    column.text(
        "The curves hold for water at 20 °C and 2940 rpm. The duty point of the CX 50-200 with full impeller is "
        "<b>60 m³/h at 48 m</b>; "
        "its best efficiency is 74 %. Keep the flow between 20 and 80 m³/h in continuous duty."
    )
    column.figure(
        310, fig.head_curve, "Pump curve: head over flow for three impeller diameters, with lines of equal efficiency."
    )
    column.figure(150, fig.power_curve, "Shaft power and NPSH required over flow, impeller 209 mm.")


def _exploded(column: Column) -> None:
    column.text(
        "Numbers in balloons are item numbers of the spare parts list on the next page. Once the "
        "casing is off, the parts leave the shaft towards the lower left. The motor stays on the base plate."
    )
    column.figure(520, service.exploded, "Exploded view of the CX 50-200 pump, from casing to coupling.")


PARTS = (
    ("1", "CX-1021", "Volute casing, cast iron", "1"),
    ("2", "CX-1188", "Wear ring, bronze", "2"),
    ("3", "CX-2415", "Impeller nut M20 with washer", "1"),
    ("4", "CX-2209", "Impeller 209 mm, bronze", "1"),
    ("5", "CX-4032", "Casing gasket, aramid fibre", "1"),
    ("6", "CX-3120", "Mechanical seal 33 mm", "1"),
    ("7", "CX-1050", "Casing cover with seal chamber", "1"),
    ("8", "CX-5011", "Bearing bracket", "1"),
    ("9", "CX-5306", "Deep groove ball bearing 6306-C3", "2"),
    ("10", "CX-2600", "Shaft, stainless steel", "1"),
    ("11", "CX-5440", "Bearing cover with lip seal", "1"),
    ("12", "CX-7007", "Coupling half, pump side", "1"),
    ("13", "CX-6112", "Stud bolt M12 x 45", "8"),
    ("14", "CX-2808", "Feather key 8 x 7 x 40", "2"),
)


def _parts(column: Column) -> None:
    column.text(
        "Order by part number. Items marked with a kit letter come together: <b>kit A</b> (seal kit CX-9001) "
        "holds items 5 and 6, "
        "<b>kit B</b> (bearing kit CX-9002) holds both bearings 9, cover 11 and 120 g of grease."
    )
    kits = {"5": "A", "6": "A", "9": "B", "11": "B"}
    rows = [
        ["Item", "Part number", "Description", "Quantity", "Kit"],
        *[[*part, kits.get(part[0], "")] for part in PARTS],
    ]
    column.table(rows, [0.5, 1, 2.6, 0.8, 0.4], size=9)
    column.caption("<b>Table 2:</b> spare parts list of the CX 50-200; items as in the exploded view.")
    column.heading("Recommended stock for two years of operation")
    column.figure(120, service.stock, "Recommended spare parts stock, by the number of identical pumps on site.")
    column.notice(
        "NOTE", "Wear rings are supplied 0.4 mm oversize; turn them to a clearance of 0.30 mm on the diameter."
    )


def _torque(column: Column) -> None:
    column.text(
        "Tighten with a calibrated torque wrench, threads lightly oiled, in three rounds of 30 %, 70 % and 100 %."
    )
    column.table(
        [
            ["Joint", "Item", "Thread", "Tightening torque (Nm)"],
            ["Casing stud nuts", "13", "M12", "55"],
            ["Impeller nut", "3", "M20 x 1.5", "90"],
            ["Bearing cover screws", "11", "M8", "18"],
            ["Coupling clamp screw", "12", "M8", "25"],
            ["Anchor bolts of the base plate", "-", "M16", "120"],
            ["Flange bolts DN 65 and DN 50", "-", "M16", "95"],
            ["Terminal box studs", "-", "M6", "4"],
            ["Vent plug 6D", "-", "G 3/8", "30"],
        ],
        [2, 0.5, 1, 1.5],
        size=9.4,
    )
    column.caption("<b>Table 3:</b> tightening torques, tolerance ±5 %.")
    column.heading("Tightening sequence of the casing")
    column.figure(
        235,
        service.bolt_sequence,
        "Crosswise tightening sequence for the eight casing stud nuts, seen from the suction side.",
    )
    column.notice(
        "CAUTION", "Never use an impact wrench on the impeller nut: the blow goes through the mechanical seal faces."
    )


def _seal(column: Column) -> None:
    column.figure(
        232,
        service.seal_section,
        "Section through the mechanical seal: stationary ring, rotating ring, spring and shaft sleeve.",
    )
    column.heading("How to replace the mechanical seal of the pump")
    column.items(
        [
            "Lock out, close the valves, drain the casing at plug 6B.",
            "Undo the eight nuts 13 and pull the bearing bracket with impeller out of the casing.",
            "Hold the shaft, undo the impeller nut 3 and pull the impeller 4 with two levers.",
            "Slide the rotating ring and spring off the shaft sleeve; press the stationary ring out of cover 7.",
            "Clean the seat. Measure the shaft run-out: at most 0.05 mm at the seal.",
            "Wet the new O-rings with soapy water, never with oil. Press in the new stationary ring by hand.",
            "Push the rotating ring on until the spring stands at <b>28.5 mm</b> working length.",
            "Fit impeller, nut and a new gasket 5; turn the shaft by hand: it must run free.",
        ],
        numbered=True,
    )
    column.notice("CAUTION", "Do not touch the lapped faces. One fingerprint on silicon carbide is enough for a leak.")


def _schedule(column: Column) -> None:
    column.text("Intervals hold for 16 hours a day of clean water below 80 °C. Halve them for hot water or glycol.")
    dot = "●"
    column.table(
        [
            ["Work", "Daily", "Monthly", "6 months", "Yearly", "3 years"],
            ["Read pressure and current", dot, "", "", "", ""],
            ["Look for leaks at the seal", dot, "", "", "", ""],
            ["Run the stand-by pump for 10 minutes", "", dot, "", "", ""],
            ["Grease the bearings, 15 g each", "", "", dot, "", ""],
            ["Check the coupling alignment", "", "", dot, "", ""],
            ["Clean the suction strainer", "", "", dot, "", ""],
            ["Measure wear ring clearance", "", "", "", dot, ""],
            ["Test the thermistor relay", "", "", "", dot, ""],
            ["Replace bearings and lip seals", "", "", "", "", dot],
        ],
        [2.6, 0.7, 0.8, 0.85, 0.7, 0.75],
        size=9,
    )
    column.caption("<b>Table 4:</b> maintenance schedule.")
    column.heading("Bearing lubrication")
    column.figure(
        190,
        service.grease_chart,
        "Regreasing interval in running hours, by bearing temperature. Lithium grease, NLGI 2.",
    )
    column.notice(
        "WARNING",
        "Grease only while the shaft turns, with the drain plug open, and only by hand lever: a full bearing "
        "overheats.",
    )


ERRORS = (
    ("E-04", "No signal from the pressure sensor", "Cable broken, plug wet", "Check 4 to 20 mA at terminals 31 and 32"),
    ("E-07", "Motor overload", "Impeller rubs, liquid too dense", "Measure the current in all three phases"),
    ("E-12", "Phase missing", "Fuse blown, contactor K1 worn", "Replace the fuse, inspect the contacts"),
    ("E-15", "Winding too hot", "Fan cover blocked, too many starts", "Clean the cover, at most 12 starts per hour"),
    ("E-21", "Dry running", "Casing not vented, strainer blocked", "Stop, prime again, clean the strainer"),
    ("E-26", "Low water level in the tank", "Float switch B1 open", "Fill the tank, free the float"),
    ("E-33", "Pressure too high", "Discharge valve shut", "Open the valve, check the set point"),
    (
        "E-40",
        "Bearing vibration above 4.5 mm/s",
        "Misalignment, worn bearing",
        "Align the coupling, replace the bearings",
    ),
)


def _errors(column: Column) -> None:
    column.text(
        "The controller TC-2 shows a code on its display and stores the last 20 with date and time. Press "
        "<b>RESET</b> for three "
        "seconds once the cause is removed."
    )
    column.figure(92, service.controller, "Controller TC-2 with error code E-21 on the display.")
    column.table(
        [["Code", "Meaning", "Probable cause", "Remedy"], *[[f"<b>{e[0]}</b>", *e[1:]] for e in ERRORS]],
        [0.5, 1.5, 1.5, 1.8],
    )
    column.caption("<b>Table 5:</b> error codes of the controller.")
    column.heading("Faults without a code")
    column.table(
        [
            ["Symptom", "Cause", "What to do"],
            ["Pump runs, no flow", "Air in the suction pipe", "Vent, tighten the flange, check the foot valve"],
            ["Rattling like gravel", "Cavitation: inlet pressure too low", "Open the suction valve, lower the flow"],
            ["Water drips below the bracket", "Mechanical seal worn", "Replace the seal, chapter 9"],
            ["Pump turns backwards when stopped", "Non-return valve leaks", "Clean or replace the valve"],
        ],
        [1.3, 1.5, 1.9],
    )


PREFACE = (
    "This manual holds for the pump as delivered: pump, coupling, guard, motor and base plate. Boxes in four "
    "colours mark risks; "
    "they come before the step that they belong to. Item numbers in circles are the same in all figures and tables."
)
MANUAL = Manual(
    "pump.pdf",
    "Torvale CX 50-200 centrifugal pump",
    "Installation, operation and maintenance  |  TM-4410",
    THEME,
    _cover,
    (
        Chapter("Safety instructions", _safety),
        Chapter("Technical data and dimensions", _data),
        Chapter("Foundation, alignment and pipework", _install),
        Chapter("Electrical connection", _wiring),
        Chapter("Priming and start-up", _startup),
        Chapter("Performance curves", _curve),
        Chapter("Exploded view", _exploded),
        Chapter("Spare parts list", _parts),
        Chapter("Mechanical seal", _seal),
        Chapter("Tightening torques", _torque),
        Chapter("Maintenance schedule", _schedule),
        Chapter("Troubleshooting", _errors),
    ),
    preface=PREFACE,
)
