"""Promises of files: what was written comes back, a damaged file is refused, no half file is left."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from easyhard.atomic import write_bytes, write_parquet
from easyhard.files import read_bank, read_bins, write_bank, write_bins, write_json
from easyhard.responses import write_responses
from easyhard.schema import Bins, Calibration, InputError, ItemBank, Responses, WorkError

ITEMS = ["../a", "b\nc", "<i>", "模"]

BANK = ItemBank(
    pl.DataFrame(
        {
            "item": ITEMS,
            "difficulty": [-1.0 / 3.0, 0.1, 0.2, 1e-300],
            "standard_error": [0.1, 0.2, 0.3, 0.4],
            "discrimination": [1.0] * 4,
            "n_responses": pl.Series([5, 5, 5, 4], dtype=pl.UInt32),
            "proportion_correct": [0.2, 0.4, 0.4, 1.0],
            "infit_mnsq": [1.0, 0.9, 1.1, None],
            "outfit_mnsq": [1.0, 0.9, 1.1, math.nan],
            "flag": ["", "", "", "all_correct"],
        }
    ),
    Calibration("rasch", 5, 4, 0.1, 1.0 / 7.0, -12.5, 9, 'Converged: "Δ" below 1e-6.'),
)

BINS = Bins(
    pl.DataFrame(
        {
            "item": ITEMS,
            "bin": [0, 0, 1, 2],
            "split": ["train", "held_out", "train", "train"],
            "difficulty": [-1.0, -0.5, 0.3, 2.0],
            "standard_error": [0.1] * 4,
            "membership": [0.9, 0.8, 0.7, 1.0],
        }
    ),
    (-math.inf, -0.1, 1.0 / 3.0, math.inf),
    0.3,
)

same_file = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)


# What comes back


def test_a_bank_comes_back_with_its_calibration(tmp_path: Path) -> None:
    write_bank(BANK, tmp_path / "new" / "folder" / "bank.parquet")
    found = read_bank(str(tmp_path / "new" / "folder" / "bank.parquet"))
    assert found.calibration == BANK.calibration
    assert found.table.equals(BANK.table, null_equal=True)
    assert found.table.schema == BANK.table.schema


@pytest.mark.parametrize("edges", [BINS.edges, (-math.inf, 0.1 + 0.2, math.pi, math.inf)])
def test_bins_come_back_with_their_exact_edges(tmp_path: Path, edges: tuple[float, ...]) -> None:
    write_bins(Bins(BINS.table, edges, 0.3), tmp_path / "bins.parquet")
    found = read_bins(tmp_path / "bins.parquet")
    assert found.edges == edges
    assert found.held_out == 0.3
    assert found.table.equals(BINS.table)
    assert found.items(0, "held_out") == ["b\nc"]


def test_one_bin_has_no_inner_edge(tmp_path: Path) -> None:
    one = Bins(BINS.table.with_columns(bin=pl.lit(0)), (-math.inf, math.inf), 0.0)
    write_bins(one, tmp_path / "bins.parquet")
    assert read_bins(tmp_path / "bins.parquet").edges == one.edges


def test_other_tools_read_the_same_table(tmp_path: Path) -> None:
    write_bins(BINS, tmp_path / "bins.parquet")
    assert pl.read_parquet(tmp_path / "bins.parquet").equals(BINS.table)


@dataclass(frozen=True)
class Found:
    share: float
    names: tuple[str, ...]


def test_json_holds_dataclasses_numpy_values_paths_and_null_for_what_is_no_number(tmp_path: Path) -> None:
    value = {
        "found": Found(math.nan, ("é", "<b>")),
        "n": np.int64(3),
        "p": np.float64(0.5),
        "ok": np.bool_(True),
        "edges": np.array([-math.inf, 1.0]),
        "path": Path("a") / "b",
    }
    write_json(value, tmp_path / "v.json")
    text = (tmp_path / "v.json").read_text(encoding="utf-8")
    assert text.endswith("}\n")
    assert "é" in text
    assert json.loads(text) == {
        "found": {"share": None, "names": ["é", "<b>"]},
        "n": 3,
        "p": 0.5,
        "ok": True,
        "edges": [None, 1.0],
        "path": "a/b",
    }


def test_json_refuses_what_it_cannot_hold_and_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="object has no form in JSON"):
        write_json({"x": object()}, tmp_path / "v.json")
    assert list(tmp_path.iterdir()) == []


# Whole or not at all


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "v.json"
    write_json({"old": 1}, path)

    def full_disk(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(WorkError, match=r"v\.json could not be written: No space left on device\. See that"):
        write_json({"new": 2}, path)
    assert json.loads(path.read_text()) == {"old": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_replaces_the_old_file_and_leaves_no_other(tmp_path: Path) -> None:
    for number in (1, 2):
        write_json({"n": number}, tmp_path / "v.json")
    assert json.loads((tmp_path / "v.json").read_text()) == {"n": 2}
    assert [path.name for path in tmp_path.iterdir()] == ["v.json"]


def test_a_write_through_a_link_keeps_the_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "v.json").symlink_to(tmp_path / "disk" / "v.json")
    write_json({"n": 1}, tmp_path / "v.json")
    assert (tmp_path / "v.json").is_symlink()
    assert json.loads((tmp_path / "disk" / "v.json").read_text()) == {"n": 1}


def test_a_folder_or_device_is_never_replaced(tmp_path: Path) -> None:
    for path in (tmp_path, Path(os.devnull)):
        with pytest.raises(InputError, match="is not an ordinary file"):
            write_bytes(b"x", path)
    assert not Path(os.devnull).is_file()


def test_a_folder_that_cannot_be_made_is_a_work_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(WorkError, match="could not be written"):
        write_json({}, tmp_path / "file" / "v.json")


# What is refused: the finding, the place, the next step


def refusal(read: Callable[[Path], object], path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    write_bins(BINS, path)
    assert "holds bins; expected here: item bank. Make one with `easyhard calibrate`." in refusal(read_bank, path)
    write_bank(BANK, path)
    assert "holds item bank; expected here: bins. Make them with `easyhard bin`." in refusal(read_bins, path)
    write_responses(Responses(np.array([[1]], dtype=np.int8), ("m",), ("i",)), path)
    assert "is Parquet, but not written by easyhard as bins" in refusal(read_bins, path)
    path.write_text("item,bin\na,1\n")
    assert "could not be read as bins in Parquet" in refusal(read_bins, path)
    path.write_bytes(b"")
    assert "is empty" in refusal(read_bank, path)
    assert "Did you mean 'x.parquet'?" in refusal(read_bank, tmp_path / "y.parquet")
    assert "is a folder" in refusal(read_bank, tmp_path)


def test_changed_columns_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    write_bank(ItemBank(BANK.table.drop("flag").cast({"difficulty": pl.String}), BANK.calibration), path)
    message = refusal(read_bank, path)
    assert "lacks 'difficulty', 'flag', or holds another kind of value there" in message
    assert "'difficulty: String'" in message
    assert "make it anew" in message
    write_bank(ItemBank(pl.concat([BANK.table, BANK.table]), BANK.calibration), path)
    assert "has item '../a' more than once" in refusal(read_bank, path)
    write_bins(Bins(BINS.table, BINS.edges[1:], 0.3), path)
    assert "has 2 bins, but puts item '模' in bin 2" in refusal(read_bins, path)


@pytest.mark.parametrize(
    ("note", "expected"),
    [
        ("not JSON", "could not be read as item bank"),
        ("{}", "could not be read as item bank"),
        (
            '{"kind": "item bank", "format": 1, "details": {"model": "rasch"}}',
            "could not be read as item bank",
        ),
        (
            '{"kind": "item bank", "format": 99, "details": {}}',
            "written by a newer easyhard. Update easyhard",
        ),
    ],
)
def test_a_damaged_note_is_refused(tmp_path: Path, note: str, expected: str) -> None:
    write_parquet(BANK.table, tmp_path / "x.parquet", metadata={"easyhard": note})
    assert expected in refusal(read_bank, tmp_path / "x.parquet")


@settings(same_file, derandomize=True)  # Polars aborts on rare damage
@given(start=st.integers(0, 5000), junk=st.binary(min_size=1, max_size=60), cut=st.integers(0, 200))
def test_a_damaged_file_gives_a_bank_or_an_input_error(tmp_path: Path, start: int, junk: bytes, cut: int) -> None:
    path = tmp_path / "x.parquet"
    write_bank(BANK, path)
    whole = bytearray(path.read_bytes())
    whole[start : start + len(junk)] = junk
    path.write_bytes(bytes(whole[: len(whole) - (cut if cut > 100 else 0)]))
    try:
        read_bank(path)
    except InputError as error:
        assert str(path) in str(error)
