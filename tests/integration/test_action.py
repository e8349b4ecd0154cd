"""Tests of the action on real workspaces and real remotes, without the container (tests/e2e runs that)."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.e2e.checkout import Checkout, Credentials, check_out
from tests.e2e.remote import Person, Remote, git
from tests.git_server import GitServer
from tests.jobs import FakeRunner, Outcome

TOKEN = "ghs_0123456789abcdefghij"
ARTIFACTS = (
    "churn:\n  type: model\n  path: models/churn.pkl\n  labels: [a, b]\n  description: who leaves\n  custom: {k: 1}\n"
)


@dataclass
class Lab:
    """A remote with a registry, behind HTTP with a password, and helpers to check it out and run the action."""

    remote: Remote
    server: GitServer
    folder: Path
    url: str

    def check_out(self, ref: str, how: Checkout | None = None, path: str = ".") -> tuple[FakeRunner, str]:
        """Check out as actions/checkout does; return the runner and the triggering commit."""
        commit = self.remote.peel(ref)
        workspace, temp = self.folder / "workspace", self.folder / "temp"
        temp.mkdir(exist_ok=True)
        check_out(workspace, self.url, ref, commit, how or Checkout(), token=TOKEN, temp=temp, path=path)
        self.server.forget()
        return FakeRunner(workspace, temp, {"GITHUB_SERVER_URL": f"http://{self.server.address}"}), commit

    def push(self, tag: str, how: Checkout | None = None, path: str = ".", **inputs: str) -> Outcome:
        """Run the action as a push of ``tag`` does."""
        ref = f"refs/tags/{tag}"
        runner, commit = self.check_out(ref, how, path)
        if path != ".":
            inputs["path"] = path
        return runner.run("push", ref, commit, {"ref": ref, "created": True}, **inputs)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    remote = Remote.create(tmp_path / "server/acme/models.git")
    remote.allow_filters()
    remote.commit("one", {"artifacts.yaml": ARTIFACTS, "code.py": "1"})
    remote.tag("churn@v1.0.0", date="2024-01-01T00:00:00+00:00")
    remote.tag("churn#prod#1", date="2024-01-02T00:00:00+00:00")
    remote.commit("two", {"code.py": "2"})
    remote.tag("churn@v1.1.0", date="2024-01-03T00:00:00+00:00")
    tagger = Person("Zoë Tagger", "zoe@example.com")
    remote.tag("churn#prod#2", message="Ship it\n\nnow", tagger=tagger, date="2024-01-04T05:06:07+02:00")
    remote.commit("three", {"code.py": "3"})
    remote.tag("churn@v2.0.0-rc.1", date="2024-01-05T00:00:00+00:00")
    remote.tag("models/nlp=segment@v0.1.0", date="2024-01-06T00:00:00+00:00")
    remote.lightweight_tag("churn@v7.0.0")
    remote.lightweight_tag("release-1")
    with GitServer(tmp_path / "server", token=TOKEN) as server:
        yield Lab(remote, server, tmp_path, server.url("acme/models.git"))


def refs(folder: Path) -> str:
    return git(folder, "for-each-ref")


def test_an_assignment(lab: Lab) -> None:
    ran = lab.push("churn#prod#2")
    assert ran.code == 0, ran.log
    commit = lab.remote.peel("churn#prod#2")
    outputs = ran.outputs
    event, registry = json.loads(outputs.pop("json")), json.loads(outputs.pop("registry"))
    assert outputs == {
        "event": "assignment",
        "name": "churn",
        "version": "v1.1.0",
        "stage": "prod",
        "type": "model",
        "path": "models/churn.pkl",
        "description": "who leaves",
        "labels": '["a", "b"]',
        "custom": '{"k": 1}',
        "tag": "churn#prod#2",
        "commit": commit,
        "author": "Zoë Tagger",
        "author-email": "zoe@example.com",
        "message": "Ship it\n\nnow",
        "created-at": "2024-01-04T05:06:07+02:00",
        "previous-version": "v1.0.0",
        "previous-commit": lab.remote.peel("churn#prod#1"),
        "deleted": "false",
        "is-latest": "false",
        "is-current": "true",
        "ghost-applied": "false",
        # tested in test_gates.py, test_ghost_job.py and test_comments.py
        **dict.fromkeys(
            ("gate", "gate-reasons", "ghost-base", "ghost-diff", "ghost-tree", "ghost-files", "comment-url"), ""
        ),
    }
    assert event == {
        "artifact": "churn",
        "created_at": "2024-01-04T05:06:07+02:00",
        "author": "Zoë Tagger",
        "author_email": "zoe@example.com",
        "message": "Ship it\n\nnow",
        "commit_hexsha": commit,
        "tag": "churn#prod#2",
        "version": "v1.1.0",
        "stage": "prod",
        "event": "assignment",
    }
    assert registry["churn"] == {
        "version": "v2.0.0-rc.1",
        "stage": {"prod": "v1.1.0"},
        "registered": True,
        "active": True,
    }
    assert "models/nlp:segment" in registry
    assert [line.split("::")[-1] for line in ran.commands("group")] == [
        *("gto show churn", "gto show", "gto history churn", "Outputs"),
    ]
    assert "Stage" in ran.summary
    assert TOKEN not in ran.summary + ran.output_file.decode()


CHECKOUTS = {
    "depth 1": Checkout(),
    "full": Checkout(depth=0),
    "partial": Checkout(filter="blob:none"),
    "full and partial": Checkout(depth=0, filter="blob:none"),
    "treeless": Checkout(depth=0, filter="tree:0"),
    "no credentials": Checkout(credentials=Credentials.NONE),
    "annotated kept": Checkout(keeps_annotation=True),
}


@pytest.mark.parametrize("how", CHECKOUTS.values(), ids=CHECKOUTS)
@pytest.mark.parametrize("path", [".", "deep/sub"])
def test_every_checkout_gives_the_same_outputs_and_only_the_tag_changes(lab: Lab, how: Checkout, path: str) -> None:
    tag = "churn#prod#2"
    runner, commit = lab.check_out(f"refs/tags/{tag}", how, path)
    folder = runner.workspace / path
    git(folder, "tag", "mine", commit)
    git(folder, "branch", "my-branch", commit)
    git(folder, "-c", "user.name=x", "-c", "user.email=x", "tag", "-a", "-m", "local only", "churn@v5.0.0", commit)
    before, config = refs(folder), (folder / ".git/config").read_bytes()
    listing = set(folder.rglob("*"))
    ran = runner.run("push", f"refs/tags/{tag}", commit, path=path, token=TOKEN)
    assert ran.code == 0, ran.log
    assert (ran.outputs["version"], ran.outputs["previous-version"]) == ("v1.1.0", "v1.0.0")
    assert (ran.outputs["type"], ran.outputs["message"]) == ("model", "Ship it\n\nnow")
    # the annotated tag is restored, and nothing else has changed
    changed = set(refs(folder).split("\n")) ^ set(before.split("\n"))
    assert {line.split("\t")[1] for line in changed} <= {f"refs/tags/{tag}"}
    assert git(folder, "rev-parse", f"refs/tags/{tag}") == lab.remote.resolve(f"refs/tags/{tag}")
    assert git(folder, "cat-file", "-t", f"refs/tags/{tag}") == "tag"
    assert (folder / ".git/config").read_bytes() == config
    new = {str(file.relative_to(folder)) for file in set(folder.rglob("*")) - listing}
    assert all(name.startswith(".git/objects/") for name in new), new
    assert sum((folder / name).is_file() for name in new) <= 1
    assert git(folder, "status", "--porcelain") == ""
    # no secret and no temporary file is left behind
    assert not [file for file in runner.temp.iterdir() if file.name.startswith("gto-ci")]


def test_the_users_own_tag_object_stays(lab: Lab) -> None:
    """Bug: the remote's tag object replaced it, and no ref kept it."""
    tag = "churn#prod#2"
    runner, commit = lab.check_out(f"refs/tags/{tag}")
    git(runner.workspace, "-c", "user.name=x", "-c", "user.email=x", "tag", "-a", "-f", "-m", "mine", tag, commit)
    before = refs(runner.workspace)
    ran = runner.run("push", f"refs/tags/{tag}", commit)
    assert (ran.code, ran.outputs["message"]) == (0, "Ship it\n\nnow")
    assert refs(runner.workspace) == before


