"""The record of everything that shaped the vectors of an index, checked at every open, ingest and search.

>>> from visual_rag.records import ModelIdentity
>>> model = ModelIdentity(name="spotter", revision="1", weights_hash="ab", dim=128, backend="onnxruntime 1.31")
>>> IndexPassport(model=model, dpi=120, renderer="pdfium 5.15", pooling="clusters64").model.name
'spotter'
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from visual_rag.errors import PassportMismatch
from visual_rag.records import ModelIdentity
from visual_rag.settings import Renderer

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexPassport:
    """What an index was built with.

    Attributes:
        model: The embedder.
        dpi: What pages are rendered at.
        renderer: PDF renderer and the version at creation; another version is let pass, another renderer is not.
        pooling: How the shortlist's vectors were made.
        datatype: Of the full vectors in the store.
        distance: Of two rows; always `dot`, on rows of unit length.
        schema_version: Of vector names and payload keys.
    """

    model: ModelIdentity
    dpi: int
    renderer: str
    pooling: str
    datatype: str = "turbo8"
    distance: str = "dot"
    schema_version: int = SCHEMA_VERSION

    def as_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "IndexPassport":
        """Read back what `as_dict` wrote.

        Raises:
            PassportMismatch: The index was written by a version whose passport this one cannot read.
        """
        if values.get("schema_version") != SCHEMA_VERSION:
            raise PassportMismatch(
                f"the index has schema version {values.get('schema_version')}, this release reads {SCHEMA_VERSION}; "
                "open it with the release that wrote it, or ingest the documents into a new index"
            )
        return cls(**{**values, "model": ModelIdentity(**values["model"])})

    def check_model(self, model: ModelIdentity, pooling: str, *, index: str) -> None:
        """Refuse a model whose vectors cannot be compared with those of the index.

        Args:
            model: Of the embedder at hand.
            pooling: Of the embedder at hand.
            index: The index's name, for the message.

        Raises:
            PassportMismatch: Name, weights, dim or pooling differ; the message names both sides and the way out.
        """
        ours = (self.model.name, self.model.revision, self.model.weights_hash, self.model.dim, self.pooling)
        if ours == (model.name, model.revision, model.weights_hash, model.dim, pooling):
            return
        cure = f"Open it with model='{self.model.name}'"
        if self.model.name == model.name:
            cure = "Install the release that has those weights"
        raise PassportMismatch(
            f"index '{index}' was built with {_describe(self.model, self.pooling)} at {self.dpi} dpi; you asked for "
            f"{_describe(model, pooling)}. {cure}, or ingest the documents into a new index",
            collection=index,
        )

    def check_settings(self, asked: Mapping[str, Any], *, index: str) -> None:
        """Refuse settings that would mix two kinds of vectors in one index.

        Args:
            asked: Values of `dpi`, `renderer` (without its version) and `datatype`; None where nothing was asked for.
            index: The index's name, for the message.

        Raises:
            PassportMismatch: One of them differs.
        """
        built = {"dpi": self.dpi, "renderer": self.renderer_name, "datatype": self.datatype}
        for name, value in asked.items():
            if value is not None and value != built[name]:
                raise PassportMismatch(
                    f"index '{index}' was built with {name} {built[name]}; you asked for {value}. "
                    f"Leave {name} out to go on with {built[name]}, or ingest the documents into a new index",
                    collection=index,
                )

    @property
    def renderer_name(self) -> Renderer:
        """The renderer without its version."""
        return "poppler" if self.renderer.startswith("poppler") else "pdfium"


def _describe(model: ModelIdentity, pooling: str) -> str:
    weights = model.weights_hash[:8]
    return f"{model.name} (revision {model.revision}, weights {weights}, {model.dim} dims, {pooling})"
