"""Studies side by side: the same tests of each, and what they say together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from easyhard.atomic import write_bytes, write_parquet
from easyhard.files import write_json
from easyhard.generalization.pooled import pooled
from easyhard.schema import GeneralizationMatrix, InputError
from easyhard.study.analysis import analyse
from easyhard.study.comparison_page import comparison_page
from easyhard.study.record import Step, fingerprint
from easyhard.study.several import study_folders

TESTS = {
    "mean_gain": "The mean gain",
    "distance_slope": "The slope on distance",
    "own_bin_advantage": "The advantage of a bin's own training",
    "easier_minus_harder": "Easier minus harder training on the same bin",
}
_Z = 1.959964  # of a 95% interval

_SCHEMA = {
    "study": pl.String, "model": pl.String, "test": pl.String, "value": pl.Float64, "low": pl.Float64,
    "high": pl.Float64,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Comparison:
    """Studies side by side.

    ``table``: ``study, model, test, value, low, high`` in proportion correct, 95% intervals. ``together``: a
    sentence for each test that two studies or more have.
    """

    table: pl.DataFrame
    together: tuple[str, ...]

    def frame(self) -> pl.DataFrame:
        """The table itself."""
        return self.table


def compare(folders: Sequence[Path]) -> Comparison:
    """The tests of several studies, and their random-effects mean over studies.

    Models of one study answer the same items, so their estimates are not independent: a study counts once, with the
    mean over its models, and with the mean of their standard errors, which is what the error of that mean would be
    were they to err together, and never less than it is. The folder of a study of several benchmarks stands for them
    all. Raises InputError for fewer than two studies.
    """
    folders = [one for folder in folders for one in study_folders(folder).values()]
    if len({folder.resolve() for folder in folders}) < 2:
        raise InputError("there is one study, and nothing to compare it with. Give the folders of two or more.")
    found = {name: analyse(folder)[0].tests for name, folder in zip(_names(folders), folders, strict=True)}
    return compared(found)


def compared(found: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Comparison:
    """As ``compare``, of the tests of each model by study."""
    rows = [
        {"study": study, "model": model, "test": test, **{part: tests[test][part] for part in ("value", "low", "high")}}
        for study, models in found.items()
        for model, tests in models.items()
        for test in TESTS
    ]
    return Comparison(pl.DataFrame(rows, schema=_SCHEMA), tuple(_together(found)))


def write_comparison(out: Path, matrices: Mapping[str, GeneralizationMatrix]) -> Comparison:
    """Write ``comparison/`` below ``out``: the tests of the studies by their names, and a page that leads to each."""
    found = compared({name: matrix.tests for name, matrix in matrices.items()})
    inputs = {name: fingerprint(matrix.runs.rows()) for name, matrix in matrices.items()}

    def work(target: Path) -> None:
        write_parquet(found.table, target / "tests.parquet")
        write_json({"together": found.together}, target / "together.json")
        write_bytes(comparison_page(found.table, found.together, list(matrices)).encode(), target / "index.html")

    Step(out / "comparison", {}, inputs).run(work)
    return found


def _names(folders: Sequence[Path]) -> list[str]:
    """The folders' own names; with their parents where two are alike."""
    short = [folder.resolve().name for folder in folders]
    whole = [str(Path(folder.resolve().parent.name, folder.resolve().name)) for folder in folders]
    return [one if short.count(one) == 1 else two for one, two in zip(short, whole, strict=True)]


def _together(found: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> list[str]:
    sentences = []
    for test, words in TESTS.items():
        studies = [_one_study([tests[test] for tests in models.values()]) for models in found.values()]
        known = [study for study in studies if study is not None]
        if len(known) >= 2:
            sentences.append(pooled([value for value, _ in known], [error for _, error in known]).reading(words))
    return sentences


def _one_study(tests: Sequence[Mapping[str, Any]]) -> tuple[float, float] | None:
    """Mean over the models with an interval, and a standard error that is not too small."""
    known = [test for test in tests if test["low"] is not None]
    if not known:
        return None
    errors = [(test["high"] - test["low"]) / (2 * _Z) for test in known]
    return sum(test["value"] for test in known) / len(known), sum(errors) / len(errors)
