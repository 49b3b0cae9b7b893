from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from made_up_study import Study
from scipy import stats

from easyhard.generalization import RunKey, StudyFacts, checks, generalization, run_checks
from easyhard.generalization.codes import NEXT_STEPS, TITLES
from easyhard.generalization.guessing import guessing_p_value
from easyhard.schema import Check, InputError


def facts(study: Study, n_right: Callable[[int, int], int] = lambda i, j: 34 if i == j else 20) -> StudyFacts:
    """A sound study, which every check passes."""
    zero_shot = {"m": study.pattern(lambda j: 20)}
    matrix = generalization(study.bins, zero_shot, study.runs(n_right))
    keys = [("m", bin_, 0) for bin_ in range(study.count)]
    return StudyFacts(
        bank=study.bank,
        bins=study.bins,
        runs=matrix.runs,
        cells=matrix.cells,
        zero_shot=zero_shot,
        guessing=dict.fromkeys(study.items, 0.25),
        train_sizes=dict.fromkeys(keys, 90),
        n_truncated=dict.fromkeys(keys, 0),
        question_length={item: 50.0 + number % 7 for number, item in enumerate(study.items)},
        questions={item: f"Question {number}?" for number, item in enumerate(study.items)},
        answer_forms=dict.fromkeys(study.items, "number"),
    )


def with_bins(study: Study, **columns: pl.Expr | pl.Series) -> StudyFacts:
    return replace(facts(study), bins=replace(study.bins, table=study.table.with_columns(**columns)))


def spoken(check: Check, status: str, *words: str) -> None:
    assert check.status == status, check
    for word in words:
        assert word in check.finding
    assert bool(check.next_step) == (status in ("issue", "tip"))


def test_a_sound_study_passes_every_check_in_order() -> None:
    found = run_checks(facts(Study()))
    assert [check.code for check in found] == sorted(TITLES)
    # EH014 needs a calibrated bank and has tests of its own: these responses follow no scale.
    assert {check.status for check in found if check.code != "EH014"} == {"passed"}, found


def test_what_is_not_known_is_not_applicable() -> None:
    bare = replace(facts(Study()), guessing=None, train_sizes=None, n_truncated=None, question_length=None)
    bare = replace(bare, questions=None, answer_forms=None)
    found = {check.code for check in run_checks(bare) if check.status == "not applicable"}
    assert found == {"EH005", "EH006", "EH008", "EH011", "EH012", "EH013", "EH014"}


def test_every_code_has_an_entry_in_the_documentation() -> None:
    text = (Path(__file__).parents[2] / "docs" / "checks.md").read_text(encoding="utf-8")
    headings = dict(re.findall(r"^## (EH\d{3}) (.+)$", text, flags=re.MULTILINE))
    assert headings == TITLES
    assert NEXT_STEPS.keys() == TITLES.keys()


def test_eh001_too_few_respondents() -> None:
    study = Study()
    unsure = pl.when(pl.col("bin") == 2).then(0.4).otherwise(0.9)
    spoken(checks.membership(with_bins(study, membership=unsure)), "issue", "bin 2", "0.40", "100 respondents")
    spoken(checks.membership(facts(study)), "passed", "0.90")
    spoken(checks.membership(with_bins(study, membership=pl.lit(float("nan")))), "not applicable")


def test_eh002_equal_difficulties_across_an_edge() -> None:
    study = Study()
    tied = pl.Series(np.where(np.isin(np.arange(200), (39, 40)), 0.125, np.arange(200.0)))
    spoken(checks.ties(with_bins(study, difficulty=tied)), "issue", "2 items", "at 1 difficulties")
    inside = pl.Series(np.where(np.isin(np.arange(200), (38, 39)), 0.125, np.arange(200.0)))
    spoken(checks.ties(with_bins(study, difficulty=inside)), "passed")


def test_eh003_floor_and_ceiling() -> None:
    study = Study()
    easy = {"m": study.pattern(lambda j: {0: 40, 4: 1}.get(j, 20))}
    found = checks.floor_and_ceiling(replace(facts(study), zero_shot=easy))
    spoken(found, "issue", "gain: 'm' bin 0 (100% of 40).", "loss: 'm' bin 4 (2% of 40).")
    hard = {"m": study.pattern(lambda j: 1 if j == 4 else 20)}
    spoken(checks.floor_and_ceiling(replace(facts(study), zero_shot=hard)), "tip", "floor")
    spoken(checks.floor_and_ceiling(facts(study)), "passed")


def test_eh004_same_items() -> None:
    spoken(checks.same_items(facts(Study(held_out=0.0))), "issue", "training accuracy")
    spoken(checks.same_items(facts(Study(held_out=0.3))), "passed", "30%")


def test_eh005_training_sizes() -> None:
    sound = facts(Study())
    keys = [("m", bin_, 0) for bin_ in range(3)]
    for sizes, status in [((90, 60, 90), "issue"), ((90, 89, 90), "passed"), ((5, 4, 5), "passed")]:
        checked = checks.training_sizes(replace(sound, train_sizes=dict(zip(keys, sizes, strict=True))))
        spoken(checked, status)
    spoken(checks.training_sizes(replace(sound, train_sizes={})), "not applicable")


