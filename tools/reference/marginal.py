"""Rasch and 2PL by marginal maximum likelihood, by two Python packages; used by make_reference.py.

Scales. Both fix abilities at normal(0, 1), and have P(correct) = expit(discrimination (ability - difficulty)),
larger difficulties being harder: for "rasch" one discrimination for all items, which is the ability's standard
deviation in logits. On our Rasch scale the difficulty of an item is discrimination * (difficulty - mean
difficulty); its standard error follows from mirt's covariance of all parameters by the delta method.

girth does not maximise the likelihood of the difficulties: given the discrimination it solves for those at which
the expected proportion right of each item is the observed one. It is close, not equal, and gives no errors.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import girth
import mirt
import numpy as np
import numpy.typing as npt

POINTS = 61


def fit_with_mirt(responses: npt.NDArray[np.int8]) -> dict[str, Any]:
    """Estimates, standard errors from the observed information (Oakes 1999) and log-likelihoods."""
    n_items = responses.shape[1]
    how = {"n_quadpts": POINTS, "tol": 1e-10, "max_iter": 50_000, "se_method": "oakes"}
    one_slope = [("discrimination", list(range(n_items)))]
    rasch = mirt.fit_mirt(responses.astype(int), "2PL", constraints=one_slope, **how)
    two = mirt.fit_mirt(responses.astype(int), "2PL", **how)
    assert rasch.converged and two.converged
    slope, place = rasch.model.parameters["discrimination"][0], rasch.model.parameters["difficulty"]
    from_mean = np.eye(n_items) - 1 / n_items
    # vcov: the discriminations, all the same parameter, then the difficulties.
    gradient = np.hstack([(from_mean @ place)[:, None], slope * from_mean])
    covariance = np.asarray(rasch.vcov)[n_items - 1 :, n_items - 1 :]
    return {
        "version": version("mirt"),
        "points": POINTS,
        "rasch": {
            "ability_sd": float(slope),
            "ability_mean": float(-slope * place.mean()),
            "difficulty": rounded(slope * from_mean @ place),
            "standard_error": rounded(np.sqrt(np.diag(gradient @ covariance @ gradient.T))),
            "log_likelihood": float(rasch.log_likelihood),
        },
        "two_parameter": {
            "discrimination": rounded(two.model.parameters["discrimination"]),
            "discrimination_error": rounded(two.standard_errors["discrimination"]),
            "difficulty": rounded(two.model.parameters["difficulty"]),
            "standard_error": rounded(two.standard_errors["difficulty"]),
            "log_likelihood": float(two.log_likelihood),
        },
    }


def fit_with_girth(responses: npt.NDArray[np.int8]) -> dict[str, Any]:
    """Estimates for complete data."""
    options = {"quadrature_n": POINTS, "quadrature_bounds": (-6, 6)}
    rasch = girth.onepl_mml(responses.T.astype(int), options=options)
    two = girth.twopl_mml(responses.T.astype(int), options=options)
    place = rasch["Difficulty"]
    return {
        "version": version("girth"),
        "points": POINTS,
        "rasch": {
            "ability_sd": float(rasch["Discrimination"]),
            "difficulty": rounded(rasch["Discrimination"] * (place - place.mean())),
        },
        "two_parameter": {
            "discrimination": rounded(two["Discrimination"]),
            "difficulty": rounded(two["Difficulty"]),
        },
    }


def rounded(values: npt.NDArray[np.float64]) -> list[float]:
    return [round(float(value), 9) for value in values]
