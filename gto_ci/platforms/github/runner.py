"""A step of a GitHub Actions job, behind the interface that the action uses.

Sources: GitHub's "Default environment variables" and "Workflow commands for GitHub Actions".
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from gto_ci.core.errors import WrongInput, quote
from gto_ci.platforms.github import event, files
from gto_ci.platforms.github.event import Trigger
from gto_ci.platforms.github.inputs import get_input
from gto_ci.platforms.github.log import Log
from gto_ci.platforms.inputs import Inputs
from gto_ci.platforms.platform import Job, Posted, Target

GHOST_VARIABLE = "GTO_CI_GHOST"


class GitHub:
    """The step that ``environ`` describes, whose log is ``stream``; a :class:`~gto_ci.platforms.platform.Platform`.

    Raises:
        WrongInput: a variable that every runner sets is missing, or the event file is not JSON.
    """

    def __init__(self, environ: Mapping[str, str], stream: TextIO) -> None:
        self.log = Log(stream)
        self.trigger = Trigger.from_environ(environ)
        workspace, output = (_required(environ, name) for name in ("GITHUB_WORKSPACE", "GITHUB_OUTPUT"))
        self._output_file = Path(output)
        self._summary_file = _path(environ, "GITHUB_STEP_SUMMARY")
        self._environment_file = _path(environ, "GITHUB_ENV")
        self._api_url = environ.get("GITHUB_API_URL", "")
        server_url, repository = environ.get("GITHUB_SERVER_URL", ""), environ.get("GITHUB_REPOSITORY", "")
        run = environ.get("GITHUB_RUN_ID", "")
        self.job = Job(
            workspace=Path(workspace),
            temp=_path(environ, "RUNNER_TEMP"),
            commit=self.trigger.sha,
            repository=repository,
            server_url=server_url,
            run_url=f"{server_url}/{repository}/actions/runs/{run}" if server_url and repository and run else "",
            default_branch=event.default_branch(self.trigger),
            event=self.trigger.event,
            from_fork=event.from_fork(self.trigger),
            change=event.change(self.trigger),
            ghost=environ.get(GHOST_VARIABLE, ""),
        )

    @staticmethod
    def read_inputs(environ: Mapping[str, str]) -> Inputs:
        """Return the step's inputs.

        Raises:
            WrongInput: a value is invalid.
        """
        return Inputs.read(lambda name: get_input(environ, name))

    @property
    def has_summary(self) -> bool:
        """Whether the runner accepts a summary."""
        return self._summary_file is not None

    def target(self, wanted: str) -> Target:
        """Return the ref to interpret; see :func:`gto_ci.platforms.github.event.decide`."""
        return event.decide(wanted, self.trigger)

    def write_outputs(self, values: Mapping[str, str]) -> None:
        """Write the step's outputs."""
        _append(self._output_file, files.render(values))

    def write_summary(self, text: str) -> None:
        """Add to the step's summary."""
        if self._summary_file is not None:
            _append(self._summary_file, text.encode(errors="replace"))

    def remember_ghost(self, ghost: str) -> None:
        """Set a variable for the job's later steps."""
        if self._environment_file is not None:
            _append(self._environment_file, files.render({GHOST_VARIABLE: ghost}))

    def untrusted(self, allowed: tuple[str, ...]) -> str:
        """Return why the event must not choose the job's code, or ""; see :func:`.event.untrusted`."""
        return event.untrusted(self.trigger, allowed)

    def merged_change(self, commit: str, token: str) -> int | None:
        """Return the number of the pull request that introduced ``commit``, or None."""
        from gto_ci.platforms.github import comments  # late: it imports an HTTP client

        return comments.merged_pull_request(comments.CommentTarget(self._api_url, self.job.repository, token), commit)

    def comment(self, number: int, header: str, body: str, token: str, *, create: bool = True) -> Posted:
        """Post the comment with this ``header``, or update it."""
        from gto_ci.platforms.github import comments  # late: it imports an HTTP client

        place = comments.CommentTarget(self._api_url, self.job.repository, token)
        return comments.post(place, number, header, body, create=create)


def _required(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name)
    if not value:
        raise WrongInput(
            f"The variable {name} is not set", "Run this as a step of a workflow, or set the runner's variables"
        )
    return value


def _append(file: Path, data: bytes) -> None:
    try:
        files.append(file, data)
    except OSError as error:
        raise WrongInput(
            f"Cannot write to the runner's file {quote(file)}: {error.strerror}",
            "Check GITHUB_OUTPUT, GITHUB_STEP_SUMMARY and GITHUB_ENV, and the free disk space",
        ) from error


def _path(environ: Mapping[str, str], name: str) -> Path | None:
    value = environ.get(name)
    return Path(value) if value else None
