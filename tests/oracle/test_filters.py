"""Every condition selects the same pages in plain code, in Qdrant Edge and in qdrant-client's local mode."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import qdrant_edge as edge
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from qdrant_client import QdrantClient, models

from visual_rag.passport import IndexPassport
from visual_rag.retrieve.filter_fields import resolve
from visual_rag.store import edge_filters, qdrant_filters
from visual_rag.store.edge_engine import create_pages, index_field
from visual_rag.store.field_kinds import field_path
from visual_rag.store.filter_matching import matches
from visual_rag.store.filters import And, Between, Contains, Filter, HasWords, In, IsEmpty, IsNull, Not, Or
from visual_rag.store.protocol import FieldKind
from visual_rag.store.schema import page_payload
from visual_rag.testing import FakeEmbedder, make_record

N_PAGES = 5
IDS = [str(UUID(int=number)) for number in range(N_PAGES)]
PASSPORT = IndexPassport(model=FakeEmbedder(dim=8).identity, dpi=96, renderer="pdfium 5", pooling="runs8")
Payload = dict[str, Any]
Select = Callable[[list[Payload], list[Filter]], list[set[str]]]

# Few values, so that conditions meet something; traps among them.
TEXTS = [
    "",
    "a",
    "pump",
    "Pump station",
    "STATION  pump-7",
    "E-4021",
    "naïve straße",
    "日本語 テスト",
    "ß",
    "true",
    "1",
]
DATES = [
    "2024-02-29",
    "2024-03-01",
    "2024-03-01T00:00:00Z",
    "2024-03-01 10:00:00",
    "2024-03-01T10:00:00+02:00",
    "2024-03-01T08:00:00.000001Z",
    "1969-12-31T23:59:59.5",
    "0001-01-01",
    "9999-12-31T23:59:59.999999-05:00",
]
NUMBERS = [0, 1, -1, 2, 2023, 0.5, -0.5, 1.0, 2023.0, -0.0, 2**53 - 1, 1e-300, 4e15]
LARGE = [2**53, 2**53 + 1, -(2**53) - 1, 2**62 + 1, 2**63 - 1]
FIELDS = ["metadata.a", "metadata.b", "metadata.c.d", 'metadata."odd name"', "metadata.ä"]
scalars = st.one_of(
    st.sampled_from([*TEXTS, *DATES]),
    st.sampled_from([*NUMBERS, *LARGE, 1e300, -1e16, 2.0**53]),
    st.booleans(),
    st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "Z"]), max_size=6).filter(
        lambda text: text[:1] not in "0123456789+ "
    ),
)
values = st.one_of(
    scalars,
    st.none(),
    st.lists(st.one_of(scalars, st.none(), st.just([True]), st.just({"d": 1})), max_size=3),
    st.fixed_dictionaries({}, optional={"d": scalars}),
)
metadata = st.fixed_dictionaries({}, optional=dict.fromkeys(("a", "b", "c", "odd name", "ä"), values))


@st.composite
def payloads(draw: st.DrawFn) -> Payload:
    """A page as a store gets it: fields of fixed types, and any metadata."""
    record = make_record(
        page_index=draw(st.integers(0, 5)),
        document_name=draw(st.sampled_from(["pump.pdf", "b.pdf"])),
        metadata=draw(metadata),
    )
    return page_payload(record)


numbers = st.one_of(st.sampled_from(NUMBERS), st.integers(-3, 3), st.floats(-1e6, 1e6, allow_nan=False))
dates = st.one_of(
    st.sampled_from(DATES[:-1]),  # the last is beyond what Python can write in UTC
    st.datetimes(datetime(2024, 2, 28), datetime(2024, 3, 2), timezones=st.just(UTC)).map(datetime.isoformat),
)


def betweens(keys: st.SearchStrategy[str], bounds: st.SearchStrategy[Any]) -> st.SearchStrategy[Between]:
    """With at least one bound."""
    names = st.lists(st.sampled_from(["gt", "gte", "lt", "lte"]), min_size=1, max_size=3, unique=True)
    named = names.flatmap(lambda some: st.fixed_dictionaries(dict.fromkeys(some, bounds)))
    return st.builds(lambda key, some: Between(key, **some), keys, named)


keys = st.sampled_from(FIELDS)
words = st.sampled_from([text for text in TEXTS if text] + ["PUMP", "station", "7 pump", "STRASSE", "-", "テスト"])
equal_values = st.lists(
    st.one_of(st.sampled_from([*TEXTS, *DATES]), numbers, st.sampled_from(LARGE), st.booleans()), max_size=3
).map(tuple)
leaves: st.SearchStrategy[Filter] = st.one_of(
    st.builds(In, keys, equal_values),
    st.builds(In, st.just("page_id"), st.lists(st.sampled_from([*IDS, str(UUID(int=99))]), max_size=3).map(tuple)),
    st.builds(
        In, st.just("page_index"), st.lists(st.sampled_from([0, 1, 2.0, 2.5, 3, "3", True]), max_size=3).map(tuple)
    ),
    st.builds(
        In,
        st.sampled_from(["document_id", "page_hash", "document_name"]),
        st.just(("pump.pdf", make_record().document_id)),
    ),
    betweens(keys, numbers),
    betweens(keys, dates),
    betweens(st.sampled_from(["page_index", "dpi"]), st.sampled_from([0, 1.5, 2, 3.0, 95.5, 96, -1])),
    st.builds(HasWords, keys, words),
    st.builds(Contains, keys, st.sampled_from(["", "pump", "u", "P", "E-4", "本", "ß", " "])),
    st.builds(Contains, st.sampled_from(["document_id", "document_name"]), st.sampled_from(["pdf", "-", "b."])),
    st.builds(IsEmpty, st.sampled_from([*FIELDS, "metadata", "page_index", "document_id", "nowhere"])),
    st.builds(IsNull, st.sampled_from([*FIELDS, "page_index", "document_id", "nowhere"])),
)


def _combined(inner: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    parts = st.lists(inner, max_size=3).map(tuple)
    return st.one_of(st.builds(Not, inner), st.builds(And, parts), st.builds(Or, parts))


conditions = st.recursive(leaves, _combined, max_leaves=6)


def _or_a_list(items: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(items, st.none(), st.lists(st.one_of(items, st.none()), max_size=3))


KINDS: dict[str, frozenset[FieldKind]] = {
    "a": frozenset({"number"}),
    "b": frozenset({"text"}),
    "c": frozenset({"date"}),
    "odd name": frozenset({"truth"}),
}
typed_metadata = st.fixed_dictionaries(
    {},
    optional={
        "a": _or_a_list(st.one_of(numbers, st.sampled_from([*LARGE, 1e300]))),
        "b": _or_a_list(st.sampled_from(TEXTS)),
        "c": _or_a_list(st.sampled_from(DATES)),
        "odd name": _or_a_list(st.booleans()),
    },
)
days = st.one_of(dates, st.dates(date(2024, 2, 28), date(2024, 3, 2)))
typed_leaves: st.SearchStrategy[Filter] = st.one_of(
    st.builds(In, st.just("a"), st.lists(st.one_of(numbers, st.sampled_from(LARGE)), max_size=3).map(tuple)),
    st.builds(In, st.just("b"), st.lists(st.sampled_from(TEXTS), max_size=3).map(tuple)),
    st.builds(In, st.just("c"), st.lists(days, max_size=2).map(tuple)),
    st.builds(In, st.just("odd name"), st.lists(st.booleans(), max_size=2).map(tuple)),
    st.builds(In, st.just("page_number"), st.lists(st.integers(0, 4), max_size=3).map(tuple)),
    betweens(st.just("a"), numbers),
    betweens(st.just("c"), days),
    betweens(st.just("page_number"), st.integers(0, 4)),
    st.builds(HasWords, st.just("b"), words),
    st.builds(HasWords, st.just("text"), st.sampled_from(["page", "PAGE 1", "pag", "page-2"])),
    st.builds(
        Contains, st.sampled_from(["b", "c", "text", "document"]), st.sampled_from(["u", "P", "2024", "e 1", "b."])
    ),
    st.builds(IsEmpty, st.sampled_from([*KINDS, "text"])),
    st.builds(IsNull, st.sampled_from([*KINDS, "text"])),
)


@pytest.fixture(scope="module")
def in_edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Select]:
    """A shard with the payload indexes of a store's page fields."""
    with _opened(tmp_path_factory.mktemp("edge") / "pages") as select:
        yield select


