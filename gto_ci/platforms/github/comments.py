"""The action's comment on a pull request, found again by its first line and its author.

Requests go through PyGithub with its retries off, because those may sleep for an hour until a rate limit ends. The
retries here repeat both the look-up and the write, so a lost response never leads to a second comment.
Sources: GitHub's "REST API endpoints for issue comments", "Rate limits for the REST API" and "Best
practices for using the REST API".
"""

from __future__ import annotations

import hashlib
import logging
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import TypeVar
from urllib.parse import quote as percent
from urllib.parse import urlsplit

import github
from github.Auth import Token
from github.Issue import Issue
from github.IssueComment import IssueComment
from github.Repository import Repository

from gto_ci import __version__
from gto_ci.core.errors import CommentRefused, Remedies, quote
from gto_ci.platforms.platform import Posted

COMMENT_LIMIT = 65_536  # characters that GitHub accepts, including the marker line
TIMEOUT = 15  # seconds until a response begins, and between its chunks
PAUSES = (1.0, 3.0)  # seconds before the second and the third try
PATIENCE = 60.0  # longest wait, in seconds, for a rate limit to end
JOB_BOT = "github-actions[bot]"  # the author of comments written with a job's own token

_PERMISSION = (
    "Give the job 'permissions: pull-requests: write'. In pull requests from forks the token is always read-only"
)

# PyGithub installs a handler on standard error that logs every redirection
github.set_log_level(logging.WARNING)

# what PyGithub raises if it cannot parse a response, or if a response redirects to another server
_UNREADABLE = (
    github.BadAttributeException,
    github.IncompletableObject,
    AssertionError,
    AttributeError,
    RuntimeError,
    TypeError,
    ValueError,
)

T = TypeVar("T")
Pause = Callable[[float], object]


@dataclass(frozen=True, slots=True)
class CommentTarget:
    """A repository (OWNER/NAME), the URL of its server's API (GITHUB_API_URL), and a token for it.

    ``server`` is the server's name in messages.
    """

    api_url: str
    repository: str
    token: str = field(repr=False)
    server: str = "GitHub"


@dataclass(frozen=True, slots=True)
class _FailedTry:
    """Why a try failed. ``wait`` is the number of seconds after which a retry may succeed, None if none can."""

    reason: str
    next_step: str
    wait: float | None = None


class _CommentDeleted(Exception):
    """The comment was deleted after it was found."""


class _RepositoryMoved(Exception):
    """The server redirected a write, because the repository has moved."""


def post(
    place: CommentTarget, number: int, header: str, body: str, *, create: bool = True, pause: Pause = time.sleep
) -> Posted:
    """Post ``body`` on a pull request, or update the earlier comment with the same ``header``.

    If there are several, only the oldest is updated. Without ``create``, only update an earlier comment. If there
    is none, the result's action is ``none``.

    Raises:
        CommentRefused: GitHub rejected the comment, or did not answer.
        ValueError: the text is longer than a comment may be; the caller must shorten it.
    """
    first_line = marker(header)
    text = f"{first_line}\n{body}".encode(errors="replace").decode()
    if len(text) > COMMENT_LIMIT:
        raise ValueError(f"the comment has {len(text)} characters; GitHub accepts {COMMENT_LIMIT}")

    def find_and_write(client: github.Github, repository: Repository) -> Posted:
        own_id = _own_id(client)
        issue = repository.get_issue(number)
        earlier = find(issue.get_comments(), first_line, own_id)
        if earlier is None:
            return Posted(_write(issue, None, text), "created") if create else Posted("", "none")
        if same(earlier.body, text):
            return Posted(earlier.html_url, "unchanged")
        return Posted(_write(issue, earlier, text), "updated")

    return persist(place, f"comment on pull request {number} of {quote(place.repository)}", find_and_write, pause)


def merged_pull_request(place: CommentTarget, commit: str, *, pause: Pause = time.sleep) -> int | None:
    """Return the number of the merged pull request that introduced ``commit``, or None.

    This is the pull request whose merge created the commit. Otherwise it is the first merged one that
    contains the commit.

    Raises:
        CommentRefused: GitHub rejected the query, or did not answer.
    """

    def look(_: github.Github, repository: Repository) -> int | None:
        try:
            merged = [pull for pull in repository.get_commit(commit).get_pulls() if pull.merged_at]
        except github.GithubException as error:
            if error.status == 422:  # GitHub does not have the commit
                return None
            raise
        created_it = [pull for pull in merged if pull.merge_commit_sha == commit]
        first = min(created_it or merged, key=lambda pull: (pull.merged_at, pull.number), default=None)
        return first.number if first else None

    return persist(
        place, f"look up the pull request of commit {quote(commit)} in {quote(place.repository)}", look, pause
    )


