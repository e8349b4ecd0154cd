"""The event that triggered the job, and the ref to interpret.

The decision (:func:`decide`) is a pure function of the event. Sources for each event's payload:
GitHub's "Events that trigger workflows" and "Webhook events and payloads".
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gto_ci.core.errors import WrongInput, one_line, quote
from gto_ci.platforms.platform import PullRequest, Target

TAGS, HEADS = "refs/tags/", "refs/heads/"
# anyone may trigger these, and they run the default branch's workflow with secrets
RISKY_EVENTS = (
    *("pull_request_target", "workflow_run"),
    *("issue_comment", "issues", "discussion", "discussion_comment"),
)


@dataclass(frozen=True, slots=True)
class Trigger:
    """The event that triggered the job, from the runner's variables and event file."""

    event: str
    ref: str
    sha: str
    payload: Mapping[str, Any] = field(repr=False)

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Trigger:
        """Return the event that ``environ`` describes.

        Raises:
            WrongInput: the event file cannot be read, or is not JSON.
        """
        return cls(
            event=environ.get("GITHUB_EVENT_NAME", ""),
            ref=environ.get("GITHUB_REF", ""),
            sha=environ.get("GITHUB_SHA", ""),
            payload=_read_payload(environ.get("GITHUB_EVENT_PATH", "")),
        )


def decide(wanted: str, trigger: Trigger) -> Target:
    """Return the ref to interpret, from the input ``ref`` (``wanted``) or else from the event."""
    target = _target(trigger)
    if not wanted and trigger.event == "workflow_dispatch":
        wanted = _dig(trigger.payload, "inputs", "ref").strip()
    if not wanted:
        return target
    name = wanted.removeprefix(TAGS)
    if target.text == name and not target.deleted:
        return target
    if wanted.startswith("refs/") and not wanted.startswith(TAGS):
        return Target(nothing=quote(wanted))
    return Target(name, may_be_shortcut=not wanted.startswith(TAGS))


def _target(trigger: Trigger) -> Target:
    payload = trigger.payload
    ref = trigger.ref
    if trigger.event in ("create", "delete"):
        # the payload's `ref` is a short name; for a deletion, GITHUB_REF is the default branch
        name, kind = _dig(payload, "ref"), _dig(payload, "ref_type")
        if kind != "tag" or not name:
            return Target(nothing=f"the {kind or 'ref'} {quote(name)}")
        if trigger.event == "delete":
            return Target(name.removeprefix(TAGS), deleted=True)
        ref = TAGS + name.removeprefix(TAGS)
    elif trigger.event == "release":
        tag = _dig(payload, "release", "tag_name")
        ref = f"{TAGS}{tag}" if tag else ref
    if not ref.startswith(TAGS):
        kind = "branch" if ref.startswith(HEADS) else "ref"
        return Target(nothing=f"the {kind} {quote(ref.removeprefix(HEADS))}" if ref else "no ref")
    if trigger.event == "push" and payload.get("deleted") is True:
        return Target(ref.removeprefix(TAGS), deleted=True)
    return Target(ref.removeprefix(TAGS), commit=trigger.sha)


def change(trigger: Trigger) -> PullRequest | None:
    """Return the pull request that the event is about, or None."""
    pull = _object(trigger.payload, "pull_request")
    number = pull.get("number")
    if not isinstance(number, int):
        return None
    # a pull_request event runs on the test merge commit; the one in the payload may be older
    merged = trigger.sha if trigger.event == "pull_request" else _dig(pull, "merge_commit_sha")
    return PullRequest(number, _dig(pull, "base", "sha"), _dig(pull, "head", "sha"), merged, _dig(pull, "base", "ref"))


def default_branch(trigger: Trigger) -> str:
    """Return the name of the repository's default branch, or "" if the event does not name it."""
    return _dig(trigger.payload, "repository", "default_branch")


def from_fork(trigger: Trigger) -> bool:
    """Return whether the event comes from a fork, whose author may have no access to the repository."""
    for name in ("pull_request", "workflow_run"):
        subject = _object(trigger.payload, name)
        if subject:
            head = _object(subject, "head", "repo") if name == "pull_request" else _object(subject, "head_repository")
            own = _dig(trigger.payload, "repository", "full_name")
            return not own or _dig(head, "full_name").lower() != own.lower()
    return False


def untrusted(trigger: Trigger, allowed: Sequence[str]) -> str:
    """Return why the event must not choose the code that the job runs, or "" if it may.

    Risky events run the default branch's workflow with its secrets and a token that can write, no matter who
    triggered them. Source: GitHub's "Security hardening for GitHub Actions".
    """
    if trigger.event in RISKY_EVENTS and trigger.event not in allowed:
        return f"Anyone can trigger the event {trigger.event}, and its jobs have secrets and a token that can write"
    if from_fork(trigger) and "fork" not in allowed:
        return "The event comes from a fork, and anyone may have written its content"
    return ""


def _dig(payload: Mapping[str, Any], *keys: str) -> str:
    """Return the text under ``keys``, or "": payloads differ between events and platform versions."""
    value: Any = payload
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""


def _object(payload: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    """Return the object under ``keys``, or an empty one."""
    value: Any = payload
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def _read_payload(path: str) -> Mapping[str, Any]:
    if not path:
        return {}
    try:
        payload = json.loads(Path(path).read_bytes())
    except (OSError, ValueError) as error:
        raise WrongInput(
            f"Cannot read the event file {quote(path)}: {one_line(error)}", "Check GITHUB_EVENT_PATH"
        ) from error
    return payload if isinstance(payload, dict) else {}
