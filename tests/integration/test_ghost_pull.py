"""Tests of pull: exactly, or not at all. After a failure, working tree, index and refs are unchanged, byte for byte."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.ghosts import EVERYTHING, FILES, Ghosts, bytes_of, git_commands, tree_of
from tests.running import observed
from tests.workdir import WorkDir


@pytest.fixture
def ghosts(tmp_path: Path) -> Ghosts:
    return Ghosts.with_a_change(tmp_path)


def push(ghosts: Ghosts) -> str:
    return ghosts.push(*EVERYTHING)[1]


def refused(ghosts: Ghosts, work: WorkDir, *args: str, because: str) -> None:
    """Expect one line with the reason, and no changes."""
    before = observed(work)
    ran = ghosts.run(work, *args)
    assert (ran.code, ran.out) == (1, ""), ran
    assert re.fullmatch(r"❌ [^\n]+\n", ran.err), ran
    assert re.search(because, ran.err), ran
    assert observed(work) == before


def test_the_index_stays_as_it_is(ghosts: Ghosts) -> None:
    """As in Git Ghost, pulled changes are not staged, and staged changes stay staged."""
    digest = push(ghosts)
    ghosts.there.write("c.txt", "staged\n")
    ghosts.there.write("other.txt", "staged too\n")
    ghosts.there.git("add", "c.txt", "other.txt")
    ghosts.there.write("c.txt", "and changed\n")
    ghosts.there.write("untracked.txt", "untracked\n")
    index = ghosts.there.git("ls-files", "--stage")
    ghosts.ok(ghosts.there, "pull", digest)
    assert ghosts.there.git("ls-files", "--stage") == index
    status = set(ghosts.there.git("status", "--porcelain", "--untracked-files=all").splitlines())
    assert status >= {" M a/one.txt", " D a/two.txt", " M b.txt", " M tool.sh", "MM c.txt", "A  other.txt"}
    assert status >= {"?? new/deep/file.txt", "?? link", "?? untracked.txt"}
    assert (ghosts.there.path / "c.txt").read_text() == "and changed\n"


FOR_ANY = {"config": 1, "upload-pack": 2, "fetch": 1, "cat-file": 1, "status": 1, "ls-files": 1}
FOR_A_DIFF = {"read-tree": 2, "apply": 2, "write-tree": 1, "update-index": 1}
FOR_COMMITS = {"index-pack": 1, "rev-list": 1, "merge-base": 1, "unpack-objects": 1, "merge": 1}
AS_ROOT = int(os.geteuid() == 0)  # root looks up the repository's owner, who has to own the new files


@pytest.mark.parametrize(
    ("kind", "commands"),
    [
        ("diff", {**FOR_ANY, **FOR_A_DIFF, "diff-tree": 1, "rev-parse": 2 + AS_ROOT}),
        ("commits", {**FOR_ANY, **FOR_COMMITS, "diff-tree": 1, "rev-parse": 3 + AS_ROOT}),
        ("all", {**FOR_ANY, **FOR_A_DIFF, **FOR_COMMITS, "diff-tree": 3, "rev-parse": 2 + AS_ROOT}),
    ],
)
def test_git_is_asked_each_question_once(ghosts: Ghosts, tmp_path: Path, kind: str, commands: dict[str, int]) -> None:
    """This includes the patch repository: commits and their diff are fetched in one connection."""
    start = ghosts.here.head
    if kind != "diff":
        ghosts.here.git("commit", "--quiet", "-m", "two", "--", "b.txt")
    pushed = ghosts.ok(ghosts.here, "push", kind, *([] if kind == "diff" else [start]))
    (*_, first, last) = pushed.split()
    trace = tmp_path / "trace"
    ghosts.ok(ghosts.there, "pull", kind, *([first, last] if kind == "all" else [last]), GIT_TRACE2_EVENT=str(trace))
    assert git_commands(trace) == commands


def edited(work: WorkDir) -> None:
    work.write("b.txt", "mine\n")


def staged(work: WorkDir) -> None:
    work.write("b.txt", "mine\n")
    work.git("add", "b.txt")


def staged_and_taken_back(work: WorkDir) -> None:
    staged(work)
    work.write("b.txt", FILES["b.txt"])


def deleted(work: WorkDir) -> None:
    (work.path / "a/one.txt").unlink()


def mode(work: WorkDir) -> None:
    (work.path / "tool.sh").chmod(0o755)


def assumed_unchanged(work: WorkDir) -> None:
    work.git("update-index", "--assume-unchanged", "b.txt")
    work.write("b.txt", "mine\n")


def replaced_by_a_link(work: WorkDir) -> None:
    (work.path / "a/one.txt").rename(work.path.parent / "outside-one.txt")
    (work.path / "a/two.txt").rename(work.path.parent / "outside-two.txt")
    (work.path / "a").rmdir()
    (work.path / "a").symlink_to("..")


def untracked(work: WorkDir) -> None:
    work.write("new/deep/file.txt", "mine\n")


def ignored(work: WorkDir) -> None:
    work.write("new/x.log", "mine\n")


def file_for_a_folder(work: WorkDir) -> None:
    work.write("new", "mine\n")


def link_for_a_folder(work: WorkDir) -> None:
    (work.path.parent / "outside").mkdir()
    (work.path / "new").symlink_to("../outside")


def folder_for_a_file(work: WorkDir) -> None:
    work.write("link/ignored.log", "mine\n")


def dangling_link(work: WorkDir) -> None:
    (work.path / "link").symlink_to("nowhere")


OWN = [edited, staged, staged_and_taken_back, deleted, mode, assumed_unchanged, replaced_by_a_link]
IN_THE_WAY = [untracked, ignored, file_for_a_folder, link_for_a_folder, folder_for_a_file, dangling_link]


@pytest.mark.parametrize("change", [*OWN, *IN_THE_WAY], ids=lambda change: change.__name__)
def test_nothing_of_ones_own_is_overwritten(ghosts: Ghosts, change: Callable[[WorkDir], None]) -> None:
    digest = push(ghosts)
    change(ghosts.there)
    because = "in the way" if change in IN_THE_WAY else "uncommitted changes|told not to look"
    refused(ghosts, ghosts.there, "pull", digest, because=because)
    assert not (ghosts.folder / "outside/deep").exists()


def test_times_alone_are_no_change(ghosts: Ghosts) -> None:
    digest = push(ghosts)
    for file in ghosts.there.path.rglob("*.txt"):
        os.utime(file, (1, 1))
    ghosts.ok(ghosts.there, "pull", digest)
    assert tree_of(ghosts.there) == tree_of(ghosts.here)


def test_twice(ghosts: Ghosts) -> None:
    digest = push(ghosts)
    ghosts.ok(ghosts.there, "pull", digest)
    refused(ghosts, ghosts.there, "pull", digest, because="uncommitted changes in 'a/one.txt'")


def test_a_patch_that_fits_in_part(ghosts: Ghosts) -> None:
    """The patch fails on the last file, so the first is not written either."""
    ghosts.here.commit("moved on", **{"c.txt": "c\nd\n"})
    ghosts.here.write("c.txt", "c\ne\n")
    patch = bytes_of(ghosts.here, "diff", "--binary", "HEAD~1")
    digest = ghosts.write_diff(ghosts.there.head, patch.replace(b"-c\n", b"-x\n").replace(b"\n c\n", b"\n x\n"))
    refused(ghosts, ghosts.there, "pull", digest, because="does not apply to [0-9a-f]{12}: .*c.txt")


def fail_to_write(work: WorkDir) -> None:
    """Make git fail when it writes `z.bad`, after it has written all other files."""
    work.git("config", "filter.bad.clean", "cat")
    work.git("config", "filter.bad.smudge", "false")
    work.git("config", "filter.bad.required", "true")
    (work.path / ".git/info/attributes").write_text("*.bad filter=bad\n")


@pytest.mark.parametrize("what", ["diff", "commits", "all"])
def test_a_failure_in_the_middle_of_writing(ghosts: Ghosts, what: str) -> None:
    """Changes before the failure are undone: files, folders, index and branch."""
    start = ghosts.here.head
    if what != "diff":
        ghosts.here.commit("a commit")
        ghosts.here.write("b.txt", "bbb\n")
        ghosts.here.write("a/one.txt", "uno\n")
        ghosts.here.write("newer/x.txt", "x\n")
    if what == "commits":
        ghosts.here.write("z.bad", "z\n")
        ghosts.here.commit("the bad one")
        arguments = ["commits", *ghosts.push("commits", start)[1:]]
    elif what == "all":
        ghosts.here.write("z.bad", "z\n")
        _, digest = ghosts.push("all", start, "-u")
        arguments = ["all", ghosts.here.head, digest]
    else:
        ghosts.here.write("z.bad", "z\n")
        arguments = [push(ghosts)]
    fail_to_write(ghosts.there)
    ghosts.there.write("untracked.txt", "untracked\n")
    ghosts.there.write("c.txt", "staged\n")
    ghosts.there.git("add", "c.txt")
    refused(ghosts, ghosts.there, "pull", *arguments, because="z.bad|smudge")
    (ghosts.there.path / ".git/info/attributes").unlink()
    ghosts.ok(ghosts.there, "pull", *arguments)
    assert (ghosts.there.path / "z.bad").read_text() == "z\n"


# HEAD is at another commit


def test_head_is_not_the_base(ghosts: Ghosts) -> None:
    digest = push(ghosts)
    base = ghosts.here.head
    ghosts.there.commit("further", **{"c.txt": "further\n"})
    refused(ghosts, ghosts.there, "pull", base, digest, because=f"starts from {base}. .*git checkout {base}")
    ghosts.there.git("checkout", "--quiet", base)
    ghosts.ok(ghosts.there, "pull", digest)


def test_the_base_is_not_even_here(ghosts: Ghosts) -> None:
    ghosts.here.commit("not pushed", **{"c.txt": "c2\n"})
    ghosts.here.write("b.txt", "bb\n")
    base, digest = ghosts.push()
    refused(ghosts, ghosts.there, "pull", base, digest, because=f"git fetch origin {base}")


def test_force_base_merges(ghosts: Ghosts) -> None:
    digest = push(ghosts)
    base = ghosts.here.head
    ghosts.there.commit("further", **{"c.txt": "further\n"})
    ghosts.ok(ghosts.there, "pull", base, digest, "--force-base")
    assert (ghosts.there.path / "b.txt").read_text() == "bb\n"
    assert (ghosts.there.path / "c.txt").read_text() == "further\n"
    assert (ghosts.there.path / "new/deep/file.txt").read_text() == "new\n"


def test_force_base_merges_within_a_file(tmp_path: Path) -> None:
    """A three-way merge of the base, the local file, and the patched base."""
    lines = [f"{number}\n" for number in range(30)]
    ghosts = Ghosts.create(tmp_path, f="".join(lines))
    ghosts.here.write("f", "".join([*lines[:20], "twenty\n", *lines[21:]]))
    base, digest = ghosts.push()
    # without the context that a patch needs
    ghosts.there.commit("further", f="".join(["new\n"] * 5 + lines[:17] + ["17\n", "between\n"] + lines[18:]))
    refused(ghosts, ghosts.there, "pull", base, digest, because="starts from")
    ghosts.ok(ghosts.there, "pull", base, digest, "--force-base")
    merged = (ghosts.there.path / "f").read_text()
    assert "twenty\n" in merged
    assert "between\n" in merged


def test_force_base_where_it_conflicts(ghosts: Ghosts) -> None:
    digest = push(ghosts)
    base = ghosts.here.head
    ghosts.there.commit("further", **{"b.txt": "theirs\n"})
    refused(ghosts, ghosts.there, "pull", base, digest, "--force-base", because="does not merge .*b.txt")


def test_commits_on_another_head(ghosts: Ghosts) -> None:
    start = ghosts.here.head
    ghosts.here.commit("everything")
    ghosts.push("commits", start)
    ghosts.there.commit("further", **{"c.txt": "further\n"})
    refused(ghosts, ghosts.there, "pull", "commits", start, ghosts.here.head, because=f"git checkout {start}")
    ran = ghosts.run(ghosts.there, "pull", "commits", start, ghosts.here.head, "--force-base")
    assert ran.code == 0, ran
    assert "IDs of their own" in ran.err
    assert ghosts.there.git("log", "--format=%s").splitlines() == ["everything", "further", "one"]
    assert (ghosts.there.path / "b.txt").read_text() == "bb\n"
    assert ghosts.there.git("status", "--porcelain") == ""


def test_commits_and_own_changes(ghosts: Ghosts) -> None:
    start = ghosts.here.head
    ghosts.here.commit("everything")
    ghosts.push("commits", start)
    for change in (edited, untracked):
        change(ghosts.there)
        refused(ghosts, ghosts.there, "pull", "commits", ghosts.here.head, because="uncommitted changes|in the way")
        ghosts.there.git("checkout", "--quiet", "--", ".")
        ghosts.there.git("clean", "--quiet", "-fdx")
    ghosts.there.write("c.txt", "mine\n")
    ghosts.ok(ghosts.there, "pull", "commits", ghosts.here.head)
    assert ghosts.there.git("status", "--porcelain") == " M c.txt"


def test_all_or_nothing_of_all(ghosts: Ghosts) -> None:
    """The commits apply but the diff does not, so no commit is created."""
    start = ghosts.here.head
    ghosts.here.commit("everything")
    ghosts.push("commits", start)
    digest = ghosts.write_diff(
        ghosts.here.head, b"diff --git a/b.txt b/b.txt\n--- a/b.txt\n+++ b/b.txt\n@@ -1 +1 @@\n-x\n+y\n"
    )
    refused(ghosts, ghosts.there, "pull", "all", ghosts.here.head, digest, because="does not apply")


# Missing ghosts and commits


def test_no_such_ghost(ghosts: Ghosts) -> None:
    digest = push(ghosts)
    refused(ghosts, ghosts.there, "pull", "0" * 40, because="No diff 0+ .*list all")
    refused(ghosts, ghosts.there, "pull", "0" * 40, digest, because="No diff")
    refused(ghosts, ghosts.there, "pull", "commits", "0" * 40, because="No commits from")
    refused(ghosts, ghosts.there, "pull", "nothing", digest, because="'nothing' was not found")


def test_no_repository_and_no_commit(ghosts: Ghosts, tmp_path: Path) -> None:
    digest = push(ghosts)
    nowhere = WorkDir(tmp_path / "nowhere")
    nowhere.path.mkdir()
    for args in (["push"], ["pull", digest], ["diff"], ["checkout", digest], ["show", digest], ["log"]):
        ran = ghosts.run(nowhere, *args)
        assert (ran.code, ran.out, ran.err.count("\n")) == (1, "", 1)
        assert "No Git repo found" in ran.err
    empty = WorkDir.init(tmp_path / "empty")
    for args in (["push"], ["pull", digest], ["diff"], ["show", digest], ["log"]):
        ran = ghosts.run(empty, *args)
        assert (ran.code, ran.out, ran.err.count("\n")) == (1, "", 1)
        assert "first commit" in ran.err
    bare = WorkDir.init(tmp_path / "bare.git", "--bare")
    ran = ghosts.run(bare, "push")
    assert ran.code == 1
    assert "no working tree" in ran.err
