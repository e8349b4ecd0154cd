"""Files of a user's work tree: where they are, what they hold, and how one takes another's place."""

from __future__ import annotations

import contextlib
import difflib
import os
import posixpath
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

from gto_ci.core.errors import GtoError, one_line, quote
from gto_ci.files.config import Settings


def index_path(settings: Settings) -> str:
    """Return the annotation file's path in the repository.

    Raises:
        GtoError: it would be outside.
    """
    index = posixpath.normpath(settings.index)
    if index.startswith("../") or index in ("..", "."):
        raise GtoError(f"The index {quote(settings.index)} is outside the repository", "Correct 'index' in .gto")
    return index


def file_to_write(root: Path, path: str) -> Path:
    """Return the file at ``path`` below ``root``; where that is a symbolic link, the file that it leads to.

    Raises:
        GtoError: that is outside the work tree, or inside ``.git``.
    """
    file = (root / path).resolve()
    top = root.resolve()
    if not file.is_relative_to(top) or file.is_relative_to(top / ".git"):
        raise GtoError(
            f"{quote(path)} leads out of the work tree, to {quote(file)}", "Replace the symbolic link by a file"
        )
    return file


def read(file: Path, path: str) -> bytes | None:
    """Return what ``file`` holds, None where there is none; ``path`` is what errors call it.

    Raises:
        GtoError: it cannot be read.
    """
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise trouble(path, error) from error


def replace(file: Path, before: bytes | None, text: bytes, path: str) -> None:
    """Write ``text`` beside ``file`` and put it in its place: who looks finds the old text or the new one, whole.

    ``before`` is what was read from ``file``, None where it was missing.

    Raises:
        GtoError: somebody else has changed it since, or it cannot be written; what it holds is still there.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        beside = write_beside(file, text)
        try:
            put_in_place(beside, file, before, path)
        except BaseException:
            beside.unlink(missing_ok=True)  # its name is random, and was free
            raise
    except OSError as error:
        raise trouble(path, error) from error


def put_in_place(beside: Path, file: Path, before: bytes | None, path: str) -> None:
    """Rename ``beside`` to ``file``, which must hold ``before`` still, or be missing where that is None.

    Raises:
        GtoError: somebody else has changed it; nothing was renamed.
        OSError: it cannot be renamed.
    """
    if read(file, path) != before:
        raise _changed(path)
    if before is None:
        try:
            os.link(beside, file)  # which overwrites nothing, as a rename would
        except FileExistsError:
            raise _changed(path) from None
        except OSError:  # a file system without links; it was free a moment ago
            beside.replace(file)
        else:
            beside.unlink()  # has another name now
    else:
        beside.replace(file)  # asked for: it holds what was to be replaced


def _changed(path: str) -> GtoError:
    return GtoError(f"{quote(path)} has changed meanwhile, and nothing was written", "Run it again")


def write_beside(file: Path, text: bytes) -> Path:
    """Write ``text`` into a new file in the folder of ``file``, with the mode and owner of ``file``, and return it.

    Raises:
        OSError: it cannot be written; nothing is left behind.
    """
    name = file.parent / f".{file.name}.{secrets.token_hex(4)}"
    handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(handle, "wb") as beside:
            beside.write(text)
            beside.flush()
            os.fsync(beside.fileno())
        _take_over(file, name)
    except BaseException:
        name.unlink(missing_ok=True)  # made above
        raise
    return name


def _take_over(file: Path, name: Path) -> None:
    """Give the new file the old one's mode and owner, if there is an old one."""
    try:
        old = file.stat()
    except FileNotFoundError:
        return
    if hasattr(os, "chown"):
        with contextlib.suppress(PermissionError):  # not ours to give away; the content matters more
            os.chown(name, old.st_uid, old.st_gid)
    name.chmod(stat.S_IMODE(old.st_mode))


def trouble(path: str, error: OSError) -> GtoError:
    """Return what to tell a user of a file that cannot be read or written."""
    return GtoError(f"Cannot use {quote(path)}: {error.strerror}", "Make it a file that you may read and write")


def difference(path: str, before: bytes | None, after: bytes) -> Iterator[str]:
    """Yield the lines of a unified diff, printable; ``before`` is None where there is no file yet."""
    old, new = ((text or b"").decode(errors="replace").splitlines() for text in (before, after))
    for line in difflib.unified_diff(
        old, new, f"a/{path}" if before is not None else "/dev/null", f"b/{path}", lineterm=""
    ):
        yield one_line(line, 10_000)
