"""The action in jobs of GitLab, Forgejo and Gitea, with their variables, checkouts, files. Real git, no container."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from gto_ci import hints
from gto_ci.cli import action
from gto_ci.errors import CommentRefused
from gto_ci.platforms import outputs
from gto_ci.platforms.forgejo.runner import Forgejo
from gto_ci.platforms.gitlab.files import variable
from tests.e2e.remote import Person, Remote, git
from tests.git_server import GitServer
from tests.running import BIN
from tests.workdir import ISOLATED

PROJECT = Path(__file__).resolve().parents[2]
TOKEN = "glcbt-64_0123456789abcdefghij"
MARK = "\x1b[0Ksection_end:1:gto_0\r\x1b[0K"
MESSAGE = f"Ship $CI_JOB_TOKEN\n\nGTO_STAGE=dev {MARK}now"


@dataclass
class Lab:
    """A repository behind HTTP with a password, and the job folder as GitLab's runner sets it up."""

    remote: Remote
    server: GitServer
    folder: Path

    @property
    def project(self) -> Path:
        return self.folder / "builds/acme/models"

    @property
    def temp(self) -> Path:
        return self.folder / "builds/acme/models.tmp"

    def url(self, token: str = "") -> str:
        login = f"gitlab-ci-token:{token}@" if token else ""
        return f"http://{login}{self.server.address}/acme/models.git"

    def check_out(self, ref: str, settings: str = "", url: str = "") -> str:
        """Fetch and check out as GitLab's runner does (its shells/abstract.go); return the commit.

        Write ``settings`` to a file in the temporary folder, which git's configuration includes.
        """
        self.project.mkdir(parents=True)
        self.temp.mkdir()
        commit = self.remote.peel(ref)
        git(self.project, "init", "--quiet", ".")
        git(self.project, "remote", "add", "origin", url or self.url(TOKEN))
        if settings:
            (self.temp / "git.conf").write_text(settings)
            git(self.project, "config", "include.path", str(self.temp / "git.conf"))
        pipeline = "+refs/heads/main:refs/pipelines/9"
        specs = [f"+{ref}:{ref}"] if ref.startswith("refs/tags/") else []
        options = ("--no-recurse-submodules", "--depth=20", "--prune", "--quiet")
        variables = {"CI_JOB_TOKEN": TOKEN}
        git(self.project, "fetch", "origin", *options, pipeline, *specs, environment=variables)
        git(self.project, "checkout", "-f", "-q", commit)
        self.server.forget()
        return commit

    def environ(self, ref: str, **variables: str) -> dict[str, str]:
        outer = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "GITHUB_", "GTO_"))}
        about = {"CI_COMMIT_REF_NAME": ref.rpartition("/")[2], "CI_PIPELINE_SOURCE": "push"}
        if ref.startswith("refs/tags/"):
            about |= {"CI_COMMIT_TAG": ref.removeprefix("refs/tags/")}
        return {
            **outer,
            **ISOLATED,
            "HOME": str(self.folder),
            "GITLAB_CI": "true",
            "CI_PROJECT_DIR": str(self.project),
            "RUNNER_TEMP_PROJECT_DIR": str(self.temp),
            "CI_PROJECT_PATH": "acme/models",
            "CI_SERVER_URL": f"http://{self.server.address}",
            "CI_JOB_TOKEN": TOKEN,
            "CI_JOB_ID": "41",
            "CI_DEFAULT_BRANCH": "main",
            "CI_COMMIT_SHA": self.remote.peel(ref),
            **about,
            **variables,
        }

    def run(self, ref: str, variables: dict[str, str] | None = None, /, **inputs: str) -> Ran:
        environ = self.environ(ref, **{f"GTO_INPUT_{name.upper()}": value for name, value in inputs.items()})
        stream = io.StringIO()
        code = action.run(environ | (variables or {}), stream)
        return Ran(code, stream.getvalue(), self.project)

    def tag(self, name: str, /, **inputs: str) -> Ran:
        """Run the action as a pipeline for the tag ``name`` does."""
        self.check_out(f"refs/tags/{name}")
        return self.run(f"refs/tags/{name}", **inputs)


