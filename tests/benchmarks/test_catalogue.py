"""Each benchmark that is known by name: its prompt and completion to the letter, and its items' names."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from raw_rows import ARC_DIGITS, BBH, GPQA, GSM8K, MATH, ROWS, TASKS

from easyhard.benchmarks import candidates, completions, prompts
from easyhard.benchmarks.benchmark import refuse_to_publish
from easyhard.benchmarks.catalogue import BBH_SUBSETS, BENCHMARKS
from easyhard.benchmarks.loading import load, load_items
from easyhard.responses import ingest_logs
from easyhard.schema import InputError, Items

ARC_PROMPT = """Question: Which of these would a gardener use to water a row of beans?
A) a rake
B) a spade
C) a can
D) a glove
Answer:
"""
GSM8K_COMPLETION = """Ines bakes 3 * 6 = 18 rolls.
She has 18 - 4 = 14 rolls left.
So the answer is 14"""
MMLU_PRO_PROMPT = """Question: Which colour has the longest wavelength?
A) violet
B) green
C) red
Answer:
"""
MUSR_PROMPT = """Ola left the key in the drawer. Per moved it to the shelf while she slept.

Where would Ola look for the key?

1 - drawer
2 - shelf
Answer:"""
IFEVAL_ANSWER = [
    {"id": "length_constraints:number_words", "kwargs": {"relation": "at least", "num_words": 40}},
    {"id": "punctuation:no_comma", "kwargs": {}},
]

ASKED = {  # prompt and completion, to the letter
    "arc_challenge": (ARC_PROMPT, "C"),
    "gsm8k": (f"Q: {GSM8K['question']}\nA:\n", GSM8K_COMPLETION),
    "mmlu_pro": (MMLU_PRO_PROMPT, "C"),
    "bbh": ("Q: Take 2 steps. Turn around. Take 2 steps. Are you at the start?\nA:", "Yes"),
    "math": ("Problem:\nFind $x$ if $\\frac{x}{3} = 1$.\n\nAnswer:", "\\frac{6}{2}"),
    "musr": (MUSR_PROMPT, "drawer"),
}


def loaded(folder: Path, name: str, *rows: dict[str, Any]) -> Items:
    file = folder / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows or (ROWS[name],)), encoding="utf-8")
    return load_items(BENCHMARKS[name], file)


@pytest.mark.parametrize("name", ASKED)
def test_prompt_and_completion_to_the_letter(name: str, tmp_path: Path) -> None:
    items = loaded(tmp_path, name)
    spec = BENCHMARKS[name].spec
    assert (prompts(items, spec), completions(items, spec)) == ([ASKED[name][0]], [ASKED[name][1]])


def test_gpqa_shuffles_its_choices_by_content_and_teaches_a_letter_in_brackets(tmp_path: Path) -> None:
    spec = BENCHMARKS["gpqa_extended"].spec
    items = loaded(tmp_path, "gpqa_extended")
    [choices] = items.table["choices"].to_list()
    letter = "ABCD"[choices.index("helium")]
    lines = "".join(f"{place}) {choice}\n" for place, choice in zip("ABCD", choices, strict=True))
    assert prompts(items, spec) == [f"Question: Which gas fills this invented balloon?\n{lines}Answer:\n"]
    assert completions(items, spec) == [f"({letter})"]
    assert candidates(items, spec) == [["(A)", "(B)", "(C)", "(D)"]]
    other_order = GPQA | {"Incorrect Answer 1": "argon", "Incorrect Answer 2": "neon"}
    assert loaded(tmp_path, "gpqa_extended", other_order).table.equals(items.table)


def test_the_right_choice_of_gpqa_is_not_always_in_the_same_place(tmp_path: Path) -> None:
    rows = [GPQA | {"Question": f"Which gas fills invented balloon {number}?"} for number in range(40)]
    items = loaded(tmp_path, "gpqa_extended", *rows)
    assert set(completions(items, BENCHMARKS["gpqa_extended"].spec)) == {"(A)", "(B)", "(C)", "(D)"}


def test_ifeval_asks_the_prompt_itself_and_keeps_the_instructions_that_have_arguments(tmp_path: Path) -> None:
    items = loaded(tmp_path, "ifeval")
    assert prompts(items, BENCHMARKS["ifeval"].spec) == [ROWS["ifeval"]["prompt"]]
    assert json.loads(items.table["answer"][0]) == IFEVAL_ANSWER
    assert items.table["instructions"].to_list() == [2]
    with pytest.raises(InputError, match="no solution to train on"):
        completions(items, BENCHMARKS["ifeval"].spec)
    answered = loaded(tmp_path, "ifeval", ROWS["ifeval"] | {"answer": "A long bridge."})
    assert completions(answered, BENCHMARKS["ifeval"].spec) == ["A long bridge."]
    assert answered.table["item"].equals(items.table["item"])


def test_labels_of_arc_are_digits_in_some_items(tmp_path: Path) -> None:
    items = loaded(tmp_path, "arc_challenge", ROWS["arc_challenge"], ARC_DIGITS)
    assert items.table["answer"].to_list() == ["a can", "a snowball"]
    assert completions(items, BENCHMARKS["arc_challenge"].spec) == ["C", "B"]


@pytest.mark.parametrize("subset", BBH)
def test_answers_of_bbh_of_every_kind_are_taught_as_they_are(subset: str, tmp_path: Path) -> None:
    items = loaded(tmp_path, "bbh", BBH[subset] | {"subset": subset})
    assert completions(items, BENCHMARKS["bbh"].spec) == [BBH[subset]["target"]]
    assert items.table["subset"].to_list() == [subset]
    assert items.table["item"][0].startswith(f"bbh_{subset}/")


def test_bbh_has_the_21_subtasks_and_math_its_hardest_level(tmp_path: Path) -> None:
    assert len(set(BBH_SUBSETS)) == 21
    assert not {"causal_judgement", "penguins_in_a_table", "snarks", "word_sorting"} & set(BBH_SUBSETS)
    easy = MATH | {"level": "Level 1", "problem": "What is $1 + 1$?"}
    file = tmp_path / "math.jsonl"
    file.write_text(f"{json.dumps(easy)}\n{json.dumps(MATH)}\n", encoding="utf-8")
    found = load(BENCHMARKS["math"], file)
    assert (found.rows, found.others, found.unusable) == (2, 1, ())
    assert found.items.table.select("answer", "level", "subject").rows() == [("\\frac{6}{2}", "Level 5", "Algebra")]


def test_covariates_are_those_that_the_source_has(tmp_path: Path) -> None:
    found = {name: loaded(tmp_path, name).covariates for name in BENCHMARKS}
    assert found == {
        "arc_challenge": (),
        "gsm8k": (),
        "mmlu_pro": ("category",),
        "bbh": ("subset",),
        "math": ("level", "subject"),
        "musr": ("subset",),
        "gpqa_extended": ("subject", "expert_level"),
        "ifeval": ("instructions",),
    }


@pytest.mark.parametrize("name", BENCHMARKS)
def test_items_have_the_names_that_readers_of_logs_give_them(name: str, tmp_path: Path) -> None:
    metric = "exact_match" if name == "gsm8k" else BENCHMARKS[name].metric  # the harness has no acc of GSM8K
    document = {key: value for key, value in ROWS[name].items() if key != "subset"}
    other = document | dict.fromkeys(("question", "input", "problem", "Question", "prompt"), "Another question?")
    rows = [
        {"doc_id": number, "doc": doc, "target": "", "arguments": [], "resps": [], "filtered_resps": [], metric: 1.0}
        for number, doc in enumerate((document, other))
    ]
    log = tmp_path / "Org__Model" / f"samples_{TASKS[name]}_2024-06-16T23-15-52.736695.jsonl"
    log.parent.mkdir()
    log.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    responses, _ = ingest_logs(log)
    assert loaded(tmp_path, name).table["item"][0] in responses.items


def test_an_option_that_fills_a_place_is_no_choice_but_the_item_is_the_logs(tmp_path: Path) -> None:
    [choices] = loaded(tmp_path, "mmlu_pro").table["choices"].to_list()
    assert choices == ["violet", "green", "red"] and "N/A" in ROWS["mmlu_pro"]["options"]


def test_only_gpqa_may_not_be_republished() -> None:
    assert [name for name, benchmark in BENCHMARKS.items() if not benchmark.republish] == ["gpqa_extended"]
    with pytest.raises(InputError, match="an HTML report would hold the item text of gpqa_extended") as refused:
        refuse_to_publish(BENCHMARKS["gpqa_extended"], "an HTML report")
    assert "Leave the text out" in str(refused.value)
    refuse_to_publish(BENCHMARKS["gsm8k"], "an HTML report")


def test_revisions_are_commits_and_every_row_says_where_it_is_from() -> None:
    for benchmark in BENCHMARKS.values():
        assert len(benchmark.source.revision) == 40 and int(benchmark.source.revision, 16)
        assert benchmark.licence and benchmark.homepage.startswith("https://") and benchmark.citation


def test_each_subset_of_bbh_has_files_of_its_own() -> None:
    files = BENCHMARKS["bbh"].source.files
    for subset, other in product(BBH_SUBSETS, BBH_SUBSETS):
        assert fnmatchcase(f"{other}/test-00000-of-00001.parquet", files[subset]) == (subset == other)
