"""Versions: SemVer with a v, ordered as the semver package orders them."""

from __future__ import annotations

import pytest
from hypothesis import given
from semver import Version

from gto_ci.core.versions import bump, is_version, parse, precedence
from gto_ci.errors import InvalidVersion
from tests import strategies


@given(strategies.versions, strategies.versions)
def test_precedence_is_semvers(one: str, other: str) -> None:
    compared = Version.parse(one[1:]).compare(other[1:])
    ours = (precedence(one) > precedence(other)) - (precedence(one) < precedence(other))
    assert ours == compared


@given(strategies.versions)
def test_what_is_a_version_semver_parses(version: str) -> None:
    assert is_version(version)
    assert str(parse(version)) == version[1:]


@pytest.mark.parametrize("text", ["", "v", "1.0.0", "v1.0", "V1.0.0", "v1.0.0 ", "v1.0.0\n", "vv1.0.0", "v01.0.0"])
def test_not_a_version(text: str) -> None:
    assert not is_version(text)
    with pytest.raises(InvalidVersion, match=r"v1\.0\.0"):
        parse(text)


def test_very_long_numbers_are_ordered_but_not_parsed() -> None:
    huge, larger = "v" + "1" * 5000 + ".0.0", "v1" + "1" * 5000 + ".0.0"
    assert precedence(huge) < precedence(larger)
    with pytest.raises(InvalidVersion, match="too long"):
        parse(huge)


@pytest.mark.parametrize(
    ("version", "part", "bumped"),
    [
        ("v1.2.3", "patch", "v1.2.4"),
        ("v1.2.3", "minor", "v1.3.0"),
        ("v1.2.3", "major", "v2.0.0"),
        ("v1.0.0-rc.1", "patch", "v1.0.1"),
        ("v1.0.0+a", "patch", "v1.0.1"),
    ],
)
def test_bump(version: str, part: str, bumped: str) -> None:
    assert bump(version, part) == bumped  # type: ignore[arg-type]  # the table has literals
