"""The state of the registry, folded from its events.

:meth:`Registry.fold` reads the events once, in order. The methods of the result then answer every
question: the latest version, what a stage holds, the history, the state before an event, and whether
an event is still in effect.
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
ALL = -1  # the value in StageLimits that means no limit


class _Slotted:
    """Equality and ``repr`` over all ``__slots__``.

    With ``dataclasses``, whose import is slow, ``gto show`` takes 1.14× the CPU time at 10 tags, and each of these
    objects takes 1.9× the time to make.
    """

    __slots__: tuple[str, ...] = ()
    __hash__ = None  # type: ignore[assignment]  # instances are mutable

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and all(getattr(self, n) == getattr(other, n) for n in self.__slots__)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in self.__slots__)})"


class StageLimits(_Slotted):
    """How many assignments to count as current. GTO's ``--av`` and ``--vs``.

    ``per_version`` limits each version to the N stages assigned last. ``per_stage`` limits each stage to
    the first N versions, ordered by ``sort``. -1 means no limit.
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
    """The history of one version in one stage. ``events`` are its assignments and unassignments, in order."""

    __slots__ = ("artifact", "commit", "events", "stage", "version")

    def __init__(self, artifact: str, version: str, commit: str, stage: str) -> None:
        self.artifact: Final = artifact
        self.version: Final = version
        self.commit: Final = commit
        self.stage: Final = stage
        self.events: list[Event] = []

    @property
    def commit_hexsha(self) -> str:
        """GTO's name for ``commit``."""
        return self.commit

    @property
    def active(self) -> bool:
        """Whether the version is in the stage now."""
        return self.events[-1].kind is ASSIGNMENT

    @property
    def authoring(self) -> Event:
        """The event that gives the stage its date, author and tag: the newest assignment."""
        return next((e for e in reversed(self.events) if e.kind is ASSIGNMENT), self.events[-1])


class Version(_Slotted):
    """One version of an artifact, at one commit.

    ``version`` is the commit's full ID in two cases: a stage was assigned without a registration, or the
    commit's files annotate the artifact and none of the artifact's tags points to the commit. ``events``
    are the version's registrations and deregistrations, in order. ``annotated`` is set if the commit's
    files annotate the artifact.
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
        """GTO's name for ``commit``."""
        return self.commit

    @property
    def registered(self) -> bool:
        """Whether the version was ever registered, even if it was deregistered later."""
        for event in self.events:  # noqa: SIM110  # `any` over a generator takes three times as long
            if event.kind is REGISTRATION:
                return True
        return False

    @property
    def active(self) -> bool:
        """True unless the version is deregistered. Unregistered versions count as active."""
        return not self.events or self.events[-1].kind is REGISTRATION

    @property
    def since(self) -> tuple[int, int, int, str] | tuple[()]:
        """The sort key of its first registration or deregistration."""
        return self.events[0].order if self.events else ()

    @property
    def all_events(self) -> list[Event]:
        """Its own events and those of its stages, in order."""
        everything = [*self.events, *(event for stage in self.stages.values() for event in stage.events)]
        return sorted(everything, key=lambda event: event.order)

    @property
    def authoring(self) -> Event:
        """The event that gives the version its date, author and tag. The version must have at least one tag."""
        registration = next((e for e in reversed(self.events) if e.kind is REGISTRATION), None)
        if registration is not None:
            return registration
        staged = [event for stage in self.stages.values() for event in stage.events]
        return max(staged or self.events, key=lambda event: event.order)

    @property
    def origin(self) -> Event | CommitEvent:
        """:attr:`authoring`, or the annotated commit if the version has no tag."""
        if self.events or self.stages or self.annotated is None:
            return self.authoring
        return self.annotated

    def active_stages(self) -> list[VersionStage]:
        """Return the stages that hold the version now, oldest assignment first."""
        active = [stage for stage in self.stages.values() if stage.active]
        return sorted(active, key=lambda stage: stage.events[-1].order) if len(active) > 1 else active


