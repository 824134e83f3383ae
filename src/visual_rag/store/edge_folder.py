"""The folder of an embedded index: its parts, who may create in it, who may open it.

- `pages/` and `documents/`: the engine's shards; the passport is a point of the second.
- `rows/`: copies of the vectors that Python reads quickly, see `rows.py`.
- `visual_rag.lock`: held while the index is open, see `lock.py`.
- `visual_rag.creating`: lies there from the first moment of a creation to its last. An index is whole without it; a
  creation that was killed is known by it, and only then is anything ever removed here.
"""

import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import qdrant_edge as edge

from visual_rag.errors import CollectionNotFound, StoreError
from visual_rag.passport import IndexPassport
from visual_rag.settings import INDEX_LOCK
from visual_rag.store.edge_engine import create_documents, create_pages
from visual_rag.store.lock import FolderLock
from visual_rag.store.space import check_room_to_create, check_room_to_open

PAGES, DOCUMENTS, ROWS = "pages", "documents", "rows"
_CONFIGS = tuple(f"{part}/edge_config.json" for part in (PAGES, DOCUMENTS))
CREATING = "visual_rag.creating"
_NEIGHBOURS = frozenset({INDEX_LOCK, "images"})  # what may lie in a folder before an index is created there


class Shards(NamedTuple):
    """The two parts of the engine that make one index."""

    pages: edge.EdgeShard
    documents: edge.EdgeShard


def claim(folder: Path, passport: IndexPassport, undo: ExitStack) -> tuple[FolderLock, Shards]:
    """Lock a folder and make empty shards in it; `finish_creation` makes them an index.

    Raises:
        StoreError: The folder holds an index or files that are none of ours.
        StoreLocked: Somebody is creating or using an index there.
        StoreUnavailable: The disk is too full.
    """
    _check_claimable(folder)
    folder.mkdir(parents=True, exist_ok=True)
    lock = FolderLock(folder / INDEX_LOCK, index=folder.name)
    undo.callback(lock.release)
    _check_claimable(folder)  # again, now that nobody else can be creating
    check_room_to_create(folder)
    (folder / CREATING).touch()
    for part in (PAGES, DOCUMENTS, ROWS):
        shutil.rmtree(folder / part, ignore_errors=True)
    pages = create_pages(folder / PAGES, passport)
    undo.callback(pages.close)
    documents = create_documents(folder / DOCUMENTS)
    undo.callback(documents.close)
    return lock, Shards(pages, documents)


def finish_creation(folder: Path, shards: Shards) -> None:
    """Bring a new index to disk and declare it whole."""
    for shard in shards:
        shard.flush()
    (folder / CREATING).unlink()


def enter(folder: Path, undo: ExitStack) -> tuple[FolderLock, Shards]:
    """Lock an index and load its shards.

    Raises:
        CollectionNotFound: There is none, or its creation broke off.
        StoreLocked: Somebody has it open.
    """
    _check_is_index(folder)
    lock = FolderLock(folder / INDEX_LOCK, index=folder.name)
    undo.callback(lock.release)
    _check_is_index(folder)  # again: it may have been in creation a moment ago
    shards = load_shards(folder)
    undo.callback(close_shards, shards)
    return lock, shards


def load_shards(folder: Path) -> Shards:
    """Load both shards, or neither.

    Raises:
        StoreUnavailable: The disk is too full.
    """
    check_room_to_open(folder)
    with ExitStack() as undo:
        pages = edge.EdgeShard.load(str(folder / PAGES))
        undo.callback(pages.close)
        documents = edge.EdgeShard.load(str(folder / DOCUMENTS))
        undo.pop_all()
    return Shards(pages, documents)


def close_shards(shards: Shards) -> None:
    """Bring both shards to disk and release them, whatever fails."""
    with ExitStack() as always:
        for shard in shards:
            always.callback(shard.close)
        for shard in shards:
            shard.flush()


def _holds_index(folder: Path) -> bool:
    """Tell whether an index lies in a folder.

    Raises:
        StoreError: Parts of one do, and others are gone.
    """
    missing = [name for name in _CONFIGS if not (folder / name).exists()]
    if not missing:
        return True
    if (folder / INDEX_LOCK).exists() and any((folder / part).exists() for part in (PAGES, DOCUMENTS, ROWS)):
        raise damaged(folder, f"'{missing[0]}' is missing")
    return False


def damaged(folder: Path, what: str) -> StoreError:
    """Make the error of an index whose files are not as they were left."""
    return StoreError(
        f"index '{folder.name}' is damaged: {what}; restore its folder from a copy, or delete it and ingest the "
        "documents again",
        collection=folder.name,
    )


def _check_claimable(folder: Path) -> None:
    """Refuse to create over an index or over somebody's files."""
    if not folder.exists() or (folder / CREATING).exists():
        return
    if not folder.is_dir():
        raise StoreError(f"'{folder.name}' is a file; name a folder for the index", collection=folder.name)
    if _holds_index(folder):
        raise StoreError(
            f"folder '{folder.name}' already holds an index; open it, or name another folder", collection=folder.name
        )
    foreign = sorted(entry.name for entry in folder.iterdir() if entry.name not in _NEIGHBOURS)
    if foreign:
        raise StoreError(
            f"folder '{folder.name}' holds files that are no index ('{foreign[0]}'); name an empty or a new folder",
            collection=folder.name,
        )


def _check_is_index(folder: Path) -> None:
    if (folder / CREATING).exists():
        raise CollectionNotFound(
            f"the creation of index '{folder.name}' broke off, or is still going on; create it again",
            collection=folder.name,
        )
    if not _holds_index(folder):
        raise CollectionNotFound(
            f"there is no index in '{folder.name}'; ingest documents into it first, or check the name",
            collection=folder.name,
        )
