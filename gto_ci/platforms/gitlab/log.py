"""The job's log.

GitLab reads escape sequences in it: colours, and the marks between which it folds a section, which
end in a carriage return and an escape. Text from tags, YAML and the network is printed without
either. Source: GitLab's "CI/CD job logs".
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from gto_ci.core.errors import visible

_CLEAR = "\x1b[0K"  # has the mark before it disappear from the page


class Log:
    """Writes to the log of the job, which is the standard output of its script."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @contextmanager
    def group(self, title: str) -> Iterator[None]:
        """Fold what is printed inside under ``title``."""
        # a name of its own: GitLab knows sections by their names, and a job may run us more than once
        name = f"gto_{secrets.token_hex(4)}"
        self._write(f"{_CLEAR}section_start:{int(time.time())}:{name}[collapsed=true]\r{_CLEAR}{_line(title)}\n")
        try:
            yield
        finally:
            self._write(f"{_CLEAR}section_end:{int(time.time())}:{name}\r{_CLEAR}\n")

    def text(self, text: str) -> None:
        """Print text that may come from anyone."""
        self._write(_text(text).rstrip("\n") + "\n")

    def notice(self, message: str) -> None:
        """Print a notice; GitLab has no other place for it."""
        self._write(f"NOTICE: {_line(message)}\n")

    def warning(self, message: str, file: str = "", line: int = 0) -> None:
        """Print a warning, with the file and its line where given."""
        where = f"{file}:{line}: " if file and line else f"{file}: " if file else ""
        self._write(f"WARNING: {_line(where + message)}\n")

    def error(self, message: str) -> None:
        """Print an error."""
        self._write(f"ERROR: {_line(message)}\n")

    def mask(self, secret: str) -> None:
        """Do nothing: GitLab hides the variables that its settings call masked, and takes no more from a job."""

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def _text(text: str) -> str:
    return visible(text.expandtabs(), "\n")


def _line(text: str) -> str:
    return _text(text).replace("\n", " ")
