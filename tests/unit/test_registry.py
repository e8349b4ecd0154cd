"""The registry's state and queries, on small histories written as ``TAG COMMIT`` lines."""

from __future__ import annotations

import random

import pytest

from gto_ci.core.events import CommitEvent, CommitRecord, TagRecord, read_events
from gto_ci.core.names import match_shortcut
from gto_ci.core.registry import Artifact, Registry, StageLimits, journal, not_found
from gto_ci.errors import ArtifactNotFound, WrongArguments


def registry(history: str) -> Registry:
    """Fold a history of one ``TAG COMMIT`` per line, a minute apart."""
    lines = [line.split() for line in history.split("\n") if line.strip()]
    records = [TagRecord(tag, True, commit, "commit", "Ada", "a@b", 60 * n) for n, (tag, commit) in enumerate(lines)]
    return Registry.fold(read_events(records))


HISTORY = """
    m@v1.0.0   c1
    m#prod#1   c1
    m@v1.1.0   c2
    m#dev#2    c2
    m#prod#3   c2
    m@v0.9.0   c3
    m#prod#4   c1
    m#dev!#5   c2
"""


def held(artifact: Artifact, **limits: object) -> dict[str, list[str]]:
    stages = artifact.in_stages(StageLimits(**limits))  # type: ignore[arg-type]
    return {stage: [assignment.version for assignment in assignments] for stage, assignments in stages.items()}


def names(artifact: Artifact, **options: bool) -> list[str]:
    return [version.version for version in artifact.versions(**options)]


def test_versions_and_greatest() -> None:
    artifact = registry(HISTORY).artifact("m")
    assert names(artifact) == ["v1.1.0", "v1.0.0", "v0.9.0"]
    greatest = artifact.greatest()
    assert greatest is not None
    assert (greatest.version, greatest.commit) == ("v1.1.0", "c2")
    assert artifact.greatest_counter == 5


def test_what_stages_hold() -> None:
    artifact = registry(HISTORY).artifact("m")
    assert held(artifact) == {"prod": ["v1.0.0"]}
    assert held(artifact, per_stage=-1) == {"prod": ["v1.0.0", "v1.1.0"]}
    assert held(artifact, sort="semver") == {"prod": ["v1.1.0"]}
    assert held(artifact, per_version=0) == {}


def test_per_version_keeps_the_last_stages() -> None:
    artifact = registry("m@v1.0.0 c1\nm#dev#1 c1\nm#staging#2 c1\nm#prod#3 c1").artifact("m")
    assert held(artifact, per_version=1) == {"prod": ["v1.0.0"]}
    assert held(artifact, per_version=2) == {"prod": ["v1.0.0"], "staging": ["v1.0.0"]}


@pytest.mark.parametrize("limits", [{"per_version": -2}, {"per_stage": -5}])
def test_limits_below_minus_one_are_refused(limits: dict[str, int]) -> None:
    with pytest.raises(WrongArguments, match="-1"):
        StageLimits(**limits)  # type: ignore[arg-type]


def test_an_unassigned_stage_falls_back_to_the_version_before() -> None:
    state = registry("m@v1.0.0 c1\nm#prod#1 c1\nm@v2.0.0 c2\nm#prod#2 c2\nm#prod!#3 c2")
    assert held(state.artifact("m")) == {"prod": ["v1.0.0"]}


def test_a_second_assignment_of_a_version_makes_it_the_last_again() -> None:
    state = registry("m@v1.0.0 c1\nm#prod#1 c1\nm@v2.0.0 c2\nm#prod#2 c2\nm#prod#3 c1")
    assert held(state.artifact("m"), per_stage=-1) == {"prod": ["v1.0.0", "v2.0.0"]}


def test_deregistered_versions_are_inactive_until_registered_again() -> None:
    gone = "m@v1.0.0 c1\nm@v2.0.0 c2\nm#prod#1 c2\nm@v2.0.0! c2"
    artifact = registry(gone).artifact("m")
    assert names(artifact) == ["v1.0.0"]
    assert names(artifact, active_only=False) == ["v2.0.0", "v1.0.0"]
    assert held(artifact) == {}
    assert names(registry(gone + "\nm@v2.0.0#2 c2").artifact("m")) == ["v2.0.0", "v1.0.0"]


def test_unregistered_commits_come_after_versions_and_are_one_version_each() -> None:
    artifact = registry("m#dev#1 c1\nm#prod#2 c1\nm#dev#3 c2\nm@v1.0.0 c3").artifact("m")
    assert names(artifact) == ["v1.0.0", "c2", "c1"]
    assert names(artifact, registered_only=True) == ["v1.0.0"]
    assert held(artifact) == {"dev": ["c2"], "prod": ["c1"]}
    assert held(artifact, registered_only=True) == {}


