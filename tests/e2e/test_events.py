"""Every event that may start a job, with its payload as GitHub sends it; and refs that are nothing or not in order."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from tests.e2e import events
from tests.e2e.checkout import Checkout
from tests.e2e.conftest import OUTPUTS, Lab
from tests.e2e.remote import Remote, git
from tests.e2e.runner import Run, Trigger, step

NOTHING = dict.fromkeys(OUTPUTS, "")


@pytest.fixture
def commits(lab: Lab) -> dict[str, str]:
    """Two versions, of which the first is in production, and tags that are none of the registry's business."""
    first = lab.remote.commit("First", {"artifacts.yaml": "churn: {type: model, path: model.pkl}\n"})
    lab.remote.tag("churn@v1.0.0", first, "The first", date="2024-03-01T10:00:00Z")
    lab.remote.tag("churn#prod#1", first, "To production", date="2024-03-01T11:00:00Z")
    second = lab.remote.commit("Second", {"notes.txt": "second\n"})
    lab.remote.tag("churn@v1.1.0", second, "The second", date="2024-03-01T12:00:00Z")
    lab.remote.tag("release-2024.03", second, "Not an artifact")
    lab.remote.lightweight_tag("nightly", second)
    return {"first": first, "second": second}


@pytest.mark.parametrize("event", [events.push, events.create, events.release], ids=["push", "create", "release"])
def test_events_of_an_existing_tag(lab: Lab, commits: dict[str, str], event: Callable[[Remote, str], Trigger]) -> None:
    run = _run(lab, event(lab.remote, "churn#prod#1"))

    assert run.succeeded, run.log
    _is_the_promotion(run, commits)
    # the tag that started the job is annotated again, whatever the event is called
    assert git(run.workspace, "cat-file", "-t", "refs/tags/churn#prod#1") == "tag"


@dataclass(frozen=True)
class Deleted:
    tag: str
    event: str
    version: str = ""
    stage: str = ""


@pytest.mark.parametrize(
    "deleted",
    [
        Deleted("churn#prod#1", "assignment", stage="prod"),
        Deleted("churn@v1.1.0", "registration", "v1.1.0"),
        Deleted("models/nlp=churn#prod!#7", "unassignment", stage="prod"),
    ],
    ids=lambda deleted: deleted.tag,
)
def test_deletion_of_a_tag(lab: Lab, commits: dict[str, str], deleted: Deleted) -> None:
    """The tag is gone: what it was is read from its name, and the registry is the one without it."""
    if deleted.tag.startswith("churn"):
        lab.remote.delete_tag(deleted.tag)
    run = _run(lab, events.delete(lab.remote, deleted.tag))

    assert run.succeeded, run.log
    outputs = dict(run["gto"].outputs)
    name = "models/nlp:churn" if "nlp" in deleted.tag else "churn"
    registry = json.loads(outputs.pop("registry"))
    assert set(registry) == {"churn"}
    assert registry["churn"]["version"] == ("v1.0.0" if deleted.version else "v1.1.0")
    assert {key: value for key, value in outputs.items() if value} == {
        key: value
        for key, value in {
            "event": deleted.event, "name": name, "version": deleted.version, "stage": deleted.stage,
            "tag": deleted.tag, "deleted": "true", "ghost-applied": "false",
        }.items()
        if value
    }  # fmt: skip


REFS = {
    "churn#prod#1": ("assignment", "first"),
    "refs/tags/churn#prod#1": ("assignment", "first"),
    "churn#prod": ("assignment", "first"),
    "churn@latest": ("registration", "second"),
    "churn@greatest": ("registration", "second"),
    "churn@v1.0.0": ("registration", "first"),
}


def test_a_ref_that_somebody_typed(lab: Lab, commits: dict[str, str]) -> None:
    """`workflow_dispatch` with a form: a tag's name, its full ref, or a shortcut."""
    trigger = events.dispatch(lab.remote, "churn#prod")
    typed = step("typed", {"ref": "${{ github.event.inputs.ref }}"})
    fixed = [step(f"ref{number}", {"ref": ref}) for number, ref in enumerate(REFS)]
    lab.check_out(trigger.ref, trigger.sha)

    run = lab.run(trigger, typed, *fixed)

    assert run.succeeded, run.log
    _is_the_promotion(run, commits, "typed")
    for number, (ref, (event, commit)) in enumerate(REFS.items()):
        outputs = run[f"ref{number}"].outputs
        assert (outputs["event"], outputs["commit"]) == (event, commits[commit]), ref
        assert outputs["name"] == "churn"
        assert outputs["previous-version"] == ("v1.0.0" if commit == "second" else "")
    # the job was not started by these tags: none of them was put into the workspace
    assert git(run.workspace, "for-each-ref", "refs/tags") == ""


