"""Backups of files in a working tree, to restore them if git fails after it has written some.

Another program may write at the same time: an editor, or a running job. So a failed pull undoes only what git wrote
for it, and keeps what other programs wrote.
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
Ours = Callable[[Sequence[Path]], set[Path]]  # returns those files that git wrote for us


@dataclass(slots=True)
class Backup:
    """A backup of the files at some paths. Made by :func:`back_up`.

    ``kept`` maps each path to the copy of its file, or to None if there was no file.
    """

    root: Path
    kept: dict[Path, Path | None] = field(default_factory=dict)
    new_folders: list[Path] = field(default_factory=list)

    def restore(self, ours: Ours) -> list[Path]:
        """Restore the files, and return the paths where another program has written, which are left alone.

        Only two things are removed: files that git wrote, as ``ours`` tells, and empty folders that are new.
        """
        changed = [place for place in self.kept if not self._is_as_before(place)]
        files = [place for place in changed if self.is_file(place)]
        written = ours(files)
        for place in written:
            with suppress(OSError):  # the other files are restored all the same
                place.unlink()
        for folder in self.new_folders:
            with suppress(OSError):  # it is no folder, or it is not empty
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
        """Tell whether there is a file or link at ``place``, inside the working tree."""
        return (place.is_symlink() or place.is_file()) and not self._is_beyond_link(place)

    def _is_beyond_link(self, place: Path) -> bool:
        """Tell whether a folder above ``place`` has become a link, which leads out of the working tree."""
        return any(above.is_symlink() for above in place.parents if self.root in above.parents)


def back_up(paths: Iterable[Path], root: Path, folder: Path) -> Backup:
    """Copy the files at ``paths`` below ``root`` into the new folder ``folder``, and return the backup.

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
        # git makes folders for submodules too, and in place of files
        for above in (place, *place.parents):
            if above == root or (above.is_dir() and not above.is_symlink()):
                break
            backup.new_folders.append(above)
    backup.new_folders = sorted({*backup.new_folders}, key=lambda one: len(one.parts), reverse=True)
    return backup


@dataclass(slots=True)
class RecordBackup:
    """A backup of git's own files about the checkout, such as the index. Made by :func:`back_up_records`."""

    kept: dict[Path, Path | None]
    written: dict[Path, bytes | None] = field(default_factory=dict)

    def note_written(self) -> None:
        """Remember the present content as what git wrote for us: if it changes later, another program changed it."""
        self.written = {record: _content(record) for record in self.kept}

    def restore(self) -> None:
        """Restore the changed files under git's own locks, except those that another program has changed."""
        for record, copy in self.kept.items():
            found = _content(record)
            before = None if copy is None else _content(copy)
            if found != before and found == self.written.get(record, found):
                with suppress(OSError):
                    _put_back(record, copy)


def back_up_records(records: Iterable[Path], folder: Path) -> RecordBackup:
    """Copy ``records`` into the new folder ``folder``, and return the backup.

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
    """Replace ``record`` as git does: only the process that has made its lock file may write it."""
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
    with suppress(OSError):  # only root can do this, and only root needs it
        status = source.lstat()
        os.chown(target, status.st_uid, status.st_gid, follow_symlinks=False)
