"""Which files an ingest has to work on: the listing against the ledger. Reads files to hash them; writes nothing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from visual_rag.errors import SourceError
from visual_rag.records import Document, DocumentRecord, DocumentState, PageFailure, make_document_id
from visual_rag.sources.local import ListedFile, describe, list_files, source_uri


@dataclass(frozen=True, slots=True)
class IngestPlan:
    """What to do with each listed file.

    Attributes:
        work: Documents to render, with their files.
        unchanged: Names of documents whose bytes are those of the index.
        ignored: Names of files that are no documents.
        unreadable: Ledger records of files that could not even be read.
    """

    work: list[tuple[Document, Path]] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    unreadable: list[DocumentRecord] = field(default_factory=list)


def make_plan(paths: Iterable[Path], ledger: Mapping[str, DocumentRecord]) -> IngestPlan:
    """Compare files with the ledger.

    Args:
        paths: Files and folders.
        ledger: Document id -> record. A document that is READY with the same bytes is left alone; one that failed or
            was cut off is worked on again.

    Raises:
        SourceError: A path that was named does not exist or may not be listed.
    """
    plan = IngestPlan()
    for listed in list_files(paths):
        if not listed.is_document:
            plan.ignored.append(listed.path.name)
            continue
        try:
            document = describe(listed.path)
        except SourceError as error:
            plan.unreadable.append(_unreadable(listed, error))
            continue
        known = ledger.get(document.document_id)
        if known and known.state is DocumentState.READY and known.document.content_hash == document.content_hash:
            plan.unchanged.append(document.name)
        else:
            plan.work.append((document, listed.path))
    return plan


def _unreadable(listed: ListedFile, error: SourceError) -> DocumentRecord:
    uri = source_uri(listed.path)
    document = Document(
        document_id=make_document_id(uri),
        source_uri=uri,
        name=listed.path.name,
        content_hash="",
        size_bytes=listed.size_bytes,
    )
    failure = PageFailure(page_number=None, reason=type(error).__name__, message=str(error))
    return DocumentRecord(document=document, state=DocumentState.FAILED, n_pages=0, n_ingested=0, failures=(failure,))
