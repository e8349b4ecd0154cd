"""The picture of a terminal in the documents, light and dark: real commands, run in the example registry.

``python -m tests.terminal --write`` makes it anew; without ``--write`` the exit code tells whether it is up to date
(``tests/test_readme.py`` does the same).
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from tests.readme_tables import PROJECT, example_registry, transcript

COMMANDS = (
    "gto register churn --bump-minor --push",
    "gto assign churn --stage prod --push",
    "gto show",
    'git ghost push -m "normalised features"',
)
_FONT, _LINE, _CHARACTER, _MARGIN = 14, 20, 8.4, 18
_BAR = 34  # pixels of the window's own bar


@dataclass(frozen=True)
class Theme:
    """Colours: of the window and its edge, of what is typed and what is printed."""

    name: str
    window: str
    edge: str
    typed: str
    printed: str
    prompt: str

    @property
    def file(self) -> Path:
        return PROJECT / f"docs/images/terminal-{self.name}.svg"


THEMES = (
    Theme("light", "#ffffff", "#d0d7de", "#1f2328", "#424a53", "#1a7f37"),
    Theme("dark", "#0d1117", "#3d444d", "#f0f6fc", "#c9d1d9", "#3fb950"),
)


def pictures() -> dict[Path, str]:
    """Run the commands, and return each picture's content by its file."""
    with tempfile.TemporaryDirectory() as folder:
        registry = example_registry(Path(folder, "registry"))
        registry.git("init", "--quiet", "--bare", "../remote.git")
        registry.git("remote", "add", "origin", "../remote.git")
        registry.git("commit", "--quiet", "--allow-empty", "-m", "Train on all data")
        registry.git("push", "--quiet", "--tags", "origin", "HEAD")
        lines = transcript(COMMANDS, registry, GTO_EMOJIS="false").splitlines()
    return {theme.file: draw(lines, theme) for theme in THEMES}


def draw(lines: Sequence[str], theme: Theme) -> str:
    """Return an SVG of a terminal that shows ``lines``; those that begin with ``$`` were typed."""
    width = round(max(map(len, lines)) * _CHARACTER) + 2 * _MARGIN
    height = _BAR + len(lines) * _LINE + _MARGIN
    dots = "".join(
        f'<circle cx="{_MARGIN + 6 + 20 * number}" cy="{_BAR // 2}" r="6" fill="{colour}"/>\n'
        for number, colour in enumerate(("#ff5f57", "#febc2e", "#28c840"))
    )
    text = "".join(_line(line, _BAR + (number + 1) * _LINE - 5, theme) for number, line in enumerate(lines))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        f' role="img" aria-label="gto and git ghost in a terminal">\n'
        f'<rect x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8" fill="{theme.window}"'
        f' stroke="{theme.edge}"/>\n{dots}'
        f'<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="{_FONT}"'
        f' fill="{theme.printed}">\n{text}</g>\n</svg>\n'
    )


def _line(line: str, y: int, theme: Theme) -> str:
    if not line:
        return ""
    # whatever font there is, columns stand below each other
    length = f'textLength="{len(line) * _CHARACTER:.1f}" lengthAdjust="spacingAndGlyphs"'
    shown = escape(line).replace(" ", "\N{NO-BREAK SPACE}")
    if line.startswith("$ "):
        prompt, typed = shown[:1], shown[1:]
        shown = f'<tspan fill="{theme.prompt}">{prompt}</tspan><tspan fill="{theme.typed}">{typed}</tspan>'
    return f'<text x="{_MARGIN}" y="{y}" {length}>{shown}</text>\n'


def main(arguments: Sequence[str]) -> int:
    """Check, or with ``--write`` make, the pictures; return the exit code."""
    if [*arguments] not in ([], ["--write"]):
        print("usage: python -m tests.terminal [--write]", file=sys.stderr)
        return 2
    made = pictures()
    if not arguments:
        old = [file for file, picture in made.items() if not file.exists() or file.read_text("utf-8") != picture]
        print("".join(f"{file.name} is not up to date: python -m tests.terminal --write\n" for file in old), end="")
        return 1 if old else 0
    for file, picture in made.items():
        file.parent.mkdir(exist_ok=True)
        file.write_text(picture, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
