"""Annotation files: what is read, and that whatever else is in them becomes one error with a line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gto_ci.errors import WrongAnnotations
from gto_ci.files.annotations import Annotation, find, read_artifacts_yaml, read_dvc_yaml


class Blob(NamedTuple):
    data: bytes
    kind: str = "blob"


FULL = b"""\
# a comment
churn:
  type: model
  path: models/churn.pkl
  virtual: false
  labels: [a, 1]
  description: "two\\nlines"
  custom: {owner: ann, since: 2024-01-02, deep: [1, {x: null}]}
  unknown: ignored
empty:
"""


def test_artifacts_yaml() -> None:
    read = read_artifacts_yaml(FULL, "artifacts.yaml")
    assert read["churn"] == Annotation(
        "model",
        "models/churn.pkl",
        False,
        ("a", "1"),
        "two\nlines",
        {"owner": "ann", "since": "2024-01-02", "deep": [1, {"x": None}]},
        "artifacts.yaml",
    )
    assert read["empty"] == Annotation(source="artifacts.yaml")
    assert read_artifacts_yaml(b"", "artifacts.yaml") == {}
    assert read_artifacts_yaml(b"# nothing\n", "artifacts.yaml") == {}


def test_values_that_look_like_something_else_stay_as_written() -> None:
    read = read_artifacts_yaml(b"a: {type: 1.10, path: 2024-01-02, description: 0x10}", "f")
    assert (read["a"].type, read["a"].path, read["a"].description) == ("1.10", "2024-01-02", "0x10")


def test_dvc_yaml() -> None:
    text = (
        b"stages: {x: {cmd: y}}\nartifacts:\n  m: {path: out/m.pkl, type: model, desc: d, labels: [l], meta: {k: v}}\n"
    )
    text += b"  far: {path: 's3://bucket/x'}\n"
    read = read_dvc_yaml(text, "sub/dvc.yaml")
    assert read["m"] == Annotation("model", "sub/out/m.pkl", True, ("l",), "d", {"k": "v"}, "sub/dvc.yaml")
    assert read["far"].path == "s3://bucket/x"
    assert read_dvc_yaml(b"stages: {}", "dvc.yaml") == {}


def repository(files: dict[str, bytes]) -> object:
    def objects(names: Sequence[str]) -> list[Blob | None]:
        return [Blob(files[name.partition(":")[2]]) if name.partition(":")[2] in files else None for name in names]

    return objects


def test_find_prefers_artifacts_yaml_and_says_so() -> None:
    files = {"artifacts.yaml": b"'models:m': {type: ours}", "models/dvc.yaml": b"artifacts: {m: {type: theirs}}"}
    found = find(repository(files), "c", "models:m")  # type: ignore[arg-type]
    assert found.annotation is not None
    assert found.annotation.type == "ours"
    assert "artifacts.yaml is used" in found.warnings[0]
    del files["artifacts.yaml"]
    found = find(repository(files), "c", "models:m")  # type: ignore[arg-type]
    assert found.annotation is not None
    assert (found.annotation.type, found.warnings) == ("theirs", ())
    assert find(repository({}), "c", "m").annotation is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (b"a: {type: x\nb: 1", 2, ""),
        (b"a: [1]", 1, "keys and values"),
        (b"- a\n- b", 1, "keys and values"),
        (b"x: {}\na:\n  type: [1]", 3, "'type' of 'a' must be text"),
        (b"x: {}\na:\n  labels: x", 3, "list of texts"),
        (b"a:\n  labels: [[1]]", 2, "list of texts"),
        (b"a:\n  virtual: maybe", 2, "true or false"),
        (b"a:\n  custom: !!python/object:os.system {}", 2, ""),
        (b"a:\n  custom: !!binary aGk=", 2, "bytes"),
        (b"a:\n  custom: &x [*x]", 2, "recursive"),
        (b"a:\n  custom: 0x" + b"f" * 5000, 2, "digits"),
        (b"? [a]\n: {}", 1, "not plain text"),
        (b"a: {}\n--- \nb: {}", 2, "single document"),
        (b"\xff\xfe\x00", 1, "it is not YAML"),
        (b"b: {}\na: \x00", 2, "it is not YAML"),
        (b"<<: 1\na: {}", 1, "merge"),
    ],
)
def test_malformed(text: bytes, line: int, says: str) -> None:
    with pytest.raises(WrongAnnotations) as raised:
        read_artifacts_yaml(text, "artifacts.yaml")
    assert raised.value.line == line
    assert says in str(raised.value)
    assert "artifacts.yaml" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_aliases_do_not_multiply() -> None:
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n"
    for one, other in zip("abcdefghi", "bcdefghij", strict=True):
        bomb += f"{other}: &{other} [{', '.join([f'*{one}'] * 9)}]\n"
    text = f"m:\n  custom:\n    {bomb.replace(chr(10), chr(10) + '    ')}\n"
    with pytest.raises(WrongAnnotations, match="more than 10000 values"):
        read_artifacts_yaml(text.encode(), "artifacts.yaml")


@given(st.binary() | st.text("ab:-[]{}&*!<>?|'\"# \n0.", max_size=60).map(str.encode))
def test_any_bytes_are_annotations_or_one_error(data: bytes) -> None:
    try:
        read = read_artifacts_yaml(data, "artifacts.yaml")
    except WrongAnnotations as error:
        assert "\n" not in str(error)
    else:
        for annotation in read.values():
            json.dumps(annotation.custom, allow_nan=False)
