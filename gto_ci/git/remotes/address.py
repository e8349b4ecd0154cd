"""The address of a patch repository, as a person or a job gives it.

It is text from outside. Some of what git accepts as an address starts a program (``ext::``), or is
an option; and a password in it would be on every command line. Both end here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from gto_ci.core.errors import WrongArguments, quote
from gto_ci.git.process import without_password
from gto_ci.git.remotes.credentials import header_secrets, split_login
from gto_ci.git.remotes.settings import local_folder

_SCHEMES = ("http", "https", "ssh", "git+ssh", "ssh+git", "git", "file")
_SCP = re.compile(r"(?:[\w.-]+@)?\[?[\w.:-]+\]?:(?!//).+", re.DOTALL)
_HELPER = re.compile(r"[a-zA-Z0-9+.-]*::")  # git's way to name a program that does the transport


@dataclass(frozen=True, slots=True)
class Address:
    """Where a patch repository is, ready for git.

    ``url`` holds no password; ``config`` is process-only configuration that does; ``shown`` is what
    to call it before a person.
    """

    url: str
    config: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def shown(self) -> str:
        """The address for a message."""
        return quote(without_password(self.url))

    @property
    def folder(self) -> Path | None:
        """Where it is, if it is on this machine."""
        return local_folder(self.url)

    @property
    def over_http(self) -> bool:
        """Whether it is spoken to over HTTP."""
        return self.url.startswith(("http://", "https://"))


def read_address(text: str, cwd: Path) -> Address:
    """Return the address that a person gave: a path, a URL, or git's ``HOST:PATH``.

    A password in it goes on in git's environment only, so that no command line shows it.

    Raises:
        WrongArguments: git would take it for an option or a program to run, or it is none of these.
    """
    wrong = f"{quote(without_password(text))} is no address of a repository"
    step = "Give a folder, a URL with https, ssh or file, or user@host:path"
    if not text.isprintable() or text.startswith("-"):
        raise WrongArguments(wrong, step)
    scheme, divider, _ = text.partition("://")
    if divider:
        try:
            parts = urlsplit(text)
            host = parts.hostname or ""
        except ValueError as error:
            raise WrongArguments(wrong, step) from error
        if scheme.lower() not in _SCHEMES or host.startswith("-") or (not host and scheme.lower() != "file"):
            raise WrongArguments(wrong, step)
        return _without_login(text) if scheme.lower() in ("http", "https") else Address(text)
    path = Path(cwd, text)
    if path.is_dir():
        return Address(str(path))
    if _HELPER.match(text) or text.rpartition("@")[2].startswith("-"):
        raise WrongArguments(wrong, step)
    return Address(text if _SCP.fullmatch(text) else str(path))


def _without_login(url: str) -> Address:
    clean, login = split_login(url)
    if not login:
        return Address(url)
    # Empty first: a server that is sent two of these headers, the work tree's own and ours, refuses both. For the whole
    # address: git takes the header of the longest one that fits.
    config = ((f"http.{clean}.extraheader", ""), (f"http.{clean}.extraheader", f"Authorization: {login}"))
    return Address(clean, config, tuple(header_secrets(login)))
