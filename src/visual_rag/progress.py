"""Progress for the terminal: a bar with pages, pages per second and time left; elsewhere a line for each document.

with page_progress(Console(stderr=True), line_of=lambda record: record.document.name) as show:
    index.add("manuals/", on_progress=show)
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from visual_rag.printing import print_line
from visual_rag.records import DocumentRecord, IngestProgress

_NAME_WIDTH = 32


class _PagesPerSecond(TextColumn):
    def __init__(self) -> None:
        super().__init__("")

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.1f} pages/s" if speed else "", style="progress.data.speed")


@contextmanager
def page_progress(
    console: Console, line_of: Callable[[DocumentRecord], str]
) -> Iterator[Callable[[IngestProgress], None]]:
    """Draw a bar on a terminal, and write a line for each finished document elsewhere.

    Args:
        console: Where to.
        line_of: Says what happened to a document.

    Yields:
        The function that `VisualIndex.add` takes as `on_progress`.
    """
    if not console.is_interactive:  # a log file or a pipe

        def tell(progress: IngestProgress) -> None:
            if progress.finished:
                print_line(console, line_of(progress.finished))

        yield tell
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("pages"),
        _PagesPerSecond(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("reading", total=None)

        def show(progress: IngestProgress) -> None:
            bar.update(
                task,
                description=_shortened(progress.document_name),
                completed=progress.n_pages_done,
                total=progress.n_pages_expected,
            )

        yield show


def _shortened(name: str) -> str:
    return name if len(name) <= _NAME_WIDTH else name[: _NAME_WIDTH // 2 - 1] + "…" + name[-_NAME_WIDTH // 2 :]
