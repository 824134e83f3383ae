"""Lines and columns on the terminal, of text that may come from anywhere.

print_rows(Console(), [Row(("pump.pdf", "14"), note="two pages are rotated")], header=("document", "pages"))
"""

from collections.abc import Sequence
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

_INDENT = " " * 6


class Row(NamedTuple):
    """One line of a table, and what stands below it."""

    cells: Sequence[str]
    note: str = ""


def print_rows(console: Console, rows: Sequence[Row], *, header: Sequence[str]) -> None:
    """Print cells in columns, and each row's note on a line of its own; nothing is cut, whatever the width."""
    n_columns = len(header)
    widths = [max(cell_len(printable(row.cells[n])) for row in (Row(header), *rows)) for n in range(n_columns)]

    def line(cells: Sequence[str]) -> str:
        padded = (set_cell_size(printable(cell), width) for cell, width in zip(cells, widths, strict=True))
        return "  ".join(padded).rstrip()

    print_line(console, line(header), style="bold")
    for row in rows:
        print_line(console, line(row.cells))
        if row.note:
            print_line(console, f"{_INDENT}{row.note}", style="dim")


def print_line(console: Console, text: str, *, style: str = "") -> None:
    """Print text as it is: no markup, no line breaks, nothing that steers the terminal."""
    console.print(Text(printable(text), style=style), soft_wrap=True)


def printable(text: str) -> str:
    """Replace what would steer the terminal; file names may hold anything."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def count(n: int, noun: str) -> str:
    """Write a number with its noun.

    >>> count(1, "page"), count(0, "page")
    ('1 page', '0 pages')
    """
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
