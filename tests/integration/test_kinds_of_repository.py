"""Promise 7: every kind of repository, from an empty one to one with 100,000 tags, here or behind a URL."""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import struct
import subprocess
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from subprocess import PIPE

import pytest

from tests.git_server import GitServer
from tests.running import BIN, Ran, environ, finish, gto, observed
from tests.ssh_server import ssh_server
from tests.workdir import WorkDir

PASSWORD = "s3cret-pa55"


@pytest.fixture
def seed(tmp_path: Path) -> WorkDir:
    """Three commits; `a/b:other` is registered at the first."""
    seed = WorkDir.init(tmp_path / "seed")
    seed.commit("one", artifacts__yaml="m:\n  type: model\n", file__txt="1")
    seed.tag("a/b=other@v1.0.0")
    seed.commit("two", file__txt="2")
    seed.commit("three", file__txt="3")
    return seed


def cloned(seed: WorkDir, folder: Path, *options: str) -> WorkDir:
    seed.git("clone", "--quiet", *options, seed.path.as_uri(), str(folder))
    return WorkDir(folder, now=seed.now)


def plain(seed: WorkDir, folder: Path) -> WorkDir:
    return seed


def shallow(seed: WorkDir, folder: Path) -> WorkDir:
    return cloned(seed, folder / "shallow", "--depth=1")


def partial(seed: WorkDir, folder: Path) -> WorkDir:
    seed.git("config", "uploadpack.allowFilter", "true")
    return cloned(seed, folder / "partial", "--filter=blob:none", "--no-checkout")


def bare(seed: WorkDir, folder: Path) -> WorkDir:
    return cloned(seed, folder / "bare.git", "--bare")


def mirror(seed: WorkDir, folder: Path) -> WorkDir:
    return cloned(seed, folder / "mirror.git", "--mirror")


def linked_worktree(seed: WorkDir, folder: Path) -> WorkDir:
    seed.git("worktree", "add", "--quiet", "-b", "side", str(folder / "linked"))
    return WorkDir(folder / "linked", now=seed.now)


def worktree_of_bare(seed: WorkDir, folder: Path) -> WorkDir:
    bare(seed, folder).git("worktree", "add", "--quiet", str(folder / "linked"), "main")
    return WorkDir(folder / "linked", now=seed.now)


def submodule(seed: WorkDir, folder: Path) -> WorkDir:
    outer = WorkDir.init(folder / "outer")
    outer.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(seed.path), "models")
    outer.commit("outer")
    return WorkDir(outer.path / "models", now=seed.now)


def subfolder(seed: WorkDir, folder: Path) -> WorkDir:
    (seed.path / "deep/down").mkdir(parents=True)
    return WorkDir(seed.path / "deep/down", now=seed.now)


def detached(seed: WorkDir, folder: Path) -> WorkDir:
    seed.git("checkout", "--quiet", "--detach")
    return seed


def packed(seed: WorkDir, folder: Path) -> WorkDir:
    seed.git("gc", "--quiet")
    seed.git("pack-refs", "--all", "--prune")
    return seed


def _written_again(seed: WorkDir, folder: Path, *options: str) -> WorkDir:
    """The same, in a repository of another format."""
    stream = subprocess.run(
        ["git", "fast-export", "--all", "--signed-tags=strip"], cwd=seed.path, capture_output=True, check=True
    )
    other = WorkDir.init(folder / "other", *options)
    other.git("fast-import", "--quiet", stdin=stream.stdout)
    other.git("reset", "--quiet", "--hard", "main")
    other.now = seed.now
    return other


def sha256(seed: WorkDir, folder: Path) -> WorkDir:
    return _written_again(seed, folder, "--object-format=sha256")


def reftable(seed: WorkDir, folder: Path) -> WorkDir:
    supported = subprocess.run(
        ["git", "init", "--quiet", "--ref-format=reftable", folder / "probe"], capture_output=True, check=False
    )
    if supported.returncode:
        pytest.skip("this git has no reftable (2.45 and newer do)")
    return _written_again(seed, folder, "--ref-format=reftable")


