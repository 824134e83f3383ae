"""The last step of a page: from a Pillow image to hash and kept file."""

import hashlib
import io

from PIL import Image

from visual_rag.records import PageWord
from visual_rag.render.channel import RenderedPage

_MIMETYPE = "image/jpeg"
_QUALITY = 80  # 1020 x 1320 px text pages: JPEG 3 ms and 127 kB, WebP 31 ms and 74 kB, which is half of all rendering


def finish_page(
    image: Image.Image,
    *,
    page_index: int,
    dpi: float,
    size_pt: tuple[float, float],
    rotation: int = 0,
    label: str = "",
    words: tuple[PageWord, ...] = (),
    warning: str = "",
) -> RenderedPage:
    """Hash and encode an image (mode RGB or RGBX) and put it together with what is known of its page."""
    rgb = image.tobytes("raw", "RGB")
    return RenderedPage(
        page_index=page_index,
        width_px=image.width,
        height_px=image.height,
        rgb=rgb,
        page_hash=hash_pixels(image.width, image.height, rgb),
        encoded_image=encode_image(image),
        image_mimetype=_MIMETYPE,
        dpi=dpi,
        width_pt=size_pt[0],
        height_pt=size_pt[1],
        rotation=rotation,
        label=label or str(page_index + 1),
        words=words,
        warning=warning,
    )


def hash_pixels(width_px: int, height_px: int, rgb: bytes) -> str:
    """Hash a page's pixels: equal pixels of equal shape, equal hash, whatever file they came from.

    >>> hash_pixels(1, 1, bytes(3))[:12]
    '0ec9b60f9066'
    """
    digest = hashlib.sha256(b"%dx%d" % (width_px, height_px))
    digest.update(rgb)
    return digest.hexdigest()


def encode_image(image: Image.Image) -> bytes:
    """Write an image as a JPEG file, which every vision model takes."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()
