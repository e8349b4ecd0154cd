"""Who has a workflow for iterative/gto-action changes one line; who has none copies one, or has one written."""

from __future__ import annotations

import re
from typing import Any

import yaml

from gto_ci.files.yaml12 import loader
from tests.e2e import events
from tests.e2e.checkout import Checkout, check_out
from tests.e2e.conftest import PROJECT, TOKEN, Lab
from tests.e2e.runner import Machine, WorkflowRun
from tests.e2e.test_workflows import runner  # noqa: F401  # a fixture: a machine that has git
from tests.running import gto
from tests.workdir import WorkDir

README = (PROJECT / "README.md").read_text(encoding="utf-8")
GUIDE = (PROJECT / "docs/how-to/from-gto-action.md").read_text(encoding="utf-8")
# The contract of iterative/gto-action v2, from its action.yml.
THEIR_INPUTS = {"show", "history", "print-outputs"}
THEIR_OUTPUTS = ("event", "name", "version", "stage", "type", "path", "description")
# A workflow for it, with everything that it knows in use.
THEIRS = """\
on:
  push:
    tags: ["*"]
jobs:
  parse:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v3
        with:
          fetch-depth: 0
      - id: gto
        uses: iterative/gto-action@v2
        with:
          show: true
          history: true
          print-outputs: true
    outputs:
      event: ${{ steps.gto.outputs.event }}
      name: ${{ steps.gto.outputs.name }}
      version: ${{ steps.gto.outputs.version }}
      stage: ${{ steps.gto.outputs.stage }}
      type: ${{ steps.gto.outputs.type }}
      path: ${{ steps.gto.outputs.path }}
      description: ${{ steps.gto.outputs.description }}
  publish:
    needs: parse
    if: needs.parse.outputs.event == 'registration'
    runs-on: ubuntu-latest
    steps:
      - name: Publish
        run: echo "publish ${{ needs.parse.outputs.name }} ${{ needs.parse.outputs.version }}"
  deploy:
    needs: parse
    if: needs.parse.outputs.event == 'assignment' && needs.parse.outputs.stage == 'prod'
    runs-on: ubuntu-latest
    steps:
      - name: Deploy
        run: |
          echo "deploy ${{ needs.parse.outputs.type }} ${{ needs.parse.outputs.path }}"
          echo "${{ needs.parse.outputs.description }}"
"""
ANNOTATION = "artifacts:\n  churn:\n    type: model\n    path: models/churn.pkl\n    desc: Who will leave\n"


def _run(lab: Lab, machine: Machine, text: str, tag: str) -> WorkflowRun:
    """Run a workflow's text; the action and checkout are those at hand (act itself replaces them by name)."""
    here = text.replace("org/gto-action@v1", "./")
    here = re.sub(r"uses: actions/checkout@\S+( #.*)?$", "uses: actions/checkout@v4", here, flags=re.MULTILINE)
    workflow: dict[str, Any] = {"name": "Theirs", **yaml.load(here, Loader=loader())}
    trigger = events.push(lab.remote, tag)
    folder = lab.folder / re.sub(r"\W", "-", tag)
    how = Checkout(depth=0 if "fetch-depth: 0" in text else 1)
    check_out(folder / "workspace", lab.url, trigger.ref, trigger.sha, how, token=TOKEN, temp=folder)
    known = {"GITHUB_REPOSITORY": lab.remote.name, "GITHUB_SERVER_URL": f"http://{lab.server.address}"}
    return machine.run_workflow(
        *(folder / "workspace", trigger, workflow),
        scratch=folder / "act",
        secrets={"GITHUB_TOKEN": TOKEN},
        environment=known,
    )


def _tag(lab: Lab) -> None:
    commit = lab.remote.commit("Train", {"dvc.yaml": ANNOTATION, "models/churn.pkl": "weights"})
    lab.remote.tag("churn@v1.0.0", commit, date="2024-03-01T10:00:00Z")
    lab.remote.tag("churn#prod#1", commit, date="2024-03-01T11:00:00Z")


def test_one_line_is_changed(lab: Lab, runner: Machine) -> None:  # noqa: F811
    (line,) = re.findall(r"^-( +uses: iterative/gto-action@v2)$", GUIDE, re.MULTILINE)
    (instead,) = re.findall(r"^\+( +uses: org/gto-action@v1)$", GUIDE, re.MULTILINE)
    assert THEIRS.count(line.strip()) == 1
    ours = THEIRS.replace(line.strip(), instead.strip())
    _tag(lab)

    registered = _run(lab, runner, ours, "churn@v1.0.0")
    assert registered.succeeded, registered.log
    assert set(registered.jobs) == {"parse", "publish"}
    assert registered["publish"]["Publish"].printed == ["publish churn v1.0.0"]

    assigned = _run(lab, runner, ours, "churn#prod#1")
    assert assigned.succeeded, assigned.log
    assert set(assigned.jobs) == {"parse", "deploy"}
    assert assigned["deploy"]["Deploy"].printed == ["deploy model models/churn.pkl", "Who will leave"]
    outputs = assigned["parse"]["gto"].outputs
    assert {name: outputs[name] for name in THEIR_OUTPUTS} == {
        "event": "assignment",
        "name": "churn",
        "version": "v1.0.0",
        "stage": "prod",
        "type": "model",
        "path": "models/churn.pkl",
        "description": "Who will leave",
    }


def test_every_name_of_theirs_is_there() -> None:
    manifest = yaml.safe_load((PROJECT / "action.yml").read_text(encoding="utf-8"))
    assert set(manifest["inputs"]) >= THEIR_INPUTS
    assert set(manifest["outputs"]) >= set(THEIR_OUTPUTS)
    for name in THEIR_INPUTS:
        assert manifest["inputs"][name]["default"] == "true"
        assert f"`{name}`" in GUIDE
    assert all(f"`{name}`" in GUIDE for name in THEIR_OUTPUTS)


def test_the_first_workflow_of_the_readme(lab: Lab, runner: Machine) -> None:  # noqa: F811
    (text,) = re.findall(r"<!-- workflow -->\n\n```yaml\n(.*?)```\n\n<!-- /workflow -->", README, re.DOTALL)
    assert len(text.splitlines()) <= 18  # in block style, which takes more lines and is easier to read
    _tag(lab)
    run = _run(lab, runner, text, "churn#prod#1")
    assert run.succeeded, run.log
    (job,) = run.jobs["deploy"]
    printed = [line for step in job.steps.values() for line in step.printed]
    assert "deploying v1.0.0" in printed
    other = _run(lab, runner, text, "churn@v1.0.0")
    assert other.succeeded
    assert not [line for step in other["deploy"].steps.values() for line in step.printed if "deploying" in line]


def test_the_workflow_that_init_writes(lab: Lab, runner: Machine) -> None:  # noqa: F811
    work = WorkDir.init(lab.folder / "new")
    asked = ("init", "--stage", "prod", "--artifact", "churn=models/churn.pkl", "--yes")
    done = gto(work, *asked, program="gto-ci")
    assert done.code == 0, done.err
    text = (work.path / ".github/workflows/gto.yml").read_text(encoding="utf-8")
    _tag(lab)
    assigned = _run(lab, runner, text, "churn#prod#1")
    assert assigned.succeeded, assigned.log
    ran = assigned["registry"].steps
    assert ran["Deploy the assigned version"].printed == ["deploying churn v1.0.0 to prod"]
    assert "Publish the registered version" not in ran
    registered = _run(lab, runner, text, "churn@v1.0.0")
    published = registered["registry"]["Publish the registered version"].printed
    assert published == ["publishing churn v1.0.0 from models/churn.pkl"]
