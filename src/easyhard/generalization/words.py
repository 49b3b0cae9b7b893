"""Numbers in words: gains in points (hundredths of proportion correct), with a sign."""

from __future__ import annotations

from easyhard.schema import Interval
from easyhard.wording import listed


def points(value: float) -> str:
    """``0.031`` as ``+3.1``."""
    rounded = round(100 * value, 1)
    return f"{rounded:+.1f}".replace("-", "−") if rounded else "0.0"


def figure(value: float) -> str:
    """``0.031`` as ``+3.1 points``."""
    return f"{points(value)} points"


def span(interval: Interval | None) -> str:
    """``95% interval +1.0 to +5.2``."""
    if interval is None:
        return "no interval, as every item says the same"
    level = f"{100 * interval.level:.4g}"
    return f"{level}% interval {points(interval.low)} to {points(interval.high)}"


def p_words(p_value: float) -> str:
    """``p = 0.03``, or ``p < 0.001``."""
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.2g}"


def bins_words(bins: tuple[int, ...]) -> str:
    """``bin 3``, ``bins 0, 1 and 4``."""
    return f"bin{'s' * (len(bins) > 1)} {listed([str(b) for b in bins])}"
