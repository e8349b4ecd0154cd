"""The grammar of tags, artifact names and shortcuts.

==========================  ======================================
tag                         what it says
==========================  ======================================
``NAME@vX.Y.Z``             registration
``NAME@vX.Y.Z!``            deregistration
``NAME#STAGE``              assignment
``NAME#STAGE!``             unassignment
``NAME@deprecated``         deprecation
``NAME@created``            creation: it parses and means nothing
==========================  ======================================

``#N``, a positive counter, may follow any of them. The grammar is GTO's, narrowed to what
``git check-ref-format`` accepts, so that a name which passes here can always become a tag.
"""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

from gto_ci.core.errors import InvalidName, InvalidTag, quote
from gto_ci.core.versions import SEMVER


class Kind(Enum):
    """What kind of event a tag records.

    ``priority`` orders events of one second (the numbers are GTO's, and appear in its JSON);
    ``action`` is the word that ``parse-tag`` prints.
    """

    def __init__(self, word: str, action: str, priority: int, addition: bool, verb: str) -> None:
        self.word = word
        self.action = action
        self.priority = priority
        self.addition = addition
        self.verb = verb

    CREATION = ("creation", "create", 1, True, "created")
    DEPRECATION = ("deprecation", "deprecate", 2, False, "deprecated")
    REGISTRATION = ("registration", "register", 3, True, "registered")
    DEREGISTRATION = ("deregistration", "deregister", 4, False, "deregistered")
    ASSIGNMENT = ("assignment", "assign", 5, True, "assigned to")
    UNASSIGNMENT = ("unassignment", "unassign", 6, False, "unassigned from")


# In a loop over many tags, Enum's own look-up is what shows; these are looked up once.
CREATION, DEPRECATION, REGISTRATION, DEREGISTRATION, ASSIGNMENT, UNASSIGNMENT = Kind

PART = r"[a-zA-Z0-9](?:[a-zA-Z0-9\-/_]*[a-zA-Z0-9])?"
_DIR = r"[a-zA-Z0-9\-_./]+"

# compiled when first asked for: to compile one costs more than to match it a thousand times
_ARTIFACT = rf"(?:{_DIR}:)?{PART}"
_ARTIFACT_IN_TAG = rf"{PART}|{_DIR}={PART}"
_EVENT = (
    rf"@(?P<version>v{SEMVER})(?P<deregistered>!)?"
    rf"|\#(?P<stage>{PART})(?P<unassigned>!)?"
    r"|@(?P<word>deprecated|created)"
)
_COUNTER = r"[1-9][0-9]{0,17}"  # bounded: no honest counter is longer
_SHORTCUT = rf"(?P<artifact>{_ARTIFACT})(?:\#(?P<stage>{PART})|@(?P<version>latest|greatest|v{SEMVER}))"

_NAME_RULE = "Letters, digits, '-', '_' and '/', with a letter or digit at both ends; one character is enough"
TAG_RULE = "Formats: NAME@vX.Y.Z, NAME@vX.Y.Z!, NAME#STAGE, NAME#STAGE!, NAME@deprecated, each with an optional #N"


class TagName(NamedTuple):
    """A tag name in registry format, taken apart. ``str()`` puts it together again.

    ``parse_tag(str(tag)) == tag`` for every valid ``tag``, and ``str(parse_tag(text)) == text``
    for every ``text`` that parses.
    """

    kind: Kind
    artifact: str
    version: str | None = None
    stage: str | None = None
    counter: int | None = None

    def __str__(self) -> str:
        name = self.artifact.replace(":", "=")
        match self.kind:
            case Kind.REGISTRATION:
                body = f"{name}@{self.version}"
            case Kind.DEREGISTRATION:
                body = f"{name}@{self.version}!"
            case Kind.ASSIGNMENT:
                body = f"{name}#{self.stage}"
            case Kind.UNASSIGNMENT:
                body = f"{name}#{self.stage}!"
            case Kind.DEPRECATION:
                body = f"{name}@deprecated"
            case Kind.CREATION:
                body = f"{name}@created"
        return body if self.counter is None else f"{body}#{self.counter}"


class Shortcut(NamedTuple):
    """A way to name one version: ``NAME@latest``, ``NAME@greatest``, ``NAME@vX.Y.Z``, ``NAME#STAGE``.

    Exactly one of ``stage``, ``version`` and ``latest`` is set.
    """

    artifact: str
    stage: str | None = None
    version: str | None = None
    latest: bool = False


def match_tag(text: str) -> TagName | None:
    """Return the parts of ``text``, or None where it is not in registry format (most tags are not)."""
    tag = _taken_apart(text)
    # without one of these, what passed the grammar breaks no rule of git's
    if tag and ("=" in text or "//" in text or ".lock" in text) and refused_by_git(text):
        return None
    return tag


