"""Commands that look for pages and say why they were found."""

import shlex
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from visual_rag.cli.app import (
    BaseModelOption,
    CountOption,
    DeviceOption,
    IndexOption,
    JsonOption,
    app,
    err,
    open_index,
    out,
    print_json,
    warn_of_lost_pages,
)
from visual_rag.cli.examples import read_example, read_page, read_region
from visual_rag.errors import InvalidInput
from visual_rag.printing import Row, print_line, print_rows
from visual_rag.records import Examples, Grouping, Query, RecommendStrategy
from visual_rag.settings import Channels, Fusion, ModelSettings, SearchMode, SearchSettings

if TYPE_CHECKING:
    from visual_rag.index import VisualIndex
    from visual_rag.records import HitGroup, Hits

WhereOption = Annotated[
    str | None,
    typer.Option("--where", "-w", help='Only pages that meet it: \'year >= 2023 and language in ["en", "de"]\'.'),
]
DocumentOption = Annotated[
    list[str] | None,
    typer.Option("--document", "-d", help="Look only in this document or folder; may be repeated."),
]
SimilarityOption = Annotated[float, typer.Option(min=0, max=1, help="Leave out weaker matches.")]
OffsetOption = Annotated[int, typer.Option(min=0, help="Hits to pass over, to read on where the last search ended.")]
MovedModelOption = Annotated[
    str | None, typer.Option(help="Where the index's model lies now, if it was moved.", show_default=False)
]
ModeOption = Annotated[
    SearchMode, typer.Option(help="Score every page, or a shortlist; auto scores every page of a small index.")
]
_DEFAULTS = SearchSettings()


@app.command()
def search(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[question]", help="What the page should show.", show_default=False)
    ] = None,
    index: IndexOption = None,
    k: CountOption = 5,
    offset: OffsetOption = 0,
    image: Annotated[Path | None, typer.Option(help="A picture to look for, beside the words or alone.")] = None,
    page: Annotated[
        str | None, typer.Option(help="More like this page, such as manual.pdf:12.", show_default=False)
    ] = None,
    region: Annotated[
        str | None, typer.Option(help="Only this part of --page: left,top,right,bottom from 0 to 1.")
    ] = None,
    document: DocumentOption = None,
    where: WhereOption = None,
    min_similarity: SimilarityOption = 0.0,
    channels: Annotated[
        Channels, typer.Option(help="Look at the pages, read their text layers, or both.")
    ] = _DEFAULTS.channels,
    fusion: Annotated[Fusion, typer.Option(help="How both channels are fused.")] = _DEFAULTS.fusion,
    text_weight: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the text channel in the fusion.")
    ] = _DEFAULTS.text_weight,
    mode: ModeOption = "auto",
    min_shortlist: Annotated[
        int, typer.Option(min=1, help="Pages on the shortlist, at least.")
    ] = _DEFAULTS.min_shortlist,
    diversity: Annotated[float, typer.Option(min=0, max=1, help="Prefer pages unlike those before them.")] = 0.0,
    group_by: Annotated[
        str | None, typer.Option(help="Show the best pages of each document, or of each value of a field.")
    ] = None,
    group_size: Annotated[int, typer.Option(min=1, help="With --group-by: pages of each of the k groups.")] = 3,
    explain: Annotated[bool, typer.Option("--explain", help="Say what the search did and how long it took.")] = False,
    model: MovedModelOption = None,
    base_model: BaseModelOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Find the pages that show what the question asks for, best first."""
    from visual_rag.retrieve.query_image import read_query_image

    settings = SearchSettings(
        mode=mode,
        min_shortlist=min_shortlist,
        min_similarity=min_similarity,
        channels=channels,
        fusion=fusion,
        text_weight=text_weight,
        diversity=diversity,
    )
    with open_index(index, model, ModelSettings(base_model=base_model, device=device)) as opened:
        query = Query(
            text=" ".join(words) if words else None,
            image=read_query_image(image) if image else None,
            page=read_page(opened, page) if page else None,
            region=read_region(region) if region else None,
        )
        named = document or []
        if group_by is not None:
            grouping = Grouping(by=group_by, n_groups=k, group_size=group_size, offset=offset)
            _print_groups(
                opened.search_groups(query, grouping, where=where, documents=named, settings=settings), as_json
            )
            return
        hits = opened.search(query, k=k, offset=offset, where=where, documents=named, settings=settings)
        question = query.text or f"{image or page}"
        _show_hits(opened, question, hits, index, as_json=as_json)
        if explain and not as_json:
            _print_steps(hits)
        if not hits and not as_json:
            _print_nothing(opened, question, where=where, min_similarity=min_similarity)


@app.command()
def recommend(
    like: Annotated[list[str], typer.Argument(help="Pages (manual.pdf:12), pictures or words.", show_default=False)],
    unlike: Annotated[
        list[str] | None, typer.Option("--unlike", "-u", help="Likewise; may be repeated.", show_default=False)
    ] = None,
    strategy: Annotated[RecommendStrategy, typer.Option(help="How likeness to several examples counts.")] = "average",
    index: IndexOption = None,
    k: CountOption = 5,
    offset: OffsetOption = 0,
    document: DocumentOption = None,
    where: WhereOption = None,
    min_similarity: SimilarityOption = 0.0,
    mode: ModeOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Find pages that are like some examples and unlike others."""
    settings = SearchSettings(mode=mode, min_similarity=min_similarity)
    with open_index(index) as opened:
        examples = Examples(
            positive=[read_example(opened, text) for text in like],
            negative=[read_example(opened, text) for text in unlike or []],
            strategy=strategy,
        )
        hits = opened.recommend(examples, k=k, offset=offset, where=where, documents=document or [], settings=settings)
        question = "like " + ", ".join(like) + (f"; unlike {', '.join(unlike)}" if unlike else "")
        _show_hits(opened, question, hits, index, as_json=as_json)
        if not hits and not as_json:
            _print_nothing(opened, question, where=where, min_similarity=min_similarity)


