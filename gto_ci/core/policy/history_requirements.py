"""Requirements on what happened to the artifact before, and since.

They rest on the tags' own dates, and whoever makes a tag can give it any date, and any name as its
tagger. Where that matters, a rule also has ``signed``, and the remote lets nobody replace a tag.
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
from gto_ci.core.policy.case import Case, Finding, version_named
from gto_ci.core.policy.event_requirements import worth
from gto_ci.core.policy.spans import show_span
from gto_ci.core.versions import is_version


@dataclass(frozen=True, slots=True)
class After:
    """The version, at the same commit, was assigned to ``stage`` before the event, and is or was there long enough.

    How long is the sum of its times in the stage, up to now: each ends when it is unassigned, and not
    when another version comes. A date in the future counts as now. Dates can be made up
    (see :mod:`gto_ci.core.policy.history_requirements`).
    """

    check: ClassVar[str] = "after"
    stage: str
    at_least: timedelta = timedelta(0)

    def describe(self) -> str:
        enough = f", for at least {show_span(self.at_least)}" if self.at_least else ""
        return f"was in stage {quote(self.stage)} before{enough}"

    def judge(self, case: Case) -> Finding:
        life = case.life_in(self.stage)
        events = life.events if life else []
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
            back = case.assigning(self.stage)
            remedy = f"assign it there again for {show_span(missing)} more, then run the job again: {back}"
        return self._not_yet(case, evidence, remedy)

    def _not_before(self, case: Case, events: Sequence[Event]) -> Finding:
        stage = quote(self.stage)
        first = next((event for event in events if event.kind is Kind.ASSIGNMENT), None)
        if first is None:
            evidence = f"{case.subject} was never assigned to {stage}"
            remedy = f"assign it to {stage} first: {case.assigning(self.stage)}"
            return self._not_yet(case, evidence, remedy if case.proposed else f"{remedy}, then {case.anew}")
        evidence = f"{case.subject} came to {stage} only after this, at {first.created_at}"
        return self._not_yet(case, evidence, case.anew)

    def _not_yet(self, case: Case, evidence: str, remedy: str) -> Finding:
        if case.proposed:  # there is still time for it
            return case.later(self.check, evidence, remedy)
        return case.failed(self.check, evidence, remedy)


class _Time:
    """The time that a version spends in a stage, from its assignments and unassignments."""

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
    """The artifact is not deprecated, and was not just before the event.

    Any event ends a deprecation. So the first one after it does not pass, and one after that does.
    """

    check: ClassVar[str] = "deprecated"

    def describe(self) -> str:
        return "is about an artifact that is not deprecated"

    def judge(self, case: Case) -> Finding:
        name = quote(case.event.artifact)
        events = case.artifact.events if case.artifact else []
        before = [event for event in events if case.precedes(event)]
        ends = [past[-1] for past in (before, events) if past and past[-1].kind is Kind.DEPRECATION]
        if not ends:
            return case.passed(self.check, f"{name} is not deprecated")
        evidence = f"{name} was deprecated at {ends[0].created_at}, by {quote(ends[0].author_email)}"
        remedy = f"if it is in use after all, delete the tag {quote(ends[0].tag)}, then run the job again"
        return case.failed(self.check, evidence, remedy)


@dataclass(frozen=True, slots=True)
class Current:
    """What the event did is in effect still; of an assignment: the stage holds the version that it assigned."""

    check: ClassVar[str] = "current"

    def describe(self) -> str:
        return "is still in effect"

    def judge(self, case: Case) -> Finding:
        if case.proposed:
            return case.later(self.check)
        event, events = case.event, _same_matter(case)
        if not events:
            evidence = f"the registry knows nothing of tag {quote(event.tag)}"
        elif events[-1].kind is not event.kind:
            evidence = f"tag {quote(events[-1].tag)} took it back, at {events[-1].created_at}"
        elif event.kind is not Kind.ASSIGNMENT:
            return case.passed(self.check, f"nothing took back what tag {quote(event.tag)} did")
        elif case.registry.is_current(event):
            return case.passed(self.check, _holding(case))
        else:
            evidence = _holding(case)
        return case.failed(self.check, evidence, self._remedy(case))

    def _remedy(self, case: Case) -> str:
        event = case.event
        if event.kind is not Kind.ASSIGNMENT or event.stage is None:
            return "leave it at that, or make a new tag for what is to be in effect"
        life = case.life_in(event.stage)
        command = case.assigning(event.stage, again=life is not None and life.active)
        return f"leave it at that, or assign it again: {command}"


@dataclass(frozen=True, slots=True)
class TwoPerson:
    """Somebody other than the tagger stands for the event too.

    Either they assigned the same version, at the same commit, to ``stage`` ("" for none) before the
    event; or, for an assignment, they pushed an annotated tag that approves (see
    :mod:`gto_ci.core.policy.approvals`) of its stage on its commit, whenever. With ``signed`` a person is
    the signer of a good signature, and what is not so signed does not count; without, a tagger's
    e-mail. Neither's case matters.
    """

    check: ClassVar[str] = "two-person"
    stage: str = ""
    signed: bool = False

    def describe(self) -> str:
        signing = ", both with signatures" if self.signed else ""
        staging = f"an assignment to {quote(self.stage)} before, or with " if self.stage else ""
        return f"has somebody besides the tagger stand for it, with {staging}a tag that approves{signing}"

    def judge(self, case: Case) -> Finding:
        if case.proposed:
            return case.later(self.check)
        event = case.event
        tagger = self._person(case, event.tag, event.author_email)
        if not tagger:
            said = worth(case.evidence.signatures.get(event.tag)) if self.signed else "names no e-mail of its tagger"
            remedy = f"delete the tag, and make it {'with a good signature' if self.signed else 'with an e-mail'}"
            return case.failed(self.check, f"tag {quote(event.tag)} {said}", remedy)
        discounted = 0
        for tag, email, deed in self._others(case):
            person = self._person(case, tag, email)
            if person and person.lower() != tagger.lower():
                return case.passed(self.check, f"{quote(person)} {deed}, {quote(tagger)} tagged it")
            discounted += not person
        evidence = f"nobody but {quote(tagger)} stands for {case.subject}"
        if discounted:
            lack = "a good signature" if self.signed else "an e-mail"
            evidence += f" ({discounted} more without {lack})"
        return case.failed(self.check, evidence, self._remedy(case, tagger))

    def _person(self, case: Case, tag: str, email: str) -> str:
        """Who made a tag, "" for nobody that counts."""
        if not self.signed:
            return email.strip()
        signed = case.evidence.signatures.get(tag)
        return signed.signer.strip() if signed is not None and signed.status == "good" else ""

    def _others(self, case: Case) -> Iterator[tuple[str, str, str]]:
        """The tags that may stand for the event: name, tagger's e-mail, what they say that was done."""
        life = case.life_in(self.stage)
        for one in life.events if life else ():
            if one.kind is Kind.ASSIGNMENT and case.precedes(one):
                yield one.tag, one.author_email, f"assigned it to {quote(self.stage)}"
        if case.event.kind is not Kind.ASSIGNMENT:
            return
        approved = (case.event.artifact, case.event.stage)
        for record in case.evidence.approvals:
            if record.annotated and record.target == case.event.commit and approval_of(record.name) == approved:
                yield record.name, record.author_email, f"approved with tag {quote(record.name)}"

    def _remedy(self, case: Case, tagger: str) -> str:
        event = case.event
        somebody = f"somebody other than {quote(tagger)}"
        if event.kind is not Kind.ASSIGNMENT or not event.stage:
            command = case.assigning(self.stage, again=True)
            return f"have {somebody} assign it to {quote(self.stage)} first: {command}, then {case.anew}"
        word = event.version if event.version and is_version(event.version) else event.commit[:7]
        taken = {record.name for record in case.evidence.approvals}
        name = approval_name(event.artifact, event.stage, word, taken)
        message = f"Approve of {version_named(word)} in {event.stage}"
        tag = shlex.join(["git", "tag", "-s" if self.signed else "-a", "-m", message, name, event.commit])
        push = shlex.join(["git", "push", "origin", f"refs/tags/{name}"])
        return f"have {somebody} approve, then run the job again: {tag} && {push}"


def _same_matter(case: Case) -> Sequence[Event]:
    """The events that set, or take back, what the event did, in order."""
    kind, stage = case.event.kind, case.event.stage
    if kind in (Kind.REGISTRATION, Kind.DEREGISTRATION):
        return case.version.events if case.version else ()
    if stage is not None:
        life = case.life_in(stage)
        return life.events if life else ()
    return case.artifact.events if case.artifact else ()


def _holding(case: Case) -> str:
    """What the stage of an assignment holds now."""
    stage = case.event.stage or ""
    held = case.artifact.holder(stage) if case.artifact else None
    if held is None:
        return f"stage {quote(stage)} holds nothing, as {case.subject} is no longer registered"
    what = f"stage {quote(stage)} holds {version_named(held.version)}, since {held.authoring.created_at}"
    return what if held.version != case.event.version else f"{what}, at commit {held.commit[:7]}"
