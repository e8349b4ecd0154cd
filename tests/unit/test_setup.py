"""The installation by ``setup/``: its layout on each system, and its commands."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from types import ModuleType

import pytest
import yaml

PROJECT = Path(__file__).resolve().parents[2]
ACTION = yaml.safe_load((PROJECT / "setup/action.yml").read_text(encoding="utf-8"))


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("setup_install", PROJECT / "setup/install.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look up their module
    spec.loader.exec_module(module)
    return module


setup = load()

SYSTEMS = [
    ("Linux", PurePosixPath("/home/runner/work/_temp/gto-ci"), PurePosixPath("/home/runner/work/_actions/a")),
    ("macOS", PurePosixPath("/Users/a person/work/_temp/gto-ci"), PurePosixPath("/Users/a person/work/_actions/a")),
    ("Windows", PureWindowsPath(r"D:\a b\_temp\gto-ci"), PureWindowsPath(r"D:\a b\_actions\a")),
]


@pytest.mark.parametrize(("system", "folder", "source"), SYSTEMS)
def test_layout_on_each_system(system: str, folder: PurePath, source: PurePath) -> None:
    layout = setup.Layout.under(folder, windows=system == "Windows")
    inside = {
        "Linux": ("venv/bin/python", ["venv/bin/gto", "venv/bin/gto-ci", "venv/bin/git-ghost"]),
        "macOS": ("venv/bin/python", ["venv/bin/gto", "venv/bin/gto-ci", "venv/bin/git-ghost"]),
        "Windows": (
            "venv/Scripts/python.exe",
            ["venv/Scripts/gto.exe", "venv/Scripts/gto-ci.exe", "venv/Scripts/git-ghost.exe"],
        ),
    }[system]
    assert layout.python.relative_to(folder).as_posix() == inside[0]
    assert [program.relative_to(folder).as_posix() for program in layout.programs] == inside[1]
    # a folder without a python, which would hide the job's
    assert layout.bin == folder / "bin"
    assert layout.bin not in (layout.python.parent, *(program.parent for program in layout.programs))


@pytest.mark.parametrize(("system", "folder", "source"), SYSTEMS)
def test_every_download_is_checked(system: str, folder: PurePath, source: PurePath) -> None:
    layout = setup.Layout.under(folder, windows=system == "Windows")
    steps = setup.commands(layout, source)
    for step in steps:
        assert step[:3] == [str(layout.python), "-m", "pip"]
        checked = {"--require-hashes", "--no-deps", "--only-binary"} <= set(step)
        assert checked or {"--no-index", "--no-deps"} <= set(step), step
        # each argument is one item, so a space in a path splits nothing
        assert not [word for word in step if " " in word and not word.startswith((str(folder), str(source)))]
    locks = [word for step in steps for word in step if word.endswith(".lock")]
    assert locks == [str(source / "requirements.lock"), str(source / "requirements-build.lock")]


def test_the_jobs_python_settings_are_not_used() -> None:
    layout = setup.Layout.under(PurePosixPath("/t"), windows=False)
    given = {"PATH": "/bin", "PYTHONPATH": "/evil", "PythonHome": "/evil", "PIP_INDEX_URL": "https://mirror.example"}
    made = setup.variables(given, layout)
    assert made == {
        "PATH": "/bin",
        "PIP_INDEX_URL": "https://mirror.example",
        "PYTHONPATH": str(layout.tools),
        "PYTHONUTF8": "1",
    }


def test_the_path_and_the_outputs_are_set(tmp_path: Path) -> None:
    files = {name: str(tmp_path / name) for name in ("GITHUB_PATH", "GITHUB_OUTPUT")}
    Path(files["GITHUB_PATH"]).write_text("/before\n")
    setup.tell(files, "1.2.3", tmp_path / "a b")
    assert Path(files["GITHUB_PATH"]).read_text() == f"/before\n{tmp_path}/a b\n"
    assert Path(files["GITHUB_OUTPUT"]).read_text() == f"version=1.2.3\npath={tmp_path}/a b\n"


def test_a_failure_is_one_error_with_a_next_step(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert setup.main({}) == 1
    assert capsys.readouterr().out == (
        "::error title=gto-ci::The variable RUNNER_TEMP is not set. Run this as a step of a workflow\n"
    )
    assert setup.main({"RUNNER_TEMP": str(tmp_path / "missing")}) == 1
    assert capsys.readouterr().out.startswith("::error title=gto-ci::")


def test_no_existing_folder_is_removed(tmp_path: Path) -> None:
    """Bug: a folder `gto-ci` of an earlier step, in the runner's temporary folder, was removed."""
    (tmp_path / "gto-ci").mkdir()
    (tmp_path / "gto-ci/file").write_text("precious")
    one, other = (setup.new_folder({"RUNNER_TEMP": str(tmp_path)}) for _ in range(2))
    assert one != other
    assert list(one.iterdir()) == []
    assert one.stat().st_mode & 0o777 == 0o755
    assert [file.read_text() for file in (tmp_path / "gto-ci").iterdir()] == ["precious"]


def script() -> str:
    (step,) = ACTION["runs"]["steps"]
    return str(step["run"])


def python(folder: Path, name: str, body: str) -> None:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{body}\n")
    file.chmod(0o755)


def start(path: Path) -> subprocess.CompletedProcess[str]:
    """Run the step's script with only `path` on the PATH."""
    environ = {"PATH": str(path), "GITHUB_ACTION_PATH": "/an action"}
    bash = next(file for file in ("/bin/bash", "/usr/bin/bash") if os.access(file, os.X_OK))
    return subprocess.run([bash, "-e", "-c", script()], env=environ, capture_output=True, text=True, check=False)


def test_the_step_takes_the_first_python_that_is_new_enough(tmp_path: Path) -> None:
    old = '[ "$1" = -c ] && exit 1; echo old "$@"'
    python(tmp_path, "python3", old)
    python(tmp_path, "python", '[ "$1" = -c ] && exit 0; echo new "$@"')
    assert start(tmp_path).stdout == "new -I /an action/install.py\n"
    python(tmp_path, "python", old)
    done = start(tmp_path)
    assert (done.returncode, done.stdout.split("::")[1]) == (1, "error title=gto-ci")
    assert "actions/setup-python" in done.stdout


def test_the_script_contains_no_expression() -> None:
    assert "${{" not in script()
    assert set(ACTION["outputs"]) == {"version", "path"}
