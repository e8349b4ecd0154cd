"""Promise 9: a patch repository over `file://`, a plain path, HTTP with a password, and SSH with a key.

Every command works, or says in one line why not; what is secret is shown nowhere: not on stdout or stderr, and on no
command line.
"""

from __future__ import annotations

import base64
import re
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.forking import Forks
from tests.ghosts import Ghosts, diff_of, sha1
from tests.git_server import GitServer, _Handler
from tests.running import BIN, Ran, finish, observed, start
from tests.ssh_server import ssh_server
from tests.workdir import WorkDir

PASSWORD = "s3cret-pa55/+@:"
CODE = base64.b64encode(f"x-access-token:{PASSWORD}".encode()).decode()
SECRETS = (PASSWORD, CODE, "s3cret", base64.b64encode(PASSWORD.encode()).decode())

# the order is one in which each command finds what it needs
COMMANDS: dict[str, tuple[str, ...]] = {
    "push": ("push",),
    "push all": ("push", "all", "HEAD^"),
    "list": ("list", "all"),
    "log": ("log",),
    "show": ("show", "HASH"),
    "show all": ("show", "all", "HEAD^", "HEAD", "HASH"),
    "pull": ("pull", "HASH"),
    "checkout": ("checkout", "HEAD", "HASH", "../run"),
    "delete": ("delete", "--from", "HEAD", "--to", "HASH"),
    "gc": ("gc", "--keep-last", "0"),
}
SOME = ("push", "show", "log", "pull", "gc")
WRITING = ("push", "push all", "delete", "gc")


@dataclass
class World:
    """A patch repository below `remote`, a repository with a change, and a clone of that, with what leads there."""

    folder: Path
    ghosts: Ghosts
    hash: str
    forks: Forks
    stack: ExitStack
    more: dict[str, str] = field(default_factory=dict)
    server: GitServer | None = None

    @property
    def store(self) -> WorkDir:
        return self.ghosts.store

    def hook(self, name: str, script: str) -> None:
        """Have the patch repository run a script."""
        file = self.store.path / "hooks" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"#!/bin/sh\n{script}")
        file.chmod(0o755)

    def settings(self, *lines: str) -> None:
        """The user's own settings, in the file that git reads them from."""
        file = self.folder / "gitconfig"
        file.write_text("\n".join(lines) + "\n")
        self.more["GIT_CONFIG_GLOBAL"] = str(file)

    def run(self, name: str, work: WorkDir | None = None, *options: str) -> Ran:
        words = [word.replace("HASH", self.hash) for word in COMMANDS[name]]
        work = work or (self.ghosts.there if name in ("pull", "checkout") else self.ghosts.here)
        ran = self.forks.run(work, *words, *options, GIT_GHOST_REPO=self.ghosts.url, **self.more)
        for secret in SECRETS:
            assert secret not in ran.out + ran.err, (name, ran)
        return ran

    def ok(self, name: str, work: WorkDir | None = None, *options: str) -> str:
        ran = self.run(name, work, *options)
        assert ran.code == 0, (name, ran)
        return ran.out

    def fails(self, reason: str, *names: str) -> None:
        """One line with the reason and what to do, exit code 1, and nothing has changed on either side."""
        before = [observed(work) for work in (self.ghosts.here, self.ghosts.there)]
        for name in names:
            ran = self.run(name)
            assert (ran.code, ran.out) == (1, ""), (name, ran)
            assert re.fullmatch(r"❌ [^\n]+\. \S[^\n]+\n", ran.err), (name, ran)
            assert re.search(reason, ran.err), (name, ran)
            assert "Unexpected" not in ran.err, (name, ran)
        assert [observed(work) for work in (self.ghosts.here, self.ghosts.there)] == before


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    with Forks() as running:
        yield running


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("seed")
    here = WorkDir.init(folder / "here")
    here.commit("one", foo="a\n")
    here.commit("two", bar="1\n")
    WorkDir(folder).git("clone", "--quiet", "here", "there")
    here.write("foo", "b\n")
    for sample in folder.rglob("*.sample"):  # git's examples of hooks: they only take time to copy
        sample.unlink()
    return folder


