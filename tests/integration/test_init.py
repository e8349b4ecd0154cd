"""Tests of `gto-ci init`: it writes all of its files or none, and keeps existing files."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from subprocess import PIPE

import jsonschema
import pytest
import yaml

from gto_ci.api import files as project_files
from gto_ci.api import init as setup
from gto_ci.errors import GtoError
from gto_ci.files import config, policy_file
from tests import running
from tests.prompting import on_a_terminal
from tests.readme_tables import PROJECT
from tests.running import BIN, Ran, environ, finish, observed
from tests.workdir import WorkDir

WORKFLOW = ".github/workflows/gto.yml"
EVERYTHING = (
    *("--stage", "dev", "--stage", "staging", "--stage", "prod", "--type", "model", "--policy"),
    *("--artifact", "churn=models/churn.pkl", "--artifact", "models/nlp:segment"),
)
FILES = [WORKFLOW, ".gto", ".gto-policy.yaml", "artifacts.yaml"]


@pytest.fixture
def work(tmp_path: Path) -> WorkDir:
    return WorkDir.init(tmp_path / "work")


def init(work: WorkDir, *args: str, **more: str) -> Ran:
    return running.gto(work, "init", *args, program="gto-ci", **more)


def files(work: WorkDir) -> list[str]:
    """Return all files of the working tree, including temporary ones."""
    found = (path for path in work.path.rglob("*") if not path.is_dir() and ".git" not in path.parts)
    return sorted(path.relative_to(work.path).as_posix() for path in found)


def uses(workflow: str) -> list[str]:
    return re.findall(r"uses: (\S+)", workflow)


# What is written


def test_everything(work: WorkDir) -> None:
    ran = init(work, *EVERYTHING, "--yes")
    assert (ran.code, ran.err) == (0, "")
    assert files(work) == sorted(FILES)
    settings = config.load(work.path, {})
    assert (settings.stages, settings.types) == (("dev", "staging", "prod"), ("model",))
    assert (work.path / "artifacts.yaml").read_text() == "churn:\n  path: models/churn.pkl\nmodels/nlp:segment: {}\n"
    for name in FILES:
        assert f"+++ b/{name}\n" in ran.out
    assert "  git add -- .github/workflows/gto.yml .gto .gto-policy.yaml artifacts.yaml\n" in ran.out
    assert ran.out.endswith("  gto register NAME --push\n")


def test_what_it_says_to_do_next_can_be_done(work: WorkDir, tmp_path: Path) -> None:
    """Run the printed commands in a shell, in a repository with a remote."""
    WorkDir.init(tmp_path / "remote.git", "--bare")
    work.git("remote", "add", "origin", str(tmp_path / "remote.git"))
    work.git("config", "push.autoSetupRemote", "true")
    said = init(work, *EVERYTHING, "--yes", "--action", f"acme/gto-action@{'a' * 40}").out
    commands = said.partition("Next steps:\n")[2].replace("gto register NAME", f"{BIN}/gto register churn")
    subprocess.run(["sh", "-e", "-c", commands], cwd=work.path, env=environ(work), check=True, capture_output=True)
    assert set(work.tags()) == {"churn@v0.0.1"}
    assert running.gto(work, "describe", "churn", "--path").out == "models/churn.pkl\n"


def test_the_policy_is_one_that_the_gate_reads(work: WorkDir) -> None:
    init(work, *EVERYTHING, "--yes")
    text = (work.path / ".gto-policy.yaml").read_bytes()
    jsonschema.validate(yaml.safe_load(text), json.loads((PROJECT / "schemas/gto-policy.schema.json").read_text()))
    first, second = policy_file.read(text, ".gto-policy.yaml").rules
    assert (first.stages, second.stages) == ((), ("prod",))
    work.commit("set up")
    work.tag("churn@v1.0.0")
    work.tag("churn#prod#1")
    judged = running.gto(work, "gate", "churn#prod#1", program="gto-ci")
    assert judged.code == 1
    assert "'staging'" in judged.out
    work.git("tag", "-d", "churn#prod#1")
    work.tag("churn#staging#1")
    work.tag("churn#prod#2")
    assert running.gto(work, "gate", "churn#prod#2", program="gto-ci").code == 0


@pytest.mark.parametrize("stages", [[], ["prod"], ["no", "010"], ["on", "a/b", "null"]])
def test_stages_of_any_name_and_number(work: WorkDir, stages: list[str]) -> None:
    """YAML must read the stages `no` and `010` as text."""
    ran = init(work, *(word for stage in stages for word in ("--stage", stage)), "--policy", "--yes")
    assert ran.code == 0
    assert config.load(work.path, {}).stages == (tuple(stages) or None)
    rules = policy_file.read((work.path / ".gto-policy.yaml").read_bytes(), "x").rules
    assert len(rules) == (2 if len(stages) > 1 else 1)


def test_the_workflow_is_pinned_and_knows_the_action(work: WorkDir) -> None:
    """tests/lint/workflows.sh checks the workflow with actionlint, zizmor and the workflow schema."""
    pinned = f"acme/gto-action@{'0' * 40}"
    init(work, "--policy", "--yes", "--action", pinned)
    text = (work.path / WORKFLOW).read_text()
    checkout, action = uses(text)
    assert checkout in uses((PROJECT / "examples/workflows/on-assignment.yml").read_text())
    assert action == pinned
    assert "zizmor" not in text
    manifest = yaml.safe_load((PROJECT / "action.yml").read_text())
    (job,) = yaml.safe_load(text)["jobs"].values()
    (given,) = (step["with"] for step in job["steps"] if step.get("id") == "gto")
    assert set(given) <= set(manifest["inputs"])
    assert set(re.findall(r"steps\.gto\.outputs\.([\w-]+)", text)) <= set(manifest["outputs"])
    assert yaml.safe_load(text)["permissions"] == {}
    assert not [step for step in job["steps"] if "${{" in step.get("run", "")]


@pytest.mark.parametrize("policy_is_there", [False, True])
def test_the_workflow_asks_for_a_policy_where_there_is_one(work: WorkDir, policy_is_there: bool) -> None:
    if policy_is_there:
        work.write(".gto-policy.yaml", "rules: []\n")
    init(work, "--yes")
    assert ("policy: .gto-policy.yaml" in (work.path / WORKFLOW).read_text()) == policy_is_there


def test_in_another_folder(work: WorkDir, tmp_path: Path) -> None:
    elsewhere = WorkDir.init(tmp_path / "a place")
    (elsewhere.path / "below").mkdir()
    ran = init(work, "--repo", str(elsewhere.path / "below"), "--yes")
    assert f"  git -C '{elsewhere.path}' add -- {WORKFLOW}\n" in ran.out
    assert (files(elsewhere), files(work)) == ([WORKFLOW], [])


# Existing files


def test_what_is_there_stays(work: WorkDir) -> None:
    init(work, *EVERYTHING, "--yes")
    before = observed(work)
    ran = init(work, "--stage", "other", "--policy", "--artifact", "churn=elsewhere", "--yes")
    assert (ran.code, ran.out) == (0, "There is nothing to write\n")
    assert ran.err.splitlines() == [
        "'.gto' already exists and stays as it is",
        "'.gto-policy.yaml' already exists and stays as it is",
        "'.github/workflows/gto.yml' already exists and stays as it is",
        "'churn' is already in 'artifacts.yaml' and stays as it is",
    ]
    assert observed(work) == before


def test_artifacts_are_added_and_every_other_line_stays(work: WorkDir) -> None:
    old = "# ours\nchurn: {type: model}   # the first\n\n"
    file = work.write("artifacts.yaml", old)
    file.chmod(0o640)
    ran = init(work, "--artifact", "segment=a,b.pkl", "--no-workflow", "--yes")
    assert ran.code == 0
    assert [line for line in ran.out.splitlines() if line.startswith("-") and not line.startswith("---")] == []
    assert file.read_text().startswith(old.rstrip("\n"))
    assert yaml.safe_load(file.read_text())["segment"] == {"path": "a,b.pkl"}
    assert file.stat().st_mode & 0o777 == 0o640


def test_the_index_is_where_the_settings_say(work: WorkDir) -> None:
    work.write(".gto", "index: registry/index.yaml\n")
    assert init(work, "--artifact", "churn", "--no-workflow", "--yes").code == 0
    assert files(work) == [".gto", "registry/index.yaml"]


def test_a_dry_run_writes_nothing(work: WorkDir) -> None:
    ran = init(work, *EVERYTHING, "--dry-run")
    assert (ran.code, ran.err, files(work)) == (0, "", [])
    assert "+stages: [dev, staging, prod]\n" in ran.out
    assert "dry run" in ran.out


def test_without_a_terminal_and_without_yes_it_shows_and_stops(work: WorkDir) -> None:
    ran = init(work, "--stage", "prod")
    assert (ran.code, files(work)) == (1, [])
    assert ran.out.startswith("--- /dev/null\n+++ b/.github/workflows/gto.yml\n")
    assert ran.err == "❌ Nothing was written: without a terminal, init cannot ask. Add --yes to write the files\n"


# All or nothing


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--artifact", "--help"], "Invalid artifact name '--help'"),
        (["--artifact", "a..b:c"], "git refuses '..'"),
        (["--artifact", "churn="], "The path of artifact 'churn' is missing"),
        (["--stage", "pr\nod"], r"Invalid stage 'pr\nod'"),
        (["--stage", "-rf"], "Invalid stage '-rf'"),
        (["--type", "a b"], "Invalid type 'a b'"),
        (["--artifact", "a=x", "--artifact", "b=x/y"], "conflicts"),
        (["--artifact", "a=x\udcff"], "is not text in UTF-8"),
        (["--action", "x@v1\nrun: id"], "is not an action"),
        (["--repo", "missing"], "it does not exist"),
        (["--repo", "https://example.com/a.git"], "it is a URL"),
    ],
)
def test_names_that_cannot_be(work: WorkDir, args: list[str], says: str) -> None:
    ran = init(work, "--policy", *args, "--yes")
    assert (ran.code, ran.out, files(work)) == (1, "", [])
    assert says in ran.err
    assert ran.err.startswith("❌ ")
    assert ran.err.count("\n") == 1


def test_where_there_is_no_work_tree(tmp_path: Path) -> None:
    bare = WorkDir.init(tmp_path / "bare.git", "--bare")
    assert "bare repository" in init(bare, "--yes").err
    (tmp_path / "empty").mkdir()
    assert "git init" in init(WorkDir(tmp_path / "empty"), "--yes").err
    assert list((tmp_path / "empty").iterdir()) == []


def test_what_cannot_be_read_stops_it(work: WorkDir) -> None:
    work.write(".gto", "stages: [")
    ran = init(work, "--yes")
    assert (ran.code, files(work)) == (1, [".gto"])
    assert "Wrong config file" in ran.err
    work.write(".gto", "")
    work.write("artifacts.yaml", "churn: [")
    ran = init(work, "--artifact", "x", "--yes")
    assert (ran.code, files(work)) == (1, [".gto", "artifacts.yaml"])
    assert "Malformed annotations in 'artifacts.yaml'" in ran.err


def test_nothing_is_written_through_a_link(work: WorkDir, tmp_path: Path) -> None:
    (work.path / ".gto").symlink_to(tmp_path / "elsewhere")
    ran = init(work, "--stage", "prod", "--yes")
    assert ran.code == 0
    assert "'.gto' already exists" in ran.err
    assert not (tmp_path / "elsewhere").exists()
    (work.path / "artifacts.yaml").symlink_to(tmp_path / "elsewhere")
    before = observed(work)
    ran = init(work, "--artifact", "churn", "--policy", "--yes")
    assert ran.code == 1
    assert "'artifacts.yaml' points outside the working tree" in ran.err
    assert observed(work) == before


@pytest.mark.parametrize("kind", ["file", "link out"])
def test_a_folder_that_is_none(work: WorkDir, tmp_path: Path, kind: str) -> None:
    if kind == "file":
        work.write(".github", "not a folder\n")
    else:
        (work.path / ".github").symlink_to(tmp_path)
    before = observed(work)
    ran = init(work, "--stage", "prod", "--yes")
    assert (ran.code, ran.out) == (1, "")
    assert "'.github' is not a folder" in ran.err or "points outside the working tree" in ran.err
    assert observed(work) == before
    assert not (tmp_path / "workflows").exists()


def test_a_folder_that_cannot_be_written_to(work: WorkDir) -> None:
    """`.github` is created first; when the root turns out to be read-only, `.github` is removed again."""
    powerless: list[str] = []
    if os.geteuid() == 0:
        powerless = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--"]
        if shutil.which("setpriv") is None or subprocess.run([*powerless, "true"], check=False).returncode:
            assert not os.environ.get("CI")
            pytest.skip("root writes anywhere here, and setpriv cannot take that away")
    (work.path / ".github").mkdir()
    work.path.chmod(0o555)
    try:
        command = [*powerless, BIN / "gto-ci", "init", "--stage", "prod", "--yes"]
        ran = finish(subprocess.Popen(command, cwd=work.path, env=environ(work), stdout=PIPE, stderr=PIPE))
    finally:
        work.path.chmod(0o755)
    assert ran.code == 1
    assert ran.err == "❌ Cannot use '.gto': Permission denied. Make it a file that you can read and write\n"
    assert "Next:" not in ran.out
    assert files(work) == []
    assert list((work.path / ".github").iterdir()) == []


def test_a_file_that_changes_between_the_question_and_the_answer(work: WorkDir) -> None:
    """`artifacts.yaml` is written last: the files before it are in place, and are removed again."""
    work.write("artifacts.yaml", "churn: {}\n")
    wishes = setup.InitOptions(stages=("dev", "prod"), artifacts=(("segment", ""),), policy=True)
    plan = setup.plan(setup.inspect(work.path, {**environ(work)}), wishes)
    assert [text.path for text in plan.texts] == FILES
    work.write("artifacts.yaml", "churn: {type: model}\n")
    before = observed(work)
    with pytest.raises(GtoError, match=r"Another program changed 'artifacts.yaml'"):
        setup.write_plan(plan)
    assert observed(work) == before
    assert not (work.path / ".github").exists()


def test_what_somebody_changes_meanwhile_is_not_taken_back(work: WorkDir, monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: another program changed the new `.gto`, `artifacts.yaml` failed, and init removed `.gto`."""
    work.write("artifacts.yaml", "churn: {}\n")
    wishes = setup.InitOptions(stages=("dev", "prod"), artifacts=(("segment", ""),), policy=True)
    plan = setup.plan(setup.inspect(work.path, {**environ(work)}), wishes)
    put = project_files.put_in_place

    def put_and_edit(beside: Path, file: Path, before: bytes | None, path: str) -> None:
        put(beside, file, before, path)
        if path == ".gto":
            file.write_text("stages: [mine]\n")
            (work.path / ".github/mine").write_text("mine\n")
            (work.path / "artifacts.yaml").write_text("churn: {type: model}\n")

    monkeypatch.setattr(project_files, "put_in_place", put_and_edit)
    with pytest.raises(GtoError, match=r"Another program changed 'artifacts.yaml'"):
        setup.write_plan(plan)
    assert files(work) == [".github/mine", ".gto", "artifacts.yaml"]
    assert (work.path / ".gto").read_text() == "stages: [mine]\n"
    assert (work.path / "artifacts.yaml").read_text() == "churn: {type: model}\n"


