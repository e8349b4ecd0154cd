"""Parsers of git's output. Pure, and tested without git."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from gto_ci.core.events import CommitRecord, TagRecord

# One record is its fields, each followed by a NUL, and the line feed that for-each-ref adds.
# No field can hold a NUL: git cuts a message at the first one.
TAG_FIELDS = (
    "refname:strip=2",
    "objecttype",
    "objectname",
    "*objecttype",
    "*objectname",
    "taggername",
    "taggeremail",
    "taggerdate:raw",
    "contents",
    "contents:signature",
)
TAG_FORMAT = "".join(f"%({field})%00" for field in TAG_FIELDS)


_BY_ID = frozenset({"allow-any-sha1-in-want", "allow-reachable-sha1-in-want"})


class RemoteTag(NamedTuple):
    """A tag as a remote advertises it: its own object's id, and that of what it points to.

    The two are equal for a lightweight tag.
    """

    name: str
    oid: str
    target: str


def parse_tags(output: bytes) -> list[TagRecord]:
    """Return the records in the output of ``git for-each-ref --format=TAG_FORMAT``; see :func:`parse_tag_stream`."""
    return list(parse_tag_stream([output]))


def parse_tag_stream(blocks: Iterable[bytes]) -> Iterator[TagRecord]:
    """Yield the records in the output of ``git for-each-ref --format=TAG_FORMAT``, which comes in ``blocks``.

    A tag that points to a tag keeps ``target_type="tag"``, because git before 2.45 follows only one step. Bytes that
    are not UTF-8 become U+FFFD in the names of people and in messages. In tag names they are kept as surrogates, so
    that the name finds the tag again.
    """
    rest = b""
    share = dict[str, str]().setdefault
    for block in blocks:
        data = rest + block
        end = data.rfind(b"\0") + 1  # no character is cut in two there
        text, odd = _decoded(data[:end])
        fields = text.split("\0")
        whole = (len(fields) - 1) // len(TAG_FIELDS) * len(TAG_FIELDS)
        rest = "\0".join(fields[whole:]).encode(errors="surrogateescape") + data[end:]
        columns = [iter(fields[:whole])] * len(TAG_FIELDS)
        for values in zip(*columns, strict=True):
            yield _record(share, *(values if not odd else (values[0], *map(_readable, values[1:]))))


def _decoded(data: bytes) -> tuple[str, bool]:
    """Return the text, and whether it has bytes that are not UTF-8, as surrogates."""
    try:
        return data.decode(), False  # everything at once: a call for each field costs more than the rest of the parser
    except UnicodeDecodeError:
        return data.decode(errors="surrogateescape"), True


def _readable(text: str) -> str:
    return text.encode(errors="surrogateescape").decode(errors="replace")


def _record(
    share: Callable[[str, str], str], name: str, kind: str, oid: str, target_type: str, target: str,
    author: str, email: str, date: str, message: str, signature: str,
) -> TagRecord:  # fmt: skip
    # from the second record on, the line feed that ends the record before precedes the name
    name = name.lstrip("\n")
    if kind != "tag":
        return TagRecord(name, False, oid, kind)
    seconds, _, zone = date.partition(" ")
    time = int(seconds) if seconds.lstrip("-").isdecimal() else None
    email = email.strip("<>")
    if signature:
        message = message[: len(message) - len(signature)]
    signed = oid if signature else ""
    # few people tag few commits: one string of each is enough
    target, author, zone = share(target, target), share(author, author).strip(), share(zone, zone)
    email = share(email, email)
    return TagRecord(name, True, target, target_type, author, email, time, zone, message.strip(), signed)


def parse_show_ref(output: bytes) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return the lightweight and the annotated tags, each by id and name, that ``git show-ref --tags -d`` lists."""
    lightweight: list[str] = []
    annotated: list[str] = []
    before = ""
    for line in output.decode(errors="surrogateescape").split("\n"):
        if line.endswith("^{}"):  # what the tag before it points to
            annotated.append(before)
            before = ""
        else:
            if before:
                lightweight.append(before)
            before = line
    return _ids_and_names(lightweight), _ids_and_names(annotated)


def _ids_and_names(lines: Iterable[str]) -> list[tuple[str, str]]:
    pairs = (line.partition(" refs/tags/") for line in lines)
    return [(oid, name) for oid, _, name in pairs]


def allows_filters(packet_trace: str, *, on_demand: bool = False) -> bool:
    """Tell from the ``GIT_TRACE_PACKET`` of a listing whether the server supports ``--filter``.

    With ``on_demand``, the server must also allow fetching objects by id later, which a filter left out. Version 2 of
    git's protocol always allows that.
    """
    said = re.search(r"< (fetch=|[0-9a-f]{40,64} \S+\\0)([^\n]*)", packet_trace)
    words = said[2].split() if said else []
    by_id = said is not None and (said[1] == "fetch=" or not _BY_ID.isdisjoint(words))
    return "filter" in words and (by_id or not on_demand)


def parse_ls_remote(output: bytes) -> list[RemoteTag]:
    """Return the tags in the output of ``git ls-remote --tags``, by name."""
    oids: dict[str, str] = {}
    targets: dict[str, str] = {}
    for line in output.decode(errors="surrogateescape").split("\n"):
        oid, tab, ref = line.partition("\t")
        if not tab or not ref.startswith("refs/tags/"):
            continue
        name = ref.removeprefix("refs/tags/")
        if name.endswith("^{}"):
            targets[name[:-3]] = oid
        else:
            oids[name] = oid
    return [RemoteTag(name, oid, targets.get(name, oid)) for name, oid in sorted(oids.items())]


