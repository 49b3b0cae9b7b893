"""False groups and power of ``near_copies`` on simulated responses, as Markdown tables.

For docs/near-copies.md. Run: python tools/near_copies_null.py [REPEATS], 100 data sets a row by default.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from easyhard.chance import cell_rng
from easyhard.irt import fit_2pl, fit_rasch, near_copies

Floats = npt.NDArray[np.float64]
Responses = npt.NDArray[np.int8]
_ORIGINALS = 10  # each with one copy, in the tables of power


@dataclass(frozen=True)
class Design:
    respondents: int
    items: int
    abilities: str = "normal"
    spread: float = 0.0  # sd of the log-discriminations
    second: float = 0.0  # sd of a second ability, which a third of the items asks for
    family: float = 0.0  # sd of what is easier or harder for a family of ten, item by item, in logits
    missing: float = 0.0
    model: str = "rasch"
    redrawn: float = 0.0  # share of a copy's answers


NULL = (
    Design(300, 50),
    Design(300, 50, missing=0.3),
    Design(300, 50, "skewed"),
    Design(300, 50, "able"),
    Design(30, 500),
    Design(1000, 15),
    Design(300, 200, spread=0.5),
    Design(300, 200, "skewed", spread=0.5),
    Design(300, 50, spread=0.5, model="2pl"),
    Design(300, 200, second=0.7, family=0.7),
    Design(300, 200, "skewed", spread=0.5, second=0.7, family=0.7),
    Design(300, 200, "able", spread=0.5, second=0.7, family=0.7),
    Design(60, 2000, spread=0.5, second=0.7, family=0.7),
    Design(300, 200, second=1.0, family=1.5),
)
POWER = (
    Design(300, 50),
    Design(300, 100),
    Design(300, 250),
    Design(300, 250, missing=0.3),
    Design(300, 250, "able"),
    Design(60, 1000, spread=0.5, second=0.7, family=0.7),
    Design(300, 250, spread=0.5, second=0.7, family=0.7),
    Design(300, 250, spread=0.5, second=0.7, family=0.7, model="2pl"),
)
REDRAWN = (0.02, 0.05, 0.1, 0.2, 0.4)


def main() -> None:
    """Print both tables."""
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    print("| respondents | items | abilities | truth | missing | model | spread of z | any false group | false pairs |")
    print("|---|---|---|---|---|---|---|---|---|")
    for design in NULL:
        print(null_row(design, repeats), flush=True)
    heads = " | ".join(f"{redrawn:.0%}" for redrawn in REDRAWN)
    print(f"\n| respondents | items | abilities | truth | missing | model | {heads} | false groups |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|")
    for design in POWER:
        print(power_row(design, max(repeats // 10, 2)), flush=True)


def null_row(design: Design, repeats: int) -> str:
    """What is grouped where nobody copied."""
    found = []
    for repeat in range(repeats):
        correct = responses(design, repeat)
        found.append(near_copies(correct, (fit_2pl if design.model == "2pl" else fit_rasch)(correct)))
    pairs, tested = sum(len(one.pairs.first) for one in found), sum(one.n_pairs for one in found)
    any_group = sum(bool(one.groups) for one in found)
    spread = np.mean([one.scale for one in found])
    return row(*described(design), f"{spread:.2f}", f"{any_group} of {repeats}", f"{pairs:,} of {tested:,}")


def power_row(design: Design, repeats: int) -> str:
    """Share of the copies found, by the share redrawn, and groups of two that are no copies."""
    cells, false = [], 0
    for redrawn in REDRAWN:
        right = 0
        for repeat in range(repeats):
            correct = with_copies(responses(design, repeat), replace(design, redrawn=redrawn), repeat)
            found = near_copies(correct, (fit_2pl if design.model == "2pl" else fit_rasch)(correct))
            true = {(copy, _ORIGINALS + copy) for copy in range(_ORIGINALS)}
            right += len(true & set(found.groups))
            false += len(set(found.groups) - true)
        cells.append(f"{right / repeats / _ORIGINALS:.0%}")
    return row(*described(design), *cells, f"{false} of {repeats * len(REDRAWN)} data sets")


def chances(design: Design, rng: np.random.Generator) -> Floats:
    """Probability of a correct response: [respondents, items]."""
    n, m = design.respondents, design.items
    ability = {
        "normal": lambda: rng.normal(0.3, 1.5, n),
        "skewed": lambda: rng.gamma(1.0, 1.5, n) - 2.5,
        "able": lambda: rng.normal(2.5, 1.0, n),
    }[design.abilities]()
    slope = np.exp(design.spread * rng.normal(0, 1, m))
    other = design.second * rng.normal(0, 1, (n, 1)) * (np.arange(m) % 3 == 0)
    family = design.family * rng.normal(0, 1, (n // 10 + 1, m))[np.arange(n) // 10]
    return np.asarray(expit(slope * (ability[:, None] + other + family - rng.normal(0, 1.2, m))))


def responses(design: Design, repeat: int) -> Responses:
    """Independent responses given the chances. Families are rows 0 to 9, 10 to 19 and so on."""
    rng = cell_rng(0, "near copies", repr(design), str(repeat))
    chance = chances(design, rng)
    correct = (rng.random(chance.shape) < chance).astype(np.int8)
    correct[rng.random(chance.shape) < design.missing] = -1
    return correct


def with_copies(correct: Responses, design: Design, repeat: int) -> Responses:
    """Respondents 10 to 19 become copies of 0 to 9; an answer is redrawn by the copy's share of right answers."""
    rng = cell_rng(0, "near copies redrawn", repr(design), str(repeat))
    original = correct[:_ORIGINALS]
    share = (original == 1).sum(axis=1) / np.maximum((original >= 0).sum(axis=1), 1)
    by_item = (correct == 1).sum(axis=0) / np.maximum((correct >= 0).sum(axis=0), 1)
    log_odds = np.log((by_item + 0.01) / (1.01 - by_item)) + np.log((share + 0.01) / (1.01 - share))[:, None]
    drawn = (rng.random(original.shape) < expit(log_odds)).astype(np.int8)
    redrawn = (rng.random(original.shape) < design.redrawn) & (original >= 0)
    changed = correct.copy()
    changed[_ORIGINALS : 2 * _ORIGINALS] = np.where(redrawn, drawn, original)
    return changed


def described(design: Design) -> tuple[str, ...]:
    """The first cells of a row."""
    truth = ["2PL" if design.spread else "Rasch"]
    truth += [f"second ability (sd {design.second})"] if design.second else []
    truth += [f"families (sd {design.family})"] if design.family else []
    return (
        f"{design.respondents:,}",
        f"{design.items:,}",
        design.abilities,
        ", ".join(truth),
        f"{design.missing:.0%}",
        design.model,
    )


def row(*cells: object) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


if __name__ == "__main__":
    main()
