"""The gate: the rules that a repository's policy sets for an event, held against the evidence.

The policy is read from the default branch, or from the ref that somebody names, and never from the
tagged commit alone: whoever pushes a tag on an old commit, or on one of their own, must not bring
lax rules along.
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
from gto_ci.git.remotes.evidence import EvidenceSource, FileAt
from gto_ci.git.signatures import UNSIGNED, Signature


@dataclass(frozen=True, slots=True)
class Rules:
    """A policy, ``where`` it was read, for a person, and its allowed signers, None where it has none."""

    policy: Policy
    where: str
    signers: bytes | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What a verdict takes besides the registry.

    ``annotation`` is that at the event's commit, ``annotation_problem`` why it could not be read;
    ``ghost`` is what was applied in this job, ``branches`` those that are known to hold the commit, None
    where the repository has to be asked.
    """

    now: datetime
    annotation: Annotation | None = None
    annotation_problem: str = ""
    ghost: str = ""
    branches: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class Gate:
    """What the gate says of an event; ``where`` its rules were read, "" where there is no policy."""

    verdict: Verdict
    where: str = ""

    @property
    def passed(self) -> bool:
        """Whether nothing stands against it."""
        return not self.verdict.failures

    @property
    def failure(self) -> GateClosed:
        """The error of a job that had to pass."""
        first, *others = self.verdict.failures
        more = f" (and {len(others)} more: {', '.join(one.check for one in others)})" if others else ""
        return GateClosed(
            f"The gate is closed by {quote(first.rule)}, {first.check}: {first.evidence}{more}", first.remedy
        )


def read_rules(source: EvidenceSource, ref: str, path: str = "") -> Rules | None:
    """Return the rules in the file ``path`` ("" for the usual one) of the commit ``ref`` ("" for the default branch).

    None where no path was given and there is no such file.

    Raises:
        RefNotFound: there is no such commit.
        WrongPolicy, GitError: as :func:`rules_in` does.
    """
    file = source.find(ref, path or POLICY_FILE)
    return None if file.data is None and not path else rules_in(source, file)


def rules_in(source: EvidenceSource, file: FileAt) -> Rules:
    """Return the rules in a file that ``source`` has found.

    Raises:
        WrongPolicy: the file, or that of the allowed signers, is missing or cannot be understood.
        GitError: the repository cannot be read.
    """
    from gto_ci.files.policy_file import read  # late: most repositories have none

    if file.data is None:
        raise WrongPolicy(file.path, 0, f"{file.place} has no such file", "Commit it there")
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
    """Return what ``rules`` say of ``event``; ``tags`` hold those of its artifact, ``proposed``: it has not happened.

    Raises:
        GitError: the evidence cannot be read.
    """
    chosen = applying(rules.policy, event.kind, event.artifact, event.stage)
    wanted = needs(chosen)
    approvals: list[TagRecord] = []
    if wanted.approvals and event.stage and not proposed:
        approvals = [one for one in source.approvals(event.artifact, event.stage) if one.target == event.commit]
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
    """Return what three lists of globs say of what ``happened``: (event, artifact, stage), or nothing."""
    found = []
    for number, (what, globs) in enumerate((("event", events), ("artifact", artifacts), ("stage", stages))):
        if not globs:
            continue
        value = happened[number] if happened else ""
        passed = bool(value) and any(fnmatchcase(value, glob) for glob in globs)
        evidence = f"the {what} is {quote(value)}" if value else f"there is no {what}"
        wanted = " or ".join(quote(glob) for glob in globs)
        remedy = "" if passed else f"Only {wanted} passes here; see the input 'require-{what}'"
        found.append(Finding("inputs of the action", f"require-{what}", passed, evidence, remedy))
    return found


def _signed(
    source: EvidenceSource, event: Event, registry: Registry, records: Sequence[TagRecord], signers: bytes
) -> dict[str, Signed]:
    """What the signatures are worth of all tags that may vouch for the event."""
    same = [one for one in registry.artifact(event.artifact).events if one.commit == event.commit]
    tags = {event.tag, *(one.tag for one in same if one.kind is Kind.ASSIGNMENT)}
    asked = [record for record in records if record.name in tags or approval_of(record.name)]
    found = source.signatures(asked, signers)
    return {record.name: _worth(found.get(record.name, UNSIGNED)) for record in asked}


def _worth(signature: Signature) -> Signed:
    if signature.status != "none" and signature.format != "ssh":
        return Signed("unknown", "", f"it is a signature of {signature.format}, and allowed signers have SSH keys")
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
            path, 0, f"its allowed-signers, {quote(policy.allowed_signers)}, is no file of that commit", "Commit it"
        )
    return data
