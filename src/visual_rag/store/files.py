"""Files that are there whole or not at all, what a killed process leaves of them, and what a folder takes on disk.

with whole_file(path) as file:
    file.write(data)
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

UNFINISHED = ".part"


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """Write a file under another name in the same folder, which is made, and give it its own when all went well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=UNFINISHED, delete=False) as file:
        try:
            yield file.file
            file.close()
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


def size_on_disk(folder: Path) -> int:
    """Bytes that the files under a folder take; a sparse file counts with what it really takes."""
    return sum(allocated_bytes(status) for _, status in walk(folder))


def allocated_bytes(status: os.stat_result) -> int:
    """Bytes that one file takes."""
    return int(getattr(status, "st_blocks", -(-status.st_size // 512))) * 512


def walk(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Go through all files under a folder, by name; those that are removed meanwhile are passed over."""
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                yield name, (Path(parent) / name).lstat()
            except FileNotFoundError:
                continue