def test_fetch_tags_false_reads_local_tags_and_changes_nothing(lab: Lab) -> None:
    runner, commit = lab.check_out("refs/tags/churn#prod#2", Checkout(depth=0))
    before = refs(runner.workspace)
    ran = runner.run("push", "refs/tags/churn@v1.1.0", commit, fetch_tags="false")
    assert (ran.code, ran.outputs["version"], ran.outputs["previous-version"]) == (0, "v1.1.0", "v1.0.0")
    assert refs(runner.workspace) == before
    assert lab.server.requests == []
    # the triggering tag is lightweight in this workspace
    error = runner.run("push", "refs/tags/churn#prod#2", commit, fetch_tags="false").error
    assert "lightweight" in error
    assert "fetch-tags: true" in error


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, as in the container, to see who owns what it writes")
def test_root_leaves_no_files_of_its_own_in_the_workspace(lab: Lab) -> None:
    runner, commit = lab.check_out("refs/tags/churn#prod#2")
    for file in (runner.workspace, *runner.workspace.rglob("*")):
        os.chown(file, 1001, 1002, follow_symlinks=False)
    odd = runner.workspace / "roots-own"
    odd.write_text("")
    ran = runner.run("push", "refs/tags/churn#prod#2", commit)
    assert ran.code == 0, ran.log
    owners = {file: file.lstat().st_uid for file in runner.workspace.rglob("*")}
    assert {file for file, owner in owners.items() if owner != 1001} == {odd}
    assert {file.lstat().st_gid for file in owners if file != odd} == {1002}


