"""Reading git's output, without git."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gto_ci.core.events import CommitRecord, TagRecord
from gto_ci.errors import GitError
from gto_ci.git.output import (
    RemoteTag,
    allows_filters,
    parse_batch,
    parse_commit,
    parse_ls_remote,
    parse_push_rejections,
    parse_raw_diff,
    parse_remote_messages,
    parse_show_ref,
    parse_tag_stream,
    parse_tags,
)
from gto_ci.git.remotes import protocol_v2
from gto_ci.git.tag_objects import parse_tag_object, parse_tag_objects


def line(*fields: str) -> bytes:
    return b"".join(field.encode() + b"\0" for field in fields) + b"\n"


def test_tags() -> None:
    output = line("m@v1.0.0", "tag", "t1", "commit", "c1", "Ada", "<a@b>", "60 +0100", "two\n\nlines\n", "")
    output += line("light", "commit", "c2", "", "", "", "", "", "message of the commit\n", "")
    output += line("old", "tag", "t3", "commit", "c3", "", "", "", "no tagger\n", "")
    signature = "-----BEGIN PGP SIGNATURE-----\nx\n-----END PGP SIGNATURE-----\n"
    output += line("s@v1.0.0", "tag", "t4", "blob", "b4", "Ada", "<a@b>", "7 +0000", f"hi\n{signature}", signature)
    assert parse_tags(output) == [
        TagRecord("m@v1.0.0", True, "c1", "commit", "Ada", "a@b", 60, "+0100", "two\n\nlines"),
        TagRecord("light", False, "c2", "commit"),
        TagRecord("old", True, "c3", "commit", "", "", None, "", "no tagger"),
        TagRecord("s@v1.0.0", True, "b4", "blob", "Ada", "a@b", 7, "+0000", "hi", signed="t4"),
    ]
    assert parse_tags(b"") == []


def test_a_tag_object_says_its_id_where_it_is_signed() -> None:
    body = b"object c1\ntype commit\ntag m@v1.0.0\ntagger Ada <a@b> 7 +0000\n\nhi\n"
    signed = body + b"-----BEGIN SSH SIGNATURE-----\nx\n-----END SSH SIGNATURE-----\n"
    assert parse_tag_object("m@v1.0.0", "c" * 40, body).signed == ""
    # as `git hash-object -t tag --literally` says, in either object format
    assert (
        parse_tag_object("m@v1.0.0", "c" * 40, signed).signed
        == hashlib.sha1(b"tag %d\0" % len(signed) + signed).hexdigest()
    )
    assert len(parse_tag_object("m@v1.0.0", "c" * 64, signed).signed) == 64


def test_bytes_that_are_not_utf8() -> None:
    output = line("NAME", "tag", "t", "commit", "c", "WHO", "<a@b>", "1 +0000", "WHAT", "")
    output = output.replace(b"NAME", b"\xff").replace(b"WHO", b"J\xf6rg").replace(b"WHAT", b"\xfe!")
    (record,) = parse_tags(output)
    assert record.name == "\udcff"
    assert (record.author, record.message) == ("J\ufffdrg", "\ufffd!")


@given(st.lists(st.integers(0, 400), max_size=5))
def test_records_that_come_in_blocks(cuts: list[int]) -> None:
    """Wherever git's output is cut, within a letter too, the records are the same."""
    output = line("NAME", "tag", "t", "commit", "c", "Zoë", "<a@b>", "1 +0000", "\n\nWHAT\n\n", "")
    output = output.replace(b"NAME", b"\xff\xc3").replace(b"WHAT", b"\xe2\x82\xac \xfe")
    output += line("é@v1.0.0", "commit", "c2", "", "", "", "", "", "", "")
    output += line("m@v1.0.0", "tag", "t1", "commit", "c1", "Ådå", "<a@b>", "60 +0100", "zwei\n\nZeilen\n", "")
    ends = [0, *sorted(min(cut, len(output)) for cut in cuts), len(output)]
    blocks = [output[start:end] for start, end in pairwise(ends)]
    assert list(parse_tag_stream(blocks)) == parse_tags(output)
    assert [record.name for record in parse_tags(output)] == ["\udcff\udcc3", "é@v1.0.0", "m@v1.0.0"]


def answer(number: int, data: bytes, kind: str = "tag") -> bytes:
    return b"%040x %s %d\n%s\n" % (number, kind.encode(), len(data), data)


def raw_tag(name: str, rest: bytes) -> bytes:
    return b"object %s\ntype commit\ntag %s\n%s" % (b"c" * 40, name.encode(), rest)


