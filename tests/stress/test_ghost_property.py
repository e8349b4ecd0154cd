"""Promise 3: whatever is changed in a working tree, and whatever it is a change of, arrives as it was."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from gto_ci import ghost
from gto_ci.ghost.session import Session
from tests.ghosts import tree_of
from tests.workdir import WorkDir

CHANGES = settings(
    max_examples=300,
    deadline=None,
    derandomize=False,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
HISTORIES = settings(CHANGES, max_examples=30)

# Files, links, and where they are


@dataclass(frozen=True)
class File:
    content: bytes
    executable: bool = False


@dataclass(frozen=True)
class Link:
    target: str


Entry = File | Link

PATCH = b"diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -1 +1 @@\n-a\n+b\n-- \n2.39.5\n\n"
MAIL = b"From 0123456789012345678901234567890123456789 Mon Sep 17 00:00:00 2001\nFrom: x\n\n---\n"
lines = st.lists(st.sampled_from([b"a", b"b", b"", b" c", b"c ", b"\td", b"--- a", b"+++ b", b"@@ -1 +1 @@", b"\xe9"]))
texts = st.builds(
    lambda parts, end, last: end.join(parts) + last,
    lines,
    st.sampled_from([b"\n", b"\n", b"\r\n", b"\r"]),
    st.sampled_from([b"\n", b"", b"\r\n"]),
)
contents = st.one_of(
    st.sampled_from([b"", b"\n", b"\0", PATCH, MAIL, b"\xef\xbb\xbfbom\n", bytes(range(256)) * 5, b"line\n" * 50]),
    texts,
    st.binary(max_size=200),
)
targets = st.sampled_from([b"a", b"nowhere", b"../..", b".", b"/etc/passwd", b"b/a", b"a b\n", b"\xff"]).map(
    os.fsdecode
)
entries = st.one_of(st.builds(File, contents, st.booleans()), st.builds(Link, targets))

ODD_NAMES = [b"a", b"b", b"A", b"a b", b" a", b"a ", b"a\tb", b"a\nb", b"a\r", b"a\\b", b"\\", b'"q"', b'"', b"'q'"]
ODD_NAMES += [b"-rf", b"--", b"-", b"*", b"[a]", b"?", b":(top)x", b":!x", b":", b"!x", b"#x", b"~", b"@", b"a => b"]
ODD_NAMES += [
    b"{a => b}",
    b"c:",
    b"dev",
    b"null",
    b"x.txt",
    b"caf\xc3\xa9",
    b"cafe\xcc\x81",
    b"latin-\xe9",
    b"\xff\xfe",
]
ODD_NAMES += [b"\xf0\x9f\x91\xbb", b"\x01\x1b[31m\x7f", b"long" * 50, b"...", b"a..b", b"$x", b"%s", b"a|b&c;d"]
names = st.one_of(
    st.sampled_from(ODD_NAMES),
    st.sampled_from([b"a", b"b"]),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8).map(str.encode),
    st.binary(min_size=1, max_size=6),
).map(
    lambda name: b"x" if name in (b".", b"..") else name.replace(b"/", b"|").replace(b"\0", b"0").replace(b".g", b"g")
)
paths = st.lists(names, min_size=1, max_size=3).map(lambda parts: os.fsdecode(b"/".join(parts)))
full_trees = st.dictionaries(paths, entries, min_size=3, max_size=10)
trees = st.one_of(*[full_trees] * 9, st.just({}))


# What may be done to a working tree; `which` chooses among the files that are there


@dataclass(frozen=True)
class Put:
    path: str
    entry: Entry


@dataclass(frozen=True)
class Edit:
    which: int
    at: int
    cut: int
    new: bytes


@dataclass(frozen=True)
class Replace:
    which: int
    entry: Entry


@dataclass(frozen=True)
class Move:
    which: int
    path: str
    by_git: bool


@dataclass(frozen=True)
class Copy:
    which: int
    path: str


@dataclass(frozen=True)
class Delete:
    which: int
    folder: bool


@dataclass(frozen=True)
class ChangeMode:
    which: int


@dataclass(frozen=True)
class Stage:
    which: int
    how: Sequence[str]


Step = Put | Edit | Replace | Move | Copy | Delete | ChangeMode | Stage

which = st.integers(0, 20)
ADDING = ("add", "--force")
STAGING = [ADDING, ("add", "--force", "--intent-to-add"), ("rm", "--quiet", "--cached", "--force")]
steps = st.one_of(
    st.builds(Put, paths, entries),
    st.builds(Edit, which, st.integers(0, 300), st.integers(0, 20), st.one_of(st.just(b"x"), contents)),
    st.builds(Replace, which, entries),
    st.builds(Move, which, paths, st.booleans()),
    st.builds(Copy, which, paths),
    st.builds(Delete, which, st.booleans()),
    st.builds(ChangeMode, which),
    st.builds(Stage, which, st.sampled_from([ADDING, *STAGING])),
)
changes = st.lists(steps, min_size=2, max_size=10)


def files_in(root: Path) -> list[str]:
    """The files and links below a folder that are not git's own."""
    found: list[Path] = []
    for folder, folders, files in os.walk(root):
        if Path(folder) == root:
            folders.remove(".git")
        places = [Path(folder, name) for name in folders]
        found += [Path(folder, name) for name in files] + [place for place in places if place.is_symlink()]
    return sorted(str(file.relative_to(root)) for file in found)


