"""The steps of a study as data: where each one's output goes, and what it depends on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from easyhard.benchmarks import BenchmarkSpec, refuse_other_than_numbers, scoring_for
from easyhard.generalization import evaluation_items
from easyhard.schema import Bins, Items
from easyhard.sft import TrainingConfig, subset
from easyhard.sft.config import Order
from easyhard.study.mixtures import mixed_items
from easyhard.study.record import Step, fingerprint
from easyhard.study.settings import MixtureConfig, ModelConfig, StudyConfig

PROMPT = ("prompt", "choice", "system", "chat")  # fields of a spec that decide what a model reads
TRAINED = (*PROMPT, "completion")  # ... what a training depends on
ASKED = (*PROMPT, "scoring", "max_new_tokens")  # ... what an evaluation depends on


@dataclass(frozen=True, slots=True)
class Cell:
    """One fine-tuning and its evaluation.

    ``train_bin`` is a bin, the name of a mixture, or None for the untouched model (zero-shot). ``train`` is None
    where nothing is trained: zero-shot, and where ``items`` are shown in the prompt instead.
    """

    model: ModelConfig
    train_bin: int | str | None
    seed: int | None
    items: Items | None  # trained on, or shown
    train: Step | None
    evaluate: Step
    training: TrainingConfig | None = None  # as it is to be done; None where nothing is trained

    @property
    def name(self) -> str:
        """What tables, logs and responses call it."""
        if self.train_bin is None:
            return f"{self.model.label}, zero-shot"
        what = f"bin {self.train_bin}" if isinstance(self.train_bin, int) else f"the mixture {self.train_bin}"
        return f"{self.model.label}, {'trained on' if self.train else 'shown'} {what}, seed {self.seed}"


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
    """Zero-shot and every training or showing of every model, in the order in which they run.

    ``weights`` are the fingerprints of the models by label: of the files themselves before a run, of the
    records when a finished study is read where the models are not.
    """
    asked = content_fingerprint(evaluated_items(items, bins))
    make = _Cells(config, items, bins, benchmark(config, items), asked)
    cells = []
    for model in config.models:
        identity = weights[model.label]
        cells.append(make.zero_shot(model, identity))
        for seed in config.seeds:
            if config.in_context:
                cells += [make.shown(model, identity, bin_, seed) for bin_ in range(bins.count)]
                continue
            cells += [make.trained(model, identity, bin_, seed) for bin_ in range(bins.count)]
            cells += [make.mixed(model, identity, mixture, seed) for mixture in config.mixtures]
    return cells


def training_size(config: StudyConfig, bins: Bins) -> int:
    """Items of every training: as many as the smallest bin has to train on, or the limit that is set."""
    size = min(len(bins.items(bin_, "train")) for bin_ in range(bins.count))
    return min(size, config.training.max_items or size)


@dataclass(frozen=True, slots=True)
class _Cells:
    """The cells of one study, each with the steps that its settings and inputs make."""

    config: StudyConfig
    items: Items
    bins: Bins
    spec: BenchmarkSpec
    asked: str  # fingerprint of the evaluated items, the same for all cells

    def zero_shot(self, model: ModelConfig, weights: str) -> Cell:
        return Cell(model, None, None, None, None, self._evaluate(self._home(model) / "zero-shot", {"model": weights}))

    def trained(self, model: ModelConfig, weights: str, bin_: int, seed: int) -> Cell:
        size = training_size(self.config, self.bins)
        chosen = subset(self.items.select(self.bins.items(bin_, "train")), size, seed)
        return self._trained(model, weights, bin_, seed, chosen, f"bin-{bin_:02d}", self.config.training.order)

    def mixed(self, model: ModelConfig, weights: str, mixture: MixtureConfig, seed: int) -> Cell:
        names = mixed_items(self.bins, mixture, training_size(self.config, self.bins), seed)
        folder = "mixture-" + mixture.label.replace(" ", "-")
        order: Order = "given" if mixture.in_order else self.config.training.order
        return self._trained(model, weights, mixture.label, seed, self.items.select(names), folder, order)

    def shown(self, model: ModelConfig, weights: str, bin_: int, seed: int) -> Cell:
        assert self.config.in_context is not None
        pool = self.items.select(self.bins.items(bin_, "train"))
        how = {"completion": self.spec.completion, "examples": self.config.in_context.examples, "seed": seed}
        folder = self._home(model) / f"bin-{bin_:02d}" / f"seed-{seed}" / "in-context"
        inputs = {"model": weights, "examples": content_fingerprint(pool)}
        return Cell(model, bin_, seed, pool, None, self._evaluate(folder, inputs, how))

    def _trained(
        self, model: ModelConfig, weights: str, train_bin: int | str, seed: int, chosen: Items, folder: str,
        order: Order,
    ) -> Cell:  # fmt: skip
        training = self.config.training.model_copy(update={"order": order})
        settings = {"spec": _plain(self.spec, TRAINED), "training": training.model_dump(mode="json"), "seed": seed}
        train = Step(
            self._home(model) / folder / f"seed-{seed}" / "training",
            settings,
            {"model": weights, "items": content_fingerprint(chosen)},
        )
        evaluate = self._evaluate(train.folder.with_name("evaluation"), {"adapter": train.fingerprint})
        return Cell(model, train_bin, seed, chosen, train, evaluate, training)

    def _evaluate(self, folder: Path, inputs: dict[str, str], more: Mapping[str, object] | None = None) -> Step:
        # Where candidates are scored, they follow the completion.
        names = (*ASKED, "completion") if self.spec.scoring == "choices" else ASKED
        engine = self.config.evaluation.engine_for(self.spec.scoring)
        how = {} if engine == "easyhard" else {"engine": engine, "backend": self.config.evaluation.backend}
        settings = {"spec": _plain(self.spec, names), **how, **(more or {})}
        return Step(folder, settings, {**inputs, "items": self.asked})

    def _home(self, model: ModelConfig) -> Path:
        return self.config.out / "models" / model.folder


def content_fingerprint(items: Items) -> str:
    """Fingerprint of the text that models see, so that a change of it makes the cells anew."""
    columns = ["item", "question", "answer", "choices", "solution"]
    return fingerprint(items.table.select(columns).rows())


def table_fingerprint(items: Items) -> str:
    """Fingerprint of all that an item table says, covariates included."""
    return fingerprint([items.table.columns, items.table.rows()])


def _plain(spec: BenchmarkSpec, names: tuple[str, ...]) -> dict[str, object]:
    return {name: getattr(spec, name) for name in names}
