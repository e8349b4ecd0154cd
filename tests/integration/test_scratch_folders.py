"""Folders for temporary files: what is not ours stays, whatever it is called; what a killed process left goes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from gto_ci.git.scratch_folders import MARK, scratch_folder, temporary_folder
from tests.ghosts import Ghosts
from tests.running import BIN, environ

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no lock by which to sweep")

AREA = f"gto-ci-{os.geteuid()}"
is_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to somebody else, or mount one")

# Names that an earlier version took for its own, that this one makes, and that a later one could.
NAMES = (
    "git-ghost-my-clone",
    "git-ghost-fork-x",
    "git-ghost-1-1",
    "git-ghost-999999999-abcdefgh",
    "git-ghost-0-0",
    "gto-ci-my-clone",
    "gto-ci-0123456789abcdef",
    "gto-ci-dvc-3.67.1",
    "scratch-0123456789abcdef",
    AREA,
    f"{AREA}/scratch-my-clone",
    f"{AREA}/scratch-0123456789abcdef",
    f"{AREA}/git-ghost-1-1",
)


@pytest.fixture
def ghosts(tmp_path: Path) -> Ghosts:
    return Ghosts.create(tmp_path / "repositories")


@pytest.fixture
def parent(tmp_path: Path) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    return folder


def everything(folder: Path) -> dict[str, object]:
    """All that is in a folder: kind, mode, owner, and content."""
    found: dict[str, object] = {}
    for place in sorted(folder.rglob("*")):
        about = place.lstat()
        content: object = None
        if place.is_symlink():
            content = place.readlink()
        elif place.is_file():
            content = place.read_bytes()
        found[str(place.relative_to(folder))] = (about.st_mode, about.st_uid, content)
    return found


def left_by_a_kill(parent: Path) -> Path:
    """The scratch folder of a process that was killed in the middle of its work."""
    program = f"""
import os, signal
from pathlib import Path
from gto_ci.git.scratch_folders import scratch_folder
with scratch_folder(Path({str(parent)!r})) as folder:
    (folder / "half/done").mkdir(parents=True)
    (folder / "half/done/file").write_text("left")
    print(folder, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, check=False)
    assert done.returncode == -9
    folder = Path(done.stdout.decode().strip())
    assert (folder / "half/done/file").exists()
    return folder


def run_one(parent: Path) -> None:
    with scratch_folder(parent) as folder:
        assert folder.is_dir()


# Promise 1: what is not ours stays


def test_a_folder_with_a_name_like_ours_stays(ghosts: Ghosts, parent: Path) -> None:
    """Any command removed it, with all that was in it: its name was `git-ghost-*-*`."""
    precious = parent / "git-ghost-my-clone/file"
    precious.parent.mkdir()
    precious.write_text("precious")
    ghosts.ok(ghosts.here, "list", TMPDIR=str(parent))
    assert precious.read_text() == "precious"


@pytest.mark.parametrize("way", ["TMPDIR", "--ghost-working-dir"])
@pytest.mark.parametrize("command", [("list",), ("push", "-u"), ("diff",), ("log",), ("gc", "--keep-last", "1")])
def test_whatever_it_is_called(command: tuple[str, ...], way: str, ghosts: Ghosts, parent: Path) -> None:
    for name in NAMES:
        (parent / name).mkdir(mode=0o700, exist_ok=True)
        (parent / name / "file").write_text("precious")
    before = everything(parent)
    if way == "TMPDIR":
        ghosts.ok(ghosts.here, *command, TMPDIR=str(parent))
    else:
        ghosts.ok(ghosts.here, *command, "--ghost-working-dir", str(parent))
    assert everything(parent) == before


def locked(folder: Path) -> None:
    """As an earlier version left it: a lock that nobody holds."""
    folder.mkdir(mode=0o700)
    (folder / "lock").write_text("")


def empty(folder: Path) -> None:
    folder.mkdir(mode=0o700)


