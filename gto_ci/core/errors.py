"""Everything that can go wrong for a user, each with its cause and the next step.

A message is one line that a person can act on. Text that came from outside (names, YAML, git's
own words) is put into it through :func:`quote`, so that no newline or escape sequence of a
stranger reaches a terminal or a log.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

# git's words for "the server wants to know who we are", where it may ask nobody
_UNASKED = r"could not read (?:Username|Password) for ('[^']*'): terminal prompts disabled"
_ASKED = r"Authentication failed for \1: no credentials were sent, or others are wanted"


def visible(text: object, keep: str = "") -> str:
    """Return ``text`` with each unprintable character escaped, except those in ``keep``."""
    shown = str(text)
    if shown.isprintable():
        return shown
    return "".join(c if c.isprintable() or c in keep else c.encode("unicode_escape").decode() for c in shown)


def one_line(text: object, limit: int = 120) -> str:
    """Return ``text`` on one line, printable, at most ``limit`` characters long."""
    shown = visible(text)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def quote(text: object, limit: int = 120) -> str:
    """Return ``text`` in single quotes, on one line, printable, at most ``limit`` characters long."""
    return f"'{one_line(text, limit)}'"


class Remedy(str):
    """A next step that takes other words at each door: an option, an input or a keyword.

    The text itself names none of them. :mod:`gto_ci.hints` finds the words of a door by ``kind``. ``first`` is a
    step that holds at every door and comes before, ``fact`` is what the words are about.
    """

    kind = ""
    first = ""
    fact = ""

    def __set_name__(self, _: type, name: str) -> None:
        self.kind = name

    def after(self, first: str) -> Remedy:
        """Return this remedy as the alternative to the step ``first``."""
        return self._like(f"{first}; or {self[:1].lower()}{self[1:]}", first, self.fact)

    def about(self, fact: str) -> Remedy:
        """Return this remedy for ``fact``."""
        return self._like(self, self.first, fact)

    def _like(self, text: str, first: str, fact: str) -> Remedy:
        made = Remedy(text)
        made.kind, made.first, made.fact = self.kind, first, fact
        return made


class Remedies:
    """The kinds of remedy."""

    USE_SIMPLE_TAG = Remedy("Ask for a tag without a counter")
    USE_COUNTED_TAG = Remedy("Ask for a tag with a counter, or delete that one")
    FORCE_NEW_TAG = Remedy("Force a new tag")
    FORCE_DEPRECATION = Remedy("Force the deprecation")
    OMIT_VERSION = Remedy("Leave out the version to assign that one")
    NAME_VERSION = Remedy("Name the version")
    NAME_COMMIT = Remedy("Name a commit")
    SIGN_WITHOUT_KEY = Remedy("Make the tag without a signature")
    NAME_TAGGER = Remedy("Name the tagger")
    NAME_POLICY = Remedy("Name another policy, or the ref to read it from")
    NAME_REPOSITORY = Remedy("Run 'git init' there, or name another folder")
    CLONE_REPOSITORY = Remedy("This server sends no part of a history; clone it, and name the clone's folder")
    NAME_WORKING_FOLDER = Remedy("Name a folder for temporary files that you may write to")
    READ_LOCAL_TAGS = Remedy("Add a remote: git remote add origin URL")
    CHECK_REMOTE_LOGIN = Remedy("Check the URL and your credentials: 'git ls-remote' with the same remote has to work")
    CHECK_REMOTE = Remedy("Check the URL and the network, and try again")
    CHECK_PATCH_LOGIN = Remedy(
        "Check your credentials for the patch repository: git asks no one here, and needs a credential helper or a key"
    )
    CHECK_PATCH_REPOSITORY = Remedy("Check the patch repository's URL, and the network")
    TRUST_PATCH_HOST = Remedy("Add the host's key to ssh's known_hosts (ssh-keyscan prints it)")
    FOLLOW_PATCH_REPOSITORY = Remedy("Use the address that the patch repository's server redirects to")
    NAME_PATCH_REPOSITORY = Remedy("Name the URL of the patch repository")
    NAME_PREFIX = Remedy("Name a prefix, for example 'ghost'")
    CHOOSE_PREFIX = Remedy("Use letters, digits, '-', '_' and '/', for example 'team/ghost'")
    NAME_SOURCE = Remedy("Name a folder inside a repository")
    NAME_UNTRACKED_FILE = Remedy("Name an untracked file")
    MERGE_GHOST = Remedy("Merge it with what is here")
    PUSH_LARGER = Remedy("Allow a larger change")
    PULL_LARGER = Remedy("Allow a larger change, if you trust it")
    FORCE_REMOVAL = Remedy("Force the removal")
    CHOOSE_GHOST = Remedy("Name one ghost, or ask for all")
    CHOOSE_GHOSTS_TO_DELETE = Remedy("Say which ghosts to delete")
    ALLOW_PATHS = Remedy("Allow the paths, if you trust its author")
    GIVE_PRIVATE_KEY = Remedy("Give a private key as 'ssh-keygen' writes it, all its lines, without a passphrase")
    CHECK_TOKEN = Remedy("Check the token; it may have expired")
    ASK_NO_COMMENT = Remedy("Ask for no comment")
    NAME_DVC_EXTRA = Remedy("Name the extra of DVC that the remote needs")
    PULL_NO_DATA = Remedy("Pull no data")


class GtoError(Exception):
    """A user's problem, not a bug. ``str()`` is the cause and, where there is one, the next step.

    ``next_step`` may be a :class:`Remedy`.
    """

    def __init__(self, cause: str, next_step: str = "") -> None:
        self.cause = cause.rstrip(".")  # git's own words may end in a stop already
        self.next_step = next_step
        super().__init__(f"{self.cause}. {next_step}" if next_step else self.cause)


class InvalidName(GtoError):
    """An artifact or stage name outside the grammar, or one that git refuses in a tag."""


class InvalidTag(GtoError):
    """A tag name that is not in registry format."""


class InvalidVersion(GtoError):
    """A version that is not SemVer 2.0 with a leading ``v``."""


class ArtifactNotFound(GtoError):
    """No tag of the registry names this artifact."""


class WrongArguments(GtoError):
    """Arguments that contradict each other, are out of range, or do not fit the registry's state."""


