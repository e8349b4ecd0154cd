"""The exact packages that make up DVC and its extras.

``make lock`` writes ``dvc.lock`` with uv: DVC with all its extras, each package with the hashes of its files and, in
comments, its parents. From these comments follow the lines that one job needs. pip installs exactly these lines and
resolves nothing. One lock for each extra would repeat the 2,400 lines of DVC itself: 17,251 lines in place of 2,837.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gto_ci.core.errors import WrongInput, quote

_NAME = re.compile(r"([a-z0-9-]+)(?:\[([a-z0-9, -]+)\])?==(\S+)")
_FOR = re.compile(r"^    # (?:via |  )(\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Package:
    """A package of the lock in one version; ``parents`` need it, and ``text`` is its lines in the lock."""

    name: str
    version: str
    extras: tuple[str, ...]
    parents: frozenset[str]
    text: str


@dataclass(frozen=True, slots=True)
class Lock:
    """The packages that DVC and its extras need, some in several versions, for several versions of Python."""

    packages: tuple[Package, ...]

    @classmethod
    def parse(cls, text: str) -> Lock:
        """Return the packages of a requirements file as ``uv pip compile --no-strip-extras`` writes it."""
        return cls(tuple(_package(part) for part in re.split(r"\n(?=[a-z])", text) if _NAME.match(part)))

    @classmethod
    def packaged(cls) -> Lock:
        """Return the lock in this version of gto-ci."""
        return cls.parse(Path(__file__).with_name("dvc.lock").read_text(encoding="utf-8"))

    @property
    def dvc(self) -> Package:
        """DVC itself."""
        return next(package for package in self.packages if package.name == "dvc")

    def check_extras(self, extras: Sequence[str]) -> tuple[str, ...]:
        """Return ``extras`` in order, each once.

        Raises:
            WrongInput: the lock has no such extra of DVC.
        """
        for extra in extras:
            if extra not in self.dvc.extras:
                raise WrongInput(
                    f"DVC has no extra {quote(extra)} that can be installed here",
                    f"Known: {', '.join(self.dvc.extras)}; for another, run 'dvc pull' in a step of your own",
                )
        return tuple(sorted(set(extras)))

    def requirements(self, extras: Sequence[str]) -> str:
        """Return the lines of the lock for DVC with ``extras`` and all dependencies."""
        unwanted = {f"dvc-{extra}" for extra in self.dvc.extras if extra not in extras}
        candidates = [package for package in self.packages if package.name not in unwanted]
        needed = {"dvc"}
        while more := {package.name for package in candidates if package.parents & needed} - needed:
            needed |= more
        return "".join(package.text for package in candidates if package.name in needed)


def _package(text: str) -> Package:
    found = _NAME.match(text)
    assert found is not None
    extras = tuple(extra.strip() for extra in (found[2] or "").split(",") if extra)
    return Package(found[1], found[3], extras, frozenset(_FOR.findall(text)), text.rstrip("\n") + "\n")
