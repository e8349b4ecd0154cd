"""What was in a work tree before git wrote into it, to be put back if git fails half-way.

Git may fail after it has written some files. Another program may write at the same time: an editor that saves,
a job that is running. So a failed pull takes back only what git wrote for it, and keeps what others wrote.
"""

from __future__ import annotations

import filecmp
import os
import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

_LOCK_PATIENCE = 1.0  # seconds
Ours = Callable[[Sequence[Path]], set[Path]]  # of files: those that git wrote for us


@dataclass(slots=True)
class Backup:
    """What was at some paths. Made by :func:`back_up`; ``kept`` is None where there was no file."""

    root: Path
    kept: dict[Path, Path | None] = field(default_factory=dict)
    new_folders: list[Path] = field(default_factory=list)

    def restore(self, ours: Ours) -> list[Path]:
        """Put back what was there. Return the paths where something of somebody else's stays.

        Only two things are removed: files of which ``ours`` says that git wrote them, and empty folders that
        were not there before.
        """
        changed = [place for place in self.kept if not self._is_as_before(place)]
        files = [place for place in changed if self.is_file(place)]
        written = ours(files)
        for place in written:
            with suppress(OSError):  # what can be put back is
                place.unlink()
        for folder in self.new_folders:
            with suppress(OSError):  # it is none, or somebody else's file is in it
                folder.rmdir()
        for place in changed:
            copy = self.kept[place]
            if copy is not None and not os.path.lexists(place) and not self._is_beyond_link(place):
                with suppress(OSError):
                    place.parent.mkdir(parents=True, exist_ok=True)
                    _copy(copy, place)
        return [place for place in changed if not self._is_as_before(place)]

    def _is_as_before(self, place: Path) -> bool:
        copy = self.kept[place]
        if copy is None or not self.is_file(place):
            return copy is None and not self.is_file(place)
        if place.is_symlink() or copy.is_symlink():
            return place.is_symlink() and copy.is_symlink() and place.readlink() == copy.readlink()
        same_mode = place.stat().st_mode == copy.stat().st_mode
        return same_mode and filecmp.cmp(place, copy, shallow=False)

    def is_file(self, place: Path) -> bool:
        """Tell whether a file or link is at ``place``, inside the work tree."""
        return (place.is_symlink() or place.is_file()) and not self._is_beyond_link(place)

    def _is_beyond_link(self, place: Path) -> bool:
        """Tell whether a folder above ``place`` has become a link: what is there is not in the work tree."""
        return any(above.is_symlink() for above in place.parents if self.root in above.parents)


def back_up(paths: Iterable[Path], root: Path, folder: Path) -> Backup:
    """Return a backup, in the new folder ``folder``, of what is at ``paths`` below ``root``.

    Raises:
        OSError: something cannot be read.
    """
    backup = Backup(root)
    folder.mkdir()
    for number, place in enumerate(paths):
        backup.kept[place] = None
        if backup.is_file(place):
            copy = folder / str(number)
            _copy(place, copy)
            backup.kept[place] = copy
        # git makes a folder for a submodule, too, and in the place of a file
        for above in (place, *place.parents):
            if above == root or (above.is_dir() and not above.is_symlink()):
                break
            backup.new_folders.append(above)
    backup.new_folders = sorted({*backup.new_folders}, key=lambda one: len(one.parts), reverse=True)
    return backup


@dataclass(slots=True)
class RecordBackup:
    """The files in which git records what is checked out, such as the index. Made by :func:`back_up_records`."""

    kept: dict[Path, Path | None]
    written: dict[Path, bytes | None] = field(default_factory=dict)

    def note_written(self) -> None:
        """Take what the files hold now for what git has written for us: if that changes, somebody else did it."""
        self.written = {record: _content(record) for record in self.kept}

    def restore(self) -> None:
        """Put back, under git's own locks, those that are not as before, unless somebody else changed them."""
        for record, copy in self.kept.items():
            found = _content(record)
            before = None if copy is None else _content(copy)
            if found != before and found == self.written.get(record, found):
                with suppress(OSError):
                    _put_back(record, copy)


def back_up_records(records: Iterable[Path], folder: Path) -> RecordBackup:
    """Return a backup of ``records``, in the new folder ``folder``.

    Raises:
        OSError: something cannot be read.
    """
    folder.mkdir()
    kept: dict[Path, Path | None] = {}
    for record in records:
        copy = folder / record.name
        if record.exists():
            _copy(record, copy)
        kept[record] = copy if copy.exists() else None
    return RecordBackup(kept)


def _put_back(record: Path, copy: Path | None) -> None:
    """Replace ``record`` as git does: whoever holds its lock file may write it, and nobody else."""
    lock = record.with_name(f"{record.name}.lock")
    end = time.monotonic() + _LOCK_PATIENCE
    while True:
        try:
            lock.open("xb").close()
            break
        except FileExistsError:
            if time.monotonic() > end:
                raise
            time.sleep(0.01)
    try:
        if copy is None:
            record.unlink()
            lock.unlink()  # made above
        else:
            _copy(copy, lock)
            lock.replace(record)
    except BaseException:
        lock.unlink()
        raise


def _content(record: Path) -> bytes | None:
    return record.read_bytes() if record.exists() else None


def _copy(source: Path, target: Path) -> None:
    shutil.copy2(source, target, follow_symlinks=False)
    with suppress(OSError):  # only root can, and need
        status = source.lstat()
        os.chown(target, status.st_uid, status.st_gid, follow_symlinks=False)
