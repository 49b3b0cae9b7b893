"""Whatever is wrong with a call, a file or a setting: one message, exit code 2, and nothing written."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml
from rich.console import Console

from easyhard import cli
from easyhard.study import StudyProgress

N_ITEMS, N_RESPONDENTS = 16, 12
ITEMS = tuple(f"sum/{k:02d}" for k in range(N_ITEMS))

needs_llm = pytest.mark.skipif(find_spec("torch") is None, reason="what runs models is not installed")


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


Call = Callable[..., Outcome]
Refusal = Callable[..., str]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """The console script's own entry point, in this process."""

    def command(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["easyhard", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        return Outcome(int(ended.value.code or 0), out, err)

    return command


@pytest.fixture
def refusal(call: Call, tmp_path: Path) -> Refusal:
    """A call that must be refused: gives its one message, and sees that no file came, went or changed."""

    def command(*arguments: object) -> str:
        before = contents(tmp_path)
        outcome = call(*arguments)
        assert outcome.code == 2, outcome
        assert outcome.out == ""
        assert outcome.err.startswith("Error: ")
        assert outcome.err.count("Error: ") == 1
        assert "Traceback" not in outcome.err
        assert contents(tmp_path) == before
        return outcome.err

    return command


def contents(folder: Path) -> dict[Path, bytes | None]:
    """Every path below ``folder``, with the bytes of the files."""
    return {path: path.read_bytes() if path.is_file() else None for path in sorted(folder.rglob("*"))}


def responses(items: tuple[str, ...] = ITEMS, respondents: tuple[str, ...] | None = None) -> pl.DataFrame:
    respondents = respondents or tuple(f"llm-{r:02d}" for r in range(N_RESPONDENTS))
    correct = np.random.default_rng(0).integers(0, 2, (len(respondents), len(items)))
    rows = [(name, item, int(correct[r, k])) for r, name in enumerate(respondents) for k, item in enumerate(items)]
    return pl.DataFrame(rows, schema=["respondent", "item", "correct"], orient="row")


def texts(items: tuple[str, ...] = ITEMS) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "item": items,
            "question": [f"What is {k} + {k}?" for k in range(len(items))],
            "answer": [str(2 * k) for k in range(len(items))],
        }
    )


def write_study(folder: Path, **changes: Any) -> Path:
    """A study in order but for ``changes`` of its top-level keys; its model is there, but is none."""
    responses().write_csv(folder / "responses.csv")
    texts().write_csv(folder / "items.csv")
    (folder / "model").mkdir()
    (folder / "model" / "config.json").write_text("{}")
    settings: dict[str, Any] = {
        "name": "small",
        "responses": {"path": "responses.csv"},
        "items": {"path": "items.csv"},
        "models": [{"path": "./model", "name": "tiny"}],
        "bins": {"count": 2, "held_out": 0.5},
        "training": {"epochs": 1, "max_items": 2, "rank": 2},
        "questions": {"max_new_tokens": 4},
        "out": "run",
    }
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump({**settings, **changes}))
    return path


# Tables of responses, by every command that reads them

BAD_RESPONSES = {
    "nothing": ("", ["is empty: 0 bytes", "Give a file with rows"]),
    "only a header": ("respondent,item,correct\n", ["no rows", "Give a file with rows"]),
    "a misspelt column": (
        "respondent,item,corect\na,x,1\n",
        ["no column 'correct'", "Did you mean 'corect'?", "--column correct=corect on the command line"],
    ),
    "another tool's column": (
        "model,item,correct\na,x,1\n",
        ["no column 'respondent'", "Did you mean 'model'?"],
    ),
    "semicolons": ("respondent;item;correct\na;x;1\n", ["separated by commas"]),
    "a graded score": (
        "respondent,item,correct\na,x,1\na,y,2\n",
        ["1 cell of 'correct'", "'2' in row 2", "--threshold or --graded"],
    ),
    "words": ("respondent,item,correct\na,x,right\n", ["'right' in row 1", "Write 1 or true for correct"]),
    "one pair twice": (
        "respondent,item,correct\na,x,1\nb,x,0\na,x,0\n",
        ["1 pair", "'a' on 'x', row 1 of", "and row 3 of", "Keep one row for each pair"],
    ),
    "a nameless item": ("respondent,item,correct\na,,1\n", ["without a name for the item", "row 1", "remove"]),
    "no response": ("respondent,item,correct\na,x,\n", ["every cell of 'correct' is empty"]),
    "no table": ("\0\1\2", ["neither Parquet nor text", "save it as CSV"]),
}


