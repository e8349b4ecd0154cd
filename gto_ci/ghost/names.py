"""The names of ghosts. Pure.

A ghost is a branch of the patch repository. Its name describes its content::

    PREFIX/FROM-TO       commits: those after FROM up to TO
    PREFIX/BASE/HASH     diff: an uncommitted change on top of BASE; HASH is the SHA-1 of the patch

FROM, TO and BASE are full IDs of commits of the source repository. The format is Git Ghost's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import ClassVar, Literal, NamedTuple

from gto_ci.core.errors import Remedies, WrongArguments, quote

DEFAULT_PREFIX = "ghost"
BRANCHES = "refs/heads/"
COMMIT_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
EMPTY_HASH = "da39a3ee5e6b4b0d3255bfef95601890afd80709"  # the hash of a patch that changes nothing

Kind = Literal["diff", "commits", "all"]

_ID = COMMIT_ID.pattern
_COMMITS = re.compile(rf"({_ID})-({_ID})")
_DIFF = re.compile(rf"({_ID})/([0-9a-f]{{40}})")
_HEX = re.compile(r"[0-9a-f]{4,64}")
# parts of a name that git check-ref-format refuses, or that git's programs interpret
_REFUSED = re.compile(r"\.\.|[\x00-\x20\x7f~^:?*\[\\]|@\{|//|/\.|^[-./]|/$|\.$|\.lock(?:/|$)|^@$|[\ud800-\udfff]")


class CommitRange(NamedTuple):
    """The commits after ``start`` up to ``end``, as the user gives them: revisions or abbreviated IDs."""

    start: str
    end: str


class DiffName(NamedTuple):
    """A diff as the user gives it: its base commit and its hash. Both may be abbreviated."""

    base: str
    hash: str


class Wanted(NamedTuple):
    """The ghosts that the user names: commits, a diff, or both. If both, the diff is based on the last commit."""

    commits: CommitRange | None = None
    diff: DiffName | None = None


@dataclass(frozen=True, slots=True, order=True)
class DiffGhost:
    """An uncommitted change on top of ``base``. ``hash`` is the SHA-1 of its patch.

    ``branch_commit`` is the commit of its branch in the patch repository, or "" if that is not known yet.
    """

    prefix: str
    base: str
    hash: str
    branch_commit: str = field(default="", compare=False, repr=False)

    file: ClassVar[str] = "local-mod.patch"
    kind: ClassVar[Literal["diff"]] = "diff"

    def __str__(self) -> str:
        return f"{self.start} {self.end}"

    @property
    def start(self) -> str:
        """The base commit."""
        return self.base

    @property
    def end(self) -> str:
        """The hash, which takes the place of the last commit."""
        return self.hash

    @property
    def ref(self) -> str:
        """The full name of its branch; :func:`parse_ref` reads it back."""
        return f"{BRANCHES}{self.prefix}/{self.base}/{self.hash}"


@dataclass(frozen=True, slots=True, order=True)
class CommitsGhost:
    """The commits after ``start`` up to ``end``.

    ``branch_commit`` is the commit of its branch in the patch repository, or "" if that is not known yet.
    """

    prefix: str
    start: str
    end: str
    branch_commit: str = field(default="", compare=False, repr=False)

    file: ClassVar[str] = "commits.patch"
    bundle: ClassVar[str] = "commits.bundle"
    kind: ClassVar[Literal["commits"]] = "commits"

    def __str__(self) -> str:
        return f"{self.start} {self.end}"

    @property
    def ref(self) -> str:
        """The full name of its branch; :func:`parse_ref` reads it back."""
        return f"{BRANCHES}{self.prefix}/{self.start}-{self.end}"


Ghost = DiffGhost | CommitsGhost


def parse_ref(ref: str, prefix: str, branch_commit: str = "") -> Ghost | None:
    """Return the ghost that the branch ``ref`` is under ``prefix``, None if it is not one.

    >>> parse_ref("refs/heads/my-team/x/" + 40 * "a" + "-" + 40 * "b", "my-team/x").start[:4]
    'aaaa'
    """
    head = f"{BRANCHES}{prefix}/"
    if not ref.startswith(head):
        return None
    rest = ref[len(head) :]
    if found := _DIFF.fullmatch(rest):
        return DiffGhost(prefix, found[1], found[2], branch_commit)
    if found := _COMMITS.fullmatch(rest):
        return CommitsGhost(prefix, found[1], found[2], branch_commit)
    return None


def check_prefix(prefix: str) -> str:
    """Return ``prefix`` if the name of a branch can begin with it.

    Raises:
        WrongArguments: it is empty, or git refuses such a name.
    """
    if not prefix:
        raise WrongArguments("No prefix of the ghosts' branches is named", Remedies.NAME_PREFIX)
    if _REFUSED.search(prefix):
        raise WrongArguments(
            f"The prefix {quote(prefix)} cannot begin the name of a branch",
            Remedies.CHOOSE_PREFIX,
        )
    return prefix


def trimmed(text: str) -> str:
    """Return ``text`` without white space at its end: scripts pass on the line that a program has printed."""
    return text.rstrip(" \t\r\n")


def check_hex(text: str, what: str) -> str:
    """Return ``text`` in lower case if it is an id or hash, or the first four or more digits of one.

    Raises:
        WrongArguments: it is not; ``what`` names in the error what it should have been.
    """
    digits = text.lower()
    if not _HEX.fullmatch(digits):
        raise WrongArguments(
            f"{quote(text)} is not a {what}", "Give 40 hexadecimal digits, or the first of them (at least 4)"
        )
    return digits
