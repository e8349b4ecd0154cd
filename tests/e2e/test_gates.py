"""The gate in a real job: each rule that a policy can have lets one event pass and stops another.

All cases are steps of one job on a schedule, each with an event and a policy of its own, so that nothing but the step's
inputs says which is which.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import events
from tests.e2e.conftest import open_lab
from tests.e2e.remote import Person, Remote, git
from tests.e2e.runner import Machine, Run, Step, step
from tests.e2e.test_workspaces import State
from tests.rendered import Rendered

TESS, RITA = Person(), Person("Rita Reviewer", "rita@example.com")
NOW = datetime.now(timezone.utc)
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
FILE = ".gto-policy.yaml"


@dataclass(frozen=True)
class Case:
    """A rule, an event that passes it and one that does not, and what is then said.

    `evidence` is of what was stopped; `inputs` are those of its step besides. `other` are the rules that stop it where
    those differ.
    """

    rule: Mapping[str, Any]
    passes: str
    stopped: str
    check: str
    evidence: str
    remedy: str
    inputs: Mapping[str, str] = field(default_factory=dict)
    other: Mapping[str, Any] | None = None


def day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"


CASES = {
    "after": Case(
        {"require": {"after": "staging"}}, "churn#prod#2", "churn#prod#4",
        "after", "version v2.0.0-rc.1 was never assigned to 'staging'", "gto assign churn --version v2.0.0-rc.1",
    ),
    "after, for a time": Case(
        {"require": {"after": {"stage": "staging", "for": "24h"}}}, "churn#prod#2", "fresh#prod#2",
        "after", "version v1.0.0 was in 'staging' for ", "wait until ",
    ),
    "versions": Case(
        {"require": {"versions": ">=1.0.0 <2.0.0-0"}}, "churn#prod#2", "churn#prod#4",
        "versions", "version v2.0.0-rc.1 is outside '>=1.0.0 <2.0.0-0'", "use a version in the range",
    ),
    "prerelease": Case(
        {"require": {"versions": {"prerelease": False}}}, "churn#prod#2", "churn#prod#4",
        "versions", "version v2.0.0-rc.1 is a pre-release", "use a release",
    ),
    "taggers": Case(
        {"require": {"taggers": ["tess@*"]}}, "churn#prod#2", "churn#staging#1",
        "taggers", "the tagger is 'rita@example.com'", "ask a tagger who matches",
    ),
    "signed": Case(
        {"require": {"signed": True}}, "signed#prod#2", "churn#prod#2",
        "signed", "tag 'churn#prod#2' is not signed", "signed by an allowed signer (git tag -s)",
    ),
    "signed, by a stranger": Case(
        {"require": {"signed": True}}, "signed#staging#1", "signed#qa#3",
        "signed", "tag 'signed#qa#3' is signed with a key that no allowed signer has", "delete the tag",
    ),
    "signed, by somebody": Case(
        {"require": {"signed": {"by": ["rita@*"]}}}, "signed#staging#1", "signed#prod#2",
        "signed", "tag 'signed#prod#2' is signed by 'tess@example.com'", "signed by 'rita@*'",
    ),
    "branches": Case(
        {"require": {"branches": ["main", "release/*"]}}, "churn#prod#2", "side@v1.0.0",
        "branches", "is not on ", "merge the commit into ",
    ),
    "annotation": Case(
        {"require": {"annotation": ["type", "description", "custom.owner"]}}, "churn#prod#2", "fresh#prod#2",
        "annotation", "the annotation of 'fresh' at commit ", "annotate 'fresh' with ",
    ),
    "deprecated": Case(
        {"require": {"deprecated": False}}, "churn#prod#2", "old@v1.0.0",
        "deprecated", "'old' was deprecated at 2024-03-20 12:00:00+00:00", "delete the tag 'old@deprecated'",
    ),
    "current": Case(
        {"require": {"current": True}}, "churn#prod#4", "churn#prod#2",
        "current", "stage 'prod' holds version v2.0.0-rc.1", "keep the current state, or assign it again",
    ),
    "ghost": Case(
        {"require": {"ghost": False}}, "churn#prod#2", "churn#prod#2",
        "ghost", "a ghost was applied in this job", "run the job without it",
        inputs={"ghost-repo": "https://example.invalid/ghosts.git", "ghost-diff": "0123456"},
    ),
    "two people, by a stage": Case(
        {"require": {"two-person": {"stage": "staging"}}}, "churn#prod#2", "fresh#prod#2",
        "two-person", "no one but 'tess@example.com' approved version v1.0.0", "ask someone other than",
    ),
    "two people, by an approval": Case(
        {"stages": ["prod"], "require": {"two-person": True}}, "approved#prod#2", "fresh#prod#2",
        "two-person", "no one but 'tess@example.com' approved version v1.0.0", "'fresh#prod+v1.0.0-2'",
    ),
    "two people, with signatures": Case(
        {"require": {"signed": True, "two-person": {"stage": "staging"}}}, "signed#prod#2", "signed#prod#4",
        "two-person", "no one but 'rita@example.com' approved version v1.0.0", "ask someone other than",
    ),
    "freeze": Case(
        {"freeze": [{"from": "2024-01-01", "until": "2024-01-07"}]}, "churn#prod#2", "churn#prod#2",
        "freeze", "is in the freeze from ", "wait until ",
        other={
            "freeze": [
                {"from": day(NOW - timedelta(days=2)), "until": day(NOW + timedelta(days=2)), "reason": "holidays"}
            ]
        },
    ),
    "freeze, weekly": Case(
        {"freeze": [{"days": [DAYS[(NOW.weekday() + 3) % 7]], "from": "01:00", "until": "23:00"}]},
        "churn#prod#2", "churn#prod#2", "freeze", "is in the freeze ", "wait until ",
        other={"freeze": [{"days": [*DAYS]}]},
    ),
}  # fmt: skip

# Several rules are in one policy where one event passes them.
PASSING = sorted({one.passes for one in CASES.values()})
# Where the rules are read: inputs, and "failed" or a part of the error of a job that cannot tell.
PLACES = {
    "the default branch": ({}, "failed"),
    "a laxer branch": ({"policy-ref": "lax"}, "passed"),
    "a tag": ({"policy-ref": "rules-1"}, "passed"),
    "a commit": ({"policy-ref": "COMMIT"}, "passed"),
    "a name of two things": ({"policy-ref": "both"}, "'both' is both a branch and a tag"),
    "no ref": ({"policy-ref": "missing"}, "'missing' is neither a branch nor a tag of the remote"),
    "no file": ({"policy": "missing.yaml"}, "'missing.yaml': the default branch"),
    "no policy": ({"policy-ref": "empty"}, ""),
    "a malformed one": ({"policy": "malformed.yaml"}, "'malformed.yaml', line 3"),
}


@dataclass(frozen=True)
class World:
    run: Run
    before: State


@pytest.fixture(scope="module")
def world(machine: Machine, seed: Remote, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("gates")
    with open_lab(machine, seed, folder) as lab:
        _registry(lab.remote, _keys(folder))
        steps, policies = [], {}
        for number, ref in enumerate(PASSING):
            rules = [{"name": name, **one.rule} for name, one in CASES.items() if one.passes == ref]
            policies[f"rules/pass{number}.yaml"] = _policy(*rules)
            steps.append(_step(f"pass{number}", {"ref": ref, "policy": f"rules/pass{number}.yaml"}))
        for number, (name, one) in enumerate(CASES.items()):
            policies[f"rules/stop{number}.yaml"] = _policy({"name": name, **(one.other or one.rule)})
            inputs = {"ref": one.stopped, "policy": f"rules/stop{number}.yaml", **one.inputs}
            steps.append(_step(f"stop{number}", inputs))
        lab.remote.commit("Rules", policies)
        commit = lab.remote.resolve("lax")
        for number, (inputs, _) in enumerate(PLACES.values()):
            steps.append(_step(f"place{number}", {"ref": "churn#prod#4", **inputs}, COMMIT=commit))
        trigger = events.schedule(lab.remote)
        workspace = lab.check_out(trigger.ref, trigger.sha)
        before = State(workspace)
        yield World(lab.run(trigger, *steps), before)


def _step(name: str, inputs: Mapping[str, str], **words: str) -> dict[str, Any]:
    quiet = {"show": "false", "history": "false", "print-outputs": "false"}
    given = {key: words.get(value, value) for key, value in inputs.items()}
    return step(name, {**quiet, **given}, **{"continue-on-error": True})


def _policy(*rules: Mapping[str, Any]) -> str:
    """JSON is YAML."""
    return json.dumps({"allowed-signers": ".github/signers", "rules": rules})


@dataclass(frozen=True)
class Key:
    """A key for signatures, and its line for `allowed_signers`."""

    file: Path

    @property
    def public(self) -> str:
        return self.file.with_suffix(".pub").read_text()

    def sign(self, text: str) -> str:
        command = ["ssh-keygen", "-q", "-Y", "sign", "-n", "git", "-f", str(self.file)]
        done = subprocess.run(command, input=text.encode(), capture_output=True, check=True)
        return done.stdout.decode()


def _keys(folder: Path) -> dict[str, Key]:
    keys = {name: Key(folder / name) for name in ("tess", "rita", "stranger")}
    for key in keys.values():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(key.file)], check=True)
    return keys


def _registry(remote: Remote, keys: Mapping[str, Key]) -> None:
    """The versions and assignments that the cases speak of, and rules under several names."""
    remote.allow_filters()
    signers = "".join(f"{name}@example.com {keys[name].public}" for name in ("tess", "rita"))
    note = {"type": "model", "path": "m.pkl", "description": "Who leaves", "custom": {"owner": "ds"}}
    notes = json.dumps({"churn": note, "fresh": {"type": "model"}})
    first = remote.commit("First", {"artifacts.yaml": notes, FILE: "rules: []\n", ".github/signers": signers})
    second = remote.commit(
        "Second",
        {
            FILE: _policy({"name": "after", **CASES["after"].rule}),
            "malformed.yaml": "rules:\n- name: x\n  requires: 1\n",
        },
    )
    remote.commit("Lax", {FILE: "rules: []\n"}, branch="lax")
    side = remote.commit("Side", {"x": "x"}, branch="topic")
    remote.tag("rules-1", "lax")
    remote.lightweight_tag("both", "lax")
    git(remote.path, "update-ref", "refs/heads/both", first)
    nobody = {f"GIT_{role}_{what}": "x@y.z" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    empty = git(remote.path, "commit-tree", "-m", "Empty", git(remote.path, "mktree"), environment=nobody)
    git(remote.path, "update-ref", "refs/heads/empty", empty)

    def tag(name: str, commit: str, when: str | datetime, who: Person = TESS, key: str = "") -> None:
        date = when.isoformat(timespec="seconds") if isinstance(when, datetime) else f"2024-03-{when}T12:00:00Z"
        message = f"About {name}\n"
        oid = remote.tag(name, commit, message, tagger=who, date=date)
        if key:
            signature = keys[key].sign(git(remote.path, "cat-file", "tag", oid) + "\n")
            remote.tag(name, commit, message + signature, tagger=who, date=date)

    tag("churn@v1.0.0", first, "01")
    tag("churn#staging#1", first, "02", RITA)
    tag("churn#prod#2", first, "10")
    tag("churn@v2.0.0-rc.1", second, "11")
    tag("churn#prod#4", second, "12")
    tag("fresh@v1.0.0", first, NOW - timedelta(hours=3))
    tag("fresh#staging#1", first, NOW - timedelta(hours=2))
    tag("fresh#prod#2", first, NOW - timedelta(hours=1))
    tag("fresh#prod+v1.0.0", first, NOW)
    tag("signed@v1.0.0", first, "01")
    tag("signed#staging#1", first, "02", RITA, "rita")
    tag("signed#prod#2", first, "03", TESS, "tess")
    tag("signed#qa#3", first, "04", RITA, "stranger")
    tag("signed#prod#4", first, "05", TESS, "rita")
    tag("approved@v1.0.0", first, "01")
    tag("approved#prod#2", first, "02")
    tag("approved#prod+v1.0.0", first, "03", RITA)
    tag("side@v1.0.0", side, "01")
    tag("old@v1.0.0", first, "01")
    tag("old@deprecated", first, "20")


@pytest.mark.parametrize("name", CASES)
def test_passes(world: World, name: str) -> None:
    one = world.run[f"pass{PASSING.index(CASES[name].passes)}"]
    assert one.outcome == "success", one.issued("error")
    assert (one.outputs["gate"], one.outputs["gate-reasons"]) == ("passed", "[]")
    assert one.issued("error") + one.issued("warning") == []
    shows = Rendered(one.summary)
    shows.is_ours()
    assert "✅ The gate is open" in shows.text
    checks = [row[2] for row in shows.tables[1][1:] if row[:2] == ["✅", name]]
    assert CASES[name].check in checks


@pytest.mark.parametrize("name", CASES)
def test_is_stopped(world: World, name: str) -> None:
    case, one = CASES[name], world.run[f"stop{[*CASES].index(name)}"]
    assert one.outcome == "failure"
    outputs = one.outputs
    assert outputs["gate"] == "failed"
    (reason,) = json.loads(outputs["gate-reasons"])
    assert set(reason) == {"rule", "check", "passed", "evidence", "remedy"}
    assert (reason["rule"], reason["check"], reason["passed"]) == (name, case.check, False)
    assert case.evidence in reason["evidence"]
    assert case.remedy in reason["remedy"]
    # the other outputs are there as well, and nothing was applied
    assert (outputs["tag"], outputs["ghost-applied"]) == (case.stopped, "false")
    assert json.loads(outputs["registry"])
    (error,) = one.issued("error")
    assert error == f"The gate is closed by '{name}', {case.check}: {reason['evidence']}. {reason['remedy']}"
    shows = Rendered(one.summary)
    shows.is_ours()
    assert "❌ The gate is closed" in shows.text
    assert ["❌", name, case.check] == shows.tables[1][1][:3]
    assert reason["evidence"] in shows.tables[1][1][3]


@pytest.mark.parametrize("name", PLACES)
def test_where_the_rules_are(world: World, name: str) -> None:
    one, (_, says) = world.run[f"place{[*PLACES].index(name)}"], PLACES[name]
    if says in ("passed", ""):
        assert (one.outcome, one.outputs["gate"]) == ("success", says)
    elif says == "failed":
        assert (one.outcome, one.outputs["gate"]) == ("failure", says)
    else:
        assert (one.outcome, one.outputs) == ("failure", {})
        (error,) = one.issued("error")
        assert says in error
        assert error in _plain(one)


def _plain(one: Step) -> str:
    return ". ".join(Rendered(one.summary).codes)


def test_nothing_in_the_workspace_changes(world: World) -> None:
    assert State(world.run.workspace) == world.before
