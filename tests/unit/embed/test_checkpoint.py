"""A model's files are found or refused with what to do; nothing is downloaded behind the user's back."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from checkpoints.build import Shelf
from checkpoints.variants import copied, edit_json, edit_weights

from visual_rag.embed.checkpoint import check_processor, find_checkpoint, is_here
from visual_rag.errors import InvalidInput, MissingDependency, ModelLoadError, UnknownModel

COMMIT = "0123456789abcdef0123456789abcdef01234567"
OFFLINE = """
from visual_rag.embed.checkpoint import find_checkpoint
from visual_rag.errors import ModelLoadError
try:
    find_checkpoint("vidore/no-such-model", revision={revision!r})
except ModelLoadError as error:
    print(error.model, str(error), sep="\\n")
"""


@pytest.fixture
def folder(shelf: Shelf, tmp_path: Path) -> Path:
    """A checkpoint that may be changed."""
    return copied(shelf.folder("ColQwen2"), tmp_path / "model")


def make_adapter_folder(folder: Path, base: str | None) -> Path:
    """An adapter's files: nothing reads its weights here."""
    folder.mkdir()
    (folder / "adapter_config.json").write_text("{}", encoding="utf-8")
    edit_json(folder / "adapter_config.json", base_model_name_or_path=base)
    (folder / "adapter_model.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")
    return folder


