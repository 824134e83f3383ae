"""Documents in local folders: which files to take, and what identifies each.

for path in list_files([Path("manuals")]):
    document = describe(path)
"""

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from visual_rag.errors import AccessDenied, SourceUnavailable
from visual_rag.records import Document, make_document_id
from visual_rag.settings import INDEX_LOCK

SUFFIXES = frozenset(".pdf .png .jpg .jpeg .jpe .jfif .webp .tif .tiff .gif .bmp .jp2 .j2k .jpx .avif".split())
_PDF_MARK, _PDF_MARK_WITHIN_BYTES = b"%PDF-", 1024
_HASH_CHUNK_BYTES = 1 << 20
_CLOSED_FOLDER = "may not be read, so nothing in it was; check its permissions"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedFile:
    """One file of a source.

    Attributes:
        path: Where it is.
        size_bytes: Its length, 0 where that cannot be told.
        is_document: False for what is passed over: its name and first bytes say it is no document.
        problem: Why it cannot be read, "" where nothing speaks against it.
    """

    path: Path
    size_bytes: int = 0
    is_document: bool = True
    problem: str = ""


def list_files(paths: Iterable[Path]) -> Iterator[ListedFile]:
    """Go through files and folders, folders in depth and in order of name; hidden ones and indexes are left out.

    A file that is named itself is always taken; in a folder a file is taken by its suffix or, without a known one,
    when it starts as a PDF does.

    Raises:
        SourceUnavailable: A path does not exist.
    """
    seen: set[Path] = set()
    for path in paths:
        for listed in _list_one(path.expanduser()):
            resolved = listed.path.resolve()
            if resolved not in seen:
                seen.add(resolved)
                yield listed


def check_listed(listed: ListedFile) -> None:
    """Refuse a file that was listed with a problem.

    Raises:
        AccessDenied: It cannot be read.
    """
    if listed.problem:
        name = shown_name(listed.path)
        raise AccessDenied(f"'{name}' {listed.problem}", source=name)


def _list_one(path: Path) -> Iterator[ListedFile]:
    if path.is_dir():
        yield from _walk(path)
    elif path.exists():
        yield _listed(path, is_document=True)
    else:
        raise SourceUnavailable(f"'{shown_path(path)}' does not exist; check the spelling", source=shown_path(path))


def _walk(folder: Path) -> Iterator[ListedFile]:
    closed: list[OSError] = []
    for parent, folders, names in os.walk(folder, onerror=closed.append):
        if INDEX_LOCK in names:  # an index among the documents: its page images are none
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(parent) / name
            if not name.startswith("."):
                yield _listed(path, is_document=_looks_like_document(path))
    for error in closed:
        yield ListedFile(path=Path(error.filename), problem=_CLOSED_FOLDER)


def _listed(path: Path, *, is_document: bool) -> ListedFile:
    try:
        status = path.stat()
    except OSError as error:
        return ListedFile(path=path, is_document=is_document, problem=f"cannot be read: {error.strerror}")
    if not stat.S_ISREG(status.st_mode):
        return ListedFile(path=path, is_document=is_document, problem="is no regular file")
    return ListedFile(path=path, size_bytes=status.st_size, is_document=is_document)


def _looks_like_document(path: Path) -> bool:
    if path.suffix.lower() in SUFFIXES:
        return True
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            return _PDF_MARK in file.read(_PDF_MARK_WITHIN_BYTES)
    except OSError:
        return False


def shown_path(path: Path) -> str:
    """Write a path so that it can be shown and stored: names are bytes on most systems, and not always text."""
    return str(path).encode("utf-8", "replace").decode()


def shown_name(path: Path) -> str:
    """The file's name, likewise."""
    return shown_path(Path(path.name))


def source_uri(path: Path) -> str:
    """Write a local path as a URI; links are followed, so one file has one URI."""
    return path.resolve().as_uri()


def describe(path: Path) -> Document:
    """Read a file through and say what identifies it.

    Raises:
        AccessDenied: The file may not be read.
        SourceUnavailable: It is gone.
    """
    digest, name = hashlib.sha256(), shown_name(path)
    try:
        with path.open("rb") as file:
            while chunk := file.read(_HASH_CHUNK_BYTES):
                digest.update(chunk)
            size_bytes = file.tell()
    except PermissionError as error:
        raise AccessDenied(f"'{name}' may not be read; check its permissions", source=name) from error
    except OSError as error:
        raise SourceUnavailable(f"'{name}' cannot be read: {error.strerror}", source=name) from error
    uri = source_uri(path)
    return Document(
        document_id=make_document_id(uri),
        source_uri=uri,
        name=name,
        content_hash=digest.hexdigest(),
        size_bytes=size_bytes,
    )