@pytest.mark.parametrize("command", ["ingest", "calibrate", "run"])
@pytest.mark.parametrize("case", BAD_RESPONSES)
def test_a_bad_table_of_responses(case: str, command: str, tmp_path: Path, refusal: Refusal) -> None:
    study = write_study(tmp_path)
    text, expected = BAD_RESPONSES[case]
    table = tmp_path / "responses.csv"
    table.write_text(text)
    arguments = [study] if command == "run" else [table, "-o", tmp_path / "new" / "out.parquet"]
    said = refusal(command, *arguments)
    assert "responses.csv" in said
    for fragment in expected:
        assert fragment in said


def test_a_missing_file_with_the_nearest_name(tmp_path: Path, refusal: Refusal) -> None:
    study = write_study(tmp_path, responses={"path": "respones.csv"})
    out = tmp_path / "out.parquet"
    absent = tmp_path / "respones.csv"
    for arguments in (
        ["ingest", absent, "-o", out],
        ["calibrate", absent, "-o", out],
        ["run", study],
        ["validate", study],
    ):
        said = refusal(*arguments)
        assert "respones.csv is not there. Did you mean 'responses.csv'? Check the path." in said
    assert "Did you mean 'study.yaml'?" in refusal("run", tmp_path / "studdy.yaml")
    assert "nor is its folder" in refusal("bin", tmp_path / "nowhere" / "bank.parquet", "-o", out)


def test_a_column_option_without_an_equals_sign_or_for_no_column_of_ours(tmp_path: Path, refusal: Refusal) -> None:
    write_study(tmp_path)
    arguments = ["ingest", tmp_path / "responses.csv", "-o", tmp_path / "out.parquet", "--column"]
    assert "has no '='. Write --column ours=theirs" in refusal(*arguments, "respondent")
    assert "Did you mean 'respondent'?" in refusal(*arguments, "respondant=llm")


def test_responses_that_cannot_be_calibrated(tmp_path: Path, refusal: Refusal) -> None:
    study = write_study(tmp_path)
    responses(respondents=("alone",)).write_csv(tmp_path / "responses.csv")
    for arguments in (["calibrate", tmp_path / "responses.csv", "-o", tmp_path / "bank.parquet"], ["run", study]):
        assert "1 respondents x 16 items are too few to calibrate" in refusal(*arguments)


# Tables of items

BAD_ITEMS = {
    "no text": ("item,question,answer\nsum/00,,0\n", ["1 row", "without question", "'sum/00' in row 1", "Fill in"]),
    "no answer": ("item,question,answer\nsum/00,What?,\n", ["without answer", "Fill in"]),
    "a misspelt column": ("item,qestion,answer\nsum/00,What?,0\n", ["no column 'question'", "Did you mean 'qestion'?"]),
    "an item twice": (
        "item,question,answer\nsum/00,What?,0\nsum/00,Why?,0\n",
        ["the name of an earlier item", "row 2", "Give every item a name of its own"],
    ),
    "an answer that is no choice": (
        'item,question,answer,choices\nsum/00,What?,B,"[""0"", ""1""]"\n',
        ["an answer that is none of them", "'B' in row 1"],
    ),
    "only a header": ("item,question,answer\n", ["no rows"]),
}


@pytest.mark.parametrize("command", ["run", "validate"])
@pytest.mark.parametrize("case", BAD_ITEMS)
def test_a_bad_table_of_items(case: str, command: str, tmp_path: Path, refusal: Refusal) -> None:
    study = write_study(tmp_path)
    text, expected = BAD_ITEMS[case]
    (tmp_path / "items.csv").write_text(text)
    said = refusal(command, study)
    assert "items.csv" in said
    for fragment in expected:
        assert fragment in said


def test_item_names_that_the_two_tables_do_not_share(tmp_path: Path, refusal: Refusal) -> None:
    study = write_study(tmp_path)
    texts(tuple(f"other/{k}" for k in range(N_ITEMS))).write_csv(tmp_path / "items.csv")
    said = refusal("run", study)
    assert "0 of 16 items with responses have text" in said
    assert "'other/0'" in said
    assert "'sum/00'" in said
    assert "Use the same item names in both tables" in said


def test_scoring_by_choices_that_are_not_there(tmp_path: Path, refusal: Refusal) -> None:
    study = write_study(tmp_path, questions={"scoring": "choices"})
    said = refusal("run", study)
    assert "16 of 16 items have no choices" in said
    assert "set questions.scoring to last_number or exact" in said


