"""Capturing changes and commits, and pushing them to the patch repository."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from gto_ci.core.errors import GhostRefused, PushRefused, WrongArguments, quote
from gto_ci.ghost.names import CommitsGhost, DiffGhost, Ghost
from gto_ci.ghost.session import SUBJECT, Session
from gto_ci.git.worktree.capture import CapturedChange, Selection, capture
from gto_ci.git.worktree.commit_transfer import pack_commits


@dataclass(frozen=True, slots=True)
class PushedGhost:
    """A ghost that is in the patch repository now; ``created`` tells whether it came there by this call.

    ``size`` is that of its patch in bytes, ``change`` what was captured, for a diff. Commits from a commit
    to itself are none, and no ghost: they are named, and nothing is stored.
    """

    ghost: Ghost
    created: bool
    size: int
    change: CapturedChange | None = None

    @property
    def empty(self) -> bool:
        """Whether it is commits from a commit to itself."""
        return isinstance(self.ghost, CommitsGhost) and self.ghost.start == self.ghost.end


def diff(session: Session, base: str = "HEAD", selection: Selection | None = None) -> CapturedChange:
    """Return what a push would capture: the uncommitted change of the commit ``base``.

    Raises:
        RefNotFound: ``base`` is no commit here.
        WrongArguments: a file to include is not there, or not inside the repository.
    """
    commit = session.commit(base)
    return capture(session.sandbox, commit, selection or Selection(), session.folder, partial=session.partial)


def push(
    session: Session,
    *,
    base: str | None = None,
    commits: tuple[str, str] | None = None,
    selection: Selection | None = None,
    note: str = "",
) -> list[PushedGhost]:
    """Push the uncommitted change of ``base``, the ``commits`` (from, to), or both, all or none.

    Returns what is in the patch repository then, commits first. What it has already is not pushed again.
    Where there are no commits between the two, they are returned as ``empty``, as Git Ghost prints them:
    :func:`gto_ci.ghost.pull` and :func:`gto_ci.ghost.show` take them so.

    Raises:
        GtoError: something cannot be captured.
        PushRefused: the patch repository does not take it.
        GitError: it cannot be reached.
    """
    _ = session.patches  # a missing address is said before anything is captured
    found: list[tuple[PushedGhost, dict[str, bytes]]] = []
    if commits is not None:
        found += _commits(session, *commits)
    if base is not None:
        change = diff(session, base, selection)
        found.append((_diff_ghost(session, change), {DiffGhost.file: change.patch}))
    there = session.ghosts(*(f"{pushed.ghost.ref.partition(session.prefix + '/')[2]}" for pushed, _ in found))
    message = f"{SUBJECT}\n\n{note.strip()}\n" if note.strip() else f"{SUBJECT}\n"
    new = {
        pushed.ghost.ref: session.patches.make_branch(files, message, session.user)
        for pushed, files in found
        if pushed.ghost not in there and not pushed.empty
    }
    created = _create(session, new)
    return [PushedGhost(pushed.ghost, pushed.ghost.ref in created, pushed.size, pushed.change) for pushed, _ in found]


def _create(session: Session, new: dict[str, str]) -> set[str]:
    """Make the branches, and return those that were made: somebody else may make some at the same time."""
    while new:
        try:
            session.patches.create(new)
            return set(new)
        except PushRefused as error:
            if not error.raced:
                raise
            new = {ref: oid for ref, oid in new.items() if ref not in error.taken}
    return set()


def _diff_ghost(session: Session, change: CapturedChange) -> PushedGhost:
    try:
        session.check_size(change.patch)
    except GhostRefused as error:
        raise GhostRefused(f"The change is too large: {error.cause}", error.next_step) from error
    digest = hashlib.sha1(change.patch, usedforsecurity=False).hexdigest()
    return PushedGhost(DiffGhost(session.prefix, change.base, digest), False, len(change.patch), change)


def _commits(session: Session, start: str, end: str) -> list[tuple[PushedGhost, dict[str, bytes]]]:
    first, last = session.commit(start), session.commit(end)
    if first == last:
        return [(PushedGhost(CommitsGhost(session.prefix, first, last), False, 0), {})]
    if not session.source.is_ancestor(first, last):
        raise WrongArguments(
            f"{quote(start)} ({first[:12]}) is not before {quote(end)} ({last[:12]}) in the history",
            f"Start where both were last the same: git merge-base {first[:12]} {last[:12]}",
        )
    carried = pack_commits(session.sandbox, first, last, partial=session.partial)
    size = max(len(carried.mailbox), len(carried.bundle))
    if size > session.options.max_size:
        raise GhostRefused(
            f"The commits are too large: {size:,} bytes, and at most {session.options.max_size:,} are allowed",
            "Allow more with --max-size",
        )
    files = {CommitsGhost.file: carried.mailbox, CommitsGhost.bundle: carried.bundle}
    ghost = CommitsGhost(session.prefix, first, last)
    return [(PushedGhost(ghost, False, len(carried.mailbox)), files)]
