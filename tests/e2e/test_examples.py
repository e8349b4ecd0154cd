"""The manifests in examples/ are what Kubernetes and Argo take; their scripts are safe; their pods ask for little."""

from __future__ import annotations

import copy
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest

from tests.manifests import EXAMPLES, MANIFESTS, Pod, documents, pods, script_of, scripts

# The oldest is the first that knows all fields that are used; the newest is what the installed package has.
KUBERNETES = ["1.31", kubernetes_validate.latest_version()]
PODS = [pod for manifest in MANIFESTS for pod in pods(manifest)]
CONTAINERS = [
    pytest.param(pod, one, id=f"{pod.name.strip('-')}.{one['name']}") for pod in PODS for one in pod.containers
]
SCRIPTS = scripts()
# rootless BuildKit makes user namespaces: what it may is in a comment beside it, and in the README
EXCUSED = {("build", "main")}
_PARAMETER = re.compile(r"\{\{(.*?)\}\}")
_VARIABLE = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)")


def check_kubernetes(document: dict[str, Any], version: str) -> None:
    """Hold a document to Kubernetes' own OpenAPI schemas, which kubernetes-validate brings; no key is unknown."""
    kubernetes_validate.validate(document, version, strict=True)


def check_argo(document: dict[str, Any]) -> None:
    """Hold a workflow to Argo's own OpenAPI schema: hera's models are generated from it.

    They drop what they do not know: whatever does not come out again is a key that Argo has not. What Argo takes over
    from Kubernetes they know only roughly, so the pods of a workflow are checked as pods too.
    """
    from hera.workflows.models import Workflow

    assert Workflow.model_validate(document).model_dump(mode="json", by_alias=True, exclude_unset=True) == document


@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("manifest", [name for name in MANIFESTS if name.startswith("kubernetes/")])
def test_kubernetes_takes_it(manifest: str, version: str) -> None:
    for document in documents(manifest):
        check_kubernetes(document, version)