KINDS = [
    plain,
    shallow,
    partial,
    bare,
    mirror,
    linked_worktree,
    worktree_of_bare,
    submodule,
    subfolder,
    detached,
    packed,
    sha256,
    reftable,
]


@pytest.mark.parametrize("kind", KINDS, ids=[kind.__name__ for kind in KINDS])
def test_a_life_in(kind: Callable[[WorkDir, Path], WorkDir], seed: WorkDir, tmp_path: Path) -> None:
    work = kind(seed, tmp_path)
    a_life(work, work)


def a_life(work: WorkDir, there: WorkDir, *options: str, **more: str) -> None:
    """Register, assign, deprecate, delete, and read it all again; `options` name the repository that `there` shows."""
    first = there.tags()

    def run(*args: str) -> Ran:
        work.now += 60
        ran = gto(work, *args, *options, **more)
        assert (ran.code, ran.err) == (0, ""), (args, ran)
        return ran

    def tags() -> set[str]:
        return set(there.tags()) - set(first)

    head = there.git("rev-parse", "HEAD")
    assert "Created git tag 'm@v0.0.1' that registers a version\n" in run("register", "m").out
    assert there.git("rev-parse", "m@v0.0.1^{}") == head
    assert "that assigns a stage to 'v0.0.1'" in run("assign", "m", "--version", "v0.0.1", "--stage", "prod").out
    assert "'m#dev#2' that assigns" in run("assign", "m", "HEAD", "--stage", "dev").out
    assert json.loads(run("show", "--json").out)["m"] == {
        "version": "v0.0.1",
        "stage": {"prod": "v0.0.1", "dev": "v0.0.1"},
        "registered": True,
        "active": True,
    }
    assert "'m#prod!#3' that unassigns" in run("deprecate", "m", "v0.0.1", "prod").out
    assert "Deleted git tag 'm#dev#2'" in run("deprecate", "m", "v0.0.1", "dev", "--delete").out
    assert "'m@v0.0.1!' that deregistered" in run("deprecate", "m", "v0.0.1").out
    assert "'m@deprecated' that deprecates" in run("deprecate", "m").out
    assert tags() == {"m@v0.0.1", "m#prod#1", "m#prod!#3", "m@v0.0.1!", "m@deprecated"}
    events = [row["event"] for row in json.loads(run("history", "m", "--asc", "--json").out)]
    assert [event for event in events if event != "commit"] == [
        *("registration", "assignment", "unassignment", "deregistration", "deprecation"),
    ]
    assert json.loads(run("check-ref", "m#prod!#3", "--json").out)["stage"] == "prod"
    run("deprecate", "m", "--delete", "--force")
    assert there.tags() == first


# Hardly a repository


def test_an_empty_repository(tmp_path: Path) -> None:
    work = WorkDir.init(tmp_path / "empty")
    before = observed(work)
    assert gto(work, "show").code == 0
    assert gto(work, "history").code == 0
    for args in (
        ["register", "m"],
        ["assign", "m", "HEAD", "--stage", "prod"],
        ["assign", "m", "--version", "v1.0.0", "--stage", "prod"],
        ["deprecate", "m"],
        ["deprecate", "m", "v1.0.0"],
    ):
        ran = gto(work, *args)
        assert (ran.code, ran.out) == (1, ""), args
        assert re.fullmatch(r"❌ [^\n]+\. \S[^\n]+\n", ran.err), (args, ran)
    assert "commit" in gto(work, "register", "m").err
    assert observed(work) == before


def test_an_orphan_branch_in_a_repository_with_commits(seed: WorkDir) -> None:
    seed.git("checkout", "--quiet", "--orphan", "new")
    assert gto(seed, "register", "m").code == 1
    assert gto(seed, "register", "m", "main").code == 0


WRITING = (
    ("register", "m"),
    ("assign", "a/b:other", "--version", "v1.0.0", "--stage", "prod"),
    ("deprecate", "a/b:other", "v1.0.0"),
    ("deprecate", "a/b:other"),
)


