"""Requirements on what happened to the artifact before the event, and since.

They rely on the dates and taggers that tags claim, and the author of a tag can claim any. If that matters,
add ``signed`` to the rule, and configure the remote so that no one can replace a tag.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from gto_ci.core.errors import quote
from gto_ci.core.events import Event
from gto_ci.core.names import Kind
from gto_ci.core.policy.approvals import approval_name, approval_of
from gto_ci.core.policy.durations import show_span
from gto_ci.core.policy.event_requirements import signature_problem
from gto_ci.core.policy.judgement import Case, Finding, version_named
from gto_ci.core.versions import is_version


@dataclass(frozen=True, slots=True)
class After:
    """The version, at the same commit, was assigned to ``stage`` before the event and spent ``at_least`` there.

    The time counted is the sum of its stays in the stage, up to now. A stay ends when the version is
    unassigned, not when another version is assigned. A date in the future counts as now. Dates can be forged
    (see :mod:`gto_ci.core.policy.history_requirements`).
    """

    check: ClassVar[str] = "after"
    stage: str
    at_least: timedelta = timedelta(0)

    def describe(self) -> str:
        enough = f", for at least {show_span(self.at_least)}" if self.at_least else ""
        return f"was in stage {quote(self.stage)} before{enough}"

    def judge(self, case: Case) -> Finding:
        history = case.in_stage(self.stage)
        events = history.events if history else []
        if not any(event.kind is Kind.ASSIGNMENT and case.precedes(event) for event in events):
            return self._not_before(case, events)
        time = _Time(events, int(case.now.timestamp()))
        evidence = f"{case.subject} was in {quote(self.stage)} for {show_span(time.spent)}, {time.when}"
        missing = self.at_least - time.spent
        if missing <= timedelta(0):
            return case.passed(self.check, evidence)
        if time.inside:
            remedy = f"wait until {case.now + missing}, then run the job again"
        else:
            command = case.assigning(self.stage)
            remedy = f"assign it there again for {show_span(missing)} more, then run the job again: {command}"
        return self._not_yet(case, evidence, remedy)

    def _not_before(self, case: Case, events: Sequence[Event]) -> Finding:
        stage = quote(self.stage)
        first = next((event for event in events if event.kind is Kind.ASSIGNMENT), None)
        if first is None:
            evidence = f"{case.subject} was never assigned to {stage}"
            remedy = f"assign it to {stage} first: {case.assigning(self.stage)}"
            return self._not_yet(case, evidence, remedy if case.proposed else f"{remedy}, then {case.redo}")
        evidence = f"{case.subject} was assigned to {stage} only after this event, at {first.created_at}"
        return self._not_yet(case, evidence, case.redo)

    def _not_yet(self, case: Case, evidence: str, remedy: str) -> Finding:
        if case.proposed:  # it can still be met before the tag is pushed
            return case.later(self.check, evidence, remedy)
        return case.failed(self.check, evidence, remedy)


class _Time:
    """The time that a version spent in a stage, from its assignments and unassignments."""

    def __init__(self, events: Sequence[Event], now: int) -> None:
        self.when = ""
        seconds, entered = 0, None
        for event in events:
            moment = min(event.time, now)
            if event.kind is Kind.ASSIGNMENT:
                if entered is None:
                    entered, self.when = moment, f"since {event.created_at}"
            elif entered is not None:
                seconds += moment - entered
                entered, self.when = None, f"until {event.created_at}"
        self.inside = entered is not None
        self.spent = timedelta(seconds=seconds + (now - entered if entered is not None else 0))


@dataclass(frozen=True, slots=True)
class NotDeprecated:
    """The artifact is not deprecated now, and was not deprecated just before the event.

    Any event ends a deprecation. So the first event after a deprecation fails, and the next one passes.
    """

    check: ClassVar[str] = "deprecated"

    def describe(self) -> str:
        return "is for an artifact that is not deprecated"

    def judge(self, case: Case) -> Finding:
        name = quote(case.event.artifact)
        events = case.artifact.events if case.artifact else []
        before = [event for event in events if case.precedes(event)]
        ends = [past[-1] for past in (before, events) if past and past[-1].kind is Kind.DEPRECATION]
        if not ends:
            return case.passed(self.check, f"{name} is not deprecated")
        evidence = f"{name} was deprecated at {ends[0].created_at}, by {quote(ends[0].author_email)}"
        remedy = f"if it is still in use, delete the tag {quote(ends[0].tag)}, then run the job again"
        return case.failed(self.check, evidence, remedy)


@dataclass(frozen=True, slots=True)
class Current:
    """The event is still in effect. For an assignment, the stage still holds the version that it assigned."""

    check: ClassVar[str] = "current"

    def describe(self) -> str:
        return "is still in effect"

    def judge(self, case: Case) -> Finding:
        if case.proposed:
            return case.later(self.check)
        event, events = case.event, _same_change(case)
        if not events:
            evidence = f"the registry has no event for tag {quote(event.tag)}"
        elif events[-1].kind is not event.kind:
            evidence = f"tag {quote(events[-1].tag)} reverted it, at {events[-1].created_at}"
        elif event.kind is not Kind.ASSIGNMENT:
            return case.passed(self.check, f"no later tag reverted tag {quote(event.tag)}")
        elif case.registry.is_current(event):
            return case.passed(self.check, _holding(case))
        else:
            evidence = _holding(case)
        return case.failed(self.check, evidence, self._remedy(case))

    def _remedy(self, case: Case) -> str:
        event = case.event
        if event.kind is not Kind.ASSIGNMENT or event.stage is None:
            return "keep the current state, or create a new tag for the state you want"
        history = case.in_stage(event.stage)
        command = case.assigning(event.stage, again=history is not None and history.active)
        return f"keep the current state, or assign it again: {command}"


@dataclass(frozen=True, slots=True)
class TwoPerson:
    """A second person, other than the tagger, approved the event.

    There are two ways to approve. The person assigned the same version, at the same commit, to ``stage`` before
    the event; an empty ``stage`` rules this out. Or the event is an assignment, and the person pushed an annotated
    approval tag for its stage on its commit, at any time (see :mod:`gto_ci.core.policy.approvals`).

    A person is identified by the tagger's email or, with ``signed``, by the signer of a good signature. Tags
    without one do not count. Case does not matter.
    """

    check: ClassVar[str] = "two-person"
    stage: str = ""
    signed: bool = False

    def describe(self) -> str:
        signing = ", and both tags are signed" if self.signed else ""
        staging = f"an earlier assignment to {quote(self.stage)} or " if self.stage else ""
        return f"is approved by a second person, through {staging}an approval tag{signing}"

    def judge(self, case: Case) -> Finding:
        if case.proposed:
            return case.later(self.check)
        event = case.event
        tagger = self._person(case, event.tag, event.author_email)
        if not tagger:
            problem = (
                signature_problem(case.evidence.signatures.get(event.tag)) if self.signed else "has no email address"
            )
            wanted = "a good signature" if self.signed else "an email address"
            remedy = f"delete the tag and create it again with {wanted}"
            return case.failed(self.check, f"tag {quote(event.tag)} {problem}", remedy)
        ignored = 0
        for tag, email, approval in self._others(case):
            person = self._person(case, tag, email)
            if person and person.lower() != tagger.lower():
                return case.passed(self.check, f"{quote(person)} {approval}, and {quote(tagger)} tagged it")
            ignored += not person
        evidence = f"no one but {quote(tagger)} approved {case.subject}"
        if ignored:
            missing = "a good signature" if self.signed else "an email address"
            evidence += f" (ignored: {ignored} without {missing})"
        return case.failed(self.check, evidence, self._remedy(case, tagger))

    def _person(self, case: Case, tag: str, email: str) -> str:
        """Return the person who created a tag, or "" if the tag does not count."""
        if not self.signed:
            return email.strip()
        signed = case.evidence.signatures.get(tag)
        return signed.signer.strip() if signed is not None and signed.status == "good" else ""

    def _others(self, case: Case) -> Iterator[tuple[str, str, str]]:
        """Yield the tags that may approve the event: name, tagger's email, and what the tagger did."""
        history = case.in_stage(self.stage)
        for event in history.events if history else ():
            if event.kind is Kind.ASSIGNMENT and case.precedes(event):
                yield event.tag, event.author_email, f"assigned it to {quote(self.stage)}"
        if case.event.kind is not Kind.ASSIGNMENT:
            return
        approved = (case.event.artifact, case.event.stage)
        for record in case.evidence.approvals:
            if record.annotated and record.target == case.event.commit and approval_of(record.name) == approved:
                yield record.name, record.author_email, f"approved it with tag {quote(record.name)}"

    def _remedy(self, case: Case, tagger: str) -> str:
        event = case.event
        someone = f"someone other than {quote(tagger)}"
        if event.kind is not Kind.ASSIGNMENT or not event.stage:
            command = case.assigning(self.stage, again=True)
            return f"ask {someone} to assign it to {quote(self.stage)} first: {command}, then {case.redo}"
        word = event.version if event.version and is_version(event.version) else event.commit[:7]
        taken = {record.name for record in case.evidence.approvals}
        name = approval_name(event.artifact, event.stage, word, taken)
        message = f"Approve {version_named(word)} for {event.stage}"
        tag = shlex.join(["git", "tag", "-s" if self.signed else "-a", "-m", message, name, event.commit])
        push = shlex.join(["git", "push", "origin", f"refs/tags/{name}"])
        return f"ask {someone} to approve it, then run the job again: {tag} && {push}"


def _same_change(case: Case) -> Sequence[Event]:
    """Return the events that made or reverted the same change as the case's event, in order."""
    kind, stage = case.event.kind, case.event.stage
    if kind in (Kind.REGISTRATION, Kind.DEREGISTRATION):
        return case.version.events if case.version else ()
    if stage is not None:
        history = case.in_stage(stage)
        return history.events if history else ()
    return case.artifact.events if case.artifact else ()


def _holding(case: Case) -> str:
    """Return a sentence about what the stage of the assignment holds now."""
    stage = case.event.stage or ""
    held = case.artifact.holder(stage) if case.artifact else None
    if held is None:
        return f"stage {quote(stage)} is empty, because {case.subject} is no longer registered"
    sentence = f"stage {quote(stage)} holds {version_named(held.version)}, since {held.authoring.created_at}"
    return sentence if held.version != case.event.version else f"{sentence}, at commit {held.commit[:7]}"
