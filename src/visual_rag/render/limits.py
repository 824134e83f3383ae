"""What a page may cost: pixels are counted before they are allocated, memory is capped by the operating system.

>>> fit_dpi(612.0, 792.0, dpi=120, max_pixels=40_000_000)
120.0
>>> fit_dpi(14400.0, 14400.0, dpi=120, max_pixels=40_000_000)
31.0
"""

import contextlib
import math
import re
from pathlib import Path

from visual_rag.errors import DamagedDocument, LimitExceeded

MAX_SIDE_PX = 30_000
MAX_SIDE_PT = 1_000_000.0
"""The PDF specification stops at 14,400; drawings in wrong units reach 100,000; beyond this the number is garbage."""


def size_px(width_pt: float, height_pt: float, dpi: float) -> tuple[int, int]:
    """Width and height of a page in pixels, rounded up as the renderers do."""
    return math.ceil(width_pt * dpi / 72), math.ceil(height_pt * dpi / 72)


def fit_dpi(width_pt: float, height_pt: float, *, dpi: int, max_pixels: int) -> float:
    """Find the dpi nearest below the asked one at which a page stays under the limits.

    Args:
        width_pt: Of the upright page, in points.
        height_pt: Likewise.
        dpi: Asked for.
        max_pixels: Most pixels the page may have.

    Returns:
        `dpi`, or less: whole numbers where at least 2 remain.

    Raises:
        DamagedDocument: The page has no area.
        LimitExceeded: The page is larger than any real page.
    """
    check_page_size(width_pt, height_pt)
    fitting = min(
        float(dpi),
        72 * MAX_SIDE_PX / max(width_pt, height_pt),
        72 * math.sqrt(max_pixels / (width_pt * height_pt)),
    )
    if fitting < dpi and fitting >= 2:
        fitting = float(math.floor(fitting))
    while not _fits(size_px(width_pt, height_pt, fitting), max_pixels):  # rounding up may have added a row
        fitting *= 0.99
    return fitting


def check_page_size(width_pt: float, height_pt: float) -> None:
    """Refuse a page without area or of absurd size.

    Raises:
        DamagedDocument: A side is zero, negative or not a number.
        LimitExceeded: A side is longer than `MAX_SIDE_PT`.
    """
    if not (math.isfinite(width_pt) and math.isfinite(height_pt) and width_pt > 0 and height_pt > 0):
        raise DamagedDocument(f"the page has no area: its size is given as {width_pt:g} x {height_pt:g} pt")
    if max(width_pt, height_pt) > MAX_SIDE_PT:
        raise LimitExceeded(
            f"the page is given as {width_pt:,.0f} x {height_pt:,.0f} pt, more than {MAX_SIDE_PT:,.0f} a side: "
            "the page size in the file is wrong"
        )


def lowered_dpi_warning(page_number: int, size_pt: tuple[float, float], dpi: tuple[float, int], max_pixels: int) -> str:
    """Say that a page was rendered at `dpi[0]` although `dpi[1]` was asked for; "" where the two are equal."""
    if dpi[0] == dpi[1]:
        return ""
    return (
        f"page {page_number} is {size_pt[0]:.0f} x {size_pt[1]:.0f} pt: rendered at {dpi[0]:.3g} dpi instead of "
        f"{dpi[1]} to stay under {max_pixels:,} pixels and {MAX_SIDE_PX:,} a side"
    )


def limit_memory(memory_bytes: int) -> None:
    """Cap what this process may allocate; does nothing where the platform has no such limit."""
    try:
        import resource
    except ImportError:  # Windows
        return
    # RLIMIT_DATA counts what is written to; RLIMIT_AS would also count mapped files and thread stacks never touched.
    _soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limit = memory_bytes if hard == resource.RLIM_INFINITY else min(memory_bytes, hard)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def peak_memory_bytes() -> int:
    """Most memory that this process has held so far, 0 where the platform does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    import sys

    if sys.platform == "darwin":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:  # on Linux, ru_maxrss begins at what the parent held when it started us
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    peak_kib = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
    return int(peak_kib[1]) * 1024 if peak_kib else 0


def _fits(size: tuple[int, int], max_pixels: int) -> bool:
    width_px, height_px = size
    return width_px * height_px <= max(max_pixels, 1) and max(size) <= MAX_SIDE_PX
