"""The state of the registry, one fold over its events.

:meth:`Registry.fold` goes over the events once, in their order. Every question is then a method
on the result: what is the latest version, what does a stage hold, what happened, what was there
before this event, does it still stand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Final, Literal

from gto_ci.core.errors import ArtifactNotFound, WrongArguments, quote
from gto_ci.core.events import CommitEvent, CommitRecord, Event
from gto_ci.core.names import ASSIGNMENT, DEPRECATION, REGISTRATION, Shortcut
from gto_ci.core.versions import is_version, precedence

Sort = Literal["timestamp", "semver"]
ALL = -1  # for the two limits below: no limit


class _Slotted:
    """Equality and a printed form by all of ``__slots__``, for scripts.

    With ``dataclasses``, whose import is slow, ``gto show`` takes 1.14× the CPU time at 10 tags, and each of these
    objects 1.9× the time to make.
    """

    __slots__: tuple[str, ...] = ()
    __hash__ = None  # type: ignore[assignment]  # they change

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and all(getattr(self, n) == getattr(other, n) for n in self.__slots__)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in self.__slots__)})"


class StageLimits(_Slotted):
    """How many assignments count when one asks what the stages hold.

    ``per_version``: of each version only the last N stages; ``per_stage``: of each stage the N
    foremost versions, by ``sort``. -1 stands for all. GTO's ``--av`` and ``--vs``.
    """

    __slots__ = ("per_stage", "per_version", "registered_only", "sort")

    def __init__(
        self, per_version: int = ALL, per_stage: int = 1, sort: Sort = "timestamp", registered_only: bool = False
    ) -> None:
        self.per_version: Final = per_version
        self.per_stage: Final = per_stage
        self.sort: Final = sort
        self.registered_only: Final = registered_only
        for option, value in (("assignments per version", per_version), ("versions per stage", per_stage)):
            if value < ALL:
                raise WrongArguments(f"The number of {option} must be -1 (all) or more, not {value}")


class VersionStage(_Slotted):
    """The life of one version in one stage; ``events`` are its assignments and unassignments, in order."""

    __slots__ = ("artifact", "commit", "events", "stage", "version")

    def __init__(self, artifact: str, version: str, commit: str, stage: str) -> None:
        self.artifact: Final = artifact
        self.version: Final = version
        self.commit: Final = commit
        self.stage: Final = stage
        self.events: list[Event] = []

    @property
    def commit_hexsha(self) -> str:
        """``commit``, by GTO's name."""
        return self.commit

    @property
    def active(self) -> bool:
        """Whether the version is in the stage now."""
        return self.events[-1].kind is ASSIGNMENT

    @property
    def authoring(self) -> Event:
        """The event that the stage's date, author and tag are taken from: the newest assignment."""
        return next((e for e in reversed(self.events) if e.kind is ASSIGNMENT), self.events[-1])


class Version(_Slotted):
    """One version of an artifact, at one commit.

    ``version`` is the commit's full id where a stage was assigned without a registration, or where
    files of the commit annotate the artifact and no tag speaks of it there. ``events`` are its own
    registrations and deregistrations, in order; ``annotated`` is the commit, where its files
    annotate the artifact.
    """

    __slots__ = ("annotated", "artifact", "commit", "events", "stages", "version")

    def __init__(self, artifact: str, version: str, commit: str, annotated: CommitEvent | None = None) -> None:
        self.artifact: Final = artifact
        self.version: Final = version
        self.commit: Final = commit
        self.events: list[Event] = []
        self.stages: dict[str, VersionStage] = {}
        self.annotated = annotated

    @property
    def commit_hexsha(self) -> str:
        """``commit``, by GTO's name."""
        return self.commit

    @property
    def registered(self) -> bool:
        """Whether a registration exists, in effect or not."""
        for event in self.events:  # noqa: SIM110  # `any` over a generator takes three times as long
            if event.kind is REGISTRATION:
                return True
        return False

    @property
    def active(self) -> bool:
        """Whether it is registered and not deregistered since; an unregistered version is active."""
        return not self.events or self.events[-1].kind is REGISTRATION

    @property
    def since(self) -> tuple[int, int, int, str] | tuple[()]:
        """The place of its first registration or deregistration among all events."""
        return self.events[0].order if self.events else ()

    @property
    def all_events(self) -> list[Event]:
        """Its own events and those of its stages, in order."""
        everything = [*self.events, *(event for stage in self.stages.values() for event in stage.events)]
        return sorted(everything, key=lambda event: event.order)

    @property
    def authoring(self) -> Event:
        """The event that the version's date, author and tag are taken from. Some tag must speak of the version."""
        registration = next((e for e in reversed(self.events) if e.kind is REGISTRATION), None)
        if registration is not None:
            return registration
        staged = [event for stage in self.stages.values() for event in stage.events]
        return max(staged or self.events, key=lambda event: event.order)

    @property
    def origin(self) -> Event | CommitEvent:
        """:attr:`authoring`, or the annotated commit where no tag speaks of the version."""
        if self.events or self.stages or self.annotated is None:
            return self.authoring
        return self.annotated

    def active_stages(self) -> list[VersionStage]:
        """The stages that it is in now, the one entered last at the end."""
        active = [stage for stage in self.stages.values() if stage.active]
        return sorted(active, key=lambda stage: stage.events[-1].order) if len(active) > 1 else active