@app.command()
def facets(
    field: Annotated[str | None, typer.Argument(help="Its values and their pages; none lists the fields.")] = None,
    index: IndexOption = None,
    document: DocumentOption = None,
    where: WhereOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the fields that --where may name, or how many pages have each value of one."""
    with open_index(index) as opened:
        if field is None:
            kinds = {name: sorted(kinds) for name, kinds in sorted(opened.fields().items())}
            if as_json:
                print_json(kinds)
            else:
                print_rows(
                    out, [Row((name, " or ".join(held))) for name, held in kinds.items()], header=("field", "holds")
                )
            return
        counts = opened.facet(field, where=where, documents=document or [])
    if as_json:
        print_json([{"value": value, "pages": n_pages} for value, n_pages in counts.items()])
    elif counts:
        print_rows(
            out, [Row((str(value), f"{n_pages:,}")) for value, n_pages in counts.items()], header=(field, "pages")
        )
    else:
        print_line(out, f"no page has a value of '{field}'")


@app.command()
def explain(
    words: Annotated[list[str], typer.Argument(metavar="question", help="As asked.", show_default=False)],
    page: Annotated[str, typer.Option("--page", "-p", help="The page, such as manual.pdf:12.", show_default=False)],
    index: IndexOption = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write the picture; .png or .jpg.")] = Path(
        "visual_rag_evidence.png"
    ),
    as_json: JsonOption = False,
) -> None:
    """Show where on a page each word of a question was found, in a picture and in words."""
    from visual_rag.wording import EVIDENCE_HEADER, evidence_json, evidence_rows

    with open_index(index) as opened:
        evidence = opened.evidence(" ".join(words), read_page(opened, page))
        opened.show_evidence(evidence, output)
    if as_json:
        print_json(evidence_json(evidence))
        return
    print_rows(out, evidence_rows(evidence), header=EVIDENCE_HEADER)
    print_line(out, f"wrote {output.resolve()}")


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

    with open_index(index) as opened:
        question, hits = recall(opened.folder)
        if not hits:
            raise InvalidInput(f"the last search, {question!r}, found nothing to show; ask in other words")
        opened.show(question, hits, output)
    print_line(out, f"wrote {output.resolve()}")
    if open_it and not webbrowser.open(output.resolve().as_uri()):
        print_line(err, "no browser was found; open the file yourself")


def _show_hits(opened: "VisualIndex", question: str, hits: "Hits", index: Path | None, *, as_json: bool) -> None:
    from visual_rag.last_search import remember
    from visual_rag.wording import HIT_HEADER, hit_json, hit_rows, steps_json

    if trouble := remember(opened.folder, question, hits):
        print_line(err, f"`visual-rag show` will not know this search: {trouble}")
    warn_of_lost_pages(opened)
    if as_json:
        print_json({"question": question, "hits": [hit_json(hit) for hit in hits], "steps": steps_json(hits)})
    elif hits:
        print_rows(out, hit_rows(question, hits), header=HIT_HEADER)
        option = f" --index {shlex.quote(str(index))}" if index else ""
        print_line(err, f"`visual-rag show --open{option}` shows these pages", style="dim")


def _print_groups(groups: "Sequence[HitGroup]", as_json: bool) -> None:
    from visual_rag.wording import group_json, group_lines

    if as_json:
        print_json([group_json(group) for group in groups])
        return
    for line in group_lines(groups):
        print_line(out, line)
    if not groups:
        print_line(out, "nothing found; `visual-rag list` shows what the index holds")


def _print_steps(hits: "Hits") -> None:
    rows = [Row((step.name, f"{1000 * step.seconds:.1f} ms"), step.detail) for step in hits.steps]
    print_rows(out, rows, header=("step", "time"))


def _print_nothing(opened: "VisualIndex", question: str, *, where: str | None, min_similarity: float) -> None:
    if next(opened.pages(), None) is None:
        print_line(out, "the index is empty; `visual-rag ingest PATH` fills it")
        return
    why = "try the words on the page"
    if where is not None and not opened.count(where):
        why = f"no page meets --where {where!r}; `visual-rag facets` lists fields and values"
    elif min_similarity:
        why = f"no page reaches --min-similarity {min_similarity:g}"
    print_line(out, f"nothing found for {question!r}: {why}; `visual-rag list` shows what the index holds")
