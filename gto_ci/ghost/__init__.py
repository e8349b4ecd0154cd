"""Uncommitted changes and unpushed commits, moved to another clone through a patch repository.

A ghost is a branch of the patch repository with a patch in it. The format is that of Git Ghost: each program reads
what the other has written.

>>> from gto_ci import ghost
>>> with ghost.opened(ghost.Options(repo=ghosts, source=repo)) as session:
...     [pushed] = ghost.push(session, base="HEAD", selection=ghost.Selection(untracked=True))
...     pushed.ghost in ghost.list_ghosts(session)
True
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gto_ci.ghost.deletion import delete, gc
    from gto_ci.ghost.listing import list_ghosts, log
    from gto_ci.ghost.names import CommitRange, CommitsGhost, DiffGhost, DiffName
    from gto_ci.ghost.pull_ghost import pull, show
    from gto_ci.ghost.push_ghost import diff, push
    from gto_ci.ghost.session import Options, Session
    from gto_ci.ghost.worktrees import checkout
    from gto_ci.git.worktree.capture import Selection

# Each is imported at its first use, so that a command imports only what it needs.
_HOMES = {
    "CommitRange": "ghost.names",
    "CommitsGhost": "ghost.names",
    "DiffGhost": "ghost.names",
    "DiffName": "ghost.names",
    "Options": "ghost.session",
    "Selection": "git.worktree.capture",
    "checkout": "ghost.worktrees",
    "delete": "ghost.deletion",
    "diff": "ghost.push_ghost",
    "gc": "ghost.deletion",
    "list_ghosts": "ghost.listing",
    "log": "ghost.listing",
    "pull": "ghost.pull_ghost",
    "push": "ghost.push_ghost",
    "show": "ghost.pull_ghost",
}
__all__ = [
    "CommitRange",
    "CommitsGhost",
    "DiffGhost",
    "DiffName",
    "Options",
    "Selection",
    "checkout",
    "delete",
    "diff",
    "gc",
    "list_ghosts",
    "log",
    "opened",
    "pull",
    "push",
    "show",
]


@contextmanager
def opened(
    options: Options, environ: Mapping[str, str] | None = None, config: Sequence[tuple[str, str]] = ()
) -> Iterator[Session]:
    """Yield a session, which lasts as long as the context. ``config`` is configuration for its git processes only.

    Raises:
        WrongInput: there is no folder for temporary files.
        WrongArguments: the prefix cannot begin the name of a branch.
    """
    from gto_ci.core.errors import GtoError
    from gto_ci.ghost.session import open_session

    try:
        with open_session(options, environ, config) as session:
            yield session
    except GtoError as error:
        from gto_ci.hints import for_library

        for_library(error)
        raise


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"gto_ci.{_HOMES[name]}"), name)
