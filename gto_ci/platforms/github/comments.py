"""One comment of ours on a pull request, found again by its first line and its author.

PyGithub carries it. Its own retries are off, for they may sleep until a rate limit ends, for an hour;
ours repeat the whole of looking and writing, so that a lost answer does not lead to a second comment.
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

COMMENT_LIMIT = 65_536  # characters that GitHub takes, our first line among them
TIMEOUT = 15  # seconds for an answer to begin, and between its pieces
PAUSES = (1.0, 3.0)  # seconds before the second and the third try
PATIENCE = 60.0  # seconds that are waited for the end of a rate limit; a longer one is refused
JOB_BOT = "github-actions[bot]"  # the author of what a job's own token writes

_PERMISSION = (
    "Give the job 'permissions: pull-requests: write'; the token of a fork's pull request can only read, whatever "
    "the workflow says"
)

# importing PyGithub puts a handler on standard error that tells of every redirection
github.set_log_level(logging.WARNING)

# what PyGithub raises over an answer that it does not understand, or that leads to another server
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
    """A repository (OWNER/NAME) on the server with this API (GITHUB_API_URL), and what opens it.

    ``server`` is what to call it before a person.
    """

    api_url: str
    repository: str
    token: str = field(repr=False)
    server: str = "GitHub"


@dataclass(frozen=True, slots=True)
class _FailedTry:
    """Why a try failed. ``wait``: seconds after which another may succeed, None where none will."""

    reason: str
    next_step: str
    wait: float | None = None


class _CommentDeleted(Exception):
    """The comment was deleted after it was found."""


class _RepositoryMoved(Exception):
    """A write was told to go elsewhere."""


def post(
    place: CommentTarget, number: int, header: str, body: str, *, create: bool = True, pause: Pause = time.sleep
) -> Posted:
    """Post ``body`` on a pull request, or bring what was posted under ``header`` before up to date.

    Of several comments of ours the oldest is updated, the others stay. Without ``create``, only an
    earlier comment is updated; where there is none, nothing is done (``none``).

    Raises:
        CommentRefused: GitHub does not take it, or does not answer.
        ValueError: the text is longer than a comment may be; to cut it is the caller's part.
    """
    first_line = marker(header)
    text = f"{first_line}\n{body}".encode(errors="replace").decode()
    if len(text) > COMMENT_LIMIT:
        raise ValueError(f"a comment of {len(text)} characters; GitHub takes {COMMENT_LIMIT}")

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
    """Return the number of the pull request that brought ``commit`` in, None for none.

    It is the merged one whose merge made the commit; else, of those that hold it, the one merged first.

    Raises:
        CommentRefused: GitHub does not say.
    """

    def look(_: github.Github, repository: Repository) -> int | None:
        try:
            merged = [pull for pull in repository.get_commit(commit).get_pulls() if pull.merged_at]
        except github.GithubException as error:
            if error.status == 422:  # GitHub does not have the commit
                return None
            raise
        made_it = [pull for pull in merged if pull.merge_commit_sha == commit]
        first = min(made_it or merged, key=lambda pull: (pull.merged_at, pull.number), default=None)
        return first.number if first else None

    return persist(
        place, f"look up the pull request of commit {quote(commit)} in {quote(place.repository)}", look, pause
    )


def marker(header: str) -> str:
    """Return the first line of the comments under ``header``: an HTML comment, which no header can end.

    Different headers have different lines, of at most 200 characters.
    """
    key = percent(header, safe="", errors="surrogatepass").replace("--", "%2D%2D")
    if len(key) > 160:
        # an asterisk is in no key of the first kind
        key = f"{key[:90]}*{hashlib.sha256(key.encode()).hexdigest()}"
    return f"<!-- gto-ci: {key} -->"


def find(comments: Iterable[IssueComment], first_line: str, own_id: int | None) -> IssueComment | None:
    """Return the oldest comment of ours that begins with ``first_line``.

    Ours are those by the user ``own_id``; where that is not known, those by the job's bot or, where
    there are none, by another bot. A person's comment is then never ours, whatever it says.
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
    """Tell whether a comment says ``text`` already, but for line ends, which GitHub may store as CRLF."""
    return (stored or "").replace("\r\n", "\n").strip() == text.replace("\r\n", "\n").strip()


def _own_id(client: github.Github) -> int | None:
    """The id of the token's user; None for a job's own token, which GitHub does not tell who it is."""
    try:
        own_id = client.get_user().id
    except github.GithubException as error:
        if error.status == 403 and _limited(error) is None:
            return None
        raise
    if not own_id:
        raise ValueError("nobody is logged in")
    return own_id


