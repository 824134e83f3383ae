"""Which files an ingest has to work on: the listing against the ledger. Reads files to hash them; writes nothing."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from visual_rag.errors import LimitExceeded, SourceError, VisualRagError
from visual_rag.ingest.ledger import lies_in
from visual_rag.records import Document, DocumentRecord, DocumentState, PageFailure, make_document_id
from visual_rag.sources.local import ListedFile, check_listed, describe, expanded, list_files, shown_name, source_uri


@dataclass(frozen=True, slots=True)
class IngestPlan:
    """What to do with each listed file.

    Attributes:
        work: Documents to render, with their files.
        unchanged: Names of documents whose bytes are those of the index.
        ignored: Names of files that are no documents.
        refused: Ledger records of files and folders that cannot be read, and of files that are too large.
        outdated: Document ids of such records of earlier runs, of which this one found no more to refuse.
    """

    work: list[tuple[Document, Path]] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    refused: list[DocumentRecord] = field(default_factory=list)
    outdated: list[str] = field(default_factory=list)


def make_plan(
    paths: Iterable[Path],
    ledger: Mapping[str, DocumentRecord],
    is_whole: Callable[[DocumentRecord], bool],
    *,
    max_file_bytes: int,
) -> IngestPlan:
    """Compare files with the ledger.

    Args:
        paths: Files and folders.
        ledger: Document id -> record.
        is_whole: Whether all of a record's pages are in the index; if so, and with the same bytes, it is left alone.
        max_file_bytes: A larger file is refused unread.

    Raises:
        SourceError: A path that was named does not exist.
    """
    paths = [expanded(path) for path in paths]
    plan = IngestPlan()
    for listed in list_files(paths):
        if not listed.is_document:
            plan.ignored.append(shown_name(listed.path))
            continue
        try:
            check_listed(listed)
            _check_size(listed, max_file_bytes)
            document = describe(listed.path)
        except (SourceError, LimitExceeded) as error:
            plan.refused.append(_refused(listed, error, ledger))
            continue
        known = ledger.get(document.document_id)
        if known and is_whole(known) and known.document.content_hash == document.content_hash:
            plan.unchanged.append(document.name)
        else:
            plan.work.append((document, listed.path))
    plan.outdated.extend(_outdated(plan, ledger, [source_uri(path) for path in paths]))
    return plan


def _outdated(plan: IngestPlan, ledger: Mapping[str, DocumentRecord], uris: Sequence[str]) -> Iterator[str]:
    """Find records that hold nothing but a refusal that is over: a closed folder was opened, a file went away."""
    found = {document.document_id for document, _ in plan.work}
    found |= {record.document.document_id for record in plan.refused}
    for document_id, record in ledger.items():
        is_refusal = not record.document.content_hash and not record.n_ingested
        if is_refusal and document_id not in found and any(lies_in(record, uri) for uri in uris):
            yield document_id


def _check_size(listed: ListedFile, max_file_bytes: int) -> None:
    if listed.size_bytes > max_file_bytes:
        raise LimitExceeded(
            f"the file has {listed.size_bytes:,} bytes, more than max_file_bytes allows ({max_file_bytes:,})",
            source=shown_name(listed.path),
        )


def _refused(listed: ListedFile, error: VisualRagError, ledger: Mapping[str, DocumentRecord]) -> DocumentRecord:
    """A failed record; pages that an earlier version of the file left in the index stay and are counted."""
    uri = source_uri(listed.path)
    known = ledger.get(make_document_id(uri))
    document = Document(
        document_id=make_document_id(uri),
        source_uri=uri,
        name=shown_name(listed.path),
        content_hash="",
        size_bytes=listed.size_bytes,
    )
    return DocumentRecord(
        document=document,
        state=DocumentState.PARTIAL if known and known.n_ingested else DocumentState.FAILED,
        n_pages=known.n_pages if known else 0,
        n_ingested=known.n_ingested if known else 0,
        failures=(PageFailure(page_number=None, reason=type(error).__name__, message=str(error)),),
        updated_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
