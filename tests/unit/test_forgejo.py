"""Forgejo and Gitea: where their jobs differ from GitHub's."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from gto_ci.platforms.forgejo.runner import Forgejo
from gto_ci.platforms.github.runner import GitHub
from gto_ci.platforms.inputs import Inputs
from gto_ci.platforms.platform import PullRequest, Target

SHA, BASE, HEAD = "1" * 40, "2" * 40, "4" * 40
OURS, THEIRS = {"full_name": "acme/models", "default_branch": "trunk"}, {"full_name": "eve/models"}


def pull_request(head: dict[str, str] = OURS) -> dict[str, Any]:
    """Return the part of the payload that Gitea shares with GitHub. There is no merge commit."""
    pull = {
        "number": 7,
        "merge_commit_sha": None,
        "base": {"sha": BASE, "ref": "trunk", "repo": OURS},
        "head": {"sha": HEAD, "ref": "x", "repo": head},
    }
    return {"action": "opened", "number": 7, "pull_request": pull, "repository": OURS}


def environ(folder: Path, event: str, ref: str, payload: dict[str, Any], **more: str) -> dict[str, str]:
    """Return the variables of Gitea's runner. Its server URL ends in a slash; a run has an id and a number."""
    (folder / "event.json").write_text(json.dumps(payload))
    return {
        "GITEA_ACTIONS": "true",
        "GITHUB_WORKSPACE": str(folder),
        "GITHUB_OUTPUT": str(folder / "output"),
        "GITHUB_EVENT_NAME": event,
        "GITHUB_EVENT_PATH": str(folder / "event.json"),
        "GITHUB_REF": ref,
        "GITHUB_SHA": SHA,
        "GITHUB_REPOSITORY": "acme/models",
        "GITHUB_SERVER_URL": "https://git.example.com/",
        "GITHUB_RUN_ID": "90210",
        "GITHUB_RUN_NUMBER": "12",
        **more,
    }


def test_the_job_comes_from_the_runners_variables(tmp_path: Path) -> None:
    made = Forgejo(environ(tmp_path, "push", "refs/tags/m@v1.0.0", {"repository": OURS}), io.StringIO())
    assert made.target("") == Target("m@v1.0.0", commit=SHA)
    assert made.job.server_url == "https://git.example.com"
    assert made.job.run_url == "https://git.example.com/acme/models/actions/runs/12"
    assert (made.job.default_branch, made.job.commit, made.job.change) == ("trunk", SHA, None)
    assert Forgejo.read_inputs({"INPUT_FETCH-TAGS": "false"}) == Inputs(fetch_tags=False)


def test_without_a_number_a_run_has_no_page(tmp_path: Path) -> None:
    made = Forgejo(environ(tmp_path, "push", "refs/heads/x", {}, GITHUB_RUN_NUMBER=""), io.StringIO())
    assert made.job.run_url == ""


def test_a_pull_request_runs_on_its_own_branch(tmp_path: Path) -> None:
    given = environ(tmp_path, "pull_request", "refs/pull/7/head", pull_request(), GITHUB_SHA=HEAD)
    assert Forgejo(given, io.StringIO()).job.change == PullRequest(7, BASE, HEAD, "", "trunk")
    # GitHub's class would take the branch's commit for the merge commit
    assert GitHub(given, io.StringIO()).job.change == PullRequest(7, BASE, HEAD, HEAD, "trunk")
    merge = environ(tmp_path, "pull_request", "refs/pull/7/merge", pull_request())
    assert Forgejo(merge, io.StringIO()).job.change == PullRequest(7, BASE, HEAD, SHA, "trunk")


@pytest.mark.parametrize(
    ("event", "payload", "allowed", "says"),
    [
        ("push", {}, (), ""),
        ("pull_request", pull_request(), (), ""),
        ("pull_request", pull_request(THEIRS), (), "fork"),
        ("issue_comment", {}, (), "issue_comment"),
        ("workflow_call", {}, (), "workflow_call"),
        ("workflow_call", pull_request(THEIRS), ("workflow_call",), "fork"),
        ("workflow_call", {}, ("workflow_call",), ""),
    ],
)
def test_untrusted_events(
    tmp_path: Path, event: str, payload: dict[str, Any], allowed: tuple[str, ...], says: str
) -> None:
    said = Forgejo(environ(tmp_path, event, "refs/heads/trunk", payload), io.StringIO()).untrusted(allowed)
    assert (said == "") if says == "" else (says in said)
