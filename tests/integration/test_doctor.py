"""Tests of `gto-ci doctor`: cause each problem for real, and check that the printed command fixes it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import stat
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests import running
from tests.integration import test_signing
from tests.integration.test_cli import gto
from tests.prompting import on_a_terminal
from tests.running import Ran, environ
from tests.workdir import WorkDir

HTTP_PATH = "/repos/acme/models"
gpg_home = test_signing.gpg_home


@dataclass
class Clone:
    """A clone of a repository in which `churn` has two versions, one of them in `prod`."""

    work: WorkDir
    remote: WorkDir

    def doctor(self, *args: str, **more: str) -> Ran:
        return running.gto(self.work, "doctor", *args, program="gto-ci", **more)

    def findings(self, *args: str, **more: str) -> list[dict[str, str]]:
        """Return all warnings and problems."""
        ran = self.doctor("--json", *args, **more)
        found: list[dict[str, str]] = [one for one in json.loads(ran.out) if one["status"] != "ok"]
        assert ran.code == any(one["status"] == "problem" for one in found)
        return found

    def only(self, *args: str, **more: str) -> dict[str, str]:
        """Return the only warning or problem."""
        (found,) = self.findings(*args, **more)
        return found

    def follow(self, fix: str, **more: str) -> None:
        subprocess.run(
            ["sh", "-e", "-c", fix], cwd=self.work.path, env=environ(self.work, **more), check=True, capture_output=True
        )


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    remote = WorkDir.init(tmp_path / "remote")
    remote.commit("one")
    remote.tag("churn@v1.0.0")
    remote.commit("two", artifacts__yaml="churn: {path: churn.pkl}\n")
    remote.tag("churn@v1.1.0")
    remote.tag("churn#prod#1")
    remote.git("tag", "v1")  # none of the registry's
    return Clone(_clone(remote, tmp_path / "work"), remote)


def _clone(remote: WorkDir, path: Path, *options: str) -> WorkDir:
    remote.git("clone", "--quiet", *options, remote.path.as_uri(), str(path))
    work = WorkDir(path, now=remote.now)
    work.git("config", "user.name", work.author)
    work.git("config", "user.email", work.email)
    return work


def test_all_is_well(clone: Clone) -> None:
    ran = clone.doctor()
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert all(line.startswith("✅ ") for line in lines), ran.out
    assert f"✅ The remote is 'origin', '{clone.remote.path.as_uri()}'" in lines
    assert "✅ The registry tags here (3) match those on the remote" in lines
    checks = [one["check"] for one in json.loads(clone.doctor("--json").out)]
    assert len(checks) == len(lines)
    assert {"git", "package", "identity", "signing", "history", "settings", "config", "policy", "tags"} <= {*checks}


def test_it_changes_nothing(clone: Clone) -> None:
    before = running.observed(clone.work)
    clone.doctor()
    assert running.observed(clone.work) == before


# Tags


def test_a_tag_that_a_checkout_made_lightweight(clone: Clone) -> None:
    clone.work.git("update-ref", "refs/tags/churn#prod#1", clone.work.head)
    unasked = clone.only("--offline")
    assert "Tag 'churn#prod#1' is ignored: it is lightweight" in unasked["message"]
    found = clone.only()
    assert unasked["fix"] == found["fix"]
    assert found["status"] == "problem"
    assert found["message"] == "1 tag is lightweight here but annotated on the remote: churn#prod#1"
    assert found["fix"] == "git fetch origin '+refs/tags/churn#prod#1:refs/tags/churn#prod#1'"
    clone.follow(found["fix"])
    assert clone.findings() == []
    assert clone.work.tags() == clone.remote.tags()


def test_a_tag_that_was_moved(clone: Clone) -> None:
    clone.remote.git("tag", "-d", "churn#prod#1")
    clone.remote.tag("churn#prod#1", "churn@v1.0.0^{}")
    found = clone.only()
    assert (found["status"], found["message"]) == ("problem", "1 tag is different here and on the remote: churn#prod#1")
    clone.follow(found["fix"])
    assert clone.findings() == []


def test_tags_that_were_not_pushed(clone: Clone) -> None:
    clone.work.tag("churn#dev#2")
    clone.work.tag("m/n=x@v0.1.0")
    found = clone.only()
    assert (found["status"], found["message"]) == ("warning", "2 tags are not pushed: churn#dev#2, m/n=x@v0.1.0")
    clone.follow(found["fix"])
    assert clone.findings() == []
    assert clone.remote.tags() == clone.work.tags()


def test_more_tags_than_github_takes_at_once(clone: Clone) -> None:
    for number in range(2, 7):
        clone.work.tag(f"churn#dev#{number}")
    for left in (5, 2):
        found = clone.only()
        assert found["message"].startswith(f"{left} tags are not pushed: ")
        assert found["fix"].count("refs/tags/") == min(left, 3)
        clone.follow(found["fix"])
    assert clone.findings() == []


def test_tags_that_were_not_fetched(clone: Clone) -> None:
    clone.remote.tag("churn#dev#2")
    found = clone.only()
    assert (found["status"], found["message"]) == ("warning", "1 tag is on the remote but not here: churn#dev#2")
    clone.follow(found["fix"])
    assert clone.findings() == []


def test_a_tag_that_is_lightweight_on_both_sides(clone: Clone) -> None:
    clone.work.lightweight("churn@v2.0.0")
    clone.work.git("push", "--quiet", "origin", "refs/tags/churn@v2.0.0")
    found = clone.only()
    assert found["message"].startswith("Tag 'churn@v2.0.0' is ignored: it is lightweight")
    assert found["fix"] == f"git tag --annotate --force churn@v2.0.0 {clone.work.head}"


def test_a_lightweight_tag_that_was_made_here(clone: Clone) -> None:
    clone.work.git("remote", "remove", "origin")
    clone.work.lightweight("churn@v2.0.0")
    nowhere, light = clone.findings()
    assert (nowhere["status"], nowhere["fix"]) == ("warning", "git remote add origin URL")
    assert "Tag 'churn@v2.0.0' is ignored: it is lightweight" in light["message"]
    clone.follow(light["fix"], GIT_EDITOR="echo mended >")
    problems = [found["message"] for found in clone.findings() if found["status"] == "problem"]
    assert problems
    assert all("has several versions: v1.1.0, v2.0.0" in problem for problem in problems)


def test_the_object_of_a_tag_is_lost(clone: Clone) -> None:
    oid = clone.work.tag("churn#dev#2")
    (clone.work.path / ".git/objects" / oid[:2] / oid[2:]).unlink()
    found = clone.only()
    assert (found["check"], found["status"], found["fix"]) == ("tags", "problem", "git fsck")
    assert "bad ref refs/tags/churn#dev#2" in found["message"]


def test_a_long_list_is_cut(clone: Clone) -> None:
    for number in range(30):
        clone.work.lightweight(f"x@v0.0.{number}")
    found = clone.findings("--offline")
    assert len(found) == 11
    assert found[-1]["message"] == "The registry has 20 more problems"


def test_as_many_processes_with_many_tags(clone: Clone, tmp_path: Path) -> None:
    def processes() -> int:
        trace = tmp_path / "trace"
        clone.doctor(GIT_TRACE2_EVENT=str(trace))
        count = trace.read_text().count('"event":"version"')
        trace.unlink()
        return count

    for place in (clone.work, clone.remote):
        place.lightweight("a@v0.0.1")
    clone.work.tag("b@v0.0.1")
    few = processes()
    oid = clone.work.tags()["churn@v1.0.0"]
    lines = "".join(f"create refs/tags/m{number}@v1.0.0 {oid}\n" for number in range(2000))
    light = "".join(f"create refs/tags/l{number}@v1.0.0 {clone.work.head}\n" for number in range(500))
    clone.work.git("update-ref", "--stdin", stdin=(lines + light).encode())
    assert processes() == few


# The clone


def test_a_shallow_clone(clone: Clone, tmp_path: Path) -> None:
    shallow = Clone(_clone(clone.remote, tmp_path / "shallow", "--depth=1", "--no-single-branch"), clone.remote)
    messages = {one["message"]: one["fix"] for one in shallow.findings()}
    fix = messages["The clone is shallow: it lacks the commits of older versions"]
    assert fix == "git fetch --unshallow"
    shallow.follow(fix)
    shallow.follow("git fetch --tags")
    assert shallow.findings() == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("fetch.pruneTags", "true"),
        ("remote.origin.pruneTags", "yes"),
        ("remote.origin.tagOpt", "--no-tags"),
    ],
)
def test_settings_that_make_tags_vanish(clone: Clone, key: str, value: str) -> None:
    clone.work.git("config", key, value)
    found = clone.only()
    assert found["status"] == "warning"
    assert found["message"].startswith(key.lower())
    clone.follow(found["fix"])
    assert clone.findings() == []
    clone.work.git("config", key, "false" if value != "--no-tags" else "--tags")
    assert clone.findings() == []


def test_several_remotes_and_none(clone: Clone) -> None:
    clone.work.git("remote", "rename", "origin", "b")
    assert clone.findings() == []
    clone.work.git("remote", "add", "c", clone.remote.path.as_uri())
    found = clone.only()
    assert "several remotes, but none is named origin: b, c" in found["message"]
    clone.follow(found["fix"])
    assert clone.findings() == []


def test_a_remote_that_is_not_there(clone: Clone) -> None:
    clone.work.git("remote", "set-url", "origin", "/nowhere/x.git")
    found = clone.only()
    assert (found["check"], found["status"]) == ("remote", "problem")
    assert "Cannot reach the remote 'origin'" in found["message"]
    assert clone.findings("--offline") == []


def test_a_remote_that_says_nothing(clone: Clone) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        clone.work.git("remote", "set-url", "origin", f"git://127.0.0.1:{silent.getsockname()[1]}/x.git")
        found = clone.only(GTO_NETWORK_TIMEOUT="0.5")
    assert (found["check"], found["status"]) == ("remote", "problem")
    assert "no answer within 0.5 seconds" in found["message"]


@pytest.mark.parametrize("own", [False, True])
def test_ssh_is_told_to_ask_nobody(clone: Clone, tmp_path: Path, own: bool) -> None:
    """A user's own ssh command may be another program, so doctor adds no options to it."""
    ssh = _program(tmp_path / "bin/ssh", f'echo "$@" >{tmp_path}/said; exit 255')
    clone.work.git("remote", "set-url", "origin", "ssh://git@example.com/x.git")
    more = {"GIT_SSH_COMMAND": str(ssh)} if own else {"PATH": f"{ssh.parent}:{os.environ['PATH']}"}
    assert clone.only(**more)["check"] == "remote"
    assert ("-oBatchMode=yes" in (tmp_path / "said").read_text()) != own


