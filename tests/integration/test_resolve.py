"""The action, ``check-ref``, the gate and ``describe`` give the same answer to "what does this ref mean?"."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.jobs import FakeRunner
from tests.running import gto
from tests.workdir import WorkDir

RULES = "rules: [{name: any, require: {versions: {range: '>=0.0.1'}}}]\n"


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> WorkDir:
    """A repository with every kind of registry tag and every problem that a tag can have."""
    folder = tmp_path_factory.mktemp("resolve")
    work = WorkDir.init(folder / "work")
    work.commit("one", artifacts__yaml="m: {type: model, path: one}\n")
    work.tag("m@v1.0.0")
    work.tag("m#prod#1")
    work.tag("m#dev#2")
    work.tag("dir=n@v0.1.0")
    work.lightweight("m@v7.0.0#7")
    work.lightweight("m#qa")
    work.lightweight("release-1")
    work.commit("two", artifacts__yaml="m: {type: model, path: two}\n")
    work.tag("m@v1.1.0")
    work.tag("m#prod#3")
    work.tag("m#dev!#4", "HEAD~1")
    work.tag("m@v1.0.5")
    work.tag("m@v1.0.5!")
    work.tag("m@created")
    work.tag("m@v8.0.0#8", "HEAD^{tree}")
    work.tag("old@v1.0.0")
    work.tag("old@deprecated")
    work.tag("twice@v1.0.0#1", "HEAD~1")
    work.tag("twice@v1.0.0#2")
    # an attacker pushes a tag named like a shortcut, at an old commit
    work.tag("hijacked@v1.0.0", "HEAD~1")
    work.tag("hijacked@v1.1.0")
    work.tag("hijacked#prod", "HEAD~1")
    work.tag("hijacked#prod#2")
    work.git("init", "--quiet", "--bare", str(folder / "hub.git"))
    work.git("remote", "add", "origin", str(folder / "hub.git"))
    work.git("push", "--quiet", "origin", "HEAD", "--tags")
    (folder / "rules.yaml").write_text(RULES, encoding="utf-8")
    return work


def by_check_ref(work: WorkDir, ref: str) -> str:
    ran = gto(work, "check-ref", ref, "--json")
    assert ran.code == 0
    return str(json.loads(ran.out)["tag"]) if ran.out else plain(ran.err)


def by_gate(work: WorkDir, ref: str) -> str:
    ran = gto(work, "gate", ref, "--json", "--policy", str(work.path.parent / "rules.yaml"), program="gto-ci")
    return str(json.loads(ran.out)["event"]["tag"]) if ran.out else plain(ran.err)


def by_describe(work: WorkDir, ref: str) -> str:
    """Return the annotated path, or the error. The annotation does not name a tag."""
    ran = gto(work, "describe", ref, "--path")
    return ran.out.strip() or plain(ran.err)


def by_action(work: WorkDir, ref: str, *, pushed: bool = False, fetch: bool = False) -> str:
    temp = work.path.parent / "temp"
    temp.mkdir(exist_ok=True)
    runner = FakeRunner(work.path, temp)
    inputs = {"fetch-tags": str(fetch).lower(), "show": "false", "history": "false", "summary": "false"}
    if pushed:
        name = ref.removeprefix("refs/tags/")
        commit = work.git("rev-parse", f"refs/tags/{name}^{{}}")
        ran = runner.run("push", f"refs/tags/{name}", commit, **inputs)
    else:
        ran = runner.run("workflow_dispatch", ref=ref, **inputs)
    if ran.code:
        return plain(ran.error)
    return ran.outputs["tag"] or plain(ran.commands("notice")[0])


def plain(said: str) -> str:
    """Return only the sentence, without the interface's prefix, the place of the tags and the next step."""
    said = re.sub(r"^(?:❌ |::(?:error|notice)(?: title=gto-ci)?::)", "", said.strip())
    said = re.sub(r" (?:in this repository|in the workspace|on the remote)", "", said)
    return re.split(r"\. |, so its outputs", said)[0].replace("%25", "%")


# the text, and the answer: the event's tag or the reason
TYPED = {
    "m@v1.0.0": "m@v1.0.0",
    "m@latest": "m@v1.1.0",
    "m@greatest": "m@v1.1.0",
    "m#prod": "m#prod#3",
    "dir:n@v0.1.0": "dir=n@v0.1.0",
    "dir:n@latest": "dir=n@v0.1.0",
    "old@latest": "old@v1.0.0",
    "m#prod#1": "m#prod#1",
    "m#dev!#4": "m#dev!#4",
    "m@v1.0.5!": "m@v1.0.5!",
    "old@deprecated": "old@deprecated",
    "refs/tags/m@v1.0.5": "m@v1.0.5",
    "refs/tags/m#prod#1": "m#prod#1",
    "refs/tags/hijacked#prod": "hijacked#prod",
    "m#dev": "'m#dev' names no version: no version of 'm' is in stage 'dev'",
    "m#nothing": "'m#nothing' names no version: no version of 'm' is in stage 'nothing'",
    "m@v9.9.9": "'m@v9.9.9' names no version: 'm' has no active version v9.9.9",
    "no@latest": "'no@latest' names no version: there is no artifact 'no'",
    "no#prod": "'no#prod' names no version: there is no artifact 'no'",
    "m#prod#9": "There is no tag 'm#prod#9'",
    "refs/tags/m@v9.9.9": "There is no tag 'm@v9.9.9'",
    "refs/tags/m#prod": "There is no tag 'm#prod'",
    "m@v7.0.0#7": "Tag 'm@v7.0.0#7' records no event: it is lightweight, and only annotated tags count",
    "refs/tags/m#qa": "Tag 'm#qa' records no event: it is lightweight, and only annotated tags count",
    "m@v8.0.0#8": "Tag 'm@v8.0.0#8' records no event: it points to a tree, not to a commit",
    "dir:n@v0.1.0!": "'dir:n@v0.1.0!' is not a tag name: tags use '=' instead of ':'; try 'dir=n@v0.1.0!'",
    "m@v1.0": "'m@v1.0' is not in registry format",
    "m#prod#0": "'m#prod#0' is not in registry format",
}
# the annotation's path tells which commit `describe` found
PATHS = {"m@v1.0.0": "one", "m@v1.1.0": "two", "m#prod#1": "one", "m#prod#3": "two", "m#dev!#4": "one"}


