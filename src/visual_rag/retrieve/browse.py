"""Counting, listing and going through pages by conditions: what needs the store alone, and no model."""

from collections.abc import Iterator

from visual_rag.records import FieldScalar, PageRecord
from visual_rag.retrieve.filter_fields import payload_path, resolve, shown_value
from visual_rag.retrieve.filter_language import parse_filter
from visual_rag.retrieve.grouping import scalars
from visual_rag.store.filters import Filter
from visual_rag.store.protocol import PageStore

Where = Filter | str | None
"""A condition, such as `Field("year") >= 2023`, or the same as text: `year >= 2023`."""


class PageBrowser:
    """Looks through the pages of one index.

    Raises:
        InvalidFilter: By every method: a condition names an unknown field, or compares one with what it does not hold.
        StoreError: Likewise: the store failed.
    """

    def __init__(self, store: PageStore) -> None:
        self._store = store

    def condition(self, where: Where) -> Filter | None:
        """Check a condition against the fields of the index, and put it into the store's terms."""
        if where is None:
            return None
        return resolve(parse_filter(where) if isinstance(where, str) else where, self._store.fields())

    def count(self, where: Where = None) -> int:
        """Count the pages that meet a condition."""
        return self._store.count(self.condition(where))

    def scroll(self, where: Where = None) -> Iterator[PageRecord]:
        """Go through the pages that meet a condition, in no particular order."""
        return self._store.scroll(self.condition(where))

    def facet(self, field: str, *, where: Where = None) -> dict[FieldScalar, int]:
        """Count the pages of each value of a field, the most frequent first.

        Args:
            field: As in a condition, such as `document` or one of the metadata.
            where: Only pages that meet it are counted.
        """
        counts: dict[FieldScalar, int] = {}
        path = payload_path(field, self._store.fields())
        for _, value in self._store.values(path, self.condition(where)):
            for item in dict.fromkeys(scalars(shown_value(field, value))):
                counts[item] = counts.get(item, 0) + 1
        return dict(sorted(counts.items(), key=lambda pair: (-pair[1], str(pair[0]))))
