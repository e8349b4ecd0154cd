"""Deleting the ghosts that nobody needs any more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from gto_ci.core.errors import GtoError, WrongArguments
from gto_ci.ghost.listing import Progress, commits_of, remove
from gto_ci.ghost.names import CommitsGhost, Ghost
from gto_ci.ghost.session import Session, ordered
from gto_ci.git.remotes.mirror import RemoteMirror
from gto_ci.git.remotes.settings import FOR_A_PERSON, find_remote


@dataclass(frozen=True, slots=True)
class Collected:
    """What was deleted, or would be: the ghosts, and how many stay.

    ``size`` is that of their files in bytes, None where the patch repository does not tell.
    """

    ghosts: tuple[Ghost, ...]
    kept: int
    size: int | None


def gc(
    session: Session,
    *,
    now: datetime,
    older_than: timedelta | None = None,
    unreachable: bool = False,
    keep_last: int | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Collected:
    """Delete the ghosts that were made longer than ``older_than`` before ``now``, or start nowhere any more.

    ``unreachable``: the commit that a ghost starts from is in no branch or tag of the source
    repository's remote, nor made by commits that are ghosts themselves. The newest ``keep_last`` of
    all stay in any case; given alone, all others go.

    Raises:
        WrongArguments: nothing says which ghosts to delete.
        GtoError: the source repository has no remote.
        GitError: a repository cannot be reached.
    """
    if older_than is None and not unreachable and keep_last is None:
        raise WrongArguments(
            "gc was not told which ghosts to delete", "For example: git ghost gc --older-than 30d --dry-run"
        )
    found = session.ghosts()
    commits = commits_of(session, found) if older_than is not None or keep_last else {}
    newest = sorted(found, key=lambda ghost: (-commits[ghost].time, ghost.ref))[: keep_last or 0] if commits else []
    doomed = set(found) if older_than is None and not unreachable else set()
    if older_than is not None:
        limit = (now - older_than).timestamp()
        doomed |= {ghost for ghost in found if commits[ghost].time < limit}
    if unreachable:
        doomed |= _lost(session, found)
    doomed -= set(newest)
    chosen = {ghost: found[ghost] for ghost in ordered(list(doomed))}
    size = _size(session, chosen)
    if not dry_run:
        remove(session, chosen, progress)
    return Collected(tuple(chosen), len(found) - len(chosen), size)


def _lost(session: Session, found: dict[Ghost, str]) -> set[Ghost]:
    """The ghosts that start from a commit which the source repository's remote does not have."""
    remote = find_remote(session.source)
    if remote is None:
        raise GtoError("The source repository has no remote", "Add one: git remote add origin URL")
    with RemoteMirror.beside(session.source, remote) as mirror:
        known = mirror.all_commits(FOR_A_PERSON)
    carried = [ghost for ghost in found if isinstance(ghost, CommitsGhost)]
    while more := {ghost.end for ghost in carried if ghost.start in known} - known:
        known |= more
    return {ghost for ghost in found if ghost.start not in known}


def _size(session: Session, chosen: dict[Ghost, str]) -> int | None:
    """The size of the files of ghosts, where it can be had without fetching them."""
    names = [f"{oid}:{ghost.file}" for ghost, oid in chosen.items()]
    names += [f"{oid}:{ghost.bundle}" for ghost, oid in chosen.items() if isinstance(ghost, CommitsGhost)]
    return session.patches.size(names) if names else 0
