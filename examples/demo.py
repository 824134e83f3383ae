"""The main job on the sample manuals: ingest, ask five questions, show the pages. Run by `make demo`."""

import shutil
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from visual_rag import Hit, VisualIndex
from visual_rag.progress import page_progress

HERE = Path(__file__).parent
OUT = HERE.parent / "build" / "demo"
QUESTIONS = (
    "wiring diagram of the pump motor with wire colours",
    "what does error code E-21 mean",
    "descaling flow chart when lamp CALC glows",
    "hydraulic schematic with gear pump and directional valve",
    "exploded view of the headstock gearbox",
)


def print_answer(console: Console, question: str, hits: list[Hit]) -> None:
    """Print one ranked list: document, page number, score."""
    table = Table("rank", "document", "page", "score", title=Text(question), title_justify="left", box=None)
    for hit in hits:
        table.add_row(str(hit.rank), hit.page.document_name, str(hit.page.page_number), f"{hit.score:.2f}")
    console.print(table, "")


def main() -> None:
    """Ingest, ask, show."""
    console = Console(highlight=False)
    OUT.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(OUT / "index", ignore_errors=True)  # an index of the demo's own, made anew each time
    with VisualIndex.create(OUT / "index") as index:
        with page_progress(Console(stderr=True)) as show:
            report = index.add(HERE / "manuals", on_progress=show)
        console.print(
            f"{report.n_pages} pages of {len(report.ingested)} manuals ingested in {report.seconds:.0f} s, "
            f"{report.n_pages / report.seconds:.1f} pages/s\n"
        )
        searches = [(question, index.search(question, k=4)) for question in QUESTIONS]
        for question, hits in searches:
            print_answer(console, question, hits)
        picture = index.show_all(searches, OUT / "found.png")
        page = index.show_all(searches, OUT / "found.html")
    program, folder = Path(sys.executable).parent / "visual-rag", OUT / "index"
    here = Path.cwd()
    program, folder, picture, page = (
        path.relative_to(here) if path.is_relative_to(here) else path for path in (program, folder, picture, page)
    )
    console.print(f"The pages found: {picture} and {page}\n\nTry next:", soft_wrap=True)
    console.print(f"  {program} search 'how to replace the mechanical seal' --index {folder}", soft_wrap=True)
    console.print(f"  {program} show --open --index {folder}", soft_wrap=True)
    console.print(f"  {program} ingest YOUR_FOLDER && {program} search 'YOUR QUESTION'", soft_wrap=True)


if __name__ == "__main__":
    main()
