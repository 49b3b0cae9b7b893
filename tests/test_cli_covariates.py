"""`easyhard covariates`, from the console script's entry point to the table."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from easyhard import cli
from easyhard.files import write_bank
from easyhard.schema import Calibration, ItemBank

N = 104


def call(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["easyhard", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def item_rows(**columns: Any) -> pl.DataFrame:
    """Made-up sums, of more terms the later they come."""
    terms = [1 + k // 8 for k in range(N)]
    return pl.DataFrame(
        {
            "item": [f"sum/{k:03d}" for k in range(N)],
            "question": [f"What is {' + '.join(['7'] * (count + 1))}?" for count in terms],
            "answer": [str(7 * (count + 1)) for count in terms],
            "level": [f"Level {1 + count % 3}" for count in terms],
            **columns,
        }
    )


@pytest.fixture
def bank(tmp_path: Path) -> Path:
    difficulty = np.linspace(-2, 2, N) + np.random.default_rng(0).normal(0, 0.5, N)
    table = pl.DataFrame(
        {
            "item": [f"sum/{k:03d}" for k in range(N)],
            "difficulty": difficulty,
            "standard_error": np.full(N, 0.3),
            "discrimination": np.ones(N),
            "n_responses": np.full(N, 50),
            "proportion_correct": np.full(N, 0.5),
            "infit_mnsq": np.ones(N),
            "outfit_mnsq": np.ones(N),
            "flag": [""] * N,
        }
    )
    path = tmp_path / "bank.parquet"
    write_bank(ItemBank(table, Calibration("rasch", 50, N, 0.0, 1.0, -1.0, 3, "made up")), path)
    return path


@pytest.fixture
def items(tmp_path: Path) -> Path:
    path = tmp_path / "items.csv"
    item_rows().write_csv(path)
    return path


def test_correlations_on_screen_and_the_covariates_of_each_item_in_a_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], items: Path, bank: Path, tmp_path: Path
) -> None:
    out = tmp_path / "new" / "covariates.csv"
    assert call(monkeypatch, "covariates", items, bank, "-o", out) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "Rank correlations with difficulty in logits" in shown
    assert "104 items. Of " in shown and "All together predict" in shown
    table = pl.read_csv(out)
    assert table.columns[:2] == ["item", "level"]
    assert table.columns[-3:] == ["difficulty", "standard_error", "predicted"]
    assert table["level"].dtype == pl.Int64
    assert table["question_words"].to_list() == [3 + 1 + k // 8 for k in range(N)]
    assert np.corrcoef(table["difficulty"], table["predicted"])[0, 1] > 0.8


def test_json_has_every_covariate_and_no_nan(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], items: Path, bank: Path
) -> None:
    assert call(monkeypatch, "covariates", items, bank, "--json", "--seed", 3) == 0
    said = capsys.readouterr().out
    told = json.loads(said)
    assert "NaN" not in said
    by_name = {one["covariate"]: one for one in told["correlations"]}
    assert by_name["question_words"]["interval"]["low"] > 0.7
    assert by_name["answer_words"]["correlation"] is None
    assert by_name["answer_words"]["note"] == "the same for every item: 1"
    assert told["prediction"]["r_squared"] > 0.5


def test_the_same_items_as_parquet_with_lists_of_instructions_and_choices(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], bank: Path, tmp_path: Path
) -> None:
    path, out = tmp_path / "items.parquet", tmp_path / "out.parquet"
    rows = item_rows(
        instruction_id_list=[["x:y"] * (1 + k % 3) for k in range(N)],
        choices=[["0", str(7 * (2 + k // 8)), *["1"] * (k % 4)] for k in range(N)],
    ).rename({"item": "doc"})
    rows.sample(fraction=1, shuffle=True, seed=1).with_columns(answer=pl.lit("B")).write_parquet(path)
    arguments = ("--column", "item=doc", "--answer-is", "letter", "-o", out)
    assert call(monkeypatch, "covariates", path, bank, *arguments, "--json") == 0
    table = pl.read_parquet(out)
    assert table["item"].is_sorted()
    assert table["instructions"].to_list() == [1 + k % 3 for k in range(N)]
    assert table["options"].to_list() == [2 + k % 4 for k in range(N)]
    assert json.loads(capsys.readouterr().out)["n_items"] == N


def test_tokens_are_counted_by_a_tokenizer_file_or_its_folder(
    monkeypatch: pytest.MonkeyPatch, items: Path, bank: Path, tmp_path: Path
) -> None:
    tokenizers = pytest.importorskip("tokenizers", reason="tokenizers is not installed; the llm extra brings it")
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel({"?": 0, "7": 1, "[UNK]": 2}, unk_token="[UNK]"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.enable_truncation(2)
    made.enable_padding()
    made.save(str(tmp_path / "tokenizer.json"))
    tables = []
    for place in (tmp_path, tmp_path / "tokenizer.json"):
        out = tmp_path / "out.csv"
        assert call(monkeypatch, "covariates", items, bank, "--tokenizer", place, "-o", out) == 0
        tables.append(pl.read_csv(out))
    assert tables[0].equals(tables[1])
    assert tables[0]["question_tokens"].to_list() == [2 + 1 + 2 * (1 + k // 8) + 1 for k in range(N)]


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\xfe", b"[1, 2]"])
def test_what_is_no_tokenizer_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    items: Path,
    bank: Path,
    tmp_path: Path,
    content: bytes,
) -> None:
    pytest.importorskip("tokenizers", reason="tokenizers is not installed; the llm extra brings it")
    file = tmp_path / "tokenizer.json"
    file.write_bytes(content)
    assert call(monkeypatch, "covariates", items, bank, "--tokenizer", file) == 2
    said = capsys.readouterr().err
    assert "could not be read as a tokenizer" in said and "Traceback" not in said


def test_a_covariate_named_like_a_column_of_ours_keeps_both(
    monkeypatch: pytest.MonkeyPatch, bank: Path, tmp_path: Path
) -> None:
    path, out = tmp_path / "items.csv", tmp_path / "out.csv"
    item_rows().rename({"level": "difficulty"}).write_csv(path)
    assert call(monkeypatch, "covariates", path, bank, "-o", out) == 0
    table = pl.read_csv(out)
    assert table["covariate difficulty"].to_list() == [1 + (1 + k // 8) % 3 for k in range(N)]
    assert table["difficulty"].dtype == pl.Float64


def test_nothing_that_is_read_can_be_overwritten(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], items: Path, bank: Path
) -> None:
    before = items.read_bytes()
    assert call(monkeypatch, "covariates", items, bank, "-o", items) == 2
    assert "would be lost" in capsys.readouterr().err
    assert items.read_bytes() == before


def test_items_of_another_benchmark_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], bank: Path, tmp_path: Path
) -> None:
    path = tmp_path / "items.csv"
    item_rows().with_columns(item="x" + pl.col("item")).write_csv(path)
    assert call(monkeypatch, "covariates", path, bank) == 2
    assert "none of the 104 calibrated items is among the 104 items with text" in " ".join(
        capsys.readouterr().err.split()
    )


def test_items_without_a_counterpart_are_counted_on_screen(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], bank: Path, tmp_path: Path
) -> None:
    path = tmp_path / "items.csv"
    item_rows().tail(101).vstack(item_rows().head(4).with_columns(item="new " + pl.col("item"))).write_csv(path)
    assert call(monkeypatch, "covariates", path, bank) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "3 calibrated items have no text." in shown and "4 items with text are not calibrated." in shown
