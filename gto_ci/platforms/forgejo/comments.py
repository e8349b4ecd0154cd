"""Our comment on a pull request, and which pull request brought a commit in.

As on GitHub, but that a comment has no address of its own to be updated at, that a job's own token
may ask who it is, and that the server is asked for one pull request of a commit, the one whose merge
made it. Source: the API reference of Forgejo (``/api/swagger`` on every server).
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
    """Post ``body`` on a pull request, or bring what was posted under ``header`` before up to date.

    Without ``create``, only an earlier comment is updated; where there is none, nothing is done (``none``).

    Raises:
        CommentRefused: the server does not take it, or does not answer.
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
    """Return the number of the merged pull request whose merge made ``commit``, None for none.

    Raises:
        CommentRefused: the server does not say.
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
    """Create a comment, or update one; its page."""
    _, answer = client.requester.requestJsonAndCheck(verb, url, input={"body": text})
    return str(answer["html_url"])
