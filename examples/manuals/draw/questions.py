"""Questions a reader would ask, each with the one page that answers it; pages count from 0 with the cover."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Question:
    """One question: its words, the manual (file name without suffix) and the physical page index."""

    text: str
    manual: str
    page: int


QUESTIONS = (
    Question("wiring diagram of the pump motor with wire colours", "pump", 5),
    Question("what does error code E-21 mean", "pump", 13),
    Question("exploded view of the CX 50-200 from casing to coupling", "pump", 8),
    Question("part number of the impeller 209 mm bronze", "pump", 9),
    Question("tightening torque of the casing stud nuts", "pump", 11),
    Question("how to replace the mechanical seal of the pump", "pump", 10),
    Question("coupling alignment with a dial gauge", "pump", 4),
    Question("pump curve head over flow and duty point", "pump", 7),
    Question("priming and first start of the pump", "pump", 6),
    Question("lockout and tagout steps before opening the pump", "pump", 2),
    Question("regreasing interval of the bearing by temperature", "pump", 12),
    Question("descaling flow chart when lamp CALC glows", "espresso", 7),
    Question("setting the water hardness with the test strip", "espresso", 2),
    Question("backflushing with the blind filter", "espresso", 6),
    Question("temperature of the milk when stretching and rolling", "espresso", 5),
    Question("Er 4 steam boiler does not fill", "espresso", 8),
    Question("taste is sour, grind too coarse", "espresso", 4),
    Question("wind rose of one year", "weather", 6),
    Question("map for choosing the site, distance from a house", "weather", 2),
    Question("blink codes of the status LED", "weather", 8),
    Question("block diagram of the radio link 868 MHz", "weather", 4),
    Question("hydraulic schematic with gear pump and directional valve", "press", 2),
    Question("how often to replace the oil filter", "press", 7),
    Question("setting the relief valve V1, turn the spindle, gauge at test point", "press", 6),
    Question("ladder diagram of the two-hand control", "press", 8),
    Question("seal kit with piston seal, wiper ring and rod seal", "press", 5),
    Question("lubrication chart of the lathe", "lathe", 4),
    Question("exploded view of the headstock gearbox", "lathe", 5),
    Question("change gears for screw cutting, threads per inch", "lathe", 7),
    Question("spindle speeds in back gear and direct drive, r.p.m.", "lathe", 6),
    Question("levelling the bed with jacking screws", "lathe", 3),
    Question("price list of spare parts, leather belt and shear pin", "lathe", 8),
    Question("height of centres and swing over bed of the lathe", "lathe", 1),
    Question("downtime by cause, Pareto chart", "report", 4),
    Question("Gantt chart of the major jobs in 2025", "report", 7),
)
