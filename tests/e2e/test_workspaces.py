"""Whatever the checkout step left: the triggering tag is annotated afterwards, and nothing else is changed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.e2e import events
from tests.e2e.checkout import Checkout, Credentials
from tests.e2e.conftest import TOKEN, Lab
from tests.e2e.remote import Remote, git
from tests.e2e.runner import OWNER, Run, Trigger, shell, step

TAG = "churn#prod#1"
MESSAGE = "Promote\n\nafter the review"
DATE = "2024-03-02T09:15:00-05:00"

VARIANTS = {
    "shallow": Checkout(),
    "full": Checkout(depth=0),
    "partial": Checkout(filter="blob:none"),
    "full and partial": Checkout(depth=0, filter="blob:none"),
    "no credentials": Checkout(credentials=Credentials.NONE),
    "v6": Checkout(credentials=Credentials.INCLUDED),
    "v6.0.2": Checkout(credentials=Credentials.INCLUDED, keeps_annotation=True),
    "full v6.0.2": Checkout(depth=0, credentials=Credentials.INCLUDED, keeps_annotation=True),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_gives_the_annotated_tag_back_and_changes_nothing_else(lab: Lab, variant: str) -> None:
    trigger = _registry(lab.remote)
    lab.remote.allow_filters()
    folder = lab.check_out(trigger.ref, trigger.sha, VARIANTS[variant])
    _work_of_the_user(folder)
    before = State(folder)
    if not VARIANTS[variant].keeps_annotation:
        assert git(folder, "cat-file", "-t", trigger.ref) == "commit", "the scene is not what checkout leaves"

    # a step after it works in the repository as the user that it belongs to
    as_owner = f"setpriv --reuid {OWNER} --regid {OWNER} --clear-groups"
    script = f"{as_owner} git tag -d '{TAG}' && {as_owner} git tag -a -m mine '{TAG}' && {as_owner} git tag -d '{TAG}'"
    identity = {"GIT_COMMITTER_NAME": "Later", "GIT_COMMITTER_EMAIL": "later@example.com"}
    run = lab.run(trigger, step("gto"), shell("later", f"cp -a . /tmp/copy && cd /tmp/copy && {script}", env=identity))

    assert run.succeeded, run.log
    _outputs_are_right(run, trigger)
    _only_the_tag_changed(run, run.workspace, before, lab.remote)


@pytest.mark.parametrize("location", ["registry", "deep/er/registry"])
def test_a_repository_below_the_workspace(lab: Lab, seed: Remote, location: str) -> None:
    """The job checked out two repositories: the action's at the top, the registry below."""
    trigger = _registry(lab.remote)
    shutil.copytree(seed.path, lab.server.root / "acme/action.git")
    lab.check_out("refs/heads/main", seed.resolve("main"), url=lab.server.url("acme/action.git"))
    folder = lab.check_out(trigger.ref, trigger.sha, Checkout(credentials=Credentials.INCLUDED), path=location)
    _work_of_the_user(folder)
    outer, inner = State(lab.workspace), State(folder)

    run = lab.run(trigger, step("gto", {"path": location}))

    assert run.succeeded, run.log
    _outputs_are_right(run, trigger)
    _only_the_tag_changed(run, run.workspace / location, inner, lab.remote)
    assert State(run.workspace) == outer


def test_without_fetching_the_workspace_is_enough_when_it_holds_the_tags(lab: Lab) -> None:
    trigger = _registry(lab.remote)
    folder = lab.check_out(trigger.ref, trigger.sha, Checkout(depth=0, keeps_annotation=True))
    before = State(folder)
    lab.server.forget()

    run = lab.run(trigger, step("gto", {"fetch-tags": "false"}))

    assert run.succeeded, run.log
    _outputs_are_right(run, trigger)
    assert lab.server.requests == []
    assert State(run.workspace) == before


def test_without_fetching_a_lightweight_tag_is_named_as_the_problem(lab: Lab) -> None:
    trigger = _registry(lab.remote)
    folder = lab.check_out(trigger.ref, trigger.sha)
    before = State(folder)
    lab.server.forget()

    run = lab.run(trigger, step("gto", {"fetch-tags": "false"}))

    error = _the_error(run)
    assert TAG in error
    assert "lightweight" in error
    assert "fetch-tags" in error
    assert lab.server.requests == []
    assert State(run.workspace) == before


def test_a_remote_that_is_a_folder_of_the_workspace(lab: Lab) -> None:
    """It belongs to the runner's user, whom git in the container does not trust by itself."""
    trigger = _registry(lab.remote)
    folder = lab.check_out_from_file(trigger.ref, trigger.sha)
    before = State(folder)

    run = lab.run(trigger, step("gto"))

    assert run.succeeded, run.log
    _outputs_are_right(run, trigger)
    _only_the_tag_changed(run, run.workspace, before, lab.remote)


@pytest.mark.parametrize("token", ["", "ghs_wrongwrongwrongwrongwrongwrongwrongwr"])
def test_a_missing_or_wrong_token_is_named_as_the_problem(lab: Lab, token: str) -> None:
    trigger = _registry(lab.remote)
    folder = lab.check_out(trigger.ref, trigger.sha, Checkout(credentials=Credentials.NONE))
    before = State(folder)

    run = lab.run(trigger, step("gto", {"token": token}))

    error = _the_error(run)
    assert "token" in error
    assert token not in error or not token
    assert State(run.workspace) == before


