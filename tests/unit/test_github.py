"""The platform's room: inputs, the event's target, the log, the outputs file."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from unittest import mock

import pytest
from actions_toolkit import core
from hypothesis import example, given
from hypothesis import strategies as st

from gto_ci.errors import WrongInput
from gto_ci.github import outputs
from gto_ci.github.event import Job, Target, decide
from gto_ci.github.inputs import Inputs, get_boolean, get_input
from gto_ci.github.log import Log, visible
from tests.jobs import read_outputs

SHA = "1" * 40


# Inputs


def test_inputs_have_the_defaults_of_the_action() -> None:
    assert Inputs.from_environ({}) == Inputs()
    given_ = {"INPUT_REF": " m@v1.0.0 ", "INPUT_FETCH-TAGS": "false", "INPUT_TOKEN": "secret", "INPUT_PATH": "sub"}
    inputs = Inputs.from_environ(given_)
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
        ours: object = get_boolean(environ, "fetch-tags", default=True)
    except WrongInput as error:
        assert "'fetch-tags'" in str(error)
        ours = WrongInput
    assert ours == theirs


# Events


def job(event: str, triggered: str = "refs/heads/main", /, **payload: object) -> Job:
    return Job(event, triggered, SHA, Path(), Path(), None, payload)


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
def test_what_an_event_asks_about(wanted: str, event: Job, target: Target) -> None:
    assert decide(wanted, event) == target


def test_a_deletion_is_read_from_the_payload() -> None:
    payload = {"ref": "m#prod#1", "ref_type": "tag"}
    deletion = Job("delete", "refs/heads/main", SHA, Path(), Path(), None, payload)
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
    made = Job.from_environ(environ)
    assert (made.workspace, made.output_file, made.summary_file, made.payload) == (
        Path("/w"),
        Path("/o"),
        None,
        {"ref": "x"},
    )
    event.write_text("{")
    with pytest.raises(WrongInput, match="event file"):
        Job.from_environ(environ)
    with pytest.raises(WrongInput, match="GITHUB_OUTPUT"):
        Job.from_environ({"GITHUB_WORKSPACE": "/w"})


# The log


def run_commands(text: str) -> list[str]:
    """What the runner would take for commands: its rules for ``::`` and ``##[`` lines and ``stop-commands``."""
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
    shown = visible(text)
    assert all(character.isprintable() or character in "\n\t" for character in shown)
    if all(character.isprintable() or character in "\n\t" for character in text):
        assert shown == text


# The outputs file


@given(st.dictionaries(st.sampled_from(outputs.NAMES), st.text()))
@example({"message": "a\nghadelimiter_x\nevent<<x\nb\r\nc\0\ud800"})
def test_outputs_are_read_back_as_they_are(values: dict[str, str]) -> None:
    fitted, left_out = outputs.fit(values)
    assert not left_out
    assert read_outputs(outputs.render(fitted)) == fitted
    assert set(fitted) == set(outputs.NAMES)
    for name, value in values.items():
        if value.isprintable():
            assert fitted[name] == value


def test_outputs_too_large_together_lose_the_largest() -> None:
    fitted, left_out = outputs.fit({"registry": "r" * 1000, "custom": "c" * 900, "name": "m"}, limit=950)
    assert left_out == ["registry"]
    assert (fitted["registry"], len(fitted["custom"]), fitted["name"]) == ("", 900, "m")


def test_an_output_file_is_extended_wholly_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "out"
    file.write_bytes(b"before\n")
    outputs.append(file, b"a" * 100_000)
    assert file.read_bytes() == b"before\n" + b"a" * 100_000
    if Path("/dev/full").exists():
        with pytest.raises(OSError, match="No space"):
            outputs.append(Path("/dev/full"), b"a")
