"""Rows: what the container costs the whole job, beside the same job outside."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks import image
from benchmarks.job import Job, check_out_tag, default_inputs
from benchmarks.options import PROJECT, Options
from benchmarks.programs import ours
from benchmarks.registries import Made, Shape, kept
from benchmarks.report import Entry, Figure, NotMeasured, Row, at_most
from benchmarks.timing import BenchError, Command, Sample, alternate, output

GROUP = "container"
_UP_TO = 1_000  # tags; the sizes that the whole job has targets for
_TARGET = at_most(1.3)
_NOTHING = ("/bin/true",)
_TOKEN = re.compile(r"\b[0-9a-f]{32}\b")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # where no image says another
_NOTE = (
    "The job is that of the section before. The container sees the job's folder and the remote at the same paths "
    "as outside, and has no network; an empty container runs `/bin/true` instead of the job. Outside: the wheel, with "
    "this machine's Python and git"
)
_NOTE_FILES = (
    "The image's files: the same job with the image's own Python and git, in a `chroot` instead of a container, minus "
    "the time of `/bin/true` in the same `chroot`"
)
# $1: the new root; $2: the folder to start in; up to `--`: folders to see there as they are here; then the program
_ROOTED = """
root=$1 folder=$2; shift 2
while [ "$1" != -- ]; do mount --bind "$1" "$root$1"; shift; done
shift
exec chroot "$root" /usr/bin/env --chdir="$folder" "$@"
"""


def rows(options: Options) -> Iterator[Entry]:
    """Compare the job in the real image with the job outside, and with the image's files outside a container."""
    try:
        engine = image.engine()
    except image.NoEngineError as error:
        yield NotMeasured(GROUP, "the container", str(error))
        return
    sizes = [tags for tags in options.tags if tags <= _UP_TO]
    if not sizes:
        yield NotMeasured(GROUP, "the container", f"only sizes of more than {_UP_TO:,} tags were asked for")
        return
    built = image.build(engine)
    root = image.unpack(engine, built, options.scratch / "root")
    for tags in sizes:
        made = kept(options.registries, Shape.usual(tags, options.seed))
        yield from _rows(options, made, engine, built, root)


def _rows(options: Options, made: Made, engine: Sequence[str], built: str, root: Path) -> Iterator[Entry]:
    template, home = options.scratch / "checkout", options.scratch / "job-container"
    job = Job(home, template, made.stage_tag, check_out_tag(made, template, options.scratch))
    start = ("-I", "-X", "utf8", str(PROJECT / "entrypoint.py"))
    outside = job.command((ours().python, *start), default_inputs())
    seen = (home, made.folder)
    contained = replace(outside, words=_contained(outside, engine, seen, (built,)), environ=os.environ)
    empty = _contained(outside, engine, seen, ("--entrypoint", *_NOTHING, built))
    files = _rooted(outside, root, seen, image.entrypoint(engine, built))
    commands = {
        "outside": outside,
        "container": contained,
        "empty container": replace(contained, words=empty),
        "files": files,
        "empty files": _rooted(outside, root, seen, _NOTHING),
    }
    _same_answers(job, {name: commands[name] for name in ("outside", "container", "files")})
    found = alternate(commands, options.runs, budget=options.budget)
    size = str(made.shape)
    inside = _less(found["container"], found["empty container"])
    files_alone = _less(found["files"], found["empty files"])
    alone = Figure(found["outside"].median * 1000, "ms")
    yield Row(GROUP, "an empty container, start to finish", size, found["empty container"])
    yield Row(GROUP, "the job in a container, start to finish", size, found["container"])
    yield _row(size, inside, alone, "outside", target=_TARGET, note=_NOTE)
    yield _row(size, inside, files_alone, "the image's files", note=_NOTE_FILES)


def _less(whole: Sample, empty: Sample) -> Figure:
    """What is left of one median without the other, in ms."""
    return Figure((whole.median - empty.median) * 1000, "ms")


def _row(size: str, inside: Figure, other: Figure, peer: str, **more: Any) -> Row:
    what = "the job in a container, less an empty container"
    return Row(GROUP, what, size, inside, other, peer, inside.value / other.value, **more)


def _contained(job: Command, engine: Sequence[str], seen: Sequence[Path], rest: Sequence[str]) -> tuple[str, ...]:
    """The words that run an image with the job's environment and folder; ``rest`` are further options and the image."""
    volumes = [f"--volume={folder}:{folder}" for folder in seen]
    # PATH is the image's own
    variables = [f"--env={name}={value}" for name, value in (job.environ or {}).items() if name != "PATH"]
    return (*engine, "run", "--rm", "--network=none", f"--workdir={job.cwd}", *volumes, *variables, *rest)


def _rooted(job: Command, root: Path, seen: Sequence[Path], words: Sequence[str]) -> Command:
    """The job with ``words`` in the files under ``root``, in mounts of its own."""
    folders = [Path("/dev"), Path("/proc"), *seen]
    for folder in folders:
        (root / folder.relative_to("/")).mkdir(parents=True, exist_ok=True)
    own = ("unshare", "--mount", "--propagation", "private", "sh", "-euc", _ROOTED, "sh", str(root), str(job.cwd))
    environ = {**(job.environ or {}), "PATH": _PATH}
    return replace(job, words=(*own, *map(str, folders), "--", *words), environ=environ)


def _same_answers(job: Job, commands: Mapping[str, Command]) -> None:
    """Hold that all of them log the same and give the same outputs; a :class:`BenchError` if not."""
    # what ends a group of untrusted lines is drawn anew in each run
    found = {name: (_TOKEN.sub("", output(command)), job.answers()) for name, command in commands.items()}
    for name, answer in found.items():
        if answer != found["outside"] or not answer[1]:
            raise BenchError(f"The job answers differently: {name}")
