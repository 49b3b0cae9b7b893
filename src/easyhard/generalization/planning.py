"""What a design can see, before it is run."""

from __future__ import annotations

import math

from scipy import optimize, stats

# Of a model and one tuned from it or following it, over items of one difficulty decile: median 0.14, middle
# 80% 0.01 to 0.31 (nine pairs on MMLU-Pro, see docs/statistics.md). Over a whole benchmark it is far larger,
# about 0.5: binning by difficulty takes away what the two have in common.
CORRELATION = 0.2


def smallest_detectable_gain(
    n_items: int,
    n_seeds: int = 1,
    base_accuracy: float = 0.5,
    correlation: float = CORRELATION,
    power: float = 0.8,
    level: float = 0.95,
) -> float:
    """Smallest true gain of one cell, in proportion correct, whose interval excludes zero with ``power``.

    ``n_items``: items the bin is evaluated on. ``base_accuracy``: zero-shot accuracy on them; for the
    smallest detectable loss give its complement. ``correlation``: between zero-shot and trained correctness,
    and between seeds, over the items of one bin. With accuracies p before and q = p + gain after, it sets
    the discordance, the share of items whose answer changes either way:
    ``p (1 - q) + q (1 - p) - 2 correlation sqrt(p (1 - p) q (1 - q))``. A correlation is the parameter
    because, unlike a fixed discordance, it stays possible at every accuracy.

    Seeds are taken to differ by chance item by item, not in accuracy as a whole, so real seeds help less.
    Infinite if even a perfect model would not be seen (bin too small or at its ceiling).
    Formula: the interval of ``paired_gain``, normal approximation of its centre.
    """

    def surplus(gain: float) -> float:
        return _distance_to_detection(gain, n_items, n_seeds, base_accuracy, correlation, power, level)

    room = 1 - base_accuracy
    if surplus(room) < 0:
        return math.inf
    return float(optimize.brentq(surplus, 0.0, room, xtol=1e-6))


def _distance_to_detection(
    gain: float, n_items: int, n_seeds: int, base: float, correlation: float, power: float, level: float
) -> float:
    """Expected centre of the interval minus what it must reach; rises through zero at the gain sought."""
    variance = _variance(gain, n_seeds, base, correlation)
    # As in the interval: two pseudo-items, one up and one down.
    total = n_items + 2
    centre = gain * n_items / total
    spread = math.sqrt(((variance + gain**2) * n_items + 2) / total - centre**2) / math.sqrt(total)
    centre_sd = math.sqrt(variance * n_items) / total
    return centre - _quantile(n_seeds, level) * spread - float(stats.norm.ppf(power)) * centre_sd


def _variance(gain: float, n_seeds: int, base: float, correlation: float) -> float:
    """Variance over items of mean trained minus zero-shot correctness."""
    after = base + gain
    before_variance, after_variance = base * (1 - base), max(after * (1 - after), 0.0)
    covariance = correlation * math.sqrt(before_variance * after_variance)
    of_mean = after_variance * (1 + (n_seeds - 1) * correlation) / n_seeds
    # A gain cannot happen without so many answers changing, whatever the correlation.
    return max(before_variance + of_mean - 2 * covariance, gain * (1 - gain) / n_seeds)


def _quantile(n_seeds: int, level: float) -> float:
    """Normal, or Student's with the degrees of freedom expected where seeds differ by chance alone."""
    tail = (1 + level) / 2
    if n_seeds == 1:
        return float(stats.norm.ppf(tail))
    return float(stats.t.ppf(tail, (n_seeds - 1) * (n_seeds + 1) ** 2))