@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("pod", PODS, ids=lambda pod: pod.name.strip("-"))
def test_kubernetes_takes_its_pods(pod: Pod, version: str) -> None:
    check_kubernetes({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": pod.spec}, version)


@pytest.mark.parametrize("manifest", [name for name in MANIFESTS if name.startswith("argo/")])
def test_argo_takes_it(manifest: str) -> None:
    for document in documents(manifest):
        assert (document["apiVersion"], document["kind"]) == ("argoproj.io/v1alpha1", "Workflow")
        check_argo(document)


def test_the_schemas_notice_mistakes() -> None:
    """An unknown key and a wrong type, deep in each kind of manifest."""
    (job,) = documents("kubernetes/job.yaml")
    for key, value in (("imagePullPolice", "Always"), ("command", "sh")):
        wrong = copy.deepcopy(job)
        wrong["spec"]["template"]["spec"]["initContainers"][0][key] = value
        with pytest.raises(kubernetes_validate.ValidationError):
            check_kubernetes(wrong, KUBERNETES[0])
    (workflow,) = documents("argo/build-and-run.yaml")
    for key, value in (("initContainer", []), ("steps", "build")):
        wrong = copy.deepcopy(workflow)
        wrong["spec"]["templates"][0][key] = value
        with pytest.raises((AssertionError, ValueError)):
            check_argo(wrong)


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts(name: str) -> None:
    """A shell can read it, it stops at the first error, and no value gets into it but in quotes."""
    script = SCRIPTS[name]
    subprocess.run(["sh", "-n"], input=script, text=True, check=True)
    lines = [line for line in script.splitlines() if not line.startswith("#!")]
    assert lines[0] == "set -eu"
    # `{{…}}` is pasted in by Argo, `${{…}}` by GitHub, `$(…)` by Kubernetes where the script is an argument
    assert not re.search(r"\{\{|\$\(|`", script)
    code = "\n".join(line for line in lines if not line.lstrip().startswith("#"))
    assert "$" not in re.sub(r"'[^']*'|\"[^\"]*\"", "", code)


@pytest.mark.parametrize(("pod", "container"), CONTAINERS)
def test_scripts_have_their_variables(pod: Pod, container: dict[str, Any]) -> None:
    given = {one["name"] for one in container.get("env", ())}
    assert set(_VARIABLE.findall(script_of(pod, container) or "")) <= given
    if container["name"] == "reproduce":
        assert {"GIT_GHOST_REPO", *_VARIABLE.findall(SCRIPTS["git-ghost/login"])} <= given


@pytest.mark.parametrize("image", ["registry.example.com/ml/train:a-b", "a:1,registry.insecure=true", "a:1 b"])
def test_the_name_of_an_image_adds_no_option(image: str, tmp_path: Path) -> None:
    """The script that builds, with a program in BuildKit's place that prints its arguments."""
    program = tmp_path / "buildctl-daemonless.sh"
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    program.chmod(0o755)
    environ = {"PATH": f"{tmp_path}:/usr/bin:/bin", "IMAGE": image}
    script = SCRIPTS["argo/build-and-run.yaml:build.main"]
    done = subprocess.run(["sh", "-c", script], env=environ, capture_output=True, text=True, check=False)
    if re.search("[, ]", image):
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == f"IMAGE is not the name of an image: {image}\n"
    else:
        assert done.stdout.splitlines()[-1] == f"type=image,name={image},push=true"


@pytest.mark.parametrize("manifest", MANIFESTS)
def test_parameters_are_declared_and_get_into_no_script(manifest: str) -> None:
    for document in documents(manifest):
        if document["kind"] != "Workflow":
            assert "{{" not in json.dumps(document)
            continue
        declared = {f"workflow.parameters.{one['name']}" for one in document["spec"]["arguments"]["parameters"]}
        assert set(_PARAMETER.findall(json.dumps(document))) == declared
        for template in document["spec"]["templates"]:
            for container in (*template.get("initContainers", ()), template.get("container", {})):
                assert "{{" not in json.dumps([container.get("command"), container.get("args")])


@pytest.mark.parametrize(("pod", "container"), CONTAINERS)
def test_containers_may_do_little(pod: Pod, container: dict[str, Any]) -> None:
    security = pod.security(container)
    assert security["runAsNonRoot"] is True
    assert security["runAsUser"] > 0
    assert "privileged" not in security
    assert pod.spec["automountServiceAccountToken"] is False
    assert set(container["resources"]) == {"requests", "limits"}
    if (pod.name, container["name"]) in EXCUSED:
        return
    assert security["allowPrivilegeEscalation"] is False
    assert security["readOnlyRootFilesystem"] is True
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}


@pytest.mark.parametrize(("pod", "container"), CONTAINERS)
def test_containers_have_what_they_name(pod: Pod, container: dict[str, Any]) -> None:
    """A volume for each mount, a tag for each image, /tmp, and an empty folder or a file that nobody can change."""
    volumes = {volume["name"]: volume for volume in pod.spec["volumes"]}
    mounts = {mount["mountPath"]: mount for mount in container["volumeMounts"]}
    for mount in mounts.values():
        volume = volumes[mount["name"]]
        assert "emptyDir" in volume or mount["readOnly"] is True
    assert "emptyDir" in volumes[mounts["/tmp"]["name"]]
    assert re.fullmatch(r"[\w.-]+/[\w./-]+:v[\w.-]+", container["image"]) or _PARAMETER.search(container["image"])


@pytest.mark.parametrize("pod", PODS, ids=lambda pod: pod.name.strip("-"))
def test_only_who_needs_a_secret_has_it(pod: Pod) -> None:
    """The password is known to the container that fetches alone; in no command line is anything but fixed words."""
    for container in pod.containers:
        secret = [one["name"] for one in container.get("env", ()) if "secretKeyRef" in one.get("valueFrom", {})]
        assert secret == (["GIT_USERNAME", "GIT_PASSWORD"] if container["name"] == "reproduce" else [])
        assert "$(" not in json.dumps(container)


def test_the_documents_name_what_is_there() -> None:
    """What the READMEs have replaced is in the manifests, and each file that they mention exists."""
    for folder in ("kubernetes", "argo"):
        readme = (EXAMPLES / folder / "README.md").read_text(encoding="utf-8")
        for link in re.findall(r"\]\(([^)]+)\)", readme):
            assert (EXAMPLES / folder / link).exists(), link
        for file in re.findall(r"[\w-]+\.yaml", readme):
            assert (EXAMPLES / folder / file).exists(), file
    job = (EXAMPLES / "kubernetes/job.yaml").read_text(encoding="utf-8")
    for placeholder in re.findall(r"s/([A-Z-]+)/", (EXAMPLES / "kubernetes/README.md").read_text(encoding="utf-8")):
        assert f"value: {placeholder}\n" in job
