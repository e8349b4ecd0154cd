"""``gto-ci``, which has everything: the registry's commands, ``ghost``, and what only CI needs."""

from __future__ import annotations

import click

from gto_ci import __version__
from gto_ci.cli import git_ghost, gto, stdio
from gto_ci.cli.app import SectionedGroup, run

_HOMES = {
    **gto.HOMES,
    "action": "gto_ci.cli.ci_action",
    "gate": "gto_ci.cli.ci_gate",
    "init": "gto_ci.cli.ci_init",
    "doctor": "gto_ci.cli.ci_doctor",
    "check": "gto_ci.cli.ci_check",
}


@click.group(cls=SectionedGroup, homes=_HOMES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="gto-ci")
def app() -> None:
    """A Git repository as an artifact registry, for CI and for people."""


app.add_command(git_ghost.app, "ghost")


def main() -> None:
    """Run ``gto-ci``."""
    run(app, "gto-ci")


def program() -> None:
    """Be the command ``gto-ci``."""
    stdio.run_and_leave(main)
