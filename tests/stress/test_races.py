"""Promise 3: several writers at the same moment lose no tag, and each is told its own.

Every writer is a process of its own in a clone of its own. The remote is git's own server behind HTTP with a password,
or behind SSH.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.git_server import GitServer
from tests.running import Ran, gto, gto_together
from tests.ssh_server import ssh_server
from tests.workdir import WorkDir

PASSWORD = "s3cret-pa55"
MANY = 20
SOME = 8  # where 20 would find nothing more: each of them loses against all who are faster


@pytest.fixture
def seed(tmp_path: Path) -> WorkDir:
    """A repository with as many commits as there may be writers, and `remote/m.git`, its bare clone."""
    seed = WorkDir.init(tmp_path / "seed")
    for number in range(MANY):
        seed.commit(f"commit {number}", model__txt=f"{number}\n")
    seed.git("clone", "--quiet", "--bare", ".", str(tmp_path / "remote/m.git"))
    return seed


@pytest.fixture
def remote(seed: WorkDir, tmp_path: Path) -> WorkDir:
    return WorkDir(tmp_path / "remote/m.git")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    with GitServer(tmp_path / "remote", token=PASSWORD) as server:
        yield server


@pytest.fixture
def url(server: GitServer) -> str:
    return server.url("m.git", password=PASSWORD)


def commits(seed: WorkDir) -> list[str]:
    return seed.git("rev-list", "--reverse", "main").splitlines()


def publish(seed: WorkDir, remote: WorkDir, *tags: tuple[str, str]) -> None:
    """Tag commits, and have the tags on the remote."""
    for name, commit in tags:
        seed.tag(name, commit)
    seed.git("push", "--quiet", str(remote.path), "--tags")


def clones(seed: WorkDir, url: str, folder: Path, count: int) -> list[WorkDir]:
    """Clones of `url`, each of another person. Later than everything in the seed."""
    first = WorkDir(folder / "clone")
    seed.git("clone", "--quiet", url, str(first.path))
    made = []
    for number in range(count):
        path = folder / f"writer{number}"
        shutil.copytree(first.path, path, symlinks=True)
        made.append(WorkDir(path, f"Writer {number}", f"writer{number}@example.com", now=seed.now + 3600))
    return made


def created(ran: Ran) -> list[str]:
    """The tags that a writer was told it made."""
    return re.findall(r"^Created git tag '(\S+)' that ", ran.out, re.MULTILINE)


def check(writers: list[WorkDir], ran: list[Ran], remote: WorkDir, expected: set[str]) -> list[list[str]]:
    """All succeeded; what they were told is on the remote, theirs, in their clone too, and is all that is there."""
    assert [one for one in ran if one.code or one.err] == []
    told = [created(one) for one in ran]
    everything = remote.tags()
    assert sorted(name for names in told for name in names) == sorted(expected)
    assert expected <= set(everything)
    for writer, names, one in zip(writers, told, ran, strict=True):
        local = writer.tags()
        for name in names:
            assert local[name] == everything[name]
            assert f"tagger {writer.author} <" in remote.git("cat-file", "tag", everything[name])
            assert f"Successfully pushed git tag {name} on remote." in one.out
        assert set(local.items()) <= set(everything.items()), "a clone holds a tag that the remote does not have"
    remote.git("fsck", "--strict")
    return told


def counters(stage: str, last: int) -> set[str]:
    return {f"m#{stage}#{number}" for number in range(1, last + 1)}


# Counted tags


def test_writers_of_one_stage(seed: WorkDir, remote: WorkDir, url: str, tmp_path: Path) -> None:
    publish(seed, remote, ("m@v1.0.0", "HEAD"))
    writers = clones(seed, url, tmp_path, SOME)
    call = ("assign", "m", "--version", "v1.0.0", "--stage", "prod", "--force", "--push")
    ran = gto_together([(writer, call) for writer in writers])
    check(writers, ran, remote, counters("prod", SOME))
    assert gto(writers[0], "history", "m", "--json", "-r", url).out.count('"assignment"') == SOME


def test_writers_of_a_stage_each(seed: WorkDir, remote: WorkDir, url: str, tmp_path: Path) -> None:
    publish(seed, remote, ("m@v1.0.0", "HEAD"))
    writers = clones(seed, url, tmp_path, MANY)
    calls = [("assign", "m", "--version", "v1.0.0", "--stage", f"s{number}", "--push") for number in range(MANY)]
    ran = gto_together(list(zip(writers, calls, strict=True)))
    assert [one for one in ran if one.code or one.err] == []
    told = [created(one) for one in ran]
    expected = [re.fullmatch(rf"m#s{number}#(\d+)", name) for number, (name,) in enumerate(told)]
    assert sorted(int(match[1]) for match in expected if match) == list(range(1, MANY + 1))
    check(writers, ran, remote, {name for names in told for name in names})


def test_writers_in_one_repository(seed: WorkDir) -> None:
    """Nothing is pushed: the writers share a folder, and git's locks part them."""
    seed.tag("m@v1.0.0")
    call = ("assign", "m", "--version", "v1.0.0", "--stage", "prod", "--force")
    ran = gto_together([(seed, call)] * SOME)
    assert [(one.code, one.err) for one in ran] == [(0, "")] * SOME
    assert {created(one)[-1] for one in ran} == counters("prod", SOME) == {tag for tag in seed.tags() if "#" in tag}