# Promise 4: the amount of data that the fetch transfers


def add_ballast(lab: Lab, megabytes: int = 50) -> int:
    """Add registered commits whose blobs have ``megabytes`` in total; return the bytes."""
    for number in range(megabytes // 5):
        lab.remote.commit(f"heavy {number}", {"data.bin": os.urandom(5_000_000)})
        lab.remote.tag(f"heavy@v0.0.{number}", date=f"2024-02-{number + 1:02}T00:00:00+00:00")
    lab.remote.commit("light again", {"data.bin": b""})
    lab.remote.tag("heavy@v1.0.0", date="2024-03-01T00:00:00+00:00")
    return megabytes * 1_000_000


@pytest.mark.parametrize("filters", ["true", "false"])
def test_the_fetch_transfers_only_tags_and_commits(lab: Lab, filters: str) -> None:
    git(lab.remote.path, "config", "uploadpack.allowFilter", filters)
    ballast = add_ballast(lab)
    ran = lab.push("heavy@v1.0.0")
    assert (ran.code, ran.outputs["previous-version"]) == (0, "v0.0.9")
    assert 0 < lab.server.sent < ballast / 100
    # only the annotation files at the old commit are fetched
    shutil.rmtree(lab.folder / "workspace")
    runner, commit = lab.check_out("refs/tags/heavy@v1.0.0")
    ran = runner.run("workflow_dispatch", "refs/heads/main", commit, ref="churn@v1.0.0")
    assert (ran.code, ran.outputs["path"]) == (0, "models/churn.pkl")
    assert 0 < lab.server.sent < ballast / 100


def test_a_server_that_allows_no_filters_and_is_a_folder(lab: Lab, tmp_path: Path) -> None:
    git(lab.remote.path, "config", "uploadpack.allowFilter", "false")
    lab.url = lab.remote.file_url
    ran = lab.push("churn#prod#2")
    assert (ran.code, ran.outputs["previous-version"], ran.outputs["type"]) == (0, "v1.0.0", "model")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
@pytest.mark.parametrize("filters", ["true", "false"])
def test_a_remote_that_is_a_folder_of_the_workspaces_owner_is_trusted(lab: Lab, filters: str) -> None:
    git(lab.remote.path, "config", "uploadpack.allowFilter", filters)
    lab.url = lab.remote.file_url
    runner, commit = lab.check_out("refs/tags/churn#prod#2")

    def give(folder: Path, owner: int) -> None:
        for file in (folder, *folder.rglob("*")):
            os.chown(file, owner, owner, follow_symlinks=False)

    give(runner.workspace, 1001)
    give(lab.remote.path, 1001)
    ran = runner.run("push", "refs/tags/churn#prod#2", commit)
    assert (ran.code, ran.outputs.get("previous-version")) == (0, "v1.0.0"), ran.log
    give(lab.remote.path, 1002)  # owned by another user: then only the user may trust it
    assert "dubious ownership" in runner.run("push", "refs/tags/churn#prod#2", commit).error


@pytest.mark.parametrize("version", ["0", "1", "2"])
@pytest.mark.parametrize("filters", ["true", "false"])
def test_every_version_of_gits_protocol(lab: Lab, version: str, filters: str) -> None:
    git(lab.remote.path, "config", "uploadpack.allowFilter", filters)
    runner, commit = lab.check_out("refs/tags/churn#prod#2")
    git(runner.workspace, "config", "protocol.version", version)
    ran = runner.run("push", "refs/tags/churn#prod#2", commit)
    assert (ran.code, ran.outputs.get("previous-version")) == (0, "v1.0.0"), ran.log
    assert {request.protocol for request in lab.server.requests} <= {"", f"version={version}"}


def test_a_remote_given_as_a_path(lab: Lab) -> None:
    lab.url = lab.remote.file_url
    ran = lab.push("churn#prod#2")
    assert (ran.code, ran.outputs["previous-version"]) == (0, "v1.0.0")
    runner, commit = lab.check_out("refs/tags/churn#prod#2", path="second")
    folder = runner.workspace / "second"
    git(folder, "remote", "set-url", "origin", os.path.relpath(lab.remote.path, folder))
    ran = runner.run("push", "refs/tags/churn#prod#2", commit, path="second")
    assert ran.code == 0, ran.log


# Promise 5: events


def test_a_deletion_is_read_from_the_name(lab: Lab) -> None:
    runner, commit = lab.check_out("refs/heads/main")
    lab.remote.delete_tag("churn#prod#2")
    payload: dict[str, object] = {"ref": "churn#prod#2", "ref_type": "tag"}
    ran = runner.run("delete", "refs/heads/main", commit, payload)
    assert ran.code == 0, ran.log
    outputs = {name: value for name, value in ran.outputs.items() if value}
    registry = json.loads(outputs.pop("registry"))
    assert outputs == {
        "event": "assignment",
        "name": "churn",
        "stage": "prod",
        "tag": "churn#prod#2",
        "deleted": "true",
        "ghost-applied": "false",
    }
    assert registry["churn"]["stage"] == {"prod": "v1.0.0"}
    payload["ref"] = "churn@v1.1.0"
    deleted = runner.run("delete", "refs/heads/main", commit, payload).outputs
    assert (deleted["event"], deleted["version"], deleted["deleted"]) == ("registration", "v1.1.0", "true")


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        ("create", {"ref": "churn#prod#2", "ref_type": "tag"}),
        ("release", {"action": "published", "release": {"tag_name": "churn#prod#2"}}),
        ("workflow_dispatch", {"inputs": {}}),
        ("repository_dispatch", {"client_payload": {}}),
    ],
)
def test_other_events_on_a_tag(lab: Lab, event: str, payload: dict[str, object]) -> None:
    runner, commit = lab.check_out("refs/tags/churn#prod#2")
    ran = runner.run(event, "refs/tags/churn#prod#2", commit, payload)
    assert (ran.code, ran.outputs["event"], ran.outputs["version"]) == (0, "assignment", "v1.1.0")
    assert git(runner.workspace, "cat-file", "-t", "refs/tags/churn#prod#2") == "tag"


