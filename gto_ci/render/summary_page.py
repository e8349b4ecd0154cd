"""The pages that a job writes: its summary, and its comment on a pull request.

Both consist of the same sections. A section gets a size limit and says how much it left out. Every value in a section
may be untrusted text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from gto_ci.render.markdown import code, escape, link, sentence, table
from gto_ci.render.views import Row, short_id

if TYPE_CHECKING:
    from gto_ci.core.policy import Finding
    from gto_ci.files.annotations import ArtifactChange
    from gto_ci.git.worktree.sandbox import LineCounts

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
SUMMARY_LIMIT = 900_000  # bytes; GitHub accepts 1 MiB from one step
COMMENT_LIMIT = 65_000  # characters; GitHub accepts 65,536
_MARKS = {True: "✅", False: "❌", None: "⏳"}

Section = Callable[[int], str]  # returns Markdown of about that many bytes at most


def compose(title: str, sections: Iterable[Section], limit: int, rest: str = "") -> str:
    """Return a page within ``limit`` bytes; ``rest`` is Markdown that names the place of omitted parts.

    ``title`` is a sentence in which names stand in double quotes.
    """
    parts = [f"### {sentence(title)}\n"]
    room = limit - _size(parts[0]) - _size(rest) - 2
    cut = False
    for section in sections:
        whole = section(SUMMARY_LIMIT)
        text = whole if _size(whole) <= room - 500 else section(room - 500)
        if _size(text) >= room:
            text = ""
        cut = cut or text != whole
        if text:
            parts.append(text)
            room -= _size(text) + 1
    return "\n".join([*parts, rest] if cut and rest else parts) + "\n"


def facts(outputs: Mapping[str, str]) -> Section:
    """Return the section about the event, from the action's outputs."""
    rows = [
        (f"**{label}**", code(outputs[name])) for name, label in _FACTS if outputs.get(name) and outputs[name] != "[]"
    ]
    return lambda room: _table(rows[0], rows[1:], room, "") if rows else ""


def warnings(texts: Sequence[str]) -> Section:
    """Return the section of warnings."""
    return lambda _: "\n".join(f"> [!WARNING]\n> {code(text)}\n" for text in texts[:20])


def gate(findings: Sequence[Finding], where: str) -> Section:
    """Return the section of the gate's verdict: each check with its evidence and remedy.

    ``where`` names the place of the rules, "" if there are none.
    """
    found = sorted(findings, key=lambda one: one.passed is not False)
    rows = [
        (_MARKS[one.passed], code(one.rule, 60), escape(one.check), f"{code(one.evidence)}{_remedy(one.remedy)}")
        for one in found
    ]
    closed = any(one.passed is False for one in findings)
    head = f"#### {'❌ The gate is closed' if closed else '✅ The gate is open'}\n\n{_rules(where)}"

    def section(room: int) -> str:
        if not rows:
            return f"{head}No rule applies to this event.\n"
        return head + _table(("", "rule", "check", "evidence"), rows, room, "more checks")

    return section


def ghost(what: str, files: Sequence[LineCounts], notes: Sequence[str]) -> Section:
    """Return the section about the applied ghost: ``what`` it is, its files, and notes for a person."""
    added, removed = (sum(getattr(file, name) or 0 for file in files) for name in ("added", "removed"))
    number = f"{len(files):,} {'file' if len(files) == 1 else 'files'}"
    head = f"#### 👻 A ghost was applied: {number}, +{added} −{removed}\n\n{code(what)}\n\n"
    rows = [
        (code(file.path), *(("binary", "") if file.added is None else (f"+{file.added}", f"−{file.removed}")))
        for file in files
    ]
    said = "".join(f"\n{code(note)}\n" for note in notes[:10])
    return lambda room: head + _table(("file", "+", "−"), rows, min(room, 20_000), "more files") + said


