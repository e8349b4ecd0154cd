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


class GtoError(Exception):
    """A user's problem, not a bug. ``str()`` is the cause and, where there is one, the next step."""

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
