"""``gto-ci check``: check files before a commit, and tags before a push."""

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
    section="Use in CI and hooks",
    short_help="Check files before a commit, and tags before a push",
    examples="""gto-ci check
    gto-ci check artifacts.yaml models/dvc.yaml
    gto-ci check --as policy rules/deploy.yaml
    gto-ci check --pre-push""",
)
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--as", "kind", type=click.Choice(file_checks.KINDS), help="Treat FILES as this kind of file, whatever their names"
)
@click.option("--pre-push", is_flag=True, help="Run as Git's pre-push hook: refuse tags that the registry would ignore")
def check(files: tuple[Path, ...], kind: str | None, pre_push: bool) -> int:
    """Check FILES for errors. By default, check all artifacts.yaml, dvc.yaml, .gto and .gto-policy.yaml files.

    Print one line for each error: FILE:LINE: MESSAGE. Exit 1 if there is an error.

    With --pre-push, read the refs that Git passes to a pre-push hook. Refuse tags that the registry would ignore:
    names that only resemble registry tags, lightweight tags, and tags that do not point to a commit.
    """
    if pre_push and (files or kind):
        raise click.UsageError("--pre-push checks tags, so it takes neither FILES nor --as.")
    return _check_push(_repository_of_hook()) if pre_push else _check_files(Repository.open(), files, kind or "")


def _check_files(repository: Repository, files: tuple[Path, ...], kind: str) -> int:
    if not files and kind:
        raise click.UsageError("--as needs FILES.")
    chosen = files or tuple(_relative(repository, path) for path in file_checks.usual_files(repository))
    problems = file_checks.check_files(repository, chosen, kind)
    for problem in problems:
        click.echo(problem)
    if not chosen:
        click.echo("Nothing to check: this repository has no artifacts.yaml, dvc.yaml, .gto or .gto-policy.yaml")
    elif not problems:
        click.echo(f"{emoji('✅ ')}No errors in {', '.join(one_line(path, 500) for path in chosen)}")
    return 1 if problems else 0


def _repository_of_hook() -> Repository:
    """Open the repository that git runs the hook for. The current folder may be in another repository."""
    git_dir = Path(os.environ.get("GIT_DIR", "."))
    return Repository.open(git_dir.parent if git_dir.name == ".git" else git_dir)


def _check_push(repository: Repository) -> int:
    refs = file_checks.refs_from_pre_commit(os.environ)
    if refs is None:
        if sys.stdin.isatty():
            raise click.UsageError("--pre-push reads refs from Git on stdin. Run it in .git/hooks/pre-push.")
        refs = file_checks.refs_from_git(sys.stdin.buffer.read())
    problems = file_checks.check_push(repository, refs)
    for problem in problems:
        click.echo(f"{emoji('❌')}{problem}", err=True)  # programs may read git push's stdout
    return 1 if problems else 0


def _relative(repository: Repository, path: str) -> Path:
    return Path(os.path.relpath(repository.root / path))
