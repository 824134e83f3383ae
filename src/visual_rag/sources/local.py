"""Documents in local folders: which files to take, and what identifies each.

for path in list_files([Path("manuals")]):
    document = describe(path)
"""

import glob
import hashlib
import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from visual_rag.errors import AccessDenied, InvalidInput, SourceUnavailable, VisualRagError
from visual_rag.records import Document, make_document_id
from visual_rag.settings import INDEX_LOCK

SUFFIXES = frozenset(".pdf .png .jpg .jpeg .jpe .jfif .webp .tif .tiff .gif .bmp .jp2 .j2k .jpx .avif".split())
_PDF_MARK, _PDF_MARK_WITHIN_BYTES = b"%PDF-", 1024
_HASH_CHUNK_BYTES = 1 << 20
_CLOSED_FOLDER = "may not be read, so nothing in it was; check its permissions"
_URL = re.compile(
    r"([A-Za-z][A-Za-z0-9+.-]+):/+(.*)"
)  # one letter would be a Windows drive; Path keeps one slash of two


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
    when it starts as a PDF does. A path that does not exist is read as a pattern, as a shell reads it: `scans/*.pdf`.

    Raises:
        SourceUnavailable: A path does not exist, and as a pattern it fits nothing.
        InvalidInput: It is a URL.
    """
    seen: set[str] = set()
    for path in paths:
        for listed in _list_one(expanded(path)):
            real = os.path.realpath(listed.path)  # unlike Path.resolve, it lets a loop of links be
            if real not in seen:
                seen.add(real)
                yield listed


def check_sources(paths: Sequence[Path]) -> None:
    """Refuse paths of which one names nothing, or that hold no document between them.

    Raises:
        SourceError: A path does not exist, or may not be looked at.
        InvalidInput: It is a URL, or there is no document in any of them.
    """
    found = [any(listed.is_document for listed in _list_one(expanded(path))) for path in paths]
    if not any(found):
        names = ", ".join(f"'{shown_path(path)}'" for path in paths)
        raise InvalidInput(f"there is no PDF and no image in {names}; name documents, or a folder that holds some")


def check_listed(listed: ListedFile) -> None:
    """Refuse a file that was listed with a problem.

    Raises:
        AccessDenied: It cannot be read.
    """
    if listed.problem:
        name = shown_name(listed.path)
        raise AccessDenied(f"'{name}' {listed.problem}", source=name)


def _list_one(path: Path) -> Iterator[ListedFile]:
    name = shown_path(path)
    try:
        mode = path.stat().st_mode
    except PermissionError as error:
        raise AccessDenied(f"'{name}' may not be read; check its permissions", source=name) from error
    except (OSError, ValueError) as error:  # ValueError: a null byte
        if os.path.islink(path):  # noqa: PTH114  # unlike Path.is_symlink(), it never raises
            yield _listed(path, is_document=True)
            return
        matches = sorted(glob.glob(str(path)))  # noqa: PTH207  # Path.glob takes no absolute pattern
        if not matches:
            raise _not_found(name) from error
        for match in matches:
            yield from _list_one(Path(match))
        return
    if stat.S_ISDIR(mode):
        yield from _walk(path)
    else:
        yield _listed(path, is_document=True)


def _not_found(name: str) -> VisualRagError:
    if url := _URL.fullmatch(name):
        return InvalidInput(
            f"'{url[1]}://{url[2]}' is a URL, and URLs are not supported yet; download it and name the file"
        )
    if glob.escape(name) != name:
        return SourceUnavailable(f"no file is called or fits '{name[:200]}'; name a file or a folder", source=name)
    return SourceUnavailable(f"'{name[:200]}' does not exist; check the spelling", source=name)


def _walk(top: Path) -> Iterator[ListedFile]:
    waiting = [top]  # a list and no recursion: trees may be deeper than Python's stack
    while waiting:
        folder = waiting.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            yield ListedFile(path=folder, problem=_CLOSED_FOLDER)
            continue
        if any(entry.name == INDEX_LOCK for entry in entries):  # an index among the documents: its images are none
            continue
        shown = [entry for entry in entries if not entry.name.startswith(".")]
        folders = [Path(entry.path) for entry in shown if entry.is_dir(follow_symlinks=False)]
        waiting += reversed(folders)
        for entry in shown:
            if not os.path.isdir(entry.path):  # noqa: PTH112  # unlike entry.is_dir(), it never raises
                yield _listed(Path(entry.path), is_document=_looks_like_document(Path(entry.path)))


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
    if not os.path.isfile(path):  # noqa: PTH113  # unlike Path.is_file(), it never raises
        return False
    try:
        with path.open("rb") as file:
            return _PDF_MARK in file.read(_PDF_MARK_WITHIN_BYTES)
    except OSError:
        return False


def expanded(path: Path) -> Path:
    """Replace a leading `~`; one that means nobody stays as it is, and is then not found."""
    try:
        return path.expanduser()
    except RuntimeError:
        return path


def shown_path(path: Path) -> str:
    """Write a path so that it can be shown and stored: names are bytes on most systems, and not always text."""
    return str(path).encode("utf-8", "replace").decode()


def shown_name(path: Path) -> str:
    """The file's name, likewise."""
    return shown_path(Path(path.name))


def source_uri(path: Path) -> str:
    """Write a local path as a URI; links are followed, so one file has one URI."""
    return Path(os.path.realpath(path)).as_uri()


def typed_path(uri: str) -> str:
    """Turn the URI of a local file into a path as one would type it here: relative to the current folder if inside."""
    path, here = Path(unquote(uri.removeprefix("file://"))), Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


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
