"""Tables for people (``fancy_outline``) and for grep (``plain``).

A table for people may be given the ``width`` of their terminal. If the table is wider, long names are shortened in
the middle. If that is not enough, each row becomes a block of lines, as in psql (``\\x auto``). Versions, dates and ids
stay whole.

Tables of plain words, which is nearly all of them, are laid out here, and the others by tabulate. With tabulate alone,
``gto history`` takes 1.5× the CPU time at 10 tags, for the import, and 2.5× at 10,000.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gto_ci.render.views import MISSING, Row

NOTHING = "Nothing found in the current workspace"
_WIDER = 2  # tabulate lets a column be wider than its heading by this much, at least
# The columns that may be shortened, refs last, and the least width, at which names can still be told apart.
_SHORTENED = (("name", "artifact", "stage", "author", "change", "note"), ("ref",))
_LEAST = 12

Cells = Sequence[tuple[str, ...]]


def table(rows: Sequence[Row], *, plain: bool = False, width: int = 0) -> str:
    """Return ``rows`` as a table with their keys as headings, ``-`` for what is missing."""
    # as text, and not read as numbers: a commit 82760e4 is not 8.276e+08
    cells = [tuple(MISSING if value is None else str(value) for value in row.values()) for row in rows]
    return lay_out(list(rows[0]) if rows else [], cells, plain=plain, width=width)


def lay_out(headings: Sequence[str], cells: Cells, *, plain: bool = False, width: int = 0) -> str:
    """Return a table of ``cells``, each row as long as ``headings``; a ``width`` of 0 is no limit."""
    if not cells:
        return NOTHING
    distinct = [{heading, *column} for heading, *column in zip(headings, *cells, strict=True)]  # few, in most columns
    widths = [max(len(head) + _WIDER, *map(len, ones)) for head, ones in zip(headings, distinct, strict=True)]
    simple = all(map(_are_simple, distinct))
    excess = sum(widths) + 3 * len(widths) + 1 - width
    if width and excess > 0 and not plain:
        widths = _narrowed(headings, widths, excess)
        if not widths:
            return _blocks(headings, cells)
        cells = [tuple(map(_shortened, row, widths)) for row in cells]
    if simple:
        return _laid_out(headings, cells, widths, plain)
    from tabulate import tabulate  # late: most commands and all machine formats do not need it

    return tabulate(cells, headers=headings, tablefmt="plain" if plain else "fancy_outline", disable_numparse=True)


def _are_simple(cells: Iterable[str]) -> bool:
    """Tell whether each cell is words of ASCII with one space between: the width of such text is its length."""
    text = f" {' '.join(filter(None, cells))} "
    return text.isascii() and text.isprintable() and "  " not in text


def _laid_out(headings: Sequence[str], cells: Cells, widths: Sequence[int], plain: bool) -> str:
    """Return what tabulate makes of simple cells."""
    if plain:
        line = "  ".join(f"%-{width}s" for width in widths)
        return "\n".join([(line % row).rstrip() for row in (tuple(headings), *cells)])
    line = f"│ {' │ '.join(f'%-{width}s' for width in widths)} │"
    bars = ["═" * (width + 2) for width in widths]
    top, middle, bottom = (left + mid.join(bars) + right for left, mid, right in ("╒╤╕", "╞╪╡", "╘╧╛"))
    return "\n".join([top, line % tuple(headings), middle, *[line % row for row in cells], bottom])


def _narrowed(headings: Sequence[str], widths: Sequence[int], excess: int) -> list[int]:
    """Return ``widths`` with ``excess`` taken from the widest columns; empty if that is not possible."""
    found = list(widths)
    for names in _SHORTENED:
        columns = [number for number, heading in enumerate(headings) if heading in names]
        while excess and columns:
            widest = max(columns, key=lambda number: found[number])
            if found[widest] <= _LEAST:
                break
            found[widest] -= 1
            excess -= 1
    return [] if excess else found


def _shortened(text: str, width: int) -> str:
    """Return ``text``, with its middle left out if it is longer than ``width``."""
    if len(text) <= width:
        return text
    end = (width - 1) // 2
    return f"{text[: width - 1 - end]}…{text[-end:]}"


def _blocks(headings: Sequence[str], cells: Cells) -> str:
    """Return each row as lines, each of a heading and a cell."""
    width = max(map(len, headings))
    rows = ("\n".join(f"{head:{width}}  {cell}" for head, cell in zip(headings, row, strict=True)) for row in cells)
    return "\n\n".join(rows)
