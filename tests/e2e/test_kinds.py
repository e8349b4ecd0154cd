"""A pushed tag of every kind in the grammar: the outputs in a later step are right."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from tests.e2e import events
from tests.e2e.conftest import OUTPUTS, Lab
from tests.e2e.remote import Person
from tests.e2e.runner import step

RITA = Person("Rita Müller-O'Neil", "rita@example.com")
MESSAGE = "Because of #42\n\n# not a comment\n   indented"


@dataclass(frozen=True)
class Case:
    """A tag `NAME` + `suffix` on the commit `at`, and what it says. Commits are called by their place in history."""

    suffix: str
    at: str
    event: str
    version: str = ""
    stage: str = ""
    previous: tuple[str, str] = ("", "")
    latest: str = ""
    current: str = ""


FIRST, SECOND = ("v1.0.0", "first"), ("v1.1.0", "second")
EVERY_KIND = [
    Case("@v2.0.0", "third", "registration", "v2.0.0", previous=SECOND, latest="true"),
    Case("@v1.0.1#2", "third", "registration", "v1.0.1", previous=SECOND, latest="false"),
    Case("@v1.1.0!", "second", "deregistration", "v1.1.0", previous=SECOND, latest="false"),
    Case("@v1.0.0!#2", "first", "deregistration", "v1.0.0", previous=SECOND, latest="false"),
    Case("#prod", "second", "assignment", "v1.1.0", "prod", FIRST, "true", "true"),
    Case("#prod#2", "second", "assignment", "v1.1.0", "prod", FIRST, "true", "true"),
    Case("#prod!", "first", "unassignment", "v1.0.0", "prod", FIRST, "false"),
    Case("#prod!#2", "first", "unassignment", "v1.0.0", "prod", FIRST, "false"),
    Case("@deprecated", "second", "deprecation", previous=SECOND),
    Case("@deprecated#2", "second", "deprecation", previous=SECOND),
]
FINE_POINTS = [
    Case("@v2.0.0-rc.1+build.5#2", "third", "registration", "v2.0.0-rc.1+build.5", previous=SECOND, latest="true"),
    # a stage that was empty before, with a name of two parts; not the greatest version
    Case("#eu/dev#2", "first", "assignment", "v1.0.0", "eu/dev", latest="false", current="true"),
    # a commit without a version stands for itself
    Case("#prod#2", "third", "assignment", "COMMIT", "prod", FIRST, "false", "true"),
]


@pytest.mark.parametrize("case", EVERY_KIND, ids=lambda case: case.suffix)
@pytest.mark.parametrize("name", ["churn", "models/nlp:churn"])
def test_every_kind(lab: Lab, name: str, case: Case) -> None:
    _check(lab, name, case)


@pytest.mark.parametrize("case", FINE_POINTS, ids=lambda case: f"{case.suffix}@{case.at}")
def test_fine_points(lab: Lab, case: Case) -> None:
    _check(lab, "churn", case)


def test_creation_means_nothing(lab: Lab) -> None:
    """GTO reserves `NAME@created`; the job that it starts succeeds and does nothing."""
    commit = lab.remote.commit("Train")
    lab.remote.tag("churn@v1.0.0", commit)
    lab.remote.tag("churn@created", commit)
    trigger = events.push(lab.remote, "churn@created")
    lab.check_out(trigger.ref, trigger.sha)

    run = lab.run(trigger, step("gto"))

    assert run.succeeded, run.log
    assert run["gto"].outputs == dict.fromkeys(OUTPUTS, "")
    assert len(run["gto"].issued("notice")) == 1


def _check(lab: Lab, name: str, case: Case) -> None:
    commits = _history(lab, name)
    tag = name.replace(":", "=") + case.suffix
    lab.remote.tag(tag, commits[case.at], MESSAGE, tagger=RITA, date="2024-03-02T09:15:00-05:00")
    trigger = events.push(lab.remote, tag)
    lab.check_out(trigger.ref, trigger.sha)

    run = lab.run(trigger, step("gto"))

    assert run.succeeded, run.log
    outputs = dict(run["gto"].outputs)
    commit = commits[case.at]
    version = case.version.replace("COMMIT", commit)
    event = {
        "event": case.event,
        "artifact": name,
        "version": version,
        "stage": case.stage,
        "tag": tag,
        "commit_hexsha": commit,
        "created_at": "2024-03-02T09:15:00-05:00",
        "author": RITA.name,
        "author_email": RITA.email,
        "message": MESSAGE,
    }
    assert json.loads(outputs.pop("json")) == {key: value for key, value in event.items() if value}
    registry = json.loads(outputs.pop("registry"))
    assert registry["bystander"]["version"] == "v9.0.0"
    # a deprecated artifact is left out, as by `gto show`
    assert set(registry) == ({"bystander"} if case.event == "deprecation" else {"bystander", name})
    if case.event == "assignment":
        assert registry[name]["stage"][case.stage] == version
    assert json.loads(outputs.pop("labels")) == [case.at]
    assert json.loads(outputs.pop("custom")) == {"at": case.at, "threshold": 0.5}
    assert outputs == {
        "event": case.event,
        "name": name,
        "version": version,
        "stage": case.stage,
        "type": "model",
        "path": "models/churn.pkl",
        "description": f"As of the {case.at} commit – «ok»",
        "tag": tag,
        "commit": commit,
        "author": RITA.name,
        "author-email": RITA.email,
        "message": MESSAGE,
        "created-at": "2024-03-02T09:15:00-05:00",
        "previous-version": case.previous[0],
        "previous-commit": commits.get(case.previous[1], ""),
        "deleted": "false",
        "is-latest": case.latest,
        "is-current": case.current,
        # test_gates.py, test_ghost_job.py and test_comments.py ask for these
        **dict.fromkeys(OUTPUTS[OUTPUTS.index("registry") + 1 :], ""),
        "ghost-applied": "false",
    }
    assert not run["gto"].issued("error")
    assert not run["gto"].issued("warning")


def _history(lab: Lab, name: str) -> dict[str, str]:
    """Three commits, two versions, the older one in production; and an artifact that nobody asks about."""
    commits = {
        place: lab.remote.commit(f"The {place}", {"artifacts.yaml": _annotation(name, place)})
        for place in ("first", "second", "third")
    }
    prefix = name.replace(":", "=")
    lab.remote.tag("bystander@v9.0.0", commits["second"], date="2024-03-01T09:00:00Z")
    lab.remote.tag(f"{prefix}@v1.0.0", commits["first"], date="2024-03-01T10:00:00Z")
    lab.remote.tag(f"{prefix}#prod#1", commits["first"], date="2024-03-01T11:00:00Z")
    lab.remote.tag(f"{prefix}@v1.1.0", commits["second"], date="2024-03-01T12:00:00Z")
    return commits


def _annotation(name: str, place: str) -> str:
    return (
        f"'{name}':\n  type: model\n  path: models/churn.pkl\n  description: As of the {place} commit – «ok»\n"
        f"  labels: [{place}]\n  custom: {{at: {place}, threshold: 0.5}}\n"
        "bystander: {type: dataset, path: data}\n"
    )
