"""Some ninety pages in twelve documents, with metadata of every kind, that all stores are searched for alike.

Numbers are chosen so that every engine computes the same ones: rows have sixteen values of a quarter, plus or minus, so
their products are exact in 16 bits and pages that hold the same words tie exactly; pooled rows are exact in 16 bits and
nudged by page, so that no two pages tie for the last place of a shortlist.
"""

import hashlib
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from visual_rag.embed.protocol import CorpusSample
from visual_rag.embed.soft_bm25 import Gate, soft_bm25, soft_counts, weights_in
from visual_rag.passport import IndexPassport
from visual_rag.records import (
    Document,
    DocumentRecord,
    DocumentState,
    FloatArray,
    PageEmbedding,
    PagePoint,
    PageRecord,
    QueryEmbedding,
    make_document_id,
    make_page_id,
)
from visual_rag.scoring import normalise_rows, pool_runs
from visual_rag.store.protocol import PageStore
from visual_rag.store.schema import page_payload, page_record
from visual_rag.testing import FakeEmbedder, make_page

WORDS = (
    "pump seal wiring diagram torque bolt filter oil valve gear motor shaft error reset chart table hose clamp bearing "
    "piston rotor stator cable fuse relay sensor gasket nozzle spring lever housing cover flange coupling"
).split()
CODES = ("E-4021", "E-40", "WD-40-7", "X9")
TAGS = ("safety", "electric", "spare", "draft")
TENANTS = ("north", "south", "east")
N_DOCUMENTS = 12
_NUDGE = 0.15


class Reranking(FakeEmbedder):
    """The fake, with soft BM25 as its last stage."""

    gate = Gate(0.6, 0.05)
    scored_by = "soft_bm25"

    def rerank(
        self, query: QueryEmbedding, pages: Sequence[FloatArray], sample: CorpusSample
    ) -> tuple[FloatArray, FloatArray]:
        weights = weights_in(query.vectors, sample, self.gate)
        counts = soft_counts(query.vectors, pages, self.gate)
        mean_length = float(np.mean([len(page) for page in sample.pages]))
        return soft_bm25(counts, weights, mean_length), np.clip(weights @ counts.best / weights.sum(), 0, 1)


class Exact(FakeEmbedder):
    """The fake, in numbers without rounding."""

    def pool(self, embedding: PageEmbedding) -> FloatArray:
        """At most eight rows, nudged by what the page holds."""
        pooled = pool_runs(embedding.vectors, 8)
        seed = int.from_bytes(hashlib.sha256(embedding.vectors.tobytes()).digest()[:8])
        noise = np.random.default_rng(seed).standard_normal(pooled.shape, dtype=np.float32)
        nudged = normalise_rows(pooled + np.float32(_NUDGE) * normalise_rows(noise))
        return nudged.astype(np.float16).astype(np.float32)

    def _vector(self, key: str) -> FloatArray:
        random = np.random.default_rng(int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]))
        vector = np.zeros(self._dim, dtype=np.float32)
        vector[random.permutation(self._dim)[:16]] = random.choice([-0.25, 0.25], size=16)
        return vector


class ExactReranking(Exact, Reranking):
    """Likewise, with soft BM25 as its last stage."""


def passport_of(embedder: FakeEmbedder) -> IndexPassport:
    """What an index of 16 bits a value was built with."""
    return IndexPassport(
        model=embedder.identity, dpi=72, renderer="pdfium 5", pooling=embedder.pooling, datatype="float16"
    )


@cache
def make_points() -> list[PagePoint]:
    """Make the corpus, the same each time."""
    random = np.random.default_rng(11)
    points = []
    for number in range(N_DOCUMENTS):
        n_pages = int(random.integers(5, 11))
        points += [_make_point(number, page_index, n_pages, random) for page_index in range(n_pages)]
    return points


def fill(store: PageStore) -> list[PageRecord]:
    """Write the corpus and its ledger; return the pages."""
    points = make_points()
    store.upsert(points)
    pages = [page_record(point.page_id, point.payload) for point in points]
    for page in pages:
        store.put_document(_record(page.source_uri, page.n_pages))
    return pages


def _make_point(number: int, page_index: int, n_pages: int, random: np.random.Generator) -> PagePoint:
    embedder, uri = Exact(), f"file:///{number}.pdf"
    chosen = random.choice(WORDS, size=int(random.integers(2, 70)))
    codes = random.choice(CODES, size=int(random.random() < 0.3))
    text = " ".join([*chosen, *codes])
    [embedding] = embedder.embed_pages([make_page(text, page_index)])
    document_id = make_document_id(uri)
    record = PageRecord(
        page_id=make_page_id(document_id, page_index),
        document_id=document_id,
        document_name=uri.rpartition("/")[2],
        source_uri=uri,
        page_index=page_index,
        n_pages=n_pages,
        label=str(page_index + 1),
        page_hash=hashlib.sha256(f"{uri}:{page_index}".encode()).hexdigest(),
        width_px=240,
        height_px=320,
        dpi=72,
        n_vectors=len(embedding.vectors),
        text="" if random.random() < 0.15 else text,  # some pages are pictures only
        metadata={**_document_metadata(number), **_page_metadata(page_index, random)},
    )
    pooled = embedder.pool(embedding)
    return PagePoint(page_id=record.page_id, embedding=embedding, pooled=pooled, payload=page_payload(record))


def _document_metadata(number: int) -> dict[str, Any]:
    """What all pages of a document share; a third of the documents lack a field."""
    fields: dict[str, Any] = {
        "tenant": TENANTS[number % 3],
        "language": ("en", "de", "fr", "en")[number % 4],
        "released": f"202{number % 5}-0{1 + number % 9}-15",
    }
    if number % 3:
        fields["year"] = 2015 + number % 6
    if number % 4 != 1:
        fields["maker"] = {"name": f"maker {number % 3}", "site": {"country": ("NO", "IT")[number % 2]}}
    return fields


def _page_metadata(page_index: int, random: np.random.Generator) -> dict[str, Any]:
    fields: dict[str, Any] = {"price": round(float(random.uniform(1, 100)), 2)}
    if page_index % 4 != 3:
        fields["tags"] = sorted(map(str, random.choice(TAGS, size=int(random.integers(0, 4)), replace=False)))
    if page_index % 2:
        fields["is_checked"] = bool(random.random() < 0.5)
    if page_index % 5 == 0:
        fields["note"] = None
    return fields


def _record(uri: str, n_pages: int) -> DocumentRecord:
    document = Document(
        document_id=make_document_id(uri),
        source_uri=uri,
        name=uri.rpartition("/")[2],
        content_hash="ab" * 32,
        size_bytes=1000,
    )
    return DocumentRecord(
        document=document,
        state=DocumentState.READY,
        n_pages=n_pages,
        n_ingested=n_pages,
        updated_at="2026-11-22T06:00:00+00:00",
    )
