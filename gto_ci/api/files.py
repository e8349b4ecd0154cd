"""Files in the user's working tree: find, read and safely replace them."""

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
        GtoError: the path is outside the repository.
    """
    index = posixpath.normpath(settings.index)
    if index.startswith("../") or index in ("..", "."):
        raise GtoError(f"The index {quote(settings.index)} is outside the repository", "Correct 'index' in .gto")
    return index


def file_to_write(root: Path, path: str) -> Path:
    """Return the file at ``path`` below ``root``. If it is a symbolic link, return its target.

    Raises:
        GtoError: the file is outside the working tree, or inside ``.git``.
    """
    file = (root / path).resolve()
    top = root.resolve()
    if not file.is_relative_to(top) or file.is_relative_to(top / ".git"):
        raise GtoError(
            f"{quote(path)} points outside the working tree, to {quote(file)}", "Replace the symbolic link with a file"
        )
    return file


def read(file: Path, path: str) -> bytes | None:
    """Return the content of ``file``, None if it does not exist. Errors name it ``path``.

    Raises:
        GtoError: the file cannot be read.
    """
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise file_error(path, error) from error


def replace(file: Path, before: bytes | None, text: bytes, path: str) -> None:
    """Write ``text`` to a new file, and rename it to ``file``. A reader sees all of the old text or all of the new.

    ``before`` is the text that was read from ``file``, None if the file did not exist.

    Raises:
        GtoError: another program has changed ``file`` since, or it cannot be written. Its content is unchanged.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        beside = write_beside(file, text)
        try:
            put_in_place(beside, file, before, path)
        except BaseException:
            beside.unlink(missing_ok=True)  # ours: its name is random, and was free
            raise
    except OSError as error:
        raise file_error(path, error) from error


def put_in_place(beside: Path, file: Path, before: bytes | None, path: str) -> None:
    """Rename ``beside`` to ``file``, which must still hold ``before``, or must not exist if that is None.

    Raises:
        GtoError: another program has changed ``file``; nothing was renamed.
        OSError: ``beside`` cannot be renamed.
    """
    if read(file, path) != before:
        raise _changed(path)
    if before is None:
        try:
            os.link(beside, file)  # unlike a rename, this never overwrites a file
        except FileExistsError:
            raise _changed(path) from None
        except OSError:  # the file system has no hard links; the name was free a moment ago
            beside.replace(file)
        else:
            beside.unlink()  # the file now has its final name
    else:
        beside.replace(file)  # asked for: the file has the content to be replaced


def _changed(path: str) -> GtoError:
    return GtoError(f"Another program changed {quote(path)}, so nothing was written", "Try again")


def write_beside(file: Path, text: bytes) -> Path:
    """Write ``text`` to a new file in the folder of ``file``, with the mode and owner of ``file``. Return its path.

    Raises:
        OSError: the file cannot be written; no file is left behind.
    """
    name = file.parent / f".{file.name}.{secrets.token_hex(4)}"
    handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(handle, "wb") as beside:
            beside.write(text)
            beside.flush()
            os.fsync(beside.fileno())
        _copy_mode_and_owner(file, name)
    except BaseException:
        name.unlink(missing_ok=True)  # created above
        raise
    return name


def _copy_mode_and_owner(file: Path, name: Path) -> None:
    """Copy the mode and owner of ``file``, if it exists, to the new file ``name``."""
    try:
        old = file.stat()
    except FileNotFoundError:
        return
    if hasattr(os, "chown"):
        with contextlib.suppress(PermissionError):  # only root may change the owner; the content matters more
            os.chown(name, old.st_uid, old.st_gid)
    name.chmod(stat.S_IMODE(old.st_mode))


def file_error(path: str, error: OSError) -> GtoError:
    """Return the error for a file that cannot be read or written."""
    return GtoError(f"Cannot use {quote(path)}: {error.strerror}", "Make it a file that you can read and write")


def difference(path: str, before: bytes | None, after: bytes) -> Iterator[str]:
    """Yield the lines of a unified diff, with control characters escaped. ``before`` is None for a new file."""
    old, new = ((text or b"").decode(errors="replace").splitlines() for text in (before, after))
    for line in difflib.unified_diff(
        old, new, f"a/{path}" if before is not None else "/dev/null", f"b/{path}", lineterm=""
    ):
        yield one_line(line, 10_000)
