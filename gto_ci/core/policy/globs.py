"""Globs on names and on people. ``*`` stands for anything, ``/`` and ``:`` too."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from gto_ci.core.errors import quote


def fits(text: str, globs: Sequence[str]) -> bool:
    """Tell whether ``text`` is as one of ``globs`` has it: ``*``, ``?`` and ``[…]`` are special."""
    return any(fnmatchcase(text, glob) for glob in globs)


def fits_person(text: str, globs: Sequence[str]) -> bool:
    """Tell whether a person's e-mail or name is as one of ``globs`` has it, whatever its case; nobody fits none."""
    return bool(text) and fits(text.lower(), [glob.lower() for glob in globs])


def one_of(names: Sequence[str]) -> str:
    """Return ``names`` as a phrase: ``'a' or 'b'``, and how many more where they are many."""
    return _phrase(names, " or ")


def all_of(names: Sequence[str]) -> str:
    """Return ``names`` as a phrase: ``'a' and 'b'``, and how many more where they are many."""
    return _phrase(names, " and ")


def _phrase(names: Sequence[str], word: str) -> str:
    shown = [quote(name) for name in names[:5]]
    if len(names) > 5:
        shown.append(f"{len(names) - 5} more")
    return word.join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)
