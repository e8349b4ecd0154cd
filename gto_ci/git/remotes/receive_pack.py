"""Pushes over HTTP that do not have the server list its refs first.

``git push`` first has all refs of the server sent: from a patch repository with 100,000 ghosts, 14 MB for a patch of 5
kB. No version of the protocol avoids this for pushes. But the request that follows is complete: it names each ref with
its old and its new id, and the server checks the old id. So the request can be sent alone (gitprotocol-pack(5),
"Reference Update Request"; gitprotocol-http(5), "Smart Service git-receive-pack").

No command of git does this, so only here does a program other than git talk to a server. It does so only if the
settings for the connection are ordinary. Otherwise, and if the answer does not follow the protocol,
:func:`update_refs` returns None. Then its caller runs ``git push``, which supports all settings and reports all
errors.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import BaseHandler, HTTPRedirectHandler, HTTPSHandler, ProxyHandler, Request, build_opener

from gto_ci import __version__
from gto_ci.core.errors import GitError
from gto_ci.git.process import Runner, Watch
from gto_ci.git.remotes.credentials import basic
from gto_ci.git.remotes.push import PushReport, RefUpdate

# The settings of http.* with which Python's HTTP client does the same as git's.
_ORDINARY = frozenset(
    {"extraheader", "sslcainfo", "postbuffer", "lowspeedlimit", "lowspeedtime", "version", "useragent"}
)
_UNUSUAL = re.compile(r"GIT_SSL_(?!CAINFO).*|GIT_PROXY_.*|(?:https?|all)_proxy", re.IGNORECASE)
_RESULT = "application/x-git-receive-pack-result"


def update_refs(
    runner: Runner,
    repository: Path,
    url: str,
    updates: Sequence[RefUpdate],
    pack: bytes,
    object_format: str,
    watch: Watch | None = None,
) -> PushReport | None:
    """Ask the server at ``url`` to change refs, all or none; ``pack`` holds the objects that it lacks.

    ``watch`` is called with the progress. Returns None if ``git push`` has to be used instead: the server has changed
    nothing, or its answer was lost.
    """
    settings = _ordinary_settings(runner, repository, url)
    if settings is None:
        return None
    connection = _Connection(runner, repository, url, settings)
    try:
        answer = connection.post(_request(updates, object_format) + pack, watch)
        return _parse(answer) if answer is not None else None
    except (OSError, ValueError, GitError):  # no connection, a broken answer, no credentials
        return None


def _ordinary_settings(runner: Runner, repository: Path, url: str) -> dict[str, str] | None:
    """Return the settings of http.* for ``url``, None if only git supports one of them."""
    if any(_UNUSUAL.fullmatch(name) and value for name, value in runner.environ.items()):
        return None
    try:
        listed = runner.run(["config", "-z", "--get-urlmatch", "http", url], repository)
    except GitError as error:
        return {} if error.returncode == 1 else None
    pairs = (entry.partition("\n")[::2] for entry in listed.decode(errors="surrogateescape").split("\0") if entry)
    settings = {key.rpartition(".")[2]: value for key, value in pairs}
    if settings.pop("sslverify", "true").lower() not in ("true", "1", "yes", "on"):
        return None
    return settings if settings.keys() <= _ORDINARY else None


class _Watched(BytesIO):
    """The body of a request, which reports how much of it has been read."""

    def __init__(self, body: bytes, watch: Watch | None) -> None:
        super().__init__(body)
        self._size = len(body)
        self._watch = watch

    def read(self, size: int | None = -1) -> bytes:
        block = super().read(size)
        if self._watch is not None and block:
            self._watch(f"Writing objects: {100 * self.tell() // self._size}% ({self._size:,} bytes)\r")
        return block


class _NoRedirects(HTTPRedirectHandler):
    """Follows no redirect, because it would turn a POST into a GET; git follows it."""

    def redirect_request(self, *_: object) -> None:
        return None


class _Connection:
    """Requests to one server, with the credentials that git has for it."""

    def __init__(self, runner: Runner, repository: Path, url: str, settings: Mapping[str, str]) -> None:
        self._runner = runner
        self._repository = repository
        self._url = url
        self._settings = settings
        self._headers = {
            "User-Agent": f"git/gto-ci-{__version__}",
            "Content-Type": "application/x-git-receive-pack-request",
            "Accept": _RESULT,
        }
        name, _, value = settings.get("extraheader", "").partition(":")
        if value:
            self._headers[name.strip()] = value.strip()

    def post(self, body: bytes, watch: Watch | None) -> bytes | None:
        """Return the server's answer to ``body``, None if its HTTP status is an error."""
        if "authorization" not in {name.lower() for name in self._headers}:
            # an empty request, to see whether the server asks for credentials
            status, _ = self._send(b"0000")
            if status == 401:
                self._headers["Authorization"] = self._credentials()
            elif status != 200:
                return None
        status, answer = self._send(body, watch)
        return answer if status == 200 else None

    def _send(self, body: bytes, watch: Watch | None = None) -> tuple[int, bytes]:
        handlers: list[BaseHandler] = [ProxyHandler({}), _NoRedirects()]
        if self._url.startswith("https:"):
            cafile = self._runner.environ.get("GIT_SSL_CAINFO") or self._settings.get("sslcainfo")
            context = ssl.create_default_context(cafile=Path(cafile).expanduser() if cafile else None)
            handlers.append(HTTPSHandler(context=context))
        headers = {**self._headers, "Content-Length": str(len(body))}
        source = _Watched(body, watch)
        request = Request(f"{self._url.rstrip('/')}/git-receive-pack", source, headers)  # noqa: S310
        try:
            with build_opener(*handlers).open(request, timeout=self._runner.network_timeout) as answer:
                fits = answer.headers.get("Content-Type") == _RESULT
                return (answer.status if fits else 0), answer.read()
        except HTTPError as error:
            with error:
                return error.code, b""

    def _credentials(self) -> str:
        """Return the header with the login from git's credential helpers.

        Raises:
            GitError: they have none for this server.
        """
        parts = urlsplit(self._url)
        host = parts.netloc.rpartition("@")[2]
        asked = {"protocol": parts.scheme, "host": host, "path": parts.path.lstrip("/"), "username": parts.username}
        lines = "".join(f"{key}={value}\n" for key, value in asked.items() if value)
        filled = self._runner.run(["credential", "fill"], self._repository, stdin=f"{lines}\n".encode())
        found = dict(line.partition("=")[::2] for line in filled.decode().splitlines())
        return basic(found["username"], found["password"])


