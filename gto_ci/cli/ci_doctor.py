"""``gto-ci doctor``: find problems, and show how to fix them."""

from __future__ import annotations

import os

import click

from gto_ci import hints
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
    short_help="Find problems, and show how to fix them",
    examples="gto-ci doctor\ngto-ci doctor --offline --json",
)
@click.option("-r", "--repo", default=".", show_default=True, help="Folder in a local repository")
@click.option("--offline", is_flag=True, help="Skip checks that need the network")
@option_json
def doctor(repo: str, offline: bool, as_json: bool) -> int:
    """Find problems with Git, the clone, its remote, tags and files, and your token.

    Print a fix for each problem and warning. Exit 1 if there is a problem; warnings do not count.
    """
    findings = []
    for found in examine(repo, os.environ, offline=offline):
        finding = found._replace(fix=hints.next_step(found.fix, hints.Interface.COMMAND))
        findings.append(finding)
        if not as_json:
            _show(finding)
    if as_json:
        click.echo(views.to_json([_view(finding) for finding in findings]))
    return 1 if any(finding.status == "problem" for finding in findings) else 0


def _show(finding: Diagnosis) -> None:
    mark = emoji(_MARKS[finding.status]) or f"{finding.status}: "
    click.echo(f"{mark}{finding.message}")
    if finding.fix:
        click.echo(f"    → {finding.fix}")


def _view(finding: Diagnosis) -> dict[str, str]:
    return {"check": finding.check, "status": finding.status, "message": finding.message, "fix": finding.fix}