def _write(issue: Issue, earlier: IssueComment | None, text: str) -> str:
    """Create a comment, or update an earlier one; its page.

    PyGithub's own methods would take an answer that leads elsewhere (307) for a success.
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
        raise _RepositoryMoved(headers["location"]) if "location" in headers else ValueError("the answer is no comment")
    return page


def persist(place: CommentTarget, aim: str, work: Callable[[github.Github, Repository], T], pause: Pause) -> T:
    """Return what ``work`` returns; do it at most three times, where trying again may help.

    Raises:
        CommentRefused: it does not help, or did not.
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
        lazy=True,  # no request but those that are meant
    )
    pauses = iter(PAUSES)
    with client:
        while True:
            try:
                return work(client, client.get_repo(place.repository))
            except Exception as error:
                trouble = _understand(error, place)
                if trouble is None:
                    raise
                shortest = next(pauses, None)
                if shortest is None or trouble.wait is None:
                    raise CommentRefused(f"Cannot {aim}: {trouble.reason}", trouble.next_step) from error
            pause(max(shortest, trouble.wait))


def _check(place: CommentTarget, aim: str) -> None:
    """Refuse what PyGithub would assert, or name in an error."""
    if not _is_address(place.api_url):
        raise CommentRefused(f"Cannot {aim}: {quote(place.api_url)} is no address of an API", "Check GITHUB_API_URL")
    if not re.fullmatch(r"(?!\.+/)[\w.-]+/(?!\.+$)[\w.-]+", place.repository, re.ASCII):
        raise CommentRefused(f"Cannot {aim}: that is no OWNER/NAME of a repository", "Check GITHUB_REPOSITORY")
    if not re.fullmatch(r"[!-~]+", place.token):
        what = "holds characters that no token has" if place.token else "is missing"
        raise CommentRefused(f"Cannot {aim}: the token {what}", Remedies.CHECK_TOKEN)


def _is_address(text: str) -> bool:
    try:
        url = urlsplit(text)
        return url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:  # no number of a port
        return False


def _understand(error: Exception, place: CommentTarget) -> _FailedTry | None:
    """What an error of PyGithub, or of what it stands on, means for a user; None for a bug of ours."""
    if isinstance(error, github.GithubException) and not isinstance(error, _UNREADABLE):
        return _answered(error, place.server)
    if isinstance(error, _CommentDeleted):
        return _FailedTry("it was deleted whenever it was about to be updated", "Run the job again", wait=0)
    if isinstance(error, _RepositoryMoved):
        return _FailedTry(f"the repository has moved to {quote(error)}", "Run the job again, under the new name")
    server = quote(place.api_url)
    if isinstance(error, OSError):  # as those of PyGithub's HTTP client are
        return _FailedTry(f"{server} does not answer: {_reason(error)}", "Check the network and GITHUB_API_URL", wait=0)
    if isinstance(error, _UNREADABLE):
        return _FailedTry(
            f"{server} does not answer as {place.server} does: {quote(error, 200)}", "Check GITHUB_API_URL"
        )
    return None


def _reason(error: OSError) -> str:
    """What the HTTP client says at heart, without the layers around it."""
    inner = error.args[0] if error.args else error
    inner = getattr(inner, "reason", inner)
    return quote(inner.args[-1] if isinstance(inner, Exception) and inner.args else inner, limit=200)


def _answered(error: github.GithubException, server: str) -> _FailedTry:
    """What a refusal by GitHub means."""
    status, said = error.status, _said(error)
    limited = _limited(error)
    if limited is not None:
        until = datetime.fromtimestamp(_now(error) + limited, timezone.utc)
        reason = f"{server}'s rate limit for this token is used up until {until:%Y-%m-%d %H:%M:%S} UTC ({status})"
        return _FailedTry(reason, "Run the job again after that", limited if limited <= PATIENCE else None)
    if status >= 500:
        return _FailedTry(f"{server} has trouble of its own: {said}", "Run the job again later", wait=0)
    if status == 401:
        return _FailedTry(f"{server} does not accept the token: {said}", Remedies.CHECK_TOKEN)
    if status == 403:
        return _FailedTry(f"{server} does not let this token: {said}", _PERMISSION)
    if status == 404:
        return _FailedTry(f"{server} has no such thing, or hides it from this token: {said}", _PERMISSION)
    return _FailedTry(f"{server} does not take it: {said}", "")


def _said(error: github.GithubException) -> str:
    """GitHub's words, and the status."""
    data = error.data if isinstance(error.data, dict) else {}
    details = [one.get("message") for one in data.get("errors") or [] if isinstance(one, dict)]
    words = "; ".join(word for word in (data.get("message"), *details) if isinstance(word, str))
    return f"{quote(words)} ({error.status})" if words else f"answer {error.status}"


def _limited(error: github.GithubException) -> float | None:
    """How many seconds a rate limit still holds; None where it is not what the answer is about."""
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
    """The time on GitHub's clock, in which it says when a limit ends; the runner's may be wrong."""
    try:
        return parsedate_to_datetime((error.headers or {})["date"]).timestamp()
    except (KeyError, ValueError):
        return time.time()
