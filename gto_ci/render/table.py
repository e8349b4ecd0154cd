"""Room, render: tables for people (``fancy_outline``) and for grep (``plain``)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gto_ci.render.views import MISSING, Row

NOTHING = "Nothing found in the current workspace"
_WIDER = 2  # tabulate lets a column be wider than its heading by this much, at least


def table(rows: Sequence[Row], *, plain: bool = False) -> str:
    """Return ``rows`` as a table with their keys as headings, ``-`` for what is missing."""
    # as text, and not read as numbers: a commit 82760e4 is not 8.276e+08
    cells = [tuple(MISSING if value is None else str(value) for value in row.values()) for row in rows]
    return lay_out(list(rows[0]) if rows else [], cells, plain=plain)


def lay_out(headings: Sequence[str], cells: Sequence[tuple[str, ...]], *, plain: bool = False) -> str:
    """Return a table of ``cells``, each row as long as ``headings``."""
    if not cells:
        return NOTHING
    distinct = [{heading, *column} for heading, *column in zip(headings, *cells, strict=True)]  # few, in most columns
    if all(map(_are_simple, distinct)):
        return _laid_out(headings, cells, distinct, plain)
    from tabulate import tabulate  # late: most commands and all machine formats do without it

    return tabulate(cells, headers=headings, tablefmt="plain" if plain else "fancy_outline", disable_numparse=True)


def _are_simple(cells: Iterable[str]) -> bool:
    """Whether each cell is words of ASCII with one space between, or none: tabulate would not look twice at any."""
    text = f" {' '.join(filter(None, cells))} "
    return text.isascii() and text.isprintable() and "  " not in text


def _laid_out(
    headings: Sequence[str], cells: Sequence[tuple[str, ...]], distinct: Sequence[Iterable[str]], plain: bool
) -> str:
    """What tabulate makes of simple cells, in a tenth of its time; a journal has tens of thousands of rows."""
    widths = [max(len(head) + _WIDER, *map(len, ones)) for head, ones in zip(headings, distinct, strict=True)]
    if plain:
        line = "  ".join(f"%-{width}s" for width in widths)
        return "\n".join([(line % row).rstrip() for row in (tuple(headings), *cells)])
    line = f"│ {' │ '.join(f'%-{width}s' for width in widths)} │"
    bars = ["═" * (width + 2) for width in widths]
    top, middle, bottom = (left + mid.join(bars) + right for left, mid, right in ("╒╤╕", "╞╪╡", "╘╧╛"))
    return "\n".join([top, line % tuple(headings), middle, *[line % row for row in cells], bottom])
