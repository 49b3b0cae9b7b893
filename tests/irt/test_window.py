"""Promises of the windows in which posteriors are computed: they leave out nothing that counts."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from easyhard.chance import cell_rng
from easyhard.irt import AbilityShape, fit_2pl


@pytest.mark.parametrize("ability", ["normal", "free"])
@pytest.mark.parametrize(("n_items", "missing"), [(6, 0.0), (150, 0.0), (150, 0.3)])
def test_windows_change_no_estimate(
    n_items: int, missing: float, ability: AbilityShape, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = cell_rng(0, "test", "window", str(n_items), str(missing))
    slope, difficulty = rng.lognormal(0, 0.3, n_items), rng.normal(0, 1.3, n_items)
    place = rng.choice([-1.5, 1.5], 300) + rng.normal(0, 0.4, 300)
    correct = (rng.random((300, n_items)) < expit(slope * np.subtract.outer(place, difficulty))).astype(np.int8)
    correct[rng.random(correct.shape) < missing] = -1
    monkeypatch.setattr("easyhard.irt.cases._TALLEST", 20)  # several slices, each with a window of its own
    narrow = fit_2pl(correct, ability=ability)
    windows: list[slice] = []

    def all_points(evidence: object, point: object) -> slice:
        windows.append(slice(None))
        return slice(None)

    monkeypatch.setattr("easyhard.irt.expectation._Evidence.window", all_points)
    whole = fit_2pl(correct, ability=ability)
    assert windows
    for name in ("difficulty", "discrimination", "standard_error", "discrimination_error"):
        np.testing.assert_allclose(getattr(narrow, name), getattr(whole, name), rtol=1e-7, atol=1e-8)
    assert narrow.log_likelihood == pytest.approx(whole.log_likelihood, rel=1e-12)
