"""The schemas of what programs print: real outputs are as they say, and what is broken is not.

A schema lets a reader pass what a later version adds. Here none may be added unnoticed: each is closed before it is
held against an output. And each says something: it refuses an output that lacks a key or has a value of another type,
and has nothing in it, no key, no type, that no output here has.
"""

from __future__ import annotations

import copy
import json
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from jsonschema import Draft202012Validator
from jsonschema.validators import validator_for

from gto_ci.cli import gto_ci
from gto_ci.cli.app import SectionedGroup
from tests.e2e.checkout import Checkout
from tests.e2e.remote import Remote
from tests.ghosts import Ghosts
from tests.git_server import GitServer
from tests.integration.test_action import ARTIFACTS, TOKEN, Lab
from tests.integration.test_cli import gto
from tests.jobs import FakeRunner
from tests.workdir import WorkDir

FOLDER = Path(__file__).resolve().parents[2] / "schemas"
NAMES = sorted(file.name.removesuffix(".schema.json") for file in FOLDER.glob("*.schema.json"))
NAMES.remove("gto-policy")  # describes what a person writes; tests/unit/test_policy_file.py holds it to the reader
FREE = "custom"  # the one thing that may be of any form
EXAMPLES = {
    "null": None, "boolean": True, "integer": 7, "number": 7.5, "string": "\0", "array": [[[]]], "object": {"\0": [[]]},
}  # fmt: skip

# the commands of gto-ci that have an option --json, and what else is JSON
OPTIONS = {
    "show": ["gto-show", "gto-show-versions"],
    "history": ["gto-history"],
    "check-ref": ["gto-check-ref"],
    "stages": ["gto-stages"],
    "doctor": ["gto-ci-doctor"],
    "gate check": ["gto-ci-gate"],
    "gate explain": ["gto-ci-gate-explain"],
    "ghost push": ["git-ghost-push"],
    "ghost list": ["git-ghost-list"],
    "ghost log": ["git-ghost-log"],
    "ghost gc": ["git-ghost-gc"],
}
OTHERS = (
    "gto-describe", "gto-parse-tag", "gto-print-state", "gto-print-index",
    "action-labels", "action-custom", "action-gate-reasons", "action-ghost-files",
)  # fmt: skip

Outputs = dict[str, list[Any]]


# What programs print


def registry(folder: Path, *options: str) -> WorkDir:
    """A registry with all kinds of events, of artifacts that files annotate, that tags name, and both."""
    work = WorkDir.init(folder, *options)
    work.write("models/dvc.yaml", "artifacts: {nlp: {path: nlp.pkl, type: model}}\n")
    work.commit("one", artifacts__yaml=f"{ARTIFACTS}plain: {{}}\nheld: {{virtual: false}}\n")
    work.tag("churn@v1.0.0")
    for tag in ("churn#prod", "churn#prod!", "churn#prod#3", "churn#dev#1", "models=nlp@v0.1.0-rc.1+build"):
        work.tag(tag)
    work.commit("two")
    for tag in ("churn@v1.1.0", "churn@v1.2.0", "churn@v1.2.0!", "churn#prod#4", "churn#dev!#2", "churn#dev#3"):
        work.tag(tag)
    work.commit("three")
    for tag in ("other#prod", "gone@v1.0.0", "gone@deprecated"):
        work.tag(tag)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", folder / ".git/key"], check=True)
    key = (folder / ".git/key.pub").read_text()
    (folder / ".git/allowed").write_text(f"ada@example.com {key}")
    work.git("config", "gpg.ssh.allowedSignersFile", str(folder / ".git/allowed"))
    work.git("-c", "gpg.format=ssh", "-c", f"user.signingKey={folder}/.git/key", "tag", "-s", "-m", "", "other@v2.0.0")
    work.write("policy.yaml", "rules: [{name: order, stages: [prod], require: {after: staging, deprecated: false}}]\n")
    return work


