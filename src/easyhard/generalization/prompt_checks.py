"""Checks of what models are asked: texts on both sides, the form of answers, another prompt than the logs'."""

from __future__ import annotations

import numpy as np
import polars as pl
from scipy import stats

from easyhard.benchmarks.near_duplicates import near_duplicates
from easyhard.generalization.checkpoints import checkpoint_abilities
from easyhard.generalization.codes import issue, not_applicable, passed, tip
from easyhard.generalization.facts import StudyFacts
from easyhard.generalization.words import p_words
from easyhard.schema import Check
from easyhard.wording import counted, shown

_ASSOCIATION = 0.3  # Cramér's V, medium in Cohen (1988) where there are two kinds
_SIGNIFICANT = 0.05
_CLEARLY = 0.01  # of a misfit that only a tip follows from


def near_duplicate_texts(facts: StudyFacts) -> Check:
    """EH012: held-out items whose text nearly equals that of an item trained on."""
    if facts.questions is None:
        return not_applicable("EH012", "The text of the questions is not known.")
    if not facts.bins.held_out:
        return not_applicable("EH012", "Nothing is held out: the same items are trained on and evaluated on (EH004).")
    split = {name: facts.bins.table.filter(pl.col("split") == name)["item"].to_list() for name in ("train", "held_out")}
    texts = {name: [facts.questions[item] for item in items] for name, items in split.items()}
    alike = near_duplicates(texts["held_out"], texts["train"])
    pairs = [(item, split["train"][close[0]]) for item, close in zip(split["held_out"], alike, strict=True) if close]
    if not pairs:
        return passed("EH012", f"None of {len(alike)} held-out items nearly equals the text of an item trained on.")
    first, second = pairs[0]
    return issue(
        "EH012",
        f"{counted(len(pairs), 'held-out item')} of {len(alike)} nearly equal the text of an item trained on (first: "
        f"{shown(first)} and {shown(second)}): what looks like generalisation may be memory.",
    )


def answer_forms(facts: StudyFacts) -> Check:
    """EH013: the kinds of answers are spread unevenly over the bins (Cramér's V of 0.3 or more, and significant)."""
    if facts.answer_forms is None:
        return not_applicable("EH013", "The form of the answers is not known.")
    rows = [
        (facts.answer_forms[item], bin_)
        for item, bin_ in facts.bins.table.select("item", "bin").iter_rows()
        if item in facts.answer_forms
    ]
    kinds = sorted({kind for kind, _ in rows})
    if len(kinds) < 2:
        return passed("EH013", f"All answers have one form: {kinds[0] if kinds else 'none'}.")
    counts = np.zeros((len(kinds), facts.bins.count))
    for kind, bin_ in rows:
        counts[kinds.index(kind), bin_] += 1
    counts = counts[:, counts.sum(axis=0) > 0]
    if counts.shape[1] < 2:
        return not_applicable("EH013", "Only one bin has answers of a known form.")
    found = stats.chi2_contingency(counts, correction=False)
    association = float(np.sqrt(found.statistic / (counts.sum() * (min(counts.shape) - 1))))
    finding = (
        f"Forms of answers ({', '.join(kinds[:4])}{' ...' if len(kinds) > 4 else ''}) and bins go together with "
        f"Cramér's V {association:.2f} ({p_words(float(found.pvalue))}) over {len(rows)} items."
    )
    return (tip if association >= _ASSOCIATION and found.pvalue < _SIGNIFICANT else passed)("EH013", finding)


def other_prompt(facts: StudyFacts) -> Check:
    """EH014: zero-shot accuracies over the bins that no ability on the calibrated scale explains."""
    if "discrimination" not in facts.bank.table.columns:
        return not_applicable("EH014", "The bank does not say how its items discriminate.")
    table = checkpoint_abilities(facts.bank, facts.bins, facts.zero_shot, [])
    far: list[str] = []
    near: list[str] = []
    for model in facts.zero_shot:
        z = table.filter(pl.col("model") == model)["z"].to_numpy()
        if len(z) < 3:
            continue
        p_value = float(stats.chi2.sf(float((z**2).sum()), len(z) - 1))  # one degree less: the ability is fitted
        worst = int(np.abs(z).argmax())
        line = f"{model!r}: {p_words(p_value)}, largest z {z[worst]:+.1f} in bin {worst}".replace("-", "−")
        (far if p_value < _CLEARLY else near).append(line)
    if far:
        return tip("EH014", f"Zero-shot, the bins are not as hard as the calibration says. {'; '.join(far)}.")
    if not near:
        return not_applicable("EH014", "No model has zero-shot responses in three bins that show an ability.")
    return passed("EH014", f"One ability explains the zero-shot accuracies of all bins. {'; '.join(near)}.")
