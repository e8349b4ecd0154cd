"""How costs grow: ``python -m benchmarks.scaling [AXIS …]`` prints the tables of scaling.md; ``--write`` keeps them.

Each axis changes one size and holds the others: tags, artifacts, commits with annotations, ghosts. One, ``largest``, is
measured only when it is named: it takes most of an hour, and some 5 GB of memory.
"""

from __future__ import annotations

import argparse
import math
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

from benchmarks import ghosts, job, patches, report
from benchmarks.options import PROJECT, Options, to_folder, to_sizes
from benchmarks.patches import Carried
from benchmarks.programs import ours
from benchmarks.registries import Made, Shape, kept
from benchmarks.timing import Command, Sample, alternate, environment, output
from benchmarks.writing import copy_anew
from gto_ci.git.output import TAG_FORMAT

PAGE = PROJECT / "benchmarks" / "scaling.md"
_TAGS = 100_000  # of each registry that differs in its artifacts only
_ANNOTATED = (1_000, 20)  # tags and artifacts of each registry that differs in its commits only
_ASKED_FOR = "largest"  # the axis that is measured only when it is named


@dataclass(frozen=True, slots=True)
class Axis:
    """What grows: the sizes that are measured, what is fixed, and what is run at a size, by the name of the work."""

    sizes: tuple[int, ...]
    title: str
    commands: Callable[[Options, int], Mapping[str, Command]]


AXES = {
    "tags": Axis((1_000, 10_000, 100_000), "Tags; one artifact for every 50, at most 2,000", lambda o, n: _tags(o, n)),
    "artifacts": Axis((10, 1_000, 10_000, 100_000), f"Artifacts, with {_TAGS:,} tags", lambda o, n: _artifacts(o, n)),
    "commits": Axis(
        (10, 100, 1_000, 10_000),
        f"Commits, each with another `artifacts.yaml` of {_ANNOTATED[1]} artifacts, and {_ANNOTATED[0]:,} tags",
        lambda o, n: _commits(o, n),
    ),
    "largest": Axis((1_000_000,), "Tags; one artifact for every 10", lambda o, n: _largest(o, n)),
    "ghosts": Axis((10, 100, 1_000, 10_000), "Ghosts in a patch repository, by `file://`", lambda o, n: _ghosts(o, n)),
}


def main(arguments: list[str]) -> int:
    """Measure the axes that ``arguments`` name, print their tables, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description="Measure how costs grow.")
    parser.add_argument(
        "axes", nargs="*", metavar="AXIS", help=f"what grows: {', '.join(AXES)}; default: all but {_ASKED_FOR}"
    )
    parser.add_argument("--sizes", type=to_sizes, metavar="N,N,…", help="sizes, of one AXIS")
    parser.add_argument("--only", default="", metavar="TEXT", help="measure only works whose name holds TEXT")
    parser.add_argument("--seed", type=int, default=1, help="of the contents")
    parser.add_argument("--runs", type=int, default=5, help="the most that a size takes")
    parser.add_argument("--warmup", type=int, default=1, help="runs of each before, that do not count")
    parser.add_argument("--budget", type=float, default=120.0, help="seconds after which a size takes no more runs")
    parser.add_argument("--work", type=to_folder, default=Options().work, help="folder of registries")
    parser.add_argument("--write", action="store_true", help="put the tables into benchmarks/scaling.md")
    given = parser.parse_args(arguments)
    axes = given.axes or [axis for axis in AXES if axis != _ASKED_FOR]
    unknown = [axis for axis in axes if axis not in AXES]
    if unknown or (given.sizes and len(axes) != 1):
        parser.error(f"no axis {unknown[0]!r}; there is {', '.join(AXES)}" if unknown else "--sizes is of one AXIS")
    options = Options(seed=given.seed, runs=given.runs, budget=given.budget, work=given.work.resolve())
    for axis in axes:
        sizes = given.sizes or AXES[axis].sizes
        lines = list(_table(options, AXES[axis], sizes, given.only, given.warmup))
        block = "\n".join([_made_by(options, axis, sizes), "", *lines])
        sys.stdout.write(f"{AXES[axis].title}\n\n{block}\n\n")
        if given.write:
            _put(axis, block)
    return 0


def _table(options: Options, axis: Axis, sizes: Sequence[int], only: str, warmup: int) -> Iterator[str]:
    """The lines of an axis's table: works as rows, sizes as columns."""
    found: dict[str, dict[int, Sample]] = {}
    for size in sizes:
        commands = {work: command for work, command in axis.commands(options, size).items() if only in work}
        for work, sample in alternate(commands, options.runs, warmup, options.budget).items():
            found.setdefault(work, {})[size] = sample
            sys.stderr.write(f"{size:,}: {work}: {_cell(sample)}\n")
    head = ("work", *(f"{size:,}" for size in sizes), "growth")
    lines = [
        (f"`{work}`", *(_cell(samples[size]) if size in samples else "" for size in sizes), _growth(samples))
        for work, samples in found.items()
    ]
    return report.table(head, lines, right=range(1, len(head)))


