"""What the bench makes of its measurements, and what its registries hold."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.image import base_in
from benchmarks.imports import third_party
from benchmarks.job import read_outputs
from benchmarks.options import PROJECT, to_folder, to_sizes
from benchmarks.registries import Shape, draw_tags
from benchmarks.report import (
    Figure,
    NotMeasured,
    Row,
    Run,
    Table,
    Target,
    at_least,
    at_most,
    faster,
    load,
    machine,
    render,
    save,
    within,
)
from benchmarks.timing import Sample
from gto_ci.core.events import TagRecord, read_events

FAST = Sample((0.125, 0.125, 0.125), (0.1, 0.1, 0.1), (1, 1, 1))
SLOW = Sample((1.5, 1.5, 1.5), (1.2, 1.2, 1.2), (9, 9, 9))


@pytest.mark.parametrize(
    ("row", "met"),
    [
        (faster("g", "w", "s", (FAST, SLOW), "peer", target=at_least(12)), True),
        (faster("g", "w", "s", (FAST, SLOW), "peer", target=at_least(12.1)), False),
        (faster("g", "w", "s", (FAST, SLOW), "peer"), None),
        (within("g", "w", "s", (SLOW, FAST), "peer", target=at_most(12)), True),
        (within("g", "w", "s", (SLOW, FAST), "peer", target=at_most(11.9)), False),
        (Row("g", "w", "s", Figure(74.9, "MB"), target=at_most(75)), True),
        (Row("g", "w", "s", Figure(75.1, "MB"), target=at_most(75)), False),
        (Row("g", "w", "s", Figure(0, ""), target=at_most(0)), True),
        (Row("g", "w", "s", None, target=at_most(0)), None),
    ],
)
def test_a_target_is_met_or_not(row: Row, met: bool | None) -> None:
    assert row.met is met


RUN = Run(
    "one",
    {"processor": "a", "ours": "b"},
    "python -m benchmarks one",
    "2026-01-02",
    (
        faster("one", "`gto show`", "10 tags", (FAST, SLOW), "gto 1.10.1", target=at_least(20), note="A note"),
        faster("one", "`gto history`", "10 tags", (FAST, SLOW), "gto 1.10.1", note="A note"),
        Row("one", "peak", "", Figure(1234.5, "MB"), Figure(12, "MB"), "git", target=at_most(2000)),
        Table("one", "Largest", ("thing", "MB"), (("a|b", "1"),), "As unpacked."),
        NotMeasured("one", "the rest", "no engine is here"),
    ),
)
TITLES = {"one": "The first", "two": "The second"}


def test_rows_are_kept(tmp_path: Path) -> None:
    save(tmp_path / "rows", RUN)
    assert load(tmp_path / "rows") == [RUN]


def test_the_report() -> None:
    text = render(TITLES, [RUN], RUN.made_with)
    assert "- processor: a\n- measured: b\n" in text
    assert text.partition("## The first\n")[2].splitlines() == [
        "",
        "`python -m benchmarks one`, 2026-01-02",
        "",
        "| work | on | gto-ci | compared with | ratio | target |  |",
        "| --- | --- | ---: | ---: | ---: | --- | --- |",
        "| `gto show` | 10 tags | 125 ms ±0% (3) | gto 1.10.1: 1,500 ms ±0% (3) | 12× | ≥20× | **not met** |",
        "| `gto history` | 10 tags | 125 ms ±0% (3) | gto 1.10.1: 1,500 ms ±0% (3) | 12× |  |  |",
        "| peak |  | 1,234 MB | git: 12 MB |  | ≤2000 MB | met |",
        "",
        "### Largest",
        "",
        "| thing | MB |",
        "| --- | ---: |",
        r"| a\|b | 1 |",
        "",
        "As unpacked.",
        "",
        "- A note",
        "- the rest: not measured: no engine is here",
        "",
        "## The second",
        "",
        "Not measured: not run.",
    ]


def test_what_is_of_another_machine_or_version_is_left_out() -> None:
    text = render(TITLES, [RUN], {**RUN.made_with, "ours": "c"})
    assert text.count("Not measured") == 2
    assert "Not measured: what is kept is of another machine or version." in text


def test_the_machines_description_names_neither_host_nor_folder() -> None:
    described = machine()
    assert list(described) == ["processor", "cores", "memory", "kernel", "Python", "git"]
    assert all(described.values())
    assert "/" not in "".join(described.values())


def test_targets_in_words() -> None:
    assert (at_least(10), at_most(1.3)) == (Target("least", 10), Target("most", 1.3))


def test_modules_of_third_parties() -> None:
    assert third_party(["json.decoder", "gto_ci.core.names", "click.core", "_io", "__main__", "click"]) == {"click"}


def test_outputs_in_either_form(tmp_path: Path) -> None:
    file = tmp_path / "output"
    file.write_text("name=a/b\nmessage<<END\none\ntwo=2\nEND\nversion=v1.0.0\n")
    assert read_outputs(file) == {"name": "a/b", "message": "one\ntwo=2", "version": "v1.0.0"}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("tags", [1, 4, 10, 1_000])
def test_drawn_tags_are_a_registry(tags: int, seed: int) -> None:
    shape = Shape.usual(tags, seed)
    drawn = draw_tags(shape)
    assert drawn == draw_tags(shape)
    assert len({tag.name for tag in drawn}) == tags
    records = [TagRecord(tag.name, True, f"{tag.commit:040}", "commit", "A", "a@b", tag.time, "+0000") for tag in drawn]
    # each tag means something: nothing is in a stage, or leaves it, without a version
    assert Counter(event.tag for event in read_events(records)) == Counter(tag.name for tag in drawn)


def test_usual_shapes() -> None:
    assert [Shape.usual(tags, 1).artifacts for tags in (10, 1_000, 10_000, 100_000)] == [4, 20, 200, 2_000]
    assert str(Shape.usual(100_000, 1)) == "100,000 tags of 2,000 artifacts"
    assert draw_tags(Shape.usual(100, 1)) != draw_tags(Shape.usual(100, 2))
    names = {re.split("[@#]", tag.name)[0] for tag in draw_tags(Shape.usual(1_000, 1))}
    assert len(names) == 20


def test_arguments_are_understood_or_refused(tmp_path: Path) -> None:
    assert to_sizes("1000,10,10") == (10, 1000)
    for wrong in ("", "a", "0", "-1", "10,", "1.5"):
        with pytest.raises(ArgumentTypeError, match="such as 10,1000"):
            to_sizes(wrong)
    (tmp_path / "file").touch()
    assert to_folder(str(tmp_path / "new")) == (tmp_path / "new").resolve()
    with pytest.raises(ArgumentTypeError, match="is a file, not a folder"):
        to_folder(str(tmp_path / "file"))


def test_the_base_image_is_named_by_the_dockerfile() -> None:
    assert base_in("FROM debian:12 AS a\nFROM a\n") == "debian:12"
    assert base_in("ARG TAG=13\nARG OTHER=x\n\nFROM debian:${TAG}\nARG TAG=14\n") == "debian:13"
    assert "$" not in base_in((PROJECT / "Dockerfile").read_text())
