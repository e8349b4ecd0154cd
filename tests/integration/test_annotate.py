"""Tests of `gto annotate` and `gto remove` as a user runs them: real processes, real git."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from gto_ci import api
from gto_ci.errors import GtoError, InvalidName
from gto_ci.files.annotations import Annotation, editing
from tests.running import Ran, gto, observed
from tests.workdir import WorkDir

TEXT = "# kept by hand\nm:  # ours\n  type: model\n  path: m.pkl\n"
MORE = TEXT + "new:\n  type: data\n"


@pytest.fixture
def work(tmp_path: Path) -> WorkDir:
    """A repository with an artifacts.yaml and three other files: one staged, one changed and one new."""
    work = WorkDir.init(tmp_path / "work")
    work.commit("one", artifacts__yaml=TEXT, m__pkl="m", staged__txt="1", changed__txt="1")
    return work


@pytest.fixture
def busy(work: WorkDir) -> WorkDir:
    work.write("staged.txt", "2")
    work.git("add", "staged.txt")
    work.write("staged.txt", "3")
    work.write("changed.txt", "2")
    work.write("new.txt", "1")
    return work


def cloned(work: WorkDir, folder: Path, *options: str) -> WorkDir:
    work.git("clone", "--quiet", *options, str(work.path), str(folder))
    return WorkDir(folder, now=work.now)


def text_of(work: WorkDir) -> str:
    return (work.path / "artifacts.yaml").read_text()


def failed(ran: Ran, says: str) -> None:
    assert ran.code == 1, ran
    assert ran.out == ""
    assert says in ran.err
    assert ran.err.count("\n") == 1


# The working tree's file


def test_annotate_writes_the_file_and_says_nothing(work: WorkDir) -> None:
    assert gto(work, "annotate", "new", "--type", "data") == Ran(0, "", "")
    assert text_of(work) == MORE
    assert gto(work, "annotate", "new", "--label", "b", "--label", "a", "-d", "some data") == Ran(0, "", "")
    assert text_of(work) == MORE + "  labels:\n    - b\n    - a\n  description: some data\n"
    assert gto(work, "remove", "new") == Ran(0, "", "")
    assert text_of(work) == TEXT
    assert work.git("status", "--porcelain") == ""


def test_the_first_annotation_makes_the_file(tmp_path: Path) -> None:
    work = WorkDir.init(tmp_path / "empty")
    assert gto(work, "annotate", "awesome-model", "--type", "model", "--path", "s3://awesome/model.pkl").code == 0
    assert text_of(work) == "awesome-model:\n  type: model\n  path: s3://awesome/model.pkl\n"
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE((work.path / "artifacts.yaml").stat().st_mode) == 0o666 & ~umask
    assert gto(work, "remove", "awesome-model").code == 0
    assert text_of(work) == "{}\n"
    assert YAML(typ="safe", pure=True).load(text_of(work)) == {}


def test_must_exist(work: WorkDir) -> None:
    for option in ("-e", "--must-exist", "--must_exist"):
        assert gto(work, "annotate", "m", "--path", "m.pkl", option).code == 0
        assert "  virtual: false\n" in text_of(work)
    assert gto(work, "annotate", "m", "--path", "m.pkl").code == 0
    assert text_of(work) == TEXT
    work.write("uncommitted.pkl", "x")
    says = "Nothing found in 'uncommitted.pkl' for checked out commit"
    failed(gto(work, "annotate", "m", "--path", "uncommitted.pkl", "-e"), says)
    failed(gto(work, "annotate", "m", "--path", "../m.pkl", "-e"), "Nothing found in '../m.pkl'")
    failed(gto(work, "annotate", "m", "-e"), "`path` is required when `must_exist` is set to True")
    assert text_of(work) == TEXT


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["annotate", "m", "--path", ""], "is empty"),
        (["annotate", "m", "--type", ""], "is empty"),
        (["annotate", "m!"], "Invalid artifact name 'm!'"),
        (["annotate", "m", "--label", "a b"], "Invalid label 'a b'"),
        (["annotate", "m", "--type", "?"], "Invalid type '?'"),
        (["annotate", "new", "--path", "./m.pkl/x"], "Provided path conflicts with 'm.pkl' ('model' 'm')"),
        (["remove", "mm"], "Cannot find artifact 'mm'. Did you mean 'm'?"),
    ],
)
def test_mistakes(work: WorkDir, args: list[str], says: str) -> None:
    before = observed(work)
    for more in ([], ["--commit"]):
        failed(gto(work, *args, *more), says)
    assert observed(work) == before


def test_types_that_the_configuration_allows(work: WorkDir) -> None:
    work.write(".gto", "types: [model, dataset]\n")
    failed(gto(work, "annotate", "m", "--type", "data"), "Allowed types are: ['model', 'dataset']")
    assert gto(work, "annotate", "m", "--type", "dataset").code == 0
    assert gto(work, "annotate", "m", "--type", "x", GTO_TYPES='["x"]').code == 0


@pytest.mark.parametrize("before", [TEXT, None])
def test_an_edit_that_somebody_saves_meanwhile_stays(
    work: WorkDir, before: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: annotate overwrote a change that an editor saved during the edit."""
    file = work.path / "artifacts.yaml"
    if before is None:
        file.unlink()
    edit = editing.annotate

    def edit_slowly(*args: Any, **options: Any) -> bytes:
        file.write_text("mine: {}\n")
        return edit(*args, **options)

    monkeypatch.setattr(editing, "annotate", edit_slowly)
    with pytest.raises(GtoError, match=r"Another program changed 'artifacts.yaml', so nothing was written"):
        api.annotate(work.path, "new", type="data")
    assert file.read_text() == "mine: {}\n"
    assert [path.name for path in work.path.glob(".artifacts*")] == []


