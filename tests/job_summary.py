"""The picture of a job summary in the README, light and dark: the action runs in the README's project.

``python -m tests.job_summary --write`` draws it anew. Without ``--write`` the exit code tells whether it is up to date
(``tests/test_readme.py`` checks the same).
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

import cmarkgfm
from cmarkgfm.cmark import Options

from tests.jobs import FakeRunner
from tests.readme_tables import PROJECT, README, new_project, transcript
from tests.workdir import WorkDir

TAG = "churn#prod#1"
_MARGIN, _LINE, _PADDING = 24, 22, 12
_WIDEST = 560  # of a cell, in pixels; GitHub breaks longer lines too
_SANS = "-apple-system, 'Segoe UI', 'Noto Sans', Helvetica, Arial, sans-serif"
_MONO = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'Liberation Mono', monospace"
# widths of the characters from space to ~ in Helvetica, in thousandths of the size of the font
_WIDTHS = (
    "278 278 355 556 556 889 667 191 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 556 556 556 278 278 "
    "584 584 584 556 1015 667 667 722 722 667 611 778 722 278 500 667 556 833 722 778 667 778 722 667 611 722 667 944 "
    "667 667 611 278 278 278 469 556 333 556 556 500 556 556 278 556 556 222 222 500 222 833 556 556 556 556 333 500 "
    "278 556 500 722 500 500 500 334 260 334 584"
)
_ADVANCES = dict(zip(map(chr, range(32, 127)), map(int, _WIDTHS.split()), strict=True))


@dataclass(frozen=True)
class Theme:
    """Colours of the page, of lines, of text, and of what is behind code."""

    name: str
    page: str
    edge: str
    text: str
    code: str
    stripe: str

    @property
    def file(self) -> Path:
        return PROJECT / f"docs/images/summary-{self.name}.svg"


THEMES = (
    Theme("light", "#ffffff", "#d0d7de", "#1f2328", "#eff1f3", "#f6f8fa"),
    Theme("dark", "#0d1117", "#3d444d", "#f0f6fc", "#2a313c", "#151b23"),
)


class Run(NamedTuple):
    """Text of one style: plain, bold or code."""

    text: str
    style: str

    def width(self, size: float) -> float:
        if self.style == "code":
            return len(self.text) * size * 0.85 * 0.6 + 8
        wide = 1.07 if self.style == "bold" else 1.0
        return sum(_ADVANCES.get(one, 1250 if ord(one) > 0x2700 else 1000) for one in self.text) * size / 1000 * wide


Lines = list[list[Run]]


@dataclass
class Block:
    """A heading (h3, h4), a paragraph (p), a folded section (summary), or a table."""

    kind: str
    lines: Lines = field(default_factory=lambda: [[]])
    rows: list[list[Lines]] = field(default_factory=list)


class Blocks(HTMLParser):
    """The blocks of a page, without what is folded."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.blocks: list[Block] = []
        self._style, self._open, self._folded = "plain", "", False
        self.feed(cmarkgfm.github_flavored_markdown_to_html(markdown, Options.CMARK_OPT_UNSAFE))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._folded:
            return
        if tag in ("h3", "h4", "p", "summary", "table"):
            self.blocks.append(Block(tag))
            self._open = tag
        elif tag == "tr":
            self.blocks[-1].rows.append([])
        elif tag in ("td", "th"):
            self.blocks[-1].rows[-1].append([[]])
            self._open = tag
            self._style = "bold" if tag == "th" else "plain"
        elif tag in ("code", "strong"):
            self._style = "code" if tag == "code" else "bold"
        elif tag == "br":
            self._lines.append([])

    def handle_endtag(self, tag: str) -> None:
        if tag in ("code", "strong"):
            self._style = "bold" if self._open in ("th", "h3", "h4") else "plain"
        elif tag in ("td", "th", "h3", "h4", "p"):
            self._open, self._style = "", "plain"
        elif tag == "summary":
            self._open, self._folded = "", True
        elif tag == "details":
            self._folded = False

    def handle_data(self, data: str) -> None:
        if self._open and not self._folded and data.strip("\n"):
            style = "bold" if self._open in ("h3", "h4") and self._style == "plain" else self._style
            line = self._lines[-1]
            before = line.pop().text if line and line[-1].style == style else ""
            line.append(Run(before + data, style))

    @property
    def _lines(self) -> Lines:
        block = self.blocks[-1]
        return block.rows[-1][-1] if block.kind == "table" else block.lines


def pictures() -> dict[Path, str]:
    """Run the job, and return each picture's content by its file."""
    blocks = Blocks(summary()).blocks
    return {theme.file: draw(blocks, theme) for theme in THEMES}


def summary() -> str:
    """Return the summary of the job that the README's commands start, with the README's policy."""
    readme = README.read_text(encoding="utf-8")
    (policy,) = re.findall(r"^```yaml\n(# \.gto-policy\.yaml\n.*?)^```$", readme, re.DOTALL | re.MULTILINE)
    with tempfile.TemporaryDirectory() as folder:
        project = new_project(Path(folder, "registry"))
        project.write(".gto-policy.yaml", policy)
        project.git("add", ".gto-policy.yaml")
        project.git("commit", "--quiet", "-m", "Protect prod")
        project.git("push", "--quiet", "origin", "main")
        project.now += 60
        transcript(re.findall(r"^\$ (gto .*)$", readme, re.MULTILINE), project)
        workspace = WorkDir(Path(folder, "workspace"))
        project.git("clone", "--quiet", "../hub.git", str(workspace.path))
        workspace.git("checkout", "--quiet", "--detach", TAG)
        ran = FakeRunner(workspace.path, Path(folder, "temp")).run("push", f"refs/tags/{TAG}", workspace.head)
    return ran.summary


