"""Does one ability account for all that respondents differ in? Parallel analysis of residuals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.linalg import eigh
from scipy.special import expit
from scipy.stats import t as student

from easyhard.chance import cell_rng
from easyhard.irt.counts import Places, count_responses, row_blocks
from easyhard.irt.diagnostics.names import names_of
from easyhard.irt.diagnostics.residuals import Single, residuals_of, variances_of
from easyhard.irt.item_model import ItemModel
from easyhard.irt.posterior import Posterior, posterior_of
from easyhard.schema import MISSING, FloatArray, InputError, IntArray
from easyhard.wording import counted, shown_all

LEVEL = 0.05  # chance of a dimension where there is none
_MOST = 10  # dimensions looked at
_MOST_DRAWS = 100  # of an item that comes out constant
_NAMED = 3  # items at either end of the first contrast, in the sentences


@dataclass(frozen=True, slots=True)
class Dimensionality:
    """Dimensions beyond ability: [dimensions] each, the strongest first.

    ``eigenvalue`` is that of the correlation matrix of residuals, ``expected`` and ``expected_sd`` its mean and
    standard deviation in data simulated from the model, ``highest`` the largest there, ``p`` the chance of one as
    large as the observed. ``loading``
    [items] is the correlation of each item's residuals with the first contrast (NaN where all or none were correct),
    ``contrast`` [respondents] where each respondent stands on it, with standard deviation 1; the sign means nothing.
    """

    items: tuple[str, ...]
    respondents: tuple[str, ...]
    eigenvalue: FloatArray
    expected: FloatArray
    expected_sd: FloatArray
    highest: FloatArray
    p: FloatArray
    n_items: int  # that vary; the sum of all eigenvalues
    ability_share: float  # of the variance of responses within items, explained by ability
    loading: FloatArray
    contrast: FloatArray
    n_simulations: int

    @property
    def n_extra(self) -> int:
        """Dimensions in a row, from the strongest, with p below 0.05 and above every simulated eigenvalue."""
        return int(np.cumprod((self.p < LEVEL) & (self.eigenvalue > self.highest)).sum())

    @property
    def share(self) -> FloatArray:
        """Share of the residual variance: [dimensions]."""
        return self.eigenvalue / self.n_items

    def frame(self) -> pl.DataFrame:
        """One row per dimension."""
        return pl.DataFrame(
            {
                "dimension": np.arange(1, len(self.p) + 1),
                "eigenvalue": self.eigenvalue,
                "expected": self.expected,
                "expected_sd": self.expected_sd,
                "p": self.p,
                "share": self.share,
            }
        )

    def items_frame(self) -> pl.DataFrame:
        """One row per item: its loading on the first contrast, ascending."""
        table = pl.DataFrame({"item": self.items, "loading": self.loading}, nan_to_null=True)
        return table.sort("loading", nulls_last=True, maintain_order=True)

    def respondents_frame(self) -> pl.DataFrame:
        """One row per respondent: its place on the first contrast, ascending."""
        return pl.DataFrame({"respondent": self.respondents, "contrast": self.contrast}).sort("contrast")

    def reading(self) -> str:
        """What the figures say, in a few sentences."""
        first = (
            f"The strongest contrast among the residuals holds {self.share[0]:.1%} of their variance, where "
            f"{self.expected[0] / self.n_items:.1%} is expected of one ability (p = {self.p[0]:.2g})"
        )
        explained = f"ability explains {self.ability_share:.0%} of the variance of the responses"
        if not self.n_extra:
            return f"One ability accounts for how respondents differ. {first}; {explained}."
        order = np.argsort(np.nan_to_num(self.loading))
        low, high = ([self.items[at] for at in ends] for ends in (order[:_NAMED], order[::-1][:_NAMED]))
        least = "at least " if self.n_extra == len(self.p) else ""
        return (
            f"Responses differ in {least}{counted(self.n_extra, 'further dimension')} beyond ability. "
            f"{first}; {explained}. At its one end are {shown_all(low)}, at the other {shown_all(high)}."
        )


def dimensionality(
    correct: IntArray,
    model: ItemModel,
    posterior: Posterior | None = None,
    items: Sequence[str] | None = None,
    respondents: Sequence[str] | None = None,
    n_simulations: int = 20,
    seed: int = 0,
) -> Dimensionality:
    """Parallel analysis of the residuals of ``correct``, int8 [respondents, items].

    The eigenvalues of the residuals' correlation matrix (that of Q3) are compared with those of data simulated from
    the model: abilities drawn from the respondents' posteriors, the same responses missing, residuals taken anew. The
    k-th is compared with the k-th. Under the model the largest is above all 20 simulated ones once in 21 times, which
    bounds the chance of a dimension where there is none; ``p`` also says how far above they are, by Student's t for
    one draw more. Parallel analysis is Horn's (1965, Psychometrika 30, 179-185); on data simulated from an item
    response model: Drasgow & Lissak (1983, Journal of Applied Psychology 68, 363-373).

    Works on the smaller of items x items and respondents x respondents. ``posterior`` is that of ``posterior_of``.
    Raises InputError as that does, for the wrong number of names, fewer than 2 items that vary or 3 simulations.
    """
    names = names_of("item", items, correct.shape[1]), names_of("respondent", respondents, len(correct))
    varies = np.flatnonzero(count_responses(correct).varies)
    if len(varies) < 2 or n_simulations < 3:
        raise InputError(
            f"{counted(len(varies), 'item')} that vary, {counted(n_simulations, 'simulation')}: "
            "2 and 3 are needed. Give more items or respondents, and n_simulations of 3 or more."
        )
    posterior = posterior or posterior_of(correct, model)
    observed = _leading(_correlating(correct, model, posterior, varies))
    simulated = []
    for number in range(n_simulations):
        drawn = _simulated(correct, model, posterior, varies, cell_rng(seed, "dimensionality", str(number)))
        simulated.append(_leading(_correlating(drawn, model, posterior_of(drawn, model), varies)).eigenvalue)
    expected, sd = np.mean(simulated, axis=0), np.std(simulated, axis=0, ddof=1)
    further = (observed.eigenvalue - expected) / np.maximum(sd * np.sqrt(1 + 1 / n_simulations), 1e-12)
    loading = np.full(correct.shape[1], np.nan)
    loading[varies] = observed.loading
    return Dimensionality(
        items=names[0],
        respondents=names[1],
        eigenvalue=observed.eigenvalue,
        expected=expected,
        expected_sd=sd,
        highest=np.max(simulated, axis=0),
        p=student.sf(further, n_simulations - 1),
        n_items=len(varies),
        ability_share=_ability_share(correct, model, posterior, varies),
        loading=loading,
        contrast=observed.contrast,
        n_simulations=n_simulations,
    )


@dataclass(frozen=True, slots=True)
class _Contrasts:
    """Leading eigenvalues [dimensions], and the first contrast."""

    eigenvalue: FloatArray
    loading: FloatArray  # [items that vary]
    contrast: FloatArray  # [respondents]


def _correlating(correct: IntArray, model: ItemModel, posterior: Posterior, varies: Places) -> Single:
    """Residuals scaled so that their products are correlations: [respondents, items that vary].

    Their means are taken out. Fitting the difficulties did so in the data, but not in what is simulated.
    """
    residual = residuals_of(correct, model, posterior, varies)
    mean = residual.sum(axis=0) / np.maximum((correct != MISSING).sum(axis=0)[varies], 1)
    for rows in row_blocks(residual.shape):
        residual[rows] -= np.where(correct[rows][:, varies] != MISSING, mean, 0)
    residual /= np.sqrt(np.maximum(np.einsum("ji,ji->i", residual, residual), 1e-12))
    return residual


def _leading(columns: Single) -> _Contrasts:
    """Leading contrasts, from the smaller of the two matrices of products; ``columns`` have length 1."""
    n_respondents, n_items = columns.shape
    n = min(columns.shape)
    side = columns if n_items <= n_respondents else columns.T
    products = np.zeros((n, n), dtype=np.float32)
    for rows in row_blocks(side.shape):
        products += side[rows].T @ side[rows]
    values, vectors = eigh(products, subset_by_index=[max(0, n - _MOST), n - 1])
    first = vectors[:, -1]
    contrast = columns @ first if side is columns else first
    contrast = contrast / max(float(np.linalg.norm(contrast)), 1e-12)
    loading = (columns.T @ contrast).astype(float)
    sign = 1.0 if (loading**3).sum() >= 0 else -1.0
    return _Contrasts(
        values[::-1].astype(float), sign * loading, sign * np.sqrt(n_respondents) * contrast.astype(float)
    )


def _ability_share(correct: IntArray, model: ItemModel, posterior: Posterior, varies: Places) -> float:
    """Share of the variance of responses about their items' means that ability explains."""
    counts = count_responses(correct)
    right, seen = counts.item_right[varies], counts.item_seen[varies]
    within = float((right * (seen - right) / seen).sum())
    return 1 - float(variances_of(correct, model, posterior, varies).sum(dtype=float)) / within


