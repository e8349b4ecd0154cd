"""Requests: which tags they create or delete, and which requests are refused. No git."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gto_ci.core.events import TagRecord
from gto_ci.core.tag_plans import (
    Assign,
    Deprecate,
    Deregister,
    Register,
    Request,
    State,
    TagPlan,
    Unassign,
    check_version,
    plan,
)
from gto_ci.errors import (
    ArtifactNotFound,
    GtoError,
    TagExists,
    VersionAlreadyRegistered,
    VersionExistsForCommit,
    VersionRequired,
    WrongArguments,
)

A, B, C = "a" * 40, "b" * 40, "c" * 40


def state(*tags: str, lightweight: tuple[str, ...] = ()) -> State:
    """Return the state of tags given as ``NAME COMMIT`` in order of time, a minute apart."""
    records = []
    for number, tag in enumerate(tags):
        name, commit = tag.split()
        records.append(
            TagRecord(name, True, commit * 40, "commit", "Ada", "ada@example.com", 1_700_000_000 + number * 60)
        )
    records += [TagRecord(name, False, A, "commit") for name in lightweight]
    return State.read("m", records, known=("mm",))


def made(change: TagPlan) -> list[tuple[str, str, str]]:
    return [(str(tag.name), tag.commit[0], tag.message) for tag in change.create]


def names(change: TagPlan) -> list[str]:
    return [str(tag.name) for tag in change.create]


def deleted(change: TagPlan) -> list[str]:
    return [event.tag for event in change.delete]


@pytest.mark.parametrize(
    ("tags", "request_", "expected"),
    [
        ([], Register("m", A), "m@v0.0.1"),
        (["m@v0.0.1 a"], Register("m", B), "m@v0.0.2"),
        (["m@v0.0.1 a"], Register("m", B, bump="minor"), "m@v0.1.0"),
        (["m@v0.0.1 a"], Register("m", B, bump="major"), "m@v1.0.0"),
        (["m@v1.0.0-rc.1 a"], Register("m", B), "m@v1.0.1"),
        (["m@v1.0.0+a a"], Register("m", B), "m@v1.0.1"),
        (["m@v2.0.0 a"], Register("m", B, version="v1.0.0"), "m@v1.0.0"),
        (["m@v1.0.0 a", "m@v2.0.0 b", "m@v2.0.0! b"], Register("m", C), "m@v1.0.1"),
        # difference 11: a deregistered version is not created again
        (["m@v1.0.0 a", "m@v1.0.1 b", "m@v1.0.1! b"], Register("m", C), "m@v1.0.2"),
        (["m@v1.0.0 a", "m@v1.1.0 b", "m@v1.1.0! b"], Register("m", C, bump="minor"), "m@v1.2.0"),
        (["m@v1.0.0 a", "m@v1.0.0! a"], Register("m", A, simple=False), "m@v1.0.0#1"),
        (["m@v1.0.0 a", "m#prod#7 a"], Register("m", B, simple=False), "m@v1.0.1#8"),
    ],
)
def test_registering(tags: list[str], request_: Register, expected: str) -> None:
    assert names(plan(request_, state(*tags))) == [expected]


def test_messages_and_targets() -> None:
    registered = state("m@v1.0.0 a")
    assert made(plan(Register("m", B), registered)) == [("m@v1.0.1", "b", "Registering artifact m version v1.0.1")]
    assert made(plan(Assign("m", "prod", version="v1.0.0"), registered)) == [
        ("m#prod#1", "a", "Assigning stage prod to artifact m version v1.0.0")
    ]
    assert made(plan(Deregister("m", version="v1.0.0"), registered)) == [
        ("m@v1.0.0!", "a", "Deregistering artifact m version v1.0.0")
    ]
    assert made(plan(Deprecate("m"), registered)) == [("m@deprecated", "a", "Deprecating artifact 'm'")]
    held = state("m@v1.0.0 a", "m#prod#1 a")
    assert made(plan(Unassign("m", "prod", version="v1.0.0"), held)) == [
        ("m#prod!#2", "a", "Unassigning stage 'prod' to artifact 'm' version 'v1.0.0'")
    ]
    assert made(plan(Register("m", B, message="# mine\n\n\nindeed"), registered))[0][2] == "# mine\n\n\nindeed"


@pytest.mark.parametrize(
    ("tags", "request_", "expected"),
    [
        (["m@v1.0.0 a"], Assign("m", "prod", commit=A), ["m#prod#1"]),
        (["m@v1.0.0 a"], Assign("m", "prod", commit=A, simple=True), ["m#prod"]),
        ([], Assign("m", "prod", commit=A), ["m@v0.0.1", "m#prod#1"]),
        (["m@v1.0.0 a"], Assign("m", "prod", commit=B, name_version="v3.0.0"), ["m@v3.0.0", "m#prod#1"]),
        ([], Assign("m", "prod", commit=A, skip_registration=True), ["m#prod#1"]),
        (["m#dev#1 a"], Assign("m", "prod", commit=A), ["m@v0.0.1", "m#prod#2"]),
        (["m@v1.0.0 a", "m@v1.0.0! a"], Assign("m", "prod", version="v1.0.0"), ["m#prod#1"]),
        (["m@v1.0.0 a", "m#prod#1 a"], Assign("m", "prod", version="v1.0.0", force=True), ["m#prod#2"]),
        (["m@v1.0.0 a", "m#prod#1 a", "m#prod!#2 a"], Assign("m", "prod", version="v1.0.0"), ["m#prod#3"]),
        (["m@v1.0.0 a", "m@deprecated#9 a"], Assign("m", "prod", version="v1.0.0"), ["m#prod#10"]),
    ],
)
def test_assigning(tags: list[str], request_: Assign, expected: list[str]) -> None:
    assert names(plan(request_, state(*tags))) == expected


def test_counters_and_names_of_lightweight_tags_count() -> None:
    light = state("m@v1.0.0 a", lightweight=("m#prod#4", "m@v1.0.1"))
    assert names(plan(Assign("m", "dev", version="v1.0.0"), light)) == ["m#dev#5"]
    with pytest.raises(TagExists, match=r"'m@v1\.0\.1' already exists: it records no event"):
        plan(Register("m", B), light)


@pytest.mark.parametrize(
    ("tags", "request_", "expected"),
    [
        (["m@v1.0.0 a", "m#prod#1 a", "m#prod!#2 a", "m#dev#3 a"], Unassign("m", "prod", version="v1.0.0", delete=True),
         ["m#prod#1", "m#prod!#2"]),
        (["m@v1.0.0 a", "m@v2.0.0 b", "m#prod#1 a"], Deregister("m", version="v1.0.0", delete=True),
         ["m@v1.0.0", "m#prod#1"]),
        (["m@v1.0.0 a", "m#prod#1 a", "m@deprecated a"], Deprecate("m", delete=True, force=True),
         ["m@v1.0.0", "m#prod#1", "m@deprecated"]),
        (["m@v1.0.0 a", "m@v1.0.0! a"], Deregister("m", version="v1.0.0", delete=True, force=True),
         ["m@v1.0.0", "m@v1.0.0!"]),
    ],
)  # fmt: skip
def test_deleting(tags: list[str], request_: Request, expected: list[str]) -> None:
    change = plan(request_, state(*tags))
    assert (deleted(change), names(change)) == (expected, [])


@pytest.mark.parametrize(
    ("tags", "request_", "expected"),
    [
        (["m@v1.0.0 a", "m@v2.0.0 b"], Deprecate("m"), ("m@deprecated", "b")),
        (["m@v1.0.0 a"], Deprecate("m", commit=C), ("m@deprecated", "c")),
        (["m@v1.0.0 a"], Deprecate("m", simple=False), ("m@deprecated#1", "a")),
        (["m@v1.0.0 a", "m@deprecated a"], Deprecate("m", force=True), ("m@deprecated#1", "a")),
        ([], Deprecate("m", head=C, force=True), ("m@deprecated#1", "c")),
        ([], Deprecate("m", head=C, annotated=True), ("m@deprecated", "c")),
    ],
)
def test_deprecating(tags: list[str], request_: Deprecate, expected: tuple[str, str]) -> None:
    (tag,) = plan(request_, state(*tags)).create
    assert (str(tag.name), tag.commit[0]) == expected


@pytest.mark.parametrize(
    ("tags", "request_", "error", "words"),
    [
        (["m@v1.0.0 a"], Register("m", A), VersionExistsForCommit, "already registered in this commit"),
        (["m@v1.0.0 a"], Register("m", B, version="v1.0.0"), VersionAlreadyRegistered,
         "by Ada <ada@example.com> on 2023-11-14 22:13:20\\+00:00 at commit aaaaaaa"),
        (["m@v1.0.0 a", "m@v1.0.0! a"], Register("m", B, version="v1.0.0"), VersionAlreadyRegistered, "already was"),
        (["m@v1.0.0 a", "m@v1.0.0! a"], Register("m", A, version="v2.0.0"), WrongArguments, "only register v1.0.0"),
        (["m@v1.0.0 a", "m@v1.0.0! a"], Register("m", A), TagExists, "already exists: by Ada"),
        ([], Register("m", A, bump="minor"), WrongArguments, "Can't apply bump"),
        (["m@v1.0.0 a", "m#prod#1 a"], Assign("m", "prod", version="v1.0.0"), WrongArguments, "already in stage"),
        (["m#prod#1 a"], Assign("m", "prod", commit=A), WrongArguments, "already in stage"),
        (["m@v1.0.0 a"], Assign("m", "prod", version="v2.0.0"), WrongArguments,
         "not registered. Registered versions: v1.0.0"),
        (["m@v1.0.0 a"], Assign("m", "prod", commit=A, name_version="v2.0.0"), WrongArguments, "is registered already"),
        (["m@v1.0.0 a", "m#prod a"], Assign("m", "prod", version="v1.0.0", simple=True, force=True), TagExists,
         "m#prod"),
        ([], Unassign("m", "prod", version="v1.0.0"), ArtifactNotFound, "Cannot find artifact 'm'"),
        (["m@v1.0.0 a"], Unassign("m", "prod", version="v1.0.0"), WrongArguments, "It is in no stage"),
        (["m@v1.0.0 a", "m#prod#1 a", "m#prod!#2 a"], Unassign("m", "prod", version="v1.0.0"), WrongArguments,
         "not ass"),
        (["m@v1.0.0 a"], Unassign("m", "prod", version="v2.0.0"), VersionRequired, "Registered versions: v1.0.0"),
        ([], Deregister("m", version="v1.0.0"), ArtifactNotFound, "Cannot find"),
        (["m#prod#1 a"], Deregister("m", commit=A), WrongArguments, "no git tags"),
        (["m@v1.0.0! a"], Deregister("m", version="v1.0.0"), WrongArguments, "is not registered"),
        (["m@v1.0.0 a", "m@v1.0.0! a"], Deregister("m", version="v1.0.0"), WrongArguments,
         "deregistered already. Ada deregistered it"),
        (["m@v1.0.0 a"], Deregister("m", version="v2.0.0", force=True), WrongArguments, "no git tags"),
        (["m@v1.0.0 a", "m@v1.0.0#2 b"], Deregister("m", version="v1.0.0"), WrongArguments, "at several commits"),
        ([], Deprecate("m", head=A), ArtifactNotFound, "Cannot find"),
        (["m@v1.0.0 a", "m@deprecated a"], Deprecate("m"), WrongArguments, "deprecated already"),
        (["m@v1.0.0 a", f"m#prod#{10**18 - 1} a"], Assign("m", "dev", version="v1.0.0"), WrongArguments,
         "The counter 999999999999999999 is the greatest possible"),
        (["m@v1.0.0 a"], Deprecate("m", force=True, simple=True), WrongArguments, "Can't use 'force'"),
        ([], Deprecate("m", force=True), WrongArguments, "no commit"),
    ],
)  # fmt: skip
def test_refusals(tags: list[str], request_: Request, error: type[GtoError], words: str) -> None:
    with pytest.raises(error, match=words):
        plan(request_, state(*tags))


def test_a_reserved_counter_is_not_reused() -> None:
    held = state("m@v1.0.0 a", "m#prod#3 a")
    made = [
        str(plan(Assign("m", "dev", version="v1.0.0"), replace(held, given=given)).create[0].name)
        for given in (0, 2, 9)
    ]
    assert made == ["m#dev#4", "m#dev#4", "m#dev#10"]


def test_earliest_date_keeps_the_order() -> None:
    held = state("m@v1.0.0 a", "m#prod#1 a")
    second = 1_700_000_060
    assert plan(Assign("m", "dev", version="v1.0.0"), held).earliest == second  # the counter orders them
    assert (
        plan(Deprecate("m"), held).earliest == second + 1
    )  # a deprecation comes first among events in the same second
    assert plan(Register("m", B), state()).earliest == 0


def test_versions_are_checked() -> None:
    assert check_version("v1.0.0-rc.1+b") == "v1.0.0-rc.1+b"
    with pytest.raises(WrongArguments, match=r"'1\.0\.0' is not valid"):
        check_version("1.0.0")