def test_the_clock_with_a_shortcut(lab: Lab, commits: dict[str, str]) -> None:
    run = _run(lab, events.schedule(lab.remote), {"ref": "churn#prod"})

    assert run.succeeded, run.log
    _is_the_promotion(run, commits)


NO_TAG: dict[str, Callable[[Remote], Trigger]] = {
    "push of a branch": events.push_branch,
    "schedule": events.schedule,
    "push of another annotated tag": lambda remote: events.push(remote, "release-2024.03"),
    "push of another lightweight tag": lambda remote: events.push(remote, "nightly"),
    "deletion of another tag": lambda remote: events.delete(remote, "nightly"),
    "deletion of a branch": lambda remote: _of_branch(events.delete(remote, "topic")),
    "creation of a branch": lambda remote: _of_branch(events.create(remote, "nightly")),
}


@pytest.mark.parametrize("case", NO_TAG)
def test_what_is_no_registry_tag_is_no_event(lab: Lab, commits: dict[str, str], case: str) -> None:
    run = _run(lab, NO_TAG[case](lab.remote))

    _is_nothing(run)


def test_a_pull_request_is_no_event(lab: Lab, commits: dict[str, str]) -> None:
    lab.remote.commit("Tune", {"rate.txt": "0.1\n"}, branch="tune")
    merge = lab.remote.commit("Merge tune into main", {"rate.txt": "0.1\n"}, branch="merge")
    git(lab.remote.path, "update-ref", "refs/pull/7/merge", merge)

    run = _run(lab, events.pull_request(lab.remote, "tune", merge))

    _is_nothing(run)


def test_a_tag_that_was_deleted_in_the_meantime(lab: Lab, commits: dict[str, str]) -> None:
    trigger = events.push(lab.remote, "churn#prod#1")
    lab.check_out(trigger.ref, trigger.sha)
    lab.remote.delete_tag("churn#prod#1")

    error = _the_error(lab.run(trigger, step("gto")))

    assert "There is no tag 'churn#prod#1' on the remote" in error


def test_a_tag_that_is_lightweight_on_the_remote_too(lab: Lab, commits: dict[str, str]) -> None:
    lab.remote.lightweight_tag("churn#prod#2", commits["second"])

    error = _the_error(_run(lab, events.push(lab.remote, "churn#prod#2")))

    assert "churn#prod#2" in error
    assert "lightweight" in error


def test_a_tag_that_was_moved_in_the_meantime(lab: Lab, commits: dict[str, str]) -> None:
    trigger = events.push(lab.remote, "churn#prod#1")
    lab.check_out(trigger.ref, trigger.sha)
    lab.remote.delete_tag("churn#prod#1")
    lab.remote.tag("churn#prod#1", commits["second"])

    error = _the_error(lab.run(trigger, step("gto")))

    assert "churn#prod#1" in error
    assert commits["first"] in error
    assert commits["second"] in error


FAILURES = {
    "a missing tag": ({"ref": "churn@v9.9.9"}, ("churn@v9.9.9",)),
    "a missing artifact": ({"ref": "nobody@latest"}, ("nobody",)),
    "an empty stage": ({"ref": "churn#staging"}, ("churn#staging",)),
    "a missing folder": ({"path": "no/such/folder"}, ("no/such/folder", "path")),
    "a folder outside": ({"path": "../home"}, ("path", "workspace")),
    "a link to the outside": ({"path": "link"}, ("path", "workspace")),
    "a word for a boolean": ({"show": "maybe"}, ("show", "true", "false")),
    "broken settings": ({}, ("GTO_STAGES",)),
}


