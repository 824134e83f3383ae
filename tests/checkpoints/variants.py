"""What users also come with: LoRA adapters, older files, base models without a projection, damaged weights."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from checkpoints.networks import engine_class

WEIGHTS = "model.safetensors"
ADAPTER_WEIGHTS = "adapter_model.safetensors"
Tensors = dict[str, torch.Tensor]


def copied(source: Path, target: Path) -> Path:
    """Copy a checkpoint, to be changed."""
    return Path(shutil.copytree(source, target))


def edit_weights(folder: Path, edit: Callable[[Tensors], Tensors], *, file: str = WEIGHTS) -> None:
    """Rewrite a folder's weights.

    Args:
        folder: Of a copy.
        edit: Gets all tensors by name, gives those to be saved.
        file: Which file of the folder.
    """
    save_file(edit(load_file(folder / file)), folder / file, metadata={"format": "pt"})


def drop_weights(folder: Path, part: str) -> None:
    """Leave out the tensors whose names contain `part`: without its projection a retriever is a base model."""
    edit_weights(folder, lambda tensors: {name: value for name, value in tensors.items() if part not in name})


def spoil_weights(folder: Path, part: str) -> None:
    """Put NaN into the tensors whose names contain `part`."""
    edit_weights(
        folder,
        lambda tensors: {
            name: torch.full_like(value, torch.nan) if part in name else value for name, value in tensors.items()
        },
    )


def rename_weights(folder: Path, renames: dict[str, str], *, file: str = WEIGHTS) -> None:
    """Put other beginnings to the names of tensors, as other versions of the libraries have them."""

    def renamed(name: str) -> str:
        for old, new in renames.items():
            if name.startswith(old):
                return new + name.removeprefix(old)
        return name

    edit_weights(folder, lambda tensors: {renamed(name): value for name, value in tensors.items()}, file=file)


def read_json(path: Path) -> dict[str, Any]:
    """Read one of a checkpoint's JSON files."""
    read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return read


def edit_json(path: Path, **values: Any) -> None:
    """Change values of one of a checkpoint's JSON files."""
    path.write_text(json.dumps(read_json(path) | values), encoding="utf-8")


def make_adapter(base: Path, folder: Path, *, architecture: str, saved_whole: str | None = None) -> None:
    """Save a LoRA adapter of random weights, as training leaves it: without a config.json, naming its base.

    Args:
        base: Checkpoint that it is an adapter of.
        folder: Where to.
        architecture: Class of colpali-engine.
        saved_whole: A module that was trained whole and lies in the adapter as it is.
    """
    from peft import LoraConfig, get_peft_model

    targets = "q_proj|v_proj" if saved_whole else "q_proj|v_proj|custom_text_proj|linear"
    config = LoraConfig(
        r=2,
        init_lora_weights="gaussian",  # as colpali-engine's own training has it
        task_type="FEATURE_EXTRACTION",
        target_modules=rf".*({targets})$",
        modules_to_save=[saved_whole] if saved_whole else None,
    )
    with torch.random.fork_rng():
        torch.manual_seed(7)
        adapted = get_peft_model(engine_class(architecture).from_pretrained(base), config)
        for name, values in adapted.named_parameters():
            if "lora_B" in name or "modules_to_save" in name:
                values.data.normal_()  # what training would have learned
    adapted.save_pretrained(folder)
    for path in base.iterdir():
        if path.suffix != ".safetensors" and path.name != "config.json":
            shutil.copy(path, folder)
