"""What parent and worker say to each other, and how it goes over a pipe.

A message is 8 bytes of length, then a pickle. Both ends are the same program under the same user, so unpickling gives
the child no power that it does not have already.
"""

import pickle
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from visual_rag.records import PageWord
from visual_rag.settings import Renderer

_LENGTH = struct.Struct("<Q")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Parent to worker: render these pages of this file.

    Attributes:
        path: Absolute path of the file.
        renderer: For PDF files.
        dpi: Asked for; a limit may lower it.
        max_pixels: Of one page.
        max_pages: Of the file.
        max_file_bytes: Of the file.
        page_timeout_s: Seconds one page may take; the parent enforces it, a subprocess of the worker too.
        password: For an encrypted PDF, None when none is known.
        first_page_index: 0-based page to begin with.
        stop_page_index: 0-based page to stop before; None renders to the end.
    """

    path: Path
    renderer: Renderer
    dpi: int
    max_pixels: int
    max_pages: int
    max_file_bytes: int
    page_timeout_s: float
    # Kept out of repr so that it reaches no log and no traceback.
    password: str | None = field(default=None, repr=False)
    first_page_index: int = 0
    stop_page_index: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """Worker to parent: imports are done, jobs are welcome."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """Worker to parent: the file can be read."""

    n_pages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NotOpened:
    """Worker to parent: the file cannot be read. `reason` names an error class."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedPage:
    """Worker to parent: one page; the fields of `records.Page` with the pixels as bytes.

    Attributes:
        rgb: `width_px * height_px * 3` bytes, rows from the top.
        warning: What may surprise about this page, "" for nothing.
    """

    page_index: int
    width_px: int
    height_px: int
    rgb: bytes
    page_hash: str
    encoded_image: bytes
    image_mimetype: str
    dpi: float
    width_pt: float
    height_pt: float
    rotation: int
    label: str
    words: tuple[PageWord, ...] = ()
    warning: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotRendered:
    """Worker to parent: this page cannot be rendered. `reason` names an error class."""

    page_index: int
    reason: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """Worker to parent: the last page asked for is through.

    Attributes:
        worn: The worker has grown so much that the next document deserves a fresh one.
    """

    worn: bool


Reply = Ready | Opened | NotOpened | RenderedPage | NotRendered | Finished


def write_message(stream: BinaryIO, message: Job | Reply) -> None:
    """Send one message; OSError when the other side is gone."""
    body = pickle.dumps(message, protocol=5)
    stream.write(_LENGTH.pack(len(body)))
    stream.write(body)
    stream.flush()


def read_body(stream: BinaryIO) -> bytes | None:
    """Wait for one message and return it still packed; None when the other side is gone."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    body = stream.read(length)
    return body if len(body) == length else None


def unpack_job(body: bytes) -> Job:
    """Turn what `read_body` gave the worker into its job."""
    job: Job = pickle.loads(body)  # noqa: S301  # written by our own parent, see the module docstring
    return job


def unpack_reply(body: bytes) -> Reply:
    """Turn what `read_body` gave the parent into the worker's reply."""
    reply: Reply = pickle.loads(body)  # noqa: S301  # written by our own child, see the module docstring
    return reply