def test_of_equal_precedence_the_newest_is_the_greatest() -> None:
    artifact = registry("m@v1.0.0+b c1\nm@v1.0.0+a c2\nm@v1.0.0-rc.1 c3").artifact("m")
    assert names(artifact) == ["v1.0.0+a", "v1.0.0+b", "v1.0.0-rc.1"]
    greatest = artifact.greatest()
    assert greatest is not None
    assert greatest.version == "v1.0.0+a"


def test_the_newest_is_the_one_registered_last_not_the_commit_tagged_last() -> None:
    artifact = registry("m#dev#1 c1\nm@v1.0.0+b c2\nm@v1.0.0+a c1").artifact("m")
    greatest = artifact.greatest()
    assert greatest is not None
    assert (greatest.version, names(artifact)) == ("v1.0.0+a", ["v1.0.0+a", "v1.0.0+b"])


def test_one_version_on_two_commits_is_two() -> None:
    artifact = registry("m@v1.0.0 c1\nm@v1.0.0#2 c2").artifact("m")
    assert [(v.version, v.commit) for v in artifact.versions()] == [("v1.0.0", "c2"), ("v1.0.0", "c1")]


def test_deprecation_holds_until_the_next_event() -> None:
    assert not registry("m@v1.0.0 c1\nm@deprecated c1").artifact("m").active
    assert registry("m@v1.0.0 c1\nm@deprecated c1\nm#prod#2 c1").artifact("m").active


def test_stages_in_use_and_ever_used() -> None:
    state = registry("m@v1.0.0 c1\nm#dev#1 c1\nm#dev!#2 c1\nm#prod#3 c1\nn@v1.0.0 c1\nn#qa c1\nn@v1.0.0! c1")
    assert state.stages_in_use() == ["prod"]
    assert state.stages_ever_used() == ["dev", "prod", "qa"]


def test_history_is_newest_first_and_can_be_of_one_artifact() -> None:
    state = registry("m@v1.0.0 c1\nn@v1.0.0 c1\nm#prod#1 c1")
    assert [event.tag for event in state.history()] == ["m#prod#1", "n@v1.0.0", "m@v1.0.0"]
    assert [event.tag for event in state.history("m", ascending=True)] == ["m@v1.0.0", "m#prod#1"]
    assert state.history("x") == []


def previous(state: Registry, tag: str) -> tuple[str, str] | None:
    event = state.event_of(tag)
    assert event is not None
    return state.previous(event)


def test_previous_is_the_target_of_a_rollback() -> None:
    state = registry(HISTORY)
    assert previous(state, "m@v1.0.0") is None
    assert previous(state, "m#prod#1") is None
    assert previous(state, "m@v1.1.0") == ("v1.0.0", "c1")
    assert previous(state, "m#prod#3") == ("v1.0.0", "c1")
    assert previous(state, "m@v0.9.0") == ("v1.1.0", "c2")
    assert previous(state, "m#prod#4") == ("v1.1.0", "c2")
    assert previous(state, "m#dev!#5") == ("v1.1.0", "c2")


def test_previous_is_the_state_of_the_registry_before_the_event() -> None:
    """For every event of a long history, folding only the earlier events gives the same answer."""
    rng = random.Random(7)
    tags: list[str] = []
    for n in range(1, 120):
        commit = f"c{rng.randrange(12)}"
        kind = rng.choice(["@v{0}.0.0", "@v{0}.0.0!", "#prod", "#dev", "#prod!", "@deprecated"])
        tags.append(f"m{kind.format(commit[1:])}#{n} {commit}")
    whole = registry("\n".join(tags))
    for event in whole.events:
        past = Registry.fold(whole.events[: whole.events.index(event)]).artifacts.get("m", Artifact("m"))
        there = past.holder(event.stage) if event.stage else past.greatest()
        assert whole.previous(event) == ((there.version, there.commit) if there else None)


def test_is_latest_and_is_current() -> None:
    state = registry(HISTORY)

    def verdict(tag: str) -> tuple[bool, bool]:
        event = state.event_of(tag)
        assert event is not None
        return state.is_latest(event), state.is_current(event)

    assert verdict("m@v1.1.0") == (True, False)
    assert verdict("m#prod#3") == (True, False)  # superseded by prod#4
    assert verdict("m#prod#4") == (False, True)
    assert verdict("m#prod#1") == (False, True)  # the same version is back
    assert verdict("m#dev#2") == (True, False)  # unassigned since
    assert verdict("m@v0.9.0") == (False, False)


@pytest.mark.parametrize(
    ("shortcut", "found"),
    [
        ("m@latest", ["v1.1.0"]),
        ("m@greatest", ["v1.1.0"]),
        ("m@v1.0.0", ["v1.0.0"]),
        ("m@v7.0.0", []),
        ("m#prod", ["v1.0.0"]),
        ("m#dev", []),
    ],
)
def test_shortcuts(shortcut: str, found: list[str]) -> None:
    parsed = match_shortcut(shortcut)
    assert parsed is not None
    assert [version.version for version in registry(HISTORY).artifact("m").find(parsed)] == found


