"""Names of ghosts, patches as bytes, addresses: what is known without git."""

from __future__ import annotations

import base64
import re
import subprocess
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gto_ci.errors import GtoError, WrongArguments
from gto_ci.ghost.listing import listing
from gto_ci.ghost.names import CommitsGhost, DiffGhost, Ghost, check_hex, check_prefix, parse_ref
from gto_ci.ghost.patch import Stat, declared_size, stat
from gto_ci.git.output import split_patch
from gto_ci.git.remotes.address import read_address
from gto_ci.git.remotes.push import RefUpdate
from gto_ci.git.remotes.receive_pack import _parse, _request

_digits = st.text("0123456789abcdef", min_size=40, max_size=40)
_ids = st.one_of(_digits, st.text("0123456789abcdef", min_size=64, max_size=64))


def _accepted(prefix: str) -> bool:
    try:
        return check_prefix(prefix) == prefix
    except GtoError:
        return False


_prefixes = st.one_of(
    st.text("ab-/_.0:@ {~", min_size=1, max_size=12),
    st.text(min_size=1, max_size=8),
    st.lists(st.sampled_from(["a", "..", ".lock", "/", "-", "@{", ".", "é", "\n"]), min_size=1, max_size=5).map(
        "".join
    ),
)


# Names


@given(_prefixes.filter(_accepted), _ids, _digits)
def test_a_name_is_read_back(prefix: str, one: str, other: str) -> None:
    ghosts: list[Ghost] = [DiffGhost(prefix, one, other), CommitsGhost(prefix, one, other)]
    for ghost in ghosts:
        assert parse_ref(ghost.ref, prefix) == ghost
        assert parse_ref(ghost.ref, f"{prefix}x") is None


@given(_prefixes)
def test_a_prefix_that_is_accepted_git_accepts(prefix: str) -> None:
    """And no prefix that git refuses gets through."""
    ref = f"refs/heads/{prefix}/{'0' * 40}/{'0' * 40}"
    if _accepted(prefix):
        if "\0" in ref:
            pytest.fail(prefix)
        done = subprocess.run(["git", "check-ref-format", ref], capture_output=True, check=False)
        assert done.returncode == 0


@pytest.mark.parametrize("prefix", ["ghost", "my-team", "a/b", "team.x", "ünder", "a@b", "0"])
def test_prefixes(prefix: str) -> None:
    assert check_prefix(prefix) == prefix


@pytest.mark.parametrize(
    "prefix",
    ["", "..", "a..b", "a/../b", "/a", "a/", "a//b", "a/.b", ".a", "-a", "--all", "a b", "a\nb", "a\0b", "a:b", "a?b",
     "a*b", "a[b", "a\\b", "a^b", "a~b", "a@{b", "@", "a.lock", "a.lock/b", "a.", "a/b."],
)  # fmt: skip
def test_prefixes_that_no_branch_can_have(prefix: str) -> None:
    with pytest.raises(WrongArguments):
        check_prefix(prefix)


@pytest.mark.parametrize(
    "rest", ["main", "0" * 40, f"{'0' * 40}/{'0' * 39}", f"{'0' * 40}-{'0' * 40}/x", f"{'0' * 50}-{'0' * 40}"]
)
def test_other_branches_are_no_ghosts(rest: str) -> None:
    assert parse_ref(f"refs/heads/ghost/{rest}", "ghost") is None
    assert parse_ref(f"refs/tags/ghost/{'0' * 40}-{'0' * 40}", "ghost") is None


def test_hexadecimal_numbers() -> None:
    assert check_hex("ABCD12", "hash") == "abcd12"
    for text in ("", "abc", "xyz1", "a" * 65, "abcd\n", "--abcd", "abcd ef"):
        with pytest.raises(WrongArguments, match="is not a hash"):
            check_hex(text, "hash")


def test_a_listing_is_made_of_fields() -> None:
    one, two = DiffGhost("p", "1" * 40, "2" * 40), CommitsGhost("p", "3" * 40, "4" * 40)
    assert list(listing([two, one], "all", headers=False)) == [f"{'3' * 40} {'4' * 40}", f"{'1' * 40} {'2' * 40}"]
    assert list(listing([one], "diff", headers=False, only="only-to")) == ["2" * 40]
    assert "Deleted Local Base Branches:" in listing([], "commits", deleted=True)


# Patches

PATCH = b"""\
diff --git a/a b/a
index 1..2 100644
--- a/a
+++ b/a
@@ -1,3 +1,3 @@
 same
--- looks like a heading
-x
++++ so does this
+y
@@ -10 +10,2 @@ def function():
-z
+z
+diff --git a/not b/not
\\ No newline at end of file
diff --git a/b b/b
new file mode 100644
index 0..1
--- /dev/null
+++ b/b
@@ -0,0 +1 @@
+one
diff --git a/mode b/mode
old mode 100644
new mode 100755
"""


def test_how_much_a_patch_changes() -> None:
    assert stat(PATCH) == Stat(3, 5, 3)
    assert stat(b"") == Stat(0, 0, 0)
    assert str(stat(b"")) == "0 files, +0 −0"


def test_a_patch_is_split_by_file() -> None:
    parts = split_patch(PATCH)
    assert [part.split(b"\n")[0] for part in parts] == [
        b"diff --git a/a b/a",
        b"diff --git a/b b/b",
        b"diff --git a/mode b/mode",
    ]
    assert b"".join(parts) == PATCH
    assert split_patch(b"") == []


