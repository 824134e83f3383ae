"""Which store an index lives in: the embedded engine here or in a process of its own, or a Qdrant server.

An index on a server keeps a note of it in its folder, so that opening the folder is enough; the key is not in it.
"""

import json
from dataclasses import asdict, replace
from pathlib import Path

from visual_rag.errors import InvalidInput, StoreError
from visual_rag.passport import IndexPassport
from visual_rag.server_settings import ServerSettings
from visual_rag.settings import INDEX_LOCK, StoreSettings, server_api_key
from visual_rag.store.edge import EdgeStore
from visual_rag.store.files import whole_file
from visual_rag.store.protocol import PageStore

SERVER_NOTE = "visual_rag.server.json"


def create_store(folder: Path, passport: IndexPassport, settings: StoreSettings) -> PageStore:
    """Make an empty store.

    Raises:
        StoreError: There is one already, or something else lies in the folder.
    """
    if settings.server is not None:
        from visual_rag.store.qdrant import QdrantStore

        server = _with_key(settings.server)
        _check_no_index(folder)
        store = QdrantStore.create(server, server.collection, passport)
        folder.mkdir(parents=True, exist_ok=True)
        with whole_file(folder / SERVER_NOTE) as file:
            file.write(json.dumps({**asdict(server), "api_key": None}).encode())
        return store
    if settings.own_process:
        from visual_rag.store.process import ProcessStore

        return ProcessStore.create(folder, passport)
    return EdgeStore.create(folder, passport)


def open_store(folder: Path, settings: StoreSettings) -> PageStore:
    """Open a store that exists.

    Raises:
        CollectionNotFound: There is none.
        StoreError: It cannot be opened.
    """
    server = settings.server or _noted_server(folder)
    if server is not None:
        if settings.own_process:
            raise InvalidInput(f"index '{folder.name}' lies on a server, which has a process; leave own_process out")
        from visual_rag.store.qdrant import QdrantStore

        server = _with_key(server)
        return QdrantStore.open(server, server.collection)
    if settings.own_process:
        from visual_rag.store.process import ProcessStore

        return ProcessStore.open(folder)
    return EdgeStore.open(folder)


def _check_no_index(folder: Path) -> None:
    if (folder / INDEX_LOCK).exists() or (folder / SERVER_NOTE).exists():
        raise StoreError(
            f"'{folder.name}' holds an index already; open it, or name another folder for the one on the server",
            collection=folder.name,
        )


def _with_key(server: ServerSettings) -> ServerSettings:
    return server if server.api_key else replace(server, api_key=server_api_key())


def _noted_server(folder: Path) -> ServerSettings | None:
    try:
        return ServerSettings(**json.loads((folder / SERVER_NOTE).read_bytes()))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, TypeError) as error:
        raise StoreError(
            f"{SERVER_NOTE} in '{folder.name}' cannot be read; open the index with StoreSettings(server=...)",
            collection=folder.name,
        ) from error
