"""What a release does to the repository: `.github/release.py`, with real git and a remote."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from tests.workdir import WorkDir

PROJECT = Path(__file__).resolve().parents[2]
SCRIPT = PROJECT / ".github/release.py"
IMAGE = f"ghcr.io/org/gto-action@sha256:{'5e' * 32}"
CHANGELOG = """\
# Changelog

## [Unreleased]

## [1.2.0] - 2026-01-31

### Added

- Much.

## [1.1.0] - 2026-01-01

- x
"""


def _load() -> ModuleType:
    found = importlib.util.spec_from_file_location("release", SCRIPT)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


release = _load()


@pytest.fixture
def work(tmp_path: Path) -> WorkDir:
    """A project at version 1.2.0 that is pushed to a remote."""
    work = WorkDir.init(tmp_path / "work")
    work.write(".github/release.py", SCRIPT.read_bytes())
    work.write("gto_ci/__init__.py", '__version__ = "1.2.0"\n')
    work.write("CHANGELOG.md", CHANGELOG)
    work.write("action.yml", (PROJECT / "action.yml").read_bytes())
    work.git("add", "--all")
    work.commit("A version")
    work.git("init", "--quiet", "--bare", str(tmp_path / "remote.git"))
    work.git("remote", "add", "origin", str(tmp_path / "remote.git"))
    work.git("push", "--quiet", "origin", "HEAD")
    return work


def run(work: WorkDir, *args: str) -> subprocess.CompletedProcess[str]:
    """Run the script in the project that it is part of."""
    return subprocess.run(
        [sys.executable, ".github/release.py", *args],
        cwd=work.path,
        env=work.environ(),
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_may_be_released(work: WorkDir) -> None:
    checked = run(work, "check", "gto-action@v1.2.0")
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "1.2.0\n", "")
    assert run(work, "notes", "1.2.0").stdout == "### Added\n\n- Much.\n"


@pytest.mark.parametrize(
    ("tag", "said"),
    [
        ("gto-action@v1.3.0", "The tag says 1.3.0, gto_ci/__init__.py 1.2.0"),
        ("gto-action#released#2", "is no release; register one"),
        ("churn@v1.2.0", "is no release; register one"),
        ("v1.2.0", "is no release; register one"),
        ("gto-action@v1.2.0#4", "is no release; register one"),
    ],
)
def test_what_may_not(work: WorkDir, tag: str, said: str) -> None:
    refused = run(work, "check", tag)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert said in refused.stderr
    assert refused.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "text", ["", "## [1.2.0] - 2026-01-31\n", "## [1.2.0]\n\n- x\n", CHANGELOG.replace("1.2.0", "1.2.00")]
)
def test_a_release_that_the_changelog_does_not_know(work: WorkDir, text: str) -> None:
    work.write("CHANGELOG.md", text)
    refused = run(work, "check", "gto-action@v1.2.0")
    assert refused.returncode == 1
    assert "CHANGELOG.md has no section '## [1.2.0] - YYYY-MM-DD'" in refused.stderr


def released(work: WorkDir, version: str) -> list[str]:
    done = run(work, "commit", version, IMAGE)
    assert done.returncode == 0, done.stderr
    refs = done.stdout.split()
    work.git("push", "--quiet", "--atomic", "origin", *refs)
    return refs


def remote_tags(work: WorkDir) -> dict[str, str]:
    """The commits behind the remote's tags."""
    lines = [line.split("\t") for line in work.git("ls-remote", "--tags", "origin").splitlines()]
    return {name.removeprefix("refs/tags/").removesuffix("^{}"): oid for oid, name in lines if name.endswith("^{}")}


def test_the_commit_names_the_image_and_changes_nothing_else(work: WorkDir) -> None:
    head = work.head
    work.write("action.yml", "not what is committed")
    assert released(work, "1.2.0") == ["refs/tags/v1.2.0", "+refs/tags/v1"]
    tags = remote_tags(work)
    assert tags["v1.2.0"] == tags["v1"]
    assert work.git("rev-parse", f"{tags['v1']}^") == work.head == head
    assert work.git("diff", "--name-only", head, tags["v1"]) == "action.yml"
    changed = re.findall(r"^[-+] .*", work.git("diff", head, tags["v1"]), re.MULTILINE)
    assert changed == ["-  image: Dockerfile", f"+  image: docker://{IMAGE}"]
    manifest = yaml.safe_load(work.git("show", f"{tags['v1']}:action.yml"))
    assert manifest["runs"]["image"] == f"docker://{IMAGE}"
    assert (work.path / "action.yml").read_text() == "not what is committed"


def test_a_major_version_moves_forward_alone(work: WorkDir) -> None:
    released(work, "1.2.0")
    at_first = remote_tags(work)["v1"]
    assert released(work, "1.3.0-rc.1") == ["refs/tags/v1.3.0-rc.1"]
    assert released(work, "1.1.7") == ["refs/tags/v1.1.7"]
    assert remote_tags(work)["v1"] == at_first
    work.commit("more", more="1")
    assert released(work, "1.10.0") == ["refs/tags/v1.10.0", "+refs/tags/v1"]
    assert remote_tags(work)["v1"] == remote_tags(work)["v1.10.0"] != at_first
    assert released(work, "2.0.0") == ["refs/tags/v2.0.0", "+refs/tags/v2"]
    assert remote_tags(work)["v1"] == remote_tags(work)["v1.10.0"]


def test_a_release_is_made_once(work: WorkDir) -> None:
    released(work, "1.2.0")
    again = run(work, "commit", "1.2.0", IMAGE)
    assert again.returncode == 1
    assert "already exists" in again.stderr


@pytest.mark.parametrize(
    "image", ["ghcr.io/org/gto-action:v1", "ghcr.io/org/gto-action@sha256:5e", f"{IMAGE}\n  evil: 1", ""]
)
def test_an_image_that_is_not_named_by_digest(work: WorkDir, image: str) -> None:
    refused = run(work, "commit", "1.2.0", image)
    assert refused.returncode == 1
    assert "does not name an image by digest" in refused.stderr
    assert work.tags() == {}


def test_usage(work: WorkDir) -> None:
    assert run(work, "publish").returncode == 2
