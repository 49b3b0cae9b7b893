"""Rasch model fitted by conditional maximum likelihood (CML): no assumption about abilities.

Source: Andersen (1972), The numerical solution of a set of conditional estimation equations, Journal of the
Royal Statistical Society B 34, 42-54. The arithmetic is in ``symmetric``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.special import expit

from easyhard.irt.ascent import Slopes, ascend, centred_errors, log_odds_start
from easyhard.irt.cases import Cases, ItemTotals, rasch_cases
from easyhard.irt.counts import Places, count_responses
from easyhard.irt.likely import likely_ability
from easyhard.irt.linked import check_linked, informative
from easyhard.irt.sample import make_sample
from easyhard.irt.symmetric import given_total
from easyhard.schema import FloatArray, IntArray

# Multiplications of an exact information matrix. Beyond, the search takes a cheaper one, whose error is the
# inverse of the number of items, and only the standard errors the exact one.
_CHEAP = 2e10
_ROUGHLY = 0.01  # logits: far less than the reach of an ability, on which no estimate depends
_ROWS = 4096  # of factors of the information, multiplied at once


@dataclass(frozen=True, slots=True)
class ConditionalFit:
    """Difficulties in logits, larger is harder, with mean 0 over the items that have one.

    Items without information, and their standard errors, are NaN. Standard errors are of the distance from
    the mean item, from the information of all items together. ``log_likelihood`` is the conditional one: of
    the responses given each respondent's total.
    """

    difficulty: FloatArray  # [items]
    standard_error: FloatArray  # [items]
    log_likelihood: float
    n_parameters: int  # items with a difficulty, less 1
    n_respondents: int  # those who got some of these items right and others wrong
    iterations: int
    converged: bool
    convergence: str  # a sentence


@dataclass(frozen=True, slots=True)
class _Stratum:
    """Cases that saw the same items and have totals close enough to share an ability."""

    cases: slice
    seen: Places  # groups
    ability: float


def fit_conditional(correct: IntArray) -> ConditionalFit:
    """Fit the Rasch model to ``correct``, int8 [respondents, items]: 1 correct, 0 wrong, -1 missing.

    Given how many of the items a respondent saw it got right, which ones these are depends on the difficulties
    alone. So the estimates do not rest on any distribution of abilities, and missing responses may depend on
    ability. Respondents who got all or none right say nothing and are left out; so are items that all or none
    of the others got right, whose difficulty is not finite: NaN.

    Raises InputError for responses that ``fit_rasch`` would refuse too, if fewer than 2 items are left, and if
    the items fall into blocks whose distance cannot be estimated; the text then names the blocks.
    """
    respondents, kept = informative(correct)
    left = correct if respondents.all() and kept.all() else correct[np.ix_(respondents, kept)]
    check_linked(left, np.flatnonzero(kept))
    cases, items = rasch_cases(left, count_responses(left), make_sample(len(left), None, None))
    exact = len(cases.count) * len(cases.size) ** 2 * 20 < _CHEAP
    ascent = ascend(partial(_slopes, cases, items, exact), log_odds_start(items), cases.size)
    at = _slopes(cases, items, True, ascent.difficulty)
    difficulty, standard_error = np.full((2, len(kept)), np.nan)
    difficulty[kept] = ascent.difficulty[cases.group_of]
    standard_error[kept] = centred_errors(at, cases.size)[cases.group_of]
    return ConditionalFit(
        difficulty=difficulty,
        standard_error=standard_error,
        log_likelihood=at.log_likelihood,
        n_parameters=int(kept.sum()) - 1,
        n_respondents=len(left),
        iterations=ascent.iterations,
        converged=ascent.converged,
        convergence=ascent.convergence,
    )


def _slopes(cases: Cases, items: ItemTotals, exact: bool, difficulty: FloatArray) -> Slopes:
    """Conditional log-likelihood at ``difficulty`` [groups] and its derivatives; the second ones ``exact`` or near."""
    log_likelihood = -float(items.total @ difficulty)
    right, variance = np.zeros((2, len(difficulty)))
    plus, minus = _Products(len(difficulty)), _Products(len(difficulty))
    for stratum in _strata(cases, difficulty):
        seen, count = stratum.seen, cases.count[stratum.cases]
        size = cases.size[seen]
        given = given_total(cases.n_correct[stratum.cases], difficulty[seen], size, stratum.ability)
        p = given.probability
        log_likelihood -= float(count @ given.log_gamma)
        right[seen] += count @ p
        variance[seen] += count @ (p * (1 - p))
        if exact:
            above, below = given.sum_of_products(count)
            plus.add(above, seen)
            minus.add(below, seen)
            minus.add(np.sqrt(count)[:, None] * p, seen)
        else:
            minus.add(np.sqrt(count / (p * (1 - p) @ size))[:, None] * p * (1 - p), seen)
    shared = plus.sum() - minus.sum()
    own = variance - np.diag(shared) if exact else variance
    return Slopes(log_likelihood, cases.size * right - items.total, own, shared)


def _strata(cases: Cases, difficulty: FloatArray) -> Iterator[_Stratum]:
    """Cut the cases, which are in ascending order of pattern and total, into strata."""
    ability = likely_ability(cases, difficulty, _ROUGHLY)
    last = np.searchsorted(cases.pattern, cases.pattern, side="right")
    begin = 0
    while begin < len(ability):
        seen = np.flatnonzero(cases.observed[cases.pattern[begin]])
        reach = partial(_reach, cases, difficulty[seen], cases.size[seen], int(last[begin]))
        middle = reach(begin, float(ability[begin])) - 1
        stop = reach(middle, float(ability[middle]))
        yield _Stratum(slice(begin, stop), seen, float(ability[middle]))
        begin = stop


def _reach(cases: Cases, difficulty: FloatArray, size: FloatArray, end: int, case: int, ability: float) -> int:
    """First case from ``case`` on, at most ``end``, whose total is more than a standard deviation above its own."""
    p = expit(ability - difficulty)
    furthest = cases.n_correct[case] + np.sqrt(p * (1 - p) @ size)
    return case + int(np.searchsorted(cases.n_correct[case:end], furthest, side="right"))


class _Products:
    """Sum of the products of rows with themselves, taken many rows at once."""

    def __init__(self, n_columns: int) -> None:
        self._sum = np.zeros((n_columns, n_columns))
        self._rows: list[FloatArray] = []
        self._n_rows = 0

    def add(self, rows: FloatArray, columns: Places) -> None:
        """Add ``rows`` [rows, columns], with zeros in all other columns."""
        wide = np.zeros((len(rows), len(self._sum)))
        wide[:, columns] = rows
        self._rows.append(wide)
        self._n_rows += len(rows)
        if self._n_rows >= _ROWS:
            self.sum()

    def sum(self) -> FloatArray:
        """The sum so far: [columns, columns]."""
        if self._rows:
            rows = np.concatenate(self._rows)
            self._sum += rows.T @ rows
            self._rows, self._n_rows = [], 0
        return self._sum
