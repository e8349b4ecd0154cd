"""Face: the action's entry. Turns what happens into the log and the exit code of the step."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Mapping
from typing import TextIO

from gto_ci import action
from gto_ci.errors import GtoError, quote
from gto_ci.github.event import Job
from gto_ci.github.inputs import Inputs
from gto_ci.github.log import Log


def run(environ: Mapping[str, str], stream: TextIO) -> int:
    """Run the action as ``environ`` says, log to ``stream``, and return the exit code: 0, or 1 with one error."""
    log = Log(stream)
    try:
        action.run(Inputs.from_environ(environ), Job.from_environ(environ), environ, log)
    except GtoError as error:
        log.error(str(error))
        return 1
    except Exception as error:
        # a crash must never look like a success with empty outputs
        with log.group("Traceback"):
            log.text(traceback.format_exc())
        cause = f"Unexpected {type(error).__name__}: {quote(error, 300)[1:-1]}"
        log.error(f"{cause}. This is a bug in gto-ci; please report it with the traceback above")
        return 1
    return 0


def main() -> None:
    """Run the action in this process's environment and end the process."""
    # the log is UTF-8 whatever the container's locale says
    sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    sys.exit(run(os.environ, sys.stdout))
