"""Face: the way into ``gto``. It answers ``gto check-ref TAG``, as a CI job asks it, without click.

To import click takes as long as all else that this command does. So the plainest command lines are read here, as a
test shows that click reads them; every other one, and every failure, is left to the command line proper.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NamedTuple

from gto_ci.cli import answers


class Asked(NamedTuple):
    """What ``check-ref`` is asked; ``part`` is one of :data:`answers.PARTS`."""

    repo: str
    ref: str
    as_json: bool
    part: str | None


def main() -> None:
    """Run ``gto``, and end the process with its exit code."""
    if _answered(sys.argv[1:]):
        sys.exit(0)
    from gto_ci.cli import gto

    gto.main()


def plain(args: Sequence[str]) -> Asked | None:
    """Return what a plain ``check-ref`` is asked; None for any other command line, right or wrong."""
    repo, formats, refs = ".", list[str](), list[str]()
    words = iter(args[1:] if args[:1] == ["check-ref"] else ())
    for word in words:
        if word in ("-r", "--repo"):
            repo = next(words, "")
        elif word == "--json" or (word.removeprefix("--") in answers.PARTS and word.startswith("--")):
            formats.append(word.removeprefix("--"))
        else:
            refs.append(word)
    if len(refs) != 1 or len(formats) > 1 or not repo or any(word.startswith("-") for word in (repo, *refs)):
        return None
    return Asked(repo, refs[0], formats == ["json"], next((part for part in formats if part != "json"), None))


def _answered(args: Sequence[str]) -> bool:
    asked = None if "_GTO_COMPLETE" in os.environ else plain(args)
    if asked is None:
        return False
    try:
        from gto_ci.api import checking

        meaning = checking.explain_ref(asked.repo, asked.ref)
        if meaning.note:
            sys.stderr.write(f"{meaning.note}\n")
        sys.stdout.write("".join(f"{line}\n" for line in answers.lines(meaning, asked.as_json, asked.part)))
        sys.stdout.flush()
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception:
        return False  # the command line proper meets it again, and knows how to say it
    return True
