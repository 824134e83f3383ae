"""transformers: an import that works, and loading that is silent and fails in our words."""

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from visual_rag.embed.checkpoint import EXTRA, first_line
from visual_rag.embed.torch_runtime import ensure_torchvision
from visual_rag.errors import InvalidInput, MissingDependency, ModelLoadError

ensure_torchvision()
try:
    import safetensors
    import transformers
    from huggingface_hub.errors import StrictDataclassError
    from transformers.conversion_mapping import get_model_conversion_mapping
except ImportError as error:
    raise MissingDependency(f"this model needs {error.name}; {EXTRA}") from error

__all__ = [
    "TokenizerMarks",
    "get_model_conversion_mapping",
    "loading",
    "preparation_hash",
    "safetensors",
    "transformers",
]

_PREPARATION_KEYS = (
    *("do_resize", "size", "resample", "do_center_crop", "crop_size", "do_rescale", "rescale_factor", "do_normalize"),
    *("image_mean", "image_std", "patch_size", "merge_size", "max_num_patches", "max_image_size", "do_image_splitting"),
)


@contextmanager
def loading(name: str) -> Iterator[None]:
    """Load the model of this name inside: no tables and bars on the terminal, and errors as `ModelLoadError`.

    Raises:
        ModelLoadError: The files do not fit together, or not to the libraries.
        MissingDependency: A tokenizer needs one more package.
    """
    output: Any = transformers.utils.logging
    verbosity, had_bar = output.get_verbosity(), output.is_progress_bar_enabled()
    output.set_verbosity_error()
    output.disable_progress_bar()
    try:
        with _translating(name):
            yield
    finally:
        output.set_verbosity(verbosity)
        if had_bar:
            output.enable_progress_bar()


@contextmanager
def _translating(name: str) -> Iterator[None]:
    try:
        yield
    except (ModelLoadError, MissingDependency, InvalidInput):
        raise
    except ImportError as error:  # such as the tokenizer of the first SigLIP
        raise MissingDependency(
            f"'{name}' needs one more package: {first_line(error).partition('. ')[0]}; {EXTRA}"
        ) from error
    except safetensors.SafetensorError as error:
        message = f"the weights of '{name}' are damaged or cut off ({first_line(error)}); copy or download them again"
        raise ModelLoadError(message, model=name) from error
    except StrictDataclassError as error:
        message = f"the config.json of '{name}' holds a value of the wrong kind ({_last_line(error)}); copy it again"
        raise ModelLoadError(message, model=name) from error
    except (OSError, KeyError, ValueError, RuntimeError, AttributeError, TypeError) as error:
        if "ignore_mismatched_sizes" in str(error):
            message = f"the weights of '{name}' have other shapes than its configuration says; copy the model again"
            raise ModelLoadError(message, model=name) from error
        message = f"'{name}' cannot be loaded: {type(error).__name__}: {first_line(error)}"
        raise ModelLoadError(message, model=name) from error


class TokenizerMarks:
    """The marks that a tokenizer takes for its own, such as <image>: people may ask about them, and mean the text."""

    def __init__(self, tokenizer: Any) -> None:
        added = {token.content for token in tokenizer.added_tokens_decoder.values()}
        marks = sorted((mark for mark in added if mark[:1] in {"<", "["} and len(mark) > 1), key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, marks)) or "(?!)")

    def as_plain_text(self, text: str) -> str:
        """Break up each mark by a space after its first character."""
        return self._pattern.sub(lambda found: f"{found.group()[0]} {found.group()[1:]}", text)


def preparation_hash(image_processor: Any, *parts: Any) -> str:
    """Hash how an image processor prepares pixels, and whatever else goes into a model's template.

    Args:
        image_processor: Of transformers.
        parts: Plain values, such as tokens.
    """
    settings = image_processor.to_dict()
    pixels = {key: settings[key] for key in _PREPARATION_KEYS if settings.get(key) is not None}
    content = json.dumps([pixels, *parts], sort_keys=True, default=dict)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _last_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[-1].strip()[:300]
