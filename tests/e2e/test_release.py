"""The workflow that releases, run by act as far as no account is needed: what it checks, the commit and tags it makes.

The tests, the image and PyPI stand in for themselves by name: `_here` replaces their jobs.
"""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from gto_ci.files.yaml12 import loader
from tests.e2e import events
from tests.e2e.checkout import Checkout, Credentials, check_out
from tests.e2e.conftest import PROJECT, TOKEN, Lab
from tests.e2e.remote import git
from tests.e2e.runner import Machine, WorkflowRun
from tests.e2e.test_workflows import runner  # noqa: F401  # a fixture: a machine with git and gto

DIGEST = "sha256:" + "5e" * 32
FAKE_IMAGE = f"ghcr.io/acme/models@{DIGEST}"
FILES = ("release.py", "workflows/release.yml")
CHANGELOG = "# Changelog\n\n## [0.1.0] - 2026-01-31\n\n- The first.\n"


def _here() -> dict[str, Any]:
    """The workflow, with stand-ins for the jobs that need an account, and for the steps that need GitHub."""
    workflow = yaml.load((PROJECT / ".github/workflows/release.yml").read_text(encoding="utf-8"), Loader=loader())
    jobs = workflow["jobs"]
    for name in ("test", "wheel", "pypi"):
        jobs[name] = {"needs": "check", "runs-on": "ubuntu-24.04", "steps": [{"run": "true"}]}
    jobs["image"] = {
        "needs": "check",
        "runs-on": "ubuntu-24.04",
        "outputs": {"image": "${{ steps.fake.outputs.image }}"},
        "steps": [{"id": "fake", "run": f"echo image={FAKE_IMAGE} >>$GITHUB_OUTPUT"}],
    }
    for name in ("check", "tags"):
        steps = jobs[name]["steps"]
        jobs[name]["steps"] = [
            {"uses": "actions/checkout@v4"} if "actions/checkout@" in step.get("uses", "") else step
            for step in steps
            if step.get("uses") != "./setup"  # it has a test of its own, and its programs are in the image
        ]
    return workflow


@pytest.fixture
def lab_with_version(lab: Lab) -> Lab:
    files = {f".github/{name}": (PROJECT / ".github" / name).read_bytes() for name in FILES}
    lab.remote.commit("A version", {**files, "CHANGELOG.md": CHANGELOG.encode()})
    return lab


def _run(lab: Lab, machine: Machine, tag: str) -> WorkflowRun:
    trigger = events.push(lab.remote, tag)
    workspace = lab.folder / "release/workspace"
    checkout = Checkout(depth=0, credentials=Credentials.LOCAL, keeps_annotation=True)
    check_out(workspace, lab.url, trigger.ref, trigger.sha, checkout, token=TOKEN, temp=lab.folder / "release")
    known = {"GITHUB_REPOSITORY": lab.remote.name, "GITHUB_SERVER_URL": f"http://{lab.server.address}"}
    return machine.run_workflow(
        workspace,
        trigger,
        _here(),
        scratch=lab.folder / "release/act",
        secrets={"GITHUB_TOKEN": TOKEN},
        environment=known,
    )


def test_a_registered_version_becomes_a_release(lab_with_version: Lab, runner: Machine) -> None:  # noqa: F811
    remote = lab_with_version.remote
    head = remote.resolve("refs/heads/main")
    remote.tag("gto-action@v0.1.0", head)

    run = _run(lab_with_version, runner, "gto-action@v0.1.0")

    assert run.succeeded, run.log
    (checked,) = run.jobs["check"]
    assert checked["release"].outputs == {"version": "0.1.0"}
    assert "- The first." in checked["release"].summary
    commit = remote.peel("refs/tags/v0.1.0")
    assert commit == remote.peel("refs/tags/v0") != head
    assert remote.resolve(f"{commit}^") == remote.resolve("refs/heads/main") == head
    manifest = yaml.safe_load(git(remote.path, "show", f"{commit}:action.yml"))
    assert manifest["runs"] == {"using": "docker", "image": f"docker://{FAKE_IMAGE}"}
    assert remote.peel("refs/tags/gto-action#released#1") == head


def test_a_version_that_the_files_do_not_have_is_not_released(lab_with_version: Lab, runner: Machine) -> None:  # noqa: F811
    remote = lab_with_version.remote
    remote.tag("gto-action@v0.2.0", remote.resolve("refs/heads/main"))

    run = _run(lab_with_version, runner, "gto-action@v0.2.0")

    assert not run.succeeded
    assert "The tag says 0.2.0, gto_ci/__init__.py 0.1.0" in run.log
    assert set(run.jobs) == {"check"}
    assert git(remote.path, "tag", "--list", "v*") == ""