@pytest.fixture
def world(seed: Path, forks: Forks, tmp_path: Path) -> Iterator[World]:
    folder = Path(shutil.copytree(seed, tmp_path / "world", symlinks=True))
    store = WorkDir(folder / "remote/ghosts.git")
    now = WorkDir(folder).now + 3600
    here, there = (WorkDir(folder / name, now=now) for name in ("here", "there"))
    with ExitStack() as stack:
        ghosts = Ghosts(folder, str(store.path), store, here, there)
        made = World(folder, ghosts, sha1(diff_of(here, "HEAD")), forks, stack)
        made_empty(made)
        yield made


def made_empty(world: World, *options: str) -> None:
    shutil.rmtree(world.store.path, ignore_errors=True)
    world.store.path.mkdir(parents=True)
    world.store.git("init", "--quiet", "--bare", "--initial-branch=main", "--template=", *options)


# Ways to get there


def by_path(world: World) -> None:
    world.ghosts.url = str(world.store.path)


def by_relative_path(world: World) -> None:
    world.ghosts.url = "../remote/ghosts.git"


def by_file(world: World) -> None:
    world.ghosts.url = f"file://{world.store.path}"


def by_http(world: World) -> None:
    world.server = world.stack.enter_context(GitServer(world.store.path.parent))
    world.ghosts.url = world.server.url("ghosts.git")


def by_password_in_the_url(world: World) -> None:
    world.server = world.stack.enter_context(GitServer(world.store.path.parent, token=PASSWORD))
    world.ghosts.url = world.server.url("ghosts.git", password=PASSWORD)


def by_credential_helper(world: World) -> None:
    world.server = world.stack.enter_context(GitServer(world.store.path.parent, token=PASSWORD))
    world.ghosts.url = world.server.url("ghosts.git")
    helper = world.folder / "helper"
    helper.write_text(f"#!/bin/sh\n[ \"$1\" = get ] && printf 'username=ada\\npassword={PASSWORD}\\n'\nexit 0\n")
    helper.chmod(0o755)
    world.settings("[credential]", f"\thelper = {helper}")


def by_header(world: World) -> None:
    world.server = world.stack.enter_context(GitServer(world.store.path.parent, token=PASSWORD))
    world.ghosts.url = world.server.url("ghosts.git")
    world.settings(f'[http "http://{world.server.address}/"]', f"\textraHeader = AUTHORIZATION: basic {CODE}")


def by_header_of_the_source(world: World) -> None:
    """As actions/checkout leaves it: in the source repository's own settings."""
    world.server = world.stack.enter_context(GitServer(world.store.path.parent, token=PASSWORD))
    world.ghosts.url = world.server.url("ghosts.git")
    for work in (world.ghosts.here, world.ghosts.there):
        work.git("config", f"http.http://{world.server.address}/.extraHeader", f"AUTHORIZATION: basic {CODE}")


def by_another_name(world: World) -> None:
    """The password stands in a setting that replaces the beginning of the URL."""
    world.server = world.stack.enter_context(GitServer(world.store.path.parent, token=PASSWORD))
    world.ghosts.url = "ghosts:ghosts.git"
    world.settings(f'[url "{world.server.url("", password=PASSWORD)}"]', "\tinsteadOf = ghosts:")


def by_ssh(world: World) -> None:
    server = world.stack.enter_context(ssh_server(world.store.path.parent, world.folder / "ssh"))
    world.ghosts.url = server.url("ghosts.git")
    world.more.update(server.environ)


WAYS = [
    by_path,
    by_relative_path,
    by_file,
    by_http,
    by_password_in_the_url,
    by_credential_helper,
    by_header,
    by_header_of_the_source,
    by_another_name,
    by_ssh,
]
HTTP = [by_http, by_password_in_the_url, by_credential_helper]
EACH_KIND = [by_path, by_password_in_the_url, by_credential_helper, by_ssh]
Way = Callable[[World], None]


def ways(*found: Way) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("way", found, ids=[one.__name__.removeprefix("by_") for one in found])


