"""Many runs of `git-ghost`, each a process, without the time that Python takes to start for each.

One process has everything imported, and forks for each run: what runs is the program, with arguments, environment,
folder and streams of its own.
"""

from __future__ import annotations

import atexit
import json
import subprocess
import sys
from functools import cache
from types import TracebackType

from tests.running import Ran, environ
from tests.workdir import WorkDir

_SERVING = """
import gc, json, os, sys, tempfile
from gto_ci.cli import face, ghost_list, ghost_options, ghost_push, git_ghost
from gto_ci.ghost import collecting, listing, pulling, pushing, worktrees
from gto_ci.git import receive_pack
from gto_ci.render import ghosts, views

def serve(call, out, err):
    os.chdir(call["cwd"])
    os.environ.clear()
    os.environ.update(call["environ"])
    for source, target in ((os.open(os.devnull, os.O_RDONLY), 0), (out.fileno(), 1), (err.fileno(), 2)):
        os.dup2(source, target)
    tempfile.tempdir = None
    sys.argv = ["git-ghost", *call["args"]]
    code = 1
    try:
        git_ghost.main()
    except SystemExit as end:
        code = end.code or 0
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)

gc.freeze()
answers = os.fdopen(os.dup(1), "w")
requests = os.fdopen(os.dup(0))
for line in requests:
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            try:
                serve(json.loads(line), out, err)
            finally:
                os._exit(99)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        said = []
        for stream in (out, err):
            stream.seek(0)
            said.append(stream.read().decode(errors="surrogateescape"))
        print(json.dumps([code, *said]), file=answers, flush=True)
"""


class Forks:
    """Runs `git-ghost`; a context, for the process that forks."""

    def __enter__(self) -> Forks:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SERVING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with self._process as process:
            assert process.stdin is not None
            process.stdin.close()

    def run(self, work: WorkDir, *args: str, **more: str) -> Ran:
        """Run it in `work`, as its author, at its time."""
        call = {"cwd": str(work.path), "environ": environ(work, **more), "args": args}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(call), file=self._process.stdin, flush=True)
        return Ran(*json.loads(self._process.stdout.readline()))


@cache
def shared() -> Forks:
    """The process that forks for all tests of this process."""
    forks = Forks().__enter__()
    atexit.register(forks.__exit__, None, None, None)
    return forks
