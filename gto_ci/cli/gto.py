"""Face: ``gto``, the registry at a prompt."""

from __future__ import annotations

from typing import Any, cast

import click

from gto_ci import __version__, api
from gto_ci.cli.face import Entry, SectionedGroup, emoji, note, run
from gto_ci.errors import WrongArguments, quote
from gto_ci.render import table, views

READ = "Read the registry"

option_repo = click.option("-r", "--repo", default=".", show_default=True, help="Folder in a local repository")
option_json = click.option("--json", "as_json", is_flag=True, help="Print JSON")
option_plain = click.option("--plain", is_flag=True, help="Print a table that is easy to grep")


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


@app.command(
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
    _only_one(as_json, part)
    meaning = api.explain_ref(repo, ref)
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


@app.command(
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
    _only_one(as_json, plain, part)
    if as_json:
        click.echo(views.to_json(api.show(repo, name, **options)))
        return
    rows, _ = cast(api.Table, api.show(repo, name, table=True, truncate_hexsha=True, **options))
    if part is None:
        click.echo(table.table(rows, plain=plain))
    elif rows and part not in rows[0]:
        raise WrongArguments(f"Cannot apply --{part}", f"This table has the columns {', '.join(rows[0])}")
    else:
        for row in rows:
            click.echo(row[part])


@app.command(cls=Entry, section=READ, examples="gto history\ngto history churn --asc")
@option_repo
@click.argument("name", required=False)
@option_json
@option_plain
@click.option("--ascending", "--asc", "ascending", is_flag=True, help="Show the oldest first")
def history(repo: str, name: str | None, as_json: bool, plain: bool, ascending: bool) -> None:
    """Show a journal of what happened to all artifacts, or to one."""
    _only_one(as_json, plain)
    if as_json:
        click.echo(views.to_json(api.history(repo, name, ascending=ascending)))
    else:
        journal = api.history(repo, name, ascending=ascending, table=True, truncate_hexsha=True)
        rows, _ = cast(api.Table, journal)
        click.echo(table.table(rows, plain=plain))


@app.command(cls=Entry, section=READ, examples="gto stages\ngto stages --used --json")
@option_repo
@click.option("--allowed", is_flag=True, help="Only those that .gto allows")
@click.option("--used", is_flag=True, help="All that any tag ever named")
@option_json
def stages(repo: str, allowed: bool, used: bool, as_json: bool) -> None:
    """List the stages that .gto allows, or else those that hold a version."""
    if allowed and used:
        raise click.UsageError("--allowed and --used exclude each other.")
    names = api.get_stages(repo, allowed=allowed, used=used)
    if as_json:
        click.echo(views.to_json(names))
    else:
        for stage in names or ():
            click.echo(stage)


@app.command(cls=Entry, section=READ, examples="gto doctor\ngto doctor -r path/to/repo")
@option_repo
def doctor(repo: str) -> None:
    """Show the settings in effect and the registry's problems; exit 1 where there are some."""
    settings, problems = api.doctor(repo)
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


@app.command(cls=Entry, section=READ, examples="gto parse-tag churn#prod#3\ngto parse-tag churn@v1.0.0 --key version")
@click.argument("name")
@click.option("--key", help="Print only this part")
def parse_tag(name: str, key: str | None) -> None:
    """Take a tag name apart, without looking into any repository."""
    parts = api.parse_tag(name)
    if key is None:
        click.echo(views.to_json(parts))
    elif key in parts:
        click.echo(views.to_json(parts[key]))
    else:
        raise WrongArguments(f"This tag has no part {quote(key)}", f"It has {', '.join(parts)}")


def version_line() -> str:
    """Return the line that ``--version`` and ``doctor`` begin with."""
    return f"{emoji('🪴 ')}GTO Version: {__version__} (gto-ci)"


def _only_one(*formats: object) -> None:
    if sum(bool(one) for one in formats) > 1:
        raise click.UsageError("Ask for one output format only.")


def main() -> None:
    """Run ``gto``."""
    run(app, "gto")
