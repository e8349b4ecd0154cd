"""Tables for a terminal of a certain width."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gto_ci.render import table
from gto_ci.render.views import HISTORY

EVENT = ("2024-03-11 11:07:00+01:00", "models/nlp:segment", "assignment", "v1.1.0", "prod", "f102fb8", "x#prod#3")
CELL = st.text("abc-/é", min_size=1, max_size=40)
ROWS = st.integers(1, 5).flatmap(lambda n: st.lists(st.tuples(*[CELL] * n), min_size=1, max_size=4))


def widest(text: str) -> int:
    return max(map(len, text.splitlines()))


def test_a_table_that_fits_is_as_it_is_anywhere() -> None:
    usual = table.lay_out(HISTORY, [EVENT])
    for width in (0, widest(usual), 500):
        assert table.lay_out(HISTORY, [EVENT], width=width) == usual
    assert table.lay_out(HISTORY, [EVENT], plain=True, width=20) == table.lay_out(HISTORY, [EVENT], plain=True)


def test_names_are_shortened_first_and_in_the_middle() -> None:
    usual = widest(table.lay_out(HISTORY, [EVENT]))
    narrow = table.lay_out(HISTORY, [EVENT], width=usual - 4)
    assert widest(narrow) == usual - 4
    assert "│ models/…egment │" in narrow
    assert all(cell in narrow for cell in (*EVENT[:1], *EVENT[2:]))


def test_refs_are_shortened_when_all_else_is() -> None:
    row = (*EVENT[:6], "models/nlp=segment#prod#3")
    usual = widest(table.lay_out(HISTORY, [row]))
    narrow = table.lay_out(HISTORY, [row], width=usual - 10)
    assert "│ models…gment │" in narrow
    assert "│ models/nlp…ent#prod#3 │" in narrow
    assert all(cell in narrow for cell in (row[0], *row[2:6]))


def test_where_that_is_not_enough_each_row_is_a_block() -> None:
    assert table.lay_out(("name", "latest"), [("a" * 30, "v1.0.0"), ("b", "-")], width=20) == (
        f"name    {'a' * 30}\nlatest  v1.0.0\n\nname    b\nlatest  -"
    )
    blocks = table.lay_out(HISTORY, [EVENT, EVENT], width=60)
    assert blocks.split("\n\n")[0] == blocks.split("\n\n")[1]
    assert [tuple(line.split(None, 1)) for line in blocks.splitlines()[:7]] == [*zip(HISTORY, EVENT, strict=True)]


@given(ROWS, st.integers(1, 120))
def test_it_fits_or_nothing_is_left_out(cells: list[tuple[str, ...]], width: int) -> None:
    headings = ("artifact", "version", "note", "ref", "#prod")[: len(cells[0])]
    shown = table.lay_out(headings, cells, width=width)
    if shown.startswith("╒"):
        assert widest(shown) <= width
        rows = [line.strip("│").split("│") for line in shown.splitlines() if line.startswith("│")][1:]
        for row, cell in zip(rows, cells, strict=True):
            for heading, short, whole in zip(headings, map(str.strip, row), cell, strict=True):
                start, _, end = short.partition("…")
                assert short == whole or (whole.startswith(start) and whole.endswith(end) and len(short) < len(whole))
                assert short == whole or (heading in ("artifact", "note", "ref") and len(short) >= 12)
    else:
        assert [line.split(None, 1)[1] for line in shown.splitlines() if line] == [
            cell for row in cells for cell in row
        ]


@pytest.mark.parametrize("width", range(12, 30))
def test_a_text_is_shortened_to_what_is_asked(width: int) -> None:
    shown = table.lay_out(("artifact",), [("0123456789" * 3,)], width=width + 4)
    assert widest(shown) == width + 4
    assert ("…" in shown) is (width < 30)
