"""Room, render: tables for people (``fancy_outline``) and for grep (``plain``)."""

from __future__ import annotations

from collections.abc import Sequence

from gto_ci.render.views import Row

NOTHING = "Nothing found in the current workspace"


def table(rows: Sequence[Row], *, plain: bool = False) -> str:
    """Return ``rows`` as a table with their keys as headings, ``-`` for what is missing."""
    if not rows:
        return NOTHING
    from tabulate import tabulate  # late: most commands and all machine formats do without it

    return tabulate(
        # as text, and not read as numbers: a commit 82760e4 is not 8.276e+08
        [["-" if value is None else str(value) for value in row.values()] for row in rows],
        headers=list(rows[0]),
        tablefmt="plain" if plain else "fancy_outline",
        disable_numparse=True,
    )
