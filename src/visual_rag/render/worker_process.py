"""The parent's hold on one worker process: start, send, receive with a time limit, kill."""

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import BinaryIO

from visual_rag.errors import VisualRagError
from visual_rag.render.channel import Job, Ready, RenderedPage, Reply, read_message, write_message

LOOK_AHEAD_BYTES = 32 * 2**20
"""Replies that wait in the parent, about eight pages; the worker pauses when they are not fetched."""
_START_TIMEOUT_S = 120.0
_EXIT_TIMEOUT_S = 10.0

_PROGRAM = """
import sys
sys.path.append(sys.argv[1])
from visual_rag.render.worker import main
main(memory_bytes=int(sys.argv[2]))
"""
_PACKAGE_PARENT = Path(__file__).parents[2]
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # each further thread of a library costs memory


class _Replies(queue.Queue["Reply | None"]):
    """A queue that is full by bytes and not by items: a page may have four megabytes, or a hundred."""

    def _init(self, maxsize: int) -> None:
        super()._init(maxsize)
        self._n_bytes = 0

    def _qsize(self) -> int:
        return self._n_bytes

    def _put(self, item: Reply | None) -> None:
        super()._put(item)
        self._n_bytes += _n_bytes(item)

    def _get(self) -> Reply | None:
        item = super()._get()
        self._n_bytes -= _n_bytes(item)
        return item


def _n_bytes(item: Reply | None) -> int:
    """At least one, so that what is no page is something to wait for, too."""
    return len(item.rgb) if isinstance(item, RenderedPage) else 1


class WorkerTimedOut(Exception):
    """No reply came within the time given; the worker is still running."""


class WorkerDied(Exception):
    """The worker ended.

    Attributes:
        signal_name: What ended it, such as `SIGSEGV`; "" where the platform does not say.
    """

    def __init__(self, signal_name: str) -> None:
        super().__init__(signal_name)
        self.signal_name = signal_name


class WorkerProcess:
    """One worker, started when it is first needed and again after it was closed.

    Args:
        memory_bytes: What the process may allocate.
    """

    def __init__(self, *, memory_bytes: int) -> None:
        self._memory_bytes = memory_bytes
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._replies: queue.Queue[Reply | None] = _Replies(LOOK_AHEAD_BYTES)
        self._is_ready = False

    @property
    def is_running(self) -> bool:
        """Whether a process is there that may have served documents before."""
        return self._process is not None and self._process.poll() is None

    def send(self, job: Job) -> None:
        """Give the worker a job, starting a process where there is none."""
        if not self.is_running:
            self._start()
        process = self._process
        if process is None or process.stdin is None:  # cannot be: _start has set both
            raise VisualRagError("the render worker could not be started")
        with contextlib.suppress(OSError):  # it died since; receive() will say so
            write_message(process.stdin, job)  # type: ignore[arg-type]

    def receive(self, timeout_s: float) -> Reply:
        """Wait for the next reply.

        Args:
            timeout_s: Seconds, not counting the start of the process.

        Raises:
            WorkerTimedOut: Nothing came in time.
            WorkerDied: The process ended.
            VisualRagError: The process could not be started.
        """
        if not self._is_ready:
            self._wait_until_ready()
        try:
            reply = self._replies.get(timeout=timeout_s)
        except queue.Empty:
            raise WorkerTimedOut from None
        if reply is None:
            raise WorkerDied(self._signal_name())
        return reply

    def close(self) -> None:
        """Kill the process, if any, and wait until it is gone."""
        process, self._process, self._is_ready = self._process, None, False
        if process is None:
            return
        _kill(process)
        while self._reader is not None and self._reader.is_alive():  # it may be waiting for room in the queue
            with contextlib.suppress(queue.Empty):
                self._replies.get_nowait()
            self._reader.join(0.01)
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):  # unsent bytes of a job
                    stream.close()

    def _start(self) -> None:
        self.close()
        self._replies = _Replies(LOOK_AHEAD_BYTES)
        # -P keeps the user's working folder, with whatever file called queue.py it holds, off the import path.
        self._process = subprocess.Popen(  # noqa: S603  # our own program
            [sys.executable, "-P", "-c", _PROGRAM, str(_PACKAGE_PARENT), str(self._memory_bytes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | _ONE_THREAD,
            start_new_session=True,  # Ctrl-C is for us; we end the workers
        )
        self._reader = threading.Thread(
            target=_read_replies, args=(self._process.stdout, self._replies), name="render-reader", daemon=True
        )
        self._reader.start()

    def _wait_until_ready(self) -> None:
        try:
            reply = self._replies.get(timeout=_START_TIMEOUT_S)
        except queue.Empty:
            self.close()
            raise VisualRagError(f"the render worker did not start within {_START_TIMEOUT_S:g} s") from None
        if not isinstance(reply, Ready):
            complaint = self._complaint()
            self.close()
            raise VisualRagError(f"the render worker could not start: {complaint}")
        self._is_ready = True

    def _complaint(self) -> str:
        """The last line that a worker which did not start has printed."""
        if self._process is None or self._process.stderr is None:
            return "no process"
        printed = self._process.stderr.read().decode(errors="replace").strip()
        return printed.splitlines()[-1] if printed else f"no message ({self._signal_name() or 'it just ended'})"

    def _signal_name(self) -> str:
        if self._process is None:
            return ""
        try:
            return_code = self._process.wait(_EXIT_TIMEOUT_S)
        except subprocess.TimeoutExpired:  # closed its pipe but lives on
            return ""
        try:
            return signal.Signals(-return_code).name if return_code < 0 else ""
        except ValueError:
            return f"signal {-return_code}"


def _read_replies(stream: BinaryIO, replies: "queue.Queue[Reply | None]") -> None:
    """Move replies from the pipe to the queue until the worker is gone; None marks the end."""
    while (reply := read_message(stream)) is not None:
        replies.put(reply)
    replies.put(None)


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """End a worker and, where it leads a group of its own, the `pdftoppm` it may be running."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