def test_writers_of_a_stage_each_in_one_repository(seed: WorkDir) -> None:
    """Their tags have different names, so no lock of a tag parts them."""
    seed.tag("m@v1.0.0")
    calls = [("assign", "m", "--version", "v1.0.0", "--stage", f"s{number}") for number in range(SOME)]
    ran = gto_together([(seed, call) for call in calls])
    assert [(one.code, one.err) for one in ran] == [(0, "")] * SOME
    assert {created(one)[-1] for one in ran} == {tag for tag in seed.tags() if "#" in tag}
    assert sorted(int(created(one)[-1].rpartition("#")[2]) for one in ran) == list(range(1, SOME + 1))
    assert [path for path in (seed.path / ".git/refs/gto-ci").rglob("*") if not path.is_dir()] == []


def test_writers_in_one_repository_who_push(seed: WorkDir, remote: WorkDir, url: str, tmp_path: Path) -> None:
    publish(seed, remote, ("m@v1.0.0", "HEAD"))
    (shared,) = clones(seed, url, tmp_path, 1)
    calls = [("assign", "m", "--version", "v1.0.0", "--stage", f"s{number}", "--push") for number in range(SOME)]
    ran = gto_together([(shared, call) for call in calls])
    told = check([shared] * SOME, ran, remote, {created(one)[-1] for one in ran})
    assert sorted(int(name.rpartition("#")[2]) for (name,) in told) == list(range(1, SOME + 1))


def test_writers_of_a_version_each(seed: WorkDir, remote: WorkDir, url: str, tmp_path: Path) -> None:
    publish(seed, remote, *((f"m@v0.0.{number + 1}", commit) for number, commit in enumerate(commits(seed)[:SOME])))
    writers = clones(seed, url, tmp_path, SOME)
    calls = [("assign", "m", "--version", f"v0.0.{number + 1}", "--stage", "prod", "--push") for number in range(SOME)]
    ran = gto_together(list(zip(writers, calls, strict=True)))
    told = check(writers, ran, remote, counters("prod", SOME))
    for (name,), commit in zip(told, commits(seed)[:SOME], strict=True):
        assert remote.git("rev-parse", f"{name}^{{}}") == commit


def test_writers_of_a_commit_each(seed: WorkDir, remote: WorkDir, url: str, tmp_path: Path) -> None:
    """The version's tag and the stage's arrive together, and the stage belongs to that version."""
    writers = clones(seed, url, tmp_path, SOME)
    calls = [("assign", "m", commit, "--stage", "prod", "--push") for commit in commits(seed)[:SOME]]
    ran = gto_together(list(zip(writers, calls, strict=True)))
    versions = {f"m@v0.0.{number + 1}" for number in range(SOME)}
    told = check(writers, ran, remote, versions | counters("prod", SOME))
    for (version, stage), commit, one in zip(told, commits(seed)[:SOME], ran, strict=True):
        assert remote.git("rev-parse", f"{version}^{{}}", f"{stage}^{{}}").split() == [commit, commit]
        assert f"that assigns a stage to '{version.removeprefix('m@')}'" in one.out


def test_writers_over_ssh(seed: WorkDir, remote: WorkDir, tmp_path: Path) -> None:
    publish(seed, remote, ("m@v1.0.0", "HEAD"))
    with ssh_server(tmp_path / "remote", tmp_path / "ssh") as server:
        writers = clones(seed, str(remote.path), tmp_path, 3)
        for writer in writers:
            writer.git("remote", "set-url", "origin", server.url("m.git"))
        call = ("assign", "m", "--version", "v1.0.0", "--stage", "prod", "--force", "--push")
        ran = gto_together([(writer, call) for writer in writers], **server.environ)
    check(writers, ran, remote, {"m#prod#1", "m#prod#2", "m#prod#3"})


