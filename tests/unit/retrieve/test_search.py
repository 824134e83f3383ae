"""Edges of searching: what is empty, out of range, unknown, gone or of the wrong kind."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from visual_rag.errors import InvalidFilter, InvalidInput
from visual_rag.passport import IndexPassport
from visual_rag.records import Examples, Grouping, PageEmbedding, PagePoint, PageRecord, Query, make_page_id
from visual_rag.retrieve.search import PageSearcher
from visual_rag.settings import SearchSettings
from visual_rag.store.edge import EdgeStore
from visual_rag.store.field import Field
from visual_rag.store.filters import In
from visual_rag.store.images import PageImages
from visual_rag.store.schema import PAGE_ID, page_payload
from visual_rag.testing import FakeEmbedder, make_page, make_record

TEXTS = (
    "pump seal torque",
    "pump wiring diagram",
    "oil filter gasket",
    "gear shaft motor",
    "pump E-4021 fuse",
    "chart",
)
METADATA: tuple[dict[str, Any], ...] = (
    {"year": 2020, "tags": ["safety", "draft"], "maker": {"name": "Ada", "site": "Oslo"}},
    {"year": 2021, "tags": ["safety"], "mixed": 1},
    {"year": 2021, "tags": [], "mixed": True},
    {"year": 2022, "tags": ["draft"], "rare": "x"},
    {"year": 2020},
    {},
)
UNKNOWN = make_page_id(make_record().document_id, 4711)
MILLIONS = 10_000_000
TEXT_ONLY = SearchSettings(channels="text")
Method = Callable[[PageSearcher, Any], Any]
METHODS: dict[str, Method] = {
    "search": lambda searcher, where: searcher.search("pump", where=where),
    "search_batch": lambda searcher, where: searcher.search_batch(["pump", "oil"], where=where),
    "search_groups": lambda searcher, where: searcher.search_groups("pump", where=where),
    "recommend": lambda searcher, where: searcher.recommend(Examples(positive=["pump"]), where=where),
    "facet": lambda searcher, where: searcher.facet("document", where=where),
    "count": lambda searcher, where: searcher.count(where),
}
methods = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)


class Interrupted(EdgeStore):
    """The embedded store, with something that happens just before vectors are read."""

    before_reading: Callable[[], None] | None = None

    def embeddings(self, pages: Sequence[PageRecord]) -> list[PageEmbedding]:
        """Let it happen once."""
        happens, self.before_reading = self.before_reading, None
        if happens:
            happens()
        return super().embeddings(pages)


def make_store(folder: Path, texts: Sequence[str]) -> Interrupted:
    """Store pages, one for each text."""
    embedder = FakeEmbedder()
    passport = IndexPassport(
        model=embedder.identity, dpi=72, renderer="pdfium 5", pooling=embedder.pooling, datatype="float16"
    )
    store = Interrupted.create(folder, passport)
    embeddings = embedder.embed_pages([make_page(text) for text in texts])
    for index, (text, embedding) in enumerate(zip(texts, embeddings, strict=True)):
        record = make_record(
            page_index=index, text=text, metadata=METADATA[index], n_vectors=len(embedding.vectors), n_pages=len(texts)
        )
        store.upsert(
            [
                PagePoint(
                    page_id=record.page_id,
                    embedding=embedding,
                    pooled=embedder.pool(embedding),
                    payload=page_payload(record),
                )
            ]
        )
    return store


def searcher_of(store: EdgeStore, folder: Path, settings: SearchSettings | None = None) -> PageSearcher:
    """A searcher; no image is kept."""
    return PageSearcher(store, FakeEmbedder(), PageImages(folder / "images"), settings)


@pytest.fixture(scope="module")
def searcher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageSearcher]:
    """Of six pages that nobody changes."""
    folder = tmp_path_factory.mktemp("six")
    with make_store(folder / "index", TEXTS) as store:
        yield searcher_of(store, folder)


@pytest.fixture
def own_store(tmp_path: Path) -> Iterator[Interrupted]:
    """Six pages of this test's own."""
    with make_store(tmp_path / "index", TEXTS) as store:
        yield store


