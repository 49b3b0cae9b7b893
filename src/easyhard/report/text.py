"""Numbers and item text as the reader sees them, alike in figures, tables and on the terminal."""

from __future__ import annotations

import re

# Controls (NUL among them), and the marks that can turn the reading direction of what stands around them.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def signed_points(proportion: float | None, decimals: int = 0) -> str:
    """A difference of proportions in signed percentage points: 0.123 becomes ``+12``, null becomes ``–``."""
    if proportion is None:
        return "–"
    value = round(100 * proportion, decimals)
    if value == 0:
        return f"{0:.{decimals}f}"
    return f"{value:+.{decimals}f}".replace("-", "−")


def percent(proportion: float | None, decimals: int = 0) -> str:
    """A proportion as a percentage: 0.412 becomes ``41%``, null becomes ``–``."""
    return "–" if proportion is None else f"{100 * proportion:.{decimals}f}%"


def interval(low: float | None, high: float | None) -> str:
    """An interval of a difference in signed points: ``+8.1 to +16.4``; ``–`` when unknown."""
    if low is None or high is None:
        return "–"
    return f"{signed_points(low, 1)} to {signed_points(high, 1)}"


def plain(text: str | None, limit: int = 200) -> str:
    """Foreign text on one line of at most ``limit`` characters, without control and direction marks."""
    # Cut first, so that one line of a megabyte costs no more than a short one; twice, as blanks collapse.
    head = " ".join(_UNPRINTABLE.sub("\ufffd", (text or "")[: 2 * limit]).split())
    shortened = len(head) > limit or len(text or "") > 2 * limit
    return head[: limit - 1].rstrip() + "…" if shortened else head