class Artifact(_Slotted):
    """One artifact: its ``events`` in order, and its versions, ``by_key``, in order of first appearance.

    A key is (version, commit).
    """

    __slots__ = ("by_key", "events", "name")

    def __init__(self, name: str) -> None:
        self.name: Final = name
        self.events: list[Event] = []
        self.by_key: dict[tuple[str, str], Version] = {}

    @property
    def active(self) -> bool:
        """Whether its last event is not a deprecation or, without events, whether files annotate it."""
        return self.events[-1].kind is not DEPRECATION if self.events else bool(self.by_key)

    @property
    def registered(self) -> bool:
        """Whether it has any event; otherwise it is only annotated."""
        return bool(self.events)

    @property
    def greatest_counter(self) -> int:
        """The greatest ``#N`` among its events, or 0."""
        return max((event.counter or 0 for event in self.events), default=0)

    def versions(self, *, active_only: bool = True, registered_only: bool = False) -> list[Version]:
        """Return its versions by SemVer, greatest first, then unregistered commits by ID, descending.

        Among versions of equal precedence (``v1.0.0+a``, ``v1.0.0+b``), the newest comes first.
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
        """Return the greatest registered and active version, or None."""
        candidates = [(precedence(v.version), v) for v in self._in_effect(registered_only=True)]
        if not candidates:
            return None
        greatest = max(candidates, key=itemgetter(0))[0]
        # v1.0.0+a and v1.0.0+b have equal precedence: the newest wins
        return max((v for order, v in candidates if order == greatest), key=lambda version: version.since)

    def in_stages(self, limits: StageLimits | None = None) -> dict[str, list[VersionStage]]:
        """Return the versions that each stage holds, in the order of ``limits.sort`` and within ``limits``."""
        limits = limits or StageLimits()
        assignments: list[VersionStage] = []
        # sorting by time happens below
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
        """Return the version that ``stage`` holds, which is the one assigned last, or None."""
        return next(iter(self.in_stages().get(stage, [])), None)

    def find(self, shortcut: Shortcut, limits: StageLimits | None = None) -> list[Version]:
        """Return the active versions that a shortcut names.

        Several are possible if ``limits`` let a stage hold several, or if one version is at several commits.
        """
        if shortcut.latest:
            greatest = self.greatest()
            return [greatest] if greatest else self.versions()[:1]
        if shortcut.version is not None:
            return [version for version in self.versions() if version.version == shortcut.version]
        held = self.in_stages(limits).get(shortcut.stage or "", [])
        return [self.by_key[assignment.version, assignment.commit] for assignment in held]

    def _annotate(self, notes: Iterable[CommitEvent]) -> None:
        """Mark the versions at these commits as annotated. A commit without a version becomes one."""
        at_commit: dict[str, list[Version]] = {}
        for version in self.by_key.values():
            at_commit.setdefault(version.commit, []).append(version)
        for note in notes:
            commit = note.commit
            here = at_commit.get(commit)
            if here is None:  # the usual case, and there may be many thousands
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
    """The registry at one moment. :meth:`fold` builds it; it does not change afterwards."""

    def __init__(self) -> None:
        self.artifacts: dict[str, Artifact] = {}
        self.events: list[Event] = []

    @classmethod
    def fold(cls, events: Iterable[Event], annotated: Iterable[CommitEvent] = ()) -> Registry:
        """Return the state after ``events``, which must be in order (see :func:`gto_ci.core.events.read_events`).

        ``annotated`` are the commits whose files annotate an artifact. They only add artifacts and
        versions that have no tag.
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
            ArtifactNotFound: no event and no annotation names it.
        """
        found = self.artifacts.get(name)
        if found is None:
            raise not_found(name, sorted(self.artifacts))
        return found

    def event_of(self, tag: str) -> Event | None:
        """Return the event of the tag named ``tag``, or None."""
        return next((event for event in self.events if event.tag == tag), None)

    def stages_in_use(self) -> list[str]:
        """Return the names of the stages that hold a version, sorted."""
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

    def stages_ever_used(self) -> list[str]:
        """Return the names of all stages that any event names, sorted."""
        return sorted({event.stage for event in self.events if event.stage is not None})

    def columns(self, allowed: Sequence[str] | None) -> list[str]:
        """Return the stages that ``gto show`` shows as columns: those ``allowed``, else those in use."""
        return self.stages_in_use() if allowed is None else list(allowed)

    def history(self, artifact: str | None = None, *, ascending: bool = False) -> list[Event]:
        """Return the events of one artifact, or of all, newest first."""
        events = [event for event in self.events if artifact is None or event.artifact == artifact]
        return events if ascending else events[::-1]

    def before(self, event: Event) -> Artifact:
        """Return the artifact's state just before ``event``."""
        past = Artifact(event.artifact)
        for earlier in self.artifact(event.artifact).events:
            if earlier.order >= event.order:
                break
            past._apply(earlier)
        return past

    def previous(self, event: Event) -> tuple[str, str] | None:
        """Return the (version, commit) that a rollback of ``event`` restores, or None.

        For a stage event it is the version that the stage held before. For other events it is the version
        that was the greatest before.
        """
        past = self.before(event)
        if event.stage is not None:
            held = past.holder(event.stage)
            return (held.version, held.commit) if held else None
        greatest = past.greatest()
        return (greatest.version, greatest.commit) if greatest else None

    def is_latest(self, event: Event) -> bool:
        """Return whether the event's version is now the artifact's greatest registered version."""
        greatest = self.artifact(event.artifact).greatest()
        return greatest is not None and (greatest.version, greatest.commit) == (event.version, event.commit)

    def is_current(self, event: Event) -> bool:
        """Return whether the stage still holds the version that ``event`` assigned. False for other events."""
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
    """Return ``events`` together with the commits of their versions, newest first.

    ``events`` and ``annotated`` are as in :meth:`Registry.fold`. An annotated commit that has no event
    counts as a version. ``commits`` maps ids to commits; a version whose commit is missing there adds
    no entry.
    """
    events = list(events)
    versions = dict.fromkeys((e.artifact, e.version, e.commit) for e in events if e.version is not None)
    tagged = {(artifact, commit) for artifact, _, commit in versions}
    untagged = [(e.artifact, e.commit, e.commit) for e in annotated if (e.artifact, e.commit) not in tagged]
    made = [CommitEvent(name, v, commits[commit]) for name, v, commit in [*versions, *untagged] if commit in commits]
    made.sort(key=lambda commit: commit.order)
    # Both lists are sorted, and in the same second commits come before tags. So a stable sort by time is enough.
    everything: list[Event | CommitEvent] = [*made, *events]
    times = [commit.record.time for commit in made]
    times += [event.time for event in events]
    order = sorted(range(len(times)), key=times.__getitem__)
    return [everything[at] for at in (order if ascending else reversed(order))]


def not_found(name: str, known: Sequence[str]) -> ArtifactNotFound:
    """Return the error for an unknown artifact. It suggests similar names, else lists those that exist."""
    cause = f"Cannot find artifact {quote(name)}"
    if not known:
        return ArtifactNotFound(cause, "This repository has no registry tags yet")
    meant = similar(name, known)
    if meant:
        return ArtifactNotFound(cause, f"Did you mean {meant}?")
    shown = ", ".join(known[:5]) + (f" and {len(known) - 5} more" if len(known) > 5 else "")
    return ArtifactNotFound(cause, f"Known artifacts: {shown}")


def similar(name: str, known: Sequence[str]) -> str:
    """Return the names among ``known`` that are similar to ``name``, as a phrase; empty if there are none."""
    from difflib import get_close_matches  # late: only a misspelled name needs it

    by_lower = {candidate.lower(): candidate for candidate in reversed(known)}
    close = get_close_matches(name.lower()[:100], by_lower, n=3, cutoff=0.6)
    return " or ".join(quote(by_lower[lower]) for lower in close)
