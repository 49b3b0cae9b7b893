"""What is kept of one peer on one case: a JSON file, whose presence says that it need not be run again."""

from __future__ import annotations

import json
import statistics
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from simulated import Case

FITTED, OVER_TIME, OVER_MEMORY, FAILED, SKIPPED = "fitted", "over time", "over memory", "failed", "skipped"


@dataclass(frozen=True)
class Record:
    """One peer on one case."""

    peer: str
    case: str
    status: str  # one of the words above
    version: str | None = None
    seconds: tuple[float, ...] = ()  # of every fit
    ours: tuple[float, ...] = ()  # of easyhard, fitted in turn with these
    error_seconds: float | None = None  # of standard errors, where they are a call of their own
    peak_memory: int | None = None  # bytes; the most of all fits
    rmse: float | None = None
    spearman: float | None = None
    coverage: float | None = None
    rmse_log_discrimination: float | None = None
    remarks: tuple[str, ...] = ()  # become footnotes

    @property
    def median_seconds(self) -> float:
        """Over all fits."""
        return statistics.median(self.seconds)

    @property
    def ratio(self) -> float | None:
        """Median of the peer's seconds over those of easyhard in the same turn."""
        if not self.seconds or not self.ours:
            return None
        if len(self.seconds) == len(self.ours):
            return statistics.median(mine / ours for mine, ours in zip(self.seconds, self.ours, strict=True))
        return self.median_seconds / statistics.median(self.ours)

    def again(self, other: Record) -> Record:
        """With the seconds and the memory of one more fit of the same case. A fit that failed stands out."""
        if other.status != FITTED:
            return replace(other, remarks=(f"fit {len(self.seconds) + 1} of the same data", *other.remarks))
        peak = max(self.peak_memory or 0, other.peak_memory or 0)
        return replace(self, seconds=self.seconds + other.seconds, peak_memory=peak)


def record_path(work: Path, peer: str, case: Case) -> Path:
    """Where the record of a peer on a case is kept."""
    return work / "records" / f"{case.name}.{peer}.json"


def read_record(path: Path) -> Record | None:
    """None if there is none."""
    if not path.exists():
        return None
    fields: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    lists = {name: tuple(value) for name, value in fields.items() if isinstance(value, list)}
    return Record(**{**fields, **lists})


def write_record(path: Path, record: Record) -> None:
    """Write it whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".part")
    temporary.write_text(json.dumps(asdict(record), indent=1), encoding="utf-8")
    temporary.replace(path)
