"""The pages of the site, as far as they are made without Sphinx; ``make docs`` builds it, and takes no warning."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner

from docs._ext import commands, markdown, schemas, site
from gto_ci.cli import git_ghost, gto, gto_ci
from tests.readme_tables import ACTION, README

DOCS = site.DOCS
PAGES = sorted(DOCS.rglob("*.md"))


@pytest.mark.parametrize(
    ("folder", "link", "expected"),
    [
        (".", "gates.md#the-file", "/gates.md#the-file"),
        ("how-to", "../gates.md", "/gates.md"),
        ("how-to", "roll-back.md", "/how-to/roll-back.md"),
        (".", "../README.md#install", "https://github.com/org/gto-action/blob/main/README.md#install"),
        ("how-to", "../../examples/kubernetes", "https://github.com/org/gto-action/tree/main/examples/kubernetes"),
        (".", "#here", "#here"),
        (".", "https://example.com/a.md", "https://example.com/a.md"),
    ],
)
def test_links_work_on_the_site(folder: str, link: str, expected: str) -> None:
    assert site.with_links(f"See [a `page`]({link}).", DOCS / folder) == f"See [a `page`]({expected})."


@pytest.mark.parametrize("text", ["`[a](b.md)`", "```text\n[a](b.md)\n```"])
def test_code_holds_no_links(text: str) -> None:
    assert site.with_links(text, DOCS) == text


@pytest.mark.parametrize("document", PAGES, ids=lambda path: str(path.relative_to(DOCS)))
def test_markers_are_replaced(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    made = site.page(text, document.parent)
    assert "<!-- site:" not in made
    assert len(made) > len(text) or "<!-- site:" not in text


def test_an_unknown_marker_is_an_error() -> None:
    with pytest.raises(KeyError, match="nothing"):
        site.page("<!-- site: nothing at all -->\n", DOCS)


def test_what_a_function_raises_is_a_list_of_fields() -> None:
    docstring = [
        "Do it.",
        "",
        "Raises:",
        "    NoRepository, GitError: there is none,",
        "        or it cannot be read.",
        "",
    ]
    fields = [":raises NoRepository, GitError: there is none,", "        or it cannot be read."]
    assert site.with_fields(docstring) == ["Do it.", "", *fields, ""]
    assert site.with_fields(docstring[:2]) == docstring[:2]


def test_signatures_name_type_aliases() -> None:
    assert (
        site.without_forward_refs("(warn: TypeAliasForwardRef('Warn') | None = None)") == "(warn: Warn | None = None)"
    )


def test_examples_name_the_program() -> None:
    made = commands.reference("git ghost")
    assert 'eval "$(git ghost completion bash)"' in made
    assert "gto completion" not in made
    shown = CliRunner().invoke(gto_ci.app, ["ghost", "completion", "--help"], prog_name="gto-ci").output
    assert 'eval "$(git ghost completion bash)"' in shown
    assert "gto-ci completion" not in shown


def test_every_document_is_on_the_first_page_once() -> None:
    linked = re.findall(r"^- \[.*?\]\((.*?)\)", (DOCS / "index.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(linked) == sorted(page.relative_to(DOCS).as_posix() for page in PAGES if page.name != "index.md")


def test_the_side_bar_has_four_parts() -> None:
    made = site.page("<!-- site: contents index.md -->", DOCS)
    assert re.findall(r"caption: (.*)", made) == ["Tutorial", "How-to", "Reference", "Explanation"]
    assert "\nhow-to/roll-back\n" in made


def test_the_first_page_has_the_workflow_of_the_readme() -> None:
    [workflow] = re.findall(
        r"^```yaml\n(on:.*?)^```$", (DOCS / "index.md").read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    assert workflow in README.read_text(encoding="utf-8")


@pytest.mark.parametrize("document", PAGES, ids=lambda path: str(path.relative_to(DOCS)))
def test_workflows_in_documents_name_what_exists(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    action = yaml.safe_load(ACTION.read_text(encoding="utf-8"))
    assert set(re.findall(r"steps\.gto\.outputs\.([\w-]+)", text)) <= set(action["outputs"])
    pinned = re.findall(r"uses: (actions/.*)$", text, re.MULTILINE)
    assert [action for action in pinned if action not in README.read_text(encoding="utf-8")] == []
    for block in re.findall(r"^```yaml\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
        loaded = yaml.safe_load(block)
        for job in loaded.get("jobs", {}).values() if isinstance(loaded, dict) else ():
            ours = [step for step in job["steps"] if "org/gto-action@" in step.get("uses", "")]
            assert [step for step in ours if not set(step.get("with", {})) <= set(action["inputs"])] == []


@pytest.mark.parametrize(("program", "app"), [("gto", gto.app), ("git ghost", git_ghost.app), ("gto-ci", gto_ci.app)])
def test_every_command_is_described_with_its_options(program: str, app: click.Group) -> None:
    made = commands.reference(program)
    if program == "gto-ci":
        made += commands.reference("gto") + commands.reference("git ghost")
    for path, command in _all_commands(app, ""):
        words = path.split()
        heading = next(h for h in (program, "gto", "git ghost") if f"### {' '.join([h, *words])}\n" in made)
        part = made.partition(f"### {' '.join([heading, *words])}\n")[2].partition("\n### ")[0]
        record = [param.get_help_record(click.Context(command)) for param in command.params]
        shared = made.partition("\n## ")[0] + commands.reference("git ghost").partition("\n## ")[0]
        assert [name for name, text in filter(None, record) if text and f"\n`{name}`\n" not in part + shared] == []


def _all_commands(group: click.Group, path: str) -> list[tuple[str, click.Command]]:
    ctx = click.Context(group)
    found: list[tuple[str, click.Command]] = []
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        assert command is not None
        if command.hidden or name == "ghost":
            continue
        found.append((f"{path} {name}".strip(), command))
        if isinstance(command, click.Group):
            found += _all_commands(command, f"{path} {name}".strip())
    return found


def test_text_is_shown_as_it_stands() -> None:
    assert markdown.prose("a *b*  <c>\n[d] `e` --dry-run x--y") == r"a \*b\* \<c\> \[d\] \`e\` `--dry-run` x--y"


def test_every_key_of_the_policy_is_described() -> None:
    file = site.PROJECT / "schemas/gto-policy.schema.json"
    made = schemas.keys(file)
    paths = re.findall(r"^`(.+)`$", made, re.MULTILINE)
    assert {
        "timezone",
        "rules[].require.after.for",
        "rules[].require.versions.prerelease",
        "rules[].freeze[].days",
    } <= {*paths}
    assert {path.rpartition(".")[2] for path in paths} == set(_property_names(json.loads(file.read_text("utf-8"))))
    assert len(paths) == len(set(paths))


def _property_names(node: Any) -> list[str]:
    if isinstance(node, list):
        return [name for one in node for name in _property_names(one)]
    if not isinstance(node, dict):
        return []
    own = [*node["properties"]] if isinstance(node.get("properties"), dict) else []
    return own + [name for value in node.values() for name in _property_names(value)]


def test_what_a_key_may_be_is_said(tmp_path: Path) -> None:
    file = tmp_path / "a.schema.json"
    schema = {
        "title": "A thing",
        "description": "All of it.",
        "properties": {"a": {"$ref": "#/$defs/b"}, "c": {"items": {"enum": ["x"]}, "default": ["x"]}, "d": False},
        "additionalProperties": {"$ref": "#/$defs/itself"},
        "$defs": {
            "b": {"description": "One *b*.", "anyOf": [{"const": True}, {"properties": {"e": {}}}]},
            "itself": {"properties": {"f": {"$ref": "#/$defs/itself"}}},
        },
    }
    file.write_text(json.dumps(schema))
    meanings = {"a": r"One \*b\*. Value: `true`, or a mapping of the keys below.", "a.e": "–"}
    meanings |= {"c": 'Only value: `"x"`. Default: `["x"]`.', "d": "–", "*": "–", "*.f": "–"}
    keys = schemas.keys(file)
    assert keys == "".join(f"`{path}`\n: {meaning}\n\n" for path, meaning in meanings.items())
    assert schemas.listing(tmp_path, "https://example.com") == (
        "## A thing\n\n[`a.schema.json`](https://example.com/a.schema.json)\n\nAll of it.\n\n"
        f"<details><summary>Its keys</summary>\n\n{keys}</details>\n"
    )
