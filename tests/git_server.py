"""A Git host for tests: real `git http-backend` behind HTTP with a password, counting what goes over the wire.

    with GitServer(folder_of_bare_repositories, token="s3cret") as server:
        git("clone", server.url("acme/models.git", password="s3cret"), ...)
        assert server.sent < 10_000

It speaks what git's own client speaks: protocol versions 0 to 2, chunked and compressed request bodies, connections
that stay open, several at a time. Nothing is imitated: answers come from git, this file only carries them.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote, unquote, urlsplit

_BLOCK = 64 * 1024


@dataclass(frozen=True)
class Request:
    """One answered request. `received` and `sent` count the bytes of the bodies, as they went over the wire."""

    method: str
    path: str
    query: str
    status: int
    authorized: bool
    protocol: str
    received: int
    sent: int


class GitServer:
    """Serves the bare repositories below `root` at `http://HOST:PORT/PATH`.

    With a `token`, every request needs it as the password of basic authentication, under any user name, as on GitHub.
    `read_only` refuses pushes. What a repository allows (filters, for one) is its own configuration: neither the
    user's nor the machine's git settings count.
    """

    def __init__(
        self, root: Path, *, token: str | None = None, read_only: bool = False, host: str = "127.0.0.1"
    ) -> None:
        self.root = root
        self.token = token
        self.read_only = read_only
        self._lock = threading.Lock()
        self._requests: list[Request] = []
        self._failures: list[int] = []
        self._failing: int | None = None
        self._interruptions: list[tuple[str, Callable[[], None]]] = []
        self._losses: list[str] = []
        self._http = _Server((host, 0), self)
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self) -> GitServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.close_connections()
        self._http.server_close()
        self._thread.join()

    @property
    def address(self) -> str:
        host, port = self._http.server_address[:2]
        return f"{host!s}:{port}"

    def url(self, repository: str, *, user: str = "x-access-token", password: str | None = None) -> str:
        """The repository's address; with a `password`, it and the user stand in it."""
        login = "" if password is None else f"{quote(user, safe='')}:{quote(password, safe='')}@"
        return f"http://{login}{self.address}/{quote(repository)}"

    @property
    def requests(self) -> list[Request]:
        """All requests answered so far, or since `forget()`."""
        with self._lock:
            return list(self._requests)

    @property
    def sent(self) -> int:
        """Bytes of all response bodies."""
        return sum(request.sent for request in self.requests)

    def forget(self) -> None:
        with self._lock:
            self._requests.clear()

    def fail_next(self, *statuses: int) -> None:
        """Answer the next requests with these HTTP statuses, before anything else is looked at."""
        with self._lock:
            self._failures.extend(statuses)

    def fail_always(self, status: int) -> None:
        """Answer all requests from now on with this HTTP status."""
        with self._lock:
            self._failing = status

    def before(self, ending: str, action: Callable[[], None]) -> None:
        """Do something just before the next request is answered whose path and query end in `ending`.

        So somebody else can be faster, exactly between two steps of a client: it asks `/info/refs?service=…` first,
        and then sends what it has to `/git-receive-pack`.
        """
        with self._lock:
            self._interruptions.append((ending, action))

    def lose_answer(self, ending: str) -> None:
        """Do what the next request asks for whose path and query end in `ending`, and hang up instead of answering."""
        with self._lock:
            self._losses.append(ending)

    def _loses(self, address: str) -> bool:
        with self._lock:
            due = [ending for ending in self._losses if address.endswith(ending)][:1]
            for ending in due:
                self._losses.remove(ending)
            return bool(due)

    def _next_failure(self) -> int | None:
        with self._lock:
            return self._failures.pop(0) if self._failures else self._failing

    def _interrupt(self, address: str) -> None:
        with self._lock:
            due = [found for found in self._interruptions if address.endswith(found[0])][:1]
            for found in due:
                self._interruptions.remove(found)
        for _, action in due:
            action()

    def _record(self, request: Request) -> None:
        with self._lock:
            self._requests.append(request)

    def _knows(self, authorization: str | None) -> bool:
        if self.token is None:
            return True
        scheme, _, credentials = (authorization or "").partition(" ")
        if scheme.lower() != "basic":
            return False
        try:
            _, _, password = base64.b64decode(credentials, validate=True).partition(b":")
        except binascii.Error:
            return False
        return hmac.compare_digest(password, self.token.encode())


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # git opens several connections at once; the default backlog of 5 would let some wait for a second
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], git: GitServer) -> None:
        self.git = git
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        """End the connections that clients keep open, so that no thread outlives the server."""
        with self._open_lock:
            for connection in self._open:
                with suppress(OSError):  # the client may have been faster
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        # a client that hangs up in the middle is part of the job; anything else should be seen
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # headers and body leave in separate writes; without this the second may wait for the client's acknowledgement
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: tests read `requests`."""

    def _answer(self) -> None:
        git = self.server.git
        url = urlsplit(self.path)
        authorized = git._knows(self.headers.get("Authorization"))
        # The body is read in any case, also where the answer is no: what stays unread on a connection that is kept
        # open would be taken for the next request.
        with tempfile.TemporaryFile() as body:
            received = _copy_body(self.headers, self.rfile, body)
            git._interrupt(self.path)
            failure = git._next_failure()
            if failure is not None:
                status, sent = self._refuse(failure)
            elif not authorized:
                status, sent = self._refuse(401, ("WWW-Authenticate", 'Basic realm="git"'))
            else:
                status, sent = self._run_backend(url.path, url.query, body)
        protocol = self.headers.get("Git-Protocol", "")
        git._record(Request(self.command, unquote(url.path), url.query, status, authorized, protocol, received, sent))

    def _refuse(self, status: int, *headers: tuple[str, str]) -> tuple[int, int]:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()
        return status, 0

    def _run_backend(self, path: str, query: str, body: IO[bytes]) -> tuple[int, int]:
        length = body.tell()
        body.seek(0)
        git = self.server.git
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "http.receivepack",
            "GIT_CONFIG_VALUE_0": "false" if git.read_only else "true",
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROJECT_ROOT": str(git.root),
            "GATEWAY_INTERFACE": "CGI/1.1",
            "SERVER_PROTOCOL": self.request_version,
            "REMOTE_ADDR": self.client_address[0],
            "REQUEST_METHOD": self.command,
            "PATH_INFO": unquote(path),
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(length),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "HTTP_GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        command = [shutil.which("git") or "git", "http-backend"]
        with subprocess.Popen(
            command, env=environment, stdin=body, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as backend:
            assert backend.stdout is not None
            status, headers = _read_cgi_head(backend.stdout)
            if git._loses(self.path):
                backend.stdout.read()
                raise ConnectionAbortedError("the answer is lost, as the test wants it")
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            # git's answers have no length in advance: pieces, each with its own, let the connection stay open
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            sent = 0
            while block := backend.stdout.read1(_BLOCK):  # type: ignore[attr-defined]
                self.wfile.write(b"%x\r\n%s\r\n" % (len(block), block))
                sent += len(block)
            self.wfile.write(b"0\r\n\r\n")
        return status, sent


def _copy_body(headers: Message[str, str], source: BufferedIOBase, target: IO[bytes]) -> int:
    """Copy a request's body, of announced length or in chunks; its size."""
    chunked = headers.get("Transfer-Encoding", "").lower() == "chunked"
    pieces = _chunks(source) if chunked else _blocks(source, int(headers.get("Content-Length") or 0))
    return sum(target.write(piece) for piece in pieces)


def _blocks(source: BufferedIOBase, size: int) -> Iterator[bytes]:
    while size > 0:
        block = source.read(min(size, _BLOCK))
        if not block:
            raise ConnectionResetError("the client hung up in the middle of a request")
        size -= len(block)
        yield block


def _chunks(source: BufferedIOBase) -> Iterator[bytes]:
    while size := int(source.readline().split(b";")[0], 16):
        yield from _blocks(source, size)
        source.readline()
    while source.readline().strip():
        pass  # trailers


def _read_cgi_head(source: IO[bytes]) -> tuple[int, list[tuple[str, str]]]:
    """The status and headers with which a CGI program's output begins."""
    status, headers = 200, []
    while line := source.readline().strip():
        name, _, value = line.decode("latin-1").partition(":")
        if name.lower() == "status":
            status = int(value.split()[0])
        elif name.lower() not in {"content-length", "transfer-encoding"}:
            headers.append((name, value.strip()))
    if not headers:
        return 500, []  # the program died before it said anything
    return status, headers
