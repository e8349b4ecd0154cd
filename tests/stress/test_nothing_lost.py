"""Whatever lies around where a command runs stays as it is, byte for byte, but what the command was told to change.

A folder is filled with drawn names, kinds, owners and contents: names that we make ourselves, that an earlier
version made, or a later one could make. It is the folder for temporary files, the one that `--ghost-working-dir`
names, the current one, and, half of the time, the working tree. Then any of our commands runs there, killed or not.
"""

from __future__ import annotations

import os
import shutil
import socket
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from gto_ci.git.scratch_folders import MARK, scratch_folder
from tests.killer import Killer
from tests.workdir import WorkDir

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives orphans to a process of one's choice")

AREA = f"gto-ci-{os.geteuid()}"
HEX = st.text("0123456789abcdef", min_size=16, max_size=16)
WORD = st.text("abcxyz019_-", min_size=1, max_size=6)
OWNERS = (0, 1001) if os.geteuid() == 0 else (os.geteuid(),)

# Names in the folder itself, and in our own folder inside of it.
NAMES = st.one_of(
    st.sampled_from(
        [
            *("lock", MARK, "scratch", "trace", "backup", "patches", "home", "beside", "index", "mailbox", "HEAD"),
            *("gto-outputs", "gto.env", "gto-ci", "gto-ci-dvc-3.67.1", ".gto", ".gto-ci", "artifacts.yaml"),
            *(".github", ".gto-policy.yaml", "foo.lock", "new", "foo.orig", "run"),
            AREA,
        ]
    ),
    st.builds("git-ghost-{}-{}".format, st.integers(0, 5_000_000) | WORD, WORD),
    st.builds("gto-ci-{}".format, HEX | WORD),
    st.builds("scratch-{}".format, HEX | WORD),
    st.builds(".{}.{}".format, st.sampled_from(["gto", "artifacts.yaml", "gto-outputs"]), WORD),
    WORD,
)
KINDS = st.sampled_from(
    [
        *("file", "file", "program", "link", "dangling link", "link to a folder", "hard link", "pipe", "socket"),
        *("folder", "folder", "open folder", "deep folder", "repository", "bare repository"),
        *("copy of a scratch folder", "renamed scratch folder", "mark of another folder", "old workshop"),
    ]
)


@dataclass(frozen=True)
class Thing:
    """Something that lies in the folder, or in our own folder inside of it."""

    name: str
    kind: str
    inside: bool
    owner: int
    content: bytes


THINGS = st.lists(
    st.builds(
        Thing, NAMES, KINDS, st.booleans(), st.sampled_from(OWNERS), st.sampled_from([b"", b"precious\n", b"\0\xff"])
    ),
    min_size=1,
    max_size=10,
    unique_by=lambda thing: (thing.name, thing.inside),
)


@dataclass
class Place:
    """The folder, with a repository and a patch repository; `things` are what was drawn, wherever it lies."""

    folder: Path
    work: WorkDir
    store: WorkDir
    outside: Path
    things: list[Path] = field(default_factory=list)

    def put(self, thing: Thing) -> None:
        """Put a thing where nothing is yet."""
        parent = self.folder / AREA if thing.inside else self.folder
        place = parent / thing.name
        if os.path.lexists(place) or (thing.inside and os.path.lexists(parent) and not parent.is_dir()):
            return
        if not parent.exists():
            parent.mkdir(mode=0o700)
            self.things.append(parent)
        make(place, thing, self.outside)
        if thing.owner != os.geteuid():
            for one in (place, *(place.rglob("*") if not place.is_symlink() else ())):
                os.chown(one, thing.owner, thing.owner, follow_symlinks=False)
        self.things.append(place)

    def lying_around(self) -> dict[str, object]:
        """All things, with all that is in them."""
        found: dict[str, object] = {}
        for thing in self.things:
            inside = thing.rglob("*") if thing.is_dir() and not thing.is_symlink() and thing.name != AREA else ()
            for place in (thing, *inside):
                found[str(place.relative_to(self.folder))] = about(place)
        return found | {f"outside/{place.name}": about(place) for place in self.outside.iterdir()}


def about(place: Path) -> tuple[object, ...]:
    """Kind, mode, owner, identity, and content; the time too, but that of a folder, in which others may write."""
    status = place.lstat()
    content: object = None
    if stat.S_ISLNK(status.st_mode):
        content = place.readlink()
    elif stat.S_ISREG(status.st_mode):
        content = (place.read_bytes(), status.st_mtime_ns)
    return status.st_mode, status.st_uid, status.st_gid, status.st_ino, content


