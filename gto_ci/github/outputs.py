"""Room, github: the step's outputs.

The outputs file takes ``NAME<<DELIMITER``, the value, ``DELIMITER``. All outputs are written in
one go: a reader finds all of them or none.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path

from actions_toolkit.file_command import prepare_key_value_message

# in the order of action.yml, which a test holds equal
NAMES = (
    "event",
    "name",
    "version",
    "stage",
    "type",
    "path",
    "description",
    "labels",
    "custom",
    "tag",
    "commit",
    "author",
    "author-email",
    "message",
    "created-at",
    "previous-version",
    "previous-commit",
    "deleted",
    "is-latest",
    "is-current",
    "json",
    "registry",
)
# GitHub takes 1 MB of outputs from a job; the rest is left to other steps
LIMIT = 900_000


def fit(values: Mapping[str, str], limit: int = LIMIT) -> tuple[dict[str, str], list[str]]:
    """Return all outputs (those not in ``values`` empty) within ``limit`` bytes, and what was left out for it.

    Values are made such that every reader of the file agrees on them: line ends are line feeds,
    none stands at the beginning or the end, and there is no NUL and no broken Unicode. Where they
    are too large together, the largest is emptied, until they fit.
    """
    fitted = {name: clean(values.get(name, "")) for name in NAMES}
    left_out: list[str] = []
    sizes = {name: len(value.encode()) for name, value in fitted.items()}
    while sum(sizes.values()) > limit:
        largest = max(sizes, key=lambda name: sizes[name])
        fitted[largest], sizes[largest] = "", 0
        left_out.append(largest)
    return fitted, left_out


def clean(value: str) -> str:
    """Return ``value`` in the form that every reader of the outputs file reads alike."""
    unix = value.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd").strip("\n")
    return unix.encode(errors="replace").decode()


def render(values: Mapping[str, str]) -> bytes:
    """Return the lines for the outputs file, each value under a random delimiter of its own."""
    return "".join(f"{prepare_key_value_message(name, value)}\n" for name, value in values.items()).encode()


def append(file: Path, data: bytes) -> None:
    """Append ``data`` to a file that the runner gave, wholly or not at all.

    Raises:
        OSError: the file cannot be written; it is then as it was before.
    """
    with file.open("ab", buffering=0) as stream:
        before = stream.tell()
        try:
            written = 0
            while written < len(data):
                written += stream.write(data[written:]) or 0
        except OSError:
            with contextlib.suppress(OSError):
                stream.truncate(before)
            raise
