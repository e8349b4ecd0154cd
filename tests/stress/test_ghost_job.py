"""A ghost in a job: applied whole or refused with nothing changed, and no secret seen anywhere.

The steps run in this process on real workspaces and real servers; tests/e2e has them in their container.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.e2e.checkout import Checkout, Credentials, check_out
from tests.e2e.remote import git
from tests.ghosts import Ghosts, bytes_of, tree_of
from tests.git_server import GitServer
from tests.jobs import FakeRunner, Outcome, read_outputs
from tests.ssh_server import SshServer, ssh_server
from tests.watching import Recorder, forms, holding, processes
from tests.workdir import WorkDir

TOKEN = "ghs_JobTokenOfThisTest0123456789"
GHOST_TOKEN = "ghp_a/b%2Fc%+d=e?GhostTokenOfThisTest"  # with all that means something in a URL
OWNER = 1001 if os.geteuid() == 0 else os.geteuid()  # of the workspace
FILES = {
    "greet.sh": "echo old\n",
    "lib/a.txt": "1\n2\n3\n",
    "old.txt": "gone soon\n",
    "data.bin": bytes(range(256)),
    ".github/workflows/ci.yml": "on: push\n",
    "artifacts.yaml": "churn: {type: model, path: data.bin}\n",
    ".gitignore": "*.log\n",
}
CHANGED = ["data.bin", "greet.sh", "latest", "lib", "lib/a.txt", "new/deep/tool.sh", "old.txt"]
POLICY = "rules: [{name: clean, require: {ghost: false}}]\n"


def change(work: WorkDir) -> None:
    """Change the working tree in every way that a patch has to carry."""
    work.write("greet.sh", "echo new\necho newer\n").chmod(0o755)
    work.write("data.bin", bytes(reversed(range(256))))
    work.write("new/deep/tool.sh", "echo tool\n")
    (work.path / "old.txt").unlink()
    (work.path / "lib/a.txt").unlink()
    (work.path / "lib").rmdir()
    work.write("lib", "a file where a folder was\n")
    (work.path / "latest").symlink_to("new/deep")


@dataclass
class World:
    """A server with a repository, one with its ghosts, and the clone in which changes are made.

    `names` are the ghosts that were pushed, as `BASE HASH` or `FROM TO`; `trees` what the working tree was then.
    """

    folder: Path
    here: WorkDir
    ghosts: Ghosts
    base: str
    server: GitServer
    store: GitServer
    names: dict[str, str] = field(default_factory=dict)
    trees: dict[str, str] = field(default_factory=dict)

    def push(self, name: str, *args: str, **more: str) -> None:
        printed = self.ghosts.ok(self.here, "push", *args, **more).splitlines()
        self.names[name], self.trees[name] = printed[-1], tree_of(self.here)

    def clean(self) -> None:
        self.here.git("reset", "--quiet", "--hard", self.base)
        self.here.git("clean", "--quiet", "-ffdx")

    def store_patch(self, make: Callable[[WorkDir], object], digest: str | None = None) -> str:
        """Store what `make` does to the working tree as it is, without the care of `git ghost push`; its hash."""
        make(self.here)
        self.here.git("add", "--all")
        patch = bytes_of(self.here, "diff", "--cached", "--binary", "HEAD")
        self.clean()
        return self.ghosts.write_diff(self.base, patch, digest=digest)

    @property
    def url(self) -> str:
        return self.server.url("acme/models.git")

    @property
    def ghost_url(self) -> str:
        return self.store.url("ml/ghosts.git")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("world")
    here, store = WorkDir.init(folder / "here"), WorkDir(folder / "stored/ml/ghosts.git")
    for bare in (folder / "served/acme/models.git", store.path):
        here.git("init", "--quiet", "--bare", "--initial-branch=main", str(bare))
    here.commit("the first")
    for name, content in FILES.items():
        here.write(name, content)
    base = here.commit("the second")
    here.tag("churn@v1.0.0", message="the first version")
    here.git("push", "--quiet", str(folder / "served/acme/models.git"), "main", "--tags")
    here.write(".gto-policy.yaml", POLICY)
    here.commit("rules")
    here.git("push", "--quiet", str(folder / "served/acme/models.git"), "HEAD:refs/heads/rules")
    with (
        GitServer(folder / "served", token=TOKEN) as server,
        GitServer(folder / "stored", token=GHOST_TOKEN) as stored,
    ):
        world = World(folder, here, Ghosts(folder, str(store.path), store, here, here), base, server, stored)
        world.clean()
        change(here)
        world.push("diff", "-u")
        world.push("elsewhere", "-u", GIT_GHOST_PREFIX="team/x")
        here.commit("not pushed")
        world.push("commits", "commits", base)
        here.write("greet.sh", "echo newest\n")
        world.push("both", "-u")
        world.clean()
        yield world


def everything(folder: Path) -> dict[str, object]:
    """All of a folder, `.git` included: content, modes and owners, and the times of files.

    But for those of git's objects: where one would be written that is there, git touches it.
    """
    found: dict[str, object] = {}
    for path in [folder, *sorted(folder.rglob("*"))]:
        status = path.lstat()
        content: object = path.readlink() if path.is_symlink() else path.read_bytes() if path.is_file() else None
        timed = path.is_symlink() or (path.is_file() and "objects" not in path.parts)
        found[str(path.relative_to(folder))] = (
            status.st_mode,
            status.st_uid,
            status.st_gid,
            timed and status.st_mtime_ns,
            content,
        )
    return found


@dataclass
class Lab:
    """One test's job: a workspace as a checkout leaves it, a home and a folder for temporary files."""

    world: World
    folder: Path
    path: str = "."
    ref: str = "refs/heads/main"
    event: str = "workflow_dispatch"
    payload: dict[str, object] = field(default_factory=dict)
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def workspace(self) -> Path:
        return self.folder / "workspace"

    @property
    def repository(self) -> Path:
        return self.workspace / self.path

    @property
    def temp(self) -> Path:
        """Where programs keep temporary files."""
        return self.folder / "tmp"

    @property
    def later(self) -> dict[str, str]:
        """The variables that later steps are given."""
        return read_outputs((self.folder / "env").read_bytes())

    def check_out(self, how: Checkout | None = None) -> Lab:
        """Leave the workspace as actions/checkout does, a copy of one where nothing else is asked."""
        if how is not None:
            self.folder.joinpath("runner").mkdir()
            _check_out(self, self.workspace, how)
            return self
        usual = self.world.folder / "checkouts" / quote(f"{self.ref} {self.path}", safe="")
        if not usual.exists():
            _check_out(self, usual, Checkout())
        subprocess.run(["cp", "-a", usual, self.workspace], check=True)
        return self

    def run(self, **inputs: str) -> Outcome:
        """Run the action with the ghosts' repository and its token, unless others are given."""
        (self.folder / "env").write_bytes(b"")
        runner = FakeRunner(self.workspace, self.folder / "home")
        runner.environ = {
            "GITHUB_SERVER_URL": f"http://{self.world.server.address}",
            "GITHUB_ENV": str(self.folder / "env"),
            **self.environ,
        }
        given = {
            "ghost_repo": self.world.ghost_url,
            "ghost_token": GHOST_TOKEN,
            "token": TOKEN,
            "path": self.path,
            "fetch_tags": str(self.ref.startswith("refs/tags/")).lower(),
        }
        payload = self.payload or {"repository": {"full_name": "acme/models", "default_branch": "main"}}
        return runner.run(self.event, self.ref, self.world.base, payload, **{**given, **inputs})

    def refused(self, *because: str, **inputs: str) -> str:
        """Expect one error with these words, and nothing changed, nothing told to later steps; the error."""
        before = everything(self.workspace)
        ran = self.run(**inputs)
        error = ran.error
        for words in because:
            assert words in error, error
        assert everything(self.workspace) == before
        assert self.later == {}
        assert ran.summary.startswith("### ❌")
        self.keeps_secrets(ran)
        return error

    def keeps_secrets(self, ran: Outcome, *more: bytes) -> None:
        """Expect no secret in what the step has said or left; all are hidden before it says anything."""
        secrets = [*forms(TOKEN), *forms(GHOST_TOKEN), *more]
        masks, said = split_masks(ran.log)
        for text in (said.replace("%25", "%").encode(), ran.output_file, ran.summary.encode()):
            assert not any(secret in text for secret in secrets), text
        assert ran.log.startswith(masks)
        # the checkout's own token is in .git/config, where the checkout has put it
        left = [
            path for path in holding(self.folder, *forms(GHOST_TOKEN), *more) if not {"seen", "copies"} & {*path.parts}
        ]
        assert left == []
        assert list(self.temp.iterdir()) == []


