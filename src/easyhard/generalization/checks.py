"""Coded checks of a study: what could make its picture misleading. Each has an entry in docs/checks.md."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import polars as pl
from scipy import stats

from easyhard.generalization.codes import issue, not_applicable, passed, tip
from easyhard.generalization.facts import StudyFacts
from easyhard.generalization.guessing import guessing_p_value
from easyhard.generalization.matrix import evaluation_items
from easyhard.generalization.planning import smallest_detectable_gain
from easyhard.generalization.prompt_checks import answer_forms, near_duplicate_texts, other_prompt
from easyhard.generalization.words import bins_words, p_words, points
from easyhard.schema import MISSING, Check, InputError, IntArray

_MEMBERSHIP = 0.5  # below, a typical item more probably belongs to another bin than to its own
_SIZE_RATIO = 1.1  # quantile bins differ by one example; a tenth more is a different treatment
_SIGNIFICANT = 0.05
_OUTFIT = 1.5  # Linacre (2002), Rasch Measurement Transactions 16:2, 878: above, unproductive for measurement
_MISFIT_SHARE = 0.1  # ours: an item in ten
_CORRELATION = 0.3  # medium in Cohen (1988): the bin then explains 9% of the variance of length ranks


def run_checks(facts: StudyFacts) -> tuple[Check, ...]:
    """All checks, in the order of their codes; each ``passed``, ``issue``, ``tip`` or ``not applicable``."""
    return tuple(check(facts) for check in _CHECKS)


def concerns(check: Check, model: str) -> bool:
    """Did the check find something about ``model``? Findings name the models they concern in quotes."""
    return check.status in ("issue", "tip") and repr(model) in check.finding


def membership(facts: StudyFacts) -> Check:
    """EH001: mean probability of belonging to the bin, below 0.5 in some bin."""
    means = (
        facts.bins.table.filter(pl.col("membership").is_not_nan())
        .group_by("bin")
        .agg(pl.col("membership").mean())
        .sort("bin")
    )
    if means.is_empty():
        return not_applicable("EH001", "The bins carry no membership probabilities.")
    low = means.filter(pl.col("membership") < _MEMBERSHIP)
    calibrated = f"calibrated on {facts.bank.calibration.n_respondents} respondents"
    if low.is_empty():
        least = means["membership"].to_numpy().min()
        return passed("EH001", f"In every bin the mean probability is {least:.2f} or more, {calibrated}.")
    named, least = bins_words(tuple(low["bin"].to_list())), low["membership"].to_numpy().min()
    return issue(
        "EH001",
        f"In {named} an item belongs with a mean probability below {_MEMBERSHIP} (lowest {least:.2f}), "
        f"{calibrated}: more often than not its place is another bin.",
    )


def ties(facts: StudyFacts) -> Check:
    """EH002: one difficulty, to six decimals as in the bins themselves, in two bins."""
    torn = (
        facts.bins.table.group_by(pl.col("difficulty").round(6))
        .agg(pl.col("bin").n_unique().alias("bins"), pl.len())
        .filter(pl.col("bins") > 1)
    )
    if torn.is_empty():
        return passed("EH002", "No two bins share a difficulty.")
    return issue(
        "EH002",
        f"{torn['len'].sum()} items of equal difficulty are split between bins, at {len(torn)} difficulties: "
        "which of them is where is arbitrary.",
    )


def floor_and_ceiling(facts: StudyFacts) -> Check:
    """EH003: bins where even a perfect model's gain, or a total loss, would not be seen."""
    ceilings: list[str] = []
    floors: list[str] = []
    for model in facts.zero_shot:
        for eval_bin in range(facts.bins.count):
            answers = _observed(facts, model, evaluation_items(facts.bins, eval_bin))
            if not len(answers):
                continue
            accuracy = float(answers.mean())
            place = f"{model!r} bin {eval_bin} ({100 * accuracy:.0f}% of {len(answers)})"
            if math.isinf(smallest_detectable_gain(len(answers), base_accuracy=accuracy)):
                ceilings.append(place)
            if math.isinf(smallest_detectable_gain(len(answers), base_accuracy=1 - accuracy)):
                floors.append(place)
    parts = []
    if ceilings:
        parts.append(f"Too near the ceiling to see any gain: {', '.join(ceilings)}.")
    if floors:
        parts.append(f"Too near the floor to see any loss: {', '.join(floors)}.")
    if not parts:
        return passed("EH003", "Every bin leaves room to see gains and losses.")
    return (issue if ceilings else tip)("EH003", " ".join(parts))


