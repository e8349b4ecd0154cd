"""Face: ``gto``, the registry at a prompt."""

from __future__ import annotations

import click

from gto_ci.cli import gto_read
from gto_ci.cli.face import SectionedGroup, run, version_line


@click.group(
    name="gto",
    cls=SectionedGroup,
    invoke_without_command=True,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option("--version", "show_version", is_flag=True, help="Show the version and exit")
@click.pass_context
def app(ctx: click.Context, show_version: bool) -> None:
    """Git Tag Ops: turn a Git repository into an artifact registry.

    Annotated tags register versions of artifacts and assign stages to them; these commands read
    what the tags say.
    """
    if show_version and ctx.invoked_subcommand is None:
        click.echo(version_line())


for _part in (gto_read,):
    for _name, _command in _part.commands.commands.items():
        app.add_command(_command, _name)


def main() -> None:
    """Run ``gto``."""
    run(app, "gto")
