"""Linked worktrees that recreate the code of a ghost: a commit with a diff applied."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from gto_ci.core.errors import DoesNotApply, GitError, NoGhost, Remedies, WrongArguments, quote
from gto_ci.ghost.names import DiffGhost, DiffName, check_hex, trimmed
from gto_ci.ghost.pull_ghost import ensure_commit
from gto_ci.ghost.session import Session
from gto_ci.git.process import Runner
from gto_ci.git.repository import Repository
from gto_ci.git.worktree.apply import apply_to_tree, growth
from gto_ci.git.worktree.capture import Selection, capture
from gto_ci.git.worktree.linked_worktrees import WorktreeRecord, add_worktree, marked_worktrees, remove_worktree
from gto_ci.git.worktree.sandbox import Sandbox
from gto_ci.git.worktree.uninterruptible import finish


def checkout(session: Session, hash: str, base: str | None = None, folder: str | None = None) -> Path:
    """Make a linked worktree at the commit ``base`` with the diff ``hash`` applied, and return its folder.

    Without ``base``, use HEAD's diff or, failing that, the only diff with that hash. The default ``folder`` is next to
    the source repository, and named after it and the hash. A commit that only a ghost has is fetched from that ghost.

    Raises:
        NoGhost: there is no such diff, or there are several.
        GhostRefused: the ghost's content does not match its name, or is too large.
        DoesNotApply: the diff does not apply to its base commit.
        WrongArguments: ``folder`` already exists, and is not an empty folder.
        RefNotFound: neither the source repository nor a ghost has the commit.
    """
    ghost = _find(session, hash, base)
    place = _place(session, ghost, folder)
    pack = ensure_commit(session, ghost.base)
    patch = session.read(ghost).patch
    tree = apply_to_tree(session.sandbox, ghost.base, patch)
    sandbox = session.sandbox
    session.check_written(growth(sandbox, sandbox.changes(ghost.base, tree)), "The ghost")
    finish(lambda: add_worktree(sandbox, place, WorktreeRecord(ghost.base, ghost.hash, tree), pack))
    return place


def remove(session: Session, which: str, *, force: bool = False) -> Path:
    """Remove the linked worktree that :func:`checkout` made, by its folder or hash, and return its folder.

    Raises:
        WrongArguments: there is no such linked worktree, or there are several.
        DoesNotApply: its files have changed since, and ``force`` is not set.
    """
    found = marked_worktrees(session.source)
    place = Path(os.path.abspath(session.folder / which))
    chosen = {folder: mark for folder, mark in found.items() if folder in (place, place.resolve())}
    if not chosen:
        chosen = {folder: mark for folder, mark in found.items() if mark.hash.startswith(trimmed(which).lower())}
    if len(chosen) != 1:
        known = ", ".join(quote(folder) for folder in found) or "there are none"
        number = "more than one" if chosen else "no"
        raise WrongArguments(
            f"{quote(which)} is {number} linked worktree that 'git ghost checkout' made",
            f"Name its folder or hash: {known}",
        )
    ((folder, mark),) = chosen.items()
    if not force and folder.exists():
        _check_unchanged(session, folder, mark)
    finish(lambda: remove_worktree(session.source, folder))
    return folder


def _find(session: Session, hash: str, base: str | None) -> DiffGhost:
    if base is not None:
        return session.find_diff(DiffName(base, hash))
    if session.head is not None:
        with suppress(NoGhost):
            return session.find_diff(DiffName(session.head, hash))
    digits = check_hex(trimmed(hash), "hash of a diff")
    diffs = (ghost for ghost in session.ghosts() if isinstance(ghost, DiffGhost))
    return session.only([ghost for ghost in diffs if ghost.hash.startswith(digits)], f"diff {digits}")


def _place(session: Session, ghost: DiffGhost, folder: str | None) -> Path:
    root = session.source.root
    place = root.parent / f"{root.name}-{ghost.hash[:7]}" if folder is None else session.folder / folder
    place = Path(os.path.abspath(place))
    if os.path.lexists(place) and not (place.is_dir() and not any(place.iterdir())):
        raise WrongArguments(f"{quote(place)} exists already", "Name another folder, or remove it")
    return place


def _check_unchanged(session: Session, folder: Path, mark: WorktreeRecord) -> None:
    sandbox = Sandbox(Repository.open(folder, Runner(session.source.runner.environ)), session.scratch_area)
    try:
        found = capture(sandbox, mark.base, Selection(untracked=True), folder)
    except GitError as error:
        raise DoesNotApply(f"{quote(folder)} cannot be read: {error.cause}", Remedies.FORCE_REMOVAL) from error
    if found.left_out:  # git does not look inside
        raise DoesNotApply(
            f"{quote(folder)} holds another repository: {quote(found.left_out[0])}",
            Remedies.FORCE_REMOVAL.after("Move it away"),
        )
    if found.tree != mark.tree:
        raise DoesNotApply(
            f"{quote(folder)} was changed since",
            Remedies.FORCE_REMOVAL.after("Save what you need, for example by 'git ghost push -u'"),
        )
