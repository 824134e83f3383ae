"""Make the page side of the model eight bits wide: 3.5 times faster on a CPU, a quarter of the bytes.

Weights keep seven bits, so that processors without VNNI do not saturate when they add products.
"""

import random
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from crops import draw_crop
from typefaces import split_families

_N_CROPS, _SEED = 48, 3


class _DrawnCrops(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime ships no type information
    """Crops that show the range of each activation."""

    def __init__(self) -> None:
        self._randomness = random.Random(_SEED)
        self._fonts, _ = split_families()
        self._left = _N_CROPS

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        """Give one input, None at the end."""
        if not self._left:
            return None
        self._left -= 1
        ink, _ = draw_crop(self._randomness, self._fonts)
        return {"ink": ink.astype(np.float32)[None, None]}


def quantise(wide: Path, narrow: Path) -> None:
    """Write an eight-bit copy of an ONNX model whose input is `ink`."""
    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(wide, prepared, skip_symbolic_shape=True)
        quantize_static(
            prepared,
            narrow,
            _DrawnCrops(),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
