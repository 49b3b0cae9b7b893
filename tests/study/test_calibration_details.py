"""What a report needs of the calibration's responses: made once, kept, and never from other responses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from small_study import N_ITEMS, N_RESPONDENTS, small_study

from easyhard.files import write_bank
from easyhard.irt import calibrate
from easyhard.irt.ability_groups import ability_groups
from easyhard.irt.diagnostics import stability_curve
from easyhard.responses import read_responses
from easyhard.schema import ItemBank
from easyhard.study import details, read_config
from easyhard.study.details import calibration_details
from easyhard.study.settings import StudyConfig
from easyhard.study.tables import calibration_step


@pytest.fixture(name="study")
def calibrated(tmp_path: Path) -> tuple[StudyConfig, ItemBank]:
    config = read_config(small_study(tmp_path))
    bank = calibrate(read_responses(config.responses.path))
    calibration_step(config).run(lambda folder: write_bank(bank, folder / "bank.parquet"))
    return config, bank


def test_groups_and_stability_are_those_of_the_responses(study: tuple[StudyConfig, ItemBank]) -> None:
    config, bank = study
    responses = read_responses(config.responses.path)
    found = calibration_details(config, bank)
    known = ability_groups(responses, bank)
    assert found.groups is not None and found.stability is not None
    assert found.groups.items == known.items and len(known.items) == N_ITEMS
    assert (found.groups.correct == known.correct).all() and (found.groups.seen == known.seen).all()
    assert found.groups.size.sum() == N_RESPONDENTS and np.allclose(found.groups.ability, known.ability)
    curve = stability_curve(responses.correct, count=3)
    assert found.stability.reading == curve.reading() and found.stability.bins == 3
    assert found.stability.table.equals(curve.frame())


def test_they_are_made_once_and_stay_when_the_responses_are_gone(
    study: tuple[StudyConfig, ItemBank], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = calibration_details(*study)
    monkeypatch.setattr(details, "stability_curve", None)  # would fail if called
    study[0].responses.path.unlink()
    again = calibration_details(*study)
    assert first.groups is not None and again.groups is not None and first.stability is not None
    assert (again.groups.correct == first.groups.correct).all()
    assert again.stability is not None and again.stability.table.equals(first.stability.table)


@pytest.mark.parametrize("change", ["gone", "others"])
def test_other_responses_than_those_calibrated_are_left_alone(study: tuple[StudyConfig, ItemBank], change: str) -> None:
    path = study[0].responses.path
    if change == "gone":
        path.unlink()
    else:
        path.write_text(path.read_text().replace(",1\n", ",0\n", 1))
    found = calibration_details(*study)
    assert found.groups is None and found.stability is None
    assert not (study[0].out / "calibration-details").exists()


def test_stability_of_very_many_responses_is_not_looked_into(
    study: tuple[StudyConfig, ItemBank], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(details, "MOST_RESPONSES", N_ITEMS * N_RESPONDENTS - 1)
    found = calibration_details(*study)
    assert found.groups is not None and found.stability is None
