"""Face: ``gto``, the commands that read the registry."""

from __future__ import annotations

from typing import Any, cast

import click

from gto_ci.api import reading
from gto_ci.cli.face import Entry, emoji, note, version_line
from gto_ci.cli.options import one_format, option_json, option_plain, option_repo
from gto_ci.errors import WrongArguments, quote
from gto_ci.render import table, views

READ = "Read the registry"

commands = click.Group()


@commands.command(
    cls=Entry,
    section=READ,
    examples="""gto check-ref churn@v3.0.0
    gto check-ref refs/tags/churn#prod#3 --json""",
)
@option_repo
@click.argument("ref")
@option_json
@click.option("--name", "part", flag_value="artifact", help="Print the artifact's name")
@click.option("--version", "part", flag_value="version", help="Print the version")
@click.option("--event", "part", flag_value="event", help="Print the kind of event")
@click.option("--stage", "part", flag_value="stage", help="Print the stage")
def check_ref(repo: str, ref: str, as_json: bool, part: str | None) -> None:
    """Tell what the tag REF registered, assigned or deprecated.

    Prints nothing where REF is no registry tag, and says on stderr why, where it resembles one.
    """
    one_format(as_json, part)
    meaning = reading.explain_ref(repo, ref)
    note(meaning.note)
    for event in meaning.events:
        if as_json:
            click.echo(views.to_json(views.event_view(event)))
        elif part:
            value = getattr(event, part)
            if value is not None:
                click.echo(value)
        else:
            click.echo(f"{emoji('✅ ')}{event}")


@commands.command(
    cls=Entry,
    section=READ,
    examples="""gto show
    gto show churn
    gto show churn@greatest --ref
    gto show churn#prod --version""",
)
@option_repo
@click.argument("name", required=False)
@option_json
@option_plain
@click.option("--name", "part", flag_value="name", help="Print only the artifact names")
@click.option("--version", "part", flag_value="version", help="Print only the versions")
@click.option("--stage", "part", flag_value="stage", help="Print only the stages")
@click.option("--ref", "part", flag_value="ref", help="Print only the refs")
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
    NAME@vX.Y.Z or NAME#STAGE.
    """
    one_format(as_json, plain, part)
    if as_json:
        click.echo(views.to_json(reading.show(repo, name, **options)))
        return
    rows, _ = cast(reading.Table, reading.show(repo, name, table=True, truncate_hexsha=True, **options))
    if part is None:
        click.echo(table.table(rows, plain=plain))
    elif rows and part not in rows[0]:
        raise WrongArguments(f"Cannot apply --{part}", f"This table has the columns {', '.join(rows[0])}")
    else:
        for row in rows:
            click.echo(row[part])


@commands.command(cls=Entry, section=READ, examples="gto history\ngto history churn --asc")
@option_repo
@click.argument("name", required=False)
@option_json
@option_plain
@click.option("--ascending", "--asc", "ascending", is_flag=True, help="Show the oldest first")
def history(repo: str, name: str | None, as_json: bool, plain: bool, ascending: bool) -> None:
    """Show a journal of what happened to all artifacts, or to one."""
    one_format(as_json, plain)
    if as_json:
        click.echo(views.to_json(reading.history(repo, name, ascending=ascending)))
    else:
        journal = reading.history(repo, name, ascending=ascending, table=True, truncate_hexsha=True)
        rows, _ = cast(reading.Table, journal)
        click.echo(table.table(rows, plain=plain))


@commands.command(cls=Entry, section=READ, examples="gto stages\ngto stages --used --json")
@option_repo
@click.option("--allowed", is_flag=True, help="Only those that .gto allows")
@click.option("--used", is_flag=True, help="All that any tag ever named")
@option_json
def stages(repo: str, allowed: bool, used: bool, as_json: bool) -> None:
    """List the stages that .gto allows, or else those that hold a version."""
    if allowed and used:
        raise click.UsageError("--allowed and --used exclude each other.")
    names = reading.get_stages(repo, allowed=allowed, used=used)
    if as_json:
        click.echo(views.to_json(names))
    else:
        for stage in names or ():
            click.echo(stage)


@commands.command(cls=Entry, section=READ, examples="gto doctor\ngto doctor -r path/to/repo")
@option_repo
def doctor(repo: str) -> None:
    """Show the settings in effect and the registry's problems; exit 1 where there are some."""
    settings, problems = reading.doctor(repo)
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


@commands.command(
    cls=Entry, section=READ, examples="gto parse-tag churn#prod#3\ngto parse-tag churn@v1.0.0 --key version"
)
@click.argument("name")
@click.option("--key", help="Print only this part")
def parse_tag(name: str, key: str | None) -> None:
    """Take a tag name apart, without looking into any repository."""
    parts = reading.parse_tag(name)
    if key is None:
        click.echo(views.to_json(parts))
    elif key in parts:
        click.echo(views.to_json(parts[key]))
    else:
        raise WrongArguments(f"This tag has no part {quote(key)}", f"It has {', '.join(parts)}")