def make(place: Path, thing: Thing, outside: Path) -> None:
    kind = thing.kind
    if kind in ("file", "program"):
        place.write_bytes(thing.content)
        place.chmod(0o755 if kind == "program" else 0o640)
    elif kind.endswith("link") or kind.startswith("link"):
        target = {"link": outside / "file", "dangling link": Path("nowhere"), "link to a folder": outside}
        if kind == "hard link":
            os.link(outside / "file", place)
        else:
            place.symlink_to(target[kind])
    elif kind == "pipe":
        os.mkfifo(place)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            before = Path.cwd()
            os.chdir(place.parent)  # a longer path does not fit into its address
            server.bind(place.name)
            os.chdir(before)
    elif "repository" in kind:
        WorkDir.init(place, *(["--bare"] if kind == "bare repository" else []))
        (place / "file").write_bytes(thing.content)
    elif kind in ("copy of a scratch folder", "renamed scratch folder", "mark of another folder"):
        forge(place, kind)
    else:
        place.mkdir(mode=0o777 if kind == "open folder" else 0o700)
        (place / ("lock" if kind == "old workshop" else "file")).write_bytes(thing.content)
        if kind == "deep folder":
            (place / "a/b/c").mkdir(parents=True)
            (place / "a/b/c/file").write_bytes(thing.content)


