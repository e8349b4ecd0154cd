"""Scratch repositories, for work that must not be visible before it is complete.

A scratch area is a temporary folder with empty bare repositories. One of them can borrow the objects of the user's
repository. One last step makes the result visible in the user's repository; without that step, it is discarded.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from gto_ci.core.errors import Remedies, WrongInput, quote
from gto_ci.git.process import Runner
from gto_ci.git.repository import Repository
from gto_ci.git.scratch_folders import scratch_folder, temporary_folder
from gto_ci.git.scratch_layout import lay_out

# With these variables, git behaves the same for every user: it reads no settings and attributes of the user or system.
# A new HOME and XDG_CONFIG_HOME do so for git before 2.32, which does not know GIT_CONFIG_GLOBAL.
_NOBODY = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_ATTR_NOSYSTEM": "1"}


@dataclass(frozen=True, slots=True)
class ScratchRepository:
    """A scratch repository. ``git`` runs git in it with the user's settings, ``neutral`` with git's defaults."""

    git: Repository
    neutral: Repository

    @property
    def root(self) -> Path:
        """The folder of the repository."""
        return self.git.root


@dataclass(frozen=True, slots=True)
class ScratchArea:
    """A temporary folder for scratch repositories and files. Made by :func:`open_scratch_area`."""

    folder: Path
    runner: Runner

    def borrowing(self, repository: Repository, *names: str) -> tuple[ScratchRepository, list[Path]]:
        """Return a new scratch repository that borrows the objects of ``repository``, and has its object format.

        Returns also the paths of that repository's own files ``names``, because the same process can find them.

        Raises:
            GitError: git cannot read ``repository``.
        """
        (objects, shallow, *others), object_format = repository.paths_and_format("objects", "shallow", *names)
        return self._scratch("borrowing", object_format, objects, shallow), others

    def separate(self, name: str, object_format: str) -> ScratchRepository:
        """Return a scratch repository that borrows no objects. It replaces an earlier one of the same ``name``."""
        return self._scratch(name, object_format, None, None)

    def file(self, name: str) -> Path:
        """Return the path of the file ``name`` in the scratch area. The file need not exist."""
        return self.folder / name

    def _scratch(self, name: str, object_format: str, objects: Path | None, shallow: Path | None) -> ScratchRepository:
        root, home = self.folder / name, self.folder / "home"
        # in our own scratch folder: what has that name is an earlier scratch repository of this process
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir()
        home.mkdir(exist_ok=True)
        lay_out(root, object_format, objects=objects, shallow=shallow)
        environ = {**self.runner.environ, "GIT_CEILING_DIRECTORIES": str(self.folder)}
        runner = Runner(environ, (*self.runner.config, ("safe.directory", str(root))), self.runner.secrets)
        return ScratchRepository(Repository(root, runner), Repository(root, _neutral(environ, self.folder, home)))


@contextmanager
def open_scratch_area(runner: Runner, parent: Path | None = None) -> Iterator[ScratchArea]:
    """Yield a scratch area in ``parent``, by default in the system's folder for temporary files.

    Raises:
        WrongInput: ``parent`` is not a folder, or cannot be written to.
    """
    with ExitStack() as stack:
        if parent is None:
            folder = stack.enter_context(temporary_folder())
        else:
            try:
                # an absolute path, because git runs in other folders
                folder = stack.enter_context(scratch_folder(Path(os.path.abspath(parent))))
            except OSError as error:
                raise WrongInput(
                    f"ghost-working-dir is not found (value: {quote(parent)[1:-1]}): {error.strerror}",
                    Remedies.NAME_WORKING_FOLDER,
                ) from error
        yield ScratchArea(folder, runner)


def _neutral(environ: Mapping[str, str], folder: Path, home: Path) -> Runner:
    kept = {name: value for name, value in environ.items() if not name.startswith("GIT_")}
    places = {"HOME": str(home), "XDG_CONFIG_HOME": str(home), "GIT_CEILING_DIRECTORIES": str(folder)}
    return Runner({**kept, **_NOBODY, **places})