@dataclass(frozen=True)
class Ran:
    code: int
    log: str
    project: Path

    @property
    def variables(self) -> dict[str, str]:
        lines = (self.project / "gto.env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)

    def output(self, name: str) -> str:
        return (self.project / "gto-outputs" / name).read_bytes().decode()

    def said(self, kind: str) -> list[str]:
        return re.findall(rf"^{kind}: (.*)$", self.log, re.MULTILINE)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    remote = Remote.create(tmp_path / "server/acme/models.git")
    remote.allow_filters()
    remote.commit("one", {"artifacts.yaml": "churn: {type: model, path: models/churn.pkl, description: who leaves}\n"})
    remote.tag("churn@v1.0.0", date="2024-01-01T00:00:00+00:00")
    remote.tag("churn#prod#1", date="2024-01-02T00:00:00+00:00")
    remote.commit("two", {"code.py": "2"})
    remote.tag("churn@v1.1.0", date="2024-01-03T00:00:00+00:00")
    tagger = Person("Zoë Tagger", "zoe@example.com")
    remote.tag("churn#prod#2", message=MESSAGE, tagger=tagger, date="2024-01-04T05:06:07+02:00")
    with GitServer(tmp_path / "server", token=TOKEN) as server:
        yield Lab(remote, server, tmp_path)


# GitLab


def test_a_pipeline_of_a_tag(lab: Lab) -> None:
    ran = lab.tag("churn#prod#2")
    assert ran.code == 0, ran.log
    commit = lab.remote.peel("churn#prod#2")
    assert ran.variables == {
        "GTO_OUTPUTS": "gto-outputs",
        "GTO_EVENT": "assignment",
        "GTO_NAME": "churn",
        "GTO_VERSION": "v1.1.0",
        "GTO_STAGE": "prod",
        "GTO_TYPE": "model",
        "GTO_PATH": "models/churn.pkl",
        "GTO_TAG": "churn#prod#2",
        "GTO_COMMIT": commit,
        "GTO_AUTHOR_EMAIL": "zoe@example.com",
        "GTO_CREATED_AT": "2024-01-04T05:06:07+02:00",
        "GTO_PREVIOUS_VERSION": "v1.0.0",
        "GTO_PREVIOUS_COMMIT": lab.remote.peel("churn#prod#1"),
        "GTO_DELETED": "false",
        "GTO_IS_LATEST": "true",
        "GTO_IS_CURRENT": "true",
        "GTO_GHOST_APPLIED": "false",
    }
    assert {file.name for file in (lab.project / "gto-outputs").iterdir()} - {".gto-ci"} == set(outputs.NAMES)
    assert ran.output("author") == "Zoë Tagger"
    assert ran.output("message") == MESSAGE.replace("\r", "\n")
    assert json.loads(ran.output("json"))["stage"] == "prod"
    assert json.loads(ran.output("registry"))["churn"]["version"] == "v1.1.0"
    # the log folds its tables, the tag's message closes no section, and no token is in the log
    assert ran.log.count("section_start:") == ran.log.count("\x1b[0Ksection_end:")
    assert MARK not in ran.log
    assert TOKEN not in ran.log
    # git sends the password of a URL only when asked, so its first request is without
    assert lab.server.requests[-1].authorized
    # the checkout has the annotated tag itself, and keeps it
    assert git(lab.project, "cat-file", "-t", "refs/tags/churn#prod#2").strip() == "tag"


def test_a_ref_by_hand_and_a_branch(lab: Lab) -> None:
    lab.check_out("refs/heads/main")
    ran = lab.run("refs/heads/main", ref="churn@greatest")
    assert (ran.code, ran.variables["GTO_TAG"]) == (0, "churn@v1.1.0")
    ran = lab.run("refs/heads/main")
    assert ran.code == 0, ran.log
    # earlier outputs are gone
    assert ran.variables == {"GTO_OUTPUTS": "gto-outputs"}
    assert ran.output("event") == ""
    assert ran.said("NOTICE")[0].startswith("the branch 'main' is not a registry tag")


def test_a_comment_is_refused_and_the_job_goes_on(lab: Lab) -> None:
    ran = lab.tag("churn#prod#2", comment="always")
    assert (ran.code, ran.variables["GTO_STAGE"]) == (0, "prod")
    (notice,) = ran.said("NOTICE")
    assert "only on GitHub and Forgejo" in notice


def test_a_closed_gate_fails_the_job_and_leaves_its_outputs(lab: Lab) -> None:
    ran = lab.tag("churn#prod#1", require_stage="dev")
    assert ran.code == 1
    (error,) = ran.said("ERROR")
    assert "prod" in error
    assert ran.variables["GTO_GATE"] == "failed"
    assert json.loads(ran.output("gate-reasons"))


def test_a_failure_leaves_no_outputs(lab: Lab) -> None:
    ran = lab.tag("churn@v1.0.0", ref="churn@v9.9.9")
    assert ran.code == 1
    assert len(ran.said("ERROR")) == 1
    assert not (lab.project / "gto.env").exists()


def test_a_crash_fails_the_job(lab: Lab) -> None:
    lab.check_out("refs/tags/churn@v1.0.0")
    (lab.project / "taken").write_text("a file, in which there can be no other one")
    ran = lab.run("refs/tags/churn@v1.0.0", {"GTO_OUTPUTS_FILE": "taken/gto.env"})
    assert ran.code == 1
    (error,) = ran.said("ERROR")
    assert error.startswith("Unexpected NotADirectoryError")
    assert "[collapsed=true]\r\x1b[0KTraceback\n" in ran.log
    assert not (lab.project / "gto-outputs").exists()


@pytest.mark.parametrize("case", ["url", "rewritten", "helper"])
def test_the_runners_credentials(lab: Lab, case: str) -> None:
    """In the remote's URL; since 17.2 in a file, as another URL; with FF_GIT_URLS_WITHOUT_TOKENS from a helper."""
    helper = '!f(){ if [ "$1" = get ]; then echo username=gitlab-ci-token; echo "password=$CI_JOB_TOKEN"; fi; }; f'
    settings = {
        "url": "",
        "rewritten": f'[url "{lab.url(TOKEN)}"]\n\tinsteadOf = {lab.url()}\n',
        "helper": f"[credential]\n\thelper = {json.dumps(helper)}\n",
    }[case]
    lab.check_out("refs/tags/churn#prod#1", settings, lab.url(TOKEN) if case == "url" else lab.url())
    ran = lab.run("refs/tags/churn#prod#1")
    assert (ran.code, ran.variables.get("GTO_STAGE")) == (0, "prod"), ran.log
    # the other tags are here, so the fetch was authorized
    assert ran.variables["GTO_IS_CURRENT"] == "false"


def test_a_token_that_is_refused_is_not_shown(lab: Lab) -> None:
    lab.check_out("refs/tags/churn#prod#1")
    git(lab.project, "remote", "set-url", "origin", lab.url("glcbt-an_old_token"))
    ran = lab.run("refs/tags/churn#prod#1")
    assert ran.code == 1
    (error,) = ran.said("ERROR")
    assert "Check the credentials" in error
    assert "glcbt" not in ran.log


def test_a_fork_chooses_no_ghost(lab: Lab) -> None:
    lab.check_out("refs/heads/main")
    variables = {
        "CI_PIPELINE_SOURCE": "merge_request_event",
        "CI_MERGE_REQUEST_IID": "7",
        "CI_MERGE_REQUEST_PROJECT_PATH": "acme/models",
        "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH": "eve/models",
    }
    ran = lab.run("refs/heads/main", variables, ghost_repo=lab.url(), ghost_diff="abcd")
    assert ran.code == 1
    assert "from a fork" in ran.said("ERROR")[0]


def test_the_component_runs_the_program(lab: Lab) -> None:
    """Run its script with the variables of a job. No GitHub library is imported."""
    _, job = yaml.safe_load_all((PROJECT / "templates/gto.yml").read_text(encoding="utf-8"))
    lab.check_out("refs/tags/churn#prod#2")
    (body,) = job.values()
    (command,) = body["script"]
    defaults = dict.fromkeys(body["variables"], "") | {"GTO_INPUT_SHOW": "false ", "GTO_INPUT_HISTORY": "false "}
    environ = lab.environ("refs/tags/churn#prod#2", **defaults)
    environ["PATH"] = f"{BIN}{os.pathsep}{environ['PATH']}"
    done = subprocess.run(["sh", "-e", "-c", command], cwd=lab.project, env=environ, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == b""
    assert "section_start" in done.stdout.decode()
    kept = [lab.project / place for place in (*body["artifacts"]["paths"], body["artifacts"]["reports"]["dotenv"])]
    assert all(place.exists() for place in kept)
    assert git(lab.project, "status", "--porcelain").split() == ["??", "gto-outputs/", "??", "gto.env"]


def test_nothing_of_github_is_loaded_on_gitlab() -> None:
    code = (
        "import sys; from gto_ci.cli import action; action.choose({'GITLAB_CI': 'true'});"
        "print(*sorted(name for name in sys.modules if name.split('.')[0] in ('github', 'actions_toolkit', 'requests')"
        " or name.startswith(('gto_ci.platforms.github', 'gto_ci.platforms.forgejo'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_the_component_has_the_inputs_of_the_action() -> None:
    header, job = yaml.safe_load_all((PROJECT / "templates/gto.yml").read_text(encoding="utf-8"))
    theirs = yaml.safe_load((PROJECT / "action.yml").read_text(encoding="utf-8"))["inputs"]
    ours = header["spec"]["inputs"]
    own = {"image", "job-name", "stage"}  # the parts of a GitLab job
    assert list(ours) == [*(name for name in ours if name in own), *theirs]
    (body,) = job.values()
    for name, one in theirs.items():
        # GitLab's checkout leaves the job's token where git finds it
        default = "" if name == "token" else one["default"]
        flag = default in ("true", "false")
        assert ours[name]["default"] == (default == "true" if flag else default), name
        assert (ours[name].get("type") == "boolean") is flag, name
        assert body["variables"][variable(f"input-{name}")] == f"$[[ inputs.{name} ]]{' ' if flag else ''}"
    assert len(body["variables"]) == len(theirs)


# Forgejo


class FakeForgejo:
    """Imitates Forgejo's API for comments and merged pull requests. A comment has no `url`."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.user = {"id": -2, "login": "forgejo-actions"}  # the user of a job's own token
        self.comments: list[dict[str, Any]] = []
        self.merged: dict[str, dict[str, Any]] = {}
        self.calls: list[str] = []
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer({})

            def do_POST(self) -> None:
                self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

            def do_PATCH(self) -> None:
                self.do_POST()

            def log_message(self, format: str, *args: object) -> None:
                """Log nothing."""

            def _answer(self, body: dict[str, Any]) -> None:
                path = self.path.partition("?")[0]
                fake.calls.append(f"{self.command} {path}")
                known = self.headers["Authorization"] == f"token {fake.token}"
                status, answer = fake.answer(self.command, path, body) if known else (401, {"message": "no"})
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05})

    def __enter__(self) -> FakeForgejo:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def add(self, body: str, user: dict[str, Any] | None = None) -> dict[str, Any]:
        number = len(self.comments) + 1
        page = f"{self.url}/acme/models/pulls/7#issuecomment-{number}"
        self.comments.append({"id": number, "html_url": page, "body": body, "user": user or self.user})
        return self.comments[-1]

    def answer(self, verb: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        here = "/api/v1/repos/acme/models"
        one = re.fullmatch(f"{here}/issues/comments/([0-9]+)", path)
        commit = re.fullmatch(f"{here}/commits/([0-9a-f]+)/pull", path)
        if (verb, path) == ("GET", "/api/v1/user"):
            return 200, self.user
        if path == f"{here}/issues/7/comments":
            return (200, self.comments) if verb == "GET" else (201, self.add(body["body"]))
        if verb == "PATCH" and one and int(one[1]) <= len(self.comments):
            self.comments[int(one[1]) - 1] |= body
            return 200, self.comments[int(one[1]) - 1]
        if verb == "GET" and commit and commit[1] in self.merged:
            return 200, self.merged[commit[1]]
        return 404, {"message": "The target couldn't be found."}


@pytest.fixture
def forge() -> Iterator[FakeForgejo]:
    with FakeForgejo(TOKEN) as forge:
        yield forge


def forgejo(forge: FakeForgejo, folder: Path) -> Forgejo:
    environ = {
        "FORGEJO_ACTIONS": "true",
        "GITHUB_WORKSPACE": str(folder),
        "GITHUB_OUTPUT": str(folder / "output"),
        "GITHUB_SERVER_URL": f"{forge.url}/",
        "GITHUB_REPOSITORY": "acme/models",
    }
    return Forgejo(environ, io.StringIO())


def test_a_comment_is_made_and_kept_up_to_date(forge: FakeForgejo, tmp_path: Path) -> None:
    room = forgejo(forge, tmp_path)
    # another user has copied the marker line
    forge.add("<!-- gto-ci: gto -->\nmine", {"id": 5, "login": "eve"})
    assert room.comment(7, "gto", "one", TOKEN, create=False) == ("", "none")
    made = room.comment(7, "gto", "one", TOKEN)
    assert made == (f"{forge.url}/acme/models/pulls/7#issuecomment-2", "created")
    assert room.comment(7, "gto", "one", TOKEN) == (made.url, "unchanged")
    assert room.comment(7, "gto", "two", TOKEN) == (made.url, "updated")
    assert [one["body"] for one in forge.comments] == ["<!-- gto-ci: gto -->\nmine", "<!-- gto-ci: gto -->\ntwo"]
    assert forge.calls[-1] == "PATCH /api/v1/repos/acme/models/issues/comments/2"


def test_a_refused_token_is_reported(forge: FakeForgejo, tmp_path: Path) -> None:
    room = forgejo(forge, tmp_path)
    with pytest.raises(CommentRefused, match="Check the token") as caught:
        room.comment(7, "gto", "one", "another")
    assert "Check the input 'token'" in hints.sentence(caught.value, hints.Interface.ACTION)
    assert "another" not in str(caught.value)
    with pytest.raises(CommentRefused):
        room.merged_change("1" * 40, "another")


def test_the_pull_request_that_introduced_a_commit(forge: FakeForgejo, tmp_path: Path) -> None:
    forge.merged |= {"1" * 40: {"number": 7, "merged": True}, "2" * 40: {"number": 8, "merged": False}}
    room = forgejo(forge, tmp_path)
    assert [room.merged_change(digit * 40, TOKEN) for digit in "123"] == [7, None, None]


def test_a_tag_on_forgejo(lab: Lab, forge: FakeForgejo, tmp_path: Path) -> None:
    commit = lab.check_out("refs/tags/churn#prod#2")
    forge.merged[commit] = {"number": 7, "merged": True}
    files = {name: tmp_path / name for name in ("output", "event.json")}
    files["output"].touch()
    files["event.json"].write_text(json.dumps({"ref": "refs/tags/churn#prod#2"}))
    around = lab.environ("refs/heads/main").items()
    environ = {
        **{name: value for name, value in around if not name.startswith(("CI", "GITLAB"))},
        "GITHUB_ACTIONS": "true",
        "FORGEJO_ACTIONS": "true",
        "GITHUB_WORKSPACE": str(lab.project),
        "GITHUB_OUTPUT": str(files["output"]),
        "GITHUB_EVENT_NAME": "push",
        "GITHUB_EVENT_PATH": str(files["event.json"]),
        "GITHUB_REF": "refs/tags/churn#prod#2",
        "GITHUB_SHA": commit,
        "GITHUB_SERVER_URL": f"{forge.url}/",
        "GITHUB_REPOSITORY": "acme/models",
        "GITHUB_RUN_NUMBER": "12",
        "INPUT_TOKEN": TOKEN,
        "INPUT_COMMENT": "always",
    }
    stream = io.StringIO()
    assert action.run(environ, stream) == 0, stream.getvalue()
    assert "stage<<" in files["output"].read_text()
    (comment,) = forge.comments
    assert comment["body"].startswith("<!-- gto-ci: gto -->")
    assert f"{forge.url}/acme/models/actions/runs/12" in comment["body"]
    assert comment["html_url"] in files["output"].read_text()
