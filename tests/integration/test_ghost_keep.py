"""Tests of the commands log, delete, gc and checkout."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.ghosts import Ghosts, tree_of
from tests.running import observed
from tests.workdir import WorkDir

DAY = 86_400


@pytest.fixture
def ghosts(tmp_path: Path) -> Ghosts:
    return Ghosts.create(tmp_path, foo="a\n")


def push_at(ghosts: Ghosts, days_ago: float, content: str, *options: str) -> tuple[str, str]:
    """Push a change that is some days old. The program uses the real clock."""
    import time

    ghosts.here.now = int(time.time() - days_ago * DAY)
    ghosts.here.write("foo", content)
    return ghosts.push(*options)


# log


def test_log(ghosts: Ghosts) -> None:
    _, first = push_at(ghosts, 2, "b\n", "-m", "learning rate 0.1")
    ghosts.here.author = "Grace Hopper"
    _, second = push_at(ghosts, 1, "b\nc\n", "-m", "two\nlines \x1b[31m")
    table = ghosts.ok(ghosts.here, "log", "--plain").splitlines()
    assert table[0].split() == ["date", "kind", "hash", "author", "change", "size", "note"]
    assert second[:12] in table[1]
    assert "Grace Hopper" in table[1]
    assert "1 file, +2 −1" in table[1]
    assert "\x1b" not in table[1]
    assert first[:12] in table[2]
    assert "learning rate 0.1" in table[2]
    logged = json.loads(ghosts.ok(ghosts.there, "log", ghosts.here.head[:10], "--json"))
    assert [one["to"] for one in logged] == [second, first]
    size = len(ghosts.file(f"ghost/{ghosts.here.head}/{first}", "local-mod.patch"))
    assert logged[1] == {
        "kind": "diff",
        "from": ghosts.here.head,
        "to": first,
        "created_at": logged[1]["created_at"],
        "author": "Ada Lovelace",
        "author_email": "ada@example.com",
        "note": "learning rate 0.1",
        "size": size,
        "files": 1,
        "added": 1,
        "removed": 1,
    }
    assert json.loads(ghosts.ok(ghosts.there, "log", "-n", "1", "--json"))[0]["to"] == second


def test_log_of_a_commit_without_ghosts(ghosts: Ghosts) -> None:
    push_at(ghosts, 1, "b\n")
    ghosts.here.commit("two")
    assert ghosts.ok(ghosts.here, "log") == "No ghosts start from this commit\n"
    assert json.loads(ghosts.ok(ghosts.here, "log", "--json")) == []


def test_log_tells_of_commits_too(ghosts: Ghosts) -> None:
    start = ghosts.here.head
    ghosts.here.commit("two", foo="b\n", bar="1\n")
    ghosts.push("commits", start)
    (logged,) = json.loads(ghosts.ok(ghosts.there, "log", "--json"))
    assert (logged["kind"], logged["files"], logged["added"], logged["removed"]) == ("commits", 2, 2, 1)


# delete


def test_delete(ghosts: Ghosts) -> None:
    base, one = push_at(ghosts, 1, "b\n")
    _, two = push_at(ghosts, 1, "c\n")
    ghosts.here.commit("two")
    ghosts.push("commits", base)
    before = ghosts.refs()
    for args in (["delete"], ["delete", "all"], ["delete", "--from", base], ["delete", "commits"]):
        ran = ghosts.run(ghosts.there, *args)
        assert (ran.code, ran.out, ran.err.count("\n")) == (1, "", 1)
        assert "all must be set" in ran.err
        assert ghosts.refs() == before
    shown = ghosts.ok(ghosts.there, "delete", "--dryrun")
    heading = f"{'Local Base':40} {'Local Mod':40}\n"
    rows = "".join(f"{base} {digest}\n" for digest in sorted((one, two)))
    assert shown == f"Deleted Local Mod Branches:\n\n{heading}{rows}\n"
    assert ghosts.refs() == before
    assert ghosts.ok(ghosts.there, "delete", "--from", "HEAD", "--to", one[:8]).count(base) == 1
    assert set(ghosts.refs()) == set(before) - {f"ghost/{base}/{one}"}
    assert ghosts.ok(ghosts.there, "delete", "diff", "--all").splitlines()[3] == f"{base} {two}"
    assert set(ghosts.refs()) == {f"ghost/{base}-{ghosts.here.head}"}
    gone = ghosts.run(ghosts.there, "delete", "--from", "HEAD", "--to", one)
    assert gone.code == 1
    assert "no ghost" in gone.err
    assert ghosts.ok(ghosts.there, "delete", "all", "--all").startswith("Deleted Local Base Branches:\n\n")
    assert ghosts.refs() == {}


def test_other_branches_are_nobodys_business(ghosts: Ghosts) -> None:
    push_at(ghosts, 1, "b\n")
    commit = next(iter(ghosts.refs().values()))
    others = {"main", "ghost/readme", f"ghostly/{'0' * 40}/{'0' * 40}", f"x/ghost/{'0' * 40}/{'0' * 40}"}
    for name in others:
        ghosts.store.git("update-ref", f"refs/heads/{name}", commit)
    ghosts.ok(ghosts.there, "delete", "all", "--all")
    ghosts.ok(ghosts.there, "gc", "--keep-last", "0")
    assert set(ghosts.refs()) == others


# gc


def test_gc_by_age(ghosts: Ghosts) -> None:
    made = {days: push_at(ghosts, days, f"{days}\n")[1] for days in (40, 20, 9, 1)}
    dry = ghosts.ok(ghosts.there, "gc", "--older-than", "10d", "--dry-run")
    assert made[40] in dry
    assert made[20] in dry
    assert made[9] not in dry
    assert dry.splitlines()[-1].startswith("Would delete 2 ghosts, ")
    assert len(ghosts.refs()) == 4
    freed = sum(len(ghosts.file(f"ghost/{ghosts.here.head}/{made[days]}", "local-mod.patch")) for days in (40, 20))
    done = json.loads(ghosts.ok(ghosts.there, "gc", "--older-than", "10d", "--json"))
    assert {one["to"] for one in done["deleted"]} == {made[40], made[20]}
    assert (done["kept"], done["size"], done["dry_run"]) == (2, freed, False)
    assert {name.rpartition("/")[2] for name in ghosts.refs()} == {made[9], made[1]}
    said = ghosts.ok(ghosts.there, "gc", "--older-than", "1w")
    assert said.startswith("Deleted 1 ghost, ")
    assert said.endswith("; 1 stay\n")


def test_gc_keeps_the_newest(ghosts: Ghosts) -> None:
    made = {days: push_at(ghosts, days, f"{days}\n")[1] for days in (40, 30, 20, 1)}
    ghosts.ok(ghosts.there, "gc", "--older-than", "10d", "--keep-last", "3")
    assert {name.rpartition("/")[2] for name in ghosts.refs()} == {made[30], made[20], made[1]}
    ghosts.ok(ghosts.there, "gc", "--keep-last", "1")
    assert {name.rpartition("/")[2] for name in ghosts.refs()} == {made[1]}


@pytest.mark.parametrize("clone", ["full", "shallow"])
def test_gc_of_what_starts_nowhere(ghosts: Ghosts, clone: str) -> None:
    """The source remote has lost a branch. Commits that exist only in a ghost still count as reachable."""
    here, store = ghosts.here, ghosts.store
    start = here.head
    _, kept = push_at(ghosts, 1, "kept\n")
    here.git("checkout", "--quiet", "--force", "-b", "side")
    side = here.commit("side", bar="1\n")
    _, on_side = push_at(ghosts, 1, "side\n")
    here.git("checkout", "--quiet", "--force", "main")
    here.commit("three", foo="3\n")
    local = here.commit("local", foo="4\n")
    here.write("foo", "5\n")
    ghosts.ok(here, "push", "all", start)
    here.git("reset", "--quiet", "--hard", "HEAD~2")
    lost_commits = f"ghost/{side}-{local}"
    store.git("update-ref", f"refs/heads/{lost_commits}", next(iter(ghosts.refs().values())))
    there = ghosts.there
    if clone == "shallow":
        there = WorkDir(ghosts.folder / "shallow")
        here.git("clone", "--quiet", "--depth=1", f"file://{here.path}", str(there.path))
    ghosts.ok(there, "gc", "--unreachable")
    assert len(ghosts.refs()) == 5, "side is still there"
    here.git("branch", "--quiet", "-D", "side")
    before = observed(there)
    done = json.loads(ghosts.ok(there, "gc", "--unreachable", "--json"))
    assert {one["to"] for one in done["deleted"]} == {on_side, local}
    assert observed(there) == before
    left = {name.rpartition("/")[2] for name in ghosts.refs()}
    assert f"{start}-{local}" in left
    assert kept in left
    assert len(left) == 3


def test_gc_without_a_remote(ghosts: Ghosts) -> None:
    ran = ghosts.run(ghosts.here, "gc", "--unreachable")
    assert (ran.code, ran.err.count("\n")) == (1, 1)
    assert "no remote" in ran.err


def test_a_push_into_a_folder_lists_no_other_ghost(ghosts: Ghosts, tmp_path: Path) -> None:
    """Neither gto-ci nor git's check of received objects lists other ghosts, so their number does not matter."""
    ghosts.write_diff(ghosts.here.head, b"other\n")
    (other,) = ghosts.refs().values()
    ghosts.here.write("foo", "b\n")
    trace, packets = tmp_path / "trace", tmp_path / "packets"
    ghosts.ok(ghosts.here, "push", GIT_TRACE2_EVENT=str(trace), GIT_TRACE_PACKET=str(packets))
    events = [json.loads(line) for line in trace.read_text().splitlines()]
    started = [event["argv"] for event in events if event["event"] == "child_start"]
    assert any("receive-pack" in word for argv in started for word in argv)
    assert [argv for argv in started if "for-each-ref" in argv and argv[-1] != "refs/none/"] == []
    assert "receive-pack" in packets.read_text()
    assert other not in packets.read_text()