@pytest.mark.parametrize("ref", TYPED)
def test_a_ref_that_is_typed(work: WorkDir, ref: str) -> None:
    verdict = TYPED[ref]
    assert by_check_ref(work, ref) == verdict
    assert by_gate(work, ref) == verdict
    if "registry format" in verdict or "is not a tag name" in verdict:
        verdict = f"{verdict.split(' is not ')[0]} is not a registry tag"  # then the action only prints a notice
    assert by_action(work, ref) == verdict
    assert by_action(work, ref, fetch=True) == verdict


@pytest.mark.parametrize("ref", [ref for ref in TYPED if "format" not in TYPED[ref] and "tag name" not in TYPED[ref]])
def test_a_ref_that_is_described(work: WorkDir, ref: str) -> None:
    verdict = TYPED[ref]
    if "names no version" in verdict:
        # for a known artifact, describe prints nothing, as GTO does
        verdict = "Cannot find artifact 'no'" if "artifact 'no'" in verdict else ""
    elif verdict in PATHS:
        verdict = PATHS[verdict]
    elif " " not in verdict:
        verdict = {"m@v1.0.5": "two", "m@v1.0.5!": "two"}.get(verdict, "")  # the others have no annotation
    assert by_describe(work, ref) == verdict


@pytest.mark.parametrize("tag", dict.fromkeys(tag for tag in TYPED.values() if " " not in tag))
def test_a_tag_that_is_pushed(work: WorkDir, tag: str) -> None:
    """A pushed ref, like a full ref name, always means the tag of that name, never a shortcut."""
    assert by_action(work, tag, pushed=True) == tag
    for ask in (by_check_ref, by_gate):
        assert ask(work, f"refs/tags/{tag}") == tag


@pytest.mark.parametrize("tag", ["m#qa", "m@v7.0.0#7", "m@v8.0.0#8"])
def test_a_pushed_tag_that_is_not_an_event(work: WorkDir, tag: str) -> None:
    said = by_action(work, tag, pushed=True)
    assert said.startswith(f"Tag '{tag}' records no event: ")
    assert said == by_check_ref(work, f"refs/tags/{tag}") == by_gate(work, f"refs/tags/{tag}")


def test_a_tag_with_its_name_does_not_redirect_a_shortcut(work: WorkDir) -> None:
    assert by_action(work, "hijacked#prod") == by_gate(work, "hijacked#prod") == "hijacked#prod#2"
    # a pushed tag means itself; check-ref is about tags, as in GTO
    assert by_action(work, "hijacked#prod", pushed=True) == "hijacked#prod"
    assert by_check_ref(work, "hijacked#prod") == "hijacked#prod"


def test_a_shortcut_to_several_versions_is_refused(work: WorkDir) -> None:
    said = by_gate(work, "twice@v1.0.0")
    assert re.fullmatch(r"'twice@v1\.0\.0' names several versions, at the commits [0-9a-f]{7} and [0-9a-f]{7}", said)
    assert said == by_action(work, "twice@v1.0.0") == by_check_ref(work, "twice@v1.0.0")
    assert "Ambiguous naming shortcut" in by_describe(work, "twice@v1.0.0")


@pytest.mark.parametrize("ref", ["main", "v1.0.0", "release-1", "refs/tags/release-1"])
def test_a_ref_outside_the_registry(work: WorkDir, ref: str) -> None:
    name = ref.removeprefix("refs/tags/")
    assert by_check_ref(work, ref) == ""  # as in GTO
    assert by_gate(work, ref) == f"'{name}' is neither a registry tag nor a shortcut"
    assert by_action(work, ref) == f"'{name}' is not a registry tag"


def test_a_reserved_tag(work: WorkDir) -> None:
    reserved = "Tag 'm@created' records no event: 'created' is reserved and means nothing to the registry"
    assert by_check_ref(work, "m@created") == by_gate(work, "m@created") == by_describe(work, "m@created") == reserved
    assert by_action(work, "m@created") == "'m@created' is not a registry tag"


def test_a_tag_outside_the_registry_hides_the_shortcut_of_its_name_from_check_ref(tmp_path: Path) -> None:
    """As in GTO, whose check-ref is about tags alone."""
    work = WorkDir.init(tmp_path / "work")
    work.commit("one")
    work.tag("m@v1.0.0")
    assert by_check_ref(work, "m@latest") == "m@v1.0.0"
    work.tag("m@latest")
    assert by_check_ref(work, "m@latest") == ""
