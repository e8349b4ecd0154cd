"""Completion in the shell, of commands and options, and of artifacts, versions and stages."""

from __future__ import annotations

from typing import cast

import click
from click.shell_completion import CompletionItem, get_completion_class

from gto_ci.cli.app import Entry
from gto_ci.core.errors import GtoError

SHELLS = ("bash", "zsh", "fish")
_SETUP = {
    "bash": '# in ~/.bashrc:  eval "$({program} completion bash)"',
    "zsh": '# in ~/.zshrc:  eval "$({program} completion zsh)"',
    "fish": "# in ~/.config/fish/config.fish:  {program} completion fish | source",
}
# What git's own completion calls for `git ghost …`; the variable holds where in the line `ghost` stands.
_AS_A_COMMAND_OF_GIT = """
_{name}() {{
    local at=${{__git_cmd_idx:-1}}
    local words=({program} "${{COMP_WORDS[@]:at + 1}}") last=$((COMP_CWORD - at))
    local COMP_WORDS=("${{words[@]}}") COMP_CWORD=$last
    _{name}_completion {program}
}}
"""

commands = click.Group()


@commands.command(
    cls=Entry,
    section="Set up",
    examples="""eval "$(gto completion bash)"
    gto completion fish > ~/.config/fish/completions/gto.fish""",
)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print what SHELL reads to complete commands, options, artifacts, versions and stages."""
    root = ctx.find_root()
    click.echo(script(root.command, root.info_name or "gto", shell))


def script(app: click.Command, program: str, shell: str) -> str:
    """Return what ``shell`` (one of :data:`SHELLS`) has to read to complete ``program``'s words."""
    kind = get_completion_class(shell)
    assert kind is not None  # click knows all of SHELLS
    variable = "_" + program.replace("-", "_").upper() + "_COMPLETE"
    source = kind(app, {}, program, variable).source()
    if shell == "bash" and program.startswith("git-"):
        source += _AS_A_COMMAND_OF_GIT.format(name=program.replace("-", "_"), program=program)
    return f"{_SETUP[shell].format(program=program)}\n{source}"


def artifact_names(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the artifacts that begin with what was typed."""
    return _beginning(incomplete, _artifacts(ctx))


def stage_names(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the stages, allowed or in use, that begin with what was typed."""
    from gto_ci import api

    try:
        return _beginning(incomplete, api.get_stages(_repo(ctx)) or [])
    except GtoError:  # a shell that completes has no place for an error
        return []


def version_names(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the versions, greatest first, of the artifact that was typed before."""
    from gto_ci import api

    try:
        # where an option's value is to be completed, click has not come to the arguments yet
        name = ctx.params.get("name") or next(iter(ctx.args), "")
        versions = api.find_latest_version(_repo(ctx), name, all=True)
    except GtoError:
        return []
    return _beginning(incomplete, [version.version for version in versions] if isinstance(versions, list) else [])


def ghost_kinds(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the kinds of ghosts that begin with what was typed as the first word."""
    return [] if ctx.params.get("words") else _beginning(incomplete, ["diff", "commits", "all"])


def _artifacts(ctx: click.Context) -> list[str]:
    from gto_ci import api

    try:
        return list(cast(dict[str, object], api.show(_repo(ctx), deprecated=True)))
    except GtoError:
        return []


def _repo(ctx: click.Context) -> str:
    return str(ctx.params.get("repo") or ".")


def _beginning(incomplete: str, names: list[str]) -> list[CompletionItem]:
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]
