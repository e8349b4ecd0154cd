"""Promise 4: killed at any moment, a command has done all or nothing, and the next one works."""

from __future__ import annotations

import shutil
import sys
from itertools import count
from pathlib import Path

import pytest
import yaml

from tests.killer import Killer, KillingGit, Trial
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


@pytest.mark.parametrize("command", COMMANDS)
def test_killed_at_a_random_moment(command: str, killer: Killer, template: WorkDir, tmp_path: Path) -> None:
    Trial(killer, template, tmp_path, COMMANDS[command], state).kill_at_random_moments(KILLS)


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("command", COMMANDS)
def test_killed_around_each_git_process(
    command: str, side: str, killer: Killer, template: WorkDir, tmp_path: Path
) -> None:
    trial = Trial(killer, template, tmp_path / "work", COMMANDS[command], state)
    trial.kill_around_each_git_process(tmp_path, side)


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("command", COMMANDS)
def test_killed_while_pushing(command: str, side: str, killer: Killer, template: WorkDir, tmp_path: Path) -> None:
    """Here and there, each for itself, it is all or nothing; what is here is there; and the next run can go on."""
    remote = WorkDir(tmp_path / "template.git")
    template.git("clone", "--quiet", "--mirror", ".", str(remote.path))
    ended = False
    git = KillingGit(tmp_path)
    for number in count(1):
        moment = f"{side} {number}"
        there = WorkDir(shutil.copytree(remote.path, tmp_path / f"{number}.git"))
        here = WorkDir(shutil.copytree(template.path, tmp_path / str(number), symlinks=True), now=template.now)
        here.git("remote", "add", "origin", str(there.path))
        here.git("fetch", "--quiet")
        both = here.git("for-each-ref", "refs/heads", "refs/tags"), there.git("for-each-ref")
        end = killer.run(here, *COMMANDS[command], "--push", **git.environ(moment))
        moved = (
            here.git("for-each-ref", "refs/heads", "refs/tags") != both[0],
            there.git("for-each-ref") != both[1],
        )
        assert moved in ((False, False), (False, True), (True, True)), f"killed {moment}: {end}"
        if command != "annotate":
            pushed = {name for name, oid in here.tags().items() if there.tags().get(name) == oid}
            assert pushed in (set(template.tags()), set(here.tags()), set(there.tags()))
        again = killer.run(here, *COMMANDS[command], "--push")
        assert again.code == 0 or (moved[1] and again.said.count("\n") == 1), f"killed {moment}: {again}"
        state(here)
        ended = end.code >= 0
        if ended:
            assert (end.code, moved) == (0, (True, True)), end
            break
    assert ended
