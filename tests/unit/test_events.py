"""Reading events from tags: which tags count, their order, and the version of a stage event."""

from __future__ import annotations

import random
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gto_ci.core.events import TagRecord, moment, moment_text, read_events, why_no_event
from gto_ci.core.names import parse_tag
from gto_ci.core.resolve import RegistryTags, pushed_reference, resolve
from tests import strategies


def record(name: str, commit: str = "c1", time: int | None = 100, **fields: object) -> TagRecord:
    made = TagRecord(name, True, commit, "commit", "Ada", "ada@example.com", time)
    return made._replace(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("tag", "reason"),
    [
        (record("m@v1.0.0", annotated=False), "lightweight"),
        (record("m@v1.0.0", target_type="blob"), "points to a blob"),
        (record("m@v1.0.0", target_type="tree"), "points to a tree"),
        (record("m@v1.0.0", time=None), "no tagger"),
        (record("m@v1.0.0", time=10**15), "out of range"),
        (record("m@created"), "reserved"),
    ],
)
def test_a_tag_that_is_not_an_event_has_a_reason(tag: TagRecord, reason: str) -> None:
    assert read_events([tag]) == []
    assert reason in (why_no_event(tag, parse_tag(tag.name)) or "")
    assert reason in resolve(pushed_reference(tag.name), RegistryTags([tag])).cause


def test_other_tags_are_not_events() -> None:
    assert read_events([record("v1.0.0"), record("release-1"), record("a@b")]) == []


def test_order_is_time_then_kind_then_counter_then_name() -> None:
    tags = ["b@v1.0.0", "a@v1.0.0", "a#s#2", "a#s#10", "a#s!#1", "a@v1.0.0!#3", "a@deprecated", "a@v2.0.0#4"]
    records = [record(tag) for tag in tags] + [record("z@v1.0.0", time=99)]
    expected = [
        *("z@v1.0.0", "a@deprecated", "a@v1.0.0", "b@v1.0.0", "a@v2.0.0#4", "a@v1.0.0!#3", "a#s#2", "a#s#10", "a#s!#1"),
    ]
    for seed in range(20):
        random.Random(seed).shuffle(records)
        assert [event.tag for event in read_events(records)] == expected


def versions_of(*records: TagRecord) -> dict[str, str | None]:
    return {event.tag: event.version for event in read_events(records)}


def test_the_version_of_an_assignment_is_the_one_registered_on_its_commit() -> None:
    assert versions_of(record("m@v1.0.0", "c1", 1), record("m#prod#1", "c1", 2))["m#prod#1"] == "v1.0.0"
    # registered only afterwards
    assert versions_of(record("m#prod#1", "c1", 1), record("m@v1.0.0", "c1", 2))["m#prod#1"] == "v1.0.0"
    # of another artifact, or on another commit
    assert versions_of(record("n@v1.0.0", "c1", 1), record("m@v1.0.0", "c2", 1), record("m#prod#1", "c1", 2))[
        "m#prod#1"
    ] == ("c1")
    # deregistered
    versions = versions_of(record("m@v1.0.0", "c1", 1), record("m@v1.0.0!", "c1", 2), record("m#prod#1", "c1", 3))
    assert versions["m#prod#1"] == "v1.0.0"


def test_of_two_versions_on_one_commit_the_active_one_counts() -> None:
    versions = versions_of(
        record("m@v1.0.0", "c1", 1),
        record("m#prod#1", "c1", 2),
        record("m@v2.0.0", "c1", 3),
        record("m#dev#2", "c1", 4),
        record("m@v2.0.0!", "c1", 5),
        record("m#qa#3", "c1", 6),
        record("m#prod!#4", "c1", 7),
        record("m#dev!#5", "c1", 8),
    )
    assert versions["m#prod#1"] == "v1.0.0"
    assert versions["m#dev#2"] == "v2.0.0"
    assert versions["m#qa#3"] == "v1.0.0"
    assert versions["m#prod!#4"] == "v1.0.0"  # the version that prod held there
    assert versions["m#dev!#5"] == "v2.0.0"


@given(st.lists(st.tuples(strategies.tag_names, st.sampled_from(["c1", "c2"]), st.integers(0, 5)), max_size=30))
def test_any_tags_in_any_order_give_the_same_events(tags: list[tuple[object, str, int]]) -> None:
    records = list({str(tag): record(str(tag), commit, time) for tag, commit, time in tags}.values())
    events = read_events(records)
    assert read_events(reversed(records)) == events
    assert [event.order for event in events] == sorted(event.order for event in events)
    for event in events:
        assert (event.version is None) == (event.kind.word == "deprecation")


def test_dates() -> None:
    assert moment(0, "+0000") == datetime(1970, 1, 1, tzinfo=timezone.utc)
    assert moment(1_700_000_000, "-0330").isoformat() == "2023-11-14T18:43:20-03:30"
    assert moment(0, "+9999").utcoffset() == timedelta(0)
    assert moment(0, "").utcoffset() == timedelta(0)
    assert moment(10**18, "+1400").year == 9999
    assert moment(-(10**18), "-1200").year in (0, 1)


def test_events_read_as_sentences() -> None:
    records = [record("m@v1.0.0", "c", 1), record("m#prod#1", "c", 2), record("m#prod!#2", "c", 3)]
    records += [record("m@v1.0.0!", "c", 4), record("m@deprecated", "c", 5)]
    assert [str(event) for event in read_events(records)] == [
        'Version "v1.0.0" of artifact "m" was registered',
        'Stage "prod" was assigned to version "v1.0.0" of artifact "m"',
        'Stage "prod" was unassigned from version "v1.0.0" of artifact "m"',
        'Version "v1.0.0" of artifact "m" was deregistered',
        'Artifact "m" was deprecated',
    ]


ZONES = st.one_of(
    st.sampled_from(["+0000", "-0000", "-0330", "+1400", "+9999", "+2360", "+2359", "-0001", "", "junk", "+01:0"]),
    st.from_regex(r"[-+][0-9]{4}", fullmatch=True),
)


@given(st.integers() | st.integers(-(10**11), 10**11), ZONES)
def test_a_moment_as_text_is_the_moment(time: int, zone: str) -> None:
    assert moment_text(time, zone) == str(moment(time, zone))
