"""The stop-watch: programs run in turn, each in a process of its own, and what they cost.

Only what stands between the start of a process and its end is measured. Programs that are compared alternate, so that
what else the machine does falls on all of them, and a ratio is one of medians of the same rounds.
"""

from __future__ import annotations

import os
import re
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path

LEAST = 3  # rounds that are always measured, however long they take
_LAUNCH = Path(__file__).with_name("launch.py")
_SAID = 2000  # characters of a failed program's stderr
_PSS = re.compile(r"^Pss:\s+(\d+) kB", re.MULTILINE)


class BenchError(Exception):
    """A program failed; the message holds its words, its exit code and the end of what it said on stderr."""


@dataclass(frozen=True, slots=True)
class Command:
    """What is run. ``prepare`` is called before each run, outside the time.

    ``environ`` is the whole environment (None: :func:`environment`). What it prints is thrown away, or goes to the
    file ``stdout``, anew in each run.
    """

    words: tuple[str, ...]
    cwd: Path | None = None
    environ: Mapping[str, str] | None = None
    prepare: Callable[[], None] | None = None
    stdin: Path | None = None
    stdout: Path | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """What runs of one program cost, an entry a run: wall seconds; CPU seconds and peak bytes of it and its children.

    The peak is that of the largest single process, as the kernel counts it.
    """

    wall: tuple[float, ...]
    cpu: tuple[float, ...]
    peak: tuple[int, ...]

    @property
    def median(self) -> float:
        """The median of the wall times, in seconds."""
        return statistics.median(self.wall)

    @property
    def median_cpu(self) -> float:
        """The median of the CPU times, in seconds."""
        return statistics.median(self.cpu)

    @property
    def median_peak(self) -> int:
        """The median of the peaks, in bytes."""
        return int(statistics.median(self.peak))

    @property
    def spread(self) -> float:
        """How far the middle half of the wall times spreads, as a part of their median."""
        if len(self.wall) < 2:
            return 0.0
        low, _, high = statistics.quantiles(self.wall, n=4, method="inclusive")
        return (high - low) / self.median


def environment(**more: str) -> dict[str, str]:
    """Return the environment in which programs are measured: neither the user's git nor Python settings, no tracking.

    GTO would start a second process that reports its use to its makers (and, without a network, waits for it).
    """
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": "/nonexistent",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "ITERATIVE_DO_NOT_TRACK": "1",
        **more,
    }


def alternate(
    commands: Mapping[str, Command], runs: int, warmup: int = 1, budget: float | None = None
) -> dict[str, Sample]:
    """Run the commands in turn, and return what each one's runs cost, under the same names.

    Every other round goes backwards, so none is always the first. Each command runs ``warmup`` times unmeasured, then
    ``runs`` times; after :data:`LEAST` rounds no new one begins when ``budget`` seconds are over.

    Raises:
        BenchError: a command ended with another code than 0, or cannot be started.
    """
    for _ in range(warmup):
        for command in commands.values():
            _measure(command)
    costs: dict[str, list[tuple[float, float, int]]] = {name: [] for name in commands}
    order = list(commands)
    start = time.monotonic()
    for number in range(runs):
        if budget is not None and number >= LEAST and time.monotonic() - start > budget:
            break
        for name in order[:: -1 if number % 2 else 1]:
            costs[name].append(_measure(commands[name]))
    return {name: _sample(found) for name, found in costs.items()}


def output(command: Command) -> str:
    """Run a command once, and return what it prints; for looking at answers, not for measuring.

    Raises:
        BenchError: it ended with another code than 0, or cannot be started.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "stdout"
        _measure(replace(command, stdout=file))
        return file.read_text(encoding="utf-8", errors="surrogateescape")


def same_output(one: Command, other: Command) -> None:
    """Compare what the last runs of two commands left in their files ``stdout``.

    Raises:
        BenchError: it differs, so their times do not compare.
    """
    assert one.stdout is not None
    assert other.stdout is not None
    lines, others = (file.read_text(errors="replace").splitlines() for file in (one.stdout, other.stdout))
    for number, (line, another) in enumerate(zip_longest(lines, others), start=1):
        if line != another:
            words = shlex.join(one.words)
            raise BenchError(f"{words}\nprints another line {number} than its peer: {line!r}, {another!r}")


def _sample(costs: list[tuple[float, float, int]]) -> Sample:
    wall, cpu, peak = zip(*costs, strict=True)
    return Sample(wall, cpu, peak)


def _measure(command: Command) -> tuple[float, float, int]:
    """Run a command once; wall seconds, CPU seconds, peak bytes."""
    if command.prepare:
        command.prepare()
    reading, writing = os.pipe()
    with (
        os.fdopen(reading) as report,
        tempfile.TemporaryFile() as said,
        _opened(command.stdin, "rb") as stdin,
        _opened(command.stdout, "wb") as stdout,
    ):
        launched = subprocess.run(
            [sys.executable, "-I", "-S", str(_LAUNCH), str(writing), *command.words],
            cwd=command.cwd,
            env=environment() if command.environ is None else dict(command.environ),
            stdin=stdin,
            stdout=stdout,
            stderr=said,
            pass_fds=(writing,),
            check=False,
        )
        os.close(writing)
        numbers = report.read().split()
        code = int(numbers[3]) if numbers else launched.returncode
        if code or not numbers:
            said.seek(0)
            text = said.read().decode(errors="replace")[-_SAID:]
            raise BenchError(f"{shlex.join(command.words)}\nended with {code}\n{text}")
    return float(numbers[0]), float(numbers[1]), int(numbers[2])


@contextmanager
def _opened(path: Path | None, mode: str) -> Iterator[int]:
    """The file descriptor of ``path``, or that of nothing."""
    if path is None:
        yield subprocess.DEVNULL
        return
    with path.open(mode) as file:
        yield file.fileno()


@dataclass(frozen=True, slots=True)
class Memory:
    """Peaks in bytes: of the program's own process, and of it and all its children together."""

    own: int
    together: int


def watch_memory(command: Command) -> Memory:
    """Run a command once, and look at the memory of its processes every few milliseconds.

    Unlike :attr:`Sample.peak` this tells a program from its children, which the kernel does not. What two processes
    share counts once. A peak that is shorter than the time between two looks is missed.

    Raises:
        BenchError: it ended with another code than 0.
    """
    environ = environment() if command.environ is None else dict(command.environ)
    own = together = 0
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(
            command.words, cwd=command.cwd, env=environ, stdout=subprocess.DEVNULL, stderr=said
        ) as process,
    ):
        while process.poll() is None:
            sizes = [_resident(number) for number in _family(process.pid)]
            own, together = max(own, sizes[0]), max(together, sum(sizes))
            time.sleep(0.005)
        if process.returncode:
            said.seek(0)
            raise BenchError(f"{shlex.join(command.words)}\nended with {process.returncode}\n{said.read().decode()}")
    return Memory(own, together)


def _family(process: int) -> list[int]:
    """The numbers of a process, its children and theirs."""
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except OSError:
        return [process]  # it has ended
    return [process, *(number for child in children for number in _family(int(child)))]


def _resident(process: int) -> int:
    """The bytes of memory that a process takes, its part of what it shares included; 0 when it has ended."""
    try:
        found = _PSS.search(Path(f"/proc/{process}/smaps_rollup").read_text())
    except OSError:
        return 0
    return int(found[1]) * 1024 if found else 0
