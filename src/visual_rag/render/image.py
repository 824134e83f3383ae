"""Image files by Pillow, inside the worker: a photo, scan or screenshot is a page; each frame of a TIFF is one.

Pixels are not invented: an image keeps its own, and is only made smaller where it is larger than a page needs to be.
"""

import contextlib
import math
import struct
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from visual_rag.errors import DamagedDocument, LimitExceeded, UnsupportedFormat
from visual_rag.render.channel import Job, RenderedPage
from visual_rag.render.encode import finish_page

_FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP", "JPEG2000", "AVIF")
LONGEST_SIDE_IN = 17
"""The longer side of a tabloid page: at the asked-for dpi, no image needs to be larger."""
_SANE_DPI = (36.0, 1200.0)
_ORIENTATION_TAG = 0x0112
_TURNS = {  # EXIF orientation: how Pillow makes it upright, and how far that turns clockwise
    2: (Image.Transpose.FLIP_LEFT_RIGHT, 0),
    3: (Image.Transpose.ROTATE_180, 180),
    4: (Image.Transpose.FLIP_TOP_BOTTOM, 0),
    5: (Image.Transpose.TRANSPOSE, 90),
    6: (Image.Transpose.ROTATE_270, 90),
    7: (Image.Transpose.TRANSVERSE, 270),
    8: (Image.Transpose.ROTATE_90, 270),
}
_DECODING_ERRORS = (
    OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, EOFError, OverflowError, ZeroDivisionError,
    AttributeError, NotImplementedError, RuntimeError, struct.error, zlib.error,
)  # fmt: skip  # what Pillow's plugins raise on broken files


