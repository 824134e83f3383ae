"""Image files: whatever mode, depth or orientation, the page is RGB and upright."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from visual_rag.render import DocumentDone, DocumentFailed, DocumentOpened, PageFailed, PageRendered

RED, WHITE = (255, 0, 0), (255, 255, 255)


def _colour(image: Image.Image, x: int, y: int) -> tuple[int, int, int]:
    assert image.mode == "RGB"
    return image.getpixel((x, y))


def _near(colour: tuple[int, ...], expected: tuple[int, ...], tolerance: int = 6) -> bool:
    return all(abs(a - b) <= tolerance for a, b in zip(colour, expected, strict=True))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_exif_orientation_makes_the_page_upright(tmp_path: Path, pages_of: Any, orientation: int, suffix: str) -> None:
    """However the camera stored it, the red corner is top left."""
    upright = Image.new("RGB", (40, 20), "white")
    upright.paste(RED, (0, 0, 10, 10))
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(undo[orientation]) if orientation in undo else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"photo{suffix}"
    stored.save(path, exif=exif)
    (page,) = pages_of(path)
    assert page.image.size == (40, 20)
    assert _colour(page.image, 2, 2) == RED
    assert _colour(page.image, 37, 17) == WHITE


@pytest.mark.parametrize(("mode", "fill"), [("RGBA", (255, 0, 0, 0)), ("LA", (0, 0))])
def test_transparency_is_laid_on_white(tmp_path: Path, pages_of: Any, mode: str, fill: tuple[int, ...]) -> None:
    """What cannot be seen does not turn black."""
    path = tmp_path / "logo.png"
    Image.new(mode, (8, 8), fill).save(path)
    (page,) = pages_of(path)
    assert _colour(page.image, 4, 4) == WHITE


def test_a_transparent_palette_colour_is_white(tmp_path: Path, pages_of: Any) -> None:
    """GIF and PNG palettes have one colour that means nothing."""
    image = Image.new("P", (8, 8), 1)
    image.putpalette([0, 0, 0, 0, 0, 255])
    image.save(tmp_path / "logo.gif", transparency=1)
    (page,) = pages_of(tmp_path / "logo.gif")
    assert _colour(page.image, 4, 4) == WHITE


def test_cmyk_becomes_rgb(tmp_path: Path, pages_of: Any) -> None:
    """Full magenta and yellow is red, not its negative."""
    path = tmp_path / "print.jpg"
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(path, quality=95)
    (page,) = pages_of(path)
    assert _near(_colour(page.image, 8, 8), RED)


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        (np.array([[0, 65535], [32768, 257]], np.uint16), [[0, 255], [128, 1]]),
        (np.array([[0, 4095], [2048, 16]], np.uint16), [[0, 255], [128, 1]]),
        (np.array([[0, 65535], [32768, 257]], np.int32), [[0, 255], [128, 1]]),
        (np.array([[0.0, 1.0], [0.5, np.nan]], np.float32), [[0, 255], [128, 0]]),
        (np.array([[-100.0, 100.0], [0.0, 0.0]], np.float32), [[0, 255], [128, 128]]),
    ],
    ids=["16 bit", "12 bit in 16", "32 bit", "float", "float with negative values"],
)
def test_deep_grey_is_scaled_and_not_clipped(tmp_path: Path, pages_of: Any, samples: Any, expected: Any) -> None:
    """A 16-bit scan looks like the scan, not like a white sheet."""
    path = tmp_path / "scan.tif"
    Image.fromarray(samples).save(path)
    (page,) = pages_of(path)
    grey = np.asarray(page.image)[:, :, 0].astype(int)
    assert np.abs(grey - np.array(expected)).max() <= 1


def test_one_bit_is_black_on_white(tmp_path: Path, pages_of: Any) -> None:
    """Fax pages keep their polarity."""
    image = Image.new("1", (16, 16), 1)
    image.putpixel((3, 3), 0)
    image.save(tmp_path / "fax.tif", compression="group4")
    (page,) = pages_of(tmp_path / "fax.tif")
    assert _colour(page.image, 3, 3) == (0, 0, 0)
    assert _colour(page.image, 9, 9) == WHITE


def test_each_frame_of_a_tiff_is_a_page(tmp_path: Path, render: Any) -> None:
    """Scanners write whole documents as one TIFF, frames of any size."""
    frames = [Image.new("L", (10 + number, 20), 60 * number) for number in range(3)]
    path = tmp_path / "scan.tif"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    opened, *middle, done = render(path)
    assert opened.n_pages == 3
    assert [event.page.page_index for event in middle] == [0, 1, 2]
    assert [event.page.image.width for event in middle] == [10, 11, 12]
    assert [_colour(event.page.image, 5, 5)[0] for event in middle] == [0, 60, 120]
    assert [event.page.label for event in middle] == ["1", "2", "3"]
    assert isinstance(done, DocumentDone)


@pytest.mark.parametrize("format_name", ["GIF", "WEBP", "PNG"])
def test_an_animation_is_one_page(tmp_path: Path, pages_of: Any, format_name: str) -> None:
    """Only the first frame of an animation is shown."""
    frames = [Image.new("RGB", (10, 10), colour) for colour in ("red", "blue")]
    path = tmp_path / "clip"
    options = {"lossless": True} if format_name == "WEBP" else {}
    frames[0].save(path, format_name, save_all=True, append_images=frames[1:], **options)
    (page,) = pages_of(path)
    assert _near(_colour(page.image, 5, 5), RED)


def test_a_single_pixel_is_a_page(tmp_path: Path, pages_of: Any) -> None:
    """The smallest image has a size in points like any other."""
    Image.new("RGB", (1, 1), RED).save(tmp_path / "dot.bmp")
    (page,) = pages_of(tmp_path / "dot.bmp")
    assert page.image.size == (1, 1)
    assert page.width_pt > 0
    assert page.height_pt > 0


def test_a_photo_is_made_as_small_as_a_tabloid_page(tmp_path: Path, pages_of: Any) -> None:
    """The longer side has at most 17 inches at the asked-for dpi; the size on paper stays the file's own."""
    path = tmp_path / "photo.jpg"
    Image.new("RGB", (4000, 1000)).save(path, dpi=(300, 300))
    (page,) = pages_of(path, dpi=100)
    assert page.image.size == (1700, 425)
    assert page.dpi == pytest.approx(300 * 1700 / 4000)
    assert (page.width_pt, page.height_pt) == pytest.approx((960, 240))


