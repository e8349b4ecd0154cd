"""Rows: what is imported, by ``import gto_ci`` and by ``gto check-ref``, and how long it takes."""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from benchmarks.options import Options
from benchmarks.programs import ours, theirs
from benchmarks.registries import Shape, kept
from benchmarks.report import Entry, Figure, Row, Table, at_most
from benchmarks.timing import BenchError, environment

GROUP = "imports"
_TOP = 15
_RUNS = 7
_LINE = re.compile(r"^import time:\s+(\d+) \|\s+\d+ \|\s*(\S+)$", re.MULTILINE)
_OWN, _STANDARD = "gto_ci", "standard library"
# looked for and not there in most places, which -X importtime lists all the same (`copy` and `pickle` ask for Jython's)
_ABSENT = ("org", "sitecustomize", "usercustomize")


def rows(options: Options) -> Iterator[Entry]:
    """Count third-party modules; give the import times of ``gto check-ref`` by module and by package."""
    made = kept(options.registries, Shape.usual(min(options.tags), options.seed))
    bare = third_party(imported([ours().python, "-c", "pass"]))  # what site-packages brings into any process
    library = third_party(imported([ours().python, "-c", "import gto_ci"])) - bare
    note = f"`import gto_ci` imports {', '.join(sorted(library))}" if library else ""
    count = Figure(len(library), "")
    yield Row(GROUP, "`import gto_ci`, third-party packages", "", count, target=at_most(0), note=note)
    command = [ours().python, ours().gto, "check-ref", made.typical_tag]
    runs = [imported(command, made.folder) for _ in range(_RUNS)]
    peer = imported([theirs().python, theirs().gto, *command[2:]], made.folder)
    size = str(made.shape)
    for what, mine, other in (
        ("modules", len(runs[0]), len(peer)),
        ("third-party packages", len(third_party(runs[0]) - bare), len(third_party(peer) - bare)),
    ):
        figures = Figure(mine, ""), Figure(other, "")
        yield Row(GROUP, f"`gto check-ref`, {what}", size, *figures, theirs().name)
    yield from _tables({name: statistics.median(run.get(name, 0) for run in runs) for name in runs[0]})


def imported(command: list[str], folder: Path | None = None) -> dict[str, int]:
    """Run Python (the first word) on the rest; the modules it imports, each with its own time in microseconds.

    Raises:
        BenchError: it failed.
    """
    words = [command[0], "-X", "importtime", *command[1:]]
    done = subprocess.run(words, cwd=folder, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"{' '.join(words)}\nended with {done.returncode}\n{done.stderr[-2000:]}")
    found = _LINE.findall(done.stderr)
    return {name: int(time) for time, name in found if name.partition(".")[0] not in _ABSENT}


def third_party(modules: Iterable[str]) -> set[str]:
    """The packages among ``modules`` that are neither Python's own nor ours."""
    return {root for root in map(_root, modules) if root not in (_OWN, _STANDARD)}


def _root(module: str) -> str:
    root = module.partition(".")[0]
    return _STANDARD if root in sys.stdlib_module_names or root in ("zipimport", "__main__") else root


def _tables(times: Mapping[str, float]) -> Iterator[Table]:
    slowest = sorted(times, key=lambda name: (-times[name], name))[:_TOP]
    note = f"Medians of {_RUNS} runs under `-X importtime`, which itself takes time."
    head = ("module", "own time, ms")
    lines = tuple((f"`{name}`", f"{times[name] / 1000:.2f}") for name in slowest)
    yield Table(GROUP, f"The {_TOP} slowest imports of `gto check-ref`", head, lines, note)
    roots: dict[str, list[float]] = {}
    for name, time in times.items():
        roots.setdefault(_root(name), []).append(time)
    ordered = sorted(roots.items(), key=lambda item: -sum(item[1]))
    everything = ("all", str(len(times)), f"{sum(times.values()) / 1000:.1f}")
    totals = (*((name, str(len(found)), f"{sum(found) / 1000:.1f}") for name, found in ordered), everything)
    yield Table(GROUP, "Imports of `gto check-ref` by package", ("package", "modules", "ms"), totals)
