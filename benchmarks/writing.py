"""Rows: making tags, ``gto register`` and ``gto assign``."""

from __future__ import annotations

import functools
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from benchmarks.options import Options
from benchmarks.programs import ours, theirs
from benchmarks.registries import Made, Shape, kept
from benchmarks.report import Entry, NotMeasured, at_least, faster
from benchmarks.timing import BenchError, Command, alternate, environment

GROUP = "writing"
_TARGETS = {10_000: at_least(50)}
_THEIRS_UP_TO = 20_000  # tags; beyond, one run of GTO takes minutes
_STAGE = "canary"
_NOTE = f"`gto assign` puts the version at HEAD into a stage that is still empty ({_STAGE})"


def rows(options: Options) -> Iterator[Entry]:
    """Register a version of a fresh commit; assign a stage to the version in HEAD. Each run starts anew."""
    for tags in options.tags:
        if tags > _THEIRS_UP_TO:
            yield NotMeasured(GROUP, f"{tags:,} tags", "one run of GTO takes minutes")
            continue
        made = kept(options.registries, Shape.usual(tags, options.seed))
        yield _row(options, made, "register", _fresh_commit(made, options.scratch / "template"))
        yield _row(options, made, "assign", _version_in_head(made, options.scratch / "template"))


def _fresh_commit(made: Made, folder: Path) -> Path:
    """A copy of the registry, with a commit that no tag points to in HEAD."""
    copy_anew(made.folder, folder)
    _git(folder, "commit", "--quiet", "--allow-empty", "--message=Fresh")
    return folder


def _version_in_head(made: Made, folder: Path) -> Path:
    """A copy of the registry, with the commit of the newest version of the typical artifact in HEAD."""
    copy_anew(made.folder, folder)
    _git(folder, "checkout", "--quiet", "--detach", made.typical_tag)
    return folder


def _row(options: Options, made: Made, what: str, template: Path) -> Entry:
    words = ("register", made.typical) if what == "register" else ("assign", made.typical, "--stage", _STAGE)
    folders = {name: options.scratch / f"writing-{name}" for name in ("ours", "theirs")}
    programs = {"ours": ours(), "theirs": theirs()}
    commands = {
        name: Command((programs[name].gto, *words), folder, prepare=functools.partial(copy_anew, template, folder))
        for name, folder in folders.items()
    }
    found = alternate(commands, options.runs, budget=options.budget)
    before = set(made.tags)
    new = {name: sorted(set(_git(folder, "tag").splitlines()) - before) for name, folder in folders.items()}
    if new["ours"] != new["theirs"] or len(new["ours"]) != 1:
        raise BenchError(f"gto {' '.join(words)}: not the same one tag is made: {new}")
    note = _NOTE if what == "assign" else ""
    pair = found["ours"], found["theirs"]
    size, target = str(made.shape), _TARGETS.get(made.shape.tags)
    return faster(GROUP, f"`gto {what}`", size, pair, theirs().name, target=target, note=note)


def copy_anew(template: Path, folder: Path) -> None:
    """Make ``folder`` a copy of ``template``, whatever it was before."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(template, folder, symlinks=True)


def _git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *words], env=environment(), capture_output=True, text=True, check=True
    )
    return done.stdout
