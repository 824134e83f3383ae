"""Fewer rows a page: for the shortlist, and where storage is to be saved. Names go into the passport.

>>> pooling_name(ModelSettings(pool_factor=3))
'ward3+clusters64'
"""

from dataclasses import replace
from typing import cast, get_args

import numpy as np

from visual_rag.records import FloatArray, IntArray, PageEmbedding, QueryEmbedding
from visual_rag.scoring import pool_clusters, pool_groups, ward_labels
from visual_rag.settings import FullPooling, ModelSettings, ShortlistPooling

_N_CLUSTERS = 64
_LEFT, _TOP = 0, 1  # columns of a region


def pooling_name(settings: ModelSettings) -> str:
    """Name what is done to a page's rows before they are stored."""
    is_whole = settings.full_pooling == "ward" and settings.pool_factor == 1
    factor = settings.pool_factor if settings.full_pooling == "ward" else ""
    return ("" if is_whole else f"{settings.full_pooling}{factor}+") + settings.shortlist_pooling


def with_pooling(settings: ModelSettings, name: str) -> ModelSettings:
    """Fill in what `pooling_name` wrote, wherever the settings leave it as it comes."""
    full, _, shortlist = name.rpartition("+")
    if full and (settings.pool_factor, settings.full_pooling) == (1, "ward"):
        is_ward = full.startswith("ward")
        settings = replace(
            settings,
            pool_factor=int(full.removeprefix("ward")) if is_ward else 1,
            full_pooling="ward" if is_ward else cast("FullPooling", full),
        )
    if settings.shortlist_pooling == ModelSettings().shortlist_pooling and shortlist in get_args(ShortlistPooling):
        settings = replace(settings, shortlist_pooling=cast("ShortlistPooling", shortlist))
    return settings


def shortlist_rows(embedding: PageEmbedding, pooling: ShortlistPooling) -> FloatArray:
    """Pool a page for the first stage: shape (n_pooled, dim), rows of length 1.

    Rows of prompt text, which are much the same on every page, are left out of `rows` and `columns`.
    """
    if pooling == "clusters64":
        return pool_clusters(embedding.vectors, _N_CLUSTERS)
    if pooling == "ward64":
        factor = -(-len(embedding.vectors) // _N_CLUSTERS)
        return pool_groups(embedding.vectors, ward_labels(embedding.vectors, factor))
    patches = embedding.is_patch if embedding.is_patch.any() else np.ones_like(embedding.is_patch)
    edges = embedding.regions[patches][:, _TOP if pooling == "rows" else _LEFT]
    return pool_groups(embedding.vectors[patches], _labels(edges))


def picture_query(vectors: FloatArray) -> QueryEmbedding:
    """Make a question of a picture's rows: at most 64, the means of rows that are alike.

    Args:
        vectors: Shape (n_vectors, dim), rows of length 1.
    """
    rows = pool_clusters(vectors, _N_CLUSTERS)
    return QueryEmbedding(vectors=rows, tokens=tuple(f"part {number}" for number in range(1, len(rows) + 1)))


def merged(embedding: PageEmbedding, settings: ModelSettings) -> PageEmbedding:
    """Merge rows of a page; a merged row's region spans those of the patches in it.

    Args:
        embedding: Of one page.
        settings: `full_pooling` and `pool_factor` are used; as they come, the page is left as it is.

    Raises:
        MissingDependency: scipy is not installed.
    """
    if len(embedding.vectors) == 1 or (settings.full_pooling == "ward" and settings.pool_factor == 1):
        return embedding
    if settings.full_pooling == "ward":
        labels = ward_labels(embedding.vectors, settings.pool_factor)
    else:
        labels = _line_labels(embedding, settings.full_pooling)
    groups = [np.flatnonzero(labels == label) for label in range(labels.max() + 1)]
    return PageEmbedding(
        vectors=pool_groups(embedding.vectors, labels),
        regions=np.stack([_span(embedding, rows) for rows in groups]),
        is_patch=np.array([embedding.is_patch[rows].any() for rows in groups]),
    )


def _line_labels(embedding: PageEmbedding, lines: FullPooling) -> IntArray:
    """Give each line of patches a label, and each row of prompt text one of its own."""
    labels = np.empty(len(embedding.vectors), dtype=np.int64)
    patches = embedding.is_patch
    labels[patches] = _labels(embedding.regions[patches][:, _TOP if lines == "rows" else _LEFT])
    n_lines = labels[patches].max(initial=-1) + 1
    labels[~patches] = n_lines + np.arange((~patches).sum())
    return labels


def _span(embedding: PageEmbedding, rows: IntArray) -> FloatArray:
    patches = rows[embedding.is_patch[rows]]
    boxes = embedding.regions[patches if len(patches) else rows]
    return np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])


def _labels(edges: FloatArray) -> IntArray:
    return np.unique(edges, return_inverse=True)[1].astype(np.int64)
