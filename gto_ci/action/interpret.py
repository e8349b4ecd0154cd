"""What the ref in question means to the registry.

A ref in registry format never quietly means nothing: it is an event, or a deleted tag, or an error
that says why it is neither.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from gto_ci.core import names
from gto_ci.core.errors import TagProblem, WrongAnnotations, quote
from gto_ci.core.events import Event, TagRecord, explain_absence, read_events
from gto_ci.core.names import Kind, TagName
from gto_ci.core.registry import Registry
from gto_ci.files.annotations import Annotation, find
from gto_ci.files.config import Settings
from gto_ci.git.remotes.mirror import RemoteMirror
from gto_ci.platforms.platform import Log, Target
from gto_ci.render import views


@dataclass(frozen=True, slots=True)
class Meaning:
    """What the ref turned out to mean: an event, or the name of a deleted tag, or nothing.

    ``annotation`` and ``warnings`` are what the files at the event's commit say, ``problem`` why one of
    them could not be read.
    """

    event: Event | None = None
    deleted: TagName | None = None
    annotation: Annotation | None = None
    warnings: tuple[str, ...] = ()
    problem: str = ""

    @property
    def artifact(self) -> str | None:
        """The artifact that it is about."""
        return self.event.artifact if self.event else self.deleted.artifact if self.deleted else None


def registry_name(target: Target) -> TagName | names.Shortcut | None:
    """The parts of the target's text, None where it says nothing to the registry."""
    tag = names.match_tag(target.text)
    if tag is not None:
        return None if tag.kind is Kind.CREATION else tag
    return names.match_shortcut(target.text) if target.may_be_shortcut else None


def interpret(
    target: Target,
    name: TagName | names.Shortcut,
    records: list[TagRecord],
    registry: Registry,
    *,
    fetched: bool,
) -> Meaning:
    """Return what the ref means.

    Raises:
        TagProblem: it is in registry format, and no event that fits the job.
    """
    if target.deleted and isinstance(name, TagName):
        return Meaning(deleted=name)
    event = registry.event_of(target.text)
    if event is None and target.may_be_shortcut:
        shortcut = names.match_shortcut(target.text)
        event = registry.event_behind(shortcut) if shortcut else None
    if event is None:
        raise _no_event(target, name, records, fetched=fetched)
    if target.commit and event.commit != target.commit:
        raise TagProblem(
            f"Tag {quote(target.text)} points to commit {event.commit}, but this job runs on {target.commit}: "
            "the tag was moved after the job was started",
            "Run the workflow for the tag as it is now",
        )
    return Meaning(event=event)


def _no_event(target: Target, name: TagName | names.Shortcut, records: list[TagRecord], *, fetched: bool) -> TagProblem:
    where = "on the remote" if fetched else "in the workspace"
    if isinstance(name, TagName) and any(record.name == target.text for record in records):
        cause = f"{explain_absence(records, target.text, name)} ({where})"
        if fetched:
            # quoted for any shell: a registry tag has no quote in it, but may have a # or a !
            anew = f"git tag -a -f -m MESSAGE '{name}' '{name}^{{}}' && git push --force origin 'refs/tags/{name}'"
            return TagProblem(cause, f"Make it an annotated tag: {anew}")
        return TagProblem(cause, "Set 'fetch-tags: true' to have the annotated tag fetched")
    if target.may_be_shortcut and names.match_shortcut(target.text):
        known = ", ".join(sorted(registry_names(records))[:5]) or "none"
        return TagProblem(
            f"{quote(target.text)} names no tag and no version {where}", f"Artifacts known there: {known}"
        )
    next_step = "Push the tag, or check its name" if fetched else "Set 'fetch-tags: true' to have it fetched"
    return TagProblem(f"Tag {quote(target.text)} does not exist {where}", next_step)


def registry_names(records: Iterable[TagRecord]) -> set[str]:
    """Return the names of the artifacts that the events among ``records`` are about."""
    return {event.artifact for event in read_events(records)}


def annotate(meaning: Meaning, mirror: RemoteMirror, settings: Settings, log: Log) -> Meaning:
    """Add what the files at the event's commit say; a broken file is a warning, for the event stands."""
    event = meaning.event
    if event is None:
        return meaning
    try:
        found = find(mirror.objects, event.commit, event.artifact, settings.index)
    except WrongAnnotations as error:
        warning = f"{error} (at commit {views.short_id(event.commit)}); the annotation outputs are empty"
        log.warning(warning, error.path, error.line)
        return replace(meaning, warnings=(warning,), problem=str(error))
    for warning in found.warnings:
        log.warning(warning)
    return replace(meaning, annotation=found.annotation, warnings=found.warnings)
