"""Reading the ledger: which document a person means by a name, and whether all that it promises is there."""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from visual_rag.errors import InvalidInput
from visual_rag.records import DocumentRecord, DocumentState
from visual_rag.sources.local import expanded, source_uri
from visual_rag.store.filters import In
from visual_rag.store.protocol import PageStore
from visual_rag.store.schema import DOCUMENT_ID


def find_documents(ledger: Sequence[DocumentRecord], name: str) -> list[DocumentRecord]:
    """Find documents by URI, path or folder, or, where only one is called so, by file name.

    Args:
        ledger: All records.
        name: What was typed.

    Returns:
        One record, or all of a folder.

    Raises:
        InvalidInput: The name is empty, fits nothing, or is the file name of several documents.
    """
    if not name or "\0" in name:
        raise InvalidInput("the name of a document is empty, or none; `visual-rag list` shows their names")
    uri = source_uri(expanded(Path(name)))
    named = [record for record in ledger if record.document.source_uri == name or lies_in(record, uri)]
    if named:
        return named
    called = [record for record in ledger if record.document.name == name]
    if len(called) > 1:
        uris = ", ".join(record.document.source_uri for record in called)
        raise InvalidInput(f"'{name}' means {len(called)} documents; name one of {uris}")
    if not called:
        close = get_close_matches(name, [record.document.name for record in ledger], n=1)
        meant = f"was '{close[0]}' meant? " if close else ""
        raise InvalidInput(f"no document of the index is called '{name}'; {meant}`visual-rag list` shows their names")
    return called


def count_missing_pages(store: PageStore) -> int:
    """Count pages that the ledger says are stored and are not; documents that were cut off are left out."""
    records = store.documents()
    unfinished = [record.document.document_id for record in records if record.state is DocumentState.INGESTING]
    n_stored = store.count() - store.count(In(DOCUMENT_ID, tuple(unfinished)))
    n_expected = sum(record.n_ingested for record in records if record.state is not DocumentState.INGESTING)
    return max(0, n_expected - n_stored)


def lies_in(record: DocumentRecord, uri: str) -> bool:
    """Tell whether a document is what a URI names, or lies in the folder that it names."""
    return f"{record.document.source_uri}/".startswith(uri.rstrip("/") + "/")
