"""Promise 8: arguments that git would take for an option, a program or another place are refused, and nothing runs.

As an option, as a variable and after `--`: one line, exit code 1 (2 for usage), nothing changed. Each hostile word that
could run something would make the file `X`.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.forking import Forks
from tests.ghosts import Ghosts
from tests.running import Ran, observed
from tests.workdir import WorkDir

COMMANDS: dict[str, tuple[str, ...]] = {
    "push": ("push",),
    "push all": ("push", "all", "HEAD^"),
    "pull": ("pull", "HASH"),
    "show": ("show", "HASH"),
    "checkout": ("checkout", "HASH"),
    "list": ("list", "all"),
    "log": ("log",),
    "delete": ("delete", "all", "--all"),
    "gc": ("gc", "--keep-last", "0"),
}


@dataclass
class World:
    """A repository with a change, a patch repository with a ghost of it, and the file `X` that nobody may make."""

    folder: Path
    ghosts: Ghosts
    base: str
    hash: str
    forks: Forks

    @property
    def here(self) -> WorkDir:
        return self.ghosts.here

    @property
    def canary(self) -> Path:
        return self.folder / "X"

    def everything(self) -> object:
        places = (str(place.relative_to(self.folder)) for place in self.folder.rglob("*"))
        # git leaves this one behind, empty, where it could not make a working tree
        around = sorted(place for place in places if place != "here/.git/worktrees")
        return around, observed(self.here), observed(self.ghosts.store)

    def run(self, *calls: Sequence[str], **more: str) -> list[Ran]:
        """Run `git-ghost` once for each."""
        variables = {"GIT_GHOST_REPO": self.ghosts.url, **more}
        filled = [[word.replace("HASH", self.hash) for word in call] for call in calls]
        return [self.forks.run(self.here, *call, **variables) for call in filled]

    def refuses(self, *calls: Sequence[str], code: int = 1, reason: str = "", **more: str) -> None:
        before = self.everything()
        for call, ran in zip(calls, self.run(*calls, **more), strict=True):
            assert (ran.code, ran.out) == (code, ""), (call, ran)
            if code == 1:
                assert re.fullmatch(r"❌ [^\n\x00-\x1f\x7f]+\n", ran.err), (call, ran)
            assert re.search(reason, ran.err), (call, ran)
            assert "Unexpected" not in ran.err, (call, ran)
            assert "Traceback" not in ran.err, (call, ran)
        assert not self.canary.exists()
        assert self.everything() == before


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    folder = tmp_path_factory.mktemp("seed")
    ghosts = Ghosts.create(folder, foo="a\n")
    ghosts.here.commit("two", bar="1\n")
    ghosts.here.write("foo", "b\n")
    ghosts.here.write("untracked", "1\n")
    base, digest = ghosts.push()
    shutil.rmtree(folder / "there")
    for sample in folder.rglob("*.sample"):  # git's examples of hooks: they only take time to copy
        sample.unlink()
    return folder, base, digest


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    with Forks() as running:
        yield running


@pytest.fixture
def world(seed: tuple[Path, str, str], forks: Forks, tmp_path: Path) -> World:
    source, base, digest = seed
    folder = Path(shutil.copytree(source, tmp_path / "world", symlinks=True))
    here = WorkDir(folder / "here", now=WorkDir(folder).now + 3600)
    store = WorkDir(folder / "ghosts.git")
    return World(folder, Ghosts(folder, str(store.path), store, here, here), base, digest, forks)


# The patch repository

# each with what git would make of it; X stands for the canary
ADDRESSES: dict[str, str] = {
    "upload-pack": "--upload-pack=touch X",
    "receive-pack": "--receive-pack=touch X",
    "exec": "--exec=touch X",
    "short-option": "-uX",
    "dash": "-",
    "two-dashes": "--",
    "ext": "ext::sh -c touch% X",
    "ext-of-a-url": "ext::sh -c touch%20X",
    "fd": "fd::0",
    "fd-of-a-url": "fd://0",
    "other-helper": "testgit::X",
    "helper-of-a-scheme": "ext://sh -c touch% X",
    "ssh-option": "ssh://-oProxyCommand=touch X/y",
    "ssh-option-of-a-user": "ssh://ada@-oProxyCommand=touch X/y",
    "ssh-option-as-a-user": "ssh://-oProxyCommand=touch%20X@host/y",
    "ssh-option-and-a-port": "ssh://-oProxyCommand=touch X:22/y",
    "git-ssh-option": "git+ssh://-oProxyCommand=touch X/y",
    "scp-option": "-oProxyCommand=touch X@host:x",
    "scp-option-as-a-host": "ada@-oProxyCommand=touch X:x",
    "scp-option-in-brackets": "[-oProxyCommand=touch X]:x",
    "git-option": "git://-x/y",
    "http-option": "http://-x/y",
    "no-host": "https:///y",
    "file-elsewhere": "file://elsewhere/X",
    "file-of-nothing": "file://",
    "file-of-a-pipe": "file:///|touch X",
    "newline": "https://example.invalid/a\nhost=evil",
    "newline-at-the-end": "PATH\n",
    "carriage-return": "https://example.invalid/a\rhost=evil",
    "escape": "https://example.invalid/\x1b[31mred",
    "tab": "https://example.invalid/a\tb",
    "bell": "ada@host:\x07",
    "delete": "ada@host:\x7f",
    "right-to-left": "https://example.invalid/\u202ecod",
    "bytes": "https://example.invalid/\udcff",
    "broken-brackets": "https://[::1/x",
    "broken-port": "https://example.invalid:port/x",
    "gopher": "gopher://example.invalid/x",
    "spaces": "   ",
    "dollar": "$(touch X)",
    "backquote": "`touch X`",
    "semicolon": "a;touch X",
    "pipe": "|touch X",
}

# a folder that is not there, or a host of an odd name: git is asked, and says so
ASKED = ("broken-port", "file-elsewhere", "file-of-nothing", "file-of-a-pipe", "newline-at-the-end", "git-option")


@pytest.mark.parametrize("case", ADDRESSES)
def test_a_hostile_address(world: World, case: str) -> None:
    """As an option before and behind the name of each command, and as a variable."""
    address = ADDRESSES[case].replace("X", str(world.canary)).replace("PATH", world.ghosts.url)
    calls = [
        (f"--ghost-repo={address}", *command) if number % 2 else (*command, f"--ghost-repo={address}")
        for number, command in enumerate(COMMANDS.values())
    ]
    if case not in ASKED:
        world.refuses(*calls)
        world.refuses(COMMANDS["push"], COMMANDS["pull"], COMMANDS["list"], GIT_GHOST_REPO=address)
    else:
        world.refuses(calls[0], calls[2])
        world.refuses(COMMANDS["list"], GIT_GHOST_REPO=address)


@pytest.mark.parametrize("how", ["option", "variable"])
@pytest.mark.parametrize("case", ["upload-pack", "ext", "ssh-option"])
def test_a_hostile_address_for_every_command(world: World, case: str, how: str) -> None:
    address = ADDRESSES[case].replace("X", str(world.canary))
    calls = [(*command, *(["--ghost-repo", address] if how == "option" else [])) for command in COMMANDS.values()]
    more = {"GIT_GHOST_REPO": address} if how == "variable" else {}
    world.refuses(*calls, reason="is not the address of a repository", **more)


@pytest.mark.parametrize("case", ["upload-pack", "ext"])
def test_an_address_that_hides_behind_a_setting(world: World, case: str) -> None:
    """`url.….insteadOf` of a repository that was copied from somewhere is no way in either."""
    address = ADDRESSES[case].replace("X", str(world.canary))
    world.here.git("config", f"url.{address}.insteadOf", "https://example.invalid/")
    world.here.git("config", f"url.{address}.pushInsteadOf", "https://example.invalid/")
    world.refuses(*COMMANDS.values(), GIT_GHOST_REPO="https://example.invalid/", GTO_NETWORK_TIMEOUT="5")


def test_no_address(world: World) -> None:
    before = world.everything()
    for ran in world.run(*COMMANDS.values(), GIT_GHOST_REPO=""):
        assert (ran.code, ran.out) == (1, "")
        assert ran.err.startswith("❌ No patch repository is named. Set GIT_GHOST_REPO or use --ghost-repo URL")
    assert world.everything() == before


# Prefixes

PREFIXES = {
    "parent": "..",
    "parent-in-it": "a/../b",
    "two-dots": "a..b",
    "absolute": "/ghost",
    "ends-in-a-slash": "ghost/",
    "two-slashes": "a//b",
    "option": "--upload-pack=touch X",
    "option-in-a-part": "-x",
    "dot": ".hidden",
    "dot-in-a-part": "a/.b",
    "dot-at-the-end": "a.",
    "lock": "x.lock",
    "lock-in-a-part": "x.lock/y",
    "space": "my ghosts",
    "newline": "a\nb",
    "tab": "a\tb",
    "escape": "\x1b[31m",
    "delete": "a\x7f",
    "star": "*",
    "question": "gh?st",
    "bracket": "gh[o]st",
    "colon": "a:b",
    "refspec": "+a:refs/heads/main",
    "caret": "a^b",
    "tilde": "a~1",
    "backslash": "a\\b",
    "at": "@",
    "at-brace": "a@{1}",
    "bytes": "gh\udcffst",
}


@pytest.mark.parametrize("case", PREFIXES)
def test_a_hostile_prefix(world: World, case: str) -> None:
    prefix = PREFIXES[case].replace("X", str(world.canary))
    commands = list(COMMANDS.values())
    reason = "cannot begin the name of a branch"
    world.refuses(*[(f"--ghost-prefix={prefix}", *command) for command in commands], reason=reason)
    world.refuses(COMMANDS["push"], COMMANDS["gc"], reason=reason, GIT_GHOST_PREFIX=prefix)


@pytest.mark.parametrize(
    "prefix", ["fantôme", "幽霊", "a-b/c-d", "ghost.x", "a'b", 'a"b', "$(touch X)", "a;b", "a%20b"]
)
def test_an_odd_prefix_that_is_a_name(world: World, prefix: str) -> None:
    """Git takes it, so it works; what a shell would make of it nobody asks a shell."""
    prefix = prefix.replace(" ", "_")
    options = ("--ghost-prefix", prefix)
    [pushed] = world.run(("push", *options))
    assert (pushed.code, pushed.out) == (0, f"{world.base} {world.hash}\n"), pushed
    assert f"{prefix}/{world.base}/{world.hash}" in world.ghosts.store.git("-c", "core.quotePath=false", "branch")
    listed, shown = world.run(("list", "--no-headers", *options), ("show", "HASH", *options))
    assert (listed.code, listed.out) == (0, pushed.out), listed
    assert shown.code == 0, shown
    [deleted] = world.run(("delete", "--all", *options))
    assert (deleted.code, deleted.err) == (0, ""), deleted
    assert not world.canary.exists()


# Commits, hashes, files, folders

WORDS = [
    "--output=X",
    "-O",
    "--",
    "HEAD;touch X",
    "$(touch X)",
    "`touch X`",
    "|touch X",
    "",
    " ",
    "HEAD\ntouch X",
    "\x1b[31m",
    "HEAD..HEAD",
    "^HEAD",
    "HEAD:foo",
    ":/two\n",
    "@{-1}",
    "refs/heads/*",
    "\udcff",
    "a" * 5000,
    "../../etc/passwd",
]
# commands in which a word stands for a commit or hash; those before `--` are what the command needs besides
PLACES: dict[str, tuple[str, ...]] = {
    "push": ("push", "--", "WORD"),
    "push commits": ("push", "--", "commits", "WORD"),
    "push commits to": ("push", "--", "commits", "HEAD^", "WORD"),
    "push all": ("push", "--", "all", "WORD"),
    "pull hash": ("pull", "--", "WORD"),
    "pull base": ("pull", "--", "WORD", "HASH"),
    "pull commits": ("pull", "--", "commits", "WORD"),
    "pull all": ("pull", "--", "all", "WORD", "HASH"),
    "show hash": ("show", "--", "WORD"),
    "show base": ("show", "--", "WORD", "HASH"),
    "diff": ("diff", "--", "WORD"),
    "log": ("log", "--", "WORD"),
    "checkout hash": ("checkout", "--", "WORD"),
    "checkout base": ("checkout", "--", "WORD", "HASH"),
    "checkout remove": ("checkout", "--remove", "--", "WORD"),
    "list from": ("list", "--from=WORD"),
    "list to": ("list", "--to=WORD"),
    "delete from": ("delete", "--from=WORD", "--to=HASH"),
    "delete to": ("delete", "--from=HEAD", "--to=WORD"),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_hostile_word_for_a_commit_or_hash(world: World, place: str) -> None:
    """After `--`, where everything is an argument, and with `=`, where nothing else can be meant."""
    # an option that is empty was not given: `--from ""`
    words = [word for word in WORDS if word or "=" not in "".join(PLACES[place])]
    # every other one; the next place has the others
    words = words[list(PLACES).index(place) % 2 :: 2]
    filled = [word.replace("X", str(world.canary)) for word in words]
    world.refuses(*[[part.replace("WORD", word) for part in PLACES[place]] for word in filled])


@pytest.mark.parametrize("word", ["--output=X", "-O", "-oX", "--upload-pack=touch X", "--exec=touch X"])
def test_an_option_that_nobody_has(world: World, word: str) -> None:
    filled = word.replace("X", str(world.canary))
    calls = [(*command, filled) for command in COMMANDS.values()]
    world.refuses(*calls, (filled, "push"), code=2, reason="No such option|Invalid value for")


NAMES = [
    "../../etc/passwd",
    "../X",
    "/etc/passwd",
    ".git/config",
    "./.git/config",
    "sub/../.git/config",
    ".git",
    "..",
    "",
    "../ghosts.git/config",
    "untracked/../../ghosts.git",
    "link/passwd",
    "gone",
    "--output=X",
    ":(top)gone",
    ":!untracked",
    "gone*",
    "*\n",
    "untracked\x1b[31m",
    "\udcff",
    "$(touch X)",
    "untracked;touch X",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_file_to_include(world: World, name: str) -> None:
    """What is not an untracked file inside the working tree is not pushed: no secret leaves by a wrong name."""
    (world.here.path / "link").symlink_to("/etc")
    filled = name.replace("X", str(world.canary))
    world.refuses(("push", f"--include={filled}"), ("diff", "-u", "-I", filled), ("push", "all", "HEAD^", "-I", filled))


@pytest.mark.parametrize("target", ["/etc/passwd", "../ghosts.git/config", ".git/config", "gone"])
def test_a_link_that_leads_elsewhere_is_not_followed(world: World, target: str) -> None:
    (world.here.path / "link").symlink_to(target)
    world.refuses(("push", "-I", "link", "--follow-symlinks"), ("diff", "-I", "link", "--follow-symlinks"))


@pytest.mark.parametrize("folder", ["-x", "--output=X", "--detach"])
def test_a_folder_that_looks_like_an_option(world: World, folder: str) -> None:
    """Where it can be nothing but a folder it is one, and lies where it would with another name."""
    filled = folder.replace("X", "x")
    [ran] = world.run(("checkout", "--", "HEAD", "HASH", filled))
    assert (ran.code, ran.err) == (0, ""), ran
    assert (world.here.path / filled / "foo").read_text() == "b\n"
    [gone] = world.run(("checkout", "--remove", "--", filled))
    assert (gone.code, gone.err) == (0, ""), gone
    assert not (world.here.path / filled).exists()
    assert not world.canary.exists()


@pytest.mark.parametrize("folder", ["", ".", "foo", "foo/x", ".git", "gone\n", "\udcff\x1b", "/proc/x"])
def test_a_folder_that_cannot_be_one(world: World, folder: str) -> None:
    if folder in ("gone\n", "\udcff\x1b"):
        [ran] = world.run(("checkout", "--", "HEAD", "HASH", folder))
        assert "Unexpected" not in ran.err, ran
        assert re.fullmatch(r"(❌ [^\n\x00-\x1f]+\n)?", ran.err), ran
        return
    world.refuses(("checkout", "--", "HEAD", "HASH", folder))


@pytest.mark.parametrize("folder", ["gone", "here/foo", "-x", "--help", "gone\n\x1b[31m", "\udcff", "/proc/1/x"])
def test_a_folder_for_temporary_files_that_is_none(world: World, folder: str) -> None:
    path = folder if folder.startswith(("-", "/")) else str(world.folder / folder)
    calls = [(*command, f"--ghost-working-dir={path}") for command in COMMANDS.values()]
    world.refuses(*calls, reason="ghost-working-dir is not found")


@pytest.mark.parametrize("folder", ["gone", "here/foo", "-x", "gone\n\x1b[31m", "\udcff", "https://example.invalid/x"])
def test_a_source_folder_that_is_none(world: World, folder: str) -> None:
    path = folder if folder.startswith(("-", "https")) else str(world.folder / folder)
    calls = [(f"--src-dir={path}", *COMMANDS[name]) for name in ("push", "pull", "checkout")]
    world.refuses(*calls, reason="No Git repo found")


@pytest.mark.parametrize("size", ["-1", "1e9", "1 G", "999999999999999", "0x10", "", "١"])
def test_a_size_that_is_none(world: World, size: str) -> None:
    world.refuses(("push", f"--max-size={size}"), ("--max-size", size, "pull", "HASH"), code=2, reason="is not a size")


def test_settings_and_hooks_of_a_copied_repository_do_not_run(world: World) -> None:
    """What a stranger's repository says runs when git itself would run it, and no more often: nothing of it here."""
    hook = f"#!/bin/sh\ntouch '{world.canary}'\n"
    names = ("pre-push", "post-checkout", "pre-commit", "applypatch-msg", "pre-applypatch", "reference-transaction")
    for name in names:
        file = world.here.write(f".git/hooks/{name}", hook)
        file.chmod(0o755)
    touching = f"touch '{world.canary}' #"
    for key in ("core.pager", "core.editor", "diff.external", "core.fsmonitor", "diff.x.textconv", "diff.x.command"):
        world.here.git("config", key, touching)
    world.here.write(".git/info/attributes", "* diff=x\n")
    for ran in world.run(("diff",), ("show", "HASH"), ("list",), ("push", "all", "HEAD^")):
        assert (ran.code, "Unexpected" in ran.err) == (0, False), ran
    world.here.git("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "checkout", "--", ".")
    before = os.environ.get("PATH")
    [ran] = world.run(("pull", "HASH"))
    assert (ran.code, ran.err) == (0, ""), ran
    assert os.environ.get("PATH") == before
    assert not world.canary.exists()
