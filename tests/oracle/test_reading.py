"""Random registries, read by gto 1.10.1 and by ours: every answer is the same.

Where gto is known to be wrong (``docs/differences-from-gto.md``), :data:`KNOWN_BUGS` says for
which registry and which question, and what is mended in it while it answers. All other questions
go to gto as it is. ``test_known_bugs.py`` holds each entry to that: it shows the bug on the
smallest registry, and that gto, so mended, agrees with ours.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from tests.oracle.known_bugs import Question, repairs_for
from tests.oracle.programs import Answer, Gto, Json, Ours, Refusal
from tests.oracle.registries import NOT_EVENTS, Story, random_story
from tests.workdir import WorkDir

SEEDS = range(80)


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: f"seed{seed}")
def test_same_answers(seed: int, oracle: Gto, ours: Ours, tmp_path: Path) -> None:
    story = random_story(seed)
    repo = story.write(tmp_path / "repo").path
    for question in questions(story, Random(seed)):
        repairs = repairs_for(story, question)
        mine, theirs = ours.ask(repo, question), oracle.ask(repo, question, repairs)
        if question.command == "history":  # difference 31
            mine, theirs = without_commits(mine), without_commits(theirs)
        if question.command == "print-state":
            mine, theirs = in_order(mine), in_order(theirs)
        assert mine == theirs, f"{question}, mended: {repairs}"


def in_order(answer: Answer) -> Json:
    """Return the state that ``print-state`` prints, with versions in an order that both programs share."""
    state = json.loads(answer.stdout)
    for artifact in state["artifacts"].values():
        artifact["versions"].sort(key=lambda version: (version["version"], version["commit_hexsha"]))
    return state


def without_commits(journal: Json) -> Json:
    """Return the rows of a journal, in JSON, as a table of the API or as text, that are no commits.

    A row of text is the words in it, since the width of its columns depends on all rows.
    """
    if isinstance(journal, Answer):
        rows = journal.stdout
        if isinstance(rows, str):
            rows = [line.replace("│", " ").split() for line in rows.splitlines() if not line.startswith("Nothing")]
            rows = [row for row in rows if row[0][0].isdigit() and "commit" not in row]
        return replace(journal, stdout=without_commits(rows))
    if isinstance(journal, list) and journal and isinstance(journal[-1], str) and journal[-1] == "keys":
        return [without_commits(journal[0]), "keys"]
    return [row for row in journal if not (isinstance(row, dict) and row["event"] == "commit")]


def questions(story: Story, rng: Random) -> Iterator[Question]:
    """Everything that can be asked, and a sample of the options where their combinations are many."""
    yield from about_registry(rng)
    for name in [*story.artifacts(), *sorted({*story.annotated} - {*story.artifacts()}), "unknown"]:
        yield from about_artifact(story, name, rng)
    yield Question("check_ref", {"ref": [rng.choice(("", "refs/tags/")) + tag.name for tag in story.tags]})
    yield Question("parse_tag", {"name": [tag.name for tag in story.tags if tag.name not in NOT_EVENTS]})
    for tag in rng.sample(story.tags, min(4, len(story.tags))):
        part = rng.choice(((), ("--name",), ("--version",), ("--event",), ("--stage",)))
        yield Question(("check-ref", tag.name, "--json"))
        yield Question(("check-ref", f"refs/tags/{tag.name}", *part))
        if tag.kind != "other":
            yield Question(("parse-tag", tag.name, *rng.choice(((), ("--key", "name"), ("--key", "action")))))
    yield Question(("check-ref", "refs/tags/nothing@v1.0.0", "--json"))


def about_registry(rng: Random) -> Iterator[Question]:
    for look in (("--json",), (), ("--plain",)):
        yield Question(("show", *look))
        yield Question(("show", *look, *options(rng)))
    yield Question(("show", "--json", *options(rng)))
    yield Question(("show", rng.choice(("--name", "--version", "--stage", "--ref")), *options(rng)))
    for look in ((), ("--json",), ("--plain",)):
        yield Question(("history", *look, *rng.choice(((), ("--asc",)))))
    yield Question(("print-state",))
    for which in ((), ("--used",), ("--allowed",)):
        yield Question(("stages", *which, *rng.choice(((), ("--json",)))))
    yield Question("get_stages", {})
    yield Question("show", {"table": True, "versions_per_stage": rng.choice((-1, 1, 2))})
    yield Question("history", {"table": True, "ascending": True, "truncate_hexsha": True})


def about_artifact(story: Story, name: str, rng: Random) -> Iterator[Question]:
    yield Question(("show", name, "--json"))
    for look in (("--json",), (), ("--plain",)):
        yield Question(("show", name, *look, *options(rng)))
    yield Question(("show", name, rng.choice(("--version", "--stage", "--ref", "--name")), *options(rng)))
    known = list(shortcuts(story, name))
    for shortcut in rng.sample(known, min(5, len(known))):
        yield Question(("show", shortcut, *rng.choice(((), ("--json",), ("--plain",), ("--ref",))), *options(rng)))
    yield Question(("history", name, rng.choice(("--json", "--plain")), *rng.choice(((), ("--asc",)))))
    for everything in (False, True):
        options_ = {"all": everything, "registered": rng.random() < 0.5}
        yield Question("find_latest_version", {"name": name, **options_})
    stages = sorted({tag.stage for tag in story.events(name) if tag.stage}) or ["nowhere"]
    yield Question("find_versions_in_stage", {"name": name, "stage": rng.choice(stages)})
    limits = {"assignments_per_version": rng.choice((-1, 0, 1, 2)), "versions_per_stage": rng.choice((-1, 0, 1, 2))}
    limits["registered_only"] = rng.random() < 0.5
    yield Question("find_versions_in_stage", {"name": name, "stage": rng.choice(stages), **limits})
    yield Question("show", {"name": name, "table": True, "deprecated": True, "truncate_hexsha": rng.random() < 0.5})


def shortcuts(story: Story, name: str) -> Iterator[str]:
    """Every shortcut to versions of an artifact, and two to what it does not have."""
    yield from (f"{name}@latest", f"{name}@greatest", f"{name}@v9.9.9", f"{name}#nowhere")
    for version in sorted({tag.version for tag in story.events(name) if tag.version}):
        yield f"{name}@{version}"
    for stage in sorted({tag.stage for tag in story.events(name) if tag.stage}):
        yield f"{name}#{stage}"


def options(rng: Random) -> list[str]:
    """Return a choice of the options of ``gto show``."""
    chosen = [option for option in ("-d", "--ro") if rng.random() < 0.4]
    for option in ("--av", "--vs"):
        if rng.random() < 0.5:
            chosen += [option, str(rng.choice((-1, 0, 1, 2)))]
    if rng.random() < 0.5:
        chosen += ["--sort", rng.choice(("timestamp", "semver"))]
    return chosen


@pytest.mark.parametrize("seed", range(3), ids=lambda seed: f"seed{seed}")
def test_same_grammar(seed: int, oracle: Gto, ours: Ours, tmp_path: Path) -> None:
    """Ours takes a text for a registry tag exactly if gto does and git takes it for a tag, with two exceptions."""
    rng = Random(seed)
    workdir = WorkDir(tmp_path)
    texts = [invented_tag(rng) for _ in range(200)]
    question = Question("parse_tag", {"name": texts})
    for text, theirs, mine in zip(texts, oracle.ask(tmp_path, question), ours.ask(tmp_path, question), strict=True):
        if isinstance(theirs, dict) and not (NO_COUNTER.search(text) or refused_by_git(workdir, text)):
            assert mine == ({**theirs, "action": "create"} if CREATED.search(text) else theirs), text
        else:
            assert isinstance(mine, Refusal), text


NO_COUNTER = re.compile(r"[@#][^#]+#0[0-9]*$")  # difference 25
CREATED = re.compile(r"@created(#[0-9]+)?$")  # difference 1


BODIES = (
    "@v1.0.0", "@v1.0.0-rc.1", "@v1.0.0+a.1", "@v1.0", "@1.0.0", "@v01.0.0", "@v1.0.0-", "@v1.0.0-01", "@latest",
    "#prod", "#eu/prod", "#eu//prod", "#p", "#p/", "#-p", "#1", "#", "#pröd", "#prod.lock", "",
    "@deprecated", "@created", "@deprecated!",
)  # fmt: skip


def invented_tag(rng: Random) -> str:
    """Return something like a tag: pieces of tags in the usual order, some left out, some strange."""
    folder = rng.choice(
        ("", "", "", "a=", "a/b=", "a.b/c=", ".a=", "a..b=", "a//b=", "/a=", "a.lock/b=", "-a=", "a:", "=")
    )
    name = rng.choice(("m", "a/b", "a-b", "a_", "-a", "1", "a//b", "a.b", "", "é", "x.lock", "a/", "a=b", "M0"))
    body = rng.choice(BODIES)
    return (
        folder
        + name
        + body
        + rng.choice(("", "", "", "!", "!!"))
        + rng.choice(("", "", "#1", "#12", "#0", "#007", "#", "\n"))
    )


def refused_by_git(workdir: WorkDir, tag: str) -> bool:
    """Tell whether ``git tag`` refuses a name: as a ref, or for its leading dash."""
    try:
        workdir.git("check-ref-format", f"refs/tags/{tag}")
    except AssertionError:
        return True
    return tag.startswith("-")
