"""GitLab: variables, the log that GitLab parses, the files for later jobs."""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gto_ci.cli.action import choose
from gto_ci.errors import CommentRefused, WrongInput
from gto_ci.platforms import outputs
from gto_ci.platforms.forgejo.runner import Forgejo
from gto_ci.platforms.github.runner import GitHub
from gto_ci.platforms.gitlab import files
from gto_ci.platforms.gitlab.event import change, decide, from_fork, untrusted
from gto_ci.platforms.gitlab.log import Log
from gto_ci.platforms.gitlab.runner import GitLab
from gto_ci.platforms.inputs import Inputs
from gto_ci.platforms.platform import PullRequest, Target

SHA, BASE, HEAD = "1" * 40, "2" * 40, "4" * 40


# The choice of a platform


@pytest.mark.parametrize(
    ("environ", "room"),
    [
        ({}, GitHub),
        ({"GITHUB_ACTIONS": "true"}, GitHub),
        ({"GITLAB_CI": "true"}, GitLab),
        ({"GITLAB_CI": "true", "GITHUB_ACTIONS": "true"}, GitHub),
        ({"GITLAB_CI": "false"}, GitHub),
        ({"GITHUB_ACTIONS": "true", "FORGEJO_ACTIONS": "true", "GITEA_ACTIONS": "true"}, Forgejo),
        ({"GITHUB_ACTIONS": "true", "GITEA_ACTIONS": "true"}, Forgejo),
    ],
)
def test_each_system_has_its_platform(environ: dict[str, str], room: type) -> None:
    assert choose(environ)[0] is room


# Inputs


def test_inputs_are_variables_without_hyphens() -> None:
    assert GitLab.read_inputs({}) == Inputs()
    environ = {"GTO_INPUT_REF": " m@v1.0.0 ", "GTO_INPUT_FETCH_TAGS": "false ", "GTO_INPUT_GHOST_TOKEN": "s3cret"}
    inputs = GitLab.read_inputs(environ)
    assert (inputs.ref, inputs.fetch_tags, inputs.ghost.token) == ("m@v1.0.0", False, "s3cret")
    with pytest.raises(WrongInput, match="'pull' must be true or false"):
        GitLab.read_inputs({"GTO_INPUT_PULL": "perhaps"})


# Events

TAG = {"CI_COMMIT_TAG": "m#prod#1", "CI_COMMIT_REF_NAME": "m#prod#1", "CI_COMMIT_SHA": SHA}
BRANCH = {"CI_COMMIT_BRANCH": "main", "CI_COMMIT_REF_NAME": "main", "CI_COMMIT_SHA": SHA}
MERGE_REQUEST = {
    "CI_PIPELINE_SOURCE": "merge_request_event",
    "CI_COMMIT_REF_NAME": "x",
    "CI_COMMIT_SHA": SHA,
    "CI_MERGE_REQUEST_IID": "7",
    "CI_MERGE_REQUEST_PROJECT_PATH": "acme/models",
    "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH": "acme/models",
    "CI_MERGE_REQUEST_DIFF_BASE_SHA": BASE,
    "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
    "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": "",
    "CI_MERGE_REQUEST_TARGET_BRANCH_SHA": "",
}
MERGED = {"CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": HEAD, "CI_MERGE_REQUEST_TARGET_BRANCH_SHA": "3" * 40}


@pytest.mark.parametrize(
    ("wanted", "environ", "target"),
    [
        ("", TAG, Target("m#prod#1", commit=SHA)),
        ("m#prod#1", TAG, Target("m#prod#1", commit=SHA)),
        ("refs/tags/m#prod#1", TAG, Target("m#prod#1", commit=SHA)),
        ("m@latest", TAG, Target("m@latest", may_be_shortcut=True)),
        ("refs/tags/m@v1.0.0", BRANCH, Target("m@v1.0.0")),
        ("refs/heads/main", TAG, Target(nothing="'refs/heads/main'")),
        ("", BRANCH, Target(nothing="the branch 'main'")),
        ("", MERGE_REQUEST, Target(nothing="the merge request '!7'")),
        ("", {}, Target(nothing="no ref")),
    ],
)
def test_the_target_of_a_pipeline(wanted: str, environ: dict[str, str], target: Target) -> None:
    assert decide(wanted, environ) == target