def _check_out(lab: Lab, workspace: Path, how: Checkout) -> None:
    temp = lab.folder / "runner"
    check_out(workspace, lab.world.url, lab.ref, lab.world.base, how, token=TOKEN, temp=temp, path=lab.path)
    if os.geteuid() == 0:
        subprocess.run(["chown", "-R", f"{OWNER}:{OWNER}", workspace], check=True)


def split_masks(log: str) -> tuple[str, str]:
    """The lines that ask the runner to hide something, and the others."""
    lines = log.splitlines(keepends=True)
    masks = [line for line in lines if line.startswith("::add-mask::")]
    return "".join(masks), "".join(line for line in lines if line not in masks)


@pytest.fixture
def lab(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    lab = Lab(world, tmp_path)
    with tempfile.TemporaryDirectory(prefix="a b") as short:  # a socket's name has to be short
        (tmp_path / "tmp").symlink_to(short)
        monkeypatch.setattr(tempfile, "tempdir", short)
        world.server.forget()
        world.store.forget()
        yield lab


def owners(folder: Path) -> set[int]:
    return {path.lstat().st_uid for path in (folder, *folder.rglob("*"))}


def tree(folder: Path) -> str:
    """The tree that the working tree is; what git writes for it goes elsewhere."""
    scratch = folder.parent / "scratch"
    scratch.mkdir(exist_ok=True)
    places = {
        "GIT_OBJECT_DIRECTORY": str(scratch),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(folder / ".git/objects"),
        "GIT_INDEX_FILE": str(scratch / "index"),
    }
    git(folder, "add", "--all", environment=places)
    return git(folder, "write-tree", environment=places)


# Applied


def words(world: World, name: str, long: int = 40, short: int = 40) -> str:
    """The two words of a ghost, with so many digits each; only the second for 0."""
    first, second = world.names[name].split(" ")
    return f"{first[:long]} {second[:short]}".strip()


WANTED: dict[str, tuple[str, Callable[[World], dict[str, str]]]] = {
    "HASH": ("diff", lambda w: {"ghost_diff": words(w, "diff", 0)}),
    "BASE HASH": ("diff", lambda w: {"ghost_diff": words(w, "diff")}),
    "shortened": ("diff", lambda w: {"ghost_diff": words(w, "diff", 7, 8)}),
    "a branch for the base": ("diff", lambda w: {"ghost_diff": f"main {words(w, 'diff', 0)}"}),
    "prefix": ("elsewhere", lambda w: {"ghost_diff": words(w, "elsewhere", 0), "ghost_prefix": "team/x"}),
    "TO": ("commits", lambda w: {"ghost_commits": words(w, "commits", 0)}),
    "FROM TO, shortened": ("commits", lambda w: {"ghost_commits": words(w, "commits", 9, 7)}),
    "both": ("both", lambda w: {"ghost_commits": words(w, "commits", 0), "ghost_diff": words(w, "both", 0)}),
    "both, in full": ("both", lambda w: {"ghost_commits": words(w, "commits"), "ghost_diff": words(w, "both")}),
}


@pytest.mark.parametrize("wanted", WANTED)
def test_applied(lab: Lab, wanted: str) -> None:
    name, inputs = WANTED[wanted]
    lab.check_out()
    index = (lab.repository / ".git/index").read_bytes()
    ran = lab.run(**inputs(lab.world))
    assert ran.code == 0, ran.log
    assert owners(lab.workspace) == {OWNER}
    digest = "" if name == "commits" else words(lab.world, name, 0)
    assert {key: value for key, value in ran.outputs.items() if value} == {
        "ghost-applied": "true",
        "ghost-base": lab.world.base,
        "ghost-tree": lab.world.trees[name],
        "ghost-files": json.dumps(CHANGED),
        **({"ghost-diff": digest} if digest else {}),
    }
    assert tree(lab.repository) == lab.world.trees[name]
    moved = name in ("commits", "both")
    head = words(lab.world, "commits", 0) if moved else lab.world.base
    assert git(lab.repository, "rev-parse", "HEAD", "refs/heads/main").split() == [head, head]
    assert git(lab.repository, "symbolic-ref", "HEAD") == "refs/heads/main"
    # what is pulled is not staged
    assert moved or (lab.repository / ".git/index").read_bytes() == index
    assert git(lab.repository, "diff", "--cached", "--name-only") == ""
    lab.keeps_secrets(ran)


def test_said_in_the_log_in_the_summary_and_to_later_steps(lab: Lab) -> None:
    base, commit, digest = lab.world.base, words(lab.world, "commits", 0), words(lab.world, "both", 0)
    ran = lab.check_out().run(ghost_commits=commit, ghost_diff=digest)
    what = f"commits {base[:7]}..{commit[:7]} and diff {digest[:12]} on {base[:7]}"
    assert f"Ghost: applied {what}, {len(CHANGED)} files\n" in ran.log
    assert lab.later == {"GTO_CI_GHOST": what}
    assert f"A ghost was applied: {len(CHANGED)} files, +4 −5" in ran.summary
    for file, added, removed in (("greet.sh", "+1", "−1"), ("old.txt", "+0", "−1"), ("data.bin", "binary", "")):
        (row,) = [line for line in ran.summary.splitlines() if line.startswith(f"| <code>{file}</code>")]
        assert added in row
        assert removed in row


@pytest.mark.parametrize("path", [".", "sub/deep"])
@pytest.mark.parametrize("name", ["diff", "both"])
def test_together_with_the_event_of_a_tag(lab: Lab, path: str, name: str) -> None:
    """A detached HEAD, one commit deep, in the workspace or below it; the outputs of both."""
    lab = replace(lab, path=path, ref="refs/tags/churn@v1.0.0", event="push").check_out()
    inputs = {"ghost_diff": words(lab.world, name, 0)}
    if name == "both":
        inputs["ghost_commits"] = words(lab.world, "commits", 0)
    ran = lab.run(**inputs)
    assert ran.code == 0, ran.log
    assert owners(lab.workspace) == {OWNER}
    outputs = ran.outputs
    assert (outputs["event"], outputs["name"], outputs["version"]) == ("registration", "churn", "v1.0.0")
    assert (outputs["commit"], outputs["ghost-base"]) == (lab.world.base, lab.world.base)
    assert (outputs["type"], outputs["ghost-applied"]) == ("model", "true")
    assert outputs["ghost-tree"] == lab.world.trees[name] == tree(lab.repository)
    head = words(lab.world, "commits", 0) if name == "both" else lab.world.base
    assert git(lab.repository, "rev-parse", "HEAD") == head
    # the branch that is checked out is none; the tag stays where it is
    assert git(lab.repository, "for-each-ref", "--format=%(refname)").split() == ["refs/tags/churn@v1.0.0"]
    assert git(lab.repository, "rev-parse", "churn@v1.0.0^{commit}") == lab.world.base


def test_without_a_ghost_nothing_is_said_of_one(lab: Lab) -> None:
    lab = replace(lab, ref="refs/tags/churn@v1.0.0", event="push").check_out()
    outputs = lab.run().outputs
    assert {name: value for name, value in outputs.items() if name.startswith("ghost-") and value} == {
        "ghost-applied": "false"
    }
    assert lab.later == {}
    assert lab.world.store.requests == []


def test_a_later_gate_knows(lab: Lab) -> None:
    """The first step applies a ghost, the second is about to promote what was built."""
    lab = replace(lab, ref="refs/tags/churn@v1.0.0", event="push").check_out()
    gate = {"ghost_repo": "", "policy": ".gto-policy.yaml", "policy_ref": "rules"}
    assert lab.run(**gate).outputs["gate"] == "passed"
    assert lab.run(ghost_diff=words(lab.world, "diff", 0)).code == 0
    closed = replace(lab, environ=lab.later).run(**gate)
    assert closed.code == 1
    assert closed.outputs["gate"] == "failed"
    (reason,) = json.loads(closed.outputs["gate-reasons"])
    assert (reason["rule"], reason["check"]) == ("clean", "ghost")
    assert words(lab.world, "diff", 0)[:12] in reason["evidence"]


def test_a_gate_stands_before_the_ghost(lab: Lab) -> None:
    """With both in one step, nothing is applied where the gate is closed."""
    lab = replace(lab, ref="refs/tags/churn@v1.0.0", event="push").check_out()
    ran = lab.run(ghost_diff=words(lab.world, "diff", 0), policy_ref="rules")
    assert (ran.code, ran.outputs["gate"], ran.outputs["ghost-applied"]) == (1, "failed", "false")
    assert git(lab.repository, "status", "--porcelain") == ""
    assert lab.world.store.requests == []


def test_folders_in_the_place_of_links_and_files(lab: Lab) -> None:
    """Whatever was there: what is there now belongs to the owner of the workspace."""

    def make(work: WorkDir) -> None:
        (work.path / "old.txt").unlink()
        work.write("old.txt/deep/er/x", "x\n")
        (work.path / "lib/a.txt").unlink()
        (work.path / "lib").rmdir()
        (work.path / "lib").symlink_to("new")

    digest = lab.world.store_patch(make)
    assert lab.check_out().run(ghost_diff=digest).code == 0
    assert owners(lab.workspace) == {OWNER}


# Refused


def link(name: str, target: str) -> Callable[[WorkDir], object]:
    return lambda work: (work.path / name).symlink_to(target)


def write(name: str) -> Callable[[WorkDir], object]:
    return lambda work: work.write(name, "x\n")


def submodule(name: str) -> Callable[[WorkDir], object]:
    """`git add --all` leaves out what is staged and not there."""

    def make(work: WorkDir) -> None:
        other = WorkDir.init(work.path / name)
        other.commit("of another repository")

    return make


PROTECTED: dict[str, tuple[Callable[[WorkDir], object], str]] = {
    "a workflow": (write(".github/workflows/x.yml"), ".github/workflows/x.yml"),
    "a changed workflow": (write(".github/workflows/ci.yml"), ".github/workflows/ci.yml"),
    "a removed workflow": (lambda work: (work.path / ".github/workflows/ci.yml").unlink(), ".github/workflows/ci.yml"),
    "an action, in capitals": (write(".GitHub/actions/x/action.yml"), ".GitHub/actions/x/action.yml"),
    ".gitmodules": (write(".gitmodules"), ".gitmodules"),
    "a submodule": (submodule("vendored"), "vendored"),
    "a link to a file of the machine": (link("passwd", "/etc/passwd"), "passwd"),
    "a link upwards": (link("up", "../.."), "up"),
    "a link into .git": (link("hooks", ".git/hooks"), "hooks"),
    "a winding link": (link("winding", "lib/../../.."), "winding"),
    "a link through a name of dots": (link("dots", ".../../etc"), "dots"),
}


@pytest.fixture(scope="module")
def bad(world: World) -> dict[str, str]:
    """The hash of a ghost of each kind that is protected; each changes a plain file as well."""

    def both(make: Callable[[WorkDir], object]) -> Callable[[WorkDir], object]:
        return lambda work: (work.write("greet.sh", "echo new\n"), make(work))

    return {name: world.store_patch(both(make)) for name, (make, _) in PROTECTED.items()}


def test_protected_paths(lab: Lab, bad: dict[str, str]) -> None:
    """One workspace for all: as nothing changes, each finds it as it was."""
    lab.check_out()
    for name, (_, path) in PROTECTED.items():
        error = lab.refused("The ghost touches protected paths", f"'{path}' (", "ghost-allow", ghost_diff=bad[name])
        assert "greet.sh" not in error
    # globs for something else change nothing
    lab.refused("'.github/workflows/x.yml' (", ghost_diff=bad["a workflow"], ghost_allow="greet.sh, .github, x/**")


def test_protected_paths_in_commits(lab: Lab) -> None:
    """Also where a later diff takes it back, or a second commit moves it."""
    world = lab.world
    world.here.write(".github/workflows/x.yml", "on: push\n")
    commit = world.here.commit("adds a workflow")
    world.push("workflow", "commits", world.base)
    (world.here.path / ".github/workflows/x.yml").unlink()
    world.here.write("greet.sh", "echo innocent\n")
    world.push("innocent")
    world.clean()
    lab.check_out()
    lab.refused("'.github/workflows/x.yml' (", ghost_commits=commit)
    lab.refused("'.github/workflows/x.yml' (", ghost_commits=commit, ghost_diff=words(world, "innocent", 0))


@pytest.mark.parametrize(
    ("name", "allow"),
    [
        ("a workflow", ".github/**"),
        ("a workflow", "docs/**\n.github/workflows/x.yml"),
        ("an action, in capitals", ".GitHub/**"),
        (".gitmodules", ".gitmodules"),
        ("a submodule", "vend*"),
        ("a link upwards", "up"),
    ],
)
def test_what_is_allowed_by_name(lab: Lab, bad: dict[str, str], name: str, allow: str) -> None:
    ran = lab.check_out().run(ghost_diff=bad[name], ghost_allow=allow)
    assert ran.code == 0, ran.log
    assert sorted(json.loads(ran.outputs["ghost-files"])) == sorted([PROTECTED[name][1], "greet.sh"])


def test_ghosts_that_are_not_what_they_say(lab: Lab) -> None:
    world = lab.world
    tampered = world.store_patch(write("x"), digest="5" * 40)
    for end in "12":
        world.ghosts.write_diff(world.base, b"", digest="abcd" + end * 36)
    nothing = world.ghosts.write_diff(world.base, b"--- a/greet.sh\n+++ b/greet.sh\n@@ -1 +1 @@\n-no\n+yes\n")
    outside = world.ghosts.write_diff(
        world.base, b"diff --git a/../x b/../x\nnew file mode 100644\n--- /dev/null\n+++ b/../x\n@@ -0,0 +1 @@\n+x\n"
    )
    lab.check_out()
    lab.refused("was refused: the SHA-1 of its patch is", ghost_diff=tampered)
    lab.refused("2 ghosts", "match:", "more digits", ghost_diff="abcd")
    lab.refused("does not apply", "greet.sh", ghost_diff=nothing)
    lab.refused("where it may not", ghost_diff=outside)
    lab.refused(f"No diff {'9' * 40} of {world.base}", ghost_diff="9" * 40)
    lab.refused("No commits from", ghost_commits="9" * 40)
    lab.refused("No diff", "'other'", ghost_diff=words(world, "diff", 0), ghost_prefix="other")
    # the commits are there, the diff is not: neither is applied
    lab.refused("No diff", ghost_commits=words(world, "commits", 0), ghost_diff="9" * 40)


def test_another_base(lab: Lab) -> None:
    world = lab.world
    first = world.here.git("rev-parse", f"{world.base}^")
    lab.check_out()
    for word in (first, first[:9]):
        lab.refused(
            f"The workspace is at {world.base}", "actions/checkout", f"ref: {word}", ghost_diff=f"{word} 123456"
        )
        lab.refused("actions/checkout", f"ref: {word}", ghost_commits=f"{word} 123456")
    assert world.store.requests == []


def test_work_of_an_earlier_step(lab: Lab) -> None:
    lab.check_out()
    lab.repository.joinpath("greet.sh").write_text("echo of an earlier step\n")
    lab.refused("uncommitted changes", "'greet.sh'", ghost_diff=words(lab.world, "diff", 0))
    lab.refused("uncommitted changes", "'greet.sh'", ghost_commits=words(lab.world, "commits", 0))
    git(lab.repository, "checkout", "--quiet", "greet.sh")
    lab.repository.joinpath("new").write_text("an untracked file\n")
    lab.refused("in the way", "'new'", ghost_diff=words(lab.world, "diff", 0))


def test_a_write_that_fails_leaves_a_workspace_that_its_owner_can_use(lab: Lab) -> None:
    """What root had written of the commits stayed root's: later steps could not add objects there."""
    lab.check_out()
    git(lab.repository, "config", "filter.bad.smudge", "false")
    git(lab.repository, "config", "filter.bad.required", "true")
    lab.repository.joinpath(".git/info/attributes").write_text("tool.sh filter=bad\n")
    if os.geteuid() == 0:
        subprocess.run(["chown", "-R", f"{OWNER}:{OWNER}", lab.workspace], check=True)
    kept = {path: state for path, state in everything(lab.workspace).items() if "objects" not in path}
    for inputs in ({"ghost_diff": words(lab.world, "diff", 0)}, {"ghost_commits": words(lab.world, "commits", 0)}):
        error = lab.run(**inputs).error
        assert "tool.sh" in error
        assert "ghost-repo" not in error  # which has nothing to do with it
        after = everything(lab.workspace)
        for path, state in kept.items():
            # a log says more, a ref was written twice
            assert path.startswith((".git/logs", ".git/refs")) or after[path] == state, path
        assert {path for path in after if not path.startswith(".git/")} <= set(kept)
        assert git(lab.repository, "rev-parse", "HEAD") == lab.world.base
        assert owners(lab.workspace) == {OWNER}


def test_servers_that_are_no_help(lab: Lab) -> None:
    lab.check_out()
    digest = words(lab.world, "diff", 0)
    for token in ("wrong", GHOST_TOKEN[:-1], ""):
        lab.refused("'ghost-token'", "'ghost-ssh-key'", ghost_diff=digest, ghost_token=token)
    lab.refused("ghost-repo", ghost_diff=digest, ghost_repo=lab.world.store.url("ml/none.git"))
    nobody = "http://127.0.0.1:1/ml/ghosts.git"  # no program of a user's may listen there
    lab.refused("127.0.0.1", "'ghost-repo'", ghost_diff=digest, ghost_repo=nobody)


def test_addresses_that_no_token_goes_with(lab: Lab) -> None:
    lab.check_out()
    for url in (
        "git@example.com:ml/ghosts.git",
        "https://me@example.com/x",
        "/srv/ghosts.git",
        "https://[::1/x",
        "ext::sh",
    ):
        error = lab.refused("Input 'ghost-token' cannot be used with", "https://", ghost_diff="123456", ghost_repo=url)
        assert "me@" not in error
    assert "'ghost-repo'" in lab.run(ghost_diff="123456", ghost_repo="").error


# Who set the job off

FORK = {"full_name": "mallory/models"}
OURS = {"full_name": "acme/models"}


def pull_request(head: dict[str, str]) -> dict[str, object]:
    return {"pull_request": {"number": 7, "head": {"repo": head}, "base": {"repo": OURS}}, "repository": OURS}


def workflow_run(head: dict[str, str]) -> dict[str, object]:
    return {"workflow_run": {"head_repository": head}, "repository": OURS}


@pytest.mark.parametrize(
    ("event", "payload", "opt_in", "not_enough"),
    [
        ("pull_request_target", pull_request(OURS), "pull_request_target", "fork, workflow_run, pull_request"),
        ("pull_request_target", pull_request(FORK), "pull_request_target, fork", "pull_request_target"),
        ("workflow_run", workflow_run(OURS), "workflow_run", "fork"),
        ("workflow_run", workflow_run(FORK), "fork\nworkflow_run", "workflow_run"),
        ("issue_comment", {"issue": {"number": 7}, "repository": OURS}, "issue_comment", "fork, issues"),
        ("pull_request", pull_request(FORK), "fork", "pull_request"),
    ],
)
def test_events_that_anyone_sets_off(
    lab: Lab, event: str, payload: dict[str, object], opt_in: str, not_enough: str
) -> None:
    lab = replace(lab, event=event, payload=payload).check_out()
    lab.world.server.forget()
    digest = words(lab.world, "diff", 0)
    for allowed in ("", not_enough):
        lab.refused("The ghost was not applied", "'ghost-allow-events'", ghost_diff=digest, ghost_allow_events=allowed)
    assert lab.world.store.requests == []
    assert lab.world.server.requests == []
    assert lab.run(ghost_diff=digest, ghost_allow_events=opt_in).code == 0


def test_a_pull_request_of_our_own(lab: Lab) -> None:
    lab = replace(lab, event="pull_request", payload=pull_request(OURS)).check_out()
    assert lab.run(ghost_diff=words(lab.world, "diff", 0)).code == 0


# Secrets


class FakeHost(ThreadingHTTPServer):
    """No Git host: it writes down which credentials it is sent, and says them back in its answer.

    With `elsewhere` it sends whoever asks on to there.
    """

    daemon_threads = True

    def __init__(self, elsewhere: str = "") -> None:
        super().__init__(("127.0.0.1", 0), _SaysAllBack)
        self.elsewhere = elsewhere
        self.seen: list[list[str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/ml/ghosts.git"


class _SaysAllBack(BaseHTTPRequestHandler):
    server: FakeHost

    def do_GET(self) -> None:
        headers = self.headers.get_all("Authorization", [])
        self.server.seen.append(headers)
        codes = [header.rpartition(" ")[2] for header in headers]
        passwords = [base64.b64decode(code).decode().partition(":")[2] for code in codes]
        told = [*headers, *passwords]
        body = "\n".join(f"ERR {word}" for word in told).encode()
        self.send_response(302 if self.server.elsewhere else 403)
        if self.server.elsewhere:
            self.send_header("Location", self.server.elsewhere + self.path.removeprefix("/"))
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: tests read `seen`."""


@contextmanager
def fake_host(elsewhere: str = "") -> Iterator[FakeHost]:
    with FakeHost(elsewhere) as host:
        thread = threading.Thread(target=host.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield host
        host.shutdown()
        thread.join()


def header(token: str) -> str:
    return f"Basic {base64.b64encode(f'x-access-token:{token}'.encode()).decode()}"


@pytest.mark.parametrize("credentials", [Credentials.LOCAL, Credentials.NONE])
def test_a_token_is_nowhere_to_be_seen(lab: Lab, credentials: Credentials) -> None:
    """On no command line, in no file, in the environment of git alone, under the names that git asks for."""
    lab.check_out(Checkout(credentials=credentials))
    recorder = Recorder(lab.folder, lab.temp, "git", "ssh")
    lab.environ["PATH"] = recorder.path
    secrets = [*forms(TOKEN), *forms(GHOST_TOKEN)]
    at_work, left = [], []

    def look() -> None:
        at_work.extend(processes())
        left.extend(holding(Path(tempfile.gettempdir()), *secrets))

    asked = ("/info/refs?service=git-upload-pack", "/git-upload-pack", "/git-upload-pack")
    for ending in asked:
        lab.world.store.before(ending, look)
    ran = lab.run(ghost_diff=words(lab.world, "diff", 0), fetch_tags="true")
    assert ran.code == 0, ran.log
    lab.keeps_secrets(ran)
    assert left == []
    seen = [*recorder.started, *at_work]
    assert {"git", "git-remote-http"} <= {process.program for process in seen}
    told = set()
    for process in seen:
        for secret in secrets:
            assert not any(secret in word for word in process.words), process.words
            told |= {name.rstrip(b"0123456789") for name in process.names(secret)}
    assert told == {b"GIT_CONFIG_VALUE_"}
    assert not any(name.startswith((b"INPUT_", b"GTO_INPUT_")) for one in recorder.started for name in one.environ)
    masks, _ = split_masks(ran.log)
    assert masks.splitlines() == [f"::add-mask::{TOKEN}", f"::add-mask::{GHOST_TOKEN.replace('%', '%25')}"]


@pytest.mark.parametrize("token", [GHOST_TOKEN, "plain"])
def test_a_host_that_says_credentials_back(lab: Lab, token: str) -> None:
    lab.check_out()
    with fake_host() as host:
        error = lab.refused("'ghost-token'", ghost_diff="123456", ghost_repo=host.url, ghost_token=token)
    assert all(one == [header(token)] for one in host.seen)
    assert host.seen
    assert error.count("ERR ***") + error.count("ERR Basic ***") == 2
    assert not any(secret.decode() in error.replace("%25", "%") for secret in forms(token))


@pytest.mark.parametrize("token", [GHOST_TOKEN, ""])
def test_a_host_that_sends_us_on(lab: Lab, token: str) -> None:
    """Git would go there, and send on the credentials that were meant for the first host alone."""
    lab.check_out()
    with fake_host(lab.world.store.url("")) as host:
        site = host.url.removesuffix("ml/ghosts.git")
        git(lab.repository, "config", f"http.{site}.extraheader", f"AUTHORIZATION: {header(TOKEN)}")
        ran = lab.run(ghost_diff=words(lab.world, "diff", 0), ghost_repo=host.url, ghost_token=token)
    assert "does not follow redirects" in ran.error
    assert host.seen
    assert all(one == [header(token or TOKEN)] for one in host.seen)
    assert lab.world.store.requests == []


@pytest.mark.parametrize("credentials", [Credentials.LOCAL, Credentials.INCLUDED])
def test_one_set_of_credentials(lab: Lab, credentials: Credentials) -> None:
    """A server that is sent two headers, the checkout's and ours, refuses both."""
    lab.check_out(Checkout(credentials=credentials))
    with fake_host() as host:
        site = host.url.removesuffix("ml/ghosts.git")
        file = next(iter([*lab.folder.joinpath("runner").glob("*.config"), lab.repository / ".git/config"]))
        git(lab.folder, "config", "--file", str(file), f"http.{site}.extraheader", f"AUTHORIZATION: {header(TOKEN)}")
        lab.refused(ghost_diff="123456", ghost_repo=host.url)
        assert host.seen
        assert all(one == [header(GHOST_TOKEN)] for one in host.seen)
        # without a token for it, the checkout's own is what the same host is sent
        host.seen.clear()
        lab.refused("***", ghost_diff="123456", ghost_repo=host.url, ghost_token="")
        assert host.seen
        assert all(one == [header(TOKEN)] for one in host.seen)


def test_the_job_token_goes_to_no_other_host(lab: Lab) -> None:
    lab.check_out()
    with fake_host() as host:
        lab.refused(ghost_diff="123456", ghost_repo=host.url, ghost_token="")
    assert host.seen
    assert not any(host.seen)


# SSH


@pytest.fixture
def ssh(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    with ssh_server(lab.world.folder / "stored", tmp_path_factory.mktemp("ssh")) as server:
        yield server


def key_of(server: SshServer) -> str:
    return (server.folder / "client").read_text()


def over_ssh(lab: Lab, server: SshServer, **inputs: str) -> dict[str, str]:
    given = {
        "ghost_repo": server.url("ml/ghosts.git"),
        "ghost_token": "",
        "ghost_ssh_key": key_of(server),
        "ghost_known_hosts": (server.folder / "known_hosts").read_text(),
        "ghost_diff": words(lab.world, "diff", 0),
    }
    return {**given, **inputs}


def lines_of(key: str) -> list[bytes]:
    """The lines that hold the key itself."""
    return [line.encode() for line in key.split() if len(line) > 20]


def agents() -> list[tuple[bytes, ...]]:
    socket = os.fsencode(tempfile.gettempdir())
    return [one.words for one in processes() if any(socket in word for word in one.words)]


@pytest.mark.parametrize("form", ["no line end", "CRLF"])
def test_a_key_is_nowhere_to_be_seen(lab: Lab, ssh: SshServer, form: str) -> None:
    lab.check_out()
    recorder = Recorder(lab.folder, Path(tempfile.gettempdir()), "git", "ssh", "ssh-add", "ssh-agent", keeping="ssh")
    lab.environ["PATH"] = recorder.path
    key = key_of(ssh)
    given = key.strip() if form == "no line end" else key.replace("\n", "\r\n")
    ran = lab.run(**over_ssh(lab, ssh, ghost_ssh_key=given))
    assert ran.code == 0, ran.log
    assert tree(lab.repository) == lab.world.trees["diff"]
    secrets = lines_of(key)
    assert len(secrets) > 3
    lab.keeps_secrets(ran, *secrets)
    started = recorder.started
    assert {"git", "ssh", "ssh-add", "ssh-agent"} <= {process.program for process in started}
    for process in started:
        assert not any(secret in word for secret in secrets for word in process.words)
        assert not any(process.names(secret) for secret in secrets)
    copies = list(recorder.copies.iterdir())
    assert copies
    assert list(recorder.copies.rglob("known_hosts"))
    assert holding(recorder.copies, *secrets) == []
    assert agents() == []
    masks, _ = split_masks(ran.log)
    assert {f"::add-mask::{secret.decode()}" for secret in secrets} <= set(masks.splitlines())


def test_keys_and_hosts_that_are_refused(lab: Lab, ssh: SshServer) -> None:
    lab.check_out()
    new = ["ssh-keygen", "-q", "-t", "ed25519"]
    for name, phrase in (("secret", "a phrase"), ("other", "")):
        subprocess.run([*new, "-N", phrase, "-f", ssh.folder / name], check=True)
    keys = {name: (ssh.folder / name).read_text() for name in ("secret", "other")}
    before = everything(lab.workspace)
    for because, inputs in (
        (("it has a passphrase", "'ghost-ssh-key'"), {"ghost_ssh_key": keys["secret"]}),
        (("was not taken", "'ghost-ssh-key'"), {"ghost_ssh_key": "no key at all"}),
        (("Permission denied", "'ghost-ssh-key'"), {"ghost_ssh_key": keys["other"]}),
        (("Host key verification failed", "'ghost-known-hosts'"), {"ghost_known_hosts": ""}),
    ):
        ran = lab.run(**over_ssh(lab, ssh, **inputs))
        for words_ in because:
            assert words_ in ran.error
        assert everything(lab.workspace) == before
        lab.keeps_secrets(ran, *lines_of(inputs.get("ghost_ssh_key", key_of(ssh))))
        assert agents() == []
