"""Evaluation by lm-evaluation-harness, in memory: a model and items in, Responses out, its own sample log kept."""

from __future__ import annotations

import contextlib
import importlib
import io
import logging
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from easyhard.benchmarks import BenchmarkSpec, prompts
from easyhard.evaluation.config import EvaluationConfig
from easyhard.evaluation.context import refuse_too_long
from easyhard.evaluation.harness_errors import explained
from easyhard.evaluation.harness_models import UNLIMITED, chats, harness_model
from easyhard.evaluation.harness_scoring import Function
from easyhard.evaluation.harness_task import SPLIT, HarnessTask, harness_tasks
from easyhard.evaluation.instructions import refuse_unknown_instructions
from easyhard.evaluation.outcome import Evaluation
from easyhard.llm import LanguageModel, messages, prompt_tokens
from easyhard.schema import InputError, Items, Progress, Responses, WorkError

Examples = Sequence[Sequence[tuple[str, str]]]


def evaluate_with_harness(
    model: LanguageModel,
    items: Items,
    spec: BenchmarkSpec,
    respondent: str,
    config: EvaluationConfig,
    folder: Path | None = None,
    progress: Progress | None = None,
    examples: Examples | None = None,
    adapter: Path | None = None,
) -> Evaluation:
    """Ask ``model`` every item through ``lm_eval.simple_evaluate``; nothing is downloaded.

    ``folder`` gets the harness' own results and sample log, once all is answered. ``progress`` counts requests: one
    per item, or with scoring by choices one per choice. Raises InputError for an item that does not fit into the
    context, which the harness would cut; WorkError if the model or the server fails.
    """
    _require_harness()
    rendered = _rendered(model, items, spec, config, examples)
    talks = chats(model, spec, config)
    tasks = harness_tasks(items, spec if talks else replace(spec, system=None), rendered)
    _refuse_too_long(model, items, spec, config, examples)
    if spec.scoring == "instructions":
        with _quiet():
            refuse_unknown_instructions(items)
    with explained(config) as heard, _quiet():
        lm = harness_model(model, spec, config, adapter)
        if progress:
            lm.set_cache_hook(_Counted(progress, sum(len(row.get("choices", " ")) for t in tasks for row in t.rows)))
        results, tracker = _run(lm, tasks, respondent, rendered is None and talks)
        heard.refuse_bad_answers()
    found = _joined(results["samples"], tasks, items, spec, respondent)
    if folder is not None:
        with _quiet():
            _save(results, tracker, folder)
    return found


def in_memory(task: HarnessTask) -> Any:
    """The task as an object of the harness, with its rows as the data set."""
    import datasets  # type: ignore[import-untyped,unused-ignore]
    from lm_eval.api.task import ConfigurableTask

    data = {SPLIT: datasets.Dataset.from_list(task.rows)}
    return ConfigurableTask(config={**_resolved(task.config), "custom_dataset": lambda **_: data})


def _run(lm: Any, tasks: list[HarnessTask], respondent: str, chat: bool) -> tuple[dict[str, Any], Any]:
    from lm_eval import simple_evaluate
    from lm_eval.loggers import EvaluationTracker
    from lm_eval.tasks import TaskManager

    tracker, stream = EvaluationTracker(), random.getstate()
    results = simple_evaluate(
        model=lm,
        model_args={"pretrained": respondent},  # what the log calls the model
        tasks=[in_memory(task) for task in tasks],
        task_manager=TaskManager(include_defaults=False),
        evaluation_tracker=tracker,
        apply_chat_template=chat,
        bootstrap_iters=0,  # intervals come from our own table of items
        random_seed=None, numpy_random_seed=None, torch_random_seed=None, fewshot_random_seed=None,
    )  # fmt: skip
    random.setstate(stream)  # the harness draws names of tasks that have one
    return results, tracker


def _rendered(
    model: LanguageModel, items: Items, spec: BenchmarkSpec, config: EvaluationConfig, examples: Examples | None
) -> list[str] | None:
    """Prompts as the model reads them, where the harness cannot make them: with examples, or an empty system turn."""
    if not examples and not (spec.system == "" and chats(model, spec, config)):
        return None
    if model.tokenizer is None or (config.backend == "openai" and spec.scoring != "choices"):
        raise InputError(
            "a chat server makes its own prompt of the question, so that neither examples nor an empty system message "
            "can be sent through the harness. Use backend hf or vllm, or leave them out."
        )
    before = examples or [()] * items.table.height
    if not chats(model, spec, config):
        opening = "" if spec.prompt[-1].isspace() else " "
        shown = ["".join(f"{asked}{opening}{answer}\n\n" for asked, answer in pairs) for pairs in before]
        return [pairs + prompt for pairs, prompt in zip(shown, prompts(items, spec), strict=True)]
    template = model.tokenizer.apply_chat_template
    return [
        template(messages(spec, prompt, pairs), tokenize=False, add_generation_prompt=True)
        for prompt, pairs in zip(prompts(items, spec), before, strict=True)
    ]


