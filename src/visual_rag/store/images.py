"""Page images, kept once for equal pixels, in a folder or behind any fsspec URL (`s3://bucket/manuals`).

    images = PageImages("index")
    images.put(page.page_hash, page.encoded_image, page.image_mimetype)
    images.get(page.page_hash)

Layout: `images/<first two hex>/<page_hash>.webp`. It knows no documents: what may be removed is for ingest to say.
"""

import io
import os
import re
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from visual_rag.errors import InvalidInput, StoreError, StoreUnavailable
from visual_rag.store.files import UNFINISHED, whole_file

if TYPE_CHECKING:
    from PIL.Image import Image

_EXTENSIONS = {"image/webp": "webp", "image/png": "png", "image/jpeg": "jpg"}  # in the order they are looked for
_MIMETYPES = {extension: mimetype for mimetype, extension in _EXTENSIONS.items()}
_HASH = re.compile(r"[0-9a-f]{8,128}")


class PageImages:
    """Image files by page hash."""

    def __init__(self, url_or_path: str | os.PathLike[str]) -> None:
        """Name the place; nothing is made or read yet.

        Args:
            url_or_path: A local folder or an fsspec URL.
        """
        self._files, root = fsspec.url_to_fs(os.fspath(url_or_path))
        self._root = f"{str(root).rstrip('/')}/images"
        self._guard = threading.Lock()  # so that no thread takes a file that another is writing for a leftover

    def put(self, page_hash: str, data: bytes, mimetype: str = "image/webp") -> None:
        """Keep one image file, whole or not at all; equal pixels are written once.

        Raises:
            InvalidInput: The hash is none, the file is empty, or of a type that is not kept.
            StoreUnavailable: The place cannot be written to.
        """
        if mimetype not in _EXTENSIONS:
            raise InvalidInput(f"image type '{mimetype}' is not kept; use one of {', '.join(_EXTENSIONS)}")
        if not data:
            raise InvalidInput(f"the image of page {page_hash} is empty; encode the page again")
        if self._size(page_hash):
            return
        path = self._path(page_hash, _EXTENSIONS[mimetype])
        try:
            self._write(path, data)
        except OSError as error:
            raise StoreUnavailable(
                f"the image of page {page_hash} cannot be written ({error.strerror or type(error).__name__}); "
                "free space or check the rights of the index folder, then ingest again"
            ) from error

    def has(self, page_hash: str) -> bool:
        """Tell whether the page's image is kept."""
        return self._find(page_hash) is not None

    def get(self, page_hash: str) -> bytes:
        """Read the image file.

        Raises:
            StoreError: It is missing.
        """
        path = self.path(page_hash)
        try:
            data: bytes = self._files.cat_file(path)
        except FileNotFoundError as error:  # removed since we looked
            raise _missing(page_hash) from error
        return data

    def open(self, page_hash: str) -> "Image":
        """Read the image as Pillow's, its pixels loaded.

        Raises:
            StoreError: It is missing or damaged.
        """
        from PIL import Image, UnidentifiedImageError

        try:
            image = Image.open(io.BytesIO(self.get(page_hash)))
            image.load()
        except (UnidentifiedImageError, OSError) as error:
            raise StoreError(
                f"the image of page {page_hash} is damaged; remove its document and ingest it again"
            ) from error
        return image

    def mimetype(self, page_hash: str) -> str:
        """Name the image's format, such as `image/webp`.

        Raises:
            StoreError: The image is missing.
        """
        return _MIMETYPES[self.path(page_hash).rpartition(".")[2]]

    def path(self, page_hash: str) -> str:
        """Name the image's file, as the file system behind the URL calls it.

        Raises:
            StoreError: The image is missing.
        """
        path = self._find(page_hash)
        if path is None:
            raise _missing(page_hash)
        return path

    def delete(self, page_hashes: Iterable[str]) -> None:
        """Remove images; those that are not there are passed over."""
        for page_hash in page_hashes:
            path = self._find(page_hash)
            if path is not None:
                self._files.rm_file(path)

    def delete_unfinished(self) -> None:
        """Remove half-written files, which killed processes leave; call it while nobody else may write here."""
        if isinstance(self._files, LocalFileSystem):  # elsewhere an object appears when it is complete
            with self._guard:
                for path in Path(self._root).glob(f"*/*{UNFINISHED}"):
                    path.unlink(missing_ok=True)

    def hashes(self) -> set[str]:
        """List the page hashes of all kept images."""
        names = (path.rpartition("/")[2].partition(".") for path in self._found())
        return {stem for stem, _, suffix in names if suffix in _MIMETYPES and _HASH.fullmatch(stem)}

    def size_bytes(self) -> int:
        """Sum up the lengths of all kept images."""
        return sum(int(entry["size"] or 0) for entry in self._found().values())

    def _found(self) -> dict[str, Any]:
        if not self._files.exists(self._root):
            return {}
        found: dict[str, Any] = self._files.find(self._root, detail=True)
        return found

    def _size(self, page_hash: str) -> int:
        path = self._find(page_hash)
        return 0 if path is None else int(self._files.size(path) or 0)

    def _find(self, page_hash: str) -> str | None:
        candidates = (self._path(page_hash, extension) for extension in _MIMETYPES)
        return next((path for path in candidates if self._files.exists(path)), None)

    def _path(self, page_hash: str, extension: str) -> str:
        if not _HASH.fullmatch(page_hash):  # hashes come from requests, too: nothing else may become a path
            raise InvalidInput(f"'{page_hash}' is no page hash; expected 8 to 128 hexadecimal digits")
        return f"{self._root}/{page_hash[:2]}/{page_hash}.{extension}"

    def _write(self, path: str, data: bytes) -> None:
        if isinstance(self._files, LocalFileSystem):
            with self._guard, whole_file(Path(path)) as file:
                file.write(data)
            return
        self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
        self._files.pipe_file(path, data)


def _missing(page_hash: str) -> StoreError:
    return StoreError(f"the image of page {page_hash} is missing; ingest its document again to make it anew")
