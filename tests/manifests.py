"""The manifests in examples/: their documents, the pods that a cluster would make of them, the scripts in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
MANIFESTS = [
    f"{folder}/{file.name}" for folder in ("kubernetes", "argo") for file in sorted((EXAMPLES / folder).glob("*.yaml"))
]
_OF_THE_POD = ("automountServiceAccountToken", "imagePullSecrets", "securityContext", "volumes")


@dataclass(frozen=True)
class Pod:
    """A pod's specification, and the manifest that it stands in."""

    manifest: str
    name: str
    spec: dict[str, Any]

    @property
    def containers(self) -> list[dict[str, Any]]:
        """All containers, those that run first included."""
        return [*self.spec.get("initContainers", ()), *self.spec["containers"]]

    def container(self, name: str) -> dict[str, Any]:
        """The container of that name."""
        (found,) = (container for container in self.containers if container["name"] == name)
        return found

    def security(self, container: dict[str, Any]) -> dict[str, Any]:
        """What holds for a container: its own settings, else the pod's."""
        return {**self.spec.get("securityContext", {}), **container.get("securityContext", {})}


def documents(manifest: str) -> list[dict[str, Any]]:
    """The documents of a manifest."""
    return list(yaml.safe_load_all((EXAMPLES / manifest).read_text(encoding="utf-8")))


def pods(manifest: str) -> list[Pod]:
    """The pods that a cluster would make of a manifest."""
    return [pod for document in documents(manifest) for pod in _pods(manifest, document)]


def _pods(manifest: str, document: dict[str, Any]) -> Iterator[Pod]:
    if document["kind"] == "Job":
        yield Pod(manifest, document["metadata"]["generateName"], document["spec"]["template"]["spec"])
    if document["kind"] == "Workflow":
        shared = {name: document["spec"][name] for name in _OF_THE_POD if name in document["spec"]}
        for template in document["spec"]["templates"]:
            if "container" in template:
                own = {name: template[name] for name in (*_OF_THE_POD, "initContainers") if name in template}
                # Argo gives the container that name
                spec = {**shared, **own, "containers": [{"name": "main", **template["container"]}]}
                yield Pod(manifest, template["name"], spec)


def config_maps() -> dict[str, dict[str, str]]:
    """The files in the config maps of all manifests."""
    found = [document for manifest in MANIFESTS for document in documents(manifest)]
    return {document["metadata"]["name"]: document["data"] for document in found if document["kind"] == "ConfigMap"}


def scripts() -> dict[str, str]:
    """All shell scripts, by where they stand: in config maps, and behind `sh -c`."""
    found = {f"{name}/{file}": text for name, files in config_maps().items() for file, text in files.items()}
    for pod in (pod for manifest in MANIFESTS for pod in pods(manifest)):
        for container in pod.containers:
            if container.get("command", [])[:2] == ["sh", "-c"]:
                found[f"{pod.manifest}:{pod.name}.{container['name']}"] = container["args"][0]
    return found


def script_of(pod: Pod, container: dict[str, Any]) -> str | None:
    """The script that a container runs: behind `sh -c`, or in a config map; None where it runs another program."""
    command = container.get("command", [])
    if command[:1] != ["sh"]:
        return None
    if command[1] == "-c":
        script: str = container["args"][0]
        return script
    for mount in container["volumeMounts"]:
        folder, _, file = command[1].rpartition("/")
        if mount["mountPath"] == folder:
            (volume,) = (volume for volume in pod.spec["volumes"] if volume["name"] == mount["name"])
            return config_maps()[volume["configMap"]["name"]][file]
    raise AssertionError(f"{command[1]} is in no volume of {pod.manifest}")
