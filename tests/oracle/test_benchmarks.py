"""The registries that the bench measures on mean the same to gto 1.10.1 and to ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.registries import Shape, write
from tests.oracle.programs import Gto, Ours, Question
from tests.oracle.test_reading import without_commits


@pytest.mark.parametrize("seed", range(3))
def test_same_answers(seed: int, oracle: Gto, ours: Ours, tmp_path: Path) -> None:
    made = write(tmp_path / "registry", Shape.usual(150, seed))
    questions = [
        *(Question(("check-ref", tag)) for tag in made.tags[::10]),
        *(Question((command, *name)) for command in ("show", "history") for name in ((), (made.artifact,))),
    ]
    for question in questions:
        mine, theirs = ours.ask(made.folder, question), oracle.ask(made.folder, question)
        if question.command == "history":  # difference 31
            mine, theirs = without_commits(mine), without_commits(theirs)
        assert mine == theirs, question
