"""What files in commits add to the registry: annotated artifacts, commits in the history, ``describe``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gto_ci import api
from gto_ci.errors import ArtifactNotFound, RefNotFound, TagProblem, WrongAnnotations, WrongArguments
from tests.integration.test_cli import Ran, counted, gto
from tests.workdir import WorkDir

assert counted  # a fixture

MODEL = "churn: {type: model, path: models/churn.pkl, virtual: false}\n"


@pytest.fixture
def work(tmp_path: Path) -> WorkDir:
    """``churn``, registered at the first commit and annotated ever since; ``idea``, only annotated."""
    work = WorkDir.init(tmp_path / "work")
    work.commit("one", artifacts__yaml=MODEL)
    work.tag("churn@v1.0.0")
    work.tag("churn#prod#1")
    work.commit("two", artifacts__yaml=MODEL + "idea: {labels: [new], description: what if}\n")
    return work


def rows(ran: Ran) -> list[list[str]]:
    assert (ran.code, ran.err) == (0, "")
    return [line.split() for line in ran.out.splitlines()[1:]]


def test_annotated_artifacts_have_a_star(work: WorkDir) -> None:
    assert rows(gto("show", "--plain", cwd=work.path)) == [["churn", "v1.0.0", "v1.0.0"], ["*idea", "-", "-"]]
    assert gto("show", "--name", cwd=work.path).out == "churn\n*idea\n"
    shown = json.loads(gto("show", "--json", cwd=work.path).out)
    assert shown["idea"] == {"version": None, "stage": {"prod": None}, "registered": False, "active": True}
    assert shown["churn"]["registered"]


def test_an_annotated_commit_is_a_version_that_nobody_registered(work: WorkDir) -> None:
    head = work.head
    dated = ["2023-11-14", "22:16:20+00:00"]
    assert rows(gto("show", "idea", "--plain", cwd=work.path)) == [["*idea", head[:7], *dated, head[:7]]]
    assert gto("show", "idea@latest", "--ref", cwd=work.path).out == head[:7] + "\n"
    assert rows(gto("show", "churn", "--plain", cwd=work.path)) == [
        ["churn", "v1.0.0", "prod", "2023-11-14", "22:14:20+00:00", "churn@v1.0.0"],
        ["churn", head[:7], *dated, head[:7]],
    ]
    (version,) = json.loads(gto("show", "idea", "--json", cwd=work.path).out)
    annotation = {"type": None, "path": None, "virtual": True, "labels": ["new"], "description": "what if"}
    assert version["enrichments"][0]["enrichments"] == [{"source": "gto", "artifact": {**annotation, "custom": None}}]
    assert {key: version[key] for key in ("version", "ref", "message", "discovered", "is_active", "registrations")} == {
        "version": head,
        "ref": head,
        "message": "two\n",
        "discovered": True,
        "is_active": True,
        "registrations": [],
    }
    only = gto("show", "churn", "--ro", "--version", cwd=work.path)
    assert only == Ran(0, "v1.0.0\n", "")
    assert gto("show", "idea", "--ro", "--json", cwd=work.path).out == "[]\n"


def test_the_api_knows_annotated_artifacts(work: WorkDir) -> None:
    repo = str(work.path)
    assert api.find_latest_version(repo, "idea") is None
    found = api.find_latest_version(repo, "idea", registered=False)
    assert found.version == work.head  # type: ignore[union-attr]
    assert api.find_versions_in_stage(repo, "idea", "prod") is None
    with pytest.raises(ArtifactNotFound, match=r"Did you mean 'idea'\?"):
        api.find_latest_version(repo, "ideas")


def test_a_deprecated_artifact_stays_so_however_new_the_annotation_is(work: WorkDir) -> None:
    work.tag("churn@deprecated", "HEAD~1")
    work.commit("three")
    assert rows(gto("show", "--plain", cwd=work.path)) == [["*idea", "-", "-"]]
    assert [row[0] for row in rows(gto("show", "-d", "--plain", cwd=work.path))] == ["churn", "*idea"]


def test_branches_and_commits(work: WorkDir) -> None:
    work.git("checkout", "--quiet", "-b", "side", "HEAD~1")
    work.commit("three", artifacts__yaml="side-idea: {}\n")
    dropped = work.commit("four", artifacts__yaml="dropped: {}\n")
    work.commit("five", artifacts__yaml="side: {}\n")
    work.git("checkout", "--quiet", "main")
    for option, found in (
        ("--plain", ["churn", "*idea"]),
        ("-a", ["churn", "*idea", "*side"]),
        ("--all-branches", ["churn", "*idea", "*side"]),
        ("-A", ["churn", "*dropped", "*idea", "*side", "*side-idea"]),
        ("--all-commits", ["churn", "*dropped", "*idea", "*side", "*side-idea"]),
    ):
        assert gto("show", "--name", *([option] if option != "--plain" else []), cwd=work.path).out.split() == found
    assert "Did you mean 'dropped'" not in gto("show", "dropped", cwd=work.path).err
    assert rows(gto("show", "dropped", "-A", "--plain", cwd=work.path))[0][:2] == ["*dropped", dropped[:7]]
    assert "dropped" not in gto("history", "-a", cwd=work.path).out
    assert dropped[:7] in gto("history", "dropped", "-A", cwd=work.path).out
    work.git("checkout", "--quiet", "--detach", "side")
    assert gto("show", "--name", cwd=work.path).out.split() == ["churn", "*side"]


def test_branches_without_any_annotation(work: WorkDir) -> None:
    """Heads that annotate nothing, before and after one that does."""
    for branch in ("a", "b", "y", "z"):
        work.git("checkout", "--quiet", "--orphan", branch)
        work.git("rm", "--quiet", "-rf", ".")
        work.commit(branch, other=branch)
    work.git("checkout", "--quiet", "-b", "c", "main")
    for option in ("-a", "-A"):
        assert gto("show", "--name", option, cwd=work.path).out.split() == ["churn", "*idea"]
    work.git("checkout", "--quiet", "a")
    assert gto("show", "--name", cwd=work.path).out.split() == ["churn"]
    assert gto("show", "--name", "-a", cwd=work.path).out.split() == ["churn", "*idea"]


def test_all_commits_through_merges(work: WorkDir) -> None:
    """What a merge takes from either side, or from none, is what its commit holds."""
    main = "churn: {}\nidea: {}\n"
    work.git("checkout", "--quiet", "-b", "side", "HEAD~1")
    work.commit("side", artifacts__yaml="side: {}\n")
    work.git("checkout", "--quiet", "main")
    work.commit("main", artifacts__yaml=main)
    for content in (main, "side: {}\n", "merged: {}\n"):
        before = work.head
        work.git("merge", "--quiet", "--no-commit", "--no-ff", "--strategy=ours", "side")
        work.commit("merge", artifacts__yaml=content)
        assert set(api.show(str(work.path), all_commits=True)) >= {"churn", "idea", "side"}
        listed = json.loads(gto("print-index", cwd=work.path).out)
        names = {line.partition(":")[0] for line in content.splitlines()}
        assert {name for name, commits in listed.items() if work.head in commits} == names
        work.git("reset", "--quiet", "--hard", before)
    everything = work.git("rev-list", "--branches").split()
    listed = json.loads(gto("print-index", cwd=work.path).out)
    for commit in everything:
        text = work.git("show", f"{commit}:artifacts.yaml")
        names = {line.partition(":")[0] for line in text.splitlines()}
        assert {name for name, commits in listed.items() if commit in commits} == names


def test_each_file_is_read_once_however_many_commits_hold_it(
    work: WorkDir, counted: tuple[dict[str, str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(40):
        work.commit("again", other=str(number))
    environ, notes = counted
    for args in (["show", "-A"], ["history", "-A", "--json"], ["print-index"]):
        notes.write_text("")
        assert gto(*args, cwd=work.path, **environ).code == 0
        assert len(notes.read_text().splitlines()) == (2 if args == ["print-index"] else 4)
    from gto_ci.files.annotations import discovery

    read: list[bytes] = []
    theirs = discovery.read_artifacts_yaml
    monkeypatch.setattr(discovery, "read_artifacts_yaml", lambda data, path: read.append(data) or theirs(data, path))
    api.show(str(work.path), all_commits=True)
    assert len(read) == 2


def test_dvc_files_annotate_too(work: WorkDir) -> None:
    work.write("dvc.yaml", "artifacts:\n  top: {desc: at the top, path: a.pkl}\n  churn: {type: other}\n")
    work.write("deep/er/dvc.yaml", "artifacts:\n  m: {type: model, path: m.pkl, labels: [x]}\n")
    work.write("no/dvc.yaml", "stages: {}\n")
    work.commit("dvc")
    assert gto("show", "--name", cwd=work.path).out.split() == ["churn", "*deep/er:m", "*idea", "*top"]
    said = gto("describe", "deep/er:m", cwd=work.path)
    assert json.loads(said.out) == {"type": "model", "path": "deep/er/m.pkl", "labels": ["x"]}
    said = gto("describe", "churn", "--type", cwd=work.path)
    assert said == Ran(0, "model\n", "'churn' is annotated in artifacts.yaml and in dvc.yaml; artifacts.yaml is used\n")
    work.git("rm", "--quiet", "-r", "deep", "dvc.yaml")
    work.commit("no dvc")
    assert gto("show", "--name", cwd=work.path).out.split() == ["churn", "*idea"]
    assert "*deep/er:m" in gto("show", "--name", "-A", cwd=work.path).out.split()
    version, *_ = json.loads(gto("show", "deep/er:m", "-A", "--json", cwd=work.path).out)
    assert version["enrichments"][0]["enrichments"][0]["artifact"]["path"] == "deep/er/m.pkl"


def test_the_index_file_may_be_another(work: WorkDir) -> None:
    work.write("sub/notes.yaml", "elsewhere: {}\n")
    work.commit("index")
    for index in ("sub/notes.yaml", "./sub/notes.yaml"):
        assert gto("show", "--name", cwd=work.path, GTO_INDEX=index).out.split() == ["churn", "*elsewhere"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("churn: [\n", "Malformed annotations in 'artifacts.yaml', line 2"),
        ("- a list\n", "must hold keys and values"),
        ('"a b": {}\nidea: {}\n', "annotates 'a b', which cannot name an artifact"),
        ('"\\e[31m": {}\nidea: {}\n', r"annotates '\x1b[31m'"),
    ],
)
def test_a_malformed_file_hides_nothing_else(work: WorkDir, text: str, says: str) -> None:
    work.write("sub/dvc.yaml", "artifacts: {m: {}}\n")
    work.commit("broken", artifacts__yaml=text)
    for command in (["show"], ["show", "--json"], ["history"], ["history", "--json"], ["show", "churn"]):
        ran = gto(*command, cwd=work.path)
        assert ran.code == 0
        assert "churn" in ran.out
        assert says in ran.err
        assert ran.err.count("\n") == 1
        assert "\x1b" not in ran.out + ran.err
    shown = gto("show", "--name", cwd=work.path).out.split()
    assert shown == ["churn", *(["*idea"] if "idea" in text else []), "*sub:m"]
    assert says in gto("doctor", cwd=work.path).out
    warnings: list[str] = []
    api.show(str(work.path), warn=warnings.append)
    assert len(warnings) == 1
    assert work.head[:7] in warnings[0]
    api.show(str(work.path))  # without a listener it is not said
    work.commit("mended", artifacts__yaml=MODEL)
    assert gto("show", cwd=work.path).err == ""
    assert says in gto("show", "-A", cwd=work.path).err


def test_describe(work: WorkDir) -> None:
    def described(*args: str) -> Any:
        ran = gto("describe", *args, cwd=work.path)
        assert (ran.code, ran.err) == (0, "")
        return json.loads(ran.out) if ran.out else None

    first = {"type": "model", "path": "models/churn.pkl", "virtual": False}
    work.commit("three", artifacts__yaml="churn: {type: forest, custom: {a: [1]}}\n")
    now = {"type": "forest", "custom": {"a": [1]}}
    assert described("churn") == described("churn", "--rev", "main") == now
    assert gto("describe", "churn", "--rev", "main~1", cwd=work.path).out.startswith('{\n    "type": "model",\n')
    for name in ("churn@latest", "churn@greatest", "churn@v1.0.0", "churn#prod", "churn#prod#1"):
        assert described(name) == first
    assert described("churn", "--rev", "churn@v1.0.0") == first
    assert described("churn#dev") is described("churn@v7.0.0") is None
    assert gto("describe", "churn", "--path", "--rev", "HEAD~1", cwd=work.path).out == "models/churn.pkl\n"
    assert gto("describe", "idea", "--description", "--rev", "HEAD~1", cwd=work.path).out == "what if\n"
    for part in ("path", "description"):
        ran = gto("describe", "churn", f"--{part}", cwd=work.path)
        assert (ran.code, ran.out, ran.err) == (1, "", f"❌ No {part} in enrichment. It has type, custom\n")
    work.tag("churn@v1.0.0!", "HEAD~2")
    assert described("churn@v1.0.0") is None
    assert described("churn@v1.0.0!") == first
    work.tag("models=m@v1.0.0")
    assert described("models=m@v1.0.0") is None


def test_describe_what_is_not_there(work: WorkDir) -> None:
    assert gto("describe", "chrun", cwd=work.path) == Ran(
        0, "", "Cannot find artifact 'chrun'. Did you mean 'churn'?\n"
    )
    work.commit("none", artifacts__yaml="{}\n")
    assert gto("describe", "churn", cwd=work.path) == Ran(0, "", "")  # tags name it
    assert gto("describe", "idea", "--rev", "HEAD~1", cwd=work.path).out
    repo = str(work.path)
    assert api.describe(repo, "idea") is None
    assert api.describe(repo, "churn@v1.0.0").type == "model"  # type: ignore[union-attr]
    for name, rev, error in (
        ("churn", "nothing", RefNotFound),
        ("churn", "HEAD:artifacts.yaml", RefNotFound),
        ("churn", "--help", RefNotFound),
        ("churn", "a\nb", RefNotFound),
        ("churn", "", RefNotFound),
        ("churn@v1.0.0", "HEAD", WrongArguments),
        ("churn#prod#1", "HEAD", WrongArguments),
        ("churn#prod#9", None, TagProblem),
        ("other@latest", None, ArtifactNotFound),
    ):
        with pytest.raises(error):
            api.describe(repo, name, rev)
    work.tag("churn@v2.0.0", "HEAD~1")
    work.tag("churn@v2.0.0#5", "HEAD")
    with pytest.raises(WrongArguments, match="multiple variants"):
        api.describe(repo, "churn@v2.0.0")
    work.commit("broken", artifacts__yaml="churn: 1\n")
    with pytest.raises(WrongAnnotations):
        api.describe(repo, "churn")


def test_an_empty_repository_describes_nothing(tmp_path: Path) -> None:
    empty = WorkDir.init(tmp_path / "empty")
    assert gto("describe", "m", cwd=empty.path).out == ""
    for option in ("-a", "-A"):
        assert gto("show", option, cwd=empty.path) == Ran(0, "Nothing found in the current workspace\n", "")
        assert gto("history", option, "--json", cwd=empty.path) == Ran(0, "[]\n", "")
    assert json.loads(gto("print-state", cwd=empty.path).out) == {"artifacts": {}}
    assert gto("print-index", cwd=empty.path).out == "{}\n"


def test_bare_shallow_and_linked(work: WorkDir, tmp_path: Path) -> None:
    bare, shallow, linked = tmp_path / "bare", tmp_path / "shallow", tmp_path / "linked"
    work.git("clone", "--quiet", "--bare", ".", str(bare))
    work.git("clone", "--quiet", "--depth=1", f"file://{work.path}", str(shallow))
    work.git("worktree", "add", "--quiet", "--detach", str(linked))
    for folder in (bare, shallow, linked):
        for option in ((), ("-a",), ("-A",)):
            assert gto("show", "--name", *option, cwd=folder).out.split()[-1] == "*idea"
        assert json.loads(gto("describe", "idea", cwd=folder).out)["labels"] == ["new"]
        assert "idea" in gto("history", "-A", cwd=folder).out


def test_the_persons_git_settings_change_nothing(work: WorkDir) -> None:
    before = [gto(*args, cwd=work.path) for args in (("show", "-A"), ("history", "-a"), ("show", "churn", "-A"))]
    for setting in (
        *("log.showSignature=true", "log.decorate=full", "log.follow=true", "diff.renames=copies", "color.ui=always"),
        *("diff.relative=true", "core.abbrev=4", "diff.noprefix=true", "log.diffMerges=off", "core.quotePath=true"),
        *("log.showRoot=false", "diff.orderFile=/dev/null", "format.pretty=oneline", "diff.external=false"),
    ):
        work.git("config", *setting.split("=", 1))
    after = [gto(*args, cwd=work.path) for args in (("show", "-A"), ("history", "-a"), ("show", "churn", "-A"))]
    assert after == before
    (work.path / "sub").mkdir()
    assert gto("show", "--name", cwd=work.path / "sub").out.split() == ["churn", "*idea"]


def test_the_state_in_json(work: WorkDir) -> None:
    work.tag("churn@deprecated")
    state = json.loads(gto("print-state", cwd=work.path).out)["artifacts"]
    assert list(state) == ["churn", "idea"]
    assert [version["version"] for version in state["churn"]["versions"]] == ["v1.0.0", work.head]
    assert list(state["churn"]["versions"][0]["stages"]) == ["prod"]
    assert state["churn"]["deprecations"][0]["tag"] == "churn@deprecated"
    for hidden in ("print-state", "print-index"):
        assert hidden not in gto("--help", cwd=work.path).out


@pytest.mark.parametrize("filters", ["true", "false"])
def test_at_a_url(work: WorkDir, filters: str) -> None:
    work.git("config", "uploadpack.allowFilter", filters)
    work.git("config", "uploadpack.allowAnySHA1InWant", "true")
    work.git("checkout", "--quiet", "-b", "side", "HEAD~1")
    work.commit("dropped", artifacts__yaml="dropped: {}\n")
    work.write("sub/dvc.yaml", "artifacts: {m: {type: model}}\n")
    work.commit("side", artifacts__yaml="side: {}\n")
    work.git("checkout", "--quiet", "main")
    url = f"file://{work.path}"
    for args in (
        *(["show"], ["show", "--json"], ["show", "idea"], ["show", "churn", "--json"], ["history"], ["print-state"]),
        *(["show", "-a"], ["history", "-a", "--json"], ["show", "sub:m", "-a", "--json"]),
        *(["describe", "churn"], ["describe", "churn@latest"], ["describe", "churn#prod#1"], ["describe", "chrun"]),
        *(["describe", "side", "--rev", "side"], ["describe", "churn", "--rev", "churn@v1.0.0"]),
        *(["show", "-A"], ["history", "-A"], ["print-index"]),
    ):
        there, here = gto(*args, "-r", url, cwd=work.path.parent), gto(*args, cwd=work.path)
        if filters == "false" and ("-A" in args or "print-index" in args):
            assert there.code == 1
            assert "Clone the repository and name the clone with --repo" in there.err
        else:
            assert there == here
