"""Room, render: the page that a job leaves behind, its summary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gto_ci.render.markdown import code, escape, table
from gto_ci.render.views import Row, short_id

_FACTS = (
    ("tag", "Tag"),
    ("commit", "Commit"),
    ("author", "Tagger"),
    ("created-at", "Date"),
    ("message", "Message"),
    ("previous-version", "Previous version"),
    ("is-latest", "Greatest version"),
    ("is-current", "Still current"),
    ("type", "Type"),
    ("path", "Path"),
    ("description", "Description"),
    ("labels", "Labels"),
)
_LIMIT = 900_000  # of the 1 MiB that GitHub takes from one step


def summary(
    title: str, outputs: Mapping[str, str], rows: Sequence[Row], warnings: Sequence[str], limit: int = _LIMIT
) -> str:
    """Return the summary: what happened, the facts, and the registry, within ``limit`` bytes.

    ``title`` and all values may be anyone's text.
    """
    parts = [f"### {escape(title)}\n"]
    facts = [
        (f"**{label}**", code(outputs[name])) for name, label in _FACTS if outputs.get(name) and outputs[name] != "[]"
    ]
    if facts:
        parts.append(table(facts[0], facts[1:]))
    parts += [f"> [!WARNING]\n> {code(warning)}\n" for warning in warnings]
    if rows:
        parts.append(
            "<details><summary>The registry</summary>\n\n"
            + _registry(rows, limit - _size(parts) - 1000)
            + "\n</details>\n"
        )
    return "\n".join(parts) + "\n"


def failure(cause: str, next_step: str) -> str:
    """Return the summary of a step that failed: what was wrong, and what to do."""
    lines = [code(text, 1000) for text in (cause, next_step) if text]
    return "### ❌ The GTO action failed\n\n" + "\n\n".join(lines) + "\n\n"


def _registry(rows: Sequence[Row], room: int) -> str:
    headings = [escape(heading) for heading in rows[0]]
    shown: list[list[str]] = []
    for row in rows:
        cells = ["-" if value is None else code(short_id(str(value))) for value in row.values()]
        room -= sum(len(cell.encode()) + 3 for cell in cells) + 2
        if room < 0:
            return (
                table(headings, shown)
                + f"\n… and {len(rows) - len(shown)} more artifacts; `gto show` lists them all.\n"
            )
        shown.append(cells)
    return table(headings, shown)


def _size(parts: Sequence[str]) -> int:
    return sum(len(part.encode()) for part in parts)
