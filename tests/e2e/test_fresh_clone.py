"""A fresh clone with an empty home: the commands that the README gives a newcomer, and the documentation."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
README = (PROJECT / "README.md").read_text(encoding="utf-8")
COMMANDS = [line[2:] for line in re.findall(r"^\$ make .*$", README, re.MULTILINE)]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is committed; what is only in the working tree, a newcomer does not get."""
    folder = tmp_path_factory.mktemp("fresh")
    subprocess.run(["git", "clone", "--quiet", PROJECT, folder / "clone"], check=True)
    (folder / "home").mkdir()
    return folder / "clone"


def test_the_readme_names_two_commands() -> None:
    assert COMMANDS == ["make demo", "make test"]


@pytest.mark.parametrize("command", [*COMMANDS, "make docs"])
def test_a_newcomer(clone: Path, command: str) -> None:
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "GTO_", "PYTEST_", "VIRTUAL"))
    }
    environ = {**kept, "HOME": str(clone.parent / "home")}
    if command == "make test":  # that all tests pass in a clone, CI itself shows; here, that they start
        environ["PYTEST_ADDOPTS"] = "tests/unit/test_versions.py tests/integration/test_transcripts.py"
    done = subprocess.run(command.split(), cwd=clone, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    if command == "make demo":
        assert "churn" in done.stdout
    if command == "make test":
        assert re.search(r"\d+ passed", done.stdout)
        assert "failed" not in done.stdout
    assert subprocess.run(["git", "status", "--porcelain"], cwd=clone, capture_output=True, check=True).stdout == b""
