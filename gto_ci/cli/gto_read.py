"""``gto``, the commands that read the registry."""

from __future__ import annotations

from typing import Any

import click

from gto_ci.api import queries
from gto_ci.cli import output
from gto_ci.cli.app import Entry, note, raw, version_line
from gto_ci.cli.completion import artifact_names
from gto_ci.cli.options import READ, one_format, option_json, option_parts, option_plain, option_repo, option_verify
from gto_ci.cli.output import emoji
from gto_ci.core.errors import WrongArguments
from gto_ci.render import views

commands = click.Group()

option_all_branches = click.option(
    "-a", "--all-branches", is_flag=True, help="Read the annotations in the heads of all branches, not only in HEAD"
)
option_all_commits = click.option(
    "-A", "--all-commits", is_flag=True, help="Read the annotations in all commits of all branches"
)


@commands.command(
    cls=Entry,
    section=READ,
    examples="""gto show
    gto show churn
    gto show churn@greatest --ref
    gto show churn#prod --version""",
)
@option_repo
@click.argument("name", required=False, shell_complete=artifact_names)
@option_all_branches
@option_all_commits
@option_json
@option_plain
@option_parts(**output.ROW_PARTS)
@click.option("--ro", "--registered-only", "registered_only", is_flag=True, help="Leave out unregistered versions")
@click.option("-d", "--deprecated", is_flag=True, help="Include what is deprecated or deregistered")
@click.option(
    "--av",
    "--assignments-per-version",
    "assignments_per_version",
    type=click.IntRange(min=-1),
    default=-1,
    show_default=True,
    help="Count the last N stages of each version; -1 for all",
)
@click.option(
    "--vs",
    "--versions-per-stage",
    "versions_per_stage",
    type=click.IntRange(min=-1),
    default=1,
    show_default=True,
    help="Count the last N versions in each stage, after --av; -1 for all",
)
@click.option(
    "--sort",
    type=click.Choice(["timestamp", "semver"]),
    default="timestamp",
    show_default=True,
    help="What makes a version the last in its stage: the assignment's date, or SemVer",
)
def show(repo: str, name: str | None, as_json: bool, plain: bool, part: str | None, **options: Any) -> None:
    """Show all artifacts, or the versions of one.

    NAME is an artifact, or a shortcut to some of its versions: NAME@latest, NAME@greatest,
    NAME@vX.Y.Z or NAME#STAGE. A star stands before artifacts that are annotated, in artifacts.yaml
    or a dvc.yaml, and have no tags yet.
    """
    one_format(as_json, plain, part)
    form = "json" if as_json else "plain" if plain else part
    for line in output.of_registry(repo, name, form, note, **options):
        click.echo(line)


@commands.command(cls=Entry, section=READ, examples="gto history\ngto history churn --asc\ngto history -A --json")
@option_repo
@click.argument("name", required=False, shell_complete=artifact_names)
@option_all_branches
@option_all_commits
@option_json
@option_plain
@click.option("--ascending", "--asc", "ascending", is_flag=True, help="Show the oldest first")
@option_verify
def history(repo: str, name: str | None, as_json: bool, plain: bool, **options: Any) -> None:
    """Show a journal of what happened to all artifacts, or to one.

    The commits of versions are part of it, and those that annotate an artifact.
    """
    one_format(as_json, plain)
    form = "json" if as_json else "plain" if plain else None
    for line in output.of_history(repo, name, form, note, **options):
        click.echo(line)


@commands.command(
    cls=Entry,
    section=READ,
    examples="""gto describe churn
    gto describe churn --rev main~3 --path
    gto describe churn@latest
    gto describe churn#prod --type""",
)
@option_repo
@click.argument("name")
@click.option("--rev", help="Read the files of this commit; by default, HEAD's")
@option_parts(type="Print the type", path="Print the path", description="Print the description")
def describe(repo: str, name: str, rev: str | None, part: str | None) -> None:
    """Print what artifacts.yaml, or a dvc.yaml, says of an artifact, as JSON.

    NAME is an artifact, or a shortcut to a version of it (NAME@latest, NAME@vX.Y.Z, NAME#STAGE), or
    a tag. Prints nothing where the files say nothing.
    """
    annotation = queries.describe(repo, name, rev, warn=note)
    if annotation is None:
        return
    fields = views.description_view(annotation)
    if part is None:
        click.echo(views.to_json(fields))
    elif part in fields:
        raw(fields[part])
    else:
        has = f"It has {', '.join(fields)}" if fields else "The files name it, and say no more"
        raise WrongArguments(f"No {part} in enrichment", has)


@commands.command(cls=Entry, section=READ, examples="gto stages\ngto stages --used --json")
@option_repo
@click.option("--allowed", is_flag=True, help="Only those that .gto allows")
@click.option("--used", is_flag=True, help="All that any tag ever named")
@option_json
def stages(repo: str, allowed: bool, used: bool, as_json: bool) -> None:
    """List the stages that .gto allows, or else those that hold a version."""
    if allowed and used:
        raise click.UsageError("--allowed and --used exclude each other.")
    names = queries.get_stages(repo, allowed=allowed, used=used)
    if as_json:
        click.echo(views.to_json(names))
    else:
        for stage in names or ():
            click.echo(stage)


@commands.command(cls=Entry, section=READ, examples="gto doctor\ngto doctor -r path/to/repo")
@option_repo
def doctor(repo: str) -> None:
    """Show the settings in effect and the registry's problems; exit 1 where there are some."""
    settings, problems = queries.doctor(repo)
    click.echo(version_line())
    click.echo("---------------------------------")
    for key in ("types", "stages", "index", "emojis", "debug"):
        value = getattr(settings, key)
        click.echo(f"{key}: {', '.join(value) if isinstance(value, tuple) else 'any' if value is None else value}")
    click.echo("---------------------------------")
    if problems:
        for problem in problems:
            click.echo(f"{emoji('❌')}{problem}")
        raise click.exceptions.Exit(1)
    click.echo(f"{emoji('✅ ')}No issues found")


@commands.command(cls=Entry, section=READ, hidden=True)
@option_repo
def print_state(repo: str) -> None:
    """Print all that is known of the registry, as JSON."""
    click.echo(views.to_json(queries.state(repo)))


@commands.command(cls=Entry, section=READ, hidden=True)
@option_repo
def print_index(repo: str) -> None:
    """Print the annotations in all commits of all branches, by artifact and commit, as JSON."""
    click.echo(views.to_json(queries.index(repo)))