def test_a_password_never_appears(clone: Clone) -> None:
    clone.work.git("remote", "set-url", "origin", "http://ada:hunter2@127.0.0.1:1/x.git")
    for args in ((), ("--json",), ("--offline",)):
        ran = clone.doctor(*args, no_proxy="*")
        assert "hunter2" not in ran.out + ran.err
        assert "***@127.0.0.1" in ran.out


@pytest.mark.parametrize("asking", ["GIT_ASKPASS", "SSH_ASKPASS", "core.askPass"])
def test_nobody_is_asked_for_a_password(clone: Clone, tmp_path: Path, asking: str, closed_door: str) -> None:
    program = _program(tmp_path / "ask", f"touch {tmp_path}/asked; echo secret")
    clone.work.git("remote", "set-url", "origin", f"{closed_door}/x.git")
    more = {asking: str(program)} if asking.isupper() else {}
    if not more:
        clone.work.git("config", asking, str(program))
    assert "git sent no credentials" in clone.only(GIT_TERMINAL_PROMPT="1", no_proxy="*", **more)["message"]
    assert not (tmp_path / "asked").exists()


@pytest.fixture
def closed_door() -> Iterator[str]:
    """The URL of a server that requires a login."""

    class Asking(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="x"')
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    yield from _served(Asking)


def _served(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


# The machine and the tagger


def _program(file: Path, script: str) -> Path:
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return file


@pytest.mark.parametrize(
    ("version", "fine"), [("2.30.9", False), ("2.31.0", True), ("3.0.1.windows.1", True), ("odd", False)]
)
def test_an_old_git(clone: Clone, tmp_path: Path, version: str, fine: bool) -> None:
    real = shutil.which("git")
    _program(tmp_path / "bin/git", f'[ "$1" = version ] && exec echo git version {version}\nexec {real} "$@"')
    found = clone.findings(PATH=f"{tmp_path}/bin:{os.environ['PATH']}")
    assert [one["fix"] for one in found] == ([] if fine else ["Install git 2.31 or newer"])


def test_no_git(clone: Clone, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    found = clone.only(PATH=str(tmp_path / "bin"))
    assert "git is not installed" in found["message"]
    assert found["fix"] == "Install git 2.31 or newer"


def test_the_package_of_the_same_name(clone: Clone, tmp_path: Path) -> None:
    package = tmp_path / "site/gto-1.7.2.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: gto\nVersion: 1.7.2\n")
    person = clone.work.environ()
    who = {name: person[name] for name in person if name.startswith("GIT_COMMITTER_")}
    ran = gto("doctor", "--offline", cwd=clone.work.path, program="gto-ci", PYTHONPATH=str(tmp_path / "site"), **who)
    assert ran.code == 1
    assert "❌ The package gto 1.7.2 is also installed" in ran.out
    assert "    → pip uninstall gto && " in ran.out


def test_a_person_that_git_does_not_know(clone: Clone, tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path), "GIT_CONFIG_GLOBAL": str(tmp_path / ".gitconfig")}

    def identity() -> dict[str, str]:
        ran = gto("doctor", "--offline", "--json", cwd=clone.work.path, program="gto-ci", **home)
        (found,) = (one for one in json.loads(ran.out) if one["check"] == "identity")
        return dict(found)

    assert identity()["message"] == "The tagger is 'Ada Lovelace <ada@example.com>'"
    clone.work.git("config", "--unset", "user.name")
    clone.work.git("config", "--unset", "user.email")
    clone.work.git("config", "user.useConfigOnly", "true")
    found = identity()
    assert found["status"] == "problem"
    clone.follow(found["fix"], **home)
    assert identity()["message"] == "The tagger is 'Your Name <you@example.com>'"


def test_a_key_that_is_not_there(clone: Clone, tmp_path: Path) -> None:
    (tmp_path / "gnupg").mkdir(mode=0o700)
    clone.work.git("config", "tag.gpgSign", "true")
    clone.work.git("config", "user.signingKey", "nobody@example.com")
    found = clone.only(GNUPGHOME=str(tmp_path / "gnupg"))
    assert (found["check"], found["status"]) == ("signing", "problem")
    clone.work.git("config", "gpg.program", "no-such-program")
    assert "'no-such-program' does not run: No such file" in clone.only()["message"]
    clone.work.git("config", "gpg.format", "ssh")
    assert "there is no file 'nobody@example.com'" in clone.only()["message"]
    clone.work.git("config", "user.signingKey", str(tmp_path / "key"))
    (tmp_path / "key").write_text("a key\n")
    assert clone.findings() == []
    clone.work.git("config", "--unset", "user.signingKey")
    assert "user.signingKey is not set" in clone.only()["message"]


def test_a_key_that_gpg_has(clone: Clone, gpg_home: Path) -> None:
    clone.work.git("config", "tag.gpgSign", "true")
    assert clone.findings(GNUPGHOME=str(gpg_home)) == []
    clone.work.git("config", "user.signingKey", "grace@example.com")
    assert "no secret key of user.signingKey 'grace@example.com'" in clone.only(GNUPGHOME=str(gpg_home))["message"]


@pytest.mark.parametrize(
    ("listed", "says"),
    [
        ("sec:u:255:22:", ""),
        ("sec::255:22:", ""),
        ("sec:e:255:22:\nsec:u:255:22:", ""),
        ("sec:e:255:22:", "has expired"),
    ],
)
def test_a_key_that_has_expired(clone: Clone, tmp_path: Path, listed: str, says: str) -> None:
    """GnuPG's format, from its doc/DETAILS. The second field, the validity, may be empty."""
    clone.work.git("config", "tag.gpgSign", "true")
    clone.work.git("config", "gpg.program", str(_program(tmp_path / "bin/keys", f"printf '{listed}\n'")))
    messages = [one["message"] for one in clone.findings()]
    assert len(messages) == bool(says)
    assert all(says in message for message in messages)


# The repository and its files


def test_no_repository(tmp_path: Path) -> None:
    ran = gto("doctor", cwd=tmp_path, program="gto-ci")
    assert ran.code == 1
    assert ran.out.splitlines()[-2:] == [
        "❌ No Git repo found in '.'",
        "    → Run 'git init' there, or name another folder with --repo",
    ]


def test_a_damaged_repository(clone: Clone) -> None:
    (clone.work.path / ".git/HEAD").unlink()
    found = clone.only()
    assert (found["check"], found["status"]) == ("repository", "problem")
    assert found["fix"] == "Its .git is damaged or incomplete; clone it again, or repair it"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
def test_somebody_elses_repository(clone: Clone, tmp_path: Path) -> None:
    for path in (clone.work.path, clone.work.path / ".git"):
        os.chown(path, 65534, 65534)
    found = clone.only()
    assert "dubious ownership" in found["message"]
    home = {"HOME": str(tmp_path), "GIT_CONFIG_GLOBAL": str(tmp_path / ".gitconfig")}
    clone.follow(found["fix"].partition(": ")[2], **home)
    assert clone.findings(**home) == []


def test_an_empty_repository(tmp_path: Path) -> None:
    empty = Clone(WorkDir.init(tmp_path / "empty"), WorkDir(tmp_path))
    empty.work.git("config", "user.name", "Ada")
    empty.work.git("config", "user.email", "ada@example.com")
    assert [one["check"] for one in empty.findings()] == ["remote"]


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        (".gto", "stages: [", "Wrong config file"),
        ("artifacts.yaml", "churn: [", "Malformed annotations in 'artifacts.yaml'"),
        ("dvc.yaml", "artifacts: []", "Malformed annotations in 'dvc.yaml'"),
        (".gto-policy.yaml", "rules: [{}]", "Wrong policy in '.gto-policy.yaml', line 1"),
    ],
)
def test_files_that_cannot_be_understood(clone: Clone, name: str, text: str, says: str) -> None:
    clone.work.write(name, text)
    found = clone.only()
    assert found["status"] == "problem"
    assert says in found["message"]
    assert found["fix"]


