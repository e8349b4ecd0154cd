"""The action's entry point: run the action, log its errors, and return the step's exit code."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TextIO

from gto_ci import action, hints
from gto_ci.core.errors import GtoError, one_line
from gto_ci.platforms.platform import Log

if TYPE_CHECKING:
    from gto_ci.platforms.github.runner import GitHub
    from gto_ci.platforms.gitlab.runner import GitLab


def run(environ: Mapping[str, str], stream: TextIO) -> int:
    """Run the action with the inputs in ``environ``, and log to ``stream``.

    Return the exit code: 0, or 1 after logging one error.
    """
    platform, make_log = choose(environ)
    log = make_log(stream)
    try:
        action.run(platform.read_inputs(environ), platform(environ, stream), environ)
    except GtoError as error:
        log.error(hints.sentence(error, hints.Interface.ACTION))
        return 1
    except Exception as error:
        # a crash must not look like a success with empty outputs
        with log.group("Traceback"):
            log.text(traceback.format_exc())
        cause = f"Unexpected {type(error).__name__}: {one_line(error, 300)}"
        log.error(f"{cause}. This is a bug in gto-ci. Please report it with the traceback above")
        return 1
    return 0


def choose(environ: Mapping[str, str]) -> tuple[type[GitHub | GitLab], Callable[[TextIO], Log]]:
    """Return the platform that runs the job, and its log. The variables in ``environ`` identify the platform.

    Forgejo and Gitea also set GitHub's variables, so their own variables are checked first.
    """
    # late: each job imports only its own platform
    if environ.get("GITLAB_CI") == "true" and environ.get("GITHUB_ACTIONS") != "true":
        from gto_ci.platforms.gitlab.log import Log as GitLabLog
        from gto_ci.platforms.gitlab.runner import GitLab

        return GitLab, GitLabLog
    from gto_ci.platforms.github.log import Log as GitHubLog

    if "true" in (environ.get("FORGEJO_ACTIONS"), environ.get("GITEA_ACTIONS")):
        from gto_ci.platforms.forgejo.runner import Forgejo

        return Forgejo, GitHubLog
    from gto_ci.platforms.github.runner import GitHub

    return GitHub, GitHubLog


def main() -> None:
    """Run the action with this process's environment, and exit."""
    # the log is UTF-8, whatever the container's locale
    sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    sys.exit(run(os.environ, sys.stdout))