def test_gc_of_many(ghosts: Ghosts) -> None:
    """Delete more ghosts than fit in one batch."""
    _, _ = push_at(ghosts, 1, "b\n")
    commit = next(iter(ghosts.refs().values()))
    lines = "".join(f"create refs/heads/ghost/{number:040x}/{number:040x} {commit}\n" for number in range(1201))
    ghosts.store.git("update-ref", "--stdin", stdin=lines.encode())
    said = ghosts.run(ghosts.there, "gc", "--keep-last", "1")
    assert said.out.startswith("Deleted 1201 ghosts, ")
    assert said.err == "", "no bar where there is no terminal"
    assert len(ghosts.refs()) == 1


# checkout


def test_back_to_the_code_of_a_run(ghosts: Ghosts) -> None:
    start = ghosts.here.head
    ghosts.here.write("foo", "b\n")
    ghosts.here.write("new/file", "n\n")
    _, digest = ghosts.push("-u")
    wanted = tree_of(ghosts.here)
    ghosts.here.commit("two", foo="further\n")
    ghosts.here.write("foo", "mine\n")
    before = observed(ghosts.here)
    folder = Path(ghosts.ok(ghosts.here, "checkout", start[:8], digest[:8]).strip())
    assert folder == ghosts.here.path.parent / f"here-{digest[:7]}"
    run = WorkDir(folder)
    assert run.head == start
    assert tree_of(run) == wanted
    assert run.git("status", "--porcelain", "--untracked-files=all") == " M foo\n?? new/file"
    after = observed(ghosts.here)
    assert {key: value for key, value in after.items() if "worktrees" not in key} == before
    # by hash only, although HEAD is at another commit
    other = ghosts.ok(ghosts.here, "checkout", digest, "../other").strip()
    assert tree_of(WorkDir(Path(other))) == wanted


