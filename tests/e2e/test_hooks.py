"""Our hooks under the real pre-commit, which installs the package as it is now: before commits, and before pushes."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.running import Ran, environ
from tests.workdir import WorkDir

PROJECT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
PACKAGE = (".pre-commit-hooks.yaml", "LICENSE", "README.md", "pyproject.toml", "gto_ci")
HOOKS = ("gto-artifacts", "gto-config", "gto-policy", "gto-tags")
WRONG = {
    "artifacts.yaml": ("churn: {labels: x}\n", "artifacts.yaml:1: 'labels' of 'churn' must be a list"),
    "models/dvc.yaml": ("artifacts: {nlp: {path: []}}\n", "models/dvc.yaml:1: 'path' of 'nlp' must be text"),
    ".gto": ("stage: [dev]\n", ".gto:1: unknown key 'stage'"),
    ".gto-policy.yaml": ("rules: {}\n", ".gto-policy.yaml:1: 'rules' must be a list"),
}


@dataclass(frozen=True)
class Hooks:
    """A repository of the project, from which pre-commit installs, and where it keeps what it has installed."""

    source: WorkDir
    home: Path

    def run(self, work: WorkDir, *command: str) -> Ran:
        path = os.pathsep.join([str(BIN), os.environ["PATH"]])
        variables = environ(work, PATH=path, PRE_COMMIT_HOME=str(self.home), GTO_EMOJIS="false")
        done = subprocess.run(command, cwd=work.path, env=variables, capture_output=True, check=False)
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> Hooks:
    folder = tmp_path_factory.mktemp("hooks")
    source = WorkDir.init(folder / "project")
    for name in PACKAGE:
        files = sorted((PROJECT / name).rglob("*")) if (PROJECT / name).is_dir() else [PROJECT / name]
        for file in files:
            if file.is_file() and "__pycache__" not in file.parts:
                source.write(str(file.relative_to(PROJECT)), file.read_bytes())
    source.commit("The project")
    source.tag("v1.0.0")
    return Hooks(source, folder / "installed")


@pytest.fixture
def work(hooks: Hooks, tmp_path: Path) -> WorkDir:
    """A repository that uses all hooks, and whose commits are on a remote."""
    work = WorkDir.init(tmp_path / "work")
    used = "\n".join(f"  - id: {hook}" for hook in HOOKS)
    work.write(".pre-commit-config.yaml", f"repos:\n- repo: {hooks.source.path}\n  rev: v1.0.0\n  hooks:\n{used}\n")
    work.commit("one")
    work.git("init", "--quiet", "--bare", str(tmp_path / "remote.git"))
    work.git("remote", "add", "origin", str(tmp_path / "remote.git"))
    work.git("push", "--quiet", "--set-upstream", "origin", "main")
    return work


def on_remote(work: WorkDir) -> set[str]:
    return {line.split("\t")[1] for line in work.git("ls-remote", "--tags", "origin").splitlines()}


def test_before_a_commit(hooks: Hooks, work: WorkDir) -> None:
    assert hooks.run(work, "pre-commit", "install").code == 0
    for name in WRONG:
        work.write(name, WRONG[name][0])
    work.write("other/artifacts.yaml", "not ours: [")  # only the one in the root is read
    work.git("add", "--all")
    ran = hooks.run(work, "git", "commit", "--quiet", "-m", "wrong")
    assert ran.code == 1
    for _, said in WRONG.values():
        assert said in ran.err + ran.out
    assert "not ours" not in ran.err + ran.out
    assert "registry tags" not in ran.err + ran.out
    for name in WRONG:
        work.write(name, "rules: []\n" if name == ".gto-policy.yaml" else "")
    work.git("add", "--all")
    ran = hooks.run(work, "git", "commit", "--quiet", "-m", "right")
    assert ran.code == 0, ran
    assert ran.err.count("Passed") + ran.out.count("Passed") == 3


def test_before_a_push(hooks: Hooks, work: WorkDir) -> None:
    """pre-commit tells its hooks of one ref of a push, and of none where the remote has the commits already."""
    assert hooks.run(work, "pre-commit", "install", "--hook-type", "pre-push").code == 0
    work.commit("two")
    work.lightweight("churn@v1.0.0")
    ran = hooks.run(work, "git", "push", "origin", "churn@v1.0.0")
    assert ran.code == 1
    assert "Tag 'churn@v1.0.0' would be ignored: it is lightweight" in ran.out + ran.err
    assert on_remote(work) == set()
    # what it is not told of, it cannot refuse; docs/how-to/check-before-a-push.md says so, and has something better
    assert hooks.run(work, "git", "push", "origin", "main").code == 0
    assert hooks.run(work, "git", "push", "origin", "churn@v1.0.0").code == 0
    assert on_remote(work) == {"refs/tags/churn@v1.0.0"}


def test_gits_own_hook_stays_in_force_under_pre_commit(hooks: Hooks, work: WorkDir) -> None:
    work.write(".git/hooks/pre-push", "#!/bin/sh\nexec gto-ci check --pre-push\n").chmod(0o755)
    assert hooks.run(work, "pre-commit", "install", "--hook-type", "pre-push").code == 0
    work.lightweight("churn@v1.0.0")
    ran = hooks.run(work, "git", "push", "origin", "churn@v1.0.0")
    assert ran.code == 1
    assert "Tag 'churn@v1.0.0' would be ignored: it is lightweight" in ran.out + ran.err
    assert on_remote(work) == set()
    work.tag("churn@v2.0.0")
    assert hooks.run(work, "git", "push", "origin", "churn@v2.0.0").code == 0
