"""What a search did and how long each part took, noted while it runs."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from visual_rag.records import SearchStep


class Trace:
    """Collects the steps of one search."""

    def __init__(self) -> None:
        self.steps: list[SearchStep] = []

    @contextmanager
    def step(self, name: str, detail: str = "") -> Iterator[None]:
        """Time the block as one step; a step that raises is not noted."""
        started = time.perf_counter()
        yield
        self.steps.append(SearchStep(name=name, seconds=time.perf_counter() - started, detail=detail))
