"""Random sequences of changes, made by gto 1.10.1 and by ours in twin repositories: the same tags, after each.

Where gto is known to be wrong (``docs/differences-from-gto.md``), ``known_bugs_writing.py`` says for
which state and which change, and what is expected instead. ``test_known_bugs_writing.py`` holds
each entry to that.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.oracle import known_bugs
from tests.oracle.known_bugs_writing import order_within_a_second, repairs_for, why_refused
from tests.oracle.programs import Answer, Gto, Ours, Question, Refusal, Repair
from tests.oracle.test_reading import in_order, questions, without_commits
from tests.oracle.writing import Author, Step, make_template, random_author, refs

SEEDS = range(300)
STEPS = (4, 13)
QUESTIONS = 4

Change = Callable[[Path, Step], Any]


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_template(tmp_path_factory.mktemp("template")).path


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: f"seed{seed}")
def test_same_changes(seed: int, oracle: Gto, template: Path, tmp_path: Path) -> None:
    author = random_author(seed, template, tmp_path)
    with Ours(keep=False) as ours:
        for _ in range(author.rng.randint(*STEPS)):
            same_change(author, oracle, lambda repo, step: ours.ask(repo, step.question, step.moment.environ))
    assert not list(author.twins.ours.rglob("*.lock"))
    with Ours() as ours:
        same_answers(author, oracle, ours)


def same_change(author: Author, oracle: Gto, change: Change) -> None:
    """Let both make the next change, and compare what comes of it."""
    twins = author.twins
    print(author.between())
    step, before = author.step(), refs(twins.ours)
    repairs, reasons = repairs_for(author.story, step), why_refused(author.story, step)
    print(step, *repairs, *reasons)
    theirs = oracle.start(twins.theirs, step.question, step.moment, repairs)
    mine, said = change(twins.ours, step), theirs()
    print("    ours:", mine, "\n    gto: ", said)
    after = refs(twins.ours)
    assert told(mine) <= (before.keys() ^ after.keys())
    if reasons:
        assert (outcome(mine), after) == ("refused", before)
        twins.level()
    else:
        assert (outcome(mine), after) == (outcome(said), refs(twins.theirs))
    author.look()


def outcome(said: Any) -> Any:
    """Return what has to be equal: whether a command succeeded, the value of a call."""
    if isinstance(said, Answer):
        return {0: "done", 2: "wrong usage"}.get(said.code, "refused")
    return "refused" if isinstance(said, Refusal) else said


def told(said: Any) -> set[str]:
    """Return the refs that a command says it made or deleted."""
    words = said.stdout if isinstance(said, Answer) else ""
    return {f"refs/tags/{tag}" for tag in re.findall(r"^(?:Created|Deleted) [Gg]it tag '(.+?)' that ", words, re.M)}


def same_answers(author: Author, oracle: Gto, ours: Ours) -> None:
    """Ask both about what has come of it."""
    rng, twins, story = author.rng, author.twins, author.story
    asked = [Question(("show", "--json")), Question(("show",)), Question(("history", "--json"))]
    asked += rng.sample(list(questions(story, Random(rng.random()))), QUESTIONS)
    ties: list[Repair] = [("order_within_a_second",)] if order_within_a_second(story, None) else []
    for question in asked:
        repairs = known_bugs.repairs_for(story, question) + ties
        print(question, *repairs)
        answer = oracle.start(twins.theirs, question, repairs=repairs)
        mine, theirs = ours.ask(twins.ours, question), answer()
        if question.command == "history":
            mine, theirs = without_commits(mine), without_commits(theirs)
        if question.command == "print-state":
            mine, theirs = in_order(mine), in_order(theirs)
        assert mine == theirs