def test_scoring_by_numbers_of_answers_that_are_none(tmp_path: Path, refusal: Refusal) -> None:
    study = write_study(tmp_path, questions={"scoring": "last_number"})
    texts().with_columns(answer=pl.lit("many")).write_csv(tmp_path / "items.csv")
    assert "has the answer 'many', which is no number" in refusal("run", study)


def test_a_completion_or_a_prompt_without_what_it_needs(tmp_path: Path, refusal: Refusal) -> None:
    study = write_study(tmp_path)
    generated = ("--set", "questions.scoring=exact", "--set", 'questions.completion="{solution}"')
    assert "has no solution to train on" in refusal("run", study, *generated)
    answers = pl.concat_list(pl.col("answer"), pl.lit("-1"))
    lists = answers.map_elements(lambda pair: json.dumps(pair.to_list()), return_dtype=pl.String)
    texts().with_columns(choices=lists).write_csv(tmp_path / "items.csv")
    chosen = ("--set", "questions.scoring=choices", "--set", 'questions.completion="{solution}"')
    assert "which only the right choice has" in refusal("run", study, *chosen)
    assert "does not contain {question}" in refusal("run", study, "--set", "questions.prompt=Hello")


# Bins


def test_more_bins_than_the_items_fill(tmp_path: Path, call: Call, refusal: Refusal) -> None:
    study = write_study(tmp_path)
    bank, bins = tmp_path / "bank.parquet", tmp_path / "bins.parquet"
    assert call("calibrate", tmp_path / "responses.csv", "-o", bank).code == 0
    said = refusal("bin", bank, "-o", bins, "--count", 9)
    assert "9 bins need 2 items each" in said
    assert "Ask for count=8 or fewer." in said
    said = refusal("run", study, "--set", "bins.count=9")
    assert "9 bins need 2 items each, 18 in all, but 16 items" in said
    assert "Set bins.count to 8 or fewer." in said
    assert "count is 1" in refusal("bin", bank, "-o", bins, "--count", 1)
    assert "held_out is 1.5" in refusal("bin", bank, "-o", bins, "--held-out", 1.5)
    negative = call("bin", bank, "-o", bins, "--seed", -1)
    assert (negative.code, bins.exists()) == (2, False)
    assert "--seed" in negative.err


def test_a_file_that_is_not_what_the_command_reads(tmp_path: Path, call: Call, refusal: Refusal) -> None:
    write_study(tmp_path)
    bank, bins = tmp_path / "bank.parquet", tmp_path / "bins.parquet"
    assert "could not be read as item bank" in refusal("bin", tmp_path / "responses.csv", "-o", bins)
    assert call("calibrate", tmp_path / "responses.csv", "-o", bank).code == 0
    bank.write_bytes(bank.read_bytes()[:-200])
    assert "bank.parquet could not be read" in refusal("bin", bank, "-o", bins)


# Models


@pytest.mark.parametrize("command", [["run"], ["run", "--dry-run"], ["validate"]])
def test_a_model_path_that_does_not_exist(command: list[str], tmp_path: Path, refusal: Refusal) -> None:
    study = write_study(tmp_path, models=[{"path": "./modle"}])
    said = refusal(*command, study)
    assert "modle' does not exist. Did you mean 'model'?" in said
    assert "Give a folder made by save_pretrained, a .gguf file, or a hub name" in said


@pytest.mark.parametrize("path", ["weights.gguf", "some/where/else", "~/nowhere-at-all/model"])
def test_what_can_only_be_a_path_is_not_asked_of_the_hub(path: str, tmp_path: Path, refusal: Refusal) -> None:
    assert "does not exist." in refusal("run", write_study(tmp_path, models=[{"path": path}]))


def test_a_folder_that_holds_no_model(tmp_path: Path, refusal: Refusal) -> None:
    study = write_study(tmp_path)
    (tmp_path / "model" / "config.json").unlink()
    assert "has no config.json, so it is not a saved model" in refusal("run", study)


# Settings


