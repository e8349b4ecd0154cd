"""Rows: a change of 5 kB pushed and pulled, with few and with many ghosts in the patch repository."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator

from benchmarks import patches
from benchmarks.options import Options
from benchmarks.patches import Carried
from benchmarks.programs import ours
from benchmarks.report import Entry, Figure, Row, at_most, faster, within
from benchmarks.timing import BenchError, Command, alternate, environment, output
from tests.git_server import GitServer

GROUP = "ghosts"
FEW, MANY = 10, 5_000  # ghosts in the patch repository
_TIME, _BYTES = at_most(1.2), at_most(1.1)
_PASSWORD = "s3cret-pa55"  # noqa: S105  # of a server that lives as long as the bench
_SETTLE = 0.3  # seconds; the server notes a request after its answer has gone
_HOW = (
    "Over HTTP: git's own http-backend on this machine, with a password; bytes are those of the bodies of all requests "
    "and responses. One ghost in a hundred starts from the commit that is checked out"
)
_CLONE = "Git Ghost begins each command by cloning the patch repository; only that clone is measured"

Url = Callable[[Carried], str]


def rows(options: Options) -> Iterator[Entry]:
    """Compare the cost of a push and of a pull with many ghosts with that with few, over HTTP and in a folder."""
    root = options.scratch / "ghosts"
    all_carried = [patches.prepare(root / str(ghosts), ghosts, options.seed) for ghosts in (FEW, MANY)]
    with GitServer(root, token=_PASSWORD) as server:

        def by_http(carried: Carried) -> str:
            return server.url(f"{carried.ghosts}/ghosts.git", password=_PASSWORD)

        yield from _push_and_pull(options, all_carried, "HTTP", by_http, _HOW, server)
        yield _beside_a_clone(options, all_carried[-1], by_http)
    yield from _push_and_pull(options, all_carried, "file://", lambda carried: f"file://{carried.store}")
    shutil.rmtree(root)


def push(carried: Carried, url: str) -> Command:
    """Push the change in ``here``, which no run finds there already."""
    return Command(_ghost("push"), carried.here, _environ(url), prepare=carried.forget_pushed)


def pull(carried: Carried, url: str, digest: str) -> Command:
    """Pull it into ``there``; it has to be pushed."""
    return Command(_ghost("pull", digest), carried.there, _environ(url), prepare=carried.forget_pulled)


def pushed(carried: Carried, url: str) -> str:
    """Push the change once, and return its hash."""
    return output(push(carried, url)).split()[-1]


def _push_and_pull(
    options: Options, all_carried: list[Carried], way: str, url: Url, note: str = "", server: GitServer | None = None
) -> Iterator[Entry]:
    urls = {str(carried.ghosts): url(carried) for carried in all_carried}
    by_size = {str(carried.ghosts): carried for carried in all_carried}
    digests = {size: pushed(carried, urls[size]) for size, carried in by_size.items()}
    pushes = {size: push(carried, urls[size]) for size, carried in by_size.items()}
    pulls = {size: pull(carried, urls[size], digests[size]) for size, carried in by_size.items()}
    for what, commands in (("push", pushes), ("pull", pulls)):
        found = alternate(commands, options.runs, budget=options.budget)
        work, size, peer = f"`git-ghost {what}`, {way}", f"{MANY:,} ghosts", f"{FEW} ghosts"
        yield within(GROUP, work, size, (found[str(MANY)], found[str(FEW)]), peer, target=_TIME, note=note)
        if server is not None:
            many, few = (_bytes(server, commands[str(ghosts)]) for ghosts in (MANY, FEW))
            work, ratio = f"{work}, bytes", many.value / few.value
            yield Row(GROUP, work, size, many, few, peer, ratio, _BYTES, note)
    for carried in all_carried:
        _has_come(carried)


def _has_come(carried: Carried) -> None:
    for file in carried.here.glob("src/*"):
        if (carried.there / "src" / file.name).read_bytes() != file.read_bytes():
            raise BenchError(f"{file.name} is not what was pushed, with {carried.ghosts} ghosts")


def _bytes(server: GitServer, command: Command) -> Figure:
    """What goes over the wire in one run, in both directions."""
    server.forget()
    output(command)
    time.sleep(_SETTLE)
    return Figure(sum(request.received + request.sent for request in server.requests), "bytes")


def _beside_a_clone(options: Options, carried: Carried, url: Url) -> Row:
    place = carried.store.parent / "clone"
    clone = Command(
        ("git", "clone", "--quiet", "--bare", url(carried), str(place)),
        prepare=lambda: shutil.rmtree(place, ignore_errors=True),
    )
    commands = {"ours": pull(carried, url(carried), pushed(carried, url(carried))), "theirs": clone}
    found = alternate(commands, options.runs, budget=options.budget)
    pair = (found["ours"], found["theirs"])
    return faster(GROUP, "`git-ghost pull`, HTTP", f"{carried.ghosts:,} ghosts", pair, "`git clone`", note=_CLONE)


def _ghost(*args: str) -> tuple[str, ...]:
    return (str(ours().bin / "git-ghost"), *args)


def _environ(url: str) -> dict[str, str]:
    return environment(GIT_GHOST_REPO=url)
