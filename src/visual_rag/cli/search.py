"""Commands that look for pages, and for what a filter may name."""

import shlex
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from visual_rag.cli.app import (
    BaseModelOption,
    CountOption,
    DeviceOption,
    DocumentOption,
    IndexOption,
    JsonOption,
    MovedModelOption,
    WhereOption,
    app,
    err,
    open_index,
    out,
    print_json,
    warn_of_lost_pages,
)
from visual_rag.cli.examples import example_words, read_example, read_page, read_region
from visual_rag.printing import Row, count, print_line, print_rows
from visual_rag.settings import Channels, Fusion, ModelSettings, SearchMode, SearchSettings

if TYPE_CHECKING:
    from visual_rag.index import VisualIndex
    from visual_rag.records import Hit, HitGroup, Hits

SimilarityOption = Annotated[float, typer.Option(min=0, max=1, help="Leave out weaker matches.")]
OffsetOption = Annotated[
    int, typer.Option(min=0, help="Hits (or groups) to pass over, to read on where the last search ended.")
]
ModeOption = Annotated[
    SearchMode, typer.Option(help="Score every page, or a shortlist; auto scores every page of a small index.")
]
StrategyName = Literal["average", "best_score", "sum_scores"]  # of `records`, which is not loaded for --help
_DEFAULTS = SearchSettings()


