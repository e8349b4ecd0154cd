"""A real DVC, installed as a job would, pulls from a real remote: a folder.

Run as root, as the action is, everything is done for another user, who owns the workspace, if that user may
read this Python. The one installation takes half a minute and needs a package index; after it no test can reach one.
"""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gto_ci import hints
from gto_ci.dvc import PulledData, pull
from gto_ci.dvc.install import installed
from gto_ci.dvc.requirements_lock import Lock
from gto_ci.dvc.run_as_owner import account_for
from gto_ci.errors import PullFailed, WrongInput
from tests.workdir import WorkDir

VERSION = Lock.packaged().dvc.version
# DVC and all that it needs are there already, or cannot come
UNREACHABLE = {
    "PIP_CONFIG_FILE": os.devnull,
    "PIP_INDEX_URL": "http://user:s3cret@127.0.0.1:9/simple",
    "PIP_RETRIES": "1",
}
CONFIG = "[core]\n    remote = store\n['remote \"store\"']\n    url = {}\n"


def _other_user() -> tuple[int, int] | None:
    """A user whom root can be here: one who may read this Python, which lies in root's home on some machines."""
    if os.geteuid() != 0:
        return None
    command = [sys.executable, "-I", "-c", ""]
    try:
        subprocess.run(command, user=1001, group=1001, extra_groups=[], cwd="/", check=True)
    except PermissionError:
        return None
    return 1001, 1001


OWNER = _other_user()


def give(folder: Path) -> None:
    """Make `folder`, and all that is in it, the owner's."""
    for path in (folder, *folder.rglob("*")) if OWNER else ():
        os.chown(path, *OWNER, follow_symlinks=False)


@pytest.fixture(scope="session")
def base() -> Iterator[Path]:
    """A folder that any user may look into, which pytest's own are not."""
    with tempfile.TemporaryDirectory(prefix="gto-ci-test-") as name:
        base = Path(name)
        base.chmod(0o755)
        yield base


@pytest.fixture(scope="session")
def temp(base: Path) -> Path:
    """The job's folder for temporary files, with DVC in it; as root, it is root's."""
    workspace, temp = base / "empty", base / "temp"
    workspace.mkdir()
    give(workspace)
    temp.mkdir()
    said: list[str] = []
    with account_for(workspace, temp, os.environ) as account:
        installed(Lock.packaged(), (), temp, account, said.append)
    assert said == [f"Installing DVC {VERSION}"]
    return temp


@pytest.fixture(scope="session")
def python(temp: Path) -> Path:
    (venv,) = temp.iterdir()
    return venv / "bin" / "python"


@pytest.fixture(scope="session")
def origin(base: Path, python: Path) -> WorkDir:
    """A repository with every kind of data that DVC keeps, which is in the remote `base/remote`."""
    remote = base / "remote"
    remote.mkdir()
    origin = WorkDir.init(base / "origin")
    environ = {**origin.environ(), "DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": str(base / "site"), "CI": "1"}

    def dvc(*words: str, cwd: str = ".") -> None:
        subprocess.run([python, "-I", "-m", "dvc", *words, "--quiet"], cwd=origin.path / cwd, env=environ, check=True)

    for project in ("", "services/churn/"):
        origin.write(f"{project}.dvc/config", CONFIG.format(remote))
        origin.write(f"{project}.dvc/.gitignore", "/tmp\n/cache\n")
    data = {"model.pkl": "model", "data/a.csv": "a", "data/deep/b.csv": "bb", "my models/räisänen v1.bin": "spaced"}
    odd = {"-rf": "dash", "train": "not the stage", "a:b@v1.0": "colon", "lost.bin": "lost"}
    for name, content in {**data, **odd, "services/churn/model.bin": "churn"}.items():
        origin.write(name, content)
    origin.write("README.md", "of git, not of DVC")
    origin.write("dvc.yaml", "stages:\n  train:\n    cmd: echo made >made.txt\n    outs: [made.txt]\n")
    dvc("add", *(f"./{name}" for name in ("model.pkl", "data", "my models/räisänen v1.bin", *odd)))
    dvc("add", "model.bin", cwd="services/churn")
    dvc("repro", "dvc.yaml")
    dvc("push")
    dvc("push", cwd="services/churn")
    origin.commit()
    (lost,) = [file for file in remote.rglob("*") if file.is_file() and file.read_bytes() == b"lost"]
    lost.unlink()
    return origin


