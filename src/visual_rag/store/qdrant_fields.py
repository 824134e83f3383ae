"""What metadata fields hold, noted beside the ledger on a Qdrant server, and indexed when they are first met.

One point for each field and kind (none where it never held a value): two writers never undo each other's notes.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from visual_rag.errors import MissingDependency
from visual_rag.records import make_document_id
from visual_rag.store.field_kinds import Kinds, kinds_of, merge
from visual_rag.store.protocol import FieldKind
from visual_rag.store.qdrant_schema import FIELD, documents_name, index_field
from visual_rag.store.qdrant_server import Server

try:
    from qdrant_client import models
except ImportError as error:
    raise MissingDependency("a Qdrant server needs qdrant-client: pip install 'visual-rag[qdrant]'") from error

_IS_NOTE = models.Filter(must_not=[models.IsEmptyCondition(is_empty=models.PayloadField(key=FIELD))])
_NO_KIND = ("",)
_NOTHING: frozenset[FieldKind] = frozenset()


class FieldNotes:
    """The notes of one index; those that this process has seen are not written again."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._documents = documents_name(server.collection)
        self._seen: Kinds = {}

    def read(self) -> dict[str, frozenset[FieldKind]]:
        """Read them from the server, what others noted included."""
        kinds: dict[str, frozenset[FieldKind]] = {}
        for row in self._server.scroll(self._documents, _IS_NOTE, with_payload=True):
            payload: dict[str, Any] = row.payload or {}
            kinds = merge(kinds, {payload[FIELD]: frozenset([payload["kind"]] if payload["kind"] else [])})
        return kinds

    def learn(self, metadata: Sequence[Mapping[str, Any]]) -> None:
        """Note and index what was not met before; comes before the pages that hold it."""
        met: Kinds = {}
        for fields in metadata:
            met = merge(met, kinds_of(fields))
        if not _news(met, self._seen):
            return
        self._seen = self.read()
        news = _news(met, self._seen)
        for name, kinds in news.items():
            if kinds:
                index_field(self._server, name, kinds | self._seen.get(name, _NOTHING))
        notes = [_note(name, kind) for name, kinds in news.items() for kind in (*sorted(kinds),) or _NO_KIND]
        if notes:
            self._server.ask("noting fields of", lambda client: client.upsert(self._documents, notes, wait=True))
        self._seen = merge(self._seen, news)


def _news(met: Kinds, seen: Kinds) -> dict[str, frozenset[FieldKind]]:
    """Fields that were not seen, and what else the others hold."""
    return {
        name: kinds - seen.get(name, _NOTHING) for name, kinds in met.items() if name not in seen or kinds - seen[name]
    }


def _note(name: str, kind: str) -> models.PointStruct:
    note_id = make_document_id(f"visual_rag:field:{kind}:{name}")
    return models.PointStruct(id=note_id, vector={}, payload={FIELD: name, "kind": kind})
