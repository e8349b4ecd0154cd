"""``python -m benchmarks``: measure, keep the rows, write the report."""

from __future__ import annotations

import argparse
import importlib
import sys
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path

from benchmarks import report
from benchmarks.options import PROJECT, Options, to_folder, to_sizes
from benchmarks.programs import installed, ours, theirs
from benchmarks.report import Entry, NotMeasured, Row, Run

# What there is to measure, in the order of the report: a module of this package each, and its section's title.
GROUPS = {
    "checking": "What one tag means",
    "reading": "The whole registry",
    "writing": "Registering and assigning",
    "job": "The whole job",
    "container": "The container",
    "image": "The image",
    "ghosts": "Ghosts",
    "imports": "Imports",
    "instructions": "Instructions",
}
RESULTS = PROJECT / "benchmarks" / "RESULTS.md"


_USUAL = Options()


def main(arguments: list[str]) -> int:
    """Run the groups that ``arguments`` name, and return the exit code: 1 where one of them failed."""
    options, groups, out, only_report = _parse(arguments)
    _say(f"{ours().name} and {theirs().name} are installed")
    files = installed()
    made_with = {**report.machine(), "ours": f"gto-ci, files {files}", "theirs": theirs().name}
    failed = False
    for group in [] if only_report else groups:
        entries, well = _measure(group, options)
        if installed() != files:
            _say(f"{group}: another bench has installed other files of ours in the meantime; this counts for nothing")
            return 1
        failed = failed or not well
        report.save(options.rows, Run(group, made_with, _command(group, options), report.today(), tuple(entries)))
    out.write_text(report.render(GROUPS, report.load(options.rows), made_with), encoding="utf-8")
    return int(failed)


def _parse(arguments: list[str]) -> tuple[Options, list[str], Path, bool]:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure gto-ci beside its peers.")
    parser.add_argument(
        "groups", nargs="*", metavar="GROUP", help=f"what to measure: {', '.join(GROUPS)}; default: all"
    )
    parser.add_argument("--tags", type=to_sizes, default=_USUAL.tags, metavar="N,N,…", help="sizes of the registries")
    parser.add_argument("--seed", type=int, default=_USUAL.seed, help="of the registries' contents")
    parser.add_argument("--runs", type=int, default=_USUAL.runs, help="the most that a row takes")
    parser.add_argument("--budget", type=float, default=_USUAL.budget, help="seconds after which a row takes no more")
    parser.add_argument("--work", type=to_folder, default=_USUAL.work, help="folder of registries and kept rows")
    parser.add_argument("--out", type=Path, default=RESULTS, help="the report to write")
    parser.add_argument("--report", action="store_true", help="measure nothing; write the report from kept rows")
    given = parser.parse_args(arguments)
    unknown = [group for group in given.groups if group not in GROUPS]
    if unknown:
        parser.error(f"no group {unknown[0]!r}; there is {', '.join(GROUPS)}")
    options = Options(given.tags, given.seed, given.runs, given.budget, given.work.resolve())
    return options, given.groups or list(GROUPS), given.out, given.report


def _command(group: str, options: Options) -> str:
    """The command line that measures the same again."""
    tags = ",".join(map(str, options.tags))
    settings = f"--tags {tags} --seed {options.seed} --runs {options.runs} --budget {options.budget:g}"
    return f"python -m benchmarks {group} {settings}"


def _measure(group: str, options: Options) -> tuple[list[Entry], bool]:
    """What a group found, and whether all went well; a failure is an entry, too."""
    rows: Callable[[Options], Iterable[Entry]] = importlib.import_module(f"benchmarks.{group}").rows
    entries: list[Entry] = []
    try:
        for entry in rows(options):
            entries.append(entry)
            _say(f"{group}: {_line(entry)}")
    except Exception as error:
        traceback.print_exc()
        return [*entries, NotMeasured(group, "the rest", f"it failed ({_cause(error, options)})")], False
    return entries, True


def _cause(error: Exception, options: Options) -> str:
    """The first lines of what is wrong, without this machine's folders."""
    cause = "; ".join(str(error).splitlines()[:2]) or type(error).__name__
    for folder, short in ((options.work, ".bench"), (PROJECT, ".")):
        cause = cause.replace(str(folder), short)
    return cause


def _line(entry: Entry) -> str:
    if isinstance(entry, Row):
        return " | ".join(cell for cell in report.cells(entry) if cell)
    return f"{entry.what}: not measured: {entry.reason}" if isinstance(entry, NotMeasured) else entry.title


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
