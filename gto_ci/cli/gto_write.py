"""``gto``, the commands that make and delete tags."""

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


def _option_simple(usual: str) -> Callable[[F], F]:
    return click.option(
        "--simple",
        type=click.Choice(list(SIMPLE)),
        default="auto",
        show_default=True,
        callback=lambda _ctx, _param, value: SIMPLE.get(value),
        help=f"Leave out the counter that ends the tag's name, as in m#prod#5; auto: {usual}",
    )


def _options(usual: str) -> Callable[[F], F]:
    """The options that every command here has, in the order of its help."""

    def decorate(command: F) -> F:
        for option in reversed(
            [
                click.option("-m", "--message", help="Message of the Git tag"),
                _option_simple(usual),
                click.option("--force", is_flag=True, help="Create the Git tag even if it is in effect already"),
                click.option(
                    "--push",
                    is_flag=True,
                    help="Push it too; with the URL of a remote as --repo that goes without saying",
                ),
                click.option(
                    "-S/ ", "--sign/--no-sign", "sign", default=None, help="Sign the Git tag (default: tag.gpgSign)"
                ),
                click.option("--author", help="Name of the tagger, in place of Git's user.name"),
                click.option("--author-email", help="E-mail of the tagger, in place of Git's user.email"),
                click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing"),
            ]
        ):
            command = option(command)
        return command

    return decorate


@commands.command(
    cls=Entry,
    section=WRITE,
    examples="""gto register churn
    gto register churn abc1234 --version v1.0.0
    gto register churn --bump-minor --push""",
)
@option_repo
@click.argument("name", shell_complete=artifact_names)
@click.argument("ref", default="HEAD")
@click.option("--version", "--ver", "version", help="Version, such as v1.0.0; else the greatest is bumped")
@click.option("--bump-major", is_flag=True, help="Bump the major version")
@click.option("--bump-minor", is_flag=True, help="Bump the minor version")
@click.option("--bump-patch", is_flag=True, help="Bump the patch version, as without any of these")
@_options("leave it out")
def register(**options: Any) -> None:
    """Register a version of the artifact NAME at the commit REF, by default HEAD."""
    from gto_ci import api

    api.register(**options, stdout=click.echo)


@commands.command(
    cls=Entry,
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
    help="The version to assign; with REF, the name of the version to register there",
)
@click.option("--stage", required=True, shell_complete=stage_names, help="Stage to assign")
@click.option(
    "--sr",
    "--skip-registration",
    "skip_registration",
    is_flag=True,
    help="Do not register a version at a commit that has none",
)
@_options("keep it")
def assign(ref: str | None, version: str | None, **options: Any) -> None:
    """Assign a stage to a version of the artifact NAME, given by --version or by the commit REF.

    Without either it is HEAD. A commit that holds no version gets one first.
    """
    from gto_ci import api

    if ref is None and version is not None:
        api.assign(version=version, **options, stdout=click.echo)
    else:
        api.assign(ref="HEAD" if ref is None else ref, name_version=version, **options, stdout=click.echo)


@commands.command(
    cls=Entry,
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
@click.option("--ref", help="Commit that the tag of a deprecated artifact points to; else its newest event's")
@click.option("-d", "--delete", is_flag=True, help="Delete the Git tags instead of creating one")
@_options("keep it for a stage, leave it out otherwise")
def deprecate(version: str | None, stage: str | None, ref: str | None, **options: Any) -> None:
    """Deprecate an artifact, deregister its VERSION, or take a STAGE from that version."""
    from gto_ci import api

    if ref is not None and version is not None:
        raise click.UsageError("--ref goes with an artifact alone, without a version.")
    if version is None:
        api.deprecate(ref=ref, **options, stdout=click.echo)
    elif stage is None:
        api.deregister(**_version_or_commit(version), **options, stdout=click.echo)
    else:
        api.unassign(stage=stage, **_version_or_commit(version), **options, stdout=click.echo)


def _version_or_commit(text: str) -> dict[str, Any]:
    """An unregistered version is called by its commit's id; 'show' cuts it to 7 digits."""
    is_commit = 7 <= len(text) <= 64 and all(digit in "0123456789abcdef" for digit in text)
    return {"ref": text} if is_commit else {"version": text}
