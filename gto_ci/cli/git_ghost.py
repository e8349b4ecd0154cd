"""Face: ``git-ghost``, which git runs as ``git ghost``."""

from __future__ import annotations

import click

from gto_ci import __version__
from gto_ci.cli.face import Entry, SectionedGroup, run


@click.group(cls=SectionedGroup, context_settings={"help_option_names": ["-h", "--help"]})
def app() -> None:
    """Carry uncommitted changes to another place, exactly."""


@app.command(cls=Entry)
def version() -> None:
    """Print the version."""
    click.echo(f"git-ghost (gto-ci) {__version__}")


def main() -> None:
    """Run ``git-ghost``."""
    run(app, "git-ghost")
