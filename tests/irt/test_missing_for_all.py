from __future__ import annotations

import numpy as np

from easyhard.chance import cell_rng
from easyhard.irt import fit_2pl, fit_rasch, posterior_of, simulate_rasch


def test_items_that_all_respondents_lack_say_nothing_about_ability() -> None:
    correct = simulate_rasch(80, np.linspace(-1.5, 1.5, 12), 0.3, 1.0, 0.0, cell_rng(0, "test", "missing for all"))
    for model in (fit_rasch(correct), fit_2pl(correct)):
        lacking = correct.copy()
        lacking[:, [2, 7]] = -1
        by_all = posterior_of(lacking, model)
        one_differs = posterior_of(np.vstack([lacking, correct[:1]]), model)  # two patterns of missing responses
        np.testing.assert_allclose(by_all.mean, one_differs.mean[:-1], atol=1e-9)
        np.testing.assert_allclose(by_all.log_likelihood, one_differs.log_likelihood[:-1], atol=1e-9)
