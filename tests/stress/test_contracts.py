"""`lint-imports` fails on a house that is broken: each test breaks a copy of it in one place."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.running import BIN

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A copy of the package and of its contracts."""
    ignored = shutil.ignore_patterns("__pycache__", "node_modules")
    shutil.copytree(PROJECT / "gto_ci", tmp_path / "gto_ci", ignore=ignored)
    shutil.copytree(PROJECT / "tests/lint", tmp_path / "tests/lint", ignore=ignored)
    (tmp_path / "tests/__init__.py").touch()
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    return tmp_path


def lint(house: Path) -> tuple[int, str]:
    done = subprocess.run([BIN / "lint-imports", "--no-cache"], cwd=house, capture_output=True, text=True, check=False)
    return done.returncode, " ".join(done.stdout.split())


def test_the_house_as_it_is(house: Path) -> None:
    code, said = lint(house)
    assert code == 0, said
    assert "0 broken" in said


@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        # circles, between modules of one package or of two, whenever the import is done
        ("action/outcome.py", "from gto_ci.action import pull_request", "No circles"),
        ("git/output.py", "from gto_ci.git import repository", "No circles"),
        ("git/remotes/address.py", "def late():\n    from gto_ci.git.remotes import patch_repository", "No circles"),
        ("core/policy/spans.py", "from gto_ci.core.policy import history_requirements", "No circles"),
        ("platforms/github/log.py", "from gto_ci.platforms.github import runner", "No circles"),
        # core imports itself, semver, and what of Python is pure
        ("core/names.py", "import os", "Core is pure"),
        ("core/events.py", "import time", "Core is pure"),
        ("core/registry.py", "def late():\n    import subprocess", "Core is pure"),
        ("core/policy/globs.py", "import yaml", "Core is pure"),
        ("core/changes.py", "from gto_ci.git import Repository", "Core is pure"),
        # git's arguments
        (
            "api/gates.py",
            "def ask(repository):\n    return repository.git('status')",
            "Only git writes git's arguments",
        ),
        (
            "publish.py",
            "def ask(repository):\n    return repository.rev_parse('HEAD')",
            "Only git writes git's arguments",
        ),
        ("cli/app.py", "import subprocess", "Only git runs git"),
        # floors
        ("publish.py", "import click", "Only faces speak click"),
        ("git/process.py", "from gto_ci.render import table", "Floors"),
    ],
)
def test_a_house_that_is_broken(file: str, line: str, contract: str, house: Path) -> None:
    place = house / "gto_ci" / file
    place.write_text(f"{place.read_text()}\n{line}\n")
    code, said = lint(house)
    assert code == 1, said
    assert contract in said.partition("Broken contracts")[2], said
