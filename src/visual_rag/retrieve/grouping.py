"""The best pages of each of the best documents, or of whatever else pages share.

Groups come in the order of their best page. Each is then filled by a search within it, so that a group's pages are
those that the same search, filtered to the group, would give.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from visual_rag.records import FieldScalar, PageRecord
from visual_rag.retrieve.visual import Candidate
from visual_rag.store.field_kinds import path_keys


def group_values(
    ranked: Iterator[Candidate], value_of: Callable[[PageRecord], Any], n_groups: int
) -> list[FieldScalar]:
    """Take the first distinct values of a ranking; a page with a list of values stands for each of them.

    Args:
        ranked: Pages, best first; read no further than needed.
        value_of: The field's value on a page; None where it has none, which makes no group.
        n_groups: Most values to take.
    """
    values: dict[tuple[bool, FieldScalar], FieldScalar] = {}  # to Python, unlike to a filter, True equals 1
    for row in ranked:
        for value in scalars(value_of(row.page)):
            values.setdefault((isinstance(value, bool), value), value)
        if len(values) >= n_groups:
            break
    return list(values.values())[:n_groups]


def scalars(value: Any) -> list[FieldScalar]:
    """The values that a field holds: of a list its items, of anything that cannot be compared nothing."""
    items = value if isinstance(value, list | tuple) else [value]
    return [item for item in items if isinstance(item, str | int | float)]


def field_value(page: PageRecord, path: str) -> Any:
    """Read a field of a page by its payload path, such as `document_id` or `metadata.make`; None for a missing one."""
    name, *rest = path_keys(path)
    value: Any = getattr(page, name, None)
    for key in rest:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
