"""Rasch or 2PL: which describes the responses, and what the choice does to the order of difficulty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy import stats

from easyhard.irt.counts import Mask, Places
from easyhard.irt.diagnostics.agreement import bins_of_ranks, check_count, rank_correlation, ranks
from easyhard.irt.diagnostics.held_out import held_out_loss, mean_error, response_folds
from easyhard.irt.diagnostics.names import names_of
from easyhard.irt.item_model import ItemModel
from easyhard.irt.rasch import fit_rasch
from easyhard.irt.two_parameter import fit_2pl
from easyhard.schema import InputError, IntArray
from easyhard.wording import counted

_SURE = float(stats.norm.ppf(0.975))


@dataclass(frozen=True, slots=True)
class ModelComparison:
    """Both models fitted to the same responses. Pairs are Rasch first, then 2PL; arrays are [items]."""

    items: tuple[str, ...]
    rasch: ItemModel
    two_parameter: ItemModel
    n_respondents: int
    n_responses: int
    log_loss: tuple[float, float]  # per held-out response, in nats; smaller is better
    loss_saved: float  # Rasch less 2PL: positive if 2PL predicts better
    loss_saved_error: float  # its standard error, over respondents and items
    bin_rasch: Places  # 0 is the easiest
    bin_2pl: Places
    count: int  # bins

    @property
    def likelihood_ratio(self) -> float:
        """Twice the difference of the log-likelihoods."""
        return 2 * (self.two_parameter.log_likelihood - self.rasch.log_likelihood)

    @property
    def degrees_of_freedom(self) -> int:
        """Parameters that 2PL has more: one per item, but one."""
        return self.two_parameter.n_parameters - self.rasch.n_parameters

    @property
    def p_value(self) -> float:
        """Of the likelihood-ratio test that all discriminations are equal, by its chi-squared limit (Wilks 1938)."""
        return float(stats.chi2.sf(self.likelihood_ratio, self.degrees_of_freedom))

    @property
    def aic(self) -> tuple[float, float]:
        """Akaike's criterion (1974, IEEE Transactions on Automatic Control 19, 716-723); smaller is better."""
        rasch, two = (2 * (one.n_parameters - one.log_likelihood) for one in (self.rasch, self.two_parameter))
        return rasch, two

    @property
    def bic(self) -> tuple[float, float]:
        """Schwarz's criterion (1978, Annals of Statistics 6, 461-464), by respondents; smaller is better."""
        each = float(np.log(self.n_respondents))
        rasch, two = (each * one.n_parameters - 2 * one.log_likelihood for one in (self.rasch, self.two_parameter))
        return rasch, two

    @property
    def moved(self) -> Mask:
        """Items that the two difficulties put into different bins: [items]."""
        return np.asarray(self.bin_rasch != self.bin_2pl)

    @property
    def rank_correlation(self) -> float:
        """Spearman's, between the difficulties of both models."""
        return rank_correlation(self.rasch.difficulty, self.two_parameter.difficulty)

    def frame(self) -> pl.DataFrame:
        """One row per item."""
        return pl.DataFrame(
            {
                "item": pl.Series(self.items, dtype=pl.String),
                "difficulty_rasch": self.rasch.difficulty,
                "difficulty_2pl": self.two_parameter.difficulty,
                "discrimination": self.two_parameter.discrimination,
                "bin_rasch": self.bin_rasch,
                "bin_2pl": self.bin_2pl,
                "moved": self.moved,
            }
        )

    def criteria(self) -> pl.DataFrame:
        """One row per model: ``model, log_likelihood, n_parameters, aic, bic, log_loss, converged``."""
        models = (self.rasch, self.two_parameter)
        return pl.DataFrame(
            {
                "model": [one.name for one in models],
                "log_likelihood": [one.log_likelihood for one in models],
                "n_parameters": [one.n_parameters for one in models],
                "aic": self.aic,
                "bic": self.bic,
                "log_loss": self.log_loss,
                "converged": [one.converged for one in models],
            }
        )

    def reading(self) -> str:
        """What was found, in plain sentences."""
        return " ".join((self._prediction(), self._criteria(), self._order()))

    def _prediction(self) -> str:
        """Which model predicts better."""
        half = _SURE * self.loss_saved_error
        found = f"{abs(self.loss_saved):.4f} nats a response (+-{half:.4f})"
        if abs(self.loss_saved) <= half:
            return f"On held-out responses the models predict alike: they differ by {found}, no more than chance."
        better, worse = ("2PL", "Rasch") if self.loss_saved > 0 else ("Rasch", "2PL")
        return f"{better} predicts held-out responses better than {worse}, by {found}."

    def _criteria(self) -> str:
        """What the likelihood says."""
        aic, bic = ("2PL" if two < rasch else "Rasch" for rasch, two in (self.aic, self.bic))
        chosen = f"AIC and BIC choose {aic}" if aic == bic else f"AIC chooses {aic} and BIC {bic}"
        verdict = "are not all equal" if self.p_value < 0.05 else "may all be equal"
        text = (
            f"{chosen}; by the likelihood-ratio test (chi-squared {self.likelihood_ratio:.0f} on "
            f"{self.degrees_of_freedom} degrees of freedom) discriminations {verdict}."
        )
        stuck = [one.name for one in (self.rasch, self.two_parameter) if not one.converged]
        return text if not stuck else text + f" But {' and '.join(stuck)} did not converge, so trust none of this."

    def _order(self) -> str:
        """What the choice does to the bins."""
        moved, slope = self.moved, self.two_parameter.discrimination
        text = (
            f"{moved.mean():.0%} of {counted(len(moved), 'item')} change bins ({self.count} bins, Spearman's "
            f"correlation of the difficulties {self.rank_correlation:.3f}). Under 2PL difficulty is where the chance "
            "of a right answer is one half; the flatter an item's curve, the further out that lies for the same share "
            "of right answers"
        )
        if not moved.any() or moved.all():
            return text + "."
        return text + (
            f": the median discrimination is {np.median(slope[moved]):.2f} of items that change bins and "
            f"{np.median(slope[~moved]):.2f} of the others."
        )


