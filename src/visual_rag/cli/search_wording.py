"""What a search found, as people read it and as plain values: hits, groups, facets, evidence.

print_rows(Console(), hit_rows("oil filter", hits), header=HIT_HEADER)
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from visual_rag.printing import Row
from visual_rag.records import Evidence, FieldScalar, Hit, HitGroup, Hits, Region
from visual_rag.retrieve.contact_sheet_page import page_numbers, page_title
from visual_rag.retrieve.snippet import snippet
from visual_rag.retrieve.text_channel import BM25
from visual_rag.wording import names_apart, pages_held

HIT_HEADER = ("rank", "document", "page", "score", "similarity")
STEP_HEADER = ("step", "time", "what")
EVIDENCE_HEADER = ("word", "weight", "strength", "where on the page")
_SMALL_SCORE = 0.1  # scores of a fusion by rank are about 1/60
_BAR_LENGTH = 10


def hit_rows(words: str, hits: Sequence[Hit]) -> list[Row]:
    """One row for each hit; the note is the page's text around the question's words."""
    names = _names(hits)
    return [
        Row(
            (
                str(hit.rank),
                names[hit.page.source_uri],
                page_numbers(hit.page),
                _score(hit, hits),
                _similarity(hit),
            ),
            snippet(hit.page.text, words),
        )
        for hit in hits
    ]


def hit_json(hit: Hit) -> dict[str, Any]:
    """A hit as plain values."""
    return {
        "rank": hit.rank,
        "score": hit.score,
        "scored_by": hit.scored_by,
        "similarity": None if hit.scored_by == BM25 else hit.similarity,  # nothing looked at the page
        "page": {**asdict(hit.page), "page_number": hit.page.page_number},
    }


def step_rows(hits: Hits) -> list[Row]:
    """One row for each step of a search."""
    return [Row((step.name, f"{1000 * step.seconds:.1f} ms", step.detail)) for step in hits.steps]


def steps_json(hits: Hits) -> list[dict[str, Any]]:
    """What a search did, as plain values."""
    return [asdict(step) for step in hits.steps]


def group_lines(groups: Sequence[HitGroup]) -> list[str]:
    """A line for each group, and one for each of its pages."""
    lines = []
    for group in groups:
        document, names = group.document, _names(group.hits)
        held = f" ({pages_held(document)} pages, {document.state.value})" if document else ""
        lines.append(f"{document.document.name if document else shown(group.value)}{held}")
        for hit in group.hits:
            of_document = "" if document else f"{names[hit.page.source_uri]} "
            numbers = f"score {_score(hit, group.hits)}, similarity {_similarity(hit)}"
            lines.append(f"  {of_document}{page_title(hit.page)}: {numbers}")
    return lines


def group_json(group: HitGroup) -> dict[str, Any]:
    """A group as plain values."""
    document = asdict(group.document) if group.document else None
    return {"value": group.value, "document": document, "hits": [hit_json(hit) for hit in group.hits]}


def facet_rows(counts: Mapping[FieldScalar, int]) -> list[Row]:
    """One row for each value of a field, written as a filter writes it but for quotes."""
    return [Row((shown(value), f"{number:,}")) for value, number in counts.items()]


def evidence_rows(evidence: Evidence) -> list[Row]:
    """One row for each part of a question, in its order: how much it counts, how strongly it was found, and where."""
    return [
        Row((found.token, f"{found.weight:.2f}", f"{found.strength:.2f} {_bar(found.strength)}", _place(found.box)))
        for found in evidence.tokens
    ]


def evidence_json(evidence: Evidence) -> dict[str, Any]:
    """Evidence as plain values, without the heat of each patch."""
    page = evidence.page
    return {
        "page_id": page.page_id,
        "document_name": page.document_name,
        "page_number": page.page_number,
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


def shown(value: FieldScalar) -> str:
    """Write a value as filters do, but for the quotes.

    >>> shown(True), shown(2023), shown("de")
    ('true', '2023', 'de')
    """
    return str(value).lower() if isinstance(value, bool) else str(value)


def _names(hits: Sequence[Hit]) -> dict[str, str]:
    return names_apart((hit.page.source_uri, hit.page.document_name) for hit in hits)


def _score(hit: Hit, hits: Sequence[Hit]) -> str:
    """All scores of a list with the same number of digits, enough to tell them apart."""
    return f"{hit.score:.4f}" if max(abs(other.score) for other in hits) < _SMALL_SCORE else f"{hit.score:.2f}"


def _similarity(hit: Hit) -> str:
    """The text channel alone knows none."""
    return "-" if hit.scored_by == BM25 else f"{hit.similarity:.2f}"


def _bar(strength: float) -> str:
    """A small bar, full at 1.

    >>> _bar(0.5)
    '#####.....'
    """
    n_full = round(_BAR_LENGTH * strength)
    return "#" * n_full + "." * (_BAR_LENGTH - n_full)


def _place(box: Region) -> str:
    """A rectangle in percent of the page: from left and top, and how large.

    >>> _place(Region(0.1, 0.2, 0.5, 0.25))
    '10 % from the left, 20 % from the top, 40 x 5 %'
    """
    left, top, right, bottom = box
    width, height = max(1, round(100 * (right - left))), max(1, round(100 * (bottom - top)))
    return f"{round(100 * left)} % from the left, {round(100 * top)} % from the top, {width} x {height} %"
