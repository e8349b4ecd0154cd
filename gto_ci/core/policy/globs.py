"""Globs on names and people. ``*`` matches any text, including ``/`` and ``:``."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from gto_ci.core.errors import quote


def fits(text: str, globs: Sequence[str]) -> bool:
    """Return whether ``text`` matches one of ``globs``, in which ``*``, ``?`` and ``[…]`` are special."""
    return any(fnmatchcase(text, glob) for glob in globs)


def fits_person(text: str, globs: Sequence[str]) -> bool:
    """Return whether a person's email or name matches one of ``globs``, ignoring case. Empty text never matches."""
    return bool(text) and fits(text.lower(), [glob.lower() for glob in globs])


def one_of(names: Sequence[str]) -> str:
    """Return ``names`` as a phrase: ``'a' or 'b'``. Of more than five names, the rest are counted."""
    return _phrase(names, " or ")


def all_of(names: Sequence[str]) -> str:
    """Return ``names`` as a phrase: ``'a' and 'b'``. Of more than five names, the rest are counted."""
    return _phrase(names, " and ")


def _phrase(names: Sequence[str], word: str) -> str:
    shown = [quote(name) for name in names[:5]]
    if len(names) > 5:
        shown.append(f"{len(names) - 5} more")
    return word.join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)
