"""The program ``git-ghost``, which git runs as ``git ghost``."""

from __future__ import annotations

import click

from gto_ci import __version__
from gto_ci.cli import stdio
from gto_ci.cli.app import Entry, SectionedGroup, run
from gto_ci.cli.ghost_options import common

_COMMANDS = {
    "ghost_transfer": ("push", "pull", "show", "diff", "checkout"),
    "ghost_maintain": ("list", "log", "delete", "gc"),
    "completion": ("completion",),
}
HOMES = {name: f"gto_ci.cli.{module}" for module, names in _COMMANDS.items() for name in names}


@click.group(
    name="git-ghost",
    cls=SectionedGroup,
    homes=HOMES,
    section="Share changes",
    short_help="Share uncommitted changes",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@common
def app() -> None:
    """Share uncommitted changes, byte for byte.

    Push a change to a patch repository. Pull it in any clone at the same commit: in a job, on a
    server, or on a colleague's machine.
    """


@app.command(cls=Entry, short_help="Print the version", section="Set up")
@common
def version() -> None:
    """Print the version."""
    click.echo(f"git-ghost {__version__} (gto-ci)")


def main() -> None:
    """Run ``git-ghost``, and exit with its exit code."""
    run(app, "git-ghost")


def program() -> None:
    """The entry point of the program ``git-ghost``."""
    stdio.run_and_exit(main)