def _cell(sample: Sample) -> str:
    return f"{sample.median:.3g} s, {sample.median_peak / 1e6:.0f} MB"


def _growth(samples: Mapping[int, Sample]) -> str:
    """The exponents between neighbours: 0 is flat, 1 is in proportion to the size, 2 is its square."""
    pairs = list(samples.items())
    steps = pairwise(pairs)
    return ", ".join(f"{math.log(b.median / a.median) / math.log(m / n):.2f}" for (n, a), (m, b) in steps)


# What is run


def _tags(options: Options, size: int) -> Mapping[str, Command]:
    return _registry(options, Shape.usual(size, options.seed), "tags")


def _artifacts(options: Options, size: int) -> Mapping[str, Command]:
    return _registry(options, Shape(_TAGS, size, options.seed), "artifacts")


def _registry(options: Options, shape: Shape, axis: str) -> dict[str, Command]:
    made = kept(options.registries, shape)
    fresh = _with_a_fresh_commit(made, options.scratch / f"scaling-{axis}")
    read = {
        "git for-each-ref (the same fields)": ("git", "for-each-ref", f"--format={TAG_FORMAT}", "refs/tags"),
        "gto show": _gto("show"),
        "gto history": _gto("history"),
        "gto check-ref TYPICAL": _gto("check-ref", made.typical_tag),
        "gto check-ref BUSIEST": _gto("check-ref", made.version_tag),
        "gto show TYPICAL": _gto("show", made.typical),
        "gto show BUSIEST": _gto("show", made.artifact),
        "gto history BUSIEST": _gto("history", made.artifact),
    }
    commands = {work: Command(words, made.folder) for work, words in read.items()}
    for more in (["--dry-run"], []):
        words = ("register", made.typical, *more)
        command = Command(_gto(*words), fresh, prepare=partial(_forget_loose_tags, fresh))
        commands[" ".join(["gto register TYPICAL", *more])] = command
    commands["the action's job"] = _job(options, made)
    return commands


