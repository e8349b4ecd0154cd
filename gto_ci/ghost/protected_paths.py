"""The paths that a ghost may not change in a job.

A job that applies a ghost has a token and secrets. The author of a ghost could get them by a patch to workflows or
actions, by a submodule with another URL, or by a link through which a later step writes outside the working tree.
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
    """Make sure that ``changes`` touch no protected path, except those that match a glob in ``allowed``.

    Raises:
        GhostRefused: they do; the error names the paths and reasons.
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
    """Return the reason why a changed path is protected, "" if it is not; ``target`` is that of a symbolic link."""
    path = change.path.lower()  # for file systems that ignore case
    if path.partition("/")[0] in _WORKFLOWS:
        return "workflows and actions run with the job's secrets"
    if path == ".gitmodules":
        return "it says where submodules come from"
    if SUBMODULE in (change.old_mode, change.mode):
        return "it is a submodule"
    if target is not None and _leaves(change.path, target):
        return "it is a link that points outside the working tree"
    return ""


def _target(session: Session, change: TreeChange) -> str:
    return os.fsdecode(session.sandbox.blob(change.new))


def _leaves(path: str, target: str) -> bool:
    """Tell whether a link at ``path`` leads out of the working tree, or into ``.git``."""
    if target.startswith("/") or "\\" in target:
        return True
    end = posixpath.normpath(posixpath.join(posixpath.dirname(path), target)).lower().split("/")
    # a link through another link may lead anywhere, so ".." is only safe at the beginning
    onwards = dropwhile(lambda step: step in ("", ".", ".."), target.split("/"))
    return end[0] == ".." or ".git" in end or ".." in onwards