def test_a_registry_that_contradicts_itself(clone: Clone) -> None:
    for place in (clone.remote, clone.work):
        place.write(".gto", "stages: [dev]\n")
    found = clone.only()
    assert found["message"] == "Artifact 'churn' uses the stage 'prod', which .gto does not allow"
    assert found["fix"].startswith("Run gto history churn to see")


def test_gto_doctor_is_as_it_was(clone: Clone) -> None:
    assert running.gto(clone.work, "doctor").out.startswith("🪴 ")
    help_page = running.gto(clone.work, "--help", program="gto-ci").out
    assert help_page.count("\n  doctor ") == 1
    assert "doctor      Find problems, and show how to fix them\n" in help_page


@pytest.mark.parametrize("more", [{}, {"NO_COLOR": "1"}])
def test_words_instead_of_emojis_and_no_colour(clone: Clone, more: dict[str, str]) -> None:
    clone.work.tag("churn#dev#2")
    clone.work.write("artifacts.yaml", "x: [")
    ran = on_a_terminal(clone.work, "doctor", typed="", GTO_EMOJIS="false", **more)
    assert ran.code == 1
    assert "\x1b" not in ran.out
    lines = [line for line in ran.out.splitlines() if not line.startswith("    → ")]
    assert {line.partition(": ")[0] for line in lines} == {"ok", "warning", "problem"}
    assert "⚠️ 1 tag is not pushed: churn#dev#2\n" in clone.doctor().out