def as_nobody(work: WorkDir, *args: str) -> Ran:
    """Run gto where nothing says who works there; git may not guess either."""
    work.git("config", "user.useConfigOnly", "true")
    named = ("GIT_AUTHOR_", "GIT_COMMITTER_", "EMAIL")
    kept = {name: value for name, value in environ(work).items() if not name.startswith(named)}
    return finish(subprocess.Popen([BIN / "gto", *args], cwd=work.path, env=kept, stdout=PIPE, stderr=PIPE))


@pytest.mark.parametrize("args", WRITING, ids=" ".join)
def test_without_an_identity(args: tuple[str, ...], seed: WorkDir) -> None:
    seed.git("config", "user.useConfigOnly", "true")
    before = observed(seed)
    ran = as_nobody(seed, *args)
    assert (ran.code, ran.out) == (1, "")
    assert "git config" in ran.err
    assert "user.name" in ran.err
    assert "--author" in ran.err
    assert ran.err.count("\n") == 1
    assert observed(seed) == before
    known = set(seed.tags())
    ran = as_nobody(seed, *args, "--author", "Grace Hopper", "--author-email", "grace@example.com")
    assert (ran.code, ran.err) == (0, "")
    (made,) = set(seed.tags()) - known
    assert "tagger Grace Hopper <grace@example.com> " in seed.git("cat-file", "tag", made)


def test_deleting_needs_no_identity(seed: WorkDir) -> None:
    ran = as_nobody(seed, "deprecate", "a/b:other", "--delete")
    assert (ran.code, ran.err) == (0, "")
    assert seed.tags() == {}


