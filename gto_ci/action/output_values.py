"""The values of a step's outputs."""

from __future__ import annotations

import json
from dataclasses import asdict

from gto_ci.action.outcome import Outcome
from gto_ci.core.names import Kind
from gto_ci.render import views

MESSAGE_LIMIT = 10_000  # characters: one long tag message could use up the job's limit for outputs


def output_values(outcome: Outcome) -> dict[str, str]:
    """Return the outputs by name, as text. Outputs that do not apply are missing or empty."""
    values = _event_values(outcome)
    gate, applied = outcome.gate, outcome.applied
    if values or applied:
        values["ghost-applied"] = _flag(applied is not None)
    if gate is not None:
        reasons = [asdict(finding) for finding in gate.verdict.failures]
        values |= {"gate": "passed" if gate.passed else "failed", "gate-reasons": json.dumps(reasons)}
    if applied is not None:
        values |= {
            "ghost-base": applied.base,
            "ghost-diff": applied.diff,
            "ghost-tree": applied.tree,
            "ghost-files": json.dumps([file.path for file in applied.files]),
        }
    if outcome.comment is not None:
        values["comment-url"] = outcome.comment.url
    return values


def _event_values(outcome: Outcome) -> dict[str, str]:
    registry, meaning = outcome.registry, outcome.meaning
    if meaning.deleted is not None:
        tag = meaning.deleted
        return {
            "event": tag.kind.word,
            "name": tag.artifact,
            "version": tag.version or "",
            "stage": tag.stage or "",
            "tag": str(tag),
            "deleted": "true",
            "registry": views.to_json(outcome.view),
        }
    event = meaning.event
    if event is None:
        return {}
    previous = outcome.previous or ("", "")
    note = meaning.annotation
    event = event._replace(message=_shortened(event.message))
    return {
        "event": event.kind.word,
        "name": event.artifact,
        "version": event.version or "",
        "stage": event.stage or "",
        "type": (note.type if note else None) or "",
        "path": (note.path if note else None) or "",
        "description": (note.description if note else None) or "",
        "labels": json.dumps(note.labels) if note else "",
        "custom": json.dumps(note.custom) if note and note.custom is not None else "",
        "tag": event.tag,
        "commit": event.commit,
        "author": event.author,
        "author-email": event.author_email,
        "message": event.message,
        "created-at": event.created_at.isoformat(),
        "previous-version": previous[0],
        "previous-commit": previous[1],
        "deleted": "false",
        "is-latest": _flag(registry.is_latest(event)) if event.version else "",
        "is-current": _flag(registry.is_current(event)) if event.kind is Kind.ASSIGNMENT else "",
        "json": views.to_json(views.event_view(event)),
        "registry": views.to_json(outcome.view),
    }


def _shortened(message: str) -> str:
    if len(message) <= MESSAGE_LIMIT:
        return message
    return f"{message[:MESSAGE_LIMIT]}… (truncated: the tag message has {len(message)} characters)"


def _flag(value: bool) -> str:
    return "true" if value else "false"
