"""PageNode: what an LLM reads of a page, and what a node keeps when it is copied or stored."""

import base64
import copy
import logging
import pickle
from collections.abc import Callable
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.base.llms.generic_utils import image_node_to_image_block
from llama_index.core.base.llms.types import ImageBlock, TextBlock
from llama_index.core.schema import ImageNode, MetadataMode, NodeWithScore
from llama_index.core.storage.docstore.utils import doc_to_json, json_to_doc
from llama_index.core.vector_stores.utils import metadata_dict_to_node, node_to_metadata_dict
from PIL import Image

from visual_rag.errors import InvalidInput
from visual_rag.llama_index import PageNode
from visual_rag.records import Hit


@pytest.fixture
def node(searcher: Any, make_hit: Callable[..., Hit]) -> PageNode:
    """The second page of five, printed ii."""
    hit = make_hit(1)
    return PageNode.from_hit(hit, partial(searcher.page_image, hit.page))


def test_a_vision_llm_reads_the_visible_metadata_then_the_image(
    node: PageNode, colors: list[tuple[int, int, int]]
) -> None:
    """File name, printed label and page number come first, and nothing internal is among them."""
    metadata, image = node.get_content_blocks(MetadataMode.LLM)
    assert isinstance(metadata, TextBlock)
    assert metadata.text.splitlines() == [
        "file_name: pump.pdf",
        "page_label: ii",
        "page_number: 2",
        "n_pages: 5",
        "department: service",
    ]
    assert isinstance(image, ImageBlock)
    assert image.image_mimetype == "image/webp"
    assert Image.open(image.resolve_image()).convert("RGB").getpixel((5, 5)) == colors[1]


def test_a_caption_stands_between_the_metadata_and_the_image(node: PageNode) -> None:
    """A stock ImageNode would drop it."""
    node.caption = "Exploded view of the pump."
    kinds = [block.text if isinstance(block, TextBlock) else "image" for block in node.get_content_blocks()]
    assert kinds == ["Exploded view of the pump.", "image"]


def test_a_text_llm_reads_the_text_layer(node: PageNode) -> None:
    """Without multimodal synthesis the text layer is all there is."""
    content = node.get_content(MetadataMode.LLM)
    assert "page_label: ii" in content
    assert "Replace the oil filter." in content
    assert NodeWithScore(node=node, score=1.0).text == "Replace the oil filter."


def test_no_path_id_hash_or_score_is_shown_to_a_model(node: PageNode) -> None:
    """Neither to the LLM nor to a text embedder."""
    for mode in (MetadataMode.LLM, MetadataMode.EMBED):
        shown = node.get_metadata_str(mode)
        for hidden in ("/home/ann", "hash-1", node.node_id, node.ref_doc_id, "soft_bm25", "144"):
            assert hidden not in shown


def test_the_node_knows_its_page_and_its_document(node: PageNode, make_hit: Callable[..., Hit]) -> None:
    """Ids are those of the index; the user's fields cannot replace them."""
    hit = make_hit(1)
    assert node.node_id == hit.page.page_id == node.metadata["page_id"]
    assert node.ref_doc_id == make_hit(1).page.document_id == node.metadata["document_id"]
    assert node.metadata["similarity"] == 0.75
    assert node.metadata["scored_by"] == "soft_bm25"


def test_a_page_without_a_printed_number_is_labelled_by_its_position(make_hit: Callable[..., Hit]) -> None:
    """Citations need a label for every page."""
    hit = make_hit(2, label="")
    assert PageNode.from_hit(hit, bytes).metadata["page_label"] == "3"


def test_the_hash_tells_pages_apart_and_ignores_the_search(make_hit: Callable[..., Hit]) -> None:
    """Fusion merges by hash: the same page from two searches is one page, two pages stay two."""
    first, again = PageNode.from_hit(make_hit(0), bytes), PageNode.from_hit(make_hit(0, score=9.0), bytes)
    assert first.hash == again.hash
    assert len({PageNode.from_hit(make_hit(index, text=""), bytes).hash for index in range(5)}) == 5


