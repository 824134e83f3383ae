"""Raise or lower pages by what their fields say: newer ones, those near a number, those that are marked.

A page's score is multiplied by `1 + sum of weight * nearness`, nearness in [0, 1]. The same formula on every store,
over the pages that were found; it does not find others.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from visual_rag.errors import InvalidInput
from visual_rag.records import PageRecord
from visual_rag.retrieve.filter_fields import PAGE_FIELDS, shown_value
from visual_rag.retrieve.grouping import field_value
from visual_rag.settings import Boost
from visual_rag.store.field_kinds import field_path

_DAY_S = 86_400.0


def boost_factor(page: PageRecord, boosts: Sequence[Boost], now: datetime) -> float:
    """What a page's score is multiplied by, 0 or more.

    Args:
        page: With its metadata.
        boosts: May be none.
        now: Stands for the target `now`.

    Raises:
        InvalidInput: A target is neither a number nor a date.
    """
    return max(0.0, 1 + sum(boost.weight * _nearness(_value(page, boost.field), boost, now) for boost in boosts))


def _nearness(value: Any, boost: Boost, now: datetime) -> float:
    """Halves with every `scale` that the value is away from the target; 0 where the field says nothing."""
    if boost.target is None:
        return float(value is True)
    target = _position(now.isoformat() if boost.target == "now" else boost.target)
    if target is None:
        raise InvalidInput(f"the boost by '{boost.field}' aims at {boost.target!r}; give a number, a date or 'now'")
    place = _position(value)
    if place is None or isinstance(value, str) != isinstance(boost.target, str):
        return 0.0
    return float(0.5 ** (abs(place - target) / boost.scale))


def _position(value: Any) -> float | None:
    """A number as it is, a date in days; None for anything else."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, str):
        return None
    try:
        instant = datetime.fromisoformat(value)
    except ValueError:
        return None
    return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp() / _DAY_S


def _value(page: PageRecord, name: str) -> Any:
    """A field of the page, else of its metadata, nested ones with dots; None where there is none."""
    if name in PAGE_FIELDS:
        return shown_value(name, field_value(page, PAGE_FIELDS[name].path))
    return field_value(page, field_path(name.removeprefix("metadata.")))