def of_registry(work: WorkDir) -> Iterator[tuple[str, Any]]:
    """What each command prints of a registry, with the name of its schema."""

    def run(*args: str, code: int = 0, program: str = "gto") -> Any:
        ran = gto(*args, cwd=work.path, program=program)
        assert (ran.code, ran.err) == (code, ""), ran
        return json.loads(ran.out)

    tags = [*work.tags()]
    for options in ([], ["-d"], ["-a"], ["-A"]):
        yield "gto-show", run("show", "--json", *options)
        for name in ("churn", "other", "models:nlp", "plain", *(["gone"] if options == ["-d"] else [])):
            yield "gto-show-versions", run("show", name, "--json", *options)
    for options in ([], ["--verify"], ["-A"], ["-A", "--verify", "--asc"]):
        yield "gto-history", run("history", "--json", *options)
    for tag in tags:
        yield "gto-check-ref", run("check-ref", tag, "--json")
        yield "gto-check-ref", run("check-ref", tag, "--json", "--verify")
        yield "gto-parse-tag", run("parse-tag", tag)
    yield "gto-parse-tag", run("parse-tag", "churn@created")
    for name in ("churn", "plain", "held", "models:nlp"):
        yield "gto-describe", run("describe", name)
    for options in ([], ["--used"], ["--allowed"]):
        yield "gto-stages", run("stages", "--json", *options)
    yield "gto-print-state", run("print-state")
    yield "gto-print-index", run("print-index")
    rules = ("--policy", "policy.yaml", "--json")
    yield "gto-ci-gate", run("gate", "churn#prod#4", *rules, program="gto-ci", code=1)
    yield "gto-ci-gate", run("gate", "churn@v1.0.0", *rules, program="gto-ci")
    yield "gto-ci-gate", run("gate", "gone@deprecated", *rules, program="gto-ci")
    yield "gto-ci-gate-explain", run("gate", "explain", "churn", "--stage", "prod", *rules, program="gto-ci")


def of_doctor(work: WorkDir) -> Any:
    """What is found in a registry where not all is well."""
    work.lightweight("churn@v9.0.0")
    return json.loads(gto("doctor", "--offline", "--json", cwd=work.path, program="gto-ci").out)


