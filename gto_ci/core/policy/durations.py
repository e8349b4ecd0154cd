"""Time spans, written ``90m``, ``24h``, ``7d`` or ``1d 12h``."""

from __future__ import annotations

import re
from datetime import timedelta

# bounded: five digits of days are 270 years
_span_re = re.compile(r"(?=[0-9])(?:([0-9]{1,5})d)?(?: *([0-9]{1,5})h)?(?: *([0-9]{1,5})m)?")


def match_span(text: str) -> timedelta | None:
    """Return the span that ``text`` describes, or None if ``text`` is not a span or the span is zero."""
    match = _span_re.fullmatch(text)
    days, hours, minutes = (int(number or 0) for number in match.groups()) if match else (0, 0, 0)
    return timedelta(days=days, hours=hours, minutes=minutes) or None


def show_span(span: timedelta) -> str:
    """Return a span as text for messages: ``1 d 3 h 20 min``. Seconds are dropped."""
    minutes = int(span.total_seconds()) // 60
    parts = ((minutes // 1440, "d"), (minutes // 60 % 24, "h"), (minutes % 60, "min"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "less than a minute"
