"""Pieces of Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable


def fenced(text: str, language: str) -> str:
    """Return a block of code, or of a directive."""
    return f"````{language}\n{text.rstrip()}\n````\n"


def prose(text: str) -> str:
    """Return Markdown that shows ``text`` as it stands, on one line; options such as ``--stage`` as code."""
    escaped = re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", " ".join(text.split()))
    return re.sub(r"(?<![\w-])--[a-z][a-z-]*\b", r"`\g<0>`", escaped)


def definitions(pairs: Iterable[tuple[str, str]]) -> str:
    """Return a list of definitions; the terms are code."""
    return "".join(f"`{term}`\n: {meaning or '–'}\n\n" for term, meaning in pairs)
