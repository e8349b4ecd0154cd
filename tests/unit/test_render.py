"""Tables and pages."""

from __future__ import annotations

import html
import re

from hypothesis import example, given
from hypothesis import strategies as st
from tabulate import tabulate

from gto_ci.render import markdown, table, views
from gto_ci.render import summary_page as page


def test_tables_do_not_read_text_as_numbers() -> None:
    rows = [{"name": "1e5", "commit": "82760e4", "stage": None, "empty": ""}]
    assert table.table(rows, plain=True).split("\n")[1].split() == ["1e5", "82760e4", "-"]
    assert "│ 1e5    │ 82760e4  │ -       │" in table.table(rows)
    assert table.table([]) == "Nothing found in the current workspace"


ASCII = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12)
ANY = st.one_of(
    ASCII, ASCII, st.text(max_size=6), st.sampled_from(["true", "1e5", "-", "a\nb", "\x1b[1mb\x1b[0m", "€"])
)


@given(st.integers(1, 4).flatmap(lambda n: st.lists(st.lists(ANY, min_size=n, max_size=n), min_size=1, max_size=4)))
@example([["a", "b c"], ["longer than its heading", "-"]])
@example([["  a", "b "]])
@example([["", "x"]])
@example([["", ""], ["", "a"]])
@example([[""]])
def test_a_table_is_what_tabulate_makes_of_it(cells: list[list[str]]) -> None:
    """Where cells are simple, we lay them out ourselves."""
    headings = ["name", "#prod", "v", "timestamp"][: len(cells[0])]
    rows = [dict(zip(headings, row, strict=True)) for row in cells]
    for plain, form in ((True, "plain"), (False, "fancy_outline")):
        assert table.table(rows, plain=plain) == tabulate(cells, headers=headings, tablefmt=form, disable_numparse=True)


def test_short_ids() -> None:
    assert views.short_id("a" * 40) == "aaaaaaa"
    assert views.short_id("a" * 64) == "aaaaaaa"
    assert views.short_id("v10.10.10-rc.1") == "v10.10.10-rc.1"


@given(st.text())
@example("https://x.y www.x.y WWW.x mailto:a@b.c :tada: v1.2.3 10:20:30 _i_ *b* ~~s~~ \\")
@example("| x | <img src=x onerror=alert(1)> [a](javascript:b) @org/team #1 `code` **b** &amp; \n\n# h\n```")
def test_no_text_becomes_markup(text: str) -> None:
    shown = markdown.code(text, limit=10_000)
    if not text:
        assert shown == ""
        return
    inner = shown.removeprefix("<code>").removesuffix("</code>").replace("<br>", "").replace("&#64;<!-- -->", "&#64;")
    assert re.fullmatch(r"""(?:[^\W_]|\s|&#[0-9]+;|[-/,"'+=(){};#.:]|[^\x00-\x7f])*""", inner)
    assert "www." not in inner.lower()
    assert not re.search(r"(?<!\d):|:(?!\d)", inner)
    assert "\n" not in shown
    plain = html.unescape(re.sub("<.*?>", "", shown))
    assert [c for c in plain if c.isalnum()] == [c for c in text if c.isalnum()]


def test_a_summary_is_cut_to_its_limit() -> None:
    rows = [{"name": f"artifact-{n}", "latest": "v1.0.0"} for n in range(5000)]
    sections = [
        page.facts({"tag": "m@v1.0.0"}),
        page.warnings(["careful"]),
        page.registry(rows),
    ]
    text = page.compose("title", sections, 100_000)
    assert len(text.encode()) <= 100_000
    assert "more artifacts" in text
    assert text.rstrip().endswith("</details>")
    assert "careful" in text
    assert "more" not in page.compose("t", [page.registry(rows[:3])], 100_000)
