"""A study killed at random moments, by the tool that does it a hundred times: same matrix and weights, nothing left."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("peft")

TOOL = Path(__file__).resolve().parents[2] / "tools" / "kill_study.py"


def test_a_study_killed_five_times_ends_as_if_it_had_not_been() -> None:
    done = subprocess.run([sys.executable, TOOL, "--kills", "5"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("5 kills of ")
    assert "nothing done twice, nothing left" in done.stdout
