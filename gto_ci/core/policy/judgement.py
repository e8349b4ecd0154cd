"""The input and the result of a policy check."""

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
    """The result of verifying a tag's signature.

    ``status`` is ``good``, ``untrusted``, ``bad``, ``unknown``, ``expired``, ``revoked`` or ``none``, as in
    :mod:`gto_ci.git.signatures`. ``signer`` is the principal. ``reason`` adds details, if any.
    """

    status: str
    signer: str = ""
    reason: str = ""


class AssignCommand(NamedTuple):
    """An assignment that would satisfy a rule: of ``version`` or, if that is empty, of ``commit``.

    ``again`` means that the stage already holds the version, which has to be assigned once more.
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
    """The evidence for a check, besides the registry. :class:`~gto_ci.core.policy.Needs` says which parts rules use.

    Attributes:
        now: the time of the check, with a time zone.
        command: returns the shell command for an assignment.
        fields: the annotation's fields at the event's commit, None if nothing annotates the artifact there.
        annotation_problem: why the annotation could not be read, else "".
        branches: the branches that contain the commit, None if they are unknown or no rule needs them.
        signatures: the signatures of the event's tag, of approvals and of earlier assignments, by tag.
        ghost: the ghost that was applied in this job, else "".
        approvals: approval tags, for any artifact and stage.
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
    """The result of one requirement. ``passed`` is None if it can be checked only once the tag exists.

    ``evidence`` says what the result is based on. ``remedy`` says what would satisfy the requirement, or is ""
    if it is met. Each is one line of plain text.
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
        """Whether every requirement is met. True if there are none."""
        return all(finding.passed for finding in self.findings)

    @property
    def failures(self) -> tuple[Finding, ...]:
        """The findings of the requirements that are not met.

        Requirements that cannot be checked yet are ignored (for example a signature, before the tag exists).
        """
        return tuple(finding for finding in self.findings if finding.passed is False)


@dataclass(frozen=True, slots=True)
class Case:
    """An event to check against the rule named ``rule``. ``proposed`` means that its tag does not exist yet."""

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
        """Return a finding that is open until the tag exists. ``evidence`` is what is already known."""
        pending = "checked when the tag is pushed"
        return Finding(self.rule, check, None, f"{evidence}; {pending}" if evidence else pending, remedy)

    @property
    def now(self) -> datetime:
        """The time of the check, in whole seconds like git's dates."""
        return self.evidence.now.replace(microsecond=0)

    @property
    def subject(self) -> str:
        """The thing that the event concerns: ``version v1.2.0``, ``commit abc1234`` or ``artifact 'm'``."""
        return version_named(self.event.version) if self.event.version else f"artifact {quote(self.event.artifact)}"

    @property
    def artifact(self) -> Artifact | None:
        """The event's artifact in the registry, or None."""
        return self.registry.artifacts.get(self.event.artifact)

    @property
    def version(self) -> Version | None:
        """The event's version at its commit in the registry, or None."""
        artifact, version = self.artifact, self.event.version
        return artifact.by_key.get((version, self.event.commit)) if artifact and version else None

    def in_stage(self, stage: str) -> VersionStage | None:
        """Return the history of the event's version in ``stage``, or None."""
        version = self.version
        return version.stages.get(stage) if version else None

    def precedes(self, other: Event) -> bool:
        """Return whether ``other`` happened before the event. A proposed event comes after all others."""
        return self.proposed or other.order < self.event.order

    def assigning(self, stage: str, *, again: bool = False) -> str:
        """Return the command that assigns the event's version to ``stage``. ``again``: the stage already holds it."""
        event = self.event
        version = event.version if event.version and is_version(event.version) else ""
        return self.evidence.command(AssignCommand(event.artifact, version, event.commit, stage, again))

    @property
    def redo(self) -> str:
        """The step that repeats the event with a newer date."""
        if self.event.kind is Kind.ASSIGNMENT and self.event.stage:
            return f"assign it to {quote(self.event.stage)} again: {self.assigning(self.event.stage, again=True)}"
        return f"create the tag {quote(self.event.tag)} again"


class Requirement(Protocol):
    """One requirement of a rule. ``check`` is its name, which is the key in the policy file."""

    check: ClassVar[str]

    def describe(self) -> str:
        """Return the requirement as a predicate, the rest of a sentence whose subject is the event."""

    def judge(self, case: Case) -> Finding:
        """Return the finding for ``case``."""


def version_named(version: str) -> str:
    """Return a version as a phrase. An unregistered version is named by its commit."""
    return f"version {version}" if is_version(version) else f"commit {version[:7]}"