def read(place: Path) -> Entry:
    if place.is_symlink():
        return Link(str(place.readlink()))
    return File(place.read_bytes(), os.access(place, os.X_OK))


def remove(place: Path) -> None:
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    elif os.path.lexists(place):
        place.unlink()


def clear_way(root: Path, path: str) -> Path:
    """Make the folders that a path is in, in place of whatever is in their place; where it is to be."""
    for above in [*Path(path).parents][-2::-1]:
        place = root / above
        if place.is_symlink() or not place.is_dir():
            remove(place)
            place.mkdir()
    remove(root / path)
    return root / path


def put(root: Path, path: str, entry: Entry) -> None:
    place = clear_way(root, path)
    if isinstance(entry, Link):
        place.symlink_to(entry.target)
    else:
        place.write_bytes(entry.content)
        place.chmod(0o755 if entry.executable else 0o644)


def edited(entry: Entry, step: Edit) -> Entry:
    if isinstance(entry, Link):
        return Link(entry.target + "x")
    at = step.at % (len(entry.content) + 1)
    return File(entry.content[:at] + step.new + entry.content[at + step.cut :], entry.executable)


def move(work: WorkDir, old: str, step: Move) -> None:
    root = work.path
    apart = not f"{step.path}/".startswith(f"{old}/") and not f"{old}/".startswith(f"{step.path}/")
    if step.by_git and apart:
        clear_way(root, step.path)
        if git(work, "mv", "--force", "--", old, step.path):
            return
    if os.path.lexists(root / old):
        entry = read(root / old)
        remove(root / old)
        put(root, step.path, entry)


def git(work: WorkDir, *args: str) -> bool:
    """Run git, the names in its arguments as they are; whether it succeeded."""
    command = ["git", "--literal-pathspecs", *args]
    return subprocess.run(command, cwd=work.path, env=work.environ(), capture_output=True, check=False).returncode == 0


def do(work: WorkDir, steps: Sequence[Step]) -> None:
    for step in steps:
        if isinstance(step, Put):
            put(work.path, step.path, step.entry)
        elif files := files_in(work.path):
            do_to(work, files[step.which % len(files)], step)


def do_to(work: WorkDir, path: str, step: Step) -> None:
    root, place = work.path, work.path / path
    match step:
        case Edit():
            put(root, path, edited(read(place), step))
        case Replace():
            put(root, path, step.entry)
        case Move():
            move(work, path, step)
        case Copy():
            put(root, step.path, read(place))
        case Delete():
            remove(root / path.split("/")[0] if step.folder else place)
        case ChangeMode():
            if not place.is_symlink():
                place.chmod(place.stat().st_mode ^ 0o111)
        case Stage():
            git(work, *step.how, "--", path)


# A patch repository, and two clones of one repository


