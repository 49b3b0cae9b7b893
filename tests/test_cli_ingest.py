"""From a folder of logs to an item bank, on the command line."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from easyhard import cli
from easyhard.chance import cell_rng
from easyhard.files import read_bank
from easyhard.irt import simulate_rasch

N_ITEMS = 120


def call(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["easyhard", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Simulated logs of 40 models, the last two of which repeat the first; one line of one is cut."""
    correct = simulate_rasch(40, np.linspace(-2, 2, N_ITEMS), 0.0, 1.0, 0.0, cell_rng(0, "test", "ingest"))
    correct[38:] = correct[0]
    for model, row in enumerate(correct):
        path = tmp_path / "logs" / f"org__m{model}" / "samples_leaderboard_mmlu_pro_2025-01-02T03-04-05.000006.jsonl"
        path.parent.mkdir(parents=True)
        lines = [
            {
                "doc_id": k, "doc": {"question": f"<script>{k}</script>", "options": ["x", "y"], "answer": "A"},
                "target": "A", "arguments": {}, "resps": [], "filtered_resps": [], "acc": float(c), "doc_hash": "h",
            }
            for k, c in enumerate(row)
        ]  # fmt: skip
        path.write_text(
            "".join(json.dumps(line) + "\n" for line in lines) + ('{"doc_id": 1, "do\n' if not model else "")
        )
    return tmp_path / "logs"


def test_logs_become_a_bank_in_which_copies_count_once(
    tmp_path: Path, logs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    responses, copies, bank = (tmp_path / f"{name}.parquet" for name in ("responses", "copies", "bank"))
    assert call(monkeypatch, "ingest", logs, "-o", responses, "--json") == 0
    audit = json.loads(capsys.readouterr().out)
    assert audit == json.loads((tmp_path / "responses.audit.json").read_text())
    assert (audit["rows"], audit["respondents"], audit["items"]) == (40 * N_ITEMS + 1, 40, N_ITEMS)
    assert [line.split("jsonl:")[1].split(":")[0] for line in audit["unreadable"]] == ["121"]
    assert call(monkeypatch, "near-copies", responses, "-o", copies, "--json") == 0
    assert json.loads(capsys.readouterr().out)["effective_number"] == pytest.approx(38)
    weights = pl.read_parquet(copies)
    assert weights.filter(pl.col("weight") < 1)["respondent"].to_list() == ["org/m0", "org/m38", "org/m39"]
    assert call(monkeypatch, "calibrate", responses, "-o", bank, "--weights", copies) == 0
    weighted = read_bank(bank).table["difficulty"]
    assert call(monkeypatch, "calibrate", responses, "-o", bank) == 0
    assert not np.allclose(weighted, read_bank(bank).table["difficulty"], atol=1e-3)


def test_weights_of_other_respondents_are_refused(
    tmp_path: Path, logs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "ingest", logs, "-o", tmp_path / "r.parquet") == 0
    pl.DataFrame({"respondent": ["org/m1"], "weight": [1.0]}).write_parquet(tmp_path / "w.parquet")
    capsys.readouterr()
    bank = tmp_path / "b.parquet"
    assert call(monkeypatch, "calibrate", tmp_path / "r.parquet", "-o", bank, "--weights", tmp_path / "w.parquet") == 2
    assert "no weight for 39 of 40 respondents" in capsys.readouterr().err
    assert not bank.exists()


def test_strict_ends_at_the_broken_line_and_writes_nothing(
    tmp_path: Path, logs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "responses.parquet"
    assert call(monkeypatch, "ingest", logs, "-o", out, "--strict") == 2
    assert "line 121 of" in capsys.readouterr().err
    assert not out.exists()


def test_a_benchmark_that_cannot_be_pulled_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "pull", "leaderboard-v2", "--benchmark", "bbh,x", "-o", tmp_path / "d") == 2
    assert "no benchmark 'x'" in capsys.readouterr().err


def test_what_only_logs_need_is_not_passed_over_for_a_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "t.csv"
    table.write_text("model,item,correct\na,i,1\nb,i,0\nb,j,1\na,j,0\na,k,1\n")
    out = tmp_path / "r.parquet"
    assert call(monkeypatch, "ingest", table, "-o", out, "--column", "respondent=model", "--coverage", "0.9") == 2
    assert "--column is for plain tables" in capsys.readouterr().err
    table.write_text(table.read_text().replace("model", "respondent"))
    assert call(monkeypatch, "ingest", table, "-o", out, "--coverage", "0.9", "--json") == 0
    assert json.loads(capsys.readouterr().out)["left_out"] == ["b, t.csv: 67% of 3 items"]


@pytest.mark.parametrize("form", ["csv", "py-irt", "irw", "eee"])
def test_what_is_exported_is_ingested_as_the_same(
    tmp_path: Path, logs: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    first, out, again = tmp_path / "first.parquet", tmp_path / "out", tmp_path / "again.parquet"
    assert call(monkeypatch, "ingest", logs, "-o", first) == 0
    assert call(monkeypatch, "export", form, first, "-o", out) == 0
    assert call(monkeypatch, "ingest", out, "-o", again) == 0
    assert pl.read_parquet(first).equals(pl.read_parquet(again))


def test_graded_scores_need_one_word_on_what_is_correct(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    table, out = tmp_path / "t.csv", tmp_path / "r.parquet"
    table.write_text("respondent,item,correct\n" + "".join(f"r{k % 9},i{k // 9},0.{k % 7}\n" for k in range(90)))
    assert call(monkeypatch, "ingest", table, "-o", out) == 2
    assert "--threshold or --graded" in capsys.readouterr().err
    assert call(monkeypatch, "ingest", table, "-o", out, "--graded", "--threshold", 0.5) == 2
    assert not out.exists()
    assert call(monkeypatch, "ingest", table, "-o", out, "--graded") == 0
    shown = capsys.readouterr().out
    assert json.loads((tmp_path / "r.audit.json").read_text())["drawn"] == sum(k % 7 > 0 for k in range(90))
    assert ["respondents", "9"] in [line.split() for line in shown.splitlines()]