def test_a_malformed_file_is_left_as_it_is(work: WorkDir) -> None:
    work.write("artifacts.yaml", "a: {}\nm: [\n")
    before = observed(work)
    for command in (["annotate", "m", "--type", "x"], ["remove", "m"]):
        failed(gto(work, *command), "Malformed annotations in 'artifacts.yaml', line 3")
    assert observed(work) == before


def test_a_file_that_says_so_already_is_not_touched(work: WorkDir) -> None:
    before = (work.path / "artifacts.yaml").stat()
    assert gto(work, "annotate", "m", "--type", "model").code == 0
    after = (work.path / "artifacts.yaml").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_the_files_mode_stays_and_nothing_else_appears(work: WorkDir) -> None:
    file = work.path / "artifacts.yaml"
    file.chmod(0o640)
    names = sorted(work.path.iterdir())
    assert gto(work, "annotate", "new").code == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert sorted(work.path.iterdir()) == names


def test_another_index(work: WorkDir) -> None:
    assert gto(work, "annotate", "m", GTO_INDEX="meta/index.yaml").code == 0
    assert (work.path / "meta/index.yaml").read_text() == "m: {}\n"
    assert gto(work, "annotate", "o", "--commit", GTO_INDEX="other/deep/index.yaml").code == 0
    assert work.git("show", "HEAD:other/deep/index.yaml") == "o: {}"
    assert gto(work, "annotate", "p", "--commit", GTO_INDEX="other/deep/index.yaml").code == 0
    assert work.git("show", "HEAD:other/deep/index.yaml") == "o: {}\np: {}"
    assert work.git("show", "--format=", "--name-only") == "other/deep/index.yaml"
    failed(gto(work, "annotate", "m", GTO_INDEX="../x.yaml"), "outside the repository")


def test_a_symbolic_link_is_followed_inside_the_work_tree_only(work: WorkDir, tmp_path: Path) -> None:
    link = work.path / "artifacts.yaml"
    work.write("real.yaml", TEXT)
    link.unlink()
    link.symlink_to("real.yaml")
    assert gto(work, "annotate", "new", "--type", "data").code == 0
    assert link.is_symlink()
    assert (work.path / "real.yaml").read_text() == MORE
    (tmp_path / "outside.yaml").write_text(TEXT)
    link.unlink()
    link.symlink_to(tmp_path / "outside.yaml")
    failed(gto(work, "annotate", "new"), "points outside the working tree")
    assert (tmp_path / "outside.yaml").read_text() == TEXT
    work.git("add", "--all")
    work.git("commit", "--quiet", "-m", "a link")
    before = observed(work)
    failed(gto(work, "annotate", "new", "--commit"), "is not a plain file in the current commit")
    assert observed(work) == before


def test_a_folder_in_its_place(work: WorkDir) -> None:
    (work.path / "artifacts.yaml").unlink()
    (work.path / "artifacts.yaml").mkdir()
    failed(gto(work, "annotate", "new"), "Cannot use 'artifacts.yaml': Is a directory")


# --commit


