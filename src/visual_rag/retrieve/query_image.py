"""Reading the picture that somebody looks for."""

from pathlib import Path

from PIL import Image, ImageOps

from visual_rag.errors import InvalidInput


def read_query_image(path: str | Path) -> Image.Image:
    """Read an image file: upright, RGB.

    Raises:
        InvalidInput: It is missing or no image.
    """
    try:
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image)
            return upright.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:  # all that Pillow raises
        raise InvalidInput(f"the query image {Path(path).name!r} cannot be read; give a PNG, JPEG or WebP") from error
