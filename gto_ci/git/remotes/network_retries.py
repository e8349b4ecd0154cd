"""Retry what fails over the network, and explain what fails for good."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from gto_ci.core.errors import GitError, Remedies, Remedy

T = TypeVar("T")

PAUSES = (1.0, 3.0)  # seconds between tries over the network

# Errors that may not occur again: of the network, of a busy server, of a tag that was deleted between two requests.
_TRANSIENT = re.compile(
    r"could not resolve|timed? ?out|connection (reset|refused|closed)|early eof|rpc failed|hung up"
    r"|error: 5\d\d|too many requests|error: 429|no answer within|unexpected disconnect|not our ref"
    r"|\.lock': file exists",
    re.IGNORECASE,
)
_REFUSED = re.compile(
    r"authentication failed|could not read (username|password)|error: 40[13]|permission denied|repository .*not found",
    re.IGNORECASE,
)
_UNKNOWN_HOST = re.compile(r"Host key verification failed")
_REDIRECTED = re.compile(r"error: 30[12378]\b")


class NetworkRemedies(NamedTuple):
    """The remedies for a network error, by its reason."""

    refused: Remedy
    unreachable: Remedy
    unknown_host: Remedy
    redirected: Remedy


REMOTE = NetworkRemedies(
    Remedies.CHECK_REMOTE_LOGIN, Remedies.CHECK_REMOTE, Remedies.CHECK_REMOTE, Remedies.CHECK_REMOTE
)


def retrying(action: Callable[[], T], remedies: NetworkRemedies = REMOTE) -> T:
    """Return the result of ``action``. After an error that may not occur again, pause and retry, a few times.

    Raises:
        GitError: the last error, with the one of ``remedies`` that fits it.
    """
    for pause in (*PAUSES, None):
        try:
            return action()
        except GitError as error:
            if pause is None or not _TRANSIENT.search(error.stderr):
                raise explained(error, remedies) from error
            time.sleep(pause)
    raise AssertionError("the last try returns or raises")


def explained(error: GitError, remedies: NetworkRemedies = REMOTE) -> GitError:
    """Return ``error`` with the one of ``remedies`` that fits it."""
    if _UNKNOWN_HOST.search(error.stderr):
        step = remedies.unknown_host
    elif _REDIRECTED.search(error.stderr):
        step = remedies.redirected
    else:
        step = remedies.refused if _REFUSED.search(error.stderr) else remedies.unreachable
    return GitError(error.command, error.returncode, error.stdout, error.stderr, step)