class ImageFile:
    """An image file that Pillow recognises."""

    def __init__(self, job: Job, kind_name: str) -> None:
        self._dpi = job.dpi
        self._limits = job.settings
        self._kind_name = kind_name
        Image.MAX_IMAGE_PIXELS = (
            self._limits.max_pixels
        )  # Pillow checks it against the header, and again for each frame
        with self._translated():
            self._image = Image.open(job.path, formats=_FORMATS)
        try:
            self._check_size()
            self._n_pages = self._count_frames()
        except BaseException:
            self._image.close()
            raise

    @property
    def n_pages(self) -> int:
        """Frames of a TIFF; 1 for all other formats, animated or not."""
        return self._n_pages

    def render(self, page_index: int) -> RenderedPage:
        """Decode one frame.

        Raises:
            DocumentError: It is broken or too large.
        """
        with self._translated():
            if self._image.format == "TIFF":
                self._image.seek(page_index)
            self._check_size()
            self._image.load()
            image = _square_pixels(_as_rgb(self._image))
            image, rotation = _upright(image, _orientation(self._image))
            smaller = self._fitted(image)
        dpi = self._own_dpi(smaller.width / image.width)
        size_pt = (smaller.width * 72 / dpi, smaller.height * 72 / dpi)
        return finish_page(smaller, page_index=page_index, dpi=dpi, size_pt=size_pt, rotation=rotation)

    def close(self) -> None:
        """Let go of the file."""
        self._image.close()

    def _check_size(self) -> None:
        width_px, height_px = self._image.size
        if width_px < 1 or height_px < 1:
            raise DamagedDocument(f"the image has no area: {width_px} x {height_px} pixels")
        if width_px * height_px > self._limits.max_pixels:
            size = f"{width_px:,} x {height_px:,} pixels"
            raise LimitExceeded(f"the image is {size}, more than max_pixels allows ({self._limits.max_pixels:,})")

    def _count_frames(self) -> int:
        if self._image.format != "TIFF":
            return 1
        n_frames = 0
        with self._translated():  # frame by frame: after a seek past the end, Pillow's n_frames is wrong
            try:
                while n_frames <= self._limits.max_pages:
                    self._image.seek(n_frames)
                    n_frames += 1
            except EOFError:
                self._image.seek(0)
                return n_frames
        raise LimitExceeded(f"the image has more frames than max_pages allows ({self._limits.max_pages:,})")

    def _fitted(self, image: Image.Image) -> Image.Image:
        """The image, made smaller where its longer side exceeds what `dpi` asks for."""
        longest = round(self._dpi * LONGEST_SIDE_IN)
        if max(image.size) <= longest:
            return image
        scale = longest / max(image.size)
        size = (max(round(image.width * scale), 1), max(round(image.height * scale), 1))
        return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)

    def _own_dpi(self, scale: float) -> float:
        """Dots per inch of the kept image: the file's own after scaling, else what was asked for."""
        own = max(_stated_dpi(self._image))
        return own * scale if own else float(self._dpi)

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        """Say in our words what Pillow reports; the only place that knows its errors."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about metadata that is not used
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                yield
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise LimitExceeded(
                f"the image has more pixels than max_pixels allows ({self._limits.max_pixels:,})"
            ) from error
        except UnidentifiedImageError as error:
            raise DamagedDocument(f"the image is damaged: only its beginning is {self._kind_name}") from error
        except _DECODING_ERRORS as error:
            raise DamagedDocument(f"the {self._kind_name} image is damaged: {_describe(error)}") from error


def foreign_format(path: Path) -> str:
    """Name the format of an image that Pillow knows but this package does not read, "" where Pillow does not either."""
    try:
        with warnings.catch_warnings(), Image.open(path) as image:
            warnings.simplefilter("ignore")
            return f"in the image format {image.format_description or image.format}"
    except (*_DECODING_ERRORS, Image.DecompressionBombError):
        return ""


def _describe(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()  # str(error) would show the path
    return str(error).partition("\n")[0][:200] or type(error).__name__


def _as_rgb(image: Image.Image) -> Image.Image:
    """Bring any mode to RGB: deep samples scaled to 8 bits, transparency laid on white."""
    if image.mode.startswith(("I", "F")):
        image = Image.fromarray(_to_8_bits(np.asarray(image)))
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        background = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(background, layer).convert("RGB")
    if image.mode == "RGB":
        return image
    try:
        return image.convert("RGB")
    except ValueError as error:
        raise UnsupportedFormat(f"the image uses the colour mode {image.mode}; save it as RGB first") from error


def _to_8_bits(samples: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Scale deep grey samples to 0..255.

    Args:
        samples: Shape (height, width), integers or floats.

    Returns:
        Same shape. The white point is the smallest of 1 (floats), 8, 12 and 16 bits that holds all samples; values
        below 0 or beyond 16 bits are stretched from their own range.
    """
    values = np.nan_to_num(samples.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    lowest, highest = float(values.min()), float(values.max())
    white_points = (255.0, 4095.0, 65535.0) if np.issubdtype(samples.dtype, np.integer) else (1.0, 255.0, 65535.0)
    white = next((point for point in white_points if highest <= point), None)
    if lowest < 0 or white is None:
        values, white = values - lowest, (highest - lowest) or 1.0
    scaled: NDArray[np.uint8] = np.clip(values * (255.0 / white) + 0.5, 0, 255).astype(np.uint8)
    return scaled


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation that is still to be applied, 1 where there is none or it cannot be read."""
    try:
        return int(image.getexif().get(_ORIENTATION_TAG, 1))
    except _DECODING_ERRORS:
        return 1


def _upright(image: Image.Image, orientation: int) -> tuple[Image.Image, int]:
    if orientation not in _TURNS:
        return image, 0
    method, degrees = _TURNS[orientation]
    return image.transpose(method), degrees


def _stated_dpi(image: Image.Image) -> tuple[float, float]:
    """Horizontal and vertical dpi that the file states, zeros where it states none that makes sense."""
    try:
        across, down = (float(value) for value in image.info.get("dpi", (0, 0)))
    except _DECODING_ERRORS:
        return 0.0, 0.0
    low, high = _SANE_DPI
    is_sane = all(math.isfinite(value) and low <= value <= high for value in (across, down))
    return (across, down) if is_sane else (0.0, 0.0)


def _square_pixels(image: Image.Image) -> Image.Image:
    """Stretch what was scanned with different dpi across and down, as fax machines do (204 x 98)."""
    across, down = _stated_dpi(image)
    if not across or 0.9 < across / down < 1.1:
        return image
    finer = max(across, down)
    return image.resize((round(image.width * finer / across), round(image.height * finer / down)))
