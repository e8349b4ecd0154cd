"""What a bench found: rows, how they are kept between runs, and the tables of RESULTS.md."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from benchmarks.timing import Sample


@dataclass(frozen=True, slots=True)
class Figure:
    """One number that is not the time of a process: ``unit`` is ``MB``, ``ms``, ``instructions`` and the like."""

    value: float
    unit: str


Measured = Sample | Figure | None

# What the report calls two keys of the stored runs.
_LABELS = {"ours": "measured", "theirs": "compared with"}


@dataclass(frozen=True, slots=True)
class Target:
    """What a ratio (or, where a row has none, our own figure) is to be: ``at`` ``least`` or ``most`` the bound."""

    at: str
    bound: float

    def met(self, value: float) -> bool:
        """Tell whether ``value`` is on the right side, the bound included."""
        return value >= self.bound if self.at == "least" else value <= self.bound


def at_least(bound: float) -> Target:
    """A target such as ``≥10×``: more is better."""
    return Target("least", bound)


def at_most(bound: float) -> Target:
    """A target such as ``≤1.3×`` or ``≤75 MB``: less is better."""
    return Target("most", bound)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: ``what`` was done on what ``size``, what it cost ours, and another (``peer``, ``theirs``).

    Two things are compared either as "how many times faster ours is" (:func:`faster`) or as "how many times the other's
    time ours takes" (:func:`within`); ``ratio`` is that number, None where nothing is compared.
    """

    group: str
    what: str
    size: str
    ours: Measured
    theirs: Measured = None
    peer: str = ""
    ratio: float | None = None
    target: Target | None = None
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None where there is none, or nothing was measured."""
        value = self.ratio if self.ratio is not None else _value(self.ours)
        return None if self.target is None or value is None else self.target.met(value)


@dataclass(frozen=True, slots=True)
class Table:
    """A table beside a group's rows: its title, the heads of its columns, its lines."""

    group: str
    title: str
    head: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class NotMeasured:
    """Something that cannot be measured here, and why (no full stop)."""

    group: str
    what: str
    reason: str


Entry = Row | Table | NotMeasured


def faster(group: str, what: str, size: str, found: tuple[Sample, Sample], peer: str, **more: Any) -> Row:
    """A row of how many times faster ours (the first of ``found``) is; ``more`` is ``target``, ``note``."""
    ours, theirs = found
    return Row(group, what, size, ours, theirs, peer, theirs.median / ours.median, **more)


def within(group: str, what: str, size: str, found: tuple[Sample, Sample], peer: str, **more: Any) -> Row:
    """A row of how many times the time of ``peer`` ours (the first of ``found``) takes; ``more`` as before."""
    ours, theirs = found
    return Row(group, what, size, ours, theirs, peer, ours.median / theirs.median, **more)


# What is kept


@dataclass(frozen=True, slots=True)
class Run:
    """What one group found: ``made_with`` says on what and with what, so that only like is put beside like."""

    group: str
    made_with: dict[str, str]
    command: str
    date: str
    entries: tuple[Entry, ...]


_KINDS: dict[str, type[Entry]] = {"row": Row, "table": Table, "not measured": NotMeasured}


def save(folder: Path, run: Run) -> None:
    """Keep a group's run in ``folder``; it takes the place of an earlier one."""
    folder.mkdir(parents=True, exist_ok=True)
    names = {kind: name for name, kind in _KINDS.items()}
    entries = [{"kind": names[type(entry)], **asdict(entry)} for entry in run.entries]
    (folder / f"{run.group}.json").write_text(json.dumps({**asdict(run), "entries": entries}, indent=1) + "\n")


def load(folder: Path) -> list[Run]:
    """Return the runs that are kept in ``folder``."""
    return [_run(json.loads(file.read_text())) for file in sorted(folder.glob("*.json"))]


def _run(data: dict[str, Any]) -> Run:
    entries = tuple(_entry(dict(entry)) for entry in data.pop("entries"))
    return Run(**data, entries=entries)


def _entry(data: dict[str, Any]) -> Entry:
    kind = _KINDS[data.pop("kind")]
    if kind is Row:
        data["ours"], data["theirs"] = _measured(data["ours"]), _measured(data["theirs"])
        data["target"] = data["target"] and Target(**data["target"])
    if kind is Table:
        data["head"], data["lines"] = tuple(data["head"]), tuple(map(tuple, data["lines"]))
    return kind(**data)


