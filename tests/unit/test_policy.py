"""Policies: which rules apply, how each requirement judges the evidence, and the notations that rules use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from semver import Version as SemVer

from gto_ci.core.events import Event, TagRecord, read_events
from gto_ci.core.names import Kind, match_tag
from gto_ci.core.policy import (
    Evidence,
    Finding,
    Needs,
    Policy,
    Requirement,
    Rule,
    Signed,
    Verdict,
    applying,
    approval_of,
    judge,
    needs,
)
from gto_ci.core.policy.approvals import approval_name
from gto_ci.core.policy.durations import match_span, show_span
from gto_ci.core.policy.event_requirements import Annotated, Freeze, OnBranch, SignedBy, Taggers, Versions, WithoutGhost
from gto_ci.core.policy.freeze_windows import WHOLE_DAY, Period, Weekly, Window, match_moments, moments, thaw
from gto_ci.core.policy.history_requirements import After, Current, NotDeprecated, TwoPerson
from gto_ci.core.policy.version_ranges import read_range
from gto_ci.core.registry import Registry
from gto_ci.errors import InvalidVersion
from gto_ci.hints import assign_command
from tests.strategies import artifacts, parts, tag_names, versions

START = datetime(2026, 11, 25, tzinfo=timezone.utc)  # a Wednesday
NOW = START + timedelta(hours=3, minutes=30)
BERLIN = ZoneInfo("Europe/Berlin")
C1, C2 = "1" * 40, "2" * 40

# TAG COMMIT TAGGER MINUTES-AFTER-START
STORY = f"""
    m@v1.2.0     {C1}  ada@example.com  0
    m#staging#1  {C1}  ada@example.com  10
    m#prod#2     {C1}  bob@example.com  100
