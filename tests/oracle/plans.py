"""Random searches of the corpus, each the same for every store: made from a seed, run on any `PageSearcher`."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any, get_args

from oracle.corpus import CODES, TAGS, TENANTS, WORDS

from visual_rag.records import Examples, FieldScalar, Grouping, Hits, PageRecord, Query, RecommendStrategy, Region
from visual_rag.retrieve.search import PageSearcher
from visual_rag.settings import Boost, Channels, Fusion, SearchSettings
from visual_rag.store.field import Field
from visual_rag.store.filters import Filter
from visual_rag.testing import make_page

Row = tuple[str, float, float]
Answer = list[tuple[FieldScalar, list[Row]]]
"""Rankings, each with the value of its group, or its number: page id, score and similarity, best first."""


@dataclass(frozen=True)
class Plan:
    """One search.

    Attributes:
        shown: For messages.
        run: The search.
    """

    shown: str
    run: Callable[[PageSearcher], Answer]


def make_plans(kind: str, pages: Sequence[PageRecord], *, n_plans: int, seed: int) -> list[Plan]:
    """Make searches of one kind: one of `KINDS`."""
    chance = random.Random(f"{kind}:{seed}")
    return [KINDS[kind](chance, pages) for _ in range(n_plans)]


def leaf_conditions(chance: random.Random, pages: Sequence[PageRecord]) -> list[Filter]:
    """One condition of every kind."""
    some = chance.choice(pages)
    return [
        Field("year") >= chance.randint(2014, 2020),
        Field("year").between(2016, chance.randint(2017, 2020)),
        Field("language").one_of(*chance.sample(["en", "de", "fr", "no"], 2)),
        Field("tags") == chance.choice(TAGS),
        ~(Field("tags") == chance.choice(TAGS)),
        Field("maker.name") == f"maker {chance.randint(0, 2)}",
        ~(Field("maker.site.country") == chance.choice(["NO", "IT"])),
        Field("released") < date(chance.randint(2021, 2024), 6, 1),
        Field("is_checked") == chance.choice([True, False]),
        Field("price") < chance.uniform(20, 100),
        Field("page_number") <= chance.randint(2, 9),
        Field("document").one_of(*(f"{number}.pdf" for number in chance.sample(range(12), 5))),
        Field("tenant") == chance.choice(TENANTS),
        Field("text").has_words(chance.choice(WORDS)),
        Field("text").contains(chance.choice(WORDS)[:4]),
        Field("note").is_null(),
        ~Field("tags").is_empty(),
        ~(Field("page_id") == some.page_id),
    ]


def random_condition(chance: random.Random, pages: Sequence[PageRecord], depth: int = 0) -> Filter:
    """A condition, or a few as one."""
    if depth == 2 or chance.random() < 0.5:
        return chance.choice(leaf_conditions(chance, pages))
    first, second = (random_condition(chance, pages, depth + 1) for _ in range(2))
    return chance.choice([first & second, first | second, first | ~second])


def random_text(chance: random.Random) -> str:
    """A question of a few words, with a code among them now and then."""
    words = chance.sample(WORDS, chance.randint(1, 4))
    if chance.random() < 0.3:
        words.insert(chance.randint(0, len(words)), chance.choice(CODES))
    return " ".join(words)


def random_query(chance: random.Random, pages: Sequence[PageRecord]) -> Any:
    """A picture, a page, a region, or two together.

    Together they have one, two or four rows each: then the weights that make them count the same are exact in 16 bits.
    """
    page = chance.choice([page for page in pages if page.text])
    words = " ".join(chance.sample(WORDS, chance.choice([1, 2, 4])))
    left, top = chance.uniform(0, 0.6), chance.uniform(0, 0.6)
    region = Region(left, top, left + chance.uniform(0.05, 0.4), top + chance.uniform(0.05, 0.4))
    corner = Region(0.0, 0.0, 0.01, 0.01)  # nearest to the first word alone
    return chance.choice(
        [
            make_page(page.text).image,
            page,
            Query(page=page.page_id),
            Query(page=page, region=region),
            Query(text=words, image=make_page(page.text).image),
            Query(text=words, page=page, region=corner),
        ]
    )


def random_settings(chance: random.Random, channels: Channels = "visual", **more: Any) -> SearchSettings:
    """Exact or two stages, with shortlists from tiny to whole."""
    fields: dict[str, Any] = {
        "mode": chance.choice(["exact", "two-stage"]),
        "min_shortlist": chance.choice([2, 5, 20, 200]),
        "shortlist_share": chance.choice([0.0, 0.05]),
        "channels": channels,
        "fusion": chance.choice(get_args(Fusion)),
        "text_weight": chance.choice([0.25, 0.5, 0.8]),
        "rescue_codes": chance.random() < 0.7,
    }
    return SearchSettings(**{**fields, **more})


def random_boosts(chance: random.Random) -> tuple[Boost, ...]:
    """One or two; a date is a fixed one, since `now` moves."""
    boosts = [
        Boost(field="price", weight=chance.uniform(0.2, 2), target=50.0, scale=20.0),
        Boost(field="released", weight=1.0, target="2024-01-01", scale=300.0),
        Boost(field="is_checked", weight=chance.choice([-0.5, 0.7])),
        Boost(field="page_number", weight=1.0, target=5.0, scale=3.0),
    ]
    return tuple(chance.sample(boosts, chance.randint(1, 2)))


def answer(hits: Hits, name: FieldScalar = 0) -> Answer:
    """What is compared of hits."""
    return [(name, [(hit.page.page_id, hit.score, hit.similarity) for hit in hits])]


def _where(chance: random.Random, pages: Sequence[PageRecord], likelihood: float) -> Filter | None:
    return random_condition(chance, pages) if chance.random() < likelihood else None


def _search(chance: random.Random, pages: Sequence[PageRecord], query: Any, settings: SearchSettings) -> Plan:
    asked = {
        "k": chance.choice([1, 3, 10, 200]),
        "offset": chance.choice([0, 0, 2, 7]),
        "where": _where(chance, pages, 0.5),
        "settings": settings,
    }
    return Plan(f"search({query!r}, {asked})", lambda searcher: answer(searcher.search(query, **asked)))


def _filtered(chance: random.Random, pages: Sequence[PageRecord]) -> Plan:
    where = random_condition(chance, pages)
    asked = {"k": 20, "where": where, "settings": random_settings(chance)}
    query = random_text(chance)

    def run(searcher: PageSearcher) -> Answer:
        counted: list[Row] = [(field, float(searcher.count(where)), 0.0) for field in ("all",)]
        facets = [(field, list(searcher.facet(field, where=where).items())) for field in ("tags", "year", "document")]
        counts: Answer = [(field, [(str(value), float(n), 0.0) for value, n in found]) for field, found in facets]
        return [*answer(searcher.search(query, **asked)), ("count", counted), *counts]

    return Plan(f"search and count({query!r}, {asked})", run)


def _textual(channels: Channels, chance: random.Random, pages: Sequence[PageRecord]) -> Plan:
    return _search(chance, pages, random_text(chance), random_settings(chance, channels))


def _pictured(chance: random.Random, pages: Sequence[PageRecord]) -> Plan:
    return _search(
        chance, pages, random_query(chance, pages), random_settings(chance, chance.choice(["visual", "both"]))
    )


def _shaped(chance: random.Random, pages: Sequence[PageRecord]) -> Plan:
    """Thresholds, boosts and diversity, alone and together."""
    channels: Channels = chance.choice(["visual", "visual", "both", "text"])
    shapes: dict[str, Any] = {
        "min_similarity": chance.choice([0.3, 0.5, 0.7]),
        "boosts": random_boosts(chance),
        "diversity": chance.choice([0.3, 0.7]),
    }
    names = chance.sample(sorted(shapes), chance.randint(1, 3))
    if channels == "text":
        names = [name for name in names if name != "min_similarity"]
    return _search(
        chance, pages, random_text(chance), random_settings(chance, channels, **{name: shapes[name] for name in names})
    )


def _grouped(chance: random.Random, pages: Sequence[PageRecord]) -> Plan:
    query = random_text(chance) if chance.random() < 0.7 else random_query(chance, pages)
    channels: Channels = chance.choice(["visual", "both"])
    asked = {
        "grouping": Grouping(
            by=chance.choice(
                ["document", "year", "tags", "maker.name", "is_checked", "released", "page_number", "label"]
            ),
            n_groups=chance.choice([2, 4, 20]),
            group_size=chance.randint(1, 4),
            offset=chance.choice([0, 0, 1]),
        ),
        "where": _where(chance, pages, 0.3),
        "settings": random_settings(chance, channels),
    }

    def run(searcher: PageSearcher) -> Answer:
        groups = searcher.search_groups(query, **asked)
        return [
            (group.value, [(hit.page.page_id, hit.score, hit.similarity) for hit in group.hits]) for group in groups
        ]

    return Plan(f"search_groups({query!r}, {asked})", run)


def _recommended(chance: random.Random, pages: Sequence[PageRecord]) -> Plan:
    strategy: RecommendStrategy = chance.choice(get_args(RecommendStrategy))
    n_positive = chance.randint(1 if strategy == "average" else 0, 3)
    examples = Examples(
        positive=[_example(chance, pages) for _ in range(n_positive)],
        negative=[_example(chance, pages) for _ in range(chance.randint(0 if n_positive else 1, 2))],
        strategy=strategy,
    )
    return Plan(
        f"recommend({examples})",
        partial(
            _recommend,
            examples=examples,
            k=chance.choice([1, 5, 200]),
            offset=chance.choice([0, 0, 3]),
            where=_where(chance, pages, 0.4),
            settings=random_settings(chance, min_similarity=chance.choice([0.0, 0.0, 0.2]) if n_positive else 0.0),
        ),
    )


def _recommend(searcher: PageSearcher, **asked: Any) -> Answer:
    return answer(searcher.recommend(asked.pop("examples"), **asked))


def _example(chance: random.Random, pages: Sequence[PageRecord]) -> Any:
    return random_text(chance) if chance.random() < 0.5 else random_query(chance, pages)


def _batched(chance: random.Random, pages: Sequence[PageRecord]) -> Plan:
    queries = [
        random_text(chance) if chance.random() < 0.6 else random_query(chance, pages)
        for _ in range(chance.randint(1, 5))
    ]
    asked = {
        "k": chance.choice([1, 5, 30]),
        "where": _where(chance, pages, 0.4),
        "settings": random_settings(chance, chance.choice(["visual", "both"])),
    }

    def run(searcher: PageSearcher) -> Answer:
        return [part for row, hits in enumerate(searcher.search_batch(queries, **asked)) for part in answer(hits, row)]

    return Plan(f"search_batch({queries}, {asked})", run)


KINDS: dict[str, Callable[[random.Random, Sequence[PageRecord]], Plan]] = {
    "filtered": _filtered,
    "text": partial(_textual, "text"),
    "both": partial(_textual, "both"),
    "pictures and pages": _pictured,
    "thresholds, boosts and diversity": _shaped,
    "groups": _grouped,
    "recommend": _recommended,
    "batches": _batched,
}
