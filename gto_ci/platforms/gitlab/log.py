"""The job's log.

GitLab interprets escape sequences in the log: colours, and the section markers, which end in a carriage return and an
escape sequence. Untrusted text, from tags, YAML and the network, is printed without either. Source: GitLab's "CI/CD
job logs".
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from gto_ci.core.errors import visible

_CLEAR = "\x1b[0K"  # hides the section marker before it on the page


class Log:
    """Writes to the job's log, which is the standard output of its script."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @contextmanager
    def group(self, title: str) -> Iterator[None]:
        """Fold the lines printed inside under ``title``."""
        # unique, because GitLab identifies sections by name, and a job may run gto-ci more than once
        name = f"gto_{secrets.token_hex(4)}"
        self._write(f"{_CLEAR}section_start:{int(time.time())}:{name}[collapsed=true]\r{_CLEAR}{_line(title)}\n")
        try:
            yield
        finally:
            self._write(f"{_CLEAR}section_end:{int(time.time())}:{name}\r{_CLEAR}\n")

    def text(self, text: str) -> None:
        """Print untrusted text."""
        self._write(_text(text).rstrip("\n") + "\n")

    def notice(self, message: str) -> None:
        """Print a notice; GitLab has no other place for it."""
        self._write(f"NOTICE: {_line(message)}\n")

    def warning(self, message: str, file: str = "", line: int = 0) -> None:
        """Print a warning, with the file and line if given."""
        where = f"{file}:{line}: " if file and line else f"{file}: " if file else ""
        self._write(f"WARNING: {_line(where + message)}\n")

    def error(self, message: str) -> None:
        """Print an error."""
        self._write(f"ERROR: {_line(message)}\n")

    def mask(self, secret: str) -> None:
        """Do nothing. GitLab masks only the variables that its settings mark as masked; a job cannot add any."""

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def _text(text: str) -> str:
    """Return ``text`` with lines kept, tabs expanded to spaces, and other unprintable characters escaped."""
    return visible(text.expandtabs(), "\n")


def _line(text: str) -> str:
    return _text(text).replace("\n", " ")
