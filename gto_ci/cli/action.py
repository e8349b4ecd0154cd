"""The action's entry. Turns what happens into the log and the exit code of the step."""

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
    """Run the action as ``environ`` says, log to ``stream``, and return the exit code: 0, or 1 with one error."""
    platform, make_log = choose(environ)
    log = make_log(stream)
    try:
        action.run(platform.read_inputs(environ), platform(environ, stream), environ)
    except GtoError as error:
        log.error(hints.sentence(error, hints.Door.ACTION))
        return 1
    except Exception as error:
        # a crash must never look like a success with empty outputs
        with log.group("Traceback"):
            log.text(traceback.format_exc())
        cause = f"Unexpected {type(error).__name__}: {one_line(error, 300)}"
        log.error(f"{cause}. This is a bug in gto-ci; please report it with the traceback above")
        return 1
    return 0


def choose(environ: Mapping[str, str]) -> tuple[type[GitHub | GitLab], Callable[[TextIO], Log]]:
    """Return the room of the CI system that ``environ`` is of, and its log.

    Forgejo and Gitea call themselves GitHub as well, so they are asked for first.
    """
    # late: each job pays for its own system alone
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
    """Run the action in this process's environment and end the process."""
    # the log is UTF-8 whatever the container's locale says
    sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    sys.exit(run(os.environ, sys.stdout))
