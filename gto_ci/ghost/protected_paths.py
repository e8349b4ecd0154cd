"""What a ghost would change, and what of that it may not touch.

A job that applies a ghost runs with a token and secrets. A patch to its workflows or actions, a submodule
that points elsewhere, or a link by which a later step writes outside the work tree would give them to
whoever pushed the ghost.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Sequence
from fnmatch import fnmatchcase
from itertools import dropwhile

from gto_ci.core.errors import GhostRefused, Remedies, quote
from gto_ci.ghost.session import Session
from gto_ci.git.worktree.sandbox import SUBMODULE, TreeChange

_LINK = "120000"
_WORKFLOWS = (".github", ".forgejo", ".gitea")
_SHOWN = 5


def refuse_protected(session: Session, changes: Sequence[TreeChange], allowed: Sequence[str]) -> None:
    """Make sure that ``changes`` touch nothing that is protected; ``allowed`` are globs of paths that they may.

    Raises:
        GhostRefused: they do; says which paths, and why.
    """
    checked = [change for change in changes if not any(fnmatchcase(change.path, glob) for glob in allowed)]
    links = {change.path: _target(session, change) for change in checked if change.mode == _LINK}
    found = {change.path: reason for change in checked if (reason := why_protected(change, links.get(change.path)))}
    if found:
        shown = [f"{quote(path)} ({reason})" for path, reason in sorted(found.items())[:_SHOWN]]
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise GhostRefused(
            f"The ghost touches protected paths: {', '.join(shown)}{more}",
            Remedies.ALLOW_PATHS.after("Nothing was changed"),
        )


def why_protected(change: TreeChange, target: str | None = None) -> str:
    """Return why a path is protected, "" where it is not; ``target`` is that of a symbolic link."""
    path = change.path.lower()  # as file systems see it that tell no case
    if path.partition("/")[0] in _WORKFLOWS:
        return "workflows and actions run with the job's secrets"
    if path == ".gitmodules":
        return "it says where submodules come from"
    if SUBMODULE in (change.old_mode, change.mode):
        return "it is a submodule"
    if target is not None and _leaves(change.path, target):
        return "it is a link that leaves the work tree"
    return ""


def _target(session: Session, change: TreeChange) -> str:
    return os.fsdecode(session.sandbox.blob(change.new))


def _leaves(path: str, target: str) -> bool:
    """Whether a link at ``path`` leads out of the work tree, or into ``.git``."""
    if target.startswith("/") or "\\" in target:
        return True
    end = posixpath.normpath(posixpath.join(posixpath.dirname(path), target)).lower().split("/")
    # a link through another link may lead anywhere: steps back are only safe at the beginning
    onwards = dropwhile(lambda step: step in ("", ".", ".."), target.split("/"))
    return end[0] == ".." or ".git" in end or ".." in onwards
