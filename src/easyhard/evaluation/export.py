"""A benchmark as a folder of tasks for lm-evaluation-harness: YAML, the items beside it, and what the graders need."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from easyhard.atomic import whole_folder
from easyhard.benchmarks import BenchmarkSpec
from easyhard.benchmarks.known_tasks import OWN
from easyhard.evaluation import task_functions
from easyhard.evaluation.harness_scoring import Function
from easyhard.evaluation.harness_task import HarnessTask, harness_tasks, task_name
from easyhard.schema import Bins, Items

FUNCTIONS = "utils.py"


def export_tasks(items: Items, spec: BenchmarkSpec, folder: Path, bins: Bins | None = None) -> list[str]:
    """Write the tasks of ``items`` to ``folder``, and return their names: the whole benchmark first, then its bins.

    The tasks of bin 3 have the tag ``easyhard_bin_03``, whatever the benchmark. The folder holds the items' text:
    ask ``benchmarks.benchmark.refuse_to_publish`` before. An earlier export at ``folder`` is replaced; anything
    else there is an InputError.
    """
    if bins is not None:
        items = items.select(bins.table["item"].to_list())
    tasks = harness_tasks(items, spec)
    place = {} if bins is None else dict(bins.table.select("item", "bin").iter_rows())
    with whole_folder(folder, lambda there: (there / FUNCTIONS).is_file()) as part:
        (part / FUNCTIONS).write_text(Path(task_functions.__file__).read_text(encoding="utf-8"), encoding="utf-8")
        names = [name for task in tasks for name in _write(task, part, place)]
        names += _write_groups(task_name(spec), names, tasks, part)
    return sorted(names, key=lambda name: ("_bin_" in name, name))


def command(folder: Path, names: list[str], spec: BenchmarkSpec) -> str:
    """How to run the first of ``names`` by hand, so that it asks what we ask."""
    chat = " --apply_chat_template" if spec.chat else ""
    begins = ",add_bos_token=False" if spec.chat else ""
    return (
        f"lm_eval --model hf --model_args pretrained=MODEL{begins} --include_path {folder} --tasks {names[0]}{chat} "
        "--log_samples --output_path results"
    )


def _write(task: HarnessTask, folder: Path, place: Mapping[str, int]) -> list[str]:
    """The task of all items, and of each bin that has some; their names."""
    file = f"{task.name}.jsonl"
    numbered = [{**row, "bin": place[row["item"]]} if place else row for row in task.rows]
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in numbered)
    (folder / file).write_text(text, encoding="utf-8")
    metadata = {**task.config["metadata"], "file": file}
    _dump({**task.config, "custom_dataset": Function("utils.rows"), "metadata": metadata}, folder)
    names = [task.name]
    for bin_ in sorted({row["bin"] for row in numbered} if place else ()):
        name = f"{task.name}_bin_{bin_:02d}"
        own = {"task": name, "tag": f"{OWN}bin_{bin_:02d}", "metadata": {**metadata, "bin": bin_}}
        _dump({"include": f"{task.name}.yaml", **own}, folder)
        names.append(name)
    return names


def _write_groups(whole: str, names: list[str], tasks: list[HarnessTask], folder: Path) -> list[str]:
    """Where a benchmark is several tasks, one for each kind of answer, groups that weigh every item alike."""
    if [task.name for task in tasks] == [whole]:
        return []
    bins = sorted({name[name.index("_bin_") :] for name in names if "_bin_" in name})
    for end in ["", *bins]:
        parts = [name for name in names if (name.endswith(end) if end else "_bin_" not in name)]
        means = [
            {"metric": task.metric, "aggregation": "mean", "weight_by_size": True, "filter_list": [task.filter]}
            for task in tasks[:1]
        ]
        _dump({"group": f"{whole}{end}", "task": parts, "aggregate_metric_list": means}, folder)
    return [f"{whole}{end}" for end in ["", *bins]]


class _Yaml(yaml.SafeDumper):
    """YAML as the harness reads it: a Function is ``!function module.name``."""


_Yaml.add_representer(Function, lambda dumper, value: dumper.represent_scalar("!function", value.path))


def _dump(config: Mapping[str, Any], folder: Path) -> None:
    name = config.get("group") or config["task"]
    text = yaml.dump(dict(config), Dumper=_Yaml, sort_keys=False, allow_unicode=True, width=120)
    (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
