"""Pages to show to tiny models, and the families that there are tiny models of. Without torch."""

import numpy as np
from PIL import Image

from visual_rag.embed.families import MULTI_VECTOR, SINGLE_VECTOR
from visual_rag.records import Page

FAMILIES = {
    family.architecture: family
    for family in (*MULTI_VECTOR.values(), *SINGLE_VECTOR.values())
    if not family.architecture.startswith(("CLIP", "Siglip"))
}
"""By the class of the network: all of the table but those that transformers itself tests."""
_GRAIN = 8  # px


def noise_page(size: tuple[int, int], seed: int) -> Page:
    """A page of coarse noise, on which no two places look alike.

    Args:
        size: Width and height in pixels.
        seed: Equal seeds and sizes give equal pages.
    """
    width, height = size
    shape = (height // _GRAIN, width // _GRAIN, 3)
    grains = np.random.default_rng(seed).integers(0, 255, shape, dtype=np.uint8)
    return page_of(Image.fromarray(grains).resize(size))


def page_of(image: Image.Image) -> Page:
    """A page that looks so."""
    return Page(page_index=0, image=image, page_hash="")
