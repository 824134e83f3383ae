"""The LlamaIndex plugin: a retriever that finds pages, and the nodes it returns."""

from visual_rag.llama_index.page_image import ImageSettings
from visual_rag.llama_index.page_node import PageNode
from visual_rag.llama_index.retriever import VisualRetriever

__all__ = ["ImageSettings", "PageNode", "VisualRetriever"]
