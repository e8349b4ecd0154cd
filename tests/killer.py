"""Killing a program at any moment, again and again, and what it must have left behind: for `stress/test_*kills.py`.

A `Killer` runs the program through `killing.py`. A `Trial` is one command, killed on copies of one folder: what is
there afterwards is as before or as after, and the next run finishes the job.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from tests.running import environ
from tests.workdir import WorkDir

State = Callable[[WorkDir], dict[str, object]]

# A `git` that kills who called it: just before the start of a git process, or just after the end of one. $KILL_AT says
# which, by the number of its start, or of its end, in time: one may begin and end while another one waits for more.
KILLING_GIT = """#!/bin/sh
reached() {{
    number=$(( $(cat "$COUNTER.$1") + 1 ))
    echo $number > "$COUNTER.$1"
    [ "$KILL_AT" = "$1 $number" ] && kill -9 "-$GROUP_TO_KILL"
}}
reached before
'{git}' "$@"
code=$?
reached after
exit $code
"""


@dataclass(frozen=True)
class End:
    """How a command ended, and what it had said."""

    code: int
    seconds: float
    said: str


class Killer:
    """Runs programs through `tests/killing.py`."""

    def __init__(self, folder: Path) -> None:
        self.out = folder / "said"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.killing"],
            cwd=Path(__file__).parents[1],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, work: WorkDir, *args: str, program: str = "gto", kill_after: float | None = None, **more: str) -> End:
        """Run a program in `work`, killed after so many seconds; returns when all that it has started has ended."""
        request = {
            "program": program,
            "args": args,
            "folder": str(work.path),
            "environ": environ(work, **more),
            "kill_after": kill_after,
            "out": str(self.out),
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        return End(answer["code"], answer["seconds"], self.out.read_text())

    def close(self) -> None:
        self._process.communicate()


class Trial:
    """One command, tried on copies of the template: `state` is what must be as before or as after.

    `whole` is the folder that is copied, where the command works on more than the repository that it is run in.
    """

    program = "gto"

    def __init__(
        self,
        killer: Killer,
        template: WorkDir,
        folder: Path,
        args: Sequence[str],
        state: State,
        *,
        whole: Path | None = None,
    ) -> None:
        self.killer = killer
        self.template = template
        self.args = args
        self.state = state
        self._whole = whole or template.path
        self._folder = folder
        self._numbers = count()
        self.before = state(self.copy())
        work = self.copy()
        end = self.run(work)
        assert end.code == 0, end
        self.after = state(work)
        assert self.after != self.before

    def run(self, work: WorkDir, *args: str, kill_after: float | None = None, **more: str) -> End:
        """Run the program, by default the command that is tried."""
        return self.killer.run(work, *(args or self.args), program=self.program, kill_after=kill_after, **more)

    def check(self, work: WorkDir) -> None:
        """What else has to be so after the next run."""

    def seconds(self) -> float:
        """How long the command takes, unharmed: the middle of several runs."""
        return sorted(self.run(self.copy()).seconds for _ in range(5))[2]

    def kill(self, moment: str, kill_after: float | None = None, **more: str) -> str:
        """Kill it then; `before`, `after`, or `""` where it had come to its end. The next run finishes the job."""
        work = self.copy()
        copied = next(path for path in (work.path, *work.path.parents) if path.parent == self._folder)
        end = self.run(work, kill_after=kill_after, **more)
        found = self.state(work)
        assert found in (self.before, self.after), f"neither before nor after, killed {moment}"
        if end.code >= 0:
            assert (end.code, found) == (0, self.after), end
        again = self.run(work)
        assert self.state(work) == self.after, f"after the next run, killed {moment}: {again}"
        if found == self.before:
            assert again.code == 0, again
        else:
            assert again.code in (0, 1), again
            assert again.code == 0 or again.said.count("\n") == 1, again
        self.check(work)
        shutil.rmtree(copied)
        if end.code >= 0:
            return ""
        return "before" if found == self.before else "after"

    def kill_at_random_moments(self, kills: int) -> None:
        """The moments are spread over the time that the command takes: one in each of as many equal parts."""
        seed, whole = random.randrange(2**32), self.seconds()
        print(f"seed {seed}, {' '.join(self.args[:2])} takes {whole * 1000:.0f} ms")
        chance = random.Random(seed)
        moments = [(number + chance.random()) / kills * whole for number in range(kills)]
        results = [self._kill_at(moment) for moment in moments]
        print({result: results.count(result) for result in sorted(set(results))})

    def kill_around_each_git_process(self, folder: Path, side: str) -> None:
        """Once for each of them, and once more, where nothing is left that could be killed."""
        git = KillingGit(folder)
        assert self.run(self.copy(), **git.environ("never")).code == 0
        moments = [f"{side} {number}" for number in range(1, git.started("never") + 2)]
        results = [self.kill(moment, **git.environ(moment)) for moment in moments]
        print({result or "ended": results.count(result) for result in results})
        assert len(results) > 2
        assert results.count("") == 1
        order = ["before", "after", ""]
        assert results == sorted(results, key=order.index), "there is one moment from which on it is done"

    def _kill_at(self, moment: float) -> str:
        """Kill it after so many seconds; sooner, if it was faster than when it was measured."""
        while not (result := self.kill(f"after {moment * 1000:.1f} ms", kill_after=moment)):
            moment *= 0.95
        return result

    def copy(self) -> WorkDir:
        """A copy of the template, in which the command can be run."""
        path = self._folder / str(next(self._numbers))
        shutil.copytree(self._whole, path, symlinks=True)
        return WorkDir(path / self.template.path.relative_to(self._whole), now=self.template.now)


class KillingGit:
    """A `git` in a folder of its own that kills who calls it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        wrapper = folder / "bin/git"
        wrapper.parent.mkdir()
        wrapper.write_text(KILLING_GIT.format(git=shutil.which("git")))
        wrapper.chmod(0o755)

    def environ(self, moment: str) -> dict[str, str]:
        """The environment in which the caller is killed `before` or `after` the git process of a number."""
        for side in ("before", "after"):
            self._counter(moment, side).write_text("0")
        path = f"{self._folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        return {"PATH": path, "COUNTER": str(self._folder / f"counter {moment}"), "KILL_AT": moment}

    def started(self, moment: str) -> int:
        """How many git processes there have been in that environment."""
        return int(self._counter(moment, "before").read_text())

    def _counter(self, moment: str, side: str) -> Path:
        return self._folder / f"counter {moment}.{side}"
