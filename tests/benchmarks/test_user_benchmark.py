"""A benchmark of one's own in YAML: twenty lines are enough, and no mistake in them ends in a traceback."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from raw_rows import GSM8K, MATH

from easyhard.benchmarks import completions, prompts
from easyhard.benchmarks.catalogue import BENCHMARKS
from easyhard.benchmarks.loading import load_items
from easyhard.benchmarks.user_benchmark import read_benchmark
from easyhard.schema import InputError

RIDDLES = r"""
name: riddles
prompt: "Riddle: {question}\n{choices}\nAnswer:"
choice: "{letter}. {answer}"
completion: "{letter}"
scoring: choices
source:
  path: riddles.jsonl
fields:
  question: riddle
  answer: {columns: [key], find: "option ([A-Z])"}
  answer_is: label
  choices: options
  no_choice: "-"
  solution: why
  covariates:
    age: from_age
licence: CC0
metric: acc
republish: false
"""
ROW = {
    "riddle": "What has teeth and cannot bite?",
    "options": ["a comb", "-", "a cup"],
    "key": "It is option C, or was it option A",
    "why": "Combs have teeth.",
    "from_age": 6,
}


def described(folder: Path, text: str) -> Path:
    file = folder / "benchmark.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(InputError) as refused:
        read_benchmark(described(folder, text))
    return str(refused.value)


def test_twenty_lines_make_a_benchmark(tmp_path: Path) -> None:
    assert len(RIDDLES.strip().splitlines()) <= 20
    (tmp_path / "riddles.jsonl").write_text(json.dumps(ROW), encoding="utf-8")
    riddles = read_benchmark(described(tmp_path, RIDDLES))
    items = load_items(riddles)
    assert prompts(items, riddles.spec) == ["Riddle: What has teeth and cannot bite?\nA. a comb\nB. a cup\nAnswer:"]
    assert completions(items, riddles.spec) == ["A"]
    assert items.table.select("answer", "solution", "age").rows() == [("a comb", "Combs have teeth.", 6)]
    assert (riddles.licence, riddles.metric, riddles.republish) == ("CC0", "acc", False)
    [name] = items.table["item"]
    assert name.startswith("riddles/")
    (tmp_path / "riddles.jsonl").write_text(json.dumps(ROW | {"from_age": 9}), encoding="utf-8")
    assert load_items(riddles).table["item"].to_list() == [name]


def test_a_name_is_that_benchmark_and_a_misspelt_one_is_answered_with_the_nearest() -> None:
    assert read_benchmark("gsm8k") is BENCHMARKS["gsm8k"]
    with pytest.raises(InputError, match=r"no benchmark 'gsmk8'\. Did you mean 'gsm8k'\?"):
        read_benchmark("gsmk8")


def test_like_a_known_benchmark_but_for_what_is_said(tmp_path: Path) -> None:
    worked = read_benchmark(
        described(tmp_path, 'like: math\nprompt: "Problem:\\n{question}\\n\\nSolution:"\ncompletion: "{solution}"')
    )
    math = BENCHMARKS["math"]
    assert worked == replace(math, spec=replace(math.spec, prompt=worked.spec.prompt, completion="{solution}"))
    rows = tmp_path / "rows.jsonl"
    rows.write_text(json.dumps(MATH), encoding="utf-8")
    items = load_items(worked, rows)
    assert prompts(items, worked.spec)[0].endswith("\n\nSolution:")
    assert completions(items, worked.spec) == [MATH["solution"]]
    assert items.table.equals(load_items(math, rows).table)


def test_with_a_task_items_have_the_names_that_its_logs_give(tmp_path: Path) -> None:
    mine = read_benchmark(described(tmp_path, "name: sums\nscoring: last_number\ntask: gsm8k_mine"))
    rows = tmp_path / "rows.jsonl"
    rows.write_text(json.dumps(GSM8K), encoding="utf-8")
    assert load_items(mine, rows).table["item"].equals(load_items(BENCHMARKS["gsm8k"], rows).table["item"])


def test_every_problem_is_named_at_once(tmp_path: Path) -> None:
    text = """
name: no spaces please
scorring: choices
max_new_tokens: "many"
fields:
  question: 7
  answer: {columns: [a], find: "([", take: bowed}
  covariate: {}
