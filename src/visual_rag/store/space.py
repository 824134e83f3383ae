"""Room on the disk, asked for before the engine takes it.

The engine writes into sparse files of 32 MB through memory maps, and where such a page finds no room the system ends
the process (SIGBUS), with no error that Python could show. On file systems in memory (tmpfs, `/dev/shm`) even reading
a sparse file takes room, and opening an index reads its vectors in.

Measured with Edge 0.9 on ext4 and tmpfs: writing a batch of 8 MB takes up to 19 MB; opening takes next to nothing on
ext4, and on tmpfs up to 183 MB for 40 pages, once.
"""

import mmap
import os
import shutil
import tempfile
from pathlib import Path

from visual_rag.errors import StoreUnavailable
from visual_rag.store.files import allocated_bytes, walk

MB = 2**20
OPENING_BYTES, WRITING_BYTES, CREATING_IN_MEMORY_BYTES = 1 * MB, 32 * MB, 256 * MB


def check_room(folder: Path, needed_bytes: int, doing: str) -> None:
    """Refuse to go on where the disk is too full.

    Args:
        folder: Of the index.
        needed_bytes: What may be taken.
        doing: What is tried, for the message, such as `writing pages into`.

    Raises:
        StoreUnavailable: There is less.
    """
    free = shutil.disk_usage(folder).free
    if free < needed_bytes:
        raise StoreUnavailable(
            f"{doing} index '{folder.name}' needs about {-(-needed_bytes // MB)} MB free on the disk of its folder, "
            f"{free // MB} MB are there; free space, or put the index on another disk",
            collection=folder.name,
        )


def check_room_to_create(folder: Path) -> None:
    """Refuse a place where the first ingest could not end.

    Raises:
        StoreUnavailable: The disk is too full, or it is memory and too small.
    """
    check_room(folder, WRITING_BYTES, "creating")
    if _reading_takes_room(folder):
        check_room(folder, CREATING_IN_MEMORY_BYTES, "creating")


def check_room_to_open(folder: Path) -> None:
    """Refuse to open an index that would not find the room to be read in.

    Raises:
        StoreUnavailable: The disk is full, or it is memory and too small.
    """
    check_room(folder, OPENING_BYTES, "opening")
    if _reading_takes_room(folder):
        check_room(folder, OPENING_BYTES + _holes_in_vectors(folder), "opening")


def has_room_to_rearrange(folder: Path, held_bytes: int) -> bool:
    """Tell whether an index may be copied inside its folder and opened again, whatever its file system."""
    return shutil.disk_usage(folder).free >= held_bytes + CREATING_IN_MEMORY_BYTES


def _reading_takes_room(folder: Path) -> bool:
    """Tell whether the file system gives memory to the holes of sparse files that are read, by reading one."""
    with tempfile.TemporaryFile(dir=folder) as file:
        file.truncate(mmap.PAGESIZE)
        before = allocated_bytes(os.fstat(file.fileno()))
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            mapped.read(1)
        return allocated_bytes(os.fstat(file.fileno())) > before


def _holes_in_vectors(folder: Path) -> int:
    """Bytes that reading all vectors in would add; the engine keeps them in files called `*.mmap`."""
    vector_files = [status for name, status in walk(folder) if name.endswith(".mmap")]
    return sum(max(0, status.st_size - allocated_bytes(status)) for status in vector_files)
