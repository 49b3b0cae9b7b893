"""The house stands: types check, style holds, imports go one way, the README's commands are the real ones."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TOOLS = Path(sys.executable).parent


@pytest.mark.parametrize("command", ["ruff check .", "ruff format --check .", "mypy", "lint-imports"])
def test_static_checks_pass(command: str) -> None:
    name, *arguments = command.split()
    if not (TOOLS / name).exists():
        pytest.skip(f"{name} is not installed; the dev extra brings it")
    done = subprocess.run([str(TOOLS / name), *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_package_imports_quickly_because_it_imports_nothing_heavy() -> None:
    code = "import sys, easyhard; print(*sorted({m.split('.')[0] for m in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "transformers", "peft", "scipy", "altair", "polars"} & set(done.stdout.split())


def test_the_readme_has_exactly_two_commands_each_with_its_own_environment() -> None:
    commands = re.findall(r"^<!-- (\w+) command -->\n```sh\n(.*?)```$", (ROOT / "README.md").read_text(), re.M | re.S)
    assert [name for name, _ in commands] == ["main", "test"]
    assert all("python3 -m venv .venv" in command for _, command in commands)
    assert "easyhard demo" in commands[0][1]
    assert "pytest" in commands[1][1]


def test_links_between_documents_lead_somewhere() -> None:
    broken = []
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            if not (page.parent / target).exists():
                broken.append(f"{page.name}: {target}")
    assert not broken
