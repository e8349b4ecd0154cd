"""The user that runs pip and DVC, and the only place that starts them.

A container's root works for the workspace's owner, so pip and DVC run as that owner. The owner then owns the files that
they write, and the ownership checks of git and DVC pass.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gto_ci.core.errors import PullFailed, one_line, quote
from gto_ci.git.process import without_password

Say = Callable[[str], None]

# Variables that lead Python, libgit2 or DVC to other code or another repository, or make them use a terminal. Those for
# the access to other repositories (ssh, certificates) stay, for imported data.
_STEERING = re.compile(r"PYTHON.*|GIT_(?!SSH|SSL_).*|DVC_(?:DAEMON|IGNORE_ISATTY|PAGER|ROOT|SHOW_TRACEBACK|STAGE|TEST)")
# a signed URL carries its secret in the query
_QUERY = re.compile(r"(?<=://)([^\s?'\"<>]+\?)[^\s'\"<>]+")
_KEPT_LINES = 200


@dataclass(frozen=True, slots=True)
class Account:
    """The user of a process. ``private`` is a folder of that user; ``ids`` are user and group, None for our own."""

    environ: Mapping[str, str] = field(repr=False)
    private: Path
    ids: tuple[int, int] | None = None

    @property
    def uid(self) -> int:
        """The number of the user."""
        return self.ids[0] if self.ids else os.geteuid()

    def new_folder(self, parent: Path, prefix: str) -> AbstractContextManager[Path]:
        """Make a folder of the account's own in ``parent``; see :func:`_new_folder`."""
        return _new_folder(parent, prefix, self.ids)

    def run(
        self, command: Sequence[str | Path], cwd: Path, environ: Mapping[str, str], say: Say | None = None
    ) -> tuple[int, list[str]]:
        """Run ``command``; return its exit code and the last lines of its output, without secrets of URLs.

        ``say`` receives each line at once. The process has no terminal to ask on.

        Raises:
            PullFailed: it cannot be started.
        """
        options: dict[str, Any] = {"user": self.ids[0], "group": self.ids[1], "extra_groups": []} if self.ids else {}
        lines: deque[str] = deque(maxlen=_KEPT_LINES)
        try:
            process = subprocess.Popen(
                command,
                cwd=cwd,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,
                **options,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise PullFailed(
                f"User {self.uid} cannot start {quote(command[0])}: {one_line(error)}",
                "Check who may read that file, and the folders above it",
            ) from error
        with process:
            assert process.stdout is not None
            try:
                for line in process.stdout:
                    lines.append(_without_secrets(line.rstrip()))
                    if say:
                        say(lines[-1])
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)
                raise
        return process.returncode, list(lines)


@contextmanager
def account_for(root: Path, folder: Path, environ: Mapping[str, str]) -> Iterator[Account]:
    """Yield the account that works in ``root``: its owner's if this process is root, else our own.

    The account's private folder is in ``folder``, and is removed in the end.

    Raises:
        PullFailed: no folder can be created in ``folder``.
    """
    owner = root.stat()
    ids = (owner.st_uid, owner.st_gid) if os.geteuid() == 0 and owner.st_uid != 0 else None
    with ExitStack() as stack:
        try:
            private = stack.enter_context(_new_folder(folder, "gto-ci-dvc-", ids))
        except OSError as error:
            raise PullFailed(
                f"No folder can be created in {quote(folder)}: {error.strerror}",
                "Give the job a folder for temporary files that it may write to",
            ) from error
        uid = ids[0] if ids else os.geteuid()
        yield Account(environment(environ, private, uid), private, ids)


@contextmanager
def _new_folder(parent: Path, prefix: str, ids: tuple[int, int] | None) -> Iterator[Path]:
    """Yield a new folder in ``parent`` that belongs to ``ids``; remove it in the end if it is still the same folder.

    Another user may own ``parent``, and put another folder in its place.
    """
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    made = folder.lstat()
    try:
        if ids:
            os.chown(folder, *ids, follow_symlinks=False)
        yield folder
    finally:
        with suppress(OSError):
            if os.path.samestat(folder.lstat(), made):
                shutil.rmtree(folder, ignore_errors=True)


def environment(environ: Mapping[str, str], private: Path, uid: int) -> dict[str, str]:
    """Return the variables for user ``uid``: those of ``environ`` that name no other code or repository.

    If ``uid`` owns HOME, it stays; otherwise HOME is ``private``.
    """
    kept = {name: value for name, value in environ.items() if not _STEERING.fullmatch(name)}
    if not _owns(uid, kept.get("HOME", "")):
        kept = {name: value for name, value in kept.items() if not name.startswith("XDG_")}
        kept["HOME"] = str(private)
    name = _name(uid)
    return {
        "USER": name,
        "LOGNAME": name,
        "CI": "true",  # so DVC does not look for a newer version of itself
        **kept,
        "DVC_NO_ANALYTICS": "1",
        "DVC_SITE_CACHE_DIR": str(private / "site-cache"),
        "GIT_TERMINAL_PROMPT": "0",
        "NO_COLOR": "1",
    }


def _owns(uid: int, folder: str) -> bool:
    place = Path(folder)
    return place.is_absolute() and place.is_dir() and place.stat().st_uid == uid


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return "gto-ci"  # a user of the host, who is not in the container's list


def _without_secrets(line: str) -> str:
    return _QUERY.sub(r"\1***", without_password(line))
