"""Annotations of artifacts, as the files of a commit hold them.

``artifacts.yaml`` holds ``NAME: {type, path, virtual, labels, description, custom}``. A
``dvc.yaml`` with an ``artifacts`` section holds ``NAME: {path, type, desc, labels, meta}``; in a
subfolder ``DIR`` its artifacts are called ``DIR:NAME``. If both files name an artifact, ``artifacts.yaml`` wins, with a
warning. The files are untrusted: their content becomes plain values of bounded size, or one error with a line.
"""

from __future__ import annotations

import math
import posixpath
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

from gto_ci.core.errors import WrongAnnotations, quote
from gto_ci.files.yaml12 import Document, WrongYaml, line_of

if TYPE_CHECKING:
    import yaml

Plain: TypeAlias = bool | int | float | str | list["Plain"] | dict[str, "Plain"] | None

DVC_SECTION = ("artifacts",)  # the keys of a dvc.yaml that lead to its annotations
_FILE = "the file"
# GTO also reads these words as true and false, in fields that are either.
_WORDS = {"yes": True, "y": True, "on": True, "no": False, "n": False, "off": False}
# An artifact with more values than this is an attack: aliases multiply.
_MAX_VALUES = 10_000
_MAX_DEPTH = 50


class Annotation(NamedTuple):
    """The annotation of an artifact in a file. ``source`` is that file's path."""

    type: str | None = None
    path: str | None = None
    virtual: bool = True
    labels: tuple[str, ...] = ()
    description: str | None = None
    custom: Plain = None
    source: str = ""


class ArtifactChange(NamedTuple):
    """The change of an artifact's annotation.

    ``kind`` is added, changed or removed; ``fields`` are those that differ; ``annotation`` is the new one, if any.
    """

    artifact: str
    kind: str
    fields: tuple[str, ...] = ()
    annotation: Annotation | None = None


class Found(NamedTuple):
    """An annotation, or None, and warnings for the reader."""

    annotation: Annotation | None = None
    warnings: tuple[str, ...] = ()


def compare(artifact: str, before: Annotation | None, after: Annotation | None) -> ArtifactChange:
    """Return how two annotations of an artifact differ; one of them may be missing."""
    if before is None or after is None:
        return ArtifactChange(artifact, "removed" if after is None else "added", annotation=after)
    names = [name for name, was, now in zip(Annotation._fields, before, after, strict=True) if was != now]
    return ArtifactChange(artifact, "changed", tuple(names), after)


class _Blob(Protocol):
    @property
    def kind(self) -> str: ...
    @property
    def data(self) -> bytes: ...


def find(
    objects: Callable[[Sequence[str]], Sequence[_Blob | None]],
    commit: str,
    artifact: str,
    index: str = "artifacts.yaml",
) -> Found:
    """Return the annotation of ``artifact`` in ``commit``.

    ``objects`` returns the objects named ``COMMIT:PATH``, all at once (:meth:`gto_ci.git.Repository.objects`);
    ``index`` is the annotation file's name.

    Raises:
        WrongAnnotations: a file that could hold the artifact cannot be understood.
        GitError: from ``objects``.
    """
    folder, _, name = artifact.rpartition(":")
    dvc_path = posixpath.normpath(posixpath.join(folder, "dvc.yaml"))
    own, dvc = objects([f"{commit}:{index}", f"{commit}:{dvc_path}"])
    ours = read_artifacts_yaml(own.data, index).get(artifact) if own and own.kind == "blob" else None
    theirs = read_dvc_yaml(dvc.data, dvc_path).get(name) if dvc and dvc.kind == "blob" else None
    if ours and theirs:
        return Found(ours, (f"{quote(artifact)} is annotated in {index} and in {dvc_path}; {index} is used",))
    return Found(ours or theirs)


def read_artifacts_yaml(data: bytes, path: str) -> dict[str, Annotation]:
    """Return the annotations in the text of an ``artifacts.yaml``, by artifact name.

    Raises:
        WrongAnnotations: it is not YAML, or not of this form.
    """

    def annotation(entry: _Entry) -> Annotation:
        return Annotation(
            type=entry.text("type"),
            path=entry.text("path"),
            virtual=entry.flag("virtual", default=True),
            labels=entry.texts("labels"),
            description=entry.text("description"),
            custom=entry.plain("custom"),
            source=path,
        )

    return _read(data, path, (), annotation)