def all_commands_work(world: World) -> None:
    """A life of ghosts: in the end the patch repository is as it was in the beginning."""
    others = world.ghosts.refs()
    here, there = world.ghosts.here, world.ghosts.there
    patch = diff_of(here, "HEAD")
    pushed = f"{here.head} {world.hash}\n"
    assert world.run("list").code == 0
    assert world.ok("push") == pushed
    assert world.ok("push") == pushed
    both = world.ok("push all")
    start = here.git("rev-parse", "HEAD^")
    assert both == f"{start} {here.head}\n{pushed}"
    made = {f"ghost/{start}-{here.head}", f"ghost/{here.head}/{world.hash}"}
    assert world.ghosts.refs().keys() - others.keys() == made
    listed = world.ok("list", None, "--no-headers")
    assert listed == both
    assert world.ok("show").encode() == patch
    assert world.ok("show all").encode().endswith(patch)
    assert world.hash in world.ok("log", None, "--json")
    assert world.ok("pull") == ""
    assert (there.path / "foo").read_text() == "b\n"
    world.ok("checkout")
    assert (world.folder / "run/foo").read_text() == "b\n"
    assert world.hash in world.ok("delete")
    assert world.ghosts.refs().keys() - others.keys() == {f"ghost/{start}-{here.head}"}
    world.ok("gc")
    assert world.ghosts.refs() == others


@ways(*WAYS)
def test_every_command_works(world: World, way: Way) -> None:
    way(world)
    all_commands_work(world)


@pytest.mark.parametrize("version", [0, 1])
@ways(by_file, by_password_in_the_url)
def test_older_versions_of_the_protocol(world: World, way: Way, version: int) -> None:
    """A user's git may have been told to speak as it used to."""
    way(world)
    file = Path(world.more.get("GIT_CONFIG_GLOBAL", world.folder / "gitconfig"))
    said = file.read_text().splitlines() if file.exists() else []
    world.settings(*said, "[protocol]", f"\tversion = {version}")
    all_commands_work(world)


class _OlderHandler(_Handler):
    """A server from before version 2: it does not see that a client asks for it."""

    def parse_request(self) -> bool:
        read = super().parse_request()
        if read:
            del self.headers["Git-Protocol"]
        return read


@pytest.mark.parametrize(("way", "object_format"), [(by_credential_helper, "sha1"), (by_password_in_the_url, "sha256")])
def test_an_older_server(world: World, way: Way, object_format: str) -> None:
    made_empty(world, f"--object-format={object_format}")
    if object_format == "sha256":
        # one that is empty says nothing at all, its format neither, before git 2.41; then a push is refused
        world.ghosts.write("main", {"README": b"ours\n"})
    way(world)
    assert world.server is not None
    world.server._http.RequestHandlerClass = _OlderHandler
    all_commands_work(world)
    assert {request.protocol for request in world.server.requests} == {""}


def test_an_older_server_over_ssh(world: World) -> None:
    by_ssh(world)
    settings = world.folder / "ssh/sshd_config"
    settings.write_text(settings.read_text().replace("AcceptEnv GIT_PROTOCOL\n", ""))
    all_commands_work(world)


@pytest.mark.parametrize(("content", "filters"), [("empty", "false"), ("with-others", "true")])
@ways(*EACH_KIND)
def test_a_patch_repository_with_longer_ids(world: World, way: Way, content: str, filters: str) -> None:
    """It may have another format of ids than the source repository."""
    made_empty(world, "--object-format=sha256")
    world.store.git("config", "uploadpack.allowFilter", filters)
    if content == "with-others":
        world.ghosts.write("main", {"README": b"ours\n"})
        world.ghosts.write("ghost/other", {"README": b"no ghost\n"})
    way(world)
    before = world.ghosts.refs()
    assert len(world.ok("push").split()[0]) == 40
    assert all(len(oid) == 64 for oid in world.ghosts.refs().values())
    assert world.ok("list", None, "--no-headers").split() == [world.ghosts.here.head, world.hash]
    assert world.ok("pull") == ""
    assert (world.ghosts.there.path / "foo").read_text() == "b\n"
    assert world.hash in world.ok("log", None, "--json")
    world.ok("gc")
    assert world.ghosts.refs() == before


@ways(*EACH_KIND)
def test_a_source_repository_with_longer_ids(world: World, way: Way) -> None:
    here = WorkDir.init(world.folder / "long", "--object-format=sha256")
    here.commit("one", foo="a\n")
    here.write("foo", "b\n")
    way(world)
    pushed = world.ok("push", here).split()
    assert [len(word) for word in pushed] == [64, 40]
    assert world.ok("list", here, "--no-headers").split() == pushed


# Nothing there, nobody there, no entrance


