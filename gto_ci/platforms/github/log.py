"""The job's log.

Whatever a line of the log begins with ``::`` the runner may take for a command. Text from tags,
YAML and the network is therefore printed only by :meth:`Log.text`, with commands switched off
under a random token, and with its control characters made visible.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from actions_toolkit.command import Command

from gto_ci.core.errors import visible

_KEPT = "\n\t"


class Log:
    """Writes to the log of the job, which is the standard output of the step."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @contextmanager
    def group(self, title: str) -> Iterator[None]:
        """Fold what is printed inside under ``title``."""
        self._command("group", visible(title, _KEPT).replace("\n", " "))
        try:
            yield
        finally:
            self._command("endgroup")

    def text(self, text: str) -> None:
        """Print text that may come from anyone."""
        token = secrets.token_hex(16)
        self._command("stop-commands", token)
        self._stream.write(visible(text, _KEPT).rstrip("\n") + "\n")
        self._stream.write(f"::{token}::\n")
        self._stream.flush()

    def notice(self, message: str) -> None:
        """Add a notice to the run's page."""
        self._command("notice", message, title="gto-ci")

    def warning(self, message: str, file: str = "", line: int = 0) -> None:
        """Add a warning to the run's page, at a file's line where given."""
        self._command("warning", message, title="gto-ci", file=file, line=str(line or ""))

    def error(self, message: str) -> None:
        """Add an error to the run's page."""
        self._command("error", message, title="gto-ci")

    def mask(self, secret: str) -> None:
        """Have the runner replace ``secret`` with ``***`` from here on."""
        if secret:
            self._command("add-mask", secret)

    def _command(self, name: str, message: str = "", **properties: str) -> None:
        given = {key: value for key, value in properties.items() if value}
        self._stream.write(f"{Command(name, given, message)}\n")
        self._stream.flush()
