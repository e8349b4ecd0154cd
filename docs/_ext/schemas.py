"""JSON schemas as Markdown: what each key means."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Set
from pathlib import Path
from typing import Any

from docs._ext.markdown import definitions, prose

Schema = Mapping[str, Any]


ELSEWHERE = {"gto-policy.schema.json": "[The policy file](policy.md) lists its keys."}


def listing(folder: Path, address: str) -> str:
    """Return all schemas in ``folder``, each under a heading, its keys folded; ``address`` is that of the folder.

    Another page lists the keys of the schemas in :data:`ELSEWHERE`.
    """
    parts = []
    for file in sorted(folder.glob("*.schema.json")):
        schema = json.loads(file.read_text(encoding="utf-8"))
        parts.append(f"## {prose(schema['title'])}\n\n[`{file.name}`]({address}/{file.name})\n")
        parts.append(f"{prose(schema['description'])}\n")
        if file.name in ELSEWHERE:
            parts.append(f"{ELSEWHERE[file.name]}\n")
        elif described := keys(file):
            parts.append(f"<details><summary>Its keys</summary>\n\n{described}</details>\n")
    return "\n".join(parts)


def keys(file: Path) -> str:
    """Return the keys that the schema in ``file`` describes, each with its path: ``rules[].name``; ``*`` is any key."""
    schema = json.loads(file.read_text(encoding="utf-8"))
    found: dict[str, list[str]] = {}
    for path, meaning in _keys(schema, schema, ""):
        if meaning not in found.setdefault(path, []):
            found[path].append(meaning)
    return definitions((path, " ".join(filter(None, meanings))) for path, meanings in found.items())


def _keys(root: Schema, node: Schema, path: str, above: Set[int] = frozenset()) -> Iterator[tuple[str, str]]:
    """The keys in ``node``, from top to bottom, each before those in it; what holds itself is followed once."""
    for part in _alternatives(root, node):
        if id(part) in above:
            continue
        known = above | {id(part)}
        for name, value in _named(part):
            here = f"{path}.{name}" if path else name
            yield here, _meaning(root, value)
            yield from _keys(root, value, here, known)
        if isinstance(part.get("items"), dict):
            yield from _keys(root, part["items"], f"{path}[]", known)


def _named(part: Schema) -> Iterator[tuple[str, Any]]:
    yield from part.get("properties", {}).items()
    if isinstance(part.get("additionalProperties"), dict):
        yield "*", part["additionalProperties"]


def _alternatives(root: Schema, node: Any) -> Iterator[Schema]:
    """``node`` and whatever else it may or has to be."""
    if not isinstance(node, dict):  # true and false are schemas, too
        return
    yield node
    for other in (*node.get("anyOf", ()), *node.get("oneOf", ()), *node.get("allOf", ()), *_referred(root, node)):
        if "if" not in other:
            yield from _alternatives(root, other)


def _referred(root: Schema, node: Schema) -> Iterator[Any]:
    if "$ref" in node:
        found: Any = root
        for step in node["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        yield found


def _meaning(root: Schema, value: Any) -> str:
    parts = [*_alternatives(root, value)]
    said = next((part["description"] for part in parts if "description" in part), "")
    words = [json.dumps(word) for part in parts for word in _words(part)]
    default = next((part["default"] for part in parts if "default" in part), None)
    sentences = [f"{prose(said).rstrip('.')}."] if said else []
    if not all(re.search(rf"\b{re.escape(word.strip(chr(34)))}\b", said) for word in words):
        listed = ", ".join(f"`{word}`" for word in words)
        mapping = any("properties" in part for part in parts)
        start = "Values" if len(words) > 1 else "Value" if mapping else "Only value"
        sentences.append(f"{start}: {listed}, or a mapping of the keys below." if mapping else f"{start}: {listed}.")
    if default is not None:
        sentences.append(f"Default: `{json.dumps(default)}`.")
    return " ".join(sentences)


def _words(part: Schema) -> list[Any]:
    """The values that ``part`` allows, where it lists them."""
    items = part.get("items")
    listed = part.get("enum", []) + (items.get("enum", []) if isinstance(items, dict) else [])
    return [part["const"], *listed] if "const" in part else listed
