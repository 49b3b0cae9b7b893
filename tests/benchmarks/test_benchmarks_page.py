"""docs/benchmarks.md says what the table of benchmarks says, and its examples are benchmarks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from easyhard.benchmarks.catalogue import BENCHMARKS
from easyhard.benchmarks.user_benchmark import BenchmarkSettings, FieldsSettings, SourceSettings, read_benchmark

PAGE = (Path(__file__).parents[2] / "docs" / "benchmarks.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.+?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("name", BENCHMARKS)
def test_source_rows_and_licence_stand_in_one_row(name: str) -> None:
    benchmark = BENCHMARKS[name]
    [row] = [
        line for line in PAGE.splitlines() if line.startswith(f"| `{name}` |") and benchmark.source.revision in line
    ]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[1].startswith(f"`{benchmark.source.dataset}`")
    assert cells[2] == benchmark.source.split
    assert cells[4] == f"{benchmark.source.rows:,}"
    assert benchmark.licence.startswith(cells[5])


@pytest.mark.parametrize("name", BENCHMARKS)
def test_templates_scoring_and_metric_are_those_of_the_table(name: str) -> None:
    benchmark = BENCHMARKS[name]
    spec = benchmark.spec
    assert f"`{spec.prompt}`".replace("\n", "\\n") in PAGE
    assert f"`{spec.completion}`".replace("\n", "\\n") in PAGE
    assert "{choices}" not in spec.prompt or f"each choice `{spec.choice}`" in PAGE
    rows = [line for line in PAGE.splitlines() if line.startswith(f"| `{name}` |")]
    assert f"| `{spec.scoring}` | `{benchmark.metric}` |" in rows[0]


@pytest.mark.parametrize("text", EXAMPLES)
def test_examples_are_benchmarks(text: str, tmp_path: Path) -> None:
    (tmp_path / "example.yaml").write_text(text, encoding="utf-8")
    assert read_benchmark(tmp_path / "example.yaml").name


def test_every_key_is_explained() -> None:
    assert len(EXAMPLES) == 3
    keys = [*BenchmarkSettings.model_fields, *FieldsSettings.model_fields]
    keys += [f"source.{key}" for key in SourceSettings.model_fields]
    assert [key for key in keys if key != "source" and f"`{key}`" not in PAGE] == []
