"""The program ``gto``: the registry on the command line."""

from __future__ import annotations

import os
from pathlib import Path

import click

from gto_ci.cli.app import SectionedGroup, note, run, settings_lines, version_line
from gto_ci.files import config

_COMMANDS = {
    "gto_check": ("check-ref",),
    "gto_read": ("show", "history", "describe", "stages", "doctor"),
    "gto_write": ("register", "assign", "deprecate"),
    "gto_annotate": ("annotate", "remove"),
    "completion": ("completion",),
}
_HIDDEN = {"gto_check": ("parse-tag",), "gto_read": ("print-state", "print-index")}
HOMES = {
    name: f"gto_ci.cli.{module}" for table in (_COMMANDS, _HIDDEN) for module, names in table.items() for name in names
}


@click.group(
    name="gto",
    cls=SectionedGroup,
    homes=HOMES,
    invoke_without_command=True,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option("--version", "show_version", is_flag=True, help="Show the version and exit")
@click.option("-v", "--verbose", is_flag=True, help="Print the settings in effect on stderr first")
@click.option("--traceback", "--tb", is_flag=True, hidden=True, expose_value=False)  # app.run reads it
@click.pass_context
def app(ctx: click.Context, show_version: bool, verbose: bool) -> None:
    """Git Tag Ops: turn a Git repository into an artifact registry.

    Annotated tags register versions of artifacts and assign stages to them. These commands create
    and read the tags.
    """
    if show_version and ctx.invoked_subcommand is None:
        click.echo(version_line())
    if verbose:
        note("\n".join(settings_lines(config.load(Path(), os.environ))))


def main() -> None:
    """Run ``gto``, and exit with its exit code."""
    run(app, "gto")
