"""Draws all manuals, the questions and their judgements into the folder above this one."""

import json
import tempfile
from pathlib import Path

from .espresso import MANUAL as ESPRESSO
from .fonts import register_fonts
from .lathe import MANUAL as LATHE
from .press import MANUAL as PRESS
from .pump import MANUAL as PUMP
from .questions import QUESTIONS
from .report import MANUAL as REPORT
from .scan import scan
from .sheet import render
from .weather import MANUAL as WEATHER

FOLDER = Path(__file__).resolve().parent.parent


def write_questions(folder: Path) -> None:
    """Write queries.jsonl and qrels.tsv from the table of questions."""
    queries, qrels = [], ["query-id\tcorpus-id\tscore"]
    for number, question in enumerate(QUESTIONS, start=1):
        name = f"q{number:02d}"
        pdf, page = f"{question.manual}.pdf", question.page
        queries.append(json.dumps({"id": name, "query": question.text, "pdf": pdf, "pages": [page]}))
        qrels.append(f"{name}\t{question.manual}#p{page}\t1")
    (folder / "queries.jsonl").write_text("\n".join(queries) + "\n", encoding="utf-8")
    (folder / "qrels.tsv").write_text("\n".join(qrels) + "\n", encoding="utf-8")


def main() -> None:
    """Draw everything."""
    register_fonts()
    for manual in (PUMP, ESPRESSO, WEATHER, PRESS, REPORT):
        render(manual, FOLDER / manual.file)
    with tempfile.TemporaryDirectory() as scratch:
        drawn = Path(scratch) / LATHE.file
        render(LATHE, drawn)
        scan(drawn, FOLDER / LATHE.file, title=LATHE.title)
    write_questions(FOLDER)


if __name__ == "__main__":
    main()
