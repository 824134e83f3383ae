"""Page images as LLMs take them."""

from collections.abc import Callable
from io import BytesIO

import pytest
from PIL import Image

from visual_rag.errors import InvalidInput, StoreError
from visual_rag.llama_index import ImageSettings
from visual_rag.llama_index.page_image import mimetype_of, prepare_image


def test_what_fits_is_passed_on_untouched(page_file: Callable[..., bytes]) -> None:
    """No second lossy encoding."""
    data = page_file(0)
    assert prepare_image(data, ImageSettings()) is data
    assert prepare_image(data, ImageSettings(max_side_px=280)) is data
    png = page_file(0, "PNG")
    assert prepare_image(png, ImageSettings(image_format="png")) is png


@pytest.mark.parametrize(("image_format", "mimetype"), [("png", "image/png"), ("jpeg", "image/jpeg")])
def test_the_format_is_the_one_asked_for(image_format: str, mimetype: str, page_file: Callable[..., bytes]) -> None:
    """Some local models take no WebP."""
    data = prepare_image(page_file(0), ImageSettings(image_format=image_format))
    assert mimetype_of(data) == mimetype
    assert Image.open(BytesIO(data)).size == (200, 280)


def test_a_large_image_shrinks_in_its_own_format(page_file: Callable[..., bytes]) -> None:
    """The longer side obeys; the proportions stay."""
    data = prepare_image(page_file(0), ImageSettings(max_side_px=140))
    assert mimetype_of(data) == "image/webp"
    assert Image.open(BytesIO(data)).size == (100, 140)


def test_a_broken_image_is_an_error_of_the_store(page_file: Callable[..., bytes]) -> None:
    """An LLM must not be sent half a page."""
    for broken in (b"", b"not an image", page_file(0, "PNG")[:60]):
        with pytest.raises(StoreError, match="ingest"):
            prepare_image(broken, ImageSettings(image_format="jpeg"))
    with pytest.raises(StoreError, match="ingest"):
        mimetype_of(b"not an image")


def test_settings_that_cannot_work_are_refused() -> None:
    """With the legal values in the message."""
    with pytest.raises(InvalidInput, match="'original', 'png' or 'jpeg'"):
        ImageSettings(image_format="gif")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="max_side_px is 10"):
        ImageSettings(max_side_px=10)