def test_a_strangers_text_steers_no_terminal(clone: Clone) -> None:
    clone.work.git("config", "user.name", "Ada \x1b[31m")
    clone.work.git("remote", "set-url", "origin", "/no\x1b[2Jwhere")
    ran = clone.doctor(GIT_COMMITTER_NAME="Ada \x1b[31m")
    assert "\x1b" not in ran.out + ran.err
    assert r"\x1b[31m" in ran.out


# A token


@dataclass
class FakeRepositoryApi:
    """A fake GitHub that answers `GET /repos/acme/models`, and records the tokens that it gets."""

    url: str = ""
    status: int = 200
    push: bool = True
    scopes: str | None = None
    asked: list[tuple[str, str | None]] = field(default_factory=list)


@pytest.fixture
def api() -> Iterator[FakeRepositoryApi]:
    fake = FakeRepositoryApi()

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            fake.asked.append((self.path, self.headers["Authorization"]))
            permissions = {"admin": False, "push": fake.push, "pull": True}
            body = (
                {"full_name": "acme/models", "permissions": permissions}
                if fake.status == 200
                else {"message": "Not Found"}
            )
            data = json.dumps(body).encode()
            self.send_response(fake.status)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(data)))
            if fake.scopes is not None:
                self.send_header("X-OAuth-Scopes", fake.scopes)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    serving = _served(Answering)
    fake.url = next(serving)
    yield fake
    next(serving, None)