def marked_by_hand(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    (folder / MARK).write_text("gto-ci scratch folder\n")


def with_a_true_mark_of_another(folder: Path) -> None:
    """All of a folder that a killed process left, mark included, copied: a backup."""
    left = left_by_a_kill(folder.parent / "elsewhere")
    shutil.copytree(left, folder)
    folder.chmod(0o700)


def with_a_moved_mark(folder: Path) -> None:
    left = left_by_a_kill(folder.parent / "elsewhere")
    folder.mkdir(mode=0o700)
    (left / MARK).rename(folder / MARK)
    (folder / "file").write_text("precious")


def renamed_scratch_folder(folder: Path) -> None:
    """Somebody gave a folder that was left another name: it is theirs now."""
    left_by_a_kill(folder.parent / "elsewhere").rename(folder)


def with_a_link_for_a_mark(folder: Path) -> None:
    left = left_by_a_kill(folder.parent / "elsewhere")
    folder.mkdir(mode=0o700)
    (folder / MARK).symlink_to(left / MARK)


def with_a_hard_link_for_a_mark(folder: Path) -> None:
    left = left_by_a_kill(folder.parent / "elsewhere")
    folder.mkdir(mode=0o700)
    os.link(left / MARK, folder / MARK)


def with_a_pipe_for_a_mark(folder: Path) -> None:
    """Whoever opens it waits for somebody to write."""
    folder.mkdir(mode=0o700)
    os.mkfifo(folder / MARK)


def with_a_folder_for_a_mark(folder: Path) -> None:
    (folder / MARK).mkdir(parents=True, mode=0o700)


def link_to_a_folder_that_was_left(folder: Path) -> None:
    folder.symlink_to(left_by_a_kill(folder.parent / "elsewhere"))


def open_to_others(folder: Path) -> None:
    """A right mark, but others may write there: it may hold what is theirs."""
    left = left_by_a_kill(folder.parent.parent)
    left.chmod(0o777)


def of_another_machine(folder: Path) -> None:
    """The same folder on a network's file system: whether its process lives, no lock can tell here."""
    mark = left_by_a_kill(folder.parent.parent) / MARK
    words = mark.read_text().split()
    mark.write_text(" ".join([*words[:-1], "00000000-0000-4000-8000-000000000000"]) + "\n")


IMPOSTORS: tuple[Callable[[Path], None], ...] = (
    locked,
    empty,
    marked_by_hand,
    with_a_true_mark_of_another,
    with_a_moved_mark,
    renamed_scratch_folder,
    with_a_link_for_a_mark,
    with_a_hard_link_for_a_mark,
    with_a_pipe_for_a_mark,
    with_a_folder_for_a_mark,
    link_to_a_folder_that_was_left,
    open_to_others,
    of_another_machine,
)


@pytest.mark.parametrize("make", IMPOSTORS)
def test_a_folder_without_a_mark_of_its_own_stays(make: Callable[[Path], None], parent: Path) -> None:
    area = parent / AREA
    area.mkdir(mode=0o700)
    (area / "elsewhere").mkdir()
    make(area / "scratch-0123456789abcdef")
    before = everything(parent)
    run_one(parent)
    assert everything(parent) == before


@pytest.mark.parametrize("command", [("list",), ("push", "-u")])
def test_a_link_in_the_place_of_our_own_folder(command: tuple[str, ...], ghosts: Ghosts, parent: Path) -> None:
    mine = parent.parent / "mine"
    (mine / "git-ghost-1-1").mkdir(parents=True, mode=0o700)
    (mine / "file").write_text("precious")
    (parent / AREA).symlink_to(mine)
    before = everything(parent), everything(mine)
    ghosts.ok(ghosts.here, *command, TMPDIR=str(parent))
    assert (everything(parent), everything(mine)) == before


def test_a_file_in_the_place_of_our_own_folder(ghosts: Ghosts, parent: Path) -> None:
    (parent / AREA).write_text("precious")
    before = everything(parent)
    ghosts.ok(ghosts.here, "push", TMPDIR=str(parent))
    assert everything(parent) == before


def test_a_folder_in_its_place_that_others_may_write_to(ghosts: Ghosts, parent: Path) -> None:
    (parent / AREA).mkdir()
    (parent / AREA).chmod(0o777)
    (parent / AREA / "file").write_text("precious")
    before = everything(parent)
    ghosts.ok(ghosts.here, "push", TMPDIR=str(parent))
    assert everything(parent) == before


@is_root
@pytest.mark.parametrize("inside", ["", "scratch-0123456789abcdef"])
def test_folders_of_another_user(inside: str, ghosts: Ghosts, parent: Path) -> None:
    """One of another user in the place of our own is not used: they could change what is in it."""
    area = parent / AREA
    area.mkdir(mode=0o700)
    place = area / inside
    place.mkdir(mode=0o700, exist_ok=True)
    (place / "file").write_text("theirs")
    os.chown(place, 1001, 1001)
    before = everything(parent)
    ghosts.ok(ghosts.here, "push", TMPDIR=str(parent))
    assert everything(parent) == before


@is_root
def test_a_mark_that_another_user_wrote(parent: Path) -> None:
    left = left_by_a_kill(parent)
    os.chown(left / MARK, 1001, 1001)
    before = everything(parent)
    run_one(parent)
    assert everything(parent) == before


# Full and read-only


@pytest.fixture
def mounted(parent: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts a file system in memory at `parent`."""

    def mount(options: str) -> Path:
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "none", str(parent)], capture_output=True, check=False
        )
        if done.returncode:
            pytest.skip(f"nothing can be mounted here: {done.stderr.decode().strip()}")
        return parent

    yield mount
    subprocess.run(["umount", str(parent)], capture_output=True, check=False)


def fill(folder: Path) -> None:
    """Write files until nothing fits any more."""
    with suppress(OSError):
        for number in range(100):
            (folder / f"{number}").write_bytes(b"x" * 4096)
    with pytest.raises(OSError, match="No space left"):
        (folder / "one more").write_bytes(b"x")


@is_root
@pytest.mark.parametrize("way", ["TMPDIR", "--ghost-working-dir"])
@pytest.mark.parametrize("full_of", ["bytes", "files"])
def test_a_full_folder(full_of: str, way: str, mounted: Callable[[str], Path], ghosts: Ghosts) -> None:
    parent = mounted("size=32k" if full_of == "bytes" else "nr_inodes=6")
    (parent / "git-ghost-1-1").mkdir()
    (parent / "git-ghost-1-1/file").write_text("precious")
    fill(parent)
    before = everything(parent)
    given = ("--ghost-working-dir", str(parent)) if way != "TMPDIR" else ()
    ran = ghosts.run(ghosts.here, "push", *given, **({"TMPDIR": str(parent)} if way == "TMPDIR" else {}))
    # Python looks for another folder where the one in TMPDIR takes nothing
    assert ran.code == (0 if way == "TMPDIR" else 1), ran
    if ran.code:
        assert ran.err.count("\n") == 1
        assert "No space left" in ran.err
        assert "Unexpected" not in ran.err
    assert everything(parent) == before


@is_root
@pytest.mark.parametrize("way", ["TMPDIR", "--ghost-working-dir"])
def test_a_read_only_folder(way: str, mounted: Callable[[str], Path], ghosts: Ghosts) -> None:
    parent = mounted("size=64k")
    (parent / "git-ghost-1-1").mkdir()
    (parent / "git-ghost-1-1/file").write_text("precious")
    left_by_a_kill(parent)
    subprocess.run(["mount", "-o", "remount,ro", str(parent)], check=True)
    before = everything(parent)
    given = ("--ghost-working-dir", str(parent)) if way != "TMPDIR" else ()
    ran = ghosts.run(ghosts.here, "push", *given, **({"TMPDIR": str(parent)} if way == "TMPDIR" else {}))
    assert ran.code == (0 if way == "TMPDIR" else 1), ran
    if ran.code:
        assert "Read-only file system" in ran.err
        assert ran.err.count("\n") == 1
    assert everything(parent) == before


@is_root
def test_no_folder_for_temporary_files_at_all(mounted: Callable[[str], Path], ghosts: Ghosts) -> None:
    """Nothing can be written anywhere: one line says so, and nobody is told of a bug."""
    full = mounted("size=8k")
    fill(full)
    program = f"""
import tempfile
tempfile.tempdir = {str(full)!r}
from gto_ci.cli.git_ghost import main
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", program, "list"],
        cwd=ghosts.here.path,
        env=environ(ghosts.here, GIT_GHOST_REPO=ghosts.url),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.decode() == (
        "❌ The folder for temporary files cannot be used: No space left on device. "
        "Free some space there, or set TMPDIR to a folder that you may write to\n"
    )


# What is ours goes


def test_nothing_stays_after_a_command(ghosts: Ghosts, parent: Path) -> None:
    ghosts.here.write("new", "new\n")
    ghosts.ok(ghosts.here, "push", "-u", TMPDIR=str(parent))
    assert list(parent.iterdir()) == []


def test_what_a_killed_process_left_goes(parent: Path) -> None:
    left_by_a_kill(parent)
    left_by_a_kill(parent)
    assert len(list((parent / AREA).glob("scratch-*"))) == 1, "the second process removed what the first one left"
    run_one(parent)
    assert list(parent.iterdir()) == []


def test_what_a_killed_process_left_beside_what_is_not_ours(parent: Path) -> None:
    left = left_by_a_kill(parent)
    (parent / AREA / "mine").mkdir()
    (parent / AREA / "mine/file").write_text("precious")
    run_one(parent)
    assert not left.exists()
    assert (parent / AREA / "mine/file").read_text() == "precious"


def test_a_killed_process_that_left_links(parent: Path) -> None:
    """What they lead to is not in the folder, and stays."""
    left, outside = left_by_a_kill(parent), parent.parent / "outside"
    outside.mkdir()
    (outside / "file").write_text("precious")
    (left / "half/link").symlink_to(outside)
    (left / "link").symlink_to(outside)
    os.link(outside / "file", left / "hard link")
    run_one(parent)
    assert not left.exists()
    assert (outside / "file").read_text() == "precious"


def test_a_folder_in_use_stays(parent: Path) -> None:
    with scratch_folder(parent) as one:
        (one / "file").write_text("in use")
        with scratch_folder(parent) as other:
            assert (one / "file").read_text() == "in use"
            assert other.parent == one.parent
        assert not other.exists()
        assert (one / "file").read_text() == "in use"
    assert list(parent.iterdir()) == []


def test_a_folder_that_a_fork_still_uses_stays(parent: Path) -> None:
    """The process that made it was killed; one that it had forked goes on, as the last step of a pull does."""
    program = f"""
import os, signal, sys
from pathlib import Path
from gto_ci.git.scratch_folders import scratch_folder
with scratch_folder(Path({str(parent)!r})) as folder:
    parent = os.getpid()
    if os.fork() == 0:
        os.setsid()
        os.kill(parent, signal.SIGKILL)
        print(folder, flush=True)
        sys.stdin.read()
        os._exit(0)
    signal.pause()
"""
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        folder = Path(process.stdout.readline().decode().strip())
        run_one(parent)
        assert folder.is_dir()
        process.stdin.close()
        process.stdout.read()  # until the fork has ended
        run_one(parent)
        assert not folder.exists()


def test_a_folder_that_was_exchanged_meanwhile_stays(parent: Path) -> None:
    with scratch_folder(parent) as folder:
        folder.rename(folder.with_name("moved"))
        folder.mkdir()
        (folder / "file").write_text("precious")
    assert (folder / "file").read_text() == "precious"


def test_many_at_the_same_time(parent: Path) -> None:
    """Each has a folder of its own, none loses it to another one, and in the end all are gone."""
    program = f"""
from pathlib import Path
from gto_ci.git.scratch_folders import scratch_folder
for number in range(100):
    with scratch_folder(Path({str(parent)!r})) as folder:
        (folder / "file").write_text("mine")
        assert [place.name for place in folder.iterdir() if place.name[0] != "."] == ["file"]
"""
    processes = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(4)]
    assert [process.wait() for process in processes] == [0, 0, 0, 0]
    # one may leave the folder around them where another one was just coming, and then it is empty
    assert [place for place in parent.rglob("*") if place.name not in (AREA, MARK)] == []


def test_only_the_user_may_look_into_it(parent: Path) -> None:
    with scratch_folder(parent) as folder:
        assert [place.stat().st_mode & 0o777 for place in (folder, folder.parent, folder / MARK)] == [
            0o700,
            0o700,
            0o600,
        ]


def test_the_folder_for_temporary_files(parent: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(parent))
    with temporary_folder() as folder:
        assert folder.parent == parent / AREA
    assert list(parent.iterdir()) == []


# A working folder inside the working tree


@pytest.mark.parametrize("place", [".", "sub", "sub/deeper"])
@pytest.mark.parametrize("options", [("-u",), ("-I", "."), ("-I", "*")])
def test_our_own_files_are_no_part_of_a_change(options: tuple[str, ...], place: str, ghosts: Ghosts) -> None:
    """A folder for temporary files inside the working tree came with the change, scratch repositories and all."""
    (ghosts.here.path / place).mkdir(parents=True, exist_ok=True)
    ghosts.here.write("new", "new\n")
    ghosts.here.write("sub/new too", "new\n")
    expected = ghosts.push(*options)
    assert ghosts.push(*options, "--ghost-working-dir", place) == expected
    listed = ghosts.ok(ghosts.here, "diff", *options, "--ghost-working-dir", place)
    assert MARK not in listed
    assert "scratch-" not in listed
    ran = ghosts.run(ghosts.here, "diff", "--ghost-working-dir", place)
    assert "2 untracked files" in ran.err
    assert "scratch-" not in ran.err


def test_files_of_another_process_are_no_part_of_a_change(ghosts: Ghosts) -> None:
    ghosts.here.write("new", "new\n")
    expected = ghosts.push("-u")
    with scratch_folder(ghosts.here.path) as folder:
        (folder / "file").write_text("of the other process")
        assert ghosts.push("-u", "--ghost-working-dir", ".") == expected
        (folder.parent / "mine").write_text("not of any process")
        assert ghosts.push("-u", "--ghost-working-dir", ".") != expected


def test_the_folder_is_absolute_however_it_was_named(ghosts: Ghosts) -> None:
    """A relative one was taken for one below each folder in which git runs."""
    ghosts.here.write("foo", "b\n")
    (ghosts.here.path / "sub").mkdir()
    done = subprocess.run(
        [BIN / "git-ghost", "push", "--ghost-working-dir", "../../temporary", "--ghost-repo", ghosts.url],
        cwd=ghosts.here.path / "sub",
        env=environ(ghosts.here),
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr.decode()[:1]) == (1, "❌")
    (ghosts.folder / "temporary").mkdir()
    ghosts.ok(ghosts.here, "push", "--ghost-working-dir", "../temporary")
    assert list((ghosts.folder / "temporary").iterdir()) == []
