"""The gate on real remotes: where rules are read, what inputs require, the effect of a closed gate, the command."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.e2e.checkout import Checkout, Credentials
from tests.e2e.remote import Remote, git
from tests.git_server import GitServer
from tests.integration.test_action import TOKEN, Lab, refs
from tests.jobs import FakeRunner, Outcome
from tests.running import Ran, gto
from tests.workdir import WorkDir

FILE = ".gto-policy.yaml"
STRICT = "rules:\n- {name: staged, stages: [prod], require: {after: staging}}\n"
LAX = "rules: []\n"
TAG = "churn#prod#1"
WITH_DEFAULT: dict[str, object] = {"repository": {"default_branch": "main"}}


@dataclass(frozen=True)
class Job:
    """A job whose workspace is checked out at a tag."""

    runner: FakeRunner
    commit: str

    def run(self, payload: dict[str, object] | None = None, /, **inputs: str) -> Outcome:
        return self.runner.run("push", f"refs/tags/{TAG}", self.commit, payload, **inputs)


def nothing(remote: Remote) -> str:
    """Create a commit without files."""
    who = {f"GIT_{role}_{what}": "x@example.com" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    return git(remote.path, "commit-tree", "-m", "none", git(remote.path, "mktree"), environment=who)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A registry with a version that went to production without staging. The rules were added to `main` later.

    Other rules are on branches, under tags, and under a name that is both a branch and a tag.
    """
    folder = tmp_path_factory.mktemp("world")
    remote = Remote.create(folder / "server/acme/models.git")
    remote.allow_filters()
    remote.commit("one", {"artifacts.yaml": "churn: {type: model, path: m.pkl}\n", FILE: LAX, "strict.yaml": STRICT})
    remote.tag("churn@v1.0.0", date="2024-01-01T00:00:00+00:00")
    remote.tag(TAG, date="2024-01-02T00:00:00+00:00")
    remote.tag("models/nlp=segment@v0.1.0")
    remote.lightweight_tag("nightly")
    remote.commit("two", {FILE: STRICT, "weights.bin": os.urandom(1_000_000)})
    remote.commit("lax", {FILE: LAX}, branch="lax")
    remote.commit("deep", {FILE: LAX}, branch="release/1.x")
    remote.commit("strict", {FILE: STRICT}, branch="both")
    git(remote.path, "update-ref", "refs/heads/empty", nothing(remote))
    remote.tag("rules-1", "lax")
    remote.lightweight_tag("rules-2", "lax")
    remote.lightweight_tag("both", "lax")
    with GitServer(folder / "server", token=TOKEN) as server:
        yield Lab(remote, server, folder, server.url("acme/models.git"))


@pytest.fixture
def lab(world: Lab, tmp_path: Path) -> Lab:
    """A copy of the world that the test may change."""
    name = f"acme/{tmp_path.name}.git"
    path = world.server.root / name
    shutil.copytree(world.remote.path, path)
    return Lab(Remote(path), world.server, tmp_path, world.server.url(name))


@pytest.fixture(scope="module")
def job(world: Lab) -> Job:
    """A job on the tag whose workspace has everything. Tests do not change it."""
    return Job(*world.check_out(f"refs/tags/{TAG}", Checkout(depth=0, keeps_annotation=True)))


def gate(ran: Outcome) -> str:
    """Return the output `gate`, after checking that the step's result and log agree with it."""
    outputs = ran.outputs
    reasons = json.loads(outputs["gate-reasons"] or "[]")
    assert ran.code == (outputs["gate"] == "failed")
    assert len(ran.commands("error")) == ran.code
    assert bool(reasons) == bool(ran.code)
    assert all(set(reason) == {"rule", "check", "passed", "evidence", "remedy"} for reason in reasons)
    assert outputs["gate"] or not outputs["gate-reasons"]
    return outputs["gate"]


# Where the rules are read