def test_a_folder_is_a_model_of_its_own(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its name is its absolute path, however it was written; its revision is `local`."""
    monkeypatch.chdir(folder.parent)
    for name in (str(folder), "model", "./model"):
        checkpoint = find_checkpoint(name)
        assert (checkpoint.name, checkpoint.folder, checkpoint.revision) == (str(folder), folder, "local")
        assert checkpoint.config["model_type"] == "qwen2_vl"
        assert checkpoint.base is None


@pytest.mark.parametrize("name", ["./no-such-folder", "/no/such/folder", "~/no-such-folder", "colqwen2", "a/b/c"])
def test_a_name_that_can_be_no_model_is_unknown(name: str) -> None:
    """Neither a folder nor of the form owner/name: the hub is not asked."""
    with pytest.raises(UnknownModel, match=re.escape(name)):
        find_checkpoint(name)


def test_a_folder_without_a_config_is_refused(folder: Path) -> None:
    """The message says what is looked for."""
    (folder / "config.json").unlink()
    with pytest.raises(ModelLoadError, match=r"no config\.json"):
        find_checkpoint(str(folder))


def test_a_folder_without_weights_is_refused(folder: Path) -> None:
    """Pickled weights are not read: they can hold code."""
    shutil.move(folder / "model.safetensors", folder / "pytorch_model.bin")
    with pytest.raises(ModelLoadError, match=r"no \*\.safetensors"):
        find_checkpoint(str(folder))


@pytest.mark.parametrize(
    "content", [b"", b'{"model_type": "qwen2', b"\xff\xfe{}", b"version https://git-lfs.github.com"]
)
def test_a_corrupted_config_is_refused(folder: Path, content: bytes) -> None:
    """Cut off, of another encoding, or the pointer that git leaves without LFS."""
    (folder / "config.json").write_bytes(content)
    with pytest.raises(ModelLoadError, match=r"config\.json cannot be read"):
        find_checkpoint(str(folder))


@pytest.mark.parametrize("content", ["[]", "null", "{}"])
def test_a_config_that_says_nothing_is_refused(folder: Path, content: str) -> None:
    """JSON, but no config."""
    (folder / "config.json").write_text(content, encoding="utf-8")
    with pytest.raises(ModelLoadError):
        find_checkpoint(str(folder))


def test_a_copy_has_the_same_hash(shelf: Shelf, folder: Path) -> None:
    """Wherever it lies and whenever it was written."""
    (folder / "README.md").write_text("notes", encoding="utf-8")
    original = find_checkpoint(str(shelf.folder("ColQwen2")))
    assert find_checkpoint(str(folder)).weights_hash == original.weights_hash


@pytest.mark.parametrize("part", ["visual.merger.mlp.0.weight", "custom_text_proj.weight", "embed_tokens"])
def test_other_values_have_another_hash(folder: Path, part: str) -> None:
    """One tensor trained further is enough, wherever it lies in the file; names, shapes and sizes are the same."""
    before, size = find_checkpoint(str(folder)).weights_hash, (folder / "model.safetensors").stat().st_size
    edit_weights(folder, lambda tensors: {n: v + 1e-3 if part in n else v for n, v in tensors.items()})
    assert (folder / "model.safetensors").stat().st_size == size
    assert find_checkpoint(str(folder)).weights_hash != before


def test_another_shape_has_another_hash(folder: Path) -> None:
    """The names and shapes of tensors count, too."""
    before = find_checkpoint(str(folder)).weights_hash
    edit_weights(folder, lambda tensors: tensors | {"extra": torch.zeros(3)})
    assert find_checkpoint(str(folder)).weights_hash != before


def test_an_adapter_is_of_the_family_of_its_base(folder: Path, tmp_path: Path) -> None:
    """It has no config of its own; its hash is another than its base's, and follows it."""
    adapter = make_adapter_folder(tmp_path / "adapter", str(folder))
    found = find_checkpoint(str(adapter))
    assert found.base is not None
    assert (found.base.folder, found.config) == (folder, found.base.config)
    before = found.weights_hash
    assert before != found.base.weights_hash
    edit_weights(folder, lambda tensors: {name: value + 1e-3 for name, value in tensors.items()})
    assert find_checkpoint(str(adapter)).weights_hash != before


def test_a_relative_base_is_meant_from_the_adapter(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not from wherever the process was started."""
    adapter = make_adapter_folder(tmp_path / "adapter", "../model")
    elsewhere = tmp_path / "some" / "where"  # from which ../model leads nowhere
    elsewhere.mkdir(parents=True)
    monkeypatch.chdir(elsewhere)
    base = find_checkpoint(str(adapter)).base
    assert base is not None
    assert base.folder.samefile(folder)


def test_a_moved_base_is_passed(folder: Path, tmp_path: Path) -> None:
    """Where the adapter's own note no longer holds, the message asks for `base_model`, and that settles it."""
    adapter = make_adapter_folder(tmp_path / "adapter", "/home/trainer/colqwen2-base")
    with pytest.raises(ModelLoadError, match=r"/home/trainer/colqwen2-base.*pass base_model"):
        find_checkpoint(str(adapter))
    base = find_checkpoint(str(adapter), base_model=str(folder)).base
    assert base is not None
    assert base.folder == folder


@pytest.mark.parametrize("base", [None, ""])
def test_an_adapter_that_names_no_base_asks_for_it(tmp_path: Path, base: str | None) -> None:
    """The message names the argument."""
    adapter = make_adapter_folder(tmp_path / "adapter", base)
    with pytest.raises(ModelLoadError, match="pass base_model"):
        find_checkpoint(str(adapter))


@pytest.mark.parametrize("revision", [None, COMMIT])
def test_offline_a_missing_model_names_the_command(tmp_path: Path, revision: str | None) -> None:
    """In a process of its own, since the hub's library reads the environment once."""
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", OFFLINE.format(revision=revision)],
        capture_output=True, text=True, check=True, env=environment,
    )  # fmt: skip
    model, message = done.stdout.splitlines()
    wanted = "vidore/no-such-model" + (f" --revision {revision}" if revision else "")
    assert model == "vidore/no-such-model"
    assert "HF_HUB_OFFLINE is set" in message
    assert f"`hf download {wanted}`" in message


def test_a_model_that_was_never_downloaded_is_not_here() -> None:
    """Asked without the network."""
    assert not is_here("vidore/no-such-model")


def test_a_model_of_the_hub_is_found_in_its_cache(shelf: Shelf, tmp_path: Path) -> None:
    """Offline, by name and with its commit; `is_here` sees it, too."""
    repository = tmp_path / "hub" / "models--vidore--tiny"
    copied(shelf.folder("ColQwen2"), repository / "snapshots" / COMMIT)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT, encoding="utf-8")
    script = (
        "from visual_rag.embed.checkpoint import check_processor, find_checkpoint, is_here\n"
        "found = find_checkpoint('vidore/tiny')\n"
        "print(found.name, found.revision, found.config['model_type'], is_here('vidore/tiny'))\n"
    )
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.split() == ["vidore/tiny", COMMIT, "qwen2_vl", "True"]


