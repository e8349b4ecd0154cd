"""Markdown in which nobody's text can become markup.

Text from outside has every mark that could mean something written as an entity, and an entity never
starts a Markdown construct; it stands inside ``<code>``, where GitHub looks for no mention (``@team``)
and no issue number. It does look there for e-mail addresses, behind entities too, and makes links of
them, unless a comment stands in one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from urllib.parse import quote

# Every ASCII mark that can begin something within a line, and the dots and colons that make a bare address a link.
# The dots and colons of versions, file names and times mean nothing.
_MARKS = re.compile(r"[!$%&*<>?@\[\\\]^_`|~]|(?i:(?<=www)\.)|(?<!\d):|:(?!\d)")
_IN_ADDRESS = "/:?=&.#%~+,-_"  # what means something in an address; all else is percent-encoded


def escape(text: str) -> str:
    """Return ``text`` such that Markdown shows it as it is; line ends become spaces."""
    printable = "".join(c if c.isprintable() or c.isspace() else "\ufffd" for c in text)
    return _MARKS.sub(_as_entity, " ".join(printable.splitlines()))


def code(text: object, limit: int = 300) -> str:
    """Return ``text`` as code on one line, cut to ``limit`` characters; nothing for nothing."""
    shown = str(text)
    if not shown:
        return ""
    if len(shown) > limit:
        shown = shown[:limit] + "…"
    return f"<code>{'<br>'.join(escape(line) for line in shown.splitlines()) or '&#32;'}</code>"


def sentence(text: str) -> str:
    """Return a sentence of ours, in which strangers' names stand in double quotes, with those as code."""
    return "".join(code(part) if number % 2 else escape(part) for number, part in enumerate(text.split('"')))


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; headings and cells are Markdown already."""
    lines = [f"| {' | '.join(headings)} |", f"|{' :--- |' * len(headings)}"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(lines) + "\n"


def link(words: str, address: str) -> str:
    """Return a link with ``words``, which are ours, to an address that may hold anyone's text; none to no web page."""
    if not address.startswith(("https://", "http://")):
        return escape(words)
    return f"[{escape(words)}](<{quote(address, safe=_IN_ADDRESS)}>)"


def _as_entity(mark: re.Match[str]) -> str:
    return f"&#{ord(mark[0])};{'<!-- -->' if mark[0] == '@' else ''}"