@ways(*EACH_KIND)
def test_an_empty_patch_repository(world: World, way: Way) -> None:
    way(world)
    assert world.ok("list", None, "--no-headers") == ""
    assert world.ok("log", None, "--json") == "[]\n"
    world.ok("gc")
    world.fails("[Nn]o (diff|commits|ghost)", "pull", "show", "show all", "checkout", "delete")


@ways(by_relative_path, by_file, *EACH_KIND)
def test_a_patch_repository_that_is_not_there(world: World, way: Way) -> None:
    way(world)
    shutil.rmtree(world.store.path)
    world.fails("not found|does not (appear|exist)|not a git repository|No such file", *SOME)


@ways(*EACH_KIND)
def test_a_server_that_refuses_by_a_hook(world: World, way: Way) -> None:
    """Its words are what the person has to read."""
    way(world)
    world.ok("push all")
    world.hook("pre-receive", "echo 'the release freeze lasts until Monday' >&2\necho 'ask ada' >&2\nexit 1\n")
    world.ghosts.here.write("foo", "c\n")
    before = world.ghosts.refs()
    world.fails("the release freeze lasts until Monday; ask ada", *WRITING)
    assert world.ghosts.refs() == before


@pytest.mark.parametrize("case", ["update", "denyDeletes"])
@ways(by_path, by_password_in_the_url)
def test_a_server_that_refuses_one_of_several(world: World, way: Way, case: str) -> None:
    """All or nothing there, too."""
    way(world)
    if case == "update":
        world.hook("update", 'case "$1" in */*/*/*/*) echo "no diffs here" >&2; exit 1;; esac\n')
        world.fails("no diffs here", "push", "push all")
        assert world.ghosts.refs() == {}
        return
    world.store.git("config", "receive.denyDeletes", "true")
    world.ok("push all")
    before = world.ghosts.refs()
    world.fails("deletion prohibited|prohibited|denied", "delete", "gc")
    assert world.ghosts.refs() == before


@ways(*HTTP)
def test_a_server_that_is_read_only(world: World, way: Way) -> None:
    way(world)
    world.ok("push all")
    assert world.server is not None
    world.server.read_only = True
    world.ghosts.here.write("foo", "c\n")
    before = world.ghosts.refs()
    world.fails("403", *WRITING)
    assert world.ghosts.refs() == before
    assert world.ok("show") != ""


@pytest.mark.parametrize("case", ["url", "helper", "header", "none"])
def test_a_wrong_password(world: World, case: str) -> None:
    by_password_in_the_url(world)
    assert world.server is not None
    world.ok("push all")
    wrong = f"not-{PASSWORD}"
    world.ghosts.url = world.server.url("ghosts.git", password=wrong if case == "url" else None)
    if case == "helper":
        by_credential_helper(world)
        helper = world.folder / "helper"
        helper.write_text(helper.read_text().replace(PASSWORD, wrong))
    if case == "header":
        code = base64.b64encode(f"x-access-token:{wrong}".encode()).decode()
        world.settings(f'[http "http://{world.server.address}/"]', f"\textraHeader = AUTHORIZATION: basic {code}")
    world.fails("Authentication failed|could not read (Username|Password)|401|403", *SOME)


def test_a_key_that_is_unknown(world: World) -> None:
    by_ssh(world)
    (world.folder / "ssh/client.pub").write_text("")
    world.fails("Permission denied", "push", "list", "pull")


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port: int = closed.getsockname()[1]
        return port


