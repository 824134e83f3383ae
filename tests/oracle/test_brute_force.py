"""The oracle of searches keeps the same promises as the stores that are measured against it."""

from pathlib import Path

import pytest
from oracle.brute_force import BruteForceStore

from visual_rag.passport import IndexPassport
from visual_rag.testing import StoreContract


class TestBruteForceStore(StoreContract):
    """See `StoreContract`."""

    @pytest.fixture(autouse=True)
    def in_memory(self) -> None:
        """What a folder would keep."""
        self.stores: dict[Path, BruteForceStore] = {}

    def make_store(self, folder: Path, passport: IndexPassport) -> BruteForceStore:
        return self.stores.setdefault(folder, BruteForceStore(passport))

    def reopen(self, folder: Path) -> BruteForceStore:
        return self.stores[folder]
