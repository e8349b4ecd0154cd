"""Facts about a repository and its remote for a diagnosis. No function prompts the user."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from gto_ci.core.errors import GitError, quote
from gto_ci.git.output import RemoteTag, parse_ls_remote
from gto_ci.git.process import Runner
from gto_ci.git.remotes.network_retries import explained
from gto_ci.git.repository import Repository

OLDEST = (2, 31)  # the oldest git that all our commands work with
TIMEOUT = 30.0  # seconds for the remote, and for the program that lists keys
_SILENT = {  # otherwise git and its helpers could open a prompt or a window
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "",
    "SSH_ASKPASS_REQUIRE": "never",
    "GCM_INTERACTIVE": "never",
}
_LISTS_SECRET_KEYS = ("--batch", "--no-tty", "--with-colons", "--list-secret-keys", "--")


def git_version(runner: Runner) -> tuple[int, ...]:
    """Return the numbers in git's version, none if git prints no number.

    Raises:
        GitError: git is missing.
    """
    said = re.match(r"git version (\d+(?:\.\d+)*)", runner.run(["version"]).decode(errors="replace"))
    return tuple(int(number) for number in said[1].split(".")) if said else ()


def is_shallow(repository: Repository) -> bool:
    """Tell whether the repository is shallow.

    Raises:
        GitError: git does not accept the repository, or it belongs to another user.
    """
    return repository.rev_parse("--is-shallow-repository") == ["true"]


def identity(repository: Repository) -> str:
    """Return the person who creates tags here, as ``NAME <EMAIL>``.

    Raises:
        GitError: git does not know who that is.
    """
    said = repository.git("var", "GIT_COMMITTER_IDENT").decode(errors="replace")
    return said.rpartition(">")[0] + ">"


def local_tags(repository: Repository) -> dict[str, str]:
    """Return the ids of all tags, by name; their objects may be missing.

    Raises:
        GitError: git cannot read the repository.
    """
    listed = repository.git("for-each-ref", "--format=%(objectname) %(refname:strip=2)", "refs/tags")
    pairs = (line.partition(" ") for line in listed.decode(errors="surrogateescape").splitlines())
    return {name: oid for oid, _, name in pairs}


def tags_on(repository: Repository, remote: str, settings: Mapping[str, str]) -> dict[str, RemoteTag]:
    """Return the tags of the remote called ``remote``, by name, without asking for a password.

    ``settings`` are git's settings by key.

    Raises:
        GitError: the remote cannot be reached without a password, or not within 30 seconds.
    """
    patience = min(TIMEOUT, repository.runner.network_timeout)
    seconds = str(max(1, int(patience)))
    config = [("http.lowSpeedLimit", "1"), ("http.lowSpeedTime", seconds)]
    environ = repository.runner.environ
    if not (environ.get("GIT_SSH_COMMAND") or environ.get("GIT_SSH") or settings.get("core.sshcommand")):
        config.append(("core.sshCommand", f"ssh -oBatchMode=yes -oConnectTimeout={seconds}"))
    try:
        listed = repository.runner.with_config(*config).run(
            ["ls-remote", "--tags", "--", remote],
            repository.root,
            timeout=patience,
            environ=_SILENT,
            detached=True,  # without a terminal, on which ssh could ask
        )
    except GitError as error:
        raise explained(error) from error
    return {tag.name: tag for tag in parse_ls_remote(listed)}


def key_fault(settings: Mapping[str, str], environ: Mapping[str, str], email: str) -> str:
    """Return the reason why git has no key to sign with, "" if it seems to have one. Nothing is signed.

    ``settings`` are git's settings by key. If ``user.signingKey`` names no key, git uses the key of ``email``.
    """
    form, key = settings.get("gpg.format", "openpgp"), settings.get("user.signingkey", "")
    if form == "ssh":
        return _ssh_key_fault(settings, key)
    default = "gpgsm" if form == "x509" else settings.get("gpg.program", "gpg")
    program = settings.get(f"gpg.{form}.program", default)
    try:
        listed = subprocess.run(
            [program, *_LISTS_SECRET_KEYS, key or f"<{email}>"],
            env={**environ, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
        ).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        reason = getattr(error, "strerror", None) or "no answer"
        return f"{quote(program)} does not run: {reason}"
    whose = f"user.signingKey {quote(key)}" if key else quote(email)
    fields = [line.split(b":", 2) for line in listed.splitlines() if line.startswith((b"sec:", b"crs:"))]
    if not fields:
        return f"{quote(program)} has no secret key of {whose}"
    lapsed = all(field[1] in (b"e", b"r") for field in fields)
    return f"the key of {whose} has expired or was revoked" if lapsed else ""


def _ssh_key_fault(settings: Mapping[str, str], key: str) -> str:
    if not key:
        return "" if settings.get("gpg.ssh.defaultkeycommand") else "gpg.format is ssh, and user.signingKey is not set"
    if key.startswith(("ssh-", "key::")):  # the public key itself; an agent has the secret part
        return ""
    return "" if Path(key).expanduser().is_file() else f"there is no file {quote(key)}, which user.signingKey names"
