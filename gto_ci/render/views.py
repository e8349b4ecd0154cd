"""The registry as plain dictionaries, in the shapes of GTO 1.10.1's JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from gto_ci.core.errors import quote
from gto_ci.core.events import CommitEvent, CommitRecord, Event
from gto_ci.core.names import Kind, Shortcut, TagName
from gto_ci.core.registry import Artifact, Registry, StageLimits, Version, VersionStage
from gto_ci.files.annotations import Annotation
from gto_ci.git.signatures import Signature

Row = dict[str, Any]
MISSING = "-"  # in a table, for a missing value
_commit_re = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def tag_view(tag: TagName) -> Row:
    """Return the parts of a tag name as ``gto parse-tag`` prints them."""
    parts = {"name": tag.artifact, "version": tag.version, "stage": tag.stage, "action": tag.kind.action}
    return {key: value for key, value in {**parts, "counter": tag.counter}.items() if value is not None}


def event_view(event: Event) -> Row:
    """Return one event as ``gto check-ref --json`` prints it."""
    view: Row = {
        "artifact": event.artifact,
        "created_at": event.created_at,
        "author": event.author,
        "author_email": event.author_email,
        "message": event.message,
        "commit_hexsha": event.commit,
        "tag": event.tag,
        "version": event.version,
        "stage": event.stage,
        "event": event.kind.word,
    }
    return {key: value for key, value in view.items() if value is not None}


def registry_view(
    registry: Registry, stages: Sequence[str], limits: StageLimits, *, deprecated: bool = False, short: bool = False
) -> dict[str, Row]:
    """Return the whole registry, by artifact name, as ``gto show --json`` prints it.

    ``stages`` are the columns; ``short`` cuts commit IDs to 7 characters.
    """
    shorten = short_id if short else str
    view: dict[str, Row] = {}
    for name, artifact in sorted(registry.artifacts.items()):
        if not (artifact.active or deprecated):
            continue
        greatest = artifact.greatest()
        held = artifact.in_stages(limits)
        view[name] = {
            "version": greatest.version if greatest else None,
            "stage": {
                stage: ", ".join(shorten(one.version) for one in held.get(stage, ())) or None for stage in stages
            },
            "registered": artifact.registered,
            "active": artifact.active,
        }
    return view


def registry_table(view: Mapping[str, Row], stages: Sequence[str]) -> list[Row]:
    """Return the rows of ``gto show`` from :func:`registry_view`."""
    return [
        {
            "name": name if state["registered"] else f"*{name}",
            "latest": state["version"],
            **{f"#{stage}": state["stage"][stage] for stage in stages},
        }
        for name, state in view.items()
    ]


def choose_versions(
    artifact: Artifact, shortcut: Shortcut | None, limits: StageLimits, *, deprecated: bool = False
) -> list[tuple[Version, list[VersionStage]]]:
    """Return the versions that ``gto show`` lists, each with its stages: all, or those that ``shortcut`` names."""
    if not (artifact.active or deprecated):
        return []
    held = artifact.in_stages(limits)
    versions = artifact.versions(active_only=not deprecated, registered_only=limits.registered_only)
    if shortcut and shortcut.latest:
        versions = versions[:1]
    elif shortcut and shortcut.version:
        versions = [version for version in versions if version.version == shortcut.version]
    stages = [stage for group in held.values() for stage in group]
    chosen = [(v, [s for s in stages if (s.version, s.commit) == (v.version, v.commit)]) for v in versions]
    if shortcut and shortcut.stage:
        return [(version, shown) for version, shown in chosen if any(s.stage == shortcut.stage for s in shown)]
    return chosen


def versions_table(
    chosen: Iterable[tuple[Version, Sequence[VersionStage]]], *, short: bool = True, registered: bool = True
) -> list[Row]:
    """Return the rows of ``gto show NAME``; ``registered`` says that the artifact has tags."""
    shorten = short_id if short else str
    return [
        {
            "artifact": version.artifact if registered else f"*{version.artifact}",
            "version": shorten(version.version),
            "stage": ", ".join(stage.stage for stage in shown),
            "created_at": version.origin.created_at,
            "ref": shorten(version.origin.ref),
        }
        for version, shown in chosen
    ]


def version_view(version: Version, shown: Sequence[VersionStage], commit: Row | None) -> Row:
    """Return one version as ``gto show NAME --json`` prints it.

    ``commit`` is the :func:`commit_view` of the version's commit, None if it is not known.
    """
    author = version.origin
    dates = [event.created_at for event in version.all_events]
    if commit is not None:
        dates.append(commit["created_at"])
    registrations = [event for event in version.events if event.kind is Kind.REGISTRATION]
    return {
        "artifact": version.artifact,
        "commit_hexsha": version.commit,
        "version": version.version,
        "enrichments": [] if commit is None else [commit],
        "registrations": [_inner_event(event) for event in registrations],
        "deregistrations": [_inner_event(e) for e in version.events if e.kind is Kind.DEREGISTRATION],
        "stages": [_stage_view(stage) for stage in shown],
        "is_active": version.active,
        "activated_at": registrations[0].created_at if registrations else min(dates),
        "created_at": author.created_at,
        "author": author.author,
        "author_email": author.author_email,
        "message": author.message,
        "ref": author.ref,
        "discovered": not version.events,
    }


def commit_view(version: Version, commit: CommitRecord, annotation: Annotation | None) -> Row:
    """Return the commit of a version as GTO's ``enrichments`` hold it.

    ``annotation`` is the artifact's annotation in the commit's files.
    """
    enrichments = [] if annotation is None else [{"source": "gto", "artifact": annotation_view(annotation)}]
    return {
        "priority": 0,
        "addition": True,
        "artifact": version.artifact,
        "created_at": commit.created_at,
        "author": commit.author,
        "author_email": commit.author_email,
        "message": commit.message,
        "commit_hexsha": version.commit,
        "version": version.version,
        "enrichments": enrichments,
        "committer": commit.committer,
        "committer_email": commit.committer_email,
    }


def annotation_view(annotation: Annotation) -> Row:
    """Return an annotation as GTO's JSON holds it: every field, set or not."""
    return {
        "type": annotation.type,
        "path": annotation.path,
        "virtual": annotation.virtual,
        "labels": list(annotation.labels),
        "description": annotation.description or "",
        "custom": annotation.custom,
    }


