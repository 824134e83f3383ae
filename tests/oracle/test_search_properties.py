"""What holds of every search of the corpus on the embedded store, whatever is asked."""

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracle.corpus import TENANTS, Exact, ExactReranking, fill, passport_of
from oracle.plans import leaf_conditions, random_boosts, random_condition, random_query, random_settings, random_text

from visual_rag.errors import InvalidInput
from visual_rag.records import Examples, Grouping, Hits, PageRecord
from visual_rag.retrieve.filter_fields import resolve
from visual_rag.retrieve.search import PageSearcher
from visual_rag.settings import SearchSettings
from visual_rag.store.edge import EdgeStore
from visual_rag.store.field import Field
from visual_rag.store.filter_matching import matches
from visual_rag.store.filters import Filter
from visual_rag.store.images import PageImages
from visual_rag.store.protocol import PageStore
from visual_rag.store.schema import page_payload

EVERYTHING = 1000
searches = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
seeds = st.integers(0, 2**32)


class Corpus:
    """A searcher of the corpus, and what is known of it without one."""

    def __init__(self, store: PageStore, embedder: Exact, images: PageImages) -> None:
        self.pages = fill(store)
        self.searcher = PageSearcher(store, embedder, images)
        self._fields = store.fields()

    def meets(self, where: Filter | None, page: PageRecord) -> bool:
        """Decide in plain code."""
        if where is None:
            return True
        return matches(resolve(where, self._fields), page_payload(page), page.page_id)


@pytest.fixture(scope="module", params=[Exact, ExactReranking])
def corpus(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Corpus]:
    """The corpus, never changed."""
    embedder, folder = request.param(), tmp_path_factory.mktemp("corpus")
    with EdgeStore.create(folder / "index", passport_of(embedder)) as store:
        yield Corpus(store, embedder, PageImages(folder / "images"))


def random_search(chance: random.Random, pages: list[PageRecord]) -> tuple[Any, SearchSettings]:
    """A question, and settings of any kind that go with it."""
    channels = chance.choice(["visual", "text", "both"])
    query = random_text(chance) if channels == "text" or chance.random() < 0.7 else random_query(chance, pages)
    more: dict[str, Any] = {}
    if channels != "text" and chance.random() < 0.3:
        more["min_similarity"] = chance.choice([0.2, 0.5])
    if chance.random() < 0.3:
        more["diversity"] = chance.choice([0.3, 0.9])
    if chance.random() < 0.3:
        more["boosts"] = random_boosts(chance)
    return query, random_settings(chance, channels, **more)


def random_examples(chance: random.Random, pages: list[PageRecord]) -> Examples:
    """Of any strategy, with a positive one."""
    some = [random_text(chance) if chance.random() < 0.5 else random_query(chance, pages) for _ in range(3)]
    return Examples(
        positive=some[:2], negative=some[2:], strategy=chance.choice(["average", "best_score", "sum_scores"])
    )


def ids(hits: Hits) -> list[str]:
    """Of the pages, in order."""
    return [hit.page.page_id for hit in hits]


@searches
@given(seeds)
def test_a_filter_lets_no_other_page_through(corpus: Corpus, seed: int) -> None:
    """In a search of any kind, in groups, in recommending, and in counts."""
    chance = random.Random(seed)
    where = random_condition(chance, corpus.pages)
    query, how = random_search(chance, corpus.pages)
    search = corpus.searcher
    by = chance.choice(["document", "tags", "year", "page_number"])
    groups = search.search_groups(query, Grouping(by=by, n_groups=50, group_size=20), where=where, settings=how)
    liked = search.recommend(
        random_examples(chance, corpus.pages), k=EVERYTHING, where=where, settings=random_settings(chance)
    )
    found = [*search.search(query, k=EVERYTHING, where=where, settings=how), *liked]
    found += [hit for group in groups for hit in group.hits]
    assert all(corpus.meets(where, hit.page) for hit in found)
    assert search.count(where) == sum(corpus.meets(where, page) for page in corpus.pages)


@searches
@given(seeds)
def test_a_filter_loses_no_page_of_an_exact_search(corpus: Corpus, seed: int) -> None:
    """With MaxSim, which has a score for every page, all that meet the condition are found, in any mode."""
    chance = random.Random(seed)
    if corpus.searcher.search("pump")[0].scored_by != "maxsim":
        return
    where = chance.choice(leaf_conditions(chance, corpus.pages))
    found = corpus.searcher.search(random_text(chance), k=EVERYTHING, where=where, settings=random_settings(chance))
    expected = {page.page_id for page in corpus.pages if corpus.meets(where, page)}
    assert set(ids(found)) == expected


@searches
@given(seeds, st.lists(st.integers(1, 30), min_size=1, max_size=6))
def test_paging_has_no_gaps_and_no_repeats(corpus: Corpus, seed: int, cuts: list[int]) -> None:
    """Read in parts of any length, a search of any kind gives what it gives at once, ranks and scores too."""
    chance = random.Random(seed)
    query, how = random_search(chance, corpus.pages)
    where = random_condition(chance, corpus.pages) if chance.random() < 0.3 else None
    whole = corpus.searcher.search(query, k=EVERYTHING, where=where, settings=how)
    assert len(set(ids(whole))) == len(whole)
    assert [hit.rank for hit in whole] == list(range(1, len(whole) + 1))
    offset = 0
    for k in cuts:
        part = corpus.searcher.search(query, k=k, offset=offset, where=where, settings=how)
        assert ids(part) == ids(whole[offset : offset + k])
        assert [hit.rank for hit in part] == [hit.rank for hit in whole[offset : offset + k]]
        assert [hit.score for hit in part] == pytest.approx([hit.score for hit in whole[offset : offset + k]])
        offset += k