@contextmanager
def silent_port() -> Iterator[int]:
    """The system takes connections for it, up to its backlog; nobody ever reads them."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        yield silent.getsockname()[1]


@pytest.mark.parametrize("case", ["closed", "silent", "ssh", "unknown-host"])
def test_nobody_is_there(world: World, case: str) -> None:
    """Several commands at the same time: each tries a few times, with pauses."""
    port = world.stack.enter_context(silent_port()) if case == "silent" else closed_port()
    world.ghosts.url = {
        "closed": f"http://ada:s3cret@127.0.0.1:{port}/ghosts.git",
        "silent": f"http://ada:s3cret@127.0.0.1:{port}/ghosts.git",
        "ssh": f"ssh://ada@127.0.0.1:{port}/ghosts.git",
        "unknown-host": "https://ada:s3cret@nowhere.invalid/ghosts.git",
    }[case]
    more = {"GIT_GHOST_REPO": world.ghosts.url, "GTO_NETWORK_TIMEOUT": "1"}
    works = [world.ghosts.there if name == "pull" else world.ghosts.here for name in SOME]
    calls = [[word.replace("HASH", world.hash) for word in COMMANDS[name]] for name in SOME]
    before = [observed(work) for work in (world.ghosts.here, world.ghosts.there)]
    started = [start(work, *call, program="git-ghost", **more) for work, call in zip(works, calls, strict=True)]
    for name, process in zip(SOME, started, strict=True):
        ran = finish(process)
        assert (ran.code, ran.out) == (1, ""), (name, ran)
        assert re.fullmatch(r"❌ [^\n]+\. \S[^\n]+\n", ran.err), (name, ran)
        assert re.search("[Cc]onnect|no answer within 1 second|too slow|timed out|resolve", ran.err), (name, ran)
        assert "s3cret" not in ran.err, (name, ran)
    assert [observed(work) for work in (world.ghosts.here, world.ghosts.there)] == before


# What happens on the way


@pytest.mark.parametrize("name", ["push", "push all", "delete", "gc"])
@ways(by_password_in_the_url, by_credential_helper)
def test_an_answer_that_is_lost(world: World, way: Way, name: str) -> None:
    """The server has done what was asked, only the connection broke before it could say so."""
    way(world)
    assert world.server is not None
    if name in ("delete", "gc"):
        world.ok("push")
    # with a helper the first request asks only whether a password is needed
    world.server.lose_answer("/ghosts.git/git-receive-pack")
    ran = world.run(name)
    assert (ran.code, ran.err) == (0, ""), ran
    there = {"push": 1, "push all": 2}.get(name, 0)
    assert len(world.ghosts.refs()) == there


@pytest.mark.parametrize("name", SOME)
def test_a_hiccup(world: World, name: str) -> None:
    by_password_in_the_url(world)
    assert world.server is not None
    if name not in ("push", "push all"):
        world.ok("push all")
    world.server.fail_next(500)
    ran = world.run(name)
    assert (ran.code, ran.err) == (0, ""), ran


def test_somebody_else_is_faster(world: World) -> None:
    """The same ghost appears between the look and the push: it is there, and that was asked for."""
    by_password_in_the_url(world)
    assert world.server is not None
    patch = diff_of(world.ghosts.here, "HEAD")

    def write() -> None:
        world.ghosts.write_diff(world.ghosts.here.head, patch)

    world.server.before("/ghosts.git/git-receive-pack", write)
    assert world.ok("push") == f"{world.ghosts.here.head} {world.hash}\n"
    assert len(world.ghosts.refs()) == 1


# Secrets

RECORDING = """#!/bin/sh
{ printf '%s\\n' "$0" "$@"; tr '\\0' '\\n' <"/proc/$PPID/cmdline"; } >>"$RECORD"
exec GIT "$@"
"""


@pytest.mark.parametrize(
    ("way", "verbose"),
    [
        (by_password_in_the_url, ""),
        (by_password_in_the_url, "-v"),
        (by_credential_helper, "-v"),
        (by_header, "-vv"),
        (by_header_of_the_source, "-v"),
        (by_another_name, "-vv"),
    ],
)
def test_no_password_is_shown(world: World, way: Way, verbose: str) -> None:
    """Neither on stdout and stderr, which `run` looks at, nor on the command line of git, or of what git starts."""
    way(world)
    git = shutil.which("git")
    assert git is not None
    wrapper = world.folder / "bin/git"
    wrapper.parent.mkdir()
    wrapper.write_text(RECORDING.replace("GIT", git))
    wrapper.chmod(0o755)
    record, trace = world.folder / "record", world.folder / "trace"
    world.more |= {"PATH": f"{wrapper.parent}:{BIN}:/usr/bin:/bin", "RECORD": str(record), "GIT_TRACE": str(trace)}
    for name in COMMANDS:
        world.ok(name, None, *([verbose] if verbose else []))
    world.hook("pre-receive", "echo no >&2\nexit 1\n")
    world.fails("refused: .*no", "push")
    commands, traced = record.read_text(), trace.read_text()
    assert "receive-pack" in commands + traced or "pack-objects" in commands
    assert "remote-http" in traced
    for secret in SECRETS:
        assert secret not in commands
        # where a URL with a password stands in the user's own settings, git puts it on its helper's command line
        assert secret not in traced or way is by_another_name
