"""Rasch model fitted by joint maximum likelihood (JML): abilities and difficulties together.

A cross-check on the other two: it assumes nothing about abilities either, but its estimates stay biased however
many respondents there are, because each brings an ability of its own to be estimated (Neyman & Scott 1948).

Sources: Wright & Panchapakesan (1969), A procedure for sample-free item analysis, Educational and Psychological
Measurement 29, 23-48; Wright & Douglas (1977), ibid. 37, 281-295, for the correction.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.special import expit

from easyhard.irt.ascent import Slopes, ascend, centred_errors, log_odds_start
from easyhard.irt.cases import Cases, ItemTotals, rasch_cases
from easyhard.irt.counts import count_responses, row_blocks
from easyhard.irt.likely import likely_ability
from easyhard.irt.linked import check_linked, informative
from easyhard.irt.sample import make_sample
from easyhard.schema import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class JointFit:
    """Difficulties and abilities in logits; the mean difficulty of the items that have one is 0.

    Items that all or none got right, and respondents who got all or none right, are NaN. ``standard_error`` is
    that of the distance from the mean item, from the information of all parameters together; it takes no
    account of the bias. ``log_likelihood`` is the joint one, at the uncorrected estimates.
    """

    difficulty: FloatArray  # [items]
    standard_error: FloatArray  # [items]
    ability: FloatArray  # [respondents]
    log_likelihood: float
    iterations: int
    converged: bool
    convergence: str  # a sentence


def fit_joint(correct: IntArray, corrected: bool = False) -> JointFit:
    """Fit the Rasch model to ``correct``, int8 [respondents, items]: 1 correct, 0 wrong, -1 missing.

    The estimates spread too far, with I items by about I / (I - 1). With ``corrected``, difficulties and their
    standard errors are multiplied by (I - 1) / I, which is exact for 2 items, and abilities estimated with
    these difficulties. With responses missing I is the mean number of items seen by the respondents that are
    not left out: our extension, the correction being made for complete data.

    Raises InputError as ``fit_conditional`` does: where conditional estimates do not exist, neither do these.
    """
    respondents, kept = informative(correct)
    left = correct if respondents.all() and kept.all() else correct[np.ix_(respondents, kept)]
    check_linked(left, np.flatnonzero(kept))
    counts = count_responses(left)
    cases, items = rasch_cases(left, counts, make_sample(len(left), None, None))
    ascent = ascend(partial(_slopes, cases, items), log_odds_start(items), cases.size)
    at = _slopes(cases, items, ascent.difficulty)
    n_seen = float(counts.respondent_seen.mean())
    shrinkage = (n_seen - 1) / n_seen if corrected else 1.0
    difficulty, standard_error = np.full((2, len(kept)), np.nan)
    difficulty[kept] = shrinkage * ascent.difficulty[cases.group_of]
    standard_error[kept] = shrinkage * centred_errors(at, cases.size)[cases.group_of]
    ability = np.full(len(respondents), np.nan)
    ability[respondents] = likely_ability(cases, shrinkage * ascent.difficulty)[cases.case_of]
    return JointFit(
        difficulty=difficulty,
        standard_error=standard_error,
        ability=ability,
        log_likelihood=at.log_likelihood,
        iterations=ascent.iterations,
        converged=ascent.converged,
        convergence=ascent.convergence,
    )


def _slopes(cases: Cases, items: ItemTotals, difficulty: FloatArray) -> Slopes:
    """Log-likelihood and derivatives at ``difficulty`` [groups], every ability being the likeliest there."""
    ability = likely_ability(cases, difficulty)
    log_likelihood = float(cases.count @ (cases.n_correct * ability) - items.total @ difficulty)
    right, own = np.zeros((2, len(difficulty)))
    shared = np.zeros((len(difficulty), len(difficulty)))
    for rows in row_blocks((len(ability), len(difficulty))):
        logit = ability[rows, None] - difficulty
        seen, count = cases.observed[cases.pattern[rows]], cases.count[rows]
        p = expit(logit)
        variance = seen * p * (1 - p)
        log_likelihood -= float(count @ ((seen * np.logaddexp(0, logit)) @ cases.size))
        right += count @ (seen * p)
        own += count @ variance
        shared -= variance.T @ (variance * (count / (variance @ cases.size))[:, None])
    return Slopes(log_likelihood, cases.size * right - items.total, own, shared)
