"""Rows: how many instructions ``gto check-ref`` executes, which is the same in every run, whatever else a machine does.

``python -m benchmarks.instructions NAME=FOLDER …`` counts for the source trees in the folders, and prints a table in
which the first is what the others are compared with: how CI shows what a pull request costs.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.options import Options
from benchmarks.programs import install, ours
from benchmarks.registries import Made, Shape, kept
from benchmarks.report import Entry, Figure, NotMeasured, Row, table
from benchmarks.timing import BenchError, Command, alternate, environment

GROUP = "instructions"
_TAGS = 10
_NOTE = (
    "Counted by `valgrind --tool=callgrind` with warm bytecode and a fixed hash seed; git, a process of its own, is "
    "not counted"
)
_TOTAL = re.compile(r"^(?:summary|totals): (\d+)", re.MULTILINE)


def rows(options: Options) -> Iterator[Entry]:
    """Count for ours, and for a Python that does nothing."""
    if not shutil.which("valgrind"):
        yield NotMeasured(GROUP, "`gto check-ref`", "valgrind is not installed")
        return
    made = kept(options.registries, Shape.usual(_TAGS, options.seed))
    nothing = count((ours().python, "-c", "pass"))
    whole = count(_words(ours().python, ours().gto, made), made.folder)
    python = f"`{Path(sys.executable).name} -c pass`"
    yield Row(
        GROUP,
        "`gto check-ref`",
        str(made.shape),
        _millions(whole),
        _millions(nothing),
        python,
        whole / nothing,
        note=_NOTE,
    )
    yield Row(GROUP, "`gto check-ref`, without Python's own start", str(made.shape), _millions(whole - nothing))


def count(words: tuple[str, ...], folder: Path | None = None) -> int:
    """Return how many instructions a program executes, its children left out.

    Raises:
        BenchError: it failed.
    """
    alternate({"warm": Command(words, folder)}, 1, warmup=0)
    with tempfile.TemporaryDirectory() as scratch:
        valgrind = ("valgrind", "--quiet", "--tool=callgrind", "--trace-children=no")
        place = f"--callgrind-out-file={scratch}/%p"
        command = Command((*valgrind, place, *words), folder, environment(PYTHONHASHSEED="0"))
        alternate({"counted": command}, 1, warmup=0)
        # a child that is forked, and then becomes git, may leave a file of its own: with less in it
        found = [int(total) for file in Path(scratch).iterdir() for total in _TOTAL.findall(file.read_text())]
    if not found:
        raise BenchError(f"{' '.join(words)}\ncallgrind has counted nothing")
    return max(found)


def _words(python: str, gto: str, made: Made) -> tuple[str, ...]:
    return (python, gto, "check-ref", made.typical_tag)


def _millions(number: int) -> Figure:
    return Figure(number / 1e6, "million")


def compare(trees: Sequence[tuple[str, Path]], options: Options) -> list[str]:
    """Return the lines of a Markdown table: instructions of each tree's ``gto check-ref``, beside the first one's."""
    made = kept(options.registries, Shape.usual(_TAGS, options.seed))
    counts: list[tuple[str, int]] = []
    for name, source in trees:
        if not (source / "gto_ci").is_dir():
            continue  # a commit from before there was a package
        with tempfile.TemporaryDirectory() as scratch:
            home = Path(scratch) / "venv"
            install(source, home)
            counts.append((name, count(_words(str(home / "bin/python"), str(home / "bin/gto"), made), made.folder)))
    lines = [(name, f"{number:,}", f"{number / counts[0][1] - 1:+.2%}") for name, number in counts]
    return list(table(("`gto check-ref`, 10 tags", "instructions", "change"), lines, right=(1, 2)))


def _main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.instructions", description=__doc__)
    parser.add_argument("trees", nargs="+", type=_tree, metavar="NAME=FOLDER", help="a source tree, and its name")
    sys.stdout.write("\n".join(compare(parser.parse_args(arguments).trees, Options())) + "\n")


def _tree(text: str) -> tuple[str, Path]:
    name, _, folder = text.partition("=")
    if not folder or not Path(folder).is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=FOLDER with a folder that exists")
    return name, Path(folder)


if __name__ == "__main__":
    _main(sys.argv[1:])
