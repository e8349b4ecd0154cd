"""GitHub: inputs, the event's target, the log, the outputs file."""

from __future__ import annotations

import io
import json
import os
from functools import partial
from pathlib import Path
from unittest import mock

import pytest
from actions_toolkit import core
from hypothesis import example, given
from hypothesis import strategies as st

from gto_ci.errors import WrongInput
from gto_ci.platforms import outputs
from gto_ci.platforms.github import files
from gto_ci.platforms.github.event import Trigger, change, decide, untrusted
from gto_ci.platforms.github.inputs import get_input
from gto_ci.platforms.github.log import Log
from gto_ci.platforms.github.runner import GitHub
from gto_ci.platforms.inputs import Inputs, boolean
from gto_ci.platforms.platform import PullRequest, Target
from tests.jobs import read_outputs

SHA = "1" * 40


# Inputs


def test_inputs_have_the_defaults_of_the_action() -> None:
    assert GitHub.read_inputs({}) == Inputs()
    given_ = {"INPUT_REF": " m@v1.0.0 ", "INPUT_FETCH-TAGS": "false", "INPUT_TOKEN": "secret", "INPUT_PATH": "sub"}
    inputs = GitHub.read_inputs(given_)
    assert (inputs.ref, inputs.fetch_tags, inputs.token, inputs.path) == ("m@v1.0.0", False, "secret", "sub")
    assert "secret" not in repr(inputs)


@pytest.mark.parametrize(
    "text", ["true", "True", "TRUE", "false", "False", "FALSE", " true ", "yes", "1", "tRue", "on"]
)
def test_inputs_are_read_as_the_toolkit_reads_them(text: str) -> None:
    environ = {"INPUT_FETCH-TAGS": text}
    with mock.patch.dict(os.environ, environ):
        assert get_input(environ, "fetch-tags") == core.get_input("fetch-tags")
        try:
            theirs: object = core.get_boolean_input("fetch-tags")
        except TypeError:
            theirs = WrongInput
    try:
        ours: object = boolean(partial(get_input, environ), "fetch-tags", default=True)
    except WrongInput as error:
        assert "'fetch-tags'" in str(error)
        ours = WrongInput
    assert ours == theirs


# Events


def job(event: str, triggered: str = "refs/heads/main", /, **payload: object) -> Trigger:
    return Trigger(event, triggered, SHA, payload)


@pytest.mark.parametrize(
    ("wanted", "event", "target"),
    [
        ("", job("push", "refs/tags/m@v1.0.0"), Target("m@v1.0.0", commit=SHA)),
        ("", job("push", "refs/heads/main"), Target(nothing="the branch 'main'")),
        ("", job("push", "refs/tags/m#p#1", deleted=True), Target("m#p#1", deleted=True)),
        ("", job("create", "refs/tags/m#p#1", ref="m#p#1", ref_type="tag"), Target("m#p#1", commit=SHA)),
        ("", job("create", "refs/heads/x", ref="x", ref_type="branch"), Target(nothing="the branch 'x'")),
        ("", job("delete", ref_type="branch"), Target(nothing="the branch ''")),
        ("", job("release", "refs/tags/m@v1.0.0", release={"tag_name": "m@v1.0.0"}), Target("m@v1.0.0", commit=SHA)),
        ("", job("release", "refs/tags/m@v1.0.0", release=None), Target("m@v1.0.0", commit=SHA)),
        ("", job("schedule"), Target(nothing="the branch 'main'")),
        ("", job("pull_request", "refs/pull/7/merge"), Target(nothing="the ref 'refs/pull/7/merge'")),
        ("", job("workflow_dispatch"), Target(nothing="the branch 'main'")),
        ("", job("workflow_dispatch", inputs={"ref": "m#prod"}), Target("m#prod", may_be_shortcut=True)),
        ("", job("workflow_dispatch", inputs={"ref": 7}), Target(nothing="the branch 'main'")),
        ("", job("workflow_dispatch", inputs="odd"), Target(nothing="the branch 'main'")),
        ("", job("workflow_dispatch", inputs={"ref": "refs/tags/m#prod"}), Target("m#prod")),
        ("", job("workflow_dispatch", "refs/tags/m#prod"), Target("m#prod", commit=SHA)),
        ("m@latest", job("push", "refs/tags/x@v1.0.0"), Target("m@latest", may_be_shortcut=True)),
        ("x@v1.0.0", job("push", "refs/tags/x@v1.0.0"), Target("x@v1.0.0", commit=SHA)),
        ("refs/tags/x@v1.0.0", job("push", "refs/tags/x@v1.0.0"), Target("x@v1.0.0", commit=SHA)),
        ("refs/heads/main", job("push", "refs/tags/x@v1.0.0"), Target(nothing="'refs/heads/main'")),
        ("x@v1.0.0", job("schedule"), Target("x@v1.0.0", may_be_shortcut=True)),
        ("", job("push", ""), Target(nothing="no ref")),
    ],
)
def test_the_target_of_an_event(wanted: str, event: Trigger, target: Target) -> None:
    assert decide(wanted, event) == target


