"""Room, github: what set the job off, and which ref that makes it ask about.

The decision is a pure function of the event (:func:`decide`). Source for what each event carries:
GitHub's "Events that trigger workflows" and "Webhook events and payloads".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gto_ci.errors import WrongInput, quote

TAGS, HEADS = "refs/tags/", "refs/heads/"


@dataclass(frozen=True, slots=True)
class Job:
    """The job that the action runs in, from the variables that the runner sets."""

    event_name: str
    ref: str
    sha: str
    workspace: Path
    output_file: Path
    summary_file: Path | None
    payload: Mapping[str, Any] = field(repr=False)
    repository: str = ""
    server_url: str = ""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Job:
        """Return the job that ``environ`` describes.

        Raises:
            WrongInput: a variable that every runner sets is missing, or the event file is not JSON.
        """
        workspace, output = (_required(environ, name) for name in ("GITHUB_WORKSPACE", "GITHUB_OUTPUT"))
        summary = environ.get("GITHUB_STEP_SUMMARY")
        return cls(
            event_name=environ.get("GITHUB_EVENT_NAME", ""),
            ref=environ.get("GITHUB_REF", ""),
            sha=environ.get("GITHUB_SHA", ""),
            workspace=Path(workspace),
            output_file=Path(output),
            summary_file=Path(summary) if summary else None,
            payload=_read_payload(environ.get("GITHUB_EVENT_PATH", "")),
            repository=environ.get("GITHUB_REPOSITORY", ""),
            server_url=environ.get("GITHUB_SERVER_URL", ""),
        )


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be interpreted.

    ``text`` is a tag's name or, where ``may_be_shortcut``, perhaps a shortcut; empty where the
    event is about no tag, and then ``nothing`` says what it is about. ``deleted``: the tag is
    gone, only its name is left. ``commit``: the commit that set the job off, which the tag has to
    peel to; empty where the tag was named by hand.
    """

    text: str = ""
    may_be_shortcut: bool = False
    deleted: bool = False
    commit: str = ""
    nothing: str = ""


def decide(wanted: str, job: Job) -> Target:
    """Return what to interpret, from the input ``ref`` (``wanted``) or else from the event."""
    trigger = _trigger(job)
    if not wanted and job.event_name == "workflow_dispatch":
        wanted = _dig(job.payload, "inputs", "ref").strip()
    if not wanted:
        return trigger
    name = wanted.removeprefix(TAGS)
    if trigger.text == name and not trigger.deleted:
        return trigger
    if wanted.startswith("refs/") and not wanted.startswith(TAGS):
        return Target(nothing=quote(wanted))
    return Target(name, may_be_shortcut=not wanted.startswith(TAGS))


def _trigger(job: Job) -> Target:
    payload = job.payload
    ref = job.ref
    if job.event_name in ("create", "delete"):
        # their payload's `ref` is a short name; GITHUB_REF of a deletion is the default branch
        name, kind = _dig(payload, "ref"), _dig(payload, "ref_type")
        if kind != "tag" or not name:
            return Target(nothing=f"the {kind or 'ref'} {quote(name)}")
        if job.event_name == "delete":
            return Target(name.removeprefix(TAGS), deleted=True)
        ref = TAGS + name.removeprefix(TAGS)
    elif job.event_name == "release":
        tag = _dig(payload, "release", "tag_name")
        ref = f"{TAGS}{tag}" if tag else ref
    if not ref.startswith(TAGS):
        kind = "branch" if ref.startswith(HEADS) else "ref"
        return Target(nothing=f"the {kind} {quote(ref.removeprefix(HEADS))}" if ref else "no ref")
    if job.event_name == "push" and payload.get("deleted") is True:
        return Target(ref.removeprefix(TAGS), deleted=True)
    return Target(ref.removeprefix(TAGS), commit=job.sha)


def _dig(payload: Mapping[str, Any], *keys: str) -> str:
    """The text under ``keys``, empty where there is none: payloads differ by event and by version of the platform."""
    value: Any = payload
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""


def _required(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name)
    if not value:
        raise WrongInput(
            f"The variable {name} is not set", "Run this as a step of a workflow, or set what a runner sets"
        )
    return value


def _read_payload(path: str) -> Mapping[str, Any]:
    if not path:
        return {}
    try:
        payload = json.loads(Path(path).read_bytes())
    except (OSError, ValueError) as error:
        raise WrongInput(
            f"Cannot read the event file {quote(path)}: {quote(error)[1:-1]}", "Check GITHUB_EVENT_PATH"
        ) from error
    return payload if isinstance(payload, dict) else {}
