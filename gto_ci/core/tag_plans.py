"""Plan which tags a request creates or deletes.

A request (:class:`Register`, :class:`Assign` …) says what the user wants. Its method ``plan`` takes the
artifact's state and returns a :class:`TagPlan`, or raises an error that says why not. The plan depends on
nothing else, so after a lost race the caller plans again with the new state. The rules are those of GTO
1.10.1 without its bugs (``docs/differences-from-gto.md``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from gto_ci.core.errors import (
    Remedies,
    TagExists,
    VersionAlreadyRegistered,
    VersionExistsForCommit,
    VersionRequired,
    WrongArguments,
    quote,
)
from gto_ci.core.events import Event, TagRecord, read_events
from gto_ci.core.names import Kind, TagName, match_tag
from gto_ci.core.registry import Artifact, Registry, Version, not_found
from gto_ci.core.versions import FIRST, bump, is_version

Part = Literal["major", "minor", "patch"]


@dataclass(frozen=True, slots=True)
class State:
    """One artifact before a change.

    ``tags`` are the names of all its tags, lightweight ones included. ``given`` is a counter that is already
    handed out although its tag is not among ``tags``; 0 means none.
    """

    artifact: Artifact
    tags: frozenset[str]
    known: Sequence[str] = ()  # names of other artifacts, for suggestions
    given: int = 0

    @classmethod
    def read(cls, name: str, records: Iterable[TagRecord], known: Sequence[str] = (), given: int = 0) -> State:
        """Return the state of artifact ``name``, folded from its tags."""
        records = list(records)
        artifacts = Registry.fold(read_events(records)).artifacts
        return cls(artifacts.get(name) or Artifact(name), frozenset(record.name for record in records), known, given)

    @property
    def next_counter(self) -> int:
        """The counter for the artifact's next counted tag: one more than the greatest so far."""
        names = (match_tag(tag) for tag in self.tags)
        return 1 + max([self.given, *(n.counter or 0 for n in names if n and n.artifact == self.artifact.name)])

    def at_commit(self, commit: str) -> Version | None:
        """Return the version registered at ``commit``, active or not. Of several, return the one that stages go to."""
        here = [version for version in self._explicit() if version.commit == commit]
        return max(here, key=lambda version: (version.active, version.events[-1].order), default=None)

    def named(self, version: str) -> Version | None:
        """Return the version called ``version``, active or not, or None.

        Raises:
            WrongArguments: ``version`` is registered at several commits.
        """
        found = [candidate for candidate in self._explicit() if candidate.version == version]
        matches = [candidate for candidate in found if candidate.active] or found
        if len(matches) > 1:
            commits = ", ".join(match.commit[:7] for match in matches)
            raise WrongArguments(
                f"Version {quote(version)} is registered at several commits: {commits}", "Name the commit instead"
            )
        return matches[0] if matches else None

    def stage_version(self, commit: str) -> Version | None:
        """Return the version that stages at ``commit`` belong to, which may be unregistered."""
        return self.at_commit(commit) or self.artifact.by_key.get((commit, commit))

    def taken(self, version: str) -> bool:
        """Return whether ``version`` was ever registered or deregistered."""
        return any(known.version == version for known in self._explicit())

    def _explicit(self) -> list[Version]:
        return [version for version in self.artifact.by_key.values() if version.events]


@dataclass(frozen=True, slots=True)
class NewTag:
    """A tag to create. ``version`` is what the event is about; None for a deprecation."""

    name: TagName
    commit: str
    version: str | None
    message: str


@dataclass(frozen=True, slots=True)
class TagPlan:
    """The tags to create, in order, or the events whose tags are to be deleted, in order of time.

    ``earliest`` is the earliest date, in seconds since the epoch, at which the new tags sort after all existing
    tags of the artifact. In the same second as the newest one, they might sort before it.
    """

    create: tuple[NewTag, ...] = ()
    delete: tuple[Event, ...] = ()
    earliest: int = 0


