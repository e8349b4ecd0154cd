"""What the three command lines share: how they start, print, fail and show help.

Exit codes: 0; 1 for a :class:`~gto_ci.errors.GtoError`; 2 for usage; 130 when interrupted.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import click

from gto_ci import __version__
from gto_ci.cli import stdio
from gto_ci.cli.output import emoji
from gto_ci.core.errors import GtoError, one_line, quote, visible
from gto_ci.files.config import Settings

REPORT = "This is a bug in gto-ci; GTO_DEBUG=true shows where. Please report it with the command that you ran"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class SectionedGroup(click.Group):
    """A group that lists its commands in the order of their definition, under headings, and knows aliases.

    A command's heading is its ``section`` attribute, its other names ``aliases``; see :class:`Entry`.
    ``homes`` are modules with further commands, by command name, each imported when its command is
    first asked for: ``gto check-ref`` does not pay for what ``gto annotate`` needs.
    """

    def __init__(self, *args: Any, homes: Mapping[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.homes = dict(homes or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self.homes, *(name for name in self.commands if name not in self.homes)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in self.homes and cmd_name not in self.commands:
            home = self.homes[cmd_name]
            found_there = import_module(home).commands.commands
            # a command of that module may have another home here, as `gto doctor` has in gto-ci
            self.commands.update({name: one for name, one in found_there.items() if self.homes.get(name) == home})
        found = super().get_command(ctx, cmd_name)
        if found is None:
            commands = self.all_commands(ctx).values()
            found = next((command for command in commands if cmd_name in getattr(command, "aliases", ())), None)
        return found

    def all_commands(self, ctx: click.Context) -> dict[str, click.Command]:
        """Return all commands by name, those that are not imported yet too, in the order of the help."""
        found = {name: self.get_command(ctx, name) for name in self.list_commands(ctx)}
        return {name: command for name, command in found.items() if command is not None}

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if not ctx.resilient_parsing and self.get_command(ctx, args[0]) is None and args[0][:1].isalnum():
            from gto_ci.core.registry import similar  # late: only mistakes pay for it

            commands = self.all_commands(ctx)
            shown = [name for name, command in commands.items() if not command.hidden]
            shown += [alias for command in commands.values() for alias in getattr(command, "aliases", ())]
            meant = similar(args[0], shown)
            if meant:
                ctx.fail(f"No such command {quote(args[0])}. Did you mean {meant}?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        shown = {name: command for name, command in self.all_commands(ctx).items() if not command.hidden}
        limit = formatter.width - 6 - max((len(name) for name in shown), default=0)
        for name, command in shown.items():
            aliases = getattr(command, "aliases", ())
            label = f"{name} ({', '.join(aliases)})" if aliases else name
            row = (label, command.get_short_help_str(limit))
            sections.setdefault(getattr(command, "section", "Commands"), []).append(row)
        for heading, rows in sections.items():
            with formatter.section(heading):
                formatter.write_dl(rows)


class Entry(click.Command):
    """A command with a heading in its group's help, other names, and examples at the end of its own help."""

    def __init__(
        self,
        *args: object,
        section: str = "Commands",
        aliases: Sequence[str] = (),
        examples: str = "",
        **kwargs: object,
    ) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # click's own parameters, passed through
        self.section = section
        self.aliases = tuple(aliases)
        self.examples = examples

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_epilog(ctx, formatter)
        if self.examples:
            with formatter.section("Examples"):
                for line in self.examples.strip().splitlines():
                    formatter.write(f"  {line.strip()}\n")


def raw(text: str) -> None:
    """Print a stranger's text: to a program byte for byte, to a terminal without what would steer it."""
    if sys.stdout.isatty():
        text = visible(text, "\n\t")
    sys.stdout.write(f"{text}\n")  # click.echo would take some of it away


def raw_bytes(data: bytes) -> None:
    """Print a stranger's bytes as they are; to a terminal without what would steer it."""
    if sys.stdout.isatty():
        sys.stdout.write(visible(data.decode(errors="replace"), "\n\t"))
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)


def note(text: str) -> None:
    """Tell a person something that is not the answer: on stderr, so that scripts do not read it."""
    if text:
        click.echo(text, err=True)


def version_line() -> str:
    """Return the line that ``gto --version`` and ``gto doctor`` begin with."""
    return f"{emoji('🪴 ')}GTO Version: {__version__} (gto-ci)"


def settings_lines(settings: Settings) -> list[str]:
    """Return the settings, one line each, for a person."""
    values = ((key, getattr(settings, key)) for key in ("types", "stages", "index", "emojis", "debug"))
    return [f"{k}: {', '.join(v) if isinstance(v, tuple) else 'any' if v is None else v}" for k, v in values]


def run(app: click.Command, name: str) -> None:
    """Run a command line and end the process with its exit code."""
    stdio.prepare()
    sys.exit(_outcome(app, name))


def _outcome(app: click.Command, name: str) -> int:
    debug = os.environ.get("GTO_DEBUG", "").lower() in ("1", "true", "yes", "on")
    debug = debug or any(word in ("--traceback", "--tb") for word in sys.argv[1:])
    stdout = sys.stdout
    try:
        code = app.main(prog_name=name, standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        return 130
    except SystemExit:
        if sys.stdout is stdout:
            raise
        return stdio.reader_left(stdout)  # click has replaced it, and would call it exit code 1
    except BrokenPipeError:
        return stdio.reader_left(stdout)
    except Exception as error:
        if debug:
            raise
        click.echo(f"{emoji('❌')}{_in_a_line(error)}", err=True)
        return 1


def _in_a_line(error: Exception) -> str:
    if isinstance(error, GtoError):
        from gto_ci import hints  # late: only mistakes pay for it

        return hints.sentence(error, hints.Door.COMMAND)
    if isinstance(error, OSError) and error.errno in _FULL:
        stdio.give_up(sys.stdout)
        return f"Cannot write: {os.strerror(error.errno)}. Make room, or write elsewhere"
    # the last line of defence: one line, not a traceback
    return f"Unexpected {type(error).__name__}: {one_line(error, 300)}. {REPORT}"
