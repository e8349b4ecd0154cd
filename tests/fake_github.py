"""A GitHub for tests, as far as comments on pull requests go: it keeps what is written, and can be made to fail.

    with FakeGitHub() as fake:
        fake.comment(7, fake.person, "Looks good")
        comments.post(comments.Place(fake.api_url, fake.repository, JOB_TOKEN), 7, "gto", "…")
        assert [comment.user.login for comment in fake.comments(7)] == ["octocat", "github-actions[bot]"]

Every request, and every answer that GitHub would give, is held to the description that GitHub publishes
(`openapi.py`); the block ends with an error where one of them does not fit. What the description leaves open is as
GitHub's documentation tells it: pages and their `Link` headers, rate limits, redirections of a renamed repository,
which token may do what.

It listens on the loopback interface; a container on the host's network reaches it there too.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests import openapi

JOB_TOKEN = "ghs_theTokenOfTheJobItself0000000000000"
FORK_TOKEN = "ghs_theTokenOfAForksPullRequest00000000"
PERSONAL_TOKEN = "ghp_aPersonsOwnToken00000000000000000000"
REPOSITORY_ID = 1296269
NOW = datetime(2024, 5, 1, 12, 0, tzinfo=timezone.utc)
LIMIT = 65_536
NOT_ALLOWED = {"message": "Resource not accessible by integration"}


@dataclass(frozen=True)
class User:
    id: int
    login: str
    type: str = "User"


@dataclass(frozen=True)
class Token:
    """A token of `user`; an installation's (the job's own, or an App's) may not ask who it is."""

    user: User
    installation: bool = False
    writes: bool = True


@dataclass
class Comment:
    id: int
    number: int
    user: User | None  # None: the account is gone
    body: str
    created_at: str
    updated_at: str


@dataclass(frozen=True)
class Pull:
    number: int
    merged_at: str | None = None
    merge_commit_sha: str | None = None


