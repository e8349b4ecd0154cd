"""Changing an artifacts.yaml: what is asked for is there afterwards, and whatever else was there still is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from gto_ci.errors import ArtifactNotFound, GtoError, WrongAnnotations, WrongArguments
from gto_ci.files.annotations import Annotation, read_artifacts_yaml
from gto_ci.files.annotations.editing import AnnotationUpdate, annotate, paths_conflict, remove
from gto_ci.files.annotations.yaml_writer import inline, scalar

FILE = "artifacts.yaml"


def put(text: str | None, name: str, **change: Any) -> str:
    return annotate(None if text is None else text.encode(), FILE, name, AnnotationUpdate(**change)).decode()


def cut(text: str, name: str) -> str:
    return remove(text.encode(), FILE, name).decode()


def as_gto(text: str | bytes) -> Any:
    """What GTO reads: `gto.config.yaml` of both 0.2.4 and 1.10.1."""
    data = text if isinstance(text, str) else text.decode()
    return YAML(typ="safe", pure=True).load(data)


# What is written


def test_a_new_file() -> None:
    assert put(None, "churn", type="model", path="s3://awesome/model.pkl") == (
        "churn:\n  type: model\n  path: s3://awesome/model.pkl\n"
    )
    assert put(None, "m") == "m: {}\n"
    assert put(None, "dir/x:m", must_exist=True, path="m.pkl", labels=("b", "a", "b"), description="A model, ours") == (
        "dir/x:m:\n  path: m.pkl\n  virtual: false\n  labels:\n    - b\n    - a\n  description: A model, ours\n"
    )
    custom = {"metrics": {"auc": 0.9, "big": 1e20}, "notes": ["x", {"y": None}], "no": "no"}
    assert put(None, "m", custom=custom) == (
        "m:\n  custom:\n    metrics:\n      auc: 0.9\n      big: 1.0e+20\n"
        "    notes:\n      - x\n      - {'y': null}\n    'no': 'no'\n"
    )


def test_an_update_replaces_fields_and_joins_labels() -> None:
    text = "m:\n  type: model\n  path: a\n  virtual: false\n  labels: [z, a]\n  description: old\n"
    assert put(text, "m", type="data", labels=("b", "a"), description="new") == (
        "m:\n  type: data\n  path: a\n  virtual: false\n  labels: [z, a, b]\n  description: new\n"
    )
    assert put(text, "m", path="b") == "m:\n  type: model\n  path: b\n  labels: [z, a]\n  description: old\n"
    assert put(text, "m", path="b", must_exist=True) == text.replace("path: a", "path: b")


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("m:\n  type: model\n  path: a\n  labels: [b, a]", {"type": "model", "path": "a", "labels": ("a",)}),
        ("m:\n", {}),
        ("m: {virtual: false} # x\n", {"must_exist": True}),
        ("m:\n  path: a\n  virtual: true\n", {"path": "a"}),
        ("m: {type: 5}", {"type": "5"}),
    ],
)
def test_what_is_so_already_is_not_written(text: str, change: dict[str, Any]) -> None:
    data = text.encode()
    assert annotate(data, FILE, "m", AnnotationUpdate(**change)) is data


BEFORE_AND_AFTER = {
    "comments stay where they are": (
        "# top\n\nm:  # ours\n  # of what kind\n  type: model  # big\n\n  # where\n  path: a\n  # end of m\n# end\n",
        {"type": "data", "labels": ("x",)},
        (
            "# top\n\nm:  # ours\n  # of what kind\n  type: data  # big\n\n  # where\n  path: a\n  labels:\n    - x\n"
            "  # end of m\n# end\n"
        ),
    ),
    "quotes stay": (
        "'m':\n  \"type\": \"model\"\n  path: 'a'\n",
        {"type": "data", "path": "it's"},
        "'m':\n  \"type\": \"data\"\n  path: 'it''s'\n",
    ),
    "the file's own indentation": (
        "o:\n    labels:\n    - a\nm:\n",
        {"type": "data", "labels": ("x",)},
        "o:\n    labels:\n    - a\nm:\n    type: data\n    labels:\n    - x\n",
    ),
    "an indented file": ("  o: {}\n", {"type": "t"}, "  o: {}\n  m:\n    type: t\n"),
    "flow style": (
        "m: {type: model, labels: [a], path: x}  # m\n",
        {"type": "data", "labels": ("b",), "description": "a, b"},
        "m: {type: data, labels: [a, b], path: x, description: 'a, b'}  # m\n",
    ),
    "JSON": (
        '{"o": {"type": "x"},\n "m": {"type": "y"}}\n',
        {"path": "p", "labels": ("l",)},
        '{"o": {"type": "x"},\n "m": {"type": "y", "path": "p", "labels": ["l"]}}\n',
    ),
    "JSON, a new one": ('{"o": {"type": "x"}}', {"path": "p"}, '{"o": {"type": "x"}, "m": {"path": "p"}}'),
    "no last newline": ("o:\n  type: x", {"type": "t"}, "o:\n  type: x\nm:\n  type: t"),
    "no last newline, a field": ("m:\n  type: x", {"path": "t"}, "m:\n  type: x\n  path: t"),
    "CRLF": ("o: {}\r\nm:\r\n  type: x\r\n", {"path": "t"}, "o: {}\r\nm:\r\n  type: x\r\n  path: t\r\n"),
    "a byte order mark": ("\ufeffm:\n  type: x\n", {"path": "t"}, "\ufeffm:\n  type: x\n  path: t\n"),
    "markers": (
        "%YAML 1.1\n---\no: {}\n...\n# after\n",
        {"type": "t"},
        "%YAML 1.1\n---\no: {}\nm:\n  type: t\n...\n# after\n",
    ),
    "only a comment": ("# nothing yet", {"type": "t"}, "# nothing yet\nm:\n  type: t"),
    "only a marker": ("---\n", {"type": "t"}, "---\nm:\n  type: t\n"),
    "empty": ("", {"type": "t"}, "m:\n  type: t\n"),
    "an empty mapping": ("# top\n{}\n# end\n", {"type": "t"}, "# top\nm:\n  type: t\n# end\n"),
    "an empty mapping, alone": ("{}", {"type": "t"}, "m:\n  type: t"),
    "an empty mapping with a comment": ("--- {} # none\n", {"type": "t"}, "--- # none\nm:\n  type: t\n"),
    "null": ("m: ~  # soon\n", {"type": "t"}, "m:  # soon\n  type: t\n"),
    "no fields": ("m: {}\no: {}\n", {"type": "t"}, "m:\n  type: t\no: {}\n"),
    "no value": ("m:\n  path:   # to come\n  type: t\n", {"path": "p"}, "m:\n  path: p   # to come\n  type: t\n"),
    "a long line": (
        f"m:\n  description: {'word ' * 60}end\n",
        {"type": "t"},
        f"m:\n  description: {'word ' * 60}end\n  type: t\n",
    ),
    "block scalars": (
        "m:\n  description: |  # text\n    one\n\n    # no comment\n\n  type: t\n",
        {"description": "short", "path": "p"},
        "m:\n  description: short  # text\n\n  type: t\n  path: p\n",
    ),
    "a block scalar at the end": (
        "m:\n  description: >-\n    one\n    two\n\n# end\n",
        {"type": "t"},
        "m:\n  description: >-\n    one\n    two\n  type: t\n\n# end\n",
    ),
    "a block scalar that keeps its blank lines": (
        "m:\n  description: |+\n    one\n\n\n# end\n",
        {"type": "t"},
        "m:\n  description: |+\n    one\n\n\n  type: t\n# end\n",
    ),
    "unknown keys": ("m:\n  owner: Ada\n  type: t\n", {"path": "p"}, "m:\n  owner: Ada\n  type: t\n  path: p\n"),
    "labels with comments": (
        "m:\n  labels:\n  - a # first\n  # more\n  - 'b' # second\n  type: t\n",
        {"labels": ("c", "d")},
        "m:\n  labels:\n  - a # first\n  # more\n  - 'b' # second\n  - c\n  - d\n  type: t\n",
    ),
    "flow labels over lines": (
        "m:\n  labels: [\n    a, # first\n    b, # second\n  ]\n",
        {"labels": ("c",)},
        "m:\n  labels: [\n    a, # first\n    b, c, # second\n  ]\n",
    ),
    "a merge key": (
        "o: &o\n  type: t\n  virtual: false\nm:\n  <<: *o\n  path: a\n",
        {"path": "b"},
        "o: &o\n  type: t\n  virtual: false\nm:\n  <<: *o\n  path: b\n  virtual: true\n",
    ),
    "an alias for a whole artifact": (
        "o: &o {type: t}\nm: *o\n",
        {"path": "b"},
        "o: &o {type: t}\nm: {<<: *o, path: b}\n",
    ),
    "an alias for a value": (
        "o: {type: &t model}\nm:\n  type: *t\n",
        {"type": "data"},
        "o: {type: &t model}\nm:\n  type: data\n",
    ),
    "an anchor nobody uses": ("m: &m\n  type: &t model\n", {"type": "data"}, "m: &m\n  type: &t data\n"),
    "an anchor that others use": (
        "m: &m\n  type: &t model\n  labels: &l [a]\no: *m\np:\n  type: *t\n  labels: *l\n",
        {"type": "data", "labels": ("b",)},
        "m:\n  type: data\n  labels: [a, b]\no: &m {type: &t model, labels: &l [a]}\np:\n  type: *t\n  labels: *l\n",
    ),
    "an anchor that others use around one that nobody uses": (
        "m: &m\n  type: &t model\no: *m\n",
        {"type": "data"},
        "m:\n  type: &t data\no: &m {type: model}\n",
    ),
    "custom": (
        "m:\n  custom:\n    a: 1\n    b: 2\n  type: t\n",
        {"custom": {"c": 3}},
        "m:\n  custom:\n    c: 3\n  type: t\n",
    ),
    "tabs and spaces at line ends": ("m:  \n  type: t\t\n", {"path": "p"}, "m:  \n  type: t\t\n  path: p\n"),
}


@pytest.mark.parametrize(("before", "change", "after"), BEFORE_AND_AFTER.values(), ids=BEFORE_AND_AFTER)
def test_everything_else_stays(before: str, change: dict[str, Any], after: str) -> None:
    assert put(before, "m", **change) == after


REMOVED = {
    "the only one": ("# top\nm:\n  type: t # x\n# end\n", "# top\n{}\n# end\n"),
    "the only one, without a last newline": ("m:\n  type: t", "{}"),
    "the first": ("# about m\nm:\n  type: t\n\n# about o\no: {}\n", "# about m\n\n# about o\no: {}\n"),
    "the last": ("o: {}\n\nm:\n  type: t\n# end\n", "o: {}\n\n# end\n"),
    "the last, without a last newline": ("o: {}\r\nm:\r\n  type: t", "o: {}"),
    "the last, below a block scalar": ("o:\n  description: |\n    a\nm:\n  type: t", "o:\n  description: |\n    a\n"),
    "an empty one": ("m:\no: {}\n", "o: {}\n"),
    "a block scalar": ("m:\n  description: |\n    a\n    # b\no: {}\n", "o: {}\n"),
    "from JSON, the first": ('{"m": {}, "o": {}}', '{"o": {}}'),
    "from JSON, the last": ('{"o": {}, "m": {}}', '{"o": {}}'),
    "from JSON, the only one": ('{"m": {}}', "{}"),
    "from flow style with comments": ("{\n  o: {}, # o\n  m: {}, # m\n}\n", "{\n  o: {}, # o\n   # m\n}\n"),
    "an anchor": (
        "m: &m\n  type: &t 'a, b'\n  labels:\n  - x\no:\n  <<: *m\n  type: *t\np: *m\n",
        "o:\n  <<: &m {type: &t 'a, b', labels: [x]}\n  type: *t\np: *m\n",
    ),
    "an alias": ("o: &o {}\nm: *o\n", "o: &o {}\n"),
}


@pytest.mark.parametrize(("before", "after"), REMOVED.values(), ids=REMOVED)
def test_remove(before: str, after: str) -> None:
    assert cut(before, "m") == after


# What is refused


@pytest.mark.parametrize(
    ("one", "other", "conflict"),
    [
        ("models", "models", True),
        ("models", "models/x", True),
        ("a/b/../c", "./a/c/", True),
        (".", "a", True),
        ("models", "models2", False),
        ("s3://b/x", "s3://b/x/", True),
        ("s3://b/x", "s3://b/x/y", True),
        ("s3://b/x", "s3://b/xy", False),
        ("a", "../a", False),
    ],
)
def test_paths_that_conflict(one: str, other: str, conflict: bool) -> None:
    assert paths_conflict(one, other) is conflict
    assert paths_conflict(other, one) is conflict


def test_a_path_of_another_artifact_is_refused() -> None:
    text = "o:\n  type: model\n  path: models\np:\n  path: q\n"
    with pytest.raises(WrongArguments, match=r"^Provided path conflicts with 'models' \('model' 'o'\)"):
        put(text, "m", path="models/x")
    with pytest.raises(WrongArguments, match=r"^Provided path conflicts with 'q' \('p'\)"):
        put(text, "m", path="q")
    put(text, "o", path="models/x")
    assert b"path: q" in annotate(text.encode(), FILE, "m", AnnotationUpdate(path="q"), allow_same_path=True)


def test_remove_of_an_unknown_artifact() -> None:
    with pytest.raises(ArtifactNotFound, match=r"Cannot find artifact 'chrun'\. Did you mean 'churn'\?"):
        cut("churn: {}\n", "chrun")
    with pytest.raises(ArtifactNotFound, match=r"Annotated in 'artifacts\.yaml': a, b, c, d, e and 1 more"):
        cut("a: {}\nb: {}\nc: {}\nd: {}\ne: {}\nf: {}\n", "xyz")
    with pytest.raises(ArtifactNotFound, match="Nothing is annotated"):
        remove(None, FILE, "m")


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"m: [", 2),
        (b"a: {}\nm: 5\n", 2),
        (b"m: {}\no: {}\nm: {}\n", 3),
        (b"m:\n  type: a\n  type: b\n", 3),
        (b"o: {}\n# \xff\nm: {}\n", 0),
        (b"- a\n", 1),
    ],
)
def test_a_malformed_file_is_refused(data: bytes, line: int) -> None:
    with pytest.raises(WrongAnnotations) as caught:
        annotate(data, FILE, "m", AnnotationUpdate(path="x"))
    assert line in (0, caught.value.line)


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("m:\n  custom: # why\n    a: 1\n", {"custom": {"b": 2}}),
        ("? m\n: type: t\n", {"type": "\udcff"}),
        ("o:\n  description: |\n    text", {"path": "p"}),  # a line more would give the description a line feed
    ],
)
def test_what_would_do_damage_is_refused(text: str, change: dict[str, Any]) -> None:
    with pytest.raises(GtoError, match=r"by hand|not text"):
        put(text, "m", **change)


# Values


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), st.sampled_from(["", "'", '"']))
def test_every_text_is_read_alike_by_both_versions_of_yaml(text: str, like: str) -> None:
    for document in (f"k: {scalar(text, like)}\n", f"k: [{scalar(text, like, flow=True)}]", f"- {scalar(text, like)}"):
        for loaded in (yaml.safe_load(document), as_gto(document)):
            (value,) = loaded.values() if isinstance(loaded, dict) else loaded
            assert value in (text, [text])


@pytest.mark.parametrize(
    "text",
    ["yes", "Y", "null", "~", "1", "1e5", "0o7", "0x1", "1_0", "1:30", "2020-01-01", ".5", ".inf", "=", "<<", "."],
)
def test_text_that_looks_like_something_else_is_quoted(text: str) -> None:
    assert scalar(text) == f"'{text}'"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abyn1 :,'", min_size=1), inner, max_size=3),
    max_leaves=6,
)


@given(values)
def test_every_value_is_read_alike_by_both_versions_of_yaml(value: Any) -> None:
    for document in (f"k: {inline(value, flow=False)}\n", f"[{inline(value)}]"):
        for loaded in (yaml.safe_load(document), as_gto(document)):
            assert repr(loaded["k"] if isinstance(loaded, dict) else loaded[0]) == repr(value)


# Whole documents


NAMES = ["alpha", "beta", "gamma", "dir/x:delta", "e1"]
comments = st.sampled_from(["", "", "  # why", " #", "\t# tab", " # 'quoted: {"])
between = st.lists(st.sampled_from(["", "", "# a comment", "  # indented", "#", "# m: {type: x}", "   "]), max_size=3)
texts = st.sampled_from(
    ["model", "'single ''quoted'''", '"double \\"quoted\\""', "s3://bucket/x", "Ünïcode", "a b", "a" * 150]
)


@st.composite
def fields(draw: st.DrawFn, anchors: Sequence[str]) -> list[str]:
    """The lines of one artifact's fields, without indentation."""
    lines: list[str] = []
    for key in draw(st.permutations(["type", "virtual", "labels", "description", "custom", "owner"])):
        if draw(st.booleans()):
            continue
        space = draw(st.sampled_from([" ", "  "]))
        mark = draw(st.sampled_from(["", "", "", "&a1 ", "&a2 "]))
        end = draw(comments)
        if key == "virtual":
            lines.append(f"virtual:{space}{draw(st.sampled_from(['true', 'false']))}{end}")
        elif key == "labels":
            style = draw(st.sampled_from(["flow", "dashes", "indented", "long", "empty"]))
            lines += {
                "flow": [f"labels:{space}{mark}[one, 'two']{end}"],
                "dashes": [f"labels:{end}", "- one", f"- 'two'{end}"],
                "indented": [f"labels:{end}", "  # of labels", "  - one", f"  - two{end}"],
                "long": ["labels: [", f"  one,{end}", "  two", "  ]"],
                "empty": [f"labels:{space}[]{end}"],
            }[style]
        elif key == "description":
            style = draw(st.sampled_from(["text", "literal", "folded", "lines"]))
            lines += {
                "text": [f"description:{space}{mark}{draw(texts)}{end}"],
                "literal": ["description: |", "  # not a comment", "", "  second"],
                "folded": [f"description: >-{end}", "  one", "  two"],
                "lines": ["description: one", "  two"],
            }[style]
        elif key == "custom":
            lines += draw(st.sampled_from([["custom: {a: [1, 2], b: x}"], ["custom:", "  a: 1", "  b:", "  - 2"]]))
        else:
            aliases = [f"*{anchor}" for anchor in anchors]
            value = draw(st.sampled_from([*aliases, ""])) or mark + draw(texts)
            lines.append(f"{key}:{space}{value}{end}")
    return lines


