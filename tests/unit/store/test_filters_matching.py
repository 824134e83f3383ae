"""What conditions mean, by example; engines are compared with it in `oracle/test_filters.py`."""

import pytest

from visual_rag.store.filter_matching import matches
from visual_rag.store.filters import And, Between, Contains, Filter, HasWords, In, IsEmpty, IsNull, Not, Or

PAGE_ID = "00000000-0000-0000-0000-000000000007"
PAYLOAD = {
    "page_index": 3,
    "metadata": {
        "year": 2023,
        "tags": ["pump", "safety first"],
        "draft": False,
        "made": "2024-03-01T10:00:00+02:00",
        "owner": None,
        "notes": [],
        "odd name": {"b": 1.5},
        "mixed": [None, 1, "x", ["deep"]],
        "serial": 2**53 + 1,
    },
}
MET: list[Filter] = [
    And(()),
    Not(Or(())),
    In("page_index", (3,)),
    In("page_id", (PAGE_ID.upper(),)),
    In("metadata.year", ("x", 2023.0)),
    In("metadata.draft", (False,)),
    In("metadata.tags", ("pump",)),
    In('metadata."odd name".b', (1.5,)),
    In("metadata.serial", (2**53 + 1,)),
    Between("metadata.year", gt=2022, lte=2023),
    Between("metadata.made", gte="2024-03-01T08:00:00Z", lte="2024-03-01T08:00:00Z"),
    HasWords("metadata.tags", "FIRST safety"),
    Contains("metadata.tags", "ty f"),
    IsEmpty("metadata.owner"),
    IsEmpty("metadata.notes"),
    IsEmpty("nowhere.at.all"),
    IsNull("metadata.owner"),
    IsNull("metadata.mixed"),
    Not(In("metadata.missing", (1,))),
]
NOT_MET: list[Filter] = [
    Or(()),
    Not(And(())),
    In("metadata.year", ()),
    In("metadata.year", ("2023", True)),
    In("metadata.draft", (0, "False", True)),
    In("metadata.tags", ("safety",)),
    In("metadata.mixed", ("deep",)),
    In("metadata.serial", (2**53,)),
    Between("metadata.draft", gte=0),
    Between("metadata.tags", gte="2020-01-01"),
    Between("metadata.made", gt="2024-03-01T08:00:00+00:00"),
    HasWords("metadata.tags", "pump first"),
    HasWords("metadata.tags", "pum"),
    HasWords("metadata.tags", "..."),
    Contains("metadata.tags", "PUMP"),
    Contains("metadata.year", "2"),
    IsEmpty("metadata.mixed"),
    IsNull("metadata.missing"),
    IsNull("metadata.notes"),
]


@pytest.mark.parametrize("condition", MET, ids=repr)
def test_met(condition: Filter) -> None:
    """By a page of that payload."""
    assert matches(condition, PAYLOAD, PAGE_ID)


@pytest.mark.parametrize("condition", NOT_MET, ids=repr)
def test_not_met(condition: Filter) -> None:
    """By a page of that payload."""
    assert not matches(condition, PAYLOAD, PAGE_ID)
