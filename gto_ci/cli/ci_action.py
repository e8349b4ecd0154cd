"""``gto-ci action``: run the action without its container."""

from __future__ import annotations

import os
import sys

import click

from gto_ci.cli.app import Entry

commands = click.Group()


@commands.command(
    cls=Entry,
    section="Use in CI and hooks",
    short_help="Run the action in this job, without its container",
    examples="""gto-ci action
    gto-ci action --input ref=churn@latest --input require-stage=prod""",
)
@click.option("--input", "-i", "inputs", multiple=True, metavar="NAME=VALUE", help="Set an action input (repeatable)")
def action(inputs: tuple[str, ...]) -> int:
    """Run the action without its container, in a job of GitHub Actions, GitLab CI, Forgejo or Gitea.

    action.yml lists the inputs. Set an input with --input or with a variable: INPUT_NAME on GitHub,
    GTO_INPUT_NAME on GitLab.
    """
    from gto_ci.cli import action as entry

    environ = dict(os.environ)
    for text in inputs:
        name, divider, value = text.partition("=")
        if not divider or not name:
            raise click.BadParameter(f"{text!r} is not NAME=VALUE.", param_hint="--input")
        environ[f"INPUT_{name.upper()}"] = value
        environ[f"GTO_INPUT_{name.upper().replace('-', '_')}"] = value
    return entry.run(environ, sys.stdout)
