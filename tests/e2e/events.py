"""The events that start a job, as GitHub sends them: the payloads in `payloads/`, with the test's own ids in them.

GitHub's rules for GITHUB_REF and GITHUB_SHA are in "Events that trigger workflows" of its documentation.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.e2e.remote import Remote
from tests.e2e.runner import Trigger

_PAYLOADS = Path(__file__).with_name("payloads")


def push(remote: Remote, tag: str) -> Trigger:
    """A tag was pushed. `after` is the tag object, GITHUB_SHA the commit behind it."""
    ref, commit = f"refs/tags/{tag}", remote.peel(f"refs/tags/{tag}")
    payload = _payload("push", TAG=tag, COMMIT=commit)
    payload["after"] = remote.resolve(ref)
    return Trigger("push", ref, commit, payload)


def push_branch(remote: Remote, branch: str = "main") -> Trigger:
    """A commit was pushed to a branch."""
    ref, commit = f"refs/heads/{branch}", remote.resolve(f"refs/heads/{branch}")
    payload = _payload("push", COMMIT=commit)
    return Trigger("push", ref, commit, {**payload, "ref": ref, "after": commit, "base_ref": None, "created": False})


def create(remote: Remote, tag: str) -> Trigger:
    """A tag was created. The payload names it without `refs/tags/`."""
    return Trigger("create", f"refs/tags/{tag}", remote.peel(f"refs/tags/{tag}"), _payload("create", TAG=tag))


def delete(remote: Remote, tag: str) -> Trigger:
    """A tag was deleted. The job runs on the default branch; only the payload knows the tag."""
    return Trigger("delete", "refs/heads/main", remote.resolve("refs/heads/main"), _payload("delete", TAG=tag))


def release(remote: Remote, tag: str) -> Trigger:
    """A release was published from an existing tag."""
    return Trigger("release", f"refs/tags/{tag}", remote.peel(f"refs/tags/{tag}"), _payload("release", TAG=tag))


def dispatch(remote: Remote, ref: str) -> Trigger:
    """Somebody started the workflow on the default branch and typed `ref` into its form."""
    payload = _payload("workflow_dispatch", INPUT=ref)
    return Trigger("workflow_dispatch", "refs/heads/main", remote.resolve("refs/heads/main"), payload)


def schedule(remote: Remote) -> Trigger:
    """The clock started it, on the default branch."""
    return Trigger("schedule", "refs/heads/main", remote.resolve("refs/heads/main"), _payload("schedule"))


def pull_request(remote: Remote, branch: str, merge: str) -> Trigger:
    """Commits were pushed to a pull request. The job runs on a merge commit that GitHub makes."""
    ids = {"HEAD-COMMIT": remote.resolve(branch), "BASE-COMMIT": remote.resolve("main"), "MERGE-COMMIT": merge}
    return Trigger("pull_request", "refs/pull/7/merge", merge, _payload("pull_request", **ids))


def _payload(event: str, **values: str) -> dict[str, Any]:
    """A stored payload, with these words of it replaced wherever they stand in a text."""
    # longest first: COMMIT is a part of HEAD-COMMIT
    words = sorted(values, key=len, reverse=True)

    def fill(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: fill(item) for key, item in value.items()}
        if isinstance(value, list):
            return [fill(item) for item in value]
        if isinstance(value, str):
            for word in words:
                value = value.replace(word, values[word])
        return value

    return fill(json.loads((_PAYLOADS / f"{event}.json").read_text()))  # type: ignore[no-any-return]