def test_a_deletion_is_read_from_the_payload() -> None:
    payload = {"ref": "m#prod#1", "ref_type": "tag"}
    deletion = Trigger("delete", "refs/heads/main", SHA, payload)
    assert decide("", deletion) == Target("m#prod#1", deleted=True)
    assert decide("m#prod#1", deletion) == Target("m#prod#1", may_be_shortcut=True)


def test_the_job_comes_from_the_runners_variables(tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"ref": "x"}))
    environ = {
        "GITHUB_WORKSPACE": "/w",
        "GITHUB_OUTPUT": "/o",
        "GITHUB_EVENT_NAME": "push",
        "GITHUB_EVENT_PATH": str(event),
    }
    made = GitHub(environ, io.StringIO())
    assert (made.job.workspace, made.has_summary, made.trigger.payload) == (Path("/w"), False, {"ref": "x"})
    event.write_text("{")
    with pytest.raises(WrongInput, match="event file"):
        GitHub(environ, io.StringIO())
    event.write_text("{}")
    with pytest.raises(WrongInput, match="GITHUB_OUTPUT"):
        GitHub({**environ, "GITHUB_OUTPUT": ""}, io.StringIO())


OURS, THEIRS = {"full_name": "acme/models"}, {"full_name": "eve/models"}


def pull_request(head: dict[str, object] | None) -> dict[str, object]:
    return {
        "repository": OURS,
        "pull_request": {
            "number": 7,
            "merge_commit_sha": "3" * 40,
            "base": {"sha": "2" * 40, "ref": "main", "repo": OURS},
            "head": {"sha": "4" * 40, "ref": "x", "repo": head},
        },
    }


@pytest.mark.parametrize(
    ("event", "payload", "allowed", "says"),
    [
        ("push", {}, (), ""),
        ("workflow_dispatch", {"inputs": {"ghost": "x"}}, (), ""),
        ("pull_request", pull_request(OURS), (), ""),
        ("pull_request", pull_request({"full_name": "Acme/Models"}), (), ""),
        ("pull_request", pull_request(THEIRS), (), "fork"),
        ("pull_request", pull_request(None), (), "fork"),  # the fork was deleted
        ("pull_request", pull_request(THEIRS), ("fork",), ""),
        ("pull_request_target", pull_request(OURS), (), "pull_request_target"),
        ("pull_request_target", pull_request(OURS), ("pull_request_target",), ""),
        ("pull_request_target", pull_request(THEIRS), ("pull_request_target",), "fork"),
        ("pull_request_target", pull_request(THEIRS), ("fork",), "pull_request_target"),
        ("pull_request_target", pull_request(THEIRS), ("fork", "pull_request_target"), ""),
        ("workflow_run", {}, (), "workflow_run"),
        ("workflow_run", {"repository": OURS, "workflow_run": {"head_repository": THEIRS}}, ("workflow_run",), "fork"),
        ("workflow_run", {"repository": OURS, "workflow_run": {"head_repository": OURS}}, ("workflow_run",), ""),
        ("issue_comment", {}, (), "issue_comment"),
        ("issues", {}, (), "issues"),
        ("discussion", {}, ("issues",), "discussion"),
        ("discussion_comment", {}, ("discussion_comment",), ""),
    ],
)
def test_untrusted_events(event: str, payload: dict[str, object], allowed: tuple[str, ...], says: str) -> None:
    said = untrusted(Trigger(event, "refs/heads/main", SHA, payload), allowed)
    assert (said == "") if says == "" else (says in said)


def test_the_pull_request_of_an_event() -> None:
    about = pull_request(OURS)
    assert change(Trigger("pull_request", "", SHA, about)) == PullRequest(7, "2" * 40, "4" * 40, SHA, "main")
    assert change(Trigger("pull_request_target", "", SHA, about)) == PullRequest(
        7, "2" * 40, "4" * 40, "3" * 40, "main"
    )
    assert change(Trigger("push", "", SHA, {})) is None
    assert change(Trigger("push", "", SHA, {"pull_request": {"number": "7"}})) is None


def read(**texts: str) -> Inputs:
    return Inputs.read(lambda name: texts.get(name.replace("-", "_"), ""))


