"""The files through which a step passes values to later steps.

The format is ``NAME<<DELIMITER``, the value, ``DELIMITER``, each on its own lines. All values are written together:
a reader finds all of them or none.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from actions_toolkit.file_command import prepare_key_value_message


def render(values: Mapping[str, str]) -> bytes:
    """Return the lines for the outputs file. Each value has its own random delimiter."""
    return "".join(f"{prepare_key_value_message(name, value)}\n" for name, value in values.items()).encode()


def append(file: Path, data: bytes) -> None:
    """Append all of ``data`` to one of the runner's files, or nothing.

    Raises:
        OSError: the file cannot be written; its content is unchanged.
    """
    with file.open("ab", buffering=0) as stream:
        before, written = stream.tell(), 0
        try:
            while written < len(data):
                written += stream.write(data[written:]) or 0
        except OSError:
            with contextlib.suppress(OSError):
                if os.fstat(stream.fileno()).st_size == before + written:  # else another process has appended too
                    stream.truncate(before)
            raise
