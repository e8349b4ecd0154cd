"""``gto-ci gate``, the rules before a deployment at a prompt."""

from __future__ import annotations

from typing import Any

import click

from gto_ci.cli.app import Entry, SectionedGroup
from gto_ci.cli.options import option_json, option_repo
from gto_ci.cli.output import emoji
from gto_ci.core.registry import similar

commands = click.Group()


class _Gate(SectionedGroup):
    """``gate REF`` judges; ``gate explain`` is a command of its own."""

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_usage(ctx.command_path, "REF [OPTIONS] | explain NAME [OPTIONS]")

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        # options of `check` may stand before REF; no tag and no shortcut is without one of these marks
        if args and args[0] not in (*self.commands, "-h", "--help"):
            mistyped = not {"@", "#"} & {*args[0]} and similar(args[0], [*self.commands])
            args = args if mistyped else ["check", *args]
        return super().parse_args(ctx, args)


@commands.group(cls=_Gate, short_help="Say whether rules as code let an event pass")
def gate() -> None:
    """Hold the rules in .gto-policy.yaml against the event that REF stands for.

    REF is a registry tag or a shortcut (NAME@latest, NAME#STAGE). The rules are those of the default
    branch, whatever is tagged. Exit code 1 where the gate is closed.
    """


def _policy_options(command: Any) -> Any:
    for option in (
        click.option("--policy-ref", default="", metavar="REF", help="Read the rules from this branch or commit"),
        click.option("--policy", metavar="FILE", type=click.Path(), help="Read the rules from this file here"),
    ):
        command = option(command)
    return command


@gate.command(cls=Entry, short_help="Judge an event (the word itself may be left out)")
@option_repo
@click.argument("ref")
@_policy_options
@option_json
def check(repo: str, ref: str, policy: str | None, policy_ref: str, as_json: bool) -> int:
    """Say whether the event that REF stands for passes the gate, by which rules, and what would satisfy them."""
    from gto_ci.api.gates import check_gate
    from gto_ci.render import gates, views

    _one_source(policy, policy_ref)
    event, verdict = check_gate(repo, ref, policy, policy_ref)
    if as_json:
        click.echo(views.to_json(gates.gate_view(event, verdict.verdict.findings, verdict.where)))
    else:
        click.echo(gates.gate_text(event, verdict.verdict.findings, verdict.where, mark=emoji))
    return 0 if verdict.passed else 1


@gate.command(cls=Entry, short_help="Show the rules for an artifact and a stage")
@option_repo
@click.argument("name")
@click.option("--stage", help="The stage that it is to enter; without, a new version")
@click.option(
    "--event",
    type=click.Choice(["registration", "deregistration", "assignment", "unassignment", "deprecation"]),
    help="Another kind of event",
)
@_policy_options
@option_json
def explain(
    repo: str, name: str, stage: str | None, event: str | None, policy: str | None, policy_ref: str, as_json: bool
) -> None:
    """Show which rules would be held against the artifact NAME, and what each asks for."""
    from gto_ci.api.gates import explain_gate
    from gto_ci.render import gates, views

    _one_source(policy, policy_ref)
    where, rules = explain_gate(repo, name, stage, event or "", policy, policy_ref)
    if as_json:
        click.echo(views.to_json(gates.rules_view(rules, where)))
    else:
        click.echo(gates.rules_text(rules, where))


def _one_source(policy: str | None, policy_ref: str) -> None:
    if policy is not None and policy_ref:
        raise click.UsageError("Rules come from one place: --policy or --policy-ref.")
