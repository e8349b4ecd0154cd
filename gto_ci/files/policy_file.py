"""The policy in a ``.gto-policy.yaml``.

The file decides what may happen, so nothing in it is ignored. An unknown or repeated key, a wrong type or word, and a
rule that could never apply or never be met are errors, each with its line.

``schemas/gto-policy.schema.json`` describes the same file to editors. The schema accepts every valid policy, and some
invalid ones, such as a day that no calendar has.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone, tzinfo
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from gto_ci.core.errors import GtoError, WrongPolicy, quote
from gto_ci.core.names import Kind, check_stage
from gto_ci.core.policy import Policy, Requirement, Rule
from gto_ci.core.policy.durations import match_span
from gto_ci.core.policy.event_requirements import Annotated, Freeze, OnBranch, SignedBy, Taggers, Versions, WithoutGhost
from gto_ci.core.policy.freeze_windows import (
    DAYS,
    WHOLE_DAY,
    Period,
    Weekly,
    Window,
    match_clock,
    match_moments,
    match_offset,
)
from gto_ci.core.policy.history_requirements import After, Current, NotDeprecated, TwoPerson
from gto_ci.core.policy.version_ranges import read_range
from gto_ci.core.registry import similar
from gto_ci.files.yaml12 import Document, WrongYaml, line_of

if TYPE_CHECKING:
    import yaml

_KINDS = {kind.word: kind for kind in Kind if kind is not Kind.CREATION}
_STAGED = (Kind.ASSIGNMENT, Kind.UNASSIGNMENT)
_FIELDS = ("type", "path", "description", "labels", "custom")
# a glob with other characters matches no name (see the grammar in gto_ci.core.names)
_STAGE_GLOB = re.compile(r"[a-zA-Z0-9\-/_*?\[\]!]+")
_ARTIFACT_GLOB = re.compile(r"[a-zA-Z0-9\-/_.:*?\[\]!]+")
# A file with more than this is an attack: aliases multiply.
_MAX_BYTES, _MAX_VALUES, _MAX_TEXT = 1_000_000, 10_000, 500
_TEXT = ("tag:yaml.org,2002:str", "tag:yaml.org,2002:timestamp")  # a date is text, too
_BOOL, _LIST, _MAPPING = (f"tag:yaml.org,2002:{kind}" for kind in ("bool", "seq", "map"))


def read(data: bytes, path: str) -> Policy:
    """Return the policy in the content of the file at ``path``.

    Raises:
        WrongPolicy: it is not YAML, or not of this form; with the line, and what to do.
    """
    top = _PolicyDocument(data, path).root.fields(("timezone", "allowed-signers", "rules"), ("rules",))
    zone = _zone(top["timezone"]) if "timezone" in top else timezone.utc
    signers = _path_inside(top["allowed-signers"]) if "allowed-signers" in top else ""
    rules: dict[str, Rule] = {}
    for value in top["rules"].items(may_be_empty=True):
        rule = _rule(value, zone, signers=bool(signers))
        if rule.name in rules:
            reason = f"the rule in line {rules[rule.name].line} has the name {quote(rule.name)}, too"
            raise value.wrong(reason, "Give each rule its own name")
        rules[rule.name] = rule
    return Policy(tuple(rules.values()), signers, path)


# Rules


def _rule(value: _Value, zone: tzinfo, *, signers: bool) -> Rule:
    fields = value.fields(("name", "artifacts", "stages", "events", "require", "freeze"), ("name",))
    stages = _globs(fields["stages"], _STAGE_GLOB) if "stages" in fields else ()
    if "events" in fields:
        events = tuple(_KINDS[word.word(_KINDS)] for word in fields["events"].items())
    else:
        events = (Kind.ASSIGNMENT,) if stages else (Kind.REGISTRATION, Kind.ASSIGNMENT)
    required = fields["require"].fields((*_REQUIREMENTS, "two-person")) if "require" in fields else {}
    if "signed" in required and not signers:
        raise required["signed"].wrong(
            "'signed' needs 'allowed-signers' at the top of the file", "For example: allowed-signers: .github/signers"
        )
    _check_events(events, fields, required)
    requirements = _requirements(required, events)
    if "freeze" in fields:
        requirements.append(Freeze(tuple(_window(one, zone) for one in fields["freeze"].items())))
    if not requirements:
        raise value.wrong("a rule requires nothing", "Give it 'require' or 'freeze'")
    artifacts = _globs(fields["artifacts"], _ARTIFACT_GLOB) if "artifacts" in fields else ("*",)
    return Rule(fields["name"].text(), value.line, artifacts, stages, events, tuple(requirements))


def _check_events(events: Sequence[Kind], fields: Mapping[str, _Value], required: Mapping[str, _Value]) -> None:
    """Refuse a rule that could never apply, or never be met."""
    stageless = [kind.word for kind in events if kind not in _STAGED]
    if "stages" in fields and stageless:
        raise fields["events"].wrong(
            f"a {stageless[0]} has no stage, and this rule has 'stages'", "Make a rule without 'stages' for it"
        )
    for key in ("after", "versions", "deprecated", "two-person"):
        if key in required and Kind.DEPRECATION in events:
            raise required[key].wrong(
                f"{quote(key)} can never hold for a deprecation", "Make a rule without it for deprecations"
            )


def _requirements(required: Mapping[str, _Value], events: Sequence[Kind]) -> list[Requirement]:
    found: dict[str, Requirement] = {key: _REQUIREMENTS[key](required[key]) for key in required if key != "two-person"}
    if "two-person" not in required:
        return list(found.values())
    value, after = required["two-person"], found.get("after")
    stage = after.stage if isinstance(after, After) else ""
    if value.is_mapping:
        stage = _stage(value.fields(("stage",), ("stage",))["stage"])
    else:
        value.only(True)
    if not stage and any(kind is not Kind.ASSIGNMENT for kind in events):
        raise value.wrong(
            "'two-person' needs a stage, unless the rule is only about assignments",
            "For example: two-person: {stage: staging}",
        )
    return [
        TwoPerson(stage, "signed" in required) if key == "two-person" else found[key]  # in the order of the file
        for key in required
    ]


# Requirements


def _after(value: _Value) -> After:
    if not value.is_mapping:
        return After(_stage(value))
    fields = value.fields(("stage", "for"), ("stage",))
    stage = _stage(fields["stage"])
    if "for" not in fields:
        return After(stage)
    span = match_span(fields["for"].text())
    if span is None:
        raise fields["for"].wrong_text("a span of time", "For example: 90m, 24h, 7d or '1d 12h'")
    return After(stage, span)


def _versions(value: _Value) -> Versions:
    fields = value.fields(("range", "prerelease")) if value.is_mapping else {"range": value}
    found = None
    if "range" in fields:
        try:
            found = read_range(fields["range"].text())
        except GtoError as error:
            raise fields["range"].wrong(error.cause, error.next_step) from error
    return Versions(found, fields["prerelease"].flag() if "prerelease" in fields else True)


def _signed(value: _Value) -> SignedBy:
    if value.is_mapping:
        return SignedBy(_globs(value.fields(("by",), ("by",))["by"]))
    value.only(True)
    return SignedBy()


def _annotation(value: _Value) -> Annotated:
    return Annotated(tuple(_field(item) for item in value.items()))


def _field(value: _Value) -> str:
    name = value.text()
    if name.startswith("custom.") and all(name.split(".")):
        return name
    return value.word(_FIELDS, also="custom.KEY")


def _just(expected: bool, requirement: Requirement) -> Callable[[_Value], Requirement]:
    """Return the reader of a requirement that has one possible value."""

    def read_value(value: _Value) -> Requirement:
        value.only(expected)
        return requirement

    return read_value


_REQUIREMENTS: dict[str, Callable[[_Value], Requirement]] = {
    "after": _after,
    "versions": _versions,
    "taggers": lambda value: Taggers(_globs(value)),
    "signed": _signed,
    "branches": lambda value: OnBranch(_globs(value)),
    "annotation": _annotation,
    "deprecated": _just(False, NotDeprecated()),
    "current": _just(True, Current()),
    "ghost": _just(False, WithoutGhost()),
}


def _stage(value: _Value) -> str:
    try:
        return check_stage(value.text())
    except GtoError as error:
        raise value.wrong(error.cause, error.next_step) from error


def _globs(value: _Value, allowed: re.Pattern[str] | None = None) -> tuple[str, ...]:
    return tuple(_glob(item, allowed) for item in value.items())


def _glob(value: _Value, allowed: re.Pattern[str] | None) -> str:
    glob = value.text()
    if allowed and not allowed.fullmatch(glob):
        raise value.wrong(
            f"{quote(glob)} matches no name", "Names have letters, digits, '-', '_' and '/'; * matches anything"
        )
    try:
        fnmatchcase("", glob)
    except re.error as error:  # older versions of Python refuse [z-a]
        raise value.wrong(f"{quote(glob)} is not a glob ({error})", "Write * for anything") from error
    return glob


# Time


def _zone(value: _Value) -> tzinfo:
    name = value.text()
    offset = timezone.utc if name == "UTC" else match_offset(name)
    if offset is not None:
        return offset
    from zoneinfo import ZoneInfo, available_timezones  # late: most policies have no zone

    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError) as error:
        zones = available_timezones()
        if not zones:
            raise value.wrong(
                "this machine has no time zones", "Install tzdata, or write an offset, such as +01:00"
            ) from error
        meant = similar(name, sorted(zones))
        next_step = f"Did you mean {meant}?" if meant else "For example: Europe/Berlin, or +01:00"
        raise value.wrong(f"there is no time zone {quote(name)}", next_step) from error


def _window(value: _Value, zone: tzinfo) -> Window:
    fields = value.fields(("days", "from", "until", "reason"))
    reason = fields["reason"].text() if "reason" in fields else ""
    if "days" in fields:
        return _weekly(fields, zone, reason)
    if not ("from" in fields and "until" in fields):
        raise value.wrong(
            "a window needs 'days', or 'from' and 'until'",
            "For example: {days: [fri], from: '16:00'} or {from: 2026-12-20, until: 2027-01-03}",
        )
    start, end = (_moments(fields[key], zone, whole_day=key == "until") for key in ("from", "until"))
    if end[1] <= start[0]:
        raise value.wrong("the window ends before it begins", "Write the earlier time as 'from'")
    return Period(start[0], end[1], zone, reason)


def _weekly(fields: Mapping[str, _Value], zone: tzinfo, reason: str) -> Weekly:
    days = sorted({DAYS.index(day.word(DAYS)) for day in fields["days"].items()})
    start = _clock(fields["from"]) if "from" in fields else 0
    if start == WHOLE_DAY:
        raise fields["from"].wrong("a window cannot begin at 24:00", "Write 00:00 and the next day")
    return Weekly(tuple(days), start, _clock(fields["until"]) if "until" in fields else WHOLE_DAY, zone, reason)


def _clock(value: _Value) -> int:
    minutes = match_clock(value.text())
    if minutes is None:
        raise value.wrong_text("a time of day", "On 'days' it is HH:MM, from 00:00 to 24:00")
    return minutes


def _moments(value: _Value, zone: tzinfo, *, whole_day: bool) -> tuple[datetime, datetime]:
    found = match_moments(value.text(), zone, whole_day=whole_day)
    if found is None:
        raise value.wrong_text("a day, or a day and time", "For example: 2026-12-20, '2026-12-20 08:00' or with +01:00")
    return found


def _path_inside(value: _Value) -> str:
    path = value.text()
    if any(part in ("", ".", "..") for part in path.split("/")):
        raise value.wrong_text("a path in the repository", "For example: .github/allowed_signers")
    return path


# YAML


class _PolicyDocument:
    """The document of a policy: bounded in size, each error with its line and a next step."""

    def __init__(self, data: bytes, path: str) -> None:
        self.path = path
        self._left = _MAX_VALUES
        self._lines = len(data.splitlines()) or 1
        if len(data) > _MAX_BYTES:
            raise self.wrong(1, f"it is larger than {_MAX_BYTES} bytes", "Use fewer rules, with globs")
        try:
            root = Document(data).root
        except WrongYaml as error:
            raise self.wrong(error.line or 1, error.reason) from error
        if root is None:
            raise self.wrong(1, "it is empty", "For a policy without rules, write: rules: []")
        self.root = self.value(root, "the file")

    def wrong(self, line: int, reason: str, next_step: str = "") -> WrongPolicy:
        # if the end of the text is wrong, the parser names the line below the last one
        return WrongPolicy(self.path, min(line, self._lines), reason, next_step)

    def value(self, node: yaml.Node, name: str) -> _Value:
        self._left -= 1
        if self._left < 0:
            raise self.wrong(line_of(node), f"it has more than {_MAX_VALUES} values", "Use globs")
        return _Value(self, node, name)


@dataclass(frozen=True, slots=True)
class _Value:
    """A value with its key and typed access. A wrong type is an error with its line."""

    document: _PolicyDocument
    node: yaml.Node
    name: str

    @property
    def line(self) -> int:
        return line_of(self.node)

    @property
    def is_mapping(self) -> bool:
        return self.node.tag == _MAPPING

    def wrong(self, reason: str, next_step: str = "") -> WrongPolicy:
        return self.document.wrong(self.line, reason, next_step)

    def wrong_text(self, wanted: str, next_step: str) -> WrongPolicy:
        return self.wrong(f"{quote(self.name)} must be {wanted}, not {quote(self.node.value)}", next_step)

    def fields(self, known: Sequence[str], needed: Iterable[str] = ()) -> dict[str, _Value]:
        """Return the values of a mapping by key. The mapping is not empty and has all the ``needed`` keys."""
        if not self.is_mapping:
            raise self.wrong(f"{quote(self.name)} must hold keys and values", f"Known keys: {', '.join(known)}")
        found: dict[str, _Value] = {}
        for key_node, node in self.node.value:
            key = self.document.value(key_node, self.name)
            name = key.key(known)
            if name in found:
                raise key.wrong(f"{quote(name)} occurs twice, first in line {found[name].line}", "Remove one")
            found[name] = self.document.value(node, name)
        for name in needed:
            if name not in found:
                raise self.wrong(f"{quote(self.name)} lacks {quote(name)}", "Add it")
        if not found:
            raise self.wrong(f"{quote(self.name)} is empty", f"Known keys: {', '.join(known)}")
        return found

    def key(self, known: Sequence[str]) -> str:
        """Return this key, which must be one of the ``known`` keys."""
        if self.node.tag == "tag:yaml.org,2002:merge":
            raise self.wrong("merge keys (<<) are not supported", "Write the keys out")
        if not isinstance(self.node.value, str):
            raise self.wrong(f"a key in {quote(self.name)} is not plain text", f"Known keys: {', '.join(known)}")
        if self.node.value in known:
            return self.node.value
        raise self.wrong(f"unknown key {quote(self.node.value)} in {quote(self.name)}", _hint(self.node.value, known))

    def items(self, *, may_be_empty: bool = False) -> list[_Value]:
        """Return the items of a list."""
        if self.node.tag != _LIST:
            raise self.wrong(f"{quote(self.name)} must be a list", f"For example: {self.name}: […]")
        if not self.node.value and not may_be_empty:
            raise self.wrong(f"{quote(self.name)} is an empty list", "Remove it, or add an item")
        return [self.document.value(node, self.name) for node in self.node.value]

    def text(self) -> str:
        """Return a text, which is one line and not empty."""
        text = self.node.value
        if self.node.tag not in _TEXT or not isinstance(text, str):
            plain = f", not {quote(text)}" if isinstance(text, str) else ""
            raise self.wrong(f"{quote(self.name)} must be text{plain}", "Put it in quotes if it is text")
        if not text.strip() or not text.isprintable() or len(text) > _MAX_TEXT:
            rule = f"must be one line of at most {_MAX_TEXT} printable characters"
            raise self.wrong(f"{quote(self.name)} {rule}, not {quote(text)}", "Shorten it, or write it another way")
        return text

    def word(self, known: Iterable[str], also: str = "") -> str:
        """Return one of the ``known`` words."""
        text, words = self.text(), list(known)
        if text in words:
            return text
        raise self.wrong(f"unknown word {quote(text)} in {quote(self.name)}", _hint(text, words, also))

    def flag(self) -> bool:
        """Return true or false."""
        text = self.node.value
        if self.node.tag != _BOOL or not isinstance(text, str) or text.lower() not in ("true", "false"):
            raise self.wrong(f"{quote(self.name)} must be true or false", f"For example: {self.name}: false")
        return text.lower() == "true"

    def only(self, expected: bool) -> None:
        """Refuse every value except ``expected``."""
        if self.node.tag != _BOOL or self.flag() is not expected:
            word = str(expected).lower()
            raise self.wrong(f"{quote(self.name)} can only be {word}", f"Write '{self.name}: {word}', or leave it out")


def _hint(text: str, known: Sequence[str], also: str = "") -> str:
    meant = similar(text, known)
    return f"Did you mean {meant}?" if meant else f"Known: {', '.join([*known, *([also] if also else [])])}"
