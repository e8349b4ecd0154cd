"""Fetching ghosts, and applying them to the work tree exactly, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from gto_ci.core.errors import DoesNotApply, GhostRefused, RefNotFound, quote
from gto_ci.ghost.names import CommitsGhost, DiffGhost
from gto_ci.ghost.session import Session, StoredGhost
from gto_ci.git.worktree.apply import apply_to_tree, growth, update_worktree
from gto_ci.git.worktree.commit_transfer import pack_new, replay, unbundle
from gto_ci.git.worktree.sandbox import SUBMODULE, TreeChange

_POINTER = b"version https://git-lfs.github.com/spec/v1\n"


@dataclass(frozen=True, slots=True)
class PulledGhost:
    """What a pull has done: the commit that HEAD is at, the id of the work tree's tree, the files that differ.

    ``notes`` are for a person. ``start`` is where HEAD was before, ``diff`` the hash of the diff that
    was applied, "" for none.
    """

    commit: str
    tree: str
    files: tuple[str, ...]
    notes: tuple[str, ...]
    start: str
    diff: str


# is shown the session, the id of the tree to come, and every change of a path on the way there
Guard = Callable[[Session, str, Sequence[TreeChange]], None]


def show(session: Session, *, diff: tuple[str, str] | None = None, commits: tuple[str, str] | None = None) -> bytes:
    """Return patches as they are stored, commits (from, to) first, then the ``diff`` (base, hash).

    Raises:
        NoGhost: there is none such.
        GhostRefused: it is not what its name says.
        GitError: the patch repository cannot be reached.
    """
    found: list[tuple[DiffGhost | CommitsGhost, str]] = []
    if commits is not None and not _nothing_between(session, *commits):
        found.append(session.find_commits(*commits))
        if diff is not None:
            diff = (found[0][0].end, diff[1])
    if diff is not None:
        found.append(session.find_diff(*diff))
    if found:
        session.patches.fetch({ghost.ref: oid for ghost, oid in found}, limit=session.options.max_size)
    return b"".join(session.read_fetched(ghost).patch for ghost, _ in found)


def pull(
    session: Session,
    *,
    diff: tuple[str, str] | None = None,
    commits: tuple[str, str] | None = None,
    force_base: bool = False,
    guard: Guard | None = None,
) -> PulledGhost:
    """Apply commits (from, to), a ``diff`` (base, hash), or the one and then the other: all or nothing.

    HEAD has to be at the commit that they start from, unless ``force_base`` has them merged with
    what is there. A diff that is applied after commits is the one of the last of them. ``guard`` is shown
    what would change, and may raise before anything has.

    Raises:
        NoGhost: there is none such.
        GhostRefused: it is not what its name says, or writes where it may not.
        DoesNotApply: HEAD is elsewhere, or the work tree has changes of its own at the same paths.
        GitError: the patch repository cannot be reached, or the work tree not be written.
    """
    head = session.head_commit()
    notes: list[str] = []
    commit, pack, named = head, b"", head
    if commits is not None and not _nothing_between(session, *commits):
        ghost, oid = session.find_commits(*commits)
        named = ghost.end
        if head == ghost.end:
            notes.append(f"HEAD is at {ghost.end} already")
        else:
            commit, pack, note = _take_commits(session, session.read(ghost, oid), force_base=force_base)
            notes += [note] if note else []
        if diff is not None:
            diff = (ghost.end, diff[1])
    tree, applied = commit, ""
    if diff is not None:
        found, oid = session.find_diff(*diff)
        if found.base not in (named, commit):
            _check_base(session, found.base, force_base=force_base)
        patch = session.read(found, oid).patch
        merge, applied = force_base and found.base != commit, found.hash
        tree = apply_to_tree(session.sandbox, commit, patch, three_way=merge)
    session.check_written(growth(session.sandbox, head, tree), "The ghost")
    if guard is not None:
        between = session.sandbox.changes(head, commit) if commit != head else []
        guard(session, tree, [*between, *session.sandbox.changes(head, tree)])
    changed = update_worktree(session.sandbox, session.head, commit, tree, pack)
    files, notes = tuple(one.path for one in changed), [*notes, *_notes(session, changed)]
    return PulledGhost(commit, session.sandbox.tree_id(tree), files, tuple(notes), head, applied)


def _nothing_between(session: Session, start: str, end: str) -> bool:
    return session.start(start) == session.start(end)


def _check_base(session: Session, base: str, *, force_base: bool) -> None:
    """Make sure that HEAD is at ``base``.

    Raises:
        DoesNotApply: it is not; says how to get there.
    """
    head = session.head_commit()
    if head == base or force_base:
        return
    here = session.source.find_commit(base) is not None
    step = f"git checkout {base}" if here else f"git fetch origin {base}, then git checkout {base}"
    raise DoesNotApply(
        f"HEAD is at {head}, and the ghost starts from {base}",
        f"Check that out first: {step}; or merge it with what is here: --force-base",
    )


def _take_commits(session: Session, stored: StoredGhost, *, force_base: bool) -> tuple[str, bytes, str]:
    """The commit to go to, a pack of what the source repository lacks for it, and a note for a person."""
    ghost = stored.ghost
    assert isinstance(ghost, CommitsGhost)
    sandbox, head = session.sandbox, session.head_commit()
    _check_base(session, ghost.start, force_base=force_base)
    bundle = stored.files.get(ghost.bundle)
    try:
        if bundle is not None and head == ghost.start:
            return ghost.end, unbundle(sandbox, ghost.start, ghost.end, bundle), ""
        session.check_size(stored.patch)
        last = replay(sandbox, head, stored.patch, three_way=head != ghost.start)
    except GhostRefused as error:
        raise GhostRefused(
            f"The ghost {ghost.start} {ghost.end} was refused: {error.cause}",
            error.next_step or "Nothing was changed; ask its author to push it again",
        ) from error
    note = f"The commits were replayed, and have ids of their own: {ghost.end} is {last} here"
    return last, pack_new(sandbox, head, last), note


def ensure_commit(session: Session, commit: str) -> bytes:
    """Have ``commit`` in the scratch repository, from a ghost if need be; return the pack that it came in.

    Raises:
        RefNotFound: neither the source repository nor a ghost has it.
        GhostRefused: the ghost that has it is not what its name says, or too large.
    """
    if session.source.find_commit(commit) is not None:
        return b""
    for ghost, oid in session.ghosts().items():
        if isinstance(ghost, CommitsGhost) and ghost.end == commit and session.source.find_commit(ghost.start):
            stored = session.read(ghost, oid)
            if ghost.bundle in stored.files:
                pack = unbundle(session.sandbox, ghost.start, ghost.end, stored.files[ghost.bundle])
                session.check_written(growth(session.sandbox, ghost.start, ghost.end), "Its bundle")
                return pack
    raise RefNotFound(
        f"The commit {quote(commit)} is not in this repository, and no ghost brings it",
        f"Fetch it: git fetch origin {commit}",
    )


def _notes(session: Session, changes: Sequence[TreeChange]) -> Iterable[str]:
    """What a person has to do for the work tree to be as it was where the change was made."""
    for change in changes:
        if change.mode == SUBMODULE:
            yield (
                f"Submodule {quote(change.path)} was at {change.new}: "
                f"git -C {quote(change.path)} fetch, then checkout {change.new}"
            )
    small = [change for change in changes if change.mode.startswith("100") and not change.removed]
    for change in small:
        place = session.source.root / change.path
        if place.is_file() and place.stat().st_size <= 1024 and place.read_bytes().startswith(_POINTER):
            yield f"Git LFS: {quote(change.path)} is a pointer now; 'git lfs pull' fetches its content"
