"""A policy, its rules, and the judgement by them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gto_ci.core.events import Event
from gto_ci.core.names import Kind
from gto_ci.core.policy.case import Case, Evidence, Requirement, Verdict
from gto_ci.core.policy.event_requirements import Annotated, OnBranch, SignedBy
from gto_ci.core.policy.globs import fits
from gto_ci.core.policy.history_requirements import TwoPerson
from gto_ci.core.registry import Registry


@dataclass(frozen=True, slots=True)
class Rule:
    """What is required of some events; ``line`` is where it stands in its file.

    ``artifacts`` and ``stages`` are globs; a rule without ``stages`` is for any and for none.
    """

    name: str
    line: int
    artifacts: tuple[str, ...]
    stages: tuple[str, ...]
    events: tuple[Kind, ...]
    requirements: tuple[Requirement, ...]

    def covers(self, kind: Kind, artifact: str, stage: str | None) -> bool:
        """Tell whether the rule is for an event of this kind, of this artifact and stage."""
        of_stage = not self.stages or (stage is not None and fits(stage, self.stages))
        return kind in self.events and of_stage and fits(artifact, self.artifacts)


@dataclass(frozen=True, slots=True)
class Policy:
    """A repository's rules.

    ``allowed_signers`` is the path in the repository of the file (``ALLOWED SIGNERS`` in
    ssh-keygen(1)) that says whose signatures are good, "" for none; ``source`` is the path of the
    policy itself.
    """

    rules: tuple[Rule, ...]
    allowed_signers: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Needs:
    """The evidence that rules ask for; ``branches`` are globs of those that matter."""

    fields: bool = False
    branches: tuple[str, ...] = ()
    signatures: bool = False
    approvals: bool = False


def applying(policy: Policy, kind: Kind, artifact: str, stage: str | None) -> tuple[Rule, ...]:
    """Return the rules of ``policy`` for an event of this kind, in their order; all of them must be met."""
    return tuple(rule for rule in policy.rules if rule.covers(kind, artifact, stage))


def needs(rules: Iterable[Rule]) -> Needs:
    """Return the evidence that :func:`judge` takes for ``rules``, so that nobody looks for more."""
    required = [requirement for rule in rules for requirement in rule.requirements]
    branches = [glob for one in required if isinstance(one, OnBranch) for glob in one.globs]
    return Needs(
        fields=any(isinstance(one, Annotated) for one in required),
        branches=tuple(dict.fromkeys(branches)),
        signatures=any(isinstance(one, SignedBy) or (isinstance(one, TwoPerson) and one.signed) for one in required),
        approvals=any(isinstance(one, TwoPerson) for one in required),
    )


def judge(
    rules: Sequence[Rule], event: Event, registry: Registry, evidence: Evidence, *, proposed: bool = False
) -> Verdict:
    """Return what ``rules`` say of ``event``, one finding for each requirement.

    ``registry`` is as it stands now. With ``proposed`` the event is made up, because there is no tag
    yet: what its tagger, its signature or its place in time decide is then seen later.
    """
    findings = []
    for rule in rules:
        case = Case(rule.name, event, registry, evidence, proposed)
        findings += [requirement.judge(case) for requirement in rule.requirements]
    return Verdict(tuple(findings))
