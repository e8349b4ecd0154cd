"""Promise 5: where the remote refuses, the error says why and what to do, and nothing here has changed.

And what is never done to a remote: overwriting a tag, deleting what somebody else has made, pushing more than three
tags at once.
"""

from __future__ import annotations

import re
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.git_server import GitServer
from tests.running import Ran, gto, gto_together, observed
from tests.ssh_server import ssh_server
from tests.workdir import WorkDir

PASSWORD = "s3cret-pa55"

COMMANDS = {
    "register": ("register", "m", "--push"),
    "assign": ("assign", "m", "HEAD", "--stage", "prod", "--push"),
    "deprecate": ("deprecate", "m", "v0.0.1", "dev", "--push"),
    "delete": ("deprecate", "m", "v0.0.1", "dev", "--delete", "--push"),
    "annotate": ("annotate", "n", "--type", "model", "--path", "n.pkl", "--push"),
}
WRITING_TAGS = ("register", "assign", "deprecate", "delete")


@dataclass
class World:
    """A remote behind a server with a password, and a clone of it."""

    folder: Path
    server: GitServer
    remote: WorkDir
    clone: WorkDir
    more: dict[str, str] = field(default_factory=dict)
    stack: ExitStack = field(default_factory=ExitStack)

    def hook(self, name: str, script: str) -> None:
        file = self.remote.path / "hooks" / name
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)

    def point_to(self, url: str) -> None:
        self.clone.git("remote", "set-url", "origin", url)

    def copies(self, count: int) -> list[WorkDir]:
        paths = [self.folder / f"copy{number}" for number in range(count)]
        return [WorkDir(shutil.copytree(self.clone.path, path, symlinks=True), now=self.clone.now) for path in paths]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    seed = WorkDir.init(tmp_path / "seed")
    seed.commit("one", artifacts__yaml="m:\n  type: model\n", m__pkl="1")
    seed.tag("m@v0.0.1")
    seed.tag("m#dev#1")
    seed.commit("two", n__pkl="2")
    seed.git("clone", "--quiet", "--bare", ".", str(tmp_path / "remote/m.git"))
    with GitServer(tmp_path / "remote", token=PASSWORD) as server, ExitStack() as stack:
        clone = WorkDir(tmp_path / "clone", now=seed.now + 3600)
        seed.git("clone", "--quiet", server.url("m.git", password=PASSWORD), str(clone.path))
        clone.write("untracked.txt", "untracked\n")
        yield World(tmp_path, server, WorkDir(tmp_path / "remote/m.git"), clone, stack=stack)


def hook_refuses(world: World) -> None:
    world.hook("pre-receive", "echo 'the release freeze lasts until Monday' >&2; exit 1")


def tags_are_protected(world: World) -> None:
    world.hook("update", 'case "$1" in refs/tags/*) echo "tags are protected here" >&2; exit 1;; esac')


def branch_is_protected(world: World) -> None:
    world.hook("update", 'case "$1" in refs/heads/*) echo "main is protected here" >&2; exit 1;; esac')


def read_only(world: World) -> None:
    world.server.read_only = True


def gone(world: World) -> None:
    world.remote.path.rename(world.folder / "elsewhere")
    world.remote = WorkDir(world.folder / "elsewhere")


def wrong_password(world: World) -> None:
    world.point_to(world.server.url("m.git", password=f"not-{PASSWORD}"))


def broken_server(world: World) -> None:
    world.server.fail_always(500)


def closed_port(world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    world.point_to(f"http://ada:{PASSWORD}@127.0.0.1:{port}/m.git")


def no_answer(world: World) -> None:
    # the system takes connections for it, up to its backlog; nobody ever reads them
    silent = world.stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=64))
    world.point_to(f"http://ada:{PASSWORD}@127.0.0.1:{silent.getsockname()[1]}/m.git")
    world.more["GTO_NETWORK_TIMEOUT"] = "1"


def ssh_key_is_unknown(world: World) -> None:
    server = world.stack.enter_context(ssh_server(world.folder / "remote", world.folder / "ssh"))
    (server.folder / "client.pub").write_text("")
    world.point_to(server.url("m.git"))
    world.more.update(server.environ)


def no_deletions(world: World) -> None:
    # receive.denyDeletes speaks of branches alone
    world.hook("update", 'case "$3" in *[!0]*) ;; *) echo "nothing is deleted here" >&2; exit 1;; esac')


def branch_has_moved(world: World) -> None:
    other = WorkDir(world.folder / "other", now=world.clone.now)
    other.path.mkdir()
    other.git("clone", "--quiet", str(world.remote.path), ".")
    other.commit("three")
    other.git("push", "--quiet", "origin", "main")