def commit(oid: str, minute: float, author: str = "Ada") -> CommitRecord:
    return CommitRecord(oid, author, "a@b", "Bob", "b@c", int(60 * minute), "+0100", "why\n")


def annotated(history: str, *notes: tuple[str, str]) -> Registry:
    """Fold a history together with annotated commits."""
    events = registry(history).events
    return Registry.fold(events, [CommitEvent(artifact, oid, commit(oid, 0.5)) for artifact, oid in notes])


def test_an_annotated_artifact_exists_but_is_not_registered() -> None:
    artifact = annotated("", ("m", "c1")).artifact("m")
    (version,) = artifact.versions()
    assert (version.version, version.commit, version.registered, version.active) == ("c1", "c1", False, True)
    assert (version.origin.ref, version.origin.author) == ("c1", "Ada")
    assert (artifact.registered, artifact.active, artifact.greatest(), artifact.in_stages()) == (False, True, None, {})
    assert artifact.versions(registered_only=True) == []
    assert artifact.greatest_counter == 0


def test_an_annotation_adds_a_version_only_at_untagged_commits() -> None:
    history = "m@v1.0.0 c1\nm@v2.0.0 c2\nm@v2.0.0! c2\nm#prod#1 c3"
    artifact = annotated(history, *(("m", f"c{number}") for number in range(1, 5))).artifact("m")
    assert names(artifact, active_only=False) == ["v2.0.0", "v1.0.0", "c4", "c3"]
    assert [version.origin.ref for version in artifact.versions()] == ["m@v1.0.0", "c4", "m#prod#1"]
    assert all(version.annotated for version in artifact.by_key.values())


def test_an_annotation_does_not_change_the_state_from_tags() -> None:
    plain, more = registry("m@v1.0.0 c1\nm@deprecated c1"), annotated("m@v1.0.0 c1\nm@deprecated c1", ("m", "c9"))
    assert not more.artifact("m").active
    assert more.artifact("m").registered
    assert (more.events, more.history(), more.columns(None)) == (plain.events, plain.history(), plain.columns(None))


def test_commits_are_part_of_the_journal() -> None:
    state = annotated("m@v1.0.0 c1\nn@v1.0.0 c1\nm@v2.0.0 c2", ("x", "c3"))
    # the commit of v1.0.0 has the date of its tag; the commit of v2.0.0 is missing
    commits = {"c1": commit("c1", 0), "c3": commit("c3", 0.5)}
    notes = [CommitEvent("x", "c3", commits["c3"])]
    found = journal(state.events, commits, notes, ascending=True)
    assert [(event.artifact, event.event, event.ref) for event in found] == [
        ("m", "commit", "c1"),
        ("n", "commit", "c1"),
        ("m", "registration", "m@v1.0.0"),
        ("x", "commit", "c3"),
        ("n", "registration", "n@v1.0.0"),
        ("m", "registration", "m@v2.0.0"),
    ]
    about_m = journal(state.history("m"), {"c1": commit("c1", 0)})
    assert [event.ref for event in about_m] == ["m@v2.0.0", "m@v1.0.0", "c1"]
    assert [event.version for event in about_m] == ["v2.0.0", "v1.0.0", "v1.0.0"]


def test_many_annotated_commits_take_linear_time() -> None:
    """The time is linear in the number of commits. Quadratic code would take minutes here."""
    notes = [("m", f"{number:040x}") for number in range(20_000)]
    assert len(annotated("m@v1.0.0 c1", *notes).artifact("m").by_key) == 20_001


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("chrun", "Did you mean 'churn'"),
        ("Churn", "Did you mean 'churn'"),
        ("models/nlp-segment", "Did you mean 'models/nlp:segment'?"),
        ("zzz", "Known artifacts: churn, churn-2, models/nlp:segment"),
        ("churn-3", "Did you mean 'churn-2' or 'churn'?"),
        ("", "Known artifacts: churn"),
    ],
)
def test_a_mistyped_artifact_is_suggested(name: str, meant: str) -> None:
    error = not_found(name, ["churn", "churn-2", "models/nlp:segment"])
    assert error.cause == f"Cannot find artifact '{name}'"
    assert error.next_step.startswith(meant)


def test_an_unknown_artifact_is_an_error_that_names_the_known() -> None:
    with pytest.raises(ArtifactNotFound, match=r"'x'.*Known artifacts: m"):
        registry(HISTORY).artifact("x")
    with pytest.raises(ArtifactNotFound, match="no registry tags yet"):
        registry("").artifact("x")
