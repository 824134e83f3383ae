"""The typefaces of the training pages, and which families are kept for validation only."""

import random
import subprocess
from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

_NOT_TEXT = (
    "symbol",
    "emoji",
    "math",
    "dingbat",
    "braille",
    "d050000l",
    "ornament",
    "stixsiz",
    "stixint",
    "stixvar",
    "blackletter",
    "fraktur",
    "initials",
    "lobster",
)
_NOTO_KEPT = ("NotoSans-", "NotoSerif-", "NotoMono", "NotoSansMono", "NotoSansDisplay", "NotoSerifDisplay")
_SEED = 1
_HELD_OUT_SHARE = 0.1


def _is_text_font(file: Path) -> bool:
    if file.suffix.lower() not in {".ttf", ".otf"} or any(part in file.name.lower() for part in _NOT_TEXT):
        return False
    return not file.name.startswith("Noto") or file.name.startswith(_NOTO_KEPT)


@lru_cache(maxsize=1)
def families() -> dict[str, tuple[str, ...]]:
    """List the installed fonts that draw English text: family name -> font files. Needs fontconfig's `fc-list`."""
    listing = subprocess.run(
        ["fc-list", ":lang=en", "--format", "%{file}\t%{family[0]}\n"], capture_output=True, text=True, check=True
    ).stdout
    grouped: dict[str, list[str]] = {}
    for line in sorted(set(listing.splitlines())):
        file, family = line.split("\t")
        if _is_text_font(Path(file)):
            grouped.setdefault(family, []).append(file)
    if not grouped:
        raise SystemExit("no fonts found: install the Debian packages listed in training/spotter/README.md")
    return {family: tuple(files) for family, files in grouped.items()}


def split_families() -> tuple[list[str], list[str]]:
    """Split the font families into (training, held out for validation), always the same way."""
    names = sorted(families())
    random.Random(_SEED).shuffle(names)
    n_held_out = max(1, int(len(names) * _HELD_OUT_SHARE))
    return names[n_held_out:], names[:n_held_out]


def draw_file(randomness: random.Random, family_names: list[str]) -> str:
    """Pick a font file: a family first, so that a family of forty weights does not crowd out the others."""
    return randomness.choice(families()[randomness.choice(family_names)])


@lru_cache(maxsize=4000)
def typeface(file: str, size_px: int) -> ImageFont.FreeTypeFont:
    """Load one font at one size."""
    return ImageFont.truetype(file, size_px, layout_engine=ImageFont.Layout.BASIC)
