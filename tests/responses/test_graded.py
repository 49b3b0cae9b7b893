"""Graded scores become responses that a model of right and wrong answers holds for. The scores are simulated."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from easyhard.irt import fit_rasch
from easyhard.responses import Asked, ingest_logs
from easyhard.responses.graded import code_of, draw
from easyhard.responses.log import NotDichotomous, codes_of, correct_of
from easyhard.schema import MISSING, InputError


def written(path: Path, scores: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Path:
    rows = [(f"r{r}", f"i{i}", float(score)) for (r, i), score in np.ndenumerate(scores)]
    path.write_text(
        "".join(json.dumps(dict(zip(("respondent", "item", "correct"), row, strict=True))) + "\n" for row in rows)
    )
    return path


def test_right_and_wrong_stay_and_what_lies_between_keeps_its_hundredths() -> None:
    scores = [0, 1, 0.004, 0.25, "0.5", 0.999, None, True]
    assert codes_of(scores, "graded").tolist() == [0, 1, 0, 26, 51, 1, MISSING, 1]
    assert code_of(0.99) == 100


@pytest.mark.parametrize("score", [-0.1, 1.1, 5, "inf", [0.5, 0.5]])
def test_a_score_that_is_no_probability_is_refused(score: object) -> None:
    with pytest.raises(NotDichotomous):
        correct_of(score, "graded")


def test_the_share_drawn_as_right_is_the_score() -> None:
    names = [f"i{k}" for k in range(20_000)]
    for score in (0.03, 0.5, 0.9):
        correct, drawn = draw("r", names, [0] * len(names), np.full(len(names), code_of(score), dtype=np.int8))
        assert drawn == len(names)
        assert correct.mean() == pytest.approx(score, abs=4 * (score * (1 - score) / len(names)) ** 0.5)


def test_a_draw_depends_on_names_and_trial_alone() -> None:
    codes = np.full(64, 51, dtype=np.int8)
    items = [f"i{k}" for k in range(64)]
    first = draw("r", items, [0] * 64, codes)[0]
    back = draw("r", items[::-1], [0] * 64, codes)[0]
    assert first.tolist() == back[::-1].tolist()
    assert first.tolist() != draw("s", items, [0] * 64, codes)[0].tolist()
    assert first.tolist() != draw("r", items, [1] * 64, codes)[0].tolist()


def test_difficulties_of_graded_scores_are_recovered_within_their_standard_errors(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    ability, difficulty = rng.normal(size=600), np.linspace(-2, 2, 25)
    probability = 1 / (1 + np.exp(difficulty - ability[:, None]))
    scores = rng.beta(2 * probability, 2 * (1 - probability))  # whose mean the Rasch model gives
    responses, audit = ingest_logs(written(tmp_path / "scores.jsonl", scores), Asked(threshold="graded"))
    assert 0.75 * scores.size < audit.drawn < scores.size  # the others are within half a hundredth of 0 or 1
    fitted = fit_rasch(responses.correct)
    order = [int(name[1:]) for name in responses.items]
    error = (fitted.difficulty - (difficulty - difficulty.mean())[order]) / fitted.standard_error
    error -= error.mean()  # the origin is the respondents' mean
    assert 0.6 < (error**2).mean() < 1.6
    assert np.abs(error).max() < 4


def test_without_a_word_on_what_is_right_both_ways_are_named(tmp_path: Path) -> None:
    path = written(tmp_path / "scores.jsonl", np.array([[0.5, 1.0], [0.0, 1.0]]))
    with pytest.raises(InputError, match=r"--threshold 0\.5.*--graded"):
        ingest_logs(path)
