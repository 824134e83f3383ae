"""Files in, page images out: PDF and image files are rendered in worker processes that a hostile file may crash.

What it does not do: fetch files (room `sources`), decide which to render (`ingest`), or keep the images.

    for event in render_documents(requests, RenderSettings(), dpi=120):
        match event:
            case PageRendered(document, page): ...
            case PageFailed(document, failure): ...

Importing this package loads neither pypdfium2 nor Pillow; the workers do.
"""

from visual_rag.render.events import (
    DocumentDone,
    DocumentFailed,
    DocumentOpened,
    PageFailed,
    PageRendered,
    RenderEvent,
    RenderRequest,
)
from visual_rag.render.pool import render_documents
from visual_rag.render.versions import renderer_version

__all__ = [
    "DocumentDone",
    "DocumentFailed",
    "DocumentOpened",
    "PageFailed",
    "PageRendered",
    "RenderEvent",
    "RenderRequest",
    "render_documents",
    "renderer_version",
]
