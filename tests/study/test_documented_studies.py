"""Every study that the documents show is one that can be read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from easyhard.study.several import dump_studies, read_studies

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
STUDIES = [
    pytest.param(block, id=f"{page.name}:{number}")
    for page in PAGES
    for number, block in enumerate(re.findall(r"^```yaml\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S))
    if {"name", "models"} <= (keys := set(yaml.safe_load(block) or {})) and keys & {"responses", "benchmarks"}
]


def test_there_are_studies_to_look_at() -> None:
    assert len(STUDIES) >= 5


@pytest.mark.parametrize("block", STUDIES)
def test_a_documented_study_can_be_read(block: str, tmp_path: Path) -> None:
    file, record = tmp_path / "study.yaml", tmp_path / "record.yaml"
    file.write_text(block, encoding="utf-8")
    studies = read_studies(file)
    record.write_text(dump_studies(studies), encoding="utf-8")
    assert read_studies(record) == studies
