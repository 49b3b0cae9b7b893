"""How well do the responses tell respondents, and items, apart?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from easyhard.irt.counts import count_responses
from easyhard.irt.item_model import ItemModel
from easyhard.irt.posterior import Posterior, posterior_of
from easyhard.schema import FloatArray, IntArray
from easyhard.wording import counted


@dataclass(frozen=True, slots=True)
class Separation:
    """How far apart things are, by the error of measuring them. NaN if there are fewer than two."""

    n: int
    true_sd: float  # estimated, error taken out, in the model's unit
    rmse: float  # root mean square error of one of them
    reliability: float  # share of the variance of the estimates that is true; 0 to 1

    @property
    def separation(self) -> float:
        """True spread in units of the error."""
        return float(np.sqrt(self.reliability / (1 - self.reliability))) if self.reliability < 1 else np.inf

    @property
    def strata(self) -> float:
        """Levels that can be told apart, three errors between their centres."""
        return (4 * self.separation + 1) / 3


@dataclass(frozen=True, slots=True)
class Reliability:
    """Reliability of abilities and of difficulties.

    ``marginal`` is the reliability of ability that the model expects of these items and this population: 1 less the
    mean posterior variance by the population's. It agrees with that of ``respondents`` if abilities are distributed
    as the model says.
    """

    respondents: Separation
    items: Separation
    marginal: float

    def frame(self) -> pl.DataFrame:
        """Two rows: respondents and items."""
        both = (self.respondents, self.items)
        return pl.DataFrame(
            {
                "of": ["respondents", "items"],
                "n": [one.n for one in both],
                "true_sd": [one.true_sd for one in both],
                "rmse": [one.rmse for one in both],
                "reliability": [one.reliability for one in both],
                "separation": [one.separation for one in both],
                "strata": [one.strata for one in both],
            }
        )

    def reading(self) -> str:
        """What the figures say, in two sentences."""
        return f"{_sentence(self.respondents, 'respondent')} {_sentence(self.items, 'item')}"


def reliability(correct: IntArray, model: ItemModel, posterior: Posterior | None = None) -> Reliability:
    """Reliability, separation and strata of the respondents and items of ``correct``, int8 [respondents, items].

    Respondents: variance of the posterior means by the same plus the mean posterior variance, over those with any
    response (expected a posteriori reliability; Bock & Mislevy 1982, Applied Psychological Measurement 6, 431-444).
    Items: variance of the difficulties less the mean squared standard error, by that variance, over items that
    some got right and others wrong. Separation is sqrt(reliability / (1 - reliability)), strata (4 separation + 1) / 3
    (Wright & Masters 1982, Rating Scale Analysis, ch. 5). Raises InputError as ``posterior_of`` does.
    """
    posterior = posterior or posterior_of(correct, model)
    counts = count_responses(correct)
    some = counts.respondent_seen > 0
    error = float(np.mean(posterior.sd[some] ** 2)) if some.any() else np.nan
    mean = posterior.mean[some]
    spread = float(np.var(mean, ddof=1)) if len(mean) > 1 else np.nan
    respondents = Separation(len(mean), np.sqrt(spread + error), np.sqrt(error), spread / (spread + error))
    marginal = 1 - error / model.ability_sd**2
    return Reliability(
        respondents, _items(model.difficulty[counts.varies], model.standard_error[counts.varies]), marginal
    )


def _items(difficulty: FloatArray, standard_error: FloatArray) -> Separation:
    """Separation of items, whose estimates carry their error instead of being drawn in."""
    if len(difficulty) < 2:
        return Separation(len(difficulty), np.nan, np.nan, np.nan)
    spread, error = float(np.var(difficulty, ddof=1)), float(np.mean(standard_error**2))
    true = max(spread - error, 0.0)
    return Separation(
        len(difficulty), float(np.sqrt(true)), float(np.sqrt(error)), true / spread if spread > 0 else 0.0
    )


def _sentence(one: Separation, noun: str) -> str:
    if np.isnan(one.reliability):
        return f"With {counted(one.n, noun)} there is no reliability to speak of."
    levels = int(one.strata) if np.isfinite(one.strata) else one.n
    return (
        f"{counted(one.n, noun).capitalize()}: reliability {one.reliability:.3f}, a true spread of {one.true_sd:.2f} "
        f"against an error of {one.rmse:.2f}; about {counted(max(min(levels, one.n), 1), 'level')} can be told apart."
    )