@dataclass(frozen=True)
class Clones:
    folder: Path
    here: WorkDir
    there: WorkDir

    @contextmanager
    def session(self, work: WorkDir) -> Iterator[Session]:
        """A session with `work` as its source repository; nothing of it stays behind."""
        temp = self.folder / "temp"
        options = ghost.Options(repo=str(self.folder / "ghosts.git"), source=str(work.path), working_dir=str(temp))
        with ghost.opened(options, work.environ()) as session:
            yield session
        assert list(temp.iterdir()) == []

    def clone(self) -> None:
        self.here.git("clone", "--quiet", "--template=", "--branch=main", "--single-branch", ".", str(self.there.path))


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty repository, an empty patch repository and a folder for temporary files, to be copied."""
    folder = tmp_path_factory.mktemp("empty")
    WorkDir.init(folder / "here", "--template=")
    WorkDir.init(folder / "ghosts.git", "--template=", "--bare")
    (folder / "temp").mkdir()
    return folder


@contextmanager
def clones(empty: Path) -> Iterator[Clones]:
    with tempfile.TemporaryDirectory(dir=empty.parent) as name:
        folder = Path(name) / "clones"
        shutil.copytree(empty, folder)
        yield Clones(folder, WorkDir(folder / "here"), WorkDir(folder / "there"))


def commit(work: WorkDir) -> str:
    """Commit everything, in few processes."""
    work.git("add", "--all", "--force")
    work.git("commit", "--quiet", "--allow-empty", "--no-verify", "-m", "a commit")
    work.now += 60
    return work.head


def stage_alike(here: WorkDir, there: WorkDir) -> None:
    """Have the index know the same files there as here: what is staged and new stands in a patch before the rest."""
    known, other = (set(work.git("ls-files", "-z").split("\0")) - {""} for work in (here, there))
    present = set(files_in(there.path))
    for chosen, how in (((known - other) & present, "--add"), (other - known, "--force-remove")):
        listed = b"".join(os.fsencode(name) + b"\0" for name in sorted(chosen))
        if listed:
            there.git("update-index", "--add", "--replace", how, "-z", "--stdin", stdin=listed)


KINDS = [b"new file mode 100755", b"new file mode 120000", b"deleted file mode", b"rename from", b"old mode"]
KINDS += [b"GIT binary patch", b"\r\n", b"No newline at end", b'diff --git "a/']


def tell_kinds(patch: bytes) -> None:
    """For `pytest --hypothesis-show-statistics`: of how many examples what was part."""
    event(f"files in the patch: {min(patch.count(b'diff --git '), 9)}")
    for kind in KINDS:
        if kind in patch:
            event(f"in the patch: {kind!r}")


@CHANGES
@given(base=trees, commits=st.lists(changes, max_size=2), change=changes)
def test_any_change_of_any_base_arrives(
    empty: Path, base: Mapping[str, Entry], commits: list[list[Step]], change: list[Step]
) -> None:
    """Pushed from one clone and pulled in another, the working trees are equal, and so is the patch of each.

    Where there are commits on top of what both have, they come too. Here nothing is touched, there nothing is staged.
    """
    with clones(empty) as both:
        here, there = both.here, both.there
        for path, entry in base.items():
            put(here.path, path, entry)
        start = commit(here)
        both.clone()
        for step in commits:
            do(here, step)
            end = commit(here)
        do(here, change)
        carried = ghost.CommitRange(start, end) if commits else None
        index = (here.path / ".git/index").read_bytes()
        with both.session(here) as session:
            pushed = ghost.push(session, base="HEAD", commits=carried, selection=ghost.Selection(untracked=True))
        assert (here.path / ".git/index").read_bytes() == index
        assert all(one.created for one in pushed)
        diff = pushed[-1].ghost
        assert pushed[-1].change is not None
        tell_kinds(pushed[-1].change.patch)
        index = (there.path / ".git/index").read_bytes()
        with both.session(there) as session:
            pulled = ghost.pull(session, commits=carried, diff=ghost.DiffName(diff.start, diff.end))
        assert commits or (there.path / ".git/index").read_bytes() == index
        assert there.head == here.head == diff.start
        assert tree_of(there) == tree_of(here) == pulled.tree
        if any(isinstance(step, (Stage, Move)) for step in change):
            stage_alike(here, there)
        with both.session(there) as session:
            again = ghost.push(session, base="HEAD", commits=carried, selection=ghost.Selection(untracked=True))
        assert [one.ghost for one in again] == [one.ghost for one in pushed]
        assert not any(one.created for one in again)


# Commits

BEFORE, BASE = 1, 2  # the numbers of the first commits: fast-import calls them marks


@dataclass(frozen=True)
class Commit:
    """A commit on those before it that `parents` choose; it puts a file."""

    parents: Sequence[int]
    path: str
    content: bytes
    message: str
    author: str
    committer: str


people = st.builds(
    "{} {} {}".format,
    st.sampled_from(["Ada Lovelace <ada@example.com>", "Ærø Ünïcode <a@b>", '"O\'Brien" [x] <>', "<nobody>"]),
    st.integers(86_400, 2**33),  # before 1970 somewhere, git itself refuses to print a commit
    st.sampled_from(["+0000", "-1200", "+0545", "+1400", "-0001"]),
)
messages = st.one_of(
    st.sampled_from(
        ["", "[PATCH] x", "fixup! a\n\n---\nb\n", "From x\n\nFrom: y\n", "diff --git a/a b/a\n", "ünï\n\n\n"]
    ),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30),
)
parents = st.lists(st.integers(0, 9), min_size=1, max_size=3)
file_names = st.sampled_from(["a", "b", "c/d", "c/e", "x y", "ü"])
histories = st.lists(st.builds(Commit, parents, file_names, contents, messages, people, people), min_size=1, max_size=9)


def in_stream(number: int, one: Commit, parents: Sequence[int]) -> bytes:
    """A commit as `git fast-import` reads it."""
    message = one.message.encode()
    head = f"commit refs/heads/main\nmark :{number}\nauthor {one.author}\ncommitter {one.committer}\n"
    links = "".join(f"{'merge' if place else 'from'} :{parent}\n" for place, parent in enumerate(parents))
    file = f"M 100644 inline {one.path}\ndata {len(one.content)}\n"
    said = b"data %d\n%s\n" % (len(message), message)
    return head.encode() + said + links.encode() + file.encode() + one.content + b"\n"


def write_history(work: WorkDir, history: Sequence[Commit]) -> None:
    """Branch `base` with two commits, and `main`, which all others lead to; some may not come from `base`."""
    ada = "Ada Lovelace <ada@example.com> 1700000000 +0000"
    stream = in_stream(BEFORE, Commit([], "a", b"line\n" * 30, "first", ada, ada), [])
    stream += in_stream(BASE, Commit([], "b", b"line\n" * 30, "base", ada, ada), [BEFORE])
    stream += b"reset refs/heads/base\nfrom :%d\n\n" % BASE
    ends = {BASE}
    for number, one in enumerate(history, BASE + 1):
        chosen = list(dict.fromkeys(parent % (number - 1) + 1 for parent in one.parents))
        ends = (ends - set(chosen)) | {number}
        stream += in_stream(number, one, chosen)
    last = Commit([], "last", b"", "last", ada, ada)
    stream += in_stream(BASE + len(history) + 1, last, sorted(ends))
    work.git("fast-import", "--quiet", "--date-format=raw-permissive", stdin=stream)
    work.git("reset", "--quiet", "--hard")


@HISTORIES
@given(history=histories)
def test_any_history_after_any_commit_arrives(empty: Path, history: list[Commit]) -> None:
    """With its merges, authors, dates and messages: the commits that are pulled are the ones that were pushed."""
    with clones(empty) as both:
        here, there = both.here, both.there
        write_history(here, history)
        options = ("--quiet", "--no-local", "--template=", "--single-branch", "--branch=base")
        here.git("clone", *options, ".", str(there.path))
        carried = ghost.CommitRange(there.head, here.head)
        event(f"merges: {len(here.git('rev-list', '--merges', '..'.join(carried)).splitlines())}")
        with both.session(here) as session:
            (pushed,) = ghost.push(session, commits=carried)
        with both.session(there) as session:
            pulled = ghost.pull(session, commits=carried)
        assert pushed.created
        assert pulled.notes == ()
        assert there.head == pulled.commit == here.head
        assert there.git("status", "--porcelain") == ""
        assert there.git("symbolic-ref", "HEAD") == "refs/heads/base"
        assert tree_of(there) == tree_of(here) == pulled.tree
        there.git("rev-list", "--objects", "--quiet", "HEAD")
