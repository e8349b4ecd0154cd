"""GitHub's published description of its REST API: what it says about a request, an answer, and what one looks like.

    api = openapi.load()
    operation = api.find("GET", "/repos/acme/models/issues/7/comments")
    assert not api.request_faults(operation, path, {"per_page": "100"}, None)

The description comes from npm (`@octokit/openapi`, which GitHub generates), once, into `.node/`; of its 13 MB what the
operations below need is kept.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import re
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from openapi_schema_validator import OAS30Validator, oas30_format_checker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

FOLDER = Path(__file__).resolve().parents[1] / ".node"
PACKAGE = "@octokit/openapi@23.0.2"
INTEGRITY = "pV8M7L9GY23AybNvTmo2nyjmpmnt6+2sRE/tqr0ZLQcPS4lnw7u5eZGNmwRNkBC3D7gZXbFx5AHzLUVRBXGDhg=="  # sha512
MEMBER = "package/generated/api.github.com.json"

OPERATIONS = (
    ("get", "/user"),
    ("get", "/repos/{owner}/{repo}/issues/{issue_number}/comments"),
    ("post", "/repos/{owner}/{repo}/issues/{issue_number}/comments"),
    ("patch", "/repos/{owner}/{repo}/issues/comments/{comment_id}"),
    ("get", "/repos/{owner}/{repo}/commits/{commit_sha}/pulls"),
)
# what no operation refers to: errors that GitHub may answer to any, and a user who is not null
SCHEMAS = ("basic-error", "simple-user")
HOME = "urn:github"


@dataclass(frozen=True)
class Operation:
    method: str
    template: str
    pattern: re.Pattern[str]

    @property
    def name(self) -> str:
        return f"{self.method.upper()} {self.template}"

    def parts(self, path: str) -> dict[str, str]:
        """What stands in a path of this operation for the names in braces."""
        match = self.pattern.fullmatch(path)
        assert match is not None
        return {name: unquote(text) for name, text in match.groupdict().items()}

    @property
    def pointer(self) -> str:
        return f"#/paths/{_escape(self.template)}/{self.method}"


class Api:
    """The description, cut down to `OPERATIONS`."""

    def __init__(self, description: Mapping[str, Any]) -> None:
        self._description = description
        self._registry = Registry().with_resource(HOME, Resource.from_contents(description, DRAFT4))
        self._validators: dict[str, OAS30Validator] = {}

    @cached_property
    def operations(self) -> tuple[Operation, ...]:
        return tuple(Operation(method, path, _pattern(path)) for method, path in OPERATIONS)

    def find(self, method: str, path: str) -> Operation | None:
        """The operation that a request to `path`, as it stands in the URL, asks for."""
        return next(
            (one for one in self.operations if one.method == method.lower() and one.pattern.fullmatch(path)), None
        )

    def request_faults(self, operation: Operation, path: str, query: Mapping[str, str], body: object) -> list[str]:
        """What is wrong with a request, in words; `body` is None where there is none."""
        given = {("path", name): value for name, value in operation.parts(path).items()}
        given |= {("query", name): value for name, value in query.items()}
        known = dict(self._parameters(operation))
        faults = [f"{operation.name}: unknown {place} parameter {name}" for place, name in given.keys() - known.keys()]
        for key in given.keys() & known.keys():
            pointer = f"{known[key]}/schema"
            whole = self._resolve(pointer).get("type") == "integer" and re.fullmatch(r"-?\d+", given[key])
            faults += self._faults(f"{operation.name}: {key[1]}", pointer, int(given[key]) if whole else given[key])
        wanted = self._resolve(operation.pointer).get("requestBody")
        if wanted is None:
            return faults + ([] if body is None else [f"{operation.name}: takes no body"])
        pointer = f"{operation.pointer}/requestBody/content/application~1json/schema"
        faults += self._faults(f"{operation.name}: body", pointer, body)
        strange = set(body) - set(self._resolve(pointer)["properties"]) if isinstance(body, dict) else set()
        return faults + [f"{operation.name}: unknown in the body: {name}" for name in strange]

    def answer_faults(self, operation: Operation, status: int, body: object) -> list[str]:
        """What is wrong with an answer, in words. Errors that any operation may give are not all listed with each."""
        answers = self._resolve(operation.pointer)["responses"]
        if str(status) in answers:
            pointer = answers[str(status)].get("$ref", f"{operation.pointer}/responses/{status}")
            return self._faults(f"{operation.name}: {status}", f"{pointer}/content/application~1json/schema", body)
        if status < 300:
            return [f"{operation.name}: does not answer {status}"]
        return self._faults(f"{operation.name}: {status}", "#/components/schemas/basic-error", body)

    def sample(self, schema: str) -> dict[str, Any]:
        """A small object that a schema of this name takes: what is required, empty."""
        made = self._sample(self._resolve(f"#/components/schemas/{schema}"))
        assert isinstance(made, dict)
        return made

    def _faults(self, what: str, pointer: str, value: object) -> list[str]:
        validator = self._validators.get(pointer)
        if validator is None:
            schema = {"$ref": f"{HOME}{pointer}"}
            validator = OAS30Validator(schema, registry=self._registry, format_checker=oas30_format_checker)
            self._validators[pointer] = validator
        return [f"{what}: {fault.json_path}: {fault.message[:300]}" for fault in validator.iter_errors(value)]

    def _parameters(self, operation: Operation) -> Iterator[tuple[tuple[str, str], str]]:
        for number, parameter in enumerate(self._resolve(operation.pointer).get("parameters", [])):
            pointer = parameter.get("$ref", f"{operation.pointer}/parameters/{number}")
            found = self._resolve(pointer)
            yield (found["in"], found["name"]), pointer

    def _resolve(self, pointer: str) -> dict[str, Any]:
        found: Any = self._description
        for part in pointer.removeprefix("#/").split("/"):
            found = found[part.replace("~1", "/").replace("~0", "~")]
        assert isinstance(found, dict)
        return found

    def _sample(self, schema: Mapping[str, Any]) -> object:
        if "$ref" in schema:
            return self._sample(self._resolve(schema["$ref"]))
        if schema.get("nullable"):
            return None
        for choice in ("oneOf", "anyOf", "allOf"):
            if choice in schema:
                return self._sample(schema[choice][0])
        if "enum" in schema:
            return schema["enum"][0]
        if schema.get("type", "object") == "object":
            return {name: self._sample(schema["properties"][name]) for name in schema.get("required", [])}
        if schema["type"] == "string":
            some = {"uri": "https://example.com/", "date-time": "2024-05-01T12:00:00Z"}
            return some.get(schema.get("format", ""), "")
        return {"array": [], "integer": 0, "number": 0, "boolean": False}[schema["type"]]


@cache
def load() -> Api:
    """The description; fetched where it is not there yet."""
    operations = hashlib.sha256(repr((PACKAGE, OPERATIONS, SCHEMAS)).encode()).hexdigest()[:16]
    file = FOLDER / f"openapi-{operations}.json"
    FOLDER.mkdir(exist_ok=True)
    with (FOLDER / "openapi.lock").open("w") as lock:
        # several workers may want it at once: the first fetches it
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            part = file.with_suffix(".part")
            part.write_text(json.dumps(_cut(_fetch())))
            part.replace(file)
    return Api(json.loads(file.read_bytes()))


def _fetch() -> dict[str, Any]:
    """The whole description, out of the package, which has to be the one that we know."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", PACKAGE, "--pack-destination", folder, "--silent"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        (package,) = Path(folder).iterdir()
        digest = base64.b64encode(hashlib.sha512(package.read_bytes()).digest()).decode()
        assert digest == INTEGRITY, f"{PACKAGE} is not the package that it was: sha512-{digest}"
        with tarfile.open(package) as archive:
            member = archive.extractfile(MEMBER)
            assert member is not None
            description = json.load(member)
    assert isinstance(description, dict)
    return description


def _cut(description: dict[str, Any]) -> dict[str, Any]:
    """The operations, and the components that they lead to."""
    paths: dict[str, dict[str, Any]] = {}
    for method, path in OPERATIONS:
        paths.setdefault(path, {})[method] = _without_examples(description["paths"][path][method])
    components: dict[str, dict[str, Any]] = {}
    wanted = [("schemas", name) for name in SCHEMAS] + _references(paths)
    while wanted:
        kind, name = wanted.pop()
        if name not in components.setdefault(kind, {}):
            found = _without_examples(description["components"][kind][name])
            components[kind][name] = found
            wanted += _references(found)
    return {"paths": paths, "components": components}


def _without_examples(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _without_examples(value) for key, value in node.items() if key != "examples"}
    return [_without_examples(value) for value in node] if isinstance(node, list) else node


def _references(node: object) -> list[tuple[str, str]]:
    return re.findall(r'"#/components/([^/"]+)/([^/"]+)"', json.dumps(node))


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(template)))


def _escape(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
