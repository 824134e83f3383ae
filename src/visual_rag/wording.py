"""Records as people read them: documents, reports, indexes and models as rows and lines of text.

print_rows(Console(), document_rows(index.documents()), header=DOCUMENT_HEADER)
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from rich.filesize import decimal

from visual_rag.embed.checkpoint import is_here
from visual_rag.embed.models import DEFAULT_MODEL, MODELS, models_table
from visual_rag.embed.pooling import with_pooling
from visual_rag.index import IndexInfo
from visual_rag.passport import IndexPassport
from visual_rag.printing import Row, count
from visual_rag.records import DocumentRecord, DocumentState, IngestReport
from visual_rag.settings import DEFAULT_POLICY, STORAGE_POLICIES, ModelSettings, PolicyName
from visual_rag.sources.local import typed_path

DOCUMENT_HEADER = ("document", "state", "pages")
_MAX_REASONS = 3


def document_rows(records: Sequence[DocumentRecord]) -> list[Row]:
    """One row for each document; the note says why one is not wholly in the index."""
    names = _names(records)
    return [
        Row((names[record.document.source_uri], record.state.value, pages_held(record)), _why(record))
        for record in records
    ]


def document_line(record: DocumentRecord) -> str:
    """Which document, how many pages, and what happened."""
    return f"{typed_path(record.document.source_uri)}: {_outcome(record)}"


def remarkable_lines(report: IngestReport) -> list[str]:
    """One line for each document that did not go smoothly."""
    return [document_line(record) for record in report.ingested if record.failures or record.warnings]


def report_summary(report: IngestReport) -> str:
    """Pages, documents and seconds of one ingest, and how many were unchanged, failed or passed over."""
    speed = f", {report.n_pages_embedded / report.seconds:.1f} pages/s" if report.n_pages_embedded else ""
    states = Counter(record.state for record in report.ingested)
    n_failed, n_partial = states[DocumentState.FAILED], states[DocumentState.PARTIAL]
    n_documents = count(len(report.ingested) - n_failed, "document")
    parts = [f"{count(report.n_pages, 'page')} of {n_documents} in {report.seconds:.1f} s{speed}"]
    if report.unchanged:
        parts.append(f"{len(report.unchanged)} unchanged")
    if n_partial:
        parts.append(f"{n_partial} in part")
    if n_failed:
        parts.append(f"{n_failed} failed")
    if report.ignored:
        parts.append(f"{count(len(report.ignored), 'file')} passed over (neither PDF nor image)")
    return "; ".join(parts)


def info_lines(found: IndexInfo, records: Sequence[DocumentRecord]) -> list[str]:
    """What an index holds, how large it is, what it was built with, and where it lies."""
    size, passport, model = found.size, found.passport, found.passport.model
    n_failed = sum(record.state is DocumentState.FAILED for record in records)
    holds = f"{count(size.n_pages, 'page')} of {count(len(records) - n_failed, 'document')}"
    vectors, images = decimal(size.size_bytes), decimal(found.image_bytes)
    return [
        holds + (f", {n_failed} failed" if n_failed else ""),
        f"{decimal(size.size_bytes + found.image_bytes)}: {vectors} of vectors and text, {images} of page images",
        *_policy_lines(found),
        f"model {model.name}, revision {model.revision}, vectors pooled by {passport.pooling}",
        f"pages rendered at {passport.dpi} dpi by {passport.renderer}, text layers read as {passport.text_language}",
        f"index folder {found.folder}",
    ]


def policy_of(passport: IndexPassport) -> PolicyName:
    """The storage policy that an index was made with."""
    named: dict[str, PolicyName] = {policy.datatype: name for name, policy in STORAGE_POLICIES.items()}
    return named.get(passport.datatype, DEFAULT_POLICY)


def policy_page_bytes(found: IndexInfo) -> dict[PolicyName, float]:
    """Bytes of the full vectors of a page of this index under each policy; none where there is no page.

    A policy merges rows only where the model's may be merged, and where it was not set otherwise.
    """
    passport, size = found.passport, found.size
    if not size.n_pages:
        return {}
    n_vectors, own = size.n_vectors / size.n_pages, STORAGE_POLICIES[policy_of(passport)]
    built = with_pooling(ModelSettings(), passport.pooling)
    is_as_policy = (built.pool_factor, built.full_pooling) == (own.pool_factor, "ward")
    if is_as_policy and passport.model.name != DEFAULT_MODEL and n_vectors > 1:
        held = {name: n_vectors * own.pool_factor / policy.pool_factor for name, policy in STORAGE_POLICIES.items()}
    else:
        held = dict.fromkeys(STORAGE_POLICIES, n_vectors)
    return {name: held[name] * passport.model.dim * policy.bits / 8 for name, policy in STORAGE_POLICIES.items()}


def _policy_lines(found: IndexInfo) -> list[str]:
    """What a page's full vectors cost, and what they would under the other policies."""
    costs, own = policy_page_bytes(found), policy_of(found.passport)
    if not costs:
        return [f"storage policy {own}"]
    n_vectors = round(found.size.n_vectors / found.size.n_pages)
    others = ", ".join(f"{name} {decimal(round(cost))}" for name, cost in costs.items() if name != own)
    values = f"{count(n_vectors, 'vector')} of {found.passport.model.dim} values"
    return [f"storage policy {own}: {decimal(round(costs[own]))} a page for {values} on average; it would be {others}"]