@pytest.mark.parametrize("change", [{"lora_alpha": 64}, {"use_rslora": True}])
def test_how_an_adapter_is_applied_counts(folder: Path, tmp_path: Path, change: dict[str, object]) -> None:
    """The same weights scaled otherwise are another model; the note of where the base lies is not."""
    adapter = make_adapter_folder(tmp_path / "adapter", str(folder))
    before = find_checkpoint(str(adapter)).weights_hash
    shutil.copytree(folder, tmp_path / "moved")
    assert find_checkpoint(str(adapter), base_model=str(tmp_path / "moved")).weights_hash == before
    said = json.loads((adapter / "adapter_config.json").read_text())
    (adapter / "adapter_config.json").write_text(json.dumps(said | change))
    assert find_checkpoint(str(adapter)).weights_hash != before


def test_what_the_config_says_of_the_network_counts(folder: Path) -> None:
    """It is not in the weights and shapes vectors as much; which release saved it does not."""
    before = find_checkpoint(str(folder)).weights_hash
    said = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(said | {"transformers_version": "5.99"}))
    assert find_checkpoint(str(folder)).weights_hash == before
    said["text_config"]["rms_norm_eps"] = 10
    (folder / "config.json").write_text(json.dumps(said))
    assert find_checkpoint(str(folder)).weights_hash != before


def test_an_adapter_of_an_adapter_is_refused(folder: Path, tmp_path: Path) -> None:
    """Of itself, too."""
    for base in (".", str(make_adapter_folder(tmp_path / "first", str(folder)))):
        second = make_adapter_folder(tmp_path / f"on {Path(base).name}", base)
        with pytest.raises(ModelLoadError, match="is an adapter itself"):
            find_checkpoint(str(second))


def test_a_head_that_was_trained_alone_has_another_hash(folder: Path) -> None:
    """However small its share of a large file."""
    edit_weights(folder, lambda tensors: tensors | {"filler": torch.zeros(25_000_000)})
    before = find_checkpoint(str(folder)).weights_hash
    edit_weights(
        folder, lambda tensors: {n: v + 1e-3 if n == "custom_text_proj.weight" else v for n, v in tensors.items()}
    )
    assert find_checkpoint(str(folder)).weights_hash != before


@pytest.mark.parametrize("name", ["x" * 5000, "./" + "y" * 300, "a/" + "z" * 300])
def test_a_name_that_no_file_can_have_is_unknown(name: str) -> None:
    """And is not echoed whole."""
    with pytest.raises((UnknownModel, ModelLoadError)) as caught:
        find_checkpoint(name)
    assert len(str(caught.value)) < 1200


def test_a_revision_of_a_folder_and_a_base_of_a_full_model_are_refused(folder: Path) -> None:
    """What has no effect misleads."""
    with pytest.raises(InvalidInput, match="has no revision 'main'"):
        find_checkpoint(str(folder), revision="main")
    with pytest.raises(InvalidInput, match="is no LoRA adapter"):
        find_checkpoint(str(folder), base_model="elsewhere")


def test_a_model_without_its_processor_is_refused(folder: Path) -> None:
    """The message names the file."""
    (folder / "processor_config.json").unlink()
    with pytest.raises(ModelLoadError, match=r"processor_config\.json"):
        check_processor(find_checkpoint(str(folder)))


def test_without_torch_nothing_is_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message has the command; gigabytes that could not be used stay where they are."""
    monkeypatch.setattr("visual_rag.embed.checkpoint.find_spec", lambda name: None)
    with pytest.raises(MissingDependency, match=r"pip install 'visual-rag\[colpali\]'"):
        find_checkpoint("vidore/colqwen2.5-v0.2")


def test_a_name_much_like_a_known_one_is_asked_about() -> None:
    """People type from memory."""
    with pytest.raises(UnknownModel, match="was spotter meant"):
        find_checkpoint("spoter")
