"""The errors that a user can meet, each with its cause and the next step.

A message is one line that tells the user what to do. Untrusted text (names, YAML, git's output)
enters a message through :func:`quote`, so none of its newlines or escape sequences reaches a terminal
or a log.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

# what git prints if the server asks for credentials and git must not prompt for them
_PROMPT_DISABLED = r"could not read (?:Username|Password) for ('[^']*'): terminal prompts disabled"
_NOT_AUTHENTICATED = r"Authentication failed for \1: git sent no credentials, or the server rejected them"


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
    """Return ``text`` in single quotes, on one line, all printable, cut to ``limit`` characters."""
    return f"'{one_line(text, limit)}'"


class Remedy(str):
    """A next step whose wording depends on the interface: an option, an input or a keyword.

    The text itself names none of them. :mod:`gto_ci.hints` looks up the wording by ``kind``. ``first`` is
    a step that applies to every interface and comes first. ``fact`` is inserted into the wording.
    """

    kind = ""
    first = ""
    fact = ""

    def __set_name__(self, _: type, name: str) -> None:
        self.kind = name

    def after(self, first: str) -> Remedy:
        """Return this remedy as an alternative to the step ``first``."""
        return self._like(f"{first}; or {self[:1].lower()}{self[1:]}", first, self.fact)

    def about(self, fact: str) -> Remedy:
        """Return this remedy with ``fact`` to insert into its wording."""
        return self._like(self, self.first, fact)

    def _like(self, text: str, first: str, fact: str) -> Remedy:
        made = Remedy(text)
        made.kind, made.first, made.fact = self.kind, first, fact
        return made


class Remedies:
    """The kinds of remedy."""

    USE_SIMPLE_TAG = Remedy("Ask for a tag without a counter")
    USE_COUNTED_TAG = Remedy("Ask for a tag with a counter, or delete the existing one")
    FORCE_NEW_TAG = Remedy("Force a new tag")
    FORCE_DEPRECATION = Remedy("Force the deprecation")
    OMIT_VERSION = Remedy("Leave out the version to assign the registered one")
    NAME_VERSION = Remedy("Name the version")
    NAME_COMMIT = Remedy("Name a commit")
    SIGN_WITHOUT_KEY = Remedy("Create the tag without a signature")
    NAME_TAGGER = Remedy("Name the tagger")
    NAME_POLICY = Remedy("Name another policy, or the ref to read it from")
    NAME_REPOSITORY = Remedy("Run 'git init' there, or name another folder")
    CLONE_REPOSITORY = Remedy("This server cannot send part of a history. Clone the repository and name the clone")
    NAME_WORKING_FOLDER = Remedy("Name a writable folder for temporary files")
    READ_LOCAL_TAGS = Remedy("Add a remote: git remote add origin URL")
    CHECK_REMOTE_LOGIN = Remedy("Check the URL and your credentials: 'git ls-remote' must work with the same remote")
    CHECK_REMOTE = Remedy("Check the URL and the network, then try again")
    CHECK_PATCH_LOGIN = Remedy(
        "Check your credentials for the patch repository: git cannot prompt here, so it needs a credential helper "
        "or a key"
    )
    CHECK_PATCH_REPOSITORY = Remedy("Check the patch repository's URL and the network")
    TRUST_PATCH_HOST = Remedy("Add the host's key to ssh's known_hosts (ssh-keyscan prints it)")
    FOLLOW_PATCH_REPOSITORY = Remedy("Use the URL that the patch repository's server redirects to")
    NAME_PATCH_REPOSITORY = Remedy("Name the URL of the patch repository")
    NAME_PREFIX = Remedy("Name a prefix, for example 'ghost'")
    CHOOSE_PREFIX = Remedy("Use letters, digits, '-', '_' and '/', for example 'team/ghost'")
    NAME_SOURCE = Remedy("Name a folder inside a repository")
    NAME_UNTRACKED_FILE = Remedy("Name an untracked file")
    MERGE_GHOST = Remedy("Merge it into the working tree")
    PUSH_LARGER = Remedy("Allow a larger change")
    PULL_LARGER = Remedy("Allow a larger change, if you trust it")
    FORCE_REMOVAL = Remedy("Force the removal")
    CHOOSE_GHOST = Remedy("Name one ghost, or ask for all")
    CHOOSE_GHOSTS_TO_DELETE = Remedy("Say which ghosts to delete")
    ALLOW_PATHS = Remedy("If you trust the author, allow the paths")
    GIVE_PRIVATE_KEY = Remedy("Give the complete private key that 'ssh-keygen' wrote, without a passphrase")
    CHECK_TOKEN = Remedy("Check the token; it may have expired")
    ASK_NO_COMMENT = Remedy("Turn comments off")
    NAME_DVC_EXTRA = Remedy("Name the DVC extra that the remote needs")
    PULL_NO_DATA = Remedy("Turn the data pull off")


class GtoError(Exception):
    """A problem that the user can solve, not a bug. ``str()`` gives the cause and the next step, if any."""

    def __init__(self, cause: str, next_step: str = "") -> None:
        self.cause = cause.rstrip(".")  # git's messages may already end in a full stop
        self.next_step = next_step
        super().__init__(f"{self.cause}. {next_step}" if next_step else self.cause)


class InvalidName(GtoError):
    """An artifact or stage name outside the grammar, or one that Git refuses in a tag."""


class InvalidTag(GtoError):
    """A tag name that is not in registry format."""


class InvalidVersion(GtoError):
    """A version that is not SemVer 2.0 with a leading ``v``."""


class ArtifactNotFound(GtoError):
    """No tag or annotation names this artifact."""


class WrongArguments(GtoError):
    """Arguments that contradict each other, are out of range, or conflict with the registry's state."""


