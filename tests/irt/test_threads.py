"""Promises of threads: the same digits however many there are, and BLAS left as it was found."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from easyhard.chance import cell_rng
from easyhard.irt import ItemModel, fit_2pl, fit_rasch
from easyhard.irt.simulate import simulate_rasch
from easyhard.irt.threads import in_order, own_threads
from easyhard.schema import IntArray


def blas_threads() -> list[int]:
    return [one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"]


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_answers_come_in_order_and_an_error_is_raised_here(threads: int) -> None:
    assert list(in_order(lambda number: number**2, range(20), threads)) == [number**2 for number in range(20)]
    with pytest.raises(ZeroDivisionError):
        list(in_order(lambda number: 1 / (number - 3), range(20), threads))


def test_blas_keeps_to_one_thread_meanwhile_and_has_its_own_again_after_an_error() -> None:
    before = blas_threads()
    with pytest.raises(ZeroDivisionError), own_threads() as threads:
        assert threads == min(max(before), 8)
        assert set(blas_threads()) == {1}
        raise ZeroDivisionError
    assert blas_threads() == before


@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize("fit", [fit_rasch, fit_2pl])
def test_the_number_of_threads_changes_no_digit(
    fit: Callable[[IntArray], ItemModel], missing: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = cell_rng(0, "test threads")
    correct = simulate_rasch(300, rng.normal(0, 1.3, 120), 0.0, 1.0, missing, rng)
    monkeypatch.setattr("easyhard.irt.cases._TALLEST", 40)
    monkeypatch.setattr("easyhard.irt.cases._CACHED", 400)
    monkeypatch.setattr("easyhard.irt.expectation._SHARED", 0)
    found = {}
    for threads in (1, 3):
        monkeypatch.setattr("easyhard.irt.search.expectation", with_threads(threads))
        found[threads] = fit(correct)
    for field in ("difficulty", "standard_error", "discrimination", "discrimination_error", "log_likelihood"):
        np.testing.assert_array_equal(getattr(found[1], field), getattr(found[3], field))


def with_threads(threads: int) -> Callable[..., object]:
    """``expectation`` with so many, whatever the machine has."""
    from easyhard.irt.expectation import expectation

    return lambda cases, point, **_: expectation(cases, point, threads=threads)