def test_back_to_commits_that_only_a_ghost_has(ghosts: Ghosts) -> None:
    start = ghosts.here.head
    ghosts.here.commit("two", foo="b\n")
    ghosts.here.write("foo", "c\n")
    _, digest = ghosts.ok(ghosts.here, "push", "all", start).splitlines()[1].split()
    folder = Path(ghosts.ok(ghosts.there, "checkout", ghosts.here.head, digest, "../run").strip())
    assert WorkDir(folder).head == ghosts.here.head
    assert tree_of(WorkDir(folder)) == tree_of(ghosts.here)
    assert ghosts.there.head == start


def test_remove(ghosts: Ghosts) -> None:
    ghosts.here.write("foo", "b\n")
    _, digest = ghosts.push()
    run = WorkDir(Path(ghosts.ok(ghosts.there, "checkout", digest).strip()))
    ghosts.there.git("worktree", "add", "--quiet", "--detach", "../own")
    ran = ghosts.run(ghosts.there, "checkout", "--remove", "../own")
    assert (ran.code, ran.err.count("\n")) == (1, 1)
    assert str(run.path) in ran.err
    run.write("result.txt", "42\n")
    ran = ghosts.run(ghosts.there, "checkout", "--remove", digest[:7])
    assert ran.code == 1
    assert "was changed since" in ran.err
    (run.path / "result.txt").unlink()
    assert ghosts.ok(ghosts.there, "checkout", "--remove", digest[:7]) == f"{run.path}\n"
    assert not run.path.exists()
    assert digest[:7] not in ghosts.there.git("worktree", "list")
    again = Path(ghosts.ok(ghosts.there, "checkout", digest).strip())
    (again / "foo").write_text("changed\n")
    ghosts.ok(ghosts.there, "checkout", "--remove", "--force", str(again))
    assert not again.exists()
    assert (ghosts.there.path.parent / "own").exists()