def model_rows() -> tuple[list[Row], list[str]]:
    """One row for each known model, and the header; the note says what else decides."""
    table = models_table(_models_here())
    header = [name for name in table[0] if name != "note"]
    return [Row([row[name] for name in header], row["note"]) for row in table], header


def models_json() -> list[dict[str, Any]]:
    """Everything known of each model, and whether it is on this machine."""
    here = _models_here()
    return [
        {**asdict(spec), "page_size_bytes": spec.page_size_bytes, "is_here": spec.name in here}
        for spec in MODELS.values()
    ]


def _models_here() -> set[str]:
    return {name for name in MODELS if name == DEFAULT_MODEL or is_here(name)}


def info_json(found: IndexInfo) -> dict[str, Any]:
    """What an index holds as plain values, bytes not rounded."""
    size = found.size
    per_page = (size.size_bytes + found.image_bytes) // size.n_pages if size.n_pages else 0
    return {
        "folder": str(found.folder),
        "passport": found.passport.as_dict(),
        "documents": size.n_documents,
        "pages": size.n_pages,
        "vectors": size.n_vectors,
        "vector_bytes": size.size_bytes,
        "image_bytes": found.image_bytes,
        "bytes_per_page": per_page,
        "policy": policy_of(found.passport),
        "vector_bytes_per_page_by_policy": {name: round(cost) for name, cost in policy_page_bytes(found).items()},
    }


def names_apart(documents: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Say what to call each document: its name or, where two share it, its path as it can be typed here.

    Args:
        documents: Source URIs and names.
    """
    names = dict(documents)
    n_called = Counter(names.values())
    return {uri: name if n_called[name] == 1 else typed_path(uri) for uri, name in names.items()}


def _names(records: Sequence[DocumentRecord]) -> dict[str, str]:
    return names_apart((record.document.source_uri, record.document.name) for record in records)


def _outcome(record: DocumentRecord) -> str:
    if record.state is DocumentState.FAILED:
        return f"failed: {_why(record)}"
    pages = f"{pages_held(record)} pages" if record.failures else count(record.n_ingested, "page")
    return "; ".join([pages, *filter(None, [_why(record)]), *record.warnings])


def pages_held(record: DocumentRecord) -> str:
    """How many pages of a document are in the index: `12`, or `10 of 12` where some failed."""
    whole = record.n_ingested == record.n_pages
    return str(record.n_ingested) if whole else f"{record.n_ingested} of {record.n_pages}"


def _why(record: DocumentRecord) -> str:
    if record.state is DocumentState.INGESTING:
        return "its ingest broke off; ingest it again"
    failures = record.failures[:_MAX_REASONS]
    shown = [f"page {f.page_number}: {f.message}" if f.page_number else f.message for f in failures]
    n_more = len(record.failures) - len(shown)
    return "; ".join(shown) + (f"; and {n_more} more" if n_more else "")
