"""Pull the data that DVC keeps outside git to the path in an artifact's annotation.

DVC is not a dependency of gto-ci, because it is large and most jobs pull nothing. It runs as a program, from a venv
made for the job, and reads the repository's own DVC settings.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from gto_ci.core.errors import PullFailed, Remedies, quote
from gto_ci.dvc.failure import explain
from gto_ci.dvc.install import installed
from gto_ci.dvc.requirements_lock import Lock
from gto_ci.dvc.run_as_owner import Say, account_for


@dataclass(frozen=True, slots=True)
class PulledData:
    """The data at ``path``: ``size`` is in bytes, ``files`` is their number, ``version`` is that of DVC."""

    path: str
    size: int
    files: int
    version: str


def check_extras(extras: Sequence[str]) -> tuple[str, ...]:
    """Return ``extras`` in order, each once.

    Raises:
        WrongInput: one of them is no extra of DVC that can be installed.
    """
    return Lock.packaged().check_extras(extras)


def pull(
    root: Path, path: str, extras: Sequence[str], *, environ: Mapping[str, str], folder: Path, say: Say
) -> PulledData:
    """Pull the data at ``path`` in the repository ``root`` with DVC.

    ``extras`` are DVC's, for the remote in use; ``environ`` may hold the remote's credentials. DVC is installed in
    ``folder``, unless an earlier call has installed it. ``say`` receives its output line by line. If this process is
    root and another user owns ``root``, DVC runs as that user.

    Raises:
        WrongInput: there is no such extra.
        PullFailed: DVC cannot be installed, or has nothing at that path, or cannot get it.
    """
    lock = Lock.packaged()
    extras = lock.check_extras(extras)
    root = root.resolve()
    place = _place(root, path)
    project = _project(root, place, path)
    # with ./ in front, DVC takes it neither for an option nor for a stage's name
    target = f"./{place.relative_to(project).as_posix()}"
    with account_for(root, folder, environ) as account:
        python = installed(lock, extras, folder, account, say)
        code, lines = account.run([python, "-I", "-m", "dvc", "pull", "--", target], project, account.environ, say)
    if code != 0:
        raise explain(path, code, lines, lock.dvc.extras)
    _place(root, path)
    size, files = _measure(place)
    if not files and not place.is_dir():
        raise PullFailed(f"DVC pulled nothing to {quote(path)}", "Check the artifact's 'path'")
    return PulledData(path, size, files, lock.dvc.version)


def _place(root: Path, path: str) -> Path:
    """Return where ``path`` is; ``root`` has no links in it.

    Raises:
        PullFailed: it is outside of the repository, or may lead there, or cannot be data.
    """
    wanted = PurePosixPath(path)
    next_step = "Give the artifact a 'path' inside the repository, to the data itself"
    if not wanted.parts or wanted.is_absolute() or ".." in wanted.parts or not all(map(_can_be, wanted.parts)):
        raise PullFailed(f"{quote(path)} is not a path inside the repository", next_step)
    if wanted.name in ("dvc.yaml", "dvc.lock") or wanted.suffix == ".dvc" or ".dvc" in wanted.parts:
        raise PullFailed(f"{quote(path)} is one of DVC's own files, not data that it keeps", next_step)
    place = root / wanted
    above = [root.joinpath(*wanted.parts[:depth]) for depth in range(1, len(wanted.parts))]
    # the last part may be a link of DVC's own, into its cache
    if any(folder.is_symlink() for folder in above) or not Path(os.path.realpath(place)).is_relative_to(root):
        raise PullFailed(f"{quote(path)} leads through a link", next_step)
    return place


def _can_be(name: str) -> bool:
    """Tell whether a file can have that name."""
    try:
        return len(os.fsencode(name)) <= 255 and "\0" not in name
    except UnicodeEncodeError:
        return False


def _project(root: Path, place: Path, path: str) -> Path:
    """Return the DVC project of ``place``: the nearest folder above it that holds ``.dvc``.

    Raises:
        PullFailed: there is none in the repository.
    """
    for folder in place.parents:
        if folder.is_relative_to(root) and (folder / ".dvc").is_dir():
            return folder
    raise PullFailed(
        f"{quote(path)} is in no DVC project: there is no folder '.dvc'",
        Remedies.PULL_NO_DATA.after("Run 'dvc init' and commit its files"),
    )


def _measure(place: Path) -> tuple[int, int]:
    sizes = [file.stat().st_size for file in (place, *place.rglob("*")) if file.is_file()]
    return sum(sizes), len(sizes)
