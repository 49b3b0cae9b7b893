"""What every Python adapter shares: read the matrix, fit against the clock, write the estimate.

An adapter has one function, ``prepare(correct, model)``. It brings the responses into the form its package
documents and returns a function of no arguments that fits. Only that second function is timed, so imports and
changes of form are free for every package. Nothing is caught here: a package that fails ends the process, and
the runner shows its last words.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Estimate:
    """What a package says about the items, on the package's own scale."""

    difficulty: Any  # [items]
    standard_error: Any = None  # [items]; None if the package gives none
    discrimination: Any = 1.0  # [items], or one number for all
    ability_mean: float | None = None  # of the estimated abilities; None where the package fixes it to 0
    ability_sd: float | None = None  # of the estimated abilities; None where the package fixes it to 1
    remarks: Sequence[str] = field(default_factory=tuple)
    standard_errors: Callable[[], Any] | None = None  # gives them by a second call, timed apart
    errors_fit_again: bool = False  # the second call repeats the fit, whose seconds are then taken off


def main(package: str, prepare: Callable[[Any, str], Callable[[], Estimate]]) -> None:
    """Run as ``python ADAPTER.py MATRIX.npy MODEL OUT.json``, and any options of the adapter's own."""
    matrix, model, out = sys.argv[1:4]
    fit = prepare(np.load(matrix), model)
    began = time.perf_counter()
    estimate = fit()
    seconds = time.perf_counter() - began
    # Written before the standard errors: if those take too long, the estimate still stands.
    _write(Path(out), package, estimate, estimate.standard_error, seconds, None)
    if estimate.standard_errors is not None:
        began = time.perf_counter()
        errors = estimate.standard_errors()
        taken = time.perf_counter() - began - seconds * estimate.errors_fit_again
        _write(Path(out), package, estimate, errors, seconds, max(taken, 0.0))


def _write(
    out: Path, package: str, estimate: Estimate, errors: Any, seconds: float, error_seconds: float | None
) -> None:
    fields = {
        "version": version(package),
        "seconds": seconds,
        "error_seconds": error_seconds,
        "errors_pending": estimate.standard_errors is not None and error_seconds is None,
        "difficulty": _floats(estimate.difficulty),
        "standard_error": None if errors is None else _floats(errors),
        "discrimination": _floats(np.atleast_1d(np.asarray(estimate.discrimination))),
        "ability_mean": estimate.ability_mean,
        "ability_sd": estimate.ability_sd,
        "remarks": list(estimate.remarks),
    }
    temporary = out.with_suffix(".part")
    temporary.write_text(json.dumps(fields))
    temporary.replace(out)


def _floats(values: Any) -> list[float]:
    return [float(value) for value in np.asarray(values, dtype=float).ravel()]