@dataclass
class Job:
    """A step that pulls in a fresh clone, and what it said."""

    root: Path
    temp: Path
    environ: dict[str, str]
    said: list[str] = field(default_factory=list)

    def pull(self, path: str, *extras: str, **environ: str) -> PulledData:
        given = {**self.environ, **environ}
        return pull(self.root, path, extras, environ=given, folder=self.temp, say=self.said.append)

    def fails(self, path: str, **environ: str) -> str:
        with pytest.raises(PullFailed) as caught:
            self.pull(path, **environ)
        return hints.sentence(caught.value, hints.Interface.ACTION)

    def configure(self, url: str) -> None:
        (self.root / ".dvc/config").write_text(CONFIG.format(url))


@pytest.fixture
def job(base: Path, temp: Path, origin: WorkDir) -> Iterator[Job]:
    folder = Path(tempfile.mkdtemp(dir=base))
    folder.chmod(0o755)
    root, home = folder / "workspace", folder / "home"
    origin.git("clone", "--quiet", str(origin.path), str(root))
    give(root)
    home.mkdir(mode=0o755)
    yield Job(root, temp, {**os.environ, **UNREACHABLE, "HOME": str(home)})
    if OWNER:
        strangers = [path for path in root.rglob("*") if path.lstat().st_uid != OWNER[0]]
        assert strangers == [], "what is in the workspace is its owner's"
        assert list(home.iterdir()) == [], "root's home is nobody else's"
    assert len(list(temp.iterdir())) == 1, "only DVC stays behind"


@pytest.mark.parametrize(
    ("path", "size", "files"),
    [
        pytest.param("model.pkl", 5, 1, id="file"),
        pytest.param("data/", 3, 2, id="folder"),
        pytest.param("data/deep/b.csv", 2, 1, id="file-in-a-folder"),
        pytest.param("made.txt", 5, 1, id="output-of-a-stage"),
        pytest.param("my models/räisänen v1.bin", 6, 1, id="spaces-and-umlauts"),
        pytest.param("services/churn/model.bin", 5, 1, id="project-in-a-subfolder"),
        pytest.param("-rf", 4, 1, id="looks-like-an-option"),
        pytest.param("train", 13, 1, id="called-as-a-stage"),
        pytest.param("a:b@v1.0", 5, 1, id="colon"),
    ],
)
def test_pulls(path: str, size: int, files: int, job: Job) -> None:
    assert not (job.root / path).exists()
    assert job.pull(path) == PulledData(path, size, files, VERSION)
    there = [file for file in (job.root / path, *(job.root / path).rglob("*")) if file.is_file()]
    assert sum(file.stat().st_size for file in there) == size
    assert any(line.startswith("A ") for line in job.said), job.said
    assert not any("\x1b" in line or "%" in line for line in job.said), "no colours, no progress bars"


def test_pulling_again_changes_nothing(job: Job) -> None:
    first = job.pull("model.pkl")
    assert not (job.root / "data").exists(), "nothing else is pulled"
    job.said.clear()
    assert job.pull("model.pkl") == first
    assert job.said == ["Everything is up to date."]


def test_neither_variables_nor_the_workspace_bring_in_code(job: Job) -> None:
    for module in ("dvc", "sitecustomize", "usercustomize", "json"):
        (job.root / f"{module}.py").write_text(f"raise SystemExit({module!r})\n")
    give(job.root)
    elsewhere = dict.fromkeys(
        ("GIT_DIR", "GIT_WORK_TREE", "PYTHONPATH", "PYTHONHOME", "DVC_ROOT"), str(job.root / "data")
    )
    elsewhere["PYTHONPATH"] = str(job.root)
    assert job.pull("model.pkl", **elsewhere, DVC_IGNORE_ISATTY="1", DVC_SITE_CACHE_DIR="/nonexistent").size == 5


def test_data_that_the_remote_does_not_have(job: Job) -> None:
    error = job.fails("lost.bin")
    assert error.startswith(
        "DVC cannot pull 'lost.bin': Some of the cache files do not exist neither locally nor on remote"
    )
    assert "md5: " in error
    assert "Run 'dvc push' where the data is" in error


def test_no_remote(job: Job) -> None:
    (job.root / ".dvc/config").write_text("")
    assert job.fails("model.pkl") == (
        "DVC cannot pull 'model.pkl': No remote provided and no default remote set. "
        "Commit a default remote: dvc remote add --default NAME URL"
    )


@pytest.mark.parametrize("path", ["README.md", "nothing.bin", "--help"])
def test_a_path_that_dvc_does_not_keep(path: str, job: Job) -> None:
    error = job.fails(path)
    assert f"'./{path}' does not exist as an output or a stage name" in error
    assert "Add the data to DVC ('dvc add'" in error


