"""``--verify``: real keys of GnuPG and ssh-keygen, real tags, and what is said of them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration.test_cli import counted, gto
from tests.workdir import WorkDir

assert counted  # a fixture

WHO = "Ada Lovelace <ada@example.com>"


@dataclass
class Keys:
    """A repository whose tags can be signed, and the folder with the keys."""

    work: WorkDir
    home: Path

    @property
    def environ(self) -> dict[str, str]:
        return {"GNUPGHOME": str(self.home)}

    def sign(self, tag: str, key: str, form: str) -> None:
        settings = ("-c", f"gpg.format={form}", "-c", f"user.signingKey={key}")
        command = ["git", *settings, "tag", "--sign", "-m", "signed", "--", tag]
        subprocess.run(command, cwd=self.work.path, env=self.work.environ() | self.environ, check=True)
        self.work.now += 60

    def signature(self, tag: str, **environ: str) -> Any:
        ran = gto("check-ref", tag, "--json", "--verify", cwd=self.work.path, **{**self.environ, **environ})
        assert (ran.code, ran.err) == (0, "")
        return json.loads(ran.out)["signature"]

    def tamper(self, tag: str, old: str, new: str) -> None:
        raw = self.work.git("cat-file", "tag", f"refs/tags/{tag}") + "\n"
        assert old in raw
        oid = self.work.git("hash-object", "-t", "tag", "-w", "--stdin", stdin=raw.replace(old, new, 1).encode())
        self.work.git("update-ref", f"refs/tags/{tag}", oid)


@pytest.fixture
def keys(tmp_path: Path) -> Iterator[Keys]:
    work = WorkDir.init(tmp_path / "work")
    work.commit("one")
    home = tmp_path / "g"  # short: the socket of GnuPG's agent has its path in here
    home.mkdir(mode=0o700)
    keys = Keys(work, home)
    yield keys
    environ = {**os.environ, "GNUPGHOME": str(home)}
    subprocess.run(["gpgconf", "--kill", "all"], env=environ, check=False, capture_output=True)


def gpg(home: Path, *args: str, stdin: bytes | None = None) -> bytes:
    command = ["gpg", "--batch", "--quiet", "--pinentry-mode=loopback", "--passphrase", "", *args]
    environ = {**os.environ, "GNUPGHOME": str(home)}
    return subprocess.run(command, env=environ, input=stdin, check=True, capture_output=True).stdout


def ssh_key(folder: Path, name: str) -> str:
    """Make a key pair, and return the public half."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", folder / name], check=True)
    return (folder / f"{name}.pub").read_text().strip()


def test_gpg(keys: Keys, tmp_path: Path) -> None:
    gpg(keys.home, "--quick-generate-key", WHO, "ed25519", "sign", "never")
    listed = gpg(keys.home, "--with-colons", "--list-keys").decode().splitlines()
    key = next(line.split(":")[9] for line in listed if line.startswith("fpr"))
    keys.sign("m@v1.0.0", key, "openpgp")
    good = {"status": "good", "signer": WHO, "key": key, "format": "gpg"}
    assert keys.signature("m@v1.0.0") == good

    stranger = tmp_path / "s"
    stranger.mkdir(mode=0o700)
    unknown = keys.signature("m@v1.0.0", GNUPGHOME=str(stranger))
    assert unknown == {"status": "unknown", "signer": None, "key": key[-16:], "format": "gpg"}
    gpg(stranger, "--import", stdin=gpg(keys.home, "--export"))
    assert keys.signature("m@v1.0.0", GNUPGHOME=str(stranger)) == good | {"status": "untrusted"}
    subprocess.run(["gpgconf", "--kill", "all"], env={**os.environ, "GNUPGHOME": str(stranger)}, check=False)

    keys.sign("m#prod#1", key, "openpgp")
    keys.tamper("m#prod#1", "\n\nsigned\n", "\n\nsinged\n")
    assert keys.signature("m#prod#1")["status"] == "bad"
    # a good signature, taken from its tag to another
    keys.work.git("update-ref", "refs/tags/m@v2.0.0", "refs/tags/m@v1.0.0")
    assert keys.signature("m@v2.0.0") == good | {"status": "bad"}

    revocation = (keys.home / "openpgp-revocs.d" / f"{key}.rev").read_text().replace(":-----BEGIN", "-----BEGIN")
    gpg(keys.home, "--import", stdin=revocation.encode())
    assert keys.signature("m@v1.0.0") == good | {"status": "revoked"}