SIGNED = b"-----BEGIN SSH SIGNATURE-----\nx\n-----END SSH SIGNATURE-----\n"
TAG_BODIES = [
    b"tagger Ada <a@b> 60 +0100\n\ntwo\n\nlines\n",
    "tagger Zo\u00eb \u00c5 <\u00e0> 61 -0000\n\n\u20ac \u00a0\n".encode(),
    b"\nno tagger\n",
    b"tagger A <a@b> 62 +0000\n\nhi\n" + SIGNED,
    b"tagger A <a@b> 62 +0000\nencoding latin1\n\nhi\n" + SIGNED,
    b"tagger A <a@b> 63 +0000\n\nbefore\0after \xff\n",
    b"tagger A <a@b> 64 +0000\n",
    b"tagger A <a@b> 65 +0000\n\n" + b"%040x tag 9999999999\nobject " % 7 + b"long " * 40,
    b"",
]


@given(st.permutations(range(len(TAG_BODIES))), st.lists(st.integers(0, 2500), max_size=8))
def test_tag_objects_that_come_in_blocks(order: list[int], cuts: list[int]) -> None:
    """In any order and however they are cut, each is as it is alone."""
    tags = [(number, f"m@v{number}.0.0", raw_tag(f"m@v{number}.0.0", TAG_BODIES[number])) for number in order]
    output = b"".join(answer(number, data) for number, _, data in tags)
    ends = [0, *sorted(min(cut, len(output)) for cut in cuts), len(output)]
    blocks = [output[start:end] for start, end in pairwise(ends)]
    names = [name for _, name, _ in tags]
    found = list(parse_tag_objects(names, blocks))
    expected = [parse_tag_object(name, "c" * 40, data, f"{number:040x}") for number, name, data in tags]
    assert found == expected


@pytest.mark.parametrize("answered", [b"%040x missing\n" % 99, answer(99, b"a commit", "commit")])
def test_a_tag_that_git_does_not_have_is_an_error(answered: bytes) -> None:
    whole = answer(1, raw_tag("m@v1.0.0", TAG_BODIES[0]))
    with pytest.raises(GitError, match=r"missing or damaged object 0+63 for refs/tags/gone@v1\.0\.0"):
        list(parse_tag_objects(["m@v1.0.0", "gone@v1.0.0"], [whole + answered]))


def test_a_tag_object_is_read_when_it_is_there() -> None:
    """A message of any length is put together once, and names are asked for when they are needed."""
    data = raw_tag("m@v1.0.0", b"tagger Ada <a@b> 60 +0100\n\n" + b"x" * 10_000)
    names: list[str] = []

    def blocks() -> Iterator[bytes]:
        names.append("m@v1.0.0")
        for letter in answer(1, data):
            yield bytes([letter])

    (record,) = parse_tag_objects(names, blocks())
    assert (record.author, len(record.message)) == ("Ada", 10_000)


def test_show_ref() -> None:
    output = b"a1 refs/tags/light\na2 refs/tags/m@v1.0.0\nc2 refs/tags/m@v1.0.0^{}\na3 refs/tags/\xff\n"
    assert parse_show_ref(output) == ([("a1", "light"), ("a3", "\udcff")], [("a2", "m@v1.0.0")])
    assert parse_show_ref(b"") == ([], [])
    assert parse_show_ref(b"a2 refs/tags/m\nc2 refs/tags/m^{}\n") == ([], [("a2", "m")])


def test_ls_remote() -> None:
    output = b"aa\trefs/tags/m@v1.0.0\nbb\trefs/tags/m@v1.0.0^{}\ncc\trefs/tags/light\ndd\trefs/heads/main\njunk\n"
    assert parse_ls_remote(output) == [RemoteTag("light", "cc", "cc"), RemoteTag("m@v1.0.0", "aa", "bb")]


PUSHED = "To ../remote.git\n%s\nDone\n"


@pytest.mark.parametrize(
    ("line", "rejections"),
    [
        ("*\taaaa:refs/tags/m@v1.0.0\t[new tag]", {}),
        ("=\taaaa:refs/heads/main\t[up to date]", {}),
        (
            "!\taaaa:refs/tags/m@v1.0.0\t[rejected] (already exists)",
            {"refs/tags/m@v1.0.0": "[rejected] (already exists)"},
        ),
        ("!\t:refs/tags/m@v1.0.0\t[rejected] (stale info)", {"refs/tags/m@v1.0.0": "[rejected] (stale info)"}),
        (
            "!\trefs/heads/main:refs/heads/main\t[rejected] (fetch first)",
            {"refs/heads/main": "[rejected] (fetch first)"},
        ),
        (
            "!\taaaa:refs/heads/a\t[remote rejected] (atomic push failure)\n!\t:refs/heads/b\t[remote rejected] (hook)",
            {"refs/heads/a": "[remote rejected] (atomic push failure)", "refs/heads/b": "[remote rejected] (hook)"},
        ),
    ],
)
def test_push_rejections(line: str, rejections: dict[str, str]) -> None:
    assert parse_push_rejections(PUSHED % line) == rejections


def test_remote_messages() -> None:
    assert parse_remote_messages("Writing…\nremote: \nremote: not here \nremote:   nor now\nerror: no\n") == [
        "not here",
        "nor now",
    ]


