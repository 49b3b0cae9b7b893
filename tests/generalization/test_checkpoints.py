"""A checkpoint is a respondent: an even shift is ability and no misfit, a shift in one bin is misfit there."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from made_up_study import Study

from easyhard.generalization import TrainedRun
from easyhard.generalization.checkpoints import checkpoint_abilities, item_changes
from easyhard.irt import estimate_ability
from easyhard.irt.bank_model import bank_model
from easyhard.schema import InputError, ItemBank, Responses

STUDY = Study(count=4, n_items=500)
BANK = ItemBank(
    STUDY.table.select("item", "difficulty", "standard_error").with_columns(discrimination=pl.lit(1.0)),
    STUDY.bank.calibration,
)


def simulated(ability: float, extra: float = 0.0, seed: int = 0) -> Responses:
    """Simulated Rasch responses; ``extra`` logits are added in bin 2."""
    rng = np.random.default_rng(seed)
    logit = ability - STUDY.table["difficulty"].to_numpy() + extra * (STUDY.bin_of == 2)
    return STUDY.responses((rng.random(len(logit)) < 1 / (1 + np.exp(-logit))).astype(np.int8))


def test_an_even_shift_is_ability_and_no_misfit() -> None:
    runs = [TrainedRun("m", 0, 0, simulated(1.0, seed=1))]
    table = checkpoint_abilities(BANK, STUDY.bins, {"m": simulated(0.0)}, runs)
    assert table["trained_on"].to_list() == ["zero-shot"] * 4 + ["0"] * 4
    before, after = (table.filter(pl.col("trained_on") == name)["ability"][0] for name in ("zero-shot", "0"))
    assert before == pytest.approx(0.0, abs=0.15) and after == pytest.approx(1.0, abs=0.15)
    assert table["standard_error"].to_numpy().max() == pytest.approx(0.06, abs=0.02)
    assert np.abs(table["z"].to_numpy()).max() < 3


def test_a_shift_in_one_bin_is_misfit_there() -> None:
    table = checkpoint_abilities(
        BANK, STUDY.bins, {"m": simulated(0.0)}, [TrainedRun("m", "uniform", 0, simulated(0.0, 1.5))]
    )
    trained = table.filter(pl.col("trained_on") == "uniform")
    assert trained.filter(pl.col("eval_bin") == 2)["z"][0] > 4
    assert trained.filter(pl.col("eval_bin") != 2)["z"].to_numpy().max() < 0


def test_failed_runs_and_missing_responses_have_no_row() -> None:
    correct = simulated(0.0).correct.copy()
    correct[0, STUDY.bin_of == 1] = -1
    runs = [TrainedRun("m", 0, 0, None), TrainedRun("m", 1, 0, STUDY.responses(correct[0]))]
    table = checkpoint_abilities(BANK, STUDY.bins, {"m": simulated(0.0)}, runs)
    assert table.filter(pl.col("trained_on") != "zero-shot").select("trained_on", "eval_bin").rows() == [
        ("1", 0), ("1", 2), ("1", 3),
    ]  # fmt: skip


def test_items_that_every_training_breaks_or_fixes_are_named() -> None:
    study = Study(count=2, n_items=3)
    zero_shot = study.responses(np.array([1, 0, 0, 1, 0, -1]))
    runs = [
        TrainedRun("m", 0, 0, study.responses(np.array([0, 1, 1, 1, 0, 1]))),
        TrainedRun("m", 1, 0, study.responses(np.array([0, 1, 0, -1, -1, 1]))),
        TrainedRun("m", 1, 1, None),
    ]
    table = item_changes(study.bins, {"m": zero_shot}, runs)
    assert table["change"].to_list() == ["forgotten", "fixed", "", "", "", ""]
    assert table["zero_shot"].to_list() == [1, 0, 0, 1, 0, None]
    assert table["n_runs"].to_list() == [2, 2, 2, 1, 1, 2]
    assert table["n_correct"].to_list() == [0, 2, 1, 1, 0, 2]


def test_a_bank_gives_the_model_back() -> None:
    model = bank_model(BANK)
    np.testing.assert_array_equal(model.difficulty, BANK.table["difficulty"])
    assert model.ability_sd == BANK.calibration.ability_sd
    assert estimate_ability(simulated(0.5).correct, model, "wle").estimate[0] == pytest.approx(0.5, abs=0.2)
    other = ItemBank(BANK.table, STUDY.bank.calibration.__class__("3pl", 1, 1, 0.0, 1.0, 0.0, 1, ""))
    with pytest.raises(InputError, match="neither rasch nor 2pl"):
        bank_model(other)
