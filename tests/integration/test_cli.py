"""Tests of the command lines as a user runs them: real processes, real git, exit codes and streams."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import forking
from tests.running import Ran
from tests.workdir import ISOLATED, WorkDir

BIN = Path(sys.executable).parent


def gto(*args: str, cwd: Path, program: str = "gto", **environ: str) -> Ran:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "GTO_"))}
    variables = {**inherited, **ISOLATED, **environ}
    if not any(name.startswith("PYTHON") for name in environ):  # only newer versions of Python parse these
        return forking.shared().call(program, args, cwd, variables)
    done = subprocess.run([BIN / program, *args], cwd=cwd, env=variables, capture_output=True, check=False)
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> WorkDir:
    """A registry: churn, with three versions and two stages; segment, deprecated."""
    work = WorkDir.init(tmp_path_factory.mktemp("cli") / "work")
    work.commit("one")
    work.tag("churn@v1.0.0", message="Registering artifact churn version v1.0.0")
    work.tag("churn#prod#1", message="Assigning stage prod to artifact churn version v1.0.0")
    work.tag("models/nlp=segment@v0.1.0")
    work.commit("two")
    work.tag("churn@v1.1.0")
    work.tag("churn#dev#2")
    work.tag("churn#prod#3")
    work.tag("models/nlp=segment@deprecated")
    work.lightweight("churn@v9.9.9")
    work.git("tag", "release-1")
    return work


def test_show(work: WorkDir) -> None:
    shown = gto("show", cwd=work.path)
    assert (shown.code, shown.err) == (0, "")
    assert shown.out == (
        "╒════════╤══════════╤════════╤═════════╕\n"
        "│ name   │ latest   │ #dev   │ #prod   │\n"
        "╞════════╪══════════╪════════╪═════════╡\n"
        "│ churn  │ v1.1.0   │ v1.1.0 │ v1.1.0  │\n"
        "╘════════╧══════════╧════════╧═════════╛\n"
    )
    assert "models/nlp:segment" in gto("show", "-d", cwd=work.path).out


def test_show_an_artifact(work: WorkDir) -> None:
    shown = gto("show", "churn", "--vs", "-1", "--plain", cwd=work.path).out.split("\n")
    assert [line.split() for line in shown] == [
        ["artifact", "version", "stage", "created_at", "ref"],
        ["churn", "v1.1.0", "prod,", "dev", "2023-11-14", "22:18:20+00:00", "churn@v1.1.0"],
        ["churn", "v1.0.0", "prod", "2023-11-14", "22:14:20+00:00", "churn@v1.0.0"],
        [],
    ]


@pytest.mark.parametrize(
    ("args", "out"),
    [
        (["churn@greatest", "--ref"], "churn@v1.1.0\n"),
        (["churn@latest", "--version"], "v1.1.0\n"),
        (["churn@v1.0.0", "--ref"], "churn@v1.0.0\n"),
        (["churn#prod", "--version"], "v1.1.0\n"),
        (["churn", "--stage"], "prod, dev\n\n"),
        (["--name"], "churn\n"),
        (["churn@v7.0.0"], "Nothing found in the current workspace\n"),
        (["churn#qa", "--ref"], ""),
    ],
)
def test_show_parts_and_shortcuts(work: WorkDir, args: list[str], out: str) -> None:
    assert gto("show", *args, cwd=work.path) == Ran(0, out, "")


def test_show_json(work: WorkDir) -> None:
    assert json.loads(gto("show", "--json", cwd=work.path).out) == {
        "churn": {
            "version": "v1.1.0",
            "stage": {"dev": "v1.1.0", "prod": "v1.1.0"},
            "registered": True,
            "active": True,
        }
    }
    newest, oldest = json.loads(gto("show", "churn", "--json", cwd=work.path).out)
    assert (newest["version"], oldest["version"]) == ("v1.1.0", "v1.0.0")
    assert newest["enrichments"][0]["message"] == "two\n"
    assert [stage["stage"] for stage in newest["stages"]] == ["prod", "dev"]


def test_history(work: WorkDir) -> None:
    lines = gto("history", "churn", "--plain", cwd=work.path).out.splitlines()
    one, two = (work.git("rev-parse", f"{tag}^{{}}") for tag in ("churn@v1.0.0", "churn@v1.1.0"))
    assert [line.split()[-1] for line in lines[1:]] == [
        *("churn#prod#3", "churn#dev#2", "churn@v1.1.0", two[:7], "churn#prod#1", "churn@v1.0.0", one[:7]),
    ]
    first, second = json.loads(gto("history", "churn", "--asc", "--json", cwd=work.path).out)[:2]
    assert first == {
        "timestamp": "2023-11-14T22:13:20+00:00",
        "artifact": "churn",
        "event": "commit",
        "priority": 0,
        "version": "v1.0.0",
        "stage": None,
        "commit": one,
        "author": "Ada Lovelace",
        "author_email": "ada@example.com",
        "message": "one\n",
        "ref": one,
    }
    assert second == first | {
        "timestamp": "2023-11-14T22:14:20+00:00",
        "event": "registration",
        "priority": 3,
        "message": "Registering artifact churn version v1.0.0",
        "ref": "churn@v1.0.0",
    }
    assert gto("history", "nothing", cwd=work.path) == Ran(0, "Nothing found in the current workspace\n", "")


@pytest.mark.parametrize(
    ("args", "out"),
    [
        (["churn#prod#3"], '✅  Stage "prod" was assigned to version "v1.1.0" of artifact "churn"\n'),
        (["refs/tags/churn@v1.0.0"], '✅  Version "v1.0.0" of artifact "churn" was registered\n'),
        (["churn#prod#3", "--name"], "churn\n"),
        (["churn#prod#3", "--stage"], "prod\n"),
        (["churn#prod#3", "--version"], "v1.1.0\n"),
        (["churn#prod#3", "--event"], "assignment\n"),
        (["churn@v1.0.0", "--stage"], ""),
        (["models/nlp=segment@deprecated", "--name"], "models/nlp:segment\n"),
        (["models/nlp:segment@v0.1.0"], '✅  Version "v0.1.0" of artifact "models/nlp:segment" was registered\n'),
        (["churn#prod"], '✅  Stage "prod" was assigned to version "v1.1.0" of artifact "churn"\n'),
        (["release-1"], ""),
        (["main"], ""),
    ],
)
def test_check_ref(work: WorkDir, args: list[str], out: str) -> None:
    assert gto("check-ref", *args, cwd=work.path) == Ran(0, out, "")


@pytest.mark.parametrize(
    ("ref", "note"),
    [
        ("churn@v9.9.9", "lightweight"),
        ("refs/tags/churn@v8.8.8", "There is no tag 'churn@v8.8.8'"),
        ("churn@v8.8.8", "'churn' has no active version v8.8.8"),
        ("models/nlp:segment@v0.1.0!", "try 'models/nlp=segment@v0.1.0!'"),
        ("churn@v1.0", "not in registry format"),
    ],
)
def test_check_ref_says_why_there_is_nothing(work: WorkDir, ref: str, note: str) -> None:
    ran = gto("check-ref", ref, "--json", cwd=work.path)
    assert (ran.code, ran.out) == (0, "")
    assert note in ran.err
    assert ran.err.count("\n") == 1


def test_stages(work: WorkDir, tmp_path: Path) -> None:
    assert gto("stages", cwd=work.path).out == "dev\nprod\n"
    assert json.loads(gto("stages", "--used", "--json", cwd=work.path).out) == ["dev", "prod"]
    assert gto("stages", "--allowed", "--json", cwd=work.path).out == "null\n"
    assert gto("stages", cwd=work.path, GTO_STAGES='["qa", "prod"]').out == "qa\nprod\n"


def test_parse_tag(tmp_path: Path) -> None:
    parsed = gto("parse-tag", "models/nlp=churn#prod!#3", cwd=tmp_path)
    assert json.loads(parsed.out) == {"name": "models/nlp:churn", "stage": "prod", "action": "unassign", "counter": 3}
    assert gto("parse-tag", "m@v1.0.0", "--key", "version", cwd=tmp_path).out == '"v1.0.0"\n'
    assert json.loads(gto("parse-tag", "m@created", cwd=tmp_path).out) == {"name": "m", "action": "create"}


def test_doctor(work: WorkDir, tmp_path: Path) -> None:
    sick = gto("doctor", cwd=work.path)
    assert sick.code == 1
    assert "Tag 'churn@v9.9.9' is ignored: it is lightweight" in sick.out
    sound = WorkDir.init(tmp_path / "sound")
    sound.commit(__gto="stages: [dev]\n")
    sound.tag("m@v1.0.0")
    healthy = gto("doctor", cwd=sound.path)
    assert healthy.code == 0
    assert "stages: dev" in healthy.out
    assert healthy.out.endswith("✅  No issues found\n")
    sound.tag("m@v2.0.0")
    sound.tag("m#prod#1")
    sound.write("artifacts.yaml", "m: [")
    sick = gto("doctor", cwd=sound.path)
    assert sick.code == 1
    for problem in ("has several versions: v1.0.0, v2.0.0", "stage 'prod'", "Malformed annotations"):
        assert problem in sick.out


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (["show", "nope"], 1, "Cannot find artifact 'nope'. Known artifacts: churn"),
        (["show", "no\npe"], 1, r"'no\npe'"),
        (["show", "-r", "missing"], 1, "No Git repo found in 'missing': it does not exist"),
        (["show", "churn", "--name"], 1, "Cannot apply --name"),
        (["parse-tag", "x"], 1, "Cannot parse tag name 'x'"),
        (["parse-tag", "m@v1.0.0", "--key", "nope"], 1, "no part 'nope'"),
        (["show", "--sort", "foo"], 2, "'--sort'"),
        (["show", "--av", "-2"], 2, "'--assignments-per-version'"),
        (["show", "--json", "--plain"], 2, "one output format"),
        (["check-ref"], 2, "Missing argument 'REF'"),
        (["check-ref", "x", "--json", "--name"], 2, "one output format"),
        (["check-ref", "x", "--event", "--name"], 2, "one output format"),
        (["show", "--version", "--name"], 2, "one output format"),
        (["describe", "x", "--type", "--path"], 2, "one output format"),
        (["stages", "--allowed", "--used"], 2, "--allowed and --used cannot be used together"),
        (["nonsense"], 2, "No such command 'nonsense'"),
        (["regster"], 2, "No such command 'regster'. Did you mean 'register'?"),
        (["shwo", "churn"], 2, "Did you mean 'show'?"),
        (["prmote"], 2, "Did you mean 'promote'"),
        (["show", "chrun@latest"], 1, "Cannot find artifact 'chrun'. Did you mean 'churn'?"),
        (["describe", "churn", "--type", "--rev", "nope"], 1, "Ref 'nope' was not found"),
        (["describe", "churn@latest", "--rev", "HEAD"], 1, "Either specify revision or use naming shortcut"),
        (["describe", "churn@v6.0.0!"], 1, "There is no tag 'churn@v6.0.0!'"),
        (["check-ref", "churn@v1.0.0", "--verify", "--name"], 2, "--verify can only be combined with --json"),
        ([], 2, "Usage: gto"),
    ],
)
def test_mistakes(work: WorkDir, args: list[str], code: int, says: str) -> None:
    ran = gto(*args, cwd=work.path)
    assert ran.code == code
    assert ran.out == ""
    assert says in ran.err
    assert "Traceback" not in ran.err
    if code == 1:
        assert ran.err.count("\n") == 1
        assert ran.err.startswith("❌ ")


@pytest.mark.parametrize("command", [["show"], ["history"], ["stages"], ["doctor"], ["check-ref", "m@v1.0.0"]])
def test_a_broken_configuration_stops_every_command(tmp_path: Path, command: list[str]) -> None:
    broken = WorkDir.init(tmp_path / "broken")
    broken.write(".gto", "stages: [")
    ran = gto(*command, cwd=broken.path)
    assert ran.code == 1
    assert "Wrong config file" in ran.err
    ran = gto(*command, cwd=broken.path, GTO_STAGES="x")
    assert ran.code == 1


def test_an_empty_repository_is_an_empty_registry(tmp_path: Path) -> None:
    empty = WorkDir.init(tmp_path / "empty")
    assert gto("show", cwd=empty.path) == Ran(0, "Nothing found in the current workspace\n", "")
    assert gto("show", "--json", cwd=empty.path).out == "{}\n"
    assert gto("show", "m", cwd=empty.path).err.endswith("This repository has no registry tags yet\n")
    assert gto("check-ref", "m@v1.0.0", cwd=empty.path).code == 0


def test_emojis_can_be_turned_off(work: WorkDir) -> None:
    said = gto("check-ref", "churn@v1.0.0", cwd=work.path, GTO_EMOJIS="false")
    assert said.out == 'Version "v1.0.0" of artifact "churn" was registered\n'
    assert gto("show", "x", cwd=work.path, GTO_EMOJIS="false").err.startswith("Cannot find")


def test_a_terminal_without_utf8_gets_no_crash(work: WorkDir) -> None:
    ran = gto("show", cwd=work.path, PYTHONIOENCODING="ascii")
    assert ran.code == 0
    assert "churn" in ran.out


def test_a_closed_pipe_is_no_error(work: WorkDir) -> None:
    done = subprocess.run(
        f"'{BIN / 'gto'}' history --json | head -c 1", shell=True, cwd=work.path, capture_output=True, check=False
    )
    assert done.stderr == b""


def test_the_other_programs(work: WorkDir) -> None:
    assert gto("check-ref", "churn@v1.0.0", "--name", cwd=work.path, program="gto-ci").out == "churn\n"
    assert gto("version", cwd=work.path, program="git-ghost").out.startswith("git-ghost ")
    assert gto("ghost", "version", cwd=work.path, program="gto-ci").code == 0
    environ = {**os.environ, **ISOLATED, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    ghost = subprocess.run(["git", "ghost", "version"], env=environ, capture_output=True, check=True)
    assert ghost.stdout.startswith(b"git-ghost")


@pytest.mark.parametrize("program", ["gto", "gto-ci", "git-ghost"])
def test_help(tmp_path: Path, program: str) -> None:
    ran = gto("--help", cwd=tmp_path, program=program)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(f"Usage: {program} ")


# Promise 12: what a command costs


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> WorkDir:
    """10,000 packed tags on 50 artifacts, as in a fresh clone."""
    large = WorkDir.init(tmp_path_factory.mktemp("large") / "large")
    head = large.commit("one")
    stream: list[str] = []
    for number in range(10_000):
        name, serial = f"a{number % 50}", number // 50
        tag = f"{name}@v0.0.{serial}" if serial % 2 else f"{name}#s{serial % 8}#{serial + 1}"
        stream.append(f"tag {tag}\nfrom {head}\ntagger Ada <a@b> {1_700_000_000 + number} +0000\ndata 2\nhi\n")
    large.git("fast-import", "--quiet", stdin="".join(stream).encode())
    large.git("pack-refs", "--all")
    return large


@pytest.fixture
def counted(tmp_path: Path) -> tuple[dict[str, str], Path]:
    """A ``git`` that logs its arguments and then runs the real git. Return its environment and the log file."""
    real, notes = shutil.which("git"), tmp_path / "notes"
    wrapper = tmp_path / "bin/git"
    wrapper.parent.mkdir()
    wrapper.write_text(f"#!/bin/sh\necho \"$@\" >>'{notes}'\nexec '{real}' \"$@\"\n")
    wrapper.chmod(0o755)
    notes.write_text("")
    return {"PATH": f"{wrapper.parent}{os.pathsep}{os.environ['PATH']}"}, notes


@pytest.mark.parametrize(
    ("args", "processes"),
    [
        # the tags of one artifact; all tags: their names and, at the same time, their objects
        (["check-ref", "a7@v0.0.5"], 1),
        (["stages"], 2),
        # besides the tags: HEAD's commit, its annotation files and, if there are any, their contents
        (["show"], 4),
        (["show", "--json"], 4),
        (["show", "a7"], 3),
        # … and the commits of versions
        (["show", "a7", "--json"], 4),
        (["history"], 5),
        (["history", "a7"], 4),
        # for all branches, the heads and their trees; for all commits, their changes: one process in both cases
        (["show", "-a"], 4),
        (["show", "-A"], 3),
        (["history", "-A"], 4),
    ],
)
def test_few_git_processes(
    large: WorkDir, counted: tuple[dict[str, str], Path], args: list[str], processes: int
) -> None:
    environ, notes = counted
    ran = gto(*args, cwd=large.path, **environ)
    assert ran.code == 0
    assert ran.out
    started = notes.read_text().splitlines()
    assert len(started) == processes, started


def test_registering_asks_git_nothing_needless(tmp_path: Path, counted: tuple[dict[str, str], Path]) -> None:
    environ, notes = counted
    work = WorkDir.init(tmp_path / "work")
    work.commit("one")
    identity = {name: value for name, value in work.environ().items() if name.startswith("GIT_")}
    assert gto("register", "m", cwd=work.path, **identity, **environ).code == 0
    asked = [line.split()[0] for line in notes.read_text().splitlines()]
    # the commit, the artifact's tags, who and when, whether to sign; the object, its ref; the tags once more, now that
    # no other process can create one; and the remote's name
    assert asked == ["rev-parse", "for-each-ref", "var", "config", "mktag", "update-ref", "for-each-ref", "remote"]


def test_check_ref_reads_only_its_artifacts_tags(
    large: WorkDir, counted: tuple[dict[str, str], Path], tmp_path: Path
) -> None:
    """Run the logged command again: it lists the artifact's 200 tags, and none of the other 9,800."""
    environ, notes = counted
    assert gto("check-ref", "a7@v0.0.5", "--name", cwd=large.path, **environ).out == "a7\n"
    (asked,) = notes.read_text().splitlines()
    patterns = asked[asked.index(" -- ") + 4 :].split()
    listed = large.git("for-each-ref", "--format=%(refname:strip=2)", *patterns).splitlines()
    assert len(listed) == 200
    assert all(name.startswith(("a7@", "a7#")) for name in listed)


def test_a_strangers_text_does_not_steer_the_terminal(tmp_path: Path) -> None:
    text = "red: \x1b[31m, title: \x1b]0;x\x07, bell \x07"
    work = WorkDir.init(tmp_path)
    work.commit("one", artifacts__yaml="m: " + json.dumps({"description": text}))
    assert gto("describe", "m", "--description", cwd=work.path).out == text + "\n"
    screen, terminal = os.openpty()
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "GTO_"))} | ISOLATED
    command = [BIN / "gto", "describe", "m", "--description"]
    subprocess.run(command, cwd=work.path, env=environ, stdout=terminal, stderr=terminal, check=True)
    os.close(terminal)
    shown = os.read(screen, 1000).decode()
    os.close(screen)
    assert shown.splitlines() == [r"red: \x1b[31m, title: \x1b]0;x\x07, bell \x07"]
