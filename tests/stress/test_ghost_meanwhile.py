"""A pull that fails while somebody else writes: what git wrote for us is taken back, and what others wrote stays."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.ghosts import EVERYTHING, Ghosts
from tests.running import observed
from tests.workdir import WorkDir


@pytest.fixture
def ghosts(tmp_path: Path) -> Ghosts:
    return Ghosts.with_a_change(tmp_path)


def meanwhile(work: WorkDir, script: str) -> None:
    """Let git run `script` in the working tree, as another program would then, and fail when it writes `z.bad`.

    It has written by then what comes before that name, and not what comes after it.
    """
    program = work.path.parent / "meanwhile.sh"
    apart = "unset $(git rev-parse --local-env-vars)"
    program.write_text(f"#!/bin/sh\n{apart}\ncd '{work.path}' || exit 1\n{script}\nexit 1\n")
    program.chmod(0o755)
    work.git("config", "filter.bad.clean", "cat")
    work.git("config", "filter.bad.smudge", str(program))
    work.git("config", "filter.bad.required", "true")
    (work.path / ".git/info/attributes").write_text("*.bad filter=bad\n")


@pytest.fixture(params=["diff", "commits", "all"])
def failing(request: pytest.FixtureRequest, ghosts: Ghosts) -> tuple[Ghosts, list[str]]:
    """A pull that fails when it writes `z.bad`, after most other files and before `zz.txt`; and its arguments."""
    ghosts.here.write("zz.txt", "zz\n")
    start = ghosts.here.head
    if request.param == "diff":
        ghosts.here.write("z.bad", "z\n")
        return ghosts, [ghosts.push(*EVERYTHING)[1]]
    ghosts.here.git("add", "--all", "--force")
    if request.param == "commits":
        ghosts.here.write("z.bad", "z\n")
        ghosts.here.commit("the bad one")
        return ghosts, ["commits", *ghosts.push("commits", start)[1:]]
    ghosts.here.commit("a commit")
    ghosts.here.write("b.txt", "bbb\n")
    ghosts.here.write("z.bad", "z\n")
    _, digest = ghosts.push("all", start, "-u")
    return ghosts, ["all", ghosts.here.head, digest]


@pytest.mark.parametrize(
    ("script", "path", "content"),
    [
        ("echo mine >zz.txt", "zz.txt", "mine\n"),
        ("rm -f b.txt; echo mine >b.txt", "b.txt", "mine\n"),
        ("rm -rf link; echo mine >link", "link", "mine\n"),
        ("echo mine >new/deep/mine.txt", "new/deep/mine.txt", "mine\n"),
        (
            "rm new/deep/file.txt; mkdir new/deep/file.txt; echo mine >new/deep/file.txt/x",
            "new/deep/file.txt/x",
            "mine\n",
        ),
        ("rm b.txt; mkdir b.txt; echo mine >b.txt/mine", "b.txt/mine", "mine\n"),
        ("rm -f zz.txt; ln -s c.txt zz.txt", "zz.txt", "c\n"),
    ],
)
def test_what_somebody_writes_meanwhile_stays(
    failing: tuple[Ghosts, list[str]], script: str, path: str, content: str
) -> None:
    """It was removed with what git had written, when that was taken back."""
    ghosts, arguments = failing
    meanwhile(ghosts.there, script)
    before = observed(ghosts.there)
    ran = ghosts.run(ghosts.there, "pull", *arguments)
    assert (ran.code, ran.err.count("\n")) == (1, 1), ran
    assert (ghosts.there.path / path).read_text() == content
    assert others(observed(ghosts.there), path) == others(before, path), "all else is as it was"


def others(found: dict[str, object], path: str) -> dict[str, object]:
    """All but what is at `path`, or was where a folder of it is now."""
    return {name: value for name, value in found.items() if name != path and not path.startswith(f"{name}/")}


def test_a_folder_above_becomes_a_link_meanwhile(failing: tuple[Ghosts, list[str]], tmp_path: Path) -> None:
    """What is behind it is not in the working tree: nothing there is removed, and nothing written."""
    ghosts, arguments = failing
    outside = tmp_path / "outside"
    (outside / "deep").mkdir(parents=True)
    (outside / "deep/file.txt").write_text("precious\n")
    (outside / "two.txt").write_text("2\n")
    meanwhile(ghosts.there, f"rm -rf new a; ln -s '{outside}' new; ln -s '{outside}' a")
    ran = ghosts.run(ghosts.there, "pull", *arguments)
    assert ran.code == 1
    assert (outside / "deep/file.txt").read_text() == "precious\n"
    assert sorted(file.name for file in outside.iterdir()) == ["deep", "two.txt"]
    assert "Another program changed" in ran.err


# git holds the lock of the index while it writes the files of a commit
@pytest.mark.parametrize("failing", ["diff", "all"], indirect=True)
def test_what_somebody_stages_meanwhile_stays_staged(failing: tuple[Ghosts, list[str]]) -> None:
    ghosts, arguments = failing
    meanwhile(ghosts.there, "echo mine >mine.txt; git add mine.txt")
    ran = ghosts.run(ghosts.there, "pull", *arguments)
    assert ran.code == 1
    assert "A  mine.txt" in ghosts.there.git("status", "--porcelain")


# git holds the lock of the index while it writes the files of a commit
@pytest.mark.parametrize("failing", ["diff", "all"], indirect=True)
def test_a_commit_that_somebody_makes_meanwhile_stays(failing: tuple[Ghosts, list[str]]) -> None:
    """HEAD went back to where it had been, and the commit was in no branch any more."""
    ghosts, arguments = failing
    meanwhile(ghosts.there, "git commit --quiet --allow-empty --no-verify -m mine")
    ran = ghosts.run(ghosts.there, "pull", *arguments)
    assert ran.code == 1
    assert ghosts.there.git("log", "-1", "--format=%s") == "mine"


def test_half_a_file_that_git_wrote_goes(ghosts: Ghosts, tmp_path: Path) -> None:
    """On a full disk git leaves the beginning of a file. That is git's, and is removed."""
    ghosts.here.write("z.big", "line\n" * 100_000)
    digest = ghosts.push(*EVERYTHING)[1]
    disk = tmp_path / "disk"
    disk.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400k", "none", str(disk)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip(f"nothing can be mounted here: {done.stderr.decode().strip()}")
    try:
        work = WorkDir(disk / "work", now=ghosts.there.now)
        ghosts.there.git("clone", "--quiet", "--template=", str(ghosts.there.path), str(work.path))
        before = observed(work)
        ran = ghosts.run(work, "pull", digest)
        assert (ran.code, ran.err.count("\n")) == (1, 1), ran
        assert observed(work) == before
    finally:
        subprocess.run(["umount", str(disk)], check=True)
