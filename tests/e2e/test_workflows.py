"""The workflows in examples/, run by act: each file as it is, but for what `_here` puts in the place of some steps."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from gto_ci.files.yaml12 import loader
from tests.e2e import events
from tests.e2e.checkout import Checkout, Credentials, check_out
from tests.e2e.conftest import PROJECT, TOKEN, Lab
from tests.e2e.remote import Person, Remote, git
from tests.e2e.runner import Machine, Trigger, WorkflowRun
from tests.e2e.test_image import IMAGE
from tests.fake_github import FakeGitHub
from tests.ghosts import tree_of
from tests.git_server import GitServer
from tests.running import gto
from tests.workdir import WorkDir

WORKFLOWS = PROJECT / "examples/workflows"
POLICY = (PROJECT / "examples/gto-policy.yaml").read_text(encoding="utf-8")
GHOST_TOKEN = "github_pat_11AAAAAAA0aBcDeFgHiJkL"
ADA = Person("Ada Lovelace", "ada@example.com")
ANNOTATIONS = """\
churn:
  type: model
  path: models/churn.pkl
  custom: {owner: data-science}
data/customers:
  type: dataset
  path: data/customers.csv
  custom: {owner: data-science}
"""
# What checkout does where it is given a ref, after act has copied the prepared workspace.
FETCH = """\
url=$(git config remote.origin.url)
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0="http.$url.extraheader"
export GIT_CONFIG_VALUE_0="AUTHORIZATION: basic $(printf 'x-access-token:%s' "$TOKEN" | base64 -w 0)"
git fetch --quiet --depth=1 --no-tags origin "$REF"
git checkout --quiet --force --detach FETCH_HEAD
"""


@pytest.fixture(scope="module")
def runner(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """A machine that has what the examples use of GitHub's runner image: git, jq; and gto, which `setup` installs."""
    machine.tag(IMAGE)
    folder = tmp_path_factory.mktemp("runner")
    install = "apt-get update && apt-get install --yes --no-install-recommends jq"
    file = folder / "examples.Dockerfile"
    file.write_text(f"FROM {IMAGE}\nENTRYPOINT []\nRUN {install}\n")
    name = "localhost/gto-ci-e2e-examples:latest"
    build = [*machine.engine, "build", "--quiet", "--tag", name, "--file", str(file), str(folder)]
    subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
    return replace(machine, job_image=name)


