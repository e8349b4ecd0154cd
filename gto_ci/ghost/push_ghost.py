"""Pushes: changes and commits are captured, and pushed to the patch repository."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gto_ci.core.errors import GhostRefused, PushRefused, Remedies, WrongArguments, quote
from gto_ci.ghost.names import BRANCHES, CommitRange, CommitsGhost, DiffGhost, Ghost
from gto_ci.ghost.session import SUBJECT, Session, patch_hash
from gto_ci.git.worktree.capture import CapturedChange, Selection, capture
from gto_ci.git.worktree.commit_transfer import pack_commits


@dataclass(frozen=True, slots=True)
class PushedGhost:
    """A ghost that is in the patch repository now. ``created`` says whether this call created it.

    ``size`` is the size of its patch in bytes. ``change`` is the captured change, for a diff. An empty range of commits
    (start equals end) has a name, but nothing is stored.
    """

    ghost: Ghost
    created: bool
    size: int
    change: CapturedChange | None = None

    @property
    def empty(self) -> bool:
        """Whether the ghost is an empty range of commits."""
        return isinstance(self.ghost, CommitsGhost) and self.ghost.start == self.ghost.end


def diff(session: Session, base: str = "HEAD", selection: Selection | None = None) -> CapturedChange:
    """Return the change that a push would capture: the uncommitted change on top of the commit ``base``.

    Raises:
        RefNotFound: ``base`` names no commit here.
        WrongArguments: a file to include does not exist, or is not inside the repository.
    """
    commit = session.commit(base)
    return capture(session.sandbox, commit, selection or Selection(), session.folder, partial=session.partial)


def push(
    session: Session,
    *,
    base: str | None = None,
    commits: CommitRange | None = None,
    selection: Selection | None = None,
    note: str = "",
) -> list[PushedGhost]:
    """Push the uncommitted change on top of ``base``, the ``commits``, or both: all or nothing.

    Return the ghosts that the patch repository holds afterwards, commits first. A ghost that it already has is not
    pushed again. If the range ``commits`` is empty, the returned ghost is marked ``empty``. Git Ghost prints such a
    range, too, and :func:`gto_ci.ghost.pull` and :func:`gto_ci.ghost.show` accept its name.

    Raises:
        GtoError: the change or the commits cannot be captured.
        PushRefused: the patch repository refuses the push.
        GitError: it cannot be reached.
    """
    _ = session.patches  # a missing address is an error before anything is captured
    captured: list[_CapturedGhost] = []
    if commits is not None:
        captured.append(_capture_commits(session, commits))
    if base is not None:
        captured.append(_capture_diff(session, diff(session, base, selection)))
    there = session.ghosts(*(one.ghost.ref.removeprefix(f"{BRANCHES}{session.prefix}/") for one in captured))
    message = f"{SUBJECT}\n\n{note.strip()}\n" if note.strip() else f"{SUBJECT}\n"
    new = {
        one.ghost.ref: session.patches.make_branch(one.files, message, session.user)
        for one in captured
        if one.files and one.ghost not in there
    }
    created = _create(session, new)
    return [PushedGhost(one.ghost, one.ghost.ref in created, one.size, one.change) for one in captured]


@dataclass(frozen=True, slots=True)
class _CapturedGhost:
    """A ghost before it is pushed: the files of its branch, none if it is empty; see :class:`PushedGhost`."""

    ghost: Ghost
    files: Mapping[str, bytes]
    change: CapturedChange | None = None

    @property
    def size(self) -> int:
        """The size of the patch in bytes."""
        return len(self.files.get(self.ghost.file, b""))


def _create(session: Session, new: dict[str, str]) -> set[str]:
    """Make the branches ``new`` (name: commit), and return those that were made: others may push some of them first."""
    while new:
        try:
            session.patches.create(new)
            return set(new)
        except PushRefused as error:
            if not error.raced:
                raise
            new = {ref: commit for ref, commit in new.items() if ref not in error.taken}
    return set()


def _capture_diff(session: Session, change: CapturedChange) -> _CapturedGhost:
    try:
        session.check_size(change.patch)
    except GhostRefused as error:
        raise GhostRefused(f"The change is too large: {error.cause}", error.next_step) from error
    ghost = DiffGhost(session.prefix, change.base, patch_hash(change.patch))
    return _CapturedGhost(ghost, {ghost.file: change.patch}, change)


def _capture_commits(session: Session, commits: CommitRange) -> _CapturedGhost:
    ghost = CommitsGhost(session.prefix, session.commit(commits.start), session.commit(commits.end))
    if ghost.start == ghost.end:
        return _CapturedGhost(ghost, {})
    if not session.source.is_ancestor(ghost.start, ghost.end):
        first, last = ghost.start[:12], ghost.end[:12]
        raise WrongArguments(
            f"{quote(commits.start)} ({first}) is not before {quote(commits.end)} ({last}) in the history",
            f"Start where both were last the same: git merge-base {first} {last}",
        )
    packed = pack_commits(session.sandbox, ghost.start, ghost.end, partial=session.partial)
    size = max(len(packed.mailbox), len(packed.bundle))
    if size > session.options.max_size:
        raise GhostRefused(
            f"The commits are too large: {size:,} bytes, and at most {session.options.max_size:,} are allowed",
            Remedies.PUSH_LARGER,
        )
    return _CapturedGhost(ghost, {ghost.file: packed.mailbox, ghost.bundle: packed.bundle})
