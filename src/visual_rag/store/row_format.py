"""How the rows of a page lie in files: as exact as the engine's own copy, regions and patch flags beside each row.

rows = RowFormat(dim=128, datatype="turbo8")
rows.unpack(rows.pack(embedding))       # rows of unit length again, regions exact to 1/65535
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from visual_rag.records import FloatArray, PageEmbedding
from visual_rag.store.schema import REGION_DTYPE, pack_regions, unpack_regions

_ROW_TYPES = {"turbo8": "i1", "float16": "<f2", "turbo4": "u1"}
_LARGEST_NIBBLE, _ZERO_NIBBLE = 7, 8
PackedRows = NDArray[np.void]


class RowFormat:
    """Packs and unpacks rows of one dim and datatype.

    Attributes:
        dtype: Of a packed row: `row`, `region`, `is_patch`.
    """

    def __init__(self, *, dim: int, datatype: str) -> None:
        self._dim = dim
        self._datatype = datatype
        n_stored = -(-dim // 2) if datatype == "turbo4" else dim
        self.dtype = np.dtype([("row", _ROW_TYPES[datatype], (n_stored,)), *REGION_DTYPE.descr])

    def pack(self, embedding: PageEmbedding) -> PackedRows:
        """Pack a page: shape (n_vectors,) of `dtype`."""
        packed = np.empty(len(embedding.vectors), dtype=self.dtype)
        packed["row"] = self._pack_vectors(embedding.vectors)
        regions = pack_regions(embedding.regions, embedding.is_patch)
        for name in REGION_DTYPE.names or ():
            packed[name] = regions[name]
        return packed

    def unpack(self, packed: PackedRows) -> PageEmbedding | None:
        """Read a page back; None where a row has no direction, so was damaged."""
        vectors = self.unit_rows(packed["row"])
        if vectors is None:
            return None
        regions, is_patch = unpack_regions(packed)
        return PageEmbedding(vectors=vectors, regions=regions, is_patch=is_patch)

    def unit_rows(self, stored: NDArray[Any]) -> FloatArray | None:
        """Decode the field `row` of packed rows to unit length; None where one has no direction."""
        rows = self.decoded(stored)
        lengths = np.sqrt(np.vecdot(rows, rows))
        if not lengths.all() or not np.isfinite(lengths).all():
            return None
        rows /= lengths[:, None]
        return rows

    def decoded(self, stored: NDArray[Any]) -> FloatArray:
        """Decode the field `row` of packed rows to float32, of any length: a row's scale is not kept."""
        if self._datatype == "turbo4":
            values = np.stack([stored >> 4, stored & 15], axis=2).reshape(len(stored), -1)[:, : self._dim]
            return values.astype(np.float32) - np.float32(_ZERO_NIBBLE)
        return stored.astype(np.float32)

    def _pack_vectors(self, vectors: FloatArray) -> NDArray[Any]:
        if self._datatype == "float16":
            return vectors
        return _as_integers(vectors, 127) if self._datatype == "turbo8" else _as_nibbles(vectors)


def _as_integers(vectors: FloatArray, largest: int) -> NDArray[np.int8]:
    """Scale each row to that largest value; reading makes rows of unit length again, so no scale is kept."""
    scaled: FloatArray = vectors * (largest / np.abs(vectors).max(axis=1, keepdims=True))
    return np.rint(scaled).astype(np.int8)


def _as_nibbles(vectors: FloatArray) -> NDArray[np.uint8]:
    """Pack values of -7..7 two in a byte, 8 for zero: shape (n_vectors, half of dim, rounded up)."""
    values = (_as_integers(vectors, _LARGEST_NIBBLE) + _ZERO_NIBBLE).astype(np.uint8)
    even = np.pad(values, ((0, 0), (0, values.shape[1] % 2)))
    return (even[:, ::2] << 4 | even[:, 1::2]).astype(np.uint8)
