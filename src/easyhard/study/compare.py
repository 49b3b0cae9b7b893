"""Studies side by side: the same tests of each, and what they say together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from easyhard.atomic import write_bytes, write_parquet
from easyhard.generalization import evaluation_items
from easyhard.generalization import weights as weigh
from easyhard.generalization.changes import contrast
from easyhard.generalization.matrix import changes_by_model
from easyhard.generalization.over_models import ASKED
from easyhard.generalization.over_studies import Estimate, connected, mean_over_studies, over_studies_table
from easyhard.schema import InputError
from easyhard.study.analysis import Analysis, read_analysis, recorded_weights
from easyhard.study.comparison_page import comparison_page
from easyhard.study.record import Step, fingerprint
from easyhard.study.several import study_folders
from easyhard.wording import counted, listed

TESTS = ("mean_gain", "distance_slope", "own_bin_advantage", "easier_minus_harder")

_SCHEMA = {
    "study": pl.String, "model": pl.String, "test": pl.String, "value": pl.Float64, "low": pl.Float64,
    "high": pl.Float64,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Comparison:
    """Studies side by side.

    ``table``: ``study, model, test, value, low, high`` in proportion correct, 95% intervals. ``over_studies``: each
    test over all of them, see ``over_studies.OverStudies``. ``basis`` says what that rests on.
    """

    table: pl.DataFrame
    over_studies: pl.DataFrame
    basis: str

    @property
    def together(self) -> tuple[str, ...]:
        """What the studies stand on, and a sentence for each test that any of them has."""
        return (self.basis, *self.over_studies["sentence"])

    def frame(self) -> pl.DataFrame:
        """The tests of each study."""
        return self.table


@dataclass(frozen=True, slots=True)
class _Shared:
    """What studies have in common.

    ``items``: what every study asks, by study, its evaluation items by bin. ``datasets``: studies in groups that have
    items in common. ``models``: the weights of every study's models, by label.
    """

    items: Mapping[str, Mapping[str, str]]
    datasets: Sequence[Sequence[str]]
    models: Mapping[str, Mapping[str, str]]

    def dataset_of(self, study: str) -> int:
        return next(number for number, group in enumerate(self.datasets) if study in group)


def compare(folders: Sequence[Path]) -> Comparison:
    """The tests of several studies, and their mean over datasets and models.

    The folder of a study of several benchmarks stands for them all. Studies whose items agree in question and answer
    are of one dataset, and models with the same weights are one model. Raises InputError for fewer than two studies.
    """
    folders = [one for folder in folders for one in study_folders(folder).values()]
    if len({folder.resolve() for folder in folders}) < 2:
        raise InputError("there is one study, and nothing to compare it with. Give the folders of two or more.")
    return compared({name: read_analysis(folder) for name, folder in zip(_names(folders), folders, strict=True)})


def compared(found: Mapping[str, Analysis]) -> Comparison:
    """As ``compare``, of analyses by the names of their studies."""
    rows = [
        {"study": study, "model": model, "test": test, **{part: tests[test][part] for part in ("value", "low", "high")}}
        for study, analysis in found.items()
        for model, tests in analysis.matrix.tests.items()
        for test in TESTS
    ]
    shared = _shared(found)
    estimates = _estimates(found, shared)
    together = over_studies_table({test: mean_over_studies(known) for test, known in estimates.items() if known})
    return Comparison(pl.DataFrame(rows, schema=_SCHEMA), together, _basis(shared))


def write_comparison(out: Path, found: Mapping[str, Analysis]) -> Comparison:
    """Write ``comparison/`` below ``out``: the tests of the studies by their names, and a page that leads to each."""
    comparison = compared(found)
    inputs = {name: fingerprint(analysis.matrix.runs.rows()) for name, analysis in found.items()}

    def work(target: Path) -> None:
        write_parquet(comparison.table, target / "tests.parquet")
        write_parquet(comparison.over_studies, target / "over_studies.parquet")
        write_bytes(comparison_page(comparison.table, comparison.together, list(found)).encode(), target / "index.html")

    Step(out / "comparison", {}, inputs).run(work)
    return comparison


def _names(folders: Sequence[Path]) -> list[str]:
    """The folders' own names; with their parents where two are alike."""
    short = [folder.resolve().name for folder in folders]
    whole = [str(Path(folder.resolve().parent.name, folder.resolve().name)) for folder in folders]
    return [one if short.count(one) == 1 else two for one, two in zip(short, whole, strict=True)]


def _shared(found: Mapping[str, Analysis]) -> _Shared:
    items = {study: _content(analysis) for study, analysis in found.items()}
    models: dict[str, dict[str, str]] = {}
    for study, analysis in found.items():
        weights = recorded_weights(analysis.config)
        models[study] = {label: weights[label] or label for label in analysis.matrix.tests}
    return _Shared(items, connected({study: set(own.values()) for study, own in items.items()}), models)


def _content(analysis: Analysis) -> dict[str, str]:
    """What makes each item of the bins the same item in another study, whatever it is called there."""
    table = analysis.items.select(analysis.bins.table["item"].to_list()).table.select("item", "question", "answer")
    return {item: f"{question}\0{answer}" for item, question, answer in table.rows()}


def _estimates(found: Mapping[str, Analysis], shared: _Shared) -> dict[str, list[Estimate]]:
    """By test, what every study says of every model, on all cells that have a result there."""
    estimates: dict[str, list[Estimate]] = {test: [] for test in TESTS}
    for study, one in found.items():
        names = [item for eval_bin in range(one.bins.count) for item in evaluation_items(one.bins, eval_bin)]
        items = tuple(shared.items[study][name] for name in names)
        for label, changes in changes_by_model(one.bins, one.zero_shot, one.runs).items():
            present = weigh.rectangle(changes.gains())
            for test in TESTS:
                weights = ASKED[test].weights(present) if one.matrix.tests[label][test]["value"] is not None else None
                if weights is not None:
                    model = shared.models[study][label]
                    estimates[test].append(Estimate(shared.dataset_of(study), model, items, contrast(changes, weights)))
    return estimates


def _basis(shared: _Shared) -> str:
    """How many datasets and models there are, which studies share what, and how many are independent."""
    label = {weights: label for own in shared.models.values() for label, weights in own.items()}
    n_datasets = counted(len(shared.datasets), "dataset")
    said = [f"{len(shared.items)} studies, of {n_datasets} and {counted(len(label), 'model')}."]
    for group in (group for group in shared.datasets if len(group) > 1):
        said.append(f"{listed(group)} ask the same items, wholly or in part, and count as one dataset.")
    places = {one: [study for study, own in shared.models.items() if one in own.values()] for one in label}
    recurring = [label[one] for one, studies in places.items() if len(studies) > 1]
    if recurring:
        said.append(f"In more than one study, and counted once: {listed(recurring)}.")
    bases = connected({study: {*own.values(), *shared.models[study].values()} for study, own in shared.items.items()})
    if len(bases) == len(shared.items):
        return " ".join([*said, "No two share items or a model, so they are independent."])
    found = "All are linked, so they are one" if len(bases) == 1 else f"They are {len(bases)}"
    linked = "Studies that share items or a model err together and are not independent of each other."
    groups = f"{found} independent group{'s' * (len(bases) > 1)}; the intervals allow for what is shared."
    return " ".join([*said, linked, groups])
