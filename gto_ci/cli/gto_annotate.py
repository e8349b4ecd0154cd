"""``gto``, the commands that keep ``artifacts.yaml``."""

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
    """The options that both commands have, in the order of their help."""
    for option in reversed(
        [
            click.option("--commit", is_flag=True, help="Commit the file, and nothing else that may be changed"),
            click.option("--push", is_flag=True, help="Commit the file, and push the branch"),
            click.option("--dry-run", is_flag=True, help="Say what would be changed, and do nothing"),
        ]
    ):
        command = option(command)
    return command


@commands.command(
    cls=Entry,
    section=ANNOTATE,
    examples="""gto annotate churn --type model --path s3://awesome/model.pkl
    gto annotate churn --path models/churn.pkl --must-exist --label nlp --label fast
    gto annotate churn --description "Who is about to leave" --push""",
)
@option_repo
@click.argument("name", shell_complete=artifact_names)
@click.option("--type", help="Type of the artifact, such as model; .gto may list those that are allowed")
@click.option("--path", help="Where it is: a path in the repository, or a URL")
@click.option(
    "-e", "--must-exist", "--must_exist", "must_exist", is_flag=True, help="The path is committed to this repository"
)
@click.option("--label", "labels", multiple=True, help="A label to add; may be given several times")
@click.option("-d", "--description", default="", help="What it is, in words")
@_options
def annotate(**options: Any) -> None:
    """Write down in artifacts.yaml what the artifact NAME is.

    What is not given stays as it was; labels are added to those there are.
    """
    from gto_ci import api

    api.annotate(**options, stdout=click.echo)


@commands.command(cls=Entry, section=ANNOTATE, examples="gto remove churn\ngto remove churn --commit")
@option_repo
@click.argument("name", shell_complete=artifact_names)
@_options
def remove(**options: Any) -> None:
    """Take the artifact NAME out of artifacts.yaml. Its tags stay."""
    from gto_ci import api

    api.remove(**options, stdout=click.echo)