@pytest.mark.parametrize(
    ("wanted", "tag", "version"),
    [
        ("churn#prod#1", "churn#prod#1", "v1.0.0"),
        ("refs/tags/churn#prod#1", "churn#prod#1", "v1.0.0"),
        ("churn@latest", "churn@v2.0.0-rc.1", "v2.0.0-rc.1"),
        ("churn@greatest", "churn@v2.0.0-rc.1", "v2.0.0-rc.1"),
        ("churn@v1.0.0", "churn@v1.0.0", "v1.0.0"),
        ("churn#prod", "churn#prod#2", "v1.1.0"),
        ("models/nlp:segment@latest", "models/nlp=segment@v0.1.0", "v0.1.0"),
    ],
)
@pytest.mark.parametrize("way", ["input", "dispatch"])
def test_a_ref_named_by_hand(lab: Lab, wanted: str, tag: str, version: str, way: str) -> None:
    runner, commit = lab.check_out("refs/heads/main")
    if way == "input":
        ran = runner.run("schedule", "refs/heads/main", commit, ref=wanted)
    else:
        ran = runner.run("workflow_dispatch", "refs/heads/main", commit, {"inputs": {"ref": wanted}})
    assert ran.code == 0, ran.log
    assert (ran.outputs["tag"], ran.outputs["version"]) == (tag, version)
    assert ran.outputs["commit"] == lab.remote.peel(f"refs/tags/{tag}")


