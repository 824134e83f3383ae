"""Documents in local folders: which files to take, and what identifies each.

for path in list_files([Path("manuals")]):
    document = describe(path)
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from visual_rag.errors import AccessDenied, SourceUnavailable
from visual_rag.records import Document, make_document_id

SUFFIXES = frozenset(
    ".pdf .png .jpg .jpeg .jpe .jfif .webp .tif .tiff .gif .bmp .jp2 .j2k .jpx .avif".split()  # a list to read
)
_PDF_MARK, _PDF_MARK_WITHIN_BYTES = b"%PDF-", 1024
_HASH_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class ListedFile:
    """One file of a source. `is_document` is False for what is passed over: its name and first bytes say it is none."""

    path: Path
    size_bytes: int
    is_document: bool


def list_files(paths: Iterable[Path]) -> Iterator[ListedFile]:
    """Go through files and folders, folders in depth and in order of name, hidden ones left out.

    A file that is named itself is always taken; in a folder a file is taken by its suffix or, without a known one,
    when it starts as a PDF does.

    Raises:
        SourceUnavailable: A path does not exist.
        AccessDenied: A folder that was named may not be read.
    """
    seen: set[Path] = set()
    for path in paths:
        for listed in _list_one(path):
            resolved = listed.path.resolve()
            if resolved not in seen:
                seen.add(resolved)
                yield listed


def _list_one(path: Path) -> Iterator[ListedFile]:
    if path.is_dir():
        if not os.access(path, os.R_OK | os.X_OK):
            raise AccessDenied(f"folder '{path}' may not be read; check its permissions", source=str(path))
        yield from _walk(path)
    elif path.exists():
        yield ListedFile(path, path.stat().st_size, is_document=True)
    else:
        raise SourceUnavailable(f"'{path}' does not exist; check the spelling", source=str(path))


def _walk(folder: Path) -> Iterator[ListedFile]:
    for parent, folders, names in os.walk(folder, followlinks=False):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(parent) / name
            if not name.startswith(".") and path.is_file():
                yield ListedFile(path, path.stat().st_size, is_document=_looks_like_document(path))


def _looks_like_document(path: Path) -> bool:
    if path.suffix.lower() in SUFFIXES:
        return True
    try:
        with path.open("rb") as file:
            return _PDF_MARK in file.read(_PDF_MARK_WITHIN_BYTES)
    except OSError:
        return False


def source_uri(path: Path) -> str:
    """Write a local path as a URI; links are followed, so one file has one URI."""
    return path.resolve().as_uri()


def describe(path: Path) -> Document:
    """Read a file through and say what identifies it.

    Raises:
        AccessDenied: The file may not be read.
        SourceUnavailable: It is gone.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_HASH_CHUNK_BYTES):
                digest.update(chunk)
            size_bytes = file.tell()
    except PermissionError as error:
        raise AccessDenied(f"'{path.name}' may not be read; check its permissions", source=str(path)) from error
    except OSError as error:
        raise SourceUnavailable(f"'{path.name}' cannot be read: {error.strerror}", source=str(path)) from error
    uri = source_uri(path)
    return Document(
        document_id=make_document_id(uri),
        source_uri=uri,
        name=path.name.encode("utf-8", "replace").decode(),  # a name that is no text still has to be shown
        content_hash=digest.hexdigest(),
        size_bytes=size_bytes,
    )