CHECKOUTS = {
    "shallow": Checkout(),
    "full": Checkout(depth=0),
    "partial": Checkout(filter="blob:none"),
    "full and partial": Checkout(depth=0, filter="blob:none"),
    "no credentials": Checkout(credentials=Credentials.NONE),
    "v6": Checkout(credentials=Credentials.INCLUDED),
}
# (whether the server has filters, version of the protocol, how it was checked out)
SERVERS = [
    *((True, "2", how) for how in CHECKOUTS),
    *((*server, how) for server in ((False, "2"), (True, "1"), (False, "0")) for how in ("shallow", "full", "partial")),
]


@pytest.mark.parametrize(("filters", "protocol", "how"), SERVERS)
def test_the_default_branchs_policy_applies_to_every_tag(lab: Lab, filters: bool, protocol: str, how: str) -> None:
    git(lab.remote.path, "config", "uploadpack.allowFilter", str(filters).lower())
    # as on GitHub; with protocol 2, git lets anyone request any object
    git(lab.remote.path, "config", "uploadpack.allowAnySHA1InWant", str(protocol != "2").lower())
    runner, commit = lab.check_out(f"refs/tags/{TAG}", CHECKOUTS[how])
    git(runner.workspace, "config", "protocol.version", protocol)
    before = state(runner.workspace)
    ran = runner.run("push", f"refs/tags/{TAG}", commit, token=TOKEN)
    assert gate(ran) == "failed", ran.log
    assert f"'{FILE}' of the default branch ({lab.remote.resolve('main')[:7]})" in ran.log
    assert ran.outputs["version"] == "v1.0.0"
    assert state(runner.workspace) == before
    assert lab.server.sent < 20_000 or not filters, "files travelled that nobody asked for"


def state(folder: Path) -> dict[str, object]:
    """Return what the gate could have changed in a workspace, except the tag's own ref."""
    listed = [line for line in refs(folder).splitlines() if not line.endswith(f"refs/tags/{TAG}")]
    files = {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}
    return {"refs": listed, "files": files, "config": (folder / ".git/config").read_bytes(), "objects": blobs(folder)}


def blobs(folder: Path) -> set[str]:
    """Return the repository's local objects, without tags and without promised objects."""
    listed = git(folder, "cat-file", "--batch-all-objects", "--batch-check", "--unordered").splitlines()
    return {line for line in listed if " tag " not in line}


def test_a_weaker_policy_elsewhere_does_not_count(lab: Lab) -> None:
    lab.remote.commit("mine", {FILE: LAX}, branch="mine")
    runner, commit = lab.check_out("refs/heads/mine")
    assert gate(runner.run("push", "refs/heads/mine", commit, ref=TAG)) == "failed"
    (runner.workspace / FILE).write_text(LAX)
    assert gate(runner.run("push", "refs/heads/mine", commit, ref=TAG)) == "failed"