def test_ssh(keys: Keys) -> None:
    public, other = ssh_key(keys.home, "key"), ssh_key(keys.home, "other")
    keys.sign("m@v1.0.0", str(keys.home / "key"), "ssh")
    fingerprint = subprocess.run(
        ["ssh-keygen", "-l", "-f", keys.home / "key.pub"], capture_output=True, text=True, check=True
    ).stdout.split()[1]
    assert keys.signature("m@v1.0.0") == {"status": "unknown", "signer": None, "key": None, "format": "ssh"}

    allowed = keys.home / "allowed"
    keys.work.git("config", "gpg.ssh.allowedSignersFile", str(allowed))

    def allowing(line: str) -> Any:
        allowed.write_text(line + "\n")
        return keys.signature("m@v1.0.0")

    good = {"status": "good", "signer": "ada@example.com", "key": fingerprint, "format": "ssh"}
    assert allowing(f"ada@example.com {public}") == good
    assert allowing(f"ada@example.com {other}") == good | {"status": "untrusted", "signer": None}
    expired = allowing(f'ada@example.com valid-before="20200101" {public}')
    assert expired == good | {"status": "expired", "signer": None}
    keys.work.git("config", "gpg.ssh.revocationFile", str(keys.home / "key.pub"))
    assert allowing(f"ada@example.com {public}") == good | {"status": "revoked", "signer": None, "key": None}
    keys.work.git("config", "--unset", "gpg.ssh.revocationFile")
    keys.tamper("m@v1.0.0", "\n\nsigned\n", "\n\nsinged\n")
    assert keys.signature("m@v1.0.0") == good | {"status": "bad", "signer": None, "key": None}


def test_history_asks_about_signed_tags_alone(keys: Keys, counted: tuple[dict[str, str], Path]) -> None:
    ssh_key(keys.home, "key")
    for number in range(3):
        keys.work.tag(f"m#dev#{number + 1}")
    keys.sign("m@v1.0.0", str(keys.home / "key"), "ssh")
    environ, notes = counted
    ran = gto("history", "--json", "--verify", cwd=keys.work.path, **environ)
    found = {row["ref"]: row["signature"] for row in json.loads(ran.out)}
    none = {"status": "none", "signer": None, "key": None, "format": None}
    assert found == {
        **{f"m#dev#{number + 1}": none for number in range(3)},
        "m@v1.0.0": {"status": "unknown", "signer": None, "key": None, "format": "ssh"},
        keys.work.head: None,
    }
    assert sum(line.startswith("verify-tag") for line in notes.read_text().splitlines()) == 1
    assert keys.signature("m#dev#1") == none
    lines = gto("history", "--plain", "--verify", cwd=keys.work.path).out.splitlines()
    assert [line.split()[-1] for line in lines] == ["signature", "unknown", "none", "none", "none", "-"]
    assert "signature" not in gto("history", "--json", cwd=keys.work.path).out
    said = gto("check-ref", "m@v1.0.0", "--verify", cwd=keys.work.path).out.splitlines()
    assert said[1:] == ["Signature: unknown (ssh)"]
    assert len(gto("check-ref", "m@v1.0.0", cwd=keys.work.path).out.splitlines()) == 1


def test_at_a_url(keys: Keys, tmp_path: Path) -> None:
    """What is checked there is the tag object that the remote has."""
    ssh_key(keys.home, "key")
    keys.sign("m@v1.0.0", str(keys.home / "key"), "ssh")
    keys.work.tag("m#prod#1")
    for command in (("check-ref", "m@v1.0.0"), ("check-ref", "m#prod#1"), ("history",)):
        args = (*command, "--json", "--verify")
        there = gto(*args, "-r", f"file://{keys.work.path}", cwd=tmp_path)
        assert there == gto(*args, cwd=keys.work.path)
        assert '"format": "ssh"' in there.out or "m#prod#1" in command


def test_a_verifier_that_is_not_there_leaves_it_unknown(keys: Keys) -> None:
    ssh_key(keys.home, "key")
    keys.sign("m@v1.0.0", str(keys.home / "key"), "ssh")
    keys.work.git("config", "gpg.ssh.program", "/nonexistent")
    keys.work.git("config", "gpg.ssh.allowedSignersFile", str(keys.home / "key.pub"))
    assert keys.signature("m@v1.0.0")["status"] == "unknown"


def test_the_programs_are_there() -> None:
    """These tests have no meaning without them."""
    assert shutil.which("gpg")
    assert shutil.which("ssh-keygen")
