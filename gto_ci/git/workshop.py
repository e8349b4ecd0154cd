"""Edge, git: scratch repositories for work that nobody is to see before it is done.

A workshop is a temporary folder with empty bare repositories in it, one of which can borrow the objects
of a user's. What is made in it is made visible by one step in the end, or thrown away. It holds a lock
as long as its process lives, so whoever opens the next workshop can tell, and clear away, what a
killed process has left behind.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from gto_ci.errors import WrongInput, quote
from gto_ci.git.repository import Repository
from gto_ci.git.runner import Runner
from gto_ci.git.scratch import lay_out

try:
    import fcntl
except ImportError:  # not on Windows; there nothing is cleared away after a kill
    fcntl = None  # type: ignore[assignment]

_NAME = "git-ghost-"
_LOCK = "lock"
# What keeps git the same whoever runs it: none of the user's settings, attributes, programs or displays.
# HOME and XDG_CONFIG_HOME are for git before 2.32, which does not know GIT_CONFIG_GLOBAL.
_NOBODY = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_ATTR_NOSYSTEM": "1"}


@dataclass(frozen=True, slots=True)
class Scratch:
    """A scratch repository. ``git`` runs git in it with the user's settings, ``neutral`` with nobody's."""

    git: Repository
    neutral: Repository

    @property
    def root(self) -> Path:
        """Its folder."""
        return self.git.root


@dataclass(frozen=True, slots=True)
class Workshop:
    """A temporary folder for scratch repositories and files. Made by :func:`open_workshop`."""

    folder: Path
    runner: Runner

    def beside(self, repository: Repository, *names: str) -> tuple[Scratch, list[Path]]:
        """Return a new scratch repository that borrows the objects of ``repository``, and has its object format.

        With it come the paths of the files called ``names`` of that repository: it is asked only once.

        Raises:
            GitError: git cannot read ``repository``.
        """
        asked = (word for name in ("objects", "shallow", *names) for word in ("--git-path", name))
        *paths, object_format = repository.rev_parse("--path-format=absolute", *asked, "--show-object-format")
        objects, shallow, *others = map(Path, paths)
        return self._scratch("beside", object_format, objects, shallow), others

    def alone(self, name: str, object_format: str) -> Scratch:
        """Return a scratch repository that knows of no other; one of that ``name`` is replaced."""
        return self._scratch(name, object_format, None, None)

    def file(self, name: str) -> Path:
        """Return the path of a file in the folder."""
        return self.folder / name

    def _scratch(self, name: str, object_format: str, objects: Path | None, shallow: Path | None) -> Scratch:
        root, home = self.folder / name, self.folder / "home"
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir()
        home.mkdir(exist_ok=True)
        lay_out(root, object_format, objects=objects, shallow=shallow)
        environ = {**self.runner.environ, "GIT_CEILING_DIRECTORIES": str(self.folder)}
        runner = Runner(environ, (*self.runner.config, ("safe.directory", str(root))), self.runner.secrets)
        return Scratch(Repository(root, runner), Repository(root, _neutral(environ, self.folder, home)))


@contextmanager
def open_workshop(runner: Runner, parent: Path | None = None) -> Iterator[Workshop]:
    """Yield a workshop in ``parent``, by default the system's folder for temporary files.

    What killed processes of this user left in ``parent`` is cleared away first.

    Raises:
        WrongInput: ``parent`` is no folder that can be written to.
    """
    with _folder(Path(tempfile.gettempdir()) if parent is None else parent) as folder:
        yield Workshop(folder, runner)


def _neutral(environ: Mapping[str, str], folder: Path, home: Path) -> Runner:
    kept = {name: value for name, value in environ.items() if not name.startswith("GIT_")}
    places = {"HOME": str(home), "XDG_CONFIG_HOME": str(home), "GIT_CEILING_DIRECTORIES": str(folder)}
    return Runner({**kept, **_NOBODY, **places})


@contextmanager
def _folder(parent: Path) -> Iterator[Path]:
    """A new folder in ``parent``, locked while this process or one that it has forked lives."""
    try:
        _sweep(parent)
        folder = Path(tempfile.mkdtemp(prefix=f"{_NAME}{os.getpid()}-", dir=parent))
    except OSError as error:
        raise WrongInput(
            f"ghost-working-dir is not found (value: {quote(parent)[1:-1]}): {error.strerror}",
            "Name a folder that you may write to with --ghost-working-dir",
        ) from error
    # locked before it has the name by which others look for it
    lock = os.open(folder / f"{_LOCK}.new", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        if fcntl is not None:
            fcntl.flock(lock, fcntl.LOCK_EX)
        (folder / f"{_LOCK}.new").rename(folder / _LOCK)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _sweep(parent: Path) -> None:
    """Remove the workshops in ``parent`` whose process is no more."""
    if fcntl is None:
        return
    for folder in parent.glob(f"{_NAME}*-*"):
        with suppress(OSError):  # somebody else's, in use, or gone meanwhile
            if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
                continue
            if not (folder / _LOCK).exists():  # just being made, or its maker was killed in that moment
                if not _lives(folder.name):
                    shutil.rmtree(folder, ignore_errors=True)
                continue
            lock = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)


def _lives(name: str) -> bool:
    """Tell whether the process lives that the name of its workshop tells."""
    number = name.removeprefix(_NAME).partition("-")[0]
    try:
        os.kill(int(number), 0)
    except (ValueError, ProcessLookupError, OverflowError):
        return False
    except OSError:  # it does, and is not ours
        return True
    return True
