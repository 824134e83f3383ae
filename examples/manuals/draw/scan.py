"""Makes a drawn PDF look scanned: each page becomes one grey, slightly skewed, noisy JPEG; no text layer is left."""

from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from reportlab import rl_config
from reportlab.pdfgen.canvas import Canvas

from .pen import Pen

DPI = 150


def scan(drawn: Path, target: Path, *, title: str, quality: int = 42) -> None:
    """Write an image-only copy of a PDF whose first page is the cover.

    The canvas starts with an embedded font, which no page uses, so that the file names no font at all.

    Args:
        drawn: PDF with drawn pages.
        target: PDF to write.
        title: Title in the document information.
        quality: JPEG quality of the page images, 1..95.
    """
    rl_config.useA85 = 0
    document = pypdfium2.PdfDocument(str(drawn))
    canvas = Canvas(str(target), invariant=1, pageCompression=1, initialFontName="Serif")
    canvas.addPageLabel(0, style="ROMAN_LOWER", start=1)
    canvas.addPageLabel(1, style="ARABIC", start=1)
    canvas.setTitle(title)
    canvas.setAuthor("visual_rag examples")
    for number, page in enumerate(document):
        width, height = page.get_size()
        canvas.setPageSize((width, height))
        sheet = _worn(page.render(scale=DPI / 72, grayscale=True).to_pil().convert("L"), number)
        Pen(canvas, "Serif").picture(sheet, (0, 0, width, height), quality=quality)
        canvas.showPage()
    canvas.save()


def _worn(sheet: Image.Image, number: int) -> Image.Image:
    rng = np.random.default_rng(1974 + number)
    skew = float(rng.uniform(0.35, 0.95) * (-1) ** number)
    sheet = sheet.rotate(skew, Image.Resampling.BICUBIC, fillcolor=255, translate=(int(rng.integers(-6, 7)), 4))
    sheet = sheet.filter(ImageFilter.GaussianBlur(0.55))
    ink = np.asarray(sheet, np.float32) / 255
    height, width = ink.shape
    paper = 0.90 + 0.022 * _cloud(rng, (height, width), 9) + 0.012 * _cloud(rng, (height, width), 60)
    grey = 0.13 + (paper - 0.13) * ink
    x, y = np.linspace(0, 1, width), np.linspace(0, 1, height)
    gutter = 0.55 * np.exp(-(x if number % 2 == 0 else 1 - x) / 0.022)
    grey *= 1 - gutter[None, :]
    grey *= 1 - 0.35 * np.exp(-y / 0.008)[:, None]
    for _ in range(14):
        _speck(grey, rng)
    grey += rng.normal(0, 0.016, grey.shape)
    return Image.fromarray((np.clip(grey, 0, 1) * 255).astype(np.uint8))


def _cloud(rng: np.random.Generator, shape: tuple[int, int], cells: int) -> NDArray[np.floating[Any]]:
    coarse = Image.fromarray(rng.normal(0, 1, (cells, cells)).astype(np.float32))
    return np.asarray(coarse.resize((shape[1], shape[0]), Image.Resampling.BICUBIC), np.float32)


def _speck(grey: NDArray[np.floating[Any]], rng: np.random.Generator) -> None:
    row, column = int(rng.integers(0, grey.shape[0] - 4)), int(rng.integers(0, grey.shape[1] - 4))
    size = int(rng.integers(1, 4))
    grey[row : row + size, column : column + size] *= 0.55