def test_the_merge_request_of_a_pipeline() -> None:
    assert change(MERGE_REQUEST) == PullRequest(7, BASE, SHA, "", "main")
    assert change(MERGE_REQUEST | MERGED) == PullRequest(7, "3" * 40, HEAD, SHA, "main")
    assert change(TAG) is None
    assert change(MERGE_REQUEST | {"CI_MERGE_REQUEST_IID": "7\n8"}) is None


EXTERNAL = {
    "CI_PIPELINE_SOURCE": "external_pull_request_event",
    "CI_EXTERNAL_PULL_REQUEST_IID": "3",
    "CI_EXTERNAL_PULL_REQUEST_TARGET_REPOSITORY": "acme/models",
}
FORK = {"CI_MERGE_REQUEST_SOURCE_PROJECT_PATH": "eve/models"}


@pytest.mark.parametrize(
    ("environ", "allowed", "says"),
    [
        (TAG, (), ""),
        (MERGE_REQUEST, (), ""),
        (MERGE_REQUEST | FORK, (), "fork"),
        (MERGE_REQUEST | FORK, ("merge_request_event",), "fork"),
        (MERGE_REQUEST | FORK, ("fork",), ""),
        (MERGE_REQUEST | {"CI_MERGE_REQUEST_SOURCE_PROJECT_PATH": ""}, (), "fork"),  # the fork was deleted
        (MERGE_REQUEST | {"CI_MERGE_REQUEST_SOURCE_PROJECT_PATH": "Acme/Models"}, (), ""),
        (EXTERNAL | {"CI_EXTERNAL_PULL_REQUEST_SOURCE_REPOSITORY": "acme/models"}, (), ""),
        (EXTERNAL | {"CI_EXTERNAL_PULL_REQUEST_SOURCE_REPOSITORY": "eve/models"}, (), "fork"),
        ({"CI_PIPELINE_SOURCE": "trigger"}, (), ""),
        ({"CI_PIPELINE_SOURCE": "trigger", "TRIGGER_PAYLOAD": "/x"}, (), "trigger"),
        ({"CI_PIPELINE_SOURCE": "trigger", "TRIGGER_PAYLOAD": "/x"}, ("trigger",), ""),
    ],
)
def test_untrusted_events(environ: dict[str, str], allowed: tuple[str, ...], says: str) -> None:
    said = untrusted(environ, allowed)
    assert (said == "") if says == "" else (says in said)
    assert from_fork(environ) is ("eve/models" in environ.values() or not all(environ.get(k, "x") for k in FORK))


# The job


def job(project: Path, **variables: str) -> dict[str, str]:
    return {"CI_PROJECT_DIR": str(project), "CI_JOB_ID": "41", "CI_JOB_TOKEN": "t0ken", **TAG, **variables}


def test_the_job_comes_from_the_runners_variables(tmp_path: Path) -> None:
    variables = {
        "CI_PROJECT_PATH": "group/sub/models",
        "CI_SERVER_URL": "https://gitlab.example.com:8443",
        "CI_JOB_URL": "https://gitlab.example.com:8443/group/sub/models/-/jobs/41",
        "CI_DEFAULT_BRANCH": "trunk",
        "CI_PIPELINE_SOURCE": "push",
    }
    made = GitLab(job(tmp_path, **variables), io.StringIO())
    assert made.job.workspace == tmp_path
    assert made.job.temp is None
    assert (made.job.repository, made.job.server_url) == ("group/sub/models", "https://gitlab.example.com:8443")
    assert (made.job.run_url, made.job.default_branch, made.job.event, made.job.commit, made.job.from_fork) == (
        *(variables[name] for name in ("CI_JOB_URL", "CI_DEFAULT_BRANCH", "CI_PIPELINE_SOURCE")),
        SHA,
        False,
    )
    assert not made.has_summary
    assert made.target("") == Target("m#prod#1", commit=SHA)
    with pytest.raises(WrongInput, match="CI_PROJECT_DIR"):
        GitLab({}, io.StringIO())


