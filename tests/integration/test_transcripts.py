"""Every command in GTO's README, from top to bottom, with its output.

Messages are compared letter for letter, and tables cell by cell without dates. Three things differ from
that page. A comment gives the reason for each.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.running import Ran, gto
from tests.workdir import WorkDir

Run = Callable[..., Ran]
DAY = 86_400
AUGUST_22 = 1_661_205_930  # 2022-08-22 22:05:30 +0000


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> WorkDir:
    """The repository that the README clones: churn, segment and cv-class, with the dates in its tables."""
    work = WorkDir.init(tmp_path_factory.mktemp("seed") / "example-gto")
    work.now = AUGUST_22
    work.write(
        "artifacts.yaml",
        "churn:\n  type: model\n  path: models/churn.pkl\n  virtual: false\n"
        "segment: {type: model}\ncv-class: {type: model}\n",
    )
    work.commit("Churn, version 3.0", **{"models/churn.pkl": "3.0"})
    work.tag("churn@v3.0.0", date=1_661_305_930)
    work.tag("cv-class@v0.1.13", date=1_661_305_990)
    work.now = 1_661_605_930
    work.commit("Churn, version 3.1", **{"models/churn.pkl": "3.1"})
    work.tag("churn@v3.1.0", date=1_661_705_930)
    work.tag("segment@v0.4.1", date=1_661_705_990)
    work.tag("churn#dev#1", "churn@v3.0.0^{}", date=1_661_805_930)
    work.tag("churn#staging#2", date=1_661_905_930)
    work.tag("churn#prod#3", "churn@v3.0.0^{}", date=1_662_005_930)
    work.tag("churn#dev#4", date=1_662_105_930)
    work.tag("segment#dev#1", date=1_662_105_990)
    work.now = 1_662_105_930 + DAY
    return work


@pytest.fixture
def clone(example: WorkDir, tmp_path: Path) -> WorkDir:
    """``git clone …; cd example-gto``"""
    example.git("clone", "--quiet", str(example.path), str(tmp_path / "example-gto"))
    return WorkDir(tmp_path / "example-gto", now=example.now)


@pytest.fixture
def run(clone: WorkDir) -> Run:
    """Run a command line from the README, one minute after the previous one."""

    def run(line: str, **environ: str) -> Ran:
        clone.now += 60
        program, *arguments = shlex.split(line.removeprefix("$ "))
        assert program == "gto"
        return gto(clone, *arguments, **environ)

    return run


def says(ran: Ran, *lines: str) -> None:
    """Expect success and these lines. In a ``git push`` line, compare the words and ignore their quoting."""
    assert (ran.code, ran.err) == (0, "")
    printed = ran.out.splitlines()
    assert [shlex.split(line) if line.startswith("git push") else line for line in printed[: len(lines)]] == [
        line.split() if line.startswith("git push") else line for line in lines
    ]


def table(text: str) -> list[list[str]]:
    """Return the cells of a table without dates."""
    rows = [line.strip("│").split("│") for line in text.strip().splitlines() if line.startswith("│")]
    assert rows, text
    return [
        [re.sub(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\+00:00)?$", "DATE", cell.strip()) for cell in row] for row in rows
    ]


def shows(ran: Ran, expected: str) -> None:
    """Expect success and this table."""
    assert (ran.code, ran.err) == (0, "")
    assert table(ran.out) == table(expected)


def test_getting_started(clone: WorkDir, run: Run, tmp_path: Path) -> None:
    # Versioning an artifact
    says(
        run("$ gto register awesome-model HEAD --version v0.0.1"),
        "Created git tag 'awesome-model@v0.0.1' that registers a version",
    )
    # Assigning a stage to version
    says(
        run("$ gto assign awesome-model --version v0.0.1 --stage prod"),
        "Created git tag 'awesome-model#prod#1' that assigns a stage to 'v0.0.1'",
    )
    # Annotating
    says(run("$ gto annotate awesome-model --type model --path s3://awesome/model.pkl"))
    written = yaml.safe_load((clone.path / "artifacts.yaml").read_bytes())
    assert written["awesome-model"] == {"type": "model", "path": "s3://awesome/model.pkl"}
    assert list(written) == ["churn", "segment", "cv-class", "awesome-model"]

    assigned = copy_of(clone, tmp_path / "assigned")

    # Unassigning a stage
    says(
        run("$ gto deprecate awesome-model v0.0.1 prod"),
        "Created git tag 'awesome-model#prod!#2' that unassigns a stage from 'v0.0.1'",
    )
    unassigned = copy_of(clone, tmp_path / "unassigned")
    # "You also may want to delete the git tag instead of creating a new one."
    take_the_place(clone, assigned)
    says(
        run("$ gto deprecate awesome-model v0.0.1 prod --delete"),
        "Deleted git tag 'awesome-model#prod#1' that assigned a stage to 'v0.0.1'",
        "To push the changes upstream, run:",
        "git push origin awesome-model#prod#1 --delete",
    )

    # Deregister a version
    take_the_place(clone, unassigned)
    says(
        run("$ gto deprecate awesome-model v0.0.1"),
        "Created git tag 'awesome-model@v0.0.1!' that deregistered a version.",
    )
    take_the_place(clone, unassigned)
    deleted = (
        "Deleted git tag 'awesome-model@v0.0.1' that registered a version.",
        "Deleted git tag 'awesome-model#prod#1' that assigned a stage to 'v0.0.1'.",
        "Deleted git tag 'awesome-model#prod!#2' that unassigned a stage to 'v0.0.1'.",
        "To push the changes upstream, run:",
        "git push origin awesome-model@v0.0.1 awesome-model#prod#1 awesome-model#prod!#2 --delete",
    )
    says(run("$ gto deprecate awesome-model v0.0.1 --delete"), *deleted)

    # Deprecating an artifact
    take_the_place(clone, unassigned)
    says(
        run("$ gto deprecate awesome-model"),
        "Created Git tag 'awesome-model@deprecated' that deprecates an artifact.",
    )
    assert "awesome-model" not in run("$ gto show").out
    assert "awesome-model" in run("$ gto show --deprecated").out
    take_the_place(clone, unassigned)
    says(run("$ gto deprecate awesome-model --delete"), *deleted)
    assert not [tag for tag in clone.tags() if tag.startswith("awesome-model")]


@pytest.fixture
def registered(clone: WorkDir, run: Run) -> WorkDir:
    """The example after awesome-model was assigned to its stage, as in the README's tables."""
    run("$ gto register awesome-model HEAD --version v0.0.1")
    run("$ gto assign awesome-model --version v0.0.1 --stage prod")
    return clone