def test_commit_takes_that_one_file_and_nothing_else(busy: WorkDir) -> None:
    status = busy.git("status", "--porcelain")
    parent = busy.head
    ran = gto(busy, "annotate", "new", "--type", "data", "--path", "s3://x", "--commit")
    message = "Annotate artifact `new` of type `data` with path `s3://x`"
    assert ran == Ran(0, f"Committed: {busy.head[:7]} {message}\n", "")
    assert busy.git("log", "-1", "--format=%P %an %ae %s") == f"{parent} Ada Lovelace ada@example.com {message}"
    assert busy.git("show", "--format=", "--name-only") == "artifacts.yaml"
    assert busy.git("status", "--porcelain") == status
    assert text_of(busy) == MORE + "  path: s3://x\n"
    assert busy.git("show", ":staged.txt") == "2"
    assert gto(busy, "remove", "new", "--commit").code == 0
    assert busy.git("log", "-1", "--format=%s") == "Remove annotation for artifact `new`"
    assert busy.git("status", "--porcelain") == status
    assert text_of(busy) == TEXT


def test_commit_of_what_is_so_already(busy: WorkDir) -> None:
    before = observed(busy)
    ran = gto(busy, "annotate", "m", "--type", "model", "--commit")
    assert ran == Ran(0, "Nothing to commit: artifacts.yaml already has this annotation\n", "")
    assert observed(busy) == before


@pytest.mark.parametrize("kind", ["changed", "staged", "removed", "untracked", "ignored"])
def test_commit_refuses_to_mix_with_uncommitted_changes_of_the_file(work: WorkDir, kind: str) -> None:
    if kind in ("untracked", "ignored"):
        work.git("rm", "--quiet", "artifacts.yaml")
        work.write(".gitignore", "artifacts.yaml\n" if kind == "ignored" else "")
        work.commit("without")
    if kind == "removed":
        (work.path / "artifacts.yaml").unlink()
    else:
        work.write("artifacts.yaml", MORE)
    if kind == "staged":
        work.git("add", "artifacts.yaml")
    before = observed(work)
    failed(gto(work, "annotate", "m", "--type", "x", "--commit"), "would have changed files that were not committed")
    assert observed(work) == before


def test_commit_while_a_merge_is_not_finished(work: WorkDir) -> None:
    work.git("switch", "--quiet", "-c", "side")
    work.commit("side", m__pkl="side")
    work.git("switch", "--quiet", "main")
    work.commit("main", m__pkl="main")
    with pytest.raises(AssertionError):
        work.git("merge", "side")
    before = observed(work)
    failed(gto(work, "annotate", "new", "--commit"), "A merge is not finished here. Finish it: git merge --continue")
    assert observed(work) == before


def detached(work: WorkDir, folder: Path) -> WorkDir:
    work.git("switch", "--quiet", "--detach")
    return work


def linked(work: WorkDir, folder: Path) -> WorkDir:
    work.git("worktree", "add", "--quiet", "-b", "side", str(folder / "linked"))
    return WorkDir(folder / "linked", now=work.now)


def submodule(work: WorkDir, folder: Path) -> WorkDir:
    outer = WorkDir.init(folder / "outer")
    outer.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(work.path), "models")
    return WorkDir(outer.path / "models", now=work.now)


def shallow(work: WorkDir, folder: Path) -> WorkDir:
    work.commit("two")
    return cloned(WorkDir(work.path), folder / "shallow", "--depth=1", "--no-local")


def settings_about_merges(work: WorkDir, folder: Path) -> WorkDir:
    work.git("config", "merge.ff", "false")
    work.git("config", "merge.verifySignatures", "true")
    work.git("config", "branch.main.mergeOptions", "--squash")
    hook = work.write(".git/hooks/post-merge", "#!/bin/sh\ntouch hooked\n")
    hook.chmod(0o755)
    return work


def carriage_returns_on_checkout(work: WorkDir, folder: Path) -> WorkDir:
    return cloned(work, folder / "crlf", "--config", "core.autocrlf=true")


@pytest.mark.parametrize(
    "make", [detached, linked, submodule, shallow, settings_about_merges, carriage_returns_on_checkout]
)
def test_commit_in(work: WorkDir, tmp_path: Path, make: Callable[[WorkDir, Path], WorkDir]) -> None:
    place = make(work, tmp_path)
    parent, branch = place.head, place.git("rev-parse", "--abbrev-ref", "HEAD")
    assert gto(place, "annotate", "new", "--type", "data", "--commit").code == 0
    assert place.git("rev-parse", "HEAD^") == parent
    assert place.git("rev-parse", "--abbrev-ref", "HEAD") == branch
    assert place.git("show", "HEAD:artifacts.yaml") + "\n" == MORE
    assert text_of(place) == MORE
    assert place.git("status", "--porcelain") == ""
    assert place.git("reflog", "-1", "--format=%gs") == "gto: Fast-forward"


