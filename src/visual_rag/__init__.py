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
    from visual_rag.index import IndexInfo, VisualIndex
    from visual_rag.llama_index import PageNode, VisualRetriever
    from visual_rag.passport import IndexPassport
    from visual_rag.records import (
        Document,
        DocumentRecord,
        Hit,
        IngestProgress,
        IngestReport,
        Page,
        PageEmbedding,
        PageRecord,
        QueryEmbedding,
    )
    from visual_rag.settings import ModelSettings, RenderSettings, SearchSettings, StoreSettings

_HOMES = {
    "Document": "records",
    "DocumentRecord": "records",
    "Hit": "records",
    "IndexInfo": "index",
    "IndexPassport": "passport",
    "IngestProgress": "records",
    "IngestReport": "records",
    "ModelSettings": "settings",
    "Page": "records",
    "PageEmbedding": "records",
    "PageNode": "llama_index",
    "PageRecord": "records",
    "QueryEmbedding": "records",
    "RenderSettings": "settings",
    "SearchSettings": "settings",
    "StoreSettings": "settings",
    "VisualIndex": "index",
    "VisualRagError": "errors",
    "VisualRetriever": "llama_index",
}

__version__ = "0.1.0"
__all__ = [
    "Document",
    "DocumentRecord",
    "Hit",
    "IndexInfo",
    "IndexPassport",
    "IngestProgress",
    "IngestReport",
    "ModelSettings",
    "Page",
    "PageEmbedding",
    "PageNode",
    "PageRecord",
    "QueryEmbedding",
    "RenderSettings",
    "SearchSettings",
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
