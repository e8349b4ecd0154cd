"""Retry a change that lost a race: another writer created a tag of the artifact first, here or on the remote."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from gto_ci.core.errors import GitError, GtoError, PushRefused, quote

T = TypeVar("T")
Say = Callable[[str], None]

TRIES = 60  # another writer succeeds for each lost race, so that many others would have to push meanwhile
_PAUSE = 0.2  # the most seconds for each race lost so far; at most 2 in total


class LostRace(GtoError):
    """The artifact's tags in this repository have changed since the change was planned."""


def retry_lost_races(attempt: Callable[[], T], say: Say) -> T:
    """Return the result of ``attempt``, which must read the tags again in each try. ``say`` gets a line for each race.

    Raises:
        PushRefused: each of the tries lost its race.
        GtoError: ``attempt`` failed for another reason.
    """
    for number in range(1, TRIES + 1):
        try:
            return attempt()
        except (PushRefused, GitError, LostRace) as error:
            if not _lost(error, say):
                raise
            import random  # late: it is large, and races are rare

            time.sleep(random.uniform(0, min(number * _PAUSE, 2.0)))  # noqa: S311  # to part those who race
    raise PushRefused(
        f"Gave up after {TRIES} tries: each time, another writer had created the tag first",
        "Nothing was changed; try again later",
    )


def _lost(error: PushRefused | GitError | LostRace, say: Say) -> bool:
    """Tell whether another writer has created a tag in the meantime, here or on the remote."""
    if isinstance(error, LostRace):
        return True
    if isinstance(error, GitError):
        return "reference already exists" in error.stderr
    if error.raced:
        what = f"has {', '.join(map(quote, error.taken))}" if error.taken else "has a new tag"
        say(f"The remote {what} already; trying again after it")
    return error.raced
