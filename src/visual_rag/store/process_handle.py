"""The parent's hold on one search process: start it, ask it, notice its end.

One thread carries messages, a request and its reply at a time. So callers are served in the order they came, no signal
breaks a message in half, and all that a caller does is wait, which keeps nobody from the interpreter's lock.
"""

import os
import queue
import signal
import subprocess
import sys
import threading
from collections import deque
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any

from visual_rag.passport import IndexPassport
from visual_rag.store.process_channel import (
    Call,
    Failure,
    More,
    Opening,
    Reply,
    Request,
    packed,
    read_message,
    unpacked,
    write_message,
)

_PROGRAM = """
import sys
sys.path.append(sys.argv[1])
from visual_rag.store.process_worker import main
main(int(sys.argv[2]))
"""
_PACKAGE_PARENT = Path(__file__).parents[2]
_EXIT_TIMEOUT_S = 30.0  # it may be bringing writes to disk
_MEMORY_HINT = " (which is also how a system ends a process when memory runs out)"


class ProcessEnded(Exception):
    """The process ended before it had answered; the text says how."""


class SearchProcess:
    """One search process and the index that it has open.

    Attributes:
        passport: Of the index.
        has_answered: Whether a call was ever answered.
    """

    def __init__(self, opening: Opening) -> None:
        """Start a process and wait until it has opened, or created, the index.

        Raises:
            ProcessEnded: It did not live to say so.
            Exception: What opening raised.
        """
        self.has_answered = False
        self._requests: queue.SimpleQueue[tuple[bytes, Future[bytes]] | None] = queue.SimpleQueue()
        self._forgotten: deque[int] = deque()
        self._guard = threading.Lock()
        self._end = ""  # how it ended
        # -P keeps the user's working folder, with whatever file called queue.py it holds, off the import path.
        self._process = subprocess.Popen(  # noqa: S603  # our own program
            [sys.executable, "-P", "-c", _PROGRAM, str(_PACKAGE_PARENT), str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for us; we end the process
        )
        self._carrier = threading.Thread(target=self._carry, name="search-process", daemon=True)
        self._carrier.start()
        try:
            self.passport: IndexPassport = self._ask(opening)
        except BaseException:
            self.finish()
            raise
        self.has_answered = False

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def has_ended(self) -> bool:
        """Tell whether the process is gone; then `how_it_ended` says how."""
        if self._process.poll() is None:
            return False
        self.finish()
        return True

    @property
    def how_it_ended(self) -> str:
        """For messages, such as `by SIGKILL`; "" while it lives."""
        return self._end

    def call(self, method: str, *arguments: Any) -> Any:
        """Call a member of the store.

        Returns:
            What it returned; a `Part` where that is an iterator.

        Raises:
            ProcessEnded: The process ended before it had answered.
            Exception: What the member raised.
        """
        return self._ask(Call(method=method, arguments=arguments, forgotten=self._newly_forgotten()))

    def more(self, stream: int) -> Any:
        """Ask for the next `Part` of a stream; raises as `call` does."""
        return self._ask(More(stream=stream, forgotten=self._newly_forgotten()))

    def forget(self, stream: int) -> None:
        """Let the process know, with the next call, that nobody reads this stream any more.

        Only takes note, since it may run wherever a generator is collected.
        """
        self._forgotten.append(stream)

    def finish(self) -> None:
        """Let the process close the index and end, and wait until it is gone."""
        self.release()
        self._carrier.join()

    def release(self) -> None:
        """Likewise, without waiting."""
        self._requests.put(None)

    def _newly_forgotten(self) -> tuple[int, ...]:
        return tuple(self._forgotten.popleft() for _ in range(len(self._forgotten)))

    def _ask(self, request: Request) -> Any:
        message = packed(request)
        future: Future[bytes] = Future()
        with self._guard:
            if self._end:
                raise ProcessEnded(self._end)
            self._requests.put((message, future))
        reply: Reply = unpacked(future.result())
        if isinstance(reply, Failure):
            raise reply.error
        return reply.value

    def _carry(self) -> None:
        """Send requests and hand out replies, until there is nothing more to ask or nobody to answer."""
        unanswered = None
        while (request := self._requests.get()) is not None:
            message, unanswered = request
            reply = self._exchange(message)
            if reply is None:
                break
            self.has_answered = True
            unanswered.set_result(reply)
            unanswered = None
        self._bury(unanswered)

    def _exchange(self, message: bytes) -> bytes | None:
        if self._process.stdin is None or self._process.stdout is None:  # cannot be: both are pipes
            return None
        try:
            write_message(self._process.stdin, message)
            return read_message(self._process.stdout)
        except OSError:
            return None

    def _bury(self, unanswered: "Future[bytes] | None") -> None:
        """Wait for the end, so that the index's lock is free, and tell all who wait for an answer."""
        if self._process.stdin is not None:
            with suppress(OSError):  # unsent bytes of a request
                self._process.stdin.close()
        try:
            self._process.wait(_EXIT_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        with self._guard:
            self._end = _manner(self._process.returncode)
            waiting = [] if unanswered is None else [unanswered]
            with suppress(queue.Empty):
                while True:
                    request = self._requests.get_nowait()
                    waiting += [] if request is None else [request[1]]
        for future in waiting:
            future.set_exception(ProcessEnded(self._end))


def _manner(return_code: int) -> str:
    if return_code >= 0:
        return f"with exit code {return_code}"
    try:
        name = signal.Signals(-return_code).name
    except ValueError:
        name = f"signal {-return_code}"
    return f"by {name}{_MEMORY_HINT if name == 'SIGKILL' else ''}"