class Artifact(_Slotted):
    """All that is known of one artifact: ``events`` in order, ``by_key`` its versions by first appearance."""

    __slots__ = ("by_key", "events", "name")

    def __init__(self, name: str) -> None:
        self.name: Final = name
        self.events: list[Event] = []
        self.by_key: dict[tuple[str, str], Version] = {}

    @property
    def active(self) -> bool:
        """Whether its last event is anything but a deprecation; with no event at all, whether files annotate it."""
        return self.events[-1].kind is not DEPRECATION if self.events else bool(self.by_key)

    @property
    def registered(self) -> bool:
        """Whether any tag speaks of it; otherwise it is only annotated."""
        return bool(self.events)

    @property
    def greatest_counter(self) -> int:
        """The greatest ``#N`` among its events, 0 where there is none."""
        return max((event.counter or 0 for event in self.events), default=0)

    def versions(self, *, active_only: bool = True, registered_only: bool = False) -> list[Version]:
        """Return its versions: by SemVer, greatest first, then unregistered commits by id, descending.

        Of versions with equal precedence (``v1.0.0+a``, ``v1.0.0+b``) the newest comes first.
        """
        chosen = self._in_effect(active_only=active_only, registered_only=registered_only)
        named = [version for version in chosen if is_version(version.version)]
        commits = [version for version in chosen if not is_version(version.version)]
        named.sort(key=lambda version: (precedence(version.version), version.since))
        commits.sort(key=lambda version: version.version)
        return named[::-1] + commits[::-1]

    def _in_effect(self, *, active_only: bool = True, registered_only: bool = False) -> list[Version]:
        return [
            version
            for version in self.by_key.values()
            if (version.active or not active_only) and (version.registered or not registered_only)
        ]

    def greatest(self) -> Version | None:
        """Return the greatest registered version in effect, or None."""
        candidates = [(precedence(v.version), v) for v in self._in_effect(registered_only=True)]
        if not candidates:
            return None
        foremost = max(candidates, key=itemgetter(0))[0]
        # which of v1.0.0+a and v1.0.0+b, tells the time alone
        return max((v for order, v in candidates if order == foremost), key=lambda version: version.since)

    def in_stages(self, limits: StageLimits | None = None) -> dict[str, list[VersionStage]]:
        """Return what each stage holds, foremost version first, within ``limits``."""
        limits = limits or StageLimits()
        assignments: list[VersionStage] = []
        # by time they are put in order below
        in_order = self.versions if limits.sort == "semver" else self._in_effect
        for version in in_order(registered_only=limits.registered_only):
            entered = version.active_stages()
            if limits.per_version != ALL:
                entered = entered[len(entered) - min(limits.per_version, len(entered)) :]
            assignments += entered
        if limits.sort == "timestamp":
            assignments.sort(key=lambda assignment: assignment.events[-1].order, reverse=True)
        stages: dict[str, list[VersionStage]] = {}
        for assignment in assignments:
            held = stages.setdefault(assignment.stage, [])
            if limits.per_stage == ALL or len(held) < limits.per_stage:
                held.append(assignment)
        return stages

    def holder(self, stage: str) -> VersionStage | None:
        """Return what ``stage`` holds: the version assigned to it last, or None."""
        return next(iter(self.in_stages().get(stage, [])), None)

    def find(self, shortcut: Shortcut, limits: StageLimits | None = None) -> list[Version]:
        """Return the versions in effect that a shortcut names: none, one, or (stages, copies) several."""
        if shortcut.latest:
            greatest = self.greatest()
            return [greatest] if greatest else self.versions()[:1]
        if shortcut.version is not None:
            return [version for version in self.versions() if version.version == shortcut.version]
        held = self.in_stages(limits).get(shortcut.stage or "", [])
        return [self.by_key[one.version, one.commit] for one in held]

    def _annotate(self, notes: Iterable[CommitEvent]) -> None:
        """Let the versions at these commits know; where there is none, the commit itself is one."""
        at_commit: dict[str, list[Version]] = {}
        for version in self.by_key.values():
            at_commit.setdefault(version.commit, []).append(version)
        for note in notes:
            commit = note.commit
            here = at_commit.get(commit)
            if here is None:  # most annotated commits, and there may be many thousands
                found = Version(self.name, commit, commit, annotated=CommitEvent(self.name, commit, note.record))
                self.by_key[commit, commit] = found
                at_commit[commit] = [found]
                continue
            for version in here:
                version.annotated = CommitEvent(self.name, version.version, note.record)

    def _apply(self, event: Event) -> None:
        self.events.append(event)
        if event.version is None:
            return
        key = (event.version, event.commit)
        version = self.by_key.get(key)
        if version is None:
            version = self.by_key[key] = Version(self.name, event.version, event.commit)
        if event.stage is None:
            version.events.append(event)
            return
        stage = version.stages.get(event.stage)
        if stage is None:
            stage = VersionStage(self.name, event.version, event.commit, event.stage)
            version.stages[event.stage] = stage
        stage.events.append(event)


