"""The command line: one short function per command that parses, calls and prints.

Results go to standard output (as JSON with `--json`), everything else to standard error.
"""

import json
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
from rich.table import Table
from rich.text import Text

from visual_rag import __version__
from visual_rag.errors import InvalidInput, VisualRagError
from visual_rag.settings import DEFAULT_INDEX, INDEX_VARIABLE

if TYPE_CHECKING:
    from visual_rag.index import IndexInfo, VisualIndex
    from visual_rag.records import DocumentRecord, Hit, IngestReport

EXIT_ERROR, EXIT_SOME_FAILED, EXIT_INTERRUPTED = 1, 3, 130
_LAST_SEARCH = "last_search.json"
_HELP = "Find the page that shows it: search PDFs and images by what their pages look like."
_EPILOG = (
    "Exit codes: 0 done; 1 an error, told in one line; 2 wrong usage; 3 ingest finished, but some documents or pages "
    "could not be ingested; 130 interrupted."
)
_debug: ContextVar[bool] = ContextVar("debug", default=False)
app = typer.Typer(
    help=_HELP, epilog=_EPILOG, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False
)
out, err = Console(highlight=False), Console(stderr=True, highlight=False)


class RendererName(StrEnum):
    """What `--renderer` takes."""

    PDFIUM = "pdfium"
    POPPLER = "poppler"


