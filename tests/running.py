"""The programs as a user starts them, for tests: alone, several at the same moment, and what they leave behind."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.workdir import WorkDir

BIN = Path(sys.executable).parent

# What the `gto` command does, with a stop behind the imports: there it says that it is ready, and waits to be let go.
_WAITING = """
import os, sys
from gto_ci.api import artifacts_yaml, tag_writes
from gto_ci.cli import gto
os.write(int(sys.argv.pop(1)), b"r")
sys.stdin.read()
sys.argv[0] = "gto"
gto.main()
"""


@dataclass(frozen=True)
class Ran:
    """A program that came to its end."""

    code: int
    out: str
    err: str


def environ(work: WorkDir, **more: str) -> dict[str, str]:
    """The environment of a program in `work`: its identity and clock, nobody's settings."""
    return {name: value for name, value in work.environ().items() if not name.startswith("GTO_")} | more


def start(work: WorkDir, *args: str, program: str = "gto", **more: str) -> subprocess.Popen[bytes]:
    """Start a program in `work`, as its author, at its time."""
    return subprocess.Popen(
        [BIN / program, *args],
        cwd=work.path,
        env=environ(work, **more),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def finish(process: subprocess.Popen[bytes]) -> Ran:
    """Wait for the end of a program; what it printed."""
    with process:
        out, err = process.communicate()
    return Ran(process.returncode, out.decode(), err.decode())


def gto(work: WorkDir, *args: str, program: str = "gto", **more: str) -> Ran:
    """Run a program in `work`, as its author, at its time."""
    from tests import forking  # late: it imports this module

    return forking.shared().run(work, *args, program=program, **more)


def gto_together(calls: Sequence[tuple[WorkDir, Sequence[str]]], **more: str) -> list[Ran]:
    """Run `gto` several times at the same moment: all are started, and let go when the last one is ready."""
    ready, said = os.pipe()
    wait, go = os.pipe()
    try:
        processes = [_start_waiting(work, args, said, wait, more) for work, args in calls]
    finally:
        # the children have their own of both; with ours gone, a child that dies makes the read below end
        os.close(said)
        os.close(wait)
    count = 0
    while count < len(processes) and (arrived := os.read(ready, 64)):
        count += len(arrived)
    os.close(ready)
    os.close(go)
    return [finish(process) for process in processes]


def _start_waiting(
    work: WorkDir, args: Sequence[str], said: int, wait: int, more: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", _WAITING, str(said), *args],
        cwd=work.path,
        env=environ(work, **more),
        stdin=wait,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=[said],
    )


def observed(work: WorkDir) -> dict[str, object]:
    """All of a repository that somebody can notice, byte for byte: refs, HEAD, index, settings, files, locks.

    Objects that nothing refers to are not among it: git itself leaves them, and clears them away.
    """
    folder = Path(work.git("rev-parse", "--absolute-git-dir"))
    shown: dict[str, object] = {"refs": work.git("for-each-ref", "--format=%(refname) %(objectname) %(symref)")}
    for file in sorted(folder.rglob("*")):
        inside = file.relative_to(folder)
        # how refs are stored is git's own affair; what they are stands above
        hidden = inside.parts[0] in ("objects", "refs", "logs", "packed-refs") and file.suffix != ".lock"
        if file.is_file() and not hidden:
            shown[f".git/{inside}"] = file.read_bytes()
    if work.git("rev-parse", "--is-bare-repository") == "false":
        for file in sorted(work.path.rglob("*")):
            inside = file.relative_to(work.path)
            if inside.parts[0] != ".git" and (file.is_file() or file.is_symlink()):
                content = str(file.readlink()) if file.is_symlink() else file.read_bytes()
                shown[str(inside)] = (file.lstat().st_mode, content)
    return shown