# Versions


def test_writers_of_the_next_version(seed: WorkDir, remote: WorkDir, url: str, tmp_path: Path) -> None:
    writers = clones(seed, url, tmp_path, MANY)
    calls = [("register", "m", commit, "--push") for commit in commits(seed)]
    ran = gto_together(list(zip(writers, calls, strict=True)))
    told = check(writers, ran, remote, {f"m@v0.0.{number + 1}" for number in range(MANY)})
    for (name,), commit in zip(told, commits(seed), strict=True):
        assert remote.git("rev-parse", f"{name}^{{}}") == commit


@pytest.mark.parametrize("command", [("register",), ("assign", "--stage", "prod")])
def test_one_explicit_version_has_one_owner(
    command: tuple[str, ...], seed: WorkDir, remote: WorkDir, url: str, tmp_path: Path
) -> None:
    """The other one is told who has it, since when; nothing of its own stays behind."""
    writers = clones(seed, url, tmp_path, 2)
    calls = [(*command, "m", commit, "--version", "v1.0.0", "--push") for commit in commits(seed)[-2:]]
    ran = gto_together(list(zip(writers, calls, strict=True)))
    assert sorted(one.code for one in ran) == [0, 1]
    winner, loser = sorted(range(2), key=lambda number: ran[number].code)
    assert created(ran[winner])[0] == "m@v1.0.0"
    assert created(ran[loser]) == []
    for part in ("v1.0.0", writers[winner].author, "2023-11-14"):
        assert part in ran[loser].err
    assert ran[loser].err.count("\n") == 1
    everything = remote.tags()
    assert set(everything) == set(created(ran[winner]))
    assert remote.git("rev-parse", "m@v1.0.0^{}") == commits(seed)[-2:][winner]
    assert set(writers[loser].tags().items()) <= set(everything.items())


# One writer, who does not know the newest


def test_a_stale_clone_mints_the_right_counter(seed: WorkDir, remote: WorkDir, url: str, tmp_path: Path) -> None:
    publish(seed, remote, ("m@v1.0.0", "HEAD"))
    stale, fresh = clones(seed, url, tmp_path, 2)
    for _ in range(3):
        assert gto(fresh, "assign", "m", "--version", "v1.0.0", "--stage", "prod", "--force", "--push").code == 0
    ran = gto(stale, "assign", "m", "--version", "v1.0.0", "--stage", "dev", "--push")
    check([stale], [ran], remote, {"m#dev#4"})


def test_a_stale_clone_finds_the_next_version(seed: WorkDir, remote: WorkDir, url: str, tmp_path: Path) -> None:
    stale, fresh = clones(seed, url, tmp_path, 2)
    for commit in commits(seed)[:3]:
        assert gto(fresh, "register", "m", commit, "--push").code == 0
    ran = gto(stale, "register", "m", "--push")
    check([stale], [ran], remote, {"m@v0.0.4"})


def test_a_stale_clone_is_told_that_its_commit_has_a_version(
    seed: WorkDir, remote: WorkDir, url: str, tmp_path: Path
) -> None:
    stale, fresh = clones(seed, url, tmp_path, 2)
    assert gto(fresh, "register", "m", "--push").code == 0
    before = remote.tags()
    ran = gto(stale, "register", "m", "--push")
    assert ran.code == 1
    assert "v0.0.1" in ran.err
    assert remote.tags() == before
    assert set(stale.tags().items()) <= set(before.items())


def test_somebody_is_faster_between_asking_and_pushing(
    seed: WorkDir, remote: WorkDir, server: GitServer, url: str, tmp_path: Path
) -> None:
    """Once for each step in which another writer can come first."""
    publish(seed, remote, ("m@v1.0.0", "HEAD"))
    writer, _ = clones(seed, url, tmp_path, 2)
    taken = iter(range(1, MANY))

    def faster() -> None:
        publish(seed, remote, (f"m#prod#{next(taken)}", "HEAD"))

    server.before("/m.git/info/refs?service=git-receive-pack", faster)
    server.before("/m.git/git-receive-pack", faster)
    ran = gto(writer, "assign", "m", "--version", "v1.0.0", "--stage", "prod", "--force", "--push")
    check([writer], [ran], remote, {"m#prod#3"})


def push_half(seed: WorkDir, remote: WorkDir, tag: str) -> None:
    """Have the remote as a reader may find it while a server writes one ref after the other: with the mark alone."""
    seed.tag(tag)
    seed.git("push", "--quiet", str(remote.path), f"{tag}:refs/gto-ci/newest/m")


