"""Rows: the whole registry, ``gto show`` and ``gto history``, in time and in memory."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.options import Options
from benchmarks.programs import ours, theirs
from benchmarks.registries import Made, Shape, kept
from benchmarks.report import Entry, Figure, Row, at_least, at_most, faster, within
from benchmarks.timing import Command, alternate, same_output, watch_memory
from gto_ci.git.output import TAG_FORMAT

GROUP = "reading"
_TARGETS = {10_000: at_least(80)}
_THEIRS_UP_TO = 20_000  # tags; beyond, one run of GTO takes minutes
_BESIDE_GIT = at_most(4)
_MEMORY = at_most(250)
_COMMITS = (
    "`gto history`: gto-ci also lists the commit of each version, which GTO 1.10.1 does not "
    "(difference 31), so it prints more lines"
)
_PEAK = (
    "Peak memory: the kernel reports the peak of the largest process, gto-ci's or git's. The other rows come from a "
    "further run, sampled every few milliseconds, in which shared memory counts once"
)


def rows(options: Options) -> Iterator[Entry]:
    """Compare ``show`` and ``history`` with GTO; where there are many tags, with the git that reads them."""
    for tags in options.tags:
        made = kept(options.registries, Shape.usual(tags, options.seed))
        if tags <= _THEIRS_UP_TO:
            yield _beside_gto(options, made, "show")
            yield _beside_gto(options, made, "history")
        else:
            yield from _beside_git(options, made)


def _beside_gto(options: Options, made: Made, what: str) -> Entry:
    commands = {
        name: Command((gto, what), made.folder, stdout=options.scratch / f"{name}.txt")
        for name, gto in (("ours", ours().gto), ("theirs", theirs().gto))
    }
    found = alternate(commands, options.runs, budget=options.budget)
    if what == "show":
        same_output(commands["ours"], commands["theirs"])
    return faster(
        GROUP,
        f"`gto {what}`",
        str(made.shape),
        (found["ours"], found["theirs"]),
        theirs().name,
        target=_TARGETS.get(made.shape.tags),
        note=_COMMITS if what == "history" else "",
    )


def _beside_git(options: Options, made: Made) -> Iterator[Entry]:
    git = ("git", "for-each-ref", f"--format={TAG_FORMAT}", "refs/tags")
    commands = {
        "show": Command((ours().gto, "show"), made.folder),
        "git": Command(git, made.folder),
        "history": Command((ours().gto, "history"), made.folder),
    }
    found = alternate(commands, options.runs, budget=options.budget)
    size, pair, peer = str(made.shape), (found["show"], found["git"]), "git for-each-ref"
    yield within(GROUP, "`gto show`", size, pair, f"`{peer}` of the same fields", target=_BESIDE_GIT)
    yield within(GROUP, "`gto history`", size, (found["history"], found["git"]), f"`{peer}` of the same fields")
    for what, target in (("show", _MEMORY), ("history", None)):
        seen = watch_memory(commands[what])
        for whose, peak in (
            ("its largest process, by the kernel", found[what].median_peak),
            ("its own process", seen.own),
            ("gto and git together", seen.together),
        ):
            work, theirs_too = f"`gto {what}`, peak memory of {whose}", _megabytes(found["git"].median_peak)
            yield Row(GROUP, work, size, _megabytes(peak), theirs_too, f"`{peer}`", target=target, note=_PEAK)


def _megabytes(size: int) -> Figure:
    return Figure(size / 1e6, "MB")
