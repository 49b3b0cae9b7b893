"""The records as one Markdown table with footnotes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from records import FAILED, FITTED, OVER_MEMORY, OVER_TIME, SKIPPED, Record
from simulated import Case

HEAD = (
    "model", "respondents x items", "missing", "package", "seconds", "x ours", "peak memory, MB", "RMSE", "Spearman",
    "coverage", "RMSE log a", "notes",
)  # fmt: skip
LEFT = 4  # columns of words


def table_of(records: Sequence[Record], budget_seconds: float) -> str:
    """Markdown: a row for every record, in the order given, and the remarks below, each once."""
    notes: dict[str, int] = {}
    rows = [_row(record, budget_seconds, notes) for record in records]
    rule = ["---"] * LEFT + ["---:"] * (len(HEAD) - LEFT)
    lines = [f"| {' | '.join(cells)} |" for cells in ([*HEAD], rule, *rows)]
    return "\n".join([*lines, "", *(f"{number}. {note}" for note, number in notes.items())]).rstrip() + "\n"


def floor_lines(floors: dict[str, dict[str, Any]]) -> str:
    """What one pass over the data takes at least, by case."""
    lines = ["The floor: one pass for the sums of every item and every respondent, right and seen, complete data.", ""]
    lines += ["| respondents x items | int8, ms | MB | packed bits, ms | MB |", "|---|---:|---:|---:|---:|"]
    for size, floor in floors.items():
        cells = [size, _milli(floor["bytes_seconds"]), _mega(floor["bytes"])]
        cells += [_milli(floor["bits_seconds"]), _mega(floor["bits"])]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _row(record: Record, budget_seconds: float, notes: dict[str, int]) -> list[str]:
    case = Case.parse(record.case)
    numbers = [notes.setdefault(f"{record.peer}: {remark}", len(notes) + 1) for remark in _remarks(record)]
    return [
        case.model,
        case.size.replace("x", " x "),
        f"{100 * case.missing:g}%" if case.missing else "none",
        record.peer if record.version is None or record.version in record.peer else f"{record.peer} {record.version}",
        _seconds(record, budget_seconds),
        "" if record.ratio is None else f"{record.ratio:.3g}",
        "" if record.peak_memory is None else _mega(record.peak_memory),
        _digits(record.rmse, 4),
        _digits(record.spearman, 4),
        _digits(record.coverage, 3),
        _digits(record.rmse_log_discrimination, 4),
        ", ".join(map(str, numbers)),
    ]


def _remarks(record: Record) -> Iterable[str]:
    if record.error_seconds is not None:
        yield "standard errors are a call of their own, not in the seconds"
    yield from record.remarks


def _seconds(record: Record, budget_seconds: float) -> str:
    words = {OVER_TIME: f"> {budget_seconds:g}", OVER_MEMORY: "out of memory", FAILED: "failed", SKIPPED: "skipped"}
    if record.status != FITTED:
        return words[record.status]
    errors = "" if record.error_seconds is None else f" (+ {_three(record.error_seconds)})"
    return _three(record.median_seconds) + errors


def _three(value: float) -> str:
    """Three significant digits, without an exponent."""
    return f"{value:.0f}" if value >= 100 else f"{value:#.3g}"


def _digits(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _mega(value: float | None) -> str:
    return "" if value is None else f"{value / 1e6:.1f}" if value < 1e7 else f"{value / 1e6:.0f}"


def _milli(value: float | None) -> str:
    return "" if value is None else f"{1000 * value:.2f}"
