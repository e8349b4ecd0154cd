"""What the action needs of a CI system, in words that fit all of them.

Each system has a room of its own (``github``, ``gitlab``, ``forgejo``) that turns its variables, files
and payloads into a :class:`Job`, and gives the action a :class:`Platform` to speak to. Nothing else
knows which system it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, Protocol


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be interpreted.

    ``text`` is a tag's name or, where ``may_be_shortcut``, perhaps a shortcut; empty where the
    event is about no tag, and then ``nothing`` says what it is about. ``deleted``: the tag is
    gone, only its name is left. ``commit``: the commit that set the job off, which the tag has to
    peel to; empty where the tag was named by hand.
    """

    text: str = ""
    may_be_shortcut: bool = False
    deleted: bool = False
    commit: str = ""
    nothing: str = ""


@dataclass(frozen=True, slots=True)
class PullRequest:
    """The pull request (or merge request) that a job is about.

    ``merged`` is the commit that merging it makes, whose first parent is what it is merged into;
    empty where the platform has not made one. ``base`` and ``head`` are the commits of its two
    branches, ``target`` is the name of the one that it is to be merged into.
    """

    number: int
    base: str = ""
    head: str = ""
    merged: str = ""
    target: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """The job that the action runs in.

    ``workspace`` is where the repository is; ``temp`` is for files that later steps of the job may use;
    ``commit`` is the one that the job runs on. ``repository`` is OWNER/NAME on ``server_url``, ``run_url``
    the run's page, ``default_branch`` the name of that branch; each may be empty. ``event`` is the
    platform's name for what set the job off, ``from_fork``: it comes from somebody else's copy of the
    repository. ``ghost`` is what an earlier step has applied.
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
    """What became of a comment, and where it is."""

    url: str
    action: Literal["created", "updated", "unchanged", "none"]


class Log(Protocol):
    """The job's log. Text of strangers goes through :meth:`text` alone, or is quoted."""

    def group(self, title: str) -> AbstractContextManager[None]:
        """Fold what is printed inside under ``title``."""

    def text(self, text: str) -> None:
        """Print text that may come from anyone."""

    def notice(self, message: str) -> None:
        """Add a notice to the run's page."""

    def warning(self, message: str, file: str = "", line: int = 0) -> None:
        """Add a warning to the run's page, at a file's line where given."""

    def error(self, message: str) -> None:
        """Add an error to the run's page."""

    def mask(self, secret: str) -> None:
        """Have ``secret`` replaced with asterisks from here on."""


class Platform(Protocol):
    """A CI system, as the action speaks to it."""

    @property
    def job(self) -> Job:
        """The job."""

    @property
    def log(self) -> Log:
        """The job's log."""

    @property
    def has_summary(self) -> bool:
        """Whether a summary would be seen."""

    def target(self, wanted: str) -> Target:
        """Return what to interpret, from the input ``ref`` (``wanted``) or else from the event."""

    def write_outputs(self, values: Mapping[str, str]) -> None:
        """Give ``values`` to later steps, all of them or none."""

    def write_summary(self, text: str) -> None:
        """Add Markdown to the page that the job leaves behind."""

    def remember_ghost(self, ghost: str) -> None:
        """Have later steps of the job know that ``ghost`` was applied (:attr:`Job.ghost`)."""

    def untrusted(self, allowed: tuple[str, ...]) -> str:
        """Return why what set the job off must not choose what code it runs, "" where it may.

        ``allowed`` are the events, or ``fork``, that the workflow's author has ruled in.
        """

    def merged_change(self, commit: str, token: str) -> int | None:
        """Return the number of the pull request that brought ``commit`` in, None for none.

        Raises:
            CommentRefused: the platform does not say.
        """

    def comment(self, number: int, header: str, body: str, token: str, *, create: bool = True) -> Posted:
        """Post ``body`` on a pull request, or update what was posted under ``header`` before.

        Raises:
            CommentRefused: the platform did not take it.
        """
