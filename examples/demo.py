"""The main job on the sample manuals: ingest, ask five questions, show the pages. Run by `make demo`.

`python examples/demo.py [FOLDER]`: the index and the pages found go to FOLDER, `build/demo` if none is named.
"""

import shutil
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from visual_rag import Hit, VisualIndex
from visual_rag.progress import page_progress
from visual_rag.wording import document_line

HERE = Path(__file__).parent
QUESTIONS = (
    "wiring diagram of the pump motor with wire colours",
    "what does error code E-21 mean",
    "descaling flow chart when lamp CALC glows",
    "hydraulic schematic with gear pump and directional valve",
    "exploded view of the headstock gearbox",
)


def print_answer(console: Console, question: str, hits: list[Hit]) -> None:
    """Print one ranked list: document, page number, score."""
    console.print(Text(question, style="bold"))
    table = Table("rank", "document", "page", "score", box=None, pad_edge=False)
    for hit in hits:
        table.add_row(str(hit.rank), hit.page.document_name, str(hit.page.page_number), f"{hit.score:.2f}")
    console.print(table, "")


def main(folder: Path) -> None:
    """Ingest, ask, show."""
    console = Console(highlight=False)
    folder.mkdir(parents=True, exist_ok=True)
    index_folder = folder / "demo_index"
    shutil.rmtree(index_folder, ignore_errors=True)  # the demo's own, made anew each time
    with VisualIndex.create(index_folder) as index:
        with page_progress(Console(stderr=True), document_line) as show:
            report = index.add(HERE / "manuals", on_progress=show)
        console.print(
            f"{report.n_pages} pages of {len(report.ingested)} manuals ingested in {report.seconds:.0f} s, "
            f"{report.n_pages / report.seconds:.1f} pages/s\n"
        )
        searches = [(question, index.search(question, k=4)) for question in QUESTIONS]
        for question, hits in searches:
            print_answer(console, question, hits)
        picture = index.show_all(searches, folder / "found.png")
        page = index.show_all(searches, folder / "found.html")
    program, at, picture, page = map(_shortest, (Path(sys.prefix) / "bin" / "visual-rag", index_folder, picture, page))
    console.print(f"The pages found: {picture} and {page}\n\nTry next:", soft_wrap=True)
    console.print(f"  {program} search 'how to replace the mechanical seal' --index {at}", soft_wrap=True)
    console.print(f"  {program} show --open --index {at}", soft_wrap=True)
    console.print(f"  {program} ingest YOUR_FOLDER && {program} search 'YOUR QUESTION'", soft_wrap=True)


def _shortest(path: Path) -> Path:
    """Write a path as it would be typed from here."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent / "build" / "demo")
