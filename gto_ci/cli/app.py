"""Shared parts of the three command lines: start, print, fail, and show help.

Exit codes: 0 for success, 1 for a :class:`~gto_ci.core.errors.GtoError`, 2 for a usage error, 130 for an interrupt,
141 if the reader of stdout closed the pipe.
"""

from __future__ import annotations

import errno
import os
import re
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

REPORT = "This is a bug in gto-ci. Please report it with the command that you ran; GTO_DEBUG=true prints a traceback"
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class SectionedGroup(click.Group):
    """A command group with aliases, lazy imports, and a help that lists commands under headings.

    :class:`Entry` defines a command's heading and its aliases. ``section`` is the heading of the group itself.
    ``homes`` maps a command name to the module that defines the command. A module is imported when its
    command is first needed, so that ``gto check-ref`` does not import what ``gto annotate`` needs.
    """

    def __init__(
        self, *args: Any, homes: Mapping[str, str] | None = None, section: str = "Commands", **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.section = section
        self.homes = dict(homes or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self.homes, *(name for name in self.commands if name not in self.homes)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in self.homes and cmd_name not in self.commands:
            home = self.homes[cmd_name]
            module_commands = import_module(home).commands.commands
            # this group may take a command of the same name from another module: gto-ci has its own doctor
            self.commands.update(
                {name: command for name, command in module_commands.items() if self.homes.get(name) == home}
            )
        found = super().get_command(ctx, cmd_name)
        if found is None:
            commands = self.all_commands(ctx).values()
            found = next((command for command in commands if cmd_name in getattr(command, "aliases", ())), None)
        return found

    def all_commands(self, ctx: click.Context) -> dict[str, click.Command]:
        """Import all commands, and return them by name, in the order of the help."""
        found = {name: self.get_command(ctx, name) for name in self.list_commands(ctx)}
        return {name: command for name, command in found.items() if command is not None}

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if not ctx.resilient_parsing and self.get_command(ctx, args[0]) is None and args[0][:1].isalnum():
            from gto_ci.core.registry import similar  # late: only needed after a typo

            commands = self.all_commands(ctx)
            shown = [name for name, command in commands.items() if not command.hidden]
            shown += [alias for command in commands.values() for alias in getattr(command, "aliases", ())]
            suggestion = similar(args[0], shown)
            if suggestion:
                ctx.fail(f"No such command {quote(args[0])}. Did you mean {suggestion}?")
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
    """A command with a heading for its group's help, aliases, and examples at the end of its own help."""

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
                for line in self.example_lines(ctx):
                    formatter.write(f"  {line}\n")

    def example_lines(self, ctx: click.Context) -> list[str]:
        """Return the examples with the name of the program: ``gto-ci show`` is the same command as ``gto show``."""
        program = ctx.find_root().info_name or ""
        if self.name == "completion" and ctx.parent is not None and ctx.parent.command.name == "git-ghost":
            program = "git-ghost"  # also under gto-ci
        lines = [line.strip() for line in self.examples.strip().splitlines()]
        ours = {"gto-ci": ("gto-ci", "gto-ci ghost"), "git-ghost": ("git ghost", "git ghost")}
        gto, ghost = ours.get(program.replace(" ", "-"), ("gto", "git ghost"))
        names = {"gto": gto, "git ghost": ghost, "gto.": f"{gto.replace(' ', '-')}."}
        return [
            re.sub(r"(?<![\w.])(?:gto\.|gto(?= )|git ghost(?= ))", lambda found: names[found[0]], line)
            for line in lines
        ]


def raw(text: str) -> None:
    """Print text from a repository unchanged. On a terminal, escape control characters."""
    if sys.stdout.isatty():
        text = visible(text, "\n\t")
    sys.stdout.write(f"{text}\n")  # click.echo may strip escape sequences


def raw_bytes(data: bytes) -> None:
    """Print bytes from a repository unchanged. On a terminal, escape control characters."""
    if sys.stdout.isatty():
        sys.stdout.write(visible(data.decode(errors="replace"), "\n\t"))
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)


def note(text: str) -> None:
    """Print a message for the user on stderr, so that scripts that read stdout do not get it."""
    if text:
        click.echo(text, err=True)


def version_line() -> str:
    """Return the version line, the first line of ``gto --version`` and ``gto doctor``."""
    return f"{emoji('🪴 ')}GTO Version: {__version__} (gto-ci)"


def settings_lines(settings: Settings) -> list[str]:
    """Return the settings in effect, one line each."""
    values = ((key, getattr(settings, key)) for key in ("types", "stages", "index", "emojis", "debug"))
    return [f"{k}: {', '.join(v) if isinstance(v, tuple) else 'any' if v is None else v}" for k, v in values]


def run(app: click.Command, name: str) -> None:
    """Run a command line, and exit with its exit code."""
    stdio.prepare()
    sys.exit(_exit_code(app, name))


def _exit_code(app: click.Command, name: str) -> int:
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
        return stdio.end_broken_pipe(stdout)  # click replaces stdout after a broken pipe, and exits with 1
    except BrokenPipeError:
        return stdio.end_broken_pipe(stdout)
    except Exception as error:
        if debug:
            raise
        click.echo(f"{emoji('❌')}{_error_line(error)}", err=True)
        return 1


def _error_line(error: Exception) -> str:
    if isinstance(error, GtoError):
        from gto_ci import hints  # late: only needed after an error

        return hints.sentence(error, hints.Interface.COMMAND)
    if isinstance(error, OSError) and error.errno in _NO_SPACE:
        stdio.discard(sys.stdout)
        return f"Cannot write: {os.strerror(error.errno)}. Free some space, or write elsewhere"
    # an unknown error is one line too, not a traceback
    return f"Unexpected {type(error).__name__}: {one_line(error, 300)}. {REPORT}"
