"""A ghost in a job, with the real image: a later step, which is not root, builds what a colleague has changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import events
from tests.e2e.checkout import Checkout, Credentials
from tests.e2e.conftest import TOKEN, Lab
from tests.e2e.remote import Remote
from tests.e2e.runner import OWNER, Run, Step, shell, step
from tests.ghosts import Ghosts, bytes_of, tree_of
from tests.git_server import GitServer
from tests.ssh_server import ssh_server
from tests.watching import Watch, forms, holding
from tests.workdir import WorkDir

GHOST_TOKEN = "ghp_a/b%2Fc%+d=e?GhostTokenOfThisTest"
PROGRAM = {
    "build.sh": "set -eu\nmkdir -p build\ncat src/*.pl >build/greet\nperl build/greet\n",
    "src/a.pl": 'print "old\\n";\n',
    "old.txt": "gone soon\n",
    ".github/workflows/build.yml": "on: push\n",
}
CHANGED = ["build.sh", "old.txt", "src/a.pl", "src/more/b.pl"]
POLICY = "rules: [{name: clean, require: {ghost: false}}]\n"
AS_OWNER = f"setpriv --reuid {OWNER} --regid {OWNER} --clear-groups"
# all of the workspace that no refused ghost may change; git touches objects that it would have written
STATE = """
about='%p %m %U %G'
find . -path ./.git/objects -prune -o -type f -printf "$about %s %T@\\n" -o -printf "$about %l\\n" | sort | md5sum
find . -type f -exec md5sum {} + | sort | md5sum
"""
# what is not the owner's, the working tree as the owner's git sees it, and the program, whose files can be replaced
BUILD = f"""
find . ! -user {OWNER} -o ! -group {OWNER}
export HOME=/tmp/home && {AS_OWNER} mkdir $HOME
{AS_OWNER} git add --all
{AS_OWNER} git write-tree
{AS_OWNER} git -c user.name=Later -c user.email=later@example.com commit --quiet -m later
{AS_OWNER} rm src/more/b.pl
{AS_OWNER} git checkout --quiet -- src
{AS_OWNER} sh build.sh
"""


def change(work: WorkDir) -> None:
    work.write("src/a.pl", 'print "new\\n";\n')
    work.write("src/more/b.pl", 'print "newer\\n";\n')
    work.write("build.sh", PROGRAM["build.sh"].replace("src/*.pl", "src/*.pl src/*/*.pl"))
    (work.path / "old.txt").unlink()


@dataclass
class Team:
    """A colleague's clone, and the server that keeps ghosts; `names` and `trees` are of what was pushed."""

    ghosts: Ghosts
    server: GitServer
    base: str
    names: dict[str, list[str]] = field(default_factory=dict)
    trees: dict[str, str] = field(default_factory=dict)

    @classmethod
    def create(cls, remote: Remote, server: GitServer, folder: Path) -> Team:
        """Add the program to the remote, and have changes of it pushed."""
        base = remote.commit("Add a program", PROGRAM)
        remote.tag("greet@v1.0.0", base)
        remote.commit("Add rules", {".gto-policy.yaml": POLICY}, branch="rules")
        store, here = WorkDir(server.root / "ml/ghosts.git"), WorkDir(folder / "laptop")
        WorkDir(folder).git("init", "--quiet", "--bare", str(store.path))
        WorkDir(folder).git("clone", "--quiet", str(remote.path), str(here.path))
        team = cls(Ghosts(folder, str(store.path), store, here, here), server, base)
        change(here)
        team.push("diff", "-u")
        here.commit("not pushed")
        team.push("commits", "commits", base, GIT_GHOST_PREFIX="team/x")
        here.write("src/a.pl", 'print "newest\\n";\n')
        team.push("both", GIT_GHOST_PREFIX="team/x")
        here.git("reset", "--quiet", "--hard", base)
        return team

    def push(self, name: str, *args: str, **more: str) -> None:
        line = self.ghosts.ok(self.ghosts.here, "push", *args, **more).splitlines()[-1]
        self.names[name], self.trees[name] = line.split(" "), tree_of(self.ghosts.here)

    def store_workflow(self) -> str:
        """Store a ghost that adds a workflow; its hash."""
        here = self.ghosts.here
        here.write(".github/workflows/x.yml", "on: push\n")
        here.git("add", "--all")
        patch = bytes_of(here, "diff", "--cached", "--binary", "HEAD")
        here.git("reset", "--quiet", "--hard", self.base)
        return self.ghosts.write_diff(self.base, patch)

    def apply(self, name: str, inputs: dict[str, str], **keys: Any) -> dict[str, Any]:
        """A step that applies a ghost."""
        given = {"ghost-repo": self.server.url("ml/ghosts.git"), "ghost-token": GHOST_TOKEN, "show": "false"}
        return step(name, {**given, **inputs}, **keys)


@pytest.fixture
def team(lab: Lab, tmp_path: Path) -> Iterator[Team]:
    with GitServer(tmp_path / "stored", token=GHOST_TOKEN) as server:
        yield Team.create(lab.remote, server, tmp_path)


