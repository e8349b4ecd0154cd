"""A job of GitLab CI, behind the interface that the action uses.

Source: GitLab's "Predefined CI/CD variables reference".
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from gto_ci.core.errors import CommentRefused, Remedies, WrongInput, quote
from gto_ci.platforms.gitlab import event, files
from gto_ci.platforms.gitlab.log import Log
from gto_ci.platforms.inputs import Inputs
from gto_ci.platforms.platform import Job, Posted, Target

INPUT = "input-"


class GitLab:
    """The job that ``environ`` describes, whose log is ``stream``; a :class:`~gto_ci.platforms.platform.Platform`.

    Raises:
        WrongInput: a variable that every runner sets is missing, or the outputs cannot be written to their path.
    """

    def __init__(self, environ: Mapping[str, str], stream: TextIO) -> None:
        self.log = Log(stream)
        self._environ = environ
        project = environ.get("CI_PROJECT_DIR", "")
        if not project:
            raise WrongInput(
                "The variable CI_PROJECT_DIR is not set", "Run this in a job's script, or set the runner's variables"
            )
        self._file = files.outputs_file(Path(project), environ.get("GTO_OUTPUTS_FILE", ""))
        files.check_free(self._file, Path(project))
        temp = Path(environ.get("RUNNER_TEMP_PROJECT_DIR") or f"{project}.tmp")
        # on some runners both folders outlive the job, so the file's name contains the job's id
        self._ghost_file = temp / f"gto-ci-ghost-{environ.get('CI_JOB_ID', '')}"
        self.job = Job(
            workspace=Path(project),
            temp=temp if temp.is_dir() else None,
            commit=environ.get("CI_COMMIT_SHA", ""),
            repository=environ.get("CI_PROJECT_PATH", ""),
            server_url=environ.get("CI_SERVER_URL", ""),
            run_url=environ.get("CI_JOB_URL", ""),
            default_branch=environ.get("CI_DEFAULT_BRANCH", ""),
            event=environ.get("CI_PIPELINE_SOURCE", ""),
            from_fork=event.from_fork(environ),
            change=event.change(environ),
            ghost=self._remembered(),
        )

    @staticmethod
    def read_inputs(environ: Mapping[str, str]) -> Inputs:
        """Return the job's inputs, which are variables such as ``GTO_INPUT_FETCH_TAGS``.

        Raises:
            WrongInput: a value is invalid.
        """
        return Inputs.read(lambda name: environ.get(files.variable(INPUT + name), "").strip())

    @property
    def has_summary(self) -> bool:
        """False, because GitLab has no page for summaries."""
        return False

    def target(self, wanted: str) -> Target:
        """Return the ref to interpret; see :func:`gto_ci.platforms.gitlab.event.decide`."""
        return event.decide(wanted, self._environ)

    def write_outputs(self, values: Mapping[str, str]) -> None:
        """Write the output files and the dotenv report. Warn about outputs that are only in the files."""
        folder = files.relative(files.outputs_folder(self._file), self.job.workspace)
        report, left_out = files.render(values, folder)
        files.write(values, report, self._file, self.job.workspace)
        for name in left_out:
            self.log.warning(
                f"{files.variable(name)} is not set in later jobs, because its value does not fit into a variable. "
                f"Read it from the file {folder}/{name}"
            )

    def write_summary(self, text: str) -> None:
        """Do nothing, because GitLab has no page for summaries."""

    def remember_ghost(self, ghost: str) -> None:
        """Tell later commands of this job about the ghost. Later jobs have their own workspace, without it."""
        if self.job.temp is None:
            self.log.warning("Later commands will not know about the ghost: the job has no temporary folder")
        else:
            self._remember(ghost)

    def untrusted(self, allowed: tuple[str, ...]) -> str:
        """Return why the event must not choose the job's code, or ""; see :func:`.event.untrusted`."""
        return event.untrusted(self._environ, allowed)

    def merged_change(self, commit: str, token: str) -> int | None:
        """Raise CommentRefused; see :meth:`comment`."""
        raise _no_comments()

    def comment(self, number: int, header: str, body: str, token: str, *, create: bool = True) -> Posted:
        """Raise CommentRefused, because comments are not supported on GitLab."""
        raise _no_comments()

    def _remember(self, ghost: str) -> None:
        # the name is predictable, so do not follow a symbolic link that is in its place
        try:
            handle = os.open(self._ghost_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o666)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(ghost)
        except OSError as error:
            raise WrongInput(
                f"Cannot write {quote(self._ghost_file)}: {error.strerror}",
                "Set RUNNER_TEMP_PROJECT_DIR to a temporary folder of the job's own",
            ) from error

    def _remembered(self) -> str:
        with suppress(OSError):
            return self._ghost_file.read_text(encoding="utf-8", errors="replace")
        return ""


def _no_comments() -> CommentRefused:
    return CommentRefused("Comments are supported only on GitHub and Forgejo", Remedies.ASK_NO_COMMENT)
