"""What a token may do in a repository. Source: GitHub's "REST API endpoints for repositories"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import github

from gto_ci.platforms.github.comments import CommentTarget, persist

VARIABLES = ("GITHUB_TOKEN", "GH_TOKEN")


class Grant(NamedTuple):
    """What GitHub says: whether who has the token may push, and the scopes of a classic token, None for others."""

    push: bool
    scopes: tuple[str, ...] | None


def find_place(url: str, environ: Mapping[str, str]) -> CommentTarget | None:
    """Return the repository at ``url``, where a variable holds a token for its server; None otherwise.

    A token goes to the server that its own environment names, and nowhere else.
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
    """Return what the token may do.

    Raises:
        CommentRefused: GitHub does not let the token see the repository, or does not answer.
    """

    def look(client: github.Github, _: object) -> Grant:
        headers, answer = client.requester.requestJsonAndCheck("GET", f"/repos/{place.repository}")
        permissions: Any = answer.get("permissions") or {}
        scopes = headers.get("x-oauth-scopes")
        words = None if scopes is None else tuple(scope.strip() for scope in scopes.split(",") if scope.strip())
        return Grant(bool(permissions.get("push")), words)

    aim = f"ask what the token may do in {place.repository}"
    return persist(place, aim, look, lambda _: None)  # a person waits


def is_of_an_app(place: CommentTarget) -> bool:
    """Tell whether it is a job's token or an App's, of which GitHub does not say here what it may do."""
    return place.token.startswith("ghs_")
