"""A policy, its rules, and the check of an event against them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gto_ci.core.events import Event
from gto_ci.core.names import Kind
from gto_ci.core.policy.event_requirements import Annotated, OnBranch, SignedBy
from gto_ci.core.policy.globs import fits
from gto_ci.core.policy.history_requirements import TwoPerson
from gto_ci.core.policy.judgement import Case, Evidence, Requirement, Verdict
from gto_ci.core.registry import Registry


@dataclass(frozen=True, slots=True)
class Rule:
    """Requirements on some events. ``line`` is the rule's line in the policy file.

    ``artifacts`` and ``stages`` are globs. A rule without ``stages`` covers events with any stage or none.
    """

    name: str
    line: int
    artifacts: tuple[str, ...]
    stages: tuple[str, ...]
    events: tuple[Kind, ...]
    requirements: tuple[Requirement, ...]

    def covers(self, kind: Kind, artifact: str, stage: str | None) -> bool:
        """Return whether the rule applies to an event of this kind, artifact and stage."""
        covers_stage = not self.stages or (stage is not None and fits(stage, self.stages))
        return kind in self.events and covers_stage and fits(artifact, self.artifacts)


@dataclass(frozen=True, slots=True)
class Policy:
    """A repository's rules.

    ``allowed_signers`` is the path, in the repository, of the file that lists whose signatures are good
    (``ALLOWED SIGNERS`` in ssh-keygen(1)); "" means none. ``source`` is the path of the policy itself.
    """

    rules: tuple[Rule, ...]
    allowed_signers: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Needs:
    """The evidence that rules require. ``branches`` are globs of the branches to look at."""

    fields: bool = False
    branches: tuple[str, ...] = ()
    signatures: bool = False
    approvals: bool = False


def applying(policy: Policy, kind: Kind, artifact: str, stage: str | None) -> tuple[Rule, ...]:
    """Return the rules of ``policy`` that apply to an event, in order. All of them must be met."""
    return tuple(rule for rule in policy.rules if rule.covers(kind, artifact, stage))


def needs(rules: Iterable[Rule]) -> Needs:
    """Return the evidence that :func:`judge` needs for ``rules``, so that callers collect no more."""
    required = [requirement for rule in rules for requirement in rule.requirements]
    branches = [glob for item in required if isinstance(item, OnBranch) for glob in item.globs]
    return Needs(
        fields=any(isinstance(item, Annotated) for item in required),
        branches=tuple(dict.fromkeys(branches)),
        signatures=any(
            isinstance(item, SignedBy) or (isinstance(item, TwoPerson) and item.signed) for item in required
        ),
        approvals=any(isinstance(item, TwoPerson) for item in required),
    )


def judge(
    rules: Sequence[Rule], event: Event, registry: Registry, evidence: Evidence, *, proposed: bool = False
) -> Verdict:
    """Check ``event`` against ``rules`` and return one finding for each requirement.

    ``registry`` is the current state. ``proposed`` means that the event's tag does not exist yet. Requirements
    on its tagger, its signature or its date then stay open.
    """
    findings = []
    for rule in rules:
        case = Case(rule.name, event, registry, evidence, proposed)
        findings += [requirement.judge(case) for requirement in rule.requirements]
    return Verdict(tuple(findings))
