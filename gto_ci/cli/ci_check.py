"""``gto-ci check``, files before they are committed and tags before they are pushed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from gto_ci.api import file_checks
from gto_ci.cli.app import Entry
from gto_ci.cli.output import emoji
from gto_ci.core.errors import one_line
from gto_ci.git import Repository

commands = click.Group()


@commands.command(
    cls=Entry,
    short_help="Check files before a commit, and tags before a push",
    examples="""gto-ci check
    gto-ci check artifacts.yaml models/dvc.yaml
    gto-ci check --as policy rules/deploy.yaml
    gto-ci check --pre-push""",
)
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option("--as", "kind", type=click.Choice(file_checks.KINDS), help="What the files are, whatever their names")
@click.option("--pre-push", is_flag=True, help="Be git's hook pre-push: refuse tags that would mean nothing")
def check(files: tuple[Path, ...], kind: str | None, pre_push: bool) -> int:
    """Say what is wrong with FILES, by default those of artifacts.yaml, dvc.yaml, .gto and .gto-policy.yaml that exist.

    Prints FILE:LINE: and what is wrong, and exits with 1 where something is.

    With --pre-push it reads what git tells such a hook, and refuses tags that look like the registry's and are
    not, that are lightweight, or that point to no commit.
    """
    if pre_push and (files or kind):
        raise click.UsageError("--pre-push checks tags, and takes no files.")
    return _check_push(_pushing()) if pre_push else _check_files(Repository.open(), files, kind or "")


def _check_files(repository: Repository, files: tuple[Path, ...], kind: str) -> int:
    if not files and kind:
        raise click.UsageError("--as says what FILES are: name them.")
    chosen = files or tuple(_from_here(repository, path) for path in file_checks.usual_files(repository))
    faults = file_checks.check_files(repository, chosen, kind)
    for fault in faults:
        click.echo(fault)
    if not chosen:
        click.echo("Nothing to check: this repository has no artifacts.yaml, dvc.yaml, .gto or .gto-policy.yaml")
    elif not faults:
        click.echo(f"{emoji('✅ ')}Nothing wrong with {', '.join(one_line(path, 500) for path in chosen)}")
    return 1 if faults else 0


def _pushing() -> Repository:
    """The repository that git runs its hook for, which it names: the current folder may be in another."""
    told = Path(os.environ.get("GIT_DIR", "."))
    return Repository.open(told.parent if told.name == ".git" else told)


def _check_push(repository: Repository) -> int:
    sent = file_checks.sent_by_pre_commit(os.environ)
    if sent is None:
        if sys.stdin.isatty():
            raise click.UsageError("--pre-push reads what git tells its hook: make it .git/hooks/pre-push.")
        sent = file_checks.sent_by_git(sys.stdin.buffer.read())
    faults = file_checks.check_push(repository, sent)
    for fault in faults:
        click.echo(f"{emoji('❌')}{fault}", err=True)  # what git push prints for programs stays as it is
    return 1 if faults else 0


def _from_here(repository: Repository, path: str) -> Path:
    return Path(os.path.relpath(repository.root / path))
