"""Dates in conditions: a day is a stretch of time, a date with a time is a point in it, and both are in UTC by default.

>>> within("metadata.made", {"lte": date(2024, 2, 29)}).lt
'2024-03-01T00:00:00.000000+00:00'
"""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta

from visual_rag.errors import InvalidFilter
from visual_rag.store.filter_translation import instant, iso
from visual_rag.store.filters import Between


def date_of(text: str) -> date | None:
    """Read ISO 8601 text: a date where it has no time, else a datetime; None where it is neither."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        pass
    try:
        return instant(text)
    except InvalidFilter:
        return None


def within(path: str, bounds: Mapping[str, date]) -> Between:
    """Make the condition that a field of dates lies within bounds.

    Args:
        path: Of the payload field.
        bounds: By name (`gt`, `gte`, `lt`, `lte`). Not after a day is before its end, after a day is from its end on.

    Raises:
        InvalidFilter: A date with a time is, in UTC, beyond the years 1 to 9999.
    """
    edges: dict[str, list[str]] = {}
    for name, when in bounds.items():
        turned, edge = _EDGES[name](when)
        edges.setdefault(turned, []).append(iso(edge))
    # Text written by `iso` sorts as the instants do: of two lower bounds the later counts, of two upper the earlier.
    return Between(path, **{name: (max if name[0] == "g" else min)(texts) for name, texts in edges.items()})


def _begin(when: date) -> datetime:
    return instant(when.isoformat()) if isinstance(when, datetime) else datetime.combine(when, time(), UTC)


def _end(day: date) -> datetime:
    """Where the next day begins; the last day that Python knows lacks its last microsecond."""
    return _begin(day) + timedelta(days=1) if day < date.max else datetime.max.replace(tzinfo=UTC)


def _until(when: date) -> tuple[str, datetime]:
    return ("lte", _begin(when)) if isinstance(when, datetime) else ("lt", _end(when))


def _after(when: date) -> tuple[str, datetime]:
    return ("gt", _begin(when)) if isinstance(when, datetime) else ("gte", _end(when))


_EDGES: Mapping[str, Callable[[date], tuple[str, datetime]]] = {
    "gt": _after,
    "gte": lambda when: ("gte", _begin(when)),
    "lt": lambda when: ("lt", _begin(when)),
    "lte": _until,
}
