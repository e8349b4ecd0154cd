"""The policy file: how it is read, its errors with line numbers, and its schema for editors."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from gto_ci.core.names import Kind
from gto_ci.core.policy import Policy, Requirement
from gto_ci.core.policy.event_requirements import Annotated, Freeze, OnBranch, SignedBy, Taggers, Versions, WithoutGhost
from gto_ci.core.policy.freeze_windows import Period, Weekly
from gto_ci.core.policy.history_requirements import After, Current, NotDeprecated, TwoPerson
from gto_ci.core.policy.version_ranges import read_range
from gto_ci.errors import WrongPolicy
from gto_ci.files.policy_file import read
from gto_ci.files.yaml12 import loader

BERLIN = ZoneInfo("Europe/Berlin")
SCHEMA = Path(__file__).parents[2] / "schemas" / "gto-policy.schema.json"
VALIDATOR = Draft7Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))


class JsonLoader(loader()):  # type: ignore[misc]  # known only at run time
    """Loads YAML as editors see it: JSON has no dates, so they are text."""


JsonLoader.add_constructor("tag:yaml.org,2002:timestamp", lambda _, node: node.value)


def instance(text: str) -> Any:
    return yaml.load(text, Loader=JsonLoader)


EVERYTHING = """\
timezone: Europe/Berlin
allowed-signers: .github/allowed_signers
rules:
  - name: production
    artifacts: ["models/*", 'data:*']
    stages: [prod, "prod-*"]
    events: [assignment]
    require:
      after: {stage: staging, for: 1d 12h}
      versions: {range: ">=1.0.0 <3.0.0 || 4.0.0", prerelease: false}
      taggers: ["*@example.com"]
      signed: {by: ["*@example.com"]}
      branches: [main, "release/*"]
      annotation: [type, path, description, labels, custom.owner]
      deprecated: false
      current: true
      ghost: false
      two-person: true
    freeze:
      - {from: 2026-12-20, until: "2027-01-03 08:00", reason: Year's end}
      - {from: 2026-06-01 08:00:00Z, until: 2026-06-01}
      - {days: [sun, sat, sun]}
      - {days: [fri], from: 16:00, until: 08:00}
  - name: everything else
    require: {current: true}
"""


def policy(text: str) -> Policy:
    return read(text.encode(), ".gto-policy.yaml")


def one_rule(body: str, top: str = "") -> str:
    lines = "\n".join(f"    {line}" for line in body.split("\n"))
    return f"{top}rules:\n  - name: a\n{lines}\n"


def requirement(body: str) -> Requirement:
    (rule,) = policy(one_rule(f"require:\n  {body}", "allowed-signers: s\n")).rules
    (only,) = rule.requirements
    return only


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(timezone.utc)


def test_a_policy_with_every_key() -> None:
    found = policy(EVERYTHING)
    assert (found.allowed_signers, found.source) == (".github/allowed_signers", ".gto-policy.yaml")
    production, others = found.rules
    assert (production.name, production.line) == ("production", 4)
    assert (production.artifacts, production.stages) == (("models/*", "data:*"), ("prod", "prod-*"))
    assert production.requirements == (
        After("staging", timedelta(hours=36)),
        Versions(read_range(">=1.0.0 <3.0.0 || 4.0.0"), prerelease=False),
        Taggers(("*@example.com",)),
        SignedBy(("*@example.com",)),
        OnBranch(("main", "release/*")),
        Annotated(("type", "path", "description", "labels", "custom.owner")),
        NotDeprecated(),
        Current(),
        WithoutGhost(),
        TwoPerson("staging", signed=True),
        Freeze(
            (
                Period(moment("2026-12-20T00:00+01:00"), moment("2027-01-03T08:00+01:00"), BERLIN, "Year's end"),
                Period(moment("2026-06-01T08:00+00:00"), moment("2026-06-02T00:00+02:00"), BERLIN),
                Weekly((5, 6), 0, 1440, BERLIN),
                Weekly((4,), 960, 480, BERLIN),
            )
        ),
    )
    assert (others.line, others.artifacts, others.stages) == (24, ("*",), ())
    assert others.events == (Kind.REGISTRATION, Kind.ASSIGNMENT)


def test_a_policy_without_rules() -> None:
    assert policy("rules: []") == Policy((), "", ".gto-policy.yaml")


def test_a_rule_with_stages_is_for_assignments() -> None:
    (rule,) = policy(one_rule("stages: [prod]\nrequire: {current: true}")).rules
    assert rule.events == (Kind.ASSIGNMENT,)
    (rule,) = policy(one_rule("stages: [prod]\nevents: [unassignment]\nrequire: {current: true}")).rules
    assert rule.events == (Kind.UNASSIGNMENT,)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("after: staging", After("staging")),
        ("after: {stage: staging}", After("staging")),
        ("versions: 1.0.0", Versions(read_range("1.0.0"))),
        ("versions: {range: <2.0.0}", Versions(read_range("<2.0.0"))),
        ("versions: {prerelease: false}", Versions(prerelease=False)),
        ("versions: {prerelease: TRUE}", Versions()),
        ("signed: true", SignedBy()),
        ("annotation: [custom]", Annotated(("custom",))),
        ("two-person: {stage: eu/qa}", TwoPerson("eu/qa")),
    ],
)
def test_short_and_long_forms(body: str, expected: Requirement) -> None:
    assert requirement(body) == expected


@pytest.mark.parametrize(
    ("require", "expected"),
    [
        ("{after: staging, two-person: true}", TwoPerson("staging")),
        ("{two-person: true, after: staging, signed: true}", TwoPerson("staging", signed=True)),
        ("{after: staging, two-person: {stage: qa}}", TwoPerson("qa")),
        ("{two-person: {stage: qa}, signed: {by: ['*']}}", TwoPerson("qa", signed=True)),
    ],
)
def test_two_person_takes_defaults_from_its_rule(require: str, expected: Requirement) -> None:
    (rule,) = policy(one_rule(f"require: {require}", "allowed-signers: s\n")).rules
    assert expected in rule.requirements


@pytest.mark.parametrize(
    ("name", "offset"), [("UTC", 0), ("Z", 0), ("+05:30", 330), ("-03:00", -180), ("Etc/GMT+5", -300)]
)
def test_time_zones(name: str, offset: int) -> None:
    (rule,) = policy(one_rule("freeze: [{days: [mon]}]", f"timezone: {name}\n")).rules
    (freeze,) = rule.requirements
    assert isinstance(freeze, Freeze)
    assert freeze.windows[0].zone.utcoffset(datetime(2026, 1, 1)) == timedelta(minutes=offset)  # noqa: DTZ001


def test_yaml_aliases() -> None:
    text = "rules:\n- {name: a, stages: &s [prod], require: &r {current: true}}\n- {name: b, stages: *s, require: *r}\n"
    first, second = policy(text).rules
    assert (first.stages, first.requirements) == (second.stages, second.requirements) == (("prod",), (Current(),))


# Errors. The schema reports them too, unless that takes a calendar or the rest of the file.

ONLY_HERE = False
RIGHT_RULE = "require: {current: true}"


@pytest.mark.parametrize(
    ("text", "line", "says", "next_step", "in_schema"),
    [
        # the file
        ("", 1, "it is empty", "rules: []", ONLY_HERE),
        ("# nothing\n", 1, "it is empty", "rules: []", ONLY_HERE),
        ("null", 1, "'the file' must hold keys and values", "rules", True),
        ("- a", 1, "'the file' must hold keys and values", "rules", True),
        ("timezone: UTC", 1, "'the file' lacks 'rules'", "", True),
        ("rules: []\nrule: []", 2, "unknown key 'rule' in 'the file'", "Did you mean 'rules'?", True),
        ("rules: []\nzzz: []", 2, "unknown key 'zzz'", "Known: timezone, allowed-signers, rules", True),
        ("rules: []\n\nrules: []", 3, "'rules' occurs twice, first in line 1", "Remove one", ONLY_HERE),
        ("rules: {}", 1, "'rules' must be a list", "", True),
        ("rules:", 1, "'rules' must be a list", "", True),
        ("rules: [a]", 1, "'rules' must hold keys and values", "", True),
        (
            "timezone: Europe/Berlim\nrules: []",
            1,
            "there is no time zone 'Europe/Berlim'",
            "'Europe/Berlin'",
            ONLY_HERE,
        ),
        ("timezone: ../etc/passwd\nrules: []", 1, "no time zone '../etc/passwd'", "", True),
        ("timezone: Europe\nrules: []", 1, "no time zone 'Europe'", "", ONLY_HERE),
        ("timezone: '+24:00'\nrules: []", 1, "no time zone '+24:00'", "", True),
        ("timezone: 2\nrules: []", 1, "'timezone' must be text, not '2'", "quotes", True),
        ("allowed-signers: /etc/x\nrules: []", 1, "must be a path in the repository, not '/etc/x'", "", True),
        ("allowed-signers: a/../../x\nrules: []", 1, "must be a path in the repository", "", True),
        ("allowed-signers: ./x\nrules: []", 1, "must be a path in the repository", "", True),
        ("allowed-signers: a/\nrules: []", 1, "must be a path in the repository", "", True),
        # a rule
        (f"rules:\n- {RIGHT_RULE}", 2, "'rules' lacks 'name'", "Add it", True),
        (f"rules:\n- name: ''\n  {RIGHT_RULE}", 2, "'name' must be one line", "", True),
        (f"rules:\n- name: ' '\n  {RIGHT_RULE}", 2, "'name' must be one line", "", True),
        (f'rules:\n- name: "a\\nb"\n  {RIGHT_RULE}', 2, "'name' must be one line", "", ONLY_HERE),
        (f"rules:\n- name: {'a' * 501}\n  {RIGHT_RULE}", 2, "at most 500", "Shorten", True),
        (f"rules:\n- name: true\n  {RIGHT_RULE}", 2, "'name' must be text, not 'true'", "quotes", True),
        (f"rules:\n- name:\n  {RIGHT_RULE}", 2, "'name' must be text", "", True),
        (
            f"rules:\n- name: a\n  {RIGHT_RULE}\n- name: a\n  {RIGHT_RULE}",
            4,
            "the rule in line 2 has the name 'a', too",
            "its own name",
            ONLY_HERE,
        ),
        ("rules:\n- name: a", 2, "a rule requires nothing", "'require' or 'freeze'", True),
        (one_rule("requires: {}"), 3, "unknown key 'requires'", "Did you mean 'require'?", True),
        (one_rule("require: {}"), 3, "'require' is empty", "Known keys: after", True),
        (one_rule("require: []"), 3, "'require' must hold keys and values", "", True),
        (one_rule("artifacts: m\n" + RIGHT_RULE), 3, "'artifacts' must be a list", "", True),
        (one_rule("artifacts: []\n" + RIGHT_RULE), 3, "'artifacts' is an empty list", "", True),
        (one_rule("artifacts:\n- m\n- 1\n" + RIGHT_RULE), 5, "'artifacts' must be text, not '1'", "quotes", True),
        (one_rule("artifacts: [[m]]\n" + RIGHT_RULE), 3, "'artifacts' must be text", "", True),
        (one_rule("artifacts: ['models\\*']\n" + RIGHT_RULE), 3, "'models\\*' matches no name", "", True),
        (one_rule("stages: ['a:b']\n" + RIGHT_RULE), 3, "'a:b' matches no name", "", True),
        (one_rule("events: [assign]\n" + RIGHT_RULE), 3, "unknown word 'assign' in 'events'", "'assignment'", True),
        (one_rule("events: [creation]\n" + RIGHT_RULE), 3, "unknown word 'creation'", "", True),
        (
            one_rule("stages: [prod]\nevents:\n- registration\n" + RIGHT_RULE),
            5,
            "a registration has no stage",
            "a rule without 'stages'",
            True,
        ),
        *(
            (
                one_rule(f"events: [deprecation, assignment]\nrequire:\n  {body}"),
                5,
                "can never hold for a deprecation",
                "a rule without it",
                True,
            )
            for body in ("after: a", "versions: 1.0.0", "deprecated: false", "two-person: true")
        ),
        # its requirements
        (one_rule("require:\n  current: true\n  after: a b"), 5, "Invalid stage 'a b'", "Use letters", True),
        (one_rule("require: {after: a//b}"), 3, "git refuses an empty part", "Choose another", ONLY_HERE),
        (one_rule("require: {after: {for: 24h}}"), 3, "'after' lacks 'stage'", "", True),
        (one_rule("require:\n  after:\n    stage: a\n    for: 24"), 6, "'for' must be text, not '24'", "quotes", True),
        (one_rule("require:\n  after:\n    stage: a\n    for: 1w"), 6, "must be a span of time, not '1w'", "7d", True),
        (one_rule("require: {after: {stage: a, for: 0h}}"), 3, "must be a span of time, not '0h'", "", True),
        (one_rule("require: {after: {stage: a, four: 1h}}"), 3, "unknown key 'four' in 'after'", "'for'", True),
        (one_rule("require: {after: [a]}"), 3, "'after' must be text", "", True),
        (one_rule("require: {versions: 1.0}"), 3, "'versions' must be text, not '1.0'", "quotes", True),
        (one_rule("require: {versions: '>=1.0'}"), 3, "Not a comparison with a version: '>=1.0'", "complete", True),
        (one_rule("require: {versions: {}}"), 3, "'versions' is empty", "range, prerelease", True),
        (one_rule("require: {versions: {prerelease: no}}"), 3, "must be true or false", "prerelease: false", True),
        (one_rule("require: {taggers: a@b}"), 3, "'taggers' must be a list", "", True),
        (one_rule("require: {taggers: ['']}"), 3, "'taggers' must be one line", "", True),
        (one_rule("require:\n  signed: true"), 4, "'signed' needs 'allowed-signers' at the top", "signers", True),
        (one_rule("require: {signed: yes}", "allowed-signers: s\n"), 4, "'signed' can only be true", "Write", True),
        (one_rule("require: {signed: false}", "allowed-signers: s\n"), 4, "'signed' can only be true", "leave", True),
        (one_rule("require: {signed: {}}", "allowed-signers: s\n"), 4, "'signed' lacks 'by'", "", True),
        (one_rule("require: {branches: []}"), 3, "'branches' is an empty list", "Remove it", True),
        (one_rule("require: {annotation: [labls]}"), 3, "unknown word 'labls'", "Did you mean 'labels'?", True),
        (one_rule("require: {annotation: [x]}"), 3, "unknown word 'x'", "labels, custom, custom.KEY", True),
        (one_rule("require: {annotation: [custom.]}"), 3, "unknown word 'custom.'", "", True),
        (one_rule("require: {deprecated: true}"), 3, "'deprecated' can only be false", "", True),
        (one_rule("require: {current: false}"), 3, "'current' can only be true", "", True),
        (one_rule("require: {current: [true]}"), 3, "'current' can only be true", "", True),
        (one_rule("require: {ghost: 'false'}"), 3, "'ghost' can only be false", "", True),
        (one_rule("require: {two-person: {}}"), 3, "'two-person' lacks 'stage'", "", True),
        (one_rule("require: {two-person: false}"), 3, "'two-person' can only be true", "", True),
        (one_rule("require: {two-person: true}"), 3, "'two-person' needs a stage", "{stage: staging}", True),
        (
            one_rule("stages: [a]\nevents: [unassignment]\nrequire: {two-person: true}"),
            5,
            "'two-person' needs a stage",
            "",
            True,
        ),
        # its windows
        (one_rule("freeze: {}"), 3, "'freeze' must be a list", "", True),
        (one_rule("freeze: [{}]"), 3, "'freeze' is empty", "days", True),
        (one_rule("freeze:\n- {reason: x}"), 4, "a window needs 'days', or 'from' and 'until'", "", True),
        (one_rule("freeze:\n- {from: 2026-12-20}"), 4, "a window needs 'days', or", "", True),
        (one_rule("freeze:\n- {days: [friday]}"), 4, "unknown word 'friday' in 'days'", "'fri'", True),
        (one_rule("freeze:\n- {days: []}"), 4, "'days' is an empty list", "", True),
        (
            one_rule("freeze:\n- days: [fri]\n  from: 2026-12-20"),
            5,
            "must be a time of day, not '2026-12-20'",
            "HH",
            True,
        ),
        (one_rule("freeze:\n- days: [fri]\n  from: 1600"), 5, "'from' must be text, not '1600'", "quotes", True),
        (one_rule("freeze:\n- {days: [fri], from: 24:00}"), 4, "a window cannot begin at 24:00", "", True),
        (one_rule("freeze:\n- {days: [fri], until: 24:01}"), 4, "must be a time of day", "", True),
        (one_rule("freeze:\n- {from: 16:00, until: 18:00}"), 4, "must be a day, or a day and time", "2026", True),
        (one_rule("freeze:\n- {from: 2026-02-28, until: 2026-02-30}"), 4, "not '2026-02-30'", "", ONLY_HERE),
        (one_rule("freeze:\n- {from: 2026-02-02, until: 2026-02-01}"), 4, "ends before it begins", "", ONLY_HERE),
        (one_rule("freeze:\n- {from: 2026-02-02, until: 2026-02-03, reason: 5}"), 4, "'reason' must be text", "", True),
        # YAML
        ("rules: [\n", 1, "it is not YAML", "", ONLY_HERE),
        ("rules: []\n---\nrules: []", 2, "single document", "", ONLY_HERE),
        ("rules: []\n? [a]\n: b", 2, "a key in 'the file' is not plain text", "", ONLY_HERE),
        ("a: &a {}\n<<: *a\nrules: []", 1, "unknown key 'a'", "", True),
        ("<<: {rules: []}", 1, "merge keys (<<) are not supported", "Write the keys out", ONLY_HERE),
        ("rules: *x", 1, "undefined alias", "", ONLY_HERE),
        ("rules: !!python/object:os.system []", 1, "'rules' must be a list", "", ONLY_HERE),
        ("rules: &x\n- *x", 1, "'rules' must hold keys and values", "", ONLY_HERE),
        (one_rule("require: {current: !!bool 'perhaps'}"), 3, "'current' must be true or false", "", ONLY_HERE),
    ],
)
def test_errors(text: str, line: int, says: str, next_step: str, in_schema: bool) -> None:
    with pytest.raises(WrongPolicy) as raised:
        policy(text)
    error = raised.value
    assert says in error.cause
    assert (error.path, error.line) == (".gto-policy.yaml", line)
    assert str(error).startswith(f"Wrong policy in '.gto-policy.yaml', line {line}: ")
    assert next_step in error.next_step
    assert str(error).isprintable()
    if in_schema:
        assert not VALIDATOR.is_valid(instance(text))


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"a: \x00", b"\n\nrules: \xc3\x28"])
def test_undecodable_bytes(data: bytes) -> None:
    with pytest.raises(WrongPolicy, match="it is not YAML") as raised:
        read(data, "p")
    assert raised.value.line == data.count(b"\n") + 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[" * 100_000, "it is not YAML"),
        ("{a: " * 50_000, "it is not YAML"),
        ("- " * 50_000, "it is not YAML"),
        ("#" * 1_000_001, "it is larger than 1000000 bytes"),
        ("rules: [" + "a, " * 20_000 + "]", "more than 10000 values"),
        (one_rule("artifacts: [" + "a, " * 20_000 + "]\n" + RIGHT_RULE), "more than 10000 values"),
        (
            "rules:\n- {name: a, artifacts: &a ["
            + "m, " * 500
            + "], require: {current: true}}\n"
            + "".join(f"- {{name: a{n}, artifacts: *a, require: {{current: true}}}}\n" for n in range(50)),
            "more than 10000 values",
        ),
        (one_rule("require: {versions: '" + "1.0.0 " * 20_000 + "'}"), "at most 500"),
    ],
)
def test_hostile_yaml_is_one_error(text: str, says: str) -> None:
    with pytest.raises(WrongPolicy, match=says) as raised:
        policy(text)
    assert raised.value.line >= 1
    assert len(str(raised.value)) < 700


@given(st.binary(max_size=60) | st.text("rules: -[]{}&*!<>?|'\"#\n0.", max_size=60).map(str.encode))
@example(b"rules:\n- &a {name: *a}")
def test_any_bytes_are_a_policy_or_one_error(data: bytes) -> None:
    try:
        found = read(data, "p")
    except WrongPolicy as error:
        assert 1 <= error.line <= max(1, len(data.splitlines()))
        assert str(error).isprintable()
    else:
        assert found.source == "p"


# The schema


def test_the_schema_is_valid() -> None:
    Draft7Validator.check_schema(VALIDATOR.schema)
    assert VALIDATOR.is_valid(instance(EVERYTHING))


PIECES = re.compile(r"[a-z-]+: |[^\s{}\[\],:]+|\s+|.")


@given(st.data())
def test_the_schema_accepts_what_the_reader_accepts(data: st.DataObject) -> None:
    """Yield small changes of a valid file. Some of them keep it valid."""
    pieces = PIECES.findall(EVERYTHING)
    for _ in range(data.draw(st.integers(1, 3), "changes")):
        start = data.draw(st.integers(0, len(pieces) - 1), "at")
        end = data.draw(st.integers(start, min(start + 3, len(pieces))), "to")
        pieces[start:end] = data.draw(st.lists(st.sampled_from(pieces), max_size=2), "instead")
    text = "".join(pieces)
    try:
        policy(text)
    except WrongPolicy:
        return
    VALIDATOR.validate(instance(text))


names = st.text("ab -\u00e9", min_size=1, max_size=8).filter(str.strip)
stages = st.sampled_from(["qa", "eu/prod", "a"])
globs = st.lists(st.sampled_from(["*", "m", "a/*", "x?", "[ab]*"]), min_size=1, max_size=3)
ranges = st.sampled_from(["1.0.0", ">= 1.0.0, <v2.0.0", "!=1.0.0-rc.1+b||2.0.0"])
spans = st.sampled_from(["1d", "2h", "3m", "1d 2h 3m", "1d2h"])
days = st.sampled_from(
    ["2026-01-02", "2026-01-02 10:00", "2026-01-02T24:00", "2026-01-02 10:00:00Z", "2026-01-02 10:00 -03:00"]
)
later_days = days.map(lambda text: text.replace("2026", "2027"))
clocks = st.sampled_from(["00:00", "09:30", "23:59"])


def some(**values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    by_key = {key.rstrip("_").replace("_", "-"): value for key, value in values.items()}
    return st.fixed_dictionaries({}, optional=by_key).filter(bool)


weekly = st.fixed_dictionaries(
    {"days": st.lists(st.sampled_from(["mon", "sun"]), min_size=1)},
    optional={"from": clocks, "until": clocks | st.just("24:00"), "reason": names},
)
periods = st.fixed_dictionaries({"from": days, "until": later_days}, optional={"reason": names})
requirements = some(
    after=stages | st.fixed_dictionaries({"stage": stages}, optional={"for": spans}),
    versions=ranges | some(range=ranges, prerelease=st.booleans()),
    taggers=globs,
    signed=st.just(True) | st.fixed_dictionaries({"by": globs}),
    branches=globs,
    annotation=st.lists(st.sampled_from(["type", "path", "custom", "custom.a.b"]), min_size=1),
    deprecated=st.just(False),
    current=st.just(True),
    ghost=st.just(False),
    two_person=st.just(True) | st.fixed_dictionaries({"stage": stages}),
)
words = [kind.word for kind in Kind if kind is not Kind.CREATION]
rules: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"name": names},
    optional={
        "artifacts": globs,
        "stages": globs,
        "events": st.lists(st.sampled_from(words), min_size=1, max_size=2),
        "require": requirements,
        "freeze": st.lists(weekly | periods, min_size=1, max_size=2),
    },
)
documents = st.fixed_dictionaries(
    {"rules": st.lists(rules, max_size=2, unique_by=lambda rule: rule["name"])},
    optional={"timezone": st.sampled_from(["Europe/Berlin", "+01:00", "UTC"]), "allowed-signers": st.just("a/b")},
)


@given(documents)
def test_schema_and_reader_agree(document: dict[str, Any]) -> None:
    """The schema and the reader refuse the same files among those with the right form."""
    text = json.dumps(document, ensure_ascii=False)
    try:
        found = policy(text)
    except WrongPolicy:
        assert not VALIDATOR.is_valid(document)
    else:
        VALIDATOR.validate(document)
        assert [rule.name for rule in found.rules] == [rule["name"] for rule in document["rules"]]
        for rule, written in zip(found.rules, document["rules"], strict=True):
            asked = [*written.get("require", {}), *(["freeze"] if "freeze" in written else [])]
            assert [one.check for one in rule.requirements] == asked
