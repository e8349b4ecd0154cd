"""``git-ghost``, the commands that look after the patch repository: list, log, delete, gc."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import click

from gto_ci.cli.app import Entry
from gto_ci.cli.completion import ghost_kinds
from gto_ci.cli.ghost_options import KINDS, common, kind_and_words, progress, read_age, session
from gto_ci.cli.options import option_json, option_plain
from gto_ci.cli.output import width

KEEP = "Look after the patch repository"
_NONE = dict.fromkeys(KINDS, 0)

commands = click.Group()

option_from = click.option("--from", "start", default="", metavar="COMMIT", help="Only those that start at this commit")
option_to = click.option("--to", "end", default="", metavar="HASH", help="Only those that lead to this hash or commit")


@commands.command(
    cls=Entry,
    section=KEEP,
    name="list",
    examples="""git ghost list all
    git ghost list --from HEAD --no-headers -o only-to""",
)
@click.argument("words", nargs=-1, metavar="[diff|commits|all]", shell_complete=ghost_kinds)
@option_from
@option_to
@click.option("--no-headers", is_flag=True, help="Leave out the headings")
@click.option("-o", "--output", type=click.Choice(["only-from", "only-to"]), help="Print one column")
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
    short_help="Tell who made the ghosts of a commit, when and why",
    section=KEEP,
    examples="git ghost log\ngit ghost log origin/main -n 5 --json",
)
@click.argument("base", default="HEAD")
@click.option("-n", "--most", type=click.IntRange(1), metavar="N", help="Show only the newest N")
@option_json
@option_plain
@common
def log(base: str, most: int | None, as_json: bool, plain: bool) -> None:
    """Tell who made the ghosts of the commit BASE, when and why, newest first."""
    from gto_ci.ghost import listing
    from gto_ci.render import ghosts, views

    with session() as opened:
        found = listing.log(opened, base, most=most)
    if as_json:
        click.echo(views.to_json([ghosts.logged_view(one) for one in found]))
    else:
        click.echo(ghosts.log_table(found, plain=plain, width=width()))


@commands.command(
    cls=Entry,
    section=KEEP,
    examples="""git ghost delete --from HEAD --to e5f2a81
    git ghost delete all --all --dryrun""",
)
@click.argument("words", nargs=-1, metavar="[diff|commits|all]", shell_complete=ghost_kinds)
@option_from
@option_to
@click.option("--all", "several", is_flag=True, help="Delete several")
@click.option("--dryrun", "--dry-run", "dry_run", is_flag=True, help="Print which would be deleted, and do nothing")
@common
def delete(words: tuple[str, ...], start: str, end: str, several: bool, dry_run: bool) -> None:
    """Delete ghosts, and print which."""
    from gto_ci.ghost import deletion, listing

    kind, _ = kind_and_words(words, _NONE, _NONE)
    with session() as opened:
        bar = progress("Deleting ghosts")
        found = deletion.delete(opened, kind, start=start, end=end, several=several, dry_run=dry_run, progress=bar)
    for line in listing.listing(found, kind, deleted=True):
        click.echo(line)


@commands.command(
    cls=Entry,
    short_help="Delete ghosts by age, or whose commit is gone",
    section=KEEP,
    examples="""git ghost gc --older-than 30d --dry-run
    git ghost gc --unreachable --keep-last 20""",
)
@click.option("--older-than", callback=read_age, metavar="AGE", help="Those older than 30d, 12h, 8w …")
@click.option(
    "--unreachable", is_flag=True, help="Those that start from a commit which the source repository's remote lost"
)
@click.option("--keep-last", type=click.IntRange(0), metavar="N", help="Keep the newest N in any case")
@click.option("--dryrun", "--dry-run", "dry_run", is_flag=True, help="Say what would be deleted, and do nothing")
@option_json
@common
def gc(older_than: timedelta | None, unreachable: bool, keep_last: int | None, dry_run: bool, as_json: bool) -> None:
    """Delete ghosts that nobody needs any more: by age, or because the commit they start from is gone.

    With both options, those to which either applies.
    """
    from gto_ci.ghost import deletion
    from gto_ci.render import ghosts, views

    if older_than is None and not unreachable and keep_last is None:
        raise click.UsageError("Say which: --older-than AGE, --unreachable, or --keep-last N.")
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