def draw(blocks: Sequence[Block], theme: Theme) -> str:
    """Return an SVG that shows ``blocks`` as GitHub shows them."""
    parts: list[str] = []
    y, width = float(_MARGIN), 0.0
    for block in blocks:
        if block.kind == "table":
            drawn, wide, high = _table(block.rows, y, theme)
        else:
            size = {"h3": 20, "h4": 16}.get(block.kind, 14)
            lines = [[Run("▸ ", "plain"), *line] for line in block.lines] if block.kind == "summary" else block.lines
            drawn, wide, high = _text(lines, _MARGIN, y, size, theme)
        parts.append(drawn)
        width, y = max(width, wide), y + high + 16
    right, bottom = round(width) + 2 * _MARGIN, round(y) + _MARGIN - 16
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {right} {bottom}" width="{right}" height="{bottom}"'
        f' role="img" aria-label="The summary of a job">\n'
        f'<rect x="0.5" y="0.5" width="{right - 1}" height="{bottom - 1}" rx="6" fill="{theme.page}"'
        f' stroke="{theme.edge}"/>\n<g font-family="{_SANS}" fill="{theme.text}">\n{"".join(parts)}</g>\n</svg>\n'
    )


def _table(rows: Sequence[Sequence[Lines]], top: float, theme: Theme) -> tuple[str, float, float]:
    rows = [[[part for line in cell for part in _broken(line)] for cell in row] for row in rows]
    wide = [max(max(_width(line, 14) for line in cell) for cell in column) + 2 * _PADDING for column in _columns(rows)]
    high = [max(len(cell) for cell in row) * _LINE + 2 * 7 for row in rows]
    parts, y = [], top
    for number, row in enumerate(rows):
        x = float(_MARGIN)
        fill = theme.stripe if number and number % 2 == 0 else "none"
        for cell, width in zip(row, wide, strict=True):
            parts.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{high[number]}" fill="{fill}"'
                f' stroke="{theme.edge}"/>\n'
            )
            parts.append(_text(cell, x + _PADDING, y + 7, 14, theme)[0])
            x += width
        y += high[number]
    return "".join(parts), sum(wide), y - top


def _broken(line: Sequence[Run]) -> Lines:
    """``line`` as lines that are not wider than a cell may be; broken between words."""
    if _width(line, 14) <= _WIDEST:
        return [[*line]]
    lines: Lines = [[]]
    for run in line:
        for word in re.findall(r"\S+\s*|\s+", run.text):
            last = lines[-1][-1] if lines[-1] else Run("", "")
            if last.style == run.style and _width([*lines[-1][:-1], Run(last.text + word, run.style)], 14) <= _WIDEST:
                lines[-1][-1] = Run(last.text + word, run.style)
            elif last.style != run.style and _width([*lines[-1], Run(word, run.style)], 14) <= _WIDEST:
                lines[-1].append(Run(word, run.style))
            else:
                lines.append([Run(word, run.style)])
    return [[Run(run.text.rstrip() if run is one[-1] else run.text, run.style) for run in one] for one in lines]


def _columns(rows: Sequence[Sequence[Lines]]) -> Iterator[tuple[Lines, ...]]:
    return zip(*rows, strict=True)


def _width(line: Sequence[Run], size: float) -> float:
    return sum(run.width(size) for run in line)


def _text(lines: Lines, left: float, top: float, size: float, theme: Theme) -> tuple[str, float, float]:
    high = max(_LINE, size * 1.4)
    parts = []
    for number, line in enumerate(lines):
        x, y = left, top + number * high + high / 2 + size * 0.35
        for run in line:
            parts.append(_run(run, x, y, size, theme))
            x += run.width(size)
    return "".join(parts), max(_width(line, size) for line in lines), len(lines) * high


def _run(run: Run, x: float, y: float, size: float, theme: Theme) -> str:
    """A run of text, as wide as the layout expects, whatever font there is."""
    width = run.width(size)
    shown = escape(run.text).replace(" ", "\N{NO-BREAK SPACE}")
    if run.style != "code":
        weight = ' font-weight="600"' if run.style == "bold" else ""
        length = f'textLength="{width:.1f}" lengthAdjust="spacingAndGlyphs"'
        return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}"{weight} {length}>{shown}</text>\n'
    size *= 0.85
    return (
        f'<rect x="{x:.1f}" y="{y - size * 1.1:.1f}" width="{width:.1f}" height="{size * 1.5:.1f}" rx="4"'
        f' fill="{theme.code}"/>\n'
        f'<text x="{x + 4:.1f}" y="{y:.1f}" font-family="{_MONO}" font-size="{size:.1f}"'
        f' textLength="{width - 8:.1f}" lengthAdjust="spacingAndGlyphs">{shown}</text>\n'
    )


def main(arguments: Sequence[str]) -> int:
    """Check, or with ``--write`` draw, the pictures; return the exit code."""
    if [*arguments] not in ([], ["--write"]):
        print("usage: python -m tests.job_summary [--write]", file=sys.stderr)
        return 2
    old = 0
    for file, picture in pictures().items():
        if not file.exists() or file.read_text(encoding="utf-8") != picture:
            old += 1
            print(f"{file.relative_to(PROJECT)} was not up to date", file=sys.stderr)
            if arguments:
                file.write_text(picture, encoding="utf-8")
    return 1 if old and not arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
