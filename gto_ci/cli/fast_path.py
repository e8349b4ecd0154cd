"""The way into ``gto``. It answers ``check-ref``, ``show`` and ``history``, plainly asked, without click.

To import click takes as long as all else that ``check-ref`` does. And git is started before what makes a table of
its answer is imported, so that the one does not wait for the other. The plainest command lines are read here, as a
test shows that click reads them; every other one, and every failure, is left to the command line proper.
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
    """What is asked: ``word`` is the command's argument; ``form`` what is to be printed, None for the usual."""

    command: str
    repo: str
    word: str | None
    form: str | None


def main() -> None:
    """Run ``gto``, and end the process with its exit code."""
    stdio.prepare()
    asked = None if "_GTO_COMPLETE" in os.environ else plain(sys.argv[1:])
    if asked is None or not _answered(asked):
        from gto_ci.cli import gto

        gto.main()
    sys.exit(0)


def program() -> None:
    """Be the command ``gto``."""
    stdio.run_and_leave(main)


def plain(args: Sequence[str]) -> PlainCommand | None:
    """Return what a plain command line asks; None for any other one, right or wrong."""
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
    # a URL costs too much to be asked twice
    if ":" in repo or any(word[:1] in ("", "-") for word in (repo, *others)):
        return None
    return PlainCommand(command, repo, others[0] if others else None, forms[0] if forms else None)


def _answered(asked: PlainCommand) -> bool:
    notes = list[str]()
    try:
        text = "".join([f"{line}\n" for line in _lines(asked, notes)])
        sys.stdout.write(text)
        sys.stdout.flush()
        sys.stderr.write("".join(f"{note}\n" for note in notes))
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(stdio.reader_left(sys.stdout))
    except Exception:
        return False  # the command line proper meets it again, and knows how to say it
    return True


def _lines(asked: PlainCommand, notes: list[str]) -> Iterable[str]:
    """What is printed; ``notes`` gets what a person is told beside it."""
    if asked.command == "check-ref":
        from gto_ci.api import tag_meaning

        meaning = tag_meaning.explain_ref(asked.repo, asked.word or "")
        notes += filter(None, [meaning.note])
        return output.of_ref(meaning, asked.form)
    with _reading_ahead(asked.repo, asked.word) as repository:
        answer = output.of_history if asked.command == "history" else output.of_registry
        return list(answer(repository, asked.word, asked.form, notes.append))


@contextmanager
def _reading_ahead(repo: str, word: str | None) -> Iterator[RepoLike]:
    """Start to read the tags of the artifact that ``word`` names, or of all."""
    shortcut = names.match_shortcut(word) if word else None
    artifact = None if word is None else names.check_artifact(shortcut.artifact if shortcut else word)
    with opened(repo) as (repository, _), repository.reading_ahead(artifact) as ahead:
        yield ahead
