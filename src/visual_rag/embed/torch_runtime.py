"""What every torch model needs: an import that works, a device, and a dtype that the device has."""

import sys
from typing import Any

from visual_rag.embed.checkpoint import EXTRA
from visual_rag.errors import InvalidInput, MissingDependency
from visual_rag.settings import ModelDtype

try:
    import torch
except ImportError as error:
    raise MissingDependency(f"this model needs torch; {EXTRA}") from error

__all__ = ["ensure_torchvision", "is_out_of_memory", "pick_device", "pick_dtype", "torch"]

_declared: list[Any] = []  # a torch.library.Library takes its declarations with it when it goes


def ensure_torchvision() -> None:
    """Make `import torchvision` work where its compiled part does not fit the installed torch.

    The Linux wheel is built for CUDA; beside a CPU torch the import ends in "operator torchvision::nms does not exist"
    (pytorch/vision#8985). Only its plain Python transforms are needed here, and declaring two operators is enough for
    those. Does nothing where the import is sound. Call it before transformers or colpali-engine are imported.

    Raises:
        MissingDependency: torchvision is not installed.
    """
    try:
        import torchvision  # the import is the test
    except ImportError as error:
        raise MissingDependency(f"this model needs torchvision; {EXTRA}") from error
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
    else:
        return
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[name]
    library = torch.library.Library("torchvision", "FRAGMENT")
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _declared.append(library)
    import torchvision  # noqa: F401


def pick_device(wanted: str) -> str:
    """Choose where the model runs: CUDA before MPS before the CPU for `auto`.

    Raises:
        InvalidInput: The device is not on this machine.
    """
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    here = {"cpu", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))}
    here |= {"cuda"} if torch.cuda.is_available() else set()
    here |= {"mps"} if torch.backends.mps.is_available() else set()
    if wanted not in here:
        raise InvalidInput(f"there is no device '{wanted}' here; there is: {', '.join(sorted(here))}")
    return wanted


def pick_dtype(device: str, wanted: ModelDtype) -> torch.dtype:
    """Choose the network's numbers: bfloat16 where the device computes in it, else float32; float16 only if named."""
    if wanted != "auto":
        return {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}[wanted]
    if device.startswith("cuda"):
        return torch.bfloat16 if _cuda_has_bfloat16(device) else torch.float32
    if device == "cpu" and _cpu_has_bfloat16():
        return torch.bfloat16  # 2.4 times as fast as float32 there; slower than float32 on other processors
    return torch.float32


def _cuda_has_bfloat16(device: str) -> bool:
    """From Ampere on; older ones only emulate it, slowly. AMD's all have it."""
    return bool(torch.version.hip) or torch.cuda.get_device_properties(device).major >= 8


def _cpu_has_bfloat16() -> bool:
    features = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, feature, lambda: False)() for feature in features)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a device, or the machine, had too little memory for what was asked of it."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    message = str(error)
    signs = ("out of memory", "not enough memory", "can't allocate memory")  # MPS, and torch's CPU allocators
    return any(sign in message for sign in signs)