def test_a_tag_does_not_pass_for_a_branch(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """If branch `x` is missing, git would resolve a tag `refs/heads/x` instead, and a tag `HEAD` for the remote's."""
    monkeypatch.setattr("gto_ci.git.remotes.network_retries.PAUSES", ())
    for name in ("HEAD", "main", "origin/main", "refs/heads/main", "refs/heads/gone", "refs/remotes/origin/main"):
        lab.remote.tag(name, "lax")
    job = Job(*lab.check_out(f"refs/tags/{TAG}", Checkout(keeps_annotation=True)))
    git(job.runner.workspace, "fetch", "--quiet", "--tags", lab.remote.file_url)
    assert gate(job.run()) == "failed"
    for fetch in ("true", "false"):
        for ref in ("refs/heads/gone", "refs/remotes/origin/main"):
            assert ref in job.run(policy_ref=ref, fetch_tags=fetch).error
    assert "is both a branch and a tag" in job.run(policy_ref="main").error
    unknown = job.run(WITH_DEFAULT, fetch_tags="false", policy=FILE)
    assert "The default branch is not known here" in unknown.error
    git(lab.remote.path, "symbolic-ref", "HEAD", "refs/heads/gone")
    assert "The remote has no default branch" in job.run(policy=FILE).error


def test_another_default_branch(lab: Lab) -> None:
    lab.remote.commit("mine", {FILE: LAX}, branch="trunk")
    git(lab.remote.path, "symbolic-ref", "HEAD", "refs/heads/trunk")
    assert gate(lab.push(TAG)) == "passed"


@pytest.mark.parametrize(
    ("ref", "says"),
    [
        ("main", "failed"),
        ("refs/heads/main", "failed"),
        ("lax", "passed"),
        ("release/1.x", "passed"),
        ("refs/heads/lax", "passed"),
        ("rules-1", "passed"),
        ("refs/tags/rules-1", "passed"),
        ("rules-2", "passed"),
        ("COMMIT", "passed"),
        ("refs/heads/both", "failed"),
        ("refs/tags/both", "passed"),
    ],
)
@pytest.mark.parametrize("fetch", ["true", "false"])
def test_policy_ref(world: Lab, job: Job, ref: str, says: str, fetch: str) -> None:
    ref = world.remote.resolve("lax") if ref == "COMMIT" else ref
    if fetch == "false":
        ref = ref.replace("refs/heads/", "refs/remotes/origin/")
    assert gate(job.run(policy_ref=ref, fetch_tags=fetch)) == says


@pytest.mark.parametrize(
    ("ref", "says"),
    [
        ("both", "'both' is both a branch and a tag. Name it in full, for example refs/heads/main"),
        ("missing", "'missing'"),
        ("refs/heads/missing", "refs/heads/missing"),
        ("0123456789012345678901234567890123456789", "0123456789012345678901234567890123456789"),
        ("lax:main", "lax:main"),
        ("*", "'*'"),
        ("--upload-pack=touch canary", "--upload-pack=touch canary"),
        ("lax^{tree}", "lax^{tree}"),
        ("main\n::error::pwned", "main"),
    ],
)
@pytest.mark.parametrize("fetch", ["true", "false"])
def test_a_policy_ref_that_is_missing_or_ambiguous(
    job: Job, ref: str, says: str, fetch: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gto_ci.git.remotes.network_retries.PAUSES", ())  # a missing ref may be created a moment later
    ran = job.run(policy_ref=ref, fetch_tags=fetch)
    assert says in ran.error
    assert "Traceback" not in ran.log


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ({"policy": "strict.yaml"}, "failed"),
        ({"policy": "missing.yaml"}, "'missing.yaml': the default branch"),
        ({"policy": FILE, "policy_ref": "empty"}, f"'{FILE}': 'empty'"),
        ({"policy": "rules/prod.yaml", "policy_ref": "lax"}, "'rules/prod.yaml': 'lax'"),
        ({"policy": "../x"}, "'../x'"),
        ({"policy": "/etc/passwd"}, "'/etc/passwd'"),
        ({"policy": "./rules/../strict.yaml"}, "failed"),
        ({"policy": "a\nb"}, "'a\\\\nb'"),
        ({"policy": "."}, "'.'"),
    ],
)
def test_a_named_policy(job: Job, inputs: dict[str, str], says: str) -> None:
    ran = job.run(**inputs)
    if says == "failed":
        assert gate(ran) == says
    else:
        assert says.replace("\\\\", "\\") in ran.error
        assert "Traceback" not in ran.log


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("rules:\n- name: x\n  requires: {}\n", f"'{FILE}', line 3"),
        ("rules:\n- {name: x, require: {after: staging}\n", f"'{FILE}', line"),
        ("", f"'{FILE}', line 1"),
        ("allowed-signers: signers\nrules: []\n", "'signers'"),
        ("::error::pwned\n", f"'{FILE}', line 1"),
        ("strict.yaml", f"'{FILE}', line 1"),
    ],
)
def test_a_broken_policy_closes_the_gate(lab: Lab, text: str, says: str) -> None:
    lab.remote.commit("broken", {FILE: text})
    ran = lab.push(TAG)
    assert says in ran.error
    assert "The GTO action failed" in ran.summary
    assert "Traceback" not in ran.log


def test_without_a_policy_nothing_is_required(lab: Lab) -> None:
    git(lab.remote.path, "update-ref", "refs/heads/main", "refs/heads/empty")
    ran = lab.push(TAG)
    assert (gate(ran), ran.commands("warning")) == ("", [])


# Without fetching


