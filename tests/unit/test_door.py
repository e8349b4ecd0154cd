"""The way into ``gto`` that does without click: it understands nothing that click would understand differently."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gto_ci.cli import door, gto_check

WORDS = [
    "check-ref",
    "-r",
    "--repo",
    "--repo=x",
    "-rx",
    ".",
    "m@v1.0.0",
    "m#prod#1",
    "--",
    "-",
    "",
    "--help",
    "--verify",
]
FORMATS = ["--verify", "--json", "--name", "--version", "--event", "--stage", "--ref", "--js", "json"]

PLAIN = {
    "check-ref m@v1.0.0": door.Asked(".", "m@v1.0.0", False, None),
    "check-ref refs/tags/m@v1.0.0 --json": door.Asked(".", "refs/tags/m@v1.0.0", True, None),
    "check-ref --name m#prod#1": door.Asked(".", "m#prod#1", False, "name"),
    "check-ref -r a/b m#prod#1 --stage": door.Asked("a/b", "m#prod#1", False, "stage"),
    "check-ref m#prod#1 --repo a --repo b": door.Asked("b", "m#prod#1", False, None),
}


@pytest.mark.parametrize("line", PLAIN)
def test_plain_command_lines(line: str) -> None:
    assert door.plain(line.split()) == PLAIN[line]


@pytest.mark.parametrize(
    "line",
    [
        "", "check-ref", "check-ref a b", "check-ref --json --name a", "check-ref -r a", "check-ref a -r",
        "check-ref -v a", "check-ref a --verify", "check-ref -- a", "check-ref --repo=x a", "-v check-ref a",
        "show", "check_ref a", "check-ref --nam a", "check-ref -r --json a",
    ],
)  # fmt: skip
def test_all_others_are_left_to_click(line: str) -> None:
    assert door.plain(line.split()) is None


@given(st.lists(st.sampled_from([*WORDS, *FORMATS]), max_size=6))
def test_click_reads_the_same(args: list[str]) -> None:
    asked = door.plain(["check-ref", *args])
    if asked is not None:
        assert asked == by_click(args)


def by_click(args: list[str]) -> door.Asked:
    context: click.Context = gto_check.commands.commands["check-ref"].make_context("check-ref", list(args))
    found: dict[str, Any] = context.params
    parts = [name.removeprefix("part_") for name, value in found.items() if name.startswith("part_") and value]
    assert not found["verify"]
    return door.Asked(found["repo"], found["ref"], found["as_json"], parts[0] if parts else None)


def test_check_ref_imports_no_click_and_no_dataclasses() -> None:
    """They take as long to import as the command takes without them."""
    script = """
import sys
from gto_ci.cli import door
sys.argv = ["gto", "check-ref", "m@v1.0.0"]
try:
    door.main()
except SystemExit as end:
    assert end.code == 0
others = {name.partition(".")[0] for name in sys.modules} - set(sys.stdlib_module_names) - {"gto_ci"}
print(sorted(name for name in others if not name.startswith("_")), "dataclasses" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[] False", done.stdout
