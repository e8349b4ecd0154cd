"""`lint-imports` fails if a contract is broken. Each test breaks one contract in a copy of the package."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.running import BIN

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return the folder of a copy of the package and its contracts."""
    ignored = shutil.ignore_patterns("__pycache__", "node_modules")
    shutil.copytree(PROJECT / "gto_ci", tmp_path / "gto_ci", ignore=ignored)
    shutil.copytree(PROJECT / "tests/lint", tmp_path / "tests/lint", ignore=ignored)
    (tmp_path / "tests/__init__.py").touch()
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    return tmp_path


def lint(project: Path) -> tuple[int, str]:
    """Return the exit code and the output, with white space normalized."""
    done = subprocess.run(
        [BIN / "lint-imports", "--no-cache"], cwd=project, capture_output=True, text=True, check=False
    )
    return done.returncode, " ".join(done.stdout.split())


def test_unchanged_package_passes(project: Path) -> None:
    code, output = lint(project)
    assert code == 0, output
    assert "0 broken" in output


@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        # cycles within a package or between packages, by early or late imports
        ("action/outcome.py", "from gto_ci.action import pull_request", "No import cycles"),
        ("git/output.py", "from gto_ci.git import repository", "No import cycles"),
        (
            "git/remotes/address.py",
            "def late():\n    from gto_ci.git.remotes import patch_repository",
            "No import cycles",
        ),
        ("core/policy/durations.py", "from gto_ci.core.policy import history_requirements", "No import cycles"),
        ("platforms/github/log.py", "from gto_ci.platforms.github import runner", "No import cycles"),
        # core imports only itself, semver and pure standard modules
        ("core/names.py", "import os", "Core is pure"),
        ("core/events.py", "import time", "Core is pure"),
        ("core/registry.py", "def late():\n    import subprocess", "Core is pure"),
        ("core/policy/globs.py", "import yaml", "Core is pure"),
        ("core/tag_plans.py", "from gto_ci.git import Repository", "Core is pure"),
        # only gto_ci.git builds git's arguments
        (
            "api/gates.py",
            "def ask(repository):\n    return repository.git('status')",
            "Only gto_ci.git builds git's arguments",
        ),
        (
            "publish.py",
            "def ask(repository):\n    return repository.rev_parse('HEAD')",
            "Only gto_ci.git builds git's arguments",
        ),
        ("cli/app.py", "import subprocess", "Only gto_ci.git runs git"),
        # layers
        ("publish.py", "import click", "Only the command lines import click"),
        ("git/process.py", "from gto_ci.render import table", "Modules import only lower layers"),
    ],
)
def test_broken_contract_is_reported(file: str, line: str, contract: str, project: Path) -> None:
    module = project / "gto_ci" / file
    module.write_text(f"{module.read_text()}\n{line}\n")
    code, output = lint(project)
    assert code == 1, output
    assert contract in output.partition("Broken contracts")[2], output
