"""What the parent and its search process say to each other, and how it goes over a pipe.

Each message is a pickle with its length in front, so that one that cannot be read costs that message and not the
conversation. Both ends are the same program under the same user, so unpickling gives neither a power that it does not
have already. Arrays go inside the pickle: 9 MB of them, 24 pages, were packed in 1 ms and read in 0.7 ms.
"""

import io
import pickle
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from visual_rag.errors import InvalidInput
from visual_rag.passport import IndexPassport

_LENGTH = struct.Struct("<Q")
_OURS = "visual_rag."


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """Parent to child, once: open this index; the answer is its passport.

    Attributes:
        folder: Absolute.
        passport: Of an index that is to be created; None opens one that is there.
        program: `sys.argv` of the parent: who holds an index is told by the name that its user knows.
    """

    folder: Path
    passport: IndexPassport | None
    program: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Parent to child: call this member of `PageStore`; where it gives an iterator, the answer is a `Part`.

    Attributes:
        method: Its name.
        arguments: By position.
        forgotten: Streams that nobody reads any more.
    """

    method: str
    arguments: tuple[Any, ...]
    forgotten: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class More:
    """Parent to child: the next `Part` of a stream."""

    stream: int
    forgotten: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Some items of an iterator, and the number by which to ask for more; None where these are the last."""

    items: list[Any]
    stream: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Child to parent: what the call returned."""

    value: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Child to parent: what the call raised."""

    error: Exception


Request = Opening | Call | More
Reply = Answer | Failure


class _Pickler(pickle.Pickler):
    """Sends values of the user's own types as the plain text, number, list or mapping that stores take them for.

    The child could not read them otherwise: it does not run the user's program, which may define them.
    """

    def reducer_override(self, value: Any) -> Any:
        if type(value).__module__.startswith(_OURS):
            return NotImplemented
        if isinstance(value, str):
            return str, (str.__str__(value),)  # str() would give the name of an enum's member
        if isinstance(value, int):
            return int, (int.__int__(value),)
        if isinstance(value, float):
            return float, (float.__float__(value),)
        if isinstance(value, list | Mapping):
            plain = list if isinstance(value, list) else dict
            return plain, (plain(value),)
        return NotImplemented


def packed(message: Request | Reply) -> bytes:
    """Turn a message into bytes.

    Raises:
        InvalidInput: A value of it cannot be sent.
    """
    buffer = io.BytesIO()
    try:
        _Pickler(buffer, protocol=5).dump(message)
    except (pickle.PicklingError, AttributeError, TypeError, RecursionError) as error:
        raise unsendable(error) from error
    return buffer.getvalue()


def unsendable(error: Exception) -> InvalidInput:
    """Make the error of a value that cannot go from one process to the other."""
    return InvalidInput(
        f"a value cannot be handed to the search process ({error}); use text, numbers, truth values, lists and "
        "mappings of such"
    )


def unpacked(data: bytes) -> Any:
    """Read back what `packed` made: a `Request` or a `Reply` by the end of the pipe."""
    return pickle.loads(data)  # noqa: S301  # written by our own other end, see the module docstring


def write_message(stream: IO[bytes], data: bytes) -> None:
    """Send one message; OSError when the other side is gone."""
    stream.write(_LENGTH.pack(len(data)))
    stream.write(data)
    stream.flush()


def read_message(stream: IO[bytes]) -> bytes | None:
    """Wait for one message, other threads running meanwhile; None when the other side is gone."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    length = _LENGTH.unpack(head)[0]
    data = stream.read(length)
    return data if len(data) == length else None
