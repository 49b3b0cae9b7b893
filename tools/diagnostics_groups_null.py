"""False positives, power and honesty of the diagnostics of groups, models and stability, as Markdown tables.

For docs/diagnostics-groups.md. Run: python tools/diagnostics_groups_null.py [REPEATS], 100 by default.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from easyhard.chance import cell_rng
from easyhard.irt import fit_2pl, fit_rasch, simulate_rasch
from easyhard.irt.diagnostics.agreement import agreement
from easyhard.irt.diagnostics.comparison import compare_models
from easyhard.irt.diagnostics.dif import differential_functioning
from easyhard.irt.diagnostics.stability_prediction import predict_stability

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Design:
    respondents: int
    items: int
    share: float = 0.5  # of respondents in the group
    impact: float = 0.0  # logits by which the others are abler
    missing: float = 0.0
    biased: float = 0.0  # share of items
    shift: float = 0.0  # logits by which these are harder for the group
    spread: float = 0.0  # sd of the log-discriminations
    model: str = "rasch"


NULL = (
    Design(200, 50),
    Design(200, 50, impact=1.0),
    Design(200, 50, impact=1.0, missing=0.3),
    Design(1000, 100, impact=1.0, share=0.2),
    Design(60, 200, impact=1.0, share=0.3),
    Design(30, 100, impact=2.0, share=0.3),
    Design(300, 10, impact=1.0),
    Design(300, 50, impact=1.0, spread=0.3),
    Design(300, 50, impact=1.0, spread=0.3, model="2pl"),
)
POWER = (
    Design(100, 50, impact=1.0, biased=0.1, shift=0.8),
    Design(200, 50, impact=1.0, biased=0.1, shift=0.8),
    Design(500, 100, impact=1.0, biased=0.1, shift=0.8),
    Design(1000, 100, impact=1.0, biased=0.1, shift=0.8),
    Design(1000, 100, impact=1.0, share=0.1, biased=0.1, shift=0.8),
    Design(500, 100, impact=1.0, biased=0.2, shift=-1.0),
    Design(500, 100, impact=1.0, biased=0.3, shift=-1.0),
    Design(500, 100, impact=1.0, biased=0.4, shift=-1.0),
    Design(500, 50, impact=1.0, biased=0.1, shift=0.8, spread=0.3, model="2pl"),
)
MODELS = ((100, 30, 0.0), (300, 30, 0.0), (100, 100, 0.0), (50, 200, 0.0), (100, 30, 0.3), (300, 30, 0.3))
STABILITY = ((29, 29, 1000), (29, 500, 1000), (60, 60, 200), (60, 600, 200), (300, 300, 100), (300, 3000, 100))


def main() -> None:
    """Print all tables."""
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    print("| respondents | in group | items | impact | missing | discriminations | model | p < 0.05 | any flagged |")
    print("|---|---|---|---|---|---|---|---|---|")
    for design in NULL:
        print(null_row(design, repeats), flush=True)
    print(
        "\n| respondents | in group | items | biased | by | model | found: p < 0.05 | found: flagged | "
        "difference found | clean items p < 0.05 | false among flagged |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for design in POWER:
        print(power_row(design, repeats), flush=True)
    print("\n| respondents | items | log-discrimination sd | ratio p < 0.05 | AIC | BIC | 2PL better | Rasch better |")
    print("|---|---|---|---|---|---|---|---|")
    for n_respondents, n_items, spread in MODELS:
        print(model_row(n_respondents, n_items, spread, max(repeats // 2, 2)), flush=True)
    print("\n| calibrated with | predicted for | items | same bin | came true | right bin | came true |")
    print("|---|---|---|---|---|---|---|")
    for known, asked, n_items in STABILITY:
        print(stability_row(known, asked, n_items, max(repeats // 5, 2)), flush=True)


def null_row(design: Design, repeats: int) -> str:
    """Rejections where nothing differs."""
    runs = [outcome(design, repeat) for repeat in range(repeats)]
    rejected = np.concatenate([p < 0.05 for p, _, _, _ in runs])
    flagged = np.mean([found.any() for _, found, _, _ in runs])
    slopes = f"sd of log {design.spread}" if design.spread else "equal"
    cells = (
        f"{design.respondents:,}", f"{design.share:.0%}", design.items, design.impact, f"{design.missing:.0%}", slopes,
        design.model, f"{rejected.mean():.1%}", f"{flagged:.0%}",
    )  # fmt: skip
    return row(*cells)


def power_row(design: Design, repeats: int) -> str:
    """What is found of items that do differ, and what befalls the others."""
    runs = [outcome(design, repeat) for repeat in range(repeats)]
    p, flagged, difference = (np.array([run[k] for run in runs]) for k in range(3))
    biased = runs[0][3]
    false = np.mean([found[~biased].sum() / max(found.sum(), 1) for found in flagged])
    cells = (
        f"{design.respondents:,}", f"{design.share:.0%}", design.items, f"{design.biased:.0%}", f"{design.shift:+}",
        design.model, f"{(p[:, biased] < 0.05).mean():.0%}", f"{flagged[:, biased].mean():.0%}",
        f"{difference[:, biased].mean():+.2f}", f"{(p[:, ~biased] < 0.05).mean():.1%}", f"{false:.1%}",
    )  # fmt: skip
    return row(*cells)


def outcome(design: Design, repeat: int) -> tuple[Floats, npt.NDArray[np.bool_], Floats, npt.NDArray[np.bool_]]:
    """p-values, flags and differences of one simulation, and which items are biased."""
    rng = cell_rng(0, "diagnostics groups", repr(design), str(repeat))
    group = np.arange(design.respondents) < design.share * design.respondents
    biased = np.arange(design.items) < design.biased * design.items
    ability = rng.normal(0, 1, design.respondents) - design.impact * (group - design.share)
    difficulty = rng.normal(0, 1, design.items) + design.shift * np.outer(group, biased)
    slope = np.exp(design.spread * rng.normal(0, 1, design.items))
    chance = expit(slope * (ability[:, None] - difficulty))
    correct = (rng.random(chance.shape) < chance).astype(np.int8)
    correct[rng.random(chance.shape) < design.missing] = -1
    fit = fit_2pl if design.model == "2pl" else fit_rasch
    found = differential_functioning(correct, fit(correct), group)
    return found.p, found.flagged, found.difference, biased


def model_row(n_respondents: int, n_items: int, spread: float, repeats: int) -> str:
    """How often each criterion is for 2PL."""
    rejected, aic, bic, better, worse = [], [], [], [], []
    for repeat in range(repeats):
        rng = cell_rng(0, "diagnostics models", f"{n_respondents} {n_items} {spread}", str(repeat))
        slope = np.exp(spread * rng.normal(0, 1, n_items))
        log_odds = slope * (rng.normal(0, 1, n_respondents)[:, None] - rng.normal(0, 1, n_items))
        found = compare_models((rng.random(log_odds.shape) < expit(log_odds)).astype(np.int8))
        rejected.append(found.p_value < 0.05)
        aic.append(found.aic[1] < found.aic[0])
        bic.append(found.bic[1] < found.bic[0])
        better.append(found.loss_saved > 1.96 * found.loss_saved_error)
        worse.append(found.loss_saved < -1.96 * found.loss_saved_error)
    shares = (f"{np.mean(each):.0%}" for each in (rejected, aic, bic, better, worse))
    return row(n_respondents, n_items, spread, *shares)


def stability_row(known: int, asked: int, n_items: int, repeats: int) -> str:
    """What is predicted from a calibration, and what two others with the number asked for then show."""
    predicted, came = [], []
    for repeat in range(repeats):
        rng = cell_rng(0, "diagnostics stability", f"{known} {asked} {n_items}", str(repeat))
        difficulty = rng.normal(0, 1.2, n_items)
        seen, one, other = (fit_rasch(simulate_rasch(n, difficulty, 0.5, 1.0, 0.0, rng)) for n in (known, asked, asked))
        prediction = predict_stability(seen, known)
        predicted.append((prediction.at(asked).same_bin, prediction.right_bin(asked)))
        again = agreement(one.difficulty, other.difficulty, 10, rng)
        came.append((again.same_bin, agreement(one.difficulty, difficulty, 10, rng).same_bin))
    (same, right), (same_came, right_came) = np.mean(predicted, axis=0), np.mean(came, axis=0)
    shares = (f"{share:.0%}" for share in (same, same_came, right, right_came))
    return row(f"{known:,}", f"{asked:,}", f"{n_items:,}", *shares)


def row(*cells: object) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


if __name__ == "__main__":
    main()