def test_without_fetching_the_workspace_needs_the_default_branch(lab: Lab) -> None:
    job = Job(*lab.check_out(f"refs/tags/{TAG}", Checkout(depth=0, keeps_annotation=True)))
    assert gate(job.run(WITH_DEFAULT, fetch_tags="false")) == "failed"
    # neither the runner nor git knows the default branch
    untold = job.run(fetch_tags="false")
    assert gate(untold) == ""
    (warning,) = untold.commands("warning")
    assert "The policy was not read: The default branch is not known here" in warning
    assert "To require one, set the input 'policy'" in warning
    required = job.run(fetch_tags="false", policy=FILE)
    assert "Cannot read the policy: The default branch is not known here" in required.error
    assert "or set 'fetch-tags: true' to fetch it" in required.error
    git(job.runner.workspace, "remote", "set-head", "origin", "main")
    assert gate(job.run(fetch_tags="false")) == "failed"
    assert lab.server.requests == []


def test_without_fetching_in_a_shallow_workspace(lab: Lab) -> None:
    job = Job(*lab.check_out(f"refs/tags/{TAG}", Checkout(keeps_annotation=True)))
    ran = job.run(WITH_DEFAULT, fetch_tags="false")
    assert (gate(ran), len(ran.commands("warning"))) == ("", 1)
    assert "fetch-tags: true" in job.run(WITH_DEFAULT, fetch_tags="false", policy_ref="main").error
    assert lab.server.requests == []


# The require-… inputs


@pytest.fixture(scope="module")
def free(world: Lab, tmp_path_factory: pytest.TempPathFactory) -> FakeRunner:
    """A job on a branch without a policy."""
    return replace(world, folder=tmp_path_factory.mktemp("free")).check_out("refs/heads/empty")[0]


@pytest.mark.parametrize(
    ("inputs", "lacking"),
    [
        ({"require_event": "assignment"}, []),
        ({"require_event": "registration, assignment"}, []),
        ({"require_event": "registration\nassignment\n"}, []),
        ({"require_event": "*signment"}, []),
        ({"require_event": "registration"}, ["require-event"]),
        ({"require_artifact": "churn"}, []),
        ({"require_artifact": "chu?n,other"}, []),
        ({"require_artifact": "Churn"}, ["require-artifact"]),
        ({"require_artifact": "chur"}, ["require-artifact"]),
        ({"require_stage": "prod"}, []),
        ({"require_stage": "prod*"}, []),
        ({"require_stage": "[!p]*"}, ["require-stage"]),
        ({"require_event": "assignment", "require_artifact": "x", "require_stage": "y"}, ["artifact", "stage"]),
    ],
)
def test_require(free: FakeRunner, inputs: dict[str, str], lacking: list[str]) -> None:
    ran = free.run(ref=TAG, policy_ref="empty", **inputs)
    assert gate(ran) == ("failed" if lacking else "passed")
    reasons = json.loads(ran.outputs["gate-reasons"])
    assert [reason["check"] for reason in reasons] == [f"require-{word.removeprefix('require-')}" for word in lacking]
    for reason in reasons:
        assert reason["rule"] == "inputs of the action"
        assert f"The input '{reason['check']}' allows only" in reason["remedy"]


def test_require_of_a_version_that_has_no_stage_and_a_name_with_a_folder(free: FakeRunner) -> None:
    version = {"ref": "models/nlp:segment@v0.1.0", "policy_ref": "empty"}
    assert gate(free.run(**version, require_artifact="models/*:segment")) == "passed"
    ran = free.run(**version, require_stage="*")
    assert gate(ran) == "failed"
    assert json.loads(ran.outputs["gate-reasons"])[0]["evidence"] == "there is no stage"


@pytest.mark.parametrize("quiet", [True, False], ids=["quiet", "tables"])
@pytest.mark.parametrize("ref", ["refs/tags/nightly", "refs/heads/main"])
def test_require_without_an_event(world: Lab, free: FakeRunner, ref: str, quiet: bool) -> None:
    switches = dict.fromkeys(("show", "history", "summary"), "false") if quiet else {}
    for inputs in ({"require_event": "*"}, {"require_artifact": "*"}, {"require_stage": "*"}):
        ran = free.run("push", ref, world.remote.peel(ref), **inputs, **switches)
        assert gate(ran) == "failed"
        (reason,) = json.loads(ran.outputs["gate-reasons"])
        assert "there is no" in reason["evidence"]
    assert gate(free.run("push", ref, world.remote.peel(ref), **switches)) == ""


