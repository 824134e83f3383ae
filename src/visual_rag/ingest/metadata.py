"""The user's own fields on the pages of documents. Payload alone: nothing is rendered or embedded."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from visual_rag.errors import InvalidInput
from visual_rag.records import DocumentRecord, PageRecord
from visual_rag.store.filters import And, In
from visual_rag.store.protocol import PageStore
from visual_rag.store.schema import DOCUMENT_ID, PAGE_INDEX

_PAGES_AT_ONCE = 256


def write_metadata(store: PageStore, records: Sequence[DocumentRecord], metadata: Mapping[str, Any]) -> int:
    """Write fields to all pages of some documents; return how many pages those are.

    Args:
        store: Where the pages are.
        records: Of the documents.
        metadata: Values by field; None takes a field away, fields that are not named stay.

    Raises:
        InvalidInput: No document or no field is named, or a value is none that a store takes.
    """
    if not isinstance(metadata, Mapping):
        raise InvalidInput(f"the metadata is {metadata!r}; give a mapping from fields to values")
    if not records or not metadata:
        raise InvalidInput("name at least one document and one field")
    for name in metadata:
        if not isinstance(name, str) or not name or set(name) & set('."[]'):
            raise InvalidInput(f"the field {name!r} cannot be filtered by; name it without dots, quotes and brackets")
    for name, value in metadata.items():
        _check_value(name, value)
    pages = store.scroll(In(DOCUMENT_ID, tuple(record.document.document_id for record in records)))
    changed = [replace(page, metadata=_merged(page.metadata, metadata)) for page in pages]
    for some in _parts(changed):
        store.update_payload(some)
    return len(changed)


def find_page(store: PageStore, records: Sequence[DocumentRecord], page_number: int) -> PageRecord:
    """Find one page of one document.

    Args:
        store: Where the pages are.
        records: Of the document.
        page_number: Counted from 1.

    Raises:
        InvalidInput: It is several documents, or has no such page in the index.
    """
    if not isinstance(page_number, int):
        raise InvalidInput(f"the page number is {page_number!r}; give a whole number, counted from 1")
    names = ", ".join(record.document.name for record in records)
    if len(records) != 1:
        raise InvalidInput(f"a page is of one document, and several are named: {names}")
    of_document = In(DOCUMENT_ID, (records[0].document.document_id,))
    found = list(store.scroll(And((of_document, In(PAGE_INDEX, (page_number - 1,))))))
    if not found:
        n_pages = records[0].n_pages
        raise InvalidInput(f"'{names}' has no page {page_number} in the index; it has {n_pages} pages, counted from 1")
    return found[0]


def _check_value(name: str, value: Any) -> None:
    """Refuse what JSON has no word for, or a store would turn into something else."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _check_value(f"{name}.{key}", inner)
    elif isinstance(value, list | tuple):
        for item in value:
            _check_value(name, item)
    elif not (value is None or isinstance(value, str | int | float)) or _is_endless(value):
        raise InvalidInput(
            f"the field '{name}' is {value!r}; give text, a finite number, a truth value, a date as ISO 8601 text, or "
            "a list or mapping of such"
        )


def _is_endless(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def _merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**old, **new}.items() if value is not None}


def _parts(pages: Sequence[PageRecord]) -> Iterator[Sequence[PageRecord]]:
    for start in range(0, len(pages), _PAGES_AT_ONCE):
        yield pages[start : start + _PAGES_AT_ONCE]
