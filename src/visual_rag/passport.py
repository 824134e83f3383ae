"""The record of everything that shaped the vectors of an index, checked at every open, ingest and search.

>>> from visual_rag.records import SERVED, ModelIdentity
>>> model = ModelIdentity(name="spotter", revision="1", weights_hash="ab", dim=128, backend="onnxruntime 1.31")
>>> IndexPassport(model=model, dpi=120, renderer="pdfium 5.15", pooling="clusters64").model.name
'spotter'
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from visual_rag.errors import PassportMismatch
from visual_rag.records import SERVED, ModelIdentity
from visual_rag.settings import STORAGE_POLICIES, Renderer

SCHEMA_VERSION = 2
_COMPARED = ("weights_hash", "dim", "architecture", "template", "precision", "max_visual_tokens")
_LEAST_PROBE_COSINE = 0.999  # bfloat16 against float32: 0.99998 on 17 tiny networks


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexPassport:
    """What an index was built with.

    Attributes:
        model: The embedder.
        dpi: What pages are rendered at.
        renderer: PDF renderer and the version at creation; another version is let pass, another renderer is not.
        pooling: How the shortlist's vectors were made.
        probe: Where one fixed question points, shape (dim,): tells whether other libraries, or a server, still embed
            questions as they did. Empty in indexes that were made without.
        datatype: Of the full vectors in the store.
        text_language: In which the words of text layers and questions are cut; "none" for mixed corpora.
        keeps_rows: Whether the embedded store keeps copies of the full vectors that Python reads fast.
        distance: Of two rows; always `dot`, on rows of unit length.
        schema_version: Of vector names and payload keys.
    """

    model: ModelIdentity
    dpi: int
    renderer: str
    pooling: str
    probe: tuple[float, ...] = ()
    datatype: str = "turbo8"
    text_language: str = "english"
    keeps_rows: bool = True
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
        return cls(
            **{**values, "model": ModelIdentity(**values["model"]), "probe": tuple(values.get("probe", ()))},
        )

    def check_model(self, model: ModelIdentity, pooling: str, *, index: str) -> None:
        """Refuse a model whose vectors cannot be compared with those of the index.

        Args:
            model: Of the embedder at hand.
            pooling: Of the embedder at hand.
            index: The index's name, for the message.

        Raises:
            PassportMismatch: Something that shapes vectors differs; the message names both sides and the way out.
        """
        differing = [*_differing(self.model, model), *(["pooling"] if pooling != self.pooling else [])]
        if not differing:
            return
        cure = self._cure(model, set(differing))
        raise PassportMismatch(
            f"index '{index}' was built with {_describe(self.model, self.pooling)} at {self.dpi} dpi; you asked for "
            f"{_describe(model, pooling)}. They differ in {', '.join(differing)}. "
            f"{cure}, or ingest the documents into a new index",
            collection=index,
        )

    def _cure(self, model: ModelIdentity, differing: set[str]) -> str:
        if self.model.name != model.name:
            return f"Leave the model out to go on with {self.model.name}"
        if differing <= {"pooling", "max_visual_tokens", "precision"}:
            return "Leave out what was set otherwise"
        if self.model.is_placed:
            return "The files there have changed since the index was built: restore them"
        return "Install the release that has those weights, or the libraries that it was built with"

    def needs_probe(self, model: ModelIdentity) -> bool:
        """Whether equal weights may give other vectors: other libraries run them, or a server that may have others."""
        return bool(self.probe) and (model.backend != self.model.backend or model.revision == SERVED)

    def check_probe(self, probe: Sequence[float], model: ModelIdentity, *, index: str) -> None:
        """Refuse a model that no longer embeds as it did.

        Args:
            probe: Of the embedder at hand, shape (dim,).
            model: Of the embedder at hand.
            index: The index's name, for the message.

        Raises:
            PassportMismatch: The two point apart.
        """
        cosine = sum(ours * theirs for ours, theirs in zip(self.probe, probe, strict=True))
        if cosine < _LEAST_PROBE_COSINE:
            raise PassportMismatch(
                f"index '{index}' was built with {model.name} on {self.model.backend}; on {model.backend} it embeds "
                f"the same question otherwise (cosine {cosine:.4f}). Install those versions, or serve those weights, "
                "or ingest the documents into a new index",
                collection=index,
            )

    def check_settings(self, asked: Mapping[str, Any], *, index: str) -> None:
        """Refuse settings that would mix two kinds of vectors in one index.

        Args:
            asked: Values of `dpi`, `renderer` (without its version), `policy`, `datatype`, `text_language` and
                `keeps_rows`; None where nothing was asked for.
            index: The index's name, for the message.

        Raises:
            PassportMismatch: One of them differs.
        """
        built = {
            "dpi": self.dpi,
            "renderer": self.renderer_name,
            "datatype": self.datatype,
            "policy": self.policy,
            "text_language": self.text_language,
            "keeps_rows": self.keeps_rows,
        }
        for name, value in asked.items():
            if value is not None and value != built[name]:
                raise PassportMismatch(
                    f"index '{index}' was built with {name} {built[name]}; you asked for {value}. "
                    f"Leave {name} out to go on with {built[name]}, or ingest the documents into a new index",
                    collection=index,
                )

    @property
    def policy(self) -> str:
        """Name of the storage policy, or where none is like it, the datatype."""
        return next((name for name, kept in STORAGE_POLICIES.items() if kept.datatype == self.datatype), self.datatype)

    @property
    def renderer_name(self) -> Renderer:
        """The renderer without its version."""
        return "poppler" if self.renderer.startswith("poppler") else "pdfium"


def _differing(ours: ModelIdentity, theirs: ModelIdentity) -> list[str]:
    """Names of the fields that keep vectors apart. Where a model lies does not; what its weights are does."""
    names = _COMPARED if ours.is_placed or theirs.is_placed else ("name", "revision", *_COMPARED)
    return [name for name in names if getattr(ours, name) != getattr(theirs, name)]


def _describe(model: ModelIdentity, pooling: str) -> str:
    details = [f"revision {model.revision}", f"weights {model.weights_hash[:8]}", f"{model.dim} dims", pooling]
    optional = {"template": model.template, "precision": model.precision, "max_visual_tokens": model.max_visual_tokens}
    details += [f"{name} {value}" for name, value in optional.items() if value not in {"", "float", None}]
    return f"{model.name} ({', '.join([*([model.architecture] if model.architecture else []), *details])})"