def test_lists_and_pairs_in_inputs() -> None:
    inputs = read(require_event="assignment,\n regis* ", ghost_repo="r", ghost_diff="b h", ghost_commits="t")
    assert inputs.gate.events == ("assignment", "regis*")
    assert (inputs.ghost.diff, inputs.ghost.commits, inputs.ghost.wanted) == (("b", "h"), ("", "t"), True)
    assert not read(ghost_repo="r").ghost.wanted


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        ({"comment": "sometimes"}, "never, always or on-failure"),
        ({"require_event": "registraton"}, "matches no event: 'registraton'"),
        ({"ghost_diff": "a"}, "'ghost-diff' needs a patch repository"),
        ({"ghost_commits": "a"}, "'ghost-commits' needs a patch repository"),
        ({"ghost_repo": "r", "ghost_diff": "a b c"}, "'ghost-diff' must be 'HASH' or 'BASE HASH'"),
        ({"pull": "yes"}, "'pull' must be true or false"),
    ],
)
def test_invalid_inputs(texts: dict[str, str], says: str) -> None:
    with pytest.raises(WrongInput, match=says):
        read(**texts)


def test_secrets_are_not_in_repr_and_each_line_of_a_key_is_one() -> None:
    key = "-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\nbGluZXM=\n-----END OPENSSH PRIVATE KEY-----"
    inputs = read(token="t0ken", ghost_token="t1ken", ghost_ssh_key=key, ghost_repo="r")
    assert inputs.secrets == ["t0ken", "t1ken", "c2VjcmV0", "bGluZXM="]
    assert not [secret for secret in inputs.secrets if secret in repr(inputs)]


# The log


def run_commands(text: str) -> list[str]:
    """Return the lines that the runner takes as commands, by its rules for ``::``, ``##[`` and ``stop-commands``."""
    commands: list[str] = []
    stopped = ""
    for line in text.split("\n"):
        stripped = line.strip()
        if stopped:
            if stripped == f"::{stopped}::":
                stopped = ""
        elif stripped.startswith("::stop-commands::"):
            stopped = stripped.removeprefix("::stop-commands::")
        elif stripped.startswith("::") or "##[" in stripped:
            commands.append(stripped)
    assert not stopped, "commands stay switched off"
    return commands


@given(st.text() | st.text("::##[]\r\n add-mask set-output error stop-commands"))
@example("::error::x\n::set-output name=a::b\r::add-mask::m\n##[error]x\n\x1b[31m")
def test_no_text_becomes_a_command(text: str) -> None:
    stream = io.StringIO()
    log = Log(stream)
    with log.group(text):
        log.text(text)
    log.notice(text)
    log.error(text)
    log.warning(text, file=text, line=3)
    names = [command.split("::")[1].split(" ")[0] for command in run_commands(stream.getvalue())]
    assert names == ["group", "endgroup", "notice", "error", "warning"]


@given(st.text())
def test_control_characters_are_made_visible(text: str) -> None:
    stream = io.StringIO()
    Log(stream).text(text)
    shown = "\n".join(stream.getvalue().split("\n")[1:-2])
    assert all(character.isprintable() or character in "\n\t" for character in shown)
    if all(character.isprintable() or character in "\n\t" for character in text):
        assert shown == text.rstrip("\n")


# The outputs file


@given(st.dictionaries(st.sampled_from(outputs.NAMES), st.text()))
@example({"message": "a\nghadelimiter_x\nevent<<x\nb\r\nc\0\ud800"})
def test_outputs_are_read_back_unchanged(values: dict[str, str]) -> None:
    fitted, left_out = outputs.fit(values)
    assert not left_out
    assert read_outputs(files.render(fitted)) == fitted
    assert set(fitted) == set(outputs.NAMES)
    for name, value in values.items():
        if value.isprintable():
            assert fitted[name] == value


def test_if_outputs_are_too_large_the_largest_is_dropped() -> None:
    fitted, left_out = outputs.fit({"registry": "r" * 1000, "custom": "c" * 900, "name": "m"}, limit=950)
    assert left_out == ["registry"]
    assert (fitted["registry"], len(fitted["custom"]), fitted["name"]) == ("", 900, "m")


def test_an_append_is_atomic(tmp_path: Path) -> None:
    file = tmp_path / "out"
    file.write_bytes(b"before\n")
    files.append(file, b"a" * 100_000)
    assert file.read_bytes() == b"before\n" + b"a" * 100_000
    if Path("/dev/full").exists():
        with pytest.raises(OSError, match="No space"):
            files.append(Path("/dev/full"), b"a")