def pulled(path: str, size: str, files: int) -> Section:
    """Return the section about the data that DVC has pulled."""
    number = f"{files:,} {'file' if files == 1 else 'files'}"
    return lambda _: f"📦 Pulled {code(path)}: {size} in {number}\n"


def registry(rows: Sequence[Row]) -> Section:
    """Return the section of the whole registry, collapsed."""

    def section(room: int) -> str:
        if not rows:
            return ""
        headings = [code(heading) for heading in rows[0]]
        cells = (["-" if value is None else code(short_id(str(value))) for value in row.values()] for row in rows)
        listed = _table(headings, cells, room - 200, "more artifacts; `gto show` lists them all")
        return f"<details><summary>The registry</summary>\n\n{listed}\n</details>\n"

    return section


class GateForecast(NamedTuple):
    """The gate's verdict if the commit were registered (``stage`` is "") or assigned to ``stage``."""

    artifact: str
    stage: str
    findings: Sequence[Finding]

    @property
    def passed(self) -> bool | None:
        """False if a check fails, None if a check cannot be decided yet, True otherwise."""
        said = [one.passed for one in self.findings]
        return False if False in said else None if None in said else True


def changes(found: Sequence[ArtifactChange]) -> Section:
    """Return the section of changed annotations."""
    rows = [(code(one.artifact), one.kind, ", ".join(code(name) for name in one.fields)) for one in found]
    nothing = "It changes no artifact's annotation.\n"
    headings = ("artifact", "change", "what")
    return lambda room: _table(headings, rows, min(room, 20_000), "more artifacts") if rows else nothing


def forecasts(found: Sequence[GateForecast], where: str) -> Section:
    """Return the section of the gate's verdicts after the merge."""
    rows = [
        (
            code(one.artifact),
            code(one.stage) if one.stage else "registration",
            "<br>".join(_forecast(one.findings)),
        )
        for one in sorted(found, key=lambda one: one.passed is not False)
    ]
    head = f"#### What the gate would say after the merge\n\n{_rules(where)}"
    headings = ("artifact", "stage", "verdict")
    return lambda room: head + _table(headings, rows, room, "more") if rows else ""


def links(pages: Sequence[tuple[str, str]]) -> Section:
    """Return the section of links: pairs of words and addresses from the platform."""
    return lambda _: " · ".join(link(words, address) for words, address in pages if address) + "\n" if pages else ""


def failure(cause: str, next_step: str) -> str:
    """Return the summary of a step that failed: the cause and the next step."""
    lines = [code(text, 1000) for text in (cause, next_step) if text]
    return "### ❌ The GTO action failed\n\n" + "\n\n".join(lines) + "\n\n"


def _forecast(findings: Sequence[Finding]) -> Iterable[str]:
    """Yield the failed checks of a future event, with evidence; then the names of the other checks."""
    for one in findings:
        if one.passed is False:
            yield f"❌ {escape(one.check)}: {code(one.evidence)}{_remedy(one.remedy)}"
    for passed, words in ((None, " (checked when the tag is pushed)"), (True, "")):
        names = dict.fromkeys(escape(one.check) for one in findings if one.passed is passed)
        if names:
            yield f"{_MARKS[passed]} {', '.join(names)}{words}"


def _rules(where: str) -> str:
    return f"Rules: {code(where)}\n\n" if where else ""


def _remedy(text: str) -> str:
    return f"<br>→ {code(text, 600)}" if text else ""


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]], room: int, more: str) -> str:
    """Return a table of the rows that fit into ``room`` bytes, and the number of ``more`` rows."""
    shown: list[Sequence[str]] = []
    left = 0
    for row in rows:
        room -= sum(_size(cell) + 3 for cell in row) + 2
        if room < 0 or left:
            left += 1
        else:
            shown.append(row)
    return table(headings, shown) + (f"\n… and {left} {more}.\n" if left and more else "")


def _size(text: str) -> int:
    return len(text.encode(errors="replace"))
