"""The init containers of the examples, run for real: their script, variables, user and limits, in the real image.

The engine stands in for Kubernetes: it makes the container as the manifest asks for, with the volumes as a kubelet
prepares them, and a Git server on this machine in the place of git.example.com. Memory and processor are not limited.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import TOKEN
from tests.e2e.runner import Machine
from tests.e2e.test_image import IMAGE
from tests.ghosts import tree_of
from tests.git_server import GitServer
from tests.manifests import Pod, config_maps, documents, pods
from tests.running import gto
from tests.workdir import WorkDir

HOST = "https://git.example.com"
SECRETS = {"git-login": {"username": "x-access-token", "password": TOKEN}}
UNKNOWN = "0123456789012345678901234567890123456789"


@pytest.fixture(scope="module")
def image(machine: Machine) -> str:
    machine.tag(IMAGE)
    return IMAGE


@dataclass
class Laptop:
    """Where a change is made, and the server that has its repository and the patch repository."""

    work: WorkDir
    server: GitServer
    base: str

    def push(self, *args: str) -> list[list[str]]:
        """Push the change; the words of each line that was printed."""
        url = self.server.url("ml/ghosts.git", password=TOKEN)
        ran = gto(self.work, "push", *args, program="git-ghost", GIT_GHOST_REPO=url)
        assert ran.code == 0, ran
        return [line.split(" ") for line in ran.out.splitlines()]


@pytest.fixture
def laptop(tmp_path: Path) -> Iterator[Laptop]:
    root = tmp_path / "server"
    work = WorkDir.init(tmp_path / "laptop")
    for name in ("train", "ghosts"):
        work.git("init", "--quiet", "--bare", "--initial-branch=main", str(root / f"ml/{name}.git"))
    work.commit("The first", train__py="print('old')\n")
    work.write("data/weights.bin", bytes(range(256)) * 64)
    base = work.commit("The second", obsolete__txt="gone soon\n", __gitignore="*.log\n")
    work.git("remote", "add", "origin", str(root / "ml/train.git"))
    work.git("push", "--quiet", "origin", "main")
    with GitServer(root, token=TOKEN) as server:
        yield Laptop(work, server, base)


def change(work: WorkDir) -> None:
    """Change the working tree in every way that a patch has to carry."""
    work.write("train.py", "print('new')\n").chmod(0o755)
    work.write("data/weights.bin", bytes(reversed(range(256))) * 64)
    work.write("models/größe 2.txt", "no line end")
    (work.path / "latest").symlink_to("models")
    (work.path / "obsolete.txt").unlink()
    work.write("debug.log", "ignored\n")


@dataclass
class Cluster:
    """Runs the init container of a manifest; `folder` keeps the pod's volumes."""

    machine: Machine
    image: str
    server: GitServer
    folder: Path

    @property
    def source(self) -> WorkDir:
        """A copy of what the main container starts in; git reads only what is one's own."""
        return WorkDir(self.folder.with_name("source"))

    def reproduce(self, manifest: str, values: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """Run the init container. `values` are put in the place of words in the manifest's variables."""
        pod = next(pod for pod in pods(manifest) if "initContainers" in pod.spec)
        container = pod.container("reproduce")
        security = pod.security(container)
        environ = {**_defaults(manifest), HOST: f"http://{self.server.address}", **values}
        variables = {one["name"]: _value(one, environ) for one in container["env"]}
        options = [
            "--rm", "--network=host",
            f"--user={security['runAsUser']}:{security['runAsGroup']}", f"--group-add={security['fsGroup']}",
            f"--read-only={str(security['readOnlyRootFilesystem']).lower()}", "--read-only-tmpfs=false",
            *(f"--cap-drop={name}" for name in security["capabilities"]["drop"]),
            f"--security-opt=no-new-privileges={str(not security['allowPrivilegeEscalation']).lower()}",
            f"--workdir={container['workingDir']}", f"--entrypoint={container['command'][0]}",
            *(f"--volume={self._volume(pod, mount)}" for mount in container["volumeMounts"]),
            *(f"--env={name}" for name in variables),
        ]  # fmt: skip
        if "podman" not in self.machine.engine[0]:
            options.remove("--read-only-tmpfs=false")  # only podman adds folders of its own to a root that is read-only
        line = [*self.machine.engine, "run", *options, self.image, *container["command"][1:]]
        done = subprocess.run(line, capture_output=True, text=True, check=False, env={**os.environ, **variables})
        shutil.rmtree(self.source.path, ignore_errors=True)
        if (self.folder / "work/source").exists():
            subprocess.run(["cp", "-a", self.folder / "work/source", self.source.path], check=True)
            subprocess.run(["chown", "-R", "0:0", self.source.path], check=True)
        return done

    def _volume(self, pod: Pod, mount: Mapping[str, Any]) -> str:
        """Prepare a volume as a kubelet does: of root, with the pod's group."""
        (volume,) = (volume for volume in pod.spec["volumes"] if volume["name"] == mount["name"])
        folder = self.folder / mount["name"]
        folder.mkdir(parents=True, exist_ok=True)
        if "configMap" in volume:
            for name, text in config_maps()[volume["configMap"]["name"]].items():
                (folder / name).write_text(text)
                (folder / name).chmod(volume["configMap"]["defaultMode"])
        for place in (folder, *(folder.iterdir() if "configMap" in volume else ())):
            os.chown(place, 0, pod.spec["securityContext"]["fsGroup"])
        folder.chmod(0o2777)
        return f"{folder}:{mount['mountPath']}{':ro' if mount.get('readOnly') else ''}"


@pytest.fixture
def cluster(machine: Machine, image: str, laptop: Laptop, tmp_path: Path) -> Cluster:
    return Cluster(machine, image, laptop.server, tmp_path / "pod")


def _defaults(manifest: str) -> dict[str, str]:
    """What a workflow's own parameters put into its variables."""
    found: dict[str, str] = {}
    for document in documents(manifest):
        for one in document["spec"].get("arguments", {}).get("parameters", ()):
            found[f"{{{{workflow.parameters.{one['name']}}}}}"] = one.get("value", "")
    return found


def _value(variable: Mapping[str, Any], values: Mapping[str, str]) -> str:
    if "valueFrom" in variable:
        wanted = variable["valueFrom"]["secretKeyRef"]
        return SECRETS[wanted["name"]][wanted["key"]]
    text: str = variable["value"]
    for word, value in values.items():
        text = text.replace(word, value)
    return text


def said(done: subprocess.CompletedProcess[str]) -> str:
    """The one line that a failure says."""
    assert done.returncode != 0
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    return line


@pytest.mark.parametrize(
    ("manifest", "base", "digest"),
    [
        ("kubernetes/job.yaml", "BASE-COMMIT", "DIFF-HASH"),
        ("argo/build-and-run.yaml", "{{workflow.parameters.base}}", "{{workflow.parameters.hash}}"),
    ],
)
def test_a_change_arrives(laptop: Laptop, cluster: Cluster, manifest: str, base: str, digest: str) -> None:
    change(laptop.work)
    ((start, end),) = laptop.push("-u")
    assert start == laptop.base
    for _ in range(2):  # an init container may run again in the same folder
        done = cluster.reproduce(manifest, {base: start, digest: end})
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert tree_of(cluster.source) == tree_of(laptop.work)
        assert cluster.source.head == laptop.base
        # alone and without history
        assert cluster.source.git("rev-list", "--all", "HEAD") == laptop.base
    assert not any(TOKEN.encode() in path.read_bytes() for path in cluster.folder.rglob("*") if path.is_file())
    # nothing else is left where the programs may write
    assert [path.name for path in cluster.folder.joinpath("tmp").iterdir()] == []
    assert [path.name for path in cluster.folder.joinpath("work").iterdir()] == ["source"]


def test_commits_and_a_change_arrive(laptop: Laptop, cluster: Cluster) -> None:
    laptop.work.commit("Not pushed", train__py="print('newer')\n")
    head = laptop.work.commit("Nor is this", more__py="pass\n")
    change(laptop.work)
    (start, middle), (again, end) = laptop.push("all", "-u", "origin/main")
    assert (start, middle, again) == (laptop.base, head, head)
    values = {"FROM-COMMIT": start, "TO-COMMIT": middle, "DIFF-HASH": end}
    done = cluster.reproduce("kubernetes/job-with-commits.yaml", values)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert tree_of(cluster.source) == tree_of(laptop.work)
    assert cluster.source.head == head


def test_a_hash_that_nobody_pushed(laptop: Laptop, cluster: Cluster) -> None:
    change(laptop.work)
    laptop.push("-u")
    line = said(cluster.reproduce("kubernetes/job.yaml", {"BASE-COMMIT": laptop.base, "DIFF-HASH": UNKNOWN}))
    assert f"No diff {UNKNOWN} of {laptop.base}" in line
    assert cluster.source.git("status", "--porcelain") == ""


def test_a_hash_that_nobody_pushed_after_commits(laptop: Laptop, cluster: Cluster) -> None:
    """Neither the commits nor the diff: all or nothing."""
    head = laptop.work.commit("Not pushed", train__py="print('newer')\n")
    change(laptop.work)
    laptop.push("all", "-u", "origin/main")
    values = {"FROM-COMMIT": laptop.base, "TO-COMMIT": head, "DIFF-HASH": UNKNOWN}
    line = said(cluster.reproduce("kubernetes/job-with-commits.yaml", values))
    assert f"No diff {UNKNOWN} of {head}" in line
    assert cluster.source.git("status", "--porcelain") == ""
    assert cluster.source.head == laptop.base


@pytest.mark.parametrize("word", ["--upload-pack=touch /work/canary;", "$(touch /work/canary)", "; touch /work/canary"])
def test_a_value_is_no_part_of_the_script(laptop: Laptop, cluster: Cluster, word: str) -> None:
    for values in ({"BASE-COMMIT": word, "DIFF-HASH": UNKNOWN}, {"BASE-COMMIT": laptop.base, "DIFF-HASH": word}):
        assert cluster.reproduce("kubernetes/job.yaml", values).returncode != 0
        assert not (cluster.folder / "work/canary").exists()
