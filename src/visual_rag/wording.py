"""Records as people read them: hits, documents, reports and counts as rows and lines of text.

print_rows(Console(), document_rows(index.documents()), header=DOCUMENT_HEADER)
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from rich.filesize import decimal

from visual_rag.embed.checkpoint import is_here
from visual_rag.embed.models import DEFAULT_MODEL, MODELS, models_table
from visual_rag.index import IndexInfo
from visual_rag.printing import Row, count
from visual_rag.records import (
    DocumentRecord,
    DocumentState,
    Evidence,
    Hit,
    HitGroup,
    Hits,
    IngestReport,
    Region,
)
from visual_rag.retrieve.contact_sheet_page import page_numbers
from visual_rag.retrieve.snippet import snippet
from visual_rag.sources.local import typed_path

EVIDENCE_HEADER = ("word", "strength", "weight", "where")
HIT_HEADER = ("rank", "document", "page", "score", "similarity")
DOCUMENT_HEADER = ("document", "state", "pages")
_MAX_REASONS = 3


def hit_rows(question: str, hits: Sequence[Hit]) -> list[Row]:
    """One row for each hit; the note is the page's text around the question's words."""
    names = names_apart((hit.page.source_uri, hit.page.document_name) for hit in hits)
    return [
        Row(
            (
                str(hit.rank),
                names[hit.page.source_uri],
                page_numbers(hit.page),
                f"{hit.score:.2f}",
                f"{hit.similarity:.2f}",
            ),
            snippet(hit.page.text, question),
        )
        for hit in hits
    ]


def document_rows(records: Sequence[DocumentRecord]) -> list[Row]:
    """One row for each document; the note says why one is not wholly in the index."""
    names = _names(records)
    return [
        Row((names[record.document.source_uri], record.state.value, _pages(record)), _why(record)) for record in records
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
        f"model {model.name}, revision {model.revision}, vectors pooled by {passport.pooling}",
        f"pages rendered at {passport.dpi} dpi by {passport.renderer}",
        f"index folder {found.folder}",
    ]


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


def hit_json(hit: Hit) -> dict[str, Any]:
    """A hit as plain values."""
    return {
        "rank": hit.rank,
        "score": hit.score,
        "scored_by": hit.scored_by,
        "similarity": hit.similarity,
        "page": {**asdict(hit.page), "page_number": hit.page.page_number},
    }


def steps_json(hits: Hits) -> list[dict[str, Any]]:
    """What a search did, as plain values."""
    return [asdict(step) for step in hits.steps]


def group_lines(groups: Sequence[HitGroup]) -> list[str]:
    """A line for each group, and one for each of its pages."""
    lines = []
    for group in groups:
        document = group.document
        held = f" ({_pages(document)} pages)" if document else ""
        lines.append(f"{document.document.name if document else group.value}{held}")
        names = names_apart((hit.page.source_uri, hit.page.document_name) for hit in group.hits)
        for hit in group.hits:
            where = page_numbers(hit.page) if document else f"{names[hit.page.source_uri]} {page_numbers(hit.page)}"
            lines.append(f"  page {where}  score {hit.score:.2f}, similarity {hit.similarity:.2f}")
    return lines


def group_json(group: HitGroup) -> dict[str, Any]:
    """A group as plain values."""
    document = asdict(group.document) if group.document else None
    return {"value": group.value, "document": document, "hits": [hit_json(hit) for hit in group.hits]}


def evidence_rows(evidence: Evidence) -> list[Row]:
    """One row for each part of a question: how strongly it was found, and where."""
    return [
        Row((found.token, f"{found.strength:.2f}", f"{found.weight:.2f}", _place(found.box)))
        for found in evidence.tokens
    ]


def evidence_json(evidence: Evidence) -> dict[str, Any]:
    """Evidence as plain values, without the heat of each patch."""
    return {
        "page_id": evidence.page.page_id,
        "tokens": [
            {
                "token": found.token,
                "weight": found.weight,
                "strength": found.strength,
                "region": list(found.region),
                "box": list(found.box),
            }
            for found in evidence.tokens
        ],
    }


def _place(box: Region) -> str:
    """A rectangle in percent of the page: from left and top, and how large."""
    left, top, right, bottom = (round(100 * edge) for edge in box)
    return f"{left} % from the left, {top} % from the top, {right - left} x {bottom - top} %"


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
    pages = f"{_pages(record)} pages" if record.failures else count(record.n_ingested, "page")
    return "; ".join([pages, *filter(None, [_why(record)]), *record.warnings])


def _pages(record: DocumentRecord) -> str:
    whole = record.n_ingested == record.n_pages
    return str(record.n_ingested) if whole else f"{record.n_ingested} of {record.n_pages}"


def _why(record: DocumentRecord) -> str:
    if record.state is DocumentState.INGESTING:
        return "its ingest broke off; ingest it again"
    failures = record.failures[:_MAX_REASONS]
    shown = [f"page {f.page_number}: {f.message}" if f.page_number else f.message for f in failures]
    n_more = len(record.failures) - len(shown)
    return "; ".join(shown) + (f"; and {n_more} more" if n_more else "")
