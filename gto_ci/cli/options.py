"""Options that several commands have, and what they have in common."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

import click

READ = "Read the registry"  # the heading of commands that do

option_repo = click.option(
    "-r", "--repo", default=".", show_default=True, help="Folder in a local repository, or a remote's URL"
)
option_json = click.option("--json", "as_json", is_flag=True, help="Print JSON")
option_plain = click.option("--plain", is_flag=True, help="Print a table that is easy to grep")

option_verify = click.option("--verify", is_flag=True, help="Check the signatures of the tags")


def one_format(*formats: object) -> None:
    """Refuse more than one output format.

    Raises:
        click.UsageError: several of ``formats`` are set.
    """
    if sum(bool(one) for one in formats) > 1:
        raise click.UsageError("Ask for one output format only.")


def option_parts(**parts: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command an option ``--NAME`` for each keyword, whose value is the help text, to print that part alone.

    The command gets the name of the part that is asked for as ``part``, None where none is; to ask
    for several is a usage error.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def run(*args: object, **kwargs: object) -> None:
            chosen = [name for name in parts if kwargs.pop(f"part_{name}")]
            one_format(*chosen)
            command(*args, part=chosen[0] if chosen else None, **kwargs)

        for name, text in reversed(parts.items()):
            run = click.option(f"--{name}", f"part_{name}", is_flag=True, help=text)(run)
        return run

    return decorate