class Registry:
    """The registry at one moment. Made by :meth:`fold`; not changed afterwards."""

    def __init__(self) -> None:
        self.artifacts: dict[str, Artifact] = {}
        self.events: list[Event] = []

    @classmethod
    def fold(cls, events: Iterable[Event], annotated: Iterable[CommitEvent] = ()) -> Registry:
        """Return the state after ``events``, which must come in order (see :func:`gto_ci.core.events.read_events`).

        ``annotated`` are the commits whose files annotate an artifact. They add artifacts and
        versions that no tag speaks of, and change nothing else.
        """
        registry = cls()
        for event in events:
            artifact = registry.artifacts.get(event.artifact)
            if artifact is None:
                artifact = registry.artifacts[event.artifact] = Artifact(event.artifact)
            artifact._apply(event)
            registry.events.append(event)
        notes: dict[str, list[CommitEvent]] = {}
        for note in annotated:
            notes.setdefault(note.artifact, []).append(note)
        for name, commits in notes.items():
            registry.artifacts.setdefault(name, Artifact(name))._annotate(commits)
        return registry

    def artifact(self, name: str) -> Artifact:
        """Return one artifact.

        Raises:
            ArtifactNotFound: no tag and no annotation names it.
        """
        found = self.artifacts.get(name)
        if found is None:
            raise not_found(name, sorted(self.artifacts))
        return found

    def event_of(self, tag: str) -> Event | None:
        """Return the event that the tag named ``tag`` records, or None."""
        return next((event for event in self.events if event.tag == tag), None)

    def stages_in_use(self) -> list[str]:
        """Return the names of the stages that hold a version now, sorted."""
        return sorted(
            {
                stage.stage
                for artifact in self.artifacts.values()
                for version in artifact.by_key.values()
                if version.active
                for stage in version.stages.values()
                if stage.active
            }
        )

    def event_behind(self, shortcut: Shortcut) -> Event | None:
        """Return the event that brought about what a shortcut names, None where it names nothing."""
        artifact = self.artifacts.get(shortcut.artifact)
        if artifact is None:
            return None
        if shortcut.stage is not None:
            held = artifact.holder(shortcut.stage)
            return held.events[-1] if held else None
        versions = artifact.find(shortcut)
        return versions[0].authoring if versions else None

    def stages_ever_used(self) -> list[str]:
        """Return the names of all stages that any event speaks of, sorted."""
        return sorted({event.stage for event in self.events if event.stage is not None})

    def columns(self, allowed: Sequence[str] | None) -> list[str]:
        """Return the stages that are the columns of ``gto show``: those allowed, else those in use."""
        return self.stages_in_use() if allowed is None else list(allowed)

    def history(self, artifact: str | None = None, *, ascending: bool = False) -> list[Event]:
        """Return the events of one artifact or of all, newest first."""
        events = [event for event in self.events if artifact is None or event.artifact == artifact]
        return events if ascending else events[::-1]

    def before(self, event: Event) -> Artifact:
        """Return the artifact as it stood just before ``event``."""
        past = Artifact(event.artifact)
        for earlier in self.artifact(event.artifact).events:
            if earlier.order >= event.order:
                break
            past._apply(earlier)
        return past

    def previous(self, event: Event) -> tuple[str, str] | None:
        """Return (version, commit) of what was in the event's stage before it, or of the greatest version then.

        This is where a rollback goes. None where there was nothing.
        """
        past = self.before(event)
        if event.stage is not None:
            held = past.holder(event.stage)
            return (held.version, held.commit) if held else None
        greatest = past.greatest()
        return (greatest.version, greatest.commit) if greatest else None

    def is_latest(self, event: Event) -> bool:
        """Tell whether the event's version is the artifact's greatest registered version now."""
        greatest = self.artifact(event.artifact).greatest()
        return greatest is not None and (greatest.version, greatest.commit) == (event.version, event.commit)

    def is_current(self, event: Event) -> bool:
        """Tell whether the stage of an assignment still holds the version that the event assigned."""
        if event.kind is not ASSIGNMENT or event.stage is None:
            return False
        held = self.artifact(event.artifact).holder(event.stage)
        return held is not None and (held.version, held.commit) == (event.version, event.commit)