@st.composite
def documents(draw: st.DrawFn) -> str:
    """An artifacts.yaml as people write it."""
    indent = " " * draw(st.sampled_from([2, 2, 4, 1]))
    lines = draw(st.sampled_from([[], [], ["---"], ["%YAML 1.1", "---"]])) + draw(between)
    texts_of: list[str] = []  # anchors of texts so far
    for name in draw(st.permutations(NAMES))[: draw(st.integers(0, 4))]:
        body = draw(fields(texts_of))
        anchor = name[0] if draw(st.booleans()) else ""
        merge = re.findall(r"^\S+: &([a-e])$", "\n".join(lines), re.MULTILINE)
        if merge and draw(st.booleans()):
            body.insert(0, f"<<: *{draw(st.sampled_from(merge))}")
        if not body:
            lines.append(f"{name}: {{}}{draw(comments)}")
        else:
            lines.append(f"{name}:" + (f" &{anchor}" if anchor else draw(comments)))
            for line in body:
                lines.append(indent + line if line else line)
                if not re.search(r"[|>\[]|^ |^description: one$", line) and draw(st.booleans()):
                    lines += [indent + "# inside"]
        for found in re.findall(r"(?:type|owner|description): +&(a[12]) ", "\n".join(body)):
            texts_of = [*texts_of, found]
        texts_of = [one for one in texts_of if not re.search(rf"labels: +&{one} ", "\n".join(lines))]
        lines += draw(between)
    newline = draw(st.sampled_from(["\n", "\n", "\r\n"]))
    text = newline.join(lines) + draw(st.sampled_from([newline, ""]))
    return draw(st.sampled_from(["", "", "\ufeff"])) + text