def test_using_the_registry_locally(registered: WorkDir, run: Run) -> None:
    # Rows are sorted by name, as in GTO 1.10.1. The README is older and sorts them by date.
    shows(
        run("$ gto show"),
        """
╒═══════════════╤══════════╤════════╤═════════╤════════════╕
│ name          │ latest   │ #dev   │ #prod   │ #staging   │
╞═══════════════╪══════════╪════════╪═════════╪════════════╡
│ awesome-model │ v0.0.1   │ -      │ v0.0.1  │ -          │
│ churn         │ v3.1.0   │ v3.1.0 │ v3.0.0  │ v3.1.0     │
│ cv-class      │ v0.1.13  │ -      │ -       │ -          │
│ segment       │ v0.4.1   │ v0.4.1 │ -       │ -          │
╘═══════════════╧══════════╧════════╧═════════╧════════════╛
""",
    )
    shows(
        run("$ gto show churn"),
        """
╒════════════╤═══════════╤══════════════╤═════════════════════╤══════════════╕
│ artifact   │ version   │ stage        │ created_at          │ ref          │
╞════════════╪═══════════╪══════════════╪═════════════════════╪══════════════╡
│ churn      │ v3.1.0    │ dev, staging │ 2022-08-28 16:58:50 │ churn@v3.1.0 │
│ churn      │ v3.0.0    │ prod         │ 2022-08-24 01:52:10 │ churn@v3.0.0 │
╘════════════╧═══════════╧══════════════╧═════════════════════╧══════════════╛
""",
    )


def test_several_versions_in_a_stage(run: Run) -> None:
    shows(
        run("$ gto show churn --vs -1"),
        """
╒════════════╤═══════════╤══════════════╤═════════════════════╤══════════════╕
│ artifact   │ version   │ stage        │ created_at          │ ref          │
╞════════════╪═══════════╪══════════════╪═════════════════════╪══════════════╡
│ churn      │ v3.1.0    │ dev, staging │ 2022-08-28 16:58:50 │ churn@v3.1.0 │
│ churn      │ v3.0.0    │ dev, prod    │ 2022-08-24 01:52:10 │ churn@v3.0.0 │
╘════════════╧═══════════╧══════════════╧═════════════════════╧══════════════╛
""",
    )


def test_kanban(run: Run) -> None:
    # "The latest stage replaces all the previous stages": the README's table shows the first ones instead,
    # staging and dev, which is GTO's difference 7 from what its text and its help promise.
    shows(
        run("$ gto show churn --av 1 --vs -1"),
        """
╒════════════╤═══════════╤═════════╤═════════════════════╤══════════════╕
│ artifact   │ version   │ stage   │ created_at          │ ref          │
╞════════════╪═══════════╪═════════╪═════════════════════╪══════════════╡
│ churn      │ v3.1.0    │ dev     │ 2022-08-28 16:58:50 │ churn@v3.1.0 │
│ churn      │ v3.0.0    │ prod    │ 2022-08-24 01:52:10 │ churn@v3.0.0 │
╘════════════╧═══════════╧═════════╧═════════════════════╧══════════════╛
""",
    )


