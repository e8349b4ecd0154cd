"""Wording of remedies: only interfaces name options and inputs, and each interface uses its own."""

from __future__ import annotations

import ast
import pickle
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml

from gto_ci import hints
from gto_ci.cli import git_ghost, gto, gto_ci
from gto_ci.core.errors import GtoError, Remedies, Remedy, WrongArguments
from gto_ci.core.policy import AssignCommand
from gto_ci.hints import Interface

PROJECT = Path(__file__).resolve().parents[2]
PACKAGE = PROJECT / "gto_ci"
BELOW = ("core", "git", "files", "ghost", "platforms", "dvc", "render")
# the only lower module that reads the action's inputs by name
READS_INPUTS = PACKAGE / "platforms/inputs.py"
ACTION = yaml.safe_load((PROJECT / "action.yml").read_text(encoding="utf-8"))
KINDS = {name: remedy for name, remedy in vars(Remedies).items() if isinstance(remedy, Remedy)}


def options(command: click.Command, context: click.Context | None = None) -> Iterator[str]:
    """Yield every long option of a command and its subcommands."""
    for parameter in command.params:
        yield from (one for one in (*parameter.opts, *parameter.secondary_opts) if one.startswith("--"))
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            if found := command.get_command(context, name):
                yield from options(found)


OPTIONS = {one for app in (gto.app, gto_ci.app, git_ghost.app) for one in options(app)}
# An input name with a hyphen is unmistakable. A single word counts only if the text calls it an input.
LONG = {name for name in ACTION["inputs"] if "-" in name} - set(ACTION["outputs"])
SHORT = set(ACTION["inputs"]) - LONG


def strings(tree: ast.AST) -> Iterator[ast.Constant]:
    """Yield every string in the code except docstrings."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node


def interface_words(text: str) -> list[str]:
    """Return the options and inputs that a string names. A string without spaces may be an argument for git."""
    # a command of another program has options of its own, up to the next sign that ends it
    ours = re.sub(r"\b(?:git (?!ghost)|dvc )[a-z][^;,'&]*", "", text)
    found = [one for one in OPTIONS if " " in text and re.search(rf"(?<![\w-]){one}(?![\w-])", ours)]
    found += [one for one in LONG if re.search(rf"(?<![\w-]){one}(?![\w-])", text)]
    found += [one for one in SHORT if re.search(rf"[Ii]nputs? '{one}'|'{one}' input|'{one}: ", text)]
    return found


@pytest.mark.parametrize(
    "text",
    [
        "Use --force",
        "Raise the limit with --max-size",
        "Set 'fetch-tags: true'",
        "Check the input 'token'",
        "git checkout x; or --force-base",
    ],
)
def test_the_search_finds_options_and_inputs(text: str) -> None:
    assert interface_words(text)


def test_lower_layers_name_no_option_and_no_input() -> None:
    assert len(OPTIONS) > 60
    assert len(LONG) > 12
    found = []
    files = [file for folder in BELOW for file in sorted((PACKAGE / folder).rglob("*.py")) if file != READS_INPUTS]
    assert len(files) > 80
    for file in files:
        for node in strings(ast.parse(file.read_text(encoding="utf-8"))):
            found += [f"{file.relative_to(PACKAGE)}:{node.lineno}: {one}" for one in interface_words(str(node.value))]
    assert found == []


def test_every_kind_of_remedy_has_its_own_text() -> None:
    assert set(hints._WORDINGS) <= set(KINDS)
    assert len({str(remedy) for remedy in KINDS.values()}) == len(KINDS)
    assert all(remedy.kind == name for name, remedy in KINDS.items())
    assert not [name for name, remedy in KINDS.items() if interface_words(str(remedy))]


@pytest.mark.parametrize("kind", KINDS)
def test_each_interface_uses_its_own_wording(kind: str) -> None:
    remedy = KINDS[kind].about("ref")
    command, action, library = (hints.next_step(remedy, interface) for interface in Interface)
    assert all(text and "{" not in text for text in (command, action, library))
    assert not [one for one in OPTIONS if re.search(rf"(?<![\w-]){one}(?![\w-])", f"{action} {library}")]
    named = [one for one in ACTION["inputs"] if f"'{one}'" in command + library or f"'{one}: " in command + library]
    assert named == [], "only the action has inputs"
    for option in re.findall(r"(?<![\w-])--[a-z-]+", command.replace("git init", "")):
        assert option in OPTIONS
    for name in re.findall(r"(?:input|Set) '([a-z-]+)(?::[^']*)?'", action):
        assert name in ACTION["inputs"]


def test_a_remedy_can_follow_a_step_and_take_a_fact() -> None:
    error = WrongArguments("It is so", Remedies.NAME_COMMIT.after("Wait").about("rev"))
    assert hints.sentence(error, Interface.COMMAND) == "It is so. Wait; or name a commit with --rev"
    assert hints.sentence(error, Interface.LIBRARY) == "It is so. Wait; or pass rev"
    assert hints.sentence(error, Interface.ACTION) == str(error) == "It is so. Wait; or name a commit"
    assert hints.sentence(GtoError("It is so", "Wait"), Interface.ACTION) == "It is so. Wait"
    assert hints.sentence(GtoError("It is so"), Interface.ACTION) == "It is so"
    assert str(hints.for_library(error)) == "It is so. Wait; or pass rev"
    assert hints.sentence(error, Interface.COMMAND) == "It is so. Wait; or name a commit with --rev"


def test_a_remedy_survives_pickling() -> None:
    remedy = Remedies.NAME_COMMIT.after("Wait").about("rev")
    copy = pickle.loads(pickle.dumps(remedy))  # created just above
    assert (copy, copy.kind, copy.first, copy.fact) == (remedy, "NAME_COMMIT", "Wait", "rev")


def test_the_command_for_a_rule() -> None:
    words = hints.assign_command(AssignCommand("m", "v1.0.0", "c0ffee", "prod", again=True))
    assert words == "gto assign m --version v1.0.0 --stage prod --force --push"
    assert hints.assign_command(AssignCommand("m", "", "c0ffee", "prod", again=False)) == (
        "gto assign m c0ffee --stage prod --skip-registration --push"
    )
