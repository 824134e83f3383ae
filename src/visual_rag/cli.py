"""The command line: one short function per command that parses, calls and prints.

Results go to standard output (as JSON with `--json`), everything else to standard error.
"""

import io
import json
import shlex
import sys
import webbrowser
from collections.abc import Sequence
from contextlib import nullcontext
from contextvars import ContextVar
from dataclasses import asdict
from enum import StrEnum
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from visual_rag import __version__
from visual_rag.errors import CollectionNotFound, InvalidInput, VisualRagError
from visual_rag.printing import Row, count, print_line, print_rows
from visual_rag.settings import (
    DEFAULT_INDEX,
    INDEX_VARIABLE,
    FullPooling,
    ModelDtype,
    ModelSettings,
    ShortlistPooling,
    default_index_folder,
)

if TYPE_CHECKING:
    from visual_rag.index import VisualIndex
    from visual_rag.records import Hit, IngestReport

EXIT_ERROR, EXIT_SOME_FAILED, EXIT_INTERRUPTED = 1, 3, 130
_HELP = "Find the page that shows it: search PDFs and images by what their pages look like."
_EPILOG = (
    "Exit codes: 0 done; 1 an error, told in one line; 2 wrong usage; 3 ingest finished, but some documents or pages "
    "could not be ingested; 130 interrupted."
)
_FAILED_HINT = "the next ingest tries again what failed; `visual-rag remove NAME` takes it off this list"
_debug: ContextVar[bool] = ContextVar("debug", default=False)
app = typer.Typer(
    help=_HELP,
    epilog=_EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
)
out, err = Console(highlight=False), Console(stderr=True, highlight=False)


class RendererName(StrEnum):
    """What `--renderer` takes."""

    PDFIUM = "pdfium"
    POPPLER = "poppler"