def parse_ref(output: bytes, ref: str) -> str:
    """Return the id that ``git ls-remote`` lists for ``ref``, "" if it does not list it."""
    lines = (line.partition("\t") for line in output.decode(errors="surrogateescape").split("\n"))
    return next((oid for oid, _, name in lines if name == ref), "")


def parse_push_rejections(report: str) -> dict[str, str]:
    """Return the refs that the remote rejected, each with the reason, from what ``git push --porcelain`` prints."""
    return dict(re.findall(r"^!\t[^\t\n]*:([^\t\n]*)\t(.*)$", report, re.MULTILINE))


def parse_remote_messages(stderr: str) -> list[str]:
    """Return the lines that the server sent to the person who pushes, which git prints after ``remote:``."""
    return re.findall(r"^remote: *(\S.*?)\s*$", stderr, re.MULTILINE)


def parse_commit_parents(data: bytes) -> list[str]:
    """Return the ids of a commit's parents, from its raw object. A shallow clone may lack these commits."""
    header = data.partition(b"\n\n")[0].decode(errors="replace")
    return [line.removeprefix("parent ") for line in header.split("\n") if line.startswith("parent ")]


def parse_symref_listing(output: bytes) -> tuple[dict[str, str], str | None]:
    """Return the commit of each ref that ``git ls-remote --symref`` lists, and the branch of HEAD.

    For an annotated tag, the commit is the one that the tag finally points to.
    """
    refs: dict[str, str] = {}
    branch = None
    for line in output.decode(errors="surrogateescape").split("\n"):
        what, tab, name = line.partition("\t")
        if what.startswith("ref: refs/heads/") and name == "HEAD":
            branch = what.removeprefix("ref: refs/heads/")
        elif tab:
            refs[name.removesuffix("^{}")] = what  # the peeled line comes after the tag's own
    return refs, branch


class GitObject(NamedTuple):
    """One answer of ``git cat-file --batch``."""

    oid: str
    kind: str
    data: bytes


def parse_batch(output: bytes) -> list[GitObject | None]:
    """Return the answers of ``git cat-file --batch`` or ``--batch-check``, None for each missing object."""
    answers: list[GitObject | None] = []
    at = 0
    while at < len(output):
        end = output.index(b"\n", at)
        header = output[at:end].split(b" ")
        at = end + 1
        if len(header) != 3 or not header[2].isdigit():  # `NAME missing`, `NAME ambiguous`
            answers.append(None)
            continue
        size = int(header[2])
        answers.append(GitObject(header[0].decode(), header[1].decode(), output[at : at + size]))
        at += size + 1
    return answers


def parse_commit(oid: str, data: bytes) -> CommitRecord:
    """Return the record of the raw commit object ``data``. A missing person is "", a missing date is in 1970."""
    header, _, message = data.partition(b"\n\n")
    people: dict[str, tuple[str, str, int, str]] = {}
    for line in header.split(b"\n"):
        role, _, rest = line.partition(b" ")
        if role in (b"author", b"committer"):
            who, _, when = rest.decode(errors="replace").rpartition("> ")
            name, _, email = who.partition("<")
            seconds, _, zone = when.partition(" ")
            time = int(seconds) if seconds.lstrip("-").isdecimal() and len(seconds) <= 20 else 0
            people.setdefault(role.decode(), (name.strip(), email, time, zone))
    author, author_email, _, _ = people.get("author", _NOBODY)
    committer, committer_email, time, zone = people.get("committer", _NOBODY)
    said = message.decode(errors="replace")
    return CommitRecord(oid, author, author_email, committer, committer_email, time, zone, said)


_NOBODY = ("", "", 0, "+0000")


def split_patch(patch: bytes) -> list[bytes]:
    """Return the parts of a patch that ``git diff`` made, one for each file, in their order.

    Only the heading of a part begins with ``diff --git``: lines of text begin with a sign, and the code of binary
    files has no space.
    """
    starts = [match.start() for match in re.finditer(rb"^diff --git ", patch, re.MULTILINE)]
    return [patch[start:end] for start, end in zip(starts, [*starts[1:], len(patch)], strict=False)]


def parse_raw_diff(output: bytes) -> Iterator[tuple[str, list[tuple[str, str | None]]]]:
    """Yield each header and its changes in the output of ``git diff-tree --stdin --raw -z`` or ``git log``.

    A change is a path and the new id of its blob, None if the path is no longer a file.
    """
    header, changes = "", list[tuple[str, str | None]]()
    tokens = iter(output.split(b"\0"))
    for token in tokens:
        # headers, then one change, a line each; a header without changes ends in a line feed
        *above, change = token.split(b"\n")
        if not change.startswith(b":"):
            above, change = [*above, change], b""
        for line in filter(None, above):
            if header:
                yield header, changes
            header, changes = line.decode(), []
        if change:
            _, mode, _, oid, _ = change.decode().split(" ")
            path = next(tokens).decode(errors="surrogateescape")
            # 100644, 100755 and 120000 are blobs; 160000 is a submodule's commit, 000000 nothing
            changes.append((path, oid if mode.startswith(("10", "12")) else None))
    if header:
        yield header, changes