def test_batch() -> None:
    output = b"aa blob 3\na\nb\nHEAD:x missing\nbb tree 0\n\nodd name with spaces missing\n"
    answers = parse_batch(output)
    assert [answer and (answer.oid, answer.kind, answer.data) for answer in answers] == [
        ("aa", "blob", b"a\nb"),
        None,
        ("bb", "tree", b""),
        None,
    ]


def test_commit() -> None:
    raw = b"tree t\nauthor Ann <ann@x> 60 +0000\ncommitter Bob <bob@x> 120 +0100\n\nsubject\n\nauthor x\n"
    commit = parse_commit("c1", raw)
    assert commit == CommitRecord("c1", "Ann", "ann@x", "Bob", "bob@x", 120, "+0100", "subject\n\nauthor x\n")
    assert commit.created_at.isoformat() == "1970-01-01T01:02:00+01:00"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"garbage",
        b"author\n\n",
        b"committer Bob <b@x> soon\n\n",
        b"committer Bob <b@x> " + b"9" * 5000 + b" x\n\n",
    ],
)
def test_a_broken_commit_has_a_date_all_the_same(raw: bytes) -> None:
    commit = parse_commit("c1", raw)
    assert (commit.author, commit.message) == ("", "")
    assert commit.created_at.year == 1970


def test_raw_diff() -> None:
    zero, one, two = "0" * 40, "1" * 40, "2" * 40
    # `git log` ends a header with a NUL, `git diff-tree --stdin` with a line feed; a path may look like either
    log = f"c2 c1\0\n:000000 100644 {zero} {one} A\0a.yaml\0:100644 000000 {one} {zero} D\0:b\0c1 \0"
    assert [*parse_raw_diff(log.encode())] == [("c2 c1", [("a.yaml", one), (":b", None)]), ("c1 ", [])]
    trees = f"e t1\n:000000 160000 {zero} {one} A\0sub\nx\0e t2\n:000000 120000 {zero} {two} A\0link\0"
    assert [*parse_raw_diff(trees.encode())] == [("e t1", [("sub\nx", None)]), ("e t2", [("link", two)])]
    none = f"e t1\ne t2\n:000000 100644 {zero} {one} A\0a\0e t3\ne t4\n"
    assert [*parse_raw_diff(none.encode())] == [("e t1", []), ("e t2", [("a", one)]), ("e t3", []), ("e t4", [])]
    assert [*parse_raw_diff(b"")] == []


@pytest.mark.parametrize(
    ("trace", "allowed"),
    [
        ("10:00:00.1 pkt-line.c:80  packet:    ls-remote< fetch=shallow wait-for-done filter\n", True),
        ("10:00:00.1 pkt-line.c:80  packet:    ls-remote< fetch=shallow wait-for-done\n", False),
        (f"10:00:00.1 pkt-line.c:80  packet:  git< {'a' * 40} HEAD\\0multi_ack filter agent=git/2\n", True),
        (f"10:00:00.1 pkt-line.c:80  packet:  git< {'a' * 40} HEAD\\0multi_ack agent=git/filter\n", False),
        (f"10:00:00.1 pkt-line.c:80  packet:  git< {'a' * 40} refs/tags/filter\n", False),
        ("", False),
    ],
)
def test_what_a_server_says_of_filters(trace: str, allowed: bool) -> None:
    assert allows_filters(trace) is allowed


@pytest.mark.parametrize(
    ("trace", "allowed"),
    [
        ("packet:    ls-remote< fetch=shallow wait-for-done filter\n", True),
        (f"packet:  git< {'a' * 40} HEAD\\0multi_ack filter agent=git/2\n", False),
        (f"packet:  git< {'a' * 40} HEAD\\0filter allow-reachable-sha1-in-want agent=git/2\n", True),
        (f"packet:  git< {'a' * 40} HEAD\\0allow-any-sha1-in-want agent=git/2\n", False),
    ],
)
def test_what_a_server_sends_later(trace: str, allowed: bool) -> None:
    assert allows_filters(trace, on_demand=True) is allowed


def packet(data: bytes) -> bytes:
    return b"%04x%s" % (len(data) + 4, data)


def test_a_pack_is_taken_out_of_its_side_band() -> None:
    answer = packet(b"packfile\n") + packet(b"\x01PA") + packet(b"\x02progress") + packet(b"\x01CK") + b"0000"
    assert protocol_v2._pack_in(answer) == b"PACK"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (packet(b"ERR access denied\n"), "access denied"),
        (packet(b"packfile\n") + packet(b"\x03fatal: out of memory\n"), "out of memory"),
        (packet(b"packfile\n") + b"0000", "no pack"),
        (b"", "no pack"),
        (packet(b"acknowledgments\n") + b"0001", "no pack"),
        (b"<html>", "not in packets"),
        (packet(b"packfile\n") + b"00", "no pack"),
    ],
)
def test_an_answer_without_a_pack_is_an_error(answer: bytes, says: str) -> None:
    with pytest.raises(GitError, match=says):
        protocol_v2._pack_in(answer)
