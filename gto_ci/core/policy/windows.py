"""Windows of time in which nothing may happen.

They are written in wall time, and a wall time may come twice, or never, on the day when the clocks
change. Where it comes twice, a window opens the first time and closes the second; one that the
clocks skip is read by the clock before the change and by the one after it, and of the two moments a
window opens at the earlier and closes at the later. So a window is never shorter than it may be
understood to be.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone, tzinfo
from typing import Protocol

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WHOLE_DAY = 24 * 60

CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00"
OFFSET = r"[+-](?:[01][0-9]|2[0-3]):[0-5][0-9]"
_moment_re = re.compile(
    rf"(?P<day>[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})(?:[ T](?P<clock>{CLOCK})(?::00)?(?: ?(?P<offset>Z|{OFFSET}))?)?"
)
# a year less than the calendar has at each end, so that neither a zone nor a week leaves it
_FIRST, _LAST = date(2, 1, 1), date(9998, 12, 31)


class Window(Protocol):
    """A window, or one that comes again; ``zone`` is that in which a person thinks of it."""

    @property
    def zone(self) -> tzinfo: ...
    @property
    def reason(self) -> str: ...

    def closes(self, now: datetime) -> datetime | None:
        """Return when the window that is open at ``now`` closes, in UTC; None where it is not open."""

    def describe(self) -> str:
        """Return when it is open, for a person."""


@dataclass(frozen=True, slots=True)
class Period:
    """One window, from ``start`` until before ``end``, both in UTC."""

    start: datetime
    end: datetime
    zone: tzinfo
    reason: str = ""

    def closes(self, now: datetime) -> datetime | None:
        return self.end if self.start <= now < self.end else None

    def describe(self) -> str:
        return f"from {self.start.astimezone(self.zone)} until {self.end.astimezone(self.zone)}"


@dataclass(frozen=True, slots=True)
class Weekly:
    """A window on each of ``days``, which are numbers, 0 for Monday.

    ``start`` and ``end`` are minutes since midnight. Where ``end`` is not after ``start``, it is on the
    following day.
    """

    days: tuple[int, ...]
    start: int
    end: int
    zone: tzinfo
    reason: str = ""

    def closes(self, now: datetime) -> datetime | None:
        today = now.astimezone(self.zone).date()
        last = self.end if self.end > self.start else self.end + WHOLE_DAY
        for day in (today + timedelta(days=ahead) for ahead in (-1, 0, 1)):
            if day.weekday() not in self.days:
                continue
            opens, closes = moments(day, self.start, self.zone)[0], moments(day, last, self.zone)[1]
            if opens <= now < closes:
                return closes
        return None

    def describe(self) -> str:
        days = ", ".join(DAYS[day] for day in self.days)
        return f"{days} {_clock(self.start)}–{_clock(self.end)}"


def moments(day: date, minutes: int, zone: tzinfo) -> tuple[datetime, datetime]:
    """Return the first and the last moment, in UTC, that ``minutes`` after the midnight of ``day`` may mean.

    In a zone without clock changes, both are the same.
    """
    day = min(max(day, _FIRST), _LAST)
    wall = datetime(day.year, day.month, day.day) + timedelta(minutes=minutes)  # noqa: DTZ001  # its zone comes next
    both = [wall.replace(tzinfo=zone, fold=fold).astimezone(timezone.utc) for fold in (0, 1)]
    return min(both), max(both)


def thaw(windows: Sequence[Window], now: datetime) -> datetime:
    """Return when no window is open any more, though one may open as another closes.

    Windows that never leave a gap have no such moment; then it is one at which sixty have closed.
    """
    for _ in range(60):
        closing = [closes for window in windows if (closes := window.closes(now)) is not None]
        if not closing:
            break
        now = max(closing)
    return now


def match_clock(text: str) -> int | None:
    """Return the minutes since midnight of ``HH:MM``, up to ``24:00``, or None where ``text`` is none."""
    return int(text[:2]) * 60 + int(text[3:]) if re.fullmatch(CLOCK, text) else None


def match_offset(text: str) -> timezone | None:
    """Return the zone of an offset from UTC, ``+HH:MM`` or ``Z``, or None where ``text`` is none."""
    if text == "Z":
        return timezone.utc
    if not re.fullmatch(OFFSET, text):
        return None
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[4:6]))
    return timezone(-offset if text[0] == "-" else offset)


def match_moments(text: str, zone: tzinfo, *, whole_day: bool = False) -> tuple[datetime, datetime] | None:
    """Return what :func:`moments` does for ``YYYY-MM-DD``, with or without a time and an offset of its own.

    A day alone means its midnight, or with ``whole_day`` the midnight after it. None where ``text`` is
    no such thing, or no day of the calendar.
    """
    match = _moment_re.fullmatch(text)
    if match is None:
        return None
    try:
        day = date.fromisoformat(match["day"])
    except ValueError:
        return None
    minutes = match_clock(match["clock"]) if match["clock"] else WHOLE_DAY if whole_day else 0
    own = match_offset(match["offset"]) if match["offset"] else None
    return moments(day, minutes or 0, own or zone)


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
