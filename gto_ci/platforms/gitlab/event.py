"""What set the job off, and which tag that makes it ask about.

All of it is a pure function of the job's variables. Sources: GitLab's "Predefined CI/CD variables
reference", and "Specify when jobs run with rules" for what ``CI_PIPELINE_SOURCE`` may be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gto_ci.core.errors import quote
from gto_ci.platforms.platform import PullRequest, Target

TAGS = "refs/tags/"


def decide(wanted: str, environ: Mapping[str, str]) -> Target:
    """Return what to interpret, from the input ``ref`` (``wanted``) or else from the pipeline.

    GitLab starts no pipeline when a tag is deleted: no target is a deleted one.
    """
    tag = environ.get("CI_COMMIT_TAG", "")
    if tag and wanted.removeprefix(TAGS) in ("", tag):
        return Target(tag, commit=environ.get("CI_COMMIT_SHA", ""))
    if not wanted:
        return Target(nothing=_about(environ))
    if wanted.startswith("refs/") and not wanted.startswith(TAGS):
        return Target(nothing=quote(wanted))
    return Target(wanted.removeprefix(TAGS), may_be_shortcut=not wanted.startswith(TAGS))


def change(environ: Mapping[str, str]) -> PullRequest | None:
    """Return the merge request that the pipeline is about, None where it is about none.

    In a merged results pipeline, and only there, GitLab gives the commits of both branches, and the
    job runs on what merging them makes; in any other, the job runs on the source branch.
    """
    number = environ.get("CI_MERGE_REQUEST_IID", "")
    if not (number.isascii() and number.isdecimal()):
        return None
    commit, head = environ.get("CI_COMMIT_SHA", ""), environ.get("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", "")
    return PullRequest(
        int(number),
        environ.get("CI_MERGE_REQUEST_TARGET_BRANCH_SHA") or environ.get("CI_MERGE_REQUEST_DIFF_BASE_SHA", ""),
        head or commit,
        commit if head else "",
        environ.get("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", ""),
    )


def from_fork(environ: Mapping[str, str]) -> bool:
    """Tell whether what the pipeline runs on comes from a fork: then somebody without access may have written it."""
    if environ.get("CI_MERGE_REQUEST_IID"):
        ours, theirs = (environ.get(f"CI_MERGE_REQUEST_{name}PROJECT_PATH", "") for name in ("", "SOURCE_"))
    elif environ.get("CI_EXTERNAL_PULL_REQUEST_IID"):
        ours, theirs = (environ.get(f"CI_EXTERNAL_PULL_REQUEST_{side}_REPOSITORY", "") for side in ("TARGET", "SOURCE"))
    else:
        return False
    return not ours or ours.lower() != theirs.lower()


def untrusted(environ: Mapping[str, str], allowed: Sequence[str]) -> str:
    """Return why the event must not choose what code the job runs, "" where it may.

    Whoever pushes, or starts a pipeline by hand, by the API, a schedule, a chat command or with a
    trigger token, has been given access by somebody who has it. A fork's author has not; and where a
    webhook holds the trigger token, neither has whoever makes the webhook fire.
    """
    if from_fork(environ) and "fork" not in allowed:
        return "The merge request comes from a fork, where anyone may have written what it brings"
    if environ.get("TRIGGER_PAYLOAD") and "trigger" not in allowed:
        return "A webhook has set off the event trigger, and its payload may hold what anyone has written"
    return ""


def _about(environ: Mapping[str, str]) -> str:
    number, name = environ.get("CI_MERGE_REQUEST_IID", ""), environ.get("CI_COMMIT_REF_NAME", "")
    if number:
        return f"the merge request {quote(f'!{number}')}"
    return f"the branch {quote(name)}" if name else "no ref"
