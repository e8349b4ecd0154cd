"""``gto``: the commands that read the registry."""

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
    "-a", "--all-branches", is_flag=True, help="Read annotations from the heads of all branches, not only from HEAD"
)
option_all_commits = click.option(
    "-A", "--all-commits", is_flag=True, help="Read annotations from all commits of all branches"
)


@commands.command(
    cls=Entry,
    short_help="Show all artifacts, or the versions of one",
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
@click.option("--ro", "--registered-only", "registered_only", is_flag=True, help="Omit unregistered versions")
@click.option("-d", "--deprecated", is_flag=True, help="Include deprecated artifacts and deregistered versions")
@click.option(
    "--av",
    "--assignments-per-version",
    "assignments_per_version",
    type=click.IntRange(min=-1),
    default=-1,
    show_default=True,
    help="Show the last N stages of each version; -1 for all",
)
@click.option(
    "--vs",
    "--versions-per-stage",
    "versions_per_stage",
    type=click.IntRange(min=-1),
    default=1,
    show_default=True,
    help="Show the last N versions in each stage, applied after --av; -1 for all",
)
@click.option(
    "--sort",
    type=click.Choice(["timestamp", "semver"]),
    default="timestamp",
    show_default=True,
    help="Order the versions in a stage by assignment date or by SemVer",
)
def show(repo: str, name: str | None, as_json: bool, plain: bool, part: str | None, **options: Any) -> None:
    """Show all artifacts, or the versions of the artifact NAME.

    NAME may also be a shortcut: NAME@latest, NAME@greatest, NAME@vX.Y.Z or NAME#STAGE. An asterisk
    marks an artifact that is annotated in artifacts.yaml or dvc.yaml but has no tags yet.
    """
    one_format(as_json, plain, part)
    form = "json" if as_json else "plain" if plain else part
    for line in output.of_registry(repo, name, form, note, **options):
        click.echo(line)


@commands.command(
    cls=Entry,
    short_help="Show the events of all artifacts, or of one",
    section=READ,
    examples="gto history\ngto history churn --asc\ngto history -A --json",
)
@option_repo
@click.argument("name", required=False, shell_complete=artifact_names)
@option_all_branches
@option_all_commits
@option_json
@option_plain
@click.option("--ascending", "--asc", "ascending", is_flag=True, help="Show the oldest first")
@option_verify
def history(repo: str, name: str | None, as_json: bool, plain: bool, **options: Any) -> None:
    """Show the events of all artifacts, or of the artifact NAME, newest first.

    The list also shows commits that have a version or annotate an artifact.
    """
    one_format(as_json, plain)
    form = "json" if as_json else "plain" if plain else None
    for line in output.of_history(repo, name, form, note, **options):
        click.echo(line)


@commands.command(
    cls=Entry,
    short_help="Print the annotation of an artifact",
    section=READ,
    examples="""gto describe churn
    gto describe churn --rev main~3 --path
    gto describe churn@latest
    gto describe churn#prod --type""",
)
@option_repo
@click.argument("name")
@click.option("--rev", help="Read the annotation at this commit (default: HEAD)")
@option_parts(type="Print the type", path="Print the path", description="Print the description")
def describe(repo: str, name: str, rev: str | None, part: str | None) -> None:
    """Print the annotation of an artifact in artifacts.yaml or dvc.yaml, as JSON.

    NAME is an artifact, a shortcut to one of its versions (NAME@latest, NAME@vX.Y.Z, NAME#STAGE), or
    a tag. If the artifact is not annotated, print nothing.
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
        hint = f"It has {', '.join(fields)}" if fields else "The annotation is empty"
        raise WrongArguments(f"No {part} in enrichment", hint)


@commands.command(
    cls=Entry,
    short_help="List the allowed stages, or those in use",
    section=READ,
    examples="gto stages\ngto stages --used --json",
)
@option_repo
@click.option("--allowed", is_flag=True, help="List only the stages that .gto allows")
@click.option("--used", is_flag=True, help="List all stages that a tag names, now or in the past")
@option_json
def stages(repo: str, allowed: bool, used: bool, as_json: bool) -> None:
    """List the stages that .gto allows. If .gto does not limit the stages, list those that hold a version."""
    if allowed and used:
        raise click.UsageError("--allowed and --used cannot be used together.")
    names = queries.get_stages(repo, allowed=allowed, used=used)
    if as_json:
        click.echo(views.to_json(names))
    else:
        for stage in names or ():
            click.echo(stage)


@commands.command(
    cls=Entry,
    short_help="Show the settings, and check the registry",
    section=READ,
    examples="gto doctor\ngto doctor -r path/to/repo",
)
@option_repo
def doctor(repo: str) -> None:
    """Show the settings in effect, and the registry's problems. Exit 1 if there is a problem."""
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
    """Print the complete state of the registry, as JSON."""
    click.echo(views.to_json(queries.state(repo)))


@commands.command(cls=Entry, section=READ, hidden=True)
@option_repo
def print_index(repo: str) -> None:
    """Print the annotations at all commits of all branches, by artifact and commit, as JSON."""
    click.echo(views.to_json(queries.index(repo)))
