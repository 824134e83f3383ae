"""Boosts by fields."""

from datetime import UTC, datetime
from typing import Any

import pytest

from visual_rag.errors import InvalidInput
from visual_rag.retrieve.boosts import boost_factor
from visual_rag.settings import Boost
from visual_rag.testing import make_record

_NOW = datetime(2024, 6, 1, tzinfo=UTC)


def _factor(metadata: dict, *boosts: Boost) -> float:
    return boost_factor(make_record(metadata=metadata), boosts, _NOW)


def test_nearness_halves_with_every_scale() -> None:
    """At the target the weight counts whole, one scale away half of it, two scales a quarter."""
    boost = Boost(field="pages", weight=1.0, target=100, scale=10)
    assert [_factor({"pages": value}, boost) for value in (100, 110, 80)] == pytest.approx([2.0, 1.5, 1.25])


def test_newer_pages_are_raised() -> None:
    """Dates with and without time and zone; the scale is in days."""
    boost = Boost(field="made", weight=2.0, target="now", scale=30)
    assert _factor({"made": "2024-06-01T00:00:00Z"}, boost) == pytest.approx(3.0)
    assert _factor({"made": "2024-05-02"}, boost) == pytest.approx(2.0)
    assert _factor({"made": "2024-06-01T02:00:00+02:00"}, boost) == pytest.approx(3.0)


def test_truth_values_and_nested_fields_count() -> None:
    """Without a target the field is true or is not; several boosts add up."""
    marked, urgent = Boost(field="marked", weight=0.5), Boost(field="ticket.urgent", weight=1.0)
    assert _factor({"marked": True, "ticket": {"urgent": True}}, marked, urgent) == pytest.approx(2.5)
    assert _factor({"marked": "yes", "ticket": 3}, marked, urgent) == 1.0


def test_a_field_that_says_nothing_changes_nothing() -> None:
    """Missing, of another kind, or no date."""
    boosts = (Boost(field="made", weight=1.0, target="2024-01-01"), Boost(field="year", weight=1.0, target=2024))
    assert _factor({"made": "last spring", "year": "2024"}, *boosts) == 1.0
    assert _factor({"made": 2024, "year": True}, *boosts) == 1.0


def test_a_score_never_turns_negative() -> None:
    """Lowering by several boosts ends at 0."""
    assert _factor({"old": True, "bad": True}, Boost(field="old", weight=-0.8), Boost(field="bad", weight=-0.8)) == 0.0


@pytest.mark.parametrize("values", [{"weight": -2.0}, {"weight": 1.0, "scale": 0.0}, {"weight": float("nan")}])
def test_senseless_boosts_are_refused(values: Any) -> None:
    """At once, not when pages are found."""
    with pytest.raises(InvalidInput, match="weight"):
        Boost(field="x", **values)


def test_a_target_that_is_no_date_is_refused() -> None:
    """The message names it."""
    with pytest.raises(InvalidInput, match="soon"):
        _factor({"made": "2024-01-01"}, Boost(field="made", weight=1.0, target="soon"))
