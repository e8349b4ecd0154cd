"""The gate's verdict and rules, as dictionaries and as text for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from gto_ci.render.views import Row, event_view

if TYPE_CHECKING:
    from gto_ci.core.events import Event
    from gto_ci.core.policy import Finding, Rule

_MARKS = {True: "✅", False: "❌", None: "⏳"}
_WORDS = {True: "ok", False: "FAILED", None: "open"}


def gate_view(event: Event, findings: Sequence[Finding], where: str) -> Row:
    """Return a verdict as ``gto-ci gate --json`` prints it."""
    return {
        "gate": "failed" if any(one.passed is False for one in findings) else "passed",
        "policy": where,
        "event": event_view(event),
        "findings": [asdict(one) for one in findings],
    }


def gate_text(event: Event, findings: Sequence[Finding], where: str, *, mark: Callable[[str], str]) -> str:
    """Return a verdict for a person: the event, each check with its evidence, and the remedies."""
    failed = sum(one.passed is False for one in findings)
    verdict = f"The gate is closed: {failed} of {len(findings)} checks failed" if failed else "The gate is open"
    lines = [str(event), f"{mark('❌' if failed else '✅')}{verdict} (rules: {where})"]
    if not findings:
        lines.append("  No rule applies to this event")
    for one in findings:
        lines.append(
            f"  {mark(_MARKS[one.passed]) or _WORDS[one.passed] + '  '}{one.rule}, {one.check}: {one.evidence}"
        )
        lines += [f"       → {one.remedy}"] if one.remedy else []
    return "\n".join(lines)


def rules_view(rules: Sequence[Rule], where: str) -> Row:
    """Return rules as ``gto-ci gate explain --json`` prints them."""
    shown = [
        {"rule": one.name, "line": one.line, "asks": [each.describe() for each in one.requirements]} for one in rules
    ]
    return {"policy": where, "rules": shown}


def rules_text(rules: Sequence[Rule], where: str) -> str:
    """Return rules for a person, each with its requirements."""
    if not rules:
        return f"No rule applies (rules: {where})"
    lines = [f"Rules: {where}"]
    for rule in rules:
        lines.append(f"{rule.name} (line {rule.line})")
        lines += [f"  - {one.describe()}" for one in rule.requirements]
    return "\n".join(lines)