IndexOption = Annotated[
    Path | None,
    typer.Option("--index", "-i", envvar=INDEX_VARIABLE, help=f"Index folder.  [default: {DEFAULT_INDEX}]"),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
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
    paths: Annotated[list[Path], typer.Argument(help="PDFs, images, or folders of them.", show_default=False)],
    index: IndexOption = None,
    model: Annotated[str | None, typer.Option(help="Model of a new index.  [default: spotter]")] = None,
    password: Annotated[str | None, typer.Option(help="Opens encrypted PDFs.")] = None,
    dpi: Annotated[
        int | None, typer.Option(min=30, max=600, help="Of a new index; the model's own by default.")
    ] = None,
    renderer: Annotated[RendererName | None, typer.Option(help="Of a new index.  [default: pdfium]")] = None,
    timeout_s: Annotated[float, typer.Option("--page-timeout", min=0.1, help="Seconds a page may take.")] = 30.0,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first failure.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Bring documents into the index. What is in it unchanged costs nothing; a broken file costs only itself."""
    from visual_rag.index import VisualIndex
    from visual_rag.settings import RenderSettings
    from visual_rag.sources.local import check_exists

    for path in paths:
        check_exists(path)  # before an index is made for nothing
    render = RenderSettings(dpi=dpi, renderer=renderer.value if renderer else None, page_timeout_s=timeout_s)
    with VisualIndex.open_or_create(index, model=model, render=render) as opened:
        try:
            with _progress(quiet=as_json) as show:
                report = opened.add(*paths, password=password, on_progress=show, strict=strict)
        except KeyboardInterrupt:
            err.print("interrupted; what was ingested so far is kept, and the same command goes on from there")
            raise typer.Exit(EXIT_INTERRUPTED) from None
        _print_report(report, opened.folder, as_json=as_json)
    if report.failed:
        raise typer.Exit(EXIT_SOME_FAILED)


@app.command()
def search(
    question: Annotated[str, typer.Argument(help="What the page should show.", show_default=False)],
    index: IndexOption = None,
    k: CountOption = 5,
    document: Annotated[list[str] | None, typer.Option("--document", "-d", help="Look only in this one.")] = None,
    min_similarity: Annotated[float, typer.Option(min=0, max=1, help="Leave out weaker matches.")] = 0.0,
    as_json: JsonOption = False,
) -> None:
    """Find the pages that show what the question asks for, best first."""
    with _open(index) as opened:
        hits = opened.search(question, k=k, documents=document or [], min_similarity=min_similarity)
        _remember(opened.folder, question, hits)
    if as_json:
        _print_json({"question": question, "hits": [_hit_json(hit) for hit in hits]})
    else:
        _print_hits(question, hits, min_similarity)


@app.command()
def show(
    index: IndexOption = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write it; .html or .png.")] = Path(
        "visual_rag_search.html"
    ),
    open_it: Annotated[bool, typer.Option("--open", help="Open it in the browser or viewer.")] = False,
) -> None:
    """Write the pages found by the last search as a contact sheet: one picture, or one web page."""
    with _open(index) as opened:
        question, hits = _last_search(opened.folder)
        opened.show(question, hits, output)
    out.print(_shown(f"wrote {output.resolve()}"), soft_wrap=True)
    if open_it and not webbrowser.open(output.resolve().as_uri()):
        err.print("no browser was found; open the file yourself")


@app.command("list")
def list_documents(index: IndexOption = None, as_json: JsonOption = False) -> None:
    """List the documents: those in the index, and those that failed, with the reason."""
    with _open(index) as opened:
        records = opened.documents()
    if as_json:
        _print_json([asdict(record) for record in records])
        return
    table = Table("document", "state", "pages", "why", box=None, pad_edge=False, header_style="bold")
    for record in records:
        pages = (
            f"{record.n_ingested}"
            if record.n_ingested == record.n_pages
            else f"{record.n_ingested} of {record.n_pages}"
        )
        table.add_row(_shown(record.document.name), record.state.value, pages, Text(_why(record)))
    out.print(table if records else Text("the index is empty; add documents with `visual-rag ingest PATH`"))


@app.command()
def remove(
    documents: Annotated[list[str], typer.Argument(help="File names, paths or folders.", show_default=False)],
    index: IndexOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take documents out of the index. The files themselves are left alone."""
    with _open(index) as opened:
        n_pages = opened.remove(*documents)
        (opened.folder / _LAST_SEARCH).unlink(missing_ok=True)  # it holds text of pages that may be gone
    if as_json:
        _print_json({"n_pages_removed": n_pages})
    else:
        out.print(f"removed {_count(n_pages, 'page')}")


@app.command()
def info(index: IndexOption = None, as_json: JsonOption = False) -> None:
    """Say what the index was built with (its passport), what it holds and how large it is."""
    with _open(index) as opened:
        found = opened.info()
    values = _info_json(found)
    if as_json:
        _print_json(values)
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, value in _flat(values):
        table.add_row(name, Text(str(value)))
    out.print(table)


@app.command()
def doctor(as_json: JsonOption = False) -> None:
    """Check what is installed and what is missing, with the command that mends it."""
    from visual_rag.doctor import examine

    checks = examine()
    if as_json:
        _print_json([asdict(check) for check in checks])
    else:
        table = Table("", "part", "found", "mend", box=None, pad_edge=False, header_style="bold")
        for check in checks:
            mark = "ok" if check.ok else ("optional" if check.optional else "MISSING")
            table.add_row(mark, Text(check.part), Text(check.found), Text(check.mend))
        out.print(table)
    if any(not check.ok and not check.optional for check in checks):
        raise typer.Exit(EXIT_ERROR)


def main() -> None:
    """Run the command line: errors of ours are one line with the next step, a traceback comes only with `--debug`."""
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
    err.print(_shown(message), soft_wrap=True)
    sys.exit(EXIT_ERROR)


def _open(folder: Path | None) -> "VisualIndex":
    from visual_rag.index import VisualIndex

    return VisualIndex.open(folder)


def _progress(*, quiet: bool) -> Any:
    if quiet:
        return nullcontext()
    from visual_rag.progress import page_progress

    return page_progress(err)


def _remember(folder: Path, question: str, hits: Sequence["Hit"]) -> None:
    text, path = json.dumps({"question": question, "hits": [asdict(hit) for hit in hits]}), folder / _LAST_SEARCH
    try:
        path.with_suffix(".part").write_text(text, encoding="utf-8")
        path.with_suffix(".part").replace(path)
    except OSError as error:  # the hits are what was asked for
        err.print(Text(f"`visual-rag show` will not know this search: {error.strerror}"), soft_wrap=True)


def _last_search(folder: Path) -> tuple[str, list["Hit"]]:
    from visual_rag.records import Hit, PageRecord

    path = folder / _LAST_SEARCH
    if not path.exists():
        raise InvalidInput("nothing was searched yet; run `visual-rag search QUESTION` first")
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
        hits = [Hit(**{**values, "page": PageRecord(**values["page"])}) for values in saved["hits"]]
        return str(saved["question"]), hits
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InvalidInput("the last search cannot be read; run `visual-rag search QUESTION` again") from error


def _print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def _print_report(report: "IngestReport", folder: Path, *, as_json: bool) -> None:
    if as_json:
        _print_json(asdict(report))
        return
    for record in report.failed:
        err.print(_shown(f"{record.document.name}: {_why(record)}"), soft_wrap=True)
    for record in report.ingested:
        for warning in record.warnings:
            err.print(_shown(f"{record.document.name}: {warning}"), soft_wrap=True)
    speed = f", {report.n_pages_embedded / report.seconds:.1f} pages/s" if report.n_pages_embedded else ""
    n_documents = _count(len(report.ingested), "document")
    parts = [f"{_count(report.n_pages, 'page')} of {n_documents} in {report.seconds:.1f} s{speed}"]
    if report.unchanged:
        parts.append(f"{len(report.unchanged)} unchanged")
    if report.failed:
        parts.append(f"{len(report.failed)} with failures")
    if report.ignored:
        parts.append(f"{_count(len(report.ignored), 'file')} passed over (neither PDF nor image)")
    out.print(_shown("; ".join(parts) + f" (index: {folder.name})"), soft_wrap=True)


def _print_hits(question: str, hits: Sequence["Hit"], min_similarity: float) -> None:
    if not hits:
        why = f"no page reaches --min-similarity {min_similarity:g}" if min_similarity else "no page shows its words"
        out.print(_shown(f"nothing found for {question!r}: {why}; `visual-rag list` shows what the index holds"))
        return
    table = Table("rank", "document", "page", "score", "similarity", box=None, pad_edge=False, header_style="bold")
    for hit in hits:
        table.add_row(
            str(hit.rank),
            _shown(hit.page.document_name),
            str(hit.page.page_number),
            f"{hit.score:.2f}",
            f"{hit.similarity:.2f}",
        )
    out.print(table)
    err.print("`visual-rag show --open` shows these pages", style="dim")


def _hit_json(hit: "Hit") -> dict[str, Any]:
    values = asdict(hit)
    values["page"]["page_number"] = hit.page.page_number
    return values


def _info_json(found: "IndexInfo") -> dict[str, Any]:
    size = found.size
    per_page = (size.size_bytes + found.image_bytes) // size.n_pages if size.n_pages else 0
    return {
        "folder": str(found.folder),
        "passport": found.passport.as_dict(),
        "documents": size.n_documents,
        "pages": size.n_pages,
        "vectors": size.n_vectors,
        "vector_bytes": size.size_bytes,
        "image_bytes": found.image_bytes,
        "bytes_per_page": per_page,
    }


def _flat(values: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for name, value in values.items():
        rows += _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else [(prefix + name, value)]
    return rows


def _why(record: "DocumentRecord") -> str:
    shown = [f"page {f.page_number}: {f.message}" if f.page_number else f.message for f in record.failures[:3]]
    more = len(record.failures) - len(shown)
    return "; ".join(shown) + (f"; and {more} more" if more > 0 else "")


def _shown(text: str) -> Text:
    """Text from files, such as their names, without what would steer the terminal."""
    return Text("".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text))


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


if __name__ == "__main__":
    main()