def test_misspelt_keys_with_the_nearest_at_every_depth_all_at_once(tmp_path: Path, refusal: Refusal) -> None:
    study = write_study(
        tmp_path,
        seed=[0],
        responses={"path": "responses.csv", "colums": {}},
        models=[{"path": "./model", "nmae": "tiny"}],
        bins={"cuont": 2, "held_out": 7},
        training={"epochs": "many", "epoch": 3},
    )
    said = refusal("run", study)
    assert "has 7 problem(s)" in said
    for fragment in (
        "seed: no such key. Did you mean 'seeds'?",
        "responses.colums: no such key. Did you mean 'columns'?",
        "models.0.nmae: no such key. Did you mean 'name'?",
        "bins.cuont: no such key. Did you mean 'count'?",
        "bins.held_out: Input should be less than 1",
        "training.epochs: Input should be a valid integer",
        "training.epoch: no such key. Did you mean 'epochs'?",
        "docs/study.md explains every key",
    ):
        assert fragment in said


def test_a_missing_key_and_values_that_cannot_be(tmp_path: Path, refusal: Refusal) -> None:
    study = write_study(tmp_path, seeds=[-1], bins={"count": 2, "seed": 10**30}, models=[])
    study.write_text(study.read_text().replace("out: run\n", ""))
    said = refusal("validate", study)
    for fragment in ("out: is needed, but not there", "seeds.0: ", "bins.seed: ", "models: "):
        assert fragment in said
    study.write_text("name: small\n")
    assert "responses: is needed, but not there" in refusal("run", study)


@pytest.mark.parametrize(
    "text",
    [b"a: [1, 2", b"name: 2026-13-45", b"\xff\xfe\x00", b"[" * 5000, b"a: b: c", b"{[]: 1}"],
    ids=["open bracket", "no such day", "bytes", "deep", "two colons", "odd key"],
)
def test_yaml_that_is_none(text: bytes, tmp_path: Path, refusal: Refusal) -> None:
    study = write_study(tmp_path)
    study.write_bytes(text)
    said = refusal("run", study)
    assert "study.yaml cannot be read as YAML" in said
    assert "docs/study.md" in said


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just words"])
def test_yaml_that_is_no_study(text: str, tmp_path: Path, refusal: Refusal) -> None:
    study = write_study(tmp_path)
    study.write_text(text)
    assert "holds no settings" in refusal("run", study)


def test_overrides_that_cannot_be(tmp_path: Path, refusal: Refusal) -> None:
    study = write_study(tmp_path)
    assert "--set 'bins.count' has no '='. Write --set key=value" in refusal("run", study, "--set", "bins.count")
    assert "cannot be read as YAML" in refusal("run", study, "--set", "seeds=[1")
    assert "'name' is not a group of settings" in refusal("run", study, "--set", "name.first=x")
    assert "bins.cuont: no such key. Did you mean 'count'?" in refusal("run", study, "--set", "bins.cuont=3")
    assert "bins: " in refusal("run", study, "--set", "bins=3")


@pytest.mark.parametrize("path", ["x" * 5000, "nul\0inside"], ids=["long", "NUL"])
def test_paths_that_cannot_be(path: str, tmp_path: Path, refusal: Refusal) -> None:
    study = write_study(tmp_path)
    for key in ("responses", "models", "out"):
        settings = yaml.safe_load(study.read_text())
        settings[key] = {"responses": {"path": path}, "models": [{"path": f"./{path}"}], "out": path}[key]
        (tmp_path / "odd.yaml").write_text(yaml.safe_dump(settings))
        refusal("run", tmp_path / "odd.yaml")


# Where the output goes


