"""What a bench is run with: sizes, seed, runs, folders. Nothing here is tuned to; all of it is an argument."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
TAGS = (10, 1_000, 10_000, 100_000)


@dataclass(frozen=True, slots=True)
class Options:
    """What a bench is run with.

    ``runs`` is the most that a row takes, and ``budget`` the seconds after which it takes no more
    (:func:`benchmarks.timing.alternate`). ``work`` is a folder for registries and for stored rows; it stays.
    """

    tags: tuple[int, ...] = TAGS
    seed: int = 1
    runs: int = 21
    budget: float = 60.0
    work: Path = PROJECT / ".bench"

    @property
    def registries(self) -> Path:
        """The folder of registries that are read only (:func:`benchmarks.registries.kept`)."""
        return self._folder("registries")

    @property
    def scratch(self) -> Path:
        """A folder for what is made during a bench and of no use afterwards."""
        return self._folder("scratch")

    @property
    def rows(self) -> Path:
        """The folder where each group's rows are kept (:func:`benchmarks.report.save`)."""
        return self._folder("rows")

    def _folder(self, name: str) -> Path:
        folder = self.work / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def sizes(self, *wanted: int) -> tuple[int, ...]:
        """Those of ``wanted`` that are among the sizes asked for."""
        return tuple(size for size in wanted if size in self.tags)


def to_sizes(text: str) -> tuple[int, ...]:
    """Return the sizes in an argument such as ``10,1000``, ascending.

    Raises:
        argparse.ArgumentTypeError: it is not positive numbers with commas between them.
    """
    if not re.fullmatch(r"[1-9][0-9]*(,[1-9][0-9]*)*", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not sizes with commas between them, such as 10,1000")
    return tuple(sorted({int(part) for part in text.split(",")}))


def to_folder(text: str) -> Path:
    """Return the folder that an argument names; it need not exist yet.

    Raises:
        argparse.ArgumentTypeError: something else stands there.
    """
    path = Path(text).resolve()
    if path.exists() and not path.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is a file, not a folder")
    return path
