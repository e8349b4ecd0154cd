"""The gate: check an event against the rules of the repository's policy.

The policy comes from the default branch or from a ref that the job names, never from the tagged commit itself.
Otherwise an attacker could tag an old commit, or one of their own, to use its weaker rules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase

from gto_ci import hints
from gto_ci.core.errors import GateClosed, WrongPolicy, quote
from gto_ci.core.events import Event, TagRecord
from gto_ci.core.names import Kind
from gto_ci.core.policy import Evidence, Finding, Policy, Signed, Verdict, applying, approval_of, judge, needs
from gto_ci.core.registry import Registry
from gto_ci.core.resolve import RegistryTags
from gto_ci.files.annotations import Annotation
from gto_ci.files.config import POLICY_FILE
from gto_ci.git.remotes.policy_evidence import EvidenceSource, FileAt
from gto_ci.git.signatures import UNSIGNED, Signature


@dataclass(frozen=True, slots=True)
class Rules:
    """A policy and its allowed signers, or None if it names none. ``where`` is the source of both, for messages."""

    policy: Policy
    where: str
    signers: bytes | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts that a verdict needs besides the registry.

    ``annotation`` is the artifact's annotation at the event's commit, and ``annotation_problem`` why it could not
    be read. ``ghost`` is the ghost that was applied in this job. ``branches`` are the branches that contain the
    commit, or None if the repository must be queried for them.
    """

    now: datetime
    annotation: Annotation | None = None
    annotation_problem: str = ""
    ghost: str = ""
    branches: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class Gate:
    """The gate's verdict on an event. ``where`` is the source of the rules, "" if there is no policy."""

    verdict: Verdict
    where: str = ""

    @property
    def passed(self) -> bool:
        """Whether no requirement failed.

        Requirements that cannot be checked yet are ignored (for example a signature, before the tag exists).
        """
        return not self.verdict.failures

    @property
    def failure(self) -> GateClosed:
        """The error to raise if the gate did not pass. It names the first failure and counts the others."""
        first, *others = self.verdict.failures
        more = f" (and {len(others)} more: {', '.join(failure.check for failure in others)})" if others else ""
        return GateClosed(
            f"The gate is closed by {quote(first.rule)}, {first.check}: {first.evidence}{more}", first.remedy
        )


def read_rules(source: EvidenceSource, ref: str, path: str = "") -> Rules | None:
    """Return the rules in the policy file at a commit, or None if ``path`` is "" and the default file is missing.

    ``path`` is the file's path, "" for the default. ``ref`` names the commit, "" for the default branch.

    Raises:
        RefNotFound: ``ref`` does not exist.
        WrongPolicy: as in :func:`rules_in`.
        GitError: as in :func:`rules_in`.
    """
    file = source.find(ref, path or POLICY_FILE)
    return None if file.data is None and not path else rules_in(source, file)


def rules_in(source: EvidenceSource, file: FileAt) -> Rules:
    """Return the rules in a file that ``source`` has found.

    Raises:
        WrongPolicy: the policy file is missing or invalid, or its allowed-signers file is missing.
        GitError: the repository cannot be read.
    """
    from gto_ci.files.policy_file import read  # late: most repositories have no policy

    if file.data is None:
        raise WrongPolicy(file.path, 0, f"{file.place} has no such file", "Commit the file there")
    policy = read(file.data, file.path)
    return Rules(policy, f"{quote(file.path)} of {file.place}", _signers(source, file.commit, policy, file.path))


def judge_event(
    rules: Rules,
    event: Event,
    tags: RegistryTags,
    source: EvidenceSource,
    facts: Facts,
    *,
    proposed: bool = False,
) -> Gate:
    """Return the gate's verdict on ``event``.

    ``tags`` must contain the tags of its artifact. ``proposed`` means that the event's tag does not exist yet.

    Raises:
        GitError: the evidence cannot be read.
    """
    chosen = applying(rules.policy, event.kind, event.artifact, event.stage)
    wanted = needs(chosen)
    approvals: list[TagRecord] = []
    if wanted.approvals and event.stage and not proposed:
        approvals = [tag for tag in source.approvals(event.artifact, event.stage) if tag.target == event.commit]
    signed: Mapping[str, Signed] = {}
    if wanted.signatures and not proposed:
        signed = _signed(source, event, tags.registry, [*tags.records, *approvals], rules.signers or b"")
    branches = facts.branches
    if wanted.branches and branches is None:
        branches = source.branches(wanted.branches, event.commit)
    evidence = Evidence(
        now=facts.now,
        command=hints.assign_command,
        fields=_fields(facts.annotation),
        annotation_problem=facts.annotation_problem,
        branches=branches,
        signatures=signed,
        ghost=facts.ghost,
        approvals=approvals,
    )
    return Gate(judge(chosen, event, tags.registry, evidence, proposed=proposed), rules.where)


def require(
    events: Sequence[str], artifacts: Sequence[str], stages: Sequence[str], happened: tuple[str, str, str] | None
) -> list[Finding]:
    """Check what ``happened`` against globs and return one finding for each list that is not empty.

    ``happened`` is (event, artifact, stage), or None if the ref records no event.
    """
    found = []
    for number, (subject, globs) in enumerate((("event", events), ("artifact", artifacts), ("stage", stages))):
        if not globs:
            continue
        value = happened[number] if happened else ""
        passed = bool(value) and any(fnmatchcase(value, glob) for glob in globs)
        evidence = f"the {subject} is {quote(value)}" if value else f"there is no {subject}"
        wanted = " or ".join(quote(glob) for glob in globs)
        remedy = "" if passed else f"The input 'require-{subject}' allows only {wanted}"
        found.append(Finding("inputs of the action", f"require-{subject}", passed, evidence, remedy))
    return found


def _signed(
    source: EvidenceSource, event: Event, registry: Registry, records: Sequence[TagRecord], signers: bytes
) -> dict[str, Signed]:
    """Return the signature checks of the event's tag and of all tags that may approve it, by tag."""
    same_commit = [other for other in registry.artifact(event.artifact).events if other.commit == event.commit]
    tags = {event.tag, *(other.tag for other in same_commit if other.kind is Kind.ASSIGNMENT)}
    relevant = [record for record in records if record.name in tags or approval_of(record.name)]
    found = source.signatures(relevant, signers)
    return {record.name: _checked(found.get(record.name, UNSIGNED)) for record in relevant}


def _checked(signature: Signature) -> Signed:
    if signature.status != "none" and signature.format != "ssh":
        return Signed("unknown", "", f"it is a {signature.format} signature, but allowed signers have SSH keys")
    return Signed(signature.status, signature.signer or "")


def _fields(annotation: Annotation | None) -> dict[str, object] | None:
    if annotation is None:
        return None
    return {
        "type": annotation.type,
        "path": annotation.path,
        "description": annotation.description,
        "labels": list(annotation.labels),
        "custom": annotation.custom,
    }


def _signers(source: EvidenceSource, commit: str, policy: Policy, path: str) -> bytes | None:
    if not policy.allowed_signers:
        return None
    data = source.file(commit, policy.allowed_signers)
    if data is None:
        raise WrongPolicy(
            path, 0, f"that commit has no allowed-signers file {quote(policy.allowed_signers)}", "Commit the file"
        )
    return data