REFUSALS: list[tuple[Callable[[World], None], str, tuple[str, ...]]] = [
    (hook_refuses, "the release freeze lasts until Monday", tuple(COMMANDS)),
    (tags_are_protected, "tags are protected here", WRITING_TAGS),
    (branch_is_protected, "main is protected here", ("annotate",)),
    (read_only, "403", tuple(COMMANDS)),
    (gone, "not found", tuple(COMMANDS)),
    (wrong_password, "Authentication failed", tuple(COMMANDS)),
    (broken_server, "500", tuple(COMMANDS)),
    (closed_port, "[Cc]onnect", tuple(COMMANDS)),
    (no_answer, "no answer within 1 second|too slow|timed out", tuple(COMMANDS)),
    (ssh_key_is_unknown, "Permission denied", tuple(COMMANDS)),
    (no_deletions, "nothing is deleted here", ("delete",)),
    (branch_has_moved, "fetch first|non-fast-forward|rejected", ("annotate",)),
]


@pytest.mark.parametrize(("refuse", "reason", "commands"), REFUSALS, ids=[case[0].__name__ for case in REFUSALS])
def test_a_refusal_changes_nothing_here(
    world: World, refuse: Callable[[World], None], reason: str, commands: tuple[str, ...]
) -> None:
    refuse(world)
    copies = world.copies(len(commands))
    here, there = [observed(copy) for copy in copies], observed(world.remote)
    calls = [(copy, COMMANDS[command]) for copy, command in zip(copies, commands, strict=True)]
    for copy, command, before, ran in zip(copies, commands, here, gto_together(calls, **world.more), strict=True):
        failed_well(command, ran, reason)
        assert observed(copy) == before, command
    assert observed(world.remote) == there


def failed_well(command: str, ran: Ran, reason: str) -> None:
    """One line that holds the reason and, in a sentence of its own, what to do; no password, no claim of success."""
    assert ran.code == 1, (command, ran)
    assert re.search(reason, ran.err), (command, ran)
    assert re.fullmatch(r"❌ [^\n]+\. \S[^\n]+\n", ran.err), (command, ran)
    assert PASSWORD not in ran.out + ran.err, (command, ran)
    assert "Created" not in ran.out, (command, ran)
    assert "Deleted" not in ran.out, (command, ran)
    assert "Successfully" not in ran.out, (command, ran)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_url_with_a_password_is_not_repeated(world: World, tmp_path: Path, command: str) -> None:
    hook_refuses(world)
    url = world.server.url("m.git", password=PASSWORD)
    nowhere = WorkDir(tmp_path / "nowhere", now=world.clone.now)
    nowhere.path.mkdir()
    there = observed(world.remote)
    failed_well(command, gto(nowhere, *COMMANDS[command], "-r", url), "the release freeze lasts until Monday")
    assert list(nowhere.path.iterdir()) == []
    assert observed(world.remote) == there


@pytest.mark.parametrize("command", COMMANDS)
def test_a_hiccup_is_no_refusal(world: World, command: str) -> None:
    world.server.fail_next(500)
    ran = gto(world.clone, *COMMANDS[command])
    assert (ran.code, ran.err) == (0, "")
    assert world.clone.tags() == world.remote.tags()
    assert world.clone.head == world.remote.head


@pytest.mark.parametrize("command", COMMANDS)
def test_an_answer_that_is_lost_is_no_refusal(world: World, command: str) -> None:
    """The remote has done what was asked, only the connection broke before it could say so."""
    world.server.lose_answer("/m.git/git-receive-pack")
    ran = gto(world.clone, *COMMANDS[command])
    assert (ran.code, ran.err) == (0, ""), ran
    assert world.clone.tags() == world.remote.tags()
    assert world.clone.head == world.remote.head
    assert len(world.clone.tags()) == {"delete": 1, "annotate": 2, "assign": 4}.get(command, 3)


# What is on the remote


def test_no_push_holds_more_than_three_tags(world: World) -> None:
    """GitHub starts no workflow for the tags of a larger one."""
    clone, remote = world.clone, world.remote
    for number in range(2, 9):
        clone.tag(f"m#s{number}#{number}", "m@v0.0.1")
    clone.git("push", "--quiet", "origin", "--tags")
    world.hook("post-receive", "wc -l >>pushes")
    before = set(clone.tags())
    ran = gto(clone, "deprecate", "m", "--delete", "--push")
    assert (ran.code, ran.err) == (0, "")
    assert re.search(r"\b(3|three)\b", ran.out)
    assert "workflow" in ran.out
    sizes = [int(size) for size in (remote.path / "pushes").read_text().split()]
    assert max(sizes) <= 3
    assert sum(sizes) == len(before) == 9
    assert clone.tags() == remote.tags() == {}
    assert set(re.findall(r"^Deleted git tag '(\S+)'", ran.out, re.MULTILINE)) == before
    commands = re.findall(r"^Running `git push origin (.+)`$", ran.out, re.MULTILINE)
    assert [len(re.findall(r"m[#@]", command)) for command in commands] == sizes


