"""What the tutorial and the how-to pages tell to type is typed, and prints what they show."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests import sessions
from tests.sessions import NOT_RUN, PROJECT
from tests.sessions import reason_not_to_run as why
from tests.workdir import WorkDir

TO_UPDATE = "out of date; to update: python -m tests.sessions --write"


@pytest.mark.parametrize("document", sessions.documents(), ids=lambda path: str(path.relative_to(PROJECT)))
def test_what_a_document_shows_is_what_happens(document: Path, tmp_path: Path) -> None:
    text = document.read_text(encoding="utf-8")
    ran = sessions.run(text, sessions.documents()[document](tmp_path))
    left_out = [block for block in re.findall(r"^```console\n(.*?)^```$", text, re.DOTALL | re.MULTILINE) if why(block)]
    assert text.count("\n$ ") == len(ran) + "".join(["\n", *left_out]).count("\n$ ")
    assert [command for command in ran if not command.holds] == [], TO_UPDATE


def test_what_is_not_run_is_in_a_document() -> None:
    texts = "".join(document.read_text(encoding="utf-8") for document in sessions.documents())
    assert [line for line in NOT_RUN if f"```console\n{line}\n" not in texts] == []


def test_the_tutorial_tells_to_type_enough() -> None:
    text = (sessions.DOCS / "tutorial.md").read_text(encoding="utf-8")
    for word in ("gto annotate", "gto register", "gto assign", "gto-ci gate", "git ghost push", "git ghost pull"):
        assert f"\n$ {word} " in text


@pytest.mark.parametrize(
    ("document", "held"),
    [
        ("```console\n$ echo one\none\n$ echo two\ntwo\n```\n", [True, True]),
        ("```console\n$ echo one\nanother\n```\n", [False]),
        ("```console\n$ true\n$ false\n```\n", [True, False]),
        ("```console\n$ echo no >&2; false\nno\n```\n", [True]),
        ("```console\n$ cd ..\n```\ntext\n```console\n$ basename $PWD\nanywhere\n```\n", [True, False]),
        ("```yaml\n# some/file.yaml\nkey: 1\n```\n```console\n$ tail -n 1 some/file.yaml\nkey: 1\n```\n", [True]),
        ("```yaml\nkey: 1\n```\n```console\n$ ls\n```\n", [True]),
    ],
)
def test_a_difference_is_noticed_and_mended(document: str, held: list[bool], tmp_path: Path) -> None:
    work = WorkDir.init(tmp_path / "work")
    ran = sessions.run(document, work)
    assert [command.holds for command in ran] == held
    mended = sessions.updated(document, ran)
    assert (mended == document) is all(command.holds for command in ran if command.shown is not None)
