"""The embedded store in a process of its own keeps every promise of the protocol."""

from pathlib import Path

from visual_rag.passport import IndexPassport
from visual_rag.store.process import ProcessStore
from visual_rag.testing import StoreContract


class TestProcessStore(StoreContract):
    """See `StoreContract`."""

    def make_store(self, folder: Path, passport: IndexPassport) -> ProcessStore:
        return ProcessStore.create(folder, passport)

    def reopen(self, folder: Path) -> ProcessStore:
        return ProcessStore.open(folder)
