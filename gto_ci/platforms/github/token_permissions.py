"""The permissions of a token in a repository. Source: GitHub's "REST API endpoints for repositories"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import github

from gto_ci.platforms.github.comments import CommentTarget, persist

VARIABLES = ("GITHUB_TOKEN", "GH_TOKEN")


class Grant(NamedTuple):
    """The permissions that GitHub reports for a token.

    ``push`` says whether the token's owner may push. ``scopes`` are those of a classic token, None for other tokens.
    """

    push: bool
    scopes: tuple[str, ...] | None


def find_place(url: str, environ: Mapping[str, str]) -> CommentTarget | None:
    """Return the repository at ``url`` if the environment has a token for its server, else None.

    A token is sent only to the server that the same environment names.
    """
    token = next((environ[name] for name in VARIABLES if environ.get(name)), "")
    host = urlsplit(environ.get("GITHUB_SERVER_URL") or "https://github.com").hostname or ""
    api_url = environ.get("GITHUB_API_URL") or ("https://api.github.com" if host == "github.com" else "")
    login, port = r"(?:(?:https?|ssh)://)?(?:[^/@]*@)?", r"(?::\d+(?=/))?[/:]/?"
    found = re.fullmatch(
        rf"{login}{re.escape(host)}{port}([\w.-]+/[\w.-]+?)(?:\.git)?/?", url, re.ASCII | re.IGNORECASE
    )
    return CommentTarget(api_url, found[1], token) if token and api_url and host and found else None


def ask(place: CommentTarget) -> Grant:
    """Return the token's permissions.

    Raises:
        CommentRefused: the token cannot see the repository, or GitHub did not answer.
    """

    def look(client: github.Github, _: object) -> Grant:
        headers, answer = client.requester.requestJsonAndCheck("GET", f"/repos/{place.repository}")
        permissions: Any = answer.get("permissions") or {}
        scopes = headers.get("x-oauth-scopes")
        names = None if scopes is None else tuple(scope.strip() for scope in scopes.split(",") if scope.strip())
        return Grant(bool(permissions.get("push")), names)

    aim = f"query the token's permissions in {place.repository}"
    return persist(place, aim, look, lambda _: None)  # retry without pauses, because a user waits


def is_of_an_app(place: CommentTarget) -> bool:
    """Return whether the token is a job's or an App's. GitHub does not report the permissions of those."""
    return place.token.startswith("ghs_")