@searches
@given(seeds, st.lists(st.integers(1, 30), min_size=1, max_size=4))
def test_recommending_pages_likewise(corpus: Corpus, seed: int, cuts: list[int]) -> None:
    """And never finds the pages among the examples."""
    chance = random.Random(seed)
    examples, how = random_examples(chance, corpus.pages), random_settings(chance)
    whole = corpus.searcher.recommend(examples, k=EVERYTHING, settings=how)
    assert len(set(ids(whole))) == len(whole)
    pages = {some.page_id for some in [*examples.positive, *examples.negative] if isinstance(some, PageRecord)}
    assert not pages & set(ids(whole))
    offset = 0
    for k in cuts:
        part = corpus.searcher.recommend(examples, k=k, offset=offset, settings=how)
        assert ids(part) == ids(whole[offset : offset + k])
        offset += k


@searches
@given(seeds)
def test_a_batch_equals_its_singles(corpus: Corpus, seed: int) -> None:
    """Hits and all that is in them, whatever the questions are."""
    chance = random.Random(seed)
    _, how = random_search(chance, corpus.pages)
    texts_only = how.channels == "text"
    queries = [
        random_text(chance) if texts_only or chance.random() < 0.6 else random_query(chance, corpus.pages)
        for _ in range(chance.randint(0, 4))
    ]
    asked = {"k": chance.choice([1, 7, EVERYTHING]), "where": random_condition(chance, corpus.pages), "settings": how}
    batch = corpus.searcher.search_batch(queries, **asked)
    singles = [corpus.searcher.search(query, **asked) for query in queries]
    assert [ids(hits) for hits in batch] == [ids(hits) for hits in singles]
    for together, alone in zip(batch, singles, strict=True):
        assert [replace(hit, score=0.0, similarity=0.0) for hit in together] == [
            replace(hit, score=0.0, similarity=0.0) for hit in alone
        ]
        assert [hit.score for hit in together] == pytest.approx([hit.score for hit in alone])
        assert [hit.similarity for hit in together] == pytest.approx([hit.similarity for hit in alone])


@searches
@given(seeds)
def test_groups_are_the_filtered_searches(corpus: Corpus, seed: int) -> None:
    """A group's hits are the first of the search filtered to it, and groups stand in the order of the whole search."""
    chance = random.Random(seed)
    query, how = random_search(chance, corpus.pages)
    by = chance.choice(["document_id", "year", "tags", "maker.name", "is_checked", "page_number"])
    grouping = Grouping(by=by, n_groups=chance.randint(1, 8), group_size=chance.randint(1, 5))
    groups = corpus.searcher.search_groups(query, grouping, settings=how)
    for group in groups:
        alone = corpus.searcher.search(query, k=grouping.group_size, where=Field(by) == group.value, settings=how)
        assert group.hits == alone
    values: list[Any] = []
    for hit in corpus.searcher.search(query, k=EVERYTHING, settings=how):
        values += [value for value in _values(hit.page, by) if value not in values]
    assert [group.value for group in groups] == values[: grouping.n_groups]


def _values(page: PageRecord, by: str) -> list[Any]:
    plain = {"document_id": page.document_id, "page_number": page.page_number}
    if by in plain:
        return [plain[by]]
    value: Any = page.metadata
    for key in by.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, list) else [value] if value is not None else []


@searches
@given(seeds)
def test_group_pages_follow_each_other(corpus: Corpus, seed: int) -> None:
    """Passing over groups gives the rest of the groups."""
    chance = random.Random(seed)
    query, how = random_search(chance, corpus.pages)
    whole = corpus.searcher.search_groups(query, Grouping(n_groups=50, group_size=1), settings=how)
    offset = chance.randint(0, 13)
    rest = corpus.searcher.search_groups(query, Grouping(n_groups=3, group_size=1, offset=offset), settings=how)
    assert [group.value for group in rest] == [group.value for group in whole[offset : offset + 3]]


@searches
@given(seeds)
def test_a_tenant_sees_nothing_of_another(corpus: Corpus, seed: int) -> None:
    """Not in hits, groups, their records, recommendations, facets or counts; evidence is of the tenant's own pages."""
    chance = random.Random(seed)
    tenant = chance.choice(TENANTS)
    where, search = Field("tenant") == tenant, corpus.searcher
    own = {page.page_id: page for page in corpus.pages if page.metadata["tenant"] == tenant}
    documents = {page.document_id for page in own.values()}
    query, how = random_search(chance, corpus.pages)
    hits = search.search(query, k=EVERYTHING, where=where, settings=how)
    hits += search.recommend(random_examples(chance, corpus.pages), k=EVERYTHING, where=where)
    groups = search.search_groups(query, Grouping(n_groups=50, group_size=20), where=where, settings=how)
    hits += [hit for group in groups for hit in group.hits]
    assert set(ids(hits)) <= own.keys()
    assert {group.value for group in groups} <= documents
    assert {group.document.document.document_id for group in groups if group.document} <= documents
    assert search.count(where) == len(own)
    assert search.facet("document_id", where=where).keys() == documents
    assert search.facet("tenant", where=where) == {tenant: len(own)}
    for hit in hits[:2]:
        try:
            assert hit.evidence().page.page_id in own
        except InvalidInput:
            assert how.channels == "text"
