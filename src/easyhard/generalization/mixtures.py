"""Mixtures of bins against single bins, at the same number of training examples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from easyhard.generalization import weights as weigh
from easyhard.generalization.changes import Changes, contrast
from easyhard.generalization.summary import Summary, direction_of
from easyhard.generalization.words import figure, span
from easyhard.schema import FloatArray


def compare_mixtures(single: Changes, mixed: Changes, mixtures: Sequence[str]) -> dict[str, Any]:
    """For each mixture, its mean gain over the evaluation bins minus that of the single bins: ``mixture NAME``.

    Over the evaluation bins where the mixture and all single bins with a result have one, each counted alike, so
    that both are judged on the same items. The interval is that of ``changes.contrast``, paired on items.
    """
    both = single.stacked(mixed)
    found: dict[str, Any] = {}
    for place, name in enumerate(mixtures):
        weights = _mixture_minus_single(both.gains(), single.n_rows, single.n_rows + place)
        if weights is None:
            found[f"mixture {name}"] = Summary(
                f"What the mixture {name!r} does is unknown: too few cells have a result."
            ).as_dict()
            continue
        found[f"mixture {name}"] = _difference(both, weights, name).as_dict()
    return found


def _difference(both: Changes, weights: FloatArray, name: str) -> Summary:
    lead = contrast(both, weights)
    interval = lead.interval()
    direction = direction_of(interval)
    words = ("gains neither measurably more nor less", "gains more", "gains less")[direction]
    sentence = (
        f"The mixture {name!r} {words} than training on one bin does, on average over all single bins and "
        f"evaluation bins: {figure(lead.value)} ({span(interval)})."
    )
    return Summary(sentence, lead.value, interval, direction)


def _mixture_minus_single(gains: FloatArray, n_single: int, row: int) -> FloatArray | None:
    """Weights [rows, eval_bins]; None if the mixture or every single bin is without a result."""
    kept = np.zeros(len(gains), dtype=bool)
    kept[:n_single] = kept[row] = True
    present = weigh.rectangle(np.where(kept[:, None], gains, np.nan))
    weights = weigh.mean_of(present & (np.arange(len(gains)) == row)[:, None])
    others = weigh.mean_of(present & (np.arange(len(gains)) < n_single)[:, None])
    return None if weights is None or others is None else weights - others
