"""The page image as a vision LLM gets it: as it is kept, or smaller, or in a format that the LLM takes.

    settings = ImageSettings(image_format="jpeg", max_side_px=1536)
    data = prepare_image(webp_bytes, settings)

It does not say where the bytes come from, and keeps nothing.
"""

from dataclasses import dataclass
from io import BytesIO
from typing import Literal

from PIL import Image

from visual_rag.errors import InvalidInput, StoreError

ImageFormat = Literal["original", "png", "jpeg"]
_QUALITY = 90  # small print stays free of visible artefacts
_MIN_SIDE_PX = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSettings:
    """How page images go to the LLM.

    Attributes:
        image_format: `original` is WebP, which OpenAI and Anthropic take; some local models take only PNG or JPEG.
        max_side_px: Larger images are scaled down to it; None leaves the size.
    """

    image_format: ImageFormat = "original"
    max_side_px: int | None = None

    def __post_init__(self) -> None:
        if self.image_format not in ("original", "png", "jpeg"):
            raise InvalidInput(f"image_format is {self.image_format!r}; it is 'original', 'png' or 'jpeg'")
        if self.max_side_px is not None and self.max_side_px < _MIN_SIDE_PX:
            raise InvalidInput(f"max_side_px is {self.max_side_px}; nothing is legible below {_MIN_SIDE_PX} pixels")


def prepare_image(data: bytes, settings: ImageSettings) -> bytes:
    """Bring an image file into the asked-for format and size; what already fits is returned untouched.

    Raises:
        StoreError: The bytes are no image that can be read.
    """
    try:
        with Image.open(BytesIO(data)) as image:
            file_format = (image.format or "PNG") if settings.image_format == "original" else settings.image_format
            too_large = settings.max_side_px is not None and max(image.size) > settings.max_side_px
            if not too_large and file_format.upper() == image.format:
                return data
            return _encode(image, file_format, settings.max_side_px)
    except (OSError, SyntaxError, ValueError) as error:  # Pillow raises all three for broken files
        raise StoreError("the kept image of a page cannot be read; ingest the document again") from error


def mimetype_of(data: bytes) -> str:
    """Name the format of an image file, such as `image/webp`.

    Raises:
        StoreError: The bytes are no image that can be read.
    """
    try:
        with Image.open(BytesIO(data)) as image:
            return Image.MIME[image.format or "PNG"]
    except OSError as error:
        raise StoreError("the kept image of a page cannot be read; ingest the document again") from error


def _encode(image: Image.Image, file_format: str, max_side_px: int | None) -> bytes:
    picture = image.convert("RGB")  # JPEG knows neither palettes nor transparency
    if max_side_px is not None:
        picture.thumbnail((max_side_px, max_side_px), Image.Resampling.LANCZOS)
    buffer = BytesIO()
    picture.save(buffer, file_format, quality=_QUALITY)
    return buffer.getvalue()