@pytest.mark.parametrize(
    ("n_right", "guessing", "status", "words"),
    [
        (10, 0.25, "issue", ("25.0% right of 200", "25.0% by guessing", "p = 0.5", "no evidence")),
        (14, 0.25, "passed", ("35.0% right", "p =")),
        (0, 0.0, "issue", ("0.0% right", "p = 1")),
        (1, 0.0, "issue", ("2.5% right",)),
        (4, 0.0, "passed", ("10.0% right",)),
    ],
)
def test_eh006_no_better_than_guessing(n_right: int, guessing: float, status: str, words: tuple[str, ...]) -> None:
    study = Study()
    guesser = replace(
        facts(study),
        zero_shot={"m": study.pattern(lambda j: n_right)},
        guessing=dict.fromkeys(study.items, guessing),
    )
    spoken(checks.beyond_guessing(guesser), status, *words)


def test_eh006_one_right_of_a_hundred_with_two_percent_by_luck_is_guessing() -> None:
    study = Study(count=2, n_items=50)
    guesser = replace(
        facts(study),
        zero_shot={"m": study.pattern(lambda j: 1 - j)},
        guessing=dict.fromkeys(study.items, 0.02),
    )
    spoken(checks.beyond_guessing(guesser), "issue", "1.0% right of 100", "2.0% by guessing", "p = 0.87")


def test_eh006_speaks_of_each_model_alone_and_needs_every_item() -> None:
    study = Study()
    both = replace(facts(study), zero_shot={"qwen": study.pattern(lambda j: 30), "qwen-2": study.pattern(lambda j: 10)})
    found = checks.beyond_guessing(both)
    assert checks.concerns(found, "qwen-2")
    assert not checks.concerns(found, "qwen")
    with pytest.raises(InputError, match="Give one for every item"):
        checks.beyond_guessing(replace(both, guessing={}))


def test_the_guessing_test_agrees_with_independent_computations() -> None:
    assert guessing_p_value(12, np.full(20, 0.25)) == pytest.approx(stats.binomtest(12, 20, 0.25, "greater").pvalue)
    chance = np.array([0.1, 0.25, 0.5, 0.5, 0.2])
    exact = sum(
        float(np.prod(np.where(right, chance, 1 - chance)))
        for right in (np.array(outcome, dtype=bool) for outcome in product((0, 1), repeat=5))
        if right.sum() >= 3
    )
    assert guessing_p_value(3, chance) == pytest.approx(exact)


def test_eh007_no_detectable_change() -> None:
    study = Study()
    spoken(
        checks.detectable_change(facts(study, lambda i, j: 21 + (i == j))),
        "issue",
        "'m': largest change +5.0",
    )
    spoken(checks.detectable_change(facts(study, lambda i, j: 20 - 15 * (i == j))), "passed", "−37.5")
    empty = facts(study)
    spoken(checks.detectable_change(replace(empty, cells=empty.cells.clear())), "not applicable")


def test_eh008_truncated_examples() -> None:
    sound = facts(Study())
    cut: dict[RunKey, int] = {("m", 0, 0): 0, ("m", 4, 0): 7, ("m", 3, 0): 2}
    spoken(checks.truncation(replace(sound, n_truncated=cut)), "issue", "2 of 3 runs", "bin 4, seed 0: 7")


def test_eh009_misfitting_items() -> None:
    study = Study()
    sound = facts(study)
    for n_noisy, status in [(5, "tip"), (3, "passed")]:
        outfit = pl.Series("outfit_mnsq", [1.6] * n_noisy + [1.0] * (200 - n_noisy))
        bank = replace(study.bank, table=study.bank.table.with_columns(outfit))
        spoken(checks.misfit(replace(sound, bank=bank)), status, "bin 0", "bin 4 0%")
    without = study.bank.table.with_columns(outfit_mnsq=pl.lit(None, dtype=pl.Float64))
    spoken(checks.misfit(replace(sound, bank=replace(study.bank, table=without))), "not applicable")


def test_eh010_failed_and_missing_runs() -> None:
    study = Study()
    runs = [replace(run, responses=None) if run.train_bin == 1 else run for run in study.runs(lambda i, j: 20)]
    zero_shot = {"m": study.pattern(lambda j: 20)}
    matrix = generalization(study.bins, zero_shot, [run for run in runs if run.train_bin != 3])
    found = checks.unfinished(replace(facts(study), runs=matrix.runs))
    spoken(found, "issue", "Of 5 runs, 1 failed and 1 miss")
    spoken(checks.unfinished(replace(facts(study), runs=matrix.runs.clear())), "not applicable")


def test_eh011_question_length() -> None:
    study = Study()
    longer = {item: float(number) for number, item in enumerate(study.items)}
    spoken(
        checks.question_length(replace(facts(study), question_length=longer)),
        "tip",
        "over 200 items",
        "+0.98",
    )
    shorter = {item: -length for item, length in longer.items()}
    spoken(checks.question_length(replace(facts(study), question_length=shorter)), "tip", "−0.98")
    alike = dict.fromkeys(study.items, 12.0)
    spoken(checks.question_length(replace(facts(study), question_length=alike)), "not applicable")