def same_items(facts: StudyFacts) -> Check:
    """EH004: nothing held out."""
    if facts.bins.held_out:
        share = f"{100 * facts.bins.held_out:.0f}%"
        return passed("EH004", f"{share} of each bin is held out and never trained on.")
    return issue(
        "EH004",
        "Each bin is evaluated on the very items it is trained on: the diagonal is training accuracy, and "
        "what looks like help nearby includes memory.",
    )


def training_sizes(facts: StudyFacts) -> Check:
    """EH005: runs of one model that differ by more than one example and more than a tenth."""
    if not facts.train_sizes:
        return not_applicable("EH005", "The training sizes are not known.")
    unequal = []
    for model in sorted({key[0] for key in facts.train_sizes}):
        sizes = [size for key, size in facts.train_sizes.items() if key[0] == model]
        if max(sizes) - min(sizes) > 1 and max(sizes) > _SIZE_RATIO * min(sizes):
            unequal.append(f"{model!r}: {min(sizes)} to {max(sizes)} examples")
    if unequal:
        return issue("EH005", f"Training sizes differ between bins. {'; '.join(unequal)}.")
    return passed("EH005", "The bins have equally many training examples, within a tenth.")


def beyond_guessing(facts: StudyFacts) -> Check:
    """EH006: zero-shot accuracy over all evaluation items, tested one-sided against guessing."""
    if facts.guessing is None:
        return not_applicable("EH006", "The probability of guessing right is not known.")
    names = [name for eval_bin in range(facts.bins.count) for name in evaluation_items(facts.bins, eval_bin)]
    unknown = [name for name in names if name not in facts.guessing]
    if unknown:
        raise InputError(
            f"{len(unknown)} evaluation items have no probability of guessing (first: {unknown[0]!r}). "
            "Give one for every item, 0 for a free answer."
        )
    chance = np.array([facts.guessing[name] for name in names])
    guessers: list[str] = []
    others: list[str] = []
    for model in facts.zero_shot:
        answers = facts.zero_shot[model].select(names).correct[0]
        seen = answers != MISSING
        if not seen.any():
            continue
        p_value = guessing_p_value(int(answers[seen].sum()), chance[seen])
        line = (
            f"{model!r}: {100 * answers[seen].mean():.1f}% right of {seen.sum()}, "
            f"{100 * chance[seen].mean():.1f}% by guessing, {p_words(p_value)}"
        )
        (guessers if p_value >= _SIGNIFICANT else others).append(line)
    if guessers:
        return issue(
            "EH006",
            f"Zero-shot no better than guessing. {'; '.join(guessers)}. Gains are then no evidence about "
            "difficulty: training may only have taught the form of an answer.",
        )
    if not others:
        return not_applicable("EH006", "There are no zero-shot responses.")
    return passed("EH006", f"Zero-shot better than guessing. {'; '.join(others)}.")


def detectable_change(facts: StudyFacts) -> Check:
    """EH007: for each model, is any gain or loss as large as what its cell detects with power 0.8?"""
    done = facts.cells.filter(pl.col("status") == "done")
    if done.is_empty():
        return not_applicable("EH007", "No cell has a result.")
    blank: list[str] = []
    seen: list[str] = []
    for model in done["model"].unique(maintain_order=True):
        cells = done.filter(pl.col("model") == model)
        limits = [_detectable(cell) for cell in cells.iter_rows(named=True)]
        gains = cells["gain"].to_numpy()
        n_visible = int((np.abs(gains) >= np.array(limits)).sum())
        largest = float(gains[np.argmax(np.abs(gains))])
        finite = [limit for limit in limits if math.isfinite(limit)]
        needed = f"about {100 * float(np.median(finite)):.1f} points" if finite else "more than there is room for"
        line = f"{model!r}: largest change {points(largest)} points, to be seen a change must be {needed}"
        (seen if n_visible else blank).append(line)
    if blank:
        return issue("EH007", f"No cell changes by as much as this design can detect. {'; '.join(blank)}.")
    return passed("EH007", f"Some cells change by more than the design can detect. {'; '.join(seen)}.")


