"""VisualRetriever inside real LlamaIndex engines, over a fake search and a fake vision LLM."""

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    ImageBlock,
    LLMMetadata,
    TextBlock,
)
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.callbacks import CallbackManager, CBEventType, LlamaDebugHandler
from llama_index.core.chat_engine import MultiModalContextChatEngine
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events import BaseEvent
from llama_index.core.instrumentation.events.retrieval import RetrievalEndEvent, RetrievalStartEvent
from llama_index.core.llms import CustomLLM
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.query_engine import CitationQueryEngine, RetrieverQueryEngine
from llama_index.core.retrievers import QueryFusionRetriever
from llama_index.core.schema import QueryBundle
from llama_index.core.vector_stores.types import MetadataFilter, MetadataFilters
from PIL import Image

from visual_rag.errors import InvalidFilter, InvalidInput
from visual_rag.llama_index import ImageSettings, PageNode, VisualRetriever
from visual_rag.records import Hit
from visual_rag.settings import SearchSettings
from visual_rag.store.filters import In

_STRICT = SearchSettings(min_similarity=0.5)


class RecordingLLM(CustomLLM):
    """A chat LLM that keeps what it was sent and answers "42"."""

    _messages: list[ChatMessage] = PrivateAttr(default_factory=list)
    _prompts: list[str] = PrivateAttr(default_factory=list)

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(context_window=100_000, num_output=256, is_chat_model=True, model_name="recording")

    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        self._messages.extend(messages)
        return ChatResponse(message=ChatMessage(role="assistant", content="42"))

    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        return self.chat(messages)

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:  # noqa: FBT001, FBT002 - as the base class has it
        self._prompts.append(prompt)
        return CompletionResponse(text="42")

    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:  # noqa: FBT001, FBT002 - as the base class has it
        yield self.complete(prompt)

    @property
    def images(self) -> list[ImageBlock]:
        return [block for message in self._messages for block in message.blocks if isinstance(block, ImageBlock)]

    @property
    def text(self) -> str:
        blocks = [block for message in self._messages for block in message.blocks]
        return "\n".join(block.text for block in blocks if isinstance(block, TextBlock))

    @property
    def prompts(self) -> str:
        return "\n".join(self._prompts)


def _colors(images: Sequence[ImageBlock]) -> list[tuple[int, ...]]:
    return [Image.open(image.resolve_image()).convert("RGB").getpixel((9, 9)) for image in images]


def test_pages_come_back_as_nodes_best_first(searcher: Any) -> None:
    """With the hit's score, and its similarity and scoring in the metadata."""
    nodes = VisualRetriever(searcher, similarity_top_k=3).retrieve("oil filter")
    assert [node.metadata["page_number"] for node in nodes] == [1, 2, 3]
    assert all(isinstance(node.node, PageNode) for node in nodes)
    assert [node.score for node in nodes] == [3.0, 3.0, 3.0]
    assert {(node.metadata["similarity"], node.metadata["scored_by"]) for node in nodes} == {(0.75, "soft_bm25")}
    assert searcher.questions == ["oil filter"]


def test_limits_and_filters_reach_the_search(searcher: Any) -> None:
    """For text and for images alike."""
    filters = MetadataFilters(filters=[MetadataFilter(key="file_name", value="pump.pdf")])
    retriever = VisualRetriever(searcher, similarity_top_k=2, filters=filters, settings=_STRICT)
    retriever.retrieve("oil filter")
    assert searcher.limits == [(2, In("file_name", ("pump.pdf",)), _STRICT)]


def test_what_cannot_be_honoured_is_refused_when_the_retriever_is_made(searcher: Any) -> None:
    """Not at the first query, in production."""
    with pytest.raises(InvalidFilter, match="any"):
        VisualRetriever(
            searcher, filters=MetadataFilters(filters=[MetadataFilter(key="language", value=3, operator="any")])
        )
    with pytest.raises(InvalidInput, match="similarity_top_k is 0"):
        VisualRetriever(searcher, similarity_top_k=0)


def test_a_score_is_never_exactly_zero(make_hit: Callable[..., Hit], make_searcher: Callable[..., Any]) -> None:
    """LlamaIndex takes 0 for "no score" and puts 1.0 in its place; negative scores stay as they are."""
    hits = [make_hit(0, score=0.0), make_hit(1, score=-0.5)]
    scores = [node.score for node in VisualRetriever(make_searcher(hits)).retrieve("x")]
    assert scores[0] is not None
    assert 0 < scores[0] < 1e-6
    assert scores[1] == -0.5


def test_an_image_query_looks_for_the_image(
    searcher: Any, tmp_path: Path, page_file: Callable[..., bytes], colors: list[tuple[int, int, int]]
) -> None:
    """The words of the same bundle are for the LLM."""
    path = tmp_path / "part.png"
    path.write_bytes(page_file(2, "PNG"))
    filters = MetadataFilters(filters=[MetadataFilter(key="document_id", value="d")])
    retriever = VisualRetriever(searcher, similarity_top_k=1, filters=filters, settings=_STRICT)
    nodes = retriever.retrieve(QueryBundle("What is this part?", image_path=str(path)))
    assert len(nodes) == 1
    assert searcher.questions == []
    assert searcher.images[0].getpixel((0, 0)) == colors[2]
    assert searcher.limits == [(1, In("document_id", ("d",)), _STRICT)]


def test_an_unreadable_query_image_is_named_without_its_folder(searcher: Any, tmp_path: Path) -> None:
    """Messages leave the process."""
    for name in ("missing.png", "broken.png"):
        (tmp_path / "broken.png").write_bytes(b"no image")
        with pytest.raises(InvalidInput, match=name) as caught:
            VisualRetriever(searcher).retrieve(QueryBundle("", image_path=str(tmp_path / name)))
        assert str(tmp_path) not in str(caught.value)


