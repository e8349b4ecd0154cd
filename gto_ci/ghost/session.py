"""What every command on ghosts needs: the source repository, and the patch repository.

Both are asked when something is needed of them, and not before: ``git ghost list`` works outside any
repository.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from gto_ci.core.errors import GhostRefused, NoGhost, NoRepository, RefNotFound, WrongArguments, quote
from gto_ci.core.events import CommitRecord
from gto_ci.ghost.names import (
    BRANCHES,
    COMMIT_ID,
    DEFAULT_PREFIX,
    CommitsGhost,
    DiffGhost,
    Ghost,
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
from gto_ci.git.worktree.file_commit import Head, read_head
from gto_ci.git.worktree.sandbox import Sandbox

G = TypeVar("G", DiffGhost, CommitsGhost)

MAX_SIZE = 256 * 2**20
SUBJECT = "Create ghost commit"
_NOBODY = {"user.name": "Git Ghost", "user.email": "git-ghost@example.com"}
_IDENTITY = re.compile(r"GIT_(?:AUTHOR|COMMITTER)_(?:NAME|EMAIL|DATE)")
_STEP = "Nothing was changed; ask its author to push it again"


@dataclass(frozen=True, slots=True)
class Options:
    """Where ghosts are kept and made. Empty texts stand for the default.

    ``repo`` is the patch repository (else ``GIT_GHOST_REPO``), ``prefix`` begins the names of its
    branches (else ``GIT_GHOST_PREFIX``, else ``ghost``), ``source`` is a folder in the source
    repository (else the current one), ``working_dir`` is for temporary files (else the system's).
    ``max_size`` bounds, in bytes, each file of a ghost and what a patch makes of it. ``watch`` is told
    how far transfers are, in git's words.
    """

    repo: str = ""
    prefix: str = ""
    source: str = ""
    working_dir: str = ""
    max_size: int = MAX_SIZE
    watch: Watch | None = None


@dataclass(frozen=True, slots=True)
class StoredGhost:
    """A ghost as it is stored: its files by name, and its commit."""

    ghost: Ghost
    files: Mapping[str, bytes]
    commit: CommitRecord

    @property
    def patch(self) -> bytes:
        """The patch, or the mailbox of patches."""
        return self.files[self.ghost.file]

    @property
    def note(self) -> str:
        """What its author said of it."""
        return note_in(self.commit)


def note_in(commit: CommitRecord) -> str:
    """Return what the author of a ghost said of it, "" for nothing."""
    subject, _, rest = commit.message.partition("\n")
    return rest.strip() if subject == SUBJECT else commit.message.strip()


class Session:
    """One command's view of the source repository and of the patch repository. Made by :func:`opened`."""

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
            NoRepository: there is none, or it has no work tree.
        """
        try:
            repository = Repository.open(self.folder, self.scratch_area.runner)
        except NoRepository as error:
            step = "Run this inside a repository, or name one with --src-dir"
            raise NoRepository(error.cause, step) from error
        if not (repository.root / ".git").exists():
            raise NoRepository(f"{quote(repository.root)} has no work tree", "Run this inside a clone that is not bare")
        return repository

    @cached_property
    def settings(self) -> list[tuple[str, str, str]]:
        """All settings in effect in the source repository; outside of any, none."""
        try:
            return read_settings(self.source)
        except NoRepository:
            return []

    @cached_property
    def partial(self) -> bool:
        """Whether the source repository fetches objects when it needs them."""
        return any(key.endswith(".promisor") and value == "true" for _, key, value in self.settings)

    @cached_property
    def user(self) -> dict[str, str]:
        """The name and e-mail address that commits are made under, if the environment does not say otherwise."""
        own = {key: value for _, key, value in self.settings if key in _NOBODY and value.strip()}
        return {**_NOBODY, **own}

    @cached_property
    def sandbox(self) -> Sandbox:
        """The source repository, ready for work that is not seen."""
        runner = self.scratch_area.runner.with_config(*self.user.items())
        return Sandbox(self.source, ScratchArea(self.scratch_area.folder, runner))

    @cached_property
    def head(self) -> Head:
        """What is checked out in the source repository."""
        return read_head(self.source)

    def head_commit(self) -> str:
        """Return the commit that is checked out.

        Raises:
            RefNotFound: there is no commit yet.
        """
        if self.head.commit is None:
            raise RefNotFound("The repository has no commit yet", "Make a first commit")
        return self.head.commit

    def commit(self, rev: str) -> str:
        """Return the full id of the commit that ``rev`` names here.

        Raises:
            RefNotFound: it names none.
        """
        rev = trimmed(rev)
        found = self.source.find_commit(rev)
        if found is None:
            step = "Make a first commit" if rev == "HEAD" else "Name a commit, branch or tag of this repository"
            raise RefNotFound(f"{quote(rev)} was not found in the repository", step)
        return found

    def start(self, rev: str) -> str:
        """Return the id, or its first digits, of the commit ``rev``, which need not be here.

        Raises:
            RefNotFound: it is no commit here, and no hexadecimal number.
            NoRepository: it is HEAD, and there is no source repository.
        """
        rev = trimmed(rev)
        if COMMIT_ID.fullmatch(rev):
            return rev
        try:
            found = self.source.find_commit(rev)
        except NoRepository:
            if rev == "HEAD":
                raise
            found = None
        if found is not None:
            return found
        if rev == "HEAD":
            return self.head_commit()  # which says that there is none yet
        try:
            return check_hex(rev, "commit")
        except WrongArguments as error:
            raise RefNotFound(f"{quote(rev)} was not found in the repository", error.next_step) from error

    # The patch repository

    @cached_property
    def patches(self) -> PatchRepository:
        """The patch repository.

        Raises:
            WrongArguments: none was named, or git would not take the name for one.
        """
        if not self._repo:
            raise WrongArguments("ghost-repo must be specified", "Set GIT_GHOST_REPO, or give --ghost-repo URL")
        address = read_address(self._repo, Path.cwd())
        return PatchRepository(self.scratch_area, address, own_transport_settings(self.settings), self.options.watch)

    def ghosts(self, *beginnings: str) -> dict[Ghost, str]:
        """Return the ghosts whose branches, after the prefix, begin with one of ``beginnings``, and their commits.

        Raises:
            GitError: the patch repository cannot be reached.
        """
        listed = self.patches.list([f"{BRANCHES}{self.prefix}/{beginning}" for beginning in beginnings or ("",)])
        found = ((parse_ref(ref, self.prefix), oid) for ref, oid in sorted(listed.items()))
        return {ghost: oid for ghost, oid in found if ghost is not None}

    def find_diff(self, base: str, digest: str) -> tuple[DiffGhost, str]:
        """Return the diff of the commit ``base`` whose hash begins with ``digest``, and its branch's commit.

        Raises:
            NoGhost: there is none, or there are several.
        """
        start, digest = self.start(base), check_hex(trimmed(digest), "hash of a diff")
        exact = COMMIT_ID.fullmatch(start)
        found = self.ghosts(f"{start}/{digest}" if exact else start)
        fitting = {g: oid for g, oid in found.items() if isinstance(g, DiffGhost) and g.hash.startswith(digest)}
        return self.only(fitting, f"diff {digest} of {start}")

    def find_commits(self, start: str, end: str) -> tuple[CommitsGhost, str]:
        """Return the commits from ``start`` to ``end``, or to the one that begins so, and their branch's commit.

        Raises:
            NoGhost: there are none, or several.
        """
        begin, end = self.start(start), self.start(end)
        exact = COMMIT_ID.fullmatch(begin)
        found = self.ghosts(f"{begin}-{end}" if exact else begin)
        fitting = {g: oid for g, oid in found.items() if isinstance(g, CommitsGhost) and g.end.startswith(end)}
        return self.only(fitting, f"commits from {begin} to {end}")

    def only(self, found: Mapping[G, str], what: str) -> tuple[G, str]:
        """Return the one ghost in ``found``, and its commit; ``what`` says what was looked for.

        Raises:
            NoGhost: there is none, or there are several.
        """
        where = f"under the prefix {quote(self.prefix)} in {self.patches.address.shown}"
        if not found:
            raise NoGhost(f"No {what} {where}", "'git ghost list all' shows what is there")
        if len(found) > 1:
            names = ", ".join(
                f"{ghost.start} {ghost.end}" for ghost in sorted(found, key=lambda g: (g.start, g.end))[:5]
            )
            raise NoGhost(f"{len(found)} ghosts {where} begin so: {names}", "Give more digits")
        return next(iter(found.items()))

    def read(self, ghost: Ghost, oid: str) -> StoredGhost:
        """Fetch a ghost, make sure that it is what its name says, and return it.

        Raises:
            GhostRefused: it is not, or it is too large.
            GitError: the patch repository cannot be reached.
        """
        self.patches.fetch({ghost.ref: oid}, limit=self.options.max_size)
        return self.read_fetched(ghost)

    def read_fetched(self, ghost: Ghost) -> StoredGhost:
        """Return a ghost that was fetched, after making sure that it is what its name says.

        Raises:
            GhostRefused: it is not, or it is too large.
        """
        try:
            raw, files = self._files(ghost)
            commit = parse_commit("", raw)
            stored = StoredGhost(ghost, files, commit)
            if isinstance(ghost, DiffGhost):
                self._check_patch(ghost, stored.patch)
        except GhostRefused as error:
            name = f"{ghost.start} {ghost.end}"
            raise GhostRefused(f"The ghost {name} was refused: {error.cause}", error.next_step or _STEP) from error
        return stored

    def _files(self, ghost: Ghost) -> tuple[bytes, dict[str, bytes]]:
        scratch = self.patches.scratch
        raw, entries = read_branch(scratch, ghost.ref)
        if b"\nparent " in raw.partition(b"\n\n")[0]:
            raise GhostRefused("its commit has a parent, and a ghost is a single commit")
        allowed = {ghost.file} if isinstance(ghost, DiffGhost) else {ghost.file, ghost.bundle}
        for entry in entries:
            if entry.name not in allowed:
                raise GhostRefused(f"it holds {quote(entry.name)}, which is no part of a ghost")
            if entry.mode != "100644":
                raise GhostRefused(f"its {entry.name} is no plain file, its mode is {entry.mode}")
        names = [entry.name for entry in entries]
        if ghost.file not in names:
            raise GhostRefused(f"it holds no {ghost.file}")
        if len(names) != len(set(names)):
            raise GhostRefused("it holds two files of one name")
        oids = [entry.oid for entry in entries]
        for name, size in zip(names, blob_sizes(scratch, ghost.ref, oids), strict=True):
            if size is None or size > self.options.max_size:
                self._too_large(f"its {name} is {f'of {size:,} bytes' if size else 'of more'}")
        found = scratch.neutral.objects(oids)
        return raw, {name: one.data for name, one in zip(names, found, strict=True) if one is not None}

    def _check_patch(self, ghost: DiffGhost, patch: bytes) -> None:
        digest = hashlib.sha1(patch, usedforsecurity=False).hexdigest()
        if digest != ghost.hash:
            raise GhostRefused(f"the SHA-1 of its patch is {digest}, and not {ghost.hash}")
        self.check_size(patch)

    def check_size(self, patch: bytes) -> None:
        """Make sure that neither ``patch`` nor what it would write is too large.

        Raises:
            GhostRefused: it is.
        """
        self.check_written(max(len(patch), declared_size(patch)), "its patch")

    def check_written(self, size: int, what: str) -> None:
        """Make sure that ``size`` bytes, which ``what`` would write, are not too many.

        Raises:
            GhostRefused: they are.
        """
        if size > self.options.max_size:
            self._too_large(f"{what} would write {size:,} bytes")

    def _too_large(self, what: str) -> None:
        limit = self.options.max_size
        raise GhostRefused(f"{what}, and at most {limit:,} are allowed", "Allow more with --max-size, if you trust it")


@contextmanager
def opened(
    options: Options, environ: Mapping[str, str] | None = None, config: Sequence[tuple[str, str]] = ()
) -> Iterator[Session]:
    """Yield a session, for as long as the context lasts; ``config`` is configuration for its git processes only.

    Raises:
        WrongInput: there is no folder for temporary files.
        WrongArguments: the prefix cannot begin the name of a branch.
    """
    given = os.environ if environ is None else environ
    # an empty name is what a job passes on that has none; git would refuse it
    environ = {name: value for name, value in given.items() if value or not _IDENTITY.fullmatch(name)}
    working_dir = Path(options.working_dir) if options.working_dir else None
    with open_scratch_area(Runner(environ, tuple(config)), working_dir) as scratch_area:
        yield Session(options, environ, scratch_area)


def ordered(ghosts: Sequence[Ghost] | Mapping[Ghost, str]) -> list[Ghost]:
    """Return ghosts in the order of listings: commits first, then by where they start, and what they lead to."""
    return sorted(ghosts, key=lambda ghost: (ghost.kind, ghost.start, ghost.end))