def compare_models(
    correct: IntArray, count: int = 10, folds: int = 5, seed: int = 0, items: Sequence[str] | None = None
) -> ModelComparison:
    """Compare Rasch and 2PL on ``correct``, int8 [respondents, items]: 1 correct, 0 wrong, -1 missing.

    Both are fitted to all responses (2PL with its usual weak prior, log-likelihood without it), for the criteria
    and for the ``count`` bins of equally many items by difficulty. Both are then fitted ``folds`` times with a
    random part of the responses hidden, to predict those; ``seed`` says which. The standard error of the
    difference treats respondents and items as samples both, and the fitted models as given. ``items`` are names.

    Takes ``folds + 1`` fits of either model. Raises InputError if a model cannot be fitted, for fewer than 2 folds
    or bins, or more bins than items.
    """
    check_count(count, correct.shape[1])
    if folds < 2:
        raise InputError(f"folds is {folds}, but some responses are fitted and others predicted. Ask for 2 or more.")
    rasch, two_parameter = fit_rasch(correct), fit_2pl(correct)
    fold = response_folds(correct, folds, seed)
    loss = [held_out_loss(correct, fit, fold) for fit in (fit_rasch, fit_2pl)]
    predicted = fold >= 0
    saved = loss[0] - loss[1]
    return ModelComparison(
        items=names_of("item", items, correct.shape[1]),
        rasch=rasch,
        two_parameter=two_parameter,
        n_respondents=len(correct),
        n_responses=int((correct >= 0).sum()),
        log_loss=(float(loss[0][predicted].mean()), float(loss[1][predicted].mean())),
        loss_saved=float(saved[predicted].mean()),
        loss_saved_error=mean_error(saved, predicted),
        bin_rasch=bins_of_ranks(ranks(rasch.difficulty), count),
        bin_2pl=bins_of_ranks(ranks(two_parameter.difficulty), count),
        count=count,
    )
