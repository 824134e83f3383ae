"""What the tests of the embedded store share."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from visual_rag.passport import IndexPassport
from visual_rag.records import FloatArray, PagePoint
from visual_rag.scoring import normalise_rows
from visual_rag.testing import FakeEmbedder, make_point

DIM = 32
PASSPORT = IndexPassport(model=FakeEmbedder(dim=DIM).identity, dpi=96, renderer="pdfium 5", pooling="runs8")


def random_rows(n_rows: int, seed: int = 0, dim: int = DIM) -> FloatArray:
    """Rows of unit length."""
    return normalise_rows(np.random.default_rng(seed).standard_normal((n_rows, dim), dtype=np.float32))


def random_points(n_pages: int, n_rows: int = 12) -> list[PagePoint]:
    """Pages of one document."""
    return [make_point(random_rows(n_rows, seed=index), page_index=index) for index in range(n_pages)]


def start_python(script: str, *arguments: str | Path) -> "subprocess.Popen[str]":
    """Run a script in another process that imports the same package and this module."""
    paths = [str(Path(__file__).parent), *sys.path]
    lines = f"import sys; sys.path[:0] = {paths!r}\n{script}"
    command: Sequence[str] = [sys.executable, "-c", lines, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@contextmanager
def folder_of_nobody() -> Iterator[Path]:
    """A folder that whoever `as_nobody` is may reach; pytest's own are closed to others."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@contextmanager
def as_nobody() -> Iterator[None]:
    """Without the rights of root, which no permission stops."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)
