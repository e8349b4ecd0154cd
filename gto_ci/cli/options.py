"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

import click

READ = "Read the registry"  # the heading of the commands that read

option_repo = click.option(
    "-r", "--repo", default=".", show_default=True, help="Folder in a local repository, or the URL of a remote"
)
option_json = click.option("--json", "as_json", is_flag=True, help="Print JSON")
option_plain = click.option("--plain", is_flag=True, help="Print a table without borders, for grep")

option_verify = click.option("--verify", is_flag=True, help="Verify the tags' signatures")


def one_format(*formats: object) -> None:
    """Refuse more than one output format.

    Raises:
        click.UsageError: more than one of ``formats`` is set.
    """
    if sum(map(bool, formats)) > 1:
        raise click.UsageError("Choose only one output format.")


def option_parts(**parts: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add an option ``--NAME`` for each keyword, which prints only that part. The keyword's value is the help text.

    The command receives the name of the chosen part as ``part``, or None. Choosing several parts is a usage error.
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
