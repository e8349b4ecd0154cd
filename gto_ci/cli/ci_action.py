"""``gto-ci action``, the action without its container."""

from __future__ import annotations

import os
import sys

import click

from gto_ci.cli.app import Entry

commands = click.Group()


@commands.command(
    cls=Entry,
    short_help="Do what the action does, in this job",
    examples="""gto-ci action
    gto-ci action --input ref=churn@latest --input require-stage=prod""",
)
@click.option("--input", "-i", "given", multiple=True, metavar="NAME=VALUE", help="An input of the action (repeatable)")
def action(given: tuple[str, ...]) -> int:
    """Do what the action does, without its container: in a job of GitHub Actions, GitLab CI, Forgejo or Gitea.

    Inputs are those of action.yml, as options or as variables: INPUT_NAME on GitHub, GTO_INPUT_NAME on GitLab.
    """
    from gto_ci.cli import action as door

    environ = dict(os.environ)
    for text in given:
        name, divider, value = text.partition("=")
        if not divider or not name:
            raise click.BadParameter(f"{text!r} is not NAME=VALUE.", param_hint="--input")
        environ[f"INPUT_{name.upper()}"] = value
        environ[f"GTO_INPUT_{name.upper().replace('-', '_')}"] = value
    return door.run(environ, sys.stdout)