def _token(
    clone: Clone, api: FakeRepositoryApi, token: str = "ghp_x", *, url: str = "git@github.com:acme/models.git"
) -> list[str]:
    """Return doctor's results about the token, in a clone of `url`. Git resolves `url` to the test's own remote."""
    clone.work.git("remote", "set-url", "origin", url)
    clone.work.git("config", f"url.{clone.remote.path.as_uri()}.insteadOf", url)
    ran = clone.doctor("--json", GITHUB_TOKEN=token, GITHUB_API_URL=api.url, no_proxy="*")
    assert token not in ran.out + ran.err
    return [f"{one['status']}: {one['message']}" for one in json.loads(ran.out) if one["check"] == "token"]


@pytest.mark.parametrize(
    "url",
    ["git@github.com:acme/models.git", "https://github.com/acme/models", "ssh://git@github.com:22/acme/models.git"],
)
def test_a_token_that_may_push(clone: Clone, api: FakeRepositoryApi, url: str) -> None:
    api.scopes = "gist, repo"
    assert _token(clone, api, url=url) == ["ok: The token can push to 'acme/models'"]
    assert api.asked == [(HTTP_PATH, "token ghp_x")]


def test_tokens_that_may_not(clone: Clone, api: FakeRepositoryApi) -> None:
    api.scopes = "gist"
    (said,) = _token(clone, api)
    assert said == "warning: You can push to 'acme/models', but not with this token: its scopes are 'gist'"
    api.push = False
    assert _token(clone, api) == ["warning: The token can read 'acme/models', but cannot push to it"]
    api.scopes = None
    assert _token(clone, api, "ghs_x") == [
        "ok: The token can read 'acme/models'; the workflow's 'permissions' may allow more"
    ]
    api.push = True
    (said,) = _token(clone, api, "github_pat_x")
    assert said == "ok: You can push to 'acme/models'; the token can push if it has the permission 'Contents: write'"
    api.status = 404
    (said,) = _token(clone, api)
    assert said.startswith("problem: Cannot query the token's permissions in acme/models")


@pytest.mark.parametrize(
    "url", ["https://github.com.example.org/acme/models", "https://example.org/github.com/acme", "/srv/github.com/a/b"]
)
def test_a_token_goes_to_no_other_server(clone: Clone, api: FakeRepositoryApi, url: str) -> None:
    assert _token(clone, api, url=url) == []
    assert api.asked == []


def test_offline_asks_nobody(clone: Clone, api: FakeRepositoryApi) -> None:
    clone.work.git("remote", "set-url", "origin", "https://github.com/acme/models")
    clone.work.tag("churn#dev#2")
    assert clone.findings("--offline", GH_TOKEN="ghp_x", GITHUB_API_URL=api.url) == []
    assert api.asked == []
