"""The size of a patch, read from its text before git applies it. Pure.

A patch may come from anyone. Before git applies it, we must know how much it would write: a few hundred bytes of ``GIT
binary patch`` can expand to gigabytes. The number of files and lines that it changes is shown to people. Git itself
checks where it writes.
"""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

_BOUNDARY = re.compile(rb"^diff --git ", re.MULTILINE)
_BINARY = re.compile(rb"^(literal|delta) ([^\n]*)", re.MULTILINE)
_NUMBER = re.compile(rb"\s*([+-]?)0*([0-9]{0,20})")
_TOO_MANY = 2**64
_HEAD = 20  # the most bytes that two numbers of a delta take
_HUNK = re.compile(rb"^@@ -[0-9]+(?:,([0-9]+))? \+[0-9]+(?:,([0-9]+))? @@", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Stat:
    """The numbers of files and of lines of text that a patch changes."""

    files: int
    added: int
    removed: int

    def __str__(self) -> str:
        return f"{self.files} {'file' if self.files == 1 else 'files'}, +{self.added} −{self.removed}"


def stat(patch: bytes) -> Stat:
    """Return how much ``patch``, made by ``git diff``, changes. No lines are counted for binary files.

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
    """Yield the first byte of each line after the one at ``at``, nothing for an empty line."""
    while (at := patch.find(b"\n", at) + 1) and at < len(patch):
        first = patch[at : at + 1]
        yield b"" if first == b"\n" else first


def declared_size(patch: bytes) -> int:
    """Return the most bytes that the binary parts of ``patch`` expand to.

    Text is not counted: it is no longer than the patch.
    """
    total = 0
    for found in _BINARY.finditer(patch):
        total += _number(found[2])
        if found[1] == b"delta":
            total += _result_of_delta(patch, found.end() + 1)
    return total


def _number(text: bytes) -> int:
    """Return the number that ``text`` begins with, as git reads it with C's strtoul: after spaces, a sign, zeros."""
    sign, digits = _NUMBER.match(text).groups()  # type: ignore[union-attr]  # the pattern also matches ""
    return int(digits or 0) if sign != b"-" or not digits else _TOO_MANY


def _result_of_delta(patch: bytes, at: int) -> int:
    """Return the size of the result of the delta whose lines begin at ``at``: the second of its two numbers.

    Returns 0 if it cannot be read, because git cannot read it either. gitformat-pack(5), "Deltified representation".
    """
    unpacker, head = zlib.decompressobj(), b""
    try:
        # the author of a patch decides how much a line decodes to: it may be one byte, or nothing of the delta yet
        for packed in _packed(patch, at):
            head += unpacker.decompress(packed, _HEAD - len(head))
            if len(head) == _HEAD or unpacker.eof:
                break
    except (ValueError, zlib.error):
        pass
    return _second_number(head)


def _packed(patch: bytes, at: int) -> Iterator[bytes]:
    """Yield the bytes of each line of a binary hunk: a letter for their number, then the bytes in base 85."""
    while (end := patch.find(b"\n", at)) > at:
        letter = patch[at]
        length = letter - ord("A") + 1 if letter <= ord("Z") else letter - ord("a") + 27
        yield base64.b85decode(patch[at + 1 : end])[:length]
        at = end + 1


def _second_number(head: bytes) -> int:
    """Return the second number in ``head``, in groups of seven bits; ``head`` is shorter than ``_HEAD`` at the end."""
    numbers = [0]
    shift = 0
    for byte in head:
        numbers[-1] |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            if len(numbers) == 2:
                return numbers[1]
            numbers.append(0)
            shift = 0
    return 0 if len(head) < _HEAD else _TOO_MANY  # a padded number, which programs read differently