def of_ghosts(folder: Path) -> Iterator[tuple[str, Any]]:
    """What ``git ghost`` prints."""
    ghosts = Ghosts.create(folder, foo="a\n")

    def run(*args: str) -> Any:
        return json.loads(ghosts.ok(ghosts.here, *args, "--json"))

    base = ghosts.here.head
    ghosts.here.write("foo", "b\nc\n")
    ghosts.here.write("left", "x\n")
    ghosts.here.write("large", f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 5\n")
    yield "git-ghost-push", run("push", "-I", "large", "-m", "a note")
    yield "git-ghost-push", run("push", "-I", "large")
    ghosts.here.commit("two")
    yield "git-ghost-push", run("push", "all", base)
    for kind in ("diff", "commits", "all"):
        yield "git-ghost-list", run("list", kind)
    yield "git-ghost-log", run("log", base)
    yield "git-ghost-gc", run("gc", "--keep-last", "1", "--dry-run")
    with GitServer(folder, token="s3cret") as server:
        ghosts.url = server.url("ghosts.git", password="s3cret")
        yield "git-ghost-gc", run("gc", "--keep-last", "1")


def of_action(folder: Path) -> Iterator[tuple[str, Any]]:
    """What the action puts into its outputs."""
    remote = Remote.create(folder / "server/acme/models.git")
    remote.allow_filters()
    remote.commit("one", {"artifacts.yaml": ARTIFACTS, "foo": "a\n"})
    remote.tag("churn@v1.0.0", date="2024-01-01T00:00:00+00:00")
    remote.tag("churn#prod#1", date="2024-01-02T00:00:00+00:00")
    remote.tag("churn@deprecated", date="2024-01-03T00:00:00+00:00")
    with GitServer(folder / "server", token=TOKEN) as server:
        for tag in ("churn@v1.0.0", "churn#prod#1", "churn@deprecated"):
            lab = Lab(remote, server, folder / tag, server.url("acme/models.git"))
            lab.folder.mkdir()
            outputs = lab.push(tag, Checkout(depth=0), require_stage="dev").outputs
            yield "gto-check-ref", json.loads(outputs["json"])
            yield "gto-show", json.loads(outputs["registry"])
            yield "action-labels", json.loads(outputs["labels"])
            yield "action-custom", json.loads(outputs["custom"])
            yield "action-gate-reasons", json.loads(outputs["gate-reasons"])
    ghosts = Ghosts.create(folder / "ghost", foo="a\n")
    ghosts.here.write("foo", "b\n")
    base, digest = ghosts.push()
    runner = FakeRunner(ghosts.there.path, folder / "job")
    ran = runner.run("workflow_dispatch", "refs/heads/main", base, ghost_repo=ghosts.url, ghost_diff=digest)
    assert ran.code == 0, ran.log
    yield "action-ghost-files", json.loads(ran.outputs["ghost-files"])


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Outputs:
    """Everything that is printed, by the name of its schema."""
    folder = tmp_path_factory.mktemp("schemas")
    found: Outputs = defaultdict(list)
    for name, output in (
        *of_registry(registry(folder / "sha1")),
        *of_registry(registry(folder / "sha256", "--object-format=sha256")),
        ("gto-ci-doctor", of_doctor(registry(folder / "ill"))),
        *of_ghosts(folder / "ghosts"),
        *of_action(folder / "action"),
    ):
        found[name].append(output)
    return found


# Schemas


def read(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.schema.json").read_text("utf-8"))


def close(schema: Any) -> Any:
    """Forbid keys that a schema does not name; parts of conditions are no objects of their own."""
    if isinstance(schema, list):
        return [close(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: close(part) for key, part in schema.items()}
    if schema.get("type") == "object" and "properties" in schema:
        closed.setdefault("additionalProperties", False)
    return closed


def defined(schema: Any, root: Any) -> Any:
    return root["$defs"][schema["$ref"].removeprefix("#/$defs/")]


def parts_of(schema: Any, root: Any) -> list[Any]:
    """A schema, or those that it may stand for, none of them a reference."""
    if "$ref" in schema:
        return parts_of(defined(schema, root), root)
    if "anyOf" in schema:
        return [part for one in schema["anyOf"] for part in parts_of(one, root)]
    return [schema]


def types_of(schema: Any) -> set[str]:
    named = schema.get("type", [])
    return {named} if isinstance(named, str) else {*named}


def type_of(value: Any) -> str:
    kinds = {type(None): "null", bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}
    return kinds.get(type(value), "object")


Place = tuple[str | int, ...]


def places(value: Any, schema: Any, root: Any, at: Place = ()) -> Iterator[tuple[Place, Any, list[Any]]]:
    """Each value inside of an output, where it is, and the parts of the schema that speak of it."""
    parts = parts_of(schema, root)
    yield at, value, parts
    for part in parts:
        if isinstance(value, dict) and "object" in types_of(part):
            for key, inner in value.items():
                known = part.get("properties", {}).get(key, part.get("additionalProperties"))
                if known is not None:
                    yield from places(inner, known, root, (*at, key))
        if isinstance(value, list) and "items" in part:
            for number, inner in enumerate(value):
                yield from places(inner, part["items"], root, (*at, number))


def changed(value: Any, at: Place, new: Any) -> Any:
    """A copy in which the value at a place is another one."""
    if not at:
        return new
    copied = copy.deepcopy(value)
    holder = copied
    for step in at[:-1]:
        holder = holder[step]
    holder[at[-1]] = new
    return copied


def lacking(value: Any, at: Place, key: str) -> Any:
    """A copy in which the object at a place lacks a key."""
    copied = copy.deepcopy(value)
    holder = copied
    for step in at:
        holder = holder[step]
    del holder[key]
    return copied


def test_everything_that_is_printed_as_json_has_a_schema() -> None:
    def asked_for(group: SectionedGroup, path: str = "") -> Iterator[str]:
        for word, command in group.all_commands(click.Context(group)).items():
            if isinstance(command, SectionedGroup):
                yield from asked_for(command, f"{path}{word} ")
            elif any("--json" in option.opts for option in command.params):
                yield f"{path}{word}"

    assert {*asked_for(gto_ci.app)} == {*OPTIONS}
    assert {name for names in OPTIONS.values() for name in names} | {*OTHERS} == {*NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_one_and_describes_each_key(name: str) -> None:
    schema = read(name)
    assert validator_for(schema) is Draft202012Validator
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"https://raw.githubusercontent.com/org/gto-action/v1/schemas/{name}.schema.json"
    assert schema["title"]

    assert [key for key, part in properties(schema) if not is_described(part, schema)] == []


def properties(part: Any) -> Iterator[tuple[str, Any]]:
    """All keys that a schema describes, with their own schemas; conditions only speak of them again."""
    inner = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    if isinstance(part, dict) and part.get("type") == "object":
        yield from part.get("properties", {}).items()
    for one in inner:
        yield from properties(one)


def is_described(part: Any, root: Any) -> bool:
    return "description" in part or ("$ref" in part and is_described(defined(part, root), root))


@pytest.mark.parametrize("name", NAMES)
def test_outputs_are_as_the_schema_says(name: str, outputs: Outputs) -> None:
    schema = read(name)
    validator = Draft202012Validator(close(schema), format_checker=Draft202012Validator.FORMAT_CHECKER)
    assert outputs[name]
    for output in outputs[name]:
        validator.validate(output)
        # open, as it is published, it says the same of what is there, and lets pass what a later version adds
        Draft202012Validator(schema).validate(output)


@pytest.mark.parametrize("name", NAMES)
def test_a_broken_output_is_refused(name: str, outputs: Outputs) -> None:
    schema = read(name)
    validator = Draft202012Validator(schema)
    tried: set[str] = set()  # the same of the same part of a schema is tried once
    for output in outputs[name]:
        for at, value, parts in places(output, schema, schema):
            if FREE in at:
                continue
            allowed = set().union(*map(types_of, parts))
            assert allowed, f"nothing is said of {at}"
            for kind, example in EXAMPLES.items():
                fits = kind in allowed or (kind == "integer" and "number" in allowed)
                case = f"{id(parts[0])} {kind}"
                if not fits and case not in tried:
                    tried.add(case)
                    assert not validator.is_valid(changed(output, at, example)), f"{at} may be {example!r}"
            required = {key for part in parts for key in part.get("required", ())} if isinstance(value, dict) else set()
            for key in required:
                case = f"{id(parts[0])} lacks {key}"
                if case not in tried:
                    tried.add(case)
                    assert not validator.is_valid(lacking(output, at, key)), f"{at} may lack {key!r}"
    assert tried or name == "action-custom"


@pytest.mark.parametrize("name", NAMES)
def test_nothing_in_a_schema_is_dead(name: str, outputs: Outputs) -> None:
    """Each key comes in some output, each optional one is missing in another, each type that is named is met."""
    schema = read(name)
    by_id: dict[int, Any] = {}
    met: dict[int, set[str]] = defaultdict(set)
    keys: dict[int, set[str]] = defaultdict(set)
    missing: dict[int, set[str]] = defaultdict(set)
    for output in outputs[name]:
        for at, value, parts in places(output, schema, schema):
            for part in parts:
                if type_of(value) not in types_of(part) or FREE in at:
                    continue
                by_id[id(part)] = part
                met[id(part)].add(type_of(value))
                if isinstance(value, dict):
                    keys[id(part)] |= value.keys()
                    missing[id(part)] |= part.get("properties", {}).keys() - value.keys()
    for one, part in by_id.items():
        optional = part.get("properties", {}).keys() - set(part.get("required", ()))
        assert part.get("properties", {}).keys() <= keys[one]
        assert optional == missing[one]
        assert types_of(part) == met[one] or name == "action-custom", part
    definitions = {id(part) for part in schema.get("$defs", {}).values() if "anyOf" not in part}
    assert definitions <= by_id.keys()


def test_the_same_word_means_the_same_everywhere() -> None:
    """Each schema stands alone, so that nobody has to fetch another; what several define, they define alike."""
    defined: dict[str, list[Any]] = defaultdict(list)
    for name in NAMES:
        for word, part in read(name).get("$defs", {}).items():
            defined[word].append(part)
    assert len(defined["version"]) > 1
    for word, parts in defined.items():
        assert all(part == parts[0] for part in parts), word
