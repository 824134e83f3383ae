"""What `search.py` compares with: exact search by other means, over the same rows.

numpy scores by one BLAS call for 32 pages, which was the fastest of 1 to 400, on as many threads as BLAS likes. An
index whose float32 rows do not fit in memory is scored in part, and the time multiplied.
"""

import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from search_index import page_rows
from shortlist_corpora import DIM, Corpus

from visual_rag.records import FloatArray, IntArray

BLOCK_PAGES = 32


class Rival(Protocol):
    """Finds the ten best pages exactly."""

    name: str

    def search(self, query: FloatArray) -> object:
        """Search all pages."""
        ...


class Numpy:
    """Brute force in float32.

    Attributes:
        share: Of the pages, whose rows are in memory; times are to be divided by it.
    """

    def __init__(self, corpus: Corpus, most_pages: int) -> None:
        self._n_rows = int(corpus.starts[1])  # all pages have as many
        n_pages = min(corpus.n_pages, most_pages)
        self.share = n_pages / corpus.n_pages
        self._pages = np.empty((n_pages, self._n_rows, DIM), dtype=np.float32)
        for number in range(n_pages):
            self._pages[number] = page_rows(corpus, number)

    def scores(self, query: FloatArray, pages: slice = slice(None)) -> FloatArray:
        """Score pages by MaxSim: shape (n_pages,)."""
        chosen = self._pages[pages]
        parts = [_maxsim(query, chosen[start : start + BLOCK_PAGES]) for start in range(0, len(chosen), BLOCK_PAGES)]
        return np.concatenate(parts)

    def batch(self, queries: Sequence[FloatArray]) -> list[IntArray]:
        """Score all pages for queries of equal length in one go."""
        together, n_pages = np.concatenate(queries), len(self._pages)
        blocks = range(0, n_pages, BLOCK_PAGES)
        best = np.concatenate([_best(together, self._pages[start : start + BLOCK_PAGES]) for start in blocks])
        return [np.argsort(-scores)[:10] for scores in best.reshape(n_pages, len(queries), -1).sum(axis=2).T]

    def search(self, query: FloatArray, pages: slice = slice(None)) -> IntArray:
        """Find the ten best."""
        return np.argsort(-self.scores(query, pages))[:10]


def _best(query: FloatArray, pages: FloatArray) -> FloatArray:
    """Best dot product of each row on each page: shape (n_pages, n_query_vectors)."""
    dots = pages.reshape(-1, DIM) @ query.T
    return np.asarray(dots.reshape(len(pages), -1, len(query)).max(axis=1))


def _maxsim(query: FloatArray, pages: FloatArray) -> FloatArray:
    return np.asarray(_best(query, pages).sum(axis=1))


class LocalMode:
    """qdrant-client's pure-Python engine, in memory, float32."""

    def __init__(self, corpus: Corpus) -> None:
        from qdrant_client import QdrantClient, models

        self.name = f"qdrant-client {version('qdrant-client')} local mode, exact"
        self._client = QdrantClient(":memory:")
        multi = models.MultiVectorConfig(comparator=models.MultiVectorComparator.MAX_SIM)
        vectors = models.VectorParams(size=DIM, distance=models.Distance.DOT, multivector_config=multi)
        self._client.create_collection("pages", vectors_config=vectors)
        for number in range(corpus.n_pages):
            point = models.PointStruct(id=number, vector=page_rows(corpus, number).tolist())
            self._client.upsert("pages", [point])

    def search(self, query: FloatArray) -> object:
        """Find the ten best."""
        return self._client.query_points("pages", query=query.tolist(), limit=10)


class Lance:
    """LanceDB without an index, float32; it has cosine alone for multi-vectors, which is the same on unit rows."""

    def __init__(self, corpus: Corpus) -> None:
        import lancedb
        import pyarrow as pa

        self.name = f"lancedb {version('lancedb')}, exact"
        self._folder = tempfile.TemporaryDirectory()
        row = pa.list_(pa.float32(), DIM)
        schema = pa.schema([("number", pa.int64()), ("vector", pa.list_(row))])
        self._table: Any = lancedb.connect(Path(self._folder.name)).create_table("pages", schema=schema)
        for start in range(0, corpus.n_pages, BLOCK_PAGES):
            numbers = range(start, min(start + BLOCK_PAGES, corpus.n_pages))
            self._table.add([{"number": number, "vector": page_rows(corpus, number).tolist()} for number in numbers])

    def search(self, query: FloatArray) -> object:
        """Find the ten best."""
        return self._table.search(query, vector_column_name="vector").metric("cosine").limit(10).to_list()