def test_comments_are_refused_with_a_reason(tmp_path: Path) -> None:
    made = GitLab(job(tmp_path), io.StringIO())
    for refused in (lambda: made.comment(7, "gto", "text", "t"), lambda: made.merged_change(SHA, "t")):
        with pytest.raises(CommentRefused, match="only on GitHub and Forgejo"):
            refused()


def test_a_ghost_is_remembered_only_in_its_own_job(tmp_path: Path) -> None:
    temp = tmp_path / "models.tmp"
    temp.mkdir()
    environ = job(tmp_path / "models", RUNNER_TEMP_PROJECT_DIR=str(temp))
    first = GitLab(environ, io.StringIO())
    assert (first.job.ghost, first.job.temp) == ("", temp)
    first.remember_ghost("diff 0123 on 4567")
    assert GitLab(environ, io.StringIO()).job.ghost == "diff 0123 on 4567"
    # a runner may keep the folder for the next job
    assert GitLab({**environ, "CI_JOB_ID": "42"}, io.StringIO()).job.ghost == ""


def test_a_ghost_that_cannot_be_remembered_is_reported(tmp_path: Path) -> None:
    log = io.StringIO()
    GitLab(job(tmp_path), log).remember_ghost("diff 0123 on 4567")
    assert log.getvalue().startswith("WARNING: ")


# The log, as GitLab reads it (lib/gitlab/regex.rb, lib/gitlab/ci/ansi2json/converter.rb)

SECTION = re.compile(
    r"section_((?:start)|(?:end)):(\d+):([a-zA-Z0-9_.-]+)(\[(?:\w+=\w+)(?:, ?(?:\w+=\w+))*\])?\r\x1b\[0K"
)


@given(st.text() | st.text("\x1b[0K\r\n\tsection_start:end1x"))
@example("section_start:1:a[collapsed=true]\r\x1b[0Ka")
@example("\x1b[0Ksection_end:1:gto_0\r\x1b[0K\x1b[31mred\x9b2J\u2028\ud800")
def test_no_text_becomes_a_section_or_a_colour(text: str) -> None:
    stream = io.StringIO()
    log = Log(stream)
    with log.group(text):
        log.text(text)
    log.notice(text)
    log.error(text)
    log.warning(text, file=text, line=3)
    printed = stream.getvalue()
    (start, _, name, options), (end, _, ended, _) = SECTION.findall(printed)
    assert (start, end, name, options) == ("start", "end", ended, "[collapsed=true]")
    rest = SECTION.sub("", printed).replace("\x1b[0K", "", 2)
    assert all(character.isprintable() or character == "\n" for character in rest)
    assert re.findall(r"^(\w+): ", rest.rpartition("\x1b")[2], re.MULTILINE)[-3:] == ["NOTICE", "ERROR", "WARNING"]


def test_text_keeps_its_lines() -> None:
    stream = io.StringIO()
    Log(stream).text("a\n\tb é│\n\x1b[1mc")
    assert stream.getvalue() == "a\n        b é│\n\\x1b[1mc\n"
    stream = io.StringIO()
    Log(stream).warning("odd\nname", file="artifacts.yaml", line=3)
    assert stream.getvalue() == "WARNING: artifacts.yaml:3: odd name\n"


# The files for later jobs


