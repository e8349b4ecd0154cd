"""The event that triggered the pipeline, and the tag to interpret.

All functions depend only on the job's variables. Sources: GitLab's "Predefined CI/CD variables
reference", and "Specify when jobs run with rules" for the values of ``CI_PIPELINE_SOURCE``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gto_ci.core.errors import quote
from gto_ci.platforms.platform import PullRequest, Target

TAGS = "refs/tags/"


def decide(wanted: str, environ: Mapping[str, str]) -> Target:
    """Return the ref to interpret, from the input ``ref`` (``wanted``) or else from the pipeline.

    The target is never a deleted tag, because GitLab starts no pipeline for a deletion.
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
    """Return the merge request that the pipeline is about, or None.

    Only in a merged results pipeline does GitLab set the commits of both branches, and the job runs on their
    merge commit. In any other pipeline the job runs on the source branch.
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
    """Return whether the pipeline's code comes from a fork, whose author may have no access to the project."""
    if environ.get("CI_MERGE_REQUEST_IID"):
        own, source = (environ.get(f"CI_MERGE_REQUEST_{name}PROJECT_PATH", "") for name in ("", "SOURCE_"))
    elif environ.get("CI_EXTERNAL_PULL_REQUEST_IID"):
        own, source = (environ.get(f"CI_EXTERNAL_PULL_REQUEST_{side}_REPOSITORY", "") for side in ("TARGET", "SOURCE"))
    else:
        return False
    return not own or own.lower() != source.lower()


def untrusted(environ: Mapping[str, str], allowed: Sequence[str]) -> str:
    """Return why the event must not choose the code that the job runs, or "" if it may.

    Users who push or start a pipeline (by hand, through the API, a schedule, a chat command or a trigger token)
    have access to the project. A fork's author may not. If a webhook holds the trigger token, the user who makes
    the webhook fire may have no access either.
    """
    if from_fork(environ) and "fork" not in allowed:
        return "The merge request comes from a fork, whose content anyone may have written"
    if environ.get("TRIGGER_PAYLOAD") and "trigger" not in allowed:
        return "The event trigger comes from a webhook, whose payload anyone may have written"
    return ""


def _about(environ: Mapping[str, str]) -> str:
    number, name = environ.get("CI_MERGE_REQUEST_IID", ""), environ.get("CI_COMMIT_REF_NAME", "")
    if number:
        return f"the merge request {quote(f'!{number}')}"
    return f"the branch {quote(name)}" if name else "no ref"
