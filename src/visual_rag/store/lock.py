"""One opener of an index folder at a time, and a name for who holds it.

    lock = FolderLock(folder / "visual_rag.lock", index="manuals")
    lock.release()

The lock is the operating system's (`flock`), so it ends with its process however that ends; the file's content only
says who to ask. Where there is no `flock` (Windows, some network drives) the engine's own lock is what remains.
"""

import os
import re
import sys
from contextlib import suppress
from pathlib import Path

from visual_rag.errors import StoreError, StoreLocked

if sys.platform != "win32":
    import fcntl

_PLAIN_WORD = re.compile(r"[a-z][a-z-]*")


class FolderLock:
    """Holds a lock file from construction until `release`."""

    def __init__(self, path: Path, *, index: str) -> None:
        """Take the lock.

        Args:
            path: The lock file; made when it is missing.
            index: The index's name, for messages.

        Raises:
            StoreLocked: Somebody has it; the message says who.
        """
        self._path, self._index = path, index
        self._file: int | None = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _take(self._file)
        except BlockingIOError as error:
            holder = os.read(self._file, 200).decode("utf-8", errors="replace").strip()
            os.close(self._file)
            raise StoreLocked(locked_message(index, holder), collection=index) from error
        with suppress(OSError):  # on a full disk nobody can read who holds it, and that is all
            os.ftruncate(self._file, 0)
            os.write(self._file, f"{os.getpid()} {_program()}\n".encode())

    def check_in_place(self) -> None:
        """Refuse to go on where the locked folder is no longer found under its name.

        Raises:
            StoreError: It was moved, deleted or replaced: what is written would be lost, or land elsewhere.
        """
        if self._file is None or not self._is_in_place(self._file):
            raise StoreError(
                f"the folder of index '{self._index}' was moved, deleted or replaced while the index was open, and "
                "nothing more is written to it; close the index and open it where its folder is now",
                collection=self._index,
            )

    def release(self) -> None:
        """Give the lock back; a second call does nothing."""
        if self._file is None:
            return
        if sys.platform != "win32":
            fcntl.flock(self._file, fcntl.LOCK_UN)  # a forked child may hold the same file open
        os.close(self._file)
        self._file = None

    def _is_in_place(self, file: int) -> bool:
        try:
            return os.path.samestat(os.fstat(file), self._path.stat())
        except (FileNotFoundError, NotADirectoryError):
            return False


def locked_message(index: str, holder: str) -> str:
    """Say who holds an index and what to do; `holder` is `<pid> <program>`, or empty where it is not known."""
    pid, _, program = holder.partition(" ")
    if pid == str(os.getpid()):
        who = "this process itself"
    else:
        who = f"process {pid} ({program or 'unknown program'})" if pid else "another process"
    return (
        f"index '{index}' is open in {who}, and an index has one opener at a time. "
        "Close it there, or wait until it is done"
    )


def _take(file: int) -> None:
    if sys.platform == "win32":
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:  # a file system without locks: the engine's own is what remains
        return


def _program() -> str:
    """Name this program as its user would; arguments may be secret or private, so only a leading plain word is kept."""
    name = Path(sys.argv[0] or "python").name
    first = sys.argv[1] if len(sys.argv) > 1 else ""
    return f"{name} {first}" if _PLAIN_WORD.fullmatch(first) else name
