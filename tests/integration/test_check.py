"""Tests of ``gto-ci check``: files before a commit, and tags before a real ``git push``."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gto_ci.api.file_checks import KINDS, check_files
from gto_ci.git import Repository, Runner
from tests.running import BIN, Ran, environ, gto
from tests.workdir import WorkDir

GUIDE = Path(__file__).resolve().parents[2] / "docs/how-to/check-before-a-push.md"
GOOD = {
    "artifacts.yaml": "churn:\n  type: model\n  labels: [weekly]\n",
    "models/dvc.yaml": "artifacts:\n  nlp: {path: nlp.pkl}\nstages: {anything: {cmd: 1}}\n",
    ".gto": "stages: [dev, prod]\n",
    ".gto-policy.yaml": "rules: [{name: staged, stages: [prod], require: {after: dev}}]\n",
}
# file, content, the mistake's line, and the start and end of its message
WRONG = {
    "a type": ("artifacts.yaml", "churn:\n  type: model\n  labels: x\n", "3: 'labels' of 'churn' must be a list of"),
    "no YAML": ("artifacts.yaml", "churn: [\n", "2: it is not YAML: while parsing a flow"),
    "a name": ("artifacts.yaml", "churn: {}\n\n-x: {}\n", "3: Invalid artifact name '-x'. Use letters,"),
    "a name in dvc.yaml": ("dvc.yaml", "stages: {}\nartifacts:\n  a:\n    path: x\n  b c: {}\n", "5: Invalid artifact"),
    "a folder's name": ("a b/dvc.yaml", "artifacts:\n  nlp: {}\n", "2: Invalid artifact name 'a b:nlp'"),
    "a path in dvc.yaml": ("a/dvc.yaml", "artifacts:\n  nlp:\n    path: [x]\n", "3: 'path' of 'nlp' must be text"),
    "a key in .gto": (".gto", "# ours\nstages: [dev]\nstagez: [prod]\n", "3: unknown key 'stagez'. Known keys: types"),
    "a stage in .gto": (".gto", "types: [model]\nstages:\n- dev\n- -prod\n", "2: stages: Invalid stage '-prod'"),
    "a list in .gto": (".gto", "- dev\n", "1: '.gto' must hold keys and values. For example: stages"),
    "no YAML in .gto": (".gto", "types: [model]\nstages: [dev\n", "3: it is not YAML: while parsing a flow"),
    "no text in .gto": (".gto", "\0", "1: it is not YAML: control characters are not allowed"),
    "a word": (".gto-policy.yaml", "rules:\n- name: x\n  require: {aftr: dev}\n", "3: unknown key 'aftr'"),
    "no rule": (".gto-policy.yaml", "", "1: it is empty. For a policy without rules, write: rules: []"),
}  # fmt: skip


@pytest.fixture
def work(tmp_path: Path) -> WorkDir:
    work = WorkDir.init(tmp_path / "work")
    for name, content in GOOD.items():
        work.write(name, content)
    work.commit("one")
    return work


def check(work: WorkDir, *args: str, folder: str = ".", **more: str) -> Ran:
    return gto(WorkDir(work.path / folder), "check", *args, program="gto-ci", GTO_EMOJIS="false", **more)


# Files


def test_what_is_right_is_named(work: WorkDir) -> None:
    assert check(work) == Ran(0, "No errors in .gto, .gto-policy.yaml, artifacts.yaml, models/dvc.yaml\n", "")
    assert check(work, "dvc.yaml", folder="models") == Ran(0, "No errors in dvc.yaml\n", "")
    assert "../artifacts.yaml" in check(work, folder="models").out


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_with_its_line(work: WorkDir, case: str) -> None:
    name, content, said = WRONG[case]
    work.write(name, content)
    work.git("add", "--all")
    for args in ([name], []):
        ran = check(work, *args)
        assert (ran.code, ran.err) == (1, "")
        assert ran.out.startswith(f"{name}:{said}"), ran.out
        assert len(ran.out.splitlines()) == 1


def test_all_faults_of_all_files_are_said(work: WorkDir) -> None:
    work.write("artifacts.yaml", "a b: {}\nc: {}\nd!: {}\n")
    work.write(".gto", "emojis: maybe\n")
    ran = check(work)
    assert [line.split(" ")[0] for line in ran.out.splitlines()] == [
        ".gto:1:",
        "artifacts.yaml:1:",
        "artifacts.yaml:3:",
    ]


def test_a_file_of_another_name(work: WorkDir) -> None:
    work.write("rules.yaml", "rules: {}\n")
    ran = check(work, "rules.yaml")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.endswith("Name its kind: --as artifacts, dvc, config or policy\n")
    ran = check(work, "--as", "policy", "rules.yaml")
    assert (ran.code, ran.out) == (1, "rules.yaml:1: 'rules' must be a list. For example: rules: […]\n")
    ran = check(work, "none/dvc.yaml")
    assert (ran.code, ran.err) == (
        1,
        "Cannot read 'none/dvc.yaml': No such file or directory. Name an existing file\n",
    )


def test_the_file_that_the_settings_name(work: WorkDir) -> None:
    work.write(".gto", "index: models/ours.yaml\n")
    work.write("models/ours.yaml", "a b: {}\n")
    assert check(work).out.startswith("models/ours.yaml:1: Invalid artifact name")
    assert check(work, "models/ours.yaml").code == 1


def test_there_may_be_nothing_to_check(tmp_path: Path) -> None:
    ran = check(WorkDir.init(tmp_path / "empty"))
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("Nothing to check")
    outside = tmp_path / "outside"
    outside.mkdir()
    assert check(WorkDir(outside)).err.startswith("No Git repo found in ")


def test_usage(work: WorkDir) -> None:
    for args in (["--pre-push", "artifacts.yaml"], ["--as", "dvc"], ["--pre-push", "--as", "dvc"]):
        assert check(work, *args).code == 2


WORDS = [
    "a",
    "b c",
    ": ",
    "\n",
    "  ",
    "- ",
    "[",
    "]",
    "{",
    "}",
    "&x ",
    "*x",
    "<<: ",
    "? ",
    "!!set ",
    "'",
    "|\n",
    "#",
    "---\n",
]
WORDS += [
    "\t",
    "\0",
    "\x1b",
    "stages",
    "index",
    "artifacts",
    "rules",
    "name",
    "require",
    "path",
    "labels",
    "0x",
    ".inf",
]


@given(
    st.one_of(st.lists(st.sampled_from(WORDS), max_size=14).map(lambda words: "".join(words).encode()), st.binary()),
    st.sampled_from(KINDS),
)
@example(b"[" * 100_000, "artifacts")
@example(b"stages: &x [dev]\ntypes: *x\n? a\n", "config")
@example(b"x: &x {<<: *x}\na b: {}", "artifacts")
def test_whatever_is_in_a_file_it_is_one_line_for_each_fault(data: bytes, kind: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "x")
        file.write_bytes(data)
        for fault in check_files(Repository(Path(folder), Runner({})), [file], kind):
            assert str(fault).isprintable()
            assert 0 <= fault.line <= len(data) + 1


# Tags


@pytest.fixture
def pushing(work: WorkDir, tmp_path: Path) -> WorkDir:
    """A repository with a remote, and as its hook what the guide shows."""
    work.git("init", "--quiet", "--bare", str(tmp_path / "remote.git"))
    work.git("remote", "add", "origin", str(tmp_path / "remote.git"))
    work.git("push", "--quiet", "origin", "main")
    (script,) = re.findall(r"```sh\n(#!/bin/sh\n.*?gto-ci check --pre-push\n)```", GUIDE.read_text("utf-8"), re.DOTALL)
    work.write(".git/hooks/pre-push", script).chmod(0o755)
    return work


def push(work: WorkDir, *refs: str, options: Sequence[str] = ()) -> Ran:
    path = os.pathsep.join([str(BIN), os.environ["PATH"]])
    done = subprocess.run(
        ["git", *options, "push", "--porcelain", "origin", *refs],
        cwd=work.path, env=environ(work, PATH=path, GTO_EMOJIS="false"), capture_output=True, check=False,
    )  # fmt: skip
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


def on_remote(work: WorkDir) -> set[str]:
    return {line.split("\t")[1] for line in work.git("ls-remote", "--refs", "origin").split("\n")}


def test_good_tags_and_others_are_pushed(pushing: WorkDir) -> None:
    for tag in ("churn@v1.0.0", "churn#prod#1", "models=nlp#dev", "churn@deprecated"):
        pushing.tag(tag)
    pushing.tag("release#+1")
    pushing.lightweight("v1.0")
    pushing.lightweight("nightly@home")
    pushing.commit("two words")
    pushing.git("branch", "odd\u2028name\u00a0with\u2003spaces")
    ran = push(pushing, "--tags", "refs/heads/*", "HEAD^{/two words}:refs/heads/by-its-words")
    assert (ran.code, ran.err.count("Tag")) == (0, 0), ran
    assert {f"refs/tags/{tag}" for tag in pushing.tags()} < on_remote(pushing)


def test_what_would_mean_nothing_is_refused(pushing: WorkDir) -> None:
    head = pushing.head
    pushing.tag("churn@v1.0.0")
    pushing.lightweight("churn#prod#1")
    pushing.tag("tree@v1.0.0", f"{head}^{{tree}}")
    pushing.tag("churn@v1")
    pushing.raw_tag("old@v1.0.0", f"object {head}\ntype commit\ntag old@v1.0.0\n\nno tagger\n".encode())
    said = {
        "churn#prod#1": "would be ignored: it is lightweight, and only annotated tags count. Create it again",
        "tree@v1.0.0": "would be ignored: it points to a tree, not to a commit. Create it again",
        "old@v1.0.0": "would be ignored: it has no tagger and no date. Create it again",
        "churn@v1": "resembles a registry tag but is not one. Formats: NAME@vX.Y.Z, ",
    }
    for tag, reason in said.items():
        ran = push(pushing, f"refs/tags/{tag}")
        assert ran.code == 1
        assert ran.err.startswith(f"Tag '{tag}' {reason}"), ran
        assert "Tag" not in ran.out  # which is git's, for programs
    ran = push(pushing, "--tags", "main")
    assert ran.err.count("Tag '") == len(said)
    assert on_remote(pushing) == {"refs/heads/main"}


def test_the_name_on_the_remote_counts(pushing: WorkDir) -> None:
    pushing.lightweight("mine")
    pushing.tag("yours")
    assert push(pushing, "mine:refs/tags/churn@v1.0.0").code == 1
    assert push(pushing, "HEAD:refs/tags/churn@v1.0.0").code == 1
    assert push(pushing, "yours:refs/tags/churn@v1.0.0").code == 0
    pushing.tag("twice@v1.0.0", "yours")  # a tag of a tag
    assert push(pushing, "twice@v1.0.0").code == 0


def test_a_bad_tag_can_be_taken_from_the_remote(pushing: WorkDir) -> None:
    pushing.git("push", "--quiet", "--no-verify", "origin", "HEAD:refs/tags/churn@v1")
    assert push(pushing, ":refs/tags/churn@v1").code == 0
    assert on_remote(pushing) == {"refs/heads/main"}


@pytest.mark.parametrize("kind", ["subfolder", "linked", "bare", "submodule", "elsewhere"])
def test_from_wherever_it_is_pushed(pushing: WorkDir, tmp_path: Path, kind: str) -> None:
    pushing.lightweight("churn@v1.0.0")
    pushing.tag("churn@v2.0.0")
    hook = (pushing.path / ".git/hooks/pre-push").read_bytes()
    there, options = WorkDir(tmp_path / "there"), list[str]()
    if kind == "subfolder":
        there = WorkDir(pushing.path / "models")
    elif kind == "linked":
        pushing.git("worktree", "add", "--quiet", str(there.path))
    elif kind == "bare":
        pushing.git("clone", "--quiet", "--bare", ".", str(there.path))
        there.git("remote", "set-url", "origin", str(tmp_path / "remote.git"))
        there.write("hooks/pre-push", hook).chmod(0o755)
    elif kind == "submodule":
        outer = WorkDir.init(there.path)
        outer.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(pushing.path), "sub")
        there = WorkDir(there.path / "sub")
        there.git("remote", "set-url", "origin", str(tmp_path / "remote.git"))
        outer.write(".git/modules/sub/hooks/pre-push", hook).chmod(0o755)
    else:  # run in the folder of another repository, which lacks these tags
        there = WorkDir.init(there.path)
        options = ["--git-dir", str(pushing.path / ".git")]
    ran = push(there, "churn@v1.0.0", options=options)
    assert ran.code == 1
    assert "Tag 'churn@v1.0.0' would be ignored" in ran.err
    assert push(there, "churn@v2.0.0", options=options).code == 0


def test_what_pre_commit_tells(pushing: WorkDir) -> None:
    """pre-commit passes one ref in its variables, without the object id on a first push."""
    pushing.lightweight("churn@v1.0.0")
    told = {"PRE_COMMIT_REMOTE_BRANCH": "refs/tags/churn@v1.0.0", "PRE_COMMIT_LOCAL_BRANCH": "refs/tags/churn@v1.0.0"}
    assert "it is lightweight" in check(pushing, "--pre-push", **told).err
    assert "it is lightweight" in check(pushing, "--pre-push", **told, PRE_COMMIT_TO_REF=pushing.head).err
    told = dict.fromkeys(told, "refs/heads/main")
    assert check(pushing, "--pre-push", **told) == Ran(0, "", "")
    assert check(pushing, "--pre-push") == Ran(0, "", "")  # pre-commit sets no variables if nothing is pushed


def test_what_is_not_told_by_git_is_refused(pushing: WorkDir) -> None:
    done = subprocess.run(
        [BIN / "gto-ci", "check", "--pre-push"],
        cwd=pushing.path, env=environ(pushing, GTO_EMOJIS="false"), input=b"hello\n", capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == b"This is not git's input for a pre-push hook: 'hello'. Let git run the hook\n"
