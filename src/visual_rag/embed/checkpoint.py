"""Where a model's files lie: a folder, or a hub name that is looked up, and downloaded where that is allowed.

    checkpoint = find_checkpoint("vidore/colqwen2.5-v0.2", revision=None)
    checkpoint.config["model_type"]

It reads files and never falls back to another model. `HF_HUB_OFFLINE=1` forbids the network, as everywhere else.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from visual_rag.errors import MissingDependency, ModelLoadError, UnknownModel

_NEEDED_FILES = ["*.json", "*.safetensors", "*.jinja", "*.txt", "*.model"]
_LOCAL = "local"
_SAMPLE_BYTES, _N_SAMPLES = 4096, 64
EXTRA = "pip install 'visual-rag[colpali]'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The files of one model.

    Attributes:
        name: As the user names it; an absolute path for a folder.
        folder: Where the files lie.
        revision: Commit of the hub, `local` for a folder of the user's own.
        config: Of the network: its own `config.json`, or that of the model that an adapter was trained on.
        base: What a LoRA adapter was trained on; None for a full checkpoint.
    """

    name: str
    folder: Path
    revision: str
    config: dict[str, Any]
    base: "Checkpoint | None" = None

    @property
    def weights_hash(self) -> str:
        """sha256 over the headers, the sizes and samples of all weight files, those of the base model included.

        The same for a copy of the files, other for another training: an optimiser step changes nearly every value, and
        of each file 64 places are read.
        """
        digest = hashlib.sha256(self.base.weights_hash.encode() if self.base else b"")
        for path in _weight_files(self.folder):
            digest.update(f"{path.name}:{path.stat().st_size}".encode())
            for part in _samples(path):
                digest.update(part)
        return digest.hexdigest()


def find_checkpoint(name: str, *, revision: str | None = None, base_model: str | None = None) -> Checkpoint:
    """Find the files of a model.

    Args:
        name: A folder, or a hub name such as `vidore/colqwen2.5-v0.2`.
        revision: Commit, tag or branch on the hub.
        base_model: Folder or hub name of what a LoRA adapter was trained on; None takes the adapter's own note.

    Raises:
        UnknownModel: Neither a folder nor like a hub name.
        ModelLoadError: It is not here and cannot be downloaded, or the folder holds no model.
        MissingDependency: The hub's library is needed and not installed.
    """
    folder, found = _locate(name, revision)
    adapter = _read_json(folder / "adapter_config.json")
    config = _read_json(folder / "config.json")
    base = None
    if adapter is not None:
        base = _find_base(name, folder, base_model or adapter.get("base_model_name_or_path"))
        config = base.config
    if not config:
        raise ModelLoadError(
            f"'{name}' holds no config.json, and no adapter_config.json that names a base model; "
            "name the folder that a model was saved to",
            model=name,
        )
    if not _weight_files(folder):
        raise ModelLoadError(f"'{name}' holds no *.safetensors; save the model in that format", model=name)
    shown = str(folder) if found == _LOCAL else name
    return Checkpoint(name=shown, folder=folder, revision=found, config=config, base=base)


def is_here(name: str) -> bool:
    """Whether a hub name is on this machine already; nothing is downloaded."""
    try:
        from huggingface_hub import try_to_load_from_cache
    except ImportError:
        return False
    return any(isinstance(try_to_load_from_cache(name, file), str) for file in ("config.json", "adapter_config.json"))


def _locate(name: str, revision: str | None) -> tuple[Path, str]:
    path = Path(name).expanduser()
    if path.is_dir():
        return path.absolute(), _LOCAL
    if path.is_absolute() or name.startswith((".", "~")) or name.count("/") != 1:
        raise UnknownModel(
            f"no model is called '{name[:200]}', and there is no such folder; name spotter, a folder that holds a "
            "model, or one on the hub such as vidore/colqwen2.5-v0.2 (`visual-rag models` lists them)"
        )
    return _from_hub(name, revision)


def _from_hub(name: str, revision: str | None) -> tuple[Path, str]:
    if find_spec("torch") is None:  # before gigabytes are downloaded that could not be used
        raise MissingDependency(f"the model '{name}' needs torch; {EXTRA}")
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
    except ImportError as error:
        raise MissingDependency(f"the model '{name}' needs more packages; {EXTRA}") from error
    try:
        folder = Path(snapshot_download(name, revision=revision, allow_patterns=_NEEDED_FILES))
    except HFValidationError as error:
        raise UnknownModel(f"'{name[:200]}' is no folder and cannot be a name on the hub") from error
    except LocalEntryNotFoundError as error:
        raise ModelLoadError(_not_here(name, revision), model=name) from error
    except (HfHubHTTPError, OSError) as error:
        raise ModelLoadError(f"'{name}' cannot be downloaded: {_first_line(error)}", model=name) from error
    return folder, folder.name


def _not_here(name: str, revision: str | None) -> str:
    wanted = f"{name} --revision {revision}" if revision else name
    offline = " and HF_HUB_OFFLINE is set" if os.environ.get("HF_HUB_OFFLINE") else ", and the hub cannot be reached"
    return (
        f"the model '{name}' is not on this machine{offline}; run `hf download {wanted}` where there is a network, "
        "or name a folder that holds it"
    )


def _find_base(name: str, folder: Path, base: str | None) -> Checkpoint:
    if not base:
        raise ModelLoadError(f"the adapter '{name}' names no base model; pass base_model", model=name)
    beside = folder / base  # a relative note of an adapter is meant from its own folder
    found = str(beside) if beside.is_dir() else base
    try:
        return find_checkpoint(found)
    except (UnknownModel, ModelLoadError) as error:
        raise ModelLoadError(
            f"'{name}' is a LoRA adapter of '{base}', which cannot be found: {error}; "
            "pass base_model with the folder that holds it",
            model=name,
        ) from error


def _read_json(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelLoadError(f"{path} cannot be read as JSON; copy the model again", model=path.parent.name) from error
    return read if isinstance(read, dict) else {}


def _weight_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.safetensors"))


def _samples(path: Path) -> Iterator[bytes]:
    """The header, which names every tensor and its shape, and pieces spread over the file."""
    size = path.stat().st_size
    with path.open("rb") as file:
        yield file.read(8 + min(size, int.from_bytes(file.read(8), "little")))
        for number in range(_N_SAMPLES):
            file.seek(max(0, size - _SAMPLE_BYTES) * number // (_N_SAMPLES - 1))
            yield file.read(_SAMPLE_BYTES)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
