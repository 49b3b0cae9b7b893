"""Where a weighted sum of independent coins lies in its own distribution."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, logit

from easyhard.irt.counts import Mask
from easyhard.schema import FloatArray

_MOST_STEPS = 60
_NOTHING = 1e-8  # sd of a sum that does not vary but for rounding
_FARTHEST = 1000.0  # of the saddlepoint, in units of 1 / sd: met only at an end of the support
# Where the correction to the root is larger, one response dominates the sum, which then takes a few values only: no
# smooth approximation is good, and the root alone is the safer.
_MOST_CORRECTED = 1.0
_CLOSE = 0.02  # sds from the mean within which the formula is 0 / 0, and its limit is used


def sum_z(gain: FloatArray, right: Mask, predicted: FloatArray) -> FloatArray:
    """Standard normal deviate of ``sum of gain * (right - predicted)``, for each column: [items].

    All are [respondents, items]; ``predicted`` is the probability of ``right``, the responses of a column are
    independent given it, and a gain of 0 takes a response out. The deviate is Barndorff-Nielsen's r* (1986,
    Biometrika 73, 307-322): the saddlepoint approximation, which stays good where a few rare responses
    dominate the sum and dividing by the standard deviation does not make it normal. NaN if the sum is constant.
    """
    variance = predicted * (1 - predicted)
    sd = np.sqrt((gain**2 * variance).sum(axis=0))
    with np.errstate(invalid="ignore", divide="ignore"):
        gain = np.where(sd > _NOTHING, gain / sd, 0.0)
    total = (gain * (right - predicted)).sum(axis=0)
    skew = (gain * gain * gain * variance * (1 - 2 * predicted)).sum(axis=0)
    at, curvature = _saddlepoint(gain, predicted, total)
    step = np.minimum(at * gain, 700.0)  # beyond, exp overflows
    cumulant = (np.log1p(predicted * np.expm1(step)) - step * predicted).sum(axis=0)
    root = np.sign(at) * np.sqrt(np.maximum(2 * (at * total - cumulant), 0))
    near = (np.abs(total) < _CLOSE) | (np.abs(root) < _CLOSE / 2)
    safe = np.where(near, 1.0, root)
    ratio = np.maximum(np.where(near, 1.0, at * np.sqrt(curvature)) / safe, 1e-12)
    correction = np.where(near, total - root - skew / 6 * (total**2 - 1), np.log(ratio) / safe)
    z = root + np.clip(correction, -_MOST_CORRECTED, _MOST_CORRECTED)
    return np.where(sd > _NOTHING, z, np.nan)


def _saddlepoint(gain: FloatArray, predicted: FloatArray, total: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Where the slope of the cumulant function is ``total``, and its curvature there: [items] each."""
    base = logit(predicted)
    at = np.zeros(len(total))
    low, high = np.full(len(total), -_FARTHEST), np.full(len(total), _FARTHEST)
    for _ in range(_MOST_STEPS):
        tilted = expit(base + at * gain)
        slope = (gain * (tilted - predicted)).sum(axis=0)
        curvature = (gain**2 * tilted * (1 - tilted)).sum(axis=0)
        gap = total - slope
        low, high = np.where(gap > 0, at, low), np.where(gap < 0, at, high)
        if np.abs(gap).max(initial=0) < 1e-7:
            break
        reach = 1 + np.abs(at)
        step = np.clip(gap / np.maximum(curvature, 1e-300), -reach, reach)
        inside = (at + step > low) & (at + step < high)
        at = np.where(inside, at + step, (low + high) / 2)
    return at, curvature
