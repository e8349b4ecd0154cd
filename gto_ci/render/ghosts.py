"""Ghosts as plain dictionaries, and as tables for people."""

from __future__ import annotations

from collections.abc import Sequence

from gto_ci.core.errors import visible
from gto_ci.ghost.deletion import Collected
from gto_ci.ghost.listing import LogEntry
from gto_ci.ghost.names import Ghost
from gto_ci.ghost.patch import stat
from gto_ci.ghost.push_ghost import PushedGhost
from gto_ci.render.table import table
from gto_ci.render.views import Row, human_size

_DIGITS = 12  # of a hash in a table; enough to identify it


def ghost_view(ghost: Ghost) -> Row:
    """Return a ghost as ``git ghost list --json`` prints it."""
    return {"kind": ghost.kind, "from": ghost.start, "to": ghost.end}


def pushed_view(pushed: PushedGhost) -> Row:
    """Return a pushed ghost as ``git ghost push --json`` prints it; ``size`` is in bytes."""
    view: Row = {**ghost_view(pushed.ghost), "created": pushed.created, "size": pushed.size}
    if pushed.change is not None:
        change = pushed.change
        counts = stat(change.patch)
        view |= {"files": counts.files, "added": counts.added, "removed": counts.removed, "tree": change.tree}
        view |= {"left_out": list(change.left_out), "notes": list(change.notes)}
    return view


def logged_view(logged: LogEntry) -> Row:
    """Return a ghost as ``git ghost log --json`` prints it; ``size`` is in bytes."""
    return {
        **ghost_view(logged.ghost),
        "created_at": logged.created_at,
        "author": logged.author,
        "author_email": logged.author_email,
        "note": logged.note,
        "size": logged.size,
        "files": logged.stat.files,
        "added": logged.stat.added,
        "removed": logged.stat.removed,
    }


def log_table(logged: Sequence[LogEntry], *, plain: bool = False, width: int = 0) -> str:
    """Return the table of ``git ghost log``, for a terminal of ``width`` columns."""
    if not logged:
        return "No ghosts start from this commit"
    rows = [
        {
            "date": one.created_at.isoformat(" "),
            "kind": one.ghost.kind,
            "hash": one.ghost.end[:_DIGITS],
            "author": _line(one.author),
            "change": str(one.stat),
            "size": human_size(one.size),
            "note": _line(one.note) or None,
        }
        for one in logged
    ]
    return table(rows, plain=plain, width=width)


def collected_view(collected: Collected, *, dry_run: bool) -> Row:
    """Return deleted ghosts as ``git ghost gc --json`` prints them; ``size`` is in bytes, null if unknown."""
    return {
        "deleted": [ghost_view(ghost) for ghost in collected.ghosts],
        "kept": collected.kept,
        "size": collected.size,
        "dry_run": dry_run,
    }


def collected_sentence(collected: Collected, *, dry_run: bool) -> str:
    """Return a sentence about the deleted ghosts and the freed space."""
    number = len(collected.ghosts)
    what = f"{number} {'ghost' if number == 1 else 'ghosts'}"
    freed = f", {human_size(collected.size)} of patches" if collected.size is not None else ""
    return f"{'Would delete' if dry_run else 'Deleted'} {what}{freed}; {collected.kept} stay"


def _line(text: str) -> str:
    """Return the first line of ``text``, without control characters."""
    return visible(text.partition("\n")[0])[:60]
