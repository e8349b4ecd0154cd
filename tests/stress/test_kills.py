"""Promise 4: killed at any moment, a command has done all or nothing, and the next one works."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
import yaml

from tests.running import environ
from tests.workdir import WorkDir

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives orphans to a process of one's choice")

KILLS = 50  # of each of the four commands

COMMANDS = {
    "register": ("register", "m"),
    "assign": ("assign", "m", "HEAD", "--stage", "prod"),
    "deprecate": ("deprecate", "m", "v0.0.1", "--delete"),
    "annotate": ("annotate", "n", "--type", "model", "--path", "n.pkl", "--label", "a", "--commit"),
}
ANNOTATIONS = "# kept by hand\nm:  # ours\n  type: model\n  path: m.pkl\n"

# A `git` that kills who called it: just before the git process with the number $KILL_AT, or just after its end.
KILLING_GIT = """#!/bin/sh
number=$(( $(cat "$COUNTER") + 1 ))
echo $number > "$COUNTER"
[ "$KILL_AT" = "before $number" ] && kill -9 "-$GROUP_TO_KILL"
'{git}' "$@"
code=$?
[ "$KILL_AT" = "after $number" ] && kill -9 "-$GROUP_TO_KILL"
exit $code
"""


@dataclass(frozen=True)
class End:
    """How a command ended, and what it had said."""

    code: int
    seconds: float
    said: str


class Killer:
    """Runs `gto` through `tests/killing.py`."""

    def __init__(self, folder: Path) -> None:
        self.out = folder / "said"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.killing"],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, work: WorkDir, *args: str, kill_after: float | None = None, **more: str) -> End:
        request = {
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


@pytest.fixture(scope="module")
def killer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killer]:
    killer = Killer(tmp_path_factory.mktemp("killer"))
    yield killer
    killer.close()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> WorkDir:
    """A registry whose tags are partly packed, with work in progress around it."""
    work = WorkDir.init(tmp_path_factory.mktemp("template") / "work")
    work.commit("one", artifacts__yaml=ANNOTATIONS, m__pkl="1")
    work.tag("m@v0.0.1")
    work.tag("m#prod#1")
    work.tag("other@v1.0.0")
    work.git("pack-refs", "--all")
    work.tag("m#dev#2")
    work.tag("m#prod#3")
    work.commit("two", n__pkl="2")
    work.write("staged.txt", "staged\n")
    work.git("add", "staged.txt")
    work.write("m.pkl", "changed\n")
    work.write("untracked.txt", "untracked\n")
    return work


def state(work: WorkDir) -> dict[str, object]:
    """What must be as before or as after. No lock is left behind, and the annotations can be read."""
    assert list((work.path / ".git").rglob("*.lock")) == []
    annotations = (work.path / "artifacts.yaml").read_bytes()
    assert "m" in yaml.safe_load(annotations)
    return {
        "refs": work.git("for-each-ref", "--format=%(refname) %(objectname)"),
        "HEAD": (work.path / ".git/HEAD").read_text(),
        "status": work.git("status", "--porcelain=v2", "--untracked-files=all"),
        "annotations": annotations,
        "fsck": work.git("fsck", "--strict", "--no-dangling", "--no-progress"),
    }


class Trial:
    """One command, tried on copies of the template."""

    def __init__(self, killer: Killer, template: WorkDir, folder: Path, args: tuple[str, ...]) -> None:
        self.killer = killer
        self.template = template
        self.args = args
        self._folders = (folder / str(number) for number in count())
        self.before = state(self._copy())
        work = self._copy()
        end = killer.run(work, *args)
        assert end.code == 0, end
        self.after = state(work)
        assert self.after != self.before

    def seconds(self) -> float:
        """How long the command takes, unharmed: the middle of several runs."""
        return sorted(self.killer.run(self._copy(), *self.args).seconds for _ in range(5))[2]

    def kill(self, moment: str, kill_after: float | None = None, **more: str) -> str:
        """Kill it then; `before`, `after`, or `""` where it had come to its end. The next run finishes the job."""
        work = self._copy()
        end = self.killer.run(work, *self.args, kill_after=kill_after, **more)
        found = state(work)
        assert found in (self.before, self.after), f"neither before nor after, killed {moment}"
        if end.code >= 0:
            assert (end.code, found) == (0, self.after), end
        again = self.killer.run(work, *self.args)
        assert state(work) == self.after, f"after the next run, killed {moment}: {again}"
        if found == self.before:
            assert again.code == 0, again
        else:
            assert again.code in (0, 1), again
            assert again.code == 0 or again.said.count("\n") == 1, again
        shutil.rmtree(work.path)
        if end.code >= 0:
            return ""
        return "before" if found == self.before else "after"

    def _copy(self) -> WorkDir:
        path = next(self._folders)
        shutil.copytree(self.template.path, path, symlinks=True)
        return WorkDir(path, now=self.template.now)


def killing_git(folder: Path, side: str) -> Iterator[dict[str, str]]:
    """Environments in which the caller is killed at its first git process, at its second, and so on."""
    wrapper, counter = folder / "bin/git", folder / "counter"
    wrapper.parent.mkdir()
    wrapper.write_text(KILLING_GIT.format(git=shutil.which("git")))
    wrapper.chmod(0o755)
    path = f"{wrapper.parent}{os.pathsep}{os.environ['PATH']}"
    for number in count(1):
        counter.write_text("0")
        yield {"PATH": path, "COUNTER": str(counter), "KILL_AT": f"{side} {number}"}


@pytest.mark.parametrize("command", COMMANDS)
def test_killed_at_a_random_moment(command: str, killer: Killer, template: WorkDir, tmp_path: Path) -> None:
    """The moments are spread over the time that the command takes: one in each of as many equal parts."""
    trial = Trial(killer, template, tmp_path, COMMANDS[command])
    seed, whole = random.randrange(2**32), trial.seconds()
    print(f"seed {seed}, {command} takes {whole * 1000:.0f} ms")
    chance = random.Random(seed)
    results: list[str] = []
    while (killed := len(results) - results.count("")) < KILLS:
        moment = (killed + chance.random()) / KILLS * whole
        results.append(trial.kill(f"after {moment * 1000:.1f} of {whole * 1000:.1f} ms", kill_after=moment))
        if not results[-1]:  # it was faster than when it was measured
            whole *= 0.95
    print({result or "ended": results.count(result) for result in sorted(set(results))})


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("command", COMMANDS)
def test_killed_around_each_git_process(
    command: str, side: str, killer: Killer, template: WorkDir, tmp_path: Path
) -> None:
    trial = Trial(killer, template, tmp_path / "work", COMMANDS[command])
    results = []
    for variables in killing_git(tmp_path, side):
        results.append(trial.kill(variables["KILL_AT"], **variables))
        if not results[-1]:
            break
    print(results)
    assert len(results) > 2
    assert results == sorted(results, key=["before", "after", ""].index), "there is one moment from which on it is done"


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("command", COMMANDS)
def test_killed_while_pushing(command: str, side: str, killer: Killer, template: WorkDir, tmp_path: Path) -> None:
    """Here and there, each for itself, it is all or nothing; what is here is there; and the next run can go on."""
    remote = WorkDir(tmp_path / "template.git")
    template.git("clone", "--quiet", "--mirror", ".", str(remote.path))
    ended = False
    for number, variables in enumerate(killing_git(tmp_path, side)):
        there = WorkDir(shutil.copytree(remote.path, tmp_path / f"{number}.git"))
        here = WorkDir(shutil.copytree(template.path, tmp_path / str(number), symlinks=True), now=template.now)
        here.git("remote", "add", "origin", str(there.path))
        here.git("fetch", "--quiet")
        both = here.git("for-each-ref", "refs/heads", "refs/tags"), there.git("for-each-ref")
        end = killer.run(here, *COMMANDS[command], "--push", **variables)
        moved = (
            here.git("for-each-ref", "refs/heads", "refs/tags") != both[0],
            there.git("for-each-ref") != both[1],
        )
        assert moved in ((False, False), (False, True), (True, True)), f"killed {variables['KILL_AT']}: {end}"
        if command != "annotate":
            pushed = {name for name, oid in here.tags().items() if there.tags().get(name) == oid}
            assert pushed in (set(template.tags()), set(here.tags()), set(there.tags()))
        again = killer.run(here, *COMMANDS[command], "--push")
        assert again.code == 0 or (moved[1] and again.said.count("\n") == 1), f"killed {variables['KILL_AT']}: {again}"
        state(here)
        ended = end.code >= 0
        if ended:
            assert (end.code, moved) == (0, (True, True)), end
            break
    assert ended