def _number(value: int) -> bytes:
    packed = bytearray()
    while True:
        packed.append((value & 0x7F) | (0x80 if value > 0x7F else 0))
        value >>= 7
        if not value:
            return bytes(packed)


def _binary(kind: str, size: int, data: bytes) -> bytes:
    deflated = zlib.compress(data)
    lines = b""
    for at in range(0, len(deflated), 52):
        block = deflated[at : at + 52]
        length = chr(ord("A") + len(block) - 1 if len(block) <= 26 else ord("a") + len(block) - 27)
        lines += length.encode() + base64.b85encode(block, pad=True) + b"\n"
    return b"diff --git a/x b/x\nindex 0..1 100644\nGIT binary patch\n" + f"{kind} {size}\n".encode() + lines + b"\n"


@given(st.integers(0, 2**50), st.integers(0, 2**50))
def test_what_a_delta_makes_is_known_before(source: int, result: int) -> None:
    delta = _number(source) + _number(result) + b"\x90\xff" * 3
    assert declared_size(_binary("delta", len(delta), delta)) == len(delta) + result


def test_what_a_patch_declares() -> None:
    assert declared_size(_binary("literal", 2**30, b"\0" * 10**6)) == 2**30
    assert declared_size(PATCH) == 0
    # it only looks like one: in text each line has a sign before it
    assert declared_size(b"diff --git a/a b/a\n@@ -0,0 +1,2 @@\n+literal 99999999999\n+zzz\n") == 0


@given(st.binary(max_size=200))
def test_any_bytes_can_be_read(data: bytes) -> None:
    stat(data)
    declared_size(data)
    declared_size(b"delta 5\n" + data)
    declared_size(_binary("delta", 5, data))


# Addresses


@pytest.mark.parametrize(
    "text",
    ["https://example.com/g.git", "http://localhost:8080/g", "ssh://git@example.com:22/g.git", "git@example.com:t/g",
     "example.com:g.git", "git://example.com/g", "file:///srv/g.git", "ssh://[::1]:22/g", "git@[::1]:g"],
)  # fmt: skip
def test_addresses(text: str, tmp_path: Path) -> None:
    assert read_address(text, tmp_path).url == text


def test_a_folder_is_an_address(tmp_path: Path) -> None:
    (tmp_path / "g.git").mkdir()
    (tmp_path / "with:colon").mkdir()
    assert read_address("g.git", tmp_path).url == str(tmp_path / "g.git")
    assert read_address("with:colon", tmp_path).folder == tmp_path / "with:colon"
    assert read_address("missing", tmp_path).url == str(tmp_path / "missing")


@pytest.mark.parametrize(
    "text",
    ["--upload-pack=touch x", "-oProxyCommand=x", "ext::sh -c touch% x", "fd::17", "ftp://example.com/x", "ssh://-oX=y/z",
     "ext://x", "http:///x", "https://example.com/\nx", "x\0y", "git@-oX:y", "-oX@host:y", "http://[bad/x", "a::b:c"],
)  # fmt: skip
def test_addresses_that_git_would_misread(text: str, tmp_path: Path) -> None:
    with pytest.raises(WrongArguments, match="is not the address"):
        read_address(text, tmp_path)


def test_a_password_is_nowhere_to_be_seen(tmp_path: Path) -> None:
    address = read_address("https://ada:s3cr%40t@example.com:8443/g.git", tmp_path)
    assert address.url == "https://example.com:8443/g.git"
    code = base64.b64encode(b"ada:s3cr@t").decode()
    key = "http.https://example.com:8443/g.git.extraheader"
    assert address.config == ((key, ""), (key, f"Authorization: Basic {code}"))
    assert set(address.secrets) == {"s3cr@t", code}
    assert "s3cr" not in repr(address) + address.shown
    assert code not in repr(address)
    # a name alone is for the credential helpers
    assert read_address("https://ada@example.com/g.git", tmp_path).url == "https://ada@example.com/g.git"


# The request that changes refs


def test_the_request() -> None:
    sent = _request([RefUpdate("refs/heads/a", "", "1" * 40), RefUpdate("refs/heads/b", "2" * 40, "")], "sha1")
    first, second = sent.split(b"\0")[0], sent.split(b"\n")[-1][-110:]
    assert re.fullmatch(rb"[0-9a-f]{4}0{40} 1{40} refs/heads/a", first)
    assert second.endswith(b"2" * 40 + b" " + b"0" * 40 + b" refs/heads/b0000")
    assert b"atomic" in sent
    assert b"object-format=sha1" in sent


def _packets(*lines: bytes) -> bytes:
    return b"".join(b"%04x%s" % (len(line) + 4, line) for line in lines) + b"0000"


def test_the_report() -> None:
    plain = _packets(b"unpack ok\n", b"ok refs/heads/a\n", b"ng refs/heads/b already exists\n")
    band = _packets(b"\x02remote says\nno\r\n", b"\x01" + plain)
    assert _parse(plain).rejections == {"refs/heads/b": "already exists"}
    assert _parse(band).rejections == {"refs/heads/b": "already exists"}
    assert _parse(band).messages == ["remote says", "no"]
    for broken in (b"", b"0000", b"zzzz", _packets(b"hello"), _packets(b"unpack failed\n"), b"<html>"):
        with pytest.raises(ValueError):
            _parse(broken)
