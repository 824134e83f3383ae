"""From what a user types to an embedder: the bundled model, a folder, a name on the hub, or the address of a server.

    embedder = load_embedder("vidore/colqwen2.5-v0.2", ModelSettings(device="cuda"))

Heavy libraries are imported only for the models that need them.
"""

from dataclasses import replace

from visual_rag.embed.checkpoint import find_checkpoint
from visual_rag.embed.families import find_family
from visual_rag.embed.models import DEFAULT_MODEL
from visual_rag.embed.pooling import with_pooling
from visual_rag.embed.protocol import PageEmbedder
from visual_rag.errors import MissingDependency
from visual_rag.passport import IndexPassport
from visual_rag.settings import ModelSettings


def load_embedder(name: str, settings: ModelSettings | None = None) -> PageEmbedder:
    """Load a model.

    Args:
        name: `spotter`, a folder with a checkpoint or a LoRA adapter, a name on the hub such as
            `vidore/colqwen2.5-v0.2`, or the address of a served model such as `http://localhost:8000`.
        settings: How it is loaded and run.

    Raises:
        UnknownModel: There is no such folder, and no name on the hub looks like this.
        ModelLoadError: The model is not here and cannot be downloaded, is of no known family, or lacks weights.
        MissingDependency: The model needs an extra that is not installed.
        ModelUnavailable: The server does not answer.
    """
    settings = settings or ModelSettings()
    if name == DEFAULT_MODEL:
        return _load_spotter()
    if name.startswith(("http://", "https://")):
        from visual_rag.embed.remote import load_remote

        return load_remote(name, settings)
    checkpoint = find_checkpoint(name, revision=settings.revision, base_model=settings.base_model)
    family = find_family(checkpoint.config, name=checkpoint.name)
    if family.is_single_vector and family.library == "transformers":
        from visual_rag.embed.clip import load_clip

        return load_clip(checkpoint, settings)
    from visual_rag.embed.colpali import load_colpali

    return load_colpali(checkpoint, settings)


def load_embedder_of(
    passport: IndexPassport, settings: ModelSettings | None = None, *, name: str | None = None
) -> PageEmbedder:
    """Load the model that an index was built with, as it was then, but on the device of these settings.

    Args:
        passport: Of the index.
        settings: What they name goes before what the passport says.
        name: Where the model lies now, or another model to be tried; None takes the passport's.

    Raises:
        UnknownModel: The index was built with an embedder of the user's own, which has no name to load it by.
        EmbeddingError: As for `load_embedder`.
    """
    model, settings = passport.model, settings or ModelSettings()
    shaped = replace(
        with_pooling(settings, passport.pooling),
        revision=settings.revision or (model.revision if name in {None, model.name} else None),
        base_model=settings.base_model or model.base_model,
        max_visual_tokens=settings.max_visual_tokens or model.max_visual_tokens,
    )
    return load_embedder(name or model.name, shaped)


def _load_spotter() -> PageEmbedder:
    try:
        from visual_rag.embed.spotter import Spotter
    except ImportError as error:
        raise MissingDependency(f"spotter needs {error.name}; pip install --force-reinstall visual-rag") from error
    return Spotter()
