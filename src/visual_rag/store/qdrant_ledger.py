"""The collection beside the pages on a Qdrant server: ledger records and the passport, points without vectors."""

from collections.abc import Mapping
from typing import Any

from visual_rag.errors import CollectionNotFound, MissingDependency, StoreError
from visual_rag.passport import IndexPassport
from visual_rag.records import DocumentRecord
from visual_rag.store.qdrant_schema import FIELD, PASSPORT_ID, documents_name, read_passport
from visual_rag.store.qdrant_server import Server
from visual_rag.store.schema import ledger_payload, ledger_record

try:
    from qdrant_client import models
except ImportError as error:
    raise MissingDependency("a Qdrant server needs qdrant-client: pip install 'visual-rag[qdrant]'") from error

_IS_RECORD = models.Filter(
    must=[models.IsEmptyCondition(is_empty=models.PayloadField(key=FIELD))],
    must_not=[models.HasIdCondition(has_id=[PASSPORT_ID])],
)


class Ledger:
    """Ledger and passport of one index."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._name = documents_name(server.collection)

    def put(self, record: DocumentRecord) -> None:
        """Write one record, replacing that of the same document."""
        self._put(record.document.document_id, ledger_payload(record))

    def put_passport(self, passport: IndexPassport) -> None:
        """Write the passport: the last step of a creation."""
        self._put(PASSPORT_ID, passport.as_dict())

    def _put(self, point_id: str, payload: Mapping[str, Any]) -> None:
        point = models.PointStruct(id=point_id, vector={}, payload=dict(payload))
        self._server.ask("writing the ledger of", lambda client: client.upsert(self._name, [point], wait=True))

    def records(self) -> list[DocumentRecord]:
        """Read all records, sorted by source URI."""
        rows = self._server.scroll(self._name, _IS_RECORD, with_payload=True)
        return sorted((ledger_record(row.payload or {}) for row in rows), key=lambda record: record.document.source_uri)

    def passport(self) -> IndexPassport:
        """Read the passport.

        Raises:
            CollectionNotFound: There is none.
            PassportMismatch: A release with another schema wrote it.
            StoreError: It cannot be read.
        """
        payload = read_passport(self._server, self._name)
        place, collection = self._server.place, self._server.collection
        if payload is None:
            raise CollectionNotFound(
                f"{place} has no passport: its creation broke off. Create it again", collection=collection
            )
        try:
            return IndexPassport.from_dict(payload)
        except (KeyError, TypeError) as error:
            raise StoreError(
                f"the passport of {place} cannot be read ({error!r}); restore it from a snapshot", collection=collection
            ) from error

    def delete(self, document_id: str) -> None:
        """Remove one record, if it is there."""
        self._server.ask("writing the ledger of", lambda client: client.delete(self._name, [document_id], wait=True))

    def delete_passport(self) -> None:
        """Remove the passport: the first step of a removal."""
        self.delete(PASSPORT_ID)

    def count(self) -> int:
        """Count the records."""
        return self._server.ask("counting documents of", lambda client: client.count(self._name, _IS_RECORD)).count