def read_report(data: bytes) -> dict[str, str]:
    """Read a dotenv report as GitLab does (app/services/ci/parse_dotenv_artifact_service.rb), with its limits."""
    assert len(data) < 5 * 1024, "GitLab refuses the report"
    found: dict[str, str] = {}
    for line in data.decode().split("\n")[:-1]:
        match = re.fullmatch(r"(.*?)=(.*)", line)
        assert match, "GitLab refuses the report"
        assert re.fullmatch(r"[A-Z_]+", match[1].strip()), "no name of a variable"
        found[match[1].strip()] = match[2].strip()
    assert len(found) <= 20, "GitLab refuses the report"
    return found


def expand(value: str, variables: Mapping[str, str]) -> str:
    """Expand variables in a value as GitLab and its runner do (lib/expand_variables.rb, os.Expand)."""
    return re.sub(
        r"\$(\w+)|\$\{(\w+)\}|%(\w+)%", lambda m: variables.get(next(filter(None, m.groups())), ""), value
    ).replace("$$", "$")


EVERYTHING = {name: f"{name}-value" for name in outputs.NAMES}


def test_every_variable_is_an_output_and_they_fit_every_gitlab() -> None:
    assert set(files.VARIABLES) < set(outputs.NAMES)
    report, left_out = files.render(EVERYTHING, "gto-outputs")
    assert len(read_report(report)) == 20
    assert not left_out
    # the configuration is read from variables too
    assert not {files.variable(name) for name in outputs.NAMES} & {"GTO_TYPES", "GTO_STAGES", "GTO_INDEX", "GTO_DEBUG"}


def test_the_guide_names_every_variable() -> None:
    guide = (Path(__file__).resolve().parents[2] / "docs/gitlab.md").read_text(encoding="utf-8")
    listed = guide.partition("## Outputs")[2].partition("GTO_OUTPUTS`")[2].partition("The list stops at twenty")[0]
    assert re.findall(r"`(\w+)`", listed) == [files.variable(name) for name in files.VARIABLES]


@given(st.dictionaries(st.sampled_from(outputs.NAMES), st.text() | st.text("\n=$%{}#' \"SECRET\\")))
@example({"type": "x\nGTO_STAGE=prod"})
@example({"type": "$CI_JOB_TOKEN", "path": "%CI_JOB_TOKEN%", "author-email": "a b", "version": "\u2028GTO_STAGE=x"})
def test_a_report_holds_only_values_that_gitlab_never_changes(values: dict[str, str]) -> None:
    report, left_out = files.render(values, "gto-outputs")
    read = read_report(report)
    assert read.pop("GTO_OUTPUTS") == "gto-outputs"
    secrets = {"SECRET": "s3cret", "CI_JOB_TOKEN": "s3cret"}
    for name in files.VARIABLES:
        value = read.pop(files.variable(name), "")
        assert value == ("" if name in left_out else values.get(name, ""))
        assert expand(value, secrets) == value
    assert read == {}


def test_if_a_report_is_too_large_the_longest_value_is_dropped() -> None:
    report, left_out = files.render({"event": "assignment", "path": "p" * 3000, "type": "t" * 2000}, "gto-outputs")
    assert left_out == ["path"]
    assert read_report(report)["GTO_TYPE"] == "t" * 2000


def test_output_files_are_complete_and_exact(tmp_path: Path) -> None:
    log = io.StringIO()
    made = GitLab(job(tmp_path), log)
    values, _ = outputs.fit(
        {"event": "assignment", "name": "m", "author": "Zoë T", "type": "two words", "message": "a\n$b"}
    )
    made.write_outputs(values)
    folder = tmp_path / "gto-outputs"
    assert {file.name: file.read_bytes().decode() for file in folder.iterdir() if file.name != files.MANIFEST} == values
    assert read_report((tmp_path / "gto.env").read_bytes()) == {
        "GTO_OUTPUTS": "gto-outputs",
        "GTO_EVENT": "assignment",
        "GTO_NAME": "m",
    }
    assert log.getvalue().count("WARNING: ") == 1
    assert "GTO_TYPE is not set in later jobs" in log.getvalue()
    assert "gto-outputs/type" in log.getvalue()
    # a second time in the same job
    made.write_outputs(outputs.fit({"event": "registration"})[0])
    assert (folder / "name").read_bytes() == b""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gto-outputs", "gto.env"]