def journal(
    events: Iterable[Event],
    commits: Mapping[str, CommitRecord],
    annotated: Iterable[CommitEvent] = (),
    *,
    ascending: bool = False,
) -> list[Event | CommitEvent]:
    """Return ``events`` and, among them, the commits of the versions that they speak of; newest first.

    ``events`` and ``annotated`` are as in :meth:`Registry.fold`; where no event speaks of an annotated
    commit, it is a version itself. ``commits`` are commits by id: a version whose commit is not among
    them has none.
    """
    events = list(events)
    versions = dict.fromkeys((e.artifact, e.version, e.commit) for e in events if e.version is not None)
    spoken_of = {(artifact, commit) for artifact, _, commit in versions}
    alone = [(e.artifact, e.commit, e.commit) for e in annotated if (e.artifact, e.commit) not in spoken_of]
    made = [CommitEvent(name, v, commits[commit]) for name, v, commit in [*versions, *alone] if commit in commits]
    made.sort(key=lambda commit: commit.order)
    # each part is in order, and a commit stands before the tags of its second: the time is all to be compared
    everything: list[Event | CommitEvent] = [*made, *events]
    times = [commit.record.time for commit in made]
    times += [event.time for event in events]
    order = sorted(range(len(times)), key=times.__getitem__)
    return [everything[at] for at in (order if ascending else reversed(order))]


def not_found(name: str, known: Sequence[str]) -> ArtifactNotFound:
    """Return the error for an artifact that nothing names: those with a similar name, else those that exist."""
    cause = f"Cannot find artifact {quote(name)}"
    if not known:
        return ArtifactNotFound(cause, "This repository has no registry tags yet")
    meant = similar(name, known)
    if meant:
        return ArtifactNotFound(cause, f"Did you mean {meant}?")
    shown = ", ".join(known[:5]) + (f" and {len(known) - 5} more" if len(known) > 5 else "")
    return ArtifactNotFound(cause, f"Known here: {shown}")


def similar(name: str, known: Sequence[str]) -> str:
    """Return the names among ``known`` that ``name`` may be a misspelling of, as a phrase; empty for none."""
    from difflib import get_close_matches  # late: only mistakes pay for it

    by_lower = {one.lower(): one for one in reversed(known)}
    close = get_close_matches(name.lower()[:100], by_lower, n=3, cutoff=0.6)
    return " or ".join(quote(by_lower[one]) for one in close)