def description_view(annotation: Annotation) -> Row:
    """Return an annotation as ``gto describe`` prints it: the fields that differ from the default."""
    default = annotation_view(Annotation())
    return {key: value for key, value in annotation_view(annotation).items() if value != default[key]}


def signature_view(signature: Signature) -> Row:
    """Return the field ``signature`` of a verified event."""
    return signature._asdict()


def signature_sentence(signature: Signature) -> str:
    """Return a line such as ``Signature: good (gpg), by 'Ada <ada@example.com>' with the key 'SHA256:…'``."""
    form = f" ({signature.format})" if signature.format else ""
    signer = f", by {quote(signature.signer)}" if signature.signer else ""
    key = f"{'' if signer else ','} with the key {quote(signature.key)}" if signature.key else ""
    return f"Signature: {signature.status}{form}{signer}{key}"


def history_view(
    events: Iterable[Event | CommitEvent],
    *,
    short: bool = False,
    signatures: Mapping[str, Signature] | None = None,
) -> list[Row]:
    """Return events as ``gto history --json`` prints them.

    With ``signatures``, those of the events' tags, each event has one more field, ``signature``; it is None for
    commits.
    """
    rows = [_history_row(event, short_id if short else str) for event in events]
    if signatures is not None:
        for row in rows:
            found = signatures.get(row["ref"])
            row["signature"] = None if row["event"] == "commit" or found is None else signature_view(found)
    return rows


def _history_row(event: Event | CommitEvent, shorten: Callable[[str], str]) -> Row:
    return {
        "timestamp": event.created_at,
        "artifact": event.artifact,
        "event": event.event,
        "priority": event.priority,
        "version": None if event.version is None else shorten(event.version),
        "stage": event.stage,
        "commit": shorten(event.commit),
        "author": event.author,
        "author_email": event.author_email,
        "message": event.message,
        "ref": shorten(event.ref),
    }


HISTORY = ("timestamp", "artifact", "event", "version", "stage", "commit", "ref")