@methods
@pytest.mark.parametrize("channels", ["visual", "text", "both"])
def test_an_empty_index_has_nothing_to_find(tmp_path: Path, method: Method, channels: Any) -> None:
    """And nothing to count; it is no error."""
    with make_store(tmp_path / "index", []) as store:
        found = method(searcher_of(store, tmp_path, SearchSettings(channels=channels)), None)
    assert found in ([], [[], []], {}, 0)


@pytest.mark.parametrize("channels", ["visual", "text", "both"])
@pytest.mark.parametrize("query", ["", "  \n\t", "?!"])
def test_a_question_without_words_is_refused(searcher: PageSearcher, query: str, channels: Any) -> None:
    """By every method and channel, except that punctuation alone is text that is found nowhere."""
    settings = SearchSettings(channels=channels)
    if channels == "text" and query.strip():
        assert searcher.search(query, settings=settings) == []
        return
    with pytest.raises(InvalidInput):
        searcher.search(query, settings=settings)
    with pytest.raises(InvalidInput):
        searcher.search_batch(["pump", query], settings=settings)
    with pytest.raises(InvalidInput):
        searcher.search_groups(query, settings=settings)


@pytest.mark.parametrize("n_characters", [10_000, 100_000])
@pytest.mark.parametrize("channels", ["visual", "text", "both"])
def test_a_long_question_finds_its_page(searcher: PageSearcher, n_characters: int, channels: Any) -> None:
    """What is beyond 20,000 characters is not read."""
    query = ("oil filter " * n_characters)[:n_characters]
    [hit] = searcher.search(query, k=1, settings=SearchSettings(channels=channels))
    assert hit.page.text == TEXTS[2]
    tail = "oil filter ".ljust(30_000) + "chart"
    assert searcher.search(tail, k=1, settings=SearchSettings(channels=channels))[0].page.text == TEXTS[2]


def test_a_batch_takes_a_list_of_questions(searcher: PageSearcher) -> None:
    """One text is not taken for its letters; no questions give no answers."""
    with pytest.raises(InvalidInput, match="list of questions"):
        searcher.search_batch("pump")
    with pytest.raises(InvalidInput, match="list of examples"):
        searcher.recommend(Examples(positive="pump"))
    assert searcher.search_batch([]) == []


@pytest.mark.parametrize("k", [0, -1, 1.5, True, "5", None, 2**40])
def test_a_k_that_is_no_number_of_pages_is_refused(searcher: PageSearcher, k: Any) -> None:
    """By everything that takes one, and the message has it."""
    calls: list[Callable[[], Any]] = [
        lambda: searcher.search("pump", k=k),
        lambda: searcher.search_batch(["pump"], k=k),
        lambda: searcher.recommend(Examples(positive=["pump"]), k=k),
        lambda: searcher.search_groups("pump", Grouping(n_groups=k)),
        lambda: searcher.search_groups("pump", Grouping(group_size=k)),
    ]
    for call in calls:
        with pytest.raises(InvalidInput, match=repr(k)):
            call()


@pytest.mark.parametrize("offset", [-1, 0.5, False, "1", None])
def test_an_offset_that_is_no_number_of_hits_is_refused(searcher: PageSearcher, offset: Any) -> None:
    """Likewise."""
    calls: list[Callable[[], Any]] = [
        lambda: searcher.search("pump", offset=offset),
        lambda: searcher.recommend(Examples(positive=["pump"]), offset=offset),
        lambda: searcher.search_groups("pump", Grouping(offset=offset)),
    ]
    for call in calls:
        with pytest.raises(InvalidInput, match=repr(offset)):
            call()


