"""What goes into a judgement, and what comes out of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, NamedTuple, Protocol

from gto_ci.core.errors import quote
from gto_ci.core.events import Event, TagRecord
from gto_ci.core.names import Kind
from gto_ci.core.registry import Artifact, Registry, Version, VersionStage
from gto_ci.core.versions import is_version


@dataclass(frozen=True, slots=True)
class Signed:
    """What a tag's signature is worth.

    ``status`` is ``good``, ``untrusted``, ``bad``, ``unknown``, ``expired``, ``revoked`` or ``none``, as in
    :mod:`gto_ci.git.signatures`; ``signer`` is the principal, ``reason`` what else there is to say.
    """

    status: str
    signer: str = ""
    reason: str = ""


class AssignCommand(NamedTuple):
    """An assignment that would satisfy a rule: of ``version``, or of ``commit`` where that is empty.

    ``again``: the version is in the stage, and is assigned to it once more.
    """

    artifact: str
    version: str
    commit: str
    stage: str
    again: bool

    def __str__(self) -> str:
        return f"assign {self.version or self.commit} of {self.artifact} to {self.stage}"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What somebody found out for a judgement, besides the registry; :class:`~gto_ci.core.policy.Needs` says what for.

    ``now`` has a time zone. ``command`` words the command that assigns a stage. ``fields`` are the annotation's at
    the event's commit, None where nothing annotates the artifact there; ``annotation_problem`` is why they could
    not be read. ``branches`` are those that contain the commit, None where no rule needs them. ``signatures`` are
    by tag: the event's, those of the approvals and of earlier assignments. ``ghost`` is the ghost that was applied
    in this job. ``approvals`` are tags that approve of anything.
    """

    now: datetime
    command: Callable[[AssignCommand], str] = str
    fields: Mapping[str, object] | None = None
    annotation_problem: str = ""
    branches: Sequence[str] | None = None
    signatures: Mapping[str, Signed] = field(default_factory=dict)
    ghost: str = ""
    approvals: Sequence[TagRecord] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one requirement: ``passed`` is None where it is seen only when there is a tag.

    ``evidence`` says what it rests on, and ``remedy`` what would satisfy it, "" where it is: one line
    each, of plain text.
    """

    rule: str
    check: str
    passed: bool | None
    evidence: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """All findings, in the order of the rules."""

    findings: tuple[Finding, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every requirement is met; where there is none, that is so."""
        return all(finding.passed for finding in self.findings)

    @property
    def failures(self) -> tuple[Finding, ...]:
        """The requirements that are not met; those that are seen only later are not among them."""
        return tuple(finding for finding in self.findings if finding.passed is False)


@dataclass(frozen=True, slots=True)
class Case:
    """An event before a rule of the name ``rule``; ``proposed``: it is made up, and there is no tag."""

    rule: str
    event: Event
    registry: Registry
    evidence: Evidence
    proposed: bool = False

    def passed(self, check: str, evidence: str) -> Finding:
        return Finding(self.rule, check, True, evidence)

    def failed(self, check: str, evidence: str, remedy: str) -> Finding:
        return Finding(self.rule, check, False, evidence, remedy)

    def later(self, check: str, evidence: str = "", remedy: str = "") -> Finding:
        """Return that it is seen when there is a tag; ``evidence`` is what is known already."""
        seen = "seen when the tag is pushed"
        return Finding(self.rule, check, None, f"{evidence}; {seen}" if evidence else seen, remedy)

    @property
    def now(self) -> datetime:
        """The time of the judgement, to the second, as git has it."""
        return self.evidence.now.replace(microsecond=0)

    @property
    def subject(self) -> str:
        """What the event is about: ``version v1.2.0``, ``commit abc1234`` or ``artifact 'm'``."""
        return version_named(self.event.version) if self.event.version else f"artifact {quote(self.event.artifact)}"

    @property
    def artifact(self) -> Artifact | None:
        """What the registry knows of the event's artifact."""
        return self.registry.artifacts.get(self.event.artifact)

    @property
    def version(self) -> Version | None:
        """What the registry knows of the event's version, at its commit."""
        artifact, version = self.artifact, self.event.version
        return artifact.by_key.get((version, self.event.commit)) if artifact and version else None

    def life_in(self, stage: str) -> VersionStage | None:
        """Return what the registry knows of the event's version in ``stage``."""
        version = self.version
        return version.stages.get(stage) if version else None

    def precedes(self, other: Event) -> bool:
        """Tell whether ``other`` happened before the event; what is proposed comes after all."""
        return self.proposed or other.order < self.event.order

    def assigning(self, stage: str, *, again: bool = False) -> str:
        """Return the command that assigns the event's version to ``stage``; ``again``: it is in there."""
        event = self.event
        version = event.version if event.version and is_version(event.version) else ""
        return self.evidence.command(AssignCommand(event.artifact, version, event.commit, stage, again))

    @property
    def anew(self) -> str:
        """What makes the event happen again, later than now."""
        if self.event.kind is Kind.ASSIGNMENT and self.event.stage:
            return f"assign it to {quote(self.event.stage)} again: {self.assigning(self.event.stage, again=True)}"
        return f"make the tag {quote(self.event.tag)} anew"


class Requirement(Protocol):
    """One thing that a rule requires; ``check`` is its name, the key in the policy file."""

    check: ClassVar[str]

    def describe(self) -> str:
        """Return what must be so, as the rest of a sentence that begins with what happened."""

    def judge(self, case: Case) -> Finding:
        """Return what comes of it for ``case``."""


def version_named(version: str) -> str:
    """Return a version for a sentence; an unregistered one is the id of its commit."""
    return f"version {version}" if is_version(version) else f"commit {version[:7]}"