@dataclass(frozen=True, slots=True)
class _Request:
    """The fields of every request.

    An empty ``message`` means the default text. If ``simple`` is None, the tag has the usual form of its kind.
    """

    name: str
    message: str = field(default="", kw_only=True)
    simple: bool | None = field(default=None, kw_only=True)
    force: bool = field(default=False, kw_only=True)

    def _tag(
        self,
        state: State,
        kind: Kind,
        commit: str,
        message: str,
        *,
        simple: bool,
        version: str | None = None,
        stage: str | None = None,
    ) -> NewTag:
        about_version = version if kind in (Kind.REGISTRATION, Kind.DEREGISTRATION) else None
        counter = None if simple else state.next_counter
        name = TagName(kind, self.name, about_version, stage, counter)
        if counter is not None and match_tag(str(name)) is None:
            step = Remedies.USE_SIMPLE_TAG.after("Delete the tag that has it")
            raise WrongArguments(f"The counter {counter - 1} is the greatest possible", step)
        if str(name) in state.tags:
            raise TagExists(
                f"Tag {quote(name)} already exists: {_evidence(state, str(name))}", Remedies.USE_COUNTED_TAG
            )
        return NewTag(name, commit, version, message)


@dataclass(frozen=True, slots=True)
class Register(_Request):
    """Register ``version`` at ``commit``. Without ``version``, bump the greatest active one."""

    commit: str
    version: str | None = field(default=None, kw_only=True)
    bump: Part | None = field(default=None, kw_only=True)

    def plan(self, state: State) -> TagPlan:
        """Return the plan.

        Raises:
            VersionExistsForCommit: ``commit`` already has an active version.
            VersionAlreadyRegistered: ``version`` was already registered.
            TagExists: the tag already exists.
            WrongArguments: the request does not fit the artifact's state.
            InvalidVersion: the version's numbers are too long to bump.
        """
        version = self._version(state)
        message = self.message or f"Registering artifact {self.name} version {version}"
        simple = True if self.simple is None else self.simple
        return TagPlan((self._tag(state, Kind.REGISTRATION, self.commit, message, simple=simple, version=version),))

    def _version(self, state: State) -> str:
        here = state.at_commit(self.commit)
        if here is not None:
            if not self.force and here.registered and here.active:
                raise VersionExistsForCommit(
                    f"{quote(self.name)} is already registered in this commit with version {quote(here.version)}",
                    "Register another commit, or deprecate that version first",
                )
            if self.version not in (None, here.version):
                raise WrongArguments(
                    f"For this REF you can only register {here.version}, not {self.version}",
                    f"Commit {self.commit[:7]} had that version before",
                )
            return here.version
        if self.version is None:
            return self._next(state)
        if state.taken(self.version):
            raise VersionAlreadyRegistered(
                f"Version {quote(self.version)} already was registered: {_registration(state, self.version)}",
                "A version name cannot be reused; choose another one",
            )
        return self.version

    def _next(self, state: State) -> str:
        greatest = state.artifact.greatest()
        if greatest is None:
            if self.bump is not None:
                raise WrongArguments(
                    "Can't apply bump, because this is the first version being registered",
                    Remedies.NAME_VERSION.after(f"Leave out the bump to register {FIRST}"),
                )
            version = FIRST
        else:
            version = bump(greatest.version, self.bump or "patch")
        while state.taken(version):  # a deregistered version must not move to another commit
            version = bump(version, self.bump or "patch")
        return version


@dataclass(frozen=True, slots=True)
class Assign(_Request):
    """Assign a version, given by name or by its ``commit``, to ``stage``.

    If the commit has no version, it is first registered as ``name_version`` or as the next version, unless
    ``skip_registration``.
    """

    stage: str
    commit: str | None = field(default=None, kw_only=True)
    version: str | None = field(default=None, kw_only=True)
    name_version: str | None = field(default=None, kw_only=True)
    skip_registration: bool = field(default=False, kw_only=True)

    def plan(self, state: State) -> TagPlan:
        """Return the plan: the assignment, after a registration if one is needed.

        Raises:
            WrongArguments: the request does not fit the artifact's state.
            VersionAlreadyRegistered: ``name_version`` was already registered.
            TagExists: a tag already exists.
            InvalidVersion: the version's numbers are too long to bump.
        """
        commit, found = self._target(state)
        version = found.version if found else commit
        if found and not self.force and any(s.stage == self.stage for s in found.active_stages()):
            raise WrongArguments(
                f"Version {quote(version)} is already in stage {quote(self.stage)}",
                Remedies.FORCE_NEW_TAG,
            )
        first: tuple[NewTag, ...] = ()
        if (found is None or not found.events) and not self.skip_registration:
            first = Register(self.name, commit, version=self.name_version).plan(state).create
            version = first[0].version or commit
        message = self.message or f"Assigning stage {self.stage} to artifact {self.name} version {version}"
        simple = bool(self.simple)
        tag = self._tag(state, Kind.ASSIGNMENT, commit, message, simple=simple, version=version, stage=self.stage)
        return TagPlan((*first, tag))

    def _target(self, state: State) -> tuple[str, Version | None]:
        if self.version is not None:
            named = state.named(self.version)
            if named is None:
                raise WrongArguments(
                    f"Version {quote(self.version)} is not registered", _versions_of(state.artifact, self.name)
                )
            return named.commit, named
        assert self.commit is not None  # a request has either version or commit
        found = state.stage_version(self.commit)
        if found is not None and found.events and self.name_version is not None:
            raise WrongArguments(
                f"Can't register {quote(self.name_version)}, since {quote(found.version)} is registered already "
                "at this ref",
                Remedies.OMIT_VERSION,
            )
        return self.commit, found


