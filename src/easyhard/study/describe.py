"""What a study did, in words, for its report."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from easyhard.report import StudyDescription
from easyhard.schema import Bins, ItemBank
from easyhard.sft import TrainingConfig
from easyhard.study.progress import duration
from easyhard.study.record import read_record, versions
from easyhard.study.settings import StudyConfig


def describe(config: StudyConfig, folder: Path, bank: ItemBank, bins: Bins) -> StudyDescription:
    """Title, facts and steps of a study whose cells stand in ``folder``."""
    training = config.training
    n_train = min(len(bins.items(bin_, "train")) for bin_ in range(bins.count))
    n_train = min(n_train, training.max_items or n_train)
    records = _records(folder)
    seconds = sum(record["seconds"] for name, record in records.items() if name.startswith("models/"))
    calibration = bank.calibration
    tested = "held-out items of every bin" if bins.held_out else "the same items that it was trained on (paper's way)"
    revisions = (f"{m.label}" + (f" at revision {m.revision}" if m.revision else "") for m in config.models)
    template = ", in the chat template" if config.questions.chat else ", plain text"
    facts = (
        ("models", ", ".join(revisions)),
        ("respondents behind the difficulties", f"{calibration.n_respondents:,}"),
        ("items calibrated / in bins", f"{calibration.n_items:,} / {bins.table.height:,}"),
        ("bins", f"{bins.count}, equal-sized, {bins.held_out:.0%} of each held out"),
        ("items per training", f"{n_train}, the same number in every bin"),
        ("seeds", ", ".join(map(str, config.seeds))),
        ("training", _training(training)),
        ("prompt", repr(config.questions.prompt) + template),
        ("arithmetic of training", training.dtype),
        ("time of all trainings and evaluations", duration(seconds)),
        ("machine", f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPU cores"),
        ("versions", ", ".join(f"{name} {number}" for name, number in versions().items())),
    )  # fmt: skip
    steps = (
        f"Difficulty of {calibration.n_items:,} items from the responses of {calibration.n_respondents:,} respondents, "
        f"by the Rasch model and marginal maximum likelihood. {calibration.convergence}",
        f"{bins.table.height:,} items with text cut into {bins.count} equal-sized bins, bin 0 the easiest.",
        "Every model evaluated untouched (zero-shot), then fine-tuned anew on the training part of each bin; only the "
        f"completion is learned. Each fine-tuned model evaluated on {tested}.",
        "Gain: accuracy after training minus zero-shot accuracy on the same items; 95% intervals are paired on items.",
    )
    rows = tuple(
        (name, str(record["fingerprint"]), str(record.get("started", "")), f"{record['seconds']:,.1f}")
        for name, record in records.items()
    )
    return StudyDescription(config.name, facts, steps, _settings(config), rows, _sources(config, records))


def _training(training: TrainingConfig) -> str:
    adapter = f", rank {training.rank}, alpha {training.alpha or training.rank:g}" if training.method == "lora" else ""
    return (
        f"{training.method}{adapter}, {training.epochs} epochs, batch {training.batch_size}, "
        f"learning rate {training.learning_rate:g}, {training.schedule}"
    )


def _records(folder: Path) -> dict[str, dict[str, Any]]:
    """What each step of a study recorded, by its folder, but for those that are made anew each time."""
    found = {}
    for file in sorted(folder.rglob("record.json")):
        name = file.parent.relative_to(folder).as_posix()
        record = read_record(file.parent)
        if record and name not in ("generalization", "report"):
            found[name] = record
    return found


def _settings(config: StudyConfig) -> str:
    """The settings as YAML; of files only the names, since where they lie is nobody else's business."""

    def plain(value: Any) -> Any:
        if isinstance(value, Path):
            return value.name
        if isinstance(value, dict):
            return {key: plain(one) for key, one in value.items()}
        return [plain(one) for one in value] if isinstance(value, list | tuple) else value

    told = plain(config.model_dump(exclude_defaults=True, exclude={"out"}))
    for model in told["models"]:
        model["path"] = model["path"] if not Path(model["path"]).is_absolute() else Path(model["path"]).name
    return yaml.safe_dump(told, sort_keys=False, allow_unicode=True)


def _sources(config: StudyConfig, records: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    """The program, the protocol and the data, as a reader of a paper needs them."""
    data = records.get("calibration", {}).get("inputs", {}).get("responses", "not recorded")
    items = config.benchmark or config.items_from
    return (
        f"easyhard {version('easyhard')}, the program that made this; its CITATION.cff has the entry.",
        "Kordi, Nayak, Zuo, Nguyen and Bach (2026). Revisiting Generalization Across Difficulty Levels: It's Not So "
        "Easy. EACL 2026, 7014–7042; arXiv:2511.21692. The protocol: difficulty by item response theory, bins, "
        "one training on each.",
        f"The benchmark ({Path(str(items)).name}) and the models ({', '.join(m.label for m in config.models)}), by "
        "their own papers or cards.",
        f"The responses behind the difficulties: {config.responses.path.name}, SHA-256 beginning {data}.",
    )
