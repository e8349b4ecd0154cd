"""``gto``: the commands that create and delete tags."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from gto_ci.cli.app import Entry
from gto_ci.cli.completion import artifact_names, stage_names, version_names
from gto_ci.cli.options import option_repo

WRITE = "Change the registry"
SIMPLE = {"auto": None, "true": True, "false": False}

commands = click.Group()
F = TypeVar("F", bound=Callable[..., Any])


def _option_simple(auto: str) -> Callable[[F], F]:
    return click.option(
        "--simple",
        type=click.Choice(list(SIMPLE)),
        default="auto",
        show_default=True,
        callback=lambda _ctx, _param, value: SIMPLE.get(value),
        help=f"Omit the counter at the end of the tag name, such as #5 in m#prod#5; auto: {auto}",
    )


def _options(simple_auto: str) -> Callable[[F], F]:
    """Add the options that these commands share, in the order of the help."""

    def decorate(command: F) -> F:
        for option in reversed(
            [
                click.option("-m", "--message", help="Message of the Git tag"),
                _option_simple(simple_auto),
                click.option(
                    "--force", is_flag=True, help="Create the Git tag even if the change is already in effect"
                ),
                click.option("--push", is_flag=True, help="Push the change to the remote (implied if --repo is a URL)"),
                click.option(
                    "-S/ ", "--sign/--no-sign", "sign", default=None, help="Sign the Git tag (default: tag.gpgSign)"
                ),
                click.option("--author", help="Name of the tagger, instead of Git's user.name"),
                click.option("--author-email", help="Email of the tagger, instead of Git's user.email"),
                click.option("--dry-run", is_flag=True, help="Show what would happen, but change nothing"),
            ]
        ):
            command = option(command)
        return command

    return decorate


@commands.command(
    cls=Entry,
    short_help="Register a version of an artifact",
    section=WRITE,
    examples="""gto register churn
    gto register churn abc1234 --version v1.0.0
    gto register churn --bump-minor --push""",
)
@option_repo
@click.argument("name", shell_complete=artifact_names)
@click.argument("ref", default="HEAD")
@click.option("--version", "--ver", "version", help="Version, such as v1.0.0 (default: bump the greatest version)")
@click.option("--bump-major", is_flag=True, help="Bump the major version")
@click.option("--bump-minor", is_flag=True, help="Bump the minor version")
@click.option("--bump-patch", is_flag=True, help="Bump the patch version (default)")
@_options("omit it")
def register(**options: Any) -> None:
    """Register a version of the artifact NAME at the commit REF (default: HEAD)."""
    from gto_ci import api

    api.register(**options, stdout=click.echo)


@commands.command(
    cls=Entry,
    short_help="Assign a stage to a version",
    section=WRITE,
    aliases=["promote"],
    examples="""gto assign churn --version v1.0.0 --stage prod
    gto assign churn --stage dev
    gto assign churn abc1234 --version v1.1.0 --stage dev --push""",
)
@option_repo
@click.argument("name", shell_complete=artifact_names)
@click.argument("ref", required=False)
@click.option(
    "--version",
    shell_complete=version_names,
    help="Version to assign the stage to; with REF, the version to register at that commit",
)
@click.option("--stage", required=True, shell_complete=stage_names, help="Stage to assign")
@click.option(
    "--sr",
    "--skip-registration",
    "skip_registration",
    is_flag=True,
    help="Do not register a version, even if the commit has none",
)
@_options("keep it")
def assign(ref: str | None, version: str | None, **options: Any) -> None:
    """Assign a stage to a version of the artifact NAME.

    Select the version with --version, or with its commit REF (default: HEAD). If the commit has no
    version, gto registers one first.
    """
    from gto_ci import api

    if ref is None and version is not None:
        api.assign(version=version, **options, stdout=click.echo)
    else:
        api.assign(ref="HEAD" if ref is None else ref, name_version=version, **options, stdout=click.echo)


@commands.command(
    cls=Entry,
    short_help="Deprecate an artifact, deregister a version or unassign a stage",
    section=WRITE,
    examples="""gto deprecate churn v1.0.0 prod
    gto deprecate churn v1.0.0
    gto deprecate churn
    gto deprecate churn v1.0.0 --delete --push""",
)
@option_repo
@click.argument("name", shell_complete=artifact_names)
@click.argument("version", required=False, shell_complete=version_names)
@click.argument("stage", required=False, shell_complete=stage_names)
@click.option("--ref", help="Commit to tag when you deprecate an artifact (default: its newest event's commit)")
@click.option("-d", "--delete", is_flag=True, help="Delete the Git tags instead of creating one")
@_options("keep it for a stage, else omit it")
def deprecate(version: str | None, stage: str | None, ref: str | None, **options: Any) -> None:
    """Deprecate the artifact NAME, deregister its VERSION, or unassign STAGE from that version."""
    from gto_ci import api

    if ref is not None and version is not None:
        raise click.UsageError("--ref cannot be used with VERSION.")
    if version is None:
        api.deprecate(ref=ref, **options, stdout=click.echo)
    elif stage is None:
        api.deregister(**_version_or_commit(version), **options, stdout=click.echo)
    else:
        api.unassign(stage=stage, **_version_or_commit(version), **options, stdout=click.echo)


def _version_or_commit(text: str) -> dict[str, Any]:
    """Return the keyword for a version, or for the commit ID of an unregistered one. 'show' cuts ids to 7 digits."""
    is_commit = 7 <= len(text) <= 64 and all(digit in "0123456789abcdef" for digit in text)
    return {"ref": text} if is_commit else {"version": text}
