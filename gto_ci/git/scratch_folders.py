"""Temporary folders, and the mark that proves that a killed process of this program left one behind.

No folder is removed because of its name. The folders are made in a folder of the user's own, ``gto-ci-UID``, which no
other user can read or write. Each folder holds a mark: a file with the folder's random name, its device and inode, and
the id of the system's boot. A copied or restored folder has another inode, so a mark fits only the folder that it was
written for. The mark is locked while the process that made the folder, or a fork of it, is running. A process id would
prove nothing, because the system uses these ids again.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path

from gto_ci.core.errors import WrongInput, quote

try:
    import fcntl
except ImportError:  # Windows: there is no way to tell whether a folder is still in use, so none is removed later
    fcntl = None  # type: ignore[assignment]

MARK = ".gto-ci-scratch"
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_TRIES = 10


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Yield a new scratch folder in the system's folder for temporary files, and remove it at the end.

    Raises:
        WrongInput: that folder cannot be written to.
    """
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(scratch_folder(Path(tempfile.gettempdir())))
        except OSError as error:
            raise WrongInput(
                f"The folder for temporary files cannot be used: {quote(error.strerror)[1:-1]}",
                "Free some space there, or set TMPDIR to a folder that you may write to",
            ) from error
        yield folder


@contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """Yield a new scratch folder below ``parent``, and remove it at the end.

    Scratch folders that killed processes of this user left in the same place are removed first.

    Raises:
        OSError: ``parent`` cannot be written to.
    """
    area, folder, lock = _make_in_area(parent)
    made = folder.lstat()
    try:
        yield folder
    finally:
        _remove(folder, made)
        os.close(lock)
        if area is not None:
            _remove_empty_area(area)


def scratch_files(folder: Path) -> list[Path]:
    """Return the scratch folders and marks in the parent of the scratch folder ``folder``, also of other processes."""
    area = folder.parent
    others = [one for one in area.iterdir() if _is_marked(one)]
    return [folder, *others, *([area / MARK] if _is_marked(area) else [])]


def _is_marked(folder: Path) -> bool:
    if fcntl is None:
        return False
    with suppress(OSError):  # no folder, no mark, or gone meanwhile
        mark = _open_mark(folder)
        if mark is not None:
            os.close(mark)
            return True
    return False


def _make_in_area(parent: Path) -> tuple[Path | None, Path, int]:
    """Make a scratch folder in the user's own folder in ``parent``, or in ``parent`` if another user has that name."""
    for _ in range(_TRIES):
        area = _own_area(parent)
        if area is None:
            break
        _sweep(area)
        with suppress(FileNotFoundError):  # another process has just removed the area
            return area, *_make(area, "scratch")
    return None, *_make(parent, "gto-ci")


def _own_area(parent: Path) -> Path | None:
    """Return the folder ``gto-ci-UID`` in ``parent`` if it is this user's alone, None otherwise. Make it if missing."""
    if fcntl is None:
        return None
    area = parent / f"gto-ci-{os.geteuid()}"
    with suppress(FileExistsError):
        area.mkdir(0o700)
        try:
            os.close(_write_mark(area))
        except BaseException:
            with suppress(OSError):  # another process has a folder in it already
                area.rmdir()
            raise
    with suppress(FileNotFoundError):
        return area if _is_private(area.lstat()) else None
    return area


def _make(parent: Path, prefix: str) -> tuple[Path, int]:
    """Make a folder with a mark in ``parent``. Return it, and the open mark, which holds the lock."""
    folder = parent / f"{prefix}-{secrets.token_hex(8)}"
    folder.mkdir(0o700)
    made = folder.lstat()
    try:
        return folder, _write_mark(folder)
    except BaseException:
        _remove(folder, made)
        raise


def _write_mark(folder: Path) -> int:
    mark = os.open(folder / MARK, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        if fcntl is not None:
            with suppress(OSError):  # a file system without locks: no process gets one, and none removes folders
                fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        text = _mark_text(folder)
        if os.write(mark, text) < len(text):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except BaseException:
        os.close(mark)
        (folder / MARK).unlink()
        raise
    return mark


def _mark_text(folder: Path) -> bytes:
    about = folder.lstat()
    return f"gto-ci scratch folder {folder.name} {about.st_dev}:{about.st_ino} {_boot()}\n".encode()


@cache
def _boot() -> str:
    """Return an id of this boot of this machine: locks do not work across machines."""
    try:
        return _BOOT.read_text(encoding="ascii").strip()
    except OSError:
        import platform  # late: not needed on Linux

        return platform.node()


def _is_private(about: os.stat_result) -> bool:
    return stat.S_ISDIR(about.st_mode) and about.st_uid == os.geteuid() and not about.st_mode & 0o077


def _open_mark(folder: Path) -> int | None:
    """Return the open mark of ``folder``, None if this program did not write it, as this user, for this very folder."""
    if not _is_private(folder.lstat()):
        return None
    mark = os.open(folder / MARK, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    about, text = os.fstat(mark), _mark_text(folder)
    written_here = stat.S_ISREG(about.st_mode) and about.st_uid == os.geteuid() and about.st_nlink == 1
    if written_here and about.st_size == len(text) and os.read(mark, len(text)) == text:
        return mark
    os.close(mark)
    return None


def _sweep(area: Path) -> None:
    """Remove the scratch folders in ``area`` that have a valid mark which no process has locked."""
    with suppress(OSError):
        for folder in list(area.iterdir()):
            with suppress(OSError):  # no folder, no mark, in use, or gone meanwhile
                _remove_if_abandoned(folder)


def _remove_if_abandoned(folder: Path) -> None:
    mark = _open_mark(folder)
    if mark is None:
        return
    try:
        fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _remove(folder, folder.lstat())
    finally:
        os.close(mark)


def _remove(folder: Path, made: os.stat_result) -> None:
    """Remove ``folder`` if it is the one that ``made`` describes. The mark is removed last, in case we are killed."""
    with suppress(OSError):
        if not os.path.samestat(folder.lstat(), made):
            return
        for place in [place for place in folder.iterdir() if place.name != MARK]:
            if place.is_dir() and not place.is_symlink():
                shutil.rmtree(place, ignore_errors=True)
            else:
                place.unlink()
        if {place.name for place in folder.iterdir()} <= {MARK}:
            (folder / MARK).unlink(missing_ok=True)
            folder.rmdir()


def _remove_empty_area(area: Path) -> None:
    """Remove ``area`` if this program made it, and it is empty."""
    with suppress(OSError):
        if _is_marked(area) and {place.name for place in area.iterdir()} == {MARK}:
            (area / MARK).unlink()
            area.rmdir()