def _refuse_too_long(
    model: LanguageModel, items: Items, spec: BenchmarkSpec, config: EvaluationConfig, examples: Examples | None
) -> None:
    if model.tokenizer is None:
        return  # the server alone can count, and refuses
    known = model.context_length if model.network is not None else UNLIMITED
    before = examples or [()] * items.table.height
    asked = [prompt_tokens(model, spec, p, pairs) for p, pairs in zip(prompts(items, spec), before, strict=True)]
    refuse_too_long(model, items, spec, asked, config.context_length or known)


def _joined(
    samples: Mapping[str, list[dict[str, Any]]], tasks: list[HarnessTask], items: Items, spec: BenchmarkSpec,
    respondent: str,
) -> Evaluation:  # fmt: skip
    """Responses and texts, by the name of the item that each sample holds."""
    correct: dict[str, int] = {}
    given: dict[str, str] = {}
    own = dict(items.table.select("item", "choices").iter_rows())
    for task in tasks:
        for sample in samples[task.name]:
            if sample["filter"] == task.filter:
                name = sample["doc"]["item"]
                correct[name] = int(sample[task.metric])
                given[name] = _given(sample, own[name], spec)
    names = tuple(items.table["item"])
    if set(correct) != set(names):
        raise WorkError(
            f"the harness answered {len(correct)} of {len(names)} items. Run it again; if it stays so, report it."
        )
    row = np.array([[correct[name] for name in names]], dtype=np.int8)
    answers = {"item": names, "given": [given[name] for name in names], "answer": items.table["answer"]}
    return Evaluation(Responses(row, (respondent,), names), pl.DataFrame({**answers, "correct": row[0]}))


def _given(sample: Mapping[str, Any], choices: Sequence[str] | None, spec: BenchmarkSpec) -> str:
    """The chosen option, or the text that was generated."""
    if spec.scoring != "choices" or choices is None:
        return str(sample["resps"][0][0])
    likelihoods = np.array([float(reply[0]) for reply in sample["filtered_resps"]])
    return choices[int(np.argmax(likelihoods / [len(option) for option in sample["doc"]["choices"]]))]


def _save(results: dict[str, Any], tracker: Any, folder: Path) -> None:
    """Write what ``lm_eval --log_samples`` would write; it passes over a full disk, so what is there is checked."""
    samples, tracker.output_path = results.pop("samples"), str(folder)
    expected = {task: len(rows) for task, rows in samples.items()}
    tracker.save_results_aggregated(results=results, samples=samples)
    for task, rows in samples.items():
        tracker.save_results_samples(task_name=task, samples=rows)
    for task, count in expected.items():
        logs = sorted(folder.rglob(f"samples_{task}_*.jsonl"))  # the last is the newest, by the time in its name
        if not logs or logs[-1].read_bytes().count(b"\n") != count:
            raise WorkError(
                f"the sample log of {task} could not be written whole to {folder}. Look whether the disk is full."
            )


class _Counted:
    """Stands where the harness keeps finished answers, and counts them."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def add_partial(self, *_: Any) -> None:
        self._done += 1
        self._progress(min(self._done, self._total), self._total)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the harness' bars and its messages, of which what matters is told as an error."""
    logger = logging.getLogger("lm_eval")
    before, logger.propagate = logger.propagate, False
    nothing = logging.NullHandler()
    logger.addHandler(nothing)
    try:
        with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logger.removeHandler(nothing)
        logger.propagate = before


def _resolved(value: Any) -> Any:
    """``value`` with each Function in it imported."""
    if isinstance(value, Function):
        module, _, name = value.path.rpartition(".")
        return getattr(
            importlib.import_module("easyhard.evaluation.task_functions" if module == "utils" else module), name
        )
    if isinstance(value, dict):
        return {key: _resolved(one) for key, one in value.items()}
    return [_resolved(one) for one in value] if isinstance(value, list) else value


def _require_harness() -> None:
    try:
        import lm_eval  # noqa: F401
    except ImportError as error:
        raise InputError(
            f"{error.name} is not installed, which this evaluation needs. Install it: pip install 'easyhard[llm]'"
        ) from error
