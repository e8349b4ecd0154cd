"""The settings with which git reaches the remote of a working tree.

They are in the configuration of a CI workspace: checkout stores the URL there, and a token as an HTTP header, in the
same file or in one that ``includeIf`` includes. A scratch repository needs the same settings, without a copy of a
secret on disk. So they are read with git, and passed on in the environment.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from gto_ci.core.errors import GtoError
from gto_ci.git.remotes.credentials import basic, header_secrets, split_login
from gto_ci.git.repository import Repository

_TRANSPORT_KEY = re.compile(r"(url|http|credential|protocol|ssh)\..+|core\.(sshcommand|askpass|gitproxy)")
_REMOTE_SETTINGS = ("uploadpack", "proxy", "proxyauthmethod")


@dataclass(frozen=True, slots=True)
class Remote:
    """A remote, and the configuration with which git's processes reach it under the name ``origin``.

    ``folder`` is its folder if it is on this machine. ``promisor``: the repository is a partial clone of it.
    """

    name: str
    url: str
    config: tuple[tuple[str, str], ...] = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    folder: Path | None = None
    promisor: bool = False


def own_transport_settings(entries: Sequence[tuple[str, str, str]]) -> list[tuple[str, str]]:
    """Return those of a repository's own settings (scope, key, value) that say how to reach URLs.

    A header for all URLs is left out: it is meant for the repository's own remote.
    """
    return [
        (key, value)
        for scope, key, value in entries
        if scope in ("local", "worktree") and _TRANSPORT_KEY.fullmatch(key) and key != "http.extraheader"
    ]


def read_settings(repository: Repository) -> list[tuple[str, str, str]]:
    """Return all settings in effect in ``repository``, each with its scope, key and value.

    Raises:
        GitError: git cannot read the configuration.
    """
    listed = repository.git("config", "--list", "--show-scope", "-z").decode(errors="surrogateescape").split("\0")
    return [(scope, *entry.partition("\n")[::2]) for scope, entry in zip(listed[::2], listed[1::2], strict=False)]


def remote_at(url: str) -> Remote:
    """Return the remote at ``url``, without a repository that it belongs to."""
    return Remote("origin", url, (("remote.origin.url", url),), (), local_folder(url))


def find_remote(repository: Repository, token: str = "", server_url: str = "") -> Remote | None:
    """Return the remote ``origin`` of ``repository``, or its only remote; None if it has no remote.

    ``token`` is used if the repository's configuration has no credentials for HTTP, and only if the URL is on
    ``server_url``, the platform that issued the token.

    Raises:
        GtoError: there are several remotes, and none is called ``origin``.
        GitError: git cannot read the configuration.
    """
    entries = read_settings(repository)
    urls: dict[str, str] = {}
    for _, key, value in entries:
        if key.startswith("remote.") and key.endswith(".url"):
            urls.setdefault(key[len("remote.") : -len(".url")], value)
    if not urls:
        return None
    if "origin" not in urls and len(urls) > 1:
        raise GtoError(f"No remote is called 'origin' among {', '.join(sorted(urls))}", "Rename one: git remote rename")
    name = "origin" if "origin" in urls else next(iter(urls))
    url = _absolute(urls[name], repository)
    # system and global settings apply to every process already, and a header that is set twice would be sent twice
    own = [(key, value) for scope, key, value in entries if scope in ("local", "worktree")]
    config = [(key, value) for key, value in own if _TRANSPORT_KEY.fullmatch(key)]
    for setting in _REMOTE_SETTINGS:
        config += [(f"remote.origin.{setting}", value) for key, value in own if key == f"remote.{name}.{setting}"]
    headers = [value for _, key, value in entries if re.fullmatch(r"http\.(.+\.)?extraheader", key)]
    login = ""
    if not headers:
        url, login = split_login(url)
    config.append(("remote.origin.url", url))
    if login:
        config.append((f"http.{url}.extraheader", f"Authorization: {login}"))
        headers.append(login)
    elif token and not headers and _same_host(url, server_url):
        login = basic("x-access-token", token)
        config.append((f"http.{server_url.rstrip('/')}/.extraheader", f"Authorization: {login}"))
    secrets = [token, *(secret for header in headers for secret in header_secrets(header))]
    folder = local_folder(url)
    if folder is not None and not any(key == "remote.origin.uploadpack" for key, _ in config):
        config += _trusting(folder, repository.root)
    promisor = any(key == f"remote.{name}.promisor" and value == "true" for key, value in own)
    return Remote(name, url, tuple(config), tuple(secret for secret in secrets if secret), folder, promisor)


def _absolute(url: str, repository: Repository) -> str:
    """Return ``url``, as an absolute path if it is a path relative to the working tree."""
    if "://" not in url and (repository.root / url).exists():
        return str((repository.root / url).resolve())
    return url


def local_folder(url: str) -> Path | None:
    """Return the folder that a URL or path names, None if it is on another machine."""
    path = Path(unquote(url.removeprefix("file://")) if url.startswith("file://") else url)
    return path.resolve() if path.is_absolute() and path.is_dir() else None


def _trusting(folder: Path, root: Path) -> list[tuple[str, str]]:
    trusted = trust(folder, root)
    return [("remote.origin.uploadpack", f"git {trusted} upload-pack")] if trusted else []


def trust(folder: Path, root: Path) -> str:
    """Return the options with which git serves ``folder`` to us although another user owns it.

    Returns "" unless the owner of ``root`` owns it too. The serving process checks the owner, and does not read
    configuration from our environment. So the command that starts it needs these options.
    """
    if folder.stat().st_uid != root.stat().st_uid:
        return ""
    return " ".join(f"-c {key}={shlex.quote(value)}" for key, value in trust_settings(folder))


def trust_settings(folder: Path) -> tuple[tuple[str, str], ...]:
    """Return the settings with which git reads the repository in ``folder`` although another user owns it."""
    return tuple(("safe.directory", str(place)) for place in (folder, folder / ".git"))


def _same_host(url: str, server_url: str) -> bool:
    one, other = urlsplit(url), urlsplit(server_url)
    return one.scheme in ("http", "https") and (one.scheme, one.netloc) == (other.scheme, other.netloc)
