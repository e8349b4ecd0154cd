"""Room, render: Markdown in which nobody's text can become markup.

Text from outside has every mark that could mean something written as an entity, and an entity never
starts a Markdown construct; it stands inside ``<code>``, where GitHub looks for no mention (``@team``)
and no issue number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

# Every ASCII mark that can begin something within a line, and the dots and colons that make a bare address a link.
# The dots and colons of versions, file names and times mean nothing.
_MARKS = re.compile(r"[!$%&*<>?@\[\\\]^_`|~]|(?i:(?<=www)\.)|(?<!\d):|:(?!\d)")


def escape(text: str) -> str:
    """Return ``text`` such that Markdown shows it as it is; line ends become spaces."""
    printable = "".join(c if c.isprintable() or c.isspace() else "\ufffd" for c in text)
    return _MARKS.sub(lambda match: f"&#{ord(match[0])};", " ".join(printable.splitlines()))


def code(text: object, limit: int = 300) -> str:
    """Return ``text`` as code on one line, cut to ``limit`` characters; nothing for nothing."""
    shown = str(text)
    if not shown:
        return ""
    if len(shown) > limit:
        shown = shown[:limit] + "…"
    return f"<code>{'<br>'.join(escape(line) for line in shown.splitlines()) or '&#32;'}</code>"


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; headings and cells are Markdown already."""
    lines = [f"| {' | '.join(headings)} |", f"|{' :--- |' * len(headings)}"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(lines) + "\n"
