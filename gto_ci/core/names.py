"""The grammar of tags, artifact names and shortcuts.

==========================  ======================================
tag                         meaning
==========================  ======================================
``NAME@vX.Y.Z``             registration
``NAME@vX.Y.Z!``            deregistration
``NAME#STAGE``              assignment
``NAME#STAGE!``             unassignment
``NAME@deprecated``         deprecation
``NAME@created``            creation: parses, but means nothing
==========================  ======================================

Any of them may end in ``#N``, a positive counter. The grammar is GTO's, narrowed to what
``git check-ref-format`` accepts, so that every valid name can become a tag.
"""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

from gto_ci.core.errors import InvalidName, InvalidTag, quote
from gto_ci.core.versions import SEMVER


class Kind(Enum):
    """The kind of event that a tag records.

    ``priority`` orders events in the same second. The numbers are GTO's and appear in its JSON.
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


# Enum's attribute look-up is slow in a loop over many tags, so look the members up once.
CREATION, DEPRECATION, REGISTRATION, DEREGISTRATION, ASSIGNMENT, UNASSIGNMENT = Kind

PART = r"[a-zA-Z0-9](?:[a-zA-Z0-9\-/_]*[a-zA-Z0-9])?"
_DIR = r"[a-zA-Z0-9\-_./]+"

# Compiled on first use: compiling a pattern costs more than matching it a thousand times.
_ARTIFACT = rf"(?:{_DIR}:)?{PART}"
_ARTIFACT_IN_TAG = rf"{PART}|{_DIR}={PART}"
_EVENT = (
    rf"@(?P<version>v{SEMVER})(?P<deregistered>!)?"
    rf"|\#(?P<stage>{PART})(?P<unassigned>!)?"
    r"|@(?P<word>deprecated|created)"
)
_COUNTER = r"[1-9][0-9]{0,17}"  # bounded: no real counter is longer
_SHORTCUT = rf"(?P<artifact>{_ARTIFACT})(?:\#(?P<stage>{PART})|@(?P<version>latest|greatest|v{SEMVER}))"

_NAME_RULE = "Use letters, digits, '-', '_' and '/', with a letter or digit at both ends; one character is enough"
TAG_RULE = "Formats: NAME@vX.Y.Z, NAME@vX.Y.Z!, NAME#STAGE, NAME#STAGE!, NAME@deprecated, each with an optional #N"


class TagName(NamedTuple):
    """The parts of a tag name in registry format. ``str()`` returns the tag name.

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
    """A short way to name a version: ``NAME@latest``, ``NAME@greatest``, ``NAME@vX.Y.Z`` or ``NAME#STAGE``.

    Exactly one of ``stage``, ``version`` and ``latest`` is set.
    """

    artifact: str
    stage: str | None = None
    version: str | None = None
    latest: bool = False


def match_tag(text: str) -> TagName | None:
    """Return the parts of ``text``, or None if it is not in registry format (most tags are not)."""
    tag = _split(text)
    # text that passed the grammar can break git's rules only if it contains one of these
    if tag and ("=" in text or "//" in text or ".lock" in text) and refused_by_git(text):
        return None
    return tag


def _split(text: str) -> TagName | None:
    """Return the parts of ``text``, even if git would refuse it as a tag name, or None.

    The parts are parsed by cached functions, because each of them recurs in many tags.
    """
    artifact, separator, rest = text.partition("@")
    if "#" in artifact:
        artifact, separator, rest = text.partition("#")
    event, mark, counter = rest.partition("#")
    parsed = _event_in_tag(separator + event)
    name = _artifact_in_tag(artifact)
    if not parsed or not name or (mark and not re.fullmatch(_COUNTER, counter)):
        return None
    kind, version, stage = parsed
    return TagName(kind, name, version, stage, int(counter) if mark else None)


@lru_cache(maxsize=4096)
def _artifact_in_tag(text: str) -> str:
    """Return the artifact's name, or "" if ``text`` is not one."""
    return text.replace("=", ":") if re.fullmatch(_ARTIFACT_IN_TAG, text) else ""


@lru_cache(maxsize=4096)
def _event_in_tag(text: str) -> tuple[Kind, str | None, str | None] | None:
    """Return kind, version and stage, or None if ``text`` names no event."""
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
        reason = refused_by_git(text) if _split(text) else None
        raise InvalidTag(f"Cannot parse tag name {quote(text)}" + (f": {reason}" if reason else ""), TAG_RULE)
    return tag


def looks_like_tag(text: str) -> bool:
    """Return whether ``text`` has the separators of a registry tag, even if it does not parse.

    False for approval tags (:mod:`gto_ci.core.policy.approvals`), which have a ``+`` after the ``#``.
    """
    return re.search(r"@v[0-9]|\#(?!.*\+)|@(?:deprecated|created)", text) is not None


def tag_prefixes(artifact: str) -> tuple[str, str]:
    """Return the two prefixes of ``artifact``'s tags. Every tag starts with one of them."""
    name = artifact.replace(":", "=")
    return f"{name}@", f"{name}#"


def ref_part(artifact: str) -> str:
    """Return ``artifact`` as one path component of a ref name.

    It contains no ``/``, so the ref of one artifact never conflicts with the ref of another.
    """
    return artifact.replace(":", "=").replace("/", "%")


def match_shortcut(text: str) -> Shortcut | None:
    """Return the parts of a shortcut, or None if ``text`` is not one."""
    match = re.fullmatch(_SHORTCUT, text)
    if match is None:
        return None
    version = match["version"]
    latest = version in ("latest", "greatest")
    return Shortcut(match["artifact"], match["stage"], None if latest else version, latest)


def check_artifact(name: str) -> str:
    """Return ``name`` if it is a valid artifact name.

    Raises:
        InvalidName: ``name`` is outside the grammar, or git would refuse its tags.
    """
    if not re.fullmatch(_ARTIFACT, name):
        raise InvalidName(f"Invalid artifact name {quote(name)}", f"{_NAME_RULE}. 'DIR:' may precede the name")
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
    """Return ``name`` if it is a valid stage name.

    Raises:
        InvalidName: ``name`` is outside the grammar, or git would refuse its tags.
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
    """Return why git refuses ``tag`` as a tag name, or None if git accepts it.

    Only for text that already passed the grammar. The checks are those rules of
    ``git check-ref-format(1)``, and ``git tag``'s rule on a leading dash, that such text can still break.
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
