"""Edge, git: the last step of a change, that has to be taken whole.

What is to be seen in a user's repository is prepared where nobody sees it. To make it visible takes a
few git processes and some milliseconds, in which we could be killed. So it is done by a fork in a
session of its own: a signal to us, or to our process group, does not reach it, and what it has begun
it ends, or takes back.
"""

from __future__ import annotations

import os
import pickle
import shutil
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from gto_ci.errors import GitError, GtoError


def finish(steps: Callable[[], None]) -> None:
    """Run ``steps`` to their end, whatever happens to this process meanwhile.

    In a program with several threads, which a fork would not carry over, they run here.

    Raises:
        GtoError: what ``steps`` raised.
        KeyboardInterrupt: somebody asked for a stop; the steps were done first.
    """
    if not hasattr(os, "fork") or threading.active_count() > 1:
        steps()
        return
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _in_child(steps, writing)
    os.close(writing)
    interrupted = False
    answer = b""
    while True:
        try:
            block = os.read(reading, 65536)
        except KeyboardInterrupt:
            interrupted = True
            continue
        if not block:
            break
        answer += block
    os.close(reading)
    os.waitpid(child, 0)
    if interrupted:
        raise KeyboardInterrupt
    _raise(answer)


def _in_child(steps: Callable[[], None], writing: int) -> None:
    answer: tuple[object, ...] = ("bug", "it was killed")
    try:
        os.setsid()
        steps()
        answer = ("done",)
    except GitError as error:
        answer = ("git", error.command, error.returncode, error.stdout, error.stderr, error.next_step)
    except GtoError as error:
        answer = ("user", error.cause, error.next_step)
    except BaseException as error:
        answer = ("bug", repr(error))
    finally:
        with suppress(OSError):  # nobody may be there to read it
            os.write(writing, pickle.dumps(answer))
        os._exit(0)  # without a copy of what our parent does at its end


def _raise(answer: bytes) -> None:
    kind, *rest = pickle.loads(answer) if answer else ("bug", "it was killed")  # noqa: S301  our own fork wrote it
    if kind == "git":
        raise GitError(*rest)
    if kind == "user":
        raise GtoError(*rest)
    if kind == "bug":
        raise GtoError(f"The last step failed: {rest[0]}", "Look at 'git status' before you go on")


@dataclass(slots=True)
class Backup:
    """What was at some paths, to be put back. Made by :func:`back_up`; ``kept`` is None for what was not there."""

    kept: dict[Path, Path | None] = field(default_factory=dict)
    new_folders: list[Path] = field(default_factory=list)

    def restore(self) -> None:
        """Put back what was there, and remove what was not."""
        for place, copy in self.kept.items():
            with suppress(OSError):  # what can be put back is
                if place.is_symlink() or place.is_file():
                    place.unlink()
                elif place.is_dir() and copy is not None:
                    shutil.rmtree(place)
                if copy is not None:
                    place.parent.mkdir(parents=True, exist_ok=True)
                    _copy(copy, place)
        for folder in self.new_folders:
            with suppress(OSError):  # somebody else's file is in it
                folder.rmdir()


def back_up(paths: Iterable[Path], root: Path, folder: Path) -> Backup:
    """Return a backup, in the new folder ``folder``, of what is at ``paths`` below ``root``.

    Raises:
        OSError: something cannot be read.
    """
    backup = Backup()
    folder.mkdir()
    for number, place in enumerate(paths):
        if place.is_symlink() or place.is_file():
            copy = folder / str(number)
            _copy(place, copy)
            backup.kept[place] = copy
        else:
            backup.kept[place] = None
        above = place.parent
        while root in above.parents and not os.path.lexists(above) and above not in backup.new_folders:
            backup.new_folders.append(above)
            above = above.parent
    backup.new_folders.sort(key=lambda one: len(one.parts), reverse=True)
    return backup


def _copy(source: Path, target: Path) -> None:
    shutil.copy2(source, target, follow_symlinks=False)
    with suppress(OSError):  # only root can, and need
        status = source.lstat()
        os.chown(target, status.st_uid, status.st_gid, follow_symlinks=False)