def test_async_searches_do_not_block_the_loop(make_searcher: Callable[..., Any]) -> None:
    """Four searches of 0.3 s run side by side, while the loop goes on ticking."""
    retriever = VisualRetriever(make_searcher(delay_s=0.3))

    async def search_and_tick() -> tuple[int, int]:
        searches = asyncio.gather(*(retriever.aretrieve(f"question {number}") for number in range(4)))
        n_ticks = 0
        while not searches.done():
            await asyncio.sleep(0.02)
            n_ticks += 1
        return n_ticks, sum(len(nodes) for nodes in await searches)

    started = time.perf_counter()
    n_ticks, n_nodes = asyncio.run(search_and_tick())
    assert time.perf_counter() - started < 1.0  # one after the other: 1.2 s
    assert n_ticks > 5
    assert n_nodes == 20


def test_events_and_callbacks_fire(searcher: Any) -> None:
    """Tracing sees each retrieval, once."""
    seen: list[type[BaseEvent]] = []

    class Recorder(BaseEventHandler):
        def handle(self, event: BaseEvent, **kwargs: Any) -> None:
            seen.append(type(event))

    debug = LlamaDebugHandler(print_trace_on_end=False)
    recorder, root = Recorder(), get_dispatcher()
    root.add_event_handler(recorder)
    try:
        VisualRetriever(searcher, callback_manager=CallbackManager([debug])).retrieve("oil filter")
    finally:
        root.event_handlers.remove(recorder)
    assert seen == [RetrievalStartEvent, RetrievalEndEvent]
    assert len(debug.get_event_pairs(CBEventType.RETRIEVE)) == 1


@pytest.mark.parametrize("mode", ["reciprocal_rerank", "relative_score", "dist_based_score", "simple"])
def test_fusion_keeps_every_page_and_merges_the_same_page(
    searcher: Any, mode: str, make_searcher: Callable[..., Any]
) -> None:
    """Five pages found twice are five pages; stock nodes without an image would become one."""
    retrievers = [VisualRetriever(searcher), VisualRetriever(make_searcher())]
    fusion = QueryFusionRetriever(
        retrievers, llm=RecordingLLM(), mode=mode, num_queries=1, similarity_top_k=10, use_async=False
    )
    assert sorted(node.metadata["page_number"] for node in fusion.retrieve("oil filter")) == [1, 2, 3, 4, 5]


def test_a_query_engine_sends_page_images_and_labels_to_the_llm(
    searcher: Any, colors: list[tuple[int, int, int]]
) -> None:
    """The picture, the file name and the printed number arrive, in the order of the ranking."""
    llm = RecordingLLM()
    engine = RetrieverQueryEngine.from_args(VisualRetriever(searcher, similarity_top_k=3), llm=llm, multimodal=True)
    response = engine.query("Which filter?")
    assert str(response) == "42"
    assert _colors(llm.images) == colors[:3]
    for expected in ("page_label: i\n", "page_label: ii\n", "page_label: 1\n", "file_name: pump.pdf", "Which filter?"):
        assert expected in llm.text
    assert "/home/ann" not in llm.text
    assert [node.metadata["page_label"] for node in response.source_nodes] == ["i", "ii", "1"]


def test_an_async_query_engine_sends_page_images_too(searcher: Any, colors: list[tuple[int, int, int]]) -> None:
    """Servers ask asynchronously."""
    llm = RecordingLLM()
    engine = RetrieverQueryEngine.from_args(VisualRetriever(searcher, similarity_top_k=2), llm=llm, multimodal=True)
    asyncio.run(engine.aquery("Which filter?"))
    assert _colors(llm.images) == colors[:2]


def test_images_arrive_in_the_format_and_size_that_the_model_takes(searcher: Any) -> None:
    """Here a local model that reads JPEG of at most 140 pixels."""
    llm = RecordingLLM()
    images = ImageSettings(image_format="jpeg", max_side_px=140)
    retriever = VisualRetriever(searcher, similarity_top_k=1, images=images)
    RetrieverQueryEngine.from_args(retriever, llm=llm, multimodal=True).query("Which filter?")
    (block,) = llm.images
    assert block.image_mimetype == "image/jpeg"
    assert Image.open(block.resolve_image()).size == (100, 140)


def test_a_text_query_engine_answers_from_the_text_layer(searcher: Any) -> None:
    """Without `multimodal=True` no image is read."""
    llm = RecordingLLM()
    RetrieverQueryEngine.from_args(VisualRetriever(searcher), llm=llm).query("Which filter?")
    assert "Replace the oil filter." in llm.prompts + llm.text
    assert searcher.n_images_read == 0


def test_the_citation_engine_makes_one_source_of_each_page(searcher: Any, colors: list[tuple[int, int, int]]) -> None:
    """So that [2] means the second page."""
    llm = RecordingLLM()
    engine = CitationQueryEngine(VisualRetriever(searcher, similarity_top_k=2), llm=llm, multimodal=True)
    response = engine.query("Which filter?")
    assert len(response.source_nodes) == 2
    assert _colors(llm.images) == colors[:2]


def test_the_stock_chat_engine_sends_page_images(searcher: Any, colors: list[tuple[int, int, int]]) -> None:
    """It reads the `image` field of image nodes."""
    llm = RecordingLLM()
    engine = MultiModalContextChatEngine(
        retriever=VisualRetriever(searcher, similarity_top_k=2),
        multi_modal_llm=llm,
        memory=ChatMemoryBuffer.from_defaults(token_limit=50_000),
        system_prompt="Answer from the pages.",
    )
    engine.chat("Which filter?")
    assert _colors(llm.images) == colors[:2]
