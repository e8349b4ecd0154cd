"""Comments: the marker line, and when two texts are equal."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gto_ci.platforms.github.comments import COMMENT_LIMIT, CommentTarget, marker, same
from gto_ci.render import summary_page

HOSTILE = [
    "",
    " ",
    "-->",
    "--!><img src=x>",
    "-",
    "--",
    "---",
    "<!--",
    "a\nb",
    "a\r\nb",
    "%2D%2D",
    "*",
    "ü🌱\0",
    "\udc80",
]


class Seen(HTMLParser):
    """Collects what an HTML parser finds in a text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)
        self.close()

    def handle_comment(self, data: str) -> None:
        self.found.append("comment")

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.found.append(tag)

    def handle_data(self, data: str) -> None:
        self.found.append(data)


@given(st.text(st.characters(codec=None)) | st.text("-<>!*% \n"))
@example("x" * 10_000)
@example("-" * 161)
def test_a_header_stays_inside_its_comment_on_its_line(header: str) -> None:
    line = marker(header)
    assert Seen(line).found == ["comment"]
    assert "--" not in line.removeprefix("<!--").removesuffix("-->")
    assert line.isascii()
    assert line.isprintable()
    assert len(line) <= 200


@given(st.lists(st.text("-%*2Da ", max_size=6) | st.sampled_from(HOSTILE), unique=True))
@example(["x" * 200, "x" * 201, "x" * 90 + "y" * 110])
def test_each_header_has_its_own_marker(headers: list[str]) -> None:
    assert len({marker(header) for header in headers}) == len(headers)


def test_a_plain_header_can_be_read() -> None:
    assert marker("gto") == "<!-- gto-ci: gto -->"


def test_the_page_leaves_room_for_the_marker() -> None:
    assert len(marker("x" * 1000)) + len("\n") + summary_page.COMMENT_LIMIT <= COMMENT_LIMIT


@pytest.mark.parametrize(
    ("stored", "same_"),
    [
        ("a\nb", True),
        ("a\r\nb\r\n", True),
        ("\n a\nb ", True),
        ("a\n\nb", False),
        ("ab", False),
        ("", False),
        (None, False),
    ],
)
def test_line_ends_do_not_count(stored: str | None, same_: bool) -> None:
    assert same(stored, "a\nb\n") is same_


def test_a_target_hides_its_token() -> None:
    assert "s3cret" not in repr(CommentTarget("https://api.github.com", "acme/models", "s3cret"))
