"""The adapters of a study for others: each in a folder of its own, with a card that says what it is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import polars as pl

from easyhard.atomic import write_bytes
from easyhard.benchmarks.user_benchmark import read_benchmark
from easyhard.report.adapter_card import AdapterFacts, adapter_card
from easyhard.schema import GeneralizationMatrix, InputError
from easyhard.study.analysis import analyse, open_study, recorded_cells
from easyhard.study.cells import Cell
from easyhard.study.settings import StudyConfig
from easyhard.study.state import cell_path

_KEPT = ("adapter_config.json", "adapter_model.safetensors", "items.parquet", "training.jsonl")


def write_adapters(folder: Path, out: Path) -> list[Path]:
    """Copy every adapter of a study below ``out``, as ``MODEL/bin-03/seed-0``, each with a model card.

    The items trained on go along by name, never their text. Raises InputError for a study that kept no adapter.
    """
    config, _, bins, items = open_study(folder)
    cells = [cell for cell in recorded_cells(config, items, bins) if _has_adapter(cell)]
    if not cells:
        raise InputError(
            f"{folder} holds no adapter: none was trained yet, training.method is full, or keep drops the weights. "
            "Run it with training.method lora and keep adapter."
        )
    matrix = analyse(folder)[0]
    written = []
    for cell in cells:
        target = out / cell_path(cell)
        target.mkdir(parents=True, exist_ok=True)
        facts = _facts(cell, config, matrix, bins.count)
        _copy(cell, target, facts)
        write_bytes(adapter_card(facts).encode(), target / "README.md")
        written.append(target)
    return written


def _has_adapter(cell: Cell) -> bool:
    return cell.train is not None and cell.train.is_done and (cell.train.folder / "adapter_model.safetensors").is_file()


def _copy(cell: Cell, target: Path, facts: AdapterFacts) -> None:
    assert cell.train is not None
    for name in _KEPT:
        source = cell.train.folder / name
        if source.is_file() and name != "adapter_config.json":
            shutil.copyfile(source, target / name)
    # The study may name a folder of this machine, which tells others nothing.
    settings = json.loads((cell.train.folder / "adapter_config.json").read_text(encoding="utf-8"))
    settings |= {"base_model_name_or_path": facts.base_name, "revision": facts.revision}
    write_bytes((json.dumps(settings, indent=2, sort_keys=True) + "\n").encode(), target / "adapter_config.json")


def _facts(cell: Cell, config: StudyConfig, matrix: GeneralizationMatrix, n_bins: int) -> AdapterFacts:
    assert cell.items is not None and cell.seed is not None and cell.train_bin is not None
    single = isinstance(cell.train_bin, int)
    runs, place = (matrix.runs, "train_bin") if single else (matrix.mixture_runs, "mixture")
    mine = (pl.col("model") == cell.model.label) & (pl.col(place) == cell.train_bin) & (pl.col("seed") == cell.seed)
    training = (cell.training or config.training).model_dump(mode="json")
    shown = ("rank", "alpha", "dropout", "targets", "epochs", "batch_size", "learning_rate", "dtype")
    return AdapterFacts(
        study=config.name,
        base=cell.model.path,
        revision=cell.model.revision,
        trained_on=f"bin {cell.train_bin}" if single else f"the mixture {cell.train_bin}",
        seed=cell.seed,
        n_items=cell.items.table.height,
        n_bins=n_bins,
        settings={name.replace("_", " "): training[name] for name in shown if training.get(name) is not None},
        row=runs.filter(mine),
        licence=_licence(config),
    )


def _licence(config: StudyConfig) -> str:
    try:
        return read_benchmark(config.benchmark).licence if config.benchmark else ""
    except InputError:
        return ""