"""


def record(line: str) -> TagRecord:
    tag, commit, email, minutes = line.split()
    time = int(START.timestamp()) + 60 * int(minutes)
    return TagRecord(tag, True, commit, "commit", email.partition("@")[0].title(), email, time)


def registry(story: str) -> Registry:
    return Registry.fold(read_events(record(line) for line in story.split("\n") if line.strip()))


def event_in(state: Registry, tag: str) -> Event:
    event = state.event_of(tag)
    assert event is not None
    return event


def rule(*requirements: Requirement, name: str = "production", **given: Any) -> Rule:
    fields: dict[str, Any] = {"artifacts": ("*",), "stages": (), "events": (Kind.ASSIGNMENT,), **given}
    return Rule(name, 1, requirements=requirements, **fields)


def found(
    requirement: Requirement,
    story: str = STORY,
    tag: str = "m#prod#2",
    *,
    now: datetime = NOW,
    proposed: bool = False,
    **evidence: Any,
) -> Finding:
    state = registry(story)
    given = Evidence(now, command=assign_command, **evidence)
    verdict = judge([rule(requirement)], event_in(state, tag), state, given, proposed=proposed)
    (finding,) = verdict.findings
    assert (finding.rule, finding.check) == ("production", requirement.check)
    assert verdict.passed is (finding.passed is True)
    assert verdict.failures == ((finding,) if finding.passed is False else ())
    assert (finding.remedy == "") or not finding.passed
    return finding


# Which rules apply


@pytest.mark.parametrize(
    ("given", "kind", "artifact", "stage", "applies"),
    [
        ({}, Kind.ASSIGNMENT, "m", "prod", True),
        ({}, Kind.REGISTRATION, "m", None, False),
        ({"events": (Kind.REGISTRATION, Kind.DEPRECATION)}, Kind.DEPRECATION, "m", None, True),
        ({"artifacts": ("models/*",)}, Kind.ASSIGNMENT, "models/a/b:c", "prod", True),
        ({"artifacts": ("models/*",)}, Kind.ASSIGNMENT, "other/models/x", "prod", False),
        ({"artifacts": ("a", "b?")}, Kind.ASSIGNMENT, "b1", "prod", True),
        ({"artifacts": ("M",)}, Kind.ASSIGNMENT, "m", "prod", False),
        ({"stages": ("prod", "prod-*")}, Kind.ASSIGNMENT, "m", "prod-eu", True),
        ({"stages": ("prod", "prod-*")}, Kind.ASSIGNMENT, "m", "preprod", False),
        ({"stages": ("*",), "events": (Kind.UNASSIGNMENT,)}, Kind.UNASSIGNMENT, "m", "prod", True),
        ({"stages": ("*",), "events": (Kind.REGISTRATION,)}, Kind.REGISTRATION, "m", None, False),
    ],
)
def test_which_rules_apply(given: dict[str, Any], kind: Kind, artifact: str, stage: str | None, applies: bool) -> None:
    one, always = rule(Current(), **given), rule(Current(), events=tuple(Kind))
    assert applying(Policy((always, one)), kind, artifact, stage) == ((always, one) if applies else (always,))


def test_needs_are_the_evidence_of_the_requirements() -> None:
    assert needs([]) == Needs(False, (), False, False)
    plain = rule(After("staging"), Versions(), Taggers(("*",)), NotDeprecated(), Current(), WithoutGhost())
    assert needs([plain]) == Needs()
    assert needs([plain, rule(OnBranch(("main", "r/*"))), rule(OnBranch(("r/*", "x")))]).branches == (
        "main",
        "r/*",
        "x",
    )
    assert needs([rule(Annotated(("type",)))]) == Needs(fields=True)
    assert needs([rule(SignedBy())]) == Needs(signatures=True)
    assert needs([rule(TwoPerson())]) == Needs(approvals=True)
    assert needs([rule(TwoPerson(signed=True))]) == Needs(signatures=True, approvals=True)


# Each requirement, met and not met

GOOD = {"m#prod#2": Signed("good", "bob@example.com")}
APPROVAL = record(f"m#prod+ok {C1} ada@example.com 120")
NOT_ANNOTATED = TagRecord("m#prod+ok", False, C1, "commit")
ASSIGN = "gto assign m --version v1.2.0"
APPROVE = (
    f"git tag -a -m 'Approve version v1.2.0 for prod' 'm#prod+v1.2.0' {C1} && git push origin 'refs/tags/m#prod+v1.2.0'"
)
V2 = f"m@v2.0.0-rc.1 {C2} eve@example.com 105"


@pytest.mark.parametrize(
    ("requirement", "more", "evidence", "says"),
    [
        (After("staging"), "", {}, "version v1.2.0 was in 'staging' for 3 h 20 min, since 2026-11-25 00:10:00+00:00"),
        (After("staging", timedelta(minutes=200)), "", {}, "for 3 h 20 min"),
        (
            After("staging", timedelta(minutes=5)),
            f"m#staging!#3 {C1} a@b 110",
            {},
            "for 1 h 40 min, until 2026-11-25 01:50",
        ),
        (Versions(), "", {}, "it is version v1.2.0"),
        (
            Versions(read_range(">=1.0.0 <3.0.0"), False),
            "",
            {},
            "v1.2.0 is within '>=1.0.0 <3.0.0', and not a pre-release",
        ),
        (Taggers(("ops@*", "*@EXAMPLE.com")), "", {}, "the tagger is 'bob@example.com'"),
        (SignedBy(), "", {"signatures": GOOD}, "tag 'm#prod#2' is signed by 'bob@example.com'"),
        (SignedBy(("BOB@*",)), "", {"signatures": GOOD}, "is signed by 'bob@example.com'"),
        (
            OnBranch(("main", "release/*")),
            "",
            {"branches": ["dev", "release/1/x"]},
            "commit 1111111 is on 'release/1/x'",
        ),
        (
            Annotated(("type", "labels")),
            "",
            {"fields": {"type": "model", "labels": ["a"]}},
            "annotated with 'type' and",
        ),
        (Annotated(("custom.a.b",)), "", {"fields": {"custom": {"a": {"b": False}}}}, "annotated with 'custom.a.b' at"),
        (NotDeprecated(), "", {}, "'m' is not deprecated"),
        (NotDeprecated(), f"m@deprecated {C1} a@b 5", {}, "'m' is not deprecated"),
        (Current(), "", {}, "stage 'prod' holds version v1.2.0, since 2026-11-25 01:40:00+00:00"),
        (Current(), f"m#prod#3 {C2} a@b 110\nm#prod!#4 {C2} a@b 111", {}, "stage 'prod' holds version v1.2.0"),
        (WithoutGhost(), "", {}, "no ghost was applied"),
        (TwoPerson("staging"), "", {}, "'ada@example.com' assigned it to 'staging', and 'bob@example.com' tagged it"),
        (TwoPerson(), "", {"approvals": [APPROVAL]}, "'ada@example.com' approved it with tag 'm#prod+ok', and 'bob"),
        (
            TwoPerson("staging", signed=True),
            "",
            {"signatures": {**GOOD, "m#staging#1": Signed("good", "root")}},
            "'root' assigned it to 'staging', and 'bob@example.com' tagged it",
        ),
        (Freeze((Weekly((4,), 0, WHOLE_DAY, BERLIN),)), "", {}, "no freeze is in effect"),
    ],
)
def test_a_requirement_is_met(requirement: Requirement, more: str, evidence: dict[str, Any], says: str) -> None:
    finding = found(requirement, f"{STORY}\n{more}", **evidence)
    assert finding.passed is True
    assert says in finding.evidence
    assert requirement.describe()


@pytest.mark.parametrize(
    ("requirement", "more", "evidence", "says", "remedy"),
    [
        (
            After("qa"),
            "",
            {},
            "version v1.2.0 was never assigned to 'qa'",
            f"assign it to 'qa' first: {ASSIGN} --stage qa --push, then assign it to 'prod' again: {ASSIGN} --sta",
        ),
        (
            After("qa"),
            f"m#qa#3 {C1} a@b 110",
            {},
            "was assigned to 'qa' only after this event, at 2026-11-25 01:50:00+00:00",
            "assign it to 'prod' again: gto assign m --version v1.2.0 --stage prod --force --push",
        ),
        (After("qa"), f"m#qa#3 {C2} a@b 20\nm@v1.2.0#4 {C2} a@b 21", {}, "v1.2.0 was never assigned", "gto assign"),
        (
            After("staging", timedelta(hours=24)),
            "",
            {},
            "was in 'staging' for 3 h 20 min, since 2026-11-25 00:10:00+00:00",
            "wait until 2026-11-26 00:10:00+00:00, then run the job again",
        ),
        (
            After("staging", timedelta(hours=24)),
            f"m#staging!#3 {C1} a@b 110",
            {},
            "for 1 h 40 min, until 2026-11-25 01:50:00+00:00",
            "assign it there again for 22 h 20 min more, then run the job again: gto assign m --version v1.2.0",
        ),
        (
            Versions(read_range(">=2.0.0 || =1.1.0")),
            "",
            {},
            "v1.2.0 is outside '>=2.0.0 || =1.1.0'",
            "use a version in",
        ),
        (
            Taggers(("ops@*",)),
            "",
            {},
            "the tagger is 'bob@example.com'",
            "ask a tagger who matches 'ops@*' to create the tag",
        ),
        (
            SignedBy(),
            "",
            {},
            "tag 'm#prod#2' has a signature that was not checked",
            "signed by an allowed signer (git tag -s)",
        ),
        (SignedBy(), "", {"signatures": {"m#prod#2": Signed("none")}}, "'m#prod#2' is not signed", "git tag -s"),
        (
            SignedBy(),
            "",
            {"signatures": {"m#prod#2": Signed("unknown", "bob@example.com", "no key\n")}},
            "has a signature that could not be checked: no key\\n",
            "git tag -s",
        ),
        (
            SignedBy(("ops@*",)),
            "",
            {"signatures": GOOD},
            "is signed by 'bob@example.com'",
            "signed by 'ops@*' (git tag -s)",
        ),
        (SignedBy(), "", {"signatures": {"m#prod#2": Signed("good", "")}}, "is signed by ''", "git tag -s"),
        (
            OnBranch(("main",)),
            "",
            {"branches": ["main/x", "dev"]},
            "not on 'main', only on 'main/x' and 'dev'",
            "merge the",
        ),
        (
            OnBranch(("main", "r/*")),
            "",
            {"branches": []},
            "commit 1111111 is not on 'main' or 'r/*'",
            "run the job again",
        ),
        (
            OnBranch(("main",)),
            "",
            {},
            "the branches that contain commit 1111111 are unknown",
            "merge the commit into 'main'",
        ),
        (
            Annotated(("type",)),
            "",
            {},
            "nothing annotates 'm' at commit 1111111",
            "annotate 'm' with 'type', commit the change",
        ),
        (
            Annotated(("type", "path", "labels", "custom.x", "custom.y.z")),
            "",
            {"fields": {"type": " ", "path": "p", "labels": [], "custom": {"x": None, "y": "z"}}},
            "lacks 'type', 'labels', 'custom.x' and 'custom.y.z'",
            "tag the new commit",
        ),
        (
            Annotated(("type",)),
            "",
            {"annotation_problem": "bad\nline", "fields": {"type": "x"}},
            "read: bad\\nline",
            "fix the file",
        ),
        (
            NotDeprecated(),
            f"m@deprecated {C1} eve@example.com 99",
            {},
            "'m' was deprecated at 2026-11-25 01:39:00+00:00, by 'eve@example.com'",
            "delete the tag 'm@deprecated'",
        ),
        (NotDeprecated(), f"m@deprecated {C1} eve@example.com 101", {}, "'m' was deprecated at", "delete the tag"),
        (
            Current(),
            f"{V2}\nm#prod#3 {C2} a@b 110",
            {},
            "stage 'prod' holds version v2.0.0-rc.1, since 2026-11-25 01:50:00+00:00",
            "keep the current state, or assign it again: gto assign m --version v1.2.0 --stage prod --force --push",
        ),
        (
            Current(),
            f"m#prod!#3 {C1} a@b 110",
            {},
            "tag 'm#prod!#3' reverted it, at 2026-11-25 01:50:00+00:00",
            "or assign it again: gto assign m --version v1.2.0 --stage prod --push",
        ),
        (Current(), f"m@v1.2.0! {C1} a@b 110", {}, "is empty, because version v1.2.0 is no longer registered", "again"),
        (
            WithoutGhost(),
            "",
            {"ghost": "abc\x1b"},
            "a ghost was applied in this job: 'abc\\x1b'",
            "run the job without it",
        ),
        (
            TwoPerson("qa"),
            "",
            {},
            "no one but 'bob@example.com' approved version v1.2.0",
            f"ask someone other than 'bob@example.com' to approve it, then run the job again: {APPROVE}",
        ),
        (TwoPerson("qa"), f"m#qa#3 {C1} bob@example.com 80\nm#qa!#4 {C1} ada@b 90", {}, "no one but", "git tag"),
        (TwoPerson("qa"), f"m#qa#3 {C1} ada@b 110", {}, "no one but", "git tag"),
        (TwoPerson(), "", {}, "no one but", "git tag -a"),
        (
            TwoPerson(),
            "",
            {"approvals": [record(f"m#prod+v1.2.0 {C1} BOB@example.com 120")]},
            "no one",
            "m#prod+v1.2.0-2",
        ),
        (TwoPerson(), "", {"approvals": [record(f"m#prod+ok {C2} ada@b 120")]}, "no one but", "git tag"),
        (TwoPerson(), "", {"approvals": [record(f"m#qa+ok {C1} ada@b 120")]}, "no one but", "git tag"),
        (TwoPerson(), "", {"approvals": [record(f"n#prod+ok {C1} ada@b 120")]}, "no one but", "git tag"),
        (TwoPerson(), "", {"approvals": [NOT_ANNOTATED]}, "no one but", "git tag"),
        (
            TwoPerson(),
            "",
            {"approvals": [APPROVAL._replace(author_email=" ")]},
            "(ignored: 1 without an email address)",
            "git tag",
        ),
        (
            TwoPerson(signed=True),
            "",
            {"approvals": [APPROVAL]},
            "has a signature that was not checked",
            "good signature",
        ),
        (
            TwoPerson("staging", signed=True),
            "",
            {"approvals": [APPROVAL], "signatures": {**GOOD, "m#prod+ok": Signed("untrusted", "ada")}},
            "no one but 'bob@example.com' approved version v1.2.0 (ignored: 2 without a good signature)",
            "git tag -s -m",
        ),
        (
            TwoPerson(signed=True),
            "",
            {"approvals": [APPROVAL], "signatures": {**GOOD, "m#prod+ok": Signed("good", "Bob@example.com")}},
            "no one but",
            "git tag -s",
        ),
        (
            Freeze((Weekly((2,), 0, WHOLE_DAY, BERLIN, "Rest\nday"),)),
            "",
            {},
            "2026-11-25 04:30:00+01:00 is in the freeze wed 00:00–24:00 ('Rest\\nday')",
            "wait until 2026-11-26 00:00:00+01:00, then run the job again",
        ),
    ],
)
def test_a_requirement_is_not_met(
    requirement: Requirement, more: str, evidence: dict[str, Any], says: str, remedy: str
) -> None:
    finding = found(requirement, f"{STORY}\n{more}", **evidence)
    assert finding.passed is False
    assert says in finding.evidence
    assert remedy in finding.remedy


def test_a_version_must_be_registered_and_a_release() -> None:
    story = f"m#dev#1 {C1} a@b 0\nm@v2.0.0-rc.1 {C2} a@b 1\nm#dev#2 {C2} a@b 2"
    unregistered = found(Versions(), story, "m#dev#1")
    assert (unregistered.passed, unregistered.evidence) == (False, "no version of 'm' is registered at commit 1111111")
    release = Versions(read_range("<2.0.0"), prerelease=False)
    refused = found(release, story, "m#dev#2")
    assert (refused.passed, refused.evidence, refused.remedy) == (
        False,
        "version v2.0.0-rc.1 is a pre-release",
        "use a release",
    )
    assert found(
        replace(release, prerelease=True), story, "m#dev#2"
    ).passed  # by precedence, 2.0.0-rc.1 comes before 2.0.0


def test_an_unregistered_commit_is_assigned_by_its_id() -> None:
    finding = found(After("qa"), f"m#prod#1 {C1} a@b 0", "m#prod#1")
    assert finding.evidence == "commit 1111111 was never assigned to 'qa'"
    assert f"gto assign m {C1} --stage qa --skip-registration --push" in finding.remedy
    approval = found(TwoPerson(), f"m#prod#1 {C1} a@b 0", "m#prod#1")
    assert f"git tag -a -m 'Approve commit 1111111 for prod' 'm#prod+1111111' {C1} &&" in approval.remedy


def test_evidence_names_the_commit_if_a_version_is_at_two() -> None:
    finding = found(Current(), f"{STORY}\nm@v1.2.0#3 {C2} a@b 110\nm#prod#4 {C2} a@b 111")
    assert finding.evidence == "stage 'prod' holds version v1.2.0, since 2026-11-25 01:51:00+00:00, at commit 2222222"


@pytest.mark.parametrize(
    ("tag", "undone"),
    [
        ("m@v1.2.0", f"m@v1.2.0! {C1} a@b 110"),
        ("m@v1.2.0!", f"m@v1.2.0#4 {C1} a@b 120"),
        ("m#prod!#3", f"m#prod#4 {C1} a@b 130"),
        ("m@deprecated", f"m@v1.3.0 {C2} a@b 140"),
    ],
)
def test_every_kind_is_current_until_it_is_undone(tag: str, undone: str) -> None:
    own = {"m@v1.2.0!": 110, "m#prod!#3": 120, "m@deprecated": 130}
    story = STORY + (f"\n{tag} {C1} a@b {own[tag]}" if tag in own else "")
    assert found(Current(), story, tag).passed
    finding = found(Current(), f"{story}\n{undone}", tag)
    assert (finding.passed, finding.evidence.split(" ")[1]) == (False, f"'{undone.split()[0]}'")
    assert finding.remedy == "keep the current state, or create a new tag for the state you want"


def test_unknown_event_is_not_current() -> None:
    event = event_in(registry(STORY), "m#prod#2")
    verdict = judge(
        [rule(Current(), After("staging"), NotDeprecated())], event, registry(""), Evidence(NOW, command=assign_command)
    )
    assert [finding.passed for finding in verdict.findings] == [False, False, True]
    assert verdict.findings[0].evidence == "the registry has no event for tag 'm#prod#2'"


def test_an_assignment_can_approve_a_registration() -> None:
    story = f"m#staging#1 {C1} ada@b 0\nm@v1.0.0 {C1} bob@b 10\nm@v2.0.0 {C2} bob@b 11\nm#staging#5 {C2} ada@b 12"
    assert found(TwoPerson("staging"), story, "m@v1.0.0").passed
    late = found(TwoPerson("staging"), story, "m@v2.0.0", approvals=[record(f"m#staging+x {C2} ada@b 9")])
    assert late.passed is False
    assert late.remedy == (
        "ask someone other than 'bob@b' to assign it to 'staging' first: "
        "gto assign m --version v2.0.0 --stage staging --force --push, then create the tag 'm@v2.0.0' again"
    )


def test_a_tag_without_an_e_mail_has_no_tagger() -> None:
    state = registry(STORY)
    event = event_in(state, "m#prod#2")._replace(author_email="")
    (finding,) = judge([rule(TwoPerson("staging"))], event, state, Evidence(NOW, command=assign_command)).findings
    assert (finding.passed, finding.evidence) == (False, "tag 'm#prod#2' has no email address")


def test_requirements_describe_themselves() -> None:
    assert After("qa").describe() == "was in stage 'qa' before"
    assert After("qa", timedelta(hours=24)).describe() == "was in stage 'qa' before, for at least 1 d"
    assert Versions(prerelease=False).describe() == "is for a release"
    assert Versions(read_range("1.0.0")).describe() == "is for a version in the range '1.0.0'"
    assert SignedBy().describe() == "is signed by an allowed signer"
    assert SignedBy(("a@*", "b@*")).describe() == "is signed by 'a@*' or 'b@*'"
    both = "is approved by a second person, through an earlier assignment to 'qa' or an approval tag"
    assert TwoPerson("qa").describe() == both
    assert TwoPerson("qa", signed=True).describe() == f"{both}, and both tags are signed"
    assert TwoPerson().describe() == "is approved by a second person, through an approval tag"


# Several rules, and proposed events


def test_rules_add_up() -> None:
    state = registry(STORY)
    event = event_in(state, "m#prod#2")
    rules = [
        rule(After("staging", timedelta(days=1)), Taggers(("bob@*",)), name="a"),
        rule(Current(), name="b"),
        rule(WithoutGhost(), name="c"),
    ]
    verdict = judge(rules, event, state, Evidence(NOW, ghost="abc"))
    assert [(one.rule, one.check, one.passed) for one in verdict.findings] == [
        ("a", "after", False),
        ("a", "taggers", True),
        ("b", "current", True),
        ("c", "ghost", False),
    ]
    assert not verdict.passed
    assert [one.check for one in verdict.failures] == ["after", "ghost"]
    assert judge(rules, event, state, Evidence(NOW + timedelta(days=1))).passed
    assert judge([], event, state, Evidence(NOW, command=assign_command)) == Verdict()
    assert Verdict().passed


PROPOSED = "checked when the tag is pushed"


@pytest.mark.parametrize(
    ("requirement", "passed"),
    [
        (Taggers(("bob@*",)), None),
        (SignedBy(), None),
        (TwoPerson("staging"), None),
        (Current(), None),
        (OnBranch(("main",)), None),  # the branches were not looked up
        (After("staging"), True),
        (After("qa"), None),
        (After("staging", timedelta(days=1)), None),
        (Versions(read_range("<1.0.0")), False),
        (Versions(), True),
        (Annotated(("type",)), False),
        (NotDeprecated(), True),
        (WithoutGhost(), True),
        (Freeze((Weekly(tuple(range(7)), 0, WHOLE_DAY, BERLIN),)), False),
    ],
)
def test_some_requirements_on_proposed_events_stay_open(requirement: Requirement, passed: bool | None) -> None:
    finding = found(requirement, proposed=True, signatures=GOOD)
    assert finding.passed is passed
    assert finding.evidence.endswith(PROPOSED) is (passed is None)


def test_a_proposed_event_comes_after_all_others() -> None:
    early = found(After("qa"), f"{STORY}\nm#qa#3 {C1} a@b 110", proposed=True)
    assert (early.passed, early.evidence) == (
        True,
        "version v1.2.0 was in 'qa' for 1 h 40 min, since 2026-11-25 01:50:00+00:00",
    )
    never = found(After("qa"), proposed=True)
    assert never.remedy == "assign it to 'qa' first: gto assign m --version v1.2.0 --stage qa --push"
    assert found(OnBranch(("main",)), proposed=True, branches=["dev"]).passed is False
    assert found(NotDeprecated(), f"{STORY}\nm@deprecated {C1} a@b 110", proposed=True).passed is False


# Time in a stage


@given(st.lists(st.tuples(st.integers(0, 30), st.booleans()), max_size=8), st.integers(0, 40))
def test_the_time_in_a_stage_is_the_sum_of_its_minutes(moves: list[tuple[int, bool]], now: int) -> None:
    story = [f"m@v1.0.0 {C1} a@b -2", f"m#staging#1 {C1} a@b -1"]
    changes = {-1: True}
    for number, (minute, enters) in enumerate(sorted(dict(moves).items()), 2):
        story.append(f"m#staging{'' if enters else '!'}#{number} {C1} a@b {minute}")
        changes[minute] = enters
    state = registry("\n".join([*story, f"m#prod#99 {C1} a@b 31"]))
    inside, spent = False, 0
    for minute in range(-1, now):
        inside = changes.get(minute, inside)
        spent += inside
    event, evidence = event_in(state, "m#prod#99"), Evidence(START + timedelta(minutes=now, microseconds=5))
    for at_least, enough in ((spent, True), (spent + 1, False)):
        verdict = judge([rule(After("staging", timedelta(minutes=at_least)))], event, state, evidence)
        assert verdict.passed is enough, verdict


@given(st.integers(1, 5000), st.integers(0, 5000))
def test_waiting_as_long_as_the_remedy_says_is_enough(at_least: int, waited: int) -> None:
    requirement = After("staging", timedelta(minutes=at_least))
    finding = found(requirement, now=NOW + timedelta(minutes=waited))
    if not finding.passed:
        until = datetime.fromisoformat(finding.remedy.removeprefix("wait until ").partition(",")[0])
        assert found(requirement, now=until).passed
        assert not found(requirement, now=until - timedelta(seconds=1)).passed


def test_a_date_in_the_future_counts_as_now() -> None:
    story = f"m@v1.0.0 {C1} a@b 0\nm#staging#1 {C1} a@b 900000\nm#prod#2 {C1} a@b 900001"
    assert found(After("staging"), story).passed
    finding = found(After("staging", timedelta(minutes=1)), story)
    assert (finding.passed, finding.evidence.split(",")[0]) == (
        False,
        "version v1.0.0 was in 'staging' for less than a minute",
    )


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("90m", timedelta(minutes=90)),
        ("24h", timedelta(hours=24)),
        ("7d", timedelta(days=7)),
        ("1d 12h", timedelta(hours=36)),
        ("1d12h5m", timedelta(hours=36, minutes=5)),
        ("0d 5m", timedelta(minutes=5)),
        *(
            (text, None)
            for text in ("", "24", "h", "1w", "1h 1d", "0m", "-1h", " 1h", "1h ", "1.5h", "1 h", "123456d", "1h\n")
        ),
    ],
)
def test_spans(text: str, span: timedelta | None) -> None:
    assert match_span(text) == span


@given(st.integers(1, 10**6))
def test_a_span_is_shown_whole(minutes: int) -> None:
    span = timedelta(minutes=minutes)
    assert match_span(show_span(span).replace(" min", "m").replace(" h", "h").replace(" d", "d")) == span


# Ranges


@given(versions, versions, st.sampled_from(["<", "<=", ">", ">=", "=", "!="]))
@example("v1.0.0+a", "v1.0.0+b", "=")
@example("v2.0.0-rc.1", "v2.0.0", "<")
def test_comparisons_are_those_of_semver(version: str, other: str, sign: str) -> None:
    expected = SemVer.parse(version[1:]).match(("==" if sign == "=" else sign) + other[1:])
    assert read_range(f"{sign}{other}").holds(version) is expected
    assert read_range(f"{sign} {other[1:]}").holds(version) is expected
    assert read_range(other).holds(version) is read_range(f"={other}").holds(version)


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        (">=1.0.0 <3.0.0 || 4.0.0", "v1.0.0 v2.9.9 v4.0.0 v3.0.0-rc.1", "v0.9.9 v3.0.0 v4.0.1"),
        (">=v1.0.0,<2.0.0", "v1.5.0", "v2.0.0"),
        (">= 1.0.0 , != 1.5.0", "v1.5.1", "v1.5.0 v1.5.0+build"),
        ("1.0.0||  2.0.0", "v1.0.0 v2.0.0", "v1.0.1"),
    ],
)
def test_ranges(text: str, inside: str, outside: str) -> None:
    assert all(read_range(text).holds(version) for version in inside.split())
    assert not any(read_range(text).holds(version) for version in outside.split())


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "an empty part"),
        ("1.0.0 ||", "an empty part"),
        ("1.0.0,,2.0.0", "an empty part"),
        (">=1.0", "'>=1.0'"),
        ("^1.0.0", "'^1.0.0'"),
        ("==1.0.0", "'==1.0.0'"),
        (">", "'>'"),
        ("1.0.0 | 2.0.0", "'|'"),
        (">=1.0.0\n", "'>=1.0.0\\n'"),
        ("01.0.0", "'01.0.0'"),
    ],
)
def test_a_range_error_names_the_wrong_part(text: str, part: str) -> None:
    with pytest.raises(InvalidVersion) as raised:
        read_range(text)
    assert part in raised.value.cause
    assert ">=1.0.0 <3.0.0" in raised.value.next_step


# Windows


def local(text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold)


@pytest.mark.parametrize(
    ("window", "moment", "closes"),
    [
        (Weekly((4,), 960, 1440, BERLIN), "2026-11-27 15:59", None),
        (Weekly((4,), 960, 1440, BERLIN), "2026-11-27 16:00", "2026-11-28 00:00"),
        (Weekly((4,), 960, 1440, BERLIN), "2026-11-28 00:00", None),
        (Weekly((4,), 960, 480, BERLIN), "2026-11-28 07:59", "2026-11-28 08:00"),
        (Weekly((4,), 960, 480, BERLIN), "2026-11-28 08:00", None),
        (Weekly((4,), 960, 480, BERLIN), "2026-11-28 16:00", None),
        (Weekly((4,), 960, 960, BERLIN), "2026-11-28 15:59", "2026-11-28 16:00"),
        (Weekly((6,), 0, 1440, BERLIN), "2026-10-25 12:00", "2026-10-26 00:00"),  # a day of 25 hours
    ],
)
def test_weekly_windows(window: Weekly, moment: str, closes: str | None) -> None:
    assert window.closes(local(moment)) == (local(closes) if closes else None)


@given(
    st.sets(st.integers(0, 6), min_size=1),
    st.integers(0, WHOLE_DAY - 1),
    st.integers(0, WHOLE_DAY),
    st.sampled_from([timezone.utc, BERLIN, ZoneInfo("Pacific/Kiritimati"), ZoneInfo("America/St_Johns")]),
    st.integers(0, 7 * WHOLE_DAY),
)
def test_weekly_windows_follow_wall_time(days: set[int], start: int, end: int, zone: ZoneInfo, minutes: int) -> None:
    window = Weekly(tuple(sorted(days)), start, end, zone)
    now = datetime(2026, 6, 1, tzinfo=timezone.utc) + timedelta(minutes=minutes)  # no clock changes in that week
    wall = now.astimezone(zone)
    clock, today = wall.hour * 60 + wall.minute, wall.weekday()
    if end > start:
        is_open = today in days and start <= clock < end
    else:
        is_open = (today in days and clock >= start) or ((today - 1) % 7 in days and clock < end)
    closes = window.closes(now)
    assert (closes is not None) is is_open
    if closes:
        shown = closes.astimezone(zone)
        assert closes > now
        assert (shown.hour * 60 + shown.minute) % WHOLE_DAY == end % WHOLE_DAY
        assert window.closes(closes - timedelta(seconds=1)) == closes


@pytest.mark.parametrize(
    ("day", "clock", "first", "last"),
    [
        (date(2026, 3, 29), 150, "00:30", "01:30"),  # 02:30 is skipped
        (date(2026, 10, 25), 150, "00:30", "01:30"),  # 02:30 comes twice
        (date(2026, 10, 25), 90, "23:30", "23:30"),
        (date(2026, 3, 29), 180, "01:00", "01:00"),
    ],
)
def test_a_clock_change_never_shortens_a_window(day: date, clock: int, first: str, last: str) -> None:
    opens, closes = moments(day, clock, BERLIN)
    assert (f"{opens:%H:%M}", f"{closes:%H:%M}") == (first, last)
    for now in (opens, closes - timedelta(seconds=1)):
        assert opens == closes or Weekly((day.weekday(),), clock, clock + 1, BERLIN).closes(now)


@given(
    st.dates(),
    st.integers(0, 2 * WHOLE_DAY),
    st.sampled_from([BERLIN, ZoneInfo("Africa/Monrovia"), timezone.max, timezone.min]),
)
def test_every_date_has_moments(day: date, minutes: int, zone: tzinfo) -> None:
    opens, closes = moments(day, minutes, zone)
    assert timedelta(0) <= closes - opens <= timedelta(days=1)
    window = Weekly((0,), 0, WHOLE_DAY, zone)
    assert thaw([window], closes) >= closes


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-12-20", "2026-12-20 00:00:00+01:00"),
        ("2026-12-20 08:00", "2026-12-20 08:00:00+01:00"),
        ("2026-12-20T24:00", "2026-12-21 00:00:00+01:00"),
        ("2026-06-20 08:00Z", "2026-06-20 10:00:00+02:00"),
        ("2026-12-20 08:00 +05:30", "2026-12-20 03:30:00+01:00"),
        ("2026-12-20 08:00-05:00", "2026-12-20 14:00:00+01:00"),
        *(
            (text, None)
            for text in ("2026-02-30", "2026-12-20 8:00", "20261220", "2026-12-20 24:01", "2026-12-20Z", "x", "")
        ),
    ],
)
def test_days_and_moments(text: str, moment: str | None) -> None:
    found = match_moments(text, BERLIN)
    assert (str(found[0].astimezone(BERLIN)) if found else None) == moment


def test_a_date_without_time_ends_at_midnight() -> None:
    assert match_moments("2026-12-20", BERLIN, whole_day=True) == match_moments("2026-12-21", BERLIN)


def period(start: str, end: str) -> Period:
    return Period(local(start).astimezone(timezone.utc), local(end).astimezone(timezone.utc), BERLIN, "Year's end")


def test_a_freeze_ends_with_the_last_of_adjoining_windows() -> None:
    weekend = Weekly((5, 6), 0, WHOLE_DAY, BERLIN)
    friday = Weekly((4,), 960, WHOLE_DAY, BERLIN)
    holidays = period("2026-12-20 00:00", "2027-01-03 08:00")  # until a Sunday
    windows: list[Window] = [holidays, friday, weekend]
    finding = found(Freeze(tuple(windows)), now=local("2026-12-18 17:00"))
    assert finding.evidence == "2026-12-18 17:00:00+01:00 is in the freeze fri 16:00–24:00"
    assert finding.remedy == "wait until 2027-01-04 00:00:00+01:00, then run the job again"
    inside = found(Freeze((holidays,)), now=local("2026-12-24 12:00"))
    assert inside.evidence == (
        "2026-12-24 12:00:00+01:00 is in the freeze from 2026-12-20 00:00:00+01:00 "
        'until 2027-01-03 08:00:00+01:00 ("Year\'s end")'.replace('"', "'")
    )
    assert not found(Freeze((holidays,)), now=local("2026-12-20 00:00")).passed
    assert found(Freeze((holidays,)), now=local("2027-01-03 08:00")).passed
    assert found(Freeze((holidays,)), now=local("2026-12-19 23:59")).passed


def test_windows_without_a_gap_are_followed_up_to_a_limit() -> None:
    always = Weekly(tuple(range(7)), 0, WHOLE_DAY, timezone.utc)
    assert thaw([always], NOW) == START + timedelta(days=60)


# Approvals


@given(artifacts, parts, st.text(st.characters(codec="ascii", exclude_categories=["C"]), min_size=1, max_size=10))
@example("m", "prod", "v1.0.0")
@example("m", "prod", "x@v1.0.0")
@example("a/b:m", "prod", "1#2!")
def test_no_approval_is_an_event(artifact: str, stage: str, word: str) -> None:
    name = approval_name(artifact, stage, word)
    assert approval_of(name) == (artifact, stage)
    assert match_tag(name) is None


@given(tag_names.map(str) | st.text("ab:=#@+!v1.0-/", max_size=14))
def test_no_event_is_an_approval(tag: str) -> None:
    approved = approval_of(tag)
    assert approved is None or match_tag(tag) is None


@pytest.mark.parametrize(
    "tag", ["m#prod", "m#prod+", "m+x", "m@v1.0.0+x", "m@v1.0.0#prod+x", "#prod+x", "a:m#prod+x", "m#a//b+x"]
)
def test_other_tags_are_not_approvals(tag: str) -> None:
    assert approval_of(tag) is None


def test_an_approval_gets_an_unused_name() -> None:
    taken = ["d=m#prod+v1", "d=m#prod+v1-2", "x"]
    assert approval_name("d:m", "prod", "v1", taken) == "d=m#prod+v1-3"
    assert approval_name("d:m", "prod", "v1") == "d=m#prod+v1"


# Untrusted text

ALL: Sequence[Requirement] = (
    After("staging", timedelta(days=9)),
    Versions(read_range("<1.0.0")),
    Taggers(("a@b",)),
    SignedBy(("a@b",)),
    OnBranch(("main",)),
    Annotated(("type", "custom.x")),
    NotDeprecated(),
    Current(),
    WithoutGhost(),
    TwoPerson("staging", signed=True),
    TwoPerson("staging"),
    Freeze((Weekly(tuple(range(7)), 0, 0, BERLIN),)),
)


@given(st.text(), st.text(), st.sampled_from(["good", "none", "bad", "strange"]), st.booleans())
@example("\n::error::", "\x1b[2J\u202e", "good", False)
def test_evidence_and_remedy_are_one_printable_line(text: str, other: str, status: str, proposed: bool) -> None:
    state = registry(f"{STORY}\nm@deprecated {C1} a@b 99\nm#prod!#3 {C1} a@b 140")
    event = event_in(state, "m#prod#2")._replace(author_email=text)
    signed = Signed(status, text, other)
    evidence = Evidence(
        NOW,
        fields={"type": text, "custom": {"x": other, text: other}},
        annotation_problem=other,
        branches=[text, other],
        signatures={"m#prod#2": signed, "m#prod+ok": Signed(status, other, text)},
        ghost=text,
        approvals=[APPROVAL._replace(author_email=other), APPROVAL._replace(name=f"m#prod+{text}")],
    )
    for finding in judge([rule(*ALL)], event, state, evidence, proposed=proposed).findings:
        assert finding.evidence.isprintable()
        assert finding.remedy.isprintable()
        assert bool(finding.remedy) or finding.passed is not False
