"""The action's comment on a pull request, and the pull request that introduced a commit.

This differs from GitHub in three ways. A comment object has no URL of its own for updates. A job's own token may
query its user. The API returns only one pull request for a commit: the one whose merge created it. Source: the API
reference of Forgejo (``/api/swagger`` on every server).
"""

from __future__ import annotations

import time
from urllib.parse import quote as percent

from github import Github, GithubException
from github.Repository import Repository

from gto_ci.core.errors import quote
from gto_ci.platforms.github.comments import CommentTarget, Pause, find, marker, persist, same
from gto_ci.platforms.platform import Posted


def post(
    place: CommentTarget, number: int, header: str, body: str, *, create: bool = True, pause: Pause = time.sleep
) -> Posted:
    """Post ``body`` on a pull request, or update the earlier comment with the same ``header``.

    Without ``create``, only update an earlier comment. If there is none, the result's action is ``none``.

    Raises:
        CommentRefused: the server rejected the comment, or did not answer.
    """
    first_line = marker(header)
    text = f"{first_line}\n{body}".encode(errors="replace").decode()

    def find_and_write(client: Github, repository: Repository) -> Posted:
        issue = repository.get_issue(number)
        earlier = find(issue.get_comments(), first_line, client.get_user().id)
        if earlier is None:
            return Posted(_write(client, "POST", f"{issue.url}/comments", text), "created") if create else _NOTHING
        if same(earlier.body, text):
            return Posted(earlier.html_url, "unchanged")
        return Posted(_write(client, "PATCH", f"{repository.url}/issues/comments/{earlier.id}", text), "updated")

    return persist(place, f"comment on pull request {number} of {quote(place.repository)}", find_and_write, pause)


def merged_pull_request(place: CommentTarget, commit: str, *, pause: Pause = time.sleep) -> int | None:
    """Return the number of the pull request whose merge created ``commit``, or None.

    Raises:
        CommentRefused: the server rejected the query, or did not answer.
    """

    def look(client: Github, repository: Repository) -> int | None:
        url = f"{repository.url}/commits/{percent(commit, safe='')}/pull"
        try:
            _, pull = client.requester.requestJsonAndCheck("GET", url)
        except GithubException as error:
            if error.status == 404:
                return None
            raise
        return int(pull["number"]) if pull["merged"] else None

    aim = f"look up the pull request of commit {quote(commit)} in {quote(place.repository)}"
    return persist(place, aim, look, pause)


_NOTHING = Posted("", "none")


def _write(client: Github, verb: str, url: str, text: str) -> str:
    """Create or update a comment and return the URL of its page."""
    _, answer = client.requester.requestJsonAndCheck(verb, url, input={"body": text})
    return str(answer["html_url"])
