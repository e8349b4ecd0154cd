"""``gto``: the commands that explain one tag (check-ref, parse-tag)."""

from __future__ import annotations

import click

from gto_ci.cli import output
from gto_ci.cli.app import Entry, note
from gto_ci.cli.options import READ, one_format, option_json, option_parts, option_repo
from gto_ci.core.errors import WrongArguments, quote

commands = click.Group()


@commands.command(
    cls=Entry,
    short_help="Show the event that a tag records",
    section=READ,
    examples="""gto check-ref churn@v3.0.0
    gto check-ref refs/tags/churn#prod#3 --json
    gto check-ref churn#prod#3 --json --verify""",
)
@option_repo
@click.argument("ref")
@option_json
@option_parts(**output.REF_PARTS)
@click.option("--verify", is_flag=True, help="Verify the tag's signature")
def check_ref(repo: str, ref: str, as_json: bool, part: str | None, verify: bool) -> None:
    """Show the event that REF, a tag or a shortcut, records.

    If REF records no event, print nothing; if it looks like a registry tag, say on stderr why it is
    not one. With --verify, also check the tag's signature. In JSON, the result is in "signature".
    """
    from gto_ci.api import tag_meaning

    one_format(as_json, part)
    if verify and part:
        raise click.UsageError("--verify can only be combined with --json.")
    meaning = tag_meaning.explain_ref(repo, ref, verify=verify)
    note(meaning.note)
    for line in output.of_ref(meaning, "json" if as_json else part):
        click.echo(line)


@commands.command(
    cls=Entry,
    short_help="Split a tag name into its parts",
    section=READ,
    examples="gto parse-tag churn#prod#3\ngto parse-tag churn@v1.0.0 --key version",
)
@click.argument("name")
@click.option("--key", help="Print only this part")
def parse_tag(name: str, key: str | None) -> None:
    """Split the tag name NAME into its parts, without reading a repository."""
    from gto_ci.api import tag_meaning
    from gto_ci.render import views

    parts = tag_meaning.parse_tag(name)
    if key is None:
        click.echo(views.to_json(parts))
    elif key in parts:
        click.echo(views.to_json(parts[key]))
    else:
        raise WrongArguments(f"This tag has no part {quote(key)}", f"It has {', '.join(parts)}")