def _simulated(
    correct: IntArray, model: ItemModel, posterior: Posterior, varies: Places, rng: np.random.Generator
) -> IntArray:
    """Responses of the same respondents to the same items under the model, the same missing.

    The items that ``varies`` lists vary here too: they were chosen for that, and a column that does not has no
    correlations.
    """
    upto = np.cumsum(posterior.weight, axis=1)
    place = (upto < rng.random((len(correct), 1)) * upto[:, -1:]).sum(axis=1)
    ability = posterior.ability[np.minimum(place, len(posterior.ability) - 1)]
    drawn, columns = np.empty_like(correct), np.arange(correct.shape[1])
    for _ in range(_MOST_DRAWS):
        drawn[:, columns] = _responses(correct[:, columns], model, columns, ability, rng)
        constant = ~((drawn == 1).any(axis=0) & (drawn == 0).any(axis=0))
        columns = varies[constant[varies]]
        if not len(columns):
            break
    return drawn


def _responses(
    correct: IntArray, model: ItemModel, columns: Places, ability: FloatArray, rng: np.random.Generator
) -> IntArray:
    """A draw for the items ``columns``, of which ``correct`` says what is missing."""
    drawn = np.empty_like(correct)
    for rows in row_blocks(correct.shape):
        log_odds = model.discrimination[columns] * (ability[rows, None] - model.difficulty[columns])
        right = rng.random(log_odds.shape, dtype=np.float32) < expit(log_odds)
        drawn[rows] = np.where(correct[rows] == MISSING, MISSING, right)
    return drawn
