"""Names and values are checked against the index; what cannot be honoured is refused by name."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from visual_rag.errors import InvalidFilter
from visual_rag.records import PageRecord
from visual_rag.retrieve.filter_fields import PAGE_FIELDS, Kinds, resolve
from visual_rag.store.edge_filters import compile_filter
from visual_rag.store.field import Field
from visual_rag.store.filter_matching import matches
from visual_rag.store.filters import MAX_DEPTH, And, Between, Contains, Filter, HasWords, In, IsEmpty, IsNull, Not, Or
from visual_rag.store.schema import page_payload
from visual_rag.testing import make_record

FIELDS: Mapping[str, Kinds] = {
    "year": Kinds({"number"}),
    "language": Kinds({"text"}),
    "draft": Kinds({"truth"}),
    "made.on": Kinds({"date"}),
    "loose": Kinds({"date", "text", "number"}),
    "nothing": Kinds(),
    "odd name": Kinds({"text"}),
    "source": Kinds({"number"}),
}
DAY, NEXT = "2024-03-01T00:00:00.000000+00:00", "2024-03-02T00:00:00.000000+00:00"
made = Field("made.on")


@pytest.mark.parametrize(
    ("written", "resolved"),
    [
        (Field("year") >= 2023, Between("metadata.year", gte=2023)),
        (Field("metadata.year") == 2023, In("metadata.year", (2023,))),
        (Field("odd name").contains("x"), Contains('metadata."odd name"', "x")),
        (Field("made.on").is_null(), IsNull("metadata.made.on")),
        (Field("nothing") == 3, In("metadata.nothing", (3,))),
        (Field("nothing") < 3, Between("metadata.nothing", lt=3)),
        (Field("language").one_of(), In("metadata.language", ())),
        (Field("document") == "a.pdf", In("document_name", ("a.pdf",))),
        (Field("file_name").contains("a"), Contains("document_name", "a")),
        (Field("source") == "file:///a", In("source_uri", ("file:///a",))),
        (Field("metadata.source") == 3, In("metadata.source", (3,))),
        (Field("text").has_words("pump"), HasWords("text", "pump")),
        (Field("label").is_empty(), IsEmpty("label")),
        (Field("page_id") == "7", In("page_id", ("7",))),
        (Field("page_number") == 1, In("page_index", (0,))),
        (Field("page_number").between(3, 5), Between("page_index", gte=2, lte=4)),
        (~(Field("year") > 1) | And(()), Or((Not(Between("metadata.year", gt=1)), And(())))),
    ],
)
def test_names_become_paths(written: Filter, resolved: Filter) -> None:
    """Page fields first, `metadata.` for the user's own; pages are counted from 1 by people."""
    assert resolve(written, FIELDS) == resolved


@pytest.mark.parametrize(
    ("written", "resolved"),
    [
        (made == date(2024, 3, 1), Between("metadata.made.on", gte=DAY, lt=NEXT)),
        (made == "2024-03-01", Between("metadata.made.on", gte=DAY, lt=NEXT)),
        (made == datetime(2024, 3, 1), Between("metadata.made.on", gte=DAY, lte=DAY)),
        (made == "2024-03-01T01:00:00+01:00", Between("metadata.made.on", gte=DAY, lte=DAY)),
        (made < date(2024, 3, 1), Between("metadata.made.on", lt=DAY)),
        (made <= date(2024, 3, 1), Between("metadata.made.on", lt=NEXT)),
        (made > date(2024, 3, 1), Between("metadata.made.on", gte=NEXT)),
        (made >= "2024-03-01", Between("metadata.made.on", gte=DAY)),
        (made > datetime(2024, 3, 1, 2, tzinfo=timezone(timedelta(hours=2))), Between("metadata.made.on", gt=DAY)),
        (made.between("2024-03-01", "2024-03-01"), Between("metadata.made.on", gte=DAY, lt=NEXT)),
        (Between("made.on", gt="2024-02-29", gte="2024-01-01"), Between("metadata.made.on", gte=DAY)),
        (made <= date.max, Between("metadata.made.on", lt="9999-12-31T23:59:59.999999+00:00")),
        (made.one_of(date(2024, 3, 1), datetime(2024, 3, 2, tzinfo=UTC)), None),
        (Field("loose") == "2024-03-01", None),
        (Field("loose").one_of("x", 3), In("metadata.loose", ("x", 3))),
        (Field("loose") >= 3, Between("metadata.loose", gte=3)),
        (Field("loose") >= "2024-03-01", Between("metadata.loose", gte=DAY)),
        (Field("nothing") >= date(2024, 3, 1), Between("metadata.nothing", gte=DAY)),
    ],
)
def test_dates_become_instants(written: Filter, resolved: Filter | None) -> None:
    """A day is its 24 hours in UTC, and what a store gets is ISO text in one form that it takes."""
    found = resolve(written, FIELDS)
    if resolved is not None:
        assert found == resolved
    assert compile_filter(found) is not None