def test_the_push_to_run_holds_at_most_three_tags(world: World) -> None:
    clone = world.clone
    for number in range(2, 5):
        clone.tag(f"m#s{number}#{number}", "m@v0.0.1")
    clone.git("push", "--quiet", "origin", "--tags")
    ran = gto(clone, "deprecate", "m", "--delete")
    commands = re.findall(r"^ *(git push origin .+)$", ran.out, re.MULTILINE)
    assert [len(re.findall(r"m[#@]", command)) for command in commands] == [3, 2]
    assert "workflow" in ran.out
    for command in commands:
        clone.git("-c", f"alias.run=!{command}", "run")
    assert world.remote.tags() == {}


def test_a_deletion_that_stops_half_way_says_so_and_can_be_finished(world: World) -> None:
    clone, remote = world.clone, world.remote
    for number in range(2, 7):
        clone.tag(f"m#s{number}#{number}", "m@v0.0.1")
    clone.git("push", "--quiet", "origin", "--tags")
    world.hook("update", 'case "$1" in *s6#6) echo "s6 is protected here" >&2; exit 1;; esac')
    ran = gto(clone, "deprecate", "m", "--delete", "--push")
    assert ran.code == 1
    assert "s6 is protected here" in ran.err
    assert ran.err.count("\n") == 1
    left = remote.tags()
    assert "m#s6#6" in left
    assert left.items() <= clone.tags().items()
    said = ran.out + ran.err
    for name in {"m@v0.0.1", "m#dev#1", "m#s2#2"} - set(left):
        assert name in said, "what is gone on the remote has to be said"
    (remote.path / "hooks/update").unlink()
    again = gto(clone, "deprecate", "m", "--delete", "--push")
    assert (again.code, again.err) == (0, "")
    assert clone.tags() == remote.tags() == {}


@pytest.mark.parametrize("moment", ["earlier", "/m.git/info/refs?service=git-receive-pack", "/m.git/git-receive-pack"])
def test_a_tag_that_somebody_made_again_is_not_deleted(world: World, moment: str) -> None:
    clone, remote = world.clone, world.remote

    def make_again() -> None:
        remote.git("tag", "--delete", "m#dev#1")
        remote.tag("m#dev#1", "m@v0.0.1", "made again")

    if moment == "earlier":
        make_again()
    else:
        world.server.before(moment, make_again)
    before = observed(clone)
    ran = gto(clone, "deprecate", "m", "v0.0.1", "dev", "--delete", "--push")
    failed_well("delete", ran, "m#dev#1")
    assert observed(clone) == before
    assert "made again" in remote.git("cat-file", "tag", "m#dev#1")


def test_a_tag_that_was_never_pushed_can_be_deleted_with_push(world: World) -> None:
    world.remote.git("tag", "--delete", "m#dev#1")
    ran = gto(world.clone, "deprecate", "m", "v0.0.1", "dev", "--delete", "--push")
    assert (ran.code, ran.err) == (0, "")
    assert set(world.clone.tags()) == set(world.remote.tags()) == {"m@v0.0.1"}


@pytest.mark.parametrize("kind", ["annotated", "lightweight"])
def test_a_tag_on_the_remote_is_never_overwritten(world: World, kind: str) -> None:
    """Also one that records no event: its name is taken."""
    if kind == "annotated":
        world.remote.tag("m@v1.0.0", "m@v0.0.1^{}", "theirs")
    else:
        world.remote.lightweight("m@v1.0.0", "m@v0.0.1^{}")
    there = world.remote.tags()
    ran = gto(world.clone, "register", "m", "--version", "v1.0.0", "--push")
    failed_well("register", ran, "m@v1.0.0|v1.0.0")
    assert world.remote.tags() == there
    assert set(world.clone.tags().items()) <= set(there.items())


def test_no_remote_to_push_to(world: World) -> None:
    world.clone.git("remote", "remove", "origin")
    copies = world.copies(len(COMMANDS))
    here = [observed(copy) for copy in copies]
    ran = gto_together(list(zip(copies, COMMANDS.values(), strict=True)))
    for command, copy, before, one in zip(COMMANDS, copies, here, ran, strict=True):
        failed_well(command, one, "remote")
        assert observed(copy) == before, command
