"""The embedded store keeps every promise of the protocol, with every datatype."""

from pathlib import Path

from visual_rag.passport import IndexPassport
from visual_rag.store.edge import EdgeStore
from visual_rag.testing import StoreContract


class TestEdgeStore(StoreContract):
    """See `StoreContract`; 8 bits a value."""

    def make_store(self, folder: Path, passport: IndexPassport) -> EdgeStore:
        store = EdgeStore.create(folder, passport)
        store.rows.least_pages = 1  # else the suite's few pages would have no lists
        return store

    def reopen(self, folder: Path) -> EdgeStore:
        return EdgeStore.open(folder)


class TestEdgeStoreFloat16(TestEdgeStore):
    """The same, 16 bits a value."""

    datatype = "float16"


class TestEdgeStoreTurbo4(TestEdgeStore):
    """The same, 4 bits a value."""

    datatype = "turbo4"
