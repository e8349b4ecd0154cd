"""Promise 6: killed at any moment, a push or pull of a ghost has done all or nothing, and nobody has to clean up."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from gto_ci.git.scratch_folders import MARK
from tests.ghosts import Ghosts
from tests.killer import End, Killer, Trial
from tests.running import observed
from tests.workdir import WorkDir

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives orphans to a process of one's choice")

KILLS = 67  # of each of the three commands
FILES = 50  # that a patch changes; the commits change as many

COMMANDS = ("push all", "pull", "pull all")
# Places are relative to the repository that a command is run in, so that they are the same in each copy.
STORE = "../ghosts.git"
TEMP = "../temp"


@dataclass(frozen=True)
class Scene:
    """A folder in which all is as before a command: a repository, a patch repository, a place for temporary files.

    `show` are the arguments that show what was pushed, `shown` is what they show.
    """

    whole: Path
    work: WorkDir
    args: tuple[str, ...]
    show: tuple[str, ...]
    shown: str


def write_files(work: WorkDir, text: str) -> None:
    for number in range(FILES):
        work.write(f"folder{number % 7}/file {number}.txt", f"{text} {number}\n" * 20)


def change_files(work: WorkDir) -> None:
    """Of all of them, some are gone, binary, links or programs now, and some are new beside them."""
    for number in range(FILES):
        file = work.path / f"folder{number % 7}/file {number}.txt"
        if number % 5 == 0:
            file.unlink()
        elif number % 5 == 1:
            file.write_bytes(bytes(range(256)) * (number + 1))
        elif number % 5 == 2:
            work.write(f"new/folder {number}/file", f"new {number}\n")
        elif number % 5 == 3:
            file.unlink()
            file.symlink_to(f"file {number - 1}.txt")
        else:
            file.write_text(f"changed {number}\n{file.read_text()}")
            file.chmod(0o755)


def unmarked(temp: Path) -> list[Path]:
    """What stays in a folder for temporary files, but for what a process leaves that is killed before it wrote a mark.

    That is an empty folder, or one that holds an empty mark: as nothing shows whose it is, it stays. So does the folder
    around it, with the mark that it has.
    """
    places = list(temp.rglob("*"))
    around = {place.parent / MARK for place in places if place.match("gto-ci-*/scratch-*")}
    return [
        place
        for place in places
        if (place.name != MARK or place.stat().st_size)
        and place not in around
        and not place.match("gto-ci-*/scratch-*")
        and not place.match("gto-ci-*")
    ]


def own_work(work: WorkDir) -> None:
    """What is nobody else's business: something staged, something untracked."""
    work.write("mine/staged.txt", "staged\n")
    work.git("add", "mine/staged.txt")
    work.write("mine/untracked.txt", "untracked\n")


def clones(ghosts: Ghosts, name: str, commit: str) -> WorkDir:
    """In a folder of that name: a clone of `here` with nothing after `commit`, and the patch repository as it is."""
    work = WorkDir(ghosts.folder / name / "work", now=ghosts.here.now)
    ghosts.here.git("branch", "--force", "shared", commit)
    options = ("--quiet", "--no-local", "--template=")
    ghosts.here.git("clone", *options, "--single-branch", "--branch=shared", str(ghosts.here.path), str(work.path))
    ghosts.store.git("clone", *options, "--mirror", ".", str(ghosts.folder / name / "ghosts.git"))
    (ghosts.folder / name / "temp").mkdir()
    return work


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Scene]:
    ghosts = Ghosts.create(tmp_path_factory.mktemp("template"))
    write_files(ghosts.here, "first")
    start = ghosts.here.commit("start")
    for text in ("second", "third"):
        write_files(ghosts.here, text)
        end = ghosts.here.commit(text)
    ghosts.push(work=ghosts.here)  # another ghost, that stays as it is
    works = {"push all": clones(ghosts, "push all", end)}
    change_files(works["push all"])
    change_files(ghosts.here)
    _, digest = ghosts.push("all", "-u", start)
    works |= {"pull": clones(ghosts, "pull", end), "pull all": clones(ghosts, "pull all", start)}
    own_work(works["pull"])
    own_work(works["pull all"])
    args = {
        "push all": ("push", "all", "-u", start),
        "pull": ("pull", digest),
        "pull all": ("pull", "all", start, end, digest),
    }
    show = ("show", "all", start, end, digest)
    shown = ghosts.ok(ghosts.here, *show)
    return {name: Scene(work.path.parent, work, args[name], show, shown) for name, work in works.items()}