@pytest.mark.parametrize("at_url", [False, True])
def test_a_push_of_which_only_the_mark_is_seen(
    at_url: bool, seed: WorkDir, remote: WorkDir, url: str, tmp_path: Path
) -> None:
    publish(seed, remote, ("m@v1.0.0", "HEAD"), ("m#prod#8", "HEAD"))
    (writer,) = clones(seed, url, tmp_path, 1)
    push_half(seed, remote, "m#prod#9")
    where = ("-r", url) if at_url else ()
    ran = gto(writer, "assign", "m", "--version", "v1.0.0", "--stage", "dev", "--push", *where)
    assert (ran.code, ran.err, created(ran)) == (0, "", ["m#dev#10"])
    ran = gto(writer, "assign", "m", "--version", "v1.0.0", "--stage", "test", "--push", *where)
    assert (ran.code, ran.err, created(ran)) == (0, "", ["m#test#11"])


def test_the_rest_of_a_push_is_waited_for(
    seed: WorkDir, remote: WorkDir, server: GitServer, url: str, tmp_path: Path
) -> None:
    publish(seed, remote, ("m@v1.0.0", "HEAD"))
    (writer,) = clones(seed, url, tmp_path, 1)
    push_half(seed, remote, "m#prod#1")
    server.before("/m.git/git-upload-pack", lambda: None)
    server.before("/m.git/git-upload-pack", lambda: publish(seed, remote, ("m#other#7", "HEAD")))
    ran = gto(writer, "assign", "m", "--version", "v1.0.0", "--stage", "prod", "--push")
    assert (ran.code, created(ran)) == (1, [])
    assert "'v1.0.0' is already in stage 'prod'" in ran.err


def test_a_listing_that_lags_behind_the_refusal(
    seed: WorkDir, remote: WorkDir, server: GitServer, url: str, tmp_path: Path
) -> None:
    """As of a host whose replicas answer: who was faster is not to be seen when the push has just been refused."""
    publish(seed, remote, ("m@v1.0.0", "HEAD"))
    (writer,) = clones(seed, url, tmp_path, 1)
    refs = ("refs/tags/m#other#1", "refs/gto-ci/newest/m")
    seed.tag("m#other#1")
    publish(seed, remote)
    oid = remote.tags()["m#other#1"]

    def show() -> None:
        for ref in refs:
            remote.git("update-ref", ref, oid)

    def hide() -> None:
        for ref in refs:
            remote.git("update-ref", "-d", ref)

    hide()
    server.before("/m.git/info/refs?service=git-receive-pack", show)
    for step in (lambda: None, hide, show):
        server.before("/m.git/git-upload-pack", step)
    ran = gto(writer, "assign", "m", "--version", "v1.0.0", "--stage", "prod", "--push")
    check([writer], [ran], remote, {"m#prod#2"})


@pytest.mark.parametrize("mark", ["HEAD", "HEAD^{tree}", "other@v1.0.0", "m@v1.0.0", "m-tag", "light#9"])
def test_a_mark_that_is_none_says_nothing(mark: str, seed: WorkDir, remote: WorkDir, url: str, tmp_path: Path) -> None:
    """Whoever may push can set it to anything; it is moved like any other."""
    publish(seed, remote, ("m@v1.0.0", "HEAD"))
    (writer,) = clones(seed, url, tmp_path, 1)
    seed.git("tag", "light#9")
    for tag in ("other@v1.0.0", "m-tag"):
        seed.tag(tag)
    seed.git("push", "--quiet", str(remote.path), f"{seed.git('rev-parse', mark).strip()}:refs/gto-ci/newest/m")
    ran = gto(writer, "assign", "m", "--version", "v1.0.0", "--stage", "dev", "--push")
    assert (ran.code, ran.err, created(ran)) == (0, "", ["m#dev#1"])
    assert remote.git("rev-parse", "refs/gto-ci/newest/m") == remote.git("rev-parse", "m#dev#1")


@pytest.mark.parametrize("ref", ["refs/gto-ci/newest/m", "refs/tags/m#dev#1"])
def test_a_lock_that_another_push_holds_is_waited_for(
    ref: str, seed: WorkDir, remote: WorkDir, server: GitServer, url: str, tmp_path: Path
) -> None:
    publish(seed, remote, ("m@v1.0.0", "HEAD"))
    (writer,) = clones(seed, url, tmp_path, 1)
    lock = remote.path / f"{ref}.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    server.before("/m.git/git-receive-pack", lock.touch)
    server.before("/m.git/git-receive-pack", lock.unlink)
    ran = gto(writer, "assign", "m", "--version", "v1.0.0", "--stage", "dev", "--push")
    check([writer], [ran], remote, {"m#dev#1"})