def test_checkout_that_fails_leaves_nothing(ghosts: Ghosts) -> None:
    ghosts.here.write("foo", "b\n")
    base, digest = ghosts.push()
    bad = ghosts.write_diff(base, b"diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-x\n+y\n")
    (ghosts.folder / "full").mkdir()
    (ghosts.folder / "full/file").write_text("mine\n")
    before = observed(ghosts.there)
    for args, why in (
        ([bad], "does not apply"),
        ([digest, "../full"], "exists already"),
        ([digest, "../full/file"], "exists already"),
        (["0" * 40], "No diff"),
        (["1" * 40, digest], "No diff"),
        ([digest, "/proc/nothing"], "git worktree failed"),
    ):
        ran = ghosts.run(ghosts.there, "checkout", *args)
        assert (ran.code, ran.out, ran.err.count("\n")) == (1, "", 1), ran
        assert why in ran.err
        assert observed(ghosts.there) == before
    assert sorted(path.name for path in ghosts.folder.iterdir()) == ["full", "ghosts.git", "here", "there"]


def test_a_hash_of_several_commits(ghosts: Ghosts) -> None:
    ghosts.here.write("foo", "b\n")
    base, digest = ghosts.push()
    patch = ghosts.file(f"ghost/{base}/{digest}", "local-mod.patch")
    ghosts.write_diff("1" * 40, patch)
    ghosts.write_diff("2" * 40, patch)
    ghosts.there.commit("two")
    ran = ghosts.run(ghosts.there, "checkout", digest)
    assert ran.code == 1
    assert "3 ghosts" in ran.err
    ghosts.ok(ghosts.there, "checkout", base, digest)


# Files that are removed with a worktree


def test_remove_leaves_other_work_trees(ghosts: Ghosts) -> None:
    """Regression: git forgot every worktree with a missing folder, for example on an unmounted disk."""
    ghosts.here.write("foo", "b\n")
    _, digest = ghosts.push()
    run = Path(ghosts.ok(ghosts.there, "checkout", digest).strip())
    ghosts.there.git("worktree", "add", "--quiet", "-b", "mine", "../disk/mine")
    mine = WorkDir(ghosts.there.path.parent / "disk/mine", now=ghosts.there.now)
    mine.write("staged", "precious\n")
    mine.git("add", "staged")
    (mine.path.parent).rename(ghosts.folder / "not mounted")
    shutil.rmtree(run)
    assert ghosts.ok(ghosts.there, "checkout", "--remove", digest[:7]) == f"{run}\n"
    assert digest[:7] not in ghosts.there.git("worktree", "list")
    (ghosts.folder / "not mounted").rename(mine.path.parent)
    assert mine.git("status", "--porcelain") == "A  staged"


def test_remove_leaves_what_came_into_its_place(ghosts: Ghosts) -> None:
    ghosts.here.write("foo", "b\n")
    _, digest = ghosts.push()
    run = Path(ghosts.ok(ghosts.there, "checkout", digest).strip())
    shutil.rmtree(run)
    ghosts.there.git("clone", "--quiet", str(ghosts.here.path), str(run))
    (run / "file").write_text("precious\n")
    for force in ((), ("--force",)):
        ran = ghosts.run(ghosts.there, "checkout", "--remove", digest[:7], *force)
        assert (ran.code, ran.err.count("\n")) == (1, 1), ran
        assert (run / "file").read_text() == "precious\n"


@pytest.mark.parametrize("place", ["other", "folder/other"])
def test_remove_sees_another_repository_inside(place: str, ghosts: Ghosts) -> None:
    """Its commits may exist nowhere else. Git lists such a folder only by name."""
    ghosts.here.write("foo", "b\n")
    _, digest = ghosts.push()
    run = Path(ghosts.ok(ghosts.there, "checkout", digest).strip())
    other = WorkDir.init(run / place)
    other.commit("precious", file="precious\n")
    ran = ghosts.run(ghosts.there, "checkout", "--remove", digest[:7])
    assert (ran.code, ran.err.count("\n")) == (1, 1), ran
    assert "holds another repository" in ran.err
    assert (other.path / "file").read_text() == "precious\n"


def test_a_checkout_that_fails_leaves_the_empty_folder(ghosts: Ghosts) -> None:
    ghosts.here.write("z.bad", "z\n")
    _, digest = ghosts.push("-u")
    ghosts.there.git("config", "filter.bad.smudge", "false")
    ghosts.there.git("config", "filter.bad.required", "true")
    (ghosts.there.path / ".git/info/attributes").write_text("*.bad filter=bad\n")
    (ghosts.folder / "empty").mkdir()
    ran = ghosts.run(ghosts.there, "checkout", digest, "../empty")
    assert (ran.code, ran.err.count("\n")) == (1, 1), ran
    assert list((ghosts.folder / "empty").iterdir()) == []
    assert "empty" not in ghosts.there.git("worktree", "list")
