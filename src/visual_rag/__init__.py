"""visual_rag: find the page that shows it, by late interaction over page images.

    import visual_rag

    with visual_rag.VisualIndex.open_or_create("manuals.index") as index:
        index.add("manuals/")
        hits = index.search("wiring diagram of the pump")
        index.show("wiring diagram of the pump", hits, "found.html")

The names below load their modules at first use, so that importing the package costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from visual_rag.errors import VisualRagError
    from visual_rag.index import VisualIndex
    from visual_rag.llama_index import PageNode, VisualRetriever
    from visual_rag.records import (
        DocumentRecord,
        Evidence,
        Examples,
        Grouping,
        Hit,
        IngestReport,
        PageRecord,
        Query,
        Region,
    )
    from visual_rag.server_settings import ServerSettings
    from visual_rag.settings import Boost, ModelSettings, RenderSettings, SearchSettings, StoreSettings
    from visual_rag.store.field import Field

_HOMES = {
    "Boost": "settings",
    "DocumentRecord": "records",
    "Evidence": "records",
    "Examples": "records",
    "Field": "store.field",
    "Grouping": "records",
    "Hit": "records",
    "IngestReport": "records",
    "ModelSettings": "settings",
    "PageNode": "llama_index",
    "PageRecord": "records",
    "Query": "records",
    "Region": "records",
    "RenderSettings": "settings",
    "SearchSettings": "settings",
    "ServerSettings": "server_settings",
    "StoreSettings": "settings",
    "VisualIndex": "index",
    "VisualRagError": "errors",
    "VisualRetriever": "llama_index",
}

__version__ = "0.1.0"
__all__ = [
    "Boost",
    "DocumentRecord",
    "Evidence",
    "Examples",
    "Field",
    "Grouping",
    "Hit",
    "IngestReport",
    "ModelSettings",
    "PageNode",
    "PageRecord",
    "Query",
    "Region",
    "RenderSettings",
    "SearchSettings",
    "ServerSettings",
    "StoreSettings",
    "VisualIndex",
    "VisualRagError",
    "VisualRetriever",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'visual_rag' has no attribute {name!r}")
    return getattr(import_module(f"visual_rag.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
