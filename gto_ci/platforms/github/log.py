"""The job's log.

The runner may interpret any line that begins with ``::`` as a command. So print untrusted text, from tags, YAML and
the network, only through :meth:`Log.text`. It turns commands off, under a random token, and makes control characters
visible.
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
    """Writes to the job's log, which is the step's standard output."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @contextmanager
    def group(self, title: str) -> Iterator[None]:
        """Fold the lines printed inside under ``title``."""
        self._command("group", visible(title, _KEPT).replace("\n", " "))
        try:
            yield
        finally:
            self._command("endgroup")

    def text(self, text: str) -> None:
        """Print untrusted text."""
        token = secrets.token_hex(16)
        self._command("stop-commands", token)
        self._stream.write(visible(text, _KEPT).rstrip("\n") + "\n")
        self._stream.write(f"::{token}::\n")
        self._stream.flush()

    def notice(self, message: str) -> None:
        """Add a notice to the run's page."""
        self._command("notice", message, title="gto-ci")

    def warning(self, message: str, file: str = "", line: int = 0) -> None:
        """Add a warning to the run's page, at a file and line if given."""
        self._command("warning", message, title="gto-ci", file=file, line=str(line or ""))

    def error(self, message: str) -> None:
        """Add an error to the run's page."""
        self._command("error", message, title="gto-ci")

    def mask(self, secret: str) -> None:
        """Make the runner replace ``secret`` with ``***`` in all later output."""
        if secret:
            self._command("add-mask", secret)

    def _command(self, name: str, message: str = "", **properties: str) -> None:
        nonempty = {key: value for key, value in properties.items() if value}
        self._stream.write(f"{Command(name, nonempty, message)}\n")
        self._stream.flush()
