"""From what a user types to an embedder: the bundled model, a folder, a name on the hub, or the address of a server.

    embedder = load_embedder("vidore/colqwen2.5-v0.2", ModelSettings(device="cuda"))

Heavy libraries are imported only for the models that need them.
"""

from dataclasses import replace
from pathlib import Path

from visual_rag.embed.checkpoint import find_checkpoint
from visual_rag.embed.families import find_family
from visual_rag.embed.health import probe_of
from visual_rag.embed.models import DEFAULT_MODEL
from visual_rag.embed.pooling import with_pooling
from visual_rag.embed.protocol import PageEmbedder
from visual_rag.errors import MissingDependency, ModelLoadError
from visual_rag.passport import IndexPassport
from visual_rag.records import LOCAL, SERVED, ModelIdentity
from visual_rag.settings import ModelSettings, StoragePolicy, refuse_changed

_OF_CHECKPOINTS = (
    *("revision", "base_model", "max_visual_tokens", "pool_factor", "full_pooling", "shortlist_pooling", "dtype"),
)


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
        if settings.device != "cpu":  # which is where it runs
            refuse_changed(settings, ("device",), "spotter")
        refuse_changed(settings, _OF_CHECKPOINTS, "spotter")
        return _load_spotter()
    if _is_address(name):
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
    passport: IndexPassport,
    settings: ModelSettings | None = None,
    *,
    model: str | PageEmbedder | None = None,
    index: str,
) -> PageEmbedder:
    """Load the model that an index was built with, as it was then, but on the device of these settings; and check it.

    Args:
        passport: Of the index.
        settings: What they name goes before what the passport says.
        model: Where the model lies now, another to be tried, or an embedder at hand; None takes the passport's.
        index: The index's name, for the message.

    Raises:
        PassportMismatch: It is another model; where its files tell, that is said before it is loaded.
        UnknownModel: The index was built with an embedder of the user's own, which has no name to load it by.
        EmbeddingError: As for `load_embedder`.
    """
    if model is None or isinstance(model, str):
        model = _load_named(passport, settings or ModelSettings(), model, index)
    passport.check_model(model.identity, model.pooling, index=index)
    if passport.needs_probe(model.identity):
        passport.check_probe(probe_of(model), model.identity, index=index)
    return model


def merging_rows(name: str, settings: ModelSettings | None, policy: StoragePolicy) -> ModelSettings | None:
    """Settings that merge a page's rows as a storage policy asks for, where the model can and nothing else was set.

    Args:
        name: As for `load_embedder`.
        settings: As given.
        policy: Of the index to be.
    """
    chosen = settings or ModelSettings()
    is_set = (chosen.pool_factor, chosen.full_pooling) != (1, "ward")
    if policy.pool_factor == 1 or is_set or name == DEFAULT_MODEL:
        return settings
    if not _is_address(name):
        checkpoint = find_checkpoint(name, revision=chosen.revision, base_model=chosen.base_model)
        if find_family(checkpoint.config, name=checkpoint.name).is_single_vector:
            return settings
    return replace(chosen, pool_factor=policy.pool_factor)


def _load_named(passport: IndexPassport, settings: ModelSettings, name: str | None, index: str) -> PageEmbedder:
    model = passport.model
    if name is None and _is_gone(model):
        raise ModelLoadError(
            f"index '{index}' was built with '{model.name}', which is gone; say where that model lies now: "
            "model=FOLDER in Python, --model FOLDER in `visual-rag search` and `ingest`",
            model=model.name,
        )
    name = model.name if name is None else name
    if DEFAULT_MODEL in {name, model.name}:
        return load_embedder(name, settings)
    if name == model.name:
        return load_embedder(name, _as_built(passport, settings))
    if _is_address(name):
        return load_embedder(name, _as_built(passport, settings) if model.revision == SERVED else settings)
    checkpoint = find_checkpoint(name, revision=settings.revision, base_model=settings.base_model)
    found = replace(
        model,
        name=checkpoint.name,
        revision=checkpoint.revision,
        weights_hash=checkpoint.weights_hash,
        architecture=find_family(checkpoint.config, name=checkpoint.name).architecture,
    )
    passport.check_model(found, passport.pooling, index=index)
    base_model = settings.base_model or (model.base_model if checkpoint.base else None)
    return load_embedder(name, replace(_as_built(passport, settings), base_model=base_model))


def _as_built(passport: IndexPassport, settings: ModelSettings) -> ModelSettings:
    """What shaped the vectors of an index, wherever the settings leave it open."""
    model = passport.model
    return replace(
        with_pooling(settings, passport.pooling),
        revision=settings.revision or (None if model.is_placed else model.revision),
        base_model=settings.base_model or model.base_model,
        max_visual_tokens=settings.max_visual_tokens or model.max_visual_tokens,
    )


def _is_gone(model: ModelIdentity) -> bool:
    return model.revision == LOCAL and not Path(model.name).is_dir()


def _is_address(name: str) -> bool:
    return name.lower().startswith(("http://", "https://"))


def _load_spotter() -> PageEmbedder:
    try:
        from visual_rag.embed.spotter import Spotter
    except ImportError as error:
        raise MissingDependency(f"spotter needs {error.name}; pip install --force-reinstall visual-rag") from error
    return Spotter()
