"""Sizes are settled before anything is allocated."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visual_rag.errors import DamagedDocument, LimitExceeded
from visual_rag.render.limits import MAX_SIDE_PT, MAX_SIDE_PX, fit_dpi, size_px

sides = st.floats(min_value=1e-3, max_value=MAX_SIDE_PT)


@given(width_pt=sides, height_pt=sides, dpi=st.integers(1, 1200), max_pixels=st.integers(1, 10**9))
def test_every_page_fits_the_limits(width_pt: float, height_pt: float, dpi: int, max_pixels: int) -> None:
    """Whatever the page, it has pixels, not too many, and never more dots per inch than asked for."""
    fitting = fit_dpi(width_pt, height_pt, dpi=dpi, max_pixels=max_pixels)
    width_px, height_px = size_px(width_pt, height_pt, fitting)
    assert 0 < fitting <= dpi
    assert min(width_px, height_px) >= 1
    assert max(width_px, height_px) <= MAX_SIDE_PX
    assert width_px * height_px <= max_pixels


def test_a_page_within_the_limits_keeps_its_dpi() -> None:
    """The limit exactly met is met."""
    assert fit_dpi(72, 72, dpi=100, max_pixels=10_000) == 100
    assert fit_dpi(72, 72, dpi=101, max_pixels=10_000) == 100


@pytest.mark.parametrize("side", [0.0, -5.0, math.nan, math.inf])
def test_a_page_without_area_is_damaged(side: float) -> None:
    """No division by zero, no loop without end."""
    with pytest.raises(DamagedDocument, match="no area"):
        fit_dpi(side, 100.0, dpi=72, max_pixels=1000)


def test_a_page_larger_than_a_football_field_is_refused() -> None:
    """The size is given in the message."""
    with pytest.raises(LimitExceeded, match="2,147,483,648"):
        fit_dpi(2147483648.0, 100.0, dpi=72, max_pixels=1000)
