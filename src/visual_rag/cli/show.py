"""Commands that show pages: what was found, and why."""

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from visual_rag.cli.app import (
    BaseModelOption,
    DeviceOption,
    IndexOption,
    JsonOption,
    MovedModelOption,
    PageOption,
    app,
    err,
    open_index,
    out,
    print_json,
)
from visual_rag.cli.examples import read_page
from visual_rag.errors import InvalidInput
from visual_rag.printing import print_line, print_rows
from visual_rag.settings import ModelSettings


@app.command()
def explain(
    words: Annotated[list[str], typer.Argument(metavar="question", help="As asked.", show_default=False)],
    page: PageOption,
    index: IndexOption = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write the picture; .png or .jpg.")] = Path(
        "visual_rag_evidence.png"
    ),
    model: MovedModelOption = None,
    base_model: BaseModelOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Show where on a page each word of a question was found."""
    from visual_rag.cli.search_wording import EVIDENCE_HEADER, evidence_json, evidence_rows
    from visual_rag.retrieve.contact_sheet_page import page_title

    with open_index(index, model, ModelSettings(base_model=base_model, device=device)) as opened:
        evidence = opened.evidence(" ".join(words), read_page(opened, page))
        opened.show_evidence(evidence, output)
    if as_json:
        print_json(evidence_json(evidence))
        return
    print_line(out, f"{evidence.page.document_name}, {page_title(evidence.page)}")
    print_rows(out, evidence_rows(evidence), header=EVIDENCE_HEADER)
    print_line(out, f"wrote {output}")


@app.command()
def show(
    index: IndexOption = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write it; .html or .png.")] = Path(
        "visual_rag_search.html"
    ),
    open_it: Annotated[bool, typer.Option("--open", help="Open it in the browser or viewer.")] = False,
) -> None:
    """Show the pages of the last search as a picture or web page."""
    from visual_rag.last_search import recall

    with open_index(index) as opened:
        question, hits = recall(opened.folder)
        if not hits:
            raise InvalidInput(f"the last search, {question!r}, found nothing to show; ask in other words")
        opened.show(question, hits, output)
    print_line(out, f"wrote {output.resolve()}")
    if open_it and not webbrowser.open(output.resolve().as_uri()):
        print_line(err, "no browser was found; open the file yourself")
