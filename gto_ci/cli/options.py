"""Face: options that several commands have, and what they have in common."""

from __future__ import annotations

import click

option_repo = click.option(
    "-r", "--repo", default=".", show_default=True, help="Folder in a local repository, or a remote's URL"
)
option_json = click.option("--json", "as_json", is_flag=True, help="Print JSON")
option_plain = click.option("--plain", is_flag=True, help="Print a table that is easy to grep")


def one_format(*formats: object) -> None:
    """Refuse more than one output format.

    Raises:
        click.UsageError: several of ``formats`` are set.
    """
    if sum(bool(one) for one in formats) > 1:
        raise click.UsageError("Ask for one output format only.")
