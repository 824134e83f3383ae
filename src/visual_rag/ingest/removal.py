"""Taking documents out of an index, and sweeping up what nothing refers to any more."""

from collections.abc import Sequence
from dataclasses import replace

from visual_rag.records import DocumentRecord, DocumentState
from visual_rag.store.filters import In
from visual_rag.store.images import PageImages
from visual_rag.store.protocol import PageStore
from visual_rag.store.schema import DOCUMENT_ID


def remove_documents(store: PageStore, images: PageImages, records: Sequence[DocumentRecord]) -> int:
    """Remove documents with their pages, images and ledger records; return how many pages went.

    A document is marked INGESTING first: if the process dies half way, the next ingest does not take it for whole.
    """
    n_removed = 0
    for record in records:
        document_id = record.document.document_id
        of_document = In(DOCUMENT_ID, (document_id,))
        n_removed += store.count(of_document)
        store.put_document(replace(record, state=DocumentState.INGESTING))
        store.delete(of_document)
        store.delete_document(document_id)
    sweep_images(store, images)
    store.maintain()
    return n_removed


def sweep_images(store: PageStore, images: PageImages) -> None:
    """Remove page images that no page has, and half-written ones, whatever left them: a removal, a new version, a kill.

    For whoever has the index open: nobody else writes images meanwhile.
    """
    images.delete_unfinished()
    images.delete(images.hashes() - {page.page_hash for page in store.scroll()})