changes = st.builds(
    AnnotationUpdate,
    type=st.none() | st.sampled_from(["model", "dataset", "yes"]),
    path=st.none() | st.sampled_from(["p/q", "s3://x/y, z", "1e5"]),
    must_exist=st.booleans(),
    labels=st.lists(st.sampled_from(["one", "new", "1", "no"]), max_size=3, unique=True).map(tuple),
    description=st.sampled_from(["", "short", 'it\'s: # "odd"', "two\nlines"]),
    custom=st.sampled_from([None, None, {"a": {"b": [1.5, "x"]}}]),
)


def expected(old: Annotation | None, change: AnnotationUpdate) -> Annotation:
    old = old or Annotation(source=FILE)
    return Annotation(
        type=change.type or old.type,
        path=change.path or old.path,
        virtual=False if change.must_exist else True if change.path else old.virtual,
        labels=tuple(dict.fromkeys((*old.labels, *change.labels))) if change.labels else old.labels,
        description=change.description or old.description,
        custom=change.custom or old.custom,
        source=FILE,
    )


def readable(text: str) -> bool:
    """Generated anchors may not fit together, and a block scalar may swallow what follows."""
    try:
        read_artifacts_yaml(text.encode(), FILE)
        as_gto(text.removeprefix("\ufeff"))
    except Exception:
        return False
    return True


