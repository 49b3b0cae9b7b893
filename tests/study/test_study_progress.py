"""Time left over steps that go on at the same time, fail or wait."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from rich.console import Console

from easyhard.study.progress import StudyProgress, duration


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """Seconds that pass only when the test says so."""
    now = [0.0]
    monkeypatch.setattr("easyhard.study.progress.time.monotonic", lambda: now[0])
    yield now


def test_steps_at_the_same_time_count_as_far_as_they_are(clock: list[float]) -> None:
    screen = io.StringIO()
    progress = StudyProgress(Console(file=screen, width=100))
    with progress.over({"a": 10.0, "b": 10.0, "c": 20.0}):
        assert progress.time_left() is None
        with progress.step("a") as first, progress.step("b") as second:
            clock[0] = 10.0
            first(1, 2)
            second(1, 4)  # 7.5 of 40 in 10 s
            assert progress.time_left() == pytest.approx(10 * 32.5 / 7.5)
            clock[0] = 20.0
    assert screen.getvalue().splitlines() == ["[1/3] b: 20 s; about 33 s left", "[2/3] a: 20 s; about 20 s left"]


def test_steps_side_by_side_are_said_to_have_taken_their_share(clock: list[float]) -> None:
    screen = io.StringIO()
    progress = StudyProgress(Console(file=screen, width=100))
    with progress.over({"a": 1.0, "b": 1.0}), progress.step("a", 2), progress.step("b", 2):
        clock[0] = 30.0
    assert [line.split(";")[0] for line in screen.getvalue().splitlines()] == ["[1/2] b: 15 s", "[2/2] a: 15 s"]


def test_what_failed_or_waits_is_expected_no_more(clock: list[float]) -> None:
    progress = StudyProgress(Console(quiet=True))
    with progress.over({"cell 1: train": 5.0, "cell 1: evaluate": 5.0, "cell 10: train": 10.0, "cell 2": 10.0}):
        clock[0] = 4.0
        progress.finished("cell 2", 4.0)
        with pytest.raises(ZeroDivisionError), progress.step("cell 1: train") as tick:
            tick(1, 2)
            raise ZeroDivisionError
        progress.given_up("cell 1")
        assert progress.time_left() == pytest.approx(4.0)  # of cell 10 alone


@pytest.mark.parametrize(("seconds", "words"), [(8.04, "8.0 s"), (42, "42 s"), (600, "10 min"), (7260, "2 h 1 min")])
def test_durations_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words
