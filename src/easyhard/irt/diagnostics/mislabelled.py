"""Which gold answers are likely wrong? Items that able models fail and weak ones do not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.special import logsumexp

from easyhard.irt.counts import count_responses
from easyhard.irt.diagnostics.false_discovery import LEVEL
from easyhard.irt.diagnostics.names import names_of
from easyhard.irt.diagnostics.rest import rest_blocks
from easyhard.irt.diagnostics.rising import AbilityGroups, ability_groups, log_likelihoods
from easyhard.irt.item_model import ItemModel
from easyhard.irt.posterior import Posterior, posterior_of
from easyhard.schema import FloatArray, IntArray
from easyhard.wording import counted, shown, shown_all

# Slopes are relative to the typical item. A wrong key makes success independent of ability or falling with it:
# half the weight on flat, the other half spread to as steeply falling as the typical item rises.
_FALLING = np.array([0.0, -0.25, -0.5, -0.75, -1.0])
_FALLING_WEIGHT = np.array([0.5, 0.125, 0.125, 0.125, 0.125])
_RISING = np.exp(np.linspace(np.log(0.05), np.log(8.0), 24))
_FIRST_SHARE = 0.02  # of wrong keys; only where the search for the share starts
_LEAST_SPREAD = 0.1  # sd of log slopes: items are never all alike
_ABLE = 0.25  # the ablest quarter, in the table


@dataclass(frozen=True, slots=True)
class Mislabelled:
    """How likely each item's gold answer is wrong: [items] each, NaN where all or none were correct.

    ``probability`` is that of a wrong key, given the responses and how the other items behave;
    ``log_likelihood_ratio`` the same evidence without the share of wrong keys: natural log, above 0 for a wrong key.
    ``slope`` is the likeliest slope, 1 being the typical item's, 0 or less that of an item that able respondents
    get right no more often than weak ones. ``able_correct`` is the share correct among the ablest quarter,
    ``able_expected`` what the model expects.
    """

    items: tuple[str, ...]
    probability: FloatArray
    log_likelihood_ratio: FloatArray
    slope: FloatArray
    able_correct: FloatArray
    able_expected: FloatArray
    share: float  # of wrong keys, estimated
    flagged: tuple[int, ...]  # items, likeliest first, of which at most 5% are expected to be sound

    def frame(self) -> pl.DataFrame:
        """One row per item, the likeliest wrong key first."""
        table = pl.DataFrame(
            {
                "item": pl.Series(self.items, dtype=pl.String),
                "probability": self.probability,
                "log_likelihood_ratio": self.log_likelihood_ratio,
                "slope": self.slope,
                "able_correct": self.able_correct,
                "able_expected": self.able_expected,
                "flagged": np.isin(np.arange(len(self.items)), self.flagged),
            },
            nan_to_null=True,
        )
        return table.sort("log_likelihood_ratio", descending=True, nulls_last=True, maintain_order=True)

    def reading(self) -> str:
        """What the figures say, in a few sentences."""
        tested = int((~np.isnan(self.probability)).sum())
        if not tested:
            return "No gold answer can be judged: every item was answered alike by all its respondents."
        if not self.flagged:
            at = int(np.nanargmax(self.log_likelihood_ratio))
            return (
                f"No gold answer of {counted(tested, 'item')} stands out as wrong. The most doubtful is "
                f"{shown(self.items[at])}, with a probability of {self.probability[at]:.2g}."
            )
        at = self.flagged[0]
        named = shown_all([self.items[item] for item in self.flagged], 5)
        return (
            f"{counted(len(self.flagged), 'gold answer')} of {tested:,} are likely wrong (at most {LEVEL:.0%} of them "
            f"expected to be sound): {named}. On the first, {self.able_correct[at]:.0%} of the ablest quarter are "
            f"right where {self.able_expected[at]:.0%} are expected. Read these items: a flat item can also be "
            "ambiguous, or guessed by all."
        )


def mislabelled(
    correct: IntArray,
    model: ItemModel,
    posterior: Posterior | None = None,
    items: Sequence[str] | None = None,
) -> Mislabelled:
    """Likely wrong gold answers among the items of ``correct``, int8 [respondents, items].

    Every item is either sound, its log-odds of a correct response rising with ability at a slope that is
    log-normal over items, or wrongly keyed, with a slope of 0 or below. The mean and spread of sound slopes and
    the share of wrong keys are estimated from all items together (EM), and an item's probability follows by
    Bayes. Items are flagged, likeliest first, as long as the mean probability of being sound among them is at
    most 0.05: the Bayesian false-discovery rate (Efron, Tibshirani, Storey & Tusher 2001, JASA 96, 1151-1160).
    Ability is that from the respondent's other responses. The idea that items which the able fail are suspect is
    old; that it finds label errors of benchmarks is shown by Rodriguez et al. (2021), ACL, 4486-4503.

    ``posterior`` is that of ``posterior_of``. Raises InputError as that does, and if there is not one name an item.
    """
    names = names_of("item", items, correct.shape[1])
    posterior = posterior or posterior_of(correct, model)
    varies = count_responses(correct).varies
    slopes = np.concatenate([_FALLING, _RISING])
    likelihood = np.full((len(slopes), correct.shape[1]), np.nan)
    able_correct, able_expected = np.full((2, correct.shape[1]), np.nan)
    typical = float(np.median(np.abs(model.discrimination[varies]))) if varies.any() else 1.0
    for block in rest_blocks(correct, model, posterior):
        groups = ability_groups(block, model)
        likelihood[:, block.items] = log_likelihoods(groups, slopes * typical)
        able_correct[block.items], able_expected[block.items] = _able(groups)
    mixture = _mixture(likelihood[:, varies])
    probability, ratio, slope = np.full((3, correct.shape[1]), np.nan)
    probability[varies], ratio[varies] = mixture.probability, mixture.log_likelihood_ratio
    slope[varies] = slopes[np.argmax(likelihood[:, varies], axis=0)]
    return Mislabelled(
        names, probability, ratio, slope, able_correct, able_expected, mixture.share, _flagged(probability, ratio)
    )


@dataclass(frozen=True, slots=True)
class _Mixture:
    """Sound and wrongly keyed items told apart: [items] each."""

    probability: FloatArray
    log_likelihood_ratio: FloatArray
    share: float


def _mixture(likelihood: FloatArray, steps: int = 200) -> _Mixture:
    """EM for the share of wrong keys and the log-normal of sound slopes; ``likelihood`` is [slopes, items]."""
    n_falling, log_slope = len(_FALLING), np.log(_RISING)
    wrong = logsumexp(likelihood[:n_falling], axis=0, b=_FALLING_WEIGHT[:, None])
    rising = likelihood[n_falling:]
    share, mean, sd = _FIRST_SHARE, 0.0, 0.5
    if not likelihood.shape[1]:
        return _Mixture(wrong, wrong, np.nan)
    for _ in range(steps):
        log_prior = -0.5 * ((log_slope - mean) / sd) ** 2
        log_prior -= logsumexp(log_prior)
        joint = rising + log_prior[:, None]
        sound = logsumexp(joint, axis=0)
        ratio = wrong - sound
        probability = 1 / (1 + np.exp(np.clip(-ratio - np.log(share / (1 - share)), -700, 700)))
        weight = (np.exp(joint - sound) * (1 - probability)).sum(axis=1)
        before = (share, mean, sd)
        share = float(np.clip(probability.mean(), 1e-6, 0.5))
        mean = float(weight @ log_slope / weight.sum())
        sd = max(float(np.sqrt(weight @ (log_slope - mean) ** 2 / weight.sum())), _LEAST_SPREAD)
        if np.allclose(before, (share, mean, sd), rtol=1e-4, atol=1e-6):
            break
    return _Mixture(probability, ratio, share)


def _able(groups: AbilityGroups) -> tuple[FloatArray, FloatArray]:
    """Share correct among the ablest of each item's respondents, and what is expected: [items] each."""
    beyond = np.cumsum(groups.n[::-1], axis=0)[::-1]
    able = beyond <= np.maximum(_ABLE * groups.n.sum(axis=0), groups.n[-1])
    n = np.where(able, groups.n, 0).sum(axis=0)
    with np.errstate(invalid="ignore"):
        return np.where(able, groups.right, 0).sum(axis=0) / n, np.where(able, groups.expected, 0).sum(axis=0) / n


def _flagged(probability: FloatArray, ratio: FloatArray) -> tuple[int, ...]:
    """The longest list, likeliest first, whose mean probability of being sound is within the level."""
    tested = np.flatnonzero(~np.isnan(probability))
    order = tested[np.argsort(-ratio[tested], kind="stable")]
    mean_sound = np.cumsum(1 - probability[order]) / np.arange(1, len(order) + 1)
    within = np.flatnonzero(mean_sound <= LEVEL)
    return tuple(int(item) for item in order[: within[-1] + 1]) if len(within) else ()