def _request(updates: Sequence[RefUpdate], object_format: str) -> bytes:
    nothing = "0" * (64 if object_format == "sha256" else 40)
    lines = [f"{update.old or nothing} {update.new or nothing} {update.ref}" for update in updates]
    capabilities = f"report-status side-band-64k delete-refs atomic object-format={object_format} agent=gto-ci"
    lines[0] += f"\0{capabilities}"
    return b"".join(b"%04x%s" % (len(line.encode()) + 4, line.encode()) for line in lines) + b"0000"


def _parse(answer: bytes) -> PushReport:
    """Return the report in ``answer``, which may be in a side band.

    Raises:
        ValueError: there is none.
    """
    words = b""
    report = b""
    for packet in _packets(answer):
        if packet[:1] == b"\x01":
            report += packet[1:]
        elif packet[:1] in (b"\x02", b"\x03"):
            words += packet[1:]
        else:
            report += b"%04x%s" % (len(packet) + 4, packet)
    lines = [packet.decode(errors="replace").rstrip("\n") for packet in _packets(report)]
    if not lines or not lines[0].startswith("unpack "):
        raise ValueError("no report")
    refused = {ref: reason for kind, ref, reason in (_words(line) for line in lines[1:]) if kind == "ng"}
    if lines[0] != "unpack ok" and not refused:
        raise ValueError(lines[0])
    said = [line.strip() for line in re.split(r"[\r\n]+", words.decode(errors="replace")) if line.strip()]
    return PushReport(refused, said)


def _words(line: str) -> tuple[str, str, str]:
    kind, _, rest = line.partition(" ")
    ref, _, reason = rest.partition(" ")
    return kind, ref, reason


def _packets(data: bytes) -> list[bytes]:
    found: list[bytes] = []
    at = 0
    while at < len(data):
        size = int(data[at : at + 4], 16)
        if size > 4:
            found.append(data[at + 4 : at + size])
        at += max(size, 4)
    return found
