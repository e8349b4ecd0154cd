"""Rows: what one tag means, ``gto check-ref TAG``."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.options import Options
from benchmarks.programs import ours, theirs
from benchmarks.registries import Made, Shape, kept
from benchmarks.report import Entry, NotMeasured, Target, at_least, at_most, faster, within
from benchmarks.timing import Command, Sample, alternate, same_output

GROUP = "checking"
_TARGETS = {10: at_least(10), 1_000: at_least(20), 10_000: at_least(100)}
_GROWTH = at_most(1.3)
_THEIRS_UP_TO = 20_000  # tags; beyond, one run of GTO takes minutes


def rows(options: Options) -> Iterator[Entry]:
    """Compare the answer about a typical artifact's tag, and about the busiest one's; then the growth of our own."""
    for tags in options.tags:
        if tags > _THEIRS_UP_TO:
            yield NotMeasured(GROUP, f"GTO with {tags:,} tags", "one run takes minutes")
            continue
        made = kept(options.registries, Shape.usual(tags, options.seed))
        yield _row(options, made, made.typical_tag, "a typical artifact", _TARGETS.get(tags))
        yield _row(options, made, made.version_tag, "the busiest artifact", None)
    small, large = min(options.tags), max(options.tags)
    if large > small:
        found = {tags: kept(options.registries, Shape.usual(tags, options.seed)) for tags in (small, large)}
        yield _growth(options, found[small], found[large], "typical")
        yield _growth(options, found[small], found[large], "busiest")


def _row(options: Options, made: Made, tag: str, whose: str, target: Target | None) -> Entry:
    commands = {
        name: Command((gto, "check-ref", tag), made.folder, stdout=options.scratch / f"{name}.txt")
        for name, gto in (("ours", ours().gto), ("theirs", theirs().gto))
    }
    found = alternate(commands, options.runs, budget=options.budget)
    same_output(commands["ours"], commands["theirs"])
    pair = found["ours"], found["theirs"]
    return faster(GROUP, f"`gto check-ref`, {whose}", str(made.shape), pair, theirs().name, target=target)


def _growth(options: Options, small: Made, large: Made, which: str) -> Entry:
    def asked(made: Made) -> Command:
        tag = made.typical_tag if which == "typical" else made.version_tag
        return Command((ours().gto, "check-ref", tag), made.folder)

    found: dict[str, Sample] = alternate(
        {"small": asked(small), "large": asked(large)}, options.runs, budget=options.budget
    )
    target = _GROWTH if which == "typical" and (small.shape.tags, large.shape.tags) == (10, 100_000) else None
    return within(
        GROUP,
        f"`gto check-ref`, gto-ci alone, the {which} artifact",
        str(large.shape),
        (found["large"], found["small"]),
        f"gto-ci, {small.shape.tags:,} tags",
        target=target,
    )