def read_dvc_yaml(data: bytes, path: str) -> dict[str, Annotation]:
    """Return the annotations in the ``artifacts`` section of a ``dvc.yaml``, by name without the folder.

    A path in that file is relative to the file; the returned path is relative to the repository, as in
    ``artifacts.yaml``.

    Raises:
        WrongAnnotations: it is not YAML, or its ``artifacts`` section is not of this form.
    """
    folder = posixpath.dirname(path)

    def from_root(value: str | None) -> str | None:
        if value is None or "://" in value or value.startswith("/"):
            return value
        return posixpath.normpath(posixpath.join(folder, value))

    def annotation(entry: _Entry) -> Annotation:
        return Annotation(
            type=entry.text("type"),
            path=from_root(entry.text("path")),
            labels=entry.texts("labels"),
            description=entry.text("desc"),
            custom=entry.plain("meta"),
            source=path,
        )

    return _read(data, path, DVC_SECTION, annotation)


def _read(
    data: bytes, path: str, section: Sequence[str], annotation: Callable[[_Entry], Annotation]
) -> dict[str, Annotation]:
    try:
        document = Document(data)
        entries = [_Entry(document, key.value, node) for key, node in document.pairs(document.section(*section), _FILE)]
        return {entry.name: annotation(entry) for entry in entries}
    except WrongYaml as error:
        raise WrongAnnotations(path, error.line, error.reason) from error


class _Entry:
    """One artifact's mapping, with typed access to its fields."""

    def __init__(self, document: Document, name: str, node: yaml.Node) -> None:
        self.name = name
        self._document = document
        self._nodes = {key.value: value for key, value in document.pairs(node, name)}

    def plain(self, key: str) -> Plain:
        node = self._nodes.get(key)
        return None if node is None else _plain(self._document.construct(node), line_of(node))

    def text(self, key: str) -> str | None:
        value = self.plain(key)
        if value is None or isinstance(value, str):
            return value
        if isinstance(value, (bool, list, dict)):
            raise self._wrong(key, "must be text")
        return str(self._nodes[key].value)  # a number or a date, as it was written

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.plain(key)
        if value is None:
            return ()
        if not isinstance(value, list) or any(isinstance(item, (list, dict)) or item is None for item in value):
            raise self._wrong(key, "must be a list of texts")
        return tuple(str(node.value) for node in self._nodes[key].value)  # as they were written, also numbers

    def flag(self, key: str, *, default: bool) -> bool:
        value = self.plain(key)
        if value is None:
            return default
        if isinstance(value, str) and value.lower() in _WORDS:
            return _WORDS[value.lower()]
        if not isinstance(value, bool):
            raise self._wrong(key, "must be true or false")
        return value

    def _wrong(self, key: str, rule: str) -> WrongYaml:
        return WrongYaml(line_of(self._nodes[key]), f"{quote(key)} of {quote(self.name)} {rule}")


def _plain(value: Any, line: int) -> Plain:
    """Return the value from line ``line`` in JSON's types. Aliases are expanded, so the number of values is limited."""
    budget = [_MAX_VALUES]

    def walk(item: Any, depth: int) -> Plain:
        budget[0] -= 1
        if budget[0] < 0 or depth > _MAX_DEPTH:
            raise WrongYaml(line, f"more than {_MAX_VALUES} values or {_MAX_DEPTH} levels")
        if isinstance(item, int) and item.bit_length() > 1024:
            raise WrongYaml(line, "a number of more than 300 digits")
        if item is None or isinstance(item, (bool, str, int)):
            return item
        if isinstance(item, float):
            return item if math.isfinite(item) else str(item)  # JSON has no infinity
        if isinstance(item, dict):
            return {str(key): walk(inner, depth + 1) for key, inner in item.items()}
        if isinstance(item, (list, tuple, set)):
            return [walk(inner, depth + 1) for inner in item]
        if hasattr(item, "isoformat"):
            return str(item.isoformat())
        raise WrongYaml(line, f"a value of type {type(item).__name__} is not supported")

    return walk(value, 0)
