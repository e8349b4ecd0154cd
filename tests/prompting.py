"""A program on a terminal, with somebody who types: a pseudo-terminal, on which it asks and prints as it would."""

from __future__ import annotations

import os
import pty
import subprocess

from tests.running import BIN, Ran, environ
from tests.workdir import WorkDir

_END = b"\x04"  # what a person types to say that nothing more comes


def on_a_terminal(work: WorkDir, *args: str, typed: str, program: str = "gto-ci", **more: str) -> Ran:
    """Run a program in `work` on a terminal, on which `typed` is typed, and no more. All that it prints is in `out`."""
    ours, its = pty.openpty()
    try:
        process = subprocess.Popen(
            [BIN / program, *args],
            cwd=work.path,
            env=environ(work, TERM="xterm-256color", **more),
            stdin=its,
            stdout=its,
            stderr=its,
        )
    finally:
        os.close(its)
    os.write(ours, typed.encode() + _END)
    said = b""
    while block := _read(ours):
        said += block
    os.close(ours)
    return Ran(process.wait(), said.decode().replace("\r\n", "\n"), "")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # nobody has the other side any more
        return b""
