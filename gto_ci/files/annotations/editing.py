"""Add, change or remove one artifact in the text of an ``artifacts.yaml``.

Pure: bytes in, bytes out. People write this file, so :mod:`yaml_editor` changes its text and keeps every other line
byte for byte. The result is read again, as YAML 1.1 and as YAML 1.2, before it is returned.
"""

from __future__ import annotations

import posixpath
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gto_ci.core.errors import ArtifactNotFound, WrongAnnotations, WrongArguments, one_line, quote
from gto_ci.core.registry import similar
from gto_ci.files.annotations.reading import Annotation, Plain, read_artifacts_yaml
from gto_ci.files.annotations.yaml_editor import Editor, Fields, by_hand, is_default
from gto_ci.files.annotations.yaml_writer import is_text
from gto_ci.files.yaml12 import loader


@dataclass(frozen=True, slots=True)
class AnnotationUpdate:
    """A change of an artifact's annotation. An empty field changes nothing; ``labels`` are added.

    ``must_exist`` says that the path is a file of the repository (``virtual: false``). Without it, the path is
    elsewhere, which is also the default.
    """

    type: str | None = None
    path: str | None = None
    must_exist: bool = False
    labels: tuple[str, ...] = ()
    description: str = ""
    custom: Plain = None


def annotate(
    data: bytes | None, path: str, name: str, change: AnnotationUpdate, *, allow_same_path: bool = False
) -> bytes:
    """Return the text of an ``artifacts.yaml`` with ``change`` made to the artifact ``name``.

    ``data`` is the present text, or None without a file; ``path`` is the file's name, for errors. If ``change`` says
    nothing new, ``data`` itself is returned.

    Raises:
        WrongAnnotations: ``data`` is not YAML, or not of the form of an ``artifacts.yaml``.
        WrongArguments: the path equals, contains or is inside another artifact's path; or
            something to write is not text.
        GtoError: the text cannot be changed without damage.
    """
    known = read_artifacts_yaml(data or b"", path)
    if change.path and not allow_same_path:
        _check_path(change.path, name, known)
    for value in (change.type, change.path, change.description):
        if value and not is_text(value):
            raise WrongArguments(f"{quote(value)} is not text in UTF-8", "Write it in UTF-8")
    fields = _news(known.get(name), change)
    if data is not None and name in known and not fields:
        return data
    editor = Editor.of(data or b"", path)
    editor.write(name, fields)
    return _checked(data or b"", editor.result(), path, name, fields)


def remove(data: bytes | None, path: str, name: str) -> bytes:
    """Return the text of an ``artifacts.yaml`` without the artifact ``name``.

    Its lines are removed, from its name to the end of its last value; comments above and below stay. If it was the
    only artifact, ``{}`` takes its place.

    Raises:
        ArtifactNotFound: the file does not name it.
        WrongAnnotations: ``data`` is not YAML, or not of the form of an ``artifacts.yaml``.
        GtoError: the text cannot be changed without damage.
    """
    known = read_artifacts_yaml(data or b"", path)
    if data is None or name not in known:
        raise _not_annotated(name, list(known), path)
    editor = Editor.of(data, path)
    editor.remove(name)
    return _checked(data, editor.result(), path, name, None)


def paths_conflict(one: str, other: str) -> bool:
    """Tell whether two paths are the same place, or one is inside the other."""
    first, second = _parts(one), _parts(other)
    shorter = min(len(first), len(second))
    return first[:shorter] == second[:shorter]


def _parts(path: str) -> list[str]:
    text = path.rstrip("/") if "://" in path else posixpath.normpath(path)
    return [] if text == "." else text.split("/")


def _check_path(path: str, name: str, known: Mapping[str, Annotation]) -> None:
    for other, annotation in known.items():
        if other != name and annotation.path and paths_conflict(path, annotation.path):
            kind = f"{quote(annotation.type)} " if annotation.type else ""
            raise WrongArguments(
                f"Provided path conflicts with {quote(annotation.path)} ({kind}{quote(other)})",
                "Give another path, or change that artifact first",
            )