def test_commit_as_the_first_one(tmp_path: Path) -> None:
    work = WorkDir.init(tmp_path / "unborn")
    work.write("staged.txt", "1")
    work.git("add", "staged.txt")
    assert gto(work, "annotate", "new", "--type", "data", "--commit").code == 0
    assert work.git("log", "--format=%s") == "Annotate artifact `new` of type `data`"
    assert text_of(work) == "new:\n  type: data\n"
    assert work.git("status", "--porcelain") == "A  staged.txt"


def test_commit_in_a_bare_repository(work: WorkDir, tmp_path: Path) -> None:
    bare = cloned(work, tmp_path / "bare.git", "--bare")
    parent = bare.head
    failed(gto(bare, "annotate", "new"), "is a bare repository: it has no working tree. Use --commit")
    assert gto(bare, "annotate", "new", "--type", "data", "--commit").code == 0
    assert bare.git("rev-parse", "main^") == parent
    assert bare.git("show", "HEAD:artifacts.yaml") + "\n" == MORE
    empty = WorkDir.init(tmp_path / "empty.git", "--bare")
    assert gto(empty, "annotate", "new", "--commit").code == 0
    assert empty.git("show", "main:artifacts.yaml") == "new: {}"


def test_commit_keeps_the_mode_and_the_neighbours(work: WorkDir) -> None:
    work.git("update-index", "--chmod=+x", "artifacts.yaml")
    (work.path / "artifacts.yaml").chmod(0o755)
    work.write("folder/ünï\tcode.txt", "1")
    work.commit("odd names")
    before = work.git("ls-tree", "-r", "HEAD").splitlines()
    assert gto(work, "annotate", "new", "--commit").code == 0
    after = work.git("ls-tree", "-r", "HEAD").splitlines()
    assert [line for line in after if line not in before] == [
        f"100755 blob {work.git('rev-parse', 'HEAD:artifacts.yaml')}\tartifacts.yaml"
    ]
    assert len(after) == len(before)


