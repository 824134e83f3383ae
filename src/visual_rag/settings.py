"""Settings as frozen values, and the only reader of the environment.

>>> RenderSettings(dpi=144).dpi
144
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from visual_rag.errors import InvalidInput
from visual_rag.server_settings import ServerSettings

Renderer = Literal["pdfium", "poppler"]
VectorDatatype = Literal["turbo8", "float16", "turbo4"]
PolicyName = Literal["exact", "compact", "tiny"]
SearchMode = Literal["auto", "exact", "two-stage"]
Channels = Literal["auto", "visual", "text", "both"]
Fusion = Literal["rrf", "dbsf", "minmax"]
ModelDtype = Literal["auto", "float32", "bfloat16", "float16"]
ShortlistPooling = Literal["clusters64", "ward64", "rows", "columns"]
FullPooling = Literal["ward", "rows", "columns"]
_MOST = 100_000
INDEX_VARIABLE = "VISUAL_RAG_INDEX"
DEFAULT_INDEX = ".visual_rag"
MODEL_KEY_VARIABLE = "VISUAL_RAG_MODEL_KEY"
SERVER_KEY_VARIABLE = "QDRANT_API_KEY"
INDEX_LOCK = "visual_rag.lock"  # lies in every index folder, and tells it from a folder of documents


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderSettings:
    """How documents become page images, and what they may cost.

    Attributes:
        dpi: Dots per inch; None takes what the model prefers.
        renderer: `pdfium` (in the base install) or `poppler` (needs Debian's `poppler-utils` or the like); None takes
            that of the index, and pdfium for a new one.
        max_pixels: A page that would be larger is rendered at a lower dpi; an image file that is larger is refused
            before its pixels are allocated.
        max_pages: A document with more pages is refused.
        max_file_bytes: A larger file is refused before it is read.
        page_timeout_s: Seconds one page may take.
        memory_bytes: What one worker process may allocate.
        n_workers: Worker processes.
    """

    dpi: int | None = None
    renderer: Renderer | None = None
    max_pixels: int = 40_000_000
    max_pages: int = 20_000
    max_file_bytes: int = 2_000_000_000
    page_timeout_s: float = 30.0
    memory_bytes: int = 1_500_000_000
    n_workers: int = 2

    def __post_init__(self) -> None:
        """Refuse what cannot go into a passport.

        Raises:
            InvalidInput: dpi is no whole number from 30 to 600, or the renderer is unknown.
        """
        if self.dpi is not None and not (isinstance(self.dpi, int) and 30 <= self.dpi <= 600):
            raise InvalidInput(f"dpi is {self.dpi!r}; it is a whole number from 30 to 600")
        if self.renderer not in {None, *get_args(Renderer)}:
            raise InvalidInput(f"no renderer is called '{self.renderer}'; known: {', '.join(get_args(Renderer))}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """How a model is loaded and run. The first six shape its vectors: an index keeps them and loads by them.

    Attributes:
        revision: Commit, tag or branch of a model on the hub; None takes what is newest, or here already.
        base_model: Folder or hub name of the model that a LoRA adapter was trained on, where the adapter's own note of
            it no longer holds.
        max_visual_tokens: Most patches a page is cut into, for models that go by a page's size; None takes the model's.
        pool_factor: Rows of a page are merged to one in so many (Ward), which saves as much storage; 1 keeps all.
        full_pooling: What is merged: rows that are alike (`ward`, by `pool_factor`), or each line of patches to its
            mean (`rows`, `columns`; what quality that costs was not measured).
        shortlist_pooling: How the few rows of the first stage are made: `clusters64` (k-means), `ward64` (slower, as
            `pool_factor` does it), `rows` or `columns` (one for each line of patches).
        device: `cpu`, `cuda`, `cuda:1`, `mps`; `auto` takes the best there is.
        dtype: Numbers of the network; `auto` takes bfloat16 where the device has it, float32 elsewhere.
        batch_size: Pages at a time; None takes what suits model and device. Halved when memory runs out.
        timeout_s: Of one request to a served model.
    """

    revision: str | None = None
    base_model: str | None = None
    max_visual_tokens: int | None = None
    pool_factor: int = 1
    full_pooling: FullPooling = "ward"
    shortlist_pooling: ShortlistPooling = "clusters64"
    device: str = "auto"
    dtype: ModelDtype = "auto"
    batch_size: int | None = None
    timeout_s: float = 120.0

    def __post_init__(self) -> None:
        """Refuse what no model can be run with.

        Raises:
            InvalidInput: A number is out of range or a name unknown.
        """
        least = {"max_visual_tokens": 4, "pool_factor": 1, "batch_size": 1}
        for name, smallest in least.items():
            value = getattr(self, name)
            if value is not None and not (isinstance(value, int) and smallest <= value <= _MOST):
                raise InvalidInput(f"{name} is {value!r}; it is a whole number from {smallest} to {_MOST:,}")
        if self.dtype not in get_args(ModelDtype):
            raise InvalidInput(f"no dtype is called '{self.dtype}'; known: {', '.join(get_args(ModelDtype))}")
        for pooling, kinds in ((self.shortlist_pooling, ShortlistPooling), (self.full_pooling, FullPooling)):
            if pooling not in get_args(kinds):
                raise InvalidInput(f"no pooling is called '{pooling}'; known: {', '.join(get_args(kinds))}")
        if self.full_pooling != "ward" and self.pool_factor > 1:
            raise InvalidInput(f"pool_factor {self.pool_factor} is for full_pooling 'ward', not '{self.full_pooling}'")
        if not 0 < self.timeout_s <= _MOST:
            raise InvalidInput(f"timeout_s is {self.timeout_s!r}; it is a number of seconds above 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoragePolicy:
    """How exactly, and at what cost, the full vectors are kept.

    Attributes:
        datatype: Of a value.
        bits: Of a value.
        pool_factor: Alike rows of a page are merged to one in so many, for models that can and unless set otherwise.
    """

    datatype: VectorDatatype
    bits: int
    pool_factor: int = 1


STORAGE_POLICIES: dict[PolicyName, StoragePolicy] = {
    "exact": StoragePolicy(datatype="float16", bits=16),
    "compact": StoragePolicy(datatype="turbo8", bits=8),
    "tiny": StoragePolicy(datatype="turbo4", bits=4, pool_factor=3),
}
DEFAULT_POLICY: PolicyName = "compact"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    """Where and how vectors and payload are kept.

    Attributes:
        policy: `exact` (16 bits a value), `compact` (8 bits) or `tiny` (4 bits, and a third of the vectors where the
            model's may be merged); None takes that of the index, and compact for a new one.
        text_language: Whose stop words and word endings the text channel knows, such as `english`, or `none`; None
            takes that of the index, and english for a new one.
        own_process: Keep the embedded engine in a process of its own, so that it never holds up this one: for
            whatever serves requests.
        server: A Qdrant server to keep them on, instead of the folder; page images stay in the folder.
    """

    policy: PolicyName | None = None
    text_language: str | None = None
    own_process: bool = False
    server: ServerSettings | None = None

    def __post_init__(self) -> None:
        """Refuse what is not known.

        Raises:
            InvalidInput: The policy is unknown, or both a process and a server are asked for.
        """
        if self.policy not in {None, *STORAGE_POLICIES}:
            raise InvalidInput(f"no storage policy is called '{self.policy}'; known: {', '.join(STORAGE_POLICIES)}")
        if self.own_process and self.server is not None:
            raise InvalidInput("own_process is for the embedded engine; a server has a process of its own")

    @property
    def datatype(self) -> VectorDatatype | None:
        """Of the full vectors, None where the index decides."""
        return STORAGE_POLICIES[self.policy].datatype if self.policy else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Boost:
    """Raise pages by a field of theirs: a page's score is multiplied by `1 + weight * nearness`.

    Attributes:
        field: Whose value counts: a number or a date, or with `target` None a truth value.
        weight: Most that the score is raised by, as a share of it; below 0 lowers it, down to -1.
        target: Where nearness is 1: a number, a date as ISO 8601 text, or `now`; None takes the field's truth value.
        scale: How far from the target nearness is a half: in units of the field, for dates in days.
    """

    field: str
    weight: float
    target: float | str | None = None
    scale: float = 365.0

    def __post_init__(self) -> None:
        """Refuse what cannot be computed.

        Raises:
            InvalidInput: The weight is below -1, or the scale not above 0.
        """
        if not _is_within(self.weight, -1, _MOST) or not _is_within(self.scale, 1e-9, 1e12):
            raise InvalidInput(
                f"a boost by '{self.field}' has weight {self.weight!r} and scale {self.scale!r}; the weight is -1 or "
                "more, the scale above 0"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchSettings:
    """How pages are looked for.

    Attributes:
        mode: `exact` scores every page, `two-stage` reranks a shortlist, `auto` is exact up to `exact_up_to` pages.
        exact_up_to: Pages.
        min_shortlist: Least number of pages that the second stage sees.
        shortlist_share: Share of the index that it sees, where that is more.
        min_similarity: Leave out hits below; in [0, 1].
        channels: `visual` looks at pages, `text` reads their text layers (BM25), `both` fuses the two; `auto` is both
            for spotter, where that measured best, and visual for the models that know what words mean.
        fusion: How: by rank (`rrf`), by scores as standard deviations from their mean (`dbsf`), or by scores spread
            over [0, 1] (`minmax`).
        text_weight: Share of the text channel in a fusion, in [0, 1].
        rescue_codes: Bring pages forward whose text layer holds a part number or error code of the question, letter by
            letter; where the text channel is on.
        diversity: 0 ranks by relevance alone; up to 1, pages unlike those before them are preferred (MMR).
        boosts: Raise pages by what their fields say; see `Boost`.
        include_fields: Keep only these of `text` and the metadata fields in the hits' pages; None keeps all.
        exclude_fields: Leave these out.
        with_vectors: Give each hit its page's multi-vector.
        hnsw_ef: Width of the graph search over the pooled vectors, where the store has a graph.
        rescore: Score quantized candidates again by the vectors themselves, where the store quantizes.
        oversampling: So many times more candidates for that.
        indexed_only: Leave out pages that the store has not indexed yet.
    """

    mode: SearchMode = "auto"
    exact_up_to: int = 1000
    min_shortlist: int = 200
    shortlist_share: float = 0.02
    min_similarity: float = 0.0
    channels: Channels = "auto"
    fusion: Fusion = "rrf"
    text_weight: float = 0.5
    rescue_codes: bool = True
    diversity: float = 0.0
    boosts: tuple["Boost", ...] = ()
    include_fields: tuple[str, ...] | None = None
    exclude_fields: tuple[str, ...] = ()
    with_vectors: bool = False
    hnsw_ef: int | None = None
    rescore: bool | None = None
    oversampling: float | None = None
    indexed_only: bool = False

    def __post_init__(self) -> None:
        """Refuse what makes no sense.

        Raises:
            InvalidInput: The mode is unknown, or a number out of range.
        """
        if self.mode not in get_args(SearchMode):
            raise InvalidInput(f"no search mode is called '{self.mode}'; known: {', '.join(get_args(SearchMode))}")
        _check_tuples(self, ("boosts", "include_fields", "exclude_fields"))
        for name, kinds in (("channels", Channels), ("fusion", Fusion)):
            if getattr(self, name) not in get_args(kinds):
                raise InvalidInput(f"{name} is {getattr(self, name)!r}; it is one of {', '.join(get_args(kinds))}")
        for name in ("shortlist_share", "min_similarity", "text_weight", "diversity"):
            if not _is_within(getattr(self, name), 0, 1):
                raise InvalidInput(f"{name} is {getattr(self, name)!r}; it is a number in [0, 1]")
        for name, least in (("exact_up_to", 0), ("min_shortlist", 1), ("hnsw_ef", 1)):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, int) and value >= least):
                raise InvalidInput(f"{name} is {value!r}; it is a whole number, {least} or more")
        if self.oversampling is not None and not _is_within(self.oversampling, 1, _MOST):
            raise InvalidInput(f"oversampling is {self.oversampling!r}; it is a number, 1 or more")

    def is_exact(self, n_pages: int) -> bool:
        """Whether every one of `n_pages` pages is scored."""
        return self.mode == "exact" or (self.mode == "auto" and n_pages <= self.exact_up_to)

    def shortlist_size(self, n_pages: int) -> int:
        """Pages that the second stage sees in an index of `n_pages`."""
        return max(self.min_shortlist, round(self.shortlist_share * n_pages))


def _check_tuples(settings: object, names: Sequence[str]) -> None:
    for name in names:
        if not isinstance(getattr(settings, name) or (), tuple | list):
            raise InvalidInput(f"{name} is {getattr(settings, name)!r}; give a tuple of them")


def _is_within(value: object, least: float, most: float) -> bool:
    return isinstance(value, int | float) and least <= value <= most  # false for NaN


def refuse_changed(settings: ModelSettings, names: Sequence[str], what: str) -> None:
    """Refuse settings that a model cannot honour: what is silently ignored misleads.

    Args:
        settings: As given.
        names: Fields that must be as they come.
        what: The kind of model.

    Raises:
        InvalidInput: One of them was set.
    """
    for name in names:
        value = getattr(settings, name)
        if value != getattr(ModelSettings(), name):
            raise InvalidInput(f"{name} is {value!r}, which {what} cannot follow; leave it out")


def default_index_folder() -> Path:
    """The index folder when none is named: `$VISUAL_RAG_INDEX`, else `.visual_rag` in the current folder."""
    return Path(os.environ.get(INDEX_VARIABLE) or DEFAULT_INDEX)


def is_hub_offline() -> bool:
    """Whether `$HF_HUB_OFFLINE` forbids the network, as huggingface_hub reads it."""
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}


def model_api_key() -> str | None:
    """The key for a served model: `$VISUAL_RAG_MODEL_KEY`, None where it is not set."""
    return os.environ.get(MODEL_KEY_VARIABLE) or None


def server_api_key() -> str | None:
    """The key for a Qdrant server: `$QDRANT_API_KEY`, None where it is not set."""
    return os.environ.get(SERVER_KEY_VARIABLE) or None