def _not_annotated(name: str, known: list[str], path: str) -> ArtifactNotFound:
    meant = similar(name, known)
    if meant:
        step = f"Did you mean {meant}?"
    elif known:
        more = f" and {len(known) - 5} more" if len(known) > 5 else ""
        step = f"Annotated in {quote(path)}: {one_line(', '.join(known[:5]), 300)}{more}"
    else:
        step = f"Nothing is annotated in {quote(path)}"
    return ArtifactNotFound(f"Cannot find artifact {quote(name)}", step)


def _news(old: Annotation | None, change: AnnotationUpdate) -> Fields:
    """Return the fields that ``change`` changes, in the order of the format."""
    now = old or Annotation()
    wanted = now._replace(
        type=change.type or now.type,
        path=change.path or now.path,
        virtual=False if change.must_exist else True if change.path else now.virtual,
        labels=tuple(dict.fromkeys((*now.labels, *change.labels))) if change.labels else now.labels,
        description=change.description or now.description,
        custom=change.custom or now.custom,
    )
    changed = [
        (key, value) for key, value, before in zip(Annotation._fields, wanted, now, strict=True) if value != before
    ]
    return {key: [*value] if isinstance(value, tuple) else value for key, value in changed}


def _checked(before: bytes, after: bytes, path: str, name: str, fields: Fields | None) -> bytes:
    """Return ``after`` if it says what ``before`` says, except for the change.

    Raises:
        GtoError: it says something else, or GTO could read ``before`` and cannot read ``after``.
    """
    import yaml

    try:
        old, new = _load(before), _load(after)
        read_artifacts_yaml(after, path)
    except (yaml.YAMLError, WrongAnnotations, ValueError, RecursionError) as error:
        raise by_hand(path) from error
    expected = dict(old)
    if fields is None:
        expected.pop(_key(old, name), None)
    else:
        expected[_key(old, name)] = {**(old.get(_key(old, name)) or {}), **fields}
    if not _same(_without_defaults(expected, name), _without_defaults(new, name), set()):
        raise by_hand(path)
    gto = _reads_in_gto(after, name, fields or {})
    if gto is False or (gto is None and _reads_in_gto(before, name, {})):
        raise by_hand(path)
    return after


def _load(data: bytes) -> dict[Any, Any]:
    import yaml

    loaded = yaml.load(data, Loader=loader())  # noqa: S506  # it is a safe one
    return dict(loaded) if loaded else {}


def _reads_in_gto(data: bytes, name: str, fields: Fields) -> bool | None:
    """Tell whether GTO, which reads YAML 1.2, finds ``fields`` of ``name``; None if it cannot read ``data``."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of an anchor defined twice, which is allowed
        try:
            loaded = YAML(typ="safe", pure=True).load(data.decode().removeprefix("\ufeff")) or {}
        except (YAMLError, ValueError, RecursionError):
            return None
    entry = loaded.get(_key(loaded, name)) or {}
    return all(_same(value, entry.get(key, key == "virtual" or None), set()) for key, value in fields.items())


def _key(loaded: Mapping[Any, Any], name: str) -> Any:
    """Return the key that means ``name``: a name such as 2023, written without quotes, is loaded as a number."""
    return next((key for key in loaded if key == name or str(key) == name), name)


def _without_defaults(loaded: Mapping[Any, Any], name: str) -> dict[Any, Any]:
    entry = loaded.get(_key(loaded, name))
    if not isinstance(entry, dict):
        return dict(loaded)
    return {**loaded, _key(loaded, name): {k: v for k, v in entry.items() if not is_default(str(k), v)}}


def _same(one: Any, other: Any, seen: set[tuple[int, int]]) -> bool:
    """Compare loaded values, including aliases (even to themselves) and not-a-numbers."""
    if type(one) is not type(other):
        return False
    if not isinstance(one, (dict, list)):
        return bool(one == other or (one != one and other != other))
    if (id(one), id(other)) in seen:
        return True
    seen.add((id(one), id(other)))
    if len(one) != len(other):
        return False
    if isinstance(one, dict):
        return all(key in other and _same(value, other[key], seen) for key, value in one.items())
    return all(_same(first, second, seen) for first, second in zip(one, other, strict=True))
