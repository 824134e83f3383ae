"""Where on a page each part of a question was found, from the vectors and regions that the store keeps.

    evidence = find_evidence(query, page, embedding)
    evidence.tokens[0].box      # where the first word of the question stands

No model is run. It works for any layout of patches: boxes of words, grids, tiles with the whole page beside them, and
merged rows. It does not draw (`evidence_picture`) and it does not say whether the page is a good answer (`Hit`).
"""

import numpy as np

from visual_rag.errors import DimensionMismatch, InvalidInput
from visual_rag.records import (
    BoolArray,
    Evidence,
    FloatArray,
    PageEmbedding,
    PageRecord,
    QueryEmbedding,
    Region,
    TokenEvidence,
)

_ABOUT_AS_WELL = 0.5  # of the peak over the background: the usual half height of a peak
_AS_LARGE = 1.25  # cells of one grid differ a little, for pages do not divide evenly
_TOUCHING = 2e-5  # of the page's side: a step of the store's rounding of regions, far less than a pixel
_WORD_MARGIN = 0.1  # of the type's height, on each side: the median error of spotter's edges (benchmarks/evidence.py)
_N_LOOKED_AT = 64
_LEAST_LENGTH = 1e-12
_LEAST_SPREAD = 1e-6


def find_evidence(query: QueryEmbedding, page: PageRecord, embedding: PageEmbedding) -> Evidence:
    """Find what each row of a query matched on one page.

    - `weight` is the row's length over the sum of all lengths.
    - `strength` is the cosine of the row and its best patch, clipped to [0, 1]. It is the model's own number: a word
      that is not on the page keeps the low one that its nearest look-alike has.
    - `heat` is relative to the page: 0 at the median of all patches, or below, and 1 at the best one. Where
      a model finds everything somewhat alike, as the ColPali family does, a raw map is grey all over. colpali-engine's
      `normalize_similarity_map` takes the least patch for 0; the median leaves half of the page unpainted instead.
    - `box` joins the patches that reach half of the best patch's heat and touch it, or one another, as Zhou et al.
      draw boxes around the peak of an activation map (there at a fifth of it). Patches larger than the best one are
      left out: they say less of where. Where patches are boxes of words, it is the word's own, with a margin of a
      tenth of the type's height.

    Args:
        query: Of the model that made `embedding`.
        page: What the store knows of the page.
        embedding: Its stored multi-vector.

    Returns:
        One `TokenEvidence` a row of the query, in order. Rows of prompt text on the page are never matched.

    Raises:
        DimensionMismatch: Rows of the query and of the page differ in length.
        InvalidInput: The query has no row, or only zero rows, or the page has no patch.

    Source: Zhou et al., Learning Deep Features for Discriminative Localization, CVPR 2016, arXiv:1512.04150.
    """
    _check(query, page, embedding)
    patches, regions = embedding.vectors[embedding.is_patch], embedding.regions[embedding.is_patch]
    lengths = np.linalg.norm(query.vectors.astype(np.float64), axis=1)
    directions = (query.vectors / np.maximum(lengths, _LEAST_LENGTH)[:, None]).astype(np.float32)
    cosines = directions @ patches.T  # (n_query_vectors, n_patches)
    are_words = stand_alone(regions)
    found = []
    for token, weight, row in zip(query.tokens, lengths / lengths.sum(), cosines, strict=True):
        best, heat = int(row.argmax()), _heat(row)
        box = _with_margin(regions[best], page) if are_words else _around_peak(best, heat, regions)
        found.append(
            TokenEvidence(
                token=token,
                weight=float(weight),
                region=_region(regions[best]),
                strength=float(np.clip(row[best], 0, 1)),
                box=box,
                heat=heat,
            )
        )
    return Evidence(page=page, tokens=tuple(found), regions=regions)


def stand_alone(regions: FloatArray) -> bool:
    """Say whether patches are boxes with space around them, such as words, and not cells that tile the page.

    Cells share edges, or lie in one another; boxes of words, even where they overlap, do neither but by chance.

    Args:
        regions: Shape (n_patches, 4), at least one.
    """
    looked_at = np.linspace(0, len(regions) - 1, min(len(regions), _N_LOOKED_AT)).astype(int)
    n_touching = sum(bool(_touch(regions[row], np.delete(regions, row, axis=0)).any()) for row in looked_at)
    return n_touching < len(looked_at) / 2


def _check(query: QueryEmbedding, page: PageRecord, embedding: PageEmbedding) -> None:
    if not len(query.vectors) or not np.any(query.vectors):
        raise InvalidInput("the question has no vector that points anywhere; ask in words")
    if query.vectors.shape[1] != embedding.vectors.shape[1]:
        raise DimensionMismatch(
            f"the question has rows of {query.vectors.shape[1]} values, page {page.page_number} of "
            f"'{page.document_name}' of {embedding.vectors.shape[1]}; embed it with the model that built the index"
        )
    if not embedding.is_patch.any():
        raise InvalidInput(
            f"page {page.page_number} of '{page.document_name}' has no vector that stands for a place on it, "
            "so there is nowhere to point at; ingest it again with a model that gives patches"
        )


def _heat(cosines: FloatArray) -> FloatArray:
    """Scale so that the background is 0 and the best patch 1; where all patches match alike, all are 1."""
    peak = cosines.max()
    for background in (np.median(cosines), cosines.min()):  # the least, where more than half of the page is the peak
        if peak - background > _LEAST_SPREAD:
            return np.asarray(np.clip((cosines - background) / (peak - background), 0, 1), dtype=np.float32)
    return np.ones_like(cosines)


def _with_margin(word: FloatArray, page: PageRecord) -> Region:
    """Widen a word's box by a share of its type's height, which is its shorter side: text may run upwards."""
    size_px = np.maximum([page.width_px, page.height_px], 1)
    margin = _WORD_MARGIN * ((word[2:] - word[:2]) * size_px).min() / size_px  # (2,)
    return _region(np.clip(word + np.concatenate([-margin, margin]), 0, 1))


def _around_peak(best: int, heat: FloatArray, regions: FloatArray) -> Region:
    """Grow from the best patch over patches that are hot, no larger, and touch what was reached so far."""
    areas = (regions[:, 2] - regions[:, 0]) * (regions[:, 3] - regions[:, 1])
    waiting = (heat >= _ABOUT_AS_WELL) & (areas <= _AS_LARGE * areas[best])
    waiting[best] = False
    reached, front = [best], [best]
    while front and waiting.any():
        candidates = np.flatnonzero(waiting)
        beside = candidates[_touch(regions[front.pop()], regions[candidates])].tolist()
        waiting[beside] = False
        reached += beside
        front += beside
    boxes = regions[reached]
    return _region(np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)]))


def _touch(one: FloatArray, many: FloatArray) -> BoolArray:
    """Say which of many rectangles share an edge with one, or lie within it or around it: shape (n,)."""
    shared = np.minimum(one[2:], many[:, 2:]) - np.maximum(one[:2], many[:, :2])  # (n, 2): wide, high; a gap is < 0
    least = np.minimum(one[2:] - one[:2], many[:, 2:] - many[:, :2])
    meets, overlaps = np.abs(shared) <= _TOUCHING, shared > _TOUCHING
    by_an_edge = (meets & overlaps[:, ::-1]).any(axis=1)
    nested = (shared >= least - _TOUCHING).all(axis=1)
    return np.asarray(by_an_edge | nested, dtype=np.bool_)


def _region(edges: FloatArray) -> Region:
    return Region(*edges.tolist())
