"""What parent and worker say to each other, and how it goes over a pipe: one pickle after the other.

Both ends are the same program under the same user, so unpickling gives the child no power that it does not have
already.
"""

import pickle
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from visual_rag.records import PageFailure, PageWord
from visual_rag.settings import RenderSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Parent to worker: render this file.

    Attributes:
        path: Absolute path of the file.
        settings: Renderer and limits; its `dpi` is not looked at. The parent enforces `page_timeout_s`, a subprocess
            of the worker too.
        dpi: Asked for; a limit may lower it.
        password: For an encrypted PDF, None when none is known.
        first_page_index: 0-based page to begin with.
    """

    path: Path
    settings: RenderSettings
    dpi: int
    # Kept out of repr so that it reaches no log and no traceback.
    password: str | None = field(default=None, repr=False)
    first_page_index: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """Worker to parent: imports are done, jobs are welcome."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """Worker to parent: the file can be read."""

    n_pages: int


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
class Finished:
    """Worker to parent: the last page is through.

    Attributes:
        worn: The worker has grown so much that the next document deserves a fresh one.
    """

    worn: bool


Reply = Ready | Opened | RenderedPage | PageFailure | Finished
"""A `PageFailure` without a page number says that the file cannot be opened."""


def write_message(stream: BinaryIO, message: Job | Reply) -> None:
    """Send one message; OSError when the other side is gone."""
    pickle.dump(message, stream, protocol=5)  # writes the pixels through, where dumps() would copy them
    stream.flush()


def read_message(stream: BinaryIO) -> Any:
    """Wait for one message, a `Job` or a `Reply` by the end of the pipe; None when the other side is gone."""
    try:
        return pickle.load(stream)  # noqa: S301  # written by our own other end, see the module docstring
    except (EOFError, pickle.UnpicklingError):  # nothing more, or only half of a message
        return None
