"""The wheel, alone in an empty environment, on the oldest Python that it is for and on the newest that is here."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.jobs import read_outputs
from tests.workdir import ISOLATED, WorkDir

PROJECT = Path(__file__).resolve().parents[2]
OLDEST = (3, 10)


def _pythons() -> dict[tuple[int, int], str]:
    """The interpreters on the PATH, and those that are installed beside this one, by version."""
    base = Path(sys.base_prefix)
    found = [path for minor in range(OLDEST[1], 30) if (path := shutil.which(f"python3.{minor}"))]
    found += [str(path) for pattern in ("*/bin/python3", "*/*/bin/python3") for path in base.parent.glob(pattern)]
    found += [str(path) for path in base.parent.parent.glob("*/*/bin/python3")]
    versions: dict[tuple[int, int], str] = {}
    for python in [sys.executable, *found]:
        asked = "import sys, venv, ensurepip; print(*sys.version_info[:2], sys.version_info.releaselevel)"
        done = subprocess.run([python, "-I", "-c", asked], capture_output=True, text=True, check=False)
        if done.returncode == 0 and done.stdout.endswith(" final\n"):
            major, minor, _ = done.stdout.split()
            versions.setdefault((int(major), int(minor)), python)
    return versions


@dataclass(frozen=True)
class Installed:
    """A virtual environment with the wheel and what it asks for."""

    bin: Path

    def run(self, *command: str | Path, cwd: Path, **environ: str) -> str:
        outer = {name: value for name, value in os.environ.items() if not name.startswith(("GIT", "PYTHON", "GTO"))}
        variables = {**outer, **ISOLATED, "PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}", **environ}
        done = subprocess.run(command, cwd=cwd, env=variables, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        assert "Warning" not in done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, PROJECT]
    subprocess.run(build, check=True)
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module", params=["oldest", "newest"])
def installed(request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    versions = _pythons()
    if request.param == "oldest" and OLDEST not in versions:
        pytest.skip(f"there is no Python {OLDEST[0]}.{OLDEST[1]} here, only {sorted(versions)}")
    python = versions[OLDEST if request.param == "oldest" else max(versions)]
    folder = tmp_path_factory.mktemp(request.param) / "venv"
    subprocess.run([python, "-m", "venv", folder], check=True)
    pip = [folder / "bin/python", "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", wheel], check=True)
    subprocess.run([*pip, "check"], check=True, stdout=subprocess.DEVNULL)
    return Installed(folder / "bin")


@pytest.fixture
def work(tmp_path: Path) -> WorkDir:
    work = WorkDir.init(tmp_path / "work")
    work.commit("one", model="weights\n", artifacts__yaml="churn: {type: model, path: model}\n")
    return work


def test_gto(installed: Installed, work: WorkDir) -> None:
    person = {name: value for name, value in work.environ().items() if name.startswith("GIT_")}
    assert "Created git tag 'churn@v0.0.1'" in installed.run("gto", "register", "churn", cwd=work.path, **person)
    assert "Created git tag 'churn#prod#1'" in installed.run(
        "gto", "assign", "churn", "--stage", "prod", cwd=work.path, **person
    )
    assert installed.run("gto", "show", "churn#prod", "--version", cwd=work.path) == "v0.0.1\n"
    assert len(json.loads(installed.run("gto", "history", "--json", cwd=work.path))) == 3
    assert installed.run("gto", "describe", "churn", "--path", cwd=work.path) == "model\n"
    assert installed.run("gto", "doctor", cwd=work.path).endswith("No issues found\n")


def test_git_ghost(installed: Installed, work: WorkDir, tmp_path: Path) -> None:
    work.git("init", "--quiet", "--bare", str(tmp_path / "ghosts.git"))
    work.git("clone", "--quiet", str(work.path), str(tmp_path / "other"))
    work.write("model", "better weights\n")
    environ = {"GIT_GHOST_REPO": (tmp_path / "ghosts.git").as_uri()}
    base, ghost = installed.run("git", "ghost", "push", cwd=work.path, **environ).split()
    assert base == work.head
    installed.run("git", "ghost", "pull", ghost, cwd=tmp_path / "other", **environ)
    assert (tmp_path / "other/model").read_text() == "better weights\n"


def test_gto_ci_action(installed: Installed, work: WorkDir, tmp_path: Path) -> None:
    work.tag("churn@v1.0.0")
    work.tag("churn#prod#1")
    work.git("clone", "--quiet", "--bare", str(work.path), str(tmp_path / "remote.git"))
    work.git("remote", "add", "origin", (tmp_path / "remote.git").as_uri())
    ref = "refs/tags/churn#prod#1"
    files = {name: tmp_path / name for name in ("output", "summary", "event.json")}
    for file in files.values():
        file.write_text(json.dumps({"ref": ref}) if file.suffix else "")
    log = installed.run(
        *("gto-ci", "action"),
        cwd=work.path,
        HOME=str(tmp_path),
        GITHUB_ACTIONS="true",
        GITHUB_WORKSPACE=str(work.path),
        GITHUB_REPOSITORY="acme/models",
        GITHUB_SERVER_URL="https://github.com",
        GITHUB_EVENT_NAME="push",
        GITHUB_EVENT_PATH=str(files["event.json"]),
        GITHUB_REF=ref,
        GITHUB_SHA=work.head,
        GITHUB_OUTPUT=str(files["output"]),
        GITHUB_STEP_SUMMARY=str(files["summary"]),
    )
    outputs = read_outputs(files["output"].read_bytes())
    assert {name: outputs[name] for name in ("event", "name", "version", "stage", "path", "is-current")} == {
        "event": "assignment",
        "name": "churn",
        "version": "v1.0.0",
        "stage": "prod",
        "path": "model",
        "is-current": "true",
    }
    assert "churn" in files["summary"].read_text()
    assert "::error" not in log


def test_the_library_is_typed_and_imports_no_third_party(installed: Installed, wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as files:
        assert "gto_ci/py.typed" in files.namelist()
        assert not [name for name in files.namelist() if not name.startswith(("gto_ci/", "gto_ci-"))]
    script = """
import sys
import gto_ci
others = {name.partition(".")[0] for name in sys.modules} - set(sys.stdlib_module_names) - {"gto_ci", "__main__"}
print(sorted(name for name in others if not name.startswith("_")))
"""
    assert installed.run("python", "-I", "-W", "error", "-c", script, cwd=tmp_path) == "[]\n"
