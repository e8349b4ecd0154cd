"""Tests of the fast path of ``gto``: click parses every command line that it accepts in the same way."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gto_ci.cli import fast_path, gto_check, gto_read

COMMANDS = {
    "check-ref": gto_check.commands.commands["check-ref"],
    "show": gto_read.commands.commands["show"],
    "history": gto_read.commands.commands["history"],
}
WORDS = ["-r", "--repo", "--repo=x", "-rx", ".", "m@v1.0.0", "m#prod#1", "--", "-", "", "--help", "--verify", "show"]
FORMS = ["--json", "--plain", "--name", "--version", "--event", "--stage", "--ref", "--js", "json"]
OTHERS = ["--asc", "-a", "-A", "-d", "--ro", "--av", "--vs", "--sort", "1", "semver"]

PLAIN = {
    "check-ref m@v1.0.0": fast_path.PlainCommand("check-ref", ".", "m@v1.0.0", None),
    "check-ref refs/tags/m@v1.0.0 --json": fast_path.PlainCommand("check-ref", ".", "refs/tags/m@v1.0.0", "json"),
    "check-ref --name m#prod#1": fast_path.PlainCommand("check-ref", ".", "m#prod#1", "name"),
    "check-ref -r a/b m#prod#1 --stage": fast_path.PlainCommand("check-ref", "a/b", "m#prod#1", "stage"),
    "check-ref m#prod#1 --repo a --repo b": fast_path.PlainCommand("check-ref", "b", "m#prod#1", None),
    "show": fast_path.PlainCommand("show", ".", None, None),
    "show --plain -r a": fast_path.PlainCommand("show", "a", None, "plain"),
    "show m@latest --ref": fast_path.PlainCommand("show", ".", "m@latest", "ref"),
    "history m --json": fast_path.PlainCommand("history", ".", "m", "json"),
    "history": fast_path.PlainCommand("history", ".", None, None),
}


@pytest.mark.parametrize("line", PLAIN)
def test_plain_command_lines(line: str) -> None:
    assert fast_path.plain(line.split()) == PLAIN[line]


@pytest.mark.parametrize(
    "line",
    [
        "", "check-ref", "check-ref a b", "check-ref --json --name a", "check-ref -r a", "check-ref a -r",
        "check-ref -v a", "check-ref a --verify", "check-ref -- a", "check-ref --repo=x a", "-v check-ref a",
        "check_ref a", "check-ref --nam a", "check-ref -r --json a", "check-ref --plain a", "check-ref a -r file:///b",
        "sho", "show a b", "show --json --plain", "show --event", "show -A", "show -h", "history --asc",
        "history --ref", "register a", "doctor", "--version",
    ],
)  # fmt: skip
def test_all_others_are_left_to_click(line: str) -> None:
    assert fast_path.plain(line.split()) is None


@given(st.sampled_from(list(COMMANDS)), st.lists(st.sampled_from([*WORDS, *FORMS, *OTHERS]), max_size=6))
def test_click_reads_the_same(command: str, args: list[str]) -> None:
    asked = fast_path.plain([command, *args])
    if asked is not None:
        assert asked == by_click(command, args)


def by_click(command: str, args: list[str]) -> fast_path.PlainCommand:
    asked: dict[str, Any] = COMMANDS[command].make_context(command, list(args)).params
    usual: dict[str, Any] = COMMANDS[command].make_context(command, ["x"]).params
    forms = [name for name in asked if name.startswith("part_") or name in ("as_json", "plain")]
    word = "ref" if command == "check-ref" else "name"
    assert {**asked, **dict.fromkeys([*forms, "repo", word])} == {**usual, **dict.fromkeys([*forms, "repo", word])}
    chosen = [name.removeprefix("part_").removeprefix("as_") for name in forms if asked[name]]
    return fast_path.PlainCommand(command, asked["repo"], asked[word], *(chosen or [None]))
