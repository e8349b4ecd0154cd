"""The command lines as Markdown, from what click knows of them: the words of ``--help``."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Set
from importlib import import_module

import click

from docs._ext.markdown import definitions, fenced, prose
from gto_ci.cli.app import Entry

_PROGRAMS = {"gto": "gto", "git ghost": "git_ghost", "gto-ci": "gto_ci"}


def reference(program: str) -> str:
    """Return the reference of ``program``: what all its commands have in common, then each of them."""
    app = _app(program)
    ctx = click.Context(app, info_name=program)
    return "\n".join([_command(app, ctx), *_below(app, ctx, set(_options(app, ctx)), _others(program))])


def _app(program: str) -> click.Group:
    app = import_module(f"gto_ci.cli.{_PROGRAMS[program]}").app
    assert isinstance(app, click.Group)
    return app


def _others(program: str) -> set[str]:
    """The commands of ``gto-ci`` that other pages describe."""
    if program != "gto-ci":
        return set()
    ours, theirs = _app("gto-ci").homes, _app("gto").homes  # type: ignore[attr-defined]  # each is a SectionedGroup
    return {"ghost", *(name for name, home in theirs.items() if ours.get(name) == home)}


def _sections(group: click.Group, ctx: click.Context, left_out: Set[str]) -> dict[str, list[tuple[str, click.Command]]]:
    """The commands of ``group`` by their headings, in the order of its help."""
    found: dict[str, list[tuple[str, click.Command]]] = {}
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        if command is not None and not command.hidden and name not in left_out:
            found.setdefault(getattr(command, "section", "Commands"), []).append((name, command))
    return found


def _below(group: click.Group, ctx: click.Context, known: Set[tuple[str, str]], left_out: Set[str]) -> Iterator[str]:
    """Each command of ``group`` under a heading, without the options that are ``known`` from above it."""
    for section, entries in _sections(group, ctx, left_out).items():
        if ctx.parent is None:
            yield f"## {section}\n"
        for name, command in entries:
            below = click.Context(command, info_name=name, parent=ctx)
            yield f"### {below.command_path}\n"
            yield _command(command, below, known)
            if isinstance(command, click.Group):
                yield from _below(command, below, known, left_out)


def _command(command: click.Command, ctx: click.Context, known: Set[tuple[str, str]] = frozenset()) -> str:
    paragraphs = inspect.cleandoc(command.help or "").split("\n\n")
    parts = [f"{prose(text)}\n" for text in paragraphs]
    usage = command.get_usage(ctx).removeprefix("Usage: ")
    parts.append(fenced(" ".join(usage.split()), "text"))
    if aliases := getattr(command, "aliases", ()):
        parts.append(f"Also called {', '.join(f'`{alias}`' for alias in aliases)}.\n")
    options = (option for option in _options(command, ctx) if option not in known)
    parts.append(definitions((words, prose(text)) for words, text in options))
    if isinstance(command, Entry) and command.examples:
        parts.append(fenced("\n".join(command.example_lines(ctx)), "sh"))
    return "\n".join(parts)


def _options(command: click.Command, ctx: click.Context) -> Iterator[tuple[str, str]]:
    """The options as the help lists them, without ``--help`` itself; arguments only where they have a help."""
    for param in command.params:
        record = param.get_help_record(ctx)
        if record and record[1]:
            yield record
