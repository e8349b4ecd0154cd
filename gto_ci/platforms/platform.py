"""The interface between the action and a CI system.

Each system has its own package (``github``, ``gitlab``, ``forgejo``). It turns the system's variables, files and
payloads into a :class:`Job` and implements :class:`Platform`. No other code depends on the system.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, Protocol


@dataclass(frozen=True, slots=True)
class Target:
    """The ref to interpret.

    ``text`` is a tag's name or, if ``may_be_shortcut``, possibly a shortcut. It is empty if the event is not
    about a tag; ``nothing`` then says what the event is about. ``deleted`` means that the tag was deleted.
    ``commit`` is the commit that triggered the job, which the tag must peel to. It is empty if the user named
    the tag.
    """

    text: str = ""
    may_be_shortcut: bool = False
    deleted: bool = False
    commit: str = ""
    nothing: str = ""


@dataclass(frozen=True, slots=True)
class PullRequest:
    """The pull request (or merge request) that a job is about.

    ``merged`` is the merge commit, whose first parent is on the target branch. It is empty if the platform has
    not created one. ``base`` and ``head`` are the commits of the target and the source branch. ``target`` is the
    name of the target branch.
    """

    number: int
    base: str = ""
    head: str = ""
    merged: str = ""
    target: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """The job that the action runs in. Each text may be empty.

    Attributes:
        workspace: the folder of the repository.
        temp: a folder for temporary files that later steps of the job may use.
        commit: the commit that the job runs on.
        repository: OWNER/NAME on ``server_url``.
        run_url: the page of the run.
        default_branch: the name of the repository's default branch.
        event: the platform's name for the event that triggered the job.
        from_fork: whether the event comes from a fork.
        change: the pull request that the job is about, if any.
        ghost: the ghost that an earlier step applied.
    """

    workspace: Path
    temp: Path | None = None
    commit: str = ""
    repository: str = ""
    server_url: str = ""
    run_url: str = ""
    default_branch: str = ""
    event: str = ""
    from_fork: bool = False
    change: PullRequest | None = None
    ghost: str = ""


class Posted(NamedTuple):
    """The result of posting a comment, and the comment's URL."""

    url: str
    action: Literal["created", "updated", "unchanged", "none"]


class Log(Protocol):
    """The job's log. Print untrusted text through :meth:`text`, or quote it."""

    def group(self, title: str) -> AbstractContextManager[None]:
        """Fold the lines printed inside under ``title``."""

    def text(self, text: str) -> None:
        """Print untrusted text."""

    def notice(self, message: str) -> None:
        """Add a notice to the run's page."""

    def warning(self, message: str, file: str = "", line: int = 0) -> None:
        """Add a warning to the run's page, at a file and line if given."""

    def error(self, message: str) -> None:
        """Add an error to the run's page."""

    def mask(self, secret: str) -> None:
        """Mask ``secret`` in all later output."""


class Platform(Protocol):
    """A CI system, as the action uses it."""

    @property
    def job(self) -> Job:
        """The job."""

    @property
    def log(self) -> Log:
        """The job's log."""

    @property
    def has_summary(self) -> bool:
        """Whether the platform shows a summary."""

    def target(self, wanted: str) -> Target:
        """Return the ref to interpret, from the input ``ref`` (``wanted``) or else from the event."""

    def write_outputs(self, values: Mapping[str, str]) -> None:
        """Pass ``values`` to later steps, either all of them or none."""

    def write_summary(self, text: str) -> None:
        """Add Markdown to the job's summary page."""

    def remember_ghost(self, ghost: str) -> None:
        """Tell later steps of the job that ``ghost`` was applied (:attr:`Job.ghost`)."""

    def untrusted(self, allowed: tuple[str, ...]) -> str:
        """Return why the event must not choose the code that the job runs, or "" if it may.

        ``allowed`` are the risky events, or ``fork``, that the workflow's author accepts.
        """

    def merged_change(self, commit: str, token: str) -> int | None:
        """Return the number of the pull request that introduced ``commit``, or None.

        Raises:
            CommentRefused: the platform rejected the query, or did not answer.
        """

    def comment(self, number: int, header: str, body: str, token: str, *, create: bool = True) -> Posted:
        """Post ``body`` on a pull request, or update the earlier comment with the same ``header``.

        Without ``create``, only update an earlier comment.

        Raises:
            CommentRefused: the platform rejected the comment, or could not be reached.
        """