class VersionExistsForCommit(GtoError):
    """The commit holds another version of the artifact, in effect."""


class VersionAlreadyRegistered(GtoError):
    """The version exists already, at another commit or deregistered."""


class VersionRequired(GtoError):
    """The artifact has no such version."""


class UnknownStage(GtoError):
    """A stage that the configuration does not allow."""


class UnknownType(GtoError):
    """An artifact type that the configuration does not allow."""


class TagExists(GtoError):
    """The tag to be made exists already, or its name clashes with another tag's."""


class RefNotFound(GtoError):
    """A name that leads to no commit."""


class PushRefused(GtoError):
    """The remote did not take what was pushed.

    ``taken`` are the tags that it holds already, as other objects; ``raced``: somebody else's push
    came first.
    """

    def __init__(self, cause: str, next_step: str = "", taken: Sequence[str] = (), raced: bool = False) -> None:
        self.taken = tuple(taken)
        self.raced = raced
        super().__init__(cause, next_step)


class NoRepository(GtoError):
    """There is no Git repository where one was expected."""


class WrongFile(GtoError):
    """A file of the repository that cannot be understood.

    ``path`` is the file, ``line`` counts from 1, 0 where it is not known; ``reason`` says what is wrong there.
    """

    _what = "Wrong file"

    def __init__(self, path: str, line: int, reason: str, next_step: str = "") -> None:
        self.path = path
        self.line = line
        self.reason = reason
        where = f"{quote(path)}, line {line}" if line else quote(path)
        super().__init__(f"{self._what} {where}: {reason}", next_step)


class WrongConfig(WrongFile):
    """A configuration file (``.gto``) or variable that cannot be understood."""

    _what = "Wrong config file"


class WrongVariable(WrongConfig):
    """A ``GTO_*`` variable that cannot be understood; ``path`` is its name."""

    _what = "Wrong environment variable"


class WrongAnnotations(WrongFile):
    """An annotation file (``artifacts.yaml``, ``dvc.yaml``) that cannot be understood."""

    _what = "Malformed annotations in"


class WrongPolicy(WrongFile):
    """A policy file (``.gto-policy.yaml``) that cannot be used."""

    _what = "Wrong policy in"


class TagProblem(GtoError):
    """A tag that was asked for is missing, lightweight, or not what it should be."""


class WrongInput(GtoError):
    """An input or a setting of the action that cannot be used."""


class CommentRefused(GtoError):
    """The platform did not take a comment on a pull request."""


class NoGhost(GtoError):
    """The patch repository has no such ghost, or several that begin so."""


class GhostRefused(GtoError):
    """A ghost is not what its name says, or writes what a patch may not write."""


class DoesNotApply(GtoError):
    """A patch does not fit the commit or the work tree that it is applied to."""


class PullFailed(GtoError):
    """The data of an artifact could not be pulled with DVC."""


class GateClosed(GtoError):
    """What happened does not pass the gate that the job has set before what comes next."""


class GitError(GtoError):
    """A git command failed. Holds the command, its exit code and both streams, free of secrets.

    ``returncode`` is None when the command did not run to its end (timeout, git missing).
    """

    def __init__(
        self,
        command: Sequence[str],
        returncode: int | None,
        stdout: str = "",
        stderr: str = "",
        next_step: str = "",
    ) -> None:
        self.command = list(command)
        self.returncode = returncode
        self.stdout = stdout
        self.stderr = stderr
        verb = " ".join(self.command[:2]) if len(self.command) > 1 else "git"
        said = _gist(stderr) or f"exit code {returncode}"
        super().__init__(f"{verb} failed: {said}", next_step)


def _gist(stderr: str) -> str:
    """The lines of git's stderr that say why, on one line: ``fatal:`` and ``error:`` before the rest."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith(("fatal:", "error:", "remote:"))] or lines
    if any("Could not read from remote repository" in line for line in telling):
        # then the reason is what ssh said before, in words of its own
        telling = lines[: next(n for n, line in enumerate(lines) if "Could not read from remote" in line) + 1]
    said = re.sub(_UNASKED, _ASKED, "; ".join(telling))
    return one_line(said, 400)
