"""The lock is enough: the image is built with no index but a folder of the locked files, and does the main job."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e import events
from tests.e2e.conftest import ACTION_FILES, PROJECT, Lab
from tests.e2e.runner import Machine

LOCKS = ("requirements.lock", "requirements-build.lock", "gto_ci/dvc/dvc.lock")
IMAGE = "localhost/gto-ci-e2e-wheelhouse:latest"
# What pip is told in the build in place of an index: it finds this file where an administrator would put it.
PIP_CONF = "[global]\nno-index = true\nfind-links = /wheelhouse\n"
DOWNLOAD = """\
set -eu
/opt/build/bin/pip download --quiet --dest /wheelhouse --require-hashes --no-deps -r /locks/requirements.lock
/opt/build/bin/pip download --quiet --dest /wheelhouse --require-hashes --no-deps -r /locks/requirements-build.lock
sed -n '/^pip==/,/[^\\\\]$/p' /locks/gto_ci/dvc/dvc.lock >/tmp/pip.lock
/opt/build/bin/pip download --quiet --dest /wheelhouse --require-hashes --no-deps -r /tmp/pip.lock
"""


@dataclass(frozen=True)
class Wheelhouse:
    """A copy of the project to build from, with a folder of wheels in it."""

    machine: Machine
    project: Path

    @property
    def wheels(self) -> Path:
        return self.project / "wheelhouse"

    def build(self) -> subprocess.CompletedProcess[str]:
        """Build the image as the Dockerfile says, with pip cut off from every index."""
        (self.project / "pip.conf").write_text(PIP_CONF)
        (self.project / ".dockerignore").write_text("")
        stage = "FROM python AS dependencies\n"
        text = (PROJECT / "Dockerfile").read_text(encoding="utf-8")
        assert text.count(stage) == 1
        file = self.project / "Dockerfile.wheelhouse"
        file.write_text(text.replace(stage, f"{stage}COPY pip.conf /etc/pip.conf\nCOPY wheelhouse /wheelhouse\n"))
        command = [*self.machine.engine, "build", "--tag", IMAGE, "--file", str(file), str(self.project)]
        return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def wheelhouse(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Wheelhouse:
    """The locked files for the image's own Python, fetched by its own pip."""
    project = tmp_path_factory.mktemp("wheelhouse") / "project"
    wheels = project / "wheelhouse"
    for name in ACTION_FILES:
        source, copy = PROJECT / name, project / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy)
    wheels.mkdir()
    builder = "localhost/gto-ci-e2e-builder:latest"
    build = [*machine.engine, "build", "--quiet", "--target", "dependencies", "--tag", builder, str(PROJECT)]
    subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
    run = [*machine.engine, "run", "--rm", "--network=host", "--volume", f"{wheels}:/wheelhouse"]
    run += ["--volume", f"{project}:/locks:ro", *_index(), builder, "sh", "-c", DOWNLOAD]
    subprocess.run(run, check=True)
    return Wheelhouse(machine, project)


def _index() -> list[str]:
    """This machine's own setting of an index, where it has one, as options for a container."""
    asked = [sys.executable, "-m", "pip", "config", "get", "global.index-url"]
    told = subprocess.run(asked, capture_output=True, text=True, check=False)
    return ["--env", f"PIP_INDEX_URL={told.stdout.strip()}"] if told.returncode == 0 else []


def test_the_image_is_built_from_the_locked_files_alone(wheelhouse: Wheelhouse, lab: Lab) -> None:
    built = wheelhouse.build()
    assert built.returncode == 0, built.stderr[-3000:]
    assert "Looking in links: /wheelhouse" in built.stdout + built.stderr

    commit = lab.remote.commit("Train", {"artifacts.yaml": "churn: {type: model, path: models/churn.pkl}\n"})
    lab.remote.tag("churn@v1.0.0", commit)
    lab.remote.tag("churn#prod#1", commit)
    trigger = events.push(lab.remote, "churn#prod#1")
    lab.check_out(trigger.ref, trigger.sha)
    run = lab.run(trigger, {"id": "gto", "name": "gto", "uses": f"docker://{IMAGE}"})
    assert run.succeeded, run.log
    outputs = run["gto"].outputs
    assert [outputs[name] for name in ("event", "name", "version", "stage", "path")] == [
        "assignment",
        "churn",
        "v1.0.0",
        "prod",
        "models/churn.pkl",
    ]


def test_nothing_else_is_taken(wheelhouse: Wheelhouse) -> None:
    """Where one file is missing, or another than the locked one lies there, there is no image."""
    wheel = next(wheelhouse.wheels.glob("click-*.whl"))
    aside = wheelhouse.project.parent / wheel.name
    wheel.rename(aside)
    try:
        lacking = wheelhouse.build()
        assert lacking.returncode != 0
        assert "No matching distribution found for click==" in lacking.stdout + lacking.stderr
        wheel.write_bytes(aside.read_bytes() + b"\0")
        other = wheelhouse.build()
        assert other.returncode != 0
        assert "THESE PACKAGES DO NOT MATCH THE HASHES" in other.stdout + other.stderr
    finally:
        aside.replace(wheel)
