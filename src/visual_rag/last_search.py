"""The last search of the command line, kept in the index folder for `visual-rag show`.

remember(folder, "oil filter", hits)
question, hits = recall(folder)
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from visual_rag.errors import InvalidInput
from visual_rag.records import Hit, PageRecord

_FILE = "last_search.json"


def remember(folder: Path, question: str, hits: Sequence[Hit]) -> str:
    """Write a search down; give what went wrong, "" for nothing: the hits are what was asked for, not this file."""
    text = json.dumps({"question": question, "hits": [_values(hit) for hit in hits]})
    part = folder / f"{_FILE}.part"
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(folder / _FILE)
    except OSError as error:
        return error.strerror or str(error)
    return ""


def recall(folder: Path) -> tuple[str, list[Hit]]:
    """Read the last search: question and hits.

    Raises:
        InvalidInput: There is none, or it cannot be read.
    """
    path = folder / _FILE
    if not path.exists():
        raise InvalidInput("nothing was searched yet; run `visual-rag search QUESTION` first")
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
        return str(saved["question"]), [_hit(values) for values in saved["hits"]]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InvalidInput("the last search cannot be read; run `visual-rag search QUESTION` again") from error


def forget(folder: Path) -> None:
    """Remove what `remember` wrote."""
    with suppress(OSError):
        (folder / _FILE).unlink(missing_ok=True)


def _values(hit: Hit) -> dict[str, object]:
    return {**{name: getattr(hit, name) for name in _SAVED}, "page": asdict(hit.page)}


def _hit(values: dict[str, object]) -> Hit:
    page = values["page"]
    if not isinstance(page, dict) or not all(isinstance(page[key], kind) for key, kind in _KINDS.items()):
        raise TypeError("no page record")
    return Hit(**{**values, "page": PageRecord(**page)})  # type: ignore[arg-type]


_SAVED = ("rank", "score", "scored_by", "similarity")
_KINDS = {"document_name": str, "source_uri": str, "page_hash": str, "label": str, "page_index": int}