def test_history(example: WorkDir, run: Run) -> None:
    new, old = (example.git("rev-parse", "--short=7", f"churn@{version}^{{}}") for version in ("v3.1.0", "v3.0.0"))
    shows(
        run("$ gto history churn"),
        f"""
╒═════════════════════╤════════════╤══════════════╤═══════════╤═════════╤══════════╤═════════════════╕
│ timestamp           │ artifact   │ event        │ version   │ stage   │ commit   │ ref             │
╞═════════════════════╪════════════╪══════════════╪═══════════╪═════════╪══════════╪═════════════════╡
│ 2022-09-02 08:05:30 │ churn      │ assignment   │ v3.1.0    │ dev     │ {new}  │ churn#dev#4     │
│ 2022-09-01 04:18:50 │ churn      │ assignment   │ v3.0.0    │ prod    │ {old}  │ churn#prod#3    │
│ 2022-08-31 00:32:10 │ churn      │ assignment   │ v3.1.0    │ staging │ {new}  │ churn#staging#2 │
│ 2022-08-29 20:45:30 │ churn      │ assignment   │ v3.0.0    │ dev     │ {old}  │ churn#dev#1     │
│ 2022-08-28 16:58:50 │ churn      │ registration │ v3.1.0    │ -       │ {new}  │ churn@v3.1.0    │
│ 2022-08-27 13:12:10 │ churn      │ commit       │ v3.1.0    │ -       │ {new}  │ {new}         │
│ 2022-08-24 01:52:10 │ churn      │ registration │ v3.0.0    │ -       │ {old}  │ churn@v3.0.0    │
│ 2022-08-22 22:05:30 │ churn      │ commit       │ v3.0.0    │ -       │ {old}  │ {old}         │
╘═════════════════════╧════════════╧══════════════╧═══════════╧═════════╧══════════╧═════════════════╛
""",
    )


def test_consuming_downstream(example: WorkDir, run: Run) -> None:
    # Inspecting Git tags
    says(
        run(f"$ gto check-ref -r {shlex.quote(str(example.path))} churn#prod#3"),
        '✅  Stage "prod" was assigned to version "v3.0.0" of artifact "churn"',
    )
    # Getting the right version
    shows(
        run("$ gto show churn@greatest"),
        """
╒════════════╤═══════════╤══════════════╤═════════════════════╤══════════════╕
│ artifact   │ version   │ stage        │ created_at          │ ref          │
╞════════════╪═══════════╪══════════════╪═════════════════════╪══════════════╡
│ churn      │ v3.1.0    │ dev, staging │ 2022-08-28 16:58:50 │ churn@v3.1.0 │
╘════════════╧═══════════╧══════════════╧═════════════════════╧══════════════╛
""",
    )
    says(run("$ gto show churn@greatest --ref"), "churn@v3.1.0")
    shows(
        run("$ gto show churn#prod"),
        """
╒════════════╤═══════════╤═════════╤═════════════════════╤══════════════╕
│ artifact   │ version   │ stage   │ created_at          │ ref          │
╞════════════╪═══════════╪═════════╪═════════════════════╪══════════════╡
│ churn      │ v3.0.0    │ prod    │ 2022-08-24 01:52:10 │ churn@v3.0.0 │
╘════════════╧═══════════╧═════════╧═════════════════════╧══════════════╛
""",
    )
    says(run("$ gto show churn#prod --ref"), "churn@v3.0.0")
    described = run("$ gto describe churn")
    assert json.loads(described.out) == {"type": "model", "path": "models/churn.pkl", "virtual": False}


def test_configuration(clone: WorkDir, run: Run) -> None:
    clone.write(
        ".gto",
        "# .gto config file\n"
        "types: [model, dataset]  # list of allowed Types\n"
        "stages: [dev, stage, prod]  # list of allowed Stages\n",
    )
    # "GTO will check commands you run and error out if you provided a value that doesn't exist in the config."
    refused = run("$ gto assign churn --version v3.0.0 --stage production")
    assert (refused.code, refused.out) == (1, "")
    assert "Allowed stages are: ['dev', 'stage', 'prod']" in refused.err
    refused = run("$ gto annotate churn --type video")
    assert (refused.code, refused.out) == (1, "")
    assert "Allowed types are: ['model', 'dataset']" in refused.err
    shown = run("$ gto show", GTO_EMOJIS="false")
    assert table(shown.out)[0] == ["name", "latest", "#dev", "#stage", "#prod"]
    assert run("$ gto check-ref churn#prod#3", GTO_EMOJIS="false").out.startswith('Stage "prod"')


def copy_of(work: WorkDir, path: Path) -> Path:
    shutil.copytree(work.path, path, symlinks=True)
    return path


def take_the_place(work: WorkDir, saved: Path) -> None:
    """Return to a saved state, because the README continues from there in another way."""
    shutil.rmtree(work.path)
    copy_of(WorkDir(saved), work.path)
