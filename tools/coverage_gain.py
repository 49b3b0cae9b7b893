"""Coverage of the interval of one cell's gain, as Markdown tables for docs/statistics.md.

One seed: exact, by summing over every outcome, next to the score interval of Tango (1998), Statistics in
Medicine 17. Several seeds: by simulation. Run: python tools/coverage_gain.py
"""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
from scipy import stats

from easyhard.generalization import paired_gain

Floats = npt.NDArray[np.float64]
ITEMS = (20, 50, 100, 500)
BASES = (0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98)
CORRELATIONS = (0.2, 0.6)  # of answers before and after, over the items of one bin
SEED_REPEATS = 4_000


def main() -> None:
    """Print both tables."""
    print("| items | zero-shot accuracy | gain | coverage | width | Tango coverage | Tango width |")
    print("|---|---|---|---|---|---|---|")
    for n in ITEMS:
        for row in one_seed(n):
            print(row)
    print("\n| items | seeds | seeds differ by (sd) | coverage | items alone cover | width ratio |")
    print("|---|---|---|---|---|---|")
    for n, n_seeds, seed_sd in itertools.product((50, 100), (2, 3, 5), (0.0, 0.03, 0.08)):
        print(several_seeds(n, n_seeds, seed_sd))


def one_seed(n: int) -> list[str]:
    """Rows of one bin size: lowest coverage and mean width over ``CORRELATIONS``."""
    up, down = outcomes(n)
    ours, tango = adjusted_wald(up, down, n), score(up, down, n)
    rows = []
    for base in BASES:
        for gain in (0.0, 0.1 if base <= 0.5 else -0.1):
            chances = [outcome_chance(up, down, n, base, gain, correlation) for correlation in CORRELATIONS]
            cells = [f"{n}", f"{base}", f"{gain:+.1f}" if gain else "0"]
            for low, high in (ours, tango):
                covered = (low <= gain + 1e-12) & (gain - 1e-12 <= high)
                cells.append(f"{100 * min(chance @ covered for chance in chances):.1f}%")
                cells.append(f"{np.mean([chance @ (high - low) for chance in chances]):.3f}")
            rows.append("| " + " | ".join(cells) + " |")
    return rows


def outcomes(n: int) -> tuple[Floats, Floats]:
    """Every number of answers gained and lost, ``[outcomes]`` each."""
    grid = np.add.outer(np.arange(n + 1), np.arange(n + 1)) <= n
    up, down = np.nonzero(grid)
    return up.astype(np.float64), down.astype(np.float64)


def outcome_chance(up: Floats, down: Floats, n: int, base: float, gain: float, correlation: float) -> Floats:
    """Probability of each outcome. Accuracies fix what correlation is possible; it is cut to that."""
    after = base + gain
    spread = np.sqrt(base * (1 - base) * after * (1 - after))
    lost = max(base * (1 - after) - correlation * spread, -gain, 0.0)
    trinomial = stats.multinomial(n, [lost + gain, lost, 1 - 2 * lost - gain])
    chance: Floats = trinomial.pmf(np.column_stack([up, down, n - up - down]))
    return chance


def adjusted_wald(up: Floats, down: Floats, n: int) -> tuple[Floats, Floats]:
    """The package's own interval for every outcome, by its closed form (checked against the package)."""
    total = n + 2
    centre = (up - down) / total
    half = stats.norm.ppf(0.975) * np.sqrt(((up + down + 2) / total - centre**2) / total)
    low, high = np.maximum(centre - half, -1), np.minimum(centre + half, 1)
    for at in np.linspace(0, len(up) - 1, 7).astype(int):
        trained = np.repeat([1, 0, 1], [up[at], down[at], n - up[at] - down[at]]).astype(np.int8)
        zero_shot = np.repeat([0, 1, 1], [up[at], down[at], n - up[at] - down[at]]).astype(np.int8)
        found = paired_gain(trained[None], zero_shot)
        assert found is not None and np.allclose([low[at], high[at]], [found.interval.low, found.interval.high])
    return low, high


def score(up: Floats, down: Floats, n: int) -> tuple[Floats, Floats]:
    """Tango's interval for every outcome: gains whose score test is not significant, by bisection."""
    observed = (up - down) / n
    low = bisect(up, down, n, np.full_like(up, -1.0), observed, stats.norm.ppf(0.975))
    high = bisect(up, down, n, np.full_like(up, 1.0), observed, stats.norm.ppf(0.025))
    return low, high


def bisect(up: Floats, down: Floats, n: int, outside: Floats, inside: Floats, target: float) -> Floats:
    """Gain at which the score statistic equals ``target``, between a rejected and the observed gain."""
    for _ in range(50):
        middle = (outside + inside) / 2
        rejected = np.abs(score_statistic(up, down, n, middle)) > abs(target)
        outside, inside = np.where(rejected, middle, outside), np.where(rejected, inside, middle)
    return inside


def score_statistic(up: Floats, down: Floats, n: int, gain: Floats) -> Floats:
    """Score test of ``gain``, with the lost share at its constrained maximum of likelihood."""
    a = 2 * n
    b = -up - down + (2 * n - up + down) * gain
    c = -down * gain * (1 - gain)
    lost = (np.sqrt(np.maximum(b**2 - 4 * a * c, 0)) - b) / (2 * a)
    variance = n * np.maximum(2 * lost + gain * (1 - gain), 1e-300)
    statistic: Floats = (up - down - n * gain) / np.sqrt(variance)
    return statistic


def several_seeds(n: int, n_seeds: int, seed_sd: float, gain: float = 0.05) -> str:
    """One row: items drawn anew, zero-shot 50%, and seeds that differ in accuracy with ``seed_sd``."""
    rng = np.random.default_rng([n, n_seeds, round(1000 * seed_sd)])
    covered = alone = 0
    ratios = []
    for _ in range(SEED_REPEATS):
        ability = rng.uniform(0, 1, n)  # of the model on each item: what before and after have in common
        zero_shot = (rng.random(n) < 0.25 + 0.5 * ability).astype(np.int8)
        level = gain + seed_sd * rng.standard_normal((n_seeds, 1))
        trained = (rng.random((n_seeds, n)) < 0.25 + 0.5 * ability + level).astype(np.int8)
        found = paired_gain(trained, zero_shot)
        assert found is not None
        padded = np.append((trained - zero_shot).mean(axis=0), [1.0, -1.0])
        half = stats.norm.ppf(0.975) * padded.std() / np.sqrt(n + 2)
        covered += found.interval.low <= gain <= found.interval.high
        alone += abs(padded.mean() - gain) <= half
        ratios.append((found.interval.high - found.interval.low) / (2 * half))
    share, share_alone = 100 * covered / SEED_REPEATS, 100 * alone / SEED_REPEATS
    return f"| {n} | {n_seeds} | {seed_sd} | {share:.1f}% | {share_alone:.1f}% | {np.mean(ratios):.2f} |"


if __name__ == "__main__":
    main()
