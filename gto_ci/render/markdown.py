"""Room, render: Markdown in which nobody's text can become markup.

Text from outside stands inside ``<code>``, with every punctuation mark written as an entity: an
entity never starts a Markdown construct, and in code GitHub links no mention, number or address.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_PUNCTUATION = re.compile(r"[^\w\s]|_")


def code(text: object, limit: int = 300) -> str:
    """Return ``text`` as code on one line, cut to ``limit`` characters; nothing for nothing."""
    shown = str(text)
    if not shown:
        return ""
    if len(shown) > limit:
        shown = shown[:limit] + "…"
    shown = "".join(c if c.isprintable() or c.isspace() else "\ufffd" for c in shown)
    escaped = _PUNCTUATION.sub(lambda match: f"&#{ord(match[0])};", shown)
    return f"<code>{'<br>'.join(escaped.splitlines()) or '&#32;'}</code>"


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; headings and cells are Markdown already."""
    lines = [f"| {' | '.join(headings)} |", f"|{' --- |' * len(headings)}"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(lines) + "\n"
