"""Deleting ghosts: those that are named, or those that are no longer needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gto_ci.core.errors import GtoError, NoGhost, Remedies, WrongArguments
from gto_ci.ghost.listing import commits_of, list_ghosts
from gto_ci.ghost.names import CommitsGhost, Ghost, Kind
from gto_ci.ghost.session import Session, ordered
from gto_ci.git.remotes.mirror import RemoteMirror
from gto_ci.git.remotes.patch_repository import BATCH
from gto_ci.git.remotes.settings import find_remote

Progress = Callable[[int, int], None]  # how many of how many are done


@dataclass(frozen=True, slots=True)
class Collected:
    """The result of :func:`gc`: the ghosts that it has deleted, or would delete, and the number of those kept.

    ``size`` is the size of the deleted ghosts' files in bytes, or None if it is unknown.
    """

    ghosts: tuple[Ghost, ...]
    kept: int
    size: int | None


def delete(
    session: Session,
    kind: Kind = "diff",
    *,
    start: str = "",
    end: str = "",
    several: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> list[Ghost]:
    """Delete the ghosts that :func:`~gto_ci.ghost.list_ghosts` would return, and return them.

    Raises:
        WrongArguments: ``several`` is not set, and more than one ghost matches or neither ``start`` nor ``end`` is
            given.
        NoGhost: ``start`` and ``end`` are given, and there is no such ghost.
        PushRefused: the patch repository refuses the deletion.
        GitError: it cannot be reached.
    """
    found = list_ghosts(session, kind, start=start, end=end)
    if not (several or dry_run) and (len(found) > 1 or not (start or end)):
        raise WrongArguments(
            f"all must be set if multiple ghosts branches are deleted: {len(found)} would be",
            Remedies.CHOOSE_GHOST,
        )
    if start and end and not found:
        raise NoGhost(f"There is no ghost from {start} to {end}", "'git ghost list all' shows what is there")
    if not dry_run:
        _delete(session, found, progress)
    return found


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
    """Delete the ghosts that were made longer than ``older_than`` before ``now``, or whose base commit is gone.

    With ``unreachable``, delete a ghost if its base commit is in no branch or tag of the source repository's remote,
    and no other ghost contains it. The newest ``keep_last`` ghosts are always kept. If only ``keep_last`` is given, all
    others are deleted.

    Raises:
        WrongArguments: nothing says which ghosts to delete.
        GtoError: the source repository has no remote.
        GitError: a repository cannot be reached.
    """
    if older_than is None and not unreachable and keep_last is None:
        raise WrongArguments("gc was not told which ghosts to delete", Remedies.CHOOSE_GHOSTS_TO_DELETE)
    found = session.ghosts()
    commits = commits_of(session, found) if older_than is not None or keep_last else {}
    newest = sorted(commits, key=lambda ghost: (-commits[ghost].time, ghost.ref))[: keep_last or 0]
    doomed = set(found) if older_than is None and not unreachable else set()
    if older_than is not None:
        limit = (now - older_than).timestamp()
        doomed |= {ghost for ghost in found if commits[ghost].time < limit}
    if unreachable:
        doomed |= _lost(session, found)
    doomed -= set(newest)
    chosen = ordered(doomed)
    size = _size(session, chosen)
    if not dry_run:
        _delete(session, chosen, progress)
    return Collected(tuple(chosen), len(found) - len(chosen), size)


def _delete(session: Session, ghosts: Sequence[Ghost], progress: Progress | None) -> None:
    """Delete ``ghosts``, in batches.

    Raises:
        PushRefused: the patch repository refuses to delete a batch; those before it are deleted.
        GitError: it cannot be reached.
    """
    for at in range(0, len(ghosts), BATCH):
        session.patches.delete({ghost.ref: ghost.branch_commit for ghost in ghosts[at : at + BATCH]})
        if progress is not None:
            progress(min(at + BATCH, len(ghosts)), len(ghosts))


def _lost(session: Session, ghosts: Sequence[Ghost]) -> set[Ghost]:
    """Return the ghosts that start from a commit which the source repository's remote does not have."""
    remote = find_remote(session.source)
    if remote is None:
        raise GtoError("The source repository has no remote", "Add one: git remote add origin URL")
    with RemoteMirror.borrowing(session.source, remote) as mirror:
        known = mirror.all_commits()
    ranges = [ghost for ghost in ghosts if isinstance(ghost, CommitsGhost)]
    while more := {ghost.end for ghost in ranges if ghost.start in known} - known:
        known |= more
    return {ghost for ghost in ghosts if ghost.start not in known}


def _size(session: Session, ghosts: Sequence[Ghost]) -> int | None:
    """Return the size of the files of ``ghosts`` in bytes, None if it takes a fetch to know."""
    names = [f"{ghost.branch_commit}:{ghost.file}" for ghost in ghosts]
    names += [f"{ghost.branch_commit}:{ghost.bundle}" for ghost in ghosts if isinstance(ghost, CommitsGhost)]
    return session.patches.size(names) if names else 0
