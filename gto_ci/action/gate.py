"""The gate before what comes next, and what it would say of a pull request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from gto_ci.action.interpret import Meaning
from gto_ci.action.outcome import Outcome
from gto_ci.core.errors import RefNotFound
from gto_ci.files.config import POLICY_FILE
from gto_ci.git import Repository
from gto_ci.git.remotes.mirror import RemoteMirror
from gto_ci.platforms.inputs import GateInputs, Inputs
from gto_ci.platforms.platform import Platform

if TYPE_CHECKING:
    from gto_ci.gate import Facts, Gate, Rules
    from gto_ci.git.remotes.evidence import EvidenceSource


@dataclass(frozen=True)
class GateContext:
    """Where the gate finds its rules and its evidence. Each is looked up once, when it is first asked for."""

    inputs: Inputs
    platform: Platform
    repository: Repository
    mirror: RemoteMirror
    now: datetime

    @cached_property
    def source(self) -> EvidenceSource:
        """The remote, or where nothing may be fetched, the workspace."""
        from gto_ci.git.remotes.evidence import EvidenceSource, RemoteEvidence

        if self.inputs.fetch_tags:
            return RemoteEvidence(self.mirror)
        return EvidenceSource(self.repository, self.repository.remote_name(), self.platform.job.default_branch)

    @cached_property
    def rules(self) -> Rules | None:
        """The rules of the repository, None where it has none.

        Raises:
            WrongPolicy: the policy is missing although it was named, or cannot be understood.
            RefNotFound: the ref that it is to be read from is not there.
        """
        asked, source = self.inputs.gate, self.source
        try:
            file = source.find(asked.policy_ref, asked.policy or POLICY_FILE)
            if file.data is None and not asked.policy:
                return None
            from gto_ci.gate import rules_in  # late: most repositories have no policy

            return rules_in(source, file)
        except RefNotFound as error:
            if asked.policy or asked.policy_ref:
                fetch = "" if self.inputs.fetch_tags else ", or set 'fetch-tags: true' to have it fetched"
                raise RefNotFound(f"Cannot read the policy: {error.cause}", f"{error.next_step}{fetch}") from error
            self.platform.log.warning(f"No policy was looked for: {error}. The input 'policy' makes one required")
            return None

    def facts(self, outcome: Outcome) -> Facts:
        """Return what is known of the event besides the registry."""
        from gto_ci.gate import Facts

        meaning, job = outcome.meaning, self.platform.job
        ghost = job.ghost or ("the one that this step is to apply" if self.inputs.ghost.wanted else "")
        return Facts(self.now, meaning.annotation, meaning.problem, ghost)


def judge(context: GateContext, outcome: Outcome) -> Gate | None:
    """Return the verdict on what happened, None where nothing is asked of it.

    Raises:
        WrongPolicy, RefNotFound: the rules cannot be read; then nothing passes.
    """
    asked, meaning = context.inputs.gate, outcome.meaning
    event = meaning.event
    if event is None:
        return nothing_happened(asked, meaning) if asked.requires else None
    rules = context.rules
    if rules is None and not asked.requires:
        return None
    from gto_ci.core.policy import Verdict
    from gto_ci.gate import Gate, judge_event, require

    findings = require(asked.events, asked.artifacts, asked.stages, _words(meaning))
    if rules is None:
        return Gate(Verdict(tuple(findings)))
    gate = judge_event(rules, event, outcome.tags, context.source, context.facts(outcome))
    return Gate(Verdict((*findings, *gate.verdict.findings)), rules.where)


def nothing_happened(asked: GateInputs, meaning: Meaning | None = None) -> Gate:
    """Return the verdict on what is no event that rules could be held against."""
    from gto_ci.core.policy import Verdict
    from gto_ci.gate import Gate, require

    return Gate(Verdict(tuple(require(asked.events, asked.artifacts, asked.stages, _words(meaning)))))


def _words(meaning: Meaning | None) -> tuple[str, str, str] | None:
    about = meaning and (meaning.event or meaning.deleted)
    return (about.kind.word, about.artifact, about.stage or "") if about else None
