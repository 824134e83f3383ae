"""The open shards of one embedded index: one thread at a time, the engine's errors in ours, released once.

with session.writing("writing pages into") as shards:
    shards.pages.update(operation)
"""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Literal

import qdrant_edge as edge

from visual_rag.errors import StoreError
from visual_rag.store.edge_engine import translating
from visual_rag.store.edge_folder import DOCUMENTS, PAGES, Shards, close_shards, damaged, load_shards
from visual_rag.store.files import size_on_disk
from visual_rag.store.lock import FolderLock
from visual_rag.store.space import WRITING_BYTES, check_room, has_room_to_rearrange

_SCROLL_ROWS = 256


class EdgeSession:
    """Holds the folder's lock and its shards until it is closed."""

    def __init__(self, folder: Path, lock: FolderLock, shards: Shards) -> None:
        self.folder = folder
        self.shards: Shards | None = shards
        self._lock = lock
        self._guard = threading.RLock()  # so that no thread meets the shards while `rearrange` opens them again

    @contextmanager
    def using(self, doing: str) -> Iterator[Shards]:
        """Give the shards to one thread at a time: no loss, since the engine holds the interpreter's lock anyway."""
        with self._guard, translating(self.folder, doing):
            if self.shards is None:
                raise StoreError(f"index '{self.folder.name}' is closed; open it again", collection=self.folder.name)
            yield self.shards

    @contextmanager
    def writing(self, doing: str) -> Iterator[Shards]:
        """Likewise, for what writes: into the folder that was opened, and only where the engine finds room."""
        with self.using(doing) as shards:
            self._lock.check_in_place()
            check_room(self.folder, WRITING_BYTES, doing)
            yield shards

    def scroll(
        self, part: Literal["pages", "documents"], condition: edge.Filter | None, *, with_payload: Any
    ) -> Iterator[edge.Record]:
        """Go through the points of one shard; others may come in between."""
        offset = None
        while True:
            with self.using("reading") as shards:
                request = edge.ScrollRequest(
                    offset=offset, limit=_SCROLL_ROWS, filter=condition, with_payload=with_payload, with_vector=False
                )
                rows, offset = (shards.pages if part == "pages" else shards.documents).scroll(request)
            yield from rows
            if offset is None:
                return

    def rearrange(self, shards: Shards) -> None:
        """Merge what was written, give back the space of what was deleted, and bring everything to disk.

        The engine frees space only when it is closed, so a shard that was rearranged is opened again; for that moment
        it takes twice its space. Where the disk has no room for that, it waits for the next time.
        """
        held_bytes = sum(size_on_disk(self.folder / part) for part in (PAGES, DOCUMENTS))
        has_room = has_room_to_rearrange(self.folder, held_bytes)
        is_rearranged = [shard.optimize() for shard in shards] if has_room else []
        for shard in shards:
            shard.flush()
        if any(is_rearranged):
            self.shards = None
            close_shards(shards)
            self.shards = load_shards(self.folder)

    def close(self) -> None:
        """Release the index. A second call does nothing.

        Raises:
            StoreError: The last writes could not be brought to disk, such as when the folder was deleted meanwhile.
        """
        with self._guard, ExitStack() as always:
            always.callback(self._lock.release)
            shards, self.shards = self.shards, None
            if shards is not None:
                with translating(self.folder, "closing"):
                    self._close_shards(shards)

    def _close_shards(self, shards: Shards) -> None:
        try:
            close_shards(shards)
        except Exception:  # the engine has no class for it
            self._lock.check_in_place()
            raise

    def payload(self, row: edge.Record) -> dict[str, Any]:
        """Read the payload of a point that has one.

        Raises:
            StoreError: It is gone.
        """
        if not row.payload:
            raise damaged(self.folder, f"the record of page {row.id} is gone")
        return row.payload