@pytest.mark.parametrize("mode", ["exact", "two-stage"])
@pytest.mark.parametrize("channels", ["visual", "both"])
def test_ten_million_hits_are_all_there_are(searcher: PageSearcher, mode: Any, channels: Any) -> None:
    """And past the last one there are none."""
    settings = SearchSettings(mode=mode, channels=channels, min_shortlist=2)
    every = searcher.search("pump", k=MILLIONS, settings=settings)
    assert len(every) == len(TEXTS)
    assert [len(hits) for hits in searcher.search_batch(["pump", "oil"], k=MILLIONS, settings=settings)] == [6, 6]
    assert searcher.search("pump", k=MILLIONS, offset=MILLIONS, settings=settings) == []
    assert searcher.search("pump", k=3, offset=6, settings=settings) == []
    assert searcher.search("pump", k=3, offset=5, settings=settings) == every[5:]
    groups = searcher.search_groups("pump", Grouping(n_groups=MILLIONS, group_size=MILLIONS), settings=settings)
    assert [len(group.hits) for group in groups] == [6]
    assert searcher.search_groups("pump", Grouping(offset=1), settings=settings) == []


@pytest.mark.parametrize("page", [UNKNOWN, make_record(page_index=4711), "no uuid"])
def test_an_unknown_page_is_refused(searcher: PageSearcher, page: Any) -> None:
    """As a question, within one, and as an example."""
    for query in (Query(page=page), Query(text="pump", page=page)):
        with pytest.raises(InvalidInput):
            searcher.search(query)
    for examples in (Examples(positive=[Query(page=page)]), Examples(positive=["pump"], negative=[Query(page=page)])):
        with pytest.raises(InvalidInput):
            searcher.recommend(examples)


def test_a_page_is_not_found_by_itself(searcher: PageSearcher) -> None:
    """However its id is written."""
    page = searcher.search("oil")[0].page
    for query in (page, Query(page=page.page_id), Query(page=page.page_id.upper())):
        found = searcher.search(query, k=10)
        assert len(found) == len(TEXTS) - 1
        assert page not in [hit.page for hit in found]


def test_examples_that_a_strategy_cannot_start_from_are_refused(searcher: PageSearcher) -> None:
    """The average needs a positive one, the others any; an unknown strategy is named with the legal ones."""
    with pytest.raises(InvalidInput, match="positive"):
        searcher.recommend(Examples(negative=["pump"]))
    strategies: list[Any] = ["average", "best_score", "sum_scores"]
    for strategy in strategies:
        with pytest.raises(InvalidInput):
            searcher.recommend(Examples(strategy=strategy))
    unknown: Any = "nearest"
    with pytest.raises(InvalidInput, match="sum_scores"):
        searcher.recommend(Examples(positive=["pump"], strategy=unknown))


@pytest.mark.parametrize("strategy", ["best_score", "sum_scores"])
def test_negatives_alone_put_their_like_last(searcher: PageSearcher, strategy: Any) -> None:
    """A threshold, which is to the positives, is refused then."""
    examples = Examples(negative=["oil filter gasket"], strategy=strategy)
    found = searcher.recommend(examples, k=10)
    assert len(found) == len(TEXTS)
    assert found[-1].page.text == TEXTS[2]
    with pytest.raises(InvalidInput, match="min_similarity"):
        searcher.recommend(examples, settings=SearchSettings(min_similarity=0.5))


@methods
def test_an_unknown_field_is_refused(searcher: PageSearcher, method: Method) -> None:
    """As a condition or as text, with the nearest name there is."""
    for where in (Field("yeaar") == 2020, "yeaar = 2020"):
        with pytest.raises(InvalidFilter, match="year"):
            method(searcher, where)


@methods
@pytest.mark.parametrize("where", [Field("year") == "2020", 'year = "x"', "", "year >", 5, {"year": 2020}, b"year"])
def test_a_condition_that_makes_no_sense_is_refused(searcher: PageSearcher, method: Method, where: Any) -> None:
    """Of the wrong type, broken, or none at all."""
    with pytest.raises(InvalidFilter):
        method(searcher, where)


def test_the_text_channel_is_asked_in_words(searcher: PageSearcher) -> None:
    """A picture or a page is refused where the text channel is alone; beside the visual one it is looked for there."""
    picture, page = make_page(TEXTS[1]).image, searcher.search("oil")[0].page
    for query in (picture, page, Query(image=picture)):
        with pytest.raises(InvalidInput, match="words"):
            searcher.search(query, settings=TEXT_ONLY)
    [hit] = searcher.search(picture, k=1, settings=SearchSettings(channels="both"))
    assert (hit.page.text, hit.scored_by) == (TEXTS[1], "maxsim")
    assert searcher.search(Query(text="oil", image=picture), k=1, settings=TEXT_ONLY)[0].page.text == TEXTS[2]


