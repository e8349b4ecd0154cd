"""The files by which a step gives something to later ones.

They take ``NAME<<DELIMITER``, the value, ``DELIMITER``. All values are written in one go: a reader finds
all of them or none.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from actions_toolkit.file_command import prepare_key_value_message


def render(values: Mapping[str, str]) -> bytes:
    """Return the lines for the outputs file, each value under a random delimiter of its own."""
    return "".join(f"{prepare_key_value_message(name, value)}\n" for name, value in values.items()).encode()


def append(file: Path, data: bytes) -> None:
    """Append ``data`` to a file that the runner gave, wholly or not at all.

    Raises:
        OSError: the file cannot be written; it is then as it was before.
    """
    with file.open("ab", buffering=0) as stream:
        before, written = stream.tell(), 0
        try:
            while written < len(data):
                written += stream.write(data[written:]) or 0
        except OSError:
            with contextlib.suppress(OSError):
                if os.fstat(stream.fileno()).st_size == before + written:  # else somebody has written behind us
                    stream.truncate(before)
            raise
