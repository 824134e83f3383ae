"""The store on a Qdrant server keeps every promise of the protocol.

Without a server it runs on qdrant-client's local mode, a folder on this machine: the client's own Python in place of
the engine. There, datatypes and quantization are taken and ignored (all is float32), so scores are exact where a
server's are within 1 %; payload indexes do nothing, so a text field is searched without its tokenizer; a shortlist
spares no work; and nothing goes through REST or gRPC. With `QDRANT_URL` (and `QDRANT_API_KEY`, where the server wants
one) the same suite runs against that server, in collections named `visual_rag_test_...` that it removes.
"""

import os
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from qdrant_client import QdrantClient

from visual_rag.errors import StoreError
from visual_rag.passport import IndexPassport
from visual_rag.server_settings import ServerSettings
from visual_rag.store.qdrant import QdrantStore
from visual_rag.testing import StoreContract

NAME = "pages"
SETTINGS = ServerSettings()
local_mode_says_what_it_ignores = pytest.mark.filterwarnings(
    "ignore:Payload indexes have no effect in the local Qdrant", "ignore:Local mode performs exact"
)


@local_mode_says_what_it_ignores
class TestQdrantStore(StoreContract):
    """See `StoreContract`; in local mode."""

    @pytest.fixture(autouse=True)
    def closed_clients(self) -> Iterator[None]:
        """A store never closes a client that it was given."""
        self.clients: dict[Path, QdrantClient] = {}
        yield
        for client in self.clients.values():
            client.close()

    def make_store(self, folder: Path, passport: IndexPassport) -> QdrantStore:
        self.clients[folder] = QdrantClient(path=str(folder))
        return QdrantStore.create(SETTINGS, NAME, passport, client=self.clients[folder])

    def reopen(self, folder: Path) -> QdrantStore:
        self.clients[folder].close()
        self.clients[folder] = QdrantClient(path=str(folder))
        return QdrantStore.open(SETTINGS, NAME, client=self.clients[folder])


@pytest.mark.skipif("QDRANT_URL" not in os.environ, reason="no Qdrant server: QDRANT_URL is not set")
class TestQdrantServer(StoreContract):
    """The same against the server at `QDRANT_URL`, over gRPC, 8 bits a value."""

    prefer_grpc = True

    @pytest.fixture(autouse=True)
    def dropped_collections(self) -> Iterator[None]:
        """Leave nothing behind on somebody's server."""
        self.names: dict[Path, str] = {}
        yield
        for name in self.names.values():
            with suppress(StoreError):
                QdrantStore.open(self.settings, name).drop()

    @property
    def settings(self) -> ServerSettings:
        """How the server is reached."""
        key = os.environ.get("QDRANT_API_KEY")
        return ServerSettings(url=os.environ["QDRANT_URL"], api_key=key, prefer_grpc=self.prefer_grpc)

    def make_store(self, folder: Path, passport: IndexPassport) -> QdrantStore:
        self.names[folder] = f"visual_rag_test_{uuid.uuid4().hex}"
        return QdrantStore.create(self.settings, self.names[folder], passport)

    def reopen(self, folder: Path) -> QdrantStore:
        return QdrantStore.open(self.settings, self.names[folder])


class TestQdrantServerFloat16(TestQdrantServer):
    """The same over REST, 16 bits a value."""

    datatype = "float16"
    prefer_grpc = False
