"""Adapters for others: they load, their card states their row of the matrix, and nothing of this machine is in them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
import yaml
from typer.testing import CliRunner

pytest.importorskip("torch")
pytest.importorskip("peft")
pytest.importorskip("huggingface_hub")

from small_study import small_study
from writable_hub import WritableHub, taking_uploads

from easyhard.cli import app
from easyhard.report.adapter_card import AdapterFacts, adapter_card, is_hub_name
from easyhard.report.text import signed_points
from easyhard.schema import InputError, WorkError
from easyhard.study import read_config, run_study
from easyhard.study.adapters import write_adapters


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_study(read_config(small_study(tmp_path_factory.mktemp("adapters")))).folder


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[WritableHub]:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    with taking_uploads(WritableHub()) as served:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", served.url)
        monkeypatch.setenv("HF_ENDPOINT", served.url)
        monkeypatch.setenv("HF_TOKEN", "hf_made_up")
        yield served


@pytest.mark.filterwarnings("ignore::FutureWarning")  # peft asks transformers for an attribute by its old name
def test_each_adapter_loads_and_says_what_it_did(finished: Path, tmp_path: Path) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    written = write_adapters(finished, tmp_path)
    assert [str(path.relative_to(tmp_path)) for path in written] == [f"tiny/bin-0{k}/seed-0" for k in range(3)]
    network = AutoModelForCausalLM.from_pretrained(str(finished.parent / "model"))
    loaded = PeftModel.from_pretrained(network, str(written[1]))
    assert loaded.peft_config["default"].r == 2
    card = (written[1] / "README.md").read_text()
    head = yaml.safe_load(card.split("---\n")[1])
    assert head["library_name"] == "peft" and "base_model" not in head  # a folder of this machine is no name
    runs = pl.read_parquet(finished / "generalization" / "matrix.parquet").filter(train_bin=1).sort("eval_bin")
    for row in runs.iter_rows(named=True):
        assert f"| {row['eval_bin']} | " in card and f"| {signed_points(row['gain'], 1)} |" in card
    assert "8 items of bin 1 with seed 0" in card and "| rank | 2 |" in card


def test_nothing_of_this_machine_and_no_text_goes_along(finished: Path, tmp_path: Path) -> None:
    (folder, *_) = write_adapters(finished, tmp_path)
    names = {"adapter_config.json", "adapter_model.safetensors", "items.parquet", "training.jsonl", "README.md"}
    assert {path.name for path in folder.iterdir()} == names
    assert json.loads((folder / "adapter_config.json").read_text())["base_model_name_or_path"] == "model"
    for path in folder.iterdir():
        data = path.read_bytes()
        assert str(finished.parent).encode() not in data and b"What is" not in data


def test_adapters_and_difficulties_are_pushed_whole(finished: Path, tmp_path: Path, hub: WritableHub) -> None:
    for kind, export, public in (("model", "adapters", []), ("dataset", "dataset", ["--public"])):
        out = tmp_path / export
        arguments = ["export", export, str(finished), "-o", str(out), "--push", f"me/{export}", *public]
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == 0, done.output + str(done.exception)
        pushed = hub.repositories[kind, f"me/{export}"]
        assert pushed == {str(p.relative_to(out)): p.read_bytes() for p in out.rglob("*") if p.is_file()}
        assert hub.private[f"me/{export}"] == (not public) and "Pushed to" in done.output


def test_a_refusal_says_what_to_do_and_keeps_what_was_exported(
    finished: Path, tmp_path: Path, hub: WritableHub
) -> None:
    hub.refuse = True
    done = CliRunner().invoke(app, ["export", "adapters", str(finished), "-o", str(tmp_path), "--push", "me/mine"])
    assert isinstance(done.exception, WorkError) and "hf auth login" in str(done.exception)
    assert (tmp_path / "tiny" / "bin-00" / "seed-0" / "README.md").is_file()


def test_bad_names_and_studies_without_adapters_are_refused(finished: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["export", "adapters", str(finished), "-o", str(tmp_path / "a"), "--push", "mine"])
    assert isinstance(done.exception, InputError) and "owner/name" in str(done.exception)
    assert not (tmp_path / "a").exists()
    config = read_config(finished / "study.yaml", ["keep=none", f"out={tmp_path / 'none'}"])
    with pytest.raises(InputError, match="holds no adapter"):
        write_adapters(run_study(config).folder, tmp_path / "b")


def test_a_name_on_the_hub_is_named_as_the_base() -> None:
    facts = AdapterFacts("s", "owner/base", "abc", "the mixture 'x'\n# no heading", 1, 5, 3, {}, pl.DataFrame(
        schema={"status": pl.String, "eval_bin": pl.Int64}), "MIT")  # fmt: skip
    card = adapter_card(facts)
    assert yaml.safe_load(card.split("---\n")[1])["base_model"] == "owner/base"
    assert "revision='abc'" in card and "under: MIT." in card and "It has not been evaluated." in card
    assert "\n# no heading" not in card
    assert [is_hub_name(name) for name in ("a/b", "./b", "/x/y/z", "b")] == [True, False, False, False]