def test_outputs_are_written_to_the_given_path(tmp_path: Path) -> None:
    made = GitLab(job(tmp_path, GTO_OUTPUTS_FILE="build/a.env"), io.StringIO())
    made.write_outputs(outputs.fit({"event": "assignment"})[0])
    assert (tmp_path / "build/a-outputs/event").read_text() == "assignment"
    assert read_report((tmp_path / "build/a.env").read_bytes())["GTO_OUTPUTS"] == "build/a-outputs"


@pytest.mark.parametrize("wanted", ["../gto.env", "/tmp/gto.env", "out/../../x.env", "a b.env", "$x.env", ".."])
def test_outputs_stay_inside_the_project(tmp_path: Path, wanted: str) -> None:
    with pytest.raises(WrongInput, match="GTO_OUTPUTS_FILE"):
        GitLab(job(tmp_path / "models", GTO_OUTPUTS_FILE=wanted), io.StringIO())


def test_a_link_in_the_commit_is_not_followed(tmp_path: Path) -> None:
    project, outside = tmp_path / "models", tmp_path / "outside"
    (project / "out").mkdir(parents=True)
    (outside / "folder").mkdir(parents=True)
    (outside / "file").write_text("theirs")
    for name, target in (("gto.env", outside / "file"), ("gto-outputs", outside / "folder")):
        made = GitLab(job(project), io.StringIO())
        (project / name).symlink_to(target)
        with pytest.raises(WrongInput, match=f"'{name}' already exists"):
            GitLab(job(project), io.StringIO())
        with pytest.raises(WrongInput, match=f"'{name}' already exists"):
            made.write_outputs(outputs.fit({"event": "assignment"})[0])
        assert sorted(place.name for place in project.iterdir()) == sorted(["out", name])
        assert (project / name).readlink() == target
        (project / name).unlink()
    assert (outside / "file").read_text() == "theirs"
    assert not list((outside / "folder").iterdir())
    (project / "out").rmdir()
    (project / "out").symlink_to(outside)
    with pytest.raises(WrongInput, match="is outside the project"):
        GitLab(job(project, GTO_OUTPUTS_FILE="out/gto.env"), io.StringIO())


