"""Resolve what a ref means to the registry: an event, a deleted tag, or the reason why it is neither.

The action, ``check-ref``, the gate and ``describe`` all call :func:`resolve`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Final, Literal

from gto_ci.core.errors import quote
from gto_ci.core.events import Event, TagRecord, read_events, why_no_event
from gto_ci.core.names import CREATION, Shortcut, TagName, looks_like_tag, match_shortcut, match_tag

if TYPE_CHECKING:
    from gto_ci.core.registry import Registry

_TAGS = "refs/tags/"


# Plain classes: ``check-ref`` runs in every job, and creating a NamedTuple or an Enum takes as long as resolving a tag.


class Reference:
    """The parsed name of a tag or a version.

    ``text`` has no leading ``refs/tags/``. At most one of ``tag`` and ``shortcut`` is set; neither is set if
    ``text`` has another form. ``deleted`` means that the tag no longer exists. ``commit`` is the commit that
    the tag must point to; empty means any.
    """

    __slots__ = ("commit", "deleted", "shortcut", "tag", "text")

    def __init__(
        self,
        text: str,
        tag: TagName | None = None,
        shortcut: Shortcut | None = None,
        *,
        deleted: bool = False,
        commit: str = "",
    ) -> None:
        self.text: Final = text
        self.tag: Final = tag
        self.shortcut: Final = shortcut
        self.deleted: Final = deleted
        self.commit: Final = commit

    @property
    def artifact(self) -> str | None:
        """The artifact's name, or None if ``text`` names none."""
        named = self.tag or self.shortcut
        return named.artifact if named else None

    @property
    def reserved(self) -> bool:
        """Whether it names a tag that parses but means nothing: ``NAME@created``."""
        return self.tag is not None and self.tag.kind is CREATION


class RegistryTags:
    """The tags of a registry, or of one artifact, with their events and state, each computed once."""

    def __init__(self, records: Iterable[TagRecord], where: str = "in this repository") -> None:
        """``where`` is a phrase for messages that says where the tags were read, such as ``on the remote``."""
        self.records: Sequence[TagRecord] = [*records]
        self.where = where

    @cached_property
    def events(self) -> list[Event]:
        """The events, in order."""
        return read_events(self.records)

    @cached_property
    def registry(self) -> Registry:
        """The state after all events."""
        from gto_ci.core.registry import Registry  # late: resolving a tag does not need it

        return Registry.fold(self.events)


# Why a ref records no event. "unrelated" is neither a registry tag nor a shortcut; "malformed" resembles a tag of the
# registry. A tag that is "no event" is annotated. A tag that was "moved" points to another commit than expected.
Reason = Literal[
    "unrelated", "malformed", "missing", "lightweight", "no event", "moved", "no version", "several versions"
]


class Resolution:
    """The meaning of a ref. Exactly one of ``event``, ``deleted`` and ``reason`` is set.

    ``cause`` explains the ``reason`` in a sentence, with its evidence.
    """

    __slots__ = ("cause", "deleted", "event", "reason")

    def __init__(
        self,
        event: Event | None = None,
        *,
        deleted: TagName | None = None,
        reason: Reason | None = None,
        cause: str = "",
    ) -> None:
        self.event: Final = event
        self.deleted: Final = deleted
        self.reason: Final = reason
        self.cause: Final = cause


def pushed_reference(text: str, *, deleted: bool = False, commit: str = "") -> Reference:
    """Return the reference for a pushed ref, or for any other text that can only name a tag."""
    name = text.removeprefix(_TAGS)
    return Reference(name, match_tag(name), deleted=deleted, commit=commit)


def typed_reference(text: str) -> Reference:
    """Return the reference for what a user typed.

    ``NAME@latest``, ``NAME@greatest``, ``NAME@vX.Y.Z`` and ``NAME#STAGE`` are shortcuts, even if a tag has
    the same name. So no one can redirect a shortcut by pushing a tag. ``refs/tags/…`` names a tag.
    """
    shortcut = None if text.startswith(_TAGS) else match_shortcut(text)
    return Reference(text, shortcut=shortcut) if shortcut else pushed_reference(text)


def resolve(reference: Reference, tags: RegistryTags) -> Resolution:
    """Return what ``reference`` means. ``tags`` must contain at least the tags of its artifact."""
    if reference.deleted and reference.tag is not None:
        return Resolution(deleted=reference.tag)
    if reference.shortcut is not None:
        return _resolve_shortcut(reference.text, reference.shortcut, tags)
    if reference.tag is None:
        return _no_tag(reference.text)
    event = next((event for event in tags.events if event.tag == reference.text), None)
    if event is None:
        return _no_event(reference.text, reference.tag, tags)
    if reference.commit and event.commit != reference.commit:
        cause = f"Tag {quote(event.tag)} points to commit {event.commit}, not to {reference.commit}: it was moved"
        return Resolution(reason="moved", cause=cause)
    return Resolution(event)


def _resolve_shortcut(text: str, shortcut: Shortcut, tags: RegistryTags) -> Resolution:
    artifact = tags.registry.artifacts.get(shortcut.artifact)
    versions = artifact.find(shortcut) if artifact else []
    if artifact is None or not versions:
        if artifact is None:
            why = f"there is no artifact {quote(shortcut.artifact)}"
        elif shortcut.stage is not None:
            why = f"no version of {quote(artifact.name)} is in stage {quote(shortcut.stage)}"
        else:
            why = f"{quote(artifact.name)} has no active version {shortcut.version or ''}".rstrip()
        return Resolution(reason="no version", cause=f"{quote(text)} names no version {tags.where}: {why}")
    if len(versions) > 1:
        commits = " and ".join(version.commit[:7] for version in versions)
        cause = f"{quote(text)} names several versions {tags.where}, at the commits {commits}"
        return Resolution(reason="several versions", cause=cause)
    (version,) = versions
    return Resolution(version.stages[shortcut.stage].events[-1] if shortcut.stage else version.authoring)


def _no_event(text: str, name: TagName, tags: RegistryTags) -> Resolution:
    record = next((record for record in tags.records if record.name == text), None)
    if record is None:
        return Resolution(reason="missing", cause=f"There is no tag {quote(text)} {tags.where}")
    reason: Reason = "no event" if record.annotated else "lightweight"
    cause = f"Tag {quote(text)} {tags.where} records no event: {why_no_event(record, name)}"
    return Resolution(reason=reason, cause=cause)


def _no_tag(text: str) -> Resolution:
    in_tag = text.replace(":", "=")
    if match_tag(in_tag):
        cause = f"{quote(text)} is not a tag name: tags use '=' instead of ':'; try {quote(in_tag)}"
        return Resolution(reason="malformed", cause=cause)
    if looks_like_tag(text):
        return Resolution(reason="malformed", cause=f"{quote(text)} is not in registry format")
    return Resolution(reason="unrelated", cause=f"{quote(text)} is neither a registry tag nor a shortcut")
