"""Parsers of raw tag objects. Pure, and tested without git.

They return the same records as :func:`gto_ci.git.output.parse_tags`, which reads ``git for-each-ref``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from gto_ci.core.errors import GitError
from gto_ci.core.events import TagRecord

_SIGNATURE = r"(?m)^-----BEGIN (?:PGP SIGNATURE|PGP MESSAGE|SSH SIGNATURE|SIGNED MESSAGE)-----"

# An answer of `git cat-file --batch` up to the tag's message. A tag without a tagger, or with other headers, does not
# match, and is parsed line by line.
_TAG = (
    r"([0-9a-f]+) tag ([0-9]+)\nobject ([0-9a-f]+)\ntype ([a-z]+)\ntag [^\n]*\n"
    r"tagger ([^<\n]*)<([^<>\n]*)> ([0-9]{1,18}) ([+-][0-9]{4})\n\n"
)


def parse_tag_object(name: str, target: str, data: bytes, oid: str = "") -> TagRecord:
    """Return the record of an annotated tag from its raw object; ``target`` is the object that it finally points to.

    ``target_type`` is the type of the next object: ``tag`` for a tag of a tag. ``oid`` is the id of the tag object; if
    it is needed and not given, it is computed.
    """
    header, _, body = data.partition(b"\n\n")
    fields = dict(line.partition(b" ")[::2] for line in reversed(header.split(b"\n")))
    who, _, when = fields.get(b"tagger", b"").rpartition(b"> ")
    author, _, email = who.partition(b"<")
    seconds, _, zone = when.decode(errors="replace").partition(" ")
    message, signed = _message(body.decode("latin-1"))
    return TagRecord(
        name,
        True,
        target,
        fields.get(b"type", b"").decode(errors="replace"),
        author.decode(errors="replace").strip(),
        email.decode(errors="replace"),
        int(seconds) if seconds.isdecimal() else None,
        "+0000" if zone == "-0000" else zone,  # the same for git
        message,
        (oid or _tag_id(data, len(target))) if signed else "",
    )


def name_in(data: bytes) -> str:
    """Return the name in a tag's raw object, which its ref need not have; "" if there is none."""
    lines = data.partition(b"\n\n")[0].split(b"\n")
    return next((line[4:].decode(errors="surrogateescape") for line in lines if line.startswith(b"tag ")), "")


def parse_tag_objects(names: Iterable[str], blocks: Iterable[bytes]) -> Iterator[TagRecord]:
    """Yield the records of the tags ``names`` from the answers of ``git cat-file --batch``, in the same order.

    The answers come in ``blocks``; ``names`` is not read before the first one. The records are those of
    :func:`parse_tag_object`, but ``target`` is the next object.

    Raises:
        GitError: the object of a tag is missing, or is not a tag.
    """
    answers = _Answers(names)
    waiting, missing = list[str](), 0  # the text that is not parsed yet, and the number of characters that it lacks
    for block in blocks:
        waiting.append(block.decode("latin-1"))  # a character for each byte: git counts bytes
        missing -= len(block)
        if missing > 0:
            continue
        text, at, end = "".join(waiting), 0, 0
        while at < len(text):
            record, end = answers.read(text, at)
            if end > len(text):
                break
            assert record is not None
            yield record
            at = end
        waiting, missing = [text[at:]], end - len(text)


class _Answers:
    """Parses one answer after another."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = iter(names)
        self._match = re.compile(_TAG).match
        self._share = dict[str, str]().setdefault  # few people tag few commits: one string of each is enough

    def read(self, text: str, at: int) -> tuple[TagRecord | None, int]:
        """Return the record of the answer that begins at ``at``, and its end; None if the end is beyond ``text``."""
        match = self._match(text, at)
        if match is None:
            return self._read_odd(text, at)
        oid, size, target, kind, author, email, seconds, zone = match.groups()
        end = match.end(2) + int(size) + 2  # the line feeds before the object and after it
        if end > len(text):
            return None, end
        message, signed = _message(text[match.end() : end - 1])
        share = self._share
        if not (author.isascii() and email.isascii()):
            author, email = _text(author), _text(email)
        author, email, target, zone = author.strip(), share(email, email), share(target, target), share(zone, zone)
        zone = "+0000" if zone == "-0000" else zone
        return TagRecord(
            next(self._names), True, target, share(kind, kind), share(author, author), email, int(seconds), zone,
            message, oid if signed else "",
        ), end  # fmt: skip

    def _read_odd(self, text: str, at: int) -> tuple[TagRecord | None, int]:
        start = text.find("\n", at) + 1
        if not start:
            return None, len(text) + 1
        oid, _, rest = text[at : start - 1].partition(" ")
        kind, _, size = rest.partition(" ")
        end = start + int(size) + 1 if size.isdecimal() else start  # nothing follows `ID missing`
        if end > len(text):
            return None, end
        name = next(self._names)
        if kind != "tag":
            raise damaged(oid, name)
        data = text[start : end - 1].encode("latin-1")
        target = data.removeprefix(b"object ").partition(b"\n")[0].decode(errors="replace")
        return parse_tag_object(name, target, data, oid), end


def damaged(oid: str, name: str) -> GitError:
    """Return the error for the tag ``name`` whose object cannot be read. To skip the tag would be a guess."""
    said = f"missing or damaged object {oid} for refs/tags/{name}"
    return GitError(
        ["git", "cat-file"], None, stderr=said, next_step="Find out more with 'git fsck', or clone it again"
    )


def _message(body: str) -> tuple[str, bool]:
    """Return the message of a tag, and whether a signature follows it; ``body`` has one character for each byte."""
    signed = False
    if "-----BEGIN " in body:
        starts = [match.start() for match in re.finditer(_SIGNATURE, body)]
        signed = bool(starts)
        body = body[: starts[-1]] if starts else body
    if "\0" in body:
        body = body.partition("\0")[0]
    return (body if body.isascii() else _text(body)).strip(), signed


def _text(raw: str) -> str:
    return raw.encode("latin-1").decode(errors="replace")


def _tag_id(data: bytes, length: int) -> str:
    import hashlib  # late: most tags are not signed

    # git's own hash of objects: the length of ids tells which
    kind = "sha256" if length == 64 else "sha1"
    return hashlib.new(kind, b"tag %d\0%s" % (len(data), data), usedforsecurity=False).hexdigest()