def test_commit_without_an_identity(work: WorkDir) -> None:
    work.git("config", "user.useConfigOnly", "true")
    nobody = {f"GIT_{role}_{part}": "" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
    before = observed(work)
    failed(gto(work, "annotate", "new", "--commit", **nobody), "git config --global user.name")
    assert observed(work) == before


def test_signed_commits_where_git_is_told_to_sign(work: WorkDir, tmp_path: Path) -> None:
    signer = tmp_path / "signer"
    signer.write_text('#!/bin/sh\ncat >/dev/null\necho "[GNUPG:] SIG_CREATED " >&2\necho signed\n')
    signer.chmod(0o755)
    work.git("config", "commit.gpgSign", "true")
    work.git("config", "gpg.program", str(signer))
    assert gto(work, "annotate", "new", "--commit").code == 0
    assert "\ngpgsig signed\n" in work.git("cat-file", "commit", "HEAD")
    work.git("config", "gpg.program", "/nonexistent")
    failed(gto(work, "annotate", "o", "--commit"), "Check user.signingkey and gpg.format")


# --push


@pytest.fixture
def clone(work: WorkDir, tmp_path: Path) -> WorkDir:
    remote = cloned(work, tmp_path / "remote.git", "--bare")
    return cloned(remote, tmp_path / "clone")


def remote_head(clone: WorkDir, branch: str = "main") -> str:
    return clone.git("ls-remote", "origin", f"refs/heads/{branch}").partition("\t")[0]


def test_push_commits_and_pushes(clone: WorkDir) -> None:
    clone.write("m.pkl", "changed")
    ran = gto(clone, "annotate", "new", "--type", "data", "--push")
    assert (
        ran.out
        == f"Committed and pushed to 'main' on 'origin': {clone.head[:7]} Annotate artifact `new` of type `data`\n"
    )
    assert clone.git("log", "-1", "--format=%s") == "Annotate artifact `new` of type `data`"
    assert remote_head(clone) == clone.git("rev-parse", "origin/main") == clone.head
    assert clone.git("status", "--porcelain") == " M m.pkl"
    assert gto(clone, "remove", "new", "--push").code == 0
    assert remote_head(clone) == clone.head
    assert text_of(clone) == TEXT


def test_push_goes_to_the_upstream(clone: WorkDir) -> None:
    clone.git("push", "--quiet", "origin", "main:refs/heads/theirs")
    clone.git("switch", "--quiet", "-c", "ours", "--track", "origin/theirs")
    assert gto(clone, "annotate", "new", "--push").code == 0
    assert remote_head(clone, "theirs") == clone.head
    clone.git("switch", "--quiet", "-c", "new", "--no-track")
    assert gto(clone, "annotate", "o", "--push").code == 0
    assert remote_head(clone, "new") == clone.head


def test_a_refused_push_changes_nothing_here(clone: WorkDir, work: WorkDir, tmp_path: Path) -> None:
    other = cloned(WorkDir(tmp_path / "remote.git"), tmp_path / "other")
    other.commit("faster", m__pkl="2")
    other.git("push", "--quiet", "origin", "main")
    before = observed(clone)
    failed(gto(clone, "annotate", "new", "--push"), "git pull --rebase")
    assert observed(clone) == before
    hook = tmp_path / "remote.git/hooks/pre-receive"
    hook.write_text("#!/bin/sh\necho 'frozen until Monday' >&2\nexit 1\n")
    hook.chmod(0o755)
    clone.git("pull", "--quiet")
    before = observed(clone)
    failed(gto(clone, "annotate", "new", "--push"), "frozen until Monday")
    assert observed(clone) == before


def test_push_from_a_detached_head_or_without_a_remote(clone: WorkDir) -> None:
    clone.git("switch", "--quiet", "--detach")
    failed(gto(clone, "annotate", "new", "--push"), "HEAD is detached: there is no branch to push. Check out a branch")
    clone.git("switch", "--quiet", "main")
    clone.git("remote", "remove", "origin")
    before = observed(clone)
    failed(gto(clone, "annotate", "new", "--push"), "'origin' does not appear to be a git repository")
    assert observed(clone) == before


# --dry-run


def test_dry_run(clone: WorkDir) -> None:
    before, there = observed(clone), remote_head(clone)
    difference = (
        "--- a/artifacts.yaml\n+++ b/artifacts.yaml\n@@ -2,3 +2,5 @@\n m:  # ours\n   type: model\n   path: m.pkl\n"
    )
    difference += "+new:\n+  type: data\n"
    committed = "Would have committed artifacts.yaml: Annotate artifact `new` of type `data`\n"
    pushed = "Would have pushed it to 'main' on 'origin'\n"
    command = ("annotate", "new", "--type", "data", "--dry-run")
    assert gto(clone, *command) == Ran(0, difference, "")
    assert gto(clone, *command, "--commit") == Ran(0, difference + committed, "")
    assert gto(clone, *command, "--push") == Ran(0, difference + committed + pushed, "")
    assert gto(clone, "remove", "m", "--dry-run").out.splitlines()[-1] == "+{}"
    assert observed(clone) == before
    assert remote_head(clone) == there


# The Python API


def test_the_functions(work: WorkDir, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in work.environ().items():
        if name.startswith("GIT_"):
            monkeypatch.setenv(name, value)
    custom = {"auc": 0.9}
    made = api.annotate(work.path, "new", type="data", path="d", labels=["x"], description="some", custom=custom)
    assert made == Annotation("data", "d", True, ("x",), "some", custom, "artifacts.yaml")
    assert api.annotate(work.path, "o", path="d", allow_same_path=True, must_exist=False).path == "d"
    work.commit("two")
    said: list[str] = []
    api.remove(work.path, "new", commit=True, stdout=said.append)
    assert said == [f"Committed: {work.head[:7]} Remove annotation for artifact `new`"]
    assert capsys.readouterr().out == ""
    api.remove(work.path, "o", commit=True, stdout=True)
    assert capsys.readouterr().out.startswith("Committed: ")
    with pytest.raises(InvalidName):
        api.annotate(work.path, "a b")
    with pytest.raises(GtoError, match="Cannot find artifact"):
        api.remove(work.path, "zzz")


def test_help(work: WorkDir) -> None:
    shown = gto(work, "--help").out
    assert "Manage annotations:" in shown
    for command in ("annotate", "remove"):
        assert f"  gto {command} churn" in gto(work, command, "--help").out
