"""Which part of a page each patch saw, read from what was fed to the model.

Grids are never asked of a processor: colpali-engine's `get_n_patches` swaps its arguments between families.
"""

import math
from collections.abc import Sequence

import numpy as np

from visual_rag.errors import UnhealthyEmbedding
from visual_rag.records import FloatArray

WHOLE_PAGE = np.array([0, 0, 1, 1], dtype=np.float32)


def grid_regions(n_rows: int, n_columns: int) -> FloatArray:
    """Cut a page into equal cells, line by line: shape (n_rows * n_columns, 4), left, top, right, bottom in 0..1.

    >>> grid_regions(1, 2).tolist()
    [[0.0, 0.0, 0.5, 1.0], [0.5, 0.0, 1.0, 1.0]]
    """
    top, left = np.mgrid[:n_rows, :n_columns].reshape(2, -1)
    edges = np.stack([left / n_columns, top / n_rows, (left + 1) / n_columns, (top + 1) / n_rows], axis=1)
    return edges.astype(np.float32)


def square_regions(n_patches: int) -> FloatArray:
    """Regions of a page that was squashed to a square of patches."""
    side = math.isqrt(n_patches)
    if side * side != n_patches:
        raise UnhealthyEmbedding(f"the page gave {n_patches} patches, which make no square")
    return grid_regions(side, side)


def tile_regions(n_patches: int, tile_side: int, tiles: Sequence[tuple[int, int]]) -> FloatArray:
    """Regions of a page that was cut into tiles, each of `tile_side` x `tile_side` patches, the whole page last.

    Args:
        n_patches: Of all tiles and of the small whole page.
        tile_side: Patches along a tile.
        tiles: 1-based (row, column) of each tile in the order that they were fed; none for a page that was not cut.

    Returns:
        Shape (n_patches, 4): first the patches of the tiles, then those of the whole page, coarser.
    """
    whole = grid_regions(tile_side, tile_side)
    if n_patches != (len(tiles) + 1) * tile_side**2:
        raise UnhealthyEmbedding(f"the page gave {n_patches} patches, not those of {len(tiles)} tiles and the page")
    if not tiles:
        return whole
    n_rows, n_columns = (max(place) for place in zip(*tiles, strict=True))
    scale = np.array([1 / n_columns, 1 / n_rows] * 2, dtype=np.float32)
    shifted = [(whole + np.array([column - 1, row - 1] * 2, dtype=np.float32)) * scale for row, column in tiles]
    return np.concatenate([*shifted, whole])
