"""``git-ghost``, which git runs as ``git ghost``."""

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
    name="git-ghost", cls=SectionedGroup, homes=HOMES, context_settings={"help_option_names": ["-h", "--help"]}
)
@common
def app() -> None:
    """Carry uncommitted changes to another place, exactly.

    A change is pushed to a repository for patches, and pulled wherever the same commit is checked
    out: in a job, on a server, by a colleague.
    """


@app.command(cls=Entry, section="Set up")
@common
def version() -> None:
    """Print the version."""
    click.echo(f"git-ghost {__version__} (gto-ci)")


def main() -> None:
    """Run ``git-ghost``."""
    run(app, "git-ghost")


def program() -> None:
    """Be the command ``git-ghost``."""
    stdio.run_and_leave(main)
