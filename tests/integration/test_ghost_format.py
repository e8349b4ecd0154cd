"""Promise 2: gto-ci reads and writes Git Ghost's wire format, byte for byte, and prints its listings."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.ghosts import Ghosts, bytes_of, diff_of, tree_of
from tests.running import gto
from tests.workdir import WorkDir

# what Git Ghost runs to make a mailbox
MAILBOX = ("log", "-p", "--reverse", "--pretty=email", "--stat", "-m", "--first-parent", "--binary")
DIFF = ("--patience", "--binary")


@pytest.fixture
def ghosts(tmp_path: Path) -> Ghosts:
    return Ghosts.create(tmp_path, foo="a\n", bar="1\n")


def history(work: WorkDir) -> None:
    """Realistic commits: a long message, a binary file, a merge, a deletion, an author in another time zone."""
    work.commit("[ci] Subject in brackets\n\nA body,\nof two lines.", foo="b\n")
    work.git("checkout", "--quiet", "-b", "side")
    work.write("side.bin", bytes(range(256)))
    work.zone = "+0930"
    work.commit("On the side, by Jürgen", side="1\n")
    work.git("checkout", "--quiet", "main")
    (work.path / "bar").unlink()
    work.commit("Remove bar")
    work.git("merge", "--quiet", "--no-ff", "-m", "Merge the side", "side")
    work.write("dos.txt", "a\r\nb\r\n")
    work.commit("CRLF")


# Git Ghost writes, gto-ci reads


def test_a_diff_of_theirs(ghosts: Ghosts) -> None:
    ghosts.here.write("foo", "b\n")
    ghosts.here.write("new", "n\n")
    patch = diff_of(ghosts.here, "HEAD", "new")
    digest = ghosts.write_diff(ghosts.here.head, patch)
    assert f"{ghosts.here.head} {digest}\n" in ghosts.ok(ghosts.there, "list")
    assert ghosts.ok(ghosts.there, "show", digest) == patch.decode()
    ghosts.ok(ghosts.there, "pull", digest)
    assert tree_of(ghosts.there) == tree_of(ghosts.here)
    # when Git Ghost pushes it, it already exists, and nothing is pushed
    before = ghosts.refs()
    assert ghosts.push("-I", "new") == (ghosts.here.head, digest)
    assert ghosts.refs() == before


def test_commits_of_theirs(ghosts: Ghosts) -> None:
    """Replayed commits get new ids. A note says so, and the tree is the same."""
    start = ghosts.here.head
    history(ghosts.here)
    mailbox = bytes_of(ghosts.here, *MAILBOX, f"{start}..HEAD")
    end = ghosts.here.head
    ghosts.write(f"ghost/{start}-{end}", {"commits.patch": mailbox})
    assert f"{start} {end}\n" in ghosts.ok(ghosts.there, "list", "commits")
    assert ghosts.run(ghosts.there, "show", "commits", end).out.encode() == mailbox
    ran = ghosts.run(ghosts.there, "pull", "commits", end, GIT_COMMITTER_NAME="Grace Hopper")
    assert ran.code == 0
    assert ran.out == ""
    assert f"{end} is {ghosts.there.head} here" in ran.err
    assert ghosts.there.head != end
    assert ghosts.there.git("rev-parse", "HEAD^{tree}") == ghosts.here.git("rev-parse", "HEAD^{tree}")
    assert ghosts.there.git("status", "--porcelain") == ""
    subjects = ghosts.there.git("log", "--reverse", "--format=%s|%an|%ad", f"{start}..HEAD").splitlines()
    assert (
        subjects
        == ghosts.here.git("log", "--reverse", "--first-parent", "--format=%s|%an|%ad", f"{start}..HEAD").splitlines()
    )


def test_commits_and_a_diff_of_theirs(ghosts: Ghosts) -> None:
    start = ghosts.here.head
    history(ghosts.here)
    end = ghosts.here.head
    ghosts.write(f"ghost/{start}-{end}", {"commits.patch": bytes_of(ghosts.here, *MAILBOX, f"{start}..HEAD")})
    ghosts.here.write("foo", "changed\n")
    digest = ghosts.write_diff(end, diff_of(ghosts.here, "HEAD"))
    ran = ghosts.run(ghosts.there, "pull", "all", end, digest)
    assert ran.code == 0, ran
    assert "IDs of their own" in ran.err
    assert tree_of(ghosts.there) == tree_of(ghosts.here)
    assert ghosts.there.git("status", "--porcelain") == " M foo"


def test_an_empty_diff_of_theirs(ghosts: Ghosts) -> None:
    digest = ghosts.write_diff(ghosts.here.head, b"")
    assert digest == "da39a3ee5e6b4b0d3255bfef95601890afd80709"
    assert ghosts.ok(ghosts.there, "pull", digest) == ""
    assert ghosts.there.git("status", "--porcelain") == ""


# gto-ci writes, plain git reads


def test_a_diff_of_ours(ghosts: Ghosts) -> None:
    ghosts.here.write("foo", "b\n")
    ghosts.here.write("new", bytes(range(256)))
    base, digest = ghosts.push("-I", "new")
    branch = f"ghost/{base}/{digest}"
    assert set(ghosts.refs()) == {branch}
    assert ghosts.file(branch, "local-mod.patch") == diff_of(ghosts.here, "HEAD", "new")
    there = ghosts.there
    there.git("fetch", "--quiet", ghosts.url, branch)
    (there.path.parent / "p").write_bytes(bytes_of(there, "show", "FETCH_HEAD:local-mod.patch"))
    there.git("apply", str(there.path.parent / "p"))
    assert tree_of(there) == tree_of(ghosts.here)


def test_commits_of_ours(ghosts: Ghosts) -> None:
    start = ghosts.here.head
    history(ghosts.here)
    assert ghosts.push("commits", start) == (start, ghosts.here.head)
    branch = f"ghost/{start}-{ghosts.here.head}"
    assert ghosts.file(branch, "commits.patch") == bytes_of(ghosts.here, *MAILBOX, f"{start}..HEAD")
    there = ghosts.there
    there.git("fetch", "--quiet", ghosts.url, branch)
    (there.path.parent / "p").write_bytes(bytes_of(there, "show", "FETCH_HEAD:commits.patch"))
    there.git("am", "--quiet", "--keep-cr", str(there.path.parent / "p"))
    assert there.git("rev-parse", "HEAD^{tree}") == ghosts.here.git("rev-parse", "HEAD^{tree}")
    # git can read the bundle
    (there.path.parent / "b").write_bytes(ghosts.file(branch, "commits.bundle"))
    there.git("fetch", "--quiet", str(there.path.parent / "b"), "refs/heads/ghost")
    assert there.git("rev-parse", "FETCH_HEAD") == ghosts.here.head


def test_the_commit_of_a_ghost(ghosts: Ghosts) -> None:
    ghosts.here.write("foo", "b\n")
    base, digest = ghosts.push()
    raw = ghosts.store.git("cat-file", "commit", f"ghost/{base}/{digest}")
    lines = raw.split("\n")
    assert [line.split(" ")[0] for line in lines[:3]] == ["tree", "author", "committer"]
    assert lines[1].startswith("author Ada Lovelace <ada@example.com> ")
    assert lines[3:] == ["", "Create ghost commit"]
    assert ghosts.store.git("ls-tree", f"ghost/{base}/{digest}").split("\t")[1:] == ["local-mod.patch"]
    assert ghosts.store.git("fsck", "--strict") == ""


@pytest.mark.parametrize("who", ["configured", "nobody", "quotes"])
def test_the_author_of_a_ghost(ghosts: Ghosts, who: str) -> None:
    """The author is the source repository's user or, without one, Git Ghost. Git Ghost itself quotes the name."""
    names = {"configured": "Grace Hopper", "quotes": 'Grace "Amazing" Hopper'}
    if who in names:
        ghosts.here.git("config", "user.name", names[who])
        ghosts.here.git("config", "user.email", "grace@example.com")
    nobody = dict.fromkeys([f"GIT_{role}_{part}" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")], "")
    ghosts.here.write("foo", "b\n")
    base, digest = ghosts.ok(ghosts.here, "push", **nobody).split()
    author = ghosts.store.git("log", "-1", "--format=%an <%ae>", f"ghost/{base}/{digest}")
    assert author == (f"{names[who]} <grace@example.com>" if who in names else "Git Ghost <git-ghost@example.com>")


def test_a_note(ghosts: Ghosts) -> None:
    ghosts.here.write("foo", "b\n")
    base, digest = ghosts.push("-m", "learning rate 0.1")
    message = ghosts.store.git("log", "-1", "--format=%B", f"ghost/{base}/{digest}")
    assert message.strip() == "Create ghost commit\n\nlearning rate 0.1"
    again = ghosts.run(ghosts.here, "push", "-m", "another")
    assert again.out == f"{base} {digest}\n"
    assert "already exists and keeps its note" in again.err


# Exact commits


def test_the_very_commits(ghosts: Ghosts) -> None:
    start = ghosts.here.head
    history(ghosts.here)
    ghosts.push("commits", start)
    ran = ghosts.run(ghosts.there, "pull", "commits", ghosts.here.head[:9], GIT_COMMITTER_NAME="Grace Hopper")
    assert (ran.code, ran.err) == (0, "")
    assert ghosts.there.head == ghosts.here.head
    assert ghosts.there.git("symbolic-ref", "HEAD") == "refs/heads/main"
    assert ghosts.there.git("status", "--porcelain") == ""
    assert ghosts.there.git("log", "--graph", "--oneline") == ghosts.here.git("log", "--graph", "--oneline")
    assert ghosts.there.git("fsck", "--strict", "--no-dangling") == ""
    again = ghosts.run(ghosts.there, "pull", "commits", start, ghosts.here.head)
    assert again.code == 0
    assert "already" in again.err


def test_the_very_commits_and_a_diff(ghosts: Ghosts) -> None:
    start = ghosts.here.head
    history(ghosts.here)
    ghosts.here.write("foo", "changed\n")
    ghosts.here.write("new", "new\n")
    first, second = ghosts.ok(ghosts.here, "push", "all", start, "-u").splitlines()
    assert first == f"{start} {ghosts.here.head}"
    base, digest = second.split()
    assert base == ghosts.here.head
    shown = ghosts.ok(ghosts.there, "show", "all", base, digest)
    assert "[PATCH] [ci] Subject in brackets" in shown
    assert shown.endswith("+new\n")
    ghosts.ok(ghosts.there, "pull", "all", start, base[:8], digest[:8])
    assert ghosts.there.head == ghosts.here.head
    assert tree_of(ghosts.there) == tree_of(ghosts.here)


def test_a_detached_head_stays_detached(ghosts: Ghosts) -> None:
    start = ghosts.here.head
    history(ghosts.here)
    ghosts.push("commits", start)
    ghosts.there.git("checkout", "--quiet", "--detach")
    ghosts.ok(ghosts.there, "pull", "commits", ghosts.here.head)
    assert ghosts.there.head == ghosts.here.head
    assert ghosts.there.git("rev-parse", "main") == start


def test_no_commits_between(ghosts: Ghosts) -> None:
    """As in Git Ghost, push prints and pushes nothing. `all` prints one line for each kind."""
    ran = ghosts.run(ghosts.here, "push", "commits", "HEAD")
    assert (ran.code, ran.out) == (0, "")
    assert "no commits" in ran.err
    head = ghosts.here.head
    out = ghosts.ok(ghosts.here, "push", "all", "HEAD")
    assert out.splitlines() == [f"{head} {head}", f"{head} da39a3ee5e6b4b0d3255bfef95601890afd80709"]
    assert ghosts.ok(ghosts.there, "pull", "all", head, head, out.split()[3]) == ""


def test_commits_that_do_not_lead_there(ghosts: Ghosts) -> None:
    ghosts.here.git("checkout", "--quiet", "-b", "side")
    side = ghosts.here.commit("side", foo="s\n")
    ghosts.here.git("checkout", "--quiet", "main")
    ghosts.here.commit("main", foo="m\n")
    ran = ghosts.run(ghosts.here, "push", "commits", side)
    assert ran.code == 1
    assert "git merge-base" in ran.err


# Listings, which scripts split into fields


def test_listings(ghosts: Ghosts) -> None:
    one = ghosts.here.head
    history(ghosts.here)
    two = ghosts.here.head
    hashes = []
    for content in ("b", "c"):
        ghosts.here.write("foo", f"{content}\n")
        hashes.append(ghosts.push()[1])
    ghosts.push("commits", one)
    ghosts.store.git("update-ref", "refs/heads/ghost/other", ghosts.refs()[f"ghost/{one}-{two}"])
    mods = "".join(f"{two} {digest}\n" for digest in sorted(hashes))
    heading = f"{'Local Base':40} {'Local Mod':40}\n"
    diffs = f"Local Mod Branches:\n\n{heading}{mods}\n"
    commits = f"Local Base Branches:\n\n{'Remote Base':40} {'Local Base':40}\n{one} {two}\n\n"
    run = ghosts.there
    assert ghosts.ok(run, "list") == ghosts.ok(run, "list", "diff") == diffs
    assert ghosts.ok(run, "list", "commits") == commits
    assert ghosts.ok(run, "list", "all") == commits + diffs
    assert ghosts.ok(run, "list", "--no-headers") == mods
    assert ghosts.ok(run, "list", "--no-headers", "-o", "only-to") == "".join(f"{h}\n" for h in sorted(hashes))
    assert ghosts.ok(run, "list", "commits", "--no-headers", "--output", "only-from") == f"{one}\n"
    assert ghosts.ok(run, "list", "-o", "only-from") == (f"Local Mod Branches:\n\n{'Local Base':40}\n{two}\n{two}\n\n")
    assert ghosts.ok(run, "list", "--no-headers", "--from", two, "--to", hashes[0][:10]) == f"{two} {hashes[0]}\n"
    assert ghosts.ok(ghosts.here, "list", "all", "--no-headers", "--from", "HEAD") == mods
    assert ghosts.ok(ghosts.here, "list", "all", "--no-headers", "--to", "HEAD") == f"{one} {two}\n"
    assert ghosts.ok(run, "list", "--no-headers", "--from", one) == ""
    # outside any repository
    assert ghosts.ok(WorkDir(ghosts.folder), "list") == diffs
    listed = json.loads(ghosts.ok(run, "list", "all", "--json"))
    assert listed[0] == {"kind": "commits", "from": one, "to": two}
    assert len(listed) == 3


@pytest.mark.parametrize("prefix", ["ghost", "my-team", "team/ghost", "a/b-c/d", "0" * 40, "x" * 40 + "-" + "0" * 40])
def test_prefixes(ghosts: Ghosts, prefix: str) -> None:
    """Git Ghost omits prefixes with a hyphen or a slash from its listings."""
    start = ghosts.here.head
    ghosts.here.commit("two", foo="b\n")
    ghosts.here.write("foo", "c\n")
    ghosts.ok(ghosts.here, "push", "all", start, "--ghost-prefix", prefix)
    ghosts.ok(ghosts.here, "push", "all", start, GIT_GHOST_PREFIX="other")
    assert all(name.startswith((f"{prefix}/", "other/")) for name in ghosts.refs())
    lines = ghosts.ok(ghosts.there, "--ghost-prefix", prefix, "list", "all", "--no-headers").splitlines()
    assert lines == ghosts.ok(ghosts.there, "list", "all", "--no-headers", GIT_GHOST_PREFIX=prefix).splitlines()
    assert len(lines) == 2
    ghosts.ok(ghosts.there, "pull", "all", *lines[1].split(), "--ghost-prefix", prefix)
    assert tree_of(ghosts.there) == tree_of(ghosts.here)


def test_pushing_what_exists_pushes_nothing(ghosts: Ghosts) -> None:
    start = ghosts.here.head
    ghosts.here.commit("two", foo="b\n")
    ghosts.here.write("foo", "c\n")
    first = ghosts.ok(ghosts.here, "push", "all", start)
    before = ghosts.refs()
    ghosts.here.now += 3600
    assert ghosts.ok(ghosts.here, "push", "all", start) == first
    assert ghosts.refs() == before
    created = json.loads(ghosts.ok(ghosts.here, "push", "--json"))
    assert [one["created"] for one in created] == [False]
    # one of the two is missing
    lost = next(name for name in before if "-" in name)
    ghosts.store.git("update-ref", "-d", f"refs/heads/{lost}")
    assert ghosts.ok(ghosts.here, "push", "all", start) == first
    assert set(ghosts.refs()) == set(before)


def test_shortened_hashes(ghosts: Ghosts) -> None:
    ghosts.here.write("foo", "b\n")
    base, digest = ghosts.push()
    other = digest[:6] + ("0" * 34 if digest[6:] != "0" * 34 else "1" * 34)
    ghosts.write_diff(base, b"", digest=other)
    ambiguous = ghosts.run(ghosts.there, "show", digest[:6])
    assert ambiguous.code == 1
    assert digest in ambiguous.err
    assert other in ambiguous.err
    assert ghosts.ok(ghosts.there, "show", digest[:12]) == ghosts.ok(ghosts.there, "show", digest)
    assert ghosts.ok(ghosts.there, "show", base[:10], digest) == ghosts.ok(ghosts.there, "show", "diff", base, digest)
    for wrong, why in (("abc", "is not a hash"), ("xyz123", "is not a hash"), ("0" * 40, "No diff")):
        ran = ghosts.run(ghosts.there, "show", wrong)
        assert (ran.code, ran.out) == (1, "")
        assert why in ran.err


def test_flags_may_stand_anywhere(ghosts: Ghosts) -> None:
    """As in Git Ghost: before the command, after it, or after its arguments."""
    ghosts.here.write("foo", "b\n")
    nowhere = WorkDir(ghosts.folder)
    common = ["--src-dir", str(ghosts.here.path), "--ghost-repo", ghosts.url]
    one = ghosts.ok(nowhere, *common, "push", GIT_GHOST_REPO="")
    assert one == ghosts.ok(nowhere, "push", *common, GIT_GHOST_REPO="")
    assert one == ghosts.ok(nowhere, "push", "diff", "HEAD", *common, "-v", "-v", GIT_GHOST_REPO="")
    assert one == ghosts.ok(nowhere, "--ghost-repo", "/nowhere", "push", *common, GIT_GHOST_REPO="")


def test_no_patch_repository(ghosts: Ghosts) -> None:
    for command in (["push"], ["pull", "abcd"], ["show", "abcd"], ["list"], ["delete", "--all"], ["log"]):
        ran = ghosts.run(ghosts.here, *command, GIT_GHOST_REPO="")
        assert (ran.code, ran.out, ran.err.count("\n")) == (1, "", 1)
        assert "No patch repository is named. Set GIT_GHOST_REPO or use --ghost-repo URL" in ran.err


def test_version_and_help(ghosts: Ghosts) -> None:
    assert re.fullmatch(r"git-ghost \d+\.\d+\.\d+ \(gto-ci\)\n", ghosts.ok(ghosts.here, "version", GIT_GHOST_REPO=""))
    shown = ghosts.ok(ghosts.here, "--help")
    for name in ("push", "pull", "show", "diff", "list", "log", "delete", "gc", "checkout", "completion", "version"):
        assert re.search(rf"^  {name} ", shown, re.MULTILINE)
        assert "Usage" in ghosts.ok(ghosts.here, name, "--help")
    inside = ghosts.run(ghosts.here, "version")
    assert inside.code == 0


def test_the_same_commands_under_gto_ci(ghosts: Ghosts) -> None:
    ghosts.here.write("foo", "b\n")
    pushed = gto(ghosts.here, "ghost", "--ghost-repo", ghosts.url, "push", program="gto-ci")
    assert (pushed.code, pushed.err) == (0, "")
    pulled = gto(ghosts.there, "ghost", "pull", pushed.out.split()[1], "--ghost-repo", ghosts.url, program="gto-ci")
    assert (pulled.code, pulled.out, pulled.err) == (0, "", "")
    assert tree_of(ghosts.there) == tree_of(ghosts.here)


@pytest.mark.parametrize("args", [["pull"], ["push", "commits"], ["push", "a", "b"], ["show", "a", "b", "c"], ["gc"]])
def test_wrong_usage(ghosts: Ghosts, args: list[str]) -> None:
    assert ghosts.run(ghosts.here, *args).code == 2
