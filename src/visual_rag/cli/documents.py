"""Commands that fill an index and say what it holds."""

from contextlib import nullcontext
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from visual_rag.cli.app import (
    EXIT_INTERRUPTED,
    EXIT_SOME_FAILED,
    BaseModelOption,
    DeviceOption,
    DtypeOption,
    IndexOption,
    JsonOption,
    ModelOption,
    PatchesOption,
    RevisionOption,
    app,
    err,
    open_index,
    out,
    print_json,
    warn_of_lost_pages,
)
from visual_rag.cli.fields import read_fields
from visual_rag.errors import InvalidInput
from visual_rag.printing import count, print_line, print_rows
from visual_rag.server_settings import ServerSettings
from visual_rag.settings import (
    FullPooling,
    ModelSettings,
    PolicyName,
    ShortlistPooling,
    StoreSettings,
    default_index_folder,
)

if TYPE_CHECKING:
    from visual_rag.records import IngestReport

_FAILED_HINT = "the next ingest tries again what failed; `visual-rag remove NAME` takes it off this list"


class RendererName(StrEnum):
    """What `--renderer` takes."""

    PDFIUM = "pdfium"
    POPPLER = "poppler"


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
    policy: Annotated[
        PolicyName | None,
        typer.Option(help="How a new index keeps vectors: 16, 8 or 4 bits a value; compact if none is named."),
    ] = None,
    text_language: Annotated[
        str | None,
        typer.Option(help="Language of a new index's text layers, or none for several; english if none is named."),
    ] = None,
    server: Annotated[
        str | None,
        typer.Option(help="Address of a Qdrant server that keeps a new index; its key is read from $QDRANT_API_KEY."),
    ] = None,
    collection: Annotated[
        str | None, typer.Option(help="With --server: name of the index there; visual_rag if none is named.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first failure.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Bring documents into the index. What is in it unchanged costs nothing; a broken file costs only itself."""
    from visual_rag.index import VisualIndex
    from visual_rag.settings import RenderSettings
    from visual_rag.sources.local import check_sources

    store = _store_settings(policy, text_language, server, collection)
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
    with VisualIndex.open_or_create(index, model=model, model_settings=settings, render=render, store=store) as opened:
        try:
            with _progress(quiet=as_json) as show:
                report = opened.add(*paths, password=password, on_progress=show, strict=strict)
        except KeyboardInterrupt:
            print_line(err, "interrupted; what was ingested so far is kept, and the same command goes on from there")
            raise typer.Exit(EXIT_INTERRUPTED) from None
    if as_json:
        print_json(asdict(report))
    else:
        _print_report(report, index)
    if report.failed:
        raise typer.Exit(EXIT_SOME_FAILED)


@app.command("list")
def list_documents(index: IndexOption = None, as_json: JsonOption = False) -> None:
    """List documents, their state, and why one failed."""
    from visual_rag.wording import DOCUMENT_HEADER, document_rows

    with open_index(index) as opened:
        records = opened.documents()
    if as_json:
        print_json([asdict(record) for record in records])
        return
    if not records:
        print_line(out, "the index is empty; add documents with `visual-rag ingest PATH`")
        return
    print_rows(out, document_rows(records), header=DOCUMENT_HEADER)
    if any(record.failures for record in records):
        print_line(err, _FAILED_HINT, style="dim")


@app.command()
def tag(
    documents: Annotated[list[str], typer.Argument(help="File names, paths or folders.", show_default=False)],
    values: Annotated[
        list[str] | None,
        typer.Option("--set", help="FIELD=VALUE; JSON where it is such, else text; may be repeated.", metavar="TEXT"),
    ] = None,
    names: Annotated[
        list[str] | None, typer.Option("--unset", help="A field to take away; may be repeated.", metavar="FIELD")
    ] = None,
    index: IndexOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write fields of your own on documents, for --where. Other fields stay; nothing is embedded."""
    metadata = read_fields(values or [], names or [])
    with open_index(index) as opened:
        known = {name.split(".")[0] for name in opened.fields()}
        for name in names or []:
            if name not in known:
                raise InvalidInput(f"no field is called '{name}'; `visual-rag facets` lists them")
        n_pages = opened.set_metadata(metadata, documents=documents)
    if as_json:
        print_json({"n_pages_tagged": n_pages})
    else:
        print_line(out, f"tagged {count(n_pages, 'page')}")


@app.command()
def remove(
    documents: Annotated[list[str], typer.Argument(help="File names, paths or folders.", show_default=False)],
    index: IndexOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take documents out of the index. The files themselves are left alone."""
    from visual_rag.last_search import forget

    with open_index(index) as opened:
        n_before = len(opened.documents())
        n_pages = opened.remove(*documents)
        n_documents = n_before - len(opened.documents())
        forget(opened.folder)  # it holds text of pages that may be gone
    if as_json:
        print_json({"n_documents_removed": n_documents, "n_pages_removed": n_pages})
    else:
        print_line(out, f"removed {count(n_documents, 'document')}, {count(n_pages, 'page')}")


@app.command()
def info(index: IndexOption = None, as_json: JsonOption = False) -> None:
    """Say what the index holds, its size, and what built it."""
    from visual_rag.wording import info_json, info_lines

    with open_index(index) as opened:
        found, records = opened.info(), opened.documents()
        warn_of_lost_pages(opened)
    if as_json:
        print_json(info_json(found))
        return
    for line in info_lines(found, records):
        print_line(out, line)


def _store_settings(
    policy: PolicyName | None, text_language: str | None, server: str | None, collection: str | None
) -> StoreSettings:
    if collection is not None and server is None:
        raise typer.BadParameter("--collection goes with --server")
    on_server = None
    if server is not None:
        on_server = (
            ServerSettings(url=server) if collection is None else ServerSettings(url=server, collection=collection)
        )
    return StoreSettings(policy=policy, text_language=text_language, server=on_server)


def _progress(*, quiet: bool) -> Any:
    if quiet:
        return nullcontext()
    from visual_rag.progress import page_progress
    from visual_rag.wording import document_line

    return page_progress(err, document_line)


def _print_report(report: "IngestReport", index: Path | None) -> None:
    """Say what happened, and above it what was out of order; elsewhere than on a terminal each document was told."""
    from visual_rag.wording import remarkable_lines, report_summary

    if err.is_interactive:
        for line in remarkable_lines(report):
            print_line(err, line)
    print_line(out, f"{report_summary(report)} (index: {index or default_index_folder()})")
