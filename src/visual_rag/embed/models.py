"""The table of models that go by a name. A new one is a row here.

>>> sorted(MODELS)
['spotter']
"""

from collections.abc import Callable
from dataclasses import dataclass

from visual_rag.embed.protocol import PageEmbedder
from visual_rag.errors import MissingDependency, UnknownModel

DEFAULT_MODEL = "spotter"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """One known model.

    Attributes:
        name: What the user types and the passport keeps.
        summary: One line for people.
        load: Makes the embedder; heavy libraries are imported inside.
    """

    name: str
    summary: str
    load: Callable[[], PageEmbedder]


def _load_spotter() -> PageEmbedder:
    try:
        from visual_rag.embed.spotter import Spotter
    except ImportError as error:
        raise MissingDependency(f"spotter needs {error.name}; pip install --force-reinstall visual-rag") from error
    return Spotter()


MODELS = {
    spec.name: spec
    for spec in (
        ModelSpec(
            name="spotter", summary="bundled, 1 M parameters, CPU; finds words by their shape", load=_load_spotter
        ),
    )
}


def load_embedder(name: str) -> PageEmbedder:
    """Load a model by name.

    Raises:
        UnknownModel: The table has no such name; the message lists those it has.
        EmbeddingError: The model cannot be loaded.
    """
    if name not in MODELS:
        raise UnknownModel(f"no model is called '{name}'; known: {', '.join(sorted(MODELS))}")
    return MODELS[name].load()
