"""Freeze windows: times at which events must not happen.

Windows are written in wall time. When the clocks change, a wall time may occur twice or never. If it occurs
twice, a window opens at the first occurrence and closes at the second. If the clocks skip it, it is converted
with the offset before the change and with the one after. A window then opens at the earlier result and closes at
the later. So a window is never shorter than any reading of it.
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
# one year inside datetime's range at each end, so that no zone and no week exceeds it
_FIRST, _LAST = date(2, 1, 1), date(9998, 12, 31)


class Window(Protocol):
    """A window, once or recurring. ``zone`` is the time zone in which it is written and shown."""

    @property
    def zone(self) -> tzinfo: ...
    @property
    def reason(self) -> str: ...

    def closes(self, now: datetime) -> datetime | None:
        """Return when the window that is open at ``now`` closes, in UTC, or None if it is not open."""

    def describe(self) -> str:
        """Return when the window is open, as text for messages."""


@dataclass(frozen=True, slots=True)
class Period:
    """One window from ``start`` up to, but not including, ``end``, both in UTC."""

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
    """A window that recurs on each of ``days``, where 0 is Monday.

    ``start`` and ``end`` are minutes since midnight. If ``end`` is not after ``start``, it is on the next day.
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
    """Return the first and the last moment, in UTC, that a wall time may mean.

    The wall time is ``minutes`` after the midnight of ``day``. The two moments differ only if the clocks of
    ``zone`` change at that time.
    """
    day = min(max(day, _FIRST), _LAST)
    wall = datetime(day.year, day.month, day.day) + timedelta(minutes=minutes)  # noqa: DTZ001  # gets its zone below
    both = [wall.replace(tzinfo=zone, fold=fold).astimezone(timezone.utc) for fold in (0, 1)]
    return min(both), max(both)


def thaw(windows: Sequence[Window], now: datetime) -> datetime:
    """Return the first moment at or after ``now`` at which no window is open.

    If the windows never leave a gap, return the moment after sixty of them have closed.
    """
    for _ in range(60):
        closing = [closes for window in windows if (closes := window.closes(now)) is not None]
        if not closing:
            break
        now = max(closing)
    return now


def match_clock(text: str) -> int | None:
    """Return the minutes since midnight for ``HH:MM``, up to ``24:00``, or None if ``text`` is not a time."""
    return int(text[:2]) * 60 + int(text[3:]) if re.fullmatch(CLOCK, text) else None


def match_offset(text: str) -> timezone | None:
    """Return the zone for a UTC offset, ``+HH:MM`` or ``Z``, or None if ``text`` is not an offset."""
    if text == "Z":
        return timezone.utc
    if not re.fullmatch(OFFSET, text):
        return None
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[4:6]))
    return timezone(-offset if text[0] == "-" else offset)


def match_moments(text: str, zone: tzinfo, *, whole_day: bool = False) -> tuple[datetime, datetime] | None:
    """Return :func:`moments` for ``YYYY-MM-DD``, with an optional time and an optional offset.

    A date alone means its midnight or, with ``whole_day``, the midnight after it. None if ``text`` has another
    form, or the date does not exist.
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
