"""Runs our programs again and again, and kills them: a process of its own for `killer.py`, to which orphans come home.

It reads a request from each line of its standard input and answers with a line, both JSON. The program runs in a fork,
behind the imports, so that what a kill hits is its work; in its own process group, which is what is killed. What the
program put into sessions of their own outlives that: those processes become children of this one, which answers when
the last of them has ended.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import sys
import time
from contextlib import suppress
from typing import Any, NoReturn

from gto_ci.api import artifacts_yaml, tag_writes  # noqa: F401  imported here once, so that no fork has to
from gto_ci.cli import ghost_maintain, ghost_transfer, git_ghost, gto, gto_ci  # noqa: F401
from gto_ci.ghost import listing, pull_ghost, push_ghost  # noqa: F401

_PR_SET_CHILD_SUBREAPER = 36
_PROGRAMS = {"gto": gto.main, "git-ghost": git_ghost.main, "gto-ci": gto_ci.main}


def main() -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")
    for line in sys.stdin:
        print(json.dumps(_answer(json.loads(line))), flush=True)


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    begun = time.monotonic()
    child = os.fork()
    if child == 0:
        _run(request)
    with suppress(OSError):  # whoever comes first; the group is there before it may be killed
        os.setpgid(child, child)
    code = _wait(child, request["kill_after"])
    seconds = time.monotonic() - begun
    with suppress(ChildProcessError):
        while True:
            os.wait()
    return {"code": code, "seconds": seconds}


def _wait(child: int, kill_after: float | None) -> int:
    """The exit code, negative where a signal ended it; kills its group at that moment, if it still runs."""
    ended = os.pidfd_open(child)
    try:
        if not select.select([ended], [], [], kill_after)[0]:
            os.killpg(child, signal.SIGKILL)
    finally:
        os.close(ended)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _run(request: dict[str, Any]) -> NoReturn:
    code = 70
    try:
        with suppress(OSError):
            os.setpgid(0, 0)
        os.chdir(request["folder"])
        os.environ.clear()
        os.environ.update(request["environ"], GROUP_TO_KILL=str(os.getpid()))
        for number, (name, flags) in enumerate(
            [(os.devnull, os.O_RDONLY), (request["out"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)]
        ):
            os.dup2(os.open(name, flags, 0o600), number)
        os.dup2(1, 2)
        sys.argv[:] = [request["program"], *request["args"]]
        _PROGRAMS[request["program"]]()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
