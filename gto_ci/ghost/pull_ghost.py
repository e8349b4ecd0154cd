"""Pulls: a ghost is fetched and applied to the working tree exactly, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from gto_ci.core.errors import DoesNotApply, GhostRefused, RefNotFound, Remedies, quote
from gto_ci.ghost.names import CommitRange, CommitsGhost, DiffGhost, DiffName, Wanted
from gto_ci.ghost.session import Session, StoredGhost
from gto_ci.git.worktree.apply import PlannedUpdate, apply_to_tree, growth, plan_update, update_worktree
from gto_ci.git.worktree.commit_transfer import pack_new, replay, unbundle
from gto_ci.git.worktree.sandbox import SUBMODULE, TreeChange

_POINTER = b"version https://git-lfs.github.com/spec/v1\n"


@dataclass(frozen=True, slots=True)
class PulledGhost:
    """The result of a pull: HEAD moved from ``start`` to ``commit``, and ``diff`` was applied, if there was one.

    ``tree`` is the ID of the Git tree that the working tree now matches. ``files`` are the paths that differ from
    ``commit``. ``notes`` are messages for the user about what else to do.
    """

    commit: str
    tree: str
    files: tuple[str, ...]
    notes: tuple[str, ...]
    start: str
    diff: DiffGhost | None


# may raise to prevent the update
Guard = Callable[[Session, PlannedUpdate], None]


def show(session: Session, *, diff: DiffName | None = None, commits: CommitRange | None = None) -> bytes:
    """Return patches as they are stored, ``commits`` before the ``diff``.

    Raises:
        NoGhost: there is no such ghost.
        GhostRefused: the ghost's content does not match its name.
        GitError: the patch repository cannot be reached.
    """
    ghosts = [ghost for ghost in session.find(Wanted(commits, diff)) if ghost is not None]
    session.fetch(ghosts)
    return b"".join(session.read_fetched(ghost).patch for ghost in ghosts)


def pull(
    session: Session,
    *,
    diff: DiffName | None = None,
    commits: CommitRange | None = None,
    force_base: bool = False,
    guard: Guard | None = None,
) -> PulledGhost:
    """Apply ``commits``, a ``diff``, or first the commits and then the diff: all or nothing.

    HEAD must be the base commit. With ``force_base``, the change is merged into HEAD instead. If both are given, the
    diff must be based on the last of the commits. ``guard`` is called with the planned update.

    Raises:
        NoGhost: there is no such ghost.
        GhostRefused: the ghost's content does not match its name, or it writes where it must not.
        DoesNotApply: HEAD is at a different commit, or the working tree has its own changes at the same paths.
        GitError: the patch repository cannot be reached, or git cannot write the working tree.
    """
    head = session.head_commit()
    found = session.find(Wanted(commits, diff))
    arriving = found.commits if found.commits is not None and found.commits.end != head else None
    session.fetch([ghost for ghost in (arriving, found.diff) if ghost is not None])
    notes: list[str] = []
    commit, pack, tree = head, b"", None
    if arriving is not None:
        commit, pack, note = _take_commits(session, session.read_fetched(arriving), force_base=force_base)
        notes += [note] if note else []
    elif found.commits is not None:
        notes.append(f"HEAD is at {head} already")
    if found.diff is not None:
        last = found.commits.end if found.commits is not None else head
        if found.diff.base not in (last, commit):
            _check_base(session, found.diff.base, force_base=force_base)
        merge = force_base and found.diff.base != commit
        tree = apply_to_tree(session.sandbox, commit, session.read_fetched(found.diff).patch, three_way=merge)
    plan = plan_update(session.sandbox, head, commit, tree)
    session.check_written(growth(session.sandbox, plan.together), "The ghost")
    if guard is not None:
        guard(session, plan)
    update_worktree(session.sandbox, plan, pack)
    files = tuple(change.path for change in plan.uncommitted)
    return PulledGhost(commit, plan.tree, files, (*notes, *_notes(session, plan.uncommitted)), head, found.diff)


def _check_base(session: Session, base: str, *, force_base: bool) -> None:
    """Make sure that HEAD is at the commit ``base``.

    Raises:
        DoesNotApply: it is not; the next step says how to get there.
    """
    head = session.head_commit()
    if head == base or force_base:
        return
    here = session.source.find_commit(base) is not None
    step = f"git checkout {base}" if here else f"git fetch origin {base}, then git checkout {base}"
    raise DoesNotApply(
        f"HEAD is at {head}, and the ghost starts from {base}",
        Remedies.MERGE_GHOST.after(f"Check that out first: {step}"),
    )


def _take_commits(session: Session, stored: StoredGhost, *, force_base: bool) -> tuple[str, bytes, str]:
    """Return the commit to move to, a pack with its missing objects, and a note for the user, "" for none."""
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
            f"The ghost {ghost} was refused: {error.cause}",
            error.next_step or "Nothing was changed; ask its author to push it again",
        ) from error
    note = f"The commits were replayed, and have IDs of their own: {ghost.end} is {last} here"
    return last, pack_new(sandbox, head, last), note


def ensure_commit(session: Session, commit: str) -> bytes:
    """Fetch ``commit`` from a ghost into the scratch repository if the source repository lacks it. Return its pack.

    Raises:
        RefNotFound: neither the source repository nor a ghost has the commit.
        GhostRefused: the content of the ghost that has it does not match its name, or is too large.
    """
    if session.source.find_commit(commit) is not None:
        return b""
    for ghost in session.ghosts():
        if isinstance(ghost, CommitsGhost) and ghost.end == commit and session.source.find_commit(ghost.start):
            stored = session.read(ghost)
            if ghost.bundle in stored.files:
                pack = unbundle(session.sandbox, ghost.start, ghost.end, stored.files[ghost.bundle])
                changes = session.sandbox.changes(ghost.start, ghost.end)
                session.check_written(growth(session.sandbox, changes), "Its bundle")
                return pack
    raise RefNotFound(
        f"The commit {quote(commit)} is not in this repository, and no ghost contains it",
        f"Fetch it: git fetch origin {commit}",
    )


def _notes(session: Session, changes: Sequence[TreeChange]) -> Iterable[str]:
    """Yield what the user has to do to complete the working tree: update submodules, fetch content of Git LFS."""
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