@dataclass(frozen=True)
class Request:
    """One answered request. `path` and `query` are as they were sent, `status` is 0 where no answer was sent."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: Any
    status: int


@dataclass(frozen=True)
class _Answer:
    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class _Trouble:
    """What happens to the next requests whose call begins with `on`: `answer`, or none where that is None.

    `late`: the request is done first. `hangs`: the connection stays open. `left` counts down.
    """

    answer: _Answer | None
    on: str = ""
    late: bool = False
    hangs: bool = False
    left: float = 1


class FakeGitHub:
    """Serves one repository at `api_url`; with a `prefix` (`/api/v3`) as GitHub Enterprise Server does."""

    def __init__(self, repository: str = "acme/models", *, prefix: str = "", job_token: str = JOB_TOKEN) -> None:
        self.repository = repository
        self.prefix = prefix
        self.bot = User(41898282, "github-actions[bot]", "Bot")
        self.person = User(583231, "octocat")
        self.other_bot = User(49699333, "dependabot[bot]", "Bot")
        self.tokens = {
            job_token: Token(self.bot, installation=True),
            FORK_TOKEN: Token(self.bot, installation=True, writes=False),
            PERSONAL_TOKEN: Token(self.person),
        }
        self.pulls: dict[str, list[Pull]] = {}  # by commit
        self.faults: list[str] = []
        self._api = openapi.load()
        self._lock = threading.RLock()
        self._comments: list[Comment] = []
        self._written = 0
        self._requests: list[Request] = []
        self._troubles: list[_Trouble] = []
        self._interruptions: list[tuple[str, Callable[[], None]]] = []
        self._former_names: dict[str, int] = {}
        self._http = _Server(("127.0.0.1", 0), self)
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self) -> FakeGitHub:
        self._thread.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._http.shutdown()
        self._http.end_connections()
        self._http.server_close()
        self._thread.join()
        if kind is None:
            assert not self.faults, "\n".join(self.faults)

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}{self.prefix}"

    # What is there

    def comment(self, number: int, user: User | None, body: str) -> Comment:
        """Somebody comments on a pull request."""
        with self._lock:
            self._written += 1
            at = f"{NOW + timedelta(seconds=self._written):%Y-%m-%dT%H:%M:%SZ}"
            comment = Comment(1_000_000 + self._written, number, user, body, at, at)
            self._comments.append(comment)
            return comment

    def comments(self, number: int) -> list[Comment]:
        """The comments on a pull request, the oldest first."""
        with self._lock:
            return [comment for comment in self._comments if comment.number == number]

    def delete(self, comment: Comment) -> None:
        with self._lock:
            self._comments.remove(comment)

    def rename(self, repository: str, *, write_status: int = 307) -> None:
        """Name the repository anew: the old name leads to its number, with 301, and for writes `write_status`."""
        with self._lock:
            self._former_names[self.repository] = write_status
            self.repository = repository

    @property
    def requests(self) -> list[Request]:
        """All requests so far, or since `forget()`."""
        with self._lock:
            return list(self._requests)

    @property
    def calls(self) -> list[str]:
        """The calls of `requests`: method and last word of the path, as `GET user`, `GET comments`, `PATCH 1000001`."""
        return [_call(request.method, request.path) for request in self.requests]

    def forget(self) -> None:
        with self._lock:
            self._requests.clear()

    # What goes wrong

    # `on` is how the calls begin that it happens to: `GET comments`, `POST`; empty, all of them.

    def fail_next(
        self,
        *statuses: int,
        on: str = "",
        message: str = "Server Error",
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Answer the next requests with these statuses and an error, or a `body` of any kind."""
        for status in statuses:
            self._expect(_Trouble(_Answer(status, body or {"message": message}, headers or {}), on))

    def fail_always(self, status: int, *, on: str = "", message: str = "Server Error") -> None:
        """Answer all requests from now on with this status and an error."""
        self._expect(_Trouble(_Answer(status, {"message": message}), on, left=float("inf")))

    def limit(self, seconds: int, *, times: int = 1, on: str = "") -> None:
        """Have the hour's requests used up, until `seconds` from now."""
        reset = int(NOW.timestamp()) + seconds
        headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(reset)}
        answer = _Answer(403, {"message": "API rate limit exceeded for installation ID 1."}, headers)
        self._expect(_Trouble(answer, on, left=times))

    def slow_down(self, seconds: int | None, *, times: int = 1, on: str = "", status: int = 403) -> None:
        """Refuse too many requests at once, for `seconds`; None: GitHub does not say for how long."""
        headers = {} if seconds is None else {"retry-after": str(seconds)}
        answer = _Answer(status, {"message": "You have exceeded a secondary rate limit."}, headers)
        self._expect(_Trouble(answer, on, left=times))

    def lose_answer(self, on: str, *, status: int | None = None) -> None:
        """Do what the next request asks for, and then hang up, or answer with an error `status`."""
        answer = None if status is None else _Answer(status, {"message": "Server Error"})
        self._expect(_Trouble(answer, on, late=True))

    def drop(self, times: float = 1, *, on: str = "") -> None:
        """Hang up on requests."""
        self._expect(_Trouble(None, on, left=times))

    def hang(self, times: float = 1, *, on: str = "") -> None:
        """Do not answer, and do not hang up either."""
        self._expect(_Trouble(None, on, hangs=True, left=times))

    def before(self, on: str, action: Callable[[], None]) -> None:
        """Do something just before the next request is looked at."""
        with self._lock:
            self._interruptions.append((on, action))

    def _expect(self, trouble: _Trouble) -> None:
        with self._lock:
            self._troubles.append(trouble)

    # How it answers

    def _interrupt(self, call: str) -> None:
        with self._lock:
            due = [one for one in self._interruptions if call.startswith(one[0])][:1]
            for one in due:
                self._interruptions.remove(one)
        for _, action in due:
            action()

    def _next_trouble(self, call: str) -> _Trouble | None:
        with self._lock:
            trouble = next((one for one in self._troubles if call.startswith(one.on)), None)
            if trouble is not None:
                trouble.left -= 1
                if trouble.left <= 0:
                    self._troubles.remove(trouble)
            return trouble

    def _answer(self, method: str, target: str, headers: Mapping[str, str], body: object) -> _Answer | None:
        """The answer to a request; None where there is to be none."""
        url = urlsplit(target)
        self._interrupt(_call(method, url.path))
        trouble = self._next_trouble(_call(method, url.path))
        answer: _Answer | None = None
        with self._lock:
            if trouble is None or trouble.late:
                answer = self._serve(method, url.path, url.query, headers, body)
            if trouble is not None:
                answer = trouble.answer
            status = answer.status if answer else 0
            self._requests.append(Request(method, url.path, url.query, headers, body, status))
        if trouble is not None and trouble.hangs:
            self._http.ending.wait()
        return answer

    def _serve(self, method: str, path: str, query: str, headers: Mapping[str, str], body: object) -> _Answer:
        """What GitHub would answer, held to its description."""
        if not path.startswith(f"{self.prefix}/"):
            self.faults.append(f"{method} {path}: not below {self.prefix}")
            return _Answer(404, {"message": "Not Found"})
        path = path.removeprefix(self.prefix)
        moved = self._moved(method, path)
        if moved is not None:
            return moved
        # a repository's number leads to it too, which the description does not mention
        path = path.replace(f"/repositories/{REPOSITORY_ID}/", f"/repos/{self.repository}/")
        operation = self._api.find(method, path)
        if operation is None:
            self.faults.append(f"{method} {path}: there is no such operation")
            return _Answer(404, {"message": "Not Found"})
        asked = {name: values[-1] for name, values in parse_qs(query, keep_blank_values=True).items()}
        faults = self._api.request_faults(operation, path, asked, body)
        if not headers.get("user-agent"):
            faults.append(f"{operation.name}: without User-Agent")
        if body is not None and not headers.get("content-type", "").startswith("application/json"):
            faults.append(f"{operation.name}: its body is not said to be JSON")
        if faults:
            self.faults += faults
            return _Answer(400, {"message": "Bad Request"})
        answer = self._do(operation, operation.parts(path), asked, headers, body)
        self.faults += self._api.answer_faults(operation, answer.status, answer.body)
        return answer

    def _moved(self, method: str, path: str) -> _Answer | None:
        for name, write_status in self._former_names.items():
            if path.startswith(f"/repos/{name}/"):
                rest = path.removeprefix(f"/repos/{name}/")
                location = f"{self.api_url}/repositories/{REPOSITORY_ID}/{rest}"
                words = "Moved Permanently" if method == "GET" else "Temporary Redirect"
                status = 301 if method == "GET" else write_status
                return _Answer(status, {"message": words, "url": location}, {"Location": location})
        return None

    def _do(
        self,
        operation: openapi.Operation,
        parts: Mapping[str, str],
        query: Mapping[str, str],
        headers: Mapping[str, str],
        body: object,
    ) -> _Answer:
        scheme, _, secret = headers.get("authorization", "").partition(" ")
        token = self.tokens.get(secret) if scheme.lower() in ("token", "bearer") else None
        if token is None:
            return _Answer(401, {"message": "Bad credentials"})
        if operation.template == "/user":
            return _Answer(403, NOT_ALLOWED) if token.installation else _Answer(200, self._own_account(token.user))
        if f"{parts['owner']}/{parts['repo']}".lower() != self.repository.lower():
            return _Answer(404, {"message": "Not Found"})
        if operation.method == "get":
            return self._list(operation, parts, query)
        return self._write(token, parts, body)

    def _list(self, operation: openapi.Operation, parts: Mapping[str, str], query: Mapping[str, str]) -> _Answer:
        if "commit_sha" in parts:
            sha = parts["commit_sha"]
            if sha not in self.pulls:
                return _Answer(422, {"message": f"No commit found for SHA: {sha}"})
            return self._page(f"commits/{sha}/pulls", [self._pull(pull) for pull in self.pulls[sha]], query)
        number = int(parts["issue_number"])
        return self._page(f"issues/{number}/comments", [self._comment(one) for one in self.comments(number)], query)

    def _page(self, path: str, items: Sequence[object], query: Mapping[str, str]) -> _Answer:
        size = min(int(query.get("per_page", 30)), 100)
        page = int(query.get("page", 1))
        last = max(1, -(-len(items) // size))
        others = {"prev": page - 1, "next": page + 1, "last": last, "first": 1}
        if page == 1:
            others = {relation: others[relation] for relation in ("next", "last")}
        if page >= last:
            others = {relation: to for relation, to in others.items() if relation in ("prev", "first")}
        base = f"{self.api_url}/repositories/{REPOSITORY_ID}/{path}?per_page={size}"
        links = ", ".join(f'<{base}&page={to}>; rel="{relation}"' for relation, to in others.items())
        return _Answer(200, items[(page - 1) * size : page * size], {"Link": links} if links else {})

    def _write(self, token: Token, parts: Mapping[str, str], body: object) -> _Answer:
        if not token.writes:
            return _Answer(403, NOT_ALLOWED)
        text = body.get("body") if isinstance(body, dict) else None
        if not isinstance(text, str) or not text.strip() or len(text) > LIMIT:
            fault = {"resource": "IssueComment", "code": "unprocessable", "field": "data", "message": "Body is wrong"}
            documentation = "https://docs.github.com/rest/issues/comments"
            whole = {"message": "Validation Failed", "errors": [fault], "documentation_url": documentation}
            return _Answer(422, whole)
        if "issue_number" in parts:
            comment = self.comment(int(parts["issue_number"]), token.user, text)
            return _Answer(201, self._comment(comment))
        found = [one for one in self._comments if one.id == int(parts["comment_id"])]
        if not found:
            return _Answer(404, {"message": "Not Found"})
        self._written += 1
        found[0].body = text
        found[0].updated_at = f"{NOW + timedelta(seconds=self._written):%Y-%m-%dT%H:%M:%SZ}"
        return _Answer(200, self._comment(found[0]))

    def _comment(self, comment: Comment) -> dict[str, Any]:
        issue = f"{self.api_url}/repos/{self.repository}/issues/{comment.number}"
        return self._api.sample("issue-comment") | {
            "id": comment.id,
            "body": comment.body,
            "user": self._account(comment.user) if comment.user else None,
            "url": f"{self.api_url}/repos/{self.repository}/issues/comments/{comment.id}",
            "html_url": f"https://github.com/{self.repository}/pull/{comment.number}#issuecomment-{comment.id}",
            "issue_url": issue,
            "created_at": comment.created_at,
            "updated_at": comment.updated_at,
        }

    def _pull(self, pull: Pull) -> dict[str, Any]:
        return self._api.sample("pull-request-simple") | {
            "number": pull.number,
            "state": "closed" if pull.merged_at else "open",
            "merged_at": pull.merged_at,
            "merge_commit_sha": pull.merge_commit_sha,
        }

    def _account(self, user: User) -> dict[str, Any]:
        return self._api.sample("simple-user") | {"id": user.id, "login": user.login, "type": user.type}

    def _own_account(self, user: User) -> dict[str, Any]:
        return self._api.sample("private-user") | self._account(user) | {"user_view_type": "private"}


def _call(method: str, path: str) -> str:
    return f"{method} {path.rpartition('/')[2]}"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], fake: FakeGitHub) -> None:
        self.fake = fake
        self.ending = threading.Event()
        self._open: set[socket.socket] = set()
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def end_connections(self) -> None:
        """End the connections that hang, or that clients keep open."""
        self.ending.set()
        for connection in list(self._open):
            with suppress(OSError):  # the client may have been faster
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        # a client that has waited long enough hangs up; anything else is a fault of this server
        error = sys.exc_info()[1]
        if not isinstance(error, ConnectionError):
            self.fake.faults.append(f"the fake itself failed: {error!r}")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def do_PATCH(self) -> None:
        self._handle()

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The `Date` header: a rate limit ends at a time on this clock."""
        return format_datetime(NOW, usegmt=True)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: tests read `requests`."""

    def _handle(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.server.fake._answer(self.command, self.path, headers, json.loads(raw) if raw else None)
        if answer is None:
            self.close_connection = True
            return
        data = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
        kind = "text/html" if isinstance(answer.body, bytes) else "application/json; charset=utf-8"
        self.send_response(answer.status)
        limits = {"x-ratelimit-limit": "5000", "x-ratelimit-remaining": "4999", "x-ratelimit-reset": "1714568400"}
        for name, value in {"Content-Type": kind, **limits, **answer.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