def keeps_secrets(run: Run, lab: Lab, watch: Watch, *more: bytes) -> None:
    """Expect no secret on a command line, in what a step said, or in a file that it left."""
    secrets = [*forms(GHOST_TOKEN), *more]
    assert {"git", "git-remote-http"} <= watch.programs
    assert watch.found == set()
    for one in run.steps.values():
        said = "\n".join([*one.printed, *one.ignored, *one.outputs.values(), one.summary, *one.issued("error")])
        assert not any(secret in said.encode() for secret in [*secrets, *forms(TOKEN)]), said
    for folder in (run.workspace, run.home, lab.temp):
        assert holding(folder, *secrets) == []


def refused(one: Step, *because: str) -> None:
    assert (one.outcome, one.outputs) == ("failure", {})
    (error,) = one.issued("error")
    for words in because:
        assert words in error, error


def test_refused_then_built(lab: Lab, team: Team) -> None:
    """After whatever was refused the workspace is as it was; so the last step's ghost fits."""
    digest = team.names["diff"][1]
    parent = team.ghosts.here.git("rev-parse", f"{team.base}^")
    cases = {
        "workflow": ({"ghost-diff": team.store_workflow()}, ["'.github/workflows/x.yml'", "ghost-allow"]),
        "base": ({"ghost-diff": f"{parent} {digest}"}, ["actions/checkout", f"ref: {parent}"]),
        "token": ({"ghost-diff": digest, "ghost-token": "wrong"}, ["'ghost-token'"]),
    }
    trigger = events.dispatch(lab.remote, "")
    lab.check_out(trigger.ref, trigger.sha, Checkout(credentials=Credentials.INCLUDED))
    tries = [team.apply(name, inputs, **{"continue-on-error": True}) for name, (inputs, _) in cases.items()]
    with Watch(*forms(GHOST_TOKEN), *forms(TOKEN)) as watch:
        team.server.before("/git-upload-pack", watch.look)
        run = lab.run(
            trigger,
            shell("before", STATE),
            *tries,
            shell("after", STATE),
            team.apply("ghost", {"ghost-diff": f"{team.base[:8]} {digest[:10]}"}),
            shell("build", BUILD),
        )
    assert run.succeeded, run.log
    for name, (_, because) in cases.items():
        refused(run[name], *because)
    assert run["after"].printed == run["before"].printed
    outputs = run["ghost"].outputs
    assert {name: value for name, value in outputs.items() if value} == {
        "ghost-applied": "true",
        "ghost-base": team.base,
        "ghost-diff": digest,
        "ghost-tree": team.trees["diff"],
        "ghost-files": json.dumps(CHANGED),
    }
    assert run["build"].printed == [team.trees["diff"], "new", "newer"]
    assert f"A ghost was applied: {len(CHANGED)} files, +3 −3" in run["ghost"].summary
    assert all(name in run["ghost"].summary for name in CHANGED)
    keeps_secrets(run, lab, watch)


def test_commits_and_diff_with_a_tag_below_the_workspace(lab: Lab, team: Team, seed: Remote, tmp_path: Path) -> None:
    """Over SSH; the repository is in a folder, shallow, at a tag. A gate in the same job knows of it."""
    lab.remote.path.joinpath("../action.git").symlink_to(seed.path)
    lab.check_out("refs/heads/main", seed.resolve("main"), url=lab.server.url("acme/action.git"))
    trigger = events.push(lab.remote, "greet@v1.0.0")
    lab.check_out(trigger.ref, trigger.sha, path="sub")
    with ssh_server(team.server.root, tmp_path / "ssh") as server, Watch(*forms(GHOST_TOKEN), *forms(TOKEN)) as watch:
        lab.server.before("/git-upload-pack", watch.look)
        key = (server.folder / "client").read_text()
        inputs = {
            "ghost-repo": server.url("ml/ghosts.git"),
            "ghost-token": "",
            "ghost-ssh-key": key,
            "ghost-known-hosts": (server.folder / "known_hosts").read_text(),
            "ghost-prefix": "team/x",
            "ghost-commits": team.names["commits"][1],
            "ghost-diff": team.names["both"][1],
            "path": "sub",
        }
        run = lab.run(
            trigger,
            team.apply("ghost", inputs),
            shell("build", f"cd sub\n{BUILD}"),
            step("closed", {"path": "sub", "policy-ref": "rules"}, **{"continue-on-error": True}),
        )
    assert run.succeeded, run.log
    outputs = run["ghost"].outputs
    assert (outputs["event"], outputs["name"], outputs["version"]) == ("registration", "greet", "v1.0.0")
    assert (outputs["ghost-applied"], outputs["ghost-base"]) == ("true", team.base)
    assert outputs["ghost-diff"] == team.names["both"][1]
    assert json.loads(outputs["ghost-files"]) == CHANGED
    assert outputs["ghost-tree"] == team.trees["both"]
    assert run["build"].printed == [team.trees["both"], "newest", "newer"]
    assert run["closed"].outputs["gate"] == "failed"
    (reason,) = json.loads(run["closed"].outputs["gate-reasons"])
    assert (reason["check"], team.names["both"][1][:12] in reason["evidence"]) == ("ghost", True)
    keeps_secrets(run, lab, watch, *(line.encode() for line in key.split() if len(line) > 20))