def history_table(view: Iterable[Row]) -> list[Row]:
    """Return the rows of ``gto history`` from :func:`history_view`, for a program."""
    return [
        {column: row[column] for column in HISTORY}
        | ({"signature": (row["signature"] or {}).get("status")} if "signature" in row else {})
        for row in view
    ]


def history_cells(
    events: Sequence[Event | CommitEvent], signatures: Mapping[str, Signature] | None = None
) -> list[tuple[str, ...]]:
    """Return the cells of ``gto history`` for a person, under the headings :data:`HISTORY`, with short ids.

    With ``signatures``, those of the events' tags, each row has one more cell.
    """
    cells: list[tuple[str, ...]] = [
        (
            event.created_at_text,
            event.artifact,
            event.event,
            short_id(event.version or MISSING),
            event.stage or MISSING,
            event.commit[:7],
            short_id(event.ref),
        )
        for event in events
    ]
    if signatures is None:
        return cells
    # a commit event has no tag, and so no signature
    return [
        (*row, signatures[e.ref].status if e.ref in signatures else MISSING)
        for row, e in zip(cells, events, strict=True)
    ]


def state_view(registry: Registry, commit_of: Callable[[Version], Row | None]) -> Row:
    """Return the whole registry as ``gto print-state`` prints it; ``commit_of`` returns a :func:`commit_view`."""
    artifacts = {
        name: {
            "artifact": name,
            "versions": [_whole_version(version, commit_of(version)) for version in artifact.by_key.values()],
            "creations": [],
            "deprecations": [_inner_event(event) for event in artifact.events if event.kind is Kind.DEPRECATION],
        }
        for name, artifact in registry.artifacts.items()
    }
    return {"artifacts": artifacts}


def _whole_version(version: Version, commit: Row | None) -> Row:
    return {
        "artifact": version.artifact,
        "commit_hexsha": version.commit,
        "version": version.version,
        "enrichments": [] if commit is None else [commit],
        "registrations": [_inner_event(event) for event in version.events if event.kind is Kind.REGISTRATION],
        "deregistrations": [_inner_event(event) for event in version.events if event.kind is Kind.DEREGISTRATION],
        "stages": {
            name: {
                "artifact": stage.artifact,
                "commit_hexsha": stage.commit,
                "version": stage.version,
                "stage": stage.stage,
                "assignments": [_inner_event(event) for event in stage.events if event.kind is Kind.ASSIGNMENT],
                "unassignments": [_inner_event(event) for event in stage.events if event.kind is Kind.UNASSIGNMENT],
            }
            for name, stage in version.stages.items()
        },
    }


def short_id(text: str) -> str:
    """Return a full commit ID cut to 7 characters, and any other text unchanged."""
    return text[:7] if len(text) in (40, 64) and _commit_re.fullmatch(text) else text


def human_size(size: int) -> str:
    """Return a number of bytes for a person.

    >>> human_size(999), human_size(5123)
    ('999 B', '5.1 kB')
    """
    if size < 1000:
        return f"{size} B"
    value = float(size)
    for unit in ("kB", "MB", "GB"):
        value /= 1000
        if value < 1000 or unit == "GB":
            break
    return f"{value:.1f} {unit}"


def to_json(value: object) -> str:
    """Return ``value`` as JSON, indented as GTO's, in ASCII; dates in ISO 8601."""
    return json.dumps(value, indent=4, default=_json_default)


def _json_default(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"no JSON form for {type(value).__name__}")


def _inner_event(event: Event, *, named: bool = False) -> Row:
    view = event_view(event)
    word = view.pop("event")
    view = {"priority": event.kind.priority, "addition": event.kind.addition, **view}
    return {**view, "event": word} if named else view


def _stage_view(stage: VersionStage) -> Row:
    author = stage.authoring
    return {
        "artifact": stage.artifact,
        "commit_hexsha": stage.commit,
        "version": stage.version,
        "stage": stage.stage,
        "assignments": [_inner_event(e, named=True) for e in stage.events if e.kind is Kind.ASSIGNMENT],
        "unassignments": [_inner_event(e, named=True) for e in stage.events if e.kind is Kind.UNASSIGNMENT],
        "is_active": stage.active,
        "activated_at": stage.events[-1].created_at if stage.active else None,
        "created_at": author.created_at,
        "author": author.author,
        "author_email": author.author_email,
        "message": author.message,
        "ref": author.tag,
    }
