"""Settings that name fields."""

import pytest

from visual_rag.errors import InvalidInput
from visual_rag.retrieve.hit_fields import check_named_fields
from visual_rag.settings import Boost, SearchSettings

FIELDS = {
    "year": frozenset({"number"}),
    "made": frozenset({"date"}),
    "marked": frozenset({"truth"}),
    "maker.name": frozenset({"text"}),
}


@pytest.mark.parametrize(
    "settings",
    [
        SearchSettings(boosts=(Boost(field="year", weight=1, target=2020),)),
        SearchSettings(boosts=(Boost(field="metadata.made", weight=1, target="now"),)),
        SearchSettings(boosts=(Boost(field="marked", weight=1), Boost(field="page_number", weight=1, target=3))),
        SearchSettings(include_fields=("text", "maker", "metadata.year"), exclude_fields=("maker.name",)),
    ],
)
def test_fields_that_are_there_are_let_pass(settings: SearchSettings) -> None:
    """With and without the prefix, whole mappings too."""
    check_named_fields(settings, FIELDS)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (SearchSettings(boosts=(Boost(field="yeer", weight=1, target=1),)), "yeer"),
        (SearchSettings(boosts=(Boost(field="year", weight=1, target="2020-01-01"),)), "holds number"),
        (SearchSettings(boosts=(Boost(field="maker.name", weight=1),)), "holds text"),
        (SearchSettings(include_fields=("yeer",)), "yeer"),
        (SearchSettings(exclude_fields=("page_number",)), "page_number"),
    ],
)
def test_what_would_do_nothing_is_refused(settings: SearchSettings, told: str) -> None:
    """The message names the field, or what it holds."""
    with pytest.raises(InvalidInput, match=told):
        check_named_fields(settings, FIELDS)
