"""The program ``gto-ci``: the commands of ``gto``, ``git-ghost`` as ``ghost``, and the commands for CI."""

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
    """Use a Git repository as an artifact registry, in CI and on the command line."""


app.add_command(git_ghost.app, "ghost")


def main() -> None:
    """Run ``gto-ci``, and exit with its exit code."""
    run(app, "gto-ci")


def program() -> None:
    """The entry point of the program ``gto-ci``."""
    stdio.run_and_exit(main)