def truncation(facts: StudyFacts) -> Check:
    """EH008: any truncated training example: its target is cut, or its question."""
    if facts.n_truncated is None:
        return not_applicable("EH008", "Whether training examples were truncated is not known.")
    cut = {key: count for key, count in facts.n_truncated.items() if count}
    if not cut:
        return passed("EH008", "No training example was truncated.")
    (model, train_bin, seed), most = max(cut.items(), key=lambda pair: pair[1])
    return issue(
        "EH008",
        f"{len(cut)} of {len(facts.n_truncated)} runs trained on truncated examples, most of them {model!r} "
        f"on {train_bin if isinstance(train_bin, str) else f'bin {train_bin}'}, seed {seed}: {most}.",
    )


def misfit(facts: StudyFacts) -> Check:
    """EH009: more than a tenth of a bin's items have an outfit mean square above 1.5."""
    joined = facts.bins.table.select("item", "bin").join(
        facts.bank.table.select("item", "outfit_mnsq"), on="item", how="inner"
    )
    fitted = joined.filter(pl.col("outfit_mnsq").is_not_nan())
    if fitted.is_empty():
        return not_applicable("EH009", "The bank carries no fit statistics.")
    shares = fitted.group_by("bin").agg((pl.col("outfit_mnsq") > _OUTFIT).mean().alias("share")).sort("bin")
    named = ", ".join(f"bin {bin_} {100 * share:.0f}%" for bin_, share in shares.iter_rows())
    finding = f"Items with outfit above {_OUTFIT}: {named}."
    return (tip if (shares["share"] > _MISFIT_SHARE).any() else passed)("EH009", finding)


def unfinished(facts: StudyFacts) -> Check:
    """EH010: runs that failed, are missing, or have no result in some evaluation bin."""
    trained = facts.runs.group_by("model", "train_bin", "seed", maintain_order=True).agg(
        (pl.col("status") == "failed").any().alias("failed"),
        (pl.col("status") == "missing").any().alias("missing"),
    )
    if trained.is_empty():
        return not_applicable("EH010", "There are no runs.")
    n_failed, n_missing = int(trained["failed"].sum()), int(trained["missing"].sum())
    if not n_failed + n_missing:
        return passed("EH010", f"All {len(trained)} runs have results.")
    return issue(
        "EH010",
        f"Of {len(trained)} runs, {n_failed} failed and {n_missing} miss results in some evaluation bin: "
        "their cells are empty or rest on fewer seeds.",
    )


def question_length(facts: StudyFacts) -> Check:
    """EH011: rank correlation of question length and bin of 0.3 or more either way, and significant."""
    if facts.question_length is None:
        return not_applicable("EH011", "The length of the questions is not known.")
    lengths = facts.question_length
    known = [
        (lengths[item], bin_) for item, bin_ in facts.bins.table.select("item", "bin").iter_rows() if item in lengths
    ]
    values = np.array(known, dtype=np.float64).reshape(-1, 2)
    if len(values) < 3 or (values == values[:1]).all(axis=0).any():
        return not_applicable("EH011", "Fewer than three items, one bin, or questions all equally long.")
    found = stats.spearmanr(values[:, 0], values[:, 1])
    rho, p_value = float(found.statistic), float(found.pvalue)
    finding = (
        f"Spearman correlation of question length and bin over {len(values)} items: {rho:+.2f}".replace("-", "−")
        + f" ({p_words(p_value)})."
    )
    return (tip if abs(rho) >= _CORRELATION and p_value < _SIGNIFICANT else passed)("EH011", finding)


_CHECKS: tuple[Callable[[StudyFacts], Check], ...] = (
    membership,
    ties,
    floor_and_ceiling,
    same_items,
    training_sizes,
    beyond_guessing,
    detectable_change,
    truncation,
    misfit,
    unfinished,
    question_length,
    near_duplicate_texts,
    answer_forms,
    other_prompt,
)


def _observed(facts: StudyFacts, model: str, names: list[str]) -> IntArray:
    """Zero-shot responses of a model to ``names``, missing ones left out."""
    answers: IntArray = facts.zero_shot[model].select(names).correct[0]
    seen: IntArray = answers[answers != MISSING]
    return seen


def _detectable(cell: dict[str, float]) -> float:
    """Smallest gain, or for a cell that lost smallest loss, that the cell's interval detects."""
    base = cell["zero_shot_accuracy"]
    return smallest_detectable_gain(
        int(cell["n"]), int(cell["n_seeds"]), base_accuracy=base if cell["gain"] >= 0 else 1 - base
    )
