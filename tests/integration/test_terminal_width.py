"""Tests of the output to a real terminal: tables fit its width, and nothing is colored."""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess
import termios
from pathlib import Path

import pytest

from tests.ghosts import Ghosts
from tests.running import BIN, environ, gto
from tests.workdir import WorkDir

LONG = "models/recommendation/candidate-generation"


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> WorkDir:
    work = WorkDir.init(tmp_path_factory.mktemp("terminal") / "work")
    work.commit("one")
    for tag in ("churn@v1.0.0", "churn#prod#1", f"{LONG}@v1.0.0", f"{LONG}#prod#1"):
        work.tag(tag)
    work.lightweight("churn@v2.0.0")
    return work


def terminal(work: WorkDir, columns: int, program: str, *args: str, **more: str) -> str:
    """Return the output to a terminal with this many columns."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    variables = {name: value for name, value in environ(work, **more).items() if name not in ("COLUMNS", "NO_COLOR")}
    variables["TERM"] = "xterm-256color"
    with subprocess.Popen(
        [BIN / program, *args], cwd=work.path, env=variables, stdin=theirs, stdout=theirs, stderr=theirs
    ):
        os.close(theirs)
        said = b""
        try:
            while block := os.read(ours, 65536):
                said += block
        except OSError:  # on Linux, this error means that all writers have closed the terminal
            pass
    os.close(ours)
    return said.decode().replace("\r\n", "\n")


def widest(text: str) -> int:
    return max(map(len, text.splitlines()))


@pytest.mark.parametrize("command", [["show"], ["history"], ["show", LONG], ["history", "--asc"], ["show", "-d"]])
def test_a_wide_terminal_shows_what_a_pipe_gets(work: WorkDir, command: list[str]) -> None:
    assert terminal(work, 200, "gto", *command) == gto(work, *command).out
    assert gto(work, *command, COLUMNS="60").out == gto(work, *command).out


@pytest.mark.parametrize("command", [["show"], ["show", "-d"]])
def test_names_give_way_in_a_narrow_one(work: WorkDir, command: list[str]) -> None:
    """Both on the fast path and with click."""
    shown = terminal(work, 60, "gto", *command)
    assert widest(shown) == 60
    assert "│ models/recommenda…didate-generation │ v1.0.0   │ v1.0.0  │\n" in shown
    assert widest(gto(work, *command).out) > 60
    assert terminal(work, 60, "gto", *command, "--plain") == gto(work, *command, "--plain").out


def test_a_journal_that_cannot_fit_is_shown_in_blocks(work: WorkDir) -> None:
    shown = terminal(work, 60, "gto", "history", "churn")
    assert shown.splitlines()[1:4] == ["artifact   churn", "event      assignment", "version    v1.0.0"]
    assert len(shown.strip().split("\n\n")) == 3


def test_a_log_of_ghosts(tmp_path: Path) -> None:
    ghosts = Ghosts.create(tmp_path, foo="a\n")
    ghosts.here.write("foo", "b\n")
    ghosts.push("-m", "learning rate 0.1, momentum 0.9, without weight decay")
    more = {"GIT_GHOST_REPO": ghosts.url}
    assert terminal(ghosts.here, 200, "git-ghost", "log", **more) == ghosts.ok(ghosts.here, "log")
    shown = terminal(ghosts.here, 135, "git-ghost", "log", **more)
    assert widest(shown) == 135
    assert "learning rate" in shown
    assert "…" in shown
    assert "note" in terminal(ghosts.here, 60, "git-ghost", "log", **more).splitlines()[-1]
    # users copy ids, and scripts may read these lines
    assert terminal(ghosts.here, 60, "git-ghost", "list", **more) == ghosts.ok(ghosts.here, "list")


@pytest.mark.parametrize(
    "line",
    ["gto show", "gto history", "gto --help", "gto show nothing", "gto doctor", "gto shwo",
     "gto check-ref churn#prod#1", "gto register churn --dry-run", "gto-ci check", "git-ghost --help", "git-ghost log"],
)  # fmt: skip
def test_nothing_is_coloured(work: WorkDir, line: str) -> None:
    """There is no color for NO_COLOR to turn off."""
    shown = terminal(work, 100, *line.split(), FORCE_COLOR="1", CLICOLOR_FORCE="1")
    assert shown
    assert "\x1b" not in shown