def marker(header: str) -> str:
    """Return the line that marks comments with ``header``: an HTML comment, which no header can close early.

    Different headers have different marker lines, of at most 200 characters.
    """
    key = percent(header, safe="", errors="surrogatepass").replace("--", "%2D%2D")
    if len(key) > 160:
        # short keys contain no asterisk, so the two kinds never collide
        key = f"{key[:90]}*{hashlib.sha256(key.encode()).hexdigest()}"
    return f"<!-- gto-ci: {key} -->"


def find(comments: Iterable[IssueComment], first_line: str, own_id: int | None) -> IssueComment | None:
    """Return the oldest of the action's own comments that begins with ``first_line``, or None.

    Own comments are those by the user ``own_id``. If that is None, they are those by the job's bot or, if there
    are none, by other bots. A human's comment then never counts as own.
    """
    marked = [comment for comment in comments if comment.user and _first_line(comment.body) == first_line]
    if own_id is not None:
        ours = [comment for comment in marked if comment.user.id == own_id]
    else:
        bots = [comment for comment in marked if comment.user.type == "Bot"]
        ours = [comment for comment in bots if comment.user.login == JOB_BOT] or bots
    return min(ours, key=lambda comment: comment.id, default=None)


def _first_line(stored: str | None) -> str:
    return (stored or "").lstrip().partition("\n")[0].rstrip()


def same(stored: str | None, text: str) -> bool:
    """Return whether a stored comment equals ``text``, apart from line ends, which GitHub may store as CRLF."""
    return (stored or "").replace("\r\n", "\n").strip() == text.replace("\r\n", "\n").strip()


def _own_id(client: github.Github) -> int | None:
    """Return the id of the token's user, or None for a job's own token, which may not query its user."""
    try:
        own_id = client.get_user().id
    except github.GithubException as error:
        if error.status == 403 and _limited(error) is None:
            return None
        raise
    if not own_id:
        raise ValueError("the token has no user")
    return own_id


def _write(issue: Issue, earlier: IssueComment | None, text: str) -> str:
    """Create a comment, or update an earlier one, and return the URL of its page.

    PyGithub's own methods would treat a redirection (307) as success.
    """
    verb, url = ("PATCH", earlier.url) if earlier else ("POST", f"{issue.url}/comments")
    try:
        headers, answer = issue.requester.requestJsonAndCheck(verb, url, input={"body": text})
    except github.GithubException as error:
        if earlier and error.status == 404:
            raise _CommentDeleted from error
        raise
    page = answer.get("html_url")
    if not isinstance(page, str):
        raise (
            _RepositoryMoved(headers["location"])
            if "location" in headers
            else ValueError("the response is not a comment")
        )
    return page


def persist(place: CommentTarget, aim: str, work: Callable[[github.Github, Repository], T], pause: Pause) -> T:
    """Return the result of ``work``, with up to three tries if a retry may help.

    ``aim`` says in messages what ``work`` does.

    Raises:
        CommentRefused: the last try failed, or a retry cannot help.
    """
    _check(place, aim)
    client = github.Github(
        base_url=place.api_url,
        auth=Token(place.token),
        user_agent=f"gto-ci/{__version__}",
        timeout=TIMEOUT,
        per_page=100,
        retry=None,
        seconds_between_requests=None,
        seconds_between_writes=None,
        lazy=True,  # sends no extra requests
    )
    pauses = iter(PAUSES)
    with client:
        while True:
            try:
                return work(client, client.get_repo(place.repository))
            except Exception as error:
                failed = _understand(error, place)
                if failed is None:
                    raise
                shortest = next(pauses, None)
                if shortest is None or failed.wait is None:
                    raise CommentRefused(f"Cannot {aim}: {failed.reason}", failed.next_step) from error
            pause(max(shortest, failed.wait))