@pytest.mark.parametrize(
    ("event", "ref"),
    [
        ("push", "refs/heads/main"),
        ("push", "refs/tags/release-1"),
        ("push", "refs/tags/churn@v1.0"),
        ("push", "refs/tags/churn@created"),
        ("schedule", "refs/heads/main"),
        ("pull_request", "refs/pull/1/merge"),
        ("workflow_dispatch", "refs/heads/main"),
        ("create", "refs/heads/main"),
        ("delete", "refs/heads/main"),
    ],
)
def test_a_ref_that_is_not_a_registry_tag(lab: Lab, event: str, ref: str) -> None:
    runner, commit = lab.check_out("refs/heads/main")
    ran = runner.run(event, ref, commit, {"ref": "x", "ref_type": "branch"})
    assert ran.code == 0, ran.log
    assert set(ran.outputs.values()) == {""}
    assert len(ran.commands("notice")) == 1
    assert ran.commands("error") + ran.commands("warning") == []
    assert "gto show" in ran.log


# Promise 6: a tag in registry format is never silently ignored


def test_a_missing_tag(lab: Lab) -> None:
    runner, commit = lab.check_out("refs/tags/churn#prod#2")
    lab.remote.delete_tag("churn#prod#2")
    error = runner.run("push", "refs/tags/churn#prod#2", commit).error
    assert "There is no tag 'churn#prod#2' on the remote" in error
    assert "Push the tag" in error
    assert "annotated" not in git(runner.workspace, "cat-file", "-t", "refs/tags/churn#prod#2")


def test_a_tag_that_is_lightweight_on_the_remote_too(lab: Lab) -> None:
    error = lab.push("churn@v7.0.0").error
    assert "lightweight" in error
    assert "git tag -a -f -m MESSAGE 'churn@v7.0.0' 'churn@v7.0.0^{}'" in error


def test_a_tag_that_was_moved(lab: Lab) -> None:
    runner, commit = lab.check_out("refs/tags/churn#prod#2")
    lab.remote.delete_tag("churn#prod#2")
    lab.remote.tag("churn#prod#2", "main")
    before = refs(runner.workspace)
    ran = runner.run("push", "refs/tags/churn#prod#2", commit)
    assert commit in ran.error
    assert lab.remote.peel("churn#prod#2") in ran.error
    assert "moved" in ran.error
    assert refs(runner.workspace) == before
    assert "moved" in ran.summary


@pytest.mark.parametrize(
    "wanted", ["churn@v9.9.9", "churn#qa", "nobody@latest", "churn#prod#9", "refs/tags/churn#prod"]
)
def test_a_name_that_resolves_to_nothing(lab: Lab, wanted: str) -> None:
    runner, commit = lab.check_out("refs/heads/main")
    ran = runner.run("workflow_dispatch", "refs/heads/main", commit, ref=wanted)
    assert wanted.removeprefix("refs/tags/") in ran.error


@pytest.mark.parametrize("target", ["main^{tree}", "main:code.py"])
def test_a_tag_that_does_not_point_to_a_commit(lab: Lab, target: str) -> None:
    runner, commit = lab.check_out("refs/heads/main")
    person = ("-c", "user.name=x", "-c", "user.email=x@example.com")
    git(lab.remote.path, *person, "tag", "-a", "-m", "odd", "odd@v1.0.0", target)
    error = runner.run("push", "refs/tags/odd@v1.0.0", commit).error
    assert "not to a commit" in error


# Promise 7, and failures from outside


def test_a_crash_fails_the_step(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object) -> None:
        raise ZeroDivisionError("::error::boom\nx")

    monkeypatch.setattr("gto_ci.action.reference_of", crash)
    ran = lab.push("churn#prod#2")
    assert "Unexpected ZeroDivisionError" in ran.error
    assert "Traceback" in ran.log


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ({"show": "perhaps"}, "Input 'show' must be true or false"),
        ({"path": ".."}, "is outside the workspace"),
        ({"path": "/etc"}, "is outside the workspace"),
        ({"path": "missing"}, "does not exist"),
        ({"path": "link"}, "is outside the workspace"),
    ],
)
def test_wrong_inputs(lab: Lab, inputs: dict[str, str], says: str) -> None:
    runner, commit = lab.check_out("refs/tags/churn#prod#2")
    (runner.workspace / "link").symlink_to("/etc")
    assert says in runner.run("push", "refs/tags/churn#prod#2", commit, **inputs).error


