"""``gto-ci init``: set up a repository, with answers from prompts or from options."""

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
    short_help="Write .gto, artifacts.yaml, a workflow and a policy",
    examples="""gto-ci init
    gto-ci init --stage dev --stage prod --artifact churn=models/churn.pkl --policy --yes
    gto-ci init --stage prod --dry-run""",
)
@click.option("-r", "--repo", default=".", show_default=True, help="Folder in a local repository")
@click.option("--stage", "stages", multiple=True, help="Allow this stage (repeatable, in order)")
@click.option("--type", "types", multiple=True, help="Allow this artifact type (repeatable)")
@click.option(
    "--artifact", "artifacts", multiple=True, metavar="NAME[=PATH]", help="Annotate this artifact (repeatable)"
)
@click.option(
    "--workflow/--no-workflow",
    default=None,
    help="Write a GitHub workflow that runs when a tag is pushed (default: yes)",
)
@click.option("--policy/--no-policy", default=None, help="Write a starter policy (default: no)")
@click.option(
    "--action", default=ACTION, show_default=True, metavar="OWNER/NAME@REF", help="Action for the workflow to use"
)
@click.option("-y", "--yes", is_flag=True, help="Write the files without asking")
@click.option("--dry-run", is_flag=True, help="Show the files, but write nothing")
def init(repo: str, yes: bool, dry_run: bool, action: str, **given: Any) -> None:
    """Set up a repository: write .gto, artifacts.yaml, a workflow and a policy.

    On a terminal, init asks about everything that no option sets. It shows all files before it
    writes them. Existing files stay as they are, except that artifacts.yaml gets new artifacts.
    """
    target = setup.inspect(repo, os.environ)
    given = {key: tuple(map(_READERS[key], value)) if key in _READERS else value for key, value in given.items()}
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    if terminal and not yes:
        given = _ask(target, given)
    workflow = given["workflow"] is not False
    plan = setup.plan(
        target,
        InitOptions(**{**given, "workflow": workflow, "policy": bool(given["policy"])}, action=check_action(action)),
    )
    _show(plan)
    if not plan.texts:
        click.echo("There is nothing to write")
    elif dry_run:
        click.echo("This was a dry run: nothing was written")
    elif yes or (terminal and click.confirm("Write these files?")):
        setup.write_plan(plan)
        _show_next_steps(plan, repo, placeholder=not is_pinned(action))
    elif terminal:
        click.echo("Nothing was written")
    else:
        raise GtoError("Nothing was written: without a terminal, init cannot ask", "Add --yes to write the files")


_READERS: dict[str, Callable[[str], Any]] = {
    "stages": check_stage,
    "types": check_type,
    "artifacts": setup.read_artifact,
}


def _ask(target: InitTarget, given: dict[str, Any]) -> dict[str, Any]:
    """Ask for each setting that has no option, unless its file exists."""
    answers = dict(given)
    if CONFIG_FILE not in target.existing:
        answers["stages"] = given["stages"] or _prompt_words(
            "Stages in order, such as: dev prod (empty: any)", check_stage
        )
        answers["types"] = given["types"] or _prompt_words("Artifact types, such as: model (empty: any)", check_type)
    if not given["artifacts"]:
        answers["artifacts"] = _prompt_words("Artifacts, as NAME or NAME=PATH", setup.read_artifact)
    for key, path, default in (("workflow", WORKFLOW_FILE, True), ("policy", POLICY_FILE, False)):
        if given[key] is None and path not in target.existing:
            answers[key] = click.confirm(f"Write {path}?", default=default)
    return answers


def _prompt_words(question: str, read: Callable[[str], T]) -> tuple[T, ...]:
    def parse(text: str) -> tuple[T, ...]:
        try:
            return tuple(read(word.strip(",")) for word in text.split())
        except GtoError as error:
            raise click.BadParameter(str(error)) from error  # click then asks again

    answer: tuple[T, ...] = click.prompt(question, default="", show_default=False, value_proc=parse)
    return answer


def _show(plan: Plan) -> None:
    for text in plan.texts:
        for line in files.difference(text.path, text.before, text.after):
            click.echo(line)
    for sentence in plan.notes:
        note(sentence)


def _show_next_steps(plan: Plan, repo: str, *, placeholder: bool) -> None:
    written = [text.path for text in plan.texts]
    git = "git" if repo == "." and plan.root.samefile(".") else f"git -C {shlex.quote(str(plan.root))}"
    click.echo(f"{emoji('✅ ')}The files were written. Next steps:")
    if placeholder and WORKFLOW_FILE in written:
        click.echo(f"  in {WORKFLOW_FILE}, set 'uses:' to the release of the action that you use")
    click.echo(f"  {git} add -- {shlex.join(written)}")
    click.echo(f"  {git} commit -m 'Set up the registry'")
    click.echo(f"  {git} push")
    click.echo("  gto register NAME --push")
