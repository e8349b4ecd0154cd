"""The grammar of names: what parses, what does not, and that formatting inverts parsing."""

from __future__ import annotations

import re
import subprocess

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gto_ci.core import names
from gto_ci.core.names import (
    Kind,
    Shortcut,
    TagName,
    check_artifact,
    check_stage,
    looks_like_tag,
    match_shortcut,
    match_tag,
    parse_tag,
    tag_prefixes,
)
from gto_ci.core.versions import SEMVER
from gto_ci.errors import InvalidName, InvalidTag
from tests import strategies

GOOD = [
    ("m@v1.0.0", TagName(Kind.REGISTRATION, "m", version="v1.0.0")),
    ("m@v1.0.0#5", TagName(Kind.REGISTRATION, "m", version="v1.0.0", counter=5)),
    ("m@v1.0.0!", TagName(Kind.DEREGISTRATION, "m", version="v1.0.0")),
    ("m@v1.0.0!#2", TagName(Kind.DEREGISTRATION, "m", version="v1.0.0", counter=2)),
    ("m@v1.0.0-rc.1+build.7", TagName(Kind.REGISTRATION, "m", version="v1.0.0-rc.1+build.7")),
    ("m#prod", TagName(Kind.ASSIGNMENT, "m", stage="prod")),
    ("m#prod#3", TagName(Kind.ASSIGNMENT, "m", stage="prod", counter=3)),
    ("m#eu/prod#3", TagName(Kind.ASSIGNMENT, "m", stage="eu/prod", counter=3)),
    ("m#5", TagName(Kind.ASSIGNMENT, "m", stage="5")),
    ("m#5#5", TagName(Kind.ASSIGNMENT, "m", stage="5", counter=5)),
    ("m#prod!", TagName(Kind.UNASSIGNMENT, "m", stage="prod")),
    ("m#prod!#4", TagName(Kind.UNASSIGNMENT, "m", stage="prod", counter=4)),
    ("m@deprecated", TagName(Kind.DEPRECATION, "m")),
    ("m@deprecated#7", TagName(Kind.DEPRECATION, "m", counter=7)),
    ("m@created", TagName(Kind.CREATION, "m")),
    ("models/nlp=churn@v1.0.0", TagName(Kind.REGISTRATION, "models/nlp:churn", version="v1.0.0")),
    ("a.b_c-d/e=x/y#dev#1", TagName(Kind.ASSIGNMENT, "a.b_c-d/e:x/y", stage="dev", counter=1)),
]

BAD = [
    *("", "m", "v1.0.0", "m@", "m@v1", "m@v1.0", "m@1.0.0", "m@v01.0.0", "m@V1.0.0", "m@v1.0.0-", "m@v1.0.0-01"),
    *(
        "@v1.0.0",
        "#prod",
        "m#",
        "m#prod#",
        "m#prod#0",
        "m#prod#01",
        "m#prod#-1",
        "m#prod#1#2",
        "m#prod!!",
        "m@deprecated!",
    ),
    *(
        "m@created!",
        "m@latest",
        "-m@v1.0.0",
        "m-@v1.0.0",
        "_m@v1.0.0",
        "m@v1.0.0\n",
        "m#prod\n",
        " m@v1.0.0",
        "m :x@v1.0.0",
    ),
    *("a:b@v1.0.0", "a=b=c@v1.0.0", "a//b@v1.0.0", "a/.b=x@v1.0.0", "..=x@v1.0.0", "/=x@v1.0.0", "a.lock/b=x@v1.0.0"),
    *(
        "m@v1.0.0-rc.lock",
        "m#a//b",
        "-d=x@v1.0.0",
        ".=x@v1.0.0",
        "m@v1.0.0#" + "9" * 19,
        "m@v１.0.0",
        "é@v1.0.0",
        "m#prød",
    ),
]


@pytest.mark.parametrize(("text", "tag"), GOOD)
def test_parses_and_formats(text: str, tag: TagName) -> None:
    assert parse_tag(text) == tag
    assert str(tag) == text


@pytest.mark.parametrize("text", BAD)
def test_refuses(text: str) -> None:
    assert match_tag(text) is None
    with pytest.raises(InvalidTag) as raised:
        parse_tag(text)
    assert "\n" not in str(raised.value)
    assert "NAME@vX.Y.Z" in str(raised.value)


@given(strategies.tag_names)
def test_round_trip(tag: TagName) -> None:
    assert parse_tag(str(tag)) == tag


@given(st.text() | st.text("am@#!v.0123=:/-_lockdeprecatedcreated\n"))
@example("m@v1.0.0#" + "9" * 5000)
@example("m@v" + "9" * 5000 + ".0.0")
def test_any_text_parses_or_raises_invalid_tag(text: str) -> None:
    tag = match_tag(text)
    assert tag is None or str(tag) == text
    match_shortcut(text)
    looks_like_tag(text)


