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

Renderer = Literal["pdfium", "poppler"]
VectorDatatype = Literal["turbo8", "float16"]
SearchMode = Literal["auto", "exact", "two-stage"]
ModelDtype = Literal["auto", "float32", "bfloat16", "float16"]
ShortlistPooling = Literal["clusters64", "ward64", "rows", "columns"]
FullPooling = Literal["ward", "rows", "columns"]
_MOST = 100_000
INDEX_VARIABLE = "VISUAL_RAG_INDEX"
DEFAULT_INDEX = ".visual_rag"
MODEL_KEY_VARIABLE = "VISUAL_RAG_MODEL_KEY"
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
class StoreSettings:
    """How vectors are kept.

    Attributes:
        datatype: Of the full multi-vectors: `turbo8` (8 bits a value) or `float16`; None takes that of the index, and
            turbo8 for a new one.
    """

    datatype: VectorDatatype | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchSettings:
    """How pages are looked for.

    Attributes:
        mode: `exact` scores every page, `two-stage` reranks a shortlist, `auto` is exact up to `exact_up_to` pages.
        exact_up_to: Pages.
        min_shortlist: Least number of pages that the second stage sees.
        shortlist_share: Share of the index that it sees, where that is more.
    """

    mode: SearchMode = "auto"
    exact_up_to: int = 1000
    min_shortlist: int = 200
    shortlist_share: float = 0.02

    def __post_init__(self) -> None:
        """Refuse what makes no sense.

        Raises:
            InvalidInput: The mode is unknown, or a number out of range.
        """
        if self.mode not in get_args(SearchMode):
            raise InvalidInput(f"no search mode is called '{self.mode}'; known: {', '.join(get_args(SearchMode))}")
        if self.exact_up_to < 0 or self.min_shortlist < 1 or not 0 <= self.shortlist_share <= 1:
            raise InvalidInput("exact_up_to must be 0 or more, min_shortlist 1 or more, shortlist_share in [0, 1]")

    def shortlist_size(self, n_pages: int) -> int:
        """Pages that the second stage sees in an index of `n_pages`."""
        return max(self.min_shortlist, round(self.shortlist_share * n_pages))


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
