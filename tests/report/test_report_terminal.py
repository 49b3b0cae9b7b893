"""The matrix on terminals wide and narrow, and in a log."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from simulated_study import simulated_matrix

from easyhard.report import print_matrix
from easyhard.schema import GeneralizationMatrix


def printed(matrix: GeneralizationMatrix, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    print_matrix(matrix, console)
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined,no-any-return]


@pytest.mark.parametrize(("bins", "width"), [(5, 80), (10, 112)])
def test_gains_fit_with_their_intervals(bins: int, width: int) -> None:
    lines = printed(simulated_matrix(bins, own_items=True), width)
    assert all(len(line) <= width for line in lines)
    rows = [line for line in lines if line.startswith("bin ")]
    assert len(rows) == bins
    assert "…" not in "".join(lines)
    assert sum(row.count("±") for row in rows) == bins**2 - 2


def test_a_narrow_terminal_shows_the_gains_alone() -> None:
    lines = printed(simulated_matrix(10), 80)
    assert all(len(line) <= 80 for line in lines)
    assert "±" not in "".join(lines)
    assert "…" not in "".join(lines)


def test_a_cell_without_a_result_is_not_a_number() -> None:
    lines = printed(simulated_matrix(5), 80)
    rows = {line[:5]: line for line in lines if line.startswith("bin ")}
    assert rows["bin 1"].rstrip().endswith("failed")
    assert rows["bin 4"].split()[2] == "–"


def test_only_issues_are_printed_with_their_next_step() -> None:
    text = "\n".join(printed(simulated_matrix(5), 80))
    assert "EH004" in text
    assert "Run the study again" in text
    assert "EH001" not in text


def test_a_log_in_ascii_keeps_its_columns() -> None:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding="ascii")
    print_matrix(simulated_matrix(5, models=("Modèle-1B",)), Console(file=file, width=80))
    file.flush()
    lines = raw.getvalue().decode("ascii").splitlines()
    unicode_lines = printed(simulated_matrix(5, models=("Modèle-1B",)), 80)
    assert [len(line) for line in lines] == [len(line) for line in unicode_lines]
    assert "\x1b" not in raw.getvalue().decode("ascii")