def _largest(options: Options, size: int) -> Mapping[str, Command]:
    """What the other registries are asked, the forms that print most, and what git itself does to get at tags."""
    shape = Shape(size, size // 10, options.seed)
    commands = _registry(options, shape, "largest")
    made = kept(options.registries, shape)
    url, clone = f"file://{made.folder}", options.scratch / "scaling-clone"
    for words in (("show", "--json"), ("history", "--json"), ("stages",), ("doctor",)):
        commands[f"gto {' '.join(words)}"] = Command(_gto(*words), made.folder)
    commands["git for-each-ref (names)"] = Command(
        ("git", "for-each-ref", "--format=%(objectname) %(refname)", "refs/tags"), made.folder
    )
    commands["git ls-remote --tags"] = Command(("git", "ls-remote", "--quiet", "--tags", url), made.folder)
    commands["git clone --bare"] = Command(
        ("git", "clone", "--quiet", "--bare", url, str(clone)),
        prepare=partial(shutil.rmtree, clone, ignore_errors=True),
    )
    return commands


def _commits(options: Options, size: int) -> Mapping[str, Command]:
    made = kept(options.registries, Shape(*_ANNOTATED, options.seed, commits=size, annotated=True))
    works = {
        "gto show": _gto("show"),
        "gto show -A": _gto("show", "-A"),
        "gto history": _gto("history"),
        "gto history -A": _gto("history", "-A"),
        "gto describe TYPICAL": _gto("describe", made.typical),
    }
    return {work: Command(words, made.folder) for work, words in works.items()}


def _ghosts(options: Options, size: int) -> Mapping[str, Command]:
    carried = patches.prepare(options.scratch / "scaling-ghosts", size, options.seed)
    url = f"file://{carried.store}"
    again = ghosts.push(carried, url)

    def ready() -> None:
        """For a pull: the ghost is there, and not here."""
        if not any((carried.store / "refs/heads").iterdir()):
            output(again)
        carried.forget_pulled()

    digest = ghosts.pushed(carried, url)
    pull = ghosts.pull(carried, url, digest)
    listing = partial(_ghost, carried, url)
    return {
        "git-ghost push": again,
        "git-ghost pull": Command(pull.words, pull.cwd, pull.environ, prepare=ready),
        "git-ghost list": listing("list"),
        "git-ghost list --from HEAD": listing("list", "--from", "HEAD"),
        "git-ghost log": listing("log"),
    }


def _gto(*args: str) -> tuple[str, ...]:
    return (ours().gto, *args)


def _ghost(carried: Carried, url: str, *args: str) -> Command:
    words = (str(ours().bin / "git-ghost"), *args)
    return Command(words, carried.there, environment(GIT_GHOST_REPO=url))


def _with_a_fresh_commit(made: Made, folder: Path) -> Path:
    """A copy of the registry with a commit in HEAD that has no version."""
    copy_anew(made.folder, folder)
    command = ["git", "-C", str(folder), "commit", "--quiet", "--allow-empty", "--message=Fresh"]
    subprocess.run(command, env=environment(), check=True)
    return folder


def _forget_loose_tags(folder: Path) -> None:
    """Delete the tags that a run has made: all that the registry began with are packed."""
    tags = folder / ".git/refs/tags"
    shutil.rmtree(tags, ignore_errors=True)
    tags.mkdir()


def _job(options: Options, made: Made) -> Command:
    """The action's job after a push of the busiest artifact's newest assignment."""
    template = options.scratch / f"scaling-checkout-{made.shape.tags}-{made.shape.artifacts}"
    sha = job.check_out_tag(made, template, options.scratch)
    words = (ours().python, "-I", "-X", "utf8", str(PROJECT / "entrypoint.py"))
    home = options.scratch / "scaling-job"
    return job.Job(home, template, made.stage_tag, sha).command(words, job.default_inputs())


# What is written


def _made_by(options: Options, axis: str, sizes: Sequence[int]) -> str:
    machine = report.machine()
    words = f"{axis} --sizes {','.join(map(str, sizes))} --seed {options.seed} --runs {options.runs}"
    about = f"{machine['processor']}, {machine['cores']} cores, Python {machine['Python']}, git {machine['git']}"
    return f"`python -m benchmarks.scaling {words}`, {report.today()}; {about}."


def _put(axis: str, block: str) -> None:
    """Write a table between its two marks in scaling.md."""
    text = PAGE.read_text(encoding="utf-8")
    start, end = f"<!-- {axis} -->\n", f"<!-- /{axis} -->"
    before, _, rest = text.partition(start)
    _, found, after = rest.partition(end)
    if not found:
        sys.exit(f"{PAGE.name} has no place for {axis}: {start.strip()} and {end}")
    PAGE.write_text(f"{before}{start}\n{block}\n\n{end}{after}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
