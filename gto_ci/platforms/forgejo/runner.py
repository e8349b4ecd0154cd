"""A step of a Forgejo or Gitea Actions job: only what differs from GitHub Actions.

Sources: Forgejo's "Forgejo Actions | Reference"; Gitea's "Compared to GitHub Actions", its API
reference, and its ``services/actions/context.go``, which sets the variables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, TextIO

from gto_ci.platforms.github.runner import GitHub
from gto_ci.platforms.platform import Posted

if TYPE_CHECKING:
    from gto_ci.platforms.github.comments import CommentTarget

CALLED = "workflow_call"


class Forgejo(GitHub):
    """The step that ``environ`` describes, whose log is ``stream``; a :class:`~gto_ci.platforms.platform.Platform`.

    Raises:
        WrongInput: a variable that every runner sets is missing, or the event file is not JSON.
    """

    def __init__(self, environ: Mapping[str, str], stream: TextIO) -> None:
        super().__init__(environ, stream)
        job = self.job
        server = job.server_url.rstrip("/")  # Gitea's ends in a slash
        self._api_url = f"{server}/api/v1"
        # the URL of a run's page has the run's number in the repository, not its id as on GitHub
        number = environ.get("GITHUB_RUN_NUMBER", "")
        change = job.change
        if change is not None and self.trigger.ref.endswith("/head"):
            # the job runs on the pull request's own branch: there is no merge commit
            change = replace(change, merged="")
        self.job = replace(
            job,
            server_url=server,
            run_url=f"{server}/{job.repository}/actions/runs/{number}" if server and job.repository and number else "",
            change=change,
        )

    def untrusted(self, allowed: tuple[str, ...]) -> str:
        """Return why the event must not choose the code that the job runs, or "" if it may.

        Gitea does not tell a called workflow which event triggered its caller.
        """
        if self.trigger.event == CALLED and CALLED not in allowed:
            return f"The event {CALLED} hides the event that triggered the job, which may be anyone's comment"
        return super().untrusted(allowed)

    def merged_change(self, commit: str, token: str) -> int | None:
        """Return the number of the pull request whose merge created ``commit``, or None."""
        from gto_ci.platforms.forgejo import comments  # late: it imports an HTTP client

        return comments.merged_pull_request(self._place(token), commit)

    def comment(self, number: int, header: str, body: str, token: str, *, create: bool = True) -> Posted:
        """Post the comment with this ``header``, or update it."""
        from gto_ci.platforms.forgejo import comments  # late: it imports an HTTP client

        return comments.post(self._place(token), number, header, body, create=create)

    def _place(self, token: str) -> CommentTarget:
        from gto_ci.platforms.github.comments import CommentTarget

        return CommentTarget(self._api_url, self.job.repository, token, "the server")