class GhostTrial(Trial):
    """A command of `git-ghost`, killed in copies of its scene."""

    program = "git-ghost"

    def __init__(self, killer: Killer, scene: Scene, folder: Path) -> None:
        self.scene = scene
        self._index = (scene.work.path / ".git/index").read_bytes()
        super().__init__(killer, scene.work, folder, scene.args, self._state, whole=scene.whole)

    def run(self, work: WorkDir, *args: str, kill_after: float | None = None, **more: str) -> End:
        places = ("--ghost-repo", STORE, "--ghost-working-dir", TEMP)
        return super().run(work, *(args or self.args), *places, kill_after=kill_after, **more)

    def _state(self, work: WorkDir) -> dict[str, object]:
        """All that somebody can notice, in both repositories. Both are whole, and nothing is locked."""
        store = WorkDir(work.path.parent / "ghosts.git")
        for repository in (work, store):
            assert list(repository.path.rglob("*.lock")) == []
            assert repository.git("fsck", "--strict", "--no-dangling", "--no-progress") == ""
        found = observed(work)
        # where git writes files, their times are in the index; what else is in it stands below
        found["index untouched"] = found.pop(".git/index") == self._index
        found["index"] = work.git("ls-files", "--stage")
        found["ghosts"] = store.git("for-each-ref")
        return found

    def check(self, work: WorkDir) -> None:
        """No trace is left of the run that was killed, and what was pushed can be read."""
        assert [str(place) for place in unmarked(work.path / TEMP)] == []
        if self.args[0] == "push":
            end = self.run(work, *self.scene.show)
            assert (end.code, end.said) == (0, self.scene.shown)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_scenes_are_what_they_are_to_be(
    command: str, killer: Killer, scenes: dict[str, Scene], tmp_path: Path
) -> None:
    """A push touches nothing here, a pull nothing there, nor what is staged; there is enough to interrupt."""
    trial = GhostTrial(killer, scenes[command], tmp_path)
    changed = {key for key in trial.before | trial.after if trial.before.get(key) != trial.after.get(key)}
    if command == "push all":
        assert changed == {"ghosts"}
    else:
        assert "ghosts" not in changed
        assert len([name for name in changed if "/file" in name]) >= FILES
    assert trial.after["index untouched"] is (command != "pull all")
    assert "mine/staged.txt" in str(trial.after["index"]) or command == "push all"


@pytest.mark.parametrize("command", COMMANDS)
def test_killed_at_a_random_moment(command: str, killer: Killer, scenes: dict[str, Scene], tmp_path: Path) -> None:
    GhostTrial(killer, scenes[command], tmp_path).kill_at_random_moments(KILLS)


@pytest.mark.parametrize(
    ("command", "side"), [("push all", "after"), ("pull", "before"), ("pull", "after"), ("pull all", "after")]
)
def test_killed_around_each_git_process(
    command: str, side: str, killer: Killer, scenes: dict[str, Scene], tmp_path: Path
) -> None:
    """Before one is about as after the one before it: for the other commands, one side is enough."""
    GhostTrial(killer, scenes[command], tmp_path / "trials").kill_around_each_git_process(tmp_path, side)


@pytest.mark.parametrize("moment", ["pre-receive", "reference-transaction prepared", "reference-transaction committed"])
def test_killed_while_the_patch_repository_takes_a_push(
    moment: str, killer: Killer, scenes: dict[str, Scene], tmp_path: Path
) -> None:
    """What git does there, it does to the end.

    The process that takes a push was killed too, when it had the branches locked. They stayed locked, and could not be
    pushed from then on.
    """
    hook, _, state = moment.partition(" ")
    trial = GhostTrial(killer, scenes["push all"], tmp_path / "trials")
    work = trial.copy()
    script = work.path.parent / "ghosts.git/hooks" / hook
    script.parent.mkdir(exist_ok=True)
    script.write_text(f'#!/bin/sh\n[ "$1" = "{state}" ] && kill -9 "-$GROUP_TO_KILL"\nexit 0\n')
    script.chmod(0o755)
    end = trial.run(work)
    assert end.code < 0
    script.unlink()
    assert trial.state(work) == trial.after
    assert trial.run(work).code == 0
    trial.check(work)