source: {path: a.csv, revision: "$(rm)"}
"""
    lines = refusal(tmp_path, text).splitlines()
    assert lines[0].endswith("benchmark.yaml has 8 problems:")
    found = {line.split(":")[0].strip(): line for line in lines[1:-1]}
    assert set(found) == {
        "name", "scorring", "max_new_tokens", "fields.question", "fields.answer.find", "fields.answer.take",
        "fields.covariate", "source.revision",
    }  # fmt: skip
    assert "Did you mean 'scoring'?" in found["scorring"] and "Did you mean 'covariates'?" in found["fields.covariate"]
    assert lines[-1].endswith("docs/benchmarks.md explains every key.")


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("scoring: choices", "name must be given, or like"),
        ("prompt: '{question}'", "name and scoring must be given"),
        ("like: gsm8kk", "there is no benchmark 'gsm8kk'. Did you mean 'gsm8k'?"),
        ("like: gpqa_extended\nrepublish: true", "the item text of gpqa_extended may not be republished"),
        ("like: gsm8k\nprompt: Go", "does not contain {question}"),
        ("like: gsm8k\ncompletion: '{anser}'", "Did you mean 'answer'?"),
        ("like: gsm8k\nfields: {answer_is: label}", "answer_is: label needs choices"),
        ("like: gsm8k\nfields: {covariates: {answer: a}}", "covariates has 'answer'"),
        ("like: gsm8k\nfields: {answer: {columns: [a], find: '(?:x)'}}", "has no group"),
        ("like: gsm8k\nfields: {answer: {columns: [a], remove: ['(?=x)']}}", "is no regular expression read here"),
        ("like: gsm8k\nfields: {answer: {columns: [a], take: instructions}}", "needs two columns"),
        ("like: gsm8k\nfields: {answer: []}", "fields.answer.columns"),
        ("like: gsm8k\nsource: {}", "name either path"),
        ("like: gsm8k\nsource: {path: a, dataset: b/c}", "name either path"),
        ("like: gsm8k\nsource: {dataset: ../../etc}", "source.dataset"),
        ("like: gsm8k\nsource: {path: a, files: {}}", "source.files"),
        ("like: gsm8k\n1: 2", "benchmark.yaml has 1 problem"),
        ("like: [gsm8k]", "like: Input should be a valid string"),
        ("", "describes no benchmark"),
        ("- a\n- b", "describes no benchmark"),
        ("[" * 1500, "cannot be read as YAML"),
        ("when: 2001-02-31", "cannot be read as YAML"),
        ("name: \x00", "cannot be read as YAML"),
        ("!!python/object/apply:os.system ['exit 1']", "cannot be read as YAML"),
        ("!!python/name:os.system", "cannot be read as YAML"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(text: str, finding: str, tmp_path: Path) -> None:
    assert finding in refusal(tmp_path, text)


def test_aliases_that_multiply_end_in_a_sentence(tmp_path: Path) -> None:
    layers = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    layers += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    text = "\n".join([*layers, "like: gsm8k", "metric: *a11", "fields: {question: *a11}"])
    assert len(refusal(tmp_path, text)) < 10_000


def test_files_that_are_not_there_or_no_text(tmp_path: Path) -> None:
    described(tmp_path, RIDDLES)
    with pytest.raises(InputError, match=r"Did you mean 'benchmark.yaml'\?"):
        read_benchmark(tmp_path / "benchmrak.yaml")
    with pytest.raises(InputError, match="cannot be read as YAML"):
        read_benchmark(f"{tmp_path}/")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00name")
    with pytest.raises(InputError, match="cannot be read as YAML"):
        read_benchmark(tmp_path / "bytes.yaml")


KEYS = ("like", "name", "prompt", "completion", "scoring", "source", "fields", "question", "covariates", "path", "find")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(("gsm8k", "choices", "{question}", "(", "", "a/b")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=6))
def test_any_mapping_is_a_benchmark_or_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, raw: dict[str, object]
) -> None:
    file = described(tmp_path_factory.mktemp("yaml"), json.dumps(raw))  # JSON is YAML
    try:
        benchmark = read_benchmark(file)
    except InputError as error:
        assert str(file) in str(error)
    else:
        assert "{question}" in benchmark.spec.prompt and benchmark.name
