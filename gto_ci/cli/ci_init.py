"""``gto-ci init``, which sets a repository up: asked for at a prompt, or by options."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from gto_ci.api import files
from gto_ci.api import init as setup
from gto_ci.api.init import InitOptions, InitTarget, Plan
from gto_ci.api.init_templates import ACTION, WORKFLOW_FILE, check_action, is_pinned
from gto_ci.cli.app import Entry, note
from gto_ci.cli.output import emoji
from gto_ci.core.errors import GtoError
from gto_ci.core.names import check_stage, check_type
from gto_ci.files.config import CONFIG_FILE, POLICY_FILE

commands = click.Group()
T = TypeVar("T")


@commands.command(
    cls=Entry,
    section="Set up",
    short_help="Write .gto, artifacts.yaml, a workflow and rules",
    examples="""gto-ci init
    gto-ci init --stage dev --stage prod --artifact churn=models/churn.pkl --policy --yes
    gto-ci init --stage prod --dry-run""",
)
@click.option("-r", "--repo", default=".", show_default=True, help="Folder in a local repository")
@click.option(
    "--stage", "stages", multiple=True, help="A stage that is allowed, in their order; may be given several times"
)
@click.option("--type", "types", multiple=True, help="A type of artifacts that is allowed; may be given several times")
@click.option(
    "--artifact", "artifacts", multiple=True, metavar="NAME[=PATH]", help="An artifact; may be given several times"
)
@click.option(
    "--workflow/--no-workflow", default=None, help="A workflow for GitHub, on the push of a tag; by default yes"
)
@click.option("--policy/--no-policy", default=None, help="Rules before a deployment, to begin with; by default no")
@click.option("--action", default=ACTION, show_default=True, metavar="OWNER/NAME@REF", help="What the workflow uses")
@click.option("-y", "--yes", is_flag=True, help="Ask nothing, and write")
@click.option("--dry-run", is_flag=True, help="Show what would be written, and write nothing")
def init(repo: str, yes: bool, dry_run: bool, action: str, **given: Any) -> None:
    """Set a repository up: .gto, artifacts.yaml, a workflow and rules.

    On a terminal, what no option says is asked for. Everything is shown before it is written. What
    is there already stays as it is; artifacts are added to an artifacts.yaml.
    """
    site = setup.look(repo, os.environ)
    given = {key: tuple(map(_READERS[key], value)) if key in _READERS else value for key, value in given.items()}
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    if terminal and not yes:
        given = _ask(site, given)
    workflow = given["workflow"] is not False
    plan = setup.plan(
        site,
        InitOptions(**{**given, "workflow": workflow, "policy": bool(given["policy"])}, action=check_action(action)),
    )
    _show(plan)
    if not plan.texts:
        click.echo("There is nothing to write")
    elif dry_run:
        click.echo("Nothing was written, for this was a dry run")
    elif yes or (terminal and click.confirm("Write this?")):
        setup.carry_out(plan)
        _say_what_is_next(plan, repo, placeholder=not is_pinned(action))
    elif terminal:
        click.echo("Nothing was written")
    else:
        raise GtoError("Nothing was written, for there is no terminal to ask on", "To write this, add --yes")


_READERS: dict[str, Callable[[str], Any]] = {
    "stages": check_stage,
    "types": check_type,
    "artifacts": setup.read_artifact,
}


def _ask(site: InitTarget, given: dict[str, Any]) -> dict[str, Any]:
    """Ask for what was not given, and can still be chosen."""
    answers = dict(given)
    if CONFIG_FILE not in site.there:
        answers["stages"] = given["stages"] or _words(
            "Stages in their order, such as: dev prod (none: any)", check_stage
        )
        answers["types"] = given["types"] or _words("Types of artifacts, such as: model (none: any)", check_type)
    if not given["artifacts"]:
        answers["artifacts"] = _words("Artifacts, as NAME or NAME=PATH", setup.read_artifact)
    for key, path, default in (("workflow", WORKFLOW_FILE, True), ("policy", POLICY_FILE, False)):
        if given[key] is None and path not in site.there:
            answers[key] = click.confirm(f"A file {path}?", default=default)
    return answers


def _words(question: str, read: Callable[[str], T]) -> tuple[T, ...]:
    def understood(text: str) -> tuple[T, ...]:
        try:
            return tuple(read(word.strip(",")) for word in text.split())
        except GtoError as error:
            raise click.BadParameter(str(error)) from error  # then click asks once more

    answer: tuple[T, ...] = click.prompt(question, default="", show_default=False, value_proc=understood)
    return answer


def _show(plan: Plan) -> None:
    for text in plan.texts:
        for line in files.difference(text.path, text.before, text.after):
            click.echo(line)
    for sentence in plan.notes:
        note(sentence)


def _say_what_is_next(plan: Plan, repo: str, *, placeholder: bool) -> None:
    written = [text.path for text in plan.texts]
    git = "git" if repo == "." and plan.root.samefile(".") else f"git -C {shlex.quote(str(plan.root))}"
    click.echo(f"{emoji('✅ ')}Written. Next:")
    if placeholder and WORKFLOW_FILE in written:
        click.echo(f"  in {WORKFLOW_FILE}, behind 'uses:', name the release of the action that you use")
    click.echo(f"  {git} add -- {shlex.join(written)}")
    click.echo(f"  {git} commit -m 'Set up the registry'")
    click.echo(f"  {git} push")
    click.echo("  gto register NAME --push")