def test_the_text_channel_knows_no_similarity(searcher: PageSearcher) -> None:
    """A threshold on it is refused rather than ignored."""
    with pytest.raises(InvalidInput, match="min_similarity"):
        searcher.search("pump", settings=SearchSettings(channels="text", min_similarity=0.1))


def test_groups_by_an_unknown_field_are_refused(searcher: PageSearcher) -> None:
    """So are groups by what is another on every page."""
    for by in ("yeaar", "page_id", "text", ""):
        with pytest.raises(InvalidFilter):
            searcher.search_groups("pump", Grouping(by=by))
        with pytest.raises(InvalidFilter):
            searcher.facet(by)


def test_groups_by_a_list_take_each_item(searcher: PageSearcher) -> None:
    """A page with two tags is in both groups; one without tags in none."""
    groups = searcher.search_groups("pump seal torque", Grouping(by="tags"))
    found = {group.value: sorted(hit.page.page_index for hit in group.hits) for group in groups}
    assert found == {"safety": [0, 1], "draft": [0, 3]}


def test_groups_by_a_field_that_most_pages_lack(searcher: PageSearcher) -> None:
    """Only those that have it are in a group."""
    [group] = searcher.search_groups("pump", Grouping(by="rare"))
    assert (group.value, [hit.page.page_index for hit in group.hits], group.document) == ("x", [3], None)


def test_groups_by_page_number_are_named_as_people_count(searcher: PageSearcher) -> None:
    """As a filter and a facet name them: the value of a group can be asked for."""
    groups = searcher.search_groups("pump", Grouping(by="page_number", n_groups=10))
    assert {group.value for group in groups} == set(searcher.facet("page_number")) == set(range(1, 7))
    for group in groups:
        assert [hit.page.page_number for hit in group.hits] == [group.value]


def test_a_group_of_true_is_not_a_group_of_one(searcher: PageSearcher) -> None:
    """Python takes them for equal; a filter does not."""
    groups = searcher.search_groups("pump", Grouping(by="mixed"))
    assert sorted((type(group.value).__name__, len(group.hits)) for group in groups) == [("bool", 1), ("int", 1)]


def test_evidence_of_a_page_that_was_removed_is_refused(own_store: Interrupted, tmp_path: Path) -> None:
    """It says so; the other hits still explain themselves."""
    first, second = searcher_of(own_store, tmp_path).search("pump seal", k=2)
    own_store.delete(In(PAGE_ID, (first.page.page_id,)))
    with pytest.raises(InvalidInput, match="removed"):
        first.evidence()
    assert [token.token for token in second.evidence().tokens] == ["pump", "seal"]


def test_hits_of_the_text_channel_alone_have_no_evidence(searcher: PageSearcher) -> None:
    """Nothing was looked at; the message says what to ask instead."""
    with pytest.raises(InvalidInput, match="channels='both'"):
        searcher.search("pump", settings=TEXT_ONLY)[0].evidence()


@pytest.mark.parametrize("shape", [{"with_vectors": True}, {"diversity": 0.5}])
def test_a_page_removed_during_a_search_is_not_found(own_store: Interrupted, tmp_path: Path, shape: Any) -> None:
    """The search begins anew: neither an error nor a hit that is gone."""
    searcher, how = searcher_of(own_store, tmp_path), SearchSettings(**shape)
    best = searcher.search("oil filter", k=6, settings=how)[0].page
    own_store.before_reading = lambda: own_store.delete(In(PAGE_ID, (best.page_id,)))
    found = searcher.search("oil filter", k=6, settings=how)
    assert len(found) == len(TEXTS) - 1
    assert best not in [hit.page for hit in found]