def test_require_of_a_deleted_tag(lab: Lab) -> None:
    """The name of a deleted tag tells its event."""
    runner, commit = lab.check_out("refs/heads/main")
    lab.remote.delete_tag(TAG)
    deleted = ("delete", "refs/heads/main", commit, {"ref": TAG, "ref_type": "tag"})
    ran = runner.run(*deleted, require_stage="prod", require_event="assignment")
    assert (gate(ran), ran.outputs["deleted"]) == ("passed", "true")
    assert gate(runner.run(*deleted, require_stage="staging")) == "failed"


def test_require_and_a_policy_both_apply(job: Job) -> None:
    ran = job.run(require_stage="staging")
    assert gate(ran) == "failed"
    assert [reason["check"] for reason in json.loads(ran.outputs["gate-reasons"])] == ["require-stage", "after"]
    (error,) = ran.commands("error")
    assert "(and 1 more: after)" in error


@pytest.mark.parametrize("word", ["promotion", "[", "Assignment", "creation"])
def test_require_event_with_an_unknown_event(free: FakeRunner, word: str) -> None:
    assert "matches no event" in free.run(ref=TAG, require_event=word).error


# The effect of a closed gate


def test_a_closed_gate_writes_all_outputs_and_touches_nothing(lab: Lab) -> None:
    runner, commit = lab.check_out(f"refs/tags/{TAG}")
    before = state(runner.workspace)
    inputs = {"ghost_repo": lab.url, "ghost_diff": "abcdef1", "pull": "true"}
    ran = runner.run("push", f"refs/tags/{TAG}", commit, **inputs)
    assert gate(ran) == "failed"
    assert state(runner.workspace) == before
    outputs = ran.outputs
    expected = {"event": "assignment", "stage": "prod", "type": "model", "path": "m.pkl", "ghost-applied": "false"}
    assert {name: outputs[name] for name in expected} == expected
    assert json.loads(outputs["registry"])["churn"]["stage"] == {"prod": "v1.0.0"}
    (reason,) = json.loads(outputs["gate-reasons"])
    assert reason == {
        "rule": "staged",
        "check": "after",
        "passed": False,
        "evidence": "version v1.0.0 was never assigned to 'staging'",
        "remedy": "assign it to 'staging' first: gto assign churn --version v1.0.0 --stage staging --push, then assign "
        "it to 'prod' again: gto assign churn --version v1.0.0 --stage prod --force --push",
    }
    (error,) = ran.commands("error")
    assert f"The gate is closed by 'staged', after: {reason['evidence']}. {reason['remedy']}" in error
    assert "❌ The gate is closed" in ran.summary
    assert "dvc" not in ran.log.lower()
    # with the gate open, the step would have tried both
    opened = runner.run("push", f"refs/tags/{TAG}", commit, **inputs, policy_ref=lab.remote.resolve("main~1"))
    assert opened.error
    assert "The gate is closed" not in opened.log


def test_it_opens_once_the_requirement_is_met(lab: Lab) -> None:
    lab.remote.tag("churn#staging#2", TAG, date="2024-01-01T12:00:00+00:00")
    ran = lab.push(TAG)
    assert (gate(ran), ran.outputs["gate-reasons"]) == ("passed", "[]")
    assert "✅ The gate is open" in ran.summary


# On the command line


@pytest.fixture
def work(tmp_path: Path) -> WorkDir:
    """A local repository without a remote."""
    work = WorkDir.init(tmp_path / "work")
    work.write(FILE, STRICT)
    work.commit("one")
    work.tag("churn@v1.0.0")
    work.tag("churn#prod#1")
    work.tag("churn#staging#2")
    work.tag("churn#prod#3")
    return work


def said(ran: Ran) -> str:
    """Return the output, after checking that it has no traceback."""
    assert "Traceback" not in ran.out + ran.err
    return ran.out + ran.err