@dataclass(frozen=True, slots=True)
class Unassign(_Request):
    """Unassign a version from ``stage`` with a tag or, with ``delete``, by deleting that stage's tags."""

    stage: str
    commit: str | None = field(default=None, kw_only=True)
    version: str | None = field(default=None, kw_only=True)
    delete: bool = field(default=False, kw_only=True)

    def plan(self, state: State) -> TagPlan:
        """Return the plan.

        Raises:
            ArtifactNotFound: the artifact has no events.
            VersionRequired: the artifact has no such version.
            WrongArguments: the stage is not assigned to the version, or the version is at several commits.
            TagExists: the tag already exists.
        """
        if not state.artifact.events:
            raise not_found(self.name, state.known)
        found = _find(state, self.version, self.commit, self.name)
        stage = found.stages.get(self.stage)
        held = stage is not None and (stage.active or self.delete)  # tags of a past assignment can be deleted too
        if not self.force and not held:
            raise WrongArguments(
                f"Stage {quote(self.stage)} is not assigned to a version {quote(found.version)}",
                "It is in " + (", ".join(s.stage for s in found.active_stages()) or "no stage"),
            )
        if self.delete:
            return TagPlan(delete=tuple(stage.events if stage else ()))
        message = (
            self.message or f"Unassigning stage '{self.stage}' to artifact '{self.name}' version '{found.version}'"
        )
        simple = bool(self.simple)
        tag = self._tag(
            state,
            Kind.UNASSIGNMENT,
            found.commit,
            message,
            simple=simple,
            version=found.version,
            stage=self.stage,
        )
        return TagPlan((tag,))


@dataclass(frozen=True, slots=True)
class Deregister(_Request):
    """Deregister a version with a tag or, with ``delete``, by deleting its tags and its stages' tags."""

    commit: str | None = field(default=None, kw_only=True)
    version: str | None = field(default=None, kw_only=True)
    delete: bool = field(default=False, kw_only=True)

    def plan(self, state: State) -> TagPlan:
        """Return the plan.

        Raises:
            ArtifactNotFound: the artifact has no events.
            VersionRequired: the artifact has no such version.
            WrongArguments: the version is not registered, was already deregistered, or is at several commits.
            TagExists: the tag already exists.
        """
        if not state.artifact.events and not self.force:
            raise not_found(self.name, state.known)
        found = self._target(state)
        if not self.force and not found.registered:
            raise WrongArguments(f"The version at ref {quote(found.commit)} is not registered")
        if not self.force and not found.active:
            raise WrongArguments(
                f"The version at ref {quote(found.commit)} was deregistered already",
                f"{found.events[-1].author} deregistered it on {found.events[-1].created_at}",
            )
        if self.delete:
            return TagPlan(delete=tuple(found.all_events))
        message = self.message or f"Deregistering artifact {self.name} version {found.version}"
        simple = True if self.simple is None else self.simple
        tag = self._tag(state, Kind.DEREGISTRATION, found.commit, message, simple=simple, version=found.version)
        return TagPlan((tag,))

    def _target(self, state: State) -> Version:
        """Return the version, which must have a registration or deregistration tag; stage tags are not enough."""
        try:
            found = _find(state, self.version, self.commit, self.name)
        except VersionRequired as error:
            if not self.force:
                raise
            raise WrongArguments("Can't deregister a version that have no git tags", error.next_step) from error
        if not found.events:
            raise WrongArguments(
                f"Can't deregister a version that have no git tags: commit {found.commit[:7]} only has stages",
                "To unassign a stage, name it",
            )
        return found