def test_the_image_is_read_when_it_is_asked_for(node: PageNode, searcher: Any) -> None:
    """Making, showing, dumping and copying a node reads no image."""
    _ = str(node), repr(node), node.hash, node.model_dump(), node.model_copy(), node.metadata
    assert searcher.n_images_read == 0
    node.resolve_image()
    assert searcher.n_images_read == 1


def test_stock_llama_index_code_finds_the_image(node: PageNode, colors: list[tuple[int, int, int]]) -> None:
    """`MultiModalContextChatEngine` goes by the `image` field and not by content blocks."""
    assert isinstance(node, ImageNode)
    block = image_node_to_image_block(node)
    assert Image.open(block.resolve_image()).convert("RGB").getpixel((5, 5)) == colors[1]


def _dumped(node: PageNode) -> PageNode:
    return PageNode.from_dict(node.to_dict())


def _as_json(node: PageNode) -> PageNode:
    return PageNode.from_json(node.to_json())


def _pickled(node: PageNode) -> PageNode:
    return pickle.loads(pickle.dumps(node))


@pytest.mark.parametrize("round_trip", [_dumped, _as_json, _pickled])
def test_a_round_trip_keeps_all_but_the_image(round_trip: Callable[[PageNode], PageNode], node: PageNode) -> None:
    """The restored node says what to do, instead of answering from nothing."""
    restored = round_trip(node)
    assert isinstance(restored, PageNode)
    assert (restored.node_id, restored.hash, restored.text) == (node.node_id, node.hash, node.text)
    assert (restored.metadata, restored.ref_doc_id) == (node.metadata, node.ref_doc_id)
    with pytest.raises(InvalidInput, match="retrieve it again"):
        restored.get_content_blocks()


def test_a_restored_node_reads_its_image_path(node: PageNode, tmp_path: Path, page_file: Callable[..., bytes]) -> None:
    """Who stores nodes can store the images beside them."""
    path = tmp_path / "page.png"
    path.write_bytes(page_file(1, "PNG"))
    restored = _dumped(node)
    restored.image_path = str(path)
    (image,) = restored.get_content_blocks()
    assert isinstance(image, ImageBlock)
    assert image.image_mimetype == "image/png"


def test_a_copy_still_reads_its_image(node: PageNode, searcher: Any, page_file: Callable[..., bytes]) -> None:
    """Post-processors copy nodes; the index behind the image is shared and never copied."""
    for twin in (copy.copy(node), copy.deepcopy(node), node.model_copy(deep=True)):
        assert twin.resolve_image().getvalue() == page_file(1)
    assert searcher.n_images_read == 3


def test_pickling_logs_no_warning(node: PageNode, caplog: pytest.LogCaptureFixture) -> None:
    """LlamaIndex warns of attributes that it had to drop; that an image is left behind is meant."""
    with caplog.at_level(logging.WARNING):
        pickle.dumps(node)
    assert not caplog.records


def test_no_store_gets_the_image_in_its_payload(node: PageNode, page_file: Callable[..., bytes]) -> None:
    """Vector stores and docstores keep metadata, not base64."""
    encoded = base64.b64encode(page_file(1)).decode()
    payload = node_to_metadata_dict(node, flat_metadata=True)
    assert encoded not in str(payload)
    assert encoded not in str(doc_to_json(node))


def test_a_node_from_a_vector_store_still_has_its_text(node: PageNode) -> None:
    """LlamaIndex restores kinds that it does not know as text nodes, which still answer from the text layer."""
    restored = metadata_dict_to_node(node_to_metadata_dict(node))
    assert restored.get_content() == "Replace the oil filter."
    assert "page_label: ii" in restored.get_metadata_str(MetadataMode.LLM)
    assert json_to_doc(doc_to_json(node)).node_id == node.node_id


def test_resolve_image_gives_what_pillow_opens(node: PageNode) -> None:
    """The base class promises this."""
    assert isinstance(node.resolve_image(), BytesIO)
    assert Image.open(node.resolve_image()).size == (200, 280)
