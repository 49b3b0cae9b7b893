"""Every study that the documents show is one that can be read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from easyhard.study.config import dump_config, parse_config

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
STUDIES = [
    pytest.param(block, id=f"{page.name}:{number}")
    for page in PAGES
    for number, block in enumerate(re.findall(r"^```yaml\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S))
    if {"name", "models", "responses"} <= set(yaml.safe_load(block) or {})
]


def test_there_are_studies_to_look_at() -> None:
    assert len(STUDIES) >= 4


@pytest.mark.parametrize("block", STUDIES)
def test_a_documented_study_can_be_read(block: str, tmp_path: Path) -> None:
    config = parse_config(yaml.safe_load(block), tmp_path, "the document")
    assert parse_config(yaml.safe_load(dump_config(config)), tmp_path, "its record") == config
