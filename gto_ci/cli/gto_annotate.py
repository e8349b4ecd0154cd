"""``gto``: the commands that edit ``artifacts.yaml``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from gto_ci.cli.app import Entry
from gto_ci.cli.completion import artifact_names
from gto_ci.cli.options import option_repo

ANNOTATE = "Manage annotations"

commands = click.Group()
F = TypeVar("F", bound=Callable[..., Any])


def _options(command: F) -> F:
    """Add the options that both commands share, in the order of the help."""
    for option in reversed(
        [
            click.option("--commit", is_flag=True, help="Commit artifacts.yaml and nothing else"),
            click.option("--push", is_flag=True, help="Commit artifacts.yaml, and push the branch"),
            click.option("--dry-run", is_flag=True, help="Show the change, but write nothing"),
        ]
    ):
        command = option(command)
    return command


@commands.command(
    cls=Entry,
    short_help="Describe an artifact in artifacts.yaml",
    section=ANNOTATE,
    examples="""gto annotate churn --type model --path s3://awesome/model.pkl
    gto annotate churn --path models/churn.pkl --must-exist --label nlp --label fast
    gto annotate churn --description "Who is about to leave" --push""",
)
@option_repo
@click.argument("name", shell_complete=artifact_names)
@click.option("--type", help="Type of the artifact, such as model; .gto may limit the types")
@click.option("--path", help="Path of the artifact in the repository, or its URL")
@click.option(
    "-e", "--must-exist", "--must_exist", "must_exist", is_flag=True, help="Refuse a path that is not committed"
)
@click.option("--label", "labels", multiple=True, help="Label to add (repeatable)")
@click.option("-d", "--description", default="", help="Description of the artifact")
@_options
def annotate(**options: Any) -> None:
    """Describe the artifact NAME in artifacts.yaml.

    A field without an option stays as it is. New labels are added to the existing labels.
    """
    from gto_ci import api

    api.annotate(**options, stdout=click.echo)


@commands.command(
    cls=Entry,
    short_help="Remove an artifact from artifacts.yaml",
    section=ANNOTATE,
    examples="gto remove churn\ngto remove churn --commit",
)
@option_repo
@click.argument("name", shell_complete=artifact_names)
@_options
def remove(**options: Any) -> None:
    """Remove the artifact NAME from artifacts.yaml. Its tags stay."""
    from gto_ci import api

    api.remove(**options, stdout=click.echo)
