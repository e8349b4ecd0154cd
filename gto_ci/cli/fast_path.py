"""The entry point of ``gto``, with a fast path that answers ``check-ref``, ``show`` and ``history`` without click.

Importing click takes as long as the rest of ``check-ref``. The fast path also starts git before it imports the code
that formats git's answer, so that both run at the same time. It parses only the simplest command lines, and a test
checks that click parses them in the same way. All other command lines, and all failures, go to click's command line.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from gto_ci.api.open_repository import RepoLike, opened
from gto_ci.cli import output, stdio
from gto_ci.core import names

_FORMS = {
    "check-ref": ("json", *output.REF_PARTS),
    "show": ("json", "plain", *output.ROW_PARTS),
    "history": ("json", "plain"),
}


class PlainCommand(NamedTuple):
    """A simple command line. ``word`` is the command's argument, ``form`` the output format, None for the default."""

    command: str
    repo: str
    word: str | None
    form: str | None


def main() -> None:
    """Run ``gto``, and exit with its exit code."""
    stdio.prepare()
    command = None if "_GTO_COMPLETE" in os.environ else plain(sys.argv[1:])
    if command is None or not _run_plain(command):
        from gto_ci.cli import gto

        gto.main()
    sys.exit(0)


def program() -> None:
    """The entry point of the program ``gto``."""
    stdio.run_and_exit(main)


def plain(args: Sequence[str]) -> PlainCommand | None:
    """Parse a simple command line. Return None for any other command line, valid or not."""
    command = args[0] if args else ""
    repo, forms, others = ".", list[str](), list[str]()
    words = iter(args[1:])
    for word in words:
        if word in ("-r", "--repo"):
            repo = next(words, "")
        elif word.startswith("--") and word[2:] in _FORMS.get(command, ()):
            forms.append(word[2:])
        else:
            others.append(word)
    if command not in _FORMS or len(others) > 1 or len(forms) > 1 or (command == "check-ref" and not others):
        return None
    # with a URL, a failure would cost a second fetch
    if ":" in repo or any(word[:1] in ("", "-") for word in (repo, *others)):
        return None
    return PlainCommand(command, repo, others[0] if others else None, forms[0] if forms else None)


def _run_plain(command: PlainCommand) -> bool:
    notes = list[str]()
    try:
        text = "".join([f"{line}\n" for line in _lines(command, notes)])
        sys.stdout.write(text)
        sys.stdout.flush()
        sys.stderr.write("".join(f"{note}\n" for note in notes))
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(stdio.end_broken_pipe(sys.stdout))
    except Exception:
        return False  # click's command line fails in the same way, and reports the error
    return True


def _lines(command: PlainCommand, notes: list[str]) -> Iterable[str]:
    """Return the lines for stdout. Add the messages for stderr to ``notes``."""
    if command.command == "check-ref":
        from gto_ci.api import tag_meaning

        meaning = tag_meaning.explain_ref(command.repo, command.word or "")
        notes += filter(None, [meaning.note])
        return output.of_ref(meaning, command.form)
    with _reading_ahead(command.repo, command.word) as repository:
        answer = output.of_history if command.command == "history" else output.of_registry
        return list(answer(repository, command.word, command.form, notes.append))


@contextmanager
def _reading_ahead(repo: str, word: str | None) -> Iterator[RepoLike]:
    """Start to read the tags of the artifact in ``word``, or all tags."""
    shortcut = names.match_shortcut(word) if word else None
    artifact = None if word is None else names.check_artifact(shortcut.artifact if shortcut else word)
    with opened(repo) as (repository, _), repository.reading_ahead(artifact) as ahead:
        yield ahead
