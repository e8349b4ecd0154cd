"""Shell completion of commands, options, artifacts, versions and stages."""

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
# For `git ghost …`, git's own completion calls this function. The variable holds the position of `ghost` in the line.
_GIT_SUBCOMMAND = """
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
    short_help="Print a completion script for the given shell",
    section="Set up",
    examples="""eval "$(gto completion bash)"
    gto completion fish > ~/.config/fish/completions/gto.fish""",
)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print a completion script for the given SHELL."""
    root = ctx.find_root()
    click.echo(script(root.command, root.info_name or "gto", shell))


def script(app: click.Command, program: str, shell: str) -> str:
    """Return the completion script of ``program`` for ``shell``, one of :data:`SHELLS`."""
    kind = get_completion_class(shell)
    assert kind is not None  # click knows all of SHELLS
    variable = "_" + program.replace("-", "_").upper() + "_COMPLETE"
    source = kind(app, {}, program, variable).source()
    if shell == "bash" and program.startswith("git-"):
        source += _GIT_SUBCOMMAND.format(name=program.replace("-", "_"), program=program)
    return f"{_SETUP[shell].format(program=program)}\n{source}"


def artifact_names(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the artifacts whose names start with ``incomplete``."""
    return _beginning(incomplete, _artifacts(ctx))


def stage_names(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the allowed stages, or else the stages in use, whose names start with ``incomplete``."""
    from gto_ci import api

    try:
        return _beginning(incomplete, api.get_stages(_repo(ctx)) or [])
    except GtoError:  # a shell cannot show an error while it completes a word
        return []


def version_names(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the versions, greatest first, of the artifact in the command line."""
    from gto_ci import api

    try:
        # when click completes an option's value, it has not parsed the arguments yet
        name = ctx.params.get("name") or next(iter(ctx.args), "")
        versions = api.find_latest_version(_repo(ctx), name, all=True)
    except GtoError:
        return []
    return _beginning(incomplete, [version.version for version in versions] if isinstance(versions, list) else [])


def ghost_kinds(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the kinds of ghosts that start with ``incomplete``, if it is the first word."""
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
