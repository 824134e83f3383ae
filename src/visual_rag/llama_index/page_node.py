"""One page as a LlamaIndex node: what a vision LLM reads of it, and what is kept from it.

Differs from the stock `ImageNode` where that loses pages: its image is read only when it is asked for, a caption
reaches the LLM, and two pages never have the same `hash` (`QueryFusionRetriever` merges nodes of equal hash).

    node = PageNode.from_hit(hit, read_image=lambda: searcher.page_image(hit.page))
    node.get_content_blocks(MetadataMode.LLM)  # what it is called, its caption, its image
"""

import base64
from collections.abc import Callable
from io import BytesIO
from typing import Any

from llama_index.core.base.llms.types import BaseContentBlock, ImageBlock, TextBlock
from llama_index.core.bridge.pydantic import Field, PrivateAttr
from llama_index.core.schema import ImageNode, MetadataMode, NodeRelationship, ObjectType, RelatedNodeInfo

from visual_rag.errors import InvalidInput
from visual_rag.llama_index.page_image import mimetype_of
from visual_rag.records import Hit

ReadImage = Callable[[], bytes]
VISIBLE_KEYS = ("file_name", "page_label", "page_number", "n_pages")


class _LazyImage:
    """Holds what reads the image. Copies share it and pickles leave it behind, for a reader holds a whole index."""

    def __init__(self, read: ReadImage) -> None:
        self.read = read

    def __deepcopy__(self, memo: dict[int, Any]) -> "_LazyImage":
        return self

    def __reduce__(self) -> tuple[Callable[[], None], tuple[()]]:
        return type(None), ()


class PageNode(ImageNode):
    """A page that was found.

    `text` is the page's own text layer, for an LLM or a reranker that reads text only; a vision LLM gets the image
    instead. A node that went through `model_dump`, pickle or a store carries no image: set `image_path`, or retrieve
    the page again.

    Attributes:
        caption: Text about the page that a vision LLM shall see besides the image, "" for none.
    """

    caption: str = Field(default="", description="Text that is shown to a vision LLM besides the image.")
    _lazy_image: _LazyImage | None = PrivateAttr(default=None)

    @classmethod
    def class_name(cls) -> str:
        """Name the kind. `metadata_dict_to_node` does not know it and restores a text node: text, but no image."""
        return "PageNode"

    @classmethod
    def from_hit(cls, hit: Hit, read_image: ReadImage) -> "PageNode":
        """Make a node of a hit.

        Args:
            hit: What was found.
            read_image: Called each time that the image is asked for; returns an image file.
        """
        hidden = [key for key in _own_metadata(hit) if key not in VISIBLE_KEYS]
        node = cls(
            id_=hit.page.page_id,
            text=hit.page.text,
            excluded_llm_metadata_keys=hidden,
            excluded_embed_metadata_keys=hidden,
            relationships={NodeRelationship.SOURCE: _source(hit)},
        )
        node.metadata = _metadata(hit)
        node._lazy_image = _LazyImage(read_image)
        return node

    @property
    def hash(self) -> str:
        """Page and pixels: equal for one page in two searches, different for two pages that look the same."""
        return f"{self.node_id}-{self.metadata.get('page_hash', '')}"

    def __getattribute__(self, name: str) -> Any:
        """Give `image` as base64 when it is asked for: `MultiModalContextChatEngine` reads the field itself.

        Dumping a node does not come along here, so that no payload grows by an image.
        """
        value = super().__getattribute__(name)
        if name == "image" and value is None and self._lazy_image is not None:
            return base64.b64encode(self._lazy_image.read()).decode("ascii")
        return value

    def resolve_image(self) -> BytesIO:
        """Read the image file.

        Raises:
            InvalidInput: The node came back from a store or a pickle and has no image any more.
            StoreError: The kept image is missing or broken.
        """
        if self._lazy_image is not None:
            return BytesIO(self._lazy_image.read())
        if self.image is None and self.image_path is None:
            raise InvalidInput(
                f"page {self.node_id} carries no image, because it was stored or pickled since it was found; "
                "set image_path, or retrieve it again"
            )
        found = super().resolve_image()
        if isinstance(found, BytesIO):
            return found
        with open(found, "rb") as file:  # noqa: PTH123 - LlamaIndex says str or BytesIO
            return BytesIO(file.read())

    def get_content_blocks(self, metadata_mode: MetadataMode = MetadataMode.NONE) -> list[BaseContentBlock]:
        """Give what a vision LLM reads: what the page is called, its caption where it has one, its image."""
        blocks = self.get_metadata_content_blocks(metadata_mode)
        if self.caption:
            blocks.append(TextBlock(text=self.caption))
        data = self.resolve_image().getvalue()
        blocks.append(ImageBlock(image=data, image_mimetype=mimetype_of(data)))
        return blocks


def _source(hit: Hit) -> RelatedNodeInfo:
    return RelatedNodeInfo(
        node_id=hit.page.document_id,
        node_type=ObjectType.DOCUMENT,
        metadata={"file_name": hit.page.document_name},
    )


def _metadata(hit: Hit) -> dict[str, Any]:
    """The user's own fields stay visible, and cannot pass themselves off as ours."""
    own = _own_metadata(hit)
    return own | {key: value for key, value in hit.page.metadata.items() if key not in own}


def _own_metadata(hit: Hit) -> dict[str, Any]:
    page = hit.page
    # No `file_path`: LlamaIndex takes that key of an ImageNode for the image file, and would send the PDF as one.
    return {
        "file_name": page.document_name,
        "page_label": page.label or str(page.page_number),
        "page_number": page.page_number,
        "n_pages": page.n_pages,
        "document_id": page.document_id,
        "page_id": page.page_id,
        "page_hash": page.page_hash,
        "source_uri": page.source_uri,
        "dpi": page.dpi,
        "score": hit.score,
        "scored_by": hit.scored_by,
        "similarity": hit.similarity,
    }