def test_text_that_may_be_a_date_is_looked_for_as_both() -> None:
    """Where a field holds text beside dates, nothing that equals it is missed."""
    day = Between("metadata.loose", gte=DAY, lt=NEXT)
    assert resolve(Field("loose").one_of("2024-03-01", "x"), FIELDS) == Or(
        (In("metadata.loose", ("2024-03-01", "x")), day)
    )


@pytest.mark.parametrize("moment", ["2024-02-29T23:59:59.999999Z", "2024-03-01", "2024-03-01T23:30:00Z", "2024-03-02"])
def test_every_moment_is_before_a_day_in_it_or_after_it(moment: str) -> None:
    """One of the three, and `<=` and `>=` are their unions."""
    day = date(2024, 3, 1)

    def holds(condition: Filter) -> bool:
        return matches(resolve(condition, FIELDS), {"metadata": {"made": {"on": moment}}}, "")

    before, within, after = holds(made < day), holds(made == day), holds(made > day)
    assert [before, within, after].count(True) == 1
    assert holds(made <= day) == (before or within)
    assert holds(made >= day) == (within or after)
    assert holds(made != day) == (not within)


WRONG: list[tuple[Any, str]] = [
    (Field("yeaar") == 1, "no field is called 'yeaar', did you mean 'year'"),
    (Field("Language") == "en", "did you mean 'language'"),
    (Field("metadata.yeer") == 1, "did you mean 'year'"),
    (Field("metadata") == 1, "no field is called 'metadata'"),
    (Field("document_name") == "a", "did you mean 'document"),
    (Field("made") == 1, "no field is called 'made'"),
    (Field("year") == "x", "'year' holds numbers; it was compared with the text 'x'"),
    (Field("year") == True, "truth value True"),  # noqa: E712
    (Field("year").one_of(1, "x"), "the text 'x'"),
    (Field("year") >= "2024-01-01", "it was asked to be >= the text '2024-01-01'; plain text has no order"),
    (Field("year") < date(2024, 1, 1), "the date 2024-01-01"),
    (Field("year").has_words("x"), "'year' holds numbers; it was searched by has_words"),
    (Field("year").contains("2"), "by contains"),
    (Field("draft") == 1, "'draft' holds truth values; it was compared with the number 1"),
    (Field("draft") > 0, "> the number 0"),
    (Field("language") == 5, "'language' holds text"),
    (Field("language") < "en", "plain text has no order"),
    (made == "soon", "holds dates, such as 2024-03-01; it was compared with the text 'soon'"),
    (made >= "soon", "the text 'soon'"),
    (made == 2024, "the number 2024"),
    (Field("loose").between(1, "2024-01-01"), "bounds of one kind"),
    (Field("page_number") == "3", "'page_number' holds numbers"),
    (Field("page_number") == True, "truth value"),  # noqa: E712
    (Field("label") == 5, "'label' holds text"),
    (Field("page_id").contains("7"), "only compared by equality"),
    (Field("page_id").is_empty(), "not by is_empty"),
    (Field("page_id") == 7, "the number 7"),
    (Between("year"), "no bounds"),
    (In("year", (None,)), "the value None"),  # type: ignore[arg-type]
    (made >= datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5))), "is no date"),
    ("year > 3", "is no condition"),
]


@pytest.mark.parametrize(("condition", "message"), WRONG, ids=[message for _, message in WRONG])
def test_what_cannot_be_honoured_is_refused(condition: Any, message: str) -> None:
    """Inside others too; the message names what the field holds and what it was asked."""
    for wrong in (condition, And((Not(condition),)), Or((In("year", (1,)), condition))):
        with pytest.raises(InvalidFilter) as caught:
            resolve(wrong, FIELDS)
        assert message in str(caught.value)


def test_the_legal_fields_are_listed() -> None:
    """Of the page and of this index, but not without end."""
    with pytest.raises(InvalidFilter) as caught:
        resolve(Field("qqq") == 1, FIELDS)
    assert all(name in str(caught.value) for name in [*PAGE_FIELDS, *FIELDS])
    with pytest.raises(InvalidFilter, match="field059 and 40 more"):
        resolve(Field("qqq") == 1, {f"field{number:03}": Kinds() for number in range(100)})
    with pytest.raises(InvalidFilter, match="no metadata in this index"):
        resolve(Field("qqq") == 1, {})


def test_page_fields_hold_what_they_are_said_to_hold() -> None:
    """By a real record's payload."""
    record: PageRecord = make_record()
    payload = page_payload(record)
    for name, known in PAGE_FIELDS.items():
        value = record.page_id if name == "page_id" else payload[known.path]
        assert known.kinds == {"text" if isinstance(value, str) else "number"}, name
        asked = Field(name) == (value + known.first if isinstance(value, int | float) else value)
        assert matches(resolve(asked, {}), payload, record.page_id), name
        assert not matches(resolve(~asked, {}), payload, record.page_id), name


def test_depth_is_limited() -> None:
    """With an error of ours, and what is just allowed still compiles."""
    condition: Filter = Field("loose") == "2024-03-01"
    for _ in range(MAX_DEPTH):
        condition = Not(condition)
    assert compile_filter(And((resolve(condition, FIELDS),))) is not None
    with pytest.raises(InvalidFilter, match="deep"):
        resolve(Not(condition), FIELDS)