def test_a_remote_that_needs_an_extra(job: Job) -> None:
    job.configure("s3://bucket/store")
    assert job.fails("model.pkl").endswith("Add it to the step's inputs: 'pull-extras: s3'")


def test_an_unknown_extra_is_refused_before_anything_is_done(job: Job) -> None:
    with pytest.raises(WrongInput, match="DVC has no extra 'floppy' that can be installed here"):
        job.pull("model.pkl", "floppy")
    assert job.said == []


def test_other_data_is_not_overwritten(job: Job) -> None:
    (job.root / "model.pkl").write_text("mine")
    give(job.root)
    assert "The path holds other data" in job.fails("model.pkl")
    assert (job.root / "model.pkl").read_text() == "mine"


def test_a_broken_file_of_dvcs(job: Job) -> None:
    (job.root / "model.pkl.dvc").write_text("outs: 1\n")
    error = job.fails("model.pkl")
    assert "model.pkl.dvc' validation failed" in error
    assert error.endswith("Correct that file and commit it")


def test_secrets_of_urls_are_not_told(job: Job) -> None:
    (job.root / ".dvc/config").write_text("[core]\n    remote = https://user:s3cret@host/store?sig=s3cret\n")
    error = job.fails("model.pkl")
    assert "https://***@host/store?***" in error
    assert "s3cret" not in error + "".join(job.said)


def test_links_of_dvcs_own_are_data(job: Job) -> None:
    with (job.root / ".dvc/config").open("a") as config:
        config.write("[cache]\n    type = symlink\n")
    assert job.pull("model.pkl").size == 5
    assert (job.root / "model.pkl").is_symlink()
    assert job.pull("model.pkl").size == 5


def test_an_installation_that_was_killed_counts_for_nothing(job: Job, base: Path) -> None:
    """Killed while pip asks for packages: the venv is there, under a name that is not used."""
    folder = Path(tempfile.mkdtemp(dir=base))
    folder.chmod(0o755)
    script = (
        "import os, sys\nfrom pathlib import Path\nfrom gto_ci.dvc import pull\n"
        "pull(Path(sys.argv[1]), 'model.pkl', (), environ=os.environ, folder=Path(sys.argv[2]), say=print)\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as index:
        index.settimeout(300)  # a guard only: pip comes when the venv is made
        url = f"http://127.0.0.1:{index.getsockname()[1]}/simple"
        environ = {**job.environ, "PIP_INDEX_URL": url, "PIP_RETRIES": "0"}
        command = [sys.executable, "-c", script, job.root, folder]
        with subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL) as process:
            connection, _ = index.accept()
            process.kill()
        connection.close()
    (left,) = [path.name for path in folder.iterdir() if (path / "pyvenv.cfg").exists()]
    (venv,) = job.temp.iterdir()
    assert left.startswith(f"{venv.name}.")
    error = Job(job.root, folder, job.environ).fails("model.pkl")
    assert error.startswith("DVC cannot be installed: ")
    assert "refused" in error
    assert "PIP_INDEX_URL" in error
    assert "s3cret" not in error
    assert [path.name for path in folder.iterdir() if path.name.startswith(venv.name)] == [left]


def test_what_is_installed_is_the_owners_alone(python: Path) -> None:
    venv = python.parent.parent
    uid = OWNER[0] if OWNER else os.geteuid()
    assert {path.lstat().st_uid for path in (venv, *venv.rglob("*"))} == {uid}
    assert stat.S_IMODE(venv.stat().st_mode) & 0o022 == 0


def test_what_is_installed_is_complete(python: Path) -> None:
    done = subprocess.run([python, "-I", "-m", "pip", "check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_a_listener_that_gives_up_leaves_no_process(base: Path) -> None:
    root = base / "idle"
    root.mkdir()
    pids: list[int] = []

    def give_up(line: str) -> None:
        pids.append(int(line))
        raise KeyboardInterrupt

    script = "import os, threading; print(os.getpid(), flush=True); threading.Event().wait()"
    with account_for(root, base, os.environ) as account, pytest.raises(KeyboardInterrupt):
        account.run([sys.executable, "-I", "-c", script], account.private, account.environ, give_up)
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_root_works_for_the_owner(base: Path) -> None:
    said: list[str] = []
    workspace = base / "theirs"
    workspace.mkdir()
    os.chown(workspace, 1001, 1001)
    with account_for(workspace, base, {"PATH": os.environ["PATH"], "HOME": "/root"}) as account:
        account.run(["sh", "-c", "id -u; id -g; id -G; cd; pwd; touch here"], base, account.environ, said.append)
        assert said == ["1001", "1001", "1001", str(account.private)]
    assert not account.private.exists()