def whole_comments(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip().startswith("#")]


good_documents = documents().filter(readable)


@pytest.mark.filterwarnings("ignore::ruamel.yaml.error.ReusedAnchorWarning")
@given(good_documents, st.sampled_from(NAMES), changes)
def test_annotate_changes_what_it_is_asked_to_and_nothing_else(text: str, name: str, change: AnnotationUpdate) -> None:
    before = read_artifacts_yaml(text.encode(), FILE)
    try:
        after_text = put(text, name, **{key: getattr(change, key) for key in AnnotationUpdate.__slots__})
    except GtoError as error:
        assert "by hand" in str(error)
        # In place of a custom that holds comments. Or the text ends within a block to which the line end that has to
        # follow would be added, and then even that alone changes what the file says.
        assert change.custom or read_artifacts_yaml(f"{text}\n".encode(), FILE) != before
        return
    after = read_artifacts_yaml(after_text.encode(), FILE)
    assert after == {**before, name: expected(before.get(name), change)}
    assert list(after)[: len(before)] == list(before)
    assert sorted(whole_comments(text)) == sorted(whole_comments(after_text)) or change.description
    assert after_text.startswith("\ufeff") == text.startswith("\ufeff")
    if "\r\n" in text:
        assert "\n" not in after_text.replace("\r\n", "")
    if name not in before and before:
        assert cut(after_text, name) == text
        assert after_text.startswith(text)


@pytest.mark.filterwarnings("ignore::ruamel.yaml.error.ReusedAnchorWarning")
@given(good_documents, st.data())
def test_remove_takes_one_artifact_and_nothing_else(text: str, data: st.DataObject) -> None:
    before = read_artifacts_yaml(text.encode(), FILE)
    if not before:
        return
    name = data.draw(st.sampled_from(sorted(before)))
    after_text = cut(text, name)
    after = read_artifacts_yaml(after_text.encode(), FILE)
    assert after == {key: value for key, value in before.items() if key != name}
    kept, old = (one.removeprefix("\ufeff").splitlines() for one in (after_text, text))
    new = [line.strip() for line in kept if line not in old]
    assert all("&" in line or line == "{}" for line in new), new
    assert as_gto(after_text.removeprefix("\ufeff")) is not None
