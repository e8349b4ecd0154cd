"""``git-ghost``: the commands that manage the patch repository (list, log, delete, gc)."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import click

from gto_ci.cli.app import Entry
from gto_ci.cli.completion import ghost_kinds
from gto_ci.cli.ghost_options import KINDS, common, kind_and_words, progress, read_age, session
from gto_ci.cli.options import option_json, option_plain
from gto_ci.cli.output import width

MANAGE = "Manage the patch repository"
_NONE = dict.fromkeys(KINDS, 0)

commands = click.Group()

option_from = click.option(
    "--from", "start", default="", metavar="COMMIT", help="Select ghosts that start at this commit"
)
option_to = click.option(
    "--to", "end", default="", metavar="HASH", help="Select ghosts that end at this diff hash or commit"
)


@commands.command(
    cls=Entry,
    short_help="List the ghosts in the patch repository",
    section=MANAGE,
    name="list",
    examples="""git ghost list all
    git ghost list --from HEAD --no-headers -o only-to""",
)
@click.argument("words", nargs=-1, metavar="[diff|commits|all]", shell_complete=ghost_kinds)
@option_from
@option_to
@click.option("--no-headers", is_flag=True, help="Omit the headings")
@click.option("-o", "--output", type=click.Choice(["only-from", "only-to"]), help="Print only this column")
@option_json
@common
def list_(words: tuple[str, ...], start: str, end: str, no_headers: bool, output: str | None, as_json: bool) -> None:
    """List the ghosts in the patch repository."""
    from gto_ci.ghost import listing

    kind, _ = kind_and_words(words, _NONE, _NONE)
    with session() as opened:
        found = listing.list_ghosts(opened, kind, start=start, end=end)
    if as_json:
        from gto_ci.render import ghosts, views

        click.echo(views.to_json([ghosts.ghost_view(ghost) for ghost in found]))
        return
    for line in listing.listing(found, kind, headers=not no_headers, only=output or ""):
        click.echo(line)


@commands.command(
    cls=Entry,
    short_help="List the ghosts of a commit, with author and note",
    section=MANAGE,
    examples="git ghost log\ngit ghost log origin/main -n 5 --json",
)
@click.argument("base", default="HEAD")
@click.option("-n", "--most", type=click.IntRange(1), metavar="N", help="Show only the newest N")
@option_json
@option_plain
@common
def log(base: str, most: int | None, as_json: bool, plain: bool) -> None:
    """List the ghosts of the commit BASE (default: HEAD), newest first, with date, author, size and note."""
    from gto_ci.ghost import listing
    from gto_ci.render import ghosts, views

    with session() as opened:
        found = listing.log(opened, base, most=most)
    if as_json:
        click.echo(views.to_json([ghosts.logged_view(entry) for entry in found]))
    else:
        click.echo(ghosts.log_table(found, plain=plain, width=width()))


@commands.command(
    cls=Entry,
    short_help="Delete ghosts",
    section=MANAGE,
    examples="""git ghost delete --from HEAD --to e5f2a81
    git ghost delete all --all --dryrun""",
)
@click.argument("words", nargs=-1, metavar="[diff|commits|all]", shell_complete=ghost_kinds)
@option_from
@option_to
@click.option("--all", "several", is_flag=True, help="Delete all selected ghosts, not only one")
@click.option("--dryrun", "--dry-run", "dry_run", is_flag=True, help="Print the ghosts, but delete nothing")
@common
def delete(words: tuple[str, ...], start: str, end: str, several: bool, dry_run: bool) -> None:
    """Delete ghosts, and print their names.

    Without --all, the options --from and --to must select a single ghost.
    """
    from gto_ci.ghost import deletion, listing

    kind, _ = kind_and_words(words, _NONE, _NONE)
    with session() as opened:
        bar = progress("Deleting ghosts")
        found = deletion.delete(opened, kind, start=start, end=end, several=several, dry_run=dry_run, progress=bar)
    for line in listing.listing(found, kind, deleted=True):
        click.echo(line)


@commands.command(
    cls=Entry,
    short_help="Delete ghosts that are old or whose base commit is gone",
    section=MANAGE,
    examples="""git ghost gc --older-than 30d --dry-run
    git ghost gc --unreachable --keep-last 20""",
)
@click.option(
    "--older-than", callback=read_age, metavar="AGE", help="Delete ghosts older than AGE, such as 30d, 12h or 8w"
)
@click.option(
    "--unreachable", is_flag=True, help="Delete ghosts whose base commit is gone from the source repository's remote"
)
@click.option(
    "--keep-last",
    type=click.IntRange(0),
    metavar="N",
    help="Always keep the newest N ghosts; without another option, delete all others",
)
@click.option("--dryrun", "--dry-run", "dry_run", is_flag=True, help="Print the ghosts, but delete nothing")
@option_json
@common
def gc(older_than: timedelta | None, unreachable: bool, keep_last: int | None, dry_run: bool, as_json: bool) -> None:
    """Delete ghosts that are old, or whose base commit is gone.

    With both --older-than and --unreachable, delete the ghosts that match either option.
    """
    from gto_ci.ghost import deletion
    from gto_ci.render import ghosts, views

    if older_than is None and not unreachable and keep_last is None:
        raise click.UsageError("Select ghosts with --older-than AGE, --unreachable or --keep-last N.")
    with session() as opened:
        done = deletion.gc(
            opened,
            now=datetime.now(timezone.utc),
            older_than=older_than,
            unreachable=unreachable,
            keep_last=keep_last,
            dry_run=dry_run,
            progress=progress("Deleting ghosts"),
        )
    if as_json:
        click.echo(views.to_json(ghosts.collected_view(done, dry_run=dry_run)))
        return
    for ghost in done.ghosts if dry_run else ():
        click.echo(f"{ghost.kind} {ghost}")
    click.echo(ghosts.collected_sentence(done, dry_run=dry_run))