def test_a_file_that_comes_into_being_meanwhile_stays(work: WorkDir, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program creates the file just before init's rename, which would have replaced it."""
    plan = setup.plan(setup.inspect(work.path, {**environ(work)}), setup.InitOptions(stages=("dev",)))
    read = project_files.read

    def read_and_edit(file: Path, path: str) -> bytes | None:
        found = read(file, path)
        if path == ".gto":
            file.write_text("stages: [mine]\n")
        return found

    monkeypatch.setattr(project_files, "read", read_and_edit)
    with pytest.raises(GtoError, match=r"Another program changed '.gto'"):
        setup.write_plan(plan)
    assert files(work) == [".gto"]
    assert (work.path / ".gto").read_text() == "stages: [mine]\n"


# On a terminal


def test_questions(work: WorkDir) -> None:
    typed = "dev, -x\ndev, prod\n\nchurn=models/churn.pkl segment\ny\nn\ny\n"
    ran = on_a_terminal(work, "init", typed=typed)
    assert ran.code == 0
    assert "Error: Invalid stage '-x'" in ran.out
    assert files(work) == [WORKFLOW, ".gto", "artifacts.yaml"]
    assert config.load(work.path, {}).stages == ("dev", "prod")
    assert config.load(work.path, {}).types is None
    assert set(yaml.safe_load((work.path / "artifacts.yaml").read_text())) == {"churn", "segment"}


def test_what_was_given_is_not_asked_for(work: WorkDir) -> None:
    work.write(".gto", "")
    given = ("--artifact", "churn", "--no-workflow", "--policy")
    ran = on_a_terminal(work, "init", *given, typed="y\n")
    assert (ran.code, files(work)) == (0, [".gto", ".gto-policy.yaml", "artifacts.yaml"])
    assert ran.out.count("?") == 1


@pytest.mark.parametrize(("answer", "code"), [("n\n", 0), ("\n", 0), ("", 130)])
def test_a_person_who_does_not_want_it(work: WorkDir, answer: str, code: int) -> None:
    ran = on_a_terminal(work, "init", *EVERYTHING, "--workflow", typed=answer)
    assert (ran.code, files(work)) == (code, [])
    assert "+stages: [dev, staging, prod]\n" in ran.out


def test_no_colour_and_no_emojis(work: WorkDir) -> None:
    ran = on_a_terminal(work, "init", "--stage", "prod", "--yes", typed="", GTO_EMOJIS="false", NO_COLOR="1")
    assert "\nThe files were written. Next steps:\n" in ran.out
    assert ran.out.isascii()
    assert "\x1b" not in ran.out
    assert "\x1b" not in on_a_terminal(work, "init", typed="\n\n\ny\ny\ny\n").out
