"""The address of a patch repository, as a person or a job gives it.

An address is untrusted text. Git accepts addresses that start a program (``ext::``), or reads them as options. A
password in an address would be on every command line. This module refuses such addresses, and takes passwords out.
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
_HELPER = re.compile(r"[a-zA-Z0-9+.-]*::")  # names a program that git runs as the transport


@dataclass(frozen=True, slots=True)
class Address:
    """The address of a patch repository, for git.

    ``url`` has no password. ``config`` is configuration for git's processes only, with the password; ``secrets`` must
    not be shown.
    """

    url: str
    config: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def shown(self) -> str:
        """The address for a message, in quotes."""
        return quote(without_password(self.url))

    @property
    def folder(self) -> Path | None:
        """The folder of the repository, None if it is on another machine."""
        return local_folder(self.url)

    @property
    def over_http(self) -> bool:
        """Whether the transport is HTTP or HTTPS."""
        return self.url.startswith(("http://", "https://"))


def read_address(text: str, cwd: Path) -> Address:
    """Return the address in ``text``: a path, a URL, or git's ``HOST:PATH``.

    Its password is passed to git in the environment, so that no command line shows it.

    Raises:
        WrongArguments: it is none of these, or git would read it as an option or as a program to run.
    """
    wrong = f"{quote(without_password(text))} is not the address of a repository"
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
    # An empty value first removes the working tree's own header: a server refuses a request with two. The key has the
    # whole address, because git uses the header of the longest address that matches.
    config = ((f"http.{clean}.extraheader", ""), (f"http.{clean}.extraheader", f"Authorization: {login}"))
    return Address(clean, config, tuple(header_secrets(login)))