def test_files_of_the_runner_that_cannot_be_written(lab: Lab) -> None:
    """The outputs are written last, so they exist only if the step did everything else."""
    runner, commit = lab.check_out("refs/tags/churn#prod#2")
    for variable in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"):
        odd = replace(runner, environ={**runner.environ, variable: str(runner.workspace)})
        error = odd.run("push", "refs/tags/churn#prod#2", commit).error
        assert f"Cannot write to the runner's file '{runner.workspace}'" in error
        assert variable in error


def test_a_workspace_without_a_repository_is_not_searched_above(lab: Lab) -> None:
    runner, commit = lab.check_out("refs/tags/churn#prod#2")
    inside = replace(runner, workspace=runner.workspace / "empty")
    inside.workspace.mkdir()
    error = inside.run("push", "refs/tags/churn#prod#2", commit).error
    assert "actions/checkout" in error


def test_a_remote_that_refuses_or_is_gone(lab: Lab) -> None:
    runner, commit = lab.check_out("refs/tags/churn#prod#2", Checkout(credentials=Credentials.NONE))
    refused = runner.run("push", "refs/tags/churn#prod#2", commit, token="wrong-" + TOKEN)
    assert "token" in refused.error
    assert TOKEN not in refused.log.replace(f"::add-mask::wrong-{TOKEN}", "") + refused.summary
    none = runner.run("push", "refs/tags/churn#prod#2", commit)
    assert "token" in none.error
    git(runner.workspace, "remote", "remove", "origin")
    assert "no remote" in runner.run("push", "refs/tags/churn#prod#2", commit).error


def test_a_token_is_sent_to_no_other_server(lab: Lab) -> None:
    runner, commit = lab.check_out("refs/tags/churn#prod#2", Checkout(credentials=Credentials.NONE))
    runner.environ["GITHUB_SERVER_URL"] = "https://github.example.com"
    assert runner.run("push", "refs/tags/churn#prod#2", commit, token=TOKEN).code == 1
    assert not any(request.authorized for request in lab.server.requests)


def test_a_busy_server_is_retried(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gto_ci.git.remotes.network_retries.PAUSES", (0.0, 0.0))
    runner, commit = lab.check_out("refs/tags/churn#prod#2")
    lab.server.fail_next(503, 503)
    assert runner.run("push", "refs/tags/churn#prod#2", commit).code == 0
    lab.server.fail_next(503, 503, 503)
    assert "503" in runner.run("push", "refs/tags/churn#prod#2", commit).error


# Annotations


def test_a_broken_annotation_is_a_warning_at_its_line(lab: Lab) -> None:
    lab.remote.commit("broken", {"artifacts.yaml": "churn: {type: model}\nx: [\n"})
    lab.remote.tag("churn@v3.0.0", date="2024-06-01T00:00:00+00:00")
    ran = lab.push("churn@v3.0.0")
    assert (ran.code, ran.outputs["version"], ran.outputs["type"]) == (0, "v3.0.0", "")
    (warning,) = ran.commands("warning")
    assert "file=artifacts.yaml,line=3" in warning
    assert "Malformed" in ran.summary


def test_dvc_yaml_in_a_folder(lab: Lab) -> None:
    lab.remote.commit("dvc", {"models/nlp/dvc.yaml": "artifacts: {segment: {path: s.pkl, type: model, desc: hi}}\n"})
    lab.remote.tag("models/nlp=segment@v0.2.0", date="2024-06-01T00:00:00+00:00")
    ran = lab.push("models/nlp=segment@v0.2.0")
    assert (ran.outputs["path"], ran.outputs["description"]) == ("models/nlp/s.pkl", "hi")


# Switches


def test_quiet(lab: Lab) -> None:
    ran = lab.push("churn#prod#2", show="false", history="false", print_outputs="false", summary="false")
    assert (ran.code, ran.log, ran.summary) == (0, "", "")
    assert ran.outputs["version"] == "v1.1.0"


def test_configured_stages_are_the_columns(lab: Lab) -> None:
    lab.remote.commit("config", {".gto": "stages: [qa, prod]\n"})
    lab.remote.tag("churn@v3.0.0", date="2024-06-01T00:00:00+00:00")
    ran = lab.push("churn@v3.0.0")
    assert json.loads(ran.outputs["registry"])["churn"]["stage"] == {"qa": None, "prod": "v1.1.0"}