def test_a_failure_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With and without outputs of an earlier job, which must stay."""

    def fail(place: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    earlier: dict[str, bytes] = {}
    for event in ("assignment", "registration"):
        made = GitLab(job(tmp_path), io.StringIO())
        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", fail)
            with pytest.raises(OSError, match="No space"):
                made.write_outputs(outputs.fit({"event": event})[0])
        assert everything(tmp_path) == earlier
        made.write_outputs(outputs.fit({"event": event})[0])
        earlier = everything(tmp_path)
    assert earlier["gto-outputs/event"] == b"registration"


def everything(folder: Path) -> dict[str, bytes]:
    """Return all files; of large ones, only the beginning."""
    found = {}
    for place in folder.rglob("*"):
        if place.is_file():
            with place.open("rb") as file:
                found[str(place.relative_to(folder))] = file.read(2**20)
    return found


def add_a_file(folder: Path) -> None:
    (folder / "mine").write_text("precious")


def change_a_file(folder: Path) -> None:
    (folder / "name").write_text("precious")


def add_a_folder(folder: Path) -> None:
    (folder / "mine").mkdir()
    (folder / "mine/file").write_text("precious")


def add_a_link(folder: Path) -> None:
    (folder / "mine").symlink_to("name")


def link_a_file(folder: Path) -> None:
    (folder / "name").rename(folder.parent / "moved")
    (folder / "name").symlink_to("../moved")


def add_a_large_file(folder: Path) -> None:
    """Bug: the whole file was read to compare it with the manifest."""
    with (folder / "data").open("wb") as file:
        file.truncate(2**42)


def grow_an_output(folder: Path) -> None:
    with (folder / "name").open("wb") as file:
        file.truncate(2**42)


def lose_the_manifest(folder: Path) -> None:
    (folder / files.MANIFEST).unlink()


@pytest.mark.parametrize(
    "change",
    [
        add_a_file,
        change_a_file,
        add_a_folder,
        add_a_link,
        link_a_file,
        lose_the_manifest,
        add_a_large_file,
        grow_an_output,
    ],
)
def test_a_folder_with_other_files_stays(change: Callable[[Path], None], tmp_path: Path) -> None:
    """Bug: anything named `gto-outputs` was removed, including its content."""
    made = GitLab(job(tmp_path), io.StringIO())
    made.write_outputs(outputs.fit({"event": "assignment"})[0])
    change(tmp_path / "gto-outputs")
    before = everything(tmp_path)
    with pytest.raises(WrongInput, match="'gto-outputs' already exists") as refused:
        GitLab(job(tmp_path), io.StringIO())
    assert "GTO_OUTPUTS_FILE" in refused.value.next_step
    with pytest.raises(WrongInput, match="'gto-outputs' already exists"):
        made.write_outputs(outputs.fit({"event": "registration"})[0])
    assert everything(tmp_path) == before


@pytest.mark.parametrize(("name", "wanted"), [("src-outputs", "src.env"), ("Makefile-outputs", "Makefile")])
def test_a_folder_of_the_repository_stays(name: str, wanted: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "result.csv").write_text("precious")
    with pytest.raises(WrongInput, match=f"'{name}' already exists"):
        GitLab(job(tmp_path, GTO_OUTPUTS_FILE=wanted), io.StringIO())
    assert everything(tmp_path) == {f"{name}/result.csv": b"precious"}


@pytest.mark.parametrize(
    "text", ["", "A=b\n", "GTO_NAME=m\n", "GTO_OUTPUTS=gto-outputs\nSECRET=x\n", "# GTO_OUTPUTS=gto-outputs\n"]
)
def test_a_file_of_the_repository_stays(text: str, tmp_path: Path) -> None:
    (tmp_path / "gto.env").write_text(text)
    with pytest.raises(WrongInput, match=r"'gto\.env' already exists"):
        GitLab(job(tmp_path), io.StringIO())
    assert everything(tmp_path) == {"gto.env": text.encode()}


def test_outputs_of_an_earlier_job_are_replaced(tmp_path: Path) -> None:
    """As artifacts: copies of the report with its folder, or of either alone."""
    first = tmp_path / "first"
    first.mkdir()
    GitLab(job(first), io.StringIO()).write_outputs(outputs.fit({"event": "assignment", "name": "m"})[0])
    for wanted in (("gto.env", "gto-outputs"), ("gto.env",), ("gto-outputs",)):
        second = tmp_path / "-".join(wanted)
        second.mkdir()
        for name in wanted:
            copy = shutil.copytree if (first / name).is_dir() else shutil.copy
            copy(first / name, second / name)
        GitLab(job(second), io.StringIO()).write_outputs(outputs.fit({"event": "registration"})[0])
        assert (second / "gto-outputs/event").read_text() == "registration"
        assert sorted(path.name for path in second.iterdir()) == ["gto-outputs", "gto.env"]


def test_the_ghost_file_follows_no_link(tmp_path: Path) -> None:
    project, temp = tmp_path / "models", tmp_path / "temp"
    project.mkdir()
    temp.mkdir()
    (tmp_path / "file").write_text("precious")
    made = GitLab(job(project, RUNNER_TEMP_PROJECT_DIR=str(temp), CI_JOB_ID="7"), io.StringIO())
    (temp / "gto-ci-ghost-7").symlink_to(tmp_path / "file")
    with pytest.raises(WrongInput, match="symbolic links"):
        made.remember_ghost("a ghost")
    assert (tmp_path / "file").read_text() == "precious"
