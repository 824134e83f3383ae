"""Fusion of two rankings: by rank and by score."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visual_rag.retrieve.fusion import fuse

_SCORES = st.dictionaries(st.sampled_from("abcdefgh"), st.floats(-100, 100, allow_nan=False), max_size=8)
_KINDS = st.sampled_from(["rrf", "dbsf", "minmax"])


def test_reciprocal_ranks_add_up() -> None:
    """61 / (60 + rank) from each list, by the weights; a page that a list lacks gets nothing from it."""
    fused = fuse({"a": 3.0, "b": 2.0}, {"b": 9.0}, "rrf", second_weight=0.25)
    assert fused == pytest.approx({"a": 0.75, "b": 0.75 * 61 / 62 + 0.25})


def test_min_max_spreads_scores_over_the_unit_range() -> None:
    """The best of a list is worth its weight, a score of 0 nothing, those between their share."""
    fused = fuse({"a": 30.0, "b": 15.0, "c": -5.0}, {"c": 1.0, "a": 0.5}, "minmax", second_weight=0.5)
    assert fused == pytest.approx({"a": 0.5 + 0.25, "b": 0.5 * 20 / 35, "c": 0.5})
    assert fuse({}, {"only": 7.0}, "minmax", second_weight=0.5) == {"only": 0.5}


def test_dbsf_reaches_three_deviations_from_the_mean() -> None:
    """A score at the mean is worth a half."""
    fused = fuse({"a": 1.0, "b": 2.0, "c": 3.0}, {}, "dbsf", second_weight=0.0)
    deviation = math.sqrt(2 / 3)
    assert fused == pytest.approx({"a": 0.5 - 1 / (6 * deviation), "b": 0.5, "c": 0.5 + 1 / (6 * deviation)})


@pytest.mark.parametrize("kind", ["rrf", "minmax"])
def test_a_page_that_one_channel_cannot_know_is_not_behind_all_others(kind: Any) -> None:
    """A scan that looks best is not behind a page with text that looks and reads second best."""
    seen, read = {"scan": 3.0, "a": 2.0, "b": 1.0}, {"a": 1.0, "b": 2.0}
    fused = fuse(seen, read, kind, second_weight=0.5, unread={"scan"})
    assert fused["scan"] >= fused["a"]
    assert fuse(seen, read, kind, second_weight=0.5)["scan"] < fused["a"]


@given(_SCORES, _KINDS, st.sets(st.sampled_from("abcdefgh")))
def test_where_nothing_was_read_the_other_channel_decides(seen: Any, kind: Any, unread: Any) -> None:
    """Whoever cannot be read is neither better nor worse for it."""
    fused = fuse(seen, {}, kind, second_weight=0.5, unread=unread)
    alone = fuse(seen, {}, kind, second_weight=0.0)
    assert sorted(fused, key=fused.__getitem__) == sorted(alone, key=alone.__getitem__) or len(unread) >= len(seen)


@given(_SCORES, _SCORES, _KINDS, st.floats(0, 1))
def test_fused_scores_cover_both_lists_and_stay_in_range(first: Any, second: Any, kind: Any, weight: Any) -> None:
    """Every page of either list and no other has a score, in [0, 1]."""
    fused = fuse(first, second, kind, second_weight=weight)
    assert fused.keys() == first.keys() | second.keys()
    assert all(0 <= score <= 1 for score in fused.values())


@given(_SCORES, _SCORES, _KINDS)
def test_a_channel_of_full_weight_decides_alone(first: Any, second: Any, kind: Any) -> None:
    """With all weight on one list, a page that is better there is never behind."""
    fused = fuse(first, second, kind, second_weight=1.0)
    for better in second:
        for worse in second:
            if second[better] > second[worse]:
                assert fused[better] >= fused[worse]
