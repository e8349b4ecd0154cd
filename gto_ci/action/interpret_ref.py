"""Interpret the job's ref, and read the annotation at its commit.

A ref in registry format is an event or a deleted tag. If it is neither, the step fails and the error says why.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from gto_ci.core.errors import TagProblem, WrongAnnotations, quote
from gto_ci.core.events import Event
from gto_ci.core.names import TagName
from gto_ci.core.resolve import (
    Reference,
    RegistryTags,
    Resolution,
    pushed_reference,
    resolve,
    typed_reference,
)
from gto_ci.files.annotations import Annotation, find
from gto_ci.files.config import Settings
from gto_ci.git.remotes.mirror import RemoteMirror
from gto_ci.platforms.platform import Log, Target
from gto_ci.render import views


@dataclass(frozen=True, slots=True)
class Meaning:
    """The meaning of a ref: an event, the name of a deleted tag, or nothing.

    ``annotation`` and ``warnings`` come from the files at the event's commit. If an annotation file cannot be
    parsed, ``problem`` says why.
    """

    event: Event | None = None
    deleted: TagName | None = None
    annotation: Annotation | None = None
    warnings: tuple[str, ...] = ()
    problem: str = ""

    @property
    def artifact(self) -> str | None:
        """The name of the artifact."""
        return self.event.artifact if self.event else self.deleted.artifact if self.deleted else None


def reference_of(target: Target) -> Reference | None:
    """Return the reference in the target's text, None if it is not in registry format."""
    if target.may_be_shortcut:
        reference = typed_reference(target.text)
    else:
        reference = pushed_reference(target.text, deleted=target.deleted, commit=target.commit)
    return None if reference.artifact is None or reference.reserved else reference


def interpret(reference: Reference, tags: RegistryTags, *, fetched: bool) -> Meaning:
    """Return the meaning of the ref. ``fetched`` says that ``tags`` come from the remote.

    Raises:
        TagProblem: the ref is in registry format, but does not name an event, or not this job's event.
    """
    found = resolve(reference, tags)
    if found.reason is None:
        return Meaning(event=found.event, deleted=found.deleted)
    cause = found.cause
    if found.reason == "moved":
        cause = f"{cause} after the job started"
    raise TagProblem(cause, _next_step(reference, found, tags, fetched=fetched))


def _next_step(reference: Reference, found: Resolution, tags: RegistryTags, *, fetched: bool) -> str:
    match found.reason:
        case "moved":
            return "Run the workflow again for the tag's current commit"
        case "no version":
            known = ", ".join(sorted(tags.registry.artifacts)[:5]) or "none"
            return f"Known artifacts: {known}"
        case "several versions":
            return "Name one tag: refs/tags/TAG"
        case "missing":
            return "Push the tag, or check its name" if fetched else "Set 'fetch-tags: true' to fetch it"
        case "lightweight" if fetched:
            tag = reference.text
            # quoted for any shell: a registry tag never contains a quote, but may contain # or !
            command = f"git tag -a -f -m MESSAGE '{tag}' '{tag}^{{}}' && git push --force origin 'refs/tags/{tag}'"
            return f"Replace it with an annotated tag: {command}"
        case "lightweight":
            return "Set 'fetch-tags: true' to fetch the annotated tag"
        case _:
            return f"Delete it, and tag a commit: git push --delete origin {quote(f'refs/tags/{reference.text}')}"


def annotate(meaning: Meaning, mirror: RemoteMirror, settings: Settings, log: Log) -> Meaning:
    """Return ``meaning`` with the annotation at the event's commit. If a file is malformed, warn in ``log``."""
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
