"""Many runs of our programs, each a process, without the time that Python takes to start for each.

One process has everything imported, and forks for each run: what runs is the program, with arguments, environment,
folder and streams of its own. One after the other: for several at the same time there is `running.start`.
"""

from __future__ import annotations

import atexit
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from threading import Lock
from types import TracebackType

from tests.running import Ran, environ
from tests.workdir import WorkDir

_SERVING = """
import gc, importlib, json, os, pkgutil, sys, tempfile
import gto_ci, tabulate
for module in pkgutil.walk_packages(gto_ci.__path__, "gto_ci."):
    importlib.import_module(module.name)
from gto_ci.cli import fast_path, git_ghost, gto_ci as all_of_them
PROGRAMS = {"gto": fast_path.main, "git-ghost": git_ghost.main, "gto-ci": all_of_them.main}

def serve(call, out, err):
    os.chdir(call["cwd"])
    os.environ.clear()
    os.environ.update(call["environ"])
    for source, target in ((os.open(os.devnull, os.O_RDONLY), 0), (out.fileno(), 1), (err.fileno(), 2)):
        os.dup2(source, target)
    tempfile.tempdir = None
    sys.argv = [call["program"], *call["args"]]
    code = 1
    try:
        PROGRAMS[call["program"]]()
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
    """Runs programs; a context, for the process that forks."""

    def __init__(self) -> None:
        self._lock = Lock()  # a request and its answer belong together, whatever thread asks

    def __enter__(self) -> Forks:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SERVING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with self._process as process:
            assert process.stdin is not None
            process.stdin.close()

    def run(self, work: WorkDir, *args: str, program: str = "git-ghost", **more: str) -> Ran:
        """Run a program in `work`, as its author, at its time."""
        return self.call(program, args, work.path, environ(work, **more))

    def call(self, program: str, args: Sequence[str], cwd: Path, environ: Mapping[str, str]) -> Ran:
        """Run a program in a folder, with these variables and no others."""
        call = {"program": program, "cwd": str(cwd), "environ": dict(environ), "args": args}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            print(json.dumps(call), file=self._process.stdin, flush=True)
            return Ran(*json.loads(self._process.stdout.readline()))


@cache
def shared() -> Forks:
    """The process that forks for all tests of this process."""
    forks = Forks().__enter__()
    atexit.register(forks.__exit__, None, None, None)
    return forks