def test_a_small_image_keeps_its_pixels(tmp_path: Path, pages_of: Any) -> None:
    """Nothing is enlarged; without a stated resolution the asked-for one counts."""
    Image.new("RGB", (50, 40)).save(tmp_path / "icon.png")
    (page,) = pages_of(tmp_path / "icon.png", dpi=100)
    assert page.image.size == (50, 40)
    assert page.dpi == 100


@pytest.mark.parametrize("dpi", [(1, 1), (90000, 90000), (0, 0)])
def test_a_senseless_resolution_is_not_believed(tmp_path: Path, pages_of: Any, dpi: tuple[int, int]) -> None:
    """Cameras write 1 dpi; the page is not 50 inches wide for that."""
    Image.new("RGB", (50, 40)).save(tmp_path / "photo.jpg", dpi=dpi)
    (page,) = pages_of(tmp_path / "photo.jpg", dpi=100)
    assert page.dpi == 100


def test_a_fax_with_oblong_pixels_is_stretched(tmp_path: Path, pages_of: Any) -> None:
    """Standard fax resolution is 204 x 98 dpi; letters would be half as high as they are wide."""
    path = tmp_path / "fax.tif"
    Image.new("L", (204, 98), 255).save(path, dpi=(204, 98))
    (page,) = pages_of(path, dpi=200)
    assert page.image.size == (204, 204)
    assert (page.width_pt, page.height_pt) == pytest.approx((72, 72))


def test_an_image_over_the_pixel_limit_is_refused_before_it_is_decoded(tmp_path: Path, render: Any) -> None:
    """The header is enough to refuse a bomb."""
    path = tmp_path / "bomb.png"
    Image.new("1", (5000, 5000)).save(path)
    (event,) = render(path, max_pixels=24_999_999)
    assert isinstance(event, DocumentFailed)
    assert event.failure.reason == "LimitExceeded"
    assert "max_pixels" in event.failure.message
    assert [type(event) for event in render(path, max_pixels=25_000_000)] == [
        DocumentOpened,
        PageRendered,
        DocumentDone,
    ]


def test_a_tiff_with_too_many_frames_is_refused(tmp_path: Path, render: Any) -> None:
    """`max_pages` counts frames."""
    frames = [Image.new("L", (4, 4)) for _ in range(5)]
    path = tmp_path / "scan.tif"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    (event,) = render(path, max_pages=4)
    assert event.failure.reason == "LimitExceeded"
    assert isinstance(render(path, max_pages=5)[-1], DocumentDone)


def test_a_cut_off_image_says_so(tmp_path: Path, render: Any) -> None:
    """Half a download is not half a page."""
    path = tmp_path / "photo.jpg"
    Image.effect_noise((200, 200), 50).save(path)
    path.write_bytes(path.read_bytes()[:-500])
    _opened, failed, done = render(path)
    assert isinstance(failed, PageFailed)
    assert failed.failure.page_number == 1
    assert "truncated" in failed.failure.message
    assert isinstance(done, DocumentDone)
