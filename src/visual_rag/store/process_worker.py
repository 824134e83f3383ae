"""The search process: owns the `EdgeStore` of one folder, serves one call after the other, and ends with its parent.

Started by `process_handle`, never imported by it. It takes no part in Ctrl-C or in a polite `kill`, which a terminal
or a service manager sends to whole groups: the parent decides when it is done. Calls that were asked for before a
parent died may still be carried out; then the index is closed.
"""

import os
import pickle
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import closing
from itertools import count, islice
from typing import Any, BinaryIO

from visual_rag.errors import StoreError, VisualRagError
from visual_rag.store.edge import EdgeStore
from visual_rag.store.process_channel import (
    Answer,
    Call,
    Failure,
    More,
    Opening,
    Part,
    packed,
    read_message,
    unpacked,
    unsendable,
    write_message,
)
from visual_rag.store.protocol import PageStore

_PART_ITEMS = 256  # a few milliseconds, so that a search between two parts does not wait long
_LOOK_S = 1.0


def main(parent_pid: int) -> None:
    """Open an index, say so, and serve calls until the parent closes the pipe or is gone.

    Args:
        parent_pid: Who started this process.
    """
    requests, replies = _claim_pipes()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    is_ending = threading.Event()
    threading.Thread(target=_end_with, args=(parent_pid, is_ending), daemon=True).start()
    try:
        _serve(requests, replies, is_ending)
    except OSError:  # nobody reads our replies; the index was closed on the way out
        is_ending.set()


def _serve(requests: BinaryIO, replies: BinaryIO, is_ending: threading.Event) -> None:
    message = read_message(requests)
    if message is None:
        return
    try:
        store = _opened(unpacked(message))
    except Exception as error:  # noqa: BLE001  # the parent raises it
        write_message(replies, packed(Failure(error=_sendable(error))))
        return
    with closing(store):
        write_message(replies, packed(Answer(value=store.passport)))
        desk = _Desk(store)
        while (message := read_message(requests)) is not None:
            write_message(replies, desk.reply_to(message))
        is_ending.set()


def _opened(opening: Opening) -> EdgeStore:
    sys.argv = list(opening.program)
    if opening.passport is None:
        return EdgeStore.open(opening.folder)
    return EdgeStore.create(opening.folder, opening.passport)


class _Desk:
    """Carries out calls on a store, and keeps the iterators that are being read."""

    def __init__(self, store: PageStore) -> None:
        self._store = store
        self._streams: dict[int, Iterator[Any]] = {}
        self._numbers = count()

    def reply_to(self, message: bytes) -> bytes:
        """Carry out what one message asks for."""
        try:
            return packed(Answer(value=self._value_of(_understood(message))))
        except Exception as error:  # noqa: BLE001  # the parent raises it
            return packed(Failure(error=_sendable(error)))

    def _value_of(self, request: Call | More) -> Any:
        for stream in request.forgotten:
            self._streams.pop(stream, None)
        if isinstance(request, More):
            return self._part(request.stream)
        value = getattr(self._store, request.method)(*request.arguments)
        if not isinstance(value, Iterator):
            return value
        stream = next(self._numbers)
        self._streams[stream] = value
        return self._part(stream)

    def _part(self, stream: int) -> Part:
        items = list(islice(self._streams[stream], _PART_ITEMS))
        if len(items) == _PART_ITEMS:
            return Part(items=items, stream=stream)
        del self._streams[stream]
        return Part(items=items, stream=None)


def _understood(message: bytes) -> Call | More:
    try:
        request: Call | More = unpacked(message)
    except Exception as error:  # whatever the types of the user's values raise
        raise unsendable(error) from error
    return request


def _sendable(error: Exception) -> Exception:
    """Give the error itself, with where it happened when it is none of ours, or its text where it cannot be sent."""
    if isinstance(error, VisualRagError):
        return error
    error.add_note("".join(["in the search process:\n", *traceback.format_exception(error)]))
    try:
        unpacked(pickle.dumps(error))
    except Exception:  # noqa: BLE001  # whatever its class raises
        return StoreError(f"the search process failed: {type(error).__name__}: {error}")
    return error


def _claim_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Take stdin and stdout for messages, so that nothing else reads or prints there."""
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1):
        os.dup2(null, descriptor)
    os.close(null)
    return requests, replies


def _end_with(parent_pid: int, is_ending: threading.Event) -> None:
    """End when the parent is gone and a process that it forked still holds the pipe, which then never ends."""
    while os.getppid() == parent_pid:
        time.sleep(_LOOK_S)
    if not is_ending.is_set():
        os._exit(1)  # as good as a kill: what was written is kept