class VersionExistsForCommit(GtoError):
    """The commit already has an active version of the artifact."""


class VersionAlreadyRegistered(GtoError):
    """The version already exists at another commit, or was deregistered."""


class VersionRequired(GtoError):
    """The artifact has no such version."""


class UnknownStage(GtoError):
    """A stage that the configuration does not allow."""


class UnknownType(GtoError):
    """An artifact type that the configuration does not allow."""


class TagExists(GtoError):
    """The tag to create already exists, or its name clashes with another tag."""


class RefNotFound(GtoError):
    """A name that does not resolve to a commit."""


class PushRefused(GtoError):
    """The remote rejected the push.

    ``taken`` lists the pushed tags that already exist on the remote as other objects. ``raced`` is True
    if another push came first.
    """

    def __init__(self, cause: str, next_step: str = "", taken: Sequence[str] = (), raced: bool = False) -> None:
        self.taken = tuple(taken)
        self.raced = raced
        super().__init__(cause, next_step)


class NoRepository(GtoError):
    """The folder or URL is not a Git repository."""


class WrongFile(GtoError):
    """A file of the repository that cannot be understood.

    ``path`` is the file. ``line`` counts from 1, and is 0 if it is not known. ``reason`` says what is wrong there.
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
    """The requested tag is missing or lightweight, or records no event."""


class WrongInput(GtoError):
    """An input or setting of the action that cannot be used."""


class CommentRefused(GtoError):
    """The platform rejected a comment on a pull request, or could not be reached."""


class NoGhost(GtoError):
    """The patch repository has no such ghost, or several that match the shortened hash."""


class GhostRefused(GtoError):
    """A ghost does not match its name, or changes a path that a ghost must not change."""


class DoesNotApply(GtoError):
    """A patch does not apply to the commit or the working tree."""


class PullFailed(GtoError):
    """DVC could not pull the artifact's data."""


class GateClosed(GtoError):
    """The event does not meet the requirements that the job's gate sets."""


class GitError(GtoError):
    """A Git command failed. Contains the command, its exit code and both streams, with secrets removed.

    ``returncode`` is None if the command did not finish (timeout, Git missing).
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
        reason = _gist(stderr) or f"exit code {returncode}"
        super().__init__(f"{verb} failed: {reason}", next_step)


def _gist(stderr: str) -> str:
    """Return the lines of git's stderr that give the reason, joined into one line.

    These are the ``fatal:``, ``error:`` and ``remote:`` lines, or all lines if there are none.
    """
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    relevant = [line for line in lines if line.startswith(("fatal:", "error:", "remote:"))] or lines
    if any("Could not read from remote repository" in line for line in relevant):
        # ssh printed the reason above this line, without a prefix
        relevant = lines[: next(n for n, line in enumerate(lines) if "Could not read from remote" in line) + 1]
    reason = re.sub(_PROMPT_DISABLED, _NOT_AUTHENTICATED, "; ".join(relevant))
    return one_line(reason, 400)
