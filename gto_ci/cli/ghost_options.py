"""``git-ghost``: the options and arguments that its commands share."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from gto_ci.cli.app import note

if TYPE_CHECKING:
    from gto_ci.ghost.names import Kind
    from gto_ci.ghost.session import Session

KINDS = ("diff", "commits", "all")
_NAMES = ("ghost_repo", "ghost_prefix", "src_dir", "ghost_working_dir", "max_size", "verbose")
_SIZE = re.compile(r"([0-9]{1,12})([kKMG]?)B?")
_UNITS = {"": 1, "k": 2**10, "K": 2**10, "M": 2**20, "G": 2**30}
_AGE = re.compile(r"([0-9]{1,5})(h|d|w)")
_SHOWN = 20  # names of files that were left out
F = TypeVar("F", bound=Callable[..., Any])


def _read_size(_ctx: click.Context, _param: click.Parameter, text: str | None) -> int | None:
    if text is None:
        return None
    found = _SIZE.fullmatch(text)
    if not found:
        raise click.BadParameter(f"{text!r} is not a size. Use a number of bytes, or a size such as 500M or 1G.")
    return int(found[1]) * _UNITS[found[2]]


def read_age(_ctx: click.Context, _param: click.Parameter, text: str | None) -> timedelta | None:
    """Parse an age such as ``30d``, ``12h`` or ``8w``."""
    if text is None:
        return None
    found = _AGE.fullmatch(text)
    if not found:
        raise click.BadParameter(f"{text!r} is not an age. Use days (30d), hours (12h) or weeks (8w).")
    unit = {"h": "hours", "d": "days", "w": "weeks"}[found[2]]
    return timedelta(**{unit: int(found[1])})


def common(command: F) -> F:
    """Add the options that the user may write before or after the command's name.

    They are kept in click's context, where :func:`session` reads them. An option after the name wins.
    """
    options = [
        click.option("--ghost-repo", metavar="URL", help="Patch repository (default: GIT_GHOST_REPO)"),
        click.option("--ghost-prefix", metavar="NAME", help="Prefix of ghosts (default: GIT_GHOST_PREFIX, or 'ghost')"),
        click.option(
            "--src-dir",
            type=click.Path(),
            metavar="DIR",
            help="Folder in the source repository (default: current folder)",
        ),
        click.option(
            "--ghost-working-dir",
            type=click.Path(),
            metavar="DIR",
            help="Folder for temporary files (default: the system's temporary folder)",
        ),
        click.option("--max-size", metavar="SIZE", callback=_read_size, help="Refuse larger patches (default: 256M)"),
        click.option("-v", "--verbose", count=True, help="Print details on stderr"),
    ]

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        given = click.get_current_context().ensure_object(dict)
        for name in _NAMES:
            value = kwargs.pop(name)
            if value is not None:
                given[name] = given.get(name, 0) + value if name == "verbose" else value
        return command(*args, **kwargs)

    for option in reversed(options):
        run = option(run)
    return cast(F, run)


@contextmanager
def session() -> Iterator[Session]:
    """Open a session with the options of the running command."""
    from gto_ci.ghost.session import MAX_SIZE, Options, open_session

    given = click.get_current_context().ensure_object(dict)
    options = Options(
        repo=given.get("ghost_repo", ""),
        prefix=given.get("ghost_prefix", ""),
        source=given.get("src_dir", ""),
        working_dir=given.get("ghost_working_dir", ""),
        max_size=given.get("max_size", MAX_SIZE),
        watch=_Transfer() if sys.stderr.isatty() else None,
    )
    with open_session(options, os.environ) as found:
        yield found


def detail(text: str) -> None:
    """With ``-v``, print a detail on stderr."""
    if click.get_current_context().ensure_object(dict).get("verbose"):
        note(text)


def notes(texts: Sequence[str]) -> None:
    """Print notes on stderr, one line each."""
    for text in texts:
        note(f"Note: {text}")


def left_out(names: Sequence[str]) -> None:
    """List the untracked files that a change leaves out, on stderr."""
    if not names:
        return
    from gto_ci.core.errors import one_line

    files = "1 untracked file was" if len(names) == 1 else f"{len(names)} untracked files were"
    note(f"{files} left out. Include all with -u, or one with -I FILE:")
    for name in names[:_SHOWN]:
        note(f"  {one_line(name)}")
    if len(names) > _SHOWN:
        note(f"  … and {len(names) - _SHOWN} more")


def kind_and_words(words: Sequence[str], least: dict[str, int], most: dict[str, int]) -> tuple[Kind, list[str]]:
    """Return the kind in the first of ``words``, or ``diff`` if it names no kind, and the words after the kind.

    Raises:
        click.UsageError: the kind takes more or fewer words.
    """
    kind = cast("Kind", words[0] if words and words[0] in KINDS else "diff")
    rest = list(words[1:] if words and words[0] in KINDS else words)
    if not least[kind] <= len(rest) <= most[kind]:
        number = f"{least[kind]}" if least[kind] == most[kind] else f"{least[kind]} to {most[kind]}"
        raise click.UsageError(f"'{kind}' takes {number} arguments, but got {len(rest)}.")
    return kind, rest


def progress(label: str) -> Callable[[int, int], None] | None:
    """Return a function that draws a progress bar, None if stderr is not a terminal."""
    if not sys.stderr.isatty():
        return None

    def show(done: int, total: int) -> None:
        filled = 30 * done // total
        bar = "█" * filled + "░" * (30 - filled)
        click.echo(f"\r{label} {bar} {done}/{total}", err=True, nl=done == total)

    return show


class _Transfer:
    """Shows git's own progress if a transfer takes more than a second."""

    _PROGRESS = re.compile(r"(?:Receiving|Writing|Resolving|Compressing|Unpacking)[^\r\n]*[\r\n]")

    def __init__(self) -> None:
        self._started = time.monotonic()

    def __call__(self, stderr: str) -> None:
        if time.monotonic() - self._started > 1:
            for line in self._PROGRESS.findall(stderr):
                click.echo(f"\r{line.strip()}  ", err=True, nl="done" in line)
