"""What gto 0.2.4 does otherwise than ours, each on the smallest repository that shows it.

For every case: gto 0.2.4, as it is, says or leaves what is written here, ours something else, also
written here; and where the random comparisons mend gto (``serve_old.py``), gto so mended agrees
with ours. The numbers are those of ``docs/differences-from-gto.md``.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.oracle import peers
from tests.oracle.old_programs import MENDED, OldGto, Writer
from tests.oracle.programs import Answer, Ours
from tests.oracle.registries import tags
from tests.oracle.test_old import comparable
from tests.workdir import WorkDir

DIFFERENCES = peers.PROJECT / "docs" / "differences-from-gto.md"
YEARS = 10 * 365 * 86400


@dataclass(frozen=True)
class Reading:
    """``wrong`` is in what gto prints, on either stream, ``right`` in what ours prints, and not the other way round."""

    number: int
    write: Callable[[WorkDir], object]
    argv: tuple[str, ...]
    wrong: str
    right: str
    mended: str = ""
    code: int = 0  # of ours

    def __str__(self) -> str:
        return f"{self.number}-{self.mended or self.argv[0]}"


def index(text: str, *names: str) -> Callable[[WorkDir], None]:
    """A commit with this ``artifacts.yaml``, and these tags there."""

    def write(workdir: WorkDir) -> None:
        workdir.commit(artifacts__yaml=text)
        for name in names:
            workdir.tag(name)

    return write


def in_a_zone(workdir: WorkDir) -> None:
    workdir.zone = "+0530"
    tags("nn@v1.0.0")(workdir)


def commit_after_tag(workdir: WorkDir) -> None:
    workdir.now += YEARS
    workdir.commit()
    workdir.now -= YEARS
    workdir.tag("nn@v1.0.0")
    workdir.tag("nn@deprecated")


def digits_in_commit(workdir: WorkDir) -> None:
    for number in range(1000):
        if re.match("[0-9]+(e[0-9]+)?$", workdir.commit(f"commit {number}")[:7]):
            break
    workdir.tag("nn#prod")


def long_history(workdir: WorkDir) -> None:
    commit = "commit refs/heads/main\ncommitter Ada <ada@example.com> {} +0000\ndata 0\n"
    workdir.git("fast-import", "--quiet", stdin="".join(commit.format(1700000000 + n) for n in range(1100)).encode())
    workdir.git("reset", "--quiet", "--hard")
    workdir.tag("nn@v1.0.0")


def moved_on(workdir: WorkDir) -> None:
    index("nn: {type: model}\n", "nn@v1.0.0", "nn#prod")(workdir)
    index("nn: {type: dataset}\n", "nn@v2.0.0", "nn#prod#1")(workdir)


READING = [
    Reading(3, index("nn: [1\n", "nn@v1.0.0"), ("show",), "Unexpected error", "v1.0.0", "no_corrupted_index"),
    Reading(3, index("", "nn@v1.0.0"), ("show",), "Unexpected error", "v1.0.0", "no_corrupted_index"),
    Reading(
        5, tags("nn#prod#1"), ("show", "nn", "--json"), "'ref': '[0-9a-f]{40}'", "'nn#prod#1'", "one_version_per_commit"
    ),
    Reading(
        5,
        tags("nn#prod#1", "nn#prod!#2"),
        ("history", "nn", "--plain"),
        "commit .*\n.* commit ",
        "unassignment .*\n.* assignment .*\n.* commit [^\n]*\n$",
        "one_version_per_commit",
    ),
    Reading(
        6,
        tags("nn@v1.0.0", "nn@v1.0.0!", "nn@v1.0.0#1"),
        ("show", "nn"),
        "Multiple registrations",
        "nn@v1.0.0#1",
        "many_registrations",
    ),
    Reading(
        7,
        tags("nn@v1.0.0", "nn#old#1", "nn#new#2"),
        ("show", "nn", "--stage", "--av", "1"),
        "old\n",
        "new\n",
        "last_assignments",
    ),
    Reading(
        8,
        tags("nn@v1.0.0", "/", "nn#prod#1"),
        ("show", "nn", "--ref", "--ro"),
        "^nn@v1.0.0\n.",
        "^nn@v1.0.0\n$",
        "registered_only",
    ),
    Reading(12, digits_in_commit, ("show", "--plain"), r"e\+[0-9]+\n| [0-9]+\n", "", "text_in_tables"),
    Reading(22, tags("nn@v10.10.10"), ("show", "--plain"), r"v10\.10\.\n", r"v10\.10\.10\n", "whole_versions"),
    Reading(22, tags("nn@v10.10.10"), ("history", "--plain"), r"v10\.10\. ", r"v10\.10\.10 ", "whole_versions"),
    Reading(24, commit_after_tag, ("show",), "v1.0.0", "Nothing found", "tags_before_commits"),
    Reading(60, in_a_zone, ("show", "nn"), "22:14:20 ", r"03:44:20\+05:30", "dates_with_zones"),
    Reading(61, tags("nn@v1.0.0", "nn@deprecated"), ("show",), "v1.0.0", "Nothing found", "deprecated_are_hidden"),
    Reading(61, tags("nn@v1.0.0", "nn@deprecated"), ("show", "nn"), "v1.0.0", "Nothing found", "deprecated_are_hidden"),
    Reading(
        62,
        index("nn: {description: '[bold]x[/bold] :tada:'}\n"),
        ("describe", "nn", "--description"),
        "^x \N{PARTY POPPER}\n$",
        r"^\[bold\]x\[/bold\] :tada:\n$",
        "verbatim",
    ),
    Reading(64, tags("nn@v1.0.0", "aa@v1.0.0"), ("show", "--name"), "^nn\naa\n$", "^aa\nnn\n$"),
    Reading(65, tags("nn@v1.0.0"), ("show", "nn#prod", "--version"), "list index out of range", "^$"),
    Reading(66, tags("nn@v1.0.0", "/", "nn@v2.0.0"), ("show", "nn@latest", "--version"), "v1.0.0", "^v2.0.0\n$"),
    Reading(
        66,
        tags("nn@v1.0.0", "nn#prod", "nn#pre-prod", "/", "nn@v2.0.0", "nn#pre-prod#1"),
        ("show", "nn#prod", "--version"),
        "v2.0.0",
        "^v1.0.0\n$",
    ),
    Reading(
        79,
        index("nn: {type: model}\n", "nn@v1.0.0", "nn@v1.0.0!"),
        ("describe", "nn@v1.0.0"),
        "'type': 'model'",
        "^$",
    ),
    Reading(79, moved_on, ("describe", "nn#prod", "--type"), "^model\n$", "^dataset\n$"),
    Reading(71, long_history, ("show", "-A", "--plain"), "maximum recursion depth", "v1.0.0"),
]


@pytest.mark.parametrize("case", READING, ids=str)
def test_reading(case: Reading, old: OldGto, ours: Ours, tmp_path: Path) -> None:
    case.write(WorkDir.init(tmp_path))
    theirs, mine = old.run(tmp_path, *case.argv, mended=()), ours.run(tmp_path, *case.argv)
    assert re.search(case.wrong, f"{theirs.stdout}{theirs.stderr}", re.S)
    assert re.search(case.right, f"{mine.stdout}{mine.stderr}", re.S)
    assert comparable(case.argv, theirs) != comparable(case.argv, mine) or not case.mended
    assert mine.code == case.code
    if case.mended:
        assert comparable(case.argv, old.run(tmp_path, *case.argv)) == comparable(case.argv, mine)
        others = [name for name in MENDED if name != case.mended]
        assert comparable(case.argv, old.run(tmp_path, *case.argv, mended=others)) != comparable(case.argv, mine)


@dataclass(frozen=True)
class Writing:
    """What ``show`` says after a command: ``wrong`` if gto 0.2.4 did it, ``right`` if ours did."""

    number: int
    write: Callable[[WorkDir], object]
    argv: tuple[str, ...]
    show: Callable[[WorkDir, Answer], object]
    wrong: object
    right: object

    def __str__(self) -> str:
        return f"{self.number}-{self.argv[0]}"


def file(workdir: WorkDir, _: Answer) -> str:
    return (workdir.path / "artifacts.yaml").read_text()


def message(workdir: WorkDir, _: Answer) -> str:
    return workdir.git("log", "-1", "--format=%s")


def committed(workdir: WorkDir, _: Answer) -> str:
    return workdir.git("show", "--format=", "--name-only")


def staged(workdir: WorkDir) -> None:
    workdir.commit(README="read me\n")
    workdir.write("README", "changed\n")
    workdir.git("add", "README")


def index_changed(workdir: WorkDir) -> None:
    workdir.commit(artifacts__yaml="nn:\n  type: model\n")
    workdir.write("artifacts.yaml", "nn:\n  type: dataset\n")


def config_uncommitted(workdir: WorkDir) -> None:
    workdir.commit(README="read me\n")
    workdir.write(".gto", "types: [model]\n")


def success(_: WorkDir, answer: Answer) -> bool:
    return answer.code == 0


def number_of_commits(workdir: WorkDir, _: Answer) -> str:
    return workdir.git("rev-list", "--count", "HEAD")


def description(workdir: WorkDir, answer: Answer) -> bool:
    """Whether the description is the one of :data:`SPACES`, by the rules that gto reads by."""
    text = YAML(typ="safe", pure=True).load(file(workdir, answer))["nn"]["description"]
    return bool(text == SPACES)


SPACES = "a  b" * 40
PERSONAL = "# ours\nnn: {type: model, owner: Ada}  # Ada's\n"
WRITING = [
    Writing(
        63,
        index("nn: {labels: [zz, aa]}\n"),
        ("annotate", "nn", "--label", "mm"),
        file,
        "nn:\n  labels:\n  - aa\n  - mm\n  - zz\n",
        "nn: {labels: [zz, aa, mm]}\n",
    ),
    Writing(
        67,
        index(PERSONAL),
        ("annotate", "nn", "--type", "dataset"),
        file,
        "nn:\n  type: dataset\n",
        PERSONAL.replace("model", "dataset"),
    ),
    Writing(
        68,
        index("nn: {type: model}\n"),
        ("remove", "nn", "--commit"),
        message,
        "Remove annotation for artifact nn",
        "Remove annotation for artifact `nn`",
    ),
    Writing(
        69,
        staged,
        ("annotate", "nn", "--commit"),
        committed,
        "README\nartifacts.yaml",
        "artifacts.yaml",
    ),
    Writing(67, index(PERSONAL), ("annotate", "nn", "--type", "model", "--commit"), number_of_commits, "2", "1"),
    Writing(70, index_changed, ("annotate", "nn", "--type", "model", "--commit"), success, True, False),
    Writing(
        72,
        index("nn: {type: model, path: data}\n"),
        ("annotate", "other", "--path", "data/x"),
        lambda _, answer: (re.search(r"\('\w+' '\w+'\)", answer.stderr) or [""])[0],
        "('None' 'other')",
        "('model' 'nn')",
    ),
    Writing(73, lambda _: None, ("annotate", "nn", "--commit"), success, False, True),
    Writing(
        74,
        lambda workdir: workdir.commit(README="read me\n"),
        ("annotate", "nn", "--path", "./README", "-e"),
        success,
        False,
        True,
    ),
    Writing(75, config_uncommitted, ("annotate", "nn", "--type", "dataset", "--commit"), success, True, False),
    Writing(76, index(""), ("annotate", "nn"), success, False, True),
    Writing(77, index("{}\n"), ("annotate", "N"), success, False, True),
    Writing(78, index("{}\n"), ("annotate", "nn", "-d", SPACES), description, False, True),
]


@pytest.mark.parametrize("case", WRITING, ids=str)
def test_writing(case: Writing, old: OldGto, tmp_path: Path) -> None:
    workdir = WorkDir.init(tmp_path / "theirs", "--template=")
    case.write(workdir)
    shutil.copytree(workdir.path, tmp_path / "mine")
    environ = {name: text for name, text in workdir.environ().items() if name.startswith("GIT_")}
    theirs = old.run(workdir.path, *case.argv, mended=(), environ=environ)
    assert case.show(workdir, theirs) == case.wrong, theirs
    mine = Writer().run(tmp_path / "mine", *case.argv, environ=environ)
    assert case.show(WorkDir(tmp_path / "mine"), mine) == case.right, mine


def test_each_is_documented() -> None:
    documented = {int(number) for number in re.findall(r"^### ([0-9]+)\. ", DIFFERENCES.read_text("utf-8"), re.M)}
    assert documented >= {case.number for case in READING} | {case.number for case in WRITING}


def test_each_repair_is_shown_to_be_right() -> None:
    assert set(MENDED.items()) <= {(case.mended, case.number) for case in READING}