@dataclass(frozen=True, slots=True)
class Deprecate(_Request):
    """Deprecate the artifact with a tag or, with ``delete``, by deleting all its tags.

    The tag points to ``commit``, else to the newest event's commit, else to ``head``. ``annotated`` means that
    an annotation names the artifact, so it may have no tags.
    """

    commit: str | None = field(default=None, kw_only=True)
    head: str | None = field(default=None, kw_only=True)
    annotated: bool = field(default=False, kw_only=True)
    delete: bool = field(default=False, kw_only=True)

    def plan(self, state: State) -> TagPlan:
        """Return the plan.

        Raises:
            ArtifactNotFound: nothing names the artifact, or it has no tags to delete.
            WrongArguments: the options conflict, the artifact was already deprecated, or there is no commit.
            TagExists: the tag already exists.
        """
        artifact = state.artifact
        if self.force and self.simple:
            raise WrongArguments("Can't use 'force' with 'simple=True'", "Forced tags have a counter")
        if not artifact.events and (self.delete or not (self.force or self.annotated)):
            raise not_found(self.name, state.known)
        if not self.force and artifact.events and not artifact.active:
            raise WrongArguments("Artifact was deprecated already", Remedies.FORCE_DEPRECATION)
        if self.delete:
            return TagPlan(delete=tuple(artifact.events))
        commit = self.commit or (artifact.events[-1].commit if artifact.events else self.head)
        if commit is None:
            raise WrongArguments(
                f"Cannot deprecate {quote(self.name)}: there is no commit to tag", Remedies.NAME_COMMIT.about("ref")
            )
        message = self.message or f"Deprecating artifact '{self.name}'"
        simple = not self.force if self.simple is None else self.simple
        return TagPlan((self._tag(state, Kind.DEPRECATION, commit, message, simple=simple),))


def plan(request: Request, state: State) -> TagPlan:
    """Return the tags that ``request`` creates or deletes, given the artifact's ``state``.

    Raises:
        GtoError: the request is not possible; see ``plan`` of each request for the classes.
    """
    change = request.plan(state)
    newest = state.artifact.events[-1].order if state.artifact.events else (0, 0, 0, "")
    time = newest[0]
    in_order = all((time, t.name.kind.priority, t.name.counter or 0, str(t.name)) > newest for t in change.create)
    return replace(change, earliest=time if in_order else time + 1)


Request = Register | Assign | Unassign | Deregister | Deprecate


def check_version(version: str) -> str:
    """Return ``version`` if it is a valid version.

    Raises:
        WrongArguments: ``version`` is not SemVer with a leading ``v``.
    """
    if not is_version(version):
        raise WrongArguments(f"Version {quote(version)} is not valid", "Example of valid version: 'v1.0.0'")
    return version


def _find(state: State, version: str | None, commit: str | None, name: str) -> Version:
    """Return the version by its name or its commit, active or not.

    Raises:
        VersionRequired: there is no such version.
    """
    found = state.named(version) if version is not None else state.stage_version(commit or "")
    if found is None:
        raise VersionRequired(
            f"No version {quote(version or commit)} found for {quote(name)}", _versions_of(state.artifact, name)
        )
    return found


def _versions_of(artifact: Artifact, name: str) -> str:
    versions = [version.version for version in artifact.versions(registered_only=True)]
    shown = ", ".join(versions[:5]) + (f" and {len(versions) - 5} more" if len(versions) > 5 else "")
    return f"Registered versions: {shown}" if versions else f"{quote(name)} has no active version"


def _evidence(state: State, tag: str) -> str:
    event = next((event for event in state.artifact.events if event.tag == tag), None)
    return _who(event) if event else "it records no event of the registry ('gto check-ref' says why)"


def _registration(state: State, version: str) -> str:
    return _who(next(event for event in state.artifact.events if event.version == version and event.stage is None))


def _who(event: Event) -> str:
    author = quote(f"{event.author} <{event.author_email}>")[1:-1]
    return f"by {author} on {event.created_at} at commit {event.commit[:7]}"
