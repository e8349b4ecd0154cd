"""Compare two source trees: what a change costs in time, on the commands that people wait for.

``python -m benchmarks.trees OLD NEW`` installs the project in each folder as a wheel, runs both in pairs, and prints a
table. A ratio above 1 means that NEW is slower.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks import patches
from benchmarks.job import Job, check_out_tag, default_inputs
from benchmarks.options import Options, to_sizes
from benchmarks.programs import install
from benchmarks.registries import Shape, kept
from benchmarks.report import table
from benchmarks.timing import BenchError, Command, Sample, alternate, environment, output
from tests.git_server import GitServer

GHOSTS = 10  # in the patch repository
_PASSWORD = "s3cret-pa55"  # noqa: S105  # of a server that lives as long as the bench
_USUAL = Options(tags=(10, 1_000, 10_000), runs=31)


def compare(old: Path, new: Path, options: Options) -> Iterator[tuple[str, str, Sample, Sample]]:
    """Yield a row for each command and size: what was run, on what, and what the runs of the two trees cost.

    Raises:
        BenchError: a tree cannot be installed, or a command failed.
    """
    with tempfile.TemporaryDirectory() as scratch:
        homes = {"old": Path(scratch, "old"), "new": Path(scratch, "new")}
        for name, source in (("old", old), ("new", new)):
            install(source, homes[name])
            shutil.copy(source / "entrypoint.py", homes[name])
        rows = [*_registry_commands(homes, options), *_jobs(homes, options, Path(scratch))]
        for what, size, commands in rows:
            yield what, size, *_pair(commands, options)
        for what, size, commands in _ghost_commands(homes, options, Path(scratch)):
            yield what, size, *_pair(commands, options)


Pair = Mapping[str, Command]
Rows = Iterator[tuple[str, str, Pair]]


def _pair(commands: Pair, options: Options) -> tuple[Sample, Sample]:
    found = alternate(commands, options.runs, budget=options.budget)
    return found["old"], found["new"]


def _registry_commands(homes: Mapping[str, Path], options: Options) -> Rows:
    for tags in options.tags:
        made = kept(options.registries, Shape.usual(tags, options.seed))
        for args in (("check-ref", made.typical_tag), ("show",), ("history",)):
            commands = {name: Command((str(home / "bin/gto"), *args), made.folder) for name, home in homes.items()}
            yield f"`gto {args[0]}`", str(made.shape), commands


def _jobs(homes: Mapping[str, Path], options: Options, scratch: Path) -> Rows:
    for tags in options.tags:
        made = kept(options.registries, Shape.usual(tags, options.seed))
        template = scratch / f"checkout-{tags}"
        sha = check_out_tag(made, template, scratch)
        commands = {}
        for name, home in homes.items():
            words = (str(home / "bin/python"), "-I", "-X", "utf8", str(home / "entrypoint.py"))
            job = Job(scratch / f"job-{name}-{tags}", template, made.stage_tag, sha)
            commands[name] = job.command(words, default_inputs())
        yield "the whole job", str(made.shape), commands


def _ghost_commands(homes: Mapping[str, Path], options: Options, scratch: Path) -> Rows:
    carried = patches.prepare(scratch / "ghosts", GHOSTS, options.seed)
    with GitServer(scratch, token=_PASSWORD) as server:
        urls = {"HTTP": server.url("ghosts/ghosts.git", password=_PASSWORD), "file://": f"file://{carried.store}"}
        for transport, url in urls.items():
            environ = environment(GIT_GHOST_REPO=url)
            programs = {name: str(home / "bin/git-ghost") for name, home in homes.items()}
            pushes = {
                name: Command((program, "push"), carried.here, environ, prepare=carried.forget_pushed)
                for name, program in programs.items()
            }
            yield f"`git ghost push`, {transport}", f"{GHOSTS} ghosts", pushes
            patch_hash = output(pushes["old"]).split()[-1]
            pulls = {
                name: Command((program, "pull", patch_hash), carried.there, environ, prepare=carried.forget_pulled)
                for name, program in programs.items()
            }
            yield f"`git ghost pull`, {transport}", f"{GHOSTS} ghosts", pulls


def report(rows: Iterator[tuple[str, str, Sample, Sample]]) -> Iterator[str]:
    """Yield the lines of a Markdown table, with the ratio of medians and how far ratios of single pairs spread."""
    lines = []
    for what, size, old, new in rows:
        ratios = [after / before for before, after in zip(old.wall, new.wall, strict=True)]
        low, _, high = statistics.quantiles(ratios, n=4, method="inclusive")
        times = (f"{1000 * old.median:.1f}", f"{1000 * new.median:.1f}")
        lines.append((what, size, *times, f"{new.median / old.median:.3f}", f"{low:.2f}–{high:.2f}", str(len(ratios))))
        sys.stderr.write(f"{' | '.join(lines[-1])}\n")
    headings = ("command", "on", "old, ms", "new, ms", "new / old", "middle half of pairs", "pairs")
    yield from table(headings, lines, right=(2, 3, 4, 5, 6))


def _main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.trees", description=__doc__)
    parser.add_argument("old", type=_tree, help="the source tree before the change")
    parser.add_argument("new", type=_tree, help="the source tree after it")
    parser.add_argument("--tags", type=to_sizes, default=_USUAL.tags, metavar="N,N,…", help="sizes of the registries")
    parser.add_argument("--runs", type=int, default=_USUAL.runs, help="the most pairs that a row takes")
    parser.add_argument("--budget", type=float, default=_USUAL.budget, help="seconds after which a row takes no more")
    given = parser.parse_args(arguments)
    options = Options(tags=given.tags, runs=given.runs, budget=given.budget)
    try:
        sys.stdout.write("\n".join(report(compare(given.old, given.new, options))) + "\n")
    except BenchError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _tree(text: str) -> Path:
    folder = Path(text).resolve()
    if not (folder / "gto_ci").is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} holds no source tree of gto-ci")
    return folder


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
