"""``gto-ci doctor``, which says what is wrong and how to put it right."""

from __future__ import annotations

import os

import click

from gto_ci.api.doctor import Diagnosis, examine
from gto_ci.cli.app import Entry
from gto_ci.cli.options import option_json
from gto_ci.cli.output import emoji
from gto_ci.render import views

_MARKS = {"ok": "✅", "warning": "⚠️", "problem": "❌"}

commands = click.Group()


@commands.command(
    cls=Entry,
    section="Set up",
    short_help="Say what is wrong, and what puts it right",
    examples="gto-ci doctor\ngto-ci doctor --offline --json",
)
@click.option("-r", "--repo", default=".", show_default=True, help="Folder in a local repository")
@click.option("--offline", is_flag=True, help="Leave out what asks the network")
@option_json
def doctor(repo: str, offline: bool, as_json: bool) -> int:
    """Look for what is wrong with git, the clone, its remote, its tags, its files and your token.

    Each problem is followed by what puts it right. Exit 1 where there is a problem; warnings alone
    are none.
    """
    findings = []
    for finding in examine(repo, os.environ, offline=offline):
        findings.append(finding)
        if not as_json:
            _show(finding)
    if as_json:
        click.echo(views.to_json([_view(finding) for finding in findings]))
    return 1 if any(finding.status == "problem" for finding in findings) else 0


def _show(finding: Diagnosis) -> None:
    mark = emoji(_MARKS[finding.status]) or f"{finding.status}: "
    click.echo(f"{mark}{finding.said}")
    if finding.fix:
        click.echo(f"    → {finding.fix}")


def _view(finding: Diagnosis) -> dict[str, str]:
    return {"check": finding.check, "status": finding.status, "message": finding.said, "fix": finding.fix}