def test_whatever_fails_is_one_error_with_the_next_step_and_no_outputs(lab: Lab, commits: dict[str, str]) -> None:
    trigger = events.push(lab.remote, "churn#prod#1")
    folder = lab.check_out(trigger.ref, trigger.sha)
    (folder / "link").symlink_to("/etc")
    environment = {"broken settings": {"env": {"GTO_STAGES": "[not json"}}}
    steps = [
        step(f"case{number}", inputs, **{"continue-on-error": True}, **environment.get(case, {}))
        for number, (case, (inputs, _)) in enumerate(FAILURES.items())
    ]

    run = lab.run(trigger, *steps)

    for number, (case, (_, words)) in enumerate(FAILURES.items()):
        error = _the_error(run, f"case{number}")
        assert all(word in error for word in words), f"{case}: {error}"
        assert "Traceback" not in "\n".join(run[f"case{number}"].printed), case


@pytest.mark.parametrize("damage", ["config", "HEAD", "objects"])
def test_a_broken_repository_is_an_error_or_does_not_matter(lab: Lab, commits: dict[str, str], damage: str) -> None:
    trigger = events.push(lab.remote, "churn#prod#1")
    folder = lab.check_out(trigger.ref, trigger.sha)
    if damage == "config":
        (folder / ".git/config").write_text("[core\n")
    elif damage == "HEAD":
        (folder / ".git/HEAD").unlink()
    else:
        for pack in (folder / ".git/objects/pack").iterdir():
            pack.write_bytes(b"damaged")

    run = lab.run(trigger, step("gto"))

    if damage == "objects" and run.succeeded:
        _is_the_promotion(run, commits)  # the remote has them too
    else:
        _the_error(run)


CRASHES = {
    "in the middle of the work": (
        "core/registry.py",
        "def fold(",
        "def fold(cls, events): raise RuntimeError('::error::x')\n\n    def old(",
    ),
    "at the start": (
        "core/names.py",
        "from __future__ import annotations\n",
        "from __future__ import annotations\n1 / 0\n",
    ),
}


@pytest.mark.parametrize("crash", CRASHES)
def test_a_crash_fails_the_step(lab: Lab, commits: dict[str, str], action_files: dict[str, bytes], crash: str) -> None:
    """An action with a bug in it, built and run: never a success with empty outputs."""
    trigger = events.push(lab.remote, "churn#prod#1")
    folder = lab.check_out(trigger.ref, trigger.sha)
    for name, content in action_files.items():
        file = folder / "with-a-bug" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    module, place, bug = CRASHES[crash]
    source = folder / "with-a-bug/gto_ci" / module
    assert place in source.read_text()
    source.write_text(source.read_text().replace(place, bug, 1))

    run = lab.run(trigger, step("gto", uses="./with-a-bug"), rebuild=True)

    assert not run.succeeded
    assert run["gto"].outcome == "failure"
    assert run["gto"].outputs == {}
    if crash == "in the middle of the work":
        assert "RuntimeError" in _the_error(run)


def _run(lab: Lab, trigger: Trigger, inputs: dict[str, str] | None = None) -> Run:
    lab.check_out(trigger.ref, trigger.sha, Checkout())
    return lab.run(trigger, step("gto", inputs))


def _of_branch(trigger: Trigger) -> Trigger:
    """The same event about a branch; checkout then gets the default branch."""
    name = str(trigger.payload["ref"])
    payload = {**trigger.payload, "ref_type": "branch", "full_ref": f"refs/heads/{name}"}
    return replace(trigger, ref="refs/heads/main", payload=payload)


def _is_the_promotion(run: Run, commits: dict[str, str], name: str = "gto") -> None:
    outputs = run[name].outputs
    expected = {
        "event": "assignment", "name": "churn", "version": "v1.0.0", "stage": "prod", "tag": "churn#prod#1",
        "commit": commits["first"], "message": "To production", "author": "Tess Tagger", "deleted": "false",
        "created-at": "2024-03-01T11:00:00+00:00", "type": "model", "path": "model.pkl", "is-current": "true",
        "is-latest": "false", "previous-version": "", "previous-commit": "",
    }  # fmt: skip
    assert {key: outputs[key] for key in expected} == expected


def _is_nothing(run: Run) -> None:
    assert run.succeeded, run.log
    assert run["gto"].outputs == NOTHING
    assert len(run["gto"].issued("notice")) == 1
    assert run["gto"].issued("error") == run["gto"].issued("warning") == []


def _the_error(run: Run, name: str = "gto") -> str:
    """The one error of the failed step, which left no outputs behind."""
    assert run[name].outcome == "failure", run.log
    assert run[name].outputs == {}
    (error,) = run[name].issued("error")
    # cause and next step
    assert ". " in error
    return error