def test_a_folder_that_cannot_be_written_to(seed: WorkDir) -> None:
    """Reading works there; writing says what is wrong."""
    before = observed(seed)
    powerless: list[str] = []
    if os.geteuid() == 0:  # root may write anywhere, unless it lays that down first
        powerless = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--"]
        if subprocess.run([*powerless, "true"], capture_output=True, check=False).returncode:
            assert not os.environ.get("CI")
            pytest.skip("root writes anywhere here, and setpriv cannot take that away")

    def run(*args: str) -> Ran:
        command = [*powerless, BIN / "gto", *args]
        return finish(subprocess.Popen(command, cwd=seed.path, env=environ(seed), stdout=PIPE, stderr=PIPE))

    folders = [seed.path / ".git", *(folder for folder in (seed.path / ".git").rglob("*") if folder.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    try:
        assert run("show", "a/b:other").code == 0
        for args in WRITING:
            ran = run(*args)
            assert (ran.code, ran.out) == (1, ""), ran
            assert "ermission" in ran.err
            assert re.fullmatch(r"❌ [^\n]+\. \S[^\n]+\n", ran.err), ran
    finally:
        for folder in folders:
            folder.chmod(0o755)
    assert observed(seed) == before


# Many tags


def pack(bodies: Sequence[bytes]) -> bytes:
    """A pack of tag objects: gitformat-pack(5). Git itself would write a file for each of their refs."""
    head = b"PACK" + struct.pack(">II", 2, len(bodies))
    whole = head + b"".join(_entry(body) for body in bodies)
    return whole + hashlib.sha1(whole).digest()


def _entry(body: bytes) -> bytes:
    size = len(body)
    first, size = 4 << 4 | size & 0xF, size >> 4
    header = bytearray([first])
    while size:
        header[-1] |= 0x80
        header.append(size & 0x7F)
        size >>= 7
    return bytes(header) + zlib.compress(body, 1)


def test_a_hundred_thousand_tags(tmp_path: Path) -> None:
    work = WorkDir.init(tmp_path / "many")
    head = work.commit("one")
    tags = {}
    for number in range(100_000):
        name = f"a{number % 1000}#s{number % 7}#{number // 1000 + 1}"
        tagger = f"tagger Ada <a@b> {1_600_000_000 + number} +0000"
        tags[name] = f"object {head}\ntype commit\ntag {name}\n{tagger}\n\nhi\n".encode()
    work.git("index-pack", "--stdin", stdin=pack(list(tags.values())))
    oids = {name: hashlib.sha1(b"tag %d\0%s" % (len(body), body)).hexdigest() for name, body in tags.items()}
    lines = [f"{oids[name]} refs/tags/{name}\n^{head}\n" for name in sorted(oids)]
    work.write(".git/packed-refs", "# pack-refs with: peeled fully-peeled sorted \n" + "".join(lines))
    assert gto(work, "register", "a7").out.startswith("Created git tag 'a7@v0.0.1' that registers a version\n")
    assert "'a7#prod#101'" in gto(work, "assign", "a7", "--version", "v0.0.1", "--stage", "prod").out
    assert len(json.loads(gto(work, "show", "--json").out)) == 1000
    assert len(gto(work, "history", "a7", "--plain").out.splitlines()) >= 102
    assert gto(work, "deprecate", "a7", "--delete").code == 0
    assert len(work.tags()) == 99_900


# Behind a URL


@pytest.fixture
def heavy(seed: WorkDir, tmp_path: Path) -> WorkDir:
    """A bare repository in `remote/m.git` with 2 MB in its newest commit, and other 2 MB before that."""
    for number in range(2):
        seed.write("large.bin", random.Random(number).randbytes(2_000_000))
        seed.commit(f"large {number}")
    seed.git("clone", "--quiet", "--bare", ".", str(tmp_path / "remote/m.git"))
    return WorkDir(tmp_path / "remote/m.git", now=seed.now)


@pytest.fixture
def nowhere(seed: WorkDir, tmp_path: Path) -> WorkDir:
    """A folder that is in no repository."""
    (tmp_path / "nowhere").mkdir()
    return WorkDir(tmp_path / "nowhere", now=seed.now)


@pytest.fixture
def own_folders(tmp_path: Path) -> dict[str, str]:
    """A home and a place for temporary files, both empty, as variables."""
    folders = {name: str(tmp_path / name.lower()) for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME")}
    for folder in folders.values():
        Path(folder).mkdir()
    return folders


def nothing_was_written(nowhere: WorkDir, own_folders: dict[str, str]) -> None:
    for folder in (nowhere.path, *map(Path, own_folders.values())):
        assert list(folder.iterdir()) == []


def test_over_http(heavy: WorkDir, nowhere: WorkDir, own_folders: dict[str, str], tmp_path: Path) -> None:
    heavy.git("config", "uploadpack.allowFilter", "true")
    with GitServer(tmp_path / "remote", token=PASSWORD) as server:
        a_life(nowhere, heavy, "-r", server.url("m.git", password=PASSWORD), **own_folders)
        assert server.sent < 200_000
    nothing_was_written(nowhere, own_folders)


def test_over_http_without_filters(
    seed: WorkDir, heavy: WorkDir, nowhere: WorkDir, own_folders: dict[str, str], tmp_path: Path
) -> None:
    """Such a server sends a commit with its files or not at all: HEAD's may come, and no other."""
    seed.git("rm", "--quiet", "large.bin")
    seed.commit("without the large file")
    seed.git("push", "--quiet", str(heavy.path), "main")
    with GitServer(tmp_path / "remote", token=PASSWORD) as server:
        a_life(nowhere, heavy, "-r", server.url("m.git", password=PASSWORD), **own_folders)
        assert server.sent < 200_000
    nothing_was_written(nowhere, own_folders)


def test_over_ssh(heavy: WorkDir, nowhere: WorkDir, own_folders: dict[str, str], tmp_path: Path) -> None:
    """Each command in short: a connection takes longer than all else."""
    heavy.git("config", "uploadpack.allowFilter", "true")
    with ssh_server(tmp_path / "remote", tmp_path / "ssh") as server:
        options = ("-r", server.url("m.git"))
        ran = gto(nowhere, "assign", "m", "main", "--stage", "prod", *options, **server.environ, **own_folders)
        assert (ran.code, ran.err) == (0, "")
        assert set(heavy.tags()) == {"a/b=other@v1.0.0", "m@v0.0.1", "m#prod#1"}
        shown = gto(nowhere, "show", "m#prod", "--version", *options, **server.environ, **own_folders)
        assert (shown.out, shown.err) == ("v0.0.1\n", "")
        ran = gto(nowhere, "deprecate", "m", "--delete", *options, **server.environ, **own_folders)
        assert (ran.code, ran.err) == (0, "")
        assert set(heavy.tags()) == {"a/b=other@v1.0.0"}
    nothing_was_written(nowhere, own_folders)


def test_with_a_file_url(heavy: WorkDir, nowhere: WorkDir, own_folders: dict[str, str]) -> None:
    a_life(nowhere, heavy, "-r", heavy.path.as_uri(), **own_folders)
    nothing_was_written(nowhere, own_folders)


def test_annotations_behind_a_url(
    heavy: WorkDir, nowhere: WorkDir, own_folders: dict[str, str], tmp_path: Path
) -> None:
    heavy.git("config", "uploadpack.allowFilter", "true")
    with GitServer(tmp_path / "remote", token=PASSWORD) as server:
        url = server.url("m.git", password=PASSWORD)
        before = heavy.git("rev-parse", "main")
        ran = gto(nowhere, "annotate", "n", "--type", "data", "--push", "-r", url, **own_folders)
        assert (ran.code, ran.err) == (0, "")
        assert heavy.git("rev-parse", "main^") == before
        assert heavy.git("diff", "--name-only", "main^", "main") == "artifacts.yaml"
        described = gto(nowhere, "describe", "n", "-r", url, **own_folders)
        assert json.loads(described.out) == {"type": "data"}
        shown = json.loads(gto(nowhere, "show", "--json", "-r", url, **own_folders).out)
        assert {"m", "n", "a/b:other"} <= set(shown)
        assert gto(nowhere, "remove", "n", "--push", "-r", url, **own_folders).code == 0
        assert heavy.git("diff", "--name-only", before, "main") == ""
        assert server.sent < 200_000
    nothing_was_written(nowhere, own_folders)


def test_the_configuration_behind_a_url_counts(
    seed: WorkDir, nowhere: WorkDir, own_folders: dict[str, str], tmp_path: Path
) -> None:
    seed.commit("configuration", __gto="stages: [dev, prod]\n")
    seed.git("clone", "--quiet", "--bare", ".", str(tmp_path / "remote/m.git"))
    with GitServer(tmp_path / "remote") as server:
        ran = gto(nowhere, "assign", "m", "HEAD", "--stage", "qa", "-r", server.url("m.git"), **own_folders)
        assert ran.code == 1
        assert "qa" in ran.err
        assert gto(nowhere, "stages", "--allowed", "-r", server.url("m.git"), **own_folders).out == "dev\nprod\n"


def test_an_empty_repository_behind_a_url(nowhere: WorkDir, own_folders: dict[str, str], tmp_path: Path) -> None:
    WorkDir.init(tmp_path / "remote/m.git", "--bare")
    with GitServer(tmp_path / "remote") as server:
        url = server.url("m.git")
        assert gto(nowhere, "show", "-r", url, **own_folders).code == 0
        ran = gto(nowhere, "register", "m", "-r", url, **own_folders)
        assert ran.code == 1
        assert "commit" in ran.err
    nothing_was_written(nowhere, own_folders)


@pytest.mark.parametrize("args", [["show"], ["history", "m"], ["register", "m"], ["stages"], ["check-ref", "m@v1.0.0"]])
def test_a_url_where_nothing_is(args: list[str], nowhere: WorkDir, own_folders: dict[str, str], tmp_path: Path) -> None:
    with GitServer(tmp_path, token=PASSWORD) as server:
        ran = gto(nowhere, *args, "-r", server.url("gone.git", password=PASSWORD), **own_folders)
    assert (ran.code, ran.out) == (1, "")
    assert "not found" in ran.err
    assert PASSWORD not in ran.err
    assert re.fullmatch(r"❌ [^\n]+\. \S[^\n]+\n", ran.err)
    nothing_was_written(nowhere, own_folders)
