"""Reading a patch before git does. Pure.

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
_BINARY = re.compile(rb"^(literal|delta) ([^\n]*)", re.MULTILINE)
_NUMBER = re.compile(rb"\s*([+-]?)0*([0-9]{0,20})")
_TOO_MANY = 2**64
_HEAD = 20  # bytes that two numbers of a delta take at the most
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
    for found in _BINARY.finditer(patch):
        total += _number(found[2])
        if found[1] == b"delta":
            total += _result_of_delta(patch, found.end() + 1)
    return total


def _number(text: bytes) -> int:
    """The number that ``text`` begins with, as C's strtoul reads it, and so git: after spaces, a sign, zeros."""
    sign, digits = _NUMBER.match(text).groups()  # type: ignore[union-attr]  # it matches nothing, too
    return int(digits or 0) if sign != b"-" or not digits else _TOO_MANY


def _result_of_delta(patch: bytes, at: int) -> int:
    """The size that the delta whose lines begin at ``at`` names as its result's: the second of two numbers.

    0 where it cannot be read; then git cannot either. gitformat-pack(5), "Deltified representation".
    """
    unpacker, head = zlib.decompressobj(), b""
    try:
        # what a line decodes to is for its author to choose: as little as one byte, or nothing of the delta yet
        for packed in _packed(patch, at):
            head += unpacker.decompress(packed, _HEAD - len(head))
            if len(head) == _HEAD or unpacker.eof:
                break
    except (ValueError, zlib.error):
        pass
    return _second_number(head)


def _packed(patch: bytes, at: int) -> Iterator[bytes]:
    """What each line of a binary hunk holds: a letter for the number of bytes, and them, in base 85."""
    while (end := patch.find(b"\n", at)) > at:
        letter = patch[at]
        length = letter - ord("A") + 1 if letter <= ord("Z") else letter - ord("a") + 27
        yield base64.b85decode(patch[at + 1 : end])[:length]
        at = end + 1


def _second_number(head: bytes) -> int:
    """The second number, in groups of seven bits; ``head`` is shorter than ``_HEAD`` where the delta ends with it."""
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
    return 0 if len(head) < _HEAD else _TOO_MANY  # padded, to be read as something else by somebody
