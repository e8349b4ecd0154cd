"""Promise 4: what a push or pull costs is what the patch costs, whatever else is in the patch repository.

Counted where nothing can be hidden: at the server, all bytes of all requests and answers.
"""

from __future__ import annotations

import hashlib
import random
import shutil
import subprocess
from base64 import encodebytes
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ghosts import Ghosts
from tests.git_server import GitServer
from tests.workdir import WorkDir

FEW, MANY = 10, 2_000  # ghosts in the patch repository
SIZE = 100_000  # bytes of each
OF_OUR_BASE = 100  # each so many-th of them starts from the commit that is checked out
PATCH = 5_000  # bytes, about, of the one that is pushed
LIMIT = 64 * 1024
HEADERS = 1024  # of one request and its answer, counted generously
PASSWORD = "s3cret-pa55"


def fill(store: WorkDir, base: str, ghosts: int) -> None:
    """Make so many ghosts, of bytes that cannot be compressed, some of them of the commit `base`."""
    chance = random.Random(ghosts)
    command = ["git", "-c", "core.compression=0", "fast-import", "--quiet"]
    with subprocess.Popen(command, cwd=store.path, env=store.environ(), stdin=subprocess.PIPE) as importing:
        assert importing.stdin is not None
        for number in range(ghosts):
            patch = chance.randbytes(SIZE)
            start = base if number % OF_OUR_BASE == 0 else chance.randbytes(20).hex()
            branch = f"refs/heads/ghost/{start}/{hashlib.sha1(patch, usedforsecurity=False).hexdigest()}"
            head = f"commit {branch}\ncommitter Git Ghost <git-ghost@example.com> {store.now - number} +0000\n"
            file = f"data 20\nCreate ghost commit\nM 100644 inline local-mod.patch\ndata {SIZE}\n"
            importing.stdin.write(head.encode() + file.encode() + patch + b"\n")
        importing.stdin.close()
    assert importing.returncode == 0


class Wire:
    """A patch repository behind HTTP with a number of ghosts in it, and two clones of a repository."""

    def __init__(self, folder: Path, server: GitServer, number: int) -> None:
        self.server = server
        self.number = number
        self.ghosts = Ghosts.create(folder / str(number))
        self.ghosts.url = server.url(f"{number}/ghosts.git", password=PASSWORD)
        fill(self.ghosts.store, self.ghosts.here.head, number)
        self.ghosts.store.git("config", "uploadpack.allowFilter", "true")
        self.ghosts.here.write("foo", encodebytes(random.Random(PATCH).randbytes(PATCH * 3 // 4)))

    def counted(self, what: str, work: WorkDir, *args: str) -> tuple[str, int]:
        """What `git-ghost` printed, and the bytes that went over the wire for it."""
        self.server.forget()
        said = self.ghosts.ok(work, *args)
        return said, self.count(what)

    def count(self, what: str) -> int:
        """The bytes of all requests since the server forgot those before."""
        requests = self.server.requests
        received, sent = sum(one.received for one in requests), sum(one.sent for one in requests)
        whole = received + sent + HEADERS * len(requests)
        print(
            f"{self.number:5} ghosts, {what}: {len(requests)} requests, {received:,} bytes received, "
            f"{sent:,} sent, {whole:,} with headers"
        )
        return whole


@pytest.fixture(scope="module")
def wires(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[int, Wire]]:
    """A patch repository with few ghosts and one with many, which are gone in the end: they are large."""
    folder = tmp_path_factory.mktemp("wire")
    with GitServer(folder, token=PASSWORD) as server:
        yield {number: Wire(folder, server, number) for number in (FEW, MANY)}
    shutil.rmtree(folder)


def test_a_push_and_a_pull(wires: dict[int, Wire]) -> None:
    """Each stays under the limit, and costs what it costs where there is nearly nothing."""
    costs: dict[str, dict[int, int]] = {"push": {}, "pull": {}}
    for number, wire in wires.items():
        ghosts = wire.ghosts
        said, costs["push"][number] = wire.counted("push", ghosts.here, "push")
        base, digest = said.split()
        assert (base, len(ghosts.refs())) == (ghosts.here.head, number + 1)
        assert PATCH * 0.9 < len(ghosts.file(f"ghost/{base}/{digest}", "local-mod.patch")) < PATCH * 1.1
        _, costs["pull"][number] = wire.counted("pull", ghosts.there, "pull", digest)
        assert (ghosts.there.path / "foo").read_bytes() == (ghosts.here.path / "foo").read_bytes()
    for what, cost in costs.items():
        assert max(cost.values()) < LIMIT, what
        assert cost[MANY] <= 1.1 * cost[FEW], what


def test_commits_and_a_diff(wires: dict[int, Wire], tmp_path: Path) -> None:
    """The same for two ghosts at a time."""
    costs: dict[str, dict[int, int]] = {"push all": {}, "pull all": {}}
    for number, wire in wires.items():
        ghosts = wire.ghosts
        work = [WorkDir(tmp_path / f"{number} {name}", now=ghosts.here.now) for name in ("here", "there")]
        for one in work:
            ghosts.here.git("clone", "--quiet", ".", str(one.path))
        start = work[0].head
        work[0].commit("two", bar=encodebytes(random.Random(1).randbytes(1_000)).decode())
        work[0].write("bar", "changed\n")
        said, costs["push all"][number] = wire.counted("push all", work[0], "push", "all", start)
        end, digest = said.splitlines()[-1].split()
        _, costs["pull all"][number] = wire.counted("pull all", work[1], "pull", "all", start, end, digest)
        assert work[1].head == work[0].head
    for what, cost in costs.items():
        assert max(cost.values()) < LIMIT, what
        assert cost[MANY] <= 1.1 * cost[FEW], what


def test_looking_around(wires: dict[int, Wire]) -> None:
    """What is listed is asked for, and of what is logged nothing is fetched that is not shown."""
    wire = wires[MANY]
    ghosts = wire.ghosts
    ghosts.here.write("foo", "the newest\n")
    ghosts.here.now += 3600
    before = ghosts.refs()
    base, digest = ghosts.push()
    listed, cost = wire.counted("list --from", ghosts.there, "list", "--from", base, "--no-headers")
    assert f"{base} {digest}" in listed.splitlines()
    assert len(listed.splitlines()) > MANY // OF_OUR_BASE
    assert cost < LIMIT
    logged, cost = wire.counted("log -n 1", ghosts.there, "log", base, "-n", "1", "--json")
    assert digest in logged
    assert cost < LIMIT
    _, cost = wire.counted("delete", ghosts.here, "delete", "--from", base, "--to", digest)
    assert cost < LIMIT
    assert ghosts.refs() == before


def test_what_git_itself_would_cost(wires: dict[int, Wire]) -> None:
    """For comparison: a push of one branch to the same server begins with the names of all."""
    wire = wires[MANY]
    wire.server.forget()
    wire.ghosts.here.git("push", "--quiet", wire.ghosts.url, "HEAD:refs/heads/plain")
    assert wire.count("git push") > LIMIT