def test_a_hook_that_speaks_of_what_exists_has_lost_no_race(
    seed: WorkDir, remote: WorkDir, server: GitServer, url: str, tmp_path: Path
) -> None:
    publish(seed, remote, ("m@v1.0.0", "HEAD"))
    (writer,) = clones(seed, url, tmp_path, 1)
    hook = remote.path / "hooks/pre-receive"
    hook.write_text("#!/bin/sh\necho 'prod already exists: is at v1 but expected v2, stale info'\nexit 1\n")
    hook.chmod(0o755)
    ran = gto(writer, "assign", "m", "--version", "v1.0.0", "--stage", "prod", "--push")
    assert (ran.code, created(ran), ran.out.count("Running")) == (1, [], 1)
    assert "(pre-receive hook declined); prod already exists: is at v1 but expected v2, stale info" in ran.err
    assert ran.err.count("\n") == 1


def test_a_lock_that_nobody_takes_away_is_named(
    seed: WorkDir, remote: WorkDir, server: GitServer, url: str, tmp_path: Path
) -> None:
    publish(seed, remote, ("m@v1.0.0", "HEAD"))
    (writer,) = clones(seed, url, tmp_path, 1)
    (remote.path / "refs/tags/m#dev#1.lock").touch()
    ran = gto(writer, "assign", "m", "--version", "v1.0.0", "--stage", "dev", "--push")
    assert (ran.code, created(ran), set(remote.tags())) == (1, [], {"m@v1.0.0"})
    assert re.search(r"Unable to create '\S+/m#dev#1\.lock': File exists\. Another push may be at work", ran.err)
    assert ran.err.count("\n") == 1


def test_deleted_tags_leave_nothing_in_the_way(seed: WorkDir, remote: WorkDir, url: str, tmp_path: Path) -> None:
    """Neither on the remote, nor for somebody who still has them."""
    writer, stale = clones(seed, url, tmp_path, 2)
    assign = ("assign", "m", "HEAD", "--stage", "prod", "--push")
    assert gto(writer, *assign).code == 0
    stale.git("fetch", "--quiet", "--tags")
    assert gto(writer, "deprecate", "m", "--delete", "--push").code == 0
    assert remote.tags() == {}
    check([writer], [gto(writer, *assign)], remote, {"m@v0.0.1", "m#prod#1"})
    ran = gto(stale, "assign", "m", "--version", "v0.0.1", "--stage", "dev", "--push")
    assert (ran.code, ran.err, created(ran)) == (0, "", ["m#dev#2"])


def test_a_remote_that_takes_only_branches_and_tags(seed: WorkDir, remote: WorkDir, url: str, tmp_path: Path) -> None:
    """The ref that parts writers of different stages is refused, and so they do without."""
    publish(seed, remote, ("m@v1.0.0", "HEAD"))
    hook = remote.path / "hooks/update"
    hook.write_text('#!/bin/sh\ncase "$1" in refs/heads/*|refs/tags/*) ;; *) exit 1;; esac\n')
    hook.chmod(0o755)
    writers = clones(seed, url, tmp_path, 3)
    call = ("assign", "m", "--version", "v1.0.0", "--stage", "prod", "--force", "--push")
    ran = gto_together([(writer, call) for writer in writers])
    check(writers, ran, remote, counters("prod", 3))


def test_an_unpushed_tag_of_ones_own_is_left_alone(seed: WorkDir, remote: WorkDir, url: str, tmp_path: Path) -> None:
    publish(seed, remote, ("m@v1.0.0", "HEAD"))
    writer, other = clones(seed, url, tmp_path, 2)
    assert gto(writer, "assign", "m", "--version", "v1.0.0", "--stage", "mine").code == 0
    mine = writer.tags()["m#mine#1"]
    assert gto(other, "assign", "m", "--version", "v1.0.0", "--stage", "prod", "--push").code == 0
    ran = gto(writer, "assign", "m", "--version", "v1.0.0", "--stage", "dev", "--push")
    assert (ran.code, created(ran)) == (0, ["m#dev#2"])
    assert writer.tags()["m#mine#1"] == mine
    assert set(remote.tags()) == {"m@v1.0.0", "m#prod#1", "m#dev#2"}