@dataclass
class Examples:
    """Runs the examples in the repository of `lab`; `urls` are replaced in them."""

    lab: Lab
    runner: Machine
    runs: int = 0

    def run(
        self,
        name: str,
        trigger: Trigger,
        *,
        secrets: Mapping[str, str] | None = None,
        urls: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> WorkflowRun:
        """Run the workflow in the file `name`."""
        self.runs += 1
        scratch = self.lab.folder / f"run-{self.runs}"
        workspace = scratch / "workspace"
        workflow = _here(name, urls or {})
        check_out(workspace, self.lab.url, trigger.ref, trigger.sha, _checkout(name), token=TOKEN, temp=scratch)
        called = workspace / ".github/workflows"
        called.mkdir(parents=True, exist_ok=True)
        for file in WORKFLOWS.glob("*.yml"):
            (called / file.name).write_text(json.dumps(_here(file.name, {})))
        known = {
            "GITHUB_REPOSITORY": self.lab.remote.name,
            "GITHUB_SERVER_URL": f"http://{self.lab.server.address}",
            "GITHUB_ACTOR_ID": str(trigger.payload.get("sender", {}).get("id", "")),
        }
        return self.runner.run_workflow(
            *(workspace, trigger, workflow),
            scratch=scratch / "act",
            secrets={"GITHUB_TOKEN": TOKEN, **(secrets or {})},
            environment={**known, **(environment or {})},
        )

    @property
    def remote(self) -> Remote:
        return self.lab.remote


@pytest.fixture
def examples(lab: Lab, runner: Machine) -> Examples:
    return Examples(lab, runner)


def _load(name: str) -> dict[str, Any]:
    loaded = yaml.load((WORKFLOWS / name).read_text(encoding="utf-8"), Loader=loader())
    assert isinstance(loaded, dict)
    return loaded


def _here(name: str, urls: Mapping[str, str]) -> dict[str, Any]:
    """The workflow, with what can run here in the place of what cannot.

    The action is the one in the workspace; `setup`, which has a test of its own, is left out, as its programs are in
    the image; a checkout of a ref is done by git. Nothing else is touched.
    """
    workflow = _load(name)
    for job in workflow["jobs"].values():
        if "steps" in job:
            job["steps"] = [stand_in for step in job["steps"] for stand_in in _stand_ins(step, urls)]
    return workflow


def _stand_ins(step: dict[str, Any], urls: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    uses, inputs = step.get("uses", ""), step.get("with", {})
    if uses == "org/gto-action@v1":
        yield {**step, "uses": "./", "with": {key: urls.get(value, value) for key, value in inputs.items()}}
    elif uses.startswith("actions/checkout@"):
        yield {"uses": "actions/checkout@v4"}
        if "ref" in inputs:
            yield {"name": "fetch", "run": FETCH, "env": {"REF": inputs["ref"], "TOKEN": "${{ github.token }}"}}
    elif uses != "org/gto-action/setup@v1":
        assert not uses
        yield step


def _checkout(name: str) -> Checkout:
    """What the first checkout step of the workflow asks for."""
    steps = [step for job in _load(name)["jobs"].values() for step in job.get("steps", ())]
    inputs = next(step["with"] for step in steps if step.get("uses", "").startswith("actions/checkout@"))
    credentials = Credentials.LOCAL if inputs["persist-credentials"] else Credentials.NONE
    return Checkout(depth=inputs.get("fetch-depth", 1), credentials=credentials, keeps_annotation=True)


def _ran(run: WorkflowRun) -> dict[str, list[list[str]]]:
    """The steps that ran, by job, but for checkouts."""
    return {
        name: [[step for step in job.steps if step not in ("actions/checkout@v4", "fetch")] for job in jobs]
        for name, jobs in run.jobs.items()
    }


@pytest.fixture
def versions(examples: Examples) -> tuple[str, str]:
    """Two versions of churn, their commits; the first went through staging to prod, the second to staging."""
    remote = examples.remote
    first = remote.commit(
        "Train",
        {
            ".gto-policy.yaml": POLICY,
            "artifacts.yaml": ANNOTATIONS,
            "models/churn.pkl": "first",
            "data/customers.csv": "id\n",
            "ci/test.sh": "cat models/churn.pkl\n",
        },
    )
    remote.tag("churn@v1.0.0", first, date="2024-03-01T10:00:00Z")
    remote.tag("churn#staging#1", first, date="2024-03-01T11:00:00Z", tagger=ADA)
    remote.tag("churn#prod#2", first, date="2024-03-02T10:00:00Z")
    second = remote.commit("Train again", {"models/churn.pkl": "second"})
    remote.tag("churn@v1.1.0", second, date="2024-03-03T10:00:00Z")
    remote.tag("churn#staging#3", second, date="2024-03-03T11:00:00Z", tagger=ADA)
    return first, second


def test_on_registration(examples: Examples, versions: tuple[str, str]) -> None:
    run = examples.run("on-registration.yml", events.push(examples.remote, "churn@v1.1.0"))
    assert run.succeeded, run.log
    assert _ran(run) == {"publish": [["gto", "Publish"]]}
    assert run["publish"]["Publish"].printed == ["publishing models/churn.pkl as churn v1.1.0", "and as churn latest"]


def test_on_assignment(examples: Examples, versions: tuple[str, str]) -> None:
    examples.remote.tag("churn#prod#4", versions[1], date="2024-03-04T10:00:00Z")
    run = examples.run("on-assignment.yml", events.push(examples.remote, "churn#prod#4"))
    assert run.succeeded, run.log
    assert _ran(run) == {"gate": [["gto"]], "deploy": [["gto", "Deploy"]]}
    assert run["gate"]["gto"].outputs["gate"] == "passed"
    assert run["deploy"]["Deploy"].printed == ["deploying churn v1.1.0 from models/churn.pkl"]


def test_on_an_assignment_that_was_overtaken(examples: Examples, versions: tuple[str, str]) -> None:
    examples.remote.tag("churn#prod#4", versions[1], date="2024-03-04T10:00:00Z")
    run = examples.run("on-assignment.yml", events.push(examples.remote, "churn#prod#2"))
    assert run.succeeded, run.log
    assert _ran(run)["deploy"] == [["gto", "Say why nothing was deployed"]]
    (notice,) = run["deploy"]["Say why nothing was deployed"].issued("notice")
    assert notice.startswith("prod does not hold churn v1.0.0 any more")


def test_on_an_assignment_that_the_rules_refuse(examples: Examples, versions: tuple[str, str]) -> None:
    """It was never in staging: nobody is asked to approve, and no job gets to see the secrets."""
    third = examples.remote.commit("In a hurry", {"models/churn.pkl": "third"})
    examples.remote.tag("churn@v1.2.0", third, date="2024-03-05T10:00:00Z")
    examples.remote.tag("churn#prod#4", third, date="2024-03-05T11:00:00Z")
    run = examples.run("on-assignment.yml", events.push(examples.remote, "churn#prod#4"))
    assert not run.succeeded
    assert _ran(run) == {"gate": [["gto"]]}
    (error,) = run["gate"]["gto"].issued("error")
    assert "The gate is closed by 'production', after" in error


def test_rollback(examples: Examples, versions: tuple[str, str]) -> None:
    """A monitor says that a version is ill, and the one before is deployed; then it says so again."""
    remote = examples.remote
    remote.tag("churn#prod#4", versions[1], date="2024-03-04T10:00:00Z")
    alarm = _dispatched(remote, "repository_dispatch", client_payload={"name": "churn", "version": "v1.1.0"})
    run = examples.run("rollback.yml", alarm)
    assert run.succeeded, run.log
    assert _ran(run) == {
        "assign": [["gto", "assign"]],
        "Deploy/gate": [["gto"]],
        "Deploy/deploy": [["gto", "Deploy"]],
    }
    assert run["Deploy/deploy"]["Deploy"].printed == ["deploying churn v1.0.0 from models/churn.pkl"]
    assert remote.peel("refs/tags/churn#prod#5") == versions[0]
    who = git(remote.path, "for-each-ref", "--format=%(taggername) %(taggeremail) %(subject)", "refs/tags/churn#prod#5")
    page = f"http://{examples.lab.server.address}/acme/models/actions/runs/1"
    assert who == f"octocat <583231+octocat@users.noreply.github.com> Roll back from v1.1.0: {page}"

    again = examples.run("rollback.yml", alarm)
    assert again.succeeded, again.log
    assert _ran(again) == {"assign": [["gto"]]}


def test_rollback_of_the_first_version(examples: Examples, versions: tuple[str, str]) -> None:
    started = _dispatched(examples.remote, "workflow_dispatch", inputs={"name": "churn", "version": "v1.0.0"})
    run = examples.run("rollback.yml", started)
    assert not run.succeeded
    assert _ran(run) == {"assign": [["gto", "assign"]]}
    (error,) = run["assign"]["assign"].issued("error")
    assert error == "There is nothing to go back to: v1.0.0 is the first version of churn in prod"


def test_a_job_for_each_artifact(examples: Examples, versions: tuple[str, str]) -> None:
    """Two of three are in the stage, at commits of their own."""
    remote = examples.remote
    remote.tag("data/customers@v0.1.0", versions[0], date="2024-03-05T10:00:00Z")
    remote.tag("data/customers#staging#1", versions[0], date="2024-03-05T11:00:00Z")
    remote.tag("nlp@v3.0.0", versions[0], date="2024-03-05T12:00:00Z")
    run = examples.run("test-staging.yml", events.push(remote, "data/customers#staging#1"))
    assert run.succeeded, run.log
    assert _ran(run) == {"list": [["gto", "list"]], "test": [["gto", "Test"]] * 2}
    jobs = sorted(run.jobs["test"], key=lambda job: str(job.matrix["artifact"]))
    assert [job["Test"].printed for job in jobs] == [
        ["testing churn v1.1.0 in models/churn.pkl"],
        ["testing data/customers v0.1.0 in data/customers.csv"],
    ]


def test_pull_request(examples: Examples, versions: tuple[str, str]) -> None:
    remote = examples.remote
    changed = {"artifacts.yaml": ANNOTATIONS.replace("models/churn.pkl", "models/churn.onnx")}
    remote.commit("Tune", changed, branch="tune")
    who = ("-c", "user.name=GitHub", "-c", "user.email=noreply@github.com")
    merge = git(remote.path, *who, "commit-tree", "-p", "main", "-p", "tune", "-m", "Merge", "tune^{tree}")
    git(remote.path, "update-ref", "refs/pull/7/merge", merge)
    trigger = events.pull_request(remote, "tune", merge)
    with FakeGitHub(remote.name, job_token=TOKEN) as fake:
        run = examples.run("pull-request.yml", trigger, environment={"GITHUB_API_URL": fake.api_url})
        assert run.succeeded, run.log
        (comment,) = fake.comments(7)
    assert comment.user == fake.bot
    assert "| <code>churn</code> | changed | <code>path</code> |" in comment.body
    assert "| <code>churn</code> | <code>prod</code> | ⏳ after, two-person" in comment.body
    outputs = run["comment"]["Say what it changes"].outputs
    assert outputs["comment-url"].startswith("https://github.com/acme/models/pull/7#")


def test_ghost(examples: Examples, versions: tuple[str, str], tmp_path: Path) -> None:
    """A change on top of an older commit, in a repository that the job's own token does not open."""
    root = tmp_path / "patches"
    git(tmp_path, "init", "--quiet", "--bare", str(root / "ghosts.git"))
    git(tmp_path, "clone", "--quiet", examples.remote.file_url, "laptop")
    laptop = WorkDir(tmp_path / "laptop")
    laptop.git("checkout", "--quiet", versions[0])
    laptop.write("models/churn.pkl", "mine\n")
    with GitServer(root, token=GHOST_TOKEN) as server:
        pushed = gto(laptop, "push", program="git-ghost", GIT_GHOST_REPO=server.url("ghosts.git", password=GHOST_TOKEN))
        run = examples.run(
            "run-ghost.yml",
            _dispatched(examples.remote, "workflow_dispatch", inputs={"ghost": pushed.out.strip()}),
            secrets={"GHOST_TOKEN": GHOST_TOKEN},
            urls={"https://github.com/org/ghosts.git": server.url("ghosts.git")},
        )
    assert run.succeeded, run.log
    assert _ran(run) == {"test": [["base", "gto", "Test"]]}
    first, *rest = run["test"]["Test"].printed
    assert first == f'testing tree {tree_of(laptop)}, in which these files differ: ["models/churn.pkl"]'
    assert rest == ["mine"]


def test_report(examples: Examples, versions: tuple[str, str]) -> None:
    """What staging holds has come lately, in a time that stays in the future; prod has held the same for years."""
    examples.remote.tag("churn#staging#4", versions[1], date="2099-01-01T00:00:00Z", tagger=ADA)
    run = examples.run("report.yml", events.schedule(examples.remote))
    assert run.succeeded, run.log
    steps = run["report"]
    assert "| <code>churn</code> | <code>v1.1.0</code> | <code>v1.0.0</code> |" in steps["Write the table"].summary
    assert steps["List what has been in its stage for long"].summary.splitlines() == [
        "### In their stages for more than 90 days",
        "- `churn` v1.0.0 in `prod`, since 2024-03-02",
    ]


def _dispatched(remote: Remote, event: str, **payload: Any) -> Trigger:
    """Somebody or something started a workflow on the default branch."""
    started = events.dispatch(remote, "")
    common = {key: started.payload[key] for key in ("repository", "sender")}
    if event == "repository_dispatch":
        common |= {"action": "unhealthy", "branch": "main"}
    return replace(started, event=event, payload={**common, **payload})
