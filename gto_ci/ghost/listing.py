"""Lists of ghosts: their names, and the log of who made them, when and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from gto_ci.core.events import CommitRecord
from gto_ci.ghost.names import COMMIT_ID, CommitsGhost, DiffGhost, Ghost, Kind
from gto_ci.ghost.patch import Stat, stat
from gto_ci.ghost.session import Session, note_in, ordered
from gto_ci.git.output import parse_commit

KINDS: dict[Kind, tuple[type, ...]] = {
    "commits": (CommitsGhost,),
    "diff": (DiffGhost,),
    "all": (CommitsGhost, DiffGhost),
}


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A ghost with its author, date, note and size.

    ``size`` is the size of the patch in bytes, ``stat`` its number of files and lines.
    """

    ghost: Ghost
    created_at: datetime
    author: str
    author_email: str
    note: str
    size: int
    stat: Stat


def list_ghosts(session: Session, kind: Kind = "diff", *, start: str = "", end: str = "") -> list[Ghost]:
    """Return the ghosts of a ``kind``: only those that start at the commit ``start`` and lead to ``end``, if given.

    Both may be abbreviated.

    Raises:
        GitError: the patch repository cannot be reached.
    """
    begin = session.start(start) if start else ""
    until = session.start(end) if end else ""
    return ordered(
        ghost for ghost in session.ghosts(begin) if isinstance(ghost, KINDS[kind]) and ghost.end.startswith(until)
    )


def log(session: Session, base: str = "HEAD", *, most: int | None = None) -> list[LogEntry]:
    """Return the ghosts that start at the commit ``base``, newest first, limited to ``most`` entries.

    Only the content of the returned ghosts is fetched.

    Raises:
        GhostRefused: the content of a ghost does not match its name.
        GitError: the patch repository cannot be reached.
    """
    start = session.start(base)
    found = [ghost for ghost in session.ghosts(start) if _starts(ghost, start)]
    commits = commits_of(session, found)
    newest = sorted(found, key=lambda ghost: (-commits[ghost].time, ghost.end))[:most]
    session.fetch(newest)
    return [_logged(session, ghost, commits[ghost]) for ghost in newest]


def _starts(ghost: Ghost, start: str) -> bool:
    return ghost.start == start if COMMIT_ID.fullmatch(start) else ghost.start.startswith(start)


def _logged(session: Session, ghost: Ghost, commit: CommitRecord) -> LogEntry:
    patch = session.read_fetched(ghost).patch
    return LogEntry(
        ghost,
        commit.created_at,
        commit.author,
        commit.author_email,
        note_in(commit),
        len(patch),
        stat(patch),
    )


def commits_of(session: Session, ghosts: Sequence[Ghost]) -> dict[Ghost, CommitRecord]:
    """Fetch the commits of ghosts, and return them. Their files are not fetched, if the server can leave them out.

    Raises:
        GitError: the patch repository cannot be reached.
    """
    session.fetch(ghosts, content=False)
    ids = [ghost.branch_commit for ghost in ghosts]
    read = session.patches.scratch.neutral.objects(ids) if ghosts else []
    return {
        ghost: parse_commit(ghost.branch_commit, one.data if one else b"")
        for ghost, one in zip(ghosts, read, strict=True)
    }


def listing(
    ghosts: Iterable[Ghost], kind: Kind, *, headers: bool = True, only: str = "", deleted: bool = False
) -> Iterator[str]:
    """Yield the lines of a listing in Git Ghost's format; ``only`` is ``only-from``, ``only-to`` or ""."""
    tables: Sequence[tuple[type, str, tuple[str, str]]] = [
        (CommitsGhost, "Local Base Branches:", ("Remote Base", "Local Base")),
        (DiffGhost, "Local Mod Branches:", ("Local Base", "Local Mod")),
    ]
    rows = list(ghosts)
    for which, title, columns in tables:
        if which not in KINDS[kind]:
            continue
        shown = [columns, *((ghost.start, ghost.end) for ghost in rows if isinstance(ghost, which))]
        cells = [(a,) if only == "only-from" else (b,) if only == "only-to" else (a, b) for a, b in shown]
        if headers:
            yield f"Deleted {title}" if deleted else title
            yield ""
            yield " ".join(f"{cell:40}" for cell in cells[0])
        yield from (" ".join(row) for row in cells[1:])
        if headers:
            yield ""
