"""False positives and power of the diagnostics, on data simulated from the model, as two Markdown tables.

For docs/diagnostics.md. Run: python tools/diagnostics_null.py [REPEATS], 100 data sets a row by default.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from easyhard.chance import cell_rng
from easyhard.irt import fit_2pl, fit_rasch, posterior_of
from easyhard.irt.diagnostics import dimensionality, item_fit, local_dependence, mislabelled, s_x2

Floats = npt.NDArray[np.float64]
Responses = npt.NDArray[np.int8]


@dataclass(frozen=True)
class Design:
    respondents: int
    items: int
    missing: float = 0.0
    ability_sd: float = 1.0
    spread: float = 0.0  # sd of the log-discriminations
    guessing: float = 0.0  # chance of a correct response at the lowest ability
    model: str = "rasch"


NULL = (
    Design(30, 200),
    Design(100, 20),
    Design(100, 20, missing=0.2),
    Design(100, 100),
    Design(100, 100, ability_sd=2.5),
    Design(100, 500, missing=0.2),
    Design(500, 20),
    Design(500, 20, missing=0.2),
    Design(500, 100),
    Design(2000, 20),
    Design(2000, 20, missing=0.2),
    Design(2000, 60, ability_sd=2.5),
    Design(100, 20, spread=0.4, model="2pl"),
    Design(200, 20, spread=0.4, model="2pl"),
    Design(500, 40, spread=0.4, model="2pl"),
    Design(500, 40, missing=0.2, spread=0.4, model="2pl"),
)
POWER = (
    Design(30, 300, ability_sd=1.5),
    Design(100, 100),
    Design(100, 100, missing=0.2),
    Design(100, 300, ability_sd=2.0),
    Design(100, 100, spread=0.4),
    Design(100, 100, guessing=0.25),
    Design(500, 100),
    Design(500, 100, guessing=0.25),
    Design(500, 100, spread=0.4, model="2pl"),
)


@dataclass(frozen=True)
class World:
    correct: Responses
    bad: npt.NDArray[np.intp]  # items with a wrong key
    copied: tuple[int, int]  # an item and its near-copy


def draw(design: Design, rng: np.random.Generator, planted: bool = False) -> World:
    """Responses that follow the model, or with one in twenty keys wrong, a near-copy and a second ability."""
    n, items = design.respondents, design.items
    difficulty = rng.normal(0, 1.2, items)
    slope = np.exp(rng.normal(0, design.spread, items))
    ability = rng.normal(0.3, design.ability_sd, n)[:, None]
    second = np.zeros((n, items))
    if planted:
        second[:, : items // 4] = rng.normal(0, 0.7, n)[:, None]
    p = expit(slope * (ability + second - difficulty))
    correct = (rng.random(p.shape) < design.guessing + (1 - design.guessing) * p).astype(np.int8)
    bad = rng.choice(np.arange(items // 4, items - 2), max(1, items // 20), replace=False)
    if planted:
        hit = rng.random((n, len(bad))) < 0.25  # who knows the answer misses the wrong key, the others may hit it
        correct[:, bad] = np.where(correct[:, bad] == 1, 0, hit)
        same = rng.random(n) < 0.8
        correct[:, -1] = np.where(same, correct[:, -2], correct[:, -1])
    correct[rng.random(correct.shape) < design.missing] = -1
    return World(correct, bad, (items - 2, items - 1))


def null_row(design: Design, repeats: int) -> str:
    z: list[Floats] = []
    p: list[Floats] = []
    pairs: list[float] = []
    any_pair, any_key, any_dimension, method = 0, 0, 0, ""
    for repeat in range(repeats):
        correct = draw(design, cell_rng(0, "null", str(design), str(repeat))).correct
        model = (fit_2pl if design.model == "2pl" else fit_rasch)(correct)
        posterior = posterior_of(correct, model)
        fit, shape = item_fit(correct, model, posterior), s_x2(correct, model, posterior)
        z.append(np.stack([fit.infit_z, fit.outfit_z]))
        p.append(shape.p)
        method = shape.method
        dependence = local_dependence(correct, model, posterior, keep=10**6)
        pairs.append(float(np.mean(dependence.p < 0.05)))
        any_pair += dependence.n_found > 0
        any_key += bool(mislabelled(correct, model, posterior).flagged)
        any_dimension += dimensionality(correct, model, posterior, seed=repeat).n_extra > 0
    infit, outfit = (values[~np.isnan(values)] for values in np.concatenate(z, axis=1))
    tested = np.concatenate(p)
    tested = tested[~np.isnan(tested)]
    cells = [
        *_describe(design),
        f"{infit.mean():+.2f}, {infit.std():.2f}, {np.mean(np.abs(infit) > 1.96):.1%}",
        f"{outfit.mean():+.2f}, {outfit.std():.2f}, {np.mean(np.abs(outfit) > 1.96):.1%}",
        f"{np.mean(tested < 0.05):.1%} ({method})" if len(tested) else "too few",
        f"{np.mean(pairs):.1%}",
        *(f"{100 * count / repeats:.0f}%" for count in (any_pair, any_key, any_dimension)),
    ]
    return _row(cells)


def power_row(design: Design, repeats: int) -> str:
    copies, dimensions, found, false, all_bad = 0, 0, 0, 0, 0
    for repeat in range(repeats):
        world = draw(design, cell_rng(0, "power", str(design), str(repeat)), planted=True)
        correct = world.correct
        model = (fit_2pl if design.model == "2pl" else fit_rasch)(correct)
        posterior = posterior_of(correct, model)
        pairs = local_dependence(correct, model, posterior)
        copies += any(
            (a, b) == world.copied and q < 0.05 for a, b, q in zip(pairs.first, pairs.second, pairs.p_bh, strict=True)
        )
        flagged = set(mislabelled(correct, model, posterior).flagged)
        found += len(flagged & set(world.bad))
        false += len(flagged - set(world.bad))
        all_bad += len(world.bad)
        dimensions += dimensionality(correct, model, posterior, seed=repeat).n_extra > 0
    precision = f"{found / (found + false):.0%}" if found + false else "none flagged"
    guessing = f"{design.guessing:.0%}"
    rates = [f"{copies / repeats:.0%}", f"{found / all_bad:.0%}", precision, f"{dimensions / repeats:.0%}"]
    return _row([*_describe(design), guessing, *rates])


def _describe(design: Design) -> list[str]:
    return [
        {"rasch": "Rasch", "2pl": "2PL"}[design.model],
        str(design.respondents),
        str(design.items),
        f"{design.missing:.0%}",
        f"{design.ability_sd:g}",
        f"{design.spread:g}",
    ]


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _table(head: list[str], rows: list[str]) -> str:
    return "\n".join([_row(head), _row(["---"] * len(head)), *rows])


def main() -> None:
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    design = ["fitted", "respondents", "items", "missing", "ability sd", "sd of log slopes"]
    null = [
        *design,
        "infit z: mean, sd, beyond 1.96",
        "outfit z: mean, sd, beyond 1.96",
        "S-X2 p < .05",
        "Q3 pairs p < .05",
        "data sets with a Q3 finding",
        "with a wrong key",
        "with a dimension",
    ]
    power = [*design, "guessing", "near-copy found", "wrong keys found", "of those flagged, wrong", "dimension found"]
    print(_table(null, [null_row(one, repeats) for one in NULL]), flush=True)
    print()
    print(_table(power, [power_row(one, repeats) for one in POWER]), flush=True)


if __name__ == "__main__":
    main()
