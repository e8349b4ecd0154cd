"""Random repositories, annotated by gto 0.2.4 and by ours, and then read by both.

Twins: each command that writes meets a copy of the same repository with either program; what it
leaves is compared, and the next step goes on from the one or the other, so that each program meets
what the other wrote. At the end both answer the same questions about one repository.

The bugs of 0.2.4 that only show in reading are mended in all its answers (``serve_old.py``);
``test_old_known_bugs.py`` shows each, and that gto so mended agrees with ours. Those that show
in writing are in :func:`known_difference`.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from tests.oracle.old_programs import MENDED, OldGto, Writer, values
from tests.oracle.old_stories import Step, Story, random_story, steps
from tests.oracle.programs import Answer, Ours
from tests.workdir import WorkDir

SEEDS = range(60)
INDEX = "artifacts.yaml"
DEFAULTS: Mapping[str, Any] = {"type": None, "path": None, "virtual": True, "labels": [], "description": ""}


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: f"seed{seed}")
def test_same_answers(seed: int, old: OldGto, tmp_path: Path) -> None:
    story = random_story(seed)
    workdir = story.write(tmp_path / "0")
    for number, step in enumerate(steps(story), 1):
        if step.argv:
            workdir = twins(workdir, step, old, tmp_path / str(number), story.rng)
        else:
            by_hand(workdir, step)
    with Ours() as ours:
        for argv in questions(story, Random(seed)):
            # what cannot be read is an error where it is all that is asked for
            mended = [name for name in MENDED if argv[0] != "describe" or name != "no_corrupted_index"]
            waiting = old.start(workdir.path, *argv, mended=mended)
            mine, theirs = ours.run(workdir.path, *argv), waiting()
            assert comparable(argv, mine) == comparable(argv, theirs), " ".join(argv)


def twins(before: WorkDir, step: Step, old: OldGto, folder: Path, rng: Random) -> WorkDir:
    """Let both programs do ``step``, compare what they leave, and return one of them."""
    twin = {name: WorkDir(folder / name, now=before.now) for name in ("mine", "theirs")}
    for workdir in twin.values():
        shutil.copytree(before.path, workdir.path, symlinks=True)
    environ = {name: text for name, text in before.environ().items() if name.startswith("GIT_")}
    waiting = old.start(twin["theirs"].path, *step.argv, environ=environ)
    mine = Writer().run(twin["mine"].path, *step.argv, environ=environ)
    theirs = waiting()
    head = before.head
    outcomes = {"mine": outcome(twin["mine"], head, mine), "theirs": outcome(twin["theirs"], head, theirs)}
    if known_difference(step, before, **outcomes):
        return _after(twin["mine"], before)
    assert outcomes["mine"] == outcomes["theirs"], (step.argv, mine, theirs)
    return _after(twin[rng.choice(("mine", "theirs"))], before)


def _after(workdir: WorkDir, before: WorkDir) -> WorkDir:
    workdir.now = before.now + 60
    return workdir


@dataclass(frozen=True)
class Outcome:
    """What a command left: annotations as values, other files, new commits, what is not committed, names of refs."""

    success: bool
    annotations: Any
    files: Mapping[str, bytes]
    commits: str
    uncommitted: frozenset[str]
    refs: str


def outcome(workdir: WorkDir, head: str, answer: Answer) -> Outcome:
    files = {
        str(path.relative_to(workdir.path)): path.read_bytes()
        for path in workdir.path.rglob("*")
        if path.is_file() and ".git" not in path.relative_to(workdir.path).parts
    }
    form = "--format=%B%n%an <%ae> %ai%n%cn <%ce> %ci%n%P"
    commits = workdir.git("log", form, "--name-status", f"{head}..HEAD")
    status = workdir.git("status", "--porcelain", "-z", "--untracked-files=all").split("\0")
    return Outcome(
        answer.code == 0,
        values_of(files.pop(INDEX, None)),
        files,
        re.sub("^(Remove .*)`(.*)`$", r"\1\2", commits, flags=re.M),  # 68
        frozenset(line[3:] for line in status if line) - {INDEX},  # a new text may say the same (67)
        workdir.git("for-each-ref", "--format=%(HEAD) %(refname)"),
    )


def values_of(data: bytes | None) -> Any:
    """Return the fields that gto 0.2.4 knows, less the defaults, read by the rules that it reads by.

    The order of labels does not count (63).
    """
    if data is None:
        return None
    try:
        artifacts = YAML(typ="safe", pure=True).load(data.decode("utf-8")) or {}
        return {name: _fields(entry or {}) for name, entry in artifacts.items()}
    except (YAMLError, AttributeError, TypeError):
        return data


def _fields(entry: Mapping[str, Any]) -> dict[str, Any]:
    fields = {key: entry[key] for key in DEFAULTS if entry.get(key) is not None}
    if "labels" in fields:
        fields["labels"] = sorted(set(fields["labels"]))
    return {key: value for key, value in fields.items() if value != DEFAULTS[key]}


def known_difference(step: Step, before: WorkDir, mine: Outcome, theirs: Outcome) -> bool:
    """Tell whether gto 0.2.4 is known to do something else than ours here."""
    if "--commit" not in step.argv:
        return False
    if theirs.success and mine.success and mine.annotations == theirs.annotations:
        return not mine.commits and theirs.commits.endswith(f"M\t{INDEX}")  # 67: a new text that says the same
    uncommitted = before.git("status", "--porcelain", "--", INDEX)
    return bool(uncommitted) and theirs.success and not theirs.commits and not mine.success  # 70


def by_hand(workdir: WorkDir, step: Step) -> None:
    for name, content in step.files:
        if content is not None:
            workdir.write(name, content)
        else:
            (workdir.path / name).unlink(missing_ok=True)
    if step.commit:
        workdir.commit("by hand")
    workdir.now += 60
    there = [re.split("[@#]", name)[0] for name in workdir.git("tag", "--points-at", "HEAD").splitlines()]
    if step.tag and re.split("[@#]", step.tag)[0] not in there:
        workdir.tag(step.tag)


def questions(story: Story, rng: Random) -> Iterator[tuple[str, ...]]:
    reads = ((), ("-a",), ("-A",))
    for read in reads:
        yield ("show", "--json", *read)
        yield ("show", *rng.choice(((), ("--plain",))), *read, *options(rng))
        yield ("history", *rng.choice(((), ("--plain",), ("--json",))), *read, *rng.choice(((), ("--asc",))))
    yield ("show", rng.choice(("--name", "--ref")), *rng.choice(reads), *options(rng))
    yield ("print-index",)
    for name in [*story.names, "unknown"]:
        read = rng.choice(reads)
        yield ("show", name, "--json", *read)
        yield ("show", name, *rng.choice(((), ("--plain",), ("--version",), ("--stage",))), *read, *options(rng))
        shortcut = f"{name}{rng.choice(('@greatest', '#prod', '#dev'))}"
        yield ("show", shortcut, *rng.choice(((), ("--json",), ("--ref",))), *rng.choice(reads), *options(rng))
        yield ("history", name, *rng.choice(((), ("--json",))), *rng.choice(reads), *rng.choice(((), ("--asc",))))
        yield from descriptions(story, name, rng)


def descriptions(story: Story, name: str, rng: Random) -> Iterator[tuple[str, ...]]:
    yield ("describe", name, *rng.choice(((), (), ("--type",), ("--path",), ("--description",))))
    revisions = [*story.heads, *story.ids, *(one[:9] for one in story.ids), "HEAD~1", "unknown", "refs/heads/main"]
    revisions += [tag.name for tag in story.tags]
    yield ("describe", name, "--rev", rng.choice(revisions), *rng.choice(((), ("--type",), ("--type", "--path"))))
    exact = [t.name for t in story.tags if t.artifact == name and (story.active(t) or re.search("#[0-9]+$", t.name))]
    for tag in rng.sample(exact, min(1, len(exact))):
        yield ("describe", tag, *rng.choice(((), ("--path",), ("--rev", "HEAD"))))


def options(rng: Random) -> list[str]:
    """Return a choice of the options of ``gto show`` that 0.2.4 has, too."""
    chosen = ["--ro"] if rng.random() < 0.3 else []
    for option in ("--av", "--vs"):
        if rng.random() < 0.4:
            chosen += [option, str(rng.choice((-1, 0, 1, 2)))]
    if rng.random() < 0.4:
        chosen += ["--sort", rng.choice(("timestamp", "semver"))]
    return chosen


def comparable(argv: tuple[str, ...], answer: Answer) -> tuple[bool, Any]:
    """Return success and what was printed, without what gto 0.2.4 does not promise or does not have.

    The rows of ``show`` without a name are in no order there (64), nor are those of ``history``
    that have one date. An empty table of which one column is wanted is an error there (65).
    """
    nothing = "list index out of range" in answer.stderr
    said = "" if nothing else values(answer.stdout)
    if not isinstance(said, str):
        said = without(said, "active", "custom")
    if argv[0] == "show" and (len(argv) == 1 or argv[1].startswith("-")) and isinstance(said, str):
        said = sorted(said.splitlines())
    if argv[0] == "history":
        said = in_order_of_dates(said)
    return answer.code == 0 or nothing, said


def without(value: Any, *names: str) -> Any:
    """Return ``value`` without these keys, at any depth."""
    if isinstance(value, dict):
        return {key: without(inner, *names) for key, inner in value.items() if key not in names}
    return [without(inner, *names) for inner in value] if isinstance(value, list) else value


def in_order_of_dates(said: Any) -> Any:
    """Return the rows of a journal, sorted among those of one date."""
    rows = said.splitlines() if isinstance(said, str) else said
    groups: list[tuple[str, list[Any]]] = []
    for row in rows:
        date = row["timestamp"] if isinstance(row, dict) else "".join(re.findall("^(?:│ )?([0-9-]+ [0-9:+-]+) ", row))
        if not groups or groups[-1][0] != date:
            groups.append((date, []))
        groups[-1][1].append(row)
    return [row for _, group in groups for row in sorted(group, key=str)]


def test_labels_that_are_there_twice(old: OldGto, tmp_path: Path) -> None:
    """What gto wrote for a label that was given twice (63) was refused by ours where two labels more were added."""
    workdir = WorkDir.init(tmp_path)
    workdir.commit(README="read me\n")
    environ = {name: text for name, text in workdir.environ().items() if name.startswith("GIT_")}
    old.run(tmp_path, "annotate", "nn", "--label", "aa", "--label", "aa")
    answer = Writer().run(tmp_path, "annotate", "nn", "--label", "zz", "--label", "yy", environ=environ)
    assert answer.code == 0, answer.stderr
    assert values_of((tmp_path / INDEX).read_bytes()) == {"nn": {"labels": ["aa", "yy", "zz"]}}
