"""Page images: kept once, whole or not at all, on any file system."""

import io
import uuid
from pathlib import Path

import pytest
from fsspec.implementations.local import LocalFileSystem
from PIL import Image

from visual_rag.errors import InvalidInput, StoreError, StoreUnavailable
from visual_rag.store.images import PageImages

HASH, OTHER = "ab" * 32, "cd" * 32


def image_file(kind: str = "WEBP") -> bytes:
    """A small picture."""
    file = io.BytesIO()
    Image.new("RGB", (6, 4), "red").save(file, kind)
    return file.getvalue()


@pytest.fixture(params=["folder", "memory"])
def images(request: pytest.FixtureRequest, tmp_path: Path) -> PageImages:
    """An empty image store, in a local folder or in fsspec's memory."""
    return PageImages(tmp_path / "index" if request.param == "folder" else f"memory://{uuid.uuid4()}/index")


@pytest.mark.parametrize(("mimetype", "kind"), [("image/webp", "WEBP"), ("image/png", "PNG"), ("image/jpeg", "JPEG")])
def test_an_image_comes_back(images: PageImages, mimetype: str, kind: str) -> None:
    """Bytes, type and pixels, under a path that names the hash."""
    data = image_file(kind)
    assert not images.has(HASH)
    images.put(HASH, data, mimetype)
    assert images.has(HASH)
    assert images.get(HASH) == data
    assert images.mimetype(HASH) == mimetype
    assert images.open(HASH).size == (6, 4)
    assert f"/images/ab/{HASH}." in images.path(HASH)
    assert images.size_bytes() == len(data)


def test_equal_pixels_are_kept_once(images: PageImages) -> None:
    """The first file stays, also when the second is of another type."""
    images.put(HASH, image_file(), "image/webp")
    images.put(HASH, image_file("PNG"), "image/png")
    assert images.mimetype(HASH) == "image/webp"
    assert images.size_bytes() == len(image_file())


def test_removed_images_are_gone(images: PageImages) -> None:
    """Others stay, and what is not there is passed over."""
    images.put(HASH, image_file())
    images.put(OTHER, image_file())
    images.delete([HASH, HASH, "ef" * 32])
    assert (images.has(HASH), images.has(OTHER)) == (False, True)
    images.delete([])


def test_a_missing_image_names_the_page_and_the_cure(images: PageImages) -> None:
    """Whatever is asked of it."""
    for ask in (images.get, images.open, images.path, images.mimetype):
        with pytest.raises(StoreError, match=f"{HASH} is missing; ingest"):
            ask(HASH)
    assert images.size_bytes() == 0


def test_a_damaged_image_is_told(images: PageImages) -> None:
    """Its bytes can still be had."""
    images.put(HASH, image_file()[:20])
    with pytest.raises(StoreError, match="damaged"):
        images.open(HASH)
    assert images.get(HASH) == image_file()[:20]


@pytest.mark.parametrize(
    "page_hash", ["", "../../etc/passwd", "ab/../cd", "AB" * 32, "abc", "ab" * 32 + "\n", "*" * 64]
)
def test_only_hashes_become_paths(images: PageImages, page_hash: str) -> None:
    """Hashes come from requests, too."""
    for ask in (images.has, images.get, lambda value: images.delete([value]), lambda value: images.put(value, b"x")):
        with pytest.raises(InvalidInput, match="no page hash"):
            ask(page_hash)


def test_what_is_no_image_is_not_kept(images: PageImages) -> None:
    """An unknown type and an empty file are refused."""
    with pytest.raises(InvalidInput, match="application/pdf"):
        images.put(HASH, b"%PDF", "application/pdf")
    with pytest.raises(InvalidInput, match="empty"):
        images.put(HASH, b"")
    assert not images.has(HASH)


def test_two_stores_of_one_place_share_images(tmp_path: Path) -> None:
    """The place is named as a path or as a URL, and a half-written file never counts."""
    PageImages(tmp_path).put(HASH, image_file())
    assert PageImages(f"file://{tmp_path}").get(HASH) == image_file()
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [f"{HASH}.webp"]


def test_half_written_files_are_removed(images: PageImages, tmp_path: Path) -> None:
    """They are what a kill leaves; images and what is not ours stay."""
    images.put(HASH, image_file())
    for name in ("ab/tmp1.part", "cd/tmp2.part", "ab/.DS_Store"):
        (tmp_path / "index" / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "index" / "images" / name).touch()
    images.delete_unfinished()
    assert images.has(HASH)
    if isinstance(images._files, LocalFileSystem):
        assert {path.name for path in (tmp_path / "index").rglob("*.*")} == {f"{HASH}.webp", ".DS_Store"}


def test_a_place_that_takes_no_files_is_told(tmp_path: Path) -> None:
    """A folder that cannot be made is a store error, not a crash."""
    (tmp_path / "images").write_text("a file in the way")
    with pytest.raises(StoreUnavailable, match="cannot be written") as caught:
        PageImages(tmp_path).put(HASH, image_file())
    assert str(tmp_path) not in str(caught.value)
