"""The documents agree with the program: tables, transcripts, pictures, examples, links, names of inputs and outputs."""

from __future__ import annotations

import doctest
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from gto_ci.files.policy_file import read
from tests import job_summary, readme_tables, sessions, terminal
from tests.readme_tables import ACTION, DOCS, PROJECT, README, REFERENCE, TABLES
from tests.workdir import WorkDir

EXAMPLES = PROJECT / "examples/workflows"
DOCUMENTS = sorted(
    path for folder in (".", "docs/**", "examples/**", "benchmarks", "tests") for path in PROJECT.glob(f"{folder}/*.md")
)
WORKFLOWS = sorted(EXAMPLES.glob("*.yml"))
TO_UPDATE = "out of date; to update: python -m tests.readme_tables --write"


@pytest.fixture(scope="module")
def action() -> dict[str, Any]:
    loaded = yaml.safe_load(ACTION.read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


@pytest.fixture(scope="module")
def readme() -> str:
    return README.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def reference() -> str:
    return REFERENCE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> WorkDir:
    return readme_tables.example_registry(tmp_path_factory.mktemp("readme") / "registry")


def test_the_readme_is_short(readme: str) -> None:
    assert len(readme.split()) < 1900
    assert len(readme.splitlines()) <= 200


@pytest.mark.parametrize("document", TABLES, ids=lambda path: path.name)
def test_tables_are_those_of_action_yml(document: Path, action: dict[str, Any]) -> None:
    text = document.read_text(encoding="utf-8")
    assert text == readme_tables.with_tables(text, action, TABLES[document]), TO_UPDATE


def test_a_change_of_action_yml_is_noticed(reference: str, action: dict[str, Any]) -> None:
    changed = {**action, "outputs": {**action["outputs"], "extra": {"description": "One | more"}}}
    assert r"| `extra` | One \| more |" in readme_tables.with_tables(reference, changed)


def test_the_readme_shows_the_inputs_and_outputs_that_are_most_used(readme: str, action: dict[str, Any]) -> None:
    for part, number in (("inputs", 6), ("outputs", 8)):
        table = readme.partition(f"<!-- often used {part} -->")[2].partition(f"<!-- /often used {part} -->")[0]
        rows = re.findall(r"^\| `(.+?)` .*\| (.*) \|$", table, re.MULTILINE)
        assert len(rows) == number
        for name, meaning in rows:
            assert re.sub(r"[\\`]", "", meaning) == " ".join(action[part][name]["description"].split())


def test_missing_markers_are_an_error(action: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="inputs"):
        readme_tables.with_tables("no markers", action)


@pytest.mark.parametrize("document", readme_tables.documents(), ids=lambda path: path.name)
def test_transcripts_are_what_the_program_prints(document: Path, tmp_path: Path) -> None:
    text = document.read_text(encoding="utf-8")
    repository = readme_tables.documents()[document](tmp_path / "registry")
    assert text == readme_tables.with_transcript(text, repository), TO_UPDATE
    assert re.search(r"^\$ (gto|git ghost) ", text, re.MULTILINE)


def test_the_workflow_of_the_readme_is_easy_to_read(readme: str) -> None:
    """Block style alone, least permissions, no credentials that stay; tests/e2e/test_migration.py runs it."""
    (text,) = re.findall(r"<!-- workflow -->\n\n```yaml\n(.*?)```\n\n<!-- /workflow -->", readme, re.DOTALL)
    assert "{" not in text.replace("${{", "")
    loaded = yaml.safe_load(text)
    assert loaded["permissions"] == {"contents": "read"}
    (job,) = loaded["jobs"].values()
    assert job["steps"][0]["with"] == {"persist-credentials": False}


def test_the_transcripts_show_the_registry() -> None:
    text = (DOCS / "reference/gto.md").read_text(encoding="utf-8")
    for command in ("gto register", "gto assign", "gto deprecate", "gto show", "gto check-ref", "gto history"):
        assert f"\n$ {command} " in text or f"\n$ {command}\n" in text


def test_every_block_of_commands_is_run() -> None:
    """By the transcripts or by the sessions; what is none of our programs is named here, with what runs it."""
    others = []
    blocks = 0
    for document in DOCUMENTS:
        if document in sessions.documents() or (not document.is_relative_to(DOCS) and document != README):
            continue
        found = re.findall(r"^```console\n(.*?)^```$", document.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
        run = document in readme_tables.documents()
        blocks += len(found)
        others += [block for block in found if not run or not re.match(r"\$ (gto|git ghost) ", block)]
    assert blocks >= 8
    assert sorted(others) == [
        "$ export GIT_GHOST_REPO=git@example.com:team/ghosts.git\n",  # the transcripts set it, to another one
        # forms of a command that how-to/deploy-behind-a-gate.md runs
        (
            "$ gto-ci gate churn#prod\n$ gto-ci gate churn#prod --policy next-policy.yaml --json\n"
            "$ gto-ci gate explain churn --stage prod\n"
        ),
        "$ make demo\n$ make test\n",  # tests/e2e/test_fresh_clone.py
    ]


def test_the_pictures_are_what_the_programs_print() -> None:
    for file, picture in terminal.pictures().items():
        assert file.read_text(encoding="utf-8") == picture, "out of date; to update: python -m tests.terminal --write"


def test_the_picture_of_a_job_summary_is_what_the_action_writes() -> None:
    for file, picture in job_summary.pictures().items():
        assert file.read_text(encoding="utf-8") == picture, (
            "out of date; to update: python -m tests.job_summary --write"
        )


def test_pictures_differ_in_their_colours_alone(readme: str) -> None:
    for name in ("flow", "summary", "terminal"):
        light, dark = ((DOCS / f"images/{name}-{theme}.svg").read_text(encoding="utf-8") for theme in ("light", "dark"))
        assert light != dark
        assert re.sub(r"#[0-9a-f]{6}\b", "", light) == re.sub(r"#[0-9a-f]{6}\b", "", dark)
    for image in re.findall(r'(?:src|srcset)="(.+?)"', readme):
        assert (PROJECT / image).is_file()


def test_the_picture_of_the_flow_shows_the_commands_of_the_readme(readme: str) -> None:
    picture = (DOCS / "images/flow-light.svg").read_text(encoding="utf-8")
    for tag in ("churn@v1.0.0", "churn#prod#1"):
        assert f">{tag}</text>" in picture
        assert f"Created git tag '{tag}'" in readme


def test_python_examples_run(registry: WorkDir, monkeypatch: pytest.MonkeyPatch) -> None:
    page = DOCS / "reference/python.md"
    blocks = re.findall(r"^```python\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert len(blocks) == 2
    assert "```python\n" not in README.read_text(encoding="utf-8")
    monkeypatch.chdir(registry.path)
    for name in ("GTO_STAGES", "GTO_TYPES", "GTO_INDEX"):
        monkeypatch.delenv(name, raising=False)
    example = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, page.name, str(page), 0)
    report: list[str] = []
    outcome = doctest.DocTestRunner(verbose=False).run(example, out=report.append)
    assert outcome.attempted >= 4
    assert outcome.failed == 0, "".join(report)


def test_workflows_use_only_inputs_and_outputs_that_exist(readme: str, action: dict[str, Any]) -> None:
    for text in (readme, *_pages(), *(workflow.read_text(encoding="utf-8") for workflow in WORKFLOWS)):
        used = set(re.findall(r"steps\.gto\.outputs\.([\w-]+)", text))
        assert used or not re.search(r"\bid: gto$", text, re.MULTILINE)
        assert used <= set(action["outputs"])
    for workflow in WORKFLOWS:
        for step in _steps(yaml.safe_load(workflow.read_text(encoding="utf-8"))):
            if "gto-action" in step.get("uses", ""):
                folder = step["uses"].removeprefix("org/gto-action").removesuffix("@v1").lstrip("/")
                manifest = yaml.safe_load((PROJECT / folder / "action.yml").read_text(encoding="utf-8"))
                assert set(step.get("with", {})) <= set(manifest.get("inputs", {}))


def test_the_table_of_workflows_is_that_of_the_files() -> None:
    table = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| \[.*?\]\((.*?\.yml)\) (.*)$", table, re.MULTILINE))
    assert set(rows) == {workflow.name for workflow in WORKFLOWS}
    for workflow in WORKFLOWS:
        jobs = yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"].values()
        given = {f"{scope}: {level}" for job in jobs for scope, level in job["permissions"].items()}
        assert set(re.findall(r"`([a-z-]+: (?:read|write))`", rows[workflow.name])) == given


@pytest.mark.parametrize(
    ("workflow", "started_by", "not_by"),
    [
        ("on-registration", "churn@v1.0.0 team/churn@v1.0.0-rc.1 models=churn@v1.0.0#2", "churn#prod#1 v1.0.0"),
        (
            "on-assignment",
            "churn#prod churn#prod#12 team/churn#prod#3",
            "churn#prod!#4 churn#prod! churn#prod-eu#1 prod",
        ),
        ("test-staging", "churn#staging#1 models=churn#staging", "churn#staging!#2 churn@v1.0.0 churn#prod#1"),
    ],
)
def test_tags_that_start_a_workflow(workflow: str, started_by: str, not_by: str) -> None:
    """GitHub's "Filter pattern cheat sheet" as regular expressions: `**`, `*`, and `[]` and `+` as they are."""
    loaded = yaml.safe_load((EXAMPLES / f"{workflow}.yml").read_text(encoding="utf-8"))
    filters = loaded[True]["push"]["tags"]  # to YAML 1.1, `on` is true
    patterns = [one.replace(".", r"\.").replace("**", "\0").replace("*", "[^/]*") for one in filters]
    found = re.compile("|".join(patterns).replace("\0", ".*"))
    assert [tag for tag in started_by.split() if not found.fullmatch(tag)] == []
    assert [tag for tag in not_by.split() if found.fullmatch(tag)] == []


def test_the_sample_policy_is_understood() -> None:
    """As it is, and with the parts that are comments."""
    text = (PROJECT / "examples/gto-policy.yaml").read_text(encoding="utf-8")
    policy = read(text.encode(), "gto-policy.yaml")
    assert [rule.name for rule in policy.rules[:2]] == ["every version says what it is", "production"]
    whole = read(re.sub(r"^( *)#(?! )", r"\1", text, flags=re.MULTILINE).encode(), "gto-policy.yaml")
    assert whole.allowed_signers
    assert len(whole.rules) == len(policy.rules) + 1


def test_workflows_put_no_expression_into_a_script(readme: str) -> None:
    blocks = [
        block
        for text in (readme, *_pages())
        for block in re.findall(r"^```yaml\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
        if "jobs:" in block
    ]
    assert len(blocks) >= 3
    for text in (*blocks, *(file.read_text(encoding="utf-8") for file in _workflow_files())):
        scripts = [step["run"] for step in _steps(yaml.safe_load(text)) if "run" in step]
        assert not [script for script in scripts if "${{" in script]


def test_yaml_blocks_are_valid(readme: str) -> None:
    for text in (readme, *_pages(), *(file.read_text(encoding="utf-8") for file in PROJECT.glob("*.md"))):
        for block in re.findall(r"^```yaml\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
            assert yaml.safe_load(block) or block.startswith("#"), block


def test_actions_are_pinned_to_the_same_commits_everywhere(readme: str) -> None:
    pins: dict[str, set[str]] = {}
    for text in (readme, *_pages(), *(file.read_text(encoding="utf-8") for file in _workflow_files())):
        for name, pin in re.findall(r"uses: (actions/[\w-]+)@(.*)$", text, re.MULTILINE):
            assert re.fullmatch(r"[0-9a-f]{40} # v\d+\.\d+\.\d+", pin), f"{name}@{pin}"
            pins.setdefault(name, set()).add(pin)
    assert pins
    assert {name: len(found) for name, found in pins.items()} == dict.fromkeys(pins, 1)


def test_the_guide_for_contributors_names_files_that_exist() -> None:
    text = (PROJECT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = text.partition("## To change X, open Y")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (.+?) \| (.+?) \|$", table, re.MULTILINE)[1:]
    assert len(rows) >= 20
    named = [name for _, where in rows for name in re.findall(r"`([\w./]+)`", where)]
    assert [name for name in named if not (PROJECT / name).exists() and not (PROJECT / "gto_ci" / name).exists()] == []
    for test in re.findall(r"-m pytest ([\w/.:]+)", text):
        file, _, function = test.partition("::")
        assert (PROJECT / file).exists()
        assert not function or f"def {function}(" in (PROJECT / file).read_text(encoding="utf-8")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT)))
def test_links_lead_somewhere(document: Path) -> None:
    for target in _links(document.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (document.parent / path).resolve() if path else document
        assert file.exists(), f"{document.name}: {target}"
        if anchor:
            assert anchor in set(_anchors(file.read_text(encoding="utf-8"))), f"{document.name}: {target}"


def _pages() -> list[str]:
    return [page.read_text(encoding="utf-8") for page in sorted(DOCS.rglob("*.md"))]


def _workflow_files() -> list[Path]:
    return [*sorted((PROJECT / ".github/workflows").glob("*.yml")), *WORKFLOWS]


def _steps(workflow: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for job in workflow["jobs"].values():
        yield from job.get("steps", ())  # a job that is another workflow has none


def _prose(markdown: str) -> str:
    return re.sub(r"^```.*?^```$", "", markdown, flags=re.DOTALL | re.MULTILINE)


def _links(markdown: str) -> list[str]:
    text = re.sub(r"`[^`\n]*`", "", _prose(markdown))
    return re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r"^\[[^\]]+\]: (\S+)$", text, re.MULTILINE)


def _anchors(markdown: str) -> Iterator[str]:
    """The ids that GitHub gives to headings."""
    for heading in re.findall(r"^#+ (.+)$", _prose(markdown), re.MULTILINE):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
