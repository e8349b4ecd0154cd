"""Markdown in which untrusted text cannot become markup.

In untrusted text, every character that can begin markup is written as an entity, which never begins a Markdown
construct. The text stands inside ``<code>``, where GitHub links no mention (``@team``) and no issue number. GitHub does
link email addresses there, even with entities, unless an HTML comment stands in the address.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from urllib.parse import quote

# Every ASCII character that can begin markup within a line, and the dots and colons that make a bare address a link.
# The dots and colons of versions, file names and times stay.
_MARKS = re.compile(r"[!$%&*<>?@\[\\\]^_`|~]|(?i:(?<=www)\.)|(?<!\d):|:(?!\d)")
_IN_ADDRESS = "/:?=&.#%~+,-_"  # the special characters of an address; all others are percent-encoded


def escape(text: str) -> str:
    """Return ``text`` as Markdown that shows it unchanged; line breaks become spaces."""
    printable = "".join(c if c.isprintable() or c.isspace() else "\ufffd" for c in text)
    return _MARKS.sub(_as_entity, " ".join(printable.splitlines()))


def code(text: object, limit: int = 300) -> str:
    """Return ``text`` as code on one line, cut to ``limit`` characters; "" for an empty text."""
    shown = str(text)
    if not shown:
        return ""
    if len(shown) > limit:
        shown = shown[:limit] + "…"
    return f"<code>{'<br>'.join(escape(line) for line in shown.splitlines()) or '&#32;'}</code>"


def sentence(text: str) -> str:
    """Return a trusted sentence with its parts in double quotes, which are untrusted names, as code."""
    return "".join(code(part) if number % 2 else escape(part) for number, part in enumerate(text.split('"')))


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; headings and cells are already Markdown."""
    lines = [f"| {' | '.join(headings)} |", f"|{' :--- |' * len(headings)}"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(lines) + "\n"


def link(words: str, address: str) -> str:
    """Return a link with trusted ``words`` to an untrusted ``address``; only the words if it is not a web page."""
    if not address.startswith(("https://", "http://")):
        return escape(words)
    return f"[{escape(words)}](<{quote(address, safe=_IN_ADDRESS)}>)"


def _as_entity(mark: re.Match[str]) -> str:
    return f"&#{ord(mark[0])};{'<!-- -->' if mark[0] == '@' else ''}"