IndexOption = Annotated[
    Path | None,
    typer.Option("--index", "-i", envvar=INDEX_VARIABLE, help=f"Index folder; {DEFAULT_INDEX} if none is named."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
ModelOption = Annotated[
    str | None,
    typer.Option(
        help="Model of a new index: spotter if none is named, or a name on the hub, a folder, a server's address; "
        "`visual-rag models` lists known ones."
    ),
]
RevisionOption = Annotated[str | None, typer.Option(help="Commit, tag or branch of a model on the hub.")]
BaseModelOption = Annotated[str | None, typer.Option(help="Where the model lies that a LoRA adapter adapts.")]
PatchesOption = Annotated[int | None, typer.Option(min=4, help="Cap on the patches of a page.")]
DeviceOption = Annotated[str, typer.Option(help="Where the model runs: cpu, cuda, cuda:1, mps; auto takes the best.")]
DtypeOption = Annotated[ModelDtype, typer.Option(help="Numbers that the model computes in.")]
CountOption = Annotated[int, typer.Option("--k", "-k", min=1, help="Most pages to find.")]


def _show_version(wanted: bool) -> None:
    if wanted:
        out.print(f"visual-rag {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show a traceback when something fails.")] = False,
    version: Annotated[  # noqa: ARG001  # typer's callback does the work
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    _debug.set(debug)


@app.command()
def ingest(
    paths: Annotated[
        list[Path], typer.Argument(help="PDFs, images, folders, or patterns like '*.pdf'.", show_default=False)
    ],
    index: IndexOption = None,
    model: ModelOption = None,
    revision: RevisionOption = None,
    base_model: BaseModelOption = None,
    max_visual_tokens: PatchesOption = None,
    pool_factor: Annotated[
        int, typer.Option(min=1, help="Merge so many vectors of a page to one: less storage, a little less quality.")
    ] = 1,
    full_pooling: Annotated[
        FullPooling, typer.Option(help="What is merged: alike vectors (ward), or whole lines of patches.")
    ] = "ward",
    shortlist_pooling: Annotated[
        ShortlistPooling, typer.Option(help="How a page's few vectors for the first stage of a search are made.")
    ] = "clusters64",
    device: DeviceOption = "auto",
    dtype: DtypeOption = "auto",
    batch_size: Annotated[int | None, typer.Option(min=1, help="Pages that the model takes at a time.")] = None,
    password: Annotated[str | None, typer.Option(help="Opens encrypted PDFs.")] = None,
    dpi: Annotated[
        int | None,
        typer.Option(
            min=30, max=600, help="Resolution at which a new index renders pages; the model's own if none is named."
        ),
    ] = None,
    renderer: Annotated[
        RendererName | None, typer.Option(help="Renderer of a new index; pdfium if none is named.")
    ] = None,
    timeout_s: Annotated[float, typer.Option("--page-timeout", min=0.1, help="Seconds a page may take.")] = 30.0,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first failure.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Bring documents into the index. What is in it unchanged costs nothing; a broken file costs only itself."""
    from visual_rag.index import VisualIndex
    from visual_rag.settings import RenderSettings
    from visual_rag.sources.local import check_sources

    check_sources(paths)  # before an index is made for nothing
    render = RenderSettings(dpi=dpi, renderer=renderer.value if renderer else None, page_timeout_s=timeout_s)
    settings = ModelSettings(
        revision=revision,
        base_model=base_model,
        max_visual_tokens=max_visual_tokens,
        pool_factor=pool_factor,
        full_pooling=full_pooling,
        shortlist_pooling=shortlist_pooling,
        device=device,
        dtype=dtype,
        batch_size=batch_size,
    )
    with VisualIndex.open_or_create(index, model=model, model_settings=settings, render=render) as opened:
        try:
            with _progress(quiet=as_json) as show:
                report = opened.add(*paths, password=password, on_progress=show, strict=strict)
        except KeyboardInterrupt:
            print_line(err, "interrupted; what was ingested so far is kept, and the same command goes on from there")
            raise typer.Exit(EXIT_INTERRUPTED) from None
    if as_json:
        _print_json(asdict(report))
    else:
        _print_report(report, index)
    if report.failed:
        raise typer.Exit(EXIT_SOME_FAILED)


@app.command()
def search(
    words: Annotated[
        list[str], typer.Argument(metavar="question", help="What the page should show.", show_default=False)
    ],
    index: IndexOption = None,
    k: CountOption = 5,
    document: Annotated[
        list[str] | None,
        typer.Option("--document", "-d", help="Look only in this document or folder; may be repeated."),
    ] = None,
    min_similarity: Annotated[float, typer.Option(min=0, max=1, help="Leave out weaker matches.")] = 0.0,
    model: Annotated[
        str | None, typer.Option(help="Where the index's model lies now, if it was moved.", show_default=False)
    ] = None,
    base_model: BaseModelOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Find the pages that show what the question asks for, best first."""
    from visual_rag.last_search import remember
    from visual_rag.wording import hit_json

    question = " ".join(words)
    with _open(index, model, ModelSettings(base_model=base_model, device=device)) as opened:
        hits = opened.search(question, k=k, documents=document or [], min_similarity=min_similarity)
        if trouble := remember(opened.folder, question, hits):
            print_line(err, f"`visual-rag show` will not know this search: {trouble}")
        _warn_of_lost_pages(opened)
        is_empty = not hits and next(opened.pages(), None) is None
    if as_json:
        _print_json({"question": question, "hits": [hit_json(hit) for hit in hits]})
    elif hits:
        _print_hits(question, hits, index)
    elif is_empty:
        print_line(out, "the index is empty; `visual-rag ingest PATH` fills it")
    else:
        why = f"no page reaches --min-similarity {min_similarity:g}" if min_similarity else "try the words on the page"
        print_line(out, f"nothing found for {question!r}: {why}; `visual-rag list` shows what the index holds")


@app.command()
def show(
    index: IndexOption = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write it; .html or .png.")] = Path(
        "visual_rag_search.html"
    ),
    open_it: Annotated[bool, typer.Option("--open", help="Open it in the browser or viewer.")] = False,
) -> None:
    """Write the pages found by the last search as a contact sheet: one picture, or one web page."""
    from visual_rag.last_search import recall

    with _open(index) as opened:
        question, hits = recall(opened.folder)
        if not hits:
            raise InvalidInput(f"the last search, {question!r}, found nothing to show; ask in other words")
        opened.show(question, hits, output)
    print_line(out, f"wrote {output.resolve()}")
    if open_it and not webbrowser.open(output.resolve().as_uri()):
        print_line(err, "no browser was found; open the file yourself")


@app.command("list")
def list_documents(index: IndexOption = None, as_json: JsonOption = False) -> None:
    """List the documents: those in the index, and those that failed, with the reason."""
    from visual_rag.wording import DOCUMENT_HEADER, document_rows

    with _open(index) as opened:
        records = opened.documents()
    if as_json:
        _print_json([asdict(record) for record in records])
        return
    if not records:
        print_line(out, "the index is empty; add documents with `visual-rag ingest PATH`")
        return
    print_rows(out, document_rows(records), header=DOCUMENT_HEADER)
    if any(record.failures for record in records):
        print_line(err, _FAILED_HINT, style="dim")


@app.command()
def remove(
    documents: Annotated[list[str], typer.Argument(help="File names, paths or folders.", show_default=False)],
    index: IndexOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take documents out of the index. The files themselves are left alone."""
    from visual_rag.last_search import forget

    with _open(index) as opened:
        n_before = len(opened.documents())
        n_pages = opened.remove(*documents)
        n_documents = n_before - len(opened.documents())
        forget(opened.folder)  # it holds text of pages that may be gone
    if as_json:
        _print_json({"n_documents_removed": n_documents, "n_pages_removed": n_pages})
    else:
        print_line(out, f"removed {count(n_documents, 'document')}, {count(n_pages, 'page')}")


@app.command()
def info(index: IndexOption = None, as_json: JsonOption = False) -> None:
    """Say what the index holds, how large it is, and what it was built with."""
    from visual_rag.wording import info_json, info_lines

    with _open(index) as opened:
        found, records = opened.info(), opened.documents()
        _warn_of_lost_pages(opened)
    if as_json:
        _print_json(info_json(found))
        return
    for line in info_lines(found, records):
        print_line(out, line)


@app.command()
def models(as_json: JsonOption = False) -> None:
    """List known models: what they cost, how good they are, and which are on this machine."""
    from visual_rag.wording import model_rows, models_json

    if as_json:
        _print_json(models_json())
    else:
        rows, header = model_rows()
        print_rows(out, rows, header=header)
        print_line(err, "V1, V2, V3: the three ViDoRe benchmarks, nDCG times 100; the README says more", style="dim")


@app.command()
def doctor(
    model: Annotated[str | None, typer.Option(help="Load this model and try it, instead of the rest.")] = None,
    revision: RevisionOption = None,
    base_model: BaseModelOption = None,
    max_visual_tokens: PatchesOption = None,
    device: DeviceOption = "auto",
    dtype: DtypeOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Check what is installed and what is missing, with the command that mends it; or try a model."""
    from visual_rag.doctor import examine, examine_model

    settings = ModelSettings(
        revision=revision, base_model=base_model, max_visual_tokens=max_visual_tokens, device=device, dtype=dtype
    )
    if model is None and settings != ModelSettings():
        raise InvalidInput("these options are for a model; name it with --model")
    checks = examine() if model is None else examine_model(model, settings)
    if as_json:
        _print_json([asdict(check) for check in checks])
    else:
        rows = [Row((check.part, check.state, check.found), check.mend) for check in checks]
        print_rows(out, rows, header=("part", "state", "found"))
    if any(not check.ok and not check.optional for check in checks):
        raise typer.Exit(EXIT_ERROR)


def main() -> None:
    """Run the command line: errors of ours are one line with the next step, a traceback comes only with `--debug`."""
    sys.stdout = sys.stdout or io.StringIO()  # closed by the caller
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name that the terminal cannot show costs no result
    try:
        app()
    except VisualRagError as error:
        if _debug.get():
            raise
        _fail(f"error: {error}")
    except Exception as error:  # the last line of defence for people; --debug shows all of it
        if _debug.get():
            raise
        _fail(
            f"unexpected error: {type(error).__name__}: {error}; run `visual-rag --debug ...` and report what it shows"
        )


def _fail(message: str) -> None:
    print_line(err, message)
    sys.exit(EXIT_ERROR)


def _open(folder: Path | None, model: str | None = None, model_settings: ModelSettings | None = None) -> "VisualIndex":
    from visual_rag.index import VisualIndex

    try:
        return VisualIndex.open(folder, model=model, model_settings=model_settings)
    except CollectionNotFound as error:
        typed = folder or default_index_folder()
        raise CollectionNotFound(
            f"there is no index in '{typed}'; `visual-rag ingest PATH` makes one, `--index` names another",
            collection=error.collection,
        ) from error


def _warn_of_lost_pages(opened: "VisualIndex") -> None:
    if n_missing := opened.n_missing_pages():
        lost = f"{count(n_missing, 'page')} of the index cannot be read; ingest the documents again, which mends it"
        print_line(err, f"warning: {lost}")


def _progress(*, quiet: bool) -> Any:
    if quiet:
        return nullcontext()
    from visual_rag.progress import page_progress
    from visual_rag.wording import document_line

    return page_progress(err, document_line)


def _print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def _print_report(report: "IngestReport", index: Path | None) -> None:
    """Say what happened, and above it what was out of order; elsewhere than on a terminal each document was told."""
    from visual_rag.wording import remarkable_lines, report_summary

    if err.is_interactive:
        for line in remarkable_lines(report):
            print_line(err, line)
    print_line(out, f"{report_summary(report)} (index: {index or default_index_folder()})")


def _print_hits(question: str, hits: Sequence["Hit"], index: Path | None) -> None:
    from visual_rag.wording import HIT_HEADER, hit_rows

    print_rows(out, hit_rows(question, hits), header=HIT_HEADER)
    option = f" --index {shlex.quote(str(index))}" if index else ""
    print_line(err, f"`visual-rag show --open{option}` shows these pages", style="dim")


if __name__ == "__main__":
    main()
