"""Parse, bump and order versions, which are SemVer 2.0 with a leading ``v``.

:func:`parse` and :func:`bump` import the ``semver`` package on first use. Reading a tag needs only the
pattern, and sorting thousands of versions uses plain tuples.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from gto_ci.core.errors import InvalidVersion, quote

if TYPE_CHECKING:
    from semver import Version

FIRST = "v0.0.1"

_NUMBER = r"(?:0|[1-9][0-9]*)"
_IDENTIFIER = r"(?:0|[1-9][0-9]*|[0-9]*[a-zA-Z\-][0-9a-zA-Z\-]*)"
# https://semver.org/spec/v2.0.0.html#backusnaur-form-grammar-for-valid-semver-versions
SEMVER = (
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-{_IDENTIFIER}(?:\.{_IDENTIFIER})*)?"
    r"(?:\+[0-9a-zA-Z\-]+(?:\.[0-9a-zA-Z\-]+)*)?"
)
_VERSION = f"v{SEMVER}"  # compiled on first use and cached by re: most commands never need it

Precedence = tuple[tuple[int, ...], int, tuple[tuple[int, int, str], ...]]


def is_version(text: str) -> bool:
    """Return whether ``text`` is SemVer with a leading ``v``, such as ``v1.2.3-rc.1+build``."""
    return re.fullmatch(_VERSION, text) is not None


def parse(text: str) -> Version:
    """Return ``text`` as a version of the ``semver`` package, without the ``v``.

    Raises:
        InvalidVersion: ``text`` is not SemVer with a leading ``v``.
    """
    if not is_version(text):
        raise InvalidVersion(f"Invalid version {quote(text)}", "A version looks like v1.0.0 (SemVer with a leading v)")
    from semver import Version

    try:
        return Version.parse(text[1:])
    except ValueError as error:  # int() refuses a number with thousands of digits
        raise InvalidVersion(f"Invalid version {quote(text)}", "Its numbers are too long") from error


@lru_cache(maxsize=4096)  # many artifacts share the same few versions
def precedence(version: str) -> Precedence:
    """Return a sort key for ``version``, by the precedence rules of SemVer 2.0, section 11.

    Build metadata does not count. ``version`` must satisfy :func:`is_version`. The order is that of
    ``semver.Version.compare`` (a test compares them), at a fraction of the cost.
    """
    core, _, pre = version[1:].partition("+")[0].partition("-")
    return (
        tuple(_number(part) for part in core.split(".")),
        0 if pre else 1,  # a pre-release comes before its release
        tuple(_identifier(part) for part in pre.split(".")) if pre else (),
    )


def bump(version: str, part: Literal["major", "minor", "patch"] = "patch") -> str:
    """Return the next version: ``v1.2.3`` → ``v1.2.4``, ``v1.3.0`` or ``v2.0.0``.

    Raises:
        InvalidVersion: ``version`` is not SemVer with a leading ``v``.
    """
    parsed = parse(version)
    match part:
        case "major":
            return f"v{parsed.bump_major()}"
        case "minor":
            return f"v{parsed.bump_minor()}"
        case "patch":
            return f"v{parsed.bump_patch()}"


def _number(digits: str) -> int:
    # int() refuses more than 4300 digits. Such numbers are ordered by their length alone, because
    # no real version has them.
    return int(digits) if len(digits) <= 4000 else 10**4000 + len(digits)


def _identifier(text: str) -> tuple[int, int, str]:
    # numeric identifiers rank below alphanumeric ones; numbers by value, text by ASCII
    return (0, _number(text), "") if text.isdigit() else (1, 0, text)
