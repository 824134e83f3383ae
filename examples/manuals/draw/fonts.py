"""Finds TrueType fonts on this machine and registers them with reportlab, so that every PDF embeds what it uses."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

FOLDERS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path.home() / ".local/share/fonts")


class FontMissingError(FileNotFoundError):
    """A font file is in none of the font folders."""


@dataclass(frozen=True)
class Family:
    """Four font files that belong together.

    Attributes:
        name: Name under which reportlab knows the regular face; the others add `-Bold`, `-Italic`, `-BoldItalic`.
        package: Debian package that ships the files.
        files: File names of the regular, bold, italic and bold italic faces.
    """

    name: str
    package: str
    files: tuple[str, str, str, str]


FAMILIES = (
    Family("Lato", "fonts-lato", ("Lato-Regular.ttf", "Lato-Bold.ttf", "Lato-Italic.ttf", "Lato-BoldItalic.ttf")),
    Family(
        "OpenSans",
        "fonts-open-sans",
        ("OpenSans-Regular.ttf", "OpenSans-Bold.ttf", "OpenSans-Italic.ttf", "OpenSans-BoldItalic.ttf"),
    ),
    Family(
        "Roboto",
        "fonts-roboto-unhinted",
        ("Roboto-Regular.ttf", "Roboto-Bold.ttf", "Roboto-Italic.ttf", "Roboto-BoldItalic.ttf"),
    ),
    Family(
        "Condensed",
        "fonts-dejavu-extra",
        (
            "DejaVuSansCondensed.ttf",
            "DejaVuSansCondensed-Bold.ttf",
            "DejaVuSansCondensed-Oblique.ttf",
            "DejaVuSansCondensed-BoldOblique.ttf",
        ),
    ),
    Family(
        "Serif",
        "fonts-liberation",
        (
            "LiberationSerif-Regular.ttf",
            "LiberationSerif-Bold.ttf",
            "LiberationSerif-Italic.ttf",
            "LiberationSerif-BoldItalic.ttf",
        ),
    ),
    Family(
        "Sans",
        "fonts-liberation",
        (
            "LiberationSans-Regular.ttf",
            "LiberationSans-Bold.ttf",
            "LiberationSans-Italic.ttf",
            "LiberationSans-BoldItalic.ttf",
        ),
    ),
    Family(
        "Mono",
        "fonts-liberation",
        (
            "LiberationMono-Regular.ttf",
            "LiberationMono-Bold.ttf",
            "LiberationMono-Italic.ttf",
            "LiberationMono-BoldItalic.ttf",
        ),
    ),
)
SUFFIXES = ("", "-Bold", "-Italic", "-BoldItalic")


@cache
def _font_files() -> dict[str, Path]:
    return {path.name: path for folder in FOLDERS if folder.is_dir() for path in sorted(folder.rglob("*.ttf"))}


def register_fonts() -> None:
    """Register every family of `FAMILIES`.

    Raises:
        FontMissingError: A file is not installed; the message names the Debian package that ships it.
    """
    for family in FAMILIES:
        for suffix, file_name in zip(SUFFIXES, family.files, strict=True):
            path = _font_files().get(file_name)
            if path is None:
                raise FontMissingError(f"font {file_name} is not installed; run: apt install {family.package}")
            pdfmetrics.registerFont(TTFont(family.name + suffix, str(path)))
        faces = (family.name + suffix for suffix in SUFFIXES)
        pdfmetrics.registerFontFamily(family.name, *faces)


def text_width(text: str, font: str, size: float) -> float:
    """Width of one line of text in points."""
    return float(pdfmetrics.stringWidth(text, font, size))
