"""``git-ghost``: the commands that transfer a change (push, pull, show, diff, checkout)."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gto_ci.cli.app import Entry, raw_bytes
from gto_ci.cli.completion import ghost_kinds
from gto_ci.cli.ghost_options import common, detail, kind_and_words, left_out, notes, session
from gto_ci.cli.options import option_json

if TYPE_CHECKING:
    from gto_ci.ghost.names import Wanted

TRANSFER = "Transfer a change"
_HASH = re.compile(r"[0-9a-fA-F]{4,40}")

commands = click.Group()
_argument_names = click.argument(
    "words", nargs=-1, metavar="[diff [BASE] HASH|commits [FROM] TO|all [FROM] TO HASH]", shell_complete=ghost_kinds
)
F = TypeVar("F", bound=Callable[..., Any])


def _selection(command: F) -> F:
    """Add the options that select untracked files."""
    for option in reversed(
        [
            click.option(
                "-I",
                "--include",
                multiple=True,
                type=click.Path(),
                metavar="FILE",
                help="Include an untracked file, folder or pattern (repeatable)",
            ),
            click.option("-u", "--untracked", is_flag=True, help="Include all untracked files that are not ignored"),
            click.option("--follow-symlinks", is_flag=True, help="Include the target of a symbolic link given with -I"),
        ]
    ):
        command = option(command)
    return command


@commands.command(
    cls=Entry,
    short_help="Push a change or commits to the patch repository",
    section=TRANSFER,
    examples="""git ghost push
    git ghost push -u -m "learning rate 0.1"
    git ghost push commits origin/main
    git ghost push all origin/main""",
)
@click.argument(
    "words", nargs=-1, metavar="[diff [BASE]|commits FROM [TO]|all FROM [BASE]]", shell_complete=ghost_kinds
)
@_selection
@click.option("-m", "--message", default="", metavar="NOTE", help="Add a note for 'git ghost log'")
@option_json
@common
def push(
    words: tuple[str, ...],
    include: tuple[str, ...],
    untracked: bool,
    follow_symlinks: bool,
    message: str,
    as_json: bool,
) -> None:
    """Push the uncommitted change since BASE, the commits after FROM, or both, to the patch repository.

    BASE and TO default to HEAD. Print the arguments for 'git ghost pull': BASE and HASH of a diff,
    FROM and TO of commits.
    """
    from gto_ci.ghost import push_ghost
    from gto_ci.ghost.names import CommitRange, trimmed
    from gto_ci.git.worktree.capture import Selection

    kind, rest = kind_and_words(words, {"diff": 0, "commits": 1, "all": 1}, {"diff": 1, "commits": 2, "all": 2})
    base = (rest[0] if rest else "HEAD") if kind == "diff" else rest[1] if len(rest) > 1 else "HEAD"
    with session() as opened:
        pushed = push_ghost.push(
            opened,
            base=None if kind == "commits" else base,
            commits=None if kind == "diff" else CommitRange(rest[0], base),
            selection=Selection(include, untracked, follow_symlinks),
            note=message,
        )
    # scripts expect two lines from `all`, so it prints an empty range of commits too
    shown = [result for result in pushed if kind == "all" or not result.empty]
    if as_json:
        from gto_ci.render import ghosts, views

        click.echo(views.to_json([ghosts.pushed_view(result) for result in shown]))
    else:
        for result in shown:
            click.echo(result.ghost)
    for result in pushed:
        if result.change is not None:
            left_out(result.change.left_out)
            notes(result.change.notes)
        if result.empty:
            notes([f"There are no commits between {trimmed(rest[0])} and {trimmed(base)}"])
            continue
        if message and not result.created:
            notes([f"{result.ghost} already exists and keeps its note"])
        detail(f"{'Pushed' if result.created else 'Already exists:'} {result.ghost.kind}, {result.size:,} bytes")


@commands.command(
    cls=Entry,
    short_help="Apply a change exactly, or not at all",
    section=TRANSFER,
    examples="""git ghost pull e5f2a81
    git ghost pull commits 9b97b80
    git ghost pull all 9b97b80 e5f2a81""",
)
@_argument_names
@click.option("--force-base", is_flag=True, help="If HEAD is not the change's base commit, merge the change")
@common
def pull(words: tuple[str, ...], force_base: bool) -> None:
    """Apply an uncommitted change (diff) to the working tree, commits to the branch, or both.

    If any part fails, nothing changes.

    BASE and FROM default to HEAD. You may shorten a hash.
    """
    from gto_ci.ghost import pull_ghost

    names = _parse_names(words)
    with session() as opened:
        done = pull_ghost.pull(opened, diff=names.diff, commits=names.commits, force_base=force_base)
    notes(done.notes)
    detail(f"HEAD is at {done.commit}; files that differ from it: {len(done.files)}; tree {done.tree}")


@commands.command(
    cls=Entry,
    short_help="Print a stored patch",
    section=TRANSFER,
    examples="""git ghost show e5f2a81
    git ghost show commits 9b97b80""",
)
@_argument_names
@common
def show(words: tuple[str, ...]) -> None:
    """Print a stored patch, byte for byte.

    BASE and FROM default to HEAD. You may shorten a hash.
    """
    from gto_ci.ghost import pull_ghost

    names = _parse_names(words)
    with session() as opened:
        raw_bytes(pull_ghost.show(opened, diff=names.diff, commits=names.commits))


def _parse_names(words: tuple[str, ...]) -> Wanted:
    """Parse ``words`` into the names of the diff and the commits."""
    from gto_ci.ghost.names import CommitRange, DiffName, Wanted

    kind, rest = kind_and_words(words, {"diff": 1, "commits": 1, "all": 2}, {"diff": 2, "commits": 2, "all": 3})
    if kind == "diff":
        return Wanted(diff=DiffName(rest[0] if len(rest) > 1 else "HEAD", rest[-1]))
    start = "HEAD" if len(rest) == (1 if kind == "commits" else 2) else rest[0]
    if kind == "commits":
        return Wanted(CommitRange(start, rest[-1]))
    return Wanted(CommitRange(start, rest[-2]), DiffName(rest[-2], rest[-1]))


@commands.command(
    cls=Entry,
    short_help="Print the patch that push would capture",
    section=TRANSFER,
    examples="git ghost diff\ngit ghost diff -u origin/main",
)
@click.argument("base", default="HEAD")
@_selection
@common
def diff(base: str, include: tuple[str, ...], untracked: bool, follow_symlinks: bool) -> None:
    """Print the patch that push would capture: the uncommitted change since BASE (default: HEAD)."""
    from gto_ci.ghost import push_ghost
    from gto_ci.git.worktree.capture import Selection

    with session() as opened:
        change = push_ghost.diff(opened, base, Selection(include, untracked, follow_symlinks))
    raw_bytes(change.patch)
    sys.stdout.flush()
    left_out(change.left_out)
    notes(change.notes)


@commands.command(
    cls=Entry,
    short_help="Check out a commit and its change in a new folder",
    section=TRANSFER,
    examples="""git ghost checkout e5f2a81
    git ghost checkout 9b97b80 e5f2a81 ../run-42
    git ghost checkout --remove ../run-42""",
)
@click.argument("words", nargs=-1, metavar="[BASE] HASH [DIR]")
@click.option("--remove", is_flag=True, help="Remove the linked worktree at DIR, or the one created for HASH")
@click.option("--force", is_flag=True, help="With --remove, remove a linked worktree that has changes")
@common
def checkout(words: tuple[str, ...], remove: bool, force: bool) -> None:
    """Check out a ghost: create a linked worktree at BASE with the diff HASH applied.

    Print the new folder. By default, it is beside the repository. Without BASE, use HEAD's diff or,
    failing that, the only diff with this hash. With two arguments, the second is taken as HASH if it
    could be one; to name a folder, write ./DIR.
    """
    from gto_ci.ghost import worktrees
    from gto_ci.ghost.names import trimmed

    if remove:
        if len(words) != 1:
            raise click.UsageError("--remove takes one DIR or HASH.")
        with session() as opened:
            click.echo(worktrees.remove(opened, words[0], force=force))
        return
    if force or not 1 <= len(words) <= 3:
        raise click.UsageError("--force needs --remove." if force else "'checkout' takes 1 to 3 arguments.")
    base_given = len(words) == 3 or (len(words) == 2 and _HASH.fullmatch(trimmed(words[1])) is not None)
    base = words[0] if base_given else None
    diff_hash, *folder = words[1:] if base_given else words
    with session() as opened:
        click.echo(worktrees.checkout(opened, diff_hash, base, *folder))
