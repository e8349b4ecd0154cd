"""Which ghosts there are, and deleting some."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from gto_ci.core.errors import NoGhost, WrongArguments
from gto_ci.core.events import CommitRecord
from gto_ci.ghost.names import COMMIT_ID, CommitsGhost, DiffGhost, Ghost, Kind
from gto_ci.ghost.patch import Stat, stat
from gto_ci.ghost.session import Session, note_in, ordered
from gto_ci.git.output import parse_commit
from gto_ci.git.remotes.patch_repository import BATCH

KINDS: dict[Kind, tuple[type, ...]] = {
    "commits": (CommitsGhost,),
    "diff": (DiffGhost,),
    "all": (CommitsGhost, DiffGhost),
}
Progress = Callable[[int, int], None]  # how many of how many are done


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A ghost, when it was made and by whom, what its author said of it, and how large it is.

    ``size`` is that of the patch in bytes.
    """

    ghost: Ghost
    created_at: datetime
    author: str
    author_email: str
    note: str
    size: int
    stat: Stat


def list_ghosts(session: Session, kind: Kind = "diff", *, start: str = "", end: str = "") -> list[Ghost]:
    """Return the ghosts of a ``kind``, of those that start at the commit ``start`` and lead to ``end`` only.

    Both may be the first digits.

    Raises:
        GitError: the patch repository cannot be reached.
    """
    return ordered(select(session, kind, start=start, end=end))


def select(session: Session, kind: Kind, *, start: str = "", end: str = "") -> dict[Ghost, str]:
    """Return the ghosts that :func:`list_ghosts` does, with their commits.

    Raises:
        GitError: the patch repository cannot be reached.
    """
    begin = session.start(start) if start else ""
    until = session.start(end) if end else ""
    return {
        ghost: oid
        for ghost, oid in session.ghosts(begin).items()
        if isinstance(ghost, KINDS[kind]) and ghost.end.startswith(until)
    }


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
    """Delete the ghosts that :func:`list_ghosts` would return, and return them.

    Raises:
        WrongArguments: they are more than one, or nothing was said of which, and ``several`` is not set.
        NoGhost: there is none such, though start and end were named.
        PushRefused: the patch repository does not let go of them.
        GitError: it cannot be reached.
    """
    found = select(session, kind, start=start, end=end)
    if not (several or dry_run) and (len(found) > 1 or not (start or end)):
        raise WrongArguments(
            f"all must be set if multiple ghosts branches are deleted: {len(found)} would be",
            "Name one with --from and --to, or add --all; --dryrun shows which",
        )
    if start and end and not found:
        raise NoGhost(f"There is no ghost from {start} to {end}", "'git ghost list all' shows what is there")
    if not dry_run:
        remove(session, found, progress)
    return ordered(found)


def remove(session: Session, found: dict[Ghost, str], progress: Progress | None = None) -> None:
    """Delete ghosts, given with their commits, in batches.

    Raises:
        PushRefused: the patch repository does not let go of a batch; those before it are gone.
        GitError: it cannot be reached.
    """
    refs = [(ghost.ref, oid) for ghost, oid in found.items()]
    for at in range(0, len(refs), BATCH):
        session.patches.delete(dict(refs[at : at + BATCH]))
        if progress is not None:
            progress(min(at + BATCH, len(refs)), len(refs))


def log(session: Session, base: str = "HEAD", *, most: int | None = None) -> list[LogEntry]:
    """Return the ghosts that start at the commit ``base``, newest first, at most ``most`` of them.

    Of those alone the content is fetched, to say how large it is.

    Raises:
        GhostRefused: one is not what its name says.
        GitError: the patch repository cannot be reached.
    """
    start = session.start(base)
    found = {ghost: oid for ghost, oid in session.ghosts(start).items() if _starts(ghost, start)}
    commits = commits_of(session, found)
    newest = sorted(found, key=lambda ghost: (-commits[ghost].time, ghost.end))[:most]
    if newest:
        session.patches.fetch({ghost.ref: found[ghost] for ghost in newest}, limit=session.options.max_size)
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


def commits_of(session: Session, found: dict[Ghost, str]) -> dict[Ghost, CommitRecord]:
    """Fetch the commits of ghosts, without their content where the server can leave it out, and return them.

    Raises:
        GitError: the patch repository cannot be reached.
    """
    if not found:
        return {}
    session.patches.fetch(
        {ghost.ref: oid for ghost, oid in found.items()}, limit=session.options.max_size, content=False
    )
    read = session.patches.scratch.neutral.objects(list(found.values()))
    commits = zip(found, read, strict=True)
    return {ghost: parse_commit(found[ghost], one.data if one else b"") for ghost, one in commits}


def listing(
    ghosts: Iterable[Ghost], kind: Kind, *, headers: bool = True, only: str = "", deleted: bool = False
) -> Iterator[str]:
    """Yield the lines of a listing, as Git Ghost prints them; ``only`` is ``only-from``, ``only-to`` or ""."""
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
