"""Where a model's files lie: a folder, or a hub name that is looked up, and downloaded where that is allowed.

    checkpoint = find_checkpoint("vidore/colqwen2.5-v0.2", revision=None)
    checkpoint.config["model_type"]

It reads files and never falls back to another model. `HF_HUB_OFFLINE=1` forbids the network, as everywhere else.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from visual_rag.embed.models import MODELS
from visual_rag.errors import InvalidInput, MissingDependency, ModelLoadError, UnknownModel
from visual_rag.records import LOCAL
from visual_rag.settings import is_hub_offline

_NEEDED_FILES = ["*.json", "*.safetensors", "*.jinja", "*.txt", "*.model"]
_SUBFOLDERS = ["*/*"]  # checkpoints of a training, and other formats
_SAMPLE_BYTES = 4096
_INCIDENTAL = {
    "_name_or_path",
    "base_model_name_or_path",
    "transformers_version",
    "torch_dtype",
    "dtype",
    "peft_version",
}
_PROCESSOR_FILES = ("processor_config.json", "preprocessor_config.json")
_TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "spiece.model", "vocab.json", "vocab.txt")
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
        adapter: A LoRA adapter's `adapter_config.json`, else empty.
    """

    name: str
    folder: Path
    revision: str
    config: dict[str, Any]
    base: "Checkpoint | None" = None
    adapter: dict[str, Any] = field(default_factory=dict)

    @property
    def processor_folder(self) -> Path:
        """Where the processor's files lie: an adapter that was saved by peft alone has none of its own."""
        has_own = any((self.folder / name).is_file() for name in _PROCESSOR_FILES)
        return self.base.processor_folder if self.base and not has_own else self.folder

    @property
    def weights_hash(self) -> str:
        """sha256 over parts of every tensor of all weight files, and what the configuration says; the base's included.

        The same for a copy of the files, another for another training: beginning and end of each tensor are read, and
        a step of an optimiser changes nearly every value.
        """
        digest = hashlib.sha256(self.base.weights_hash.encode() if self.base else b"")
        said = {**self.config, **self.adapter}
        digest.update(json.dumps({key: said[key] for key in sorted(said) if key not in _INCIDENTAL}).encode())
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
        InvalidInput: A revision of a folder, or a base model of a full checkpoint, was asked for.
    """
    folder, found = _locate(name, revision)
    adapter = _read_json(folder / "adapter_config.json")
    config = _read_json(folder / "config.json")
    base = None
    if adapter is None and base_model:
        raise InvalidInput(f"'{name}' is no LoRA adapter, so base_model '{base_model}' has no use; leave it out")
    if adapter is not None:
        base = _find_base(name, folder, adapter, base_model)
        config = {**base.config, **_adapted_class(adapter)}
    if not config:
        raise ModelLoadError(
            f"'{name}' holds no config.json, and no adapter_config.json that names a base model; "
            "name the folder that a model was saved to",
            model=name,
        )
    if revision and found == LOCAL:
        raise InvalidInput(f"'{name}' is a folder, which has no revision '{revision}'; leave it out")
    if not _weight_files(folder):
        cure = "save the model in that format" if found == LOCAL else f"is its download whole? `hf download {name}`"
        raise ModelLoadError(f"'{name}' holds no *.safetensors; {cure}", model=name)
    shown = str(folder) if found == LOCAL else name
    return Checkpoint(name=shown, folder=folder, revision=found, config=config, base=base, adapter=adapter or {})


def check_processor(checkpoint: Checkpoint) -> None:
    """Refuse a model without the files of its processor and its tokenizer.

    Raises:
        ModelLoadError: Neither it nor its base has any.
    """
    for wanted in (_PROCESSOR_FILES, _TOKENIZER_FILES):
        if not any((checkpoint.processor_folder / file).is_file() for file in wanted):
            raise ModelLoadError(
                f"'{checkpoint.name}' holds no {' or '.join(wanted)}; copy its processor's files as well",
                model=checkpoint.name,
            )


def is_here(name: str) -> bool:
    """Whether a model of the hub is on this machine already, weights included; nothing is downloaded."""
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import LocalEntryNotFoundError
    except ImportError:
        return False
    try:
        return bool(_weight_files(Path(snapshot_download(name, local_files_only=True))))
    except LocalEntryNotFoundError:
        return False


def _locate(name: str, revision: str | None) -> tuple[Path, str]:
    path = _expanded(name)
    if _is_folder(path):
        return path.absolute(), LOCAL
    if path.is_absolute() or name.startswith((".", "~")) or name.count("/") != 1:
        raise UnknownModel(
            f"no model is called '{name[:200]}', and there is no such folder; {_meant(name)}name spotter, a folder "
            "that holds a model, or one on the hub such as vidore/colqwen2.5-v0.2 (`visual-rag models` lists them)"
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
        folder = Path(
            snapshot_download(name, revision=revision, allow_patterns=_NEEDED_FILES, ignore_patterns=_SUBFOLDERS)
        )
    except HFValidationError as error:
        raise UnknownModel(f"'{name[:200]}' is no folder and cannot be a name on the hub") from error
    except LocalEntryNotFoundError as error:
        raise ModelLoadError(_not_here(name, revision), model=name) from error
    except (HfHubHTTPError, OSError) as error:
        raise ModelLoadError(f"'{name}' cannot be downloaded: {first_line(error)}", model=name) from error
    return folder, folder.name


def _not_here(name: str, revision: str | None) -> str:
    wanted = f"{name} --revision {revision}" if revision else name
    offline = " and HF_HUB_OFFLINE is set" if is_hub_offline() else ", and the hub cannot be reached"
    return (
        f"the model '{name}' is not on this machine{offline}, and there is no such folder; {_meant(name)}"
        f"run `hf download {wanted}` where there is a network, or name a folder that holds it"
    )


def _meant(name: str) -> str:
    """Ask whether a known model of a name much like this one was meant."""
    close = [] if name in MODELS else get_close_matches(name, MODELS, n=1, cutoff=0.7)
    return f"was {close[0]} meant? Else " if close else ""


def _find_base(name: str, folder: Path, adapter: dict[str, Any], named: str | None) -> Checkpoint:
    noted = adapter.get("base_model_name_or_path")
    if not (named or noted):
        raise ModelLoadError(f"the adapter '{name}' names no base model; pass base_model", model=name)
    beside = folder / str(noted)  # a relative note of an adapter is meant from its own folder
    base = named or (str(beside) if _is_folder(beside) else str(noted))
    try:
        return _full_checkpoint(base)
    except (UnknownModel, ModelLoadError) as error:
        raise ModelLoadError(
            f"'{name}' is a LoRA adapter of '{base[:200]}', which cannot be used: {error}; "
            "pass base_model with the folder that holds its base",
            model=name,
        ) from error


def _full_checkpoint(name: str) -> Checkpoint:
    if (_locate(name, None)[0] / "adapter_config.json").is_file():
        raise ModelLoadError("that is an adapter itself", model=name)
    return find_checkpoint(name)


def _expanded(name: str) -> Path:
    try:
        return Path(name).expanduser()
    except RuntimeError:  # of a user that is not there
        return Path(name)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # a name that no file can have
        return False


def _adapted_class(adapter: dict[str, Any]) -> dict[str, Any]:
    """The class that an adapter was trained on, where peft noted it: its base may be saved as another."""
    noted = (adapter.get("auto_mapping") or {}).get("base_model_class")
    return {"architectures": [noted]} if noted else {}


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
    """The header of a safetensors file, which names every tensor, then the beginning and the end of each tensor."""
    with path.open("rb") as file:
        n_header = int.from_bytes(file.read(8), "little")
        header = file.read(min(n_header, path.stat().st_size))
        yield header
        for start, end in _tensor_places(header):
            for place in (start, max(start, end - _SAMPLE_BYTES)):
                file.seek(8 + n_header + place)
                yield file.read(min(_SAMPLE_BYTES, end - place))


def _tensor_places(header: bytes) -> list[tuple[int, int]]:
    try:
        tensors = json.loads(header)
        return sorted(tuple(tensor["data_offsets"]) for name, tensor in tensors.items() if name != "__metadata__")
    except (ValueError, KeyError, TypeError, AttributeError):  # damaged: loading says so
        return []


def first_line(error: Exception) -> str:
    """What a library's error says, in one line of at most 300 characters."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