def test_gate_at_a_prompt(work: WorkDir) -> None:
    closed = gto(work, "gate", "churn#prod#1", program="gto-ci", GTO_EMOJIS="false")
    assert (closed.code, closed.err) == (1, "")
    assert "The gate is closed: 1 of 1 checks failed (rules: '.gto-policy.yaml' of 'HEAD'" in closed.out
    assert "FAILED  staged, after: version v1.0.0 was assigned to 'staging' only after this event" in closed.out
    assert "→ assign it to 'prod' again" in closed.out
    opened = gto(work, "gate", "churn#prod#3", program="gto-ci", GTO_EMOJIS="false")
    assert (opened.code, opened.err) == (0, "")
    assert "The gate is open" in opened.out
    assert "ok  staged, after" in opened.out
    for ref in ("churn#prod", "refs/tags/churn#prod#3"):
        assert gto(work, "gate", ref, program="gto-ci").out == gto(work, "gate", "churn#prod#3", program="gto-ci").out


def test_gate_as_json(work: WorkDir) -> None:
    for args in (["churn#prod#1", "--json"], ["--json", "churn#prod#1"]):
        ran = gto(work, "gate", *args, program="gto-ci")
        assert (ran.code, ran.err) == (1, "")
        shown = json.loads(ran.out)
        assert set(shown) == {"gate", "policy", "event", "findings"}
        assert (shown["gate"], shown["event"]["tag"]) == ("failed", "churn#prod#1")
        (finding,) = shown["findings"]
        assert set(finding) == {"rule", "check", "passed", "evidence", "remedy"}
        assert finding["passed"] is False
    passed = json.loads(gto(work, "gate", "churn#prod", "--json", program="gto-ci").out)
    assert (passed["gate"], passed["findings"][0]["passed"]) == ("passed", True)
    # no rule applies to it
    registration = json.loads(gto(work, "gate", "churn@v1.0.0", "--json", program="gto-ci").out)
    assert (registration["gate"], registration["findings"]) == ("passed", [])


def test_gate_by_other_rules(work: WorkDir) -> None:
    work.write("lax.yaml", LAX)
    work.write("else/strict.yaml", STRICT)
    work.git("branch", "old")
    work.write(FILE, LAX)
    work.commit("two")
    judged = {
        (): 0,
        ("--policy", "lax.yaml"): 0,
        ("--policy", "else/strict.yaml"): 1,
        ("--policy-ref", "old"): 1,
        ("--policy-ref", "HEAD"): 0,
        ("--policy-ref", "HEAD~1"): 1,
        ("--policy-ref", work.git("rev-parse", "--short", "old")): 1,
    }
    for args, code in judged.items():
        assert gto(work, "gate", "churn#prod#1", *args, program="gto-ci").code == code, args