def test_output_that_cannot_be_written_is_refused_before_the_work(
    tmp_path: Path, refusal: Refusal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(*_: object) -> None:
        raise AssertionError("worked for an output that cannot be written")

    monkeypatch.setattr("easyhard.irt.calibrate", work)
    write_study(tmp_path)
    table, file = tmp_path / "responses.csv", tmp_path / "file"
    file.write_text("mine")
    for out, finding in (
        (file / "bank.parquet", "is not a folder that you may write to"),
        (tmp_path, "is not an ordinary file"),
        (table, "is also read, and would be lost"),
        (tmp_path / ("x" * 300), "cannot be written"),
    ):
        said = refusal("calibrate", table, "-o", out)
        assert finding in said
        assert "Name another" in said or "Name a file" in said
        refusal("ingest", table, "-o", out)
        refusal("bin", table, "-o", out)


@needs_llm
def test_a_study_whose_folder_cannot_be_written(tmp_path: Path, refusal: Refusal) -> None:
    study = write_study(tmp_path, out="file/run")
    (tmp_path / "file").write_text("mine")
    assert "file/run cannot be made" in refusal("run", study)
    (tmp_path / "taken" / ".lock").mkdir(parents=True)
    assert "taken cannot be written to" in refusal("run", study, "--set", "out=taken")


# A study's folder


@pytest.mark.parametrize("command", ["report", "status"])
def test_a_folder_that_is_no_study(command: str, tmp_path: Path, refusal: Refusal) -> None:
    assert "holds no study.yaml, so it is not a study. Give the folder" in refusal(command, tmp_path)
    assert "holds no study.yaml" in refusal(command, tmp_path / "nowhere")
    (tmp_path / "study.yaml").write_text("a: [1")
    assert "cannot be read as YAML" in refusal(command, tmp_path)
    (tmp_path / "study.yaml").write_text("- a")
    assert "holds no settings" in refusal(command, tmp_path)
    write_study(tmp_path, out=".")
    assert "has no bins yet. Run the study first: easyhard run" in refusal(command, tmp_path)


# Interruption


def interrupt(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_an_interrupted_command_says_how_to_go_on(tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    write_study(tmp_path)
    monkeypatch.setattr("easyhard.irt.calibrate", interrupt)
    before = contents(tmp_path)
    outcome = call("calibrate", tmp_path / "responses.csv", "-o", tmp_path / "bank.parquet")
    assert outcome == Outcome(130, "", "Interrupted. Give the same command again to go on where it stopped.\n")
    assert contents(tmp_path) == before


@needs_llm
def test_an_interrupted_study_keeps_what_is_finished_and_goes_on(
    tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = write_study(tmp_path)
    monkeypatch.setattr("easyhard.sft.base.load_model", interrupt)
    outcome = call("run", study)
    assert (outcome.code, "Traceback" in outcome.err) == (130, False)
    assert "Give the same command again" in outcome.err
    assert not list((tmp_path / "run").rglob(".*.part"))
    kept = contents(tmp_path / "run")
    assert tmp_path / "run" / "bins" / "bins.parquet" in kept

    monkeypatch.setattr("easyhard.study.tables.calibrate", lambda _: pytest.fail("calibrated again"))
    assert call("run", study).code == 130
    assert contents(tmp_path / "run") == kept
    cells = json.loads(call("status", tmp_path / "run", "--json").out)
    assert {cell["evaluation"] for cell in cells} == {"to do"}


# Hostile names

HOSTILE = ("<script>alert(1)</script>", "../x", "../../../up", "two\nlines", "[/red]", "=1+1", "\x1b[31m", "a/../../b")


def test_a_model_on_the_progress_bar_may_be_called_anything() -> None:
    screen = io.StringIO()
    progress = StudyProgress(Console(file=screen, force_terminal=True))
    with progress.over({"[/red]": 1.0}), progress.step("[/red]"):
        pass
    assert "[/red]" in screen.getvalue()


def test_a_study_called_anything_can_be_planned(tmp_path: Path, call: Call) -> None:
    study = write_study(tmp_path, name="[/red] <script>", models=[{"path": "./model", "name": "[/b]"}])
    outcome = call("run", study, "--dry-run")
    assert (outcome.code, outcome.err) == (0, "")
    assert "Plan of [/red] <script>" in outcome.out


@needs_llm
def test_hostile_names_go_through_a_study_and_stay_in_its_folder(
    tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tiny_model import save_tiny_model

    home = tmp_path / "some" / "where" / "deep"
    home.mkdir(parents=True)
    monkeypatch.chdir(home)
    name = "../../<script>alert(2)</script>\n[/red]"
    study = write_study(home, name=name, models=[{"path": "./model", "name": name}])
    save_tiny_model(home / "model")
    items = (*HOSTILE, *ITEMS[: N_ITEMS - len(HOSTILE)])
    responses(items, (*HOSTILE, "llm-1", "llm-2")).write_csv(home / "responses.csv")
    texts(items).write_csv(home / "items.csv")
    before = contents(tmp_path)

    outcome = call("run", study)
    assert (outcome.code, outcome.err) == (0, "")
    after = contents(tmp_path)
    new = [path for path in after if path not in before]
    assert {path.relative_to(home).parts[0] for path in new} == {"run"}
    assert before.items() <= after.items()

    folder = home / "run"
    assert pl.read_parquet(folder / "generalization" / "matrix.parquet")["model"].unique().to_list() == [name]
    assert set(pl.read_parquet(folder / "bins" / "bins.parquet")["item"]) == set(items)
    outcome = call("status", folder)
    assert (outcome.code, outcome.err) == (0, "")
    page = (folder / "report" / "index.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page
