"""Signed tags: with gpg and with SSH keys, asked for on the command line or by git's own settings."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.running import gto, observed
from tests.workdir import WorkDir


@dataclass(frozen=True)
class Signer:
    """A key for Ada, as git's settings name it, and what a process needs to find it."""

    settings: dict[str, str]
    armor: str
    environ: dict[str, str] = field(default_factory=dict)


def needed(program: str) -> None:
    """Skip where a program is missing; in CI none is."""
    if shutil.which(program) is None:
        assert not os.environ.get("CI"), f"{program} is not installed"
        pytest.skip(f"{program} is not installed")


@pytest.fixture(scope="session")
def gpg_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A GnuPG of its own, with Ada's key."""
    needed("gpg")
    # the agent's socket lives in here, and a socket's path may have 107 characters at most
    home = tmp_path_factory.mktemp("g")
    home.chmod(0o700)
    environ = {**os.environ, "GNUPGHOME": str(home)}
    command = ["gpg", "--batch", "--quiet", "--passphrase", "", "--quick-generate-key"]
    subprocess.run([*command, "Ada Lovelace <ada@example.com>", "ed25519", "sign"], env=environ, check=True)
    yield home
    subprocess.run(["gpgconf", "--kill", "all"], env=environ, check=True)


@pytest.fixture(scope="session")
def gpg(gpg_home: Path) -> Signer:
    return Signer({"user.signingkey": "ada@example.com"}, "PGP SIGNATURE", {"GNUPGHOME": str(gpg_home)})


@pytest.fixture(scope="session")
def ssh(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    needed("ssh-keygen")
    folder = tmp_path_factory.mktemp("ssh")
    key = folder / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "ada", "-f", str(key)], check=True)
    (folder / "allowed").write_text(f"ada@example.com {(folder / 'key.pub').read_text()}")
    settings = {
        "gpg.format": "ssh",
        "user.signingkey": str(key),
        "gpg.ssh.allowedSignersFile": str(folder / "allowed"),
    }
    return Signer(settings, "SSH SIGNATURE")


@pytest.fixture(params=["gpg", "ssh"])
def signer(request: pytest.FixtureRequest) -> Signer:
    signer: Signer = request.getfixturevalue(request.param)
    return signer


@pytest.fixture
def work(tmp_path: Path) -> WorkDir:
    work = WorkDir.init(tmp_path / "work")
    work.commit("one")
    work.tag("m@v0.0.1")
    work.commit("two")
    return work


def use(work: WorkDir, signer: Signer, **more: str) -> None:
    for key, value in {**signer.settings, **more}.items():
        work.git("config", key.replace("__", "."), value)


def verified(work: WorkDir, signer: Signer, tag: str) -> str:
    """Git's own word that the signature is good; the message without it."""
    subprocess.run(
        ["git", "verify-tag", tag],
        cwd=work.path,
        env={**work.environ(), **signer.environ},
        check=True,
        capture_output=True,
    )
    whole = work.git("cat-file", "tag", tag)
    assert f"-----BEGIN {signer.armor}-----" in whole
    return whole.partition("\n\n")[2].partition("-----BEGIN ")[0]


COMMANDS = {
    "m@v0.0.2": ("register", "m"),
    "m#prod#1": ("assign", "m", "--version", "v0.0.1", "--stage", "prod"),
    "m@v0.0.1!": ("deprecate", "m", "v0.0.1"),
    "m@deprecated": ("deprecate", "m"),
}
MESSAGE = "# a heading\n\n\n\nand  text, ünïcode"


@pytest.mark.parametrize("tag", COMMANDS)
def test_sign(tag: str, signer: Signer, work: WorkDir) -> None:
    use(work, signer)
    ran = gto(work, *COMMANDS[tag], "--sign", "-m", MESSAGE, **signer.environ)
    assert (ran.code, ran.err) == (0, "")
    assert set(work.tags()) == {"m@v0.0.1", tag}
    assert verified(work, signer, tag) == MESSAGE + "\n"
    header = work.git("cat-file", "tag", tag).partition("\n\n")[0].splitlines()
    assert header[2] == f"tag {tag}"
    assert header[3] == f"tagger Ada Lovelace <ada@example.com> {work.now} +0000"


def test_both_tags_of_an_assignment_are_signed(signer: Signer, work: WorkDir) -> None:
    use(work, signer)
    ran = gto(work, "assign", "m", "HEAD", "--stage", "prod", "-S", **signer.environ)
    assert (ran.code, ran.err) == (0, "")
    assert verified(work, signer, "m@v0.0.2") == "Registering artifact m version v0.0.2\n"
    assert verified(work, signer, "m#prod#1") == "Assigning stage prod to artifact m version v0.0.2\n"


def test_gits_setting_counts(signer: Signer, work: WorkDir) -> None:
    use(work, signer, tag__gpgSign="true")
    assert gto(work, "register", "m", **signer.environ).code == 0
    verified(work, signer, "m@v0.0.2")
    assert gto(work, "assign", "m", "--version", "v0.0.2", "--stage", "prod", "--no-sign", **signer.environ).code == 0
    assert "SIGNATURE" not in work.git("cat-file", "tag", "m#prod#1")


def test_nothing_is_signed_unless_asked_for(signer: Signer, work: WorkDir) -> None:
    use(work, signer)
    assert gto(work, "register", "m", **signer.environ).code == 0
    assert "SIGNATURE" not in work.git("cat-file", "tag", "m@v0.0.2")


def test_a_signed_tag_is_read_as_any_other(signer: Signer, work: WorkDir) -> None:
    use(work, signer)
    assert gto(work, "register", "m", "-S", "-m", "hello", **signer.environ).code == 0
    said = gto(work, "check-ref", "m@v0.0.2", "--json").out
    assert '"hello' in said
    assert "SIGNATURE" not in said


def test_bare_and_pushed(signer: Signer, work: WorkDir, tmp_path: Path) -> None:
    work.git("clone", "--quiet", "--bare", ".", str(tmp_path / "m.git"))
    remote = WorkDir(tmp_path / "m.git", now=work.now)
    use(remote, signer)
    assert gto(remote, "register", "m", "-S", **signer.environ).code == 0
    verified(remote, signer, "m@v0.0.2")
    work.git("remote", "add", "origin", str(remote.path))
    use(work, signer)
    ran = gto(work, "assign", "m", "--version", "v0.0.1", "--stage", "prod", "-S", "--push", **signer.environ)
    assert (ran.code, ran.err) == (0, "")
    assert work.tags()["m#prod#1"] == remote.tags()["m#prod#1"]
    verified(remote, signer, "m#prod#1")


@pytest.mark.parametrize("args", [*COMMANDS.values(), ("assign", "m", "HEAD", "--stage", "prod")], ids=" ".join)
@pytest.mark.parametrize("kind", ["gpg", "ssh"])
def test_without_a_key_nothing_changes(kind: str, args: tuple[str, ...], work: WorkDir, tmp_path: Path) -> None:
    if kind == "gpg":
        needed("gpg")
        home = tmp_path / "g"
        home.mkdir(mode=0o700)
        signer = Signer({"user.signingkey": "nobody@example.com"}, "", {"GNUPGHOME": str(home)})
    else:
        signer = Signer({"gpg.format": "ssh", "user.signingkey": str(tmp_path / "no-key")}, "")
    use(work, signer)
    before = observed(work)
    ran = gto(work, *args, "--sign", **signer.environ)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.count("\n") == 1
    assert "user.signingkey" in ran.err
    assert observed(work) == before
