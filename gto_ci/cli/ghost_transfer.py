"""``git-ghost``, the commands that carry a change: push, pull, show, diff, checkout."""

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

CARRY = "Carry a change"
_HASH = re.compile(r"[0-9a-fA-F]{4,40}")

commands = click.Group()
F = TypeVar("F", bound=Callable[..., Any])


def _selection(command: F) -> F:
    """The options that say which untracked files belong to a change."""
    for option in reversed(
        [
            click.option(
                "-I",
                "--include",
                multiple=True,
                type=click.Path(),
                metavar="FILE",
                help="Untracked file, folder or pattern to take too",
            ),
            click.option("-u", "--untracked", is_flag=True, help="Take all untracked files that are not ignored"),
            click.option("--follow-symlinks", is_flag=True, help="With a link that -I names, take what it leads to"),
        ]
    ):
        command = option(command)
    return command


@commands.command(
    cls=Entry,
    short_help="Push a change, or commits, to the patch repository",
    section=CARRY,
    examples="""git ghost push
    git ghost push -u -m "learning rate 0.1"
    git ghost push commits origin/main
    git ghost push all origin/main""",
)
@click.argument(
    "words", nargs=-1, metavar="[diff [BASE]|commits FROM [TO]|all FROM [BASE]]", shell_complete=ghost_kinds
)
@_selection
@click.option("-m", "--message", default="", metavar="NOTE", help="A note, which 'git ghost log' shows")
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
    """Push the uncommitted change of BASE, the commits after FROM, or both, to the patch repository.

    BASE and TO are HEAD unless given. Prints what it takes to pull them: BASE and HASH of a diff,
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
    # of `all` two lines are read, so both are printed; of `commits` alone, what is pushed
    shown = [one for one in pushed if kind == "all" or not one.empty]
    if as_json:
        from gto_ci.render import ghosts, views

        click.echo(views.to_json([ghosts.pushed_view(one) for one in shown]))
    else:
        for one in shown:
            click.echo(one.ghost)
    for one in pushed:
        if one.change is not None:
            left_out(one.change.left_out)
            notes(one.change.notes)
        if one.empty:
            notes([f"There are no commits between {trimmed(rest[0])} and {trimmed(base)}"])
            continue
        if message and not one.created:
            notes([f"{one.ghost} was there already, and keeps the note that it has"])
        detail(f"{'Pushed' if one.created else 'It was there already:'} {one.ghost.kind}, {one.size:,} bytes")


@commands.command(
    cls=Entry,
    short_help="Apply a change here: exactly, or not at all",
    section=CARRY,
    examples="""git ghost pull e5f2a81
    git ghost pull commits 9b97b80
    git ghost pull all 9b97b80 e5f2a81""",
)
@click.argument(
    "words", nargs=-1, metavar="[diff [BASE] HASH|commits [FROM] TO|all [FROM] TO HASH]", shell_complete=ghost_kinds
)
@click.option("--force-base", is_flag=True, help="Merge it, where HEAD is not the commit that it starts from")
@common
def pull(words: tuple[str, ...], force_base: bool) -> None:
    """Apply a diff to the work tree, commits to the branch, or both: exactly, or not at all.

    BASE and FROM are HEAD unless given. A hash may be shortened.
    """
    from gto_ci.ghost import pull_ghost

    wanted = _wanted(words)
    with session() as opened:
        done = pull_ghost.pull(opened, diff=wanted.diff, commits=wanted.commits, force_base=force_base)
    notes(done.notes)
    detail(f"HEAD is at {done.commit}; files that differ from it: {len(done.files)}; tree {done.tree}")


@commands.command(
    cls=Entry,
    short_help="Print a patch as it is stored",
    section=CARRY,
    examples="""git ghost show e5f2a81
    git ghost show commits 9b97b80""",
)
@click.argument(
    "words", nargs=-1, metavar="[diff [BASE] HASH|commits [FROM] TO|all [FROM] TO HASH]", shell_complete=ghost_kinds
)
@common
def show(words: tuple[str, ...]) -> None:
    """Print a patch as it is stored, byte for byte."""
    from gto_ci.ghost import pull_ghost

    wanted = _wanted(words)
    with session() as opened:
        raw_bytes(pull_ghost.show(opened, diff=wanted.diff, commits=wanted.commits))


def _wanted(words: tuple[str, ...]) -> Wanted:
    """Return what ``words`` ask for."""
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
    short_help="Print what a push would capture",
    section=CARRY,
    examples="git ghost diff\ngit ghost diff -u origin/main",
)
@click.argument("base", default="HEAD")
@_selection
@common
def diff(base: str, include: tuple[str, ...], untracked: bool, follow_symlinks: bool) -> None:
    """Print what a push would capture: the uncommitted change of BASE."""
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
    short_help="Go back to the code of a run, in a folder of its own",
    section=CARRY,
    examples="""git ghost checkout e5f2a81
    git ghost checkout 9b97b80 e5f2a81 ../run-42
    git ghost checkout --remove ../run-42""",
)
@click.argument("words", nargs=-1, metavar="[BASE] HASH [DIR]")
@click.option("--remove", is_flag=True, help="Remove the work tree DIR, or that of HASH, instead")
@click.option("--force", is_flag=True, help="With --remove: although it was changed")
@common
def checkout(words: tuple[str, ...], remove: bool, force: bool) -> None:
    """Go back to the code of a run: a linked work tree at BASE with the diff HASH applied.

    Prints its folder, by default beside the repository. Without BASE it is HEAD's diff, or the only
    one of that hash. Of two words, the second is a HASH if it looks like one; write ./DIR otherwise.
    """
    from gto_ci.ghost import worktrees
    from gto_ci.ghost.names import trimmed

    if remove:
        if len(words) != 1:
            raise click.UsageError("--remove takes one folder or hash.")
        with session() as opened:
            click.echo(worktrees.remove(opened, words[0], force=force))
        return
    if force or not 1 <= len(words) <= 3:
        raise click.UsageError("--force goes with --remove." if force else "It takes 1 to 3 arguments.")
    base_given = len(words) == 3 or (len(words) == 2 and _HASH.fullmatch(trimmed(words[1])) is not None)
    base = words[0] if base_given else None
    diff_hash, *folder = words[1:] if base_given else words
    with session() as opened:
        click.echo(worktrees.checkout(opened, diff_hash, base, *folder))
