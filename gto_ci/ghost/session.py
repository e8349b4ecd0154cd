"""The session of a command on ghosts: its source repository and its patch repository.

Both are opened at their first use: ``git ghost list`` works outside any repository.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, TypeVar

from gto_ci.core.errors import GhostRefused, NoGhost, NoRepository, RefNotFound, Remedies, WrongArguments, quote
from gto_ci.core.events import CommitRecord
from gto_ci.ghost.names import (
    BRANCHES,
    COMMIT_ID,
    DEFAULT_PREFIX,
    CommitRange,
    CommitsGhost,
    DiffGhost,
    DiffName,
    Ghost,
    Wanted,
    check_hex,
    check_prefix,
    parse_ref,
    trimmed,
)
from gto_ci.ghost.patch import declared_size
from gto_ci.git.output import parse_commit
from gto_ci.git.process import Runner, Watch
from gto_ci.git.remotes.address import read_address
from gto_ci.git.remotes.patch_repository import PatchRepository, blob_sizes, read_branch
from gto_ci.git.remotes.settings import own_transport_settings, read_settings
from gto_ci.git.repository import Repository
from gto_ci.git.scratch_area import ScratchArea, open_scratch_area
from gto_ci.git.worktree.sandbox import Sandbox

G = TypeVar("G", bound=Ghost)

MAX_SIZE = 256 * 2**20
SUBJECT = "Create ghost commit"
_NOBODY = {"user.name": "Git Ghost", "user.email": "git-ghost@example.com"}
_IDENTITY = re.compile(r"GIT_(?:AUTHOR|COMMITTER)_(?:NAME|EMAIL|DATE)")
_STEP = "Nothing was changed; ask its author to push it again"


@dataclass(frozen=True, slots=True)
class Options:
    """The repositories and limits of a session. An empty string means the default.

    ``repo`` is the patch repository (default: ``GIT_GHOST_REPO``). ``prefix`` begins the names of its branches
    (default: ``GIT_GHOST_PREFIX``, or ``ghost``). ``source`` is a folder in the source repository (default: the
    current one). ``working_dir`` is the folder for temporary files (default: the system's). ``max_size`` limits, in
    bytes, each file of a ghost, and what it expands to. ``watch`` is called with git's progress messages.
    """

    repo: str = ""
    prefix: str = ""
    source: str = ""
    working_dir: str = ""
    max_size: int = MAX_SIZE
    watch: Watch | None = None


@dataclass(frozen=True, slots=True)
class StoredGhost:
    """A ghost that was fetched: its files by name, and its commit."""

    ghost: Ghost
    files: Mapping[str, bytes]
    commit: CommitRecord

    @property
    def patch(self) -> bytes:
        """The patch, or the mailbox of patches."""
        return self.files[self.ghost.file]

    @property
    def note(self) -> str:
        """The author's note, "" for none."""
        return note_in(self.commit)


def note_in(commit: CommitRecord) -> str:
    """Return the author's note in the commit of a ghost, "" for none."""
    subject, _, rest = commit.message.partition("\n")
    return rest.strip() if subject == SUBJECT else commit.message.strip()


class FoundGhosts(NamedTuple):
    """The ghosts that the user has named, as the patch repository has them; None for what was not named."""

    commits: CommitsGhost | None = None
    diff: DiffGhost | None = None


class Session:
    """The source repository and the patch repository of one command. Made by :func:`opened`."""

    def __init__(self, options: Options, environ: Mapping[str, str], scratch_area: ScratchArea) -> None:
        self.options = options
        self.folder = Path(options.source or os.curdir).absolute()
        self.prefix = check_prefix(options.prefix or environ.get("GIT_GHOST_PREFIX", "") or DEFAULT_PREFIX)
        self._repo = options.repo or environ.get("GIT_GHOST_REPO", "")
        self.scratch_area = scratch_area

    # The source repository

    @cached_property
    def source(self) -> Repository:
        """The source repository.

        Raises:
            NoRepository: there is no repository, or it has no working tree.
        """
        try:
            repository = Repository.open(self.folder, self.scratch_area.runner)
        except NoRepository as error:
            raise NoRepository(error.cause, Remedies.NAME_SOURCE) from error
        if not (repository.root / ".git").exists():
            raise NoRepository(
                f"{quote(repository.root)} has no working tree", "Run this inside a clone that is not bare"
            )
        return repository

    @cached_property
    def settings(self) -> list[tuple[str, str, str]]:
        """All settings in effect in the source repository; none outside a repository."""
        try:
            return read_settings(self.source)
        except NoRepository:
            return []

    @cached_property
    def partial(self) -> bool:
        """Whether the source repository is a partial clone, which fetches objects when it needs them."""
        return any(key.endswith(".promisor") and value == "true" for _, key, value in self.settings)

    @cached_property
    def user(self) -> dict[str, str]:
        """The author of ghosts' commits, as git's settings; the environment overrides them."""
        own = {key: value for _, key, value in self.settings if key in _NOBODY and value.strip()}
        return {**_NOBODY, **own}

    @cached_property
    def sandbox(self) -> Sandbox:
        """The sandbox of the source repository."""
        runner = self.scratch_area.runner.with_config(*self.user.items())
        return Sandbox(self.source, ScratchArea(self.scratch_area.folder, runner))

    @cached_property
    def head(self) -> str | None:
        """The commit that is checked out in the source repository, None before the first one."""
        return self.source.find_commit("HEAD")

    def head_commit(self) -> str:
        """Return the commit that is checked out.

        Raises:
            RefNotFound: there is no commit yet.
        """
        if self.head is None:
            raise RefNotFound("The repository has no commit yet", "Make a first commit")
        return self.head

    def commit(self, rev: str) -> str:
        """Return the full ID of the commit that ``rev`` names here.

        Raises:
            RefNotFound: it names no commit.
        """
        rev = trimmed(rev)
        found = self._find_commit(rev)
        if found is None:
            step = "Make a first commit" if rev == "HEAD" else "Name a commit, branch or tag of this repository"
            raise RefNotFound(f"{quote(rev)} was not found in the repository", step)
        return found

    def _find_commit(self, rev: str) -> str | None:
        return self.head if rev == "HEAD" else self.source.find_commit(rev)

    def start(self, rev: str) -> str:
        """Return the ID of the commit ``rev``, or its first digits if the commit is not here.

        Raises:
            RefNotFound: it names no commit here, and is not a hexadecimal number.
            NoRepository: it is HEAD, and there is no source repository.
        """
        rev = trimmed(rev)
        if COMMIT_ID.fullmatch(rev):
            return rev
        try:
            found = self._find_commit(rev)
        except NoRepository:
            if rev == "HEAD":
                raise
            found = None
        if found is not None:
            return found
        if rev == "HEAD":
            return self.head_commit()  # raises the error for a repository without commits
        try:
            return check_hex(rev, "commit")
        except WrongArguments as error:
            raise RefNotFound(f"{quote(rev)} was not found in the repository", error.next_step) from error

    # The patch repository

    @cached_property
    def patches(self) -> PatchRepository:
        """The patch repository.

        Raises:
            WrongArguments: no address is given, or it is not the address of a repository.
        """
        if not self._repo:
            raise WrongArguments("No patch repository is named", Remedies.NAME_PATCH_REPOSITORY)
        address = read_address(self._repo, Path.cwd())
        return PatchRepository(self.scratch_area, address, own_transport_settings(self.settings), self.options.watch)

    def ghosts(self, *beginnings: str) -> list[Ghost]:
        """Return the ghosts whose branch names, after the prefix, begin with one of ``beginnings``, sorted by name.

        Raises:
            GitError: the patch repository cannot be reached.
        """
        listed = self.patches.list([f"{BRANCHES}{self.prefix}/{beginning}" for beginning in beginnings or ("",)])
        found = (parse_ref(ref, self.prefix, commit) for ref, commit in sorted(listed.items()))
        return [ghost for ghost in found if ghost is not None]

    def find(self, wanted: Wanted) -> FoundGhosts:
        """Return the ghosts that ``wanted`` names, after one listing of the patch repository.

        Commits from a commit to itself are no ghost. A diff that is named with them is then found as if it had
        been named alone.

        Raises:
            NoGhost: a ghost is not there, or several have such a name.
        """
        commits = self._commits(wanted.commits) if wanted.commits is not None else None
        diff = wanted.diff
        if diff is not None:
            base = commits.end if commits is not None else self.start(diff.base)
            diff = DiffName(base, check_hex(trimmed(diff.hash), "hash of a diff"))
        beginnings = [_beginning(commits.start, "-", commits.end)] if commits is not None else []
        beginnings += [_beginning(diff.base, "/", diff.hash)] if diff is not None else []
        listed = self.ghosts(*beginnings) if beginnings else []
        found = FoundGhosts()
        if commits is not None:
            fitting = _fitting(listed, CommitsGhost, commits.start, commits.end)
            found = FoundGhosts(self.only(fitting, f"commits from {commits.start} to {commits.end}"))
        if diff is not None:
            base = found.commits.end if found.commits is not None else diff.base
            fits = _fitting(listed, DiffGhost, base, diff.hash)
            found = found._replace(diff=self.only(fits, f"diff {diff.hash} of {base}"))
        return found

    def _commits(self, named: CommitRange) -> CommitRange | None:
        """Return the IDs of both commits, or their first digits; None if they are one commit."""
        commits = CommitRange(self.start(named.start), self.start(named.end))
        return commits if commits.start != commits.end else None

    def find_diff(self, name: DiffName) -> DiffGhost:
        """Return the diff that is called ``name``.

        Raises:
            NoGhost: it is not there, or several have such a name.
        """
        found = self.find(Wanted(diff=name)).diff
        assert found is not None
        return found

    def only(self, found: Sequence[G], what: str) -> G:
        """Return the one ghost in ``found``; ``what`` says what was looked for.

        Raises:
            NoGhost: there is none, or there are several.
        """
        where = f"under the prefix {quote(self.prefix)} in {self.patches.address.shown}"
        if not found:
            raise NoGhost(f"No {what} {where}", "'git ghost list all' shows what is there")
        if len(found) > 1:
            names = ", ".join(str(ghost) for ghost in ordered(found)[:5])
            raise NoGhost(f"{len(found)} ghosts {where} match: {names}", "Give more digits")
        return found[0]

    def fetch(self, ghosts: Sequence[Ghost], *, content: bool = True) -> None:
        """Fetch the branches of ``ghosts``; without ``content``, only their commits.

        Raises:
            GitError: the patch repository cannot be reached.
        """
        if ghosts:
            refs = {ghost.ref: ghost.branch_commit for ghost in ghosts}
            self.patches.fetch(refs, limit=self.options.max_size, content=content)

    def read(self, ghost: Ghost) -> StoredGhost:
        """Fetch ``ghost``, and return it as :meth:`read_fetched` does.

        Raises:
            GhostRefused: the ghost's content does not match its name, or is too large.
            GitError: the patch repository cannot be reached.
        """
        self.fetch([ghost])
        return self.read_fetched(ghost)

    def read_fetched(self, ghost: Ghost) -> StoredGhost:
        """Return the content of a ghost that was fetched, after checking that it matches its name.

        Raises:
            GhostRefused: it does not match, or it is too large.
        """
        try:
            raw, files = self._files(ghost)
            commit = parse_commit("", raw)
            stored = StoredGhost(ghost, files, commit)
            if isinstance(ghost, DiffGhost):
                self._check_patch(ghost, stored.patch)
        except GhostRefused as error:
            raise GhostRefused(f"The ghost {ghost} was refused: {error.cause}", error.next_step or _STEP) from error
        return stored

    def _files(self, ghost: Ghost) -> tuple[bytes, dict[str, bytes]]:
        scratch = self.patches.scratch
        raw, entries = read_branch(scratch, ghost.ref)
        if b"\nparent " in raw.partition(b"\n\n")[0]:
            raise GhostRefused("its commit has a parent, and a ghost is a single commit")
        allowed = {ghost.file} if isinstance(ghost, DiffGhost) else {ghost.file, ghost.bundle}
        for entry in entries:
            if entry.name not in allowed:
                raise GhostRefused(f"it contains {quote(entry.name)}, which does not belong to a ghost")
            if entry.mode != "100644":
                raise GhostRefused(f"its {entry.name} is not a plain file: its mode is {entry.mode}")
        names = [entry.name for entry in entries]
        if ghost.file not in names:
            raise GhostRefused(f"it does not contain {ghost.file}")
        if len(names) != len(set(names)):
            raise GhostRefused("it contains two files with one name")
        oids = [entry.oid for entry in entries]
        for name, size in zip(names, blob_sizes(scratch, ghost.ref, oids), strict=True):
            if size is None or size > self.options.max_size:
                self._too_large(f"its {name} has {f'{size:,}' if size else 'too many'} bytes")
        found = scratch.neutral.objects(oids)
        return raw, {name: one.data for name, one in zip(names, found, strict=True) if one is not None}

    def _check_patch(self, ghost: DiffGhost, patch: bytes) -> None:
        if patch_hash(patch) != ghost.hash:
            raise GhostRefused(f"the SHA-1 of its patch is {patch_hash(patch)}, and not {ghost.hash}")
        self.check_size(patch)

    def check_size(self, patch: bytes) -> None:
        """Make sure that neither ``patch`` nor the files that it would write are too large.

        Raises:
            GhostRefused: they are too large.
        """
        self.check_written(max(len(patch), declared_size(patch)), "its patch")

    def check_written(self, size: int, what: str) -> None:
        """Make sure that ``size`` bytes are not too many; ``what`` names in the error what would write them.

        Raises:
            GhostRefused: they are too many.
        """
        if size > self.options.max_size:
            self._too_large(f"{what} would write {size:,} bytes")

    def _too_large(self, what: str) -> None:
        limit = self.options.max_size
        raise GhostRefused(f"{what}, and at most {limit:,} are allowed", Remedies.PULL_LARGER)


@contextmanager
def open_session(
    options: Options, environ: Mapping[str, str] | None = None, config: Sequence[tuple[str, str]] = ()
) -> Iterator[Session]:
    """Yield a session while the context lasts; ``config`` is configuration for its git processes only.

    Raises:
        WrongInput: the folder for temporary files cannot be used.
        WrongArguments: the name of a branch cannot begin with the prefix.
    """
    given = os.environ if environ is None else environ
    # a job without an author passes on an empty name, which git would refuse
    environ = {name: value for name, value in given.items() if value or not _IDENTITY.fullmatch(name)}
    working_dir = Path(options.working_dir) if options.working_dir else None
    with open_scratch_area(Runner(environ, tuple(config)), working_dir) as scratch_area:
        yield Session(options, environ, scratch_area)


def ordered(ghosts: Iterable[G]) -> list[G]:
    """Return ghosts in the order of listings: commits first, then by start, then by end."""
    return sorted(ghosts, key=lambda ghost: (ghost.kind, ghost.start, ghost.end))


def patch_hash(patch: bytes) -> str:
    """Return the hash of a diff: the SHA-1 of its patch, in hexadecimal digits."""
    return hashlib.sha1(patch, usedforsecurity=False).hexdigest()


def _beginning(start: str, divider: str, end: str) -> str:
    """Return how the names of branches begin, after the prefix, whose ghosts lead from ``start`` to ``end``."""
    return f"{start}{divider}{end}" if COMMIT_ID.fullmatch(start) else start


def _fitting(ghosts: Iterable[Ghost], kind: type[G], start: str, end: str) -> list[G]:
    """Return the ghosts of ``kind`` that lead from ``start`` to ``end``. Both may be abbreviated."""
    return [
        ghost
        for ghost in ghosts
        if isinstance(ghost, kind) and ghost.start.startswith(start) and ghost.end.startswith(end)
    ]