@app.command()
def search(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="question", help="What the page should show.", show_default=False)
    ] = None,
    index: IndexOption = None,
    k: CountOption = 5,
    offset: OffsetOption = 0,
    image: Annotated[Path | None, typer.Option(help="A picture to look for, beside the words or alone.")] = None,
    page: Annotated[
        str | None, typer.Option("--page", "-p", help="More like this page, such as manual.pdf:12.", show_default=False)
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
        str | None,
        typer.Option(help="Show the best pages of each `document`, or of each value of a field, for k of them."),
    ] = None,
    group_size: Annotated[
        int | None, typer.Option(min=1, help="With --group-by: most pages of each; 3 if none is named.")
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Say what the search did and how long it took.")] = False,
    model: MovedModelOption = None,
    base_model: BaseModelOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Find the pages that show what the question asks for."""
    from visual_rag.records import Grouping, Query
    from visual_rag.retrieve.query_image import read_query_image

    if words is None and image is None and page is None:
        raise typer.BadParameter("say what to look for: in words, by --image or by --page")
    if group_by is None and group_size is not None:
        raise typer.BadParameter("--group-size goes with --group-by")
    if group_by is not None and explain:
        raise typer.BadParameter("--explain tells the steps of one ranking; leave out --group-by")
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
        found = _Found(opened, _asked(query.text, image, page), query.text or "", index, as_json)
        named = document
        if group_by is not None:
            grouping = Grouping(by=group_by, n_groups=k, group_size=group_size or 3, offset=offset)
            groups = opened.search_groups(query, grouping, where=where, documents=named, settings=settings)
            found.show_groups(groups)
            is_empty = not groups
        else:
            hits = opened.search(query, k=k, offset=offset, where=where, documents=named, settings=settings)
            found.show_hits(hits)
            if explain and not as_json:
                _print_steps(hits)
            is_empty = not hits
        if is_empty:
            found.show_nothing(where=where, min_similarity=min_similarity, offset=offset)


@app.command()
def recommend(
    like: Annotated[list[str], typer.Argument(help="Pages (manual.pdf:12), pictures or words.", show_default=False)],
    unlike: Annotated[
        list[str] | None, typer.Option("--unlike", "-u", help="Likewise; may be repeated.", show_default=False)
    ] = None,
    strategy: Annotated[StrategyName, typer.Option(help="How likeness to several examples counts.")] = "average",
    index: IndexOption = None,
    k: CountOption = 5,
    offset: OffsetOption = 0,
    document: DocumentOption = None,
    where: WhereOption = None,
    min_similarity: SimilarityOption = 0.0,
    mode: ModeOption = "auto",
    model: MovedModelOption = None,
    base_model: BaseModelOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Find pages that are like some examples and unlike others."""
    from visual_rag.records import Examples

    settings = SearchSettings(mode=mode, min_similarity=min_similarity)
    with open_index(index, model, ModelSettings(base_model=base_model, device=device)) as opened:
        examples = Examples(
            positive=[read_example(opened, text) for text in like],
            negative=[read_example(opened, text) for text in unlike or []],
            strategy=strategy,
        )
        hits = opened.recommend(examples, k=k, offset=offset, where=where, documents=document, settings=settings)
        asked = f"like {', '.join(like)}" + (f"; unlike {', '.join(unlike)}" if unlike else "")
        found = _Found(opened, asked, example_words(like), index, as_json)
        found.show_hits(hits)
        if not hits:
            found.show_nothing(where=where, min_similarity=min_similarity, offset=offset)


@app.command()
def facets(
    field: Annotated[str | None, typer.Argument(help="Its values and their pages; none lists the fields.")] = None,
    index: IndexOption = None,
    document: DocumentOption = None,
    where: WhereOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the fields for --where, or the values of one."""
    from visual_rag.cli.search_wording import facet_rows

    if field is None and (document or where is not None):
        raise typer.BadParameter("--document and --where go with a field")
    with open_index(index) as opened:
        if field is None:
            _print_fields(opened, as_json)
            return
        counts = opened.facet(field, where=where, documents=document)
        n_pages = opened.count(where, documents=document)
    if as_json:
        print_json([{"value": value, "pages": number} for value, number in counts.items()])
        return
    if counts:
        print_rows(out, facet_rows(counts), header=(field, "pages"))
        print_line(out, f"of {count(n_pages, 'page')}")
    else:
        print_line(out, f"none of {count(n_pages, 'page')} has a value of '{field}'")


class _Found:
    """How what one search found is shown."""

    def __init__(self, opened: "VisualIndex", asked: str, words: str, index: Path | None, as_json: bool) -> None:
        self._opened = opened
        self._asked = asked
        self._words = words  # of the question, to be found again in the pages' text
        self._index = index
        self._as_json = as_json

    def show_hits(self, hits: "Hits") -> None:
        from visual_rag.cli.search_wording import HIT_HEADER, hit_json, hit_rows, steps_json

        self._remember(hits)
        if self._as_json:
            print_json({"question": self._asked, "hits": [hit_json(hit) for hit in hits], "steps": steps_json(hits)})
        elif hits:
            print_rows(out, hit_rows(self._words, hits), header=HIT_HEADER)
            self._print_hint()

    def show_groups(self, groups: "Sequence[HitGroup]") -> None:
        from visual_rag.cli.search_wording import group_json, group_lines

        self._remember(list(chain.from_iterable(group.hits for group in groups)))
        if self._as_json:
            print_json({"question": self._asked, "groups": [group_json(group) for group in groups]})
            return
        for line in group_lines(groups):
            print_line(out, line)
        if groups:
            self._print_hint()

    def show_nothing(self, *, where: str | None, min_similarity: float, offset: int) -> None:
        if self._as_json:
            return
        if next(self._opened.pages(), None) is None:
            print_line(out, "the index is empty; `visual-rag ingest PATH` fills it")
            return
        why = "try the words on the page"
        if where is not None and not self._opened.count(where):
            why = f"no page meets --where {where!r}; `visual-rag facets` lists fields and values"
        elif offset:
            why = f"--offset {offset} may be past the end"
        elif min_similarity:
            why = f"no page reaches --min-similarity {min_similarity:g}"
        print_line(out, f"nothing found for {self._asked!r}: {why}; `visual-rag list` shows what the index holds")

    def _remember(self, hits: "Sequence[Hit]") -> None:
        from visual_rag.last_search import remember

        if trouble := remember(self._opened.folder, self._asked, hits):
            print_line(err, f"`visual-rag show` will not know this search: {trouble}")
        warn_of_lost_pages(self._opened)

    def _print_hint(self) -> None:
        option = f" --index {shlex.quote(str(self._index))}" if self._index else ""
        print_line(err, f"`visual-rag show --open{option}` shows these pages", style="dim")


def _asked(words: str | None, image: Path | None, page: str | None) -> str:
    """The question in words, or what it was asked by."""
    return words or " and ".join(str(part) for part in (image, page) if part is not None)


def _print_fields(opened: "VisualIndex", as_json: bool) -> None:
    kinds = {name: sorted(kinds) for name, kinds in sorted(opened.fields().items())}
    if as_json:
        print_json(kinds)
    else:
        rows = [Row((name, " or ".join(held) or "nothing to compare")) for name, held in kinds.items()]
        print_rows(out, rows, header=("field", "holds"))


def _print_steps(hits: "Hits") -> None:
    from visual_rag.cli.search_wording import STEP_HEADER, step_rows

    print_rows(out, step_rows(hits), header=STEP_HEADER)