def leave(parent: Path) -> Path:
    """The scratch folder of a process that has ended in the middle of its work."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        with scratch_folder(parent) as folder:
            (folder / "half").mkdir()
            (folder / "half/file").write_text("left")
            os.write(writing, str(folder).encode())
            os._exit(0)
    os.close(writing)
    folder = Path(os.read(reading, 4096).decode())
    os.close(reading)
    os.waitpid(child, 0)
    return folder


def forge(place: Path, kind: str) -> None:
    with tempfile.TemporaryDirectory() as elsewhere:
        left = leave(Path(elsewhere))
        if kind == "copy of a scratch folder":
            shutil.copytree(left, place)
            place.chmod(0o700)
        elif kind == "renamed scratch folder":
            shutil.move(left, place)
        else:
            place.mkdir(mode=0o700)
            shutil.move(left / MARK, place / MARK)
            (place / "file").write_text("precious")


# The commands, in a repository whose patch repository holds one ghost; words in capitals are filled in.
COMMANDS: tuple[tuple[str, ...], ...] = (
    ("git-ghost", "list", "all"),
    ("git-ghost", "push", "-u"),
    ("git-ghost", "push", "all", "HEAD~1", "-I", "foo"),
    ("git-ghost", "diff", "-u"),
    ("git-ghost", "log", "HEAD"),
    ("git-ghost", "show", "DIGEST"),
    ("git-ghost", "pull", "DIGEST"),
    ("git-ghost", "delete", "all", "--all"),
    ("git-ghost", "gc", "--keep-last", "0"),
    ("git-ghost", "checkout", "DIGEST", "../run"),
    ("git-ghost", "version"),
    ("gto", "show"),
    ("gto", "history"),
    ("gto", "check-ref", "churn@v1.0.0"),
    ("gto", "register", "churn", "--bump-minor", "--push"),
    ("gto", "assign", "churn", "--stage", "prod", "--push"),
    ("gto", "deprecate", "churn", "v1.0.0", "--delete"),
    ("gto", "show", "-r", "URL"),
    ("gto", "annotate", "m", "--path", "foo"),
    ("gto", "annotate", "new", "--type", "data", "--commit"),
    ("gto", "remove", "m"),
    ("gto", "describe", "m"),
    ("gto", "doctor"),
    ("gto", "print-state"),
    ("gto-ci", "doctor"),
    ("gto-ci", "check"),
    ("gto-ci", "gate", "churn@v1.0.0"),
    ("gto-ci", "init", "--yes", "--stage", "dev", "--artifact", "churn=foo", "--policy"),
    ("gto-ci", "action"),
    ("gto-ci", "action"),
)


# The places in the working tree that a command writes to, and what is drawn for them.
AIMED: dict[str, tuple[str, ...]] = {
    "action": ("gto-outputs", "gto.env"),
    "init": (".gto", ".github", ".gto-policy.yaml"),
    "checkout": ("run",),
}


@dataclass
class Template:
    """What each example begins with a copy of."""

    folder: Path
    digest: str
    now: int


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, killer: Killer) -> Template:
    """A repository with a registry, its remote, and a patch repository with a ghost."""
    folder = tmp_path_factory.mktemp("template")
    work = WorkDir.init(folder / "work")
    work.commit("one", foo="a\n")
    work.commit("two", foo="b\n", artifacts__yaml="m: {type: model}\n")
    work.tag("churn@v1.0.0")
    work.git("clone", "--quiet", "--mirror", ".", "../remote.git")
    work.git("remote", "add", "origin", "../remote.git")
    work.git("init", "--quiet", "--bare", "../ghosts.git")
    work.write("foo", "c\n")
    end = killer.run(work, "push", program="git-ghost", GIT_GHOST_REPO="../ghosts.git")
    assert end.code == 0, end
    work.git("checkout", "--quiet", "foo")
    return Template(folder, end.said.split()[1], work.now)


@contextmanager
def copied(template: Template, *, work_tree: bool) -> Iterator[Place]:
    """A place with repositories: the working tree is the folder itself, or lies in it."""
    with tempfile.TemporaryDirectory() as name:
        around = Path(name) / "around"
        shutil.copytree(template.folder, around, symlinks=True)
        outside = Path(name) / "outside"
        outside.mkdir()
        (outside / "file").write_text("precious\n")
        work = WorkDir(around / "work", now=template.now)
        yield Place(work.path if work_tree else around, work, WorkDir(around / "ghosts.git"), outside)


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    things=THINGS,
    command=st.sampled_from(COMMANDS),
    work_tree=st.booleans(),
    named=st.booleans(),
    left=st.booleans(),
    aimed=st.lists(st.tuples(KINDS, st.sampled_from([b"", b"precious\n"])), max_size=3),
    kill=st.none() | st.floats(0, 1),
)
def test_everything_stays(
    things: list[Thing],
    command: tuple[str, ...],
    work_tree: bool,
    named: bool,
    left: bool,
    aimed: list[tuple[str, bytes]],
    kill: float | None,
    template: Template,
    killer: Killer,
) -> None:
    with copied(template, work_tree=work_tree) as place:
        at = zip(AIMED.get(command[1], ()), aimed, strict=False)
        for thing in [*(Thing(name, kind, False, OWNERS[0], content) for name, (kind, content) in at), *things]:
            place.put(thing)
            event(thing.kind)
        abandoned = leave(place.folder) if left else None
        before = place.lying_around()
        words = [{"DIGEST": template.digest, "URL": "../remote.git"}.get(word, word) for word in command]
        environ = {"TMPDIR": str(place.folder), "GIT_GHOST_REPO": "../ghosts.git", **job(command, place)}
        if named and command[0] == "git-ghost":
            words += ["--ghost-working-dir", str(place.folder)]
        end = killer.run(place.work, *words[1:], program=words[0], kill_after=kill and kill * 0.4, **environ)
        event("killed" if end.code < 0 else f"exit code {end.code}")
        assert kept(place.lying_around(), before) == before, end
        assert "Unexpected" not in end.said, end
        assert "Traceback" not in end.said, end
        # nothing of it is in the way of the next one, and what is ours is cleared away
        again = killer.run(place.work, "list", program="git-ghost", **environ)
        assert again.code == 0, again
        assert kept(place.lying_around(), before) == before
        area = place.folder / AREA
        swept = area.is_dir() and not area.is_symlink() and area not in place.things
        if abandoned and (swept or not area.exists()):
            assert not abandoned.exists() or abandoned in place.things


def kept(found: dict[str, object], before: dict[str, object]) -> dict[str, object]:
    """What is still there of what was there: a command may write a new file into a folder that it did not make."""
    return {name: found[name] for name in before if name in found}


def job(command: tuple[str, ...], place: Place) -> dict[str, str]:
    """The variables of a job of GitLab, which writes its outputs into the working tree."""
    if command != ("gto-ci", "action"):
        return {}
    return {
        "GITLAB_CI": "true",
        "CI_PROJECT_DIR": str(place.work.path),
        "CI_PROJECT_PATH": "acme/models",
        "CI_COMMIT_SHA": place.work.git("rev-parse", "churn@v1.0.0^{}"),
        "CI_COMMIT_TAG": "churn@v1.0.0",
        "CI_PIPELINE_SOURCE": "push",
        "CI_SERVER_URL": "https://gitlab.example.com",
        "CI_DEFAULT_BRANCH": "main",
    }
