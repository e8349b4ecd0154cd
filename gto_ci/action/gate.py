"""The gate: check the event against the policy and the ``require-…`` inputs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from gto_ci.action.interpret_ref import Meaning
from gto_ci.action.outcome import Outcome
from gto_ci.core.errors import RefNotFound
from gto_ci.files.config import POLICY_FILE
from gto_ci.git import Repository
from gto_ci.git.remotes.mirror import RemoteMirror
from gto_ci.platforms.inputs import GateInputs, Inputs
from gto_ci.platforms.platform import Platform

if TYPE_CHECKING:
    from gto_ci.gate import Facts, Gate, Rules
    from gto_ci.git.remotes.policy_evidence import EvidenceSource


@dataclass(frozen=True)
class GateContext:
    """The gate's rules and evidence, each read on first use and then cached."""

    inputs: Inputs
    platform: Platform
    repository: Repository
    mirror: RemoteMirror
    now: datetime

    @cached_property
    def source(self) -> EvidenceSource:
        """The remote, or the workspace if the action must not fetch."""
        from gto_ci.git.remotes.policy_evidence import EvidenceSource, RemoteEvidence

        if self.inputs.fetch_tags:
            return RemoteEvidence(self.mirror)
        return EvidenceSource(self.repository, self.repository.remote_name(), self.platform.job.default_branch)

    @cached_property
    def rules(self) -> Rules | None:
        """The repository's rules, None if it has no policy.

        Raises:
            WrongPolicy: the input ``policy`` names a missing file, or the policy cannot be parsed.
            RefNotFound: the ref to read the policy from does not exist.
        """
        options, source = self.inputs.gate, self.source
        try:
            file = source.find(options.policy_ref, options.policy or POLICY_FILE)
            if file.data is None and not options.policy:
                return None
            from gto_ci.gate import rules_in  # late: most repositories have no policy

            return rules_in(source, file)
        except RefNotFound as error:
            if options.policy or options.policy_ref:
                fetch = "" if self.inputs.fetch_tags else ", or set 'fetch-tags: true' to fetch it"
                raise RefNotFound(f"Cannot read the policy: {error.cause}", f"{error.next_step}{fetch}") from error
            self.platform.log.warning(f"The policy was not read: {error}. To require one, set the input 'policy'")
            return None

    def facts(self, outcome: Outcome) -> Facts:
        """Return the facts that rules need and the registry does not hold: time, annotation, ghost."""
        from gto_ci.gate import Facts

        meaning, job = outcome.meaning, self.platform.job
        ghost = job.ghost or ("the ghost of this step" if self.inputs.ghost.wanted else "")
        return Facts(self.now, meaning.annotation, meaning.problem, ghost)


def judge(context: GateContext, outcome: Outcome) -> Gate | None:
    """Return the verdict on the event, None if there are no rules and no ``require-…`` inputs.

    Raises:
        WrongPolicy, RefNotFound: the rules cannot be read, so the gate stays closed.
    """
    options, meaning = context.inputs.gate, outcome.meaning
    event = meaning.event
    if event is None:
        return judge_no_event(options, meaning) if options.requires else None
    rules = context.rules
    if rules is None and not options.requires:
        return None
    from gto_ci.core.policy import Verdict
    from gto_ci.gate import Gate, judge_event, require

    findings = require(options.events, options.artifacts, options.stages, _kind_artifact_stage(meaning))
    if rules is None:
        return Gate(Verdict(tuple(findings)))
    gate = judge_event(rules, event, outcome.tags, context.source, context.facts(outcome))
    return Gate(Verdict((*findings, *gate.verdict.findings)), rules.where)


def judge_no_event(options: GateInputs, meaning: Meaning | None = None) -> Gate:
    """Return the verdict on a ref without an event: only the ``require-…`` inputs can judge it."""
    from gto_ci.core.policy import Verdict
    from gto_ci.gate import Gate, require

    findings = require(options.events, options.artifacts, options.stages, _kind_artifact_stage(meaning))
    return Gate(Verdict(tuple(findings)))


def _kind_artifact_stage(meaning: Meaning | None) -> tuple[str, str, str] | None:
    event = meaning and (meaning.event or meaning.deleted)
    return (event.kind.word, event.artifact, event.stage or "") if event else None
