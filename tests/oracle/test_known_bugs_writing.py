"""gto's known bugs in writing, each on the smallest registry that shows it.

For every case: what gto, as it is, does is written here; so is what ours does instead; and where the
random comparisons mend gto (``serve.py``), gto so mended does what ours does. The numbers are those
of ``docs/differences-from-gto.md``.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.oracle import known_bugs_writing
from tests.oracle.known_bugs_writing import MENDED, REFUSED
from tests.oracle.programs import Gto, Moment, Ours, Question, Repair
from tests.oracle.test_known_bugs import DIFFERENCES, tags
from tests.oracle.test_writing import outcome
from tests.oracle.writing import refs
from tests.workdir import WorkDir


@dataclass(frozen=True)
class Bug:
    """What the two programs do, each as its outcome and the tags that come (+) or go (-).

    ``known`` is the function in ``known_bugs_writing.py``; ``look`` a field of the new tags, in the
    form of ``git for-each-ref``, that says more than their names. ``{head}`` in ``ask`` is HEAD's id.
    """

    number: int
    known: str
    write: Callable[[WorkDir], object]
    ask: tuple[str, ...] | str
    wrong: str
    right: str
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)
    repairs: tuple[Repair, ...] = ()
    look: str = ""

    def __str__(self) -> str:
        return f"{self.number}-{self.known or 'once'}"


def lightweight(name: str) -> Callable[[WorkDir], None]:
    def write(workdir: WorkDir) -> None:
        workdir.commit()
        workdir.lightweight(name)

    return write


STAGED = tags("m@v0.0.1", "m#prod#1", "m#prod!#2")
LOST = tags("m@v0.0.1", "/", "m@v0.0.2", "m@v0.0.2!", "/")
DEPRECATED = "done +m@deprecated"
BUGS = [
    Bug(
        5,
        "one_version_per_commit",
        tags("m#prod#1"),
        ("assign", "m", "--stage", "prod", "--sr"),
        "done +m#prod#2",
        "refused",
        repairs=(("one_version_per_commit",),),
    ),
    Bug(10, "unassigned_already", STAGED, ("deprecate", "m", "v0.0.1", "prod"), "done +m#prod!#3", "refused"),
    Bug(11, "free_versions", LOST, ("register", "m"), "refused", "done +m@v0.0.3", repairs=(("free_versions",),)),
    Bug(
        11,
        "free_versions",
        LOST,
        ("register", "m", "--simple", "false"),
        "done +m@v0.0.2#1",
        "done +m@v0.0.3#1",
        repairs=(("free_versions",),),
    ),
    Bug(
        14,
        "half_done",
        lightweight("m#prod"),
        ("assign", "m", "--stage", "prod", "--simple", "true"),
        "refused +m@v0.0.1",
        "refused",
    ),
    Bug(14, "half_done", tags("m#prod#1"), ("assign", "m", "--stage", "prod"), "refused +m@v0.0.1", "refused"),
    Bug(15, "empty_arguments", tags("m@v0.0.1"), ("deprecate", "m", ""), DEPRECATED, "refused"),
    Bug(15, "empty_arguments", tags("m@v0.0.1"), ("deprecate", "m", "v0.0.1", ""), "done +m@v0.0.1!", "refused"),
    Bug(15, "empty_arguments", tags("/"), ("register", "m", ""), "done +m@v0.0.1", "refused"),
    Bug(15, "empty_arguments", tags("/"), ("register", "m", "--version", ""), "done +m@v0.0.1", "refused"),
    Bug(
        15,
        "empty_arguments",
        tags("m@v0.0.1", "/"),
        ("assign", "m", "", "--stage", "prod"),
        "done +m#prod#1",
        "refused",
    ),
    Bug(16, "names_that_git_refuses", tags("/"), ("register", "a//b"), "done +a/b@v0.0.1", "refused"),
    Bug(16, "names_that_git_refuses", tags("/"), ("assign", "m", "--stage", "p\n"), "refused +m@v0.0.1", "refused"),
    Bug(
        19,
        "",
        tags("/"),
        ("register", "m"),
        "done +m@v0.0.1 1700000600 +0200",
        "done +m@v0.0.1 1600000000 +0200",
        environ={"GIT_COMMITTER_DATE": "1600000000 +0200"},
        look="%(taggerdate:raw)",
    ),
    Bug(
        19, "", tags("/"), ("register", "m"), "refused", "done +m@v0.0.1", environ={"GIT_COMMITTER_DATE": "1700000600"}
    ),
    Bug(21, "", tags("/"), ("register", "m", "--push"), "refused +m@v0.0.1", "refused"),
    Bug(
        40,
        "author_of_both",
        tags("/"),
        "assign",
        "done +m#prod#1 Grace +m@v0.0.1 Ada Lovelace",
        "done +m#prod#1 Grace +m@v0.0.1 Grace",
        kwargs={"name": "m", "stage": "prod", "ref": "HEAD", "author": "Grace"},
        repairs=(("author_of_both",),),
        look="%(taggername)",
    ),
    Bug(41, "not_a_commit", tags("/"), ("register", "m", "HEAD^{tree}"), "refused +m@v0.0.1", "refused"),
    Bug(
        42,
        "",
        tags("/"),
        ("register", "m"),
        "done +m@v0.0.1 Ada <x>",
        "done +m@v0.0.1 Ada x Lovelace Jr <ada@example.com>",
        environ={"GIT_COMMITTER_NAME": "Ada <x> Lovelace Jr."},
        look="%(taggername) %(taggeremail)",
    ),
    Bug(42, "", tags("/"), ("register", "m"), "refused +m@v0.0.1", "refused", environ={"GIT_COMMITTER_NAME": ""}),
    Bug(
        43,
        "stages_of_commits",
        tags("m#prod#1"),
        "unassign",
        "refused",
        "done +m#prod!#2",
        kwargs={"name": "m", "stage": "prod", "ref": "HEAD"},
        repairs=(("one_version_per_commit",), ("stages_of_commits",)),
    ),
    Bug(43, "", tags("m#prod#1"), ("deprecate", "m", "{head}", "prod"), "refused", "done +m#prod!#2"),
    Bug(
        44,
        "",
        tags("m@v0.0.1"),
        ("deprecate", "m", "v0.0.1", "--ref", "unknown"),
        "done +m@v0.0.1!",
        "wrong usage",
    ),
    Bug(
        44,
        "unneeded_arguments",
        tags("m@v0.0.1"),
        ("deprecate", "m", "--ref", "unknown", "--delete"),
        "done -m@v0.0.1",
        "refused",
    ),
]


@pytest.fixture
def writing() -> Iterator[Ours]:
    with Ours(keep=False) as program:
        yield program


@pytest.mark.parametrize("bug", BUGS, ids=str)
def test_bug(bug: Bug, oracle: Gto, writing: Ours, tmp_path: Path) -> None:
    ours, theirs, mended = (tmp_path / name for name in ("ours", "theirs", "mended"))
    workdir = WorkDir.init(ours)
    bug.write(workdir)
    shutil.copytree(ours, theirs)
    shutil.copytree(ours, mended)
    before = refs(ours)
    ask = bug.ask if isinstance(bug.ask, str) else tuple(word.replace("{head}", workdir.head) for word in bug.ask)
    question = Question(ask, bug.kwargs)
    moment = moment_of(workdir, bug.environ)

    said, mine = oracle.start(theirs, question, moment)(), writing.ask(ours, question, moment.environ)

    assert bug.wrong != bug.right
    assert described(theirs, said, before, bug.look) == bug.wrong
    assert described(ours, mine, before, bug.look) == bug.right
    if bug.repairs:
        as_ours = oracle.start(mended, question, moment, bug.repairs)()
        assert (outcome(as_ours), refs(mended)) == (outcome(mine), refs(ours))


def moment_of(workdir: WorkDir, environ: Mapping[str, str]) -> Moment:
    """Return ten minutes past the first date, and the identity with which the repository is written."""
    person = {name: text for name, text in workdir.environ().items() if name.startswith("GIT_COMMITTER_")}
    return Moment({**person, "GIT_COMMITTER_DATE": "1700000600 +0000", **environ}, 1700000600)


def described(repo: Path, said: Any, before: Mapping[str, str], look: str) -> str:
    """Return a line of what came of a change."""
    after = refs(repo)
    line = [outcome(said) if isinstance(outcome(said), str) else "done"]
    for ref in sorted(after.keys() - before.keys()):
        line.append("+" + ref.removeprefix("refs/tags/"))
        line += [WorkDir(repo).git("for-each-ref", f"--format={look}", ref)] if look else []
    line += ["-" + ref.removeprefix("refs/tags/") for ref in sorted(before.keys() - after.keys())]
    return " ".join(line)


def test_order_within_a_second(oracle: Gto, ours: Ours, tmp_path: Path) -> None:
    """45: of two assignments in one second, the one with the higher counter is the later one."""
    workdir = WorkDir.init(tmp_path)
    tags("m@v0.0.1", "/", "m@v0.0.2")(workdir)
    workdir.tag("m#prod#9", "HEAD~1", date=workdir.now)
    workdir.tag("m#prod#10", "HEAD", date=workdir.now)
    show = ("show", "m#prod", "--version")
    assert oracle.run(tmp_path, *show).stdout == "v0.0.1\n"
    assert ours.run(tmp_path, *show).stdout == "v0.0.2\n"
    assert oracle.run(tmp_path, *show, repairs=[("order_within_a_second",)]).stdout == "v0.0.2\n"


def test_each_is_documented() -> None:
    documented = {int(number) for number in re.findall(r"^### ([0-9]+)\. ", DIFFERENCES.read_text("utf-8"), re.M)}
    assert documented >= {bug.number for bug in BUGS} | {45}
    told = re.findall(r'"""([0-9]+): ', Path(known_bugs_writing.__file__).read_text("utf-8"))
    assert documented >= {int(number) for number in told}


def test_each_that_the_comparison_knows_is_shown() -> None:
    shown = {bug.known for bug in BUGS} | {test_order_within_a_second.__name__.removeprefix("test_")}
    assert {function.__name__ for function in MENDED + REFUSED} <= shown