def test_a_busy_server_is_asked_again(lab: Lab) -> None:
    trigger = _registry(lab.remote)
    lab.check_out(trigger.ref, trigger.sha)
    lab.server.fail_next(503, 502)

    run = lab.run(trigger, step("gto"))

    assert run.succeeded, run.log
    _outputs_are_right(run, trigger)
    assert [request.status for request in lab.server.requests].count(503) == 1


@pytest.mark.parametrize(
    ("filters", "version", "most"),
    [(True, 3, 500_000), (False, 10, 500_000), (False, 3, 5_500_000)],
    ids=["filters", "no filters, on the default branch", "no filters, elsewhere"],
)
def test_fetching_moves_no_content(lab: Lab, filters: bool, version: int, most: int) -> None:
    """Of a history with 50 MB of content, tags and commits are all that the action fetches.

    To see whether there is a policy, it looks at the default branch's commit. Where the workspace is elsewhere, a
    server that knows no filters sends that one whole: its 5 MB, and no other's.
    """
    for number in range(1, 11):
        commit = lab.remote.commit(f"Train {number}", {"model.pkl": os.urandom(5_000_000)})
        lab.remote.tag(f"churn@v{number}.0.0", commit, date=f"2024-03-01T10:{number:02}:00Z")
        lab.remote.tag(f"churn#prod#{number}", commit, date=f"2024-03-01T11:{number:02}:00Z")
    if filters:
        lab.remote.allow_filters()
    trigger = events.push(lab.remote, f"churn#prod#{version}")
    lab.check_out(trigger.ref, trigger.sha)
    assert lab.server.sent > 5_000_000
    lab.server.forget()

    run = lab.run(trigger, step("gto"))

    assert run.succeeded, run.log
    assert run["gto"].outputs["version"] == f"v{version}.0.0"
    assert run["gto"].outputs["previous-version"] == f"v{version - 1}.0.0"
    assert run["gto"].outputs["is-current"] == str(version == 10).lower()
    assert 0 < lab.server.sent < most


class State:
    """What git and the file system say of a working tree, less the triggering tag."""

    def __init__(self, folder: Path) -> None:
        refs = git(folder, "for-each-ref", "--format=%(refname) %(objectname)").splitlines()
        self.refs = [ref for ref in refs if not ref.startswith(f"refs/tags/{TAG} ")]
        self.head = (folder / ".git/HEAD").read_bytes()
        self.config = (folder / ".git/config").read_bytes()
        shallow = folder / ".git/shallow"
        self.shallow = shallow.read_bytes() if shallow.exists() else b""
        self.files = {
            str(file.relative_to(folder)): file.read_bytes()
            for file in sorted(folder.rglob("*"))
            if file.is_file() and ".git" not in file.parts
        }
        # act's copy of the workspace leaves empty folders out
        self.git_entries = {e.name for e in (folder / ".git").iterdir() if e.is_file() or any(e.iterdir())}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, State) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return "\n".join(f"{name}: {value}" for name, value in vars(self).items() if name != "files")


def _registry(remote: Remote) -> Trigger:
    """Two commits, of which the older is promoted."""
    first = remote.commit("First", {"artifacts.yaml": "churn: {type: model, path: model.pkl}\n", "model.pkl": b"one"})
    remote.tag("churn@v1.0.0", first, date="2024-03-01T10:00:00Z")
    second = remote.commit("Second", {"model.pkl": b"two"})
    remote.tag("churn@v1.1.0", second, date="2024-03-01T11:00:00Z")
    remote.tag(TAG, first, MESSAGE, date=DATE)
    return events.push(remote, TAG)


def _work_of_the_user(folder: Path) -> None:
    """What an earlier step may have left: branches and tags of its own, also some that the remote has otherwise."""
    for ref in ("heads/topic", "tags/my-note", "tags/local=only@v7.0.0", "notes/review", "tags/churn@v1.1.0"):
        git(folder, "update-ref", f"refs/{ref}", "HEAD")
    (folder / "report.txt").write_text("not committed\n")


def _outputs_are_right(run: Run, trigger: Trigger) -> None:
    outputs = run["gto"].outputs
    expected = {
        "event": "assignment", "name": "churn", "version": "v1.0.0", "stage": "prod", "tag": TAG, "commit": trigger.sha,
        "author": "Tess Tagger", "author-email": "tess@example.com", "message": MESSAGE, "created-at": DATE,
        "type": "model", "path": "model.pkl", "is-latest": "false", "is-current": "true", "deleted": "false",
    }  # fmt: skip
    assert {name: outputs[name] for name in expected} == expected


def _only_the_tag_changed(run: Run, folder: Path, before: State, remote: Remote) -> None:
    assert git(folder, "rev-parse", f"refs/tags/{TAG}") == remote.resolve(f"refs/tags/{TAG}")
    assert git(folder, "cat-file", "-t", f"refs/tags/{TAG}") == "tag"
    assert State(folder) == before
    git(folder, "fsck", "--connectivity-only")
    owners = {(path.lstat().st_uid, path.lstat().st_gid): path for path in run.workspace.rglob("*")}
    assert set(owners) == {(OWNER, OWNER)}, owners
    # neither .gitconfig nor .config/git, nor anything else
    assert list(run.home.rglob("*")) == []


def _the_error(run: Run) -> str:
    """The one error of the failed step, which left no outputs behind and no secret in the log."""
    assert not run.succeeded
    assert run["gto"].outcome == "failure"
    assert run["gto"].outputs == {}
    (error,) = run["gto"].issued("error")
    assert TOKEN not in error
    return error
