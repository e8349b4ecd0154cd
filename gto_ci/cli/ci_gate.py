"""``gto-ci gate``: check an event against the policy on the command line."""

from __future__ import annotations

from typing import Any

import click

from gto_ci.cli.app import Entry, SectionedGroup
from gto_ci.cli.options import option_json, option_repo
from gto_ci.cli.output import emoji
from gto_ci.core.registry import similar

commands = click.Group()


class _Gate(SectionedGroup):
    """A group in which ``gate REF`` is short for ``gate check REF``."""

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_usage(ctx.command_path, "REF [OPTIONS] | explain NAME [OPTIONS]")

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        # the first word may be REF or an option of `check`; every tag and shortcut contains @ or #
        if args and args[0] not in (*self.commands, "-h", "--help"):
            typo = not {"@", "#"} & {*args[0]} and similar(args[0], [*self.commands])
            args = args if typo else ["check", *args]
        return super().parse_args(ctx, args)


@commands.group(cls=_Gate, section="Use in CI and hooks", short_help="Check an event against the policy")
def gate() -> None:
    """Check the event of REF against the rules in .gto-policy.yaml.

    REF is a registry tag or a shortcut (NAME@latest, NAME#STAGE). The rules come from the default
    branch, not from the tagged commit. Exit 1 if the gate is closed.
    """


def _policy_options(command: Any) -> Any:
    for option in (
        click.option("--policy-ref", default="", metavar="REF", help="Read the rules from this branch, tag or commit"),
        click.option("--policy", metavar="FILE", type=click.Path(), help="Read the rules from this local file"),
    ):
        command = option(command)
    return command


@gate.command(cls=Entry, short_help="Check an event (you may omit the word 'check')")
@option_repo
@click.argument("ref")
@_policy_options
@option_json
def check(repo: str, ref: str, policy: str | None, policy_ref: str, as_json: bool) -> int:
    """Check the event of REF against the rules.

    Print the result of each requirement and, if it is not met, the remedy.
    """
    from gto_ci.api.gates import check_gate
    from gto_ci.render import gates, views

    _refuse_two_policies(policy, policy_ref)
    event, result = check_gate(repo, ref, policy, policy_ref)
    if as_json:
        click.echo(views.to_json(gates.gate_view(event, result.verdict.findings, result.where)))
    else:
        click.echo(gates.gate_text(event, result.verdict.findings, result.where, mark=emoji))
    return 0 if result.passed else 1


@gate.command(cls=Entry, short_help="Show the rules that apply to an artifact")
@option_repo
@click.argument("name")
@click.option("--stage", help="Show the rules for an assignment to this stage")
@click.option(
    "--event",
    type=click.Choice(["registration", "deregistration", "assignment", "unassignment", "deprecation"]),
    help="Kind of event (default: assignment with --stage, else registration)",
)
@_policy_options
@option_json
def explain(
    repo: str, name: str, stage: str | None, event: str | None, policy: str | None, policy_ref: str, as_json: bool
) -> None:
    """Show which rules apply to the artifact NAME, and what each rule requires."""
    from gto_ci.api.gates import explain_gate
    from gto_ci.render import gates, views

    _refuse_two_policies(policy, policy_ref)
    where, rules = explain_gate(repo, name, stage, event or "", policy, policy_ref)
    if as_json:
        click.echo(views.to_json(gates.rules_view(rules, where)))
    else:
        click.echo(gates.rules_text(rules, where))


def _refuse_two_policies(policy: str | None, policy_ref: str) -> None:
    if policy is not None and policy_ref:
        raise click.UsageError("--policy and --policy-ref cannot be used together.")