def _measured(data: dict[str, Any] | None) -> Measured:
    if data is None:
        return None
    return Figure(**data) if "unit" in data else Sample(*(tuple(data[key]) for key in ("wall", "cpu", "peak")))


# What is written


def machine() -> dict[str, str]:
    """Describe the machine and what is not of the project on it; neither its name nor any path."""
    memory = re.search(r"^MemTotal:\s+(\d+) kB", _text("/proc/meminfo"), re.MULTILINE)
    model = re.search(r"^model name\s*:\s*(.+)", _text("/proc/cpuinfo"), re.MULTILINE)
    git = subprocess.run(["git", "--version"], capture_output=True, text=True, check=True).stdout
    return {
        "processor": model[1].strip() if model else platform.machine(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{int(memory[1]) / 1024**2:.0f} GiB" if memory else "unknown",
        "kernel": f"{platform.system()} {platform.release().partition('-')[0]}",
        "Python": platform.python_version(),
        "git": git.removeprefix("git version ").strip(),
    }


def today() -> str:
    """The date, in UTC."""
    return datetime.now(timezone.utc).date().isoformat()


def render(titles: dict[str, str], runs: Sequence[Run], made_with: dict[str, str]) -> str:
    """Return RESULTS.md: a section for each group in ``titles`` (with its title), in their order.

    A run that was made with other than ``made_with`` is left out, and its section says so.
    """
    found = {run.group: run for run in runs}
    usable = {name: run for name, run in found.items() if run.made_with == made_with}
    lines = [
        "# Results",
        "",
        "Written by `make bench`; see [README.md](README.md) for how it measures. Times are medians of full processes.",
        "± is the interquartile range relative to the median, and the number of runs is in parentheses. Each ratio",
        "compares the medians of alternating runs.",
        "",
        *(f"- {_LABELS.get(name, name)}: {value}" for name, value in made_with.items()),
    ]
    for group, title in titles.items():
        lines += ["", f"## {title}", ""]
        if group in usable:
            lines += _section(usable[group])
        else:
            reason = "what is kept is of another machine or version" if group in found else "not run"
            lines.append(f"Not measured: {reason}.")
    return "\n".join(lines) + "\n"


def _section(run: Run) -> Iterator[str]:
    yield f"`{run.command}`, {run.date}"
    rows = [entry for entry in run.entries if isinstance(entry, Row)]
    if rows:
        yield ""
        heads = ("work", "on", "gto-ci", "compared with", "ratio", "target", "")
        yield from table(heads, map(cells, rows), right=(2, 3, 4))
    notes = dict.fromkeys(row.note for row in rows if row.note)
    for entry in run.entries:
        if isinstance(entry, Table):
            yield from ("", f"### {entry.title}", "")
            yield from table(entry.head, entry.lines, right=range(1, len(entry.head)))
            if entry.note:
                yield from ("", entry.note)
        if isinstance(entry, NotMeasured):
            notes[f"{entry.what}: not measured: {entry.reason}"] = None
    if notes:
        yield ""
        yield from (f"- {note}" for note in notes)


def cells(row: Row) -> tuple[str, ...]:
    """The cells of a row: work, size, ours, theirs, ratio, target, verdict."""
    verdict = {True: "met", False: "**not met**", None: ""}[row.met]
    theirs = f"{row.peer}: {_show(row.theirs)}" if row.theirs else ""
    ratio = "" if row.ratio is None else f"{row.ratio:.3g}×"
    return row.what, row.size, _show(row.ours), theirs, ratio, _target(row), verdict


def _target(row: Row) -> str:
    if row.target is None:
        return ""
    unit = "×" if row.ratio is not None else f" {row.ours.unit}" if isinstance(row.ours, Figure) else " s"
    return f"{'≥' if row.target.at == 'least' else '≤'}{row.target.bound:g}{unit}".rstrip()


def _show(value: Measured) -> str:
    if isinstance(value, Sample):
        return f"{_number(value.median * 1000)} ms ±{value.spread:.0%} ({len(value.wall)})"
    return f"{_number(value.value)} {value.unit}".rstrip() if value else ""


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


def _value(value: Measured) -> float | None:
    return value.median if isinstance(value, Sample) else value.value if value else None


def table(head: Sequence[str], lines: Iterable[Sequence[str]], right: Iterable[int]) -> Iterator[str]:
    """The lines of a Markdown table; ``right`` are the columns that stand to the right."""
    marks = ["---"] * len(head)
    for column in right:
        marks[column] = "---:"
    for cells in (head, marks, *lines):
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _text(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
