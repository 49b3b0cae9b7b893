"""What a study did, in words, for its report."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from easyhard.report import StudyDescription
from easyhard.schema import Bins, ItemBank
from easyhard.study.progress import duration
from easyhard.study.record import read_record, versions
from easyhard.study.settings import StudyConfig


def describe(config: StudyConfig, folder: Path, bank: ItemBank, bins: Bins) -> StudyDescription:
    """Title, facts and steps of a study whose cells stand in ``folder``."""
    training = config.training
    n_train = min(len(bins.items(bin_, "train")) for bin_ in range(bins.count))
    n_train = min(n_train, training.max_items or n_train)
    records = [read_record(path.parent) for path in sorted((folder / "models").rglob("record.json"))]
    seconds = sum(record["seconds"] for record in records if record)
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
        ("training", f"{training.method}, rank {training.rank}, alpha {training.alpha or training.rank:g}, "
                     f"{training.epochs} epochs, batch {training.batch_size}, "
                     f"learning rate {training.learning_rate:g}, cosine"),
        ("prompt", repr(config.questions.prompt) + template),
        ("arithmetic", "float32"),
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
    return StudyDescription(config.name, facts, steps)
