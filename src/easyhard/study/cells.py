"""The steps of a study as data: where each one's output goes, and what it depends on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from easyhard.benchmarks import BenchmarkSpec, refuse_other_than_numbers, scoring_for
from easyhard.generalization import evaluation_items
from easyhard.schema import Bins, Items
from easyhard.sft import subset
from easyhard.study.record import Step, fingerprint
from easyhard.study.settings import ModelConfig, StudyConfig

PROMPT = ("prompt", "choice", "system", "chat")  # fields of a spec that decide what a model reads
TRAINED = (*PROMPT, "completion")  # ... what a training depends on
ASKED = (*PROMPT, "scoring", "max_new_tokens")  # ... what an evaluation depends on


@dataclass(frozen=True, slots=True)
class Cell:
    """One fine-tuning and its evaluation; ``train`` is None for the untouched model (zero-shot)."""

    model: ModelConfig
    train_bin: int | None
    seed: int | None
    items: Items | None  # trained on
    train: Step | None
    evaluate: Step

    @property
    def name(self) -> str:
        """What tables, logs and responses call it."""
        if self.train_bin is None:
            return f"{self.model.label}, zero-shot"
        return f"{self.model.label}, trained on bin {self.train_bin}, seed {self.seed}"


def benchmark(config: StudyConfig, items: Items) -> BenchmarkSpec:
    """The benchmark that a study's items and settings make."""
    spec = config.questions.spec(config.name, config.questions.scoring or scoring_for(items))
    if spec.scoring == "last_number":
        refuse_other_than_numbers(items)
    return spec


def evaluated_items(items: Items, bins: Bins) -> Items:
    """What every model is asked: the evaluation split of every bin, easiest bin first."""
    return items.select([name for bin_ in range(bins.count) for name in evaluation_items(bins, bin_)])


def make_cells(config: StudyConfig, items: Items, bins: Bins, weights: Mapping[str, str]) -> list[Cell]:
    """Zero-shot and every (bin, seed) of every model, in the order in which they run.

    ``weights`` are the fingerprints of the models by label: of the files themselves before a run, of the
    records when a finished study is read where the models are not.
    """
    spec = benchmark(config, items)
    asked = evaluated_items(items, bins)
    size = min(len(bins.items(bin_, "train")) for bin_ in range(bins.count))
    size = min(size, config.training.max_items or size)
    cells = []
    for model in config.models:
        home = config.out / "models" / model.folder
        zero_shot = _evaluate(home / "zero-shot", spec, asked, {"model": weights[model.label]})
        cells.append(Cell(model, None, None, None, None, zero_shot))
        for seed in config.seeds:
            for bin_ in range(bins.count):
                chosen = subset(items.select(bins.items(bin_, "train")), size, seed)
                train = Step(
                    home / f"bin-{bin_:02d}" / f"seed-{seed}" / "training",
                    {"spec": _plain(spec, TRAINED), "training": config.training.model_dump(mode="json"), "seed": seed},
                    {"model": weights[model.label], "items": content_fingerprint(chosen)},
                )
                evaluate = _evaluate(train.folder.with_name("evaluation"), spec, asked, {"adapter": train.fingerprint})
                cells.append(Cell(model, bin_, seed, chosen, train, evaluate))
    return cells


def content_fingerprint(items: Items) -> str:
    """Fingerprint of the text that models see, so that a change of it makes the cells anew."""
    columns = ["item", "question", "answer", "choices", "solution"]
    return fingerprint(items.table.select(columns).rows())


def _evaluate(folder: Path, spec: BenchmarkSpec, asked: Items, inputs: dict[str, str]) -> Step:
    names = (*ASKED, "completion") if spec.scoring == "choices" else ASKED  # there the candidates follow it
    return Step(folder, {"spec": _plain(spec, names)}, {**inputs, "items": content_fingerprint(asked)})


def _plain(spec: BenchmarkSpec, names: tuple[str, ...]) -> dict[str, object]:
    return {name: getattr(spec, name) for name in names}
