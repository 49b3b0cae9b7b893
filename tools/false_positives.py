"""How often each test of a study speaks where nothing is there, by simulation: writes the table of docs/statistics.md.

Studies of three models on six bins and a mixture, whose training does nothing. Run: python tools/false_positives.py
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from easyhard import calibrate
from easyhard.bins import make_bins
from easyhard.generalization import StudyFacts, TrainedRun, generalization, run_checks
from easyhard.generalization import weights as weigh
from easyhard.generalization.changes import Changes, contrast
from easyhard.generalization.matrix import changes_by_model
from easyhard.generalization.over_studies import Estimate, mean_over_studies
from easyhard.generalization.recovered import gap_recovered
from easyhard.irt import simulate_rasch
from easyhard.schema import Bins, Calibration, FloatArray, GeneralizationMatrix, ItemBank, Responses

PAGE = Path(__file__).resolve().parents[1] / "docs" / "statistics.md"
BEGIN, END = "<!-- false positives -->", "<!-- end of false positives -->"
MODELS, COUNT, SEED_SD = ("a", "b", "c"), 6, 0.03
DESIGNS = ((20, 1), (20, 3), (50, 1), (50, 3), (200, 1), (200, 3))

Spoken = Callable[[GeneralizationMatrix], Iterable[bool]]


def _test(name: str) -> Spoken:
    return lambda matrix: [tests[name]["direction"] != 0 for tests in matrix.tests.values()]


def _per_model(found: Callable[[dict[str, Any]], bool]) -> Spoken:
    return lambda matrix: [found(tests) for tests in matrix.tests.values()]


def _together(name: str) -> Spoken:
    return lambda matrix: (matrix.over_models.filter(pl.col("test") == name)["direction"] != 0).to_list()


TESTS: dict[str, tuple[float, Spoken]] = {
    "gain of a cell, p below 0.05": (5, lambda m: (m.cells["p_value"] < 0.05).to_list()),
    "gain of a cell, interval without 0": (5, lambda m: ((m.cells["low"] > 0) | (m.cells["high"] < 0)).to_list()),
    "any cell changed (Holm), of a model": (5, _per_model(lambda t: t["changed_cells"]["value"] > 0)),
    "a bin improves every bin": (5, _per_model(lambda t: t["improves_every_bin"]["value"] > 0)),
    "mean gain": (5, _test("mean_gain")),
    "slope on distance, permutation": (5, _per_model(lambda t: t["distance_slope"]["p_value"] < 0.05)),
    "slope on distance, verdict": (5, _test("distance_slope")),
    "slope without the diagonal": (5, _test("slope_off_diagonal")),
    "own bin against the others": (5, _test("own_bin_advantage")),
    "easy to hard": (5, _test("easy_to_hard")),
    "hard to easy": (5, _test("hard_to_easy")),
    "easier minus harder (asymmetry)": (5, _test("easier_minus_harder")),
    "best training bin": (5, _test("best_train_bin")),
    "lead of the best": (5, _test("lead_of_best")),
    "mixture against single bins": (5, _test("mixture uniform")),
    "supervision gap defined": (2.5, _per_model(lambda t: t["gap_recovered"]["value"] is not None)),
    "advice: any training helps": (5, _per_model(lambda t: any(a["shown"] for a in t["advice"]))),
    "advice: ahead of all others": (5, _per_model(lambda t: any(not a["also"] for a in t["advice"]))),
    "forgotten items": (5, _test("forgotten_items")),
    "fixed items": (5, _test("fixed_items")),
    "models together: mean gain": (5, _together("mean_gain")),
    "models together: slope, verdict": (5, _together("distance_slope")),
    "models together: asymmetry": (5, _together("easier_minus_harder")),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=1_000, help="Studies a design; each has three models.")
    parser.add_argument("--row", help="Only rows of the second table with this in their name.")
    parser.add_argument("--no-write", action="store_true", help="Print the tables alone.")
    given = parser.parse_args()
    if given.row:
        _renew(given.row, given.studies, write=not given.no_write)
        return
    text = "\n".join([*_of_studies(given.studies), "", *_of_others(given.studies), ""])
    print(text)
    if not given.no_write:
        page = PAGE.read_text(encoding="utf-8")
        before, after = page.split(BEGIN)[0], page.split(END)[1]
        PAGE.write_text(f"{before}{BEGIN}\n{text}{END}{after}", encoding="utf-8")


def _renew(name: str, repeats: int, write: bool) -> None:
    """Measure some rows of the second table, and put them in the place of those on the page."""
    fresh = {line.split(" | ")[0]: line for line in _of_others(repeats, name)[2:]}
    print("\n".join(fresh.values()))
    if write:
        lines = PAGE.read_text(encoding="utf-8").split("\n")
        PAGE.write_text("\n".join(fresh.get(line.split(" | ")[0], line) for line in lines), encoding="utf-8")


def _of_studies(repeats: int) -> list[str]:
    """A row for each test, a column for each design, and the mean over designs."""
    columns = []
    for n_items, seeds in DESIGNS:
        rng = np.random.default_rng([n_items, seeds])
        spoken: dict[str, list[bool]] = {name: [] for name in TESTS}
        for _ in range(repeats):
            matrix = generalization(*_nothing(n_items, seeds, rng))
            for name, (_, found) in TESTS.items():
                spoken[name] += found(matrix)
        columns.append({name: 100 * float(np.mean(found)) for name, found in spoken.items()})
        print(f"{n_items} items, {seeds} seeds: done", flush=True)
    head = ["test", "stated", *(f"{n} items, {seeds} seed{'s' * (seeds > 1)}" for n, seeds in DESIGNS), "mean"]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for name, (stated, _) in TESTS.items():
        shares = [column[name] for column in columns]
        cells = [f"{share:.1f}%" for share in (*shares, float(np.mean(shares)))]
        lines.append("| " + " | ".join([name, f"{stated:g}%", *cells]) + " |")
    return lines


def _nothing(
    n_items: int, seeds: int, rng: np.random.Generator, models: Sequence[str] = MODELS
) -> tuple[Bins, dict[str, Responses], list[TrainedRun]]:
    """A study whose trainings do nothing; runs differ by a few points where there are several seeds."""
    bins = _bins(n_items)
    names = tuple(bins.table["item"])
    chance = np.clip(np.repeat(np.linspace(0.9, 0.1, COUNT), n_items) + rng.uniform(-0.1, 0.1, len(names)), 0, 1)

    def run(shift: float) -> Responses:
        return Responses((rng.random((1, len(names))) < chance + shift).astype(np.int8), ("checkpoint",), names)

    zero_shot = {model: run(0.0) for model in models}
    runs = [
        TrainedRun(model, row, seed, run(rng.normal(0, SEED_SD) if seeds > 1 else 0.0))
        for model in models
        for row in (*range(COUNT), "uniform")
        for seed in range(seeds)
    ]
    return bins, zero_shot, runs


def _bins(n_items: int) -> Bins:
    n = COUNT * n_items
    difficulty = np.linspace(-2, 2, n)
    table = pl.DataFrame(
        {
            "item": [f"item/{k}" for k in range(n)],
            "bin": np.repeat(np.arange(COUNT), n_items),
            "split": "held_out",
            "difficulty": difficulty,
            "standard_error": 0.1,
            "membership": 0.9,
        }
    )
    return Bins(table, (-np.inf, *difficulty[n_items::n_items].tolist(), np.inf), 0.3)


def _of_others(repeats: int, only: str = "") -> list[str]:
    """Tests whose null is another than that nothing was learned; those whose name has ``only`` in it."""
    lines = ["| test | stated | found | studies |", "|---|---|---|---|"]
    for place, (name, stated, measure) in enumerate(OTHERS):
        if only in name:
            share, n = measure(repeats, np.random.default_rng([7, place]))
            lines.append(f"| {name} | {stated:g}% | {100 * share:.1f}% | {n:,} |")
    return lines


def _runs(
    gains: FloatArray, n_items: int, rng: np.random.Generator
) -> tuple[Bins, dict[str, Responses], list[TrainedRun]]:
    """A study of one model whose training has ``gains`` [train_bins, eval_bins]."""
    bins = _bins(n_items)
    names = tuple(bins.table["item"])
    chance, bin_ = rng.uniform(0.25, 0.6, len(names)), np.repeat(np.arange(COUNT), n_items)

    def run(gain: FloatArray | float) -> Responses:
        return Responses((rng.random((1, len(names))) < chance + gain).astype(np.int8), ("checkpoint",), names)

    return bins, {"a": run(0.0)}, [TrainedRun("a", row, 0, run(gains[row, bin_])) for row in range(COUNT)]


def _study(gains: FloatArray, n_items: int, rng: np.random.Generator) -> GeneralizationMatrix:
    return generalization(*_runs(gains, n_items, rng))


def _changes(gains: FloatArray, n_items: int, rng: np.random.Generator) -> Changes:
    return changes_by_model(*_runs(gains, n_items, rng))["a"]


def _all_but_one(repeats: int, rng: np.random.Generator) -> tuple[float, int]:
    gains = 0.35 * (1 - np.eye(COUNT))
    found = [_study(gains, 200, rng).tests["a"]["improves_every_bin"]["value"] > 0 for _ in range(repeats)]
    return float(np.mean(found)), repeats


def _gap(repeats: int, rng: np.random.Generator) -> tuple[float, int]:
    gains = np.zeros((COUNT, COUNT))
    gains[-2:, -2:] = 0.3
    found = [gap_recovered(_changes(gains, 50, rng)).interval for _ in range(repeats)]
    return float(np.mean([interval is not None and interval.low > 0 for interval in found])), repeats


def _four_studies(repeats: int, rng: np.random.Generator) -> tuple[float, int]:
    """Studies of two models on four datasets, of every design in turn."""
    spoken = 0
    for number in range(repeats):
        estimates = []
        for dataset in range(4):
            bins, zero_shot, runs = _nothing(*DESIGNS[number % len(DESIGNS)], rng, MODELS[:2])
            items = tuple(f"{dataset}/{name}" for name in bins.table["item"])
            for model, changes in changes_by_model(bins, zero_shot, runs).items():
                weights = weigh.mean_of(weigh.rectangle(changes.gains()))
                assert weights is not None
                estimates.append(Estimate(dataset, model, items, contrast(changes, weights)))
        found = mean_over_studies(estimates).interval
        spoken += found is not None and not found.low <= 0 <= found.high
    return spoken / repeats, repeats


def _facts(bins: Bins, zero_shot: dict[str, Responses], bank: ItemBank, **more: Any) -> StudyFacts:
    empty = generalization(bins, zero_shot, [])
    return StudyFacts(bank, bins, empty.runs, empty.cells, zero_shot, **more)


def _status(facts: StudyFacts, code: str) -> str:
    return next(check.status for check in run_checks(facts) if check.code == code)


def _guesses(repeats: int, rng: np.random.Generator) -> tuple[float, int]:
    bins = _bins(25)
    names = tuple(bins.table["item"])
    passed = 0
    for _ in range(repeats):
        zero_shot = Responses((rng.random((1, len(names))) < 0.25).astype(np.int8), ("m",), names)
        facts = _facts(bins, {"m": zero_shot}, _plain_bank(bins), guessing=dict.fromkeys(names, 0.25))
        passed += _status(facts, "EH006") == "passed"
    return passed / repeats, repeats


def _checks(repeats: int, rng: np.random.Generator, code: str) -> tuple[float, int]:
    bins = _bins(25)
    names = tuple(bins.table["item"])
    zero_shot = Responses((rng.random((1, len(names))) < 0.5).astype(np.int8), ("m",), names)
    found = 0
    for _ in range(repeats):
        lengths = dict(zip(names, rng.exponential(100, len(names)).tolist(), strict=True))
        forms = dict(zip(names, rng.choice(["number", "word", "choice"], len(names)).tolist(), strict=True))
        facts = _facts(bins, {"m": zero_shot}, _plain_bank(bins), question_length=lengths, answer_forms=forms)
        found += _status(facts, code) == "tip"
    return found / repeats, repeats


def _plain_bank(bins: Bins) -> ItemBank:
    table = bins.table.select("item", "difficulty", "standard_error").with_columns(outfit_mnsq=pl.lit(1.0))
    return ItemBank(table, Calibration("rasch", 100, len(table), 0.0, 1.0, -1.0, 5, "converged"))


def _prompt(repeats: int, respondents: int, rng: np.random.Generator) -> tuple[float, int]:
    found, names = 0, tuple(f"item/{k}" for k in range(1_000))
    for _ in range(repeats):
        difficulty = rng.normal(0, 1.2, len(names))
        logs = simulate_rasch(respondents, difficulty, 0.0, 1.0, 0.0, rng).astype(np.int8)
        bank = calibrate(Responses(logs, tuple(f"llm-{r}" for r in range(respondents)), names))
        answers = rng.random((1, len(names))) < 1 / (1 + np.exp(difficulty - rng.normal()))
        facts = _facts(make_bins(bank), {"m": Responses(answers.astype(np.int8), ("m",), names)}, bank)
        found += _status(facts, "EH014") == "tip"
    return found / repeats, repeats


# Name, stated percentage, and how it is measured.
OTHERS: tuple[tuple[str, float, Callable[[int, np.random.Generator], tuple[float, int]]], ...] = (
    ("improves every bin, where all but one are improved", 5, lambda n, rng: _all_but_one(n // 2, rng)),
    ("supervision gap recovered above 0, where easy training does nothing", 2.5, lambda n, rng: _gap(n * 2, rng)),
    ("mean gain over two models on four datasets, nothing learned anywhere", 5, _four_studies),
    ("EH006 passes a model that guesses", 5, _guesses),
    ("EH011 questions of unrelated length, 150 items", 5, lambda n, rng: _checks(n, rng, "EH011")),
    ("EH013 unrelated forms of answers, 150 items", 5, lambda n, rng: _checks(n, rng, "EH013")),
    ("EH014 the same prompt, 30 respondents, 1,000 items", 1, lambda n, rng: _prompt(n, 30, rng)),
    ("EH014 the same prompt, 300 respondents, 1,000 items", 1, lambda n, rng: _prompt(n, 300, rng)),
)


if __name__ == "__main__":
    main()
