"""Scratch repositories, for work that must not show before it is complete.

A workshop is a scratch folder with empty bare repositories in it. One of them can borrow the objects of the
user's repository. One last step makes the result visible; without that step, it is discarded.
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
from gto_ci.git.scratch import lay_out
from gto_ci.git.scratch_folders import scratch_folder, temporary_folder

# What keeps git the same whoever runs it: none of the user's settings, attributes, programs or displays.
# HOME and XDG_CONFIG_HOME are for git before 2.32, which does not know GIT_CONFIG_GLOBAL.
_NOBODY = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_ATTR_NOSYSTEM": "1"}


@dataclass(frozen=True, slots=True)
class ScratchRepository:
    """A scratch repository. ``git`` runs git in it with the user's settings, ``neutral`` with nobody's."""

    git: Repository
    neutral: Repository

    @property
    def root(self) -> Path:
        """Its folder."""
        return self.git.root


@dataclass(frozen=True, slots=True)
class ScratchArea:
    """A temporary folder for scratch repositories and files. Made by :func:`open_scratch_area`."""

    folder: Path
    runner: Runner

    def beside(self, repository: Repository, *names: str) -> tuple[ScratchRepository, list[Path]]:
        """Return a new scratch repository that borrows the objects of ``repository``, and has its object format.

        With it come the paths of the files called ``names`` of that repository: it is asked only once.

        Raises:
            GitError: git cannot read ``repository``.
        """
        asked = (word for name in ("objects", "shallow", *names) for word in ("--git-path", name))
        *paths, object_format = repository.rev_parse("--path-format=absolute", *asked, "--show-object-format")
        objects, shallow, *others = map(Path, paths)
        return self._scratch("beside", object_format, objects, shallow), others

    def alone(self, name: str, object_format: str) -> ScratchRepository:
        """Return a scratch repository that knows of no other; one of that ``name`` is replaced."""
        return self._scratch(name, object_format, None, None)

    def file(self, name: str) -> Path:
        """Return the path of a file in the folder."""
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
    """Yield a workshop in ``parent``, by default the system's folder for temporary files.

    Raises:
        WrongInput: ``parent`` is no folder that can be written to.
    """
    with ExitStack() as stack:
        if parent is None:
            folder = stack.enter_context(temporary_folder())
        else:
            try:
                # absolute: git runs in other folders than ours
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
