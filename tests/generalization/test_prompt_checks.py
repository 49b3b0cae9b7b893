"""Checks of what models are asked: each fires on what it is for, and is silent where nothing is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
from made_up_study import Study

from easyhard.generalization import StudyFacts, generalization
from easyhard.generalization.prompt_checks import answer_forms, near_duplicate_texts, other_prompt
from easyhard.schema import Bins, ItemBank, Responses

STUDY = Study(count=4, n_items=100)
LONG = "In the village number {} an old baker sells {} loaves of bread every morning before the sun has risen"


def facts(zero_shot: Responses | None = None) -> StudyFacts:
    odd = pl.int_range(pl.len()) % 2 == 1
    table = STUDY.bins.table.with_columns(split=pl.when(odd).then(pl.lit("held_out")).otherwise(pl.lit("train")))
    bank = ItemBank(STUDY.bank.table.with_columns(discrimination=1.0, standard_error=0.1), STUDY.bank.calibration)
    responses = {"m": zero_shot or simulated(np.zeros(4))}
    matrix = generalization(Bins(table, STUDY.bins.edges, 0.5), responses, [])
    return StudyFacts(bank, Bins(table, STUDY.bins.edges, 0.5), matrix.runs, matrix.cells, responses)


def simulated(extra: np.ndarray) -> Responses:
    """Simulated Rasch responses, with ``extra`` logits in each bin."""
    rng = np.random.default_rng(0)
    logit = extra[STUDY.bin_of] - STUDY.table["difficulty"].to_numpy()
    return STUDY.responses((rng.random(len(logit)) < 1 / (1 + np.exp(-logit))).astype(np.int8))


def test_eh012_near_duplicates_across_the_split() -> None:
    texts = {item: LONG.format(number, 2 * number) for number, item in enumerate(STUDY.items)}
    assert near_duplicate_texts(replace(facts(), questions=texts)).status == "passed"
    texts["item/1"] = texts["item/40"].upper() + "!"
    found = near_duplicate_texts(replace(facts(), questions=texts))
    assert found.status == "issue" and "1 held-out item of 200" in found.finding
    assert "'item/1' and 'item/40'" in found.finding
    assert near_duplicate_texts(facts()).status == "not applicable"
    same = replace(facts(), questions=texts, bins=Bins(STUDY.bins.table, STUDY.bins.edges, 0.0))
    assert near_duplicate_texts(same).status == "not applicable"


def test_eh013_forms_of_answers() -> None:
    alike = dict.fromkeys(STUDY.items, "number")
    assert answer_forms(replace(facts(), answer_forms=alike)).status == "passed"
    by_chance = {item: "number" if number % 3 else "text" for number, item in enumerate(STUDY.items)}
    assert answer_forms(replace(facts(), answer_forms=by_chance)).status == "passed"
    by_bin = {item: "number" if bin_ < 2 else "text" for item, bin_ in zip(STUDY.items, STUDY.bin_of, strict=True)}
    found = answer_forms(replace(facts(), answer_forms=by_bin))
    assert found.status == "tip" and "Cramér's V 1.00" in found.finding
    assert answer_forms(facts()).status == "not applicable"


def test_eh014_zero_shot_that_the_calibration_does_not_explain() -> None:
    assert other_prompt(facts()).status == "passed"
    found = other_prompt(facts(simulated(np.array([-2.0, 0.0, 0.0, 2.0]))))
    assert found.status == "tip" and "'m'" in found.finding and "in bin" in found.finding
    bare = replace(facts(), bank=STUDY.bank)
    assert other_prompt(bare).status == "not applicable"
    none_right = STUDY.responses(np.zeros(400, dtype=np.int8))
    assert other_prompt(facts(none_right)).status in ("passed", "tip")