@pytest.fixture(scope="module")
def in_indexed_edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Select]:
    """A shard with the payload indexes of metadata fields besides."""
    with _opened(tmp_path_factory.mktemp("edge") / "pages", KINDS) as select:
        yield select


@contextmanager
def _opened(folder: Path, kinds: Mapping[str, frozenset[FieldKind]] | None = None) -> Iterator[Select]:
    shard = create_pages(folder, PASSPORT)
    for name, some in (kinds or {}).items():
        index_field(shard, field_path(name), some)

    def select(pages: list[Payload], asked: list[Filter]) -> list[set[str]]:
        points = [edge.Point(page_id, {}, page) for page_id, page in zip(IDS, pages, strict=True)]
        shard.update(edge.UpdateOperation.upsert_points(points))
        requests = [
            edge.ScrollRequest(filter=edge_filters.compile_filter(part), limit=N_PAGES, with_payload=False)
            for part in asked
        ]
        return [{str(row.id) for row in shard.scroll(request)[0]} for request in requests]

    yield select
    shard.close()


@pytest.fixture(scope="module")
def in_local_mode() -> Iterator[Select]:
    """A collection in memory."""
    client = QdrantClient(":memory:")
    client.create_collection("pages", vectors_config={})

    def select(pages: list[Payload], asked: list[Filter]) -> list[set[str]]:
        points = [
            models.PointStruct(id=page_id, vector={}, payload=page) for page_id, page in zip(IDS, pages, strict=True)
        ]
        client.upsert("pages", points)
        found = [
            client.scroll("pages", scroll_filter=qdrant_filters.compile_filter(part), limit=N_PAGES, with_payload=False)
            for part in asked
        ]
        return [{str(row.id) for row in rows} for rows, _ in found]

    yield select
    client.close()


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    pages=st.lists(payloads(), min_size=N_PAGES, max_size=N_PAGES), asked=st.lists(conditions, min_size=1, max_size=8)
)
def test_engines_select_what_the_meaning_says(
    in_edge: Select, in_local_mode: Select, pages: list[Payload], asked: list[Filter]
) -> None:
    """Whatever the pages hold and however conditions are combined."""
    expected = [
        {page_id for page_id, page in zip(IDS, pages, strict=True) if matches(part, page, page_id)} for part in asked
    ]
    assert in_edge(pages, asked) == expected
    assert in_local_mode(pages, asked) == expected


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    held=st.lists(typed_metadata, min_size=N_PAGES, max_size=N_PAGES),
    asked=st.lists(st.recursive(typed_leaves, _combined, max_leaves=6), min_size=1, max_size=8),
)
def test_indexes_change_nothing(
    in_indexed_edge: Select, in_local_mode: Select, held: list[Payload], asked: list[Filter]
) -> None:
    """What a user may ask of fields that hold one kind of values, which stores index."""
    pages = [page_payload(make_record(page_index=index, metadata=some)) for index, some in enumerate(held)]
    resolved = [resolve(part, KINDS) for part in asked]
    expected = [
        {page_id for page_id, page in zip(IDS, pages, strict=True) if matches(part, page, page_id)} for part in resolved
    ]
    assert in_indexed_edge(pages, resolved) == expected
    assert in_local_mode(pages, resolved) == expected
