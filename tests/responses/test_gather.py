"""Which run counts, which answer, and who is left out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from easyhard.responses.choice import Account
from easyhard.responses.gather import Gathering
from easyhard.responses.log import NotDichotomous, Run, Trials, codes_of, correct_of
from easyhard.schema import MISSING, InputError, Responses


def run(
    respondent: str,
    answers: dict[str, int],
    *,
    started: str = "",
    task: str = "t",
    trial: Sequence[int] | None = None,
    source: Sequence[str] | None = None,
    file: str = "f",
    shots: int | None = None,
    limited: bool = False,
) -> Run:
    names = [name.split("#")[0] for name in answers]
    return Run(
        respondent, task, started, file, "acc", names, source or names,
        trial if trial is not None else [0] * len(names), np.array(list(answers.values()), dtype=np.int8),
        shots, limited,
    )  # fmt: skip


def gathered(*runs: Run, trials: Trials = "majority", complete: float = 0.9) -> tuple[Responses, Account]:
    gathering = Gathering()
    for one in runs:
        gathering.add(one)
    return gathering.responses(trials, complete)


TEN = {f"i{k}": k % 2 for k in range(10)}


def test_the_newest_complete_run_counts_and_a_short_debug_run_after_it_does_not() -> None:
    responses, account = gathered(
        run("m", TEN, started="2024-01-01"),
        run("m", dict.fromkeys(TEN, 1), started="2024-02-01"),
        run("m", {"i0": 0, "i1": 0}, started="2024-03-01"),
    )
    assert responses.correct.tolist() == [[1] * 10]
    assert [line.split(", ")[2][:10] for line in account.dropped_runs] == ["2024-01-01", "2024-03-01"]


def test_a_run_of_a_part_that_was_asked_for_counts_only_for_want_of_a_whole_one() -> None:
    part = run("m", dict(list(TEN.items())[:9]), started="2024-02-01", limited=True)
    responses, account = gathered(run("m", dict.fromkeys(TEN, 1), started="2024-01-01"), part)
    assert responses.correct.tolist() == [[1] * 10]
    assert account.dropped_runs == ["m, t, 2024-02-01: 9 items, a part of the task by --limit (f)"]
    assert not account.limited_runs
    _, account = gathered(run("m", {"i0": 1}, started="2024-01-01"), part)
    assert account.limited_runs == ["m, t, 2024-02-01: 9 items, a part of the task by --limit (f)"]


def test_runs_with_another_number_of_shots_than_most_are_named() -> None:
    runs = [run(name, TEN, shots=5) for name in "abc"]
    _, account = gathered(
        *runs, run("a", TEN, started="2024", shots=0, file="g"), run("d", TEN), run("e", TEN, task="u")
    )
    assert account.other_shots == ["a, t, 2024: 0-shot, not 5-shot (g)"]


def test_a_model_with_too_few_of_a_tasks_items_is_left_out_and_named() -> None:
    runs = [run(name, TEN) for name in "abc"]
    responses, account = gathered(*runs, run("short", dict(list(TEN.items())[:8])))
    assert responses.respondents == ("a", "b", "c")
    assert account.left_out == ["short, t: 80% of 10 items"]
    assert gathered(*runs, run("short", dict(list(TEN.items())[:8])), complete=0.8)[0].respondents[-1] == "short"


def test_a_model_without_one_benchmark_keeps_the_others() -> None:
    other = {f"o{k}": 1 for k in range(10)}
    responses, account = gathered(run("a", TEN), run("a", other, task="u"), run("b", TEN))
    assert responses.correct.shape == (2, 20)
    assert (responses.correct[1] == MISSING).sum() == 10
    assert not account.left_out


@pytest.mark.parametrize(
    ("trials", "expected"),
    [("majority", [0, 1, 0, MISSING]), ("mean", [1, 1, 0, MISSING]), ("first", [1, 0, 0, MISSING])],
)
def test_trials_of_one_item_become_one_response(trials: Trials, expected: list[int]) -> None:
    answers = {
        "a#0": 1,
        "a#1": 0,
        "b#0": 0,
        "b#1": 1,
        "b#2": 1,
        "c#0": MISSING,
        "c#1": 0,
        "d#0": MISSING,
        "d#1": MISSING,
    }
    responses, account = gathered(
        run("m", answers, trial=[0, 1, 0, 1, 2, 0, 1, 0, 1]), run("n", dict.fromkeys("abcd", 1)), trials=trials
    )
    assert responses.correct[0].tolist() == expected
    assert account.repeated == 4
    assert account.conflicts == account.duplicates == 0


def test_the_same_answer_twice_is_a_duplicate_and_two_different_ones_are_missing() -> None:
    responses, account = gathered(
        run("m", {"a#0": 1, "a#1": 1, "b#0": 1, "b#1": 0, "c": 0}), run("n", dict.fromkeys("abc", 1))
    )
    assert responses.correct[0].tolist() == [1, MISSING, 0]
    assert (account.duplicates, account.conflicts) == (1, 1)


def test_an_item_whose_text_was_edited_is_another_item_and_is_named() -> None:
    old, new = run("m", {"x/1": 1, "x/2": 0}, source=["1", "2"]), run("n", {"x/1": 1, "x/9": 0}, source=["1", "2"])
    responses, account = gathered(old, new, complete=0.5)
    assert responses.items == ("x/1", "x/2", "x/9")
    assert account.edited_items == ["t 2"]


def test_a_run_in_several_files_is_one_run() -> None:
    left, right = ({n: c for n, c in TEN.items() if (n < "i5") == first} for first in (True, False))
    responses, account = gathered(run("m", left, file="1"), run("m", right, file="2"), run("n", TEN))
    assert responses.correct[0].tolist() == list(TEN.values())
    assert not account.left_out and not account.dropped_runs


@given(st.permutations(range(5)))
def test_the_order_of_files_changes_nothing(order: list[int]) -> None:
    runs = [
        run("m", TEN, started="2024-01-01", file="1"),
        run("m", dict.fromkeys(TEN, 1), started="2024-01-02", file="2"),
        run("n", TEN, file="3"),
        run("n", {"i0": 1, "i1": 1}, file="4"),
        run("o", {"i3": 1}, file="5"),
    ]
    first, second = gathered(*runs), gathered(*(runs[place] for place in order))
    assert np.array_equal(first[0].correct, second[0].correct)
    assert first[1] == second[1]


def test_nothing_left_is_an_error_that_says_what_to_ask() -> None:
    with pytest.raises(InputError, match="--coverage"):
        gathered(run("a", TEN), run("b", {f"j{k}": 1 for k in range(10)}), complete=1.1)


@pytest.mark.parametrize(
    ("value", "code"),
    [(1, 1), (0, 0), (1.0, 1), (True, 1), (False, 0), ("1", 1), ("1.0", 1), ("True", 1), ("false", 0), (" 0.0 ", 0),
     ("C", 1), ("I", 0), ([True, True], 1), ([True, False], 0), (None, MISSING), ("", MISSING),
     (float("nan"), MISSING)],
)  # fmt: skip
def test_what_counts_as_correct(value: object, code: int) -> None:
    assert correct_of(value) == code


@pytest.mark.parametrize("value", [0.5, [0, [0.1]], [], [1, 0], {"a": 1}, "P", "x", 2, "9" * 400, float("inf")])
def test_what_is_neither_right_nor_wrong_is_refused(value: object) -> None:
    with pytest.raises(NotDichotomous):
        correct_of(value)


def test_a_threshold_makes_fractions_responses() -> None:
    assert codes_of([0.2, 0.5, 1, "0.7", None], threshold=0.5).tolist() == [0, 1, 1, 1, MISSING]
