"""Tests of shell completion: in the installed shells, and with click's protocol for all shells."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.running import BIN, environ, gto
from tests.workdir import WorkDir

SHELLS = {
    "bash": """eval "$(gto completion bash)"
        COMP_WORDS=(gto {words}) COMP_CWORD={last}; _gto_completion gto; printf '%s\\n' "${{COMPREPLY[@]}}" """,
    "fish": """gto completion fish | source
        complete --do-complete 'gto {words}'""",
}


@pytest.fixture
def work(tmp_path: Path) -> WorkDir:
    work = WorkDir.init(tmp_path / "work")
    work.commit("one")
    work.tag("churn@v1.0.0")
    work.tag("models/nlp=segment@v0.1.0")
    work.tag("churn#prod#1")
    return work


def completed(work: WorkDir, *words: str) -> list[str]:
    """Return the completions that bash gets for the last of ``words``."""
    asked = {"COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1), "_GTO_COMPLETE": "bash_complete"}
    return [line.partition(",")[2] for line in gto(work, **asked).out.splitlines() if line]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["gto", "reg"], ["register"]),
        (["gto", "register", "ch"], ["churn"]),
        (["gto", "show", ""], ["churn", "models/nlp:segment"]),
        (["gto", "annotate", "mod"], ["models/nlp:segment"]),
        (["gto", "assign", "churn", "--stage", "p"], ["prod"]),
        (["gto", "assign", "churn", "--version", "v"], ["v1.0.0"]),
        (["gto", "deprecate", "churn", "v"], ["v1.0.0"]),
        (["gto", "deprecate", "churn", "v1.0.0", ""], ["prod"]),
        (["gto", "deprecate", "unknown", "v"], []),
        (["gto", "register", "churn", "--bump-mi"], ["--bump-minor"]),
    ],
)
def test_words(work: WorkDir, words: list[str], expected: list[str]) -> None:
    assert completed(work, *words) == expected


def test_without_a_repository(tmp_path: Path) -> None:
    assert completed(WorkDir(tmp_path), "gto", "show", "") == []


@pytest.mark.parametrize("shell", SHELLS)
def test_scripts(shell: str, work: WorkDir) -> None:
    script = gto(work, "completion", shell)
    assert (script.code, script.err) == (0, "")
    assert script.out.startswith("# in ~/.")
    assert "_GTO_COMPLETE" in script.out
    assert "_GTO_CI_COMPLETE" in gto(work, "completion", shell, program="gto-ci").out


@pytest.mark.parametrize(
    "shell",
    [pytest.param(s, marks=pytest.mark.skipif(not shutil.which(s), reason=f"no {s} here")) for s in ("bash", "fish")],
)
@pytest.mark.parametrize(("words", "expected"), [("register ch", "churn"), ("assign churn --stage ", "prod")])
def test_in_the_shell(shell: str, work: WorkDir, words: str, expected: str) -> None:
    line = SHELLS[shell].format(words=words, last=len(words.split(" ")))
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [shell, "-c", line], cwd=work.path, env=environ(work, PATH=path), capture_output=True, check=True
    )
    assert done.stdout.decode().split() == [expected]


def test_an_unknown_shell(work: WorkDir) -> None:
    assert gto(work, "completion", "csh").code == 2


GHOST_WORDS = [
    (["git-ghost", "pu"], ["push", "pull"]),
    (["git-ghost", "push", "co"], ["commits"]),
    (["git-ghost", "list", ""], ["diff", "commits", "all"]),
    (["git-ghost", "pull", "--force"], ["--force-base"]),
    (["git-ghost", "gc", "--un"], ["--unreachable"]),
]


@pytest.mark.parametrize(("words", "expected"), GHOST_WORDS)
def test_words_of_git_ghost(work: WorkDir, words: list[str], expected: list[str]) -> None:
    asked = {"COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1), "_GIT_GHOST_COMPLETE": "bash_complete"}
    answered = gto(work, program="git-ghost", **asked).out.splitlines()
    assert [line.partition(",")[2] for line in answered if line] == expected


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize(("line", "at"), [("git ghost", 1), ("git -C . ghost", 3)])
def test_as_a_command_of_git(work: WorkDir, line: str, at: int) -> None:
    """Git's own completion calls `_git_ghost` with the whole line."""
    script = f"""eval "$(git-ghost completion bash)"
        __git_cmd_idx={at} COMP_WORDS=({line} push co) COMP_CWORD={at + 2}
        _git_ghost; printf '%s\\n' "${{COMPREPLY[@]}}" """
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script], cwd=work.path, env=environ(work, PATH=path), capture_output=True, text=True
    )
    assert done.stdout.split() == ["commits"], done
