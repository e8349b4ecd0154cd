"""Summaries and comments: their limits, and other people's text in them, as GitHub's own renderer shows it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gto_ci.core.policy import Finding
from gto_ci.files.annotations import Annotation, ArtifactChange
from gto_ci.git.worktree.sandbox import LineCounts
from gto_ci.render import markdown
from gto_ci.render import summary_page as page
from tests.e2e.test_hostile import DESCRIPTIONS, MESSAGES, RAW_MESSAGES, TAGGERS
from tests.rendered import HOSTILE, Rendered, words

RUN = "https://github.com/acme/models/actions/runs/1"
REST = f"\nMore is in [the summary](<{RUN}>).\n"

# and what was made for the outputs and the log; a section cuts what is longer
TEXTS = [
    *HOSTILE,
    *(text for text in (*MESSAGES.values(), *DESCRIPTIONS.values()) if isinstance(text, str) and len(text) < 300),
    *(text for tagger in TAGGERS.values() for text in (tagger.name, tagger.email)),
]

# the others: too long to be shown whole, or no text; git's bytes become text as the events' readers have it
LARGE_OR_BROKEN = [
    *(text for text in (*MESSAGES.values(), *DESCRIPTIONS.values()) if isinstance(text, str) and len(text) >= 300),
    *(text.decode(errors="replace") if isinstance(text, bytes) else text for text in RAW_MESSAGES.values()),
    *("@acme/everyone #1 </code><b>" * 40_000, "\n" * 100_000, "x\ud800\udcff\x00y", "|" * 1_000_000),
]


def finding(text: str, passed: bool | None = False) -> Finding:
    return Finding(text, "after", passed, text, text)


def note(text: str) -> Annotation:
    return Annotation(type=text, path=text, description=text)


# Each section with a text of a stranger in each of its places, and how often that text is then to be seen.
SECTIONS: dict[str, tuple[Callable[[str], page.Section], int]] = {
    "facts": (
        lambda text: page.facts({name: text for name, _ in page._FACTS}),
        len(page._FACTS),
    ),
    "warnings": (lambda text: page.warnings([text, text]), 2),
    "gate": (lambda text: page.gate([finding(text), finding(text, True)], text), 7),
    "ghost": (
        lambda text: page.ghost(text, [LineCounts(text, 1, 2), LineCounts(text, None, None)], [text, text]),
        5,
    ),
    "pulled": (lambda text: page.pulled(text, "1 kB", 2), 1),
    "registry": (
        lambda text: page.registry([{text: text, f"{text} ": text}, {text: text, f"{text} ": text}]),
        6,
    ),
    "changes": (lambda text: page.changes([ArtifactChange(text, "changed", (text, text), note(text))]), 3),
    "outlook": (
        lambda text: page.forecasts([page.GateForecast(text, text, [finding(text), finding(text, None)])], text),
        5,
    ),
}


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: ascii(text)[:40])
def test_a_strangers_text_stays_in_its_place(text: str) -> None:
    cut = text[:60] + "…" * (len(text) > 60)  # as names of rules are
    for name, (make, places) in SECTIONS.items():
        usual, hostile = (Rendered(page.compose("t", [make(each)], 100_000)) for each in ("usual", text))
        hostile.is_ours()
        assert hostile.tags - {"br"} == usual.tags - {"br"}, name
        assert [[*map(len, table)] for table in hostile.tables] == [[*map(len, table)] for table in usual.tables], name
        assert hostile.loose == usual.loose, name
        assert len([code for code in hostile.codes if words(code) in (words(text), words(cut))]) == places, name


@pytest.mark.parametrize("text", LARGE_OR_BROKEN, ids=lambda text: ascii(text)[:40])
def test_what_is_large_or_no_text_is_cut_and_stays_in_its_place(text: str) -> None:
    for name, (make, _) in SECTIONS.items():
        usual = Rendered(page.compose("t", [make("usual")], 100_000))
        composed = page.compose("t", [make(text)], page.COMMENT_LIMIT)
        hostile = Rendered(composed.encode(errors="replace").decode())  # as it is sent
        hostile.is_ours()
        assert hostile.tags - {"br"} == usual.tags - {"br"}, name
        assert hostile.loose == usual.loose, name
        assert len(composed) <= page.COMMENT_LIMIT


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: ascii(text)[:40])
def test_a_failure(text: str) -> None:
    shows = Rendered(page.failure(text, text))
    shows.is_ours()
    assert shows.tags <= {"h3", "p", "code", "br"}
    assert [words(code) for code in shows.codes] == [words(text)] * 2


@pytest.mark.parametrize("text", [text for text in TEXTS if '"' not in text], ids=lambda text: ascii(text)[:40])
def test_a_title(text: str) -> None:
    shows = Rendered(page.compose(f'❌ Version "{text}" of "{text}"', [], 100_000))
    shows.is_ours()
    assert shows.tags - {"br"} == {"h3", "code"}
    assert [words(code) for code in shows.codes] == [words(text)] * 2


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: ascii(text)[:40])
def test_a_link(text: str) -> None:
    shows = Rendered(markdown.link("The tag", f"https://github.com/acme/models/tree/{text}"))
    assert shows.tags == {"p", "a"}
    ((address, said),) = shows.links
    assert address.startswith("https://github.com/acme/models/tree/")
    assert said == "The tag"


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html,x", "", "//pwned.example", " https://x.y"])
def test_no_link_to_what_is_no_page(address: str) -> None:
    assert Rendered(markdown.link("The tag", address)).links == []


@given(st.text(max_size=200))
@example("a@b.co c@d.ef")
@example("mailto:a@b.co")
@example("\x1f\x1e\x00")
def test_any_text_is_one_code_and_reads_as_it_is(text: str) -> None:
    for made in (markdown.code(text), markdown.table(["a", "b"], [[markdown.code(text), "x"]])):
        shows = Rendered(made)
        shows.is_ours()
        if text:
            (code,) = shows.codes
            assert words(code) == words(text)


# Limits


def many(number: int, text: str = "x" * 200) -> list[page.Section]:
    return [
        page.gate([finding(f"{text} {n}") for n in range(number)], ""),
        page.links([("This run", RUN)]),
    ]


@pytest.mark.parametrize("text", ["x" * 200, "@" * 200, "|" * 200, "\N{GRINNING FACE}" * 200, "\udcff" * 200])
def test_a_comment_keeps_to_its_limit_and_says_where_the_rest_is(text: str) -> None:
    body = page.compose("t", many(500, text), page.COMMENT_LIMIT, REST)
    assert page.COMMENT_LIMIT * 0.9 < len(body.encode(errors="replace")) <= page.COMMENT_LIMIT
    shows = Rendered(body.encode(errors="replace").decode())
    shows.is_ours(RUN)
    assert (RUN, "the summary") in shows.links
    rows = len(shows.tables[0]) - 1
    assert rows > 5
    assert f"… and {500 - rows} more checks." in shows.text


def test_what_fits_is_whole_and_speaks_of_no_rest() -> None:
    body = page.compose("t", many(20), page.COMMENT_LIMIT, REST)
    shows = Rendered(body)
    assert len(shows.tables[0]) == 21
    assert shows.links == [(RUN, "This run")]


def test_the_first_sections_come_first_and_one_too_large_leaves_room_for_the_next() -> None:
    large = lambda room: "x" * 70_000  # noqa: E731 - a section that does not cut itself
    body = page.compose("t", [large, page.pulled("data", "1 kB", 1)], page.COMMENT_LIMIT, REST)
    assert "xx" not in body
    assert "Pulled" in body
    assert "the summary" in body


@settings(max_examples=30)
@given(st.integers(0, 60), st.integers(800, 20_000))
def test_no_page_is_over_its_limit(number: int, limit: int) -> None:
    rows = [{"name": f"a{n}", "latest": "v1.0.0"} for n in range(number)]
    sections = [*many(number), page.warnings(["careful"] * number), page.registry(rows)]
    assert len(page.compose("t", sections, limit, REST).encode()) <= limit


def test_what_failed_stands_first() -> None:
    findings = [Finding(f"rule {n}", "after", passed, "x") for n, passed in enumerate([True, None, False])]
    ((_, *rows),) = Rendered(page.compose("t", [page.gate(findings, "")], 10_000)).tables
    assert [row[:2] for row in rows] == [["❌", "rule 2"], ["✅", "rule 0"], ["⏳", "rule 1"]]


def test_long_values_are_cut() -> None:
    shows = Rendered(page.compose("t", [page.facts({"message": "m" * 100_000, "labels": "[]"})], 10_000))
    assert shows.tables == [[["Message", "m" * 300 + "…"]]]
