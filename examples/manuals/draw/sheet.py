"""Turns a manual (a cover and a table of one-page chapters) into a PDF: headings, text, tables, captions, labels.

Each chapter is one page by construction, so the contents page and the page labels cannot disagree with the document.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from reportlab import rl_config
from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_CENTER
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph, Table

from .pen import Ink, Pen

Notice = Literal["DANGER", "WARNING", "CAUTION", "NOTE"]
NOTICE_COLOURS: dict[Notice, str] = {"DANGER": "#b3261e", "WARNING": "#d9770a", "CAUTION": "#c9a400", "NOTE": "#2467a8"}
ROMAN = ("i", "ii", "iii", "iv")


class PageOverflowError(ValueError):
    """The text of a chapter does not fit its page."""


@dataclass(frozen=True)
class Theme:
    """Paper, type and colours of one manual; sizes in points, colours in hex."""

    size: tuple[float, float]
    family: str
    accent: str
    second: str
    tint: str
    margin: float = 54.0
    body: float = 9.6
    ink: str = "#1d2733"
    muted: str = "#66717e"
    paper: str | None = None
    title_size: float = 21.0
    table_head: str | None = None


@dataclass(frozen=True)
class Chapter:
    """One page: its title (shown, in the contents and in the outline) and what draws it."""

    title: str
    draw: Callable[["Column"], None]


@dataclass(frozen=True)
class Manual:
    """One document: `front` pages carry Roman numbers, the chapters Arabic ones."""

    file: str
    title: str
    running: str
    theme: Theme
    cover: Callable[["Column"], None]
    chapters: tuple[Chapter, ...]
    contents: bool = True
    preface: str = ""


@dataclass
class Column:
    """A cursor that runs down a page (or part of it) and places blocks of content."""

    pen: Pen
    theme: Theme
    left: float
    top: float
    width: float
    bottom: float
    figures: list[int] = field(default_factory=lambda: [0])

    def _paragraph_style(self, *, size: float = 0, colour: str = "", style: str = "", centre: bool = False) -> Any:
        size = size or self.theme.body
        return ParagraphStyle(
            "body",
            fontName=self.theme.family + style,
            fontSize=size,
            leading=size * 1.38,
            textColor=HexColor(colour or self.theme.ink),
            alignment=TA_CENTER if centre else 0,
        )

    def place(self, block: Any, *, indent: float = 0, after: float = 6) -> float:
        """Draw a reportlab flowable below the cursor and return its height."""
        _, height = block.wrapOn(self.pen.canvas, self.width - indent, 2000)
        self.take(height)
        block.drawOn(self.pen.canvas, self.left + indent, self.top)
        self.top -= after
        return float(height)

    def take(self, height: float) -> float:
        """Move the cursor down and return the new y.

        Raises:
            PageOverflowError: The bottom margin is passed.
        """
        self.top -= height
        if self.top < self.bottom - 0.5:
            raise PageOverflowError(f"{self.bottom - self.top:.0f} points too much on the page")
        return self.top

    def text(self, markup: str, *, size: float = 0, colour: str = "", style: str = "", after: float = 6) -> None:
        """Set a paragraph; `markup` may hold <b> and <i>."""
        self.place(Paragraph(markup, self._paragraph_style(size=size, colour=colour, style=style)), after=after)

    def heading(self, text: str) -> None:
        """Set a section heading in the accent colour."""
        self.top -= 4
        self.text(text, size=self.theme.body * 1.28, colour=self.theme.accent, style="-Bold", after=4)

    def items(self, entries: Sequence[str], *, numbered: bool = False) -> None:
        """Set a bulleted or numbered list."""
        for number, entry in enumerate(entries, start=1):
            start = self.top
            self.place(Paragraph(entry, self._paragraph_style()), indent=16, after=3)
            y = start - self.theme.body * 1.04
            if numbered:
                self.pen.text(
                    (self.left + 1, y), f"{number}.", size=self.theme.body, style="-Bold", colour=self.theme.accent
                )
            else:
                self.pen.box((self.left + 4, y + 1.4, 3.2, 3.2), Ink(None, self.theme.second))
        self.top -= 4

    def notice(self, kind: Notice, markup: str) -> None:
        """Set a boxed notice with a warning triangle (or an i for a note)."""
        block = Paragraph(
            f"<b>{kind}</b>  {markup}", self._paragraph_style(size=self.theme.body * 0.97, colour="#1d2733")
        )
        _, height = block.wrapOn(self.pen.canvas, self.width - 56, 2000)
        total = max(height + 14, 32)
        y = self.take(total)
        colour = NOTICE_COLOURS[kind]
        self.pen.box(
            (self.left, y, self.width, total), Ink(colour, "#fffaf0" if kind != "NOTE" else "#f0f6fc", 0.8), radius=3
        )
        self.pen.box((self.left, y, 38, total), Ink(None, colour), radius=3)
        cx, cy = self.left + 19, y + total / 2
        if kind == "NOTE":
            self.pen.circle((cx, cy), 9, Ink("#ffffff", None, 1.6))
            self.pen.label((cx, cy - 4.6), "i", size=13, colour="#ffffff")
        else:
            self.pen.line(
                [(cx - 12, cy - 9), (cx + 12, cy - 9), (cx, cy + 11)], Ink("#ffffff", "#ffffff", 2), closed=True
            )
            self.pen.label((cx, cy - 7), "!", size=14, colour=colour)
        block.drawOn(self.pen.canvas, self.left + 47, y + (total - height) / 2)
        self.top -= 9

    def table(self, rows: Sequence[Sequence[str]], shares: Sequence[float], *, size: float = 0) -> None:
        """Set a table whose first row is the header; `shares` are relative column widths."""
        size = size or self.theme.body * 0.88
        head = self._paragraph_style(size=size, colour="#ffffff", style="-Bold")
        cell = self._paragraph_style(size=size)
        cells = [[Paragraph(text, head if i == 0 else cell) for text in row] for i, row in enumerate(rows)]
        widths = [self.width * share / sum(shares) for share in shares]
        rule = HexColor(self.theme.muted)
        style: list[tuple[Any, ...]] = [
            ("FONTNAME", (0, 0), (-1, -1), self.theme.family),
            ("BACKGROUND", (0, 0), (-1, 0), HexColor(self.theme.table_head or self.theme.accent)),
            ("LINEBELOW", (0, 1), (-1, -1), 0.35, rule),
            ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
            ("TOPPADDING", (0, 0), (-1, -1), 2.6),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 3.4),
            ("LEFTPADDING", (0, 0), (-1, -1), 5),
            ("RIGHTPADDING", (0, 0), (-1, -1), 4),
        ]
        style += [("BACKGROUND", (0, i), (-1, i), HexColor(self.theme.tint)) for i in range(2, len(rows), 2)]
        self.place(Table(cells, colWidths=widths, style=style), after=8)

    def caption(self, text: str) -> None:
        """Set the caption of a figure or of a table."""
        self.text(text, size=self.theme.body * 0.86, colour=self.theme.muted, after=9)

    def figure(self, height: float, draw: Callable[[Pen, float, float], None], caption: str) -> None:
        """Reserve `height` points, let `draw(pen, width, height)` fill them, and set the numbered caption below."""
        y = self.take(height)
        with self.pen.at((self.left, y)):
            draw(self.pen, self.width, height)
        self.top -= 5
        self.figures[0] += 1
        self.caption(f"<b>Figure {self.figures[0]}:</b> {caption}")

    def split(self, share: float = 0.5, *, gap: float = 18) -> tuple["Column", "Column"]:
        """Two columns side by side from the cursor down; continue below with `resume`."""
        first = (self.width - gap) * share
        rest = self.width - gap - first
        left = Column(self.pen, self.theme, self.left, self.top, first, self.bottom, self.figures)
        right = Column(self.pen, self.theme, self.left + first + gap, self.top, rest, self.bottom, self.figures)
        return left, right

    def resume(self, *columns: "Column") -> None:
        """Put the cursor below the longest of the columns."""
        self.top = min(column.top for column in columns)


def _page_frame(pen: Pen, manual: Manual, label: str) -> None:
    theme = manual.theme
    width, height = theme.size
    if theme.paper:
        pen.box((0, 0, width, height), Ink(None, theme.paper))
    head, foot = height - theme.margin * 0.62, theme.margin * 0.55
    pen.text((theme.margin, head), manual.running, size=7.5, colour=theme.muted)
    pen.line([(theme.margin, head - 6), (width - theme.margin, head - 6)], Ink(theme.second, None, 0.9))
    pen.text((theme.margin, foot), manual.title, size=7.5, colour=theme.muted)
    pen.text((width - theme.margin, foot), label, size=9, anchor="r", style="-Bold", colour=theme.accent)


def _column(pen: Pen, theme: Theme, figures: list[int]) -> Column:
    width, height = theme.size
    return Column(
        pen, theme, theme.margin, height - theme.margin * 0.95, width - 2 * theme.margin, theme.margin * 0.95, figures
    )


def _contents(column: Column, manual: Manual) -> None:
    theme = column.theme
    column.text("Contents", size=theme.title_size, colour=theme.accent, style="-Bold", after=theme.title_size * 0.8)
    step = min(24.0, (column.top - column.bottom) / len(manual.chapters))
    for number, chapter in enumerate(manual.chapters, start=1):
        y = column.take(step)
        right = column.left + column.width
        pen = column.pen
        pen.text((column.left, y), str(number), size=theme.body * 1.1, style="-Bold", colour=theme.second)
        start = column.left + 26 + pen.text((column.left + 26, y), chapter.title, size=theme.body * 1.1)
        pen.line([(start + 6, y + 1), (right - 22, y + 1)], Ink(theme.muted, None, 0.7, (0.8, 3)))
        pen.text((right, y), str(number), size=theme.body * 1.1, anchor="r", style="-Bold")
    if manual.preface:
        _preface(column, manual)


def _preface(column: Column, manual: Manual) -> None:
    column.top -= 30
    column.heading("About this manual")
    column.text(manual.preface, after=10)
    column.notice("DANGER", "Death or serious injury <b>will</b> follow if the text is ignored.")
    column.notice("WARNING", "Death or serious injury <b>can</b> follow.")
    column.notice("CAUTION", "Slight injury or damage to the machine can follow.")
    column.notice("NOTE", "Useful hint without risk.")


def render(manual: Manual, path: Path) -> None:
    """Draw a manual to a PDF; two runs give the same bytes.

    Args:
        manual: What to draw.
        path: PDF to write; replaced when it exists.

    Raises:
        PageOverflowError: A chapter holds more than its page; the message names it.
    """
    rl_config.useA85 = 0
    theme = manual.theme
    canvas = Canvas(str(path), pagesize=theme.size, pageCompression=1, invariant=1, initialFontName=theme.family)
    canvas.setTitle(manual.title)
    canvas.setAuthor("visual_rag examples")
    canvas.setSubject(manual.running)
    pen = Pen(canvas, theme.family, colour=theme.ink)
    figures = [0]
    front = 2 if manual.contents else 1
    canvas.addPageLabel(0, style="ROMAN_LOWER", start=1)
    canvas.addPageLabel(front, style="ARABIC", start=1)
    manual.cover(_column(pen, theme, figures))
    canvas.showPage()
    if manual.contents:
        _page_frame(pen, manual, ROMAN[1])
        _contents(_column(pen, theme, figures), manual)
        canvas.showPage()
    for number in range(1, len(manual.chapters) + 1):
        _chapter_page(pen, manual, number, figures)
        canvas.showPage()
    canvas.save()


def _chapter_page(pen: Pen, manual: Manual, number: int, figures: list[int]) -> None:
    theme, chapter = manual.theme, manual.chapters[number - 1]
    pen.canvas.bookmarkPage(f"chapter-{number}")
    pen.canvas.addOutlineEntry(chapter.title, f"chapter-{number}")
    _page_frame(pen, manual, str(number))
    column = _column(pen, theme, figures)
    title = f'<font color="{theme.second}">{number}</font>&nbsp;&nbsp;{chapter.title}'
    column.text(title, size=theme.title_size, colour=theme.accent, style="-Bold", after=theme.title_size * 0.5)
    try:
        chapter.draw(column)
    except PageOverflowError as error:
        raise PageOverflowError(f"{manual.file}, chapter {number} ({chapter.title}): {error}") from error