@settings(max_examples=60)  # a process per example
@given(strategies.tag_names)
def test_git_accepts_what_we_accept(tag: TagName) -> None:
    assert subprocess.run(["git", "check-ref-format", f"refs/tags/{tag}"], check=False).returncode == 0


@pytest.mark.parametrize("name", ["a//b:c", "a/.b:c", "..:x", "/:x", "a.lock/b:x", ".:x", "a..b:c", "./a:b"])
def test_names_that_git_refuses_say_so(name: str) -> None:
    tag = name.replace(":", "=") + "@v0.0.1"
    assert subprocess.run(["git", "check-ref-format", f"refs/tags/{tag}"], check=False).returncode != 0
    with pytest.raises(InvalidName, match="git refuses"):
        check_artifact(name)


@pytest.mark.parametrize("name", ["m", "a1", "a-b_c", "a/b", "models/nlp:churn", "A:b"])
def test_artifact_names(name: str) -> None:
    assert check_artifact(name) == name


@pytest.mark.parametrize("name", ["", "-", "a-", "_a", "a b", "a\n", "a:b:c", "a=b", "a@b", "a#b", "é", "a!"])
def test_bad_names(name: str) -> None:
    with pytest.raises(InvalidName, match="one character is enough"):
        check_artifact(name)
    with pytest.raises(InvalidName, match="one character is enough"):
        check_stage(name)


# The whole grammar as one pattern. The code parses the parts with cached functions instead.
_WHOLE = re.compile(
    rf"(?P<artifact>{names._ARTIFACT_IN_TAG})"
    rf"(?:@(?P<version>v{SEMVER})(?P<deregistered>!)?"
    rf"|\#(?P<stage>{names.PART})(?P<unassigned>!)?"
    r"|@(?P<word>deprecated|created))"
    r"(?:\#(?P<counter>[1-9][0-9]{0,17}))?"
)
_PIECES = [
    "m",
    "a/b",
    "d=m",
    "@",
    "#",
    "v1.0.0",
    "v1",
    "-rc.1",
    "+b",
    "!",
    "deprecated",
    "created",
    "prod",
    "1",
    "0",
    "-",
]


@given(st.lists(st.sampled_from(_PIECES), max_size=7).map("".join) | st.text("am@#!v.0123=:/-_deprecated\n"))
@example("m@v1.0.0#prod")
@example("m#a@v1.0.0")
@example("m#1#2#3")
@example("m@v1.0.0#")
@example("m#prod!#07")
@example("m#prod#\u0661")
def test_the_parts_match_the_whole_grammar(text: str) -> None:
    match, tag = _WHOLE.fullmatch(text), names._split(text)
    assert (match is None) == (tag is None)
    if match and tag:
        assert tag.artifact.replace(":", "=") == match["artifact"]
        assert (tag.version, tag.stage) == (match["version"], match["stage"])
        assert tag.counter == (int(match["counter"]) if match["counter"] else None)
        assert (
            tag.kind
            is {
                "v": Kind.DEREGISTRATION if match["deregistered"] else Kind.REGISTRATION,
                "s": Kind.UNASSIGNMENT if match["unassigned"] else Kind.ASSIGNMENT,
                "deprecated": Kind.DEPRECATION,
                "created": Kind.CREATION,
            }["v" if match["version"] else "s" if match["stage"] else match["word"]]
        )


@given(st.from_regex(_WHOLE, fullmatch=True))
@example("a//b@v1.0.0")
@example("m@v1.0.0-a.lock")
@example("-d=m@v1.0.0")
@example("d/.e=m@v1.0.0")
@example("d..e=m#prod")
def test_the_fast_path_accepts_no_tag_that_git_refuses(text: str) -> None:
    """The fast path skips git's rules for tags that cannot break them. It must not accept a tag that git refuses."""
    assert (match_tag(text) is None) == (names.refused_by_git(text) is not None)


def test_a_stage_that_git_refuses() -> None:
    with pytest.raises(InvalidName, match="git refuses"):
        check_stage("a//b")


@pytest.mark.parametrize(
    ("text", "shortcut"),
    [
        ("m@latest", Shortcut("m", latest=True)),
        ("m@greatest", Shortcut("m", latest=True)),
        ("m@v1.0.0", Shortcut("m", version="v1.0.0")),
        ("m#prod", Shortcut("m", stage="prod")),
        ("a/b:c#eu/prod", Shortcut("a/b:c", stage="eu/prod")),
        ("m", None),
        ("m@v1", None),
        ("m#prod#1", None),
        ("a=b@latest", None),
        ("m@latest\n", None),
    ],
)
def test_shortcuts(text: str, shortcut: Shortcut | None) -> None:
    assert match_shortcut(text) == shortcut


@given(strategies.tag_names)
def test_every_tag_starts_with_a_prefix_of_its_artifact(tag: TagName) -> None:
    assert str(tag).startswith(tag_prefixes(tag.artifact))
    assert looks_like_tag(str(tag))
    assert not looks_like_tag(f"{tag.artifact.replace(':', '=')}#prod+ada")
