"""The records that travel between rooms: frozen, typed, without behaviour that needs another room.

Arrays inside records are never written to after the record is made.
"""

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from visual_rag.errors import InvalidInput

if TYPE_CHECKING:
    from PIL.Image import Image

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]
FieldScalar = str | int | float | bool
RecommendStrategy = Literal["average", "best_score", "sum_scores"]

LOCAL, SERVED = "local", "served"  # revisions of models that lie in a folder, or on a server
_NAMESPACE = uuid.UUID("6f1d3c1e-6d0b-5f0e-9a55-2f4f7c1b8a10")


def make_document_id(source_uri: str) -> str:
    """Derive a document's id from where it lives: the same file keeps its id whatever its content."""
    return str(uuid.uuid5(_NAMESPACE, source_uri))


def make_page_id(document_id: str, page_index: int) -> str:
    """Derive a page's id, which is also its point id in the store, from its document and 0-based position."""
    return str(uuid.uuid5(uuid.UUID(document_id), str(page_index)))


class Region(NamedTuple):
    """A rectangle on a page, normalised to 0..1, origin top left."""

    left: float
    top: float
    right: float
    bottom: float


class PageWord(NamedTuple):
    """One word of a page's own text layer and where it stands."""

    text: str
    region: Region


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One file or image, as it was when it was listed.

    Attributes:
        document_id: uuid5 of `source_uri`.
        source_uri: Where it lives, `file:///...` for local files.
        name: File name, shown to people.
        content_hash: sha256 of the bytes, hexadecimal.
        size_bytes: Length of the file.
    """

    document_id: str
    source_uri: str
    name: str
    content_hash: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Page:
    """One rendered page.

    Attributes:
        page_index: 0-based position in its document.
        image: RGB, upright.
        page_hash: sha256 over size and RGB pixels of `image`, hexadecimal: equal pixels, equal hash.
        encoded_image: `image` as a file (see `image_mimetype`), as kept for showing.
        image_mimetype: For example `image/jpeg`.
        dpi: What `image` was really rendered at; lower than asked for where a limit forced it.
        width_pt: Width of the upright page in points (1/72 inch).
        height_pt: Height likewise.
        rotation: Degrees clockwise that the file asked for and `image` already has: 0, 90, 180 or 270.
        label: The page's printed number as the file states it ("iv", "A-3"), else the 1-based number.
        words: The text layer, in reading order of the file; empty where there is none.
    """

    page_index: int
    image: "Image"
    page_hash: str
    encoded_image: bytes = b""
    image_mimetype: str = "image/jpeg"
    dpi: float = 72.0
    width_pt: float = 0.0
    height_pt: float = 0.0
    rotation: int = 0
    label: str = ""
    words: tuple[PageWord, ...] = ()

    @property
    def text(self) -> str:
        """The text layer as one line."""
        return " ".join(word.text for word in self.words)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PageEmbedding:
    """The multi-vector of one page.

    Attributes:
        vectors: Shape (n_vectors, dim), float32, rows of unit length, no padding rows.
        regions: Shape (n_vectors, 4), float32: left, top, right, bottom in 0..1 of what each row saw.
        is_patch: Shape (n_vectors,): False for rows that stand for prompt text, whose region is the whole page.
    """

    vectors: FloatArray
    regions: FloatArray
    is_patch: BoolArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class QueryEmbedding:
    """The multi-vector of one query.

    Attributes:
        vectors: Shape (n_query_vectors, dim), float32. A row's length is its weight; unit length is the plain case.
        tokens: What each row stands for, one text per row.
        is_seen: Shape (n_query_vectors,): rows that were seen, on a page or a picture, and are not made of words; two
            of those are more alike than a word and what shows it. None where all are made of words.
    """

    vectors: FloatArray
    tokens: tuple[str, ...]
    is_seen: BoolArray | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelIdentity:
    """What must be equal for two vectors to be comparable, and what is needed to load the model again.

    Attributes:
        name: As the user names the model, such as `spotter` or `vidore/colqwen2.5-v0.2`; a local model's folder.
        revision: Version or commit.
        weights_hash: sha256 that follows from the weights, hexadecimal.
        dim: Length of a row.
        backend: What runs it and its versions, such as `onnxruntime 1.31`; recorded, not compared.
        architecture: Class of the network, such as `ColQwen2_5`; "" where there is only one.
        template: Hash of what is put around a page and a question before the network sees them; "" where nothing is.
        precision: `float`, or how the weights are quantised; bfloat16 and float32 may be mixed.
        max_visual_tokens: Cap on the patches of a page, None for the model's own.
        base_model: Of a LoRA adapter, where the user named one; recorded, not compared.
    """

    name: str
    revision: str
    weights_hash: str
    dim: int
    backend: str
    architecture: str = ""
    template: str = ""
    precision: str = "float"
    max_visual_tokens: int | None = None
    base_model: str | None = None

    @property
    def is_placed(self) -> bool:
        """Whether the name says where the model lies, a folder or a server, and its weights alone what it is."""
        return self.revision in {LOCAL, SERVED}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PagePoint:
    """One page as it is written to a store: its vectors and its payload (keys in `store.schema`)."""

    page_id: str
    embedding: PageEmbedding
    pooled: FloatArray
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRecord:
    """What the store knows of one page, without its vectors.

    Attributes:
        page_id: uuid5 of document and position.
        document_id: Of its document.
        document_name: File name, shown to people.
        source_uri: Where the document lives.
        page_index: 0-based.
        n_pages: Pages of the document.
        label: Printed page number.
        page_hash: Of the rendered pixels; names the kept image.
        width_px: Of the kept image.
        height_px: Likewise.
        dpi: Of the kept image.
        n_vectors: Rows of the page's multi-vector.
        text: The text layer as one line, "" where there is none.
        metadata: The user's own fields.
    """

    page_id: str
    document_id: str
    document_name: str
    source_uri: str
    page_index: int
    n_pages: int
    label: str
    page_hash: str
    width_px: int
    height_px: int
    dpi: float
    n_vectors: int
    text: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def page_number(self) -> int:
        """1-based position, as people count."""
        return self.page_index + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredPage:
    """One row of a store's answer."""

    page: PageRecord
    score: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowMatches:
    """What the rows of a query met among the rows of an index.

    Attributes:
        page_ids: Pages that are in the index's lists, in the order that `page` counts them.
        lengths: Shape (n_pages,): rows of each.
        page: Shape (n_matches,): which page.
        query_row: Shape (n_matches,): which row of the query.
        cosine: Shape (n_matches,): how near, in [-1, 1].
        unlisted: Ids of pages that no list holds yet.
    """

    page_ids: Sequence[str]
    lengths: IntArray
    page: IntArray
    query_row: IntArray
    cosine: FloatArray
    unlisted: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Query:
    """What is looked for: at least one of words, a picture, and a page of the index or a region of it.

    Several together are one question: each part weighs the same.

    Attributes:
        text: Plain words.
        image: A picture of the thing, or a crop of one.
        page: A page of the index: its record or its id.
        region: Only this part of `page`.
    """

    text: str | None = None
    image: "Image | None" = None
    page: PageRecord | str | None = None
    region: Region | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Examples:
    """What found pages should be like, and unlike: words, pictures, pages of the index or queries of several parts.

    Attributes:
        positive: Like these.
        negative: Unlike these.
        strategy: How likeness to several becomes one score: `average`, `best_score` or `sum_scores`.
    """

    positive: "Sequence[str | Image | PageRecord | Query]" = ()
    negative: "Sequence[str | Image | PageRecord | Query]" = ()
    strategy: RecommendStrategy = "average"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """By what hits are grouped, and how many of each.

    Attributes:
        by: A field, such as `document` or one of the metadata. Pages without it make no group.
        n_groups: Most groups.
        group_size: Most pages of each.
        offset: Groups to pass over.
    """

    by: str = "document"
    n_groups: int = 5
    group_size: int = 3
    offset: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TokenEvidence:
    """Where one row of a query was found on a page.

    Attributes:
        token: What the row stands for, such as a word.
        weight: The row's share of the question, in [0, 1]; shares add up to 1.
        region: The patch that matched best.
        strength: How well, in [0, 1].
        box: The tightest rectangle around what matched about as well as that patch, beside it.
        heat: Shape (n_patches,), in [0, 1]: how well each patch of the page matched.
    """

    token: str
    weight: float
    region: Region
    strength: float
    box: Region
    heat: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """Why a page was found: which token matched which part of it. From stored vectors, no model is run.

    Attributes:
        page: The page.
        tokens: One for each row of the query.
        regions: Shape (n_patches, 4): left, top, right, bottom of the patches, in 0..1.
    """

    page: PageRecord
    tokens: tuple[TokenEvidence, ...]
    regions: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One search result.

    Attributes:
        rank: 1-based.
        score: Of the last stage; higher is better. Comparable within one search only, and for ordering go by `rank`:
            diversity, codes and further levels of a shortlist put pages before others of higher score.
        scored_by: That stage: `maxsim`, the name of the model's own rerank such as `soft_bm25`, `bm25` for the text
            channel alone, or the fusion.
        similarity: How well the query's rows are matched on average by what the page shows, in [0, 1]; meant for
            thresholds.
        page: The page that was found.
        embedding: The page's multi-vector, where it was asked for.
    """

    rank: int
    score: float
    scored_by: str
    similarity: float
    page: PageRecord
    embedding: PageEmbedding | None = field(default=None, repr=False, compare=False)
    _explain: Callable[[], Evidence] | None = field(default=None, repr=False, compare=False)

    def evidence(self) -> Evidence:
        """Say where on the page each part of the question was found.

        Raises:
            InvalidInput: The hit was not made by a search of an index that is open, or its page was removed since.
        """
        if self._explain is None:
            raise InvalidInput("this hit was not made by a search here; ask `index.evidence(question, page)`")
        return self._explain()


@dataclass(frozen=True, slots=True, kw_only=True)
class HitGroup:
    """The best pages that share a value, such as those of one document.

    Attributes:
        value: The value they share.
        hits: Best first, ranked within the group.
        document: The ledger's record of the document, where pages are grouped by document; what `with_lookup` is to
            Qdrant.
    """

    value: FieldScalar
    hits: Sequence[Hit]
    document: "DocumentRecord | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchStep:
    """One step of a search.

    Attributes:
        name: What was done, such as `embed` or `score by maxsim`, its shortlist included.
        seconds: How long it took.
        detail: What it worked on, such as `a shortlist of 200 pages`.
    """

    name: str
    seconds: float
    detail: str = ""


class Hits(list[Hit]):
    """The hits of one search, best first, and how they were found.

    Attributes:
        steps: What the search did, in order.
    """

    def __init__(self, hits: Iterable[Hit] = (), *, steps: Sequence[SearchStep] = ()) -> None:
        super().__init__(hits)
        self.steps = tuple(steps)


class DocumentState(StrEnum):
    """Where a document stands in the ledger."""

    INGESTING = "ingesting"
    READY = "ready"
    PARTIAL = "partial"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFailure:
    """Why one page, or a whole document (`page_number` None), was not ingested.

    Attributes:
        page_number: 1-based, or None for the document.
        reason: Name of the error class, such as `EncryptedDocument`.
        message: One sentence with the next step.
    """

    page_number: int | None
    reason: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentRecord:
    """One line of the ledger: what happened to one document.

    Attributes:
        document: The file as it was when it was ingested.
        state: READY when all pages are in, PARTIAL when some failed, FAILED when none could be made.
        n_pages: Pages the file has, 0 when it could not be opened.
        n_ingested: Pages in the index.
        failures: What was left out and why.
        warnings: What was done but may surprise, such as a page rendered below the asked-for dpi.
        updated_at: UTC, ISO 8601.
    """

    document: Document
    state: DocumentState
    n_pages: int
    n_ingested: int
    failures: Sequence[PageFailure] = ()
    warnings: Sequence[str] = ()
    updated_at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestProgress:
    """How far a running ingest is.

    Attributes:
        document_name: Being worked on.
        n_pages_done: Pages finished so far in this run, good or bad.
        n_pages_expected: Estimate of all pages of the run, from the pages and bytes of the documents opened so far.
        n_documents_done: Documents finished.
        n_documents: Documents of the run.
        finished: The document that was just finished, None while pages are counted.
    """

    document_name: str
    n_pages_done: int
    n_pages_expected: int
    n_documents_done: int
    n_documents: int
    finished: DocumentRecord | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestReport:
    """What one ingest did.

    Attributes:
        ingested: Ledger records of the documents worked on, in order: ready, partial or failed.
        unchanged: Names of documents that were already in the index as they are.
        ignored: Names of files in the folders that are no documents.
        n_pages_embedded: Pages that went through the model.
        n_pages_reused: Pages whose vectors were already in the index.
        seconds: Wall time.
    """

    ingested: Sequence[DocumentRecord]
    unchanged: Sequence[str]
    ignored: Sequence[str]
    n_pages_embedded: int
    n_pages_reused: int
    seconds: float

    @property
    def failed(self) -> list[DocumentRecord]:
        """Documents that are not, or not wholly, in the index."""
        return [record for record in self.ingested if record.state is not DocumentState.READY]

    @property
    def n_pages(self) -> int:
        """Pages of the documents worked on that are now in the index."""
        return sum(record.n_ingested for record in self.ingested)
