from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest
from scipy.special import expit

from easyhard.chance import cell_rng
from easyhard.irt import fit_2pl, fit_rasch
from easyhard.irt.near_copies import NearCopies, near_copies
from easyhard.schema import FloatArray, InputError, IntArray


def chances(name: str, n_respondents: int, n_items: int) -> FloatArray:
    rng = cell_rng(0, "test near copies", name)
    return np.asarray(expit(rng.normal(0.3, 1, (n_respondents, 1)) - rng.normal(0, 1.2, n_items)))


def answers(name: str, chance: FloatArray) -> IntArray:
    rng = cell_rng(0, "test near copies answers", name)
    correct: IntArray = (rng.random(chance.shape) < chance).astype(np.int8)
    return correct


def with_copies(name: str, redrawn: float, missing: float = 0.0) -> IntArray:
    """120 respondents to 150 items; 1 and 2 are copies of 0, 11 of 10, with a share of the answers redrawn."""
    chance = chances(name, 120, 150)
    chance[[1, 2, 11]] = chance[[0, 0, 10]]
    correct, rng = answers(name, chance), cell_rng(0, "test near copies redrawn", name)
    for copy, original in ((1, 0), (2, 0), (11, 10)):
        kept = rng.random(150) >= redrawn
        correct[copy, kept] = correct[original, kept]
    correct[rng.random(correct.shape) < missing] = -1
    return correct


def found_in(correct: IntArray, model: str = "rasch") -> NearCopies:
    return near_copies(correct, (fit_2pl if model == "2pl" else fit_rasch)(correct))


@pytest.mark.parametrize(
    ("redrawn", "missing", "model"), [(0.0, 0.0, "rasch"), (0.1, 0.0, "rasch"), (0.05, 0.2, "rasch"), (0.1, 0.0, "2pl")]
)
def test_copies_are_found_and_nobody_else(redrawn: float, missing: float, model: str) -> None:
    found = found_in(with_copies("found", redrawn, missing), model)
    assert found.groups == ((0, 1, 2), (10, 11))
    assert found.effective_number == pytest.approx(117)
    np.testing.assert_allclose(found.weights()[[0, 1, 2, 3, 10, 11]], [1 / 3, 1 / 3, 1 / 3, 1, 1 / 2, 1 / 2])
    assert found.pairs.residual_correlation.min() >= 0.5


def test_independent_respondents_are_not_grouped() -> None:
    false = [
        found_in(answers(f"none {repeat}", chances(f"none {repeat}", n_respondents, n_items))).groups
        for n_respondents, n_items in ((400, 15), (60, 200), (8, 40))
        for repeat in range(10)
    ]
    assert not any(false)


def test_the_evidence_is_no_larger_than_it_should_be() -> None:
    # Markov: a likelihood ratio of 1 / a or more has a chance of at most a without copying.
    correct = answers("evidence", chances("evidence", 150, 30))
    pairs, counting = import_module("easyhard.irt.copy_pairs"), import_module("easyhard.irt.counts")
    model = fit_rasch(correct)
    posterior = import_module("easyhard.irt").posterior_of(correct, model)
    residuals = pairs.residuals_of_tested(correct, model, posterior, counting.count_responses(correct))
    ratio = np.concatenate(
        [pairs.log_likelihood_ratios(residuals, tile.alike(-1.0)) for tile in pairs.tiles(residuals)]
    )
    assert len(ratio) == len(residuals.rows) * (len(residuals.rows) - 1) // 2
    for bound in (10, 100, 1000):
        assert np.mean(ratio >= np.log(bound)) <= 1 / bound


def test_all_right_all_wrong_and_little_overlap_are_no_evidence() -> None:
    correct = answers("extreme", chances("extreme", 80, 60))
    correct[:4], correct[4:8] = 1, 0
    correct[8], correct[9] = -1, -1
    correct[8:10, :3] = [1, 0, 1]
    correct[10], correct[11] = correct[12], correct[12]
    correct[10, ::2], correct[11, 1::2] = -1, -1  # no item in common
    found = found_in(correct)
    grouped = {row for group in found.groups for row in group}
    assert not grouped & set(range(10))
    assert (10, 11) not in found.groups


def test_members_are_compared_with_the_representative_by_their_answers() -> None:
    correct = with_copies("frame", 0.05)
    correct[0, :5] = -1
    names = [f"model {place:03}" for place in range(120)][::-1]
    found = near_copies(correct, fit_rasch(correct), respondents=names)
    assert found.representatives() == (2, 11)  # 0 lacks responses; of 1 and 2, 10 and 11 the later comes first by name
    frame = found.frame()
    assert frame["respondent"].to_list() == [names[row] for row in (0, 1, 2, 10, 11)]
    both = correct[0] >= 0
    assert frame["n_items"].to_list() == [145, 150, None, 150, None]
    assert frame["agreement"][0] == pytest.approx(np.mean(correct[0, both] == correct[2, both]))
    assert frame["expected_agreement"][0] < 0.8 < frame["agreement"][0]
    assert frame["weight"].sum() == pytest.approx(2)
    assert "5 of 120 respondents are near-copies of another, in 2 groups" in found.reading()


def test_a_chain_is_cut_where_its_ends_are_not_alike() -> None:
    chance = chances("chain", 100, 400)
    chance[:3] = chance[0]
    correct = answers("chain", chance)
    correct[1, :280] = correct[0, :280]
    correct[2, 140:] = correct[1, 140:]  # 2 has 260 of the answers of 1, and 140 of 0
    found = found_in(correct)
    assert {tuple(pair) for pair in zip(found.pairs.first, found.pairs.second, strict=True)} == {(0, 1), (1, 2)}
    assert len(found.groups) == 1
    assert len(found.groups[0]) == 2
    assert "1 pair of near-copies are in different groups" in found.reading()


def test_order_and_tiles_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    correct = with_copies("order", 0.1, 0.1)
    one, order = found_in(correct), cell_rng(0, "test near copies order").permutation(120)
    monkeypatch.setattr(import_module("easyhard.irt.copy_pairs"), "_TILE", 7)
    other = found_in(correct[order])
    assert {frozenset(order[list(group)].tolist()) for group in other.groups} == {frozenset(g) for g in one.groups}
    assert other.n_pairs == one.n_pairs
    assert other.scale == pytest.approx(one.scale, abs=0.02)


def test_nothing_found_reads_so_and_has_the_same_columns() -> None:
    none = found_in(answers("nothing", chances("nothing", 30, 30)))
    assert none.reading().startswith("No near-copies among 30 respondents.")
    assert none.frame().is_empty()
    assert none.frame().columns == found_in(with_copies("found", 0.0)).frame().columns
    assert none.effective_number == 30


@pytest.mark.parametrize("level", [0.0, 1.0, float("nan")])
def test_a_level_that_is_no_probability_is_refused(level: float) -> None:
    correct = answers("refused", chances("refused", 30, 30))
    with pytest.raises(InputError, match="between 0 and 1"):
        near_copies(correct, fit_rasch(correct), level=level)