def _taken_apart(text: str) -> TagName | None:
    """The parts of ``text``, though git may refuse it. In a registry each of them recurs in many tags."""
    artifact, separator, rest = text.partition("@")
    if "#" in artifact:
        artifact, separator, rest = text.partition("#")
    event, mark, counter = rest.partition("#")
    said = _event_in_tag(separator + event)
    name = _artifact_in_tag(artifact)
    if not said or not name or (mark and not re.fullmatch(_COUNTER, counter)):
        return None
    kind, version, stage = said
    return TagName(kind, name, version, stage, int(counter) if mark else None)


@lru_cache(maxsize=4096)
def _artifact_in_tag(text: str) -> str:
    """The artifact's name, empty where there is none."""
    return text.replace("=", ":") if re.fullmatch(_ARTIFACT_IN_TAG, text) else ""


@lru_cache(maxsize=4096)
def _event_in_tag(text: str) -> tuple[Kind, str | None, str | None] | None:
    """Kind, version and stage, None where it is no event."""
    match = re.fullmatch(_EVENT, text)
    if match is None:
        return None
    version, deregistered, stage, unassigned, word = match.groups()
    if version:
        return DEREGISTRATION if deregistered else REGISTRATION, version, None
    if stage:
        return UNASSIGNMENT if unassigned else ASSIGNMENT, None, stage
    return DEPRECATION if word == "deprecated" else CREATION, None, None


def parse_tag(text: str) -> TagName:
    """Return the parts of a tag name.

    Raises:
        InvalidTag: ``text`` is not in registry format, or git would refuse it as a tag.
    """
    tag = match_tag(text)
    if tag is None:
        reason = refused_by_git(text) if _taken_apart(text) else None
        raise InvalidTag(f"Cannot parse tag name {quote(text)}" + (f": {reason}" if reason else ""), TAG_RULE)
    return tag


def looks_like_tag(text: str) -> bool:
    """Tell whether ``text`` has the separators of a registry tag, though it may not parse.

    Tags that approve (:mod:`gto_ci.core.policy.approvals`) have a ``+`` behind the ``#``, and are none.
    """
    return re.search(r"@v[0-9]|\#(?!.*\+)|@(?:deprecated|created)", text) is not None


def tag_prefixes(artifact: str) -> tuple[str, str]:
    """Return the two beginnings that every tag of ``artifact`` has one of."""
    name = artifact.replace(":", "=")
    return f"{name}@", f"{name}#"


def ref_part(artifact: str) -> str:
    """Return ``artifact`` as one part of a ref's name; one level, so that no artifact's ref hides another's."""
    return artifact.replace(":", "=").replace("/", "%")


def match_shortcut(text: str) -> Shortcut | None:
    """Return the parts of a shortcut, or None where ``text`` is not one."""
    match = re.fullmatch(_SHORTCUT, text)
    if match is None:
        return None
    version = match["version"]
    latest = version in ("latest", "greatest")
    return Shortcut(match["artifact"], match["stage"], None if latest else version, latest)


def check_artifact(name: str) -> str:
    """Return ``name`` when it can name an artifact.

    Raises:
        InvalidName: it is outside the grammar, or git would refuse the tags it makes.
    """
    if not re.fullmatch(_ARTIFACT, name):
        raise InvalidName(f"Invalid artifact name {quote(name)}", f"{_NAME_RULE}; 'DIR:' may stand before it")
    reason = refused_by_git(name.replace(":", "=") + "@v0.0.1")
    if reason:
        raise InvalidName(f"Invalid artifact name {quote(name)}: {reason}", "Choose another name")
    return name


def is_artifact(name: str) -> bool:
    """Tell whether ``name`` can name an artifact."""
    try:
        check_artifact(name)
    except InvalidName:
        return False
    return True


def check_stage(name: str) -> str:
    """Return ``name`` when it can name a stage.

    Raises:
        InvalidName: it is outside the grammar, or git would refuse the tags it makes.
    """
    return _check_part(name, "stage")


def check_type(name: str) -> str:
    """Return ``name`` when it can name a type of artifacts: the rules are those of stages.

    Raises:
        InvalidName: it cannot.
    """
    return _check_part(name, "type")


def _check_part(name: str, what: str) -> str:
    if not re.fullmatch(PART, name):
        raise InvalidName(f"Invalid {what} {quote(name)}", _NAME_RULE)
    reason = refused_by_git(f"x#{name}")
    if reason:
        raise InvalidName(f"Invalid {what} {quote(name)}: {reason}", "Choose another name")
    return name


def refused_by_git(tag: str) -> str | None:
    """Return why git refuses ``tag`` as a tag name, or None where it accepts it.

    Only for text whose characters already passed the grammar: of the rules in
    ``git check-ref-format(1)``, and of ``git tag``'s own rule on a leading dash, these are the
    ones that such text can still break.
    """
    if "//" in tag or tag.startswith("/") or tag.endswith("/"):
        return "git refuses an empty part between slashes"
    if ".." in tag:
        return "git refuses '..' in a tag name"
    if tag.startswith(".") or "/." in tag:
        return "git refuses a part that begins with a dot"
    if tag.endswith((".lock", ".")) or ".lock/" in tag:
        return "git refuses a part that ends in '.lock' or a name that ends in a dot"
    if tag.startswith("-"):
        return "git refuses a tag name that begins with a dash"
    return None
