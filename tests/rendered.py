"""Markdown as GitHub shows it: through GitHub's own renderer (its fork of cmark), read back as what a reader sees.

    page = Rendered(comment.body)
    page.is_ours()
    assert page.tables[0][1] == ["churn", "v1.0.0"]

What GitHub does to the page after that is here as far as it could be abused: it looks for mentions, issue numbers,
commit ids and emoji in text that is neither code nor a link (`loose`), and a text in there is not to hold any.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

import cmarkgfm
from cmarkgfm.cmark import Options

OURS = {
    *("h3", "h4", "p", "strong", "a", "code", "br", "blockquote", "details", "summary"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}
# "Basic writing and formatting syntax" and "Autolinked references and URLs" of GitHub's documentation
_LIVE = re.compile(r"(?<!\w)@\w|\w*#\d|\bGH-\d|\b[0-9a-f]{7,40}\b|:\w+:|https?://|www\.", re.IGNORECASE)

# Texts that want to be more than text on such a page; those that are for the runner are in tests/e2e/test_hostile.py.
HOSTILE = [
    "</code></td></tr></table></details><script>alert(1)</script><img src=x onerror=alert(1)>",
    "<!-- --><a href='javascript:alert(1)'>x</a><!--",
    "--><b>bold</b>",
    "@acme/everyone @octocat, and octo@example.com, mailto:octo@example.com xmpp:octo@example.com/x",
    "#1 acme/models#1 GH-1 octocat#2 0123456789abcdef0123456789abcdef01234567",
    "https://pwned.example http://pwned.example www.pwned.example WWW.PWNED.EXAMPLE",
    "ftp://pwned.example //pwned.example",
    "[x](http://pwned.example) ![x](http://pwned.example/x.png) [x][y] <http://pwned.example> [^1]\n[y]: http://pwned.example",
    "a | b \\| c \\\\| d || |",
    "| x |\n| --- |\n| y |",
    "# heading\n## heading\n> quote\n- item\n1. item\n\n---\n===\n    code\n```\nfence\n~~~\nfence",
    "`code` ``code`` ```code``` ` `` *b* **b** _i_ __b__ ~~s~~ ~s~ \\* &lt; &#64; &nbsp; $x$ $$x$$",
    ":tada: :+1: :octocat:",
    "- [ ] task\n- [x] done",
    "::error::pwned\n##[error]pwned",
    "x\r\ny\rz\x0bw\x0cv\x85u\u2028t\u2029s",
    "  two  spaces, and\ttabs  ",
    "модель 模型 🚀 é",
    "'\"'\"'\\'\\\"",
    "<details><summary>x",
    "&#60;script&#62;",
]


class Rendered(HTMLParser):
    """`tables` are lists of rows of cells, `links` pairs of address and words; in all texts `<br>` is a line feed."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[tuple[str, str]] = []
        self.tables: list[list[list[str]]] = []
        self.codes: list[str] = []
        self.loose: list[str] = []
        self.text = ""
        self._open: list[str] = []
        # "unsafe" leaves in what GitHub would then take out: what is not there needs nobody to take it out
        self.feed(cmarkgfm.github_flavored_markdown_to_html(markdown, Options.CMARK_OPT_UNSAFE))
        self.close()
        assert not self._open, f"never closed: {self._open}"

    def is_ours(self, *addresses: str) -> None:
        """Nothing in it is anybody else's markup: tags, attributes, addresses of links, references."""
        assert self.tags <= OURS
        assert self.attributes <= {"href", "align", "style"}
        assert [address for address, _ in self.links if not address.startswith(addresses or ("\0",))] == []
        assert [text for text in self.loose if _LIVE.search(text)] == []
        assert {len(row) - len(table[0]) for table in self.tables for row in table} <= {0}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)
        if tag == "br":
            self.handle_data("\n")
            return
        self._open.append(tag)
        if tag == "a":
            self.links.append((dict(attrs).get("href") or "", ""))
        elif tag == "code":
            self.codes.append("")
        elif tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag == "br", tag
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        self.text += data
        if "a" in self._open:
            address, before = self.links[-1]
            self.links[-1] = (address, before + data)
        if "code" in self._open:
            self.codes[-1] += data
        if not {"a", "code"} & set(self._open):
            self.loose.append(data)
        if {"td", "th"} & set(self._open):
            self.tables[-1][-1][-1] += data


def words(text: str) -> list[str]:
    """The words of a text as a page shows them: HTML makes nothing of white space, and we show what cannot be seen."""
    return "".join(c if c.isprintable() or c.isspace() else "\ufffd" for c in text).split()