def test_explain(work: WorkDir) -> None:
    shown = gto(work, "gate", "explain", "churn", "--stage", "prod", program="gto-ci")
    assert (shown.code, shown.err) == (0, "")
    assert "staged (line 2)\n  - was in stage 'staging' before" in shown.out
    as_json = gto(work, "gate", "explain", "churn", "--stage", "prod", "--json", program="gto-ci")
    assert json.loads(as_json.out)["rules"] == [
        {"rule": "staged", "line": 2, "asks": ["was in stage 'staging' before"]}
    ]
    none = gto(work, "gate", "explain", "churn", program="gto-ci")
    assert (none.code, none.out.startswith("No rule applies")) == (0, True)
    event = gto(work, "gate", "explain", "churn", "--stage", "prod", "--event", "unassignment", program="gto-ci")
    assert (event.code, event.out.startswith("No rule applies")) == (0, True)


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        ((), 2, "REF"),
        (("explian", "churn"), 2, "Did you mean 'explain'?"),
        (("churn#prod", "x"), 2, "unexpected extra argument"),
        (("churn#prod", "--policy", "x", "--policy-ref", "y"), 2, "--policy and --policy-ref cannot be used together"),
        (("explain",), 2, "NAME"),
        (("explain", "churn", "--event", "promotion"), 2, "promotion"),
        (("explain", "a//b"), 1, "a//b"),
        (("explain", "churn", "--stage", "a b"), 1, "a b"),
        (("explain", "churn", "--policy", "missing.yaml"), 1, "missing.yaml"),
        (("main",), 1, "'main' is neither a registry tag nor a shortcut"),
        (("churn#qa",), 1, "'churn#qa' names no version in this repository: no version of 'churn' is in stage 'qa'"),
        (("nobody@latest",), 1, "'nobody@latest' names no version in this repository: there is no artifact 'nobody'"),
        (("churn@v9.0.0",), 1, "churn@v9.0.0"),
        (("nobody#prod#1",), 1, "nobody#prod#1"),
        (("churn#prod", "--policy", "missing.yaml"), 1, "'missing.yaml'"),
        (("churn#prod", "--policy", "."), 1, "'.'"),
        (("churn#prod", "--policy-ref", "missing"), 1, "'missing'"),
        (("churn#prod", "--policy-ref", "both"), 1, "'both' is both a branch and a tag"),
        (("churn#prod", "--policy-ref", "empty"), 1, f"'{FILE}': 'empty' has no such file"),
        (("churn#prod", "--policy-ref", "--help"), 1, "'--help'"),
        (("churn#prod", "--policy", "broken.yaml"), 1, "'broken.yaml', line 2"),
    ],
)
def test_mistakes_at_a_prompt(work: WorkDir, args: tuple[str, ...], code: int, says: str) -> None:
    work.write("broken.yaml", "rules:\n- {name: x}\n")
    work.git("branch", "both")
    work.lightweight("both")
    work.git("branch", "empty", work.git("commit-tree", "-m", "x", work.git("mktree", stdin=b"")))
    ran = gto(work, "gate", *args, program="gto-ci")
    assert (ran.code, ran.out) == (code, "")
    assert says in said(ran)
    assert len(ran.err.splitlines()) <= (15 if code == 2 else 1)


def test_a_clone_that_does_not_know_its_default_branch(lab: Lab, tmp_path: Path) -> None:
    clone = WorkDir.init(tmp_path / "clone")
    clone.git("remote", "add", "origin", lab.remote.file_url)
    clone.git("fetch", "--quiet", "--tags", "origin", "+refs/heads/*:refs/remotes/origin/*")
    ran = gto(clone, "gate", TAG, program="gto-ci")
    assert (ran.code, ran.out) == (1, "")
    assert "git remote set-head origin --auto" in said(ran)
    clone.git("remote", "set-head", "origin", "--auto")
    assert gto(clone, "gate", TAG, program="gto-ci").code == 1
    assert "rules: '.gto-policy.yaml' of the default branch" in gto(clone, "gate", TAG, program="gto-ci").out
    assert gto(clone, "gate", TAG, "--policy-ref", f"{TAG}^{{}}", program="gto-ci").code == 0


def test_a_repository_at_an_address(lab: Lab, tmp_path: Path) -> None:
    nowhere = WorkDir(tmp_path)
    address = lab.server.url("acme/models.git", password=TOKEN)
    ran = gto(nowhere, "gate", TAG, "-r", address, program="gto-ci")
    assert (ran.code, ran.err) == (1, "")
    assert "of the default branch" in ran.out
    assert TOKEN not in ran.out
    assert gto(nowhere, "gate", "-r", address, TAG, "--policy-ref", "missing", program="gto-ci").code == 1
    shown = gto(nowhere, "gate", "explain", "churn", "--stage", "prod", "-r", address, program="gto-ci")
    assert (shown.code, "was in stage 'staging' before" in shown.out) == (0, True)


def test_neither_a_policy_nor_a_repository(work: WorkDir, tmp_path: Path) -> None:
    work.git("rm", "--quiet", FILE)
    work.git("commit", "--quiet", "-m", "none")
    ran = gto(work, "gate", "churn#prod", program="gto-ci")
    assert (ran.code, ran.out) == (1, "")
    assert f"'{FILE}': 'HEAD' has no such file. Name another: --policy-ref or --policy" in said(ran)
    (tmp_path / "empty").mkdir()
    elsewhere = gto(WorkDir(tmp_path / "empty"), "gate", "churn#prod", program="gto-ci")
    assert (elsewhere.code, elsewhere.out) == (1, "")
    assert "No Git repo" in said(elsewhere)
