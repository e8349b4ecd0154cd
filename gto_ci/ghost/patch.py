"""Room, ghost: reading a patch before git does. Pure.

A patch comes from a stranger. Two things have to be known of it before git is handed it: how much it
would write (a few hundred bytes of ``GIT binary patch`` can stand for gigabytes), and for people, how
many files it changes. Where it writes is git's to find out, and to refuse.
"""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

_BOUNDARY = re.compile(rb"^diff --git ", re.MULTILINE)
_BINARY = re.compile(rb"^(literal|delta) ([0-9]+)\r?\n([^\r\n]+)", re.MULTILINE)
_HUNK = re.compile(rb"^@@ -[0-9]+(?:,([0-9]+))? \+[0-9]+(?:,([0-9]+))? @@", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Stat:
    """How much a patch changes: files, and lines of text."""

    files: int
    added: int
    removed: int

    def __str__(self) -> str:
        return f"{self.files} {'file' if self.files == 1 else 'files'}, +{self.added} −{self.removed}"


def stat(patch: bytes) -> Stat:
    """Return how much ``patch``, made by ``git diff``, changes. Files of a binary patch count no lines.

    >>> str(stat(b"diff --git a/f b/f\\n--- a/f\\n+++ b/f\\n@@ -1 +1,2 @@\\n-a\\n+b\\n+c\\n"))
    '1 file, +2 −1'
    """
    added = removed = 0
    for hunk in _HUNK.finditer(patch):
        old, new = (int(count) if count is not None else 1 for count in hunk.groups())
        for line in _lines(patch, hunk.end()):
            if old <= 0 and new <= 0:
                break
            added += line == b"+"
            removed += line == b"-"
            old -= line in (b" ", b"-", b"")
            new -= line in (b" ", b"+", b"")
    return Stat(len(_BOUNDARY.findall(patch)), added, removed)


def _lines(patch: bytes, at: int) -> Iterator[bytes]:
    """The first byte of each line after the one that ``at`` is in; empty for an empty line."""
    while (at := patch.find(b"\n", at) + 1) and at < len(patch):
        first = patch[at : at + 1]
        yield b"" if first == b"\n" else first


def declared_size(patch: bytes) -> int:
    """Return how many bytes the binary parts of ``patch`` would make of themselves, at the most.

    What text becomes is no longer than the patch itself, and is not counted.
    """
    total = 0
    for kind, size, line in _BINARY.findall(patch):
        total += int(size[:20])
        if kind == b"delta":
            total += _result_of_delta(line)
    return total


def _result_of_delta(line: bytes) -> int:
    """The size that the beginning of a delta names as its result's: two numbers, in groups of seven bits.

    gitformat-pack(5), "Deltified representation". 0 where it cannot be read; then git cannot either.
    """
    try:
        # the first character of a line says how many bytes it stands for; five characters are four bytes
        packed = base64.b85decode(line[1 : 1 + (len(line) - 1) // 5 * 5])
        head = zlib.decompressobj().decompress(packed, 32)
    except (ValueError, zlib.error):
        return 0
    numbers = [0, 0]
    at = 0
    for which in range(2):
        shift = 0
        while at < len(head):
            byte = head[at]
            at += 1
            numbers[which] |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
    return numbers[1]