def test_a_batch_and_groups_begin_anew_likewise(own_store: Interrupted, tmp_path: Path) -> None:
    """Each reads vectors on the way."""
    searcher = searcher_of(own_store, tmp_path, SearchSettings(with_vectors=True))
    pages = [hit.page for hit in searcher.search("pump seal torque", k=2)]
    own_store.before_reading = lambda: own_store.delete(In(PAGE_ID, (pages[0].page_id,)))
    assert [len(hits) for hits in searcher.search_batch(["pump", "oil"], k=10)] == [5, 5]
    own_store.before_reading = lambda: own_store.delete(In(PAGE_ID, (pages[1].page_id,)))
    [group] = searcher.search_groups("pump", Grouping(group_size=10))
    assert len(group.hits) == 4


def test_an_index_that_is_never_quiet_says_so(own_store: Interrupted, tmp_path: Path) -> None:
    """After a few tries the error of the store comes through; a search does not go on for ever."""
    searcher = searcher_of(own_store, tmp_path, SearchSettings(with_vectors=True))

    def remove_the_next() -> None:
        own_store.delete(In(PAGE_ID, (next(iter(own_store.scroll())).page_id,)))
        own_store.before_reading = remove_the_next

    own_store.before_reading = remove_the_next
    with pytest.raises(InvalidInput, match="search again"):
        searcher.search("pump", k=10)


def _metadata(searcher: PageSearcher, **settings: Any) -> dict[str, Any]:
    return dict(searcher.search("pump seal torque", k=1, settings=SearchSettings(**settings))[0].page.metadata)


def test_fields_are_left_out_of_hits(searcher: PageSearcher) -> None:
    """By name, nested ones with dots, `metadata.` before it or not; what both name is left out."""
    assert _metadata(searcher, include_fields=("year",)) == {"year": 2020}
    assert _metadata(searcher, include_fields=("metadata.year", "maker.site")) == {
        "year": 2020,
        "maker": {"site": "Oslo"},
    }
    assert _metadata(searcher, exclude_fields=("tags", "maker.name")) == {"year": 2020, "maker": {"site": "Oslo"}}
    assert _metadata(searcher, include_fields=("maker", "year"), exclude_fields=("maker.site", "year")) == {
        "maker": {"name": "Ada"}
    }
    assert _metadata(searcher, include_fields=()) == {}
    assert _metadata(searcher) == METADATA[0]


def test_the_text_layer_is_a_field_like_others(searcher: PageSearcher) -> None:
    """A hit without it can still be explained."""
    for settings in (SearchSettings(exclude_fields=("text",)), SearchSettings(include_fields=("year",))):
        [hit] = searcher.search("oil", k=1, settings=settings)
        assert (hit.page.text, hit.page.page_index) == ("", 2)
        assert hit.evidence().page.text == TEXTS[2]


def test_vectors_come_with_hits_where_asked_for(searcher: PageSearcher) -> None:
    """Those of the hit's own page."""
    hits = searcher.search("pump", k=6, settings=SearchSettings(with_vectors=True))
    for hit in hits:
        assert hit.embedding is not None
        [expected] = FakeEmbedder().embed_pages([make_page(hit.page.text)])
        np.testing.assert_allclose(hit.embedding.vectors, expected.vectors, atol=2e-3)
    assert all(hit.embedding is None for hit in searcher.search("pump"))


@pytest.mark.parametrize("channels", ["visual", "text", "both"])
def test_hits_tell_what_was_done(searcher: PageSearcher, channels: Any) -> None:
    """Steps have names, and take no longer together than the search took."""
    settings = SearchSettings(channels=channels, diversity=0.5)
    started = time.perf_counter()
    hits = searcher.search("pump E-4021", settings=settings)
    wall_s = time.perf_counter() - started
    names = [step.name for step in hits.steps]
    assert all(names)
    assert ("embed" in names, "score by maxsim" in names) == (channels != "text",) * 2
    assert ("score by bm25" in names, "look for codes" in names) == (channels != "visual",) * 2
    assert "diversify" in names
    assert all(step.seconds >= 0 for step in hits.steps)
    assert sum(step.seconds for step in hits.steps) <= wall_s


def test_a_picture_that_is_nowhere_still_ranks_every_page(searcher: PageSearcher) -> None:
    """MaxSim has a score for each."""
    assert len(searcher.search(Image.new("RGB", (4, 4), "red"), k=10)) == len(TEXTS)