def _check(place: CommentTarget, aim: str) -> None:
    """Refuse values that PyGithub would only assert on, or would print in an error."""
    if not _is_api_url(place.api_url):
        raise CommentRefused(f"Cannot {aim}: {quote(place.api_url)} is not the URL of an API", "Check GITHUB_API_URL")
    if not re.fullmatch(r"(?!\.+/)[\w.-]+/(?!\.+$)[\w.-]+", place.repository, re.ASCII):
        raise CommentRefused(f"Cannot {aim}: the repository is not OWNER/NAME", "Check GITHUB_REPOSITORY")
    if not re.fullmatch(r"[!-~]+", place.token):
        problem = "contains invalid characters" if place.token else "is missing"
        raise CommentRefused(f"Cannot {aim}: the token {problem}", Remedies.CHECK_TOKEN)


def _is_api_url(text: str) -> bool:
    try:
        url = urlsplit(text)
        return url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:  # an invalid port
        return False


def _understand(error: Exception, place: CommentTarget) -> _FailedTry | None:
    """Return what an error of PyGithub or its HTTP client means to the user, or None if the error is a bug."""
    if isinstance(error, github.GithubException) and not isinstance(error, _UNREADABLE):
        return _answered(error, place.server)
    if isinstance(error, _CommentDeleted):
        return _FailedTry("the comment was deleted before it could be updated", "Run the job again", wait=0)
    if isinstance(error, _RepositoryMoved):
        return _FailedTry(f"the repository has moved to {quote(error)}", "Run the job again under the new name")
    server = quote(place.api_url)
    if isinstance(error, OSError):  # includes the errors of PyGithub's HTTP client
        return _FailedTry(f"{server} does not answer: {_reason(error)}", "Check the network and GITHUB_API_URL", wait=0)
    if isinstance(error, _UNREADABLE):
        return _FailedTry(f"{server} does not answer like {place.server}: {quote(error, 200)}", "Check GITHUB_API_URL")
    return None


def _reason(error: OSError) -> str:
    """Return the HTTP client's innermost reason, without the wrapping errors."""
    inner = error.args[0] if error.args else error
    inner = getattr(inner, "reason", inner)
    return quote(inner.args[-1] if isinstance(inner, Exception) and inner.args else inner, limit=200)


def _answered(error: github.GithubException, server: str) -> _FailedTry:
    """Return what an error response of the server means to the user."""
    status, response = error.status, _response(error)
    limited = _limited(error)
    if limited is not None:
        until = datetime.fromtimestamp(_now(error) + limited, timezone.utc)
        reason = f"{server}'s rate limit for this token is used up until {until:%Y-%m-%d %H:%M:%S} UTC ({status})"
        return _FailedTry(reason, "Run the job again after that", limited if limited <= PATIENCE else None)
    if status >= 500:
        return _FailedTry(f"{server} has a server error: {response}", "Run the job again later", wait=0)
    if status == 401:
        return _FailedTry(f"{server} does not accept the token: {response}", Remedies.CHECK_TOKEN)
    if status == 403:
        return _FailedTry(f"{server} denies this token access: {response}", _PERMISSION)
    if status == 404:
        return _FailedTry(f"it does not exist on {server}, or this token cannot see it: {response}", _PERMISSION)
    return _FailedTry(f"{server} rejects the request: {response}", "")


def _response(error: github.GithubException) -> str:
    """Return the server's message and the status."""
    data = error.data if isinstance(error.data, dict) else {}
    details = [detail.get("message") for detail in data.get("errors") or [] if isinstance(detail, dict)]
    message = "; ".join(part for part in (data.get("message"), *details) if isinstance(part, str))
    return f"{quote(message)} ({error.status})" if message else f"status {error.status}"


def _limited(error: github.GithubException) -> float | None:
    """Return for how many more seconds a rate limit holds, or None if the error is not about one."""
    headers = error.headers or {}
    if error.status not in (403, 429):
        return None
    try:
        if "retry-after" in headers:
            return float(headers["retry-after"])
        if headers.get("x-ratelimit-remaining") == "0":
            return max(0.0, float(headers["x-ratelimit-reset"]) - _now(error))
    except (KeyError, ValueError):
        return PATIENCE
    limited = error.status == 429 or isinstance(error, github.RateLimitExceededException)
    return PATIENCE if limited else None  # "wait for at least one minute before retrying"


def _now(error: github.GithubException) -> float:
    """Return the time of GitHub's clock, which also dates the end of a limit. The runner's clock may be wrong."""
    try:
        return parsedate_to_datetime((error.headers or {})["date"]).timestamp()
    except (KeyError, ValueError):
        return time.time()
