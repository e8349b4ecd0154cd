"""Open the repository in the workspace, which another user may own."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from gto_ci.core.errors import NoRepository, WrongInput, quote
from gto_ci.git import Repository, Runner
from gto_ci.git.process import QUIET


def open_repository(workspace: Path, path: str, environ: Mapping[str, str]) -> Repository:
    """Open the repository at the input ``path``. Git trusts it in this process, even if another user owns it.

    Raises:
        WrongInput: the path is outside the workspace.
        NoRepository: there is no repository at the path.
    """
    workspace = workspace.resolve()
    folder = (workspace / path).resolve()
    if not folder.is_relative_to(workspace):
        raise WrongInput(
            f"Input 'path' is outside the workspace: {quote(path)}", "Use a path relative to the workspace"
        )
    next_step = "Run actions/checkout before this step, or set the input 'path' to its folder"
    try:
        repository = Repository.open(folder, Runner(environ))
    except NoRepository as error:
        raise NoRepository(error.cause, next_step) from error
    if not repository.root.is_relative_to(workspace):
        raise NoRepository(f"No Git repo found at {quote(path)} in the workspace", next_step)
    runner = repository.runner.with_config(*QUIET, ("safe.directory", str(repository.root)))
    return Repository(repository.root, runner)


def give_to_owner(created: Iterable[Path], root: Path) -> None:
    """Give new files to the workspace's owner, so that later steps without root can change them."""
    if os.geteuid() != 0:
        return
    owner = root.stat()
    for path in created:
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
