"""gto's known bugs in reading, each on the smallest registry that shows it.

For every case: gto, as it is, says what is written here; ours says something else, also written
here; and where the random comparisons mend gto (``serve.py``), gto so mended says what ours says.
The numbers are those of ``docs/differences-from-gto.md``.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.oracle import peers
from tests.oracle.known_bugs import KNOWN_BUGS
from tests.oracle.programs import Gto, Ours, Repair, environment
from tests.oracle.registries import tags
from tests.workdir import WorkDir

DIFFERENCES = peers.PROJECT / "docs" / "differences-from-gto.md"
YEARS = 10 * 365 * 86400


@dataclass(frozen=True)
class Bug:
    """``wrong`` is in what gto prints, on either stream, ``right`` in what ours prints, and not the other way round."""

    number: int
    write: Callable[[WorkDir], object]
    argv: tuple[str, ...]
    wrong: str
    right: str
    repair: Repair = ()
    environ: Mapping[str, str] = field(default_factory=dict)
    code: int = 0  # of ours

    def __str__(self) -> str:
        return f"{self.number}-{'-'.join(self.repair[:1] or self.argv[:1])}"


def tag_of_tree(workdir: WorkDir) -> None:
    workdir.commit(model="1")
    workdir.tag("m@v1.0.0")
    workdir.tag("m@v2.0.0", "HEAD^{tree}")


def index_then_none(text: str) -> Callable[[WorkDir], None]:
    """A version on a commit with this ``artifacts.yaml``; HEAD has none."""

    def write(workdir: WorkDir) -> None:
        workdir.commit(artifacts__yaml=text)
        workdir.tag("m@v1.0.0")
        workdir.git("rm", "--quiet", "artifacts.yaml")
        workdir.commit()

    return write


def index_now(text: str, *names: str) -> Callable[[WorkDir], None]:
    """This ``artifacts.yaml`` in every commit, ``m@v1.0.0`` on the first, then further tags as in :func:`tags`."""

    def write(workdir: WorkDir) -> None:
        workdir.write("artifacts.yaml", text)
        tags("m@v1.0.0", *names)(workdir)

    return write


def dvc_yaml(workdir: WorkDir) -> None:
    workdir.write("sub/dvc.yaml", "artifacts: {n: {path: n.pkl}}\n")
    tags("m@v1.0.0")(workdir)


def two_copies(workdir: WorkDir) -> None:
    tags("m@v1.0.0", "m#dev#1", "/", "m@v1.0.0#2", "m#dev#3", "m#prod#4")(workdir)


def commit_after_tag(workdir: WorkDir) -> None:
    workdir.now += YEARS
    workdir.commit()
    workdir.now -= YEARS
    workdir.tag("m@v1.0.0")
    workdir.tag("m@deprecated")


def digits_for_names(workdir: WorkDir) -> None:
    tags("1e5@v1.0.0")(workdir)


def with_config(text: str) -> Callable[[WorkDir], None]:
    def write(workdir: WorkDir) -> None:
        tags("m@v1.0.0")(workdir)
        workdir.write(".gto", text)

    return write


def tag_of_tag(workdir: WorkDir) -> None:
    workdir.commit("a commit")
    workdir.tag("release")
    workdir.tag("m@v1.0.0", "release")


def tag_by_another_name(workdir: WorkDir) -> None:
    workdir.commit("a commit")
    workdir.tag("release")
    workdir.git("tag", "m@v1.0.0", "release")


def raw_tag(tagger: bytes, message: bytes) -> Callable[[WorkDir], None]:
    def write(workdir: WorkDir) -> None:
        head = workdir.commit("a commit").encode()
        workdir.tag("m@v1.0.0")
        workdir.raw_tag("m@v2.0.0", b"object %s\ntype commit\ntag m@v2.0.0\n%s\n%s\n" % (head, tagger, message))

    return write


ADA = b"tagger Ada <ada@example.com> 1700000000 +0000\n"
BUGS = [
    Bug(1, tags("m@v1.0.0", "m@created"), ("show",), "Unexpected error", "v1.0.0", ("unseen_tags", "m@created")),
    Bug(1, tag_of_tree, ("show",), "Unexpected error", "v1.0.0", ("unseen_tags", "m@v2.0.0")),
    Bug(1, tags(), ("parse-tag", "m@created"), "{'name': 'm'}", "{'name': 'm', 'action': 'create'}"),
    Bug(
        2,
        tags("ok@v1.0.0", "m@v1.0.0", "m@v1.0.0!", "m@v2.0.0", "m#prod#1"),
        ("show", "ok"),
        "Multiple versions",
        "ok@v1.0.0",
    ),
    Bug(3, index_then_none("m: [1\n"), ("show",), "doesn't conform", "v1.0.0", ("no_corrupted_index",)),
    Bug(3, index_then_none(""), ("show",), "doesn't conform", "v1.0.0", ("no_corrupted_index",)),
    Bug(3, index_then_none("dir:m: {}\n"), ("show",), "Invalid value 'dir:m'", "v1.0.0"),
    Bug(5, tags("m#prod#1", "m#prod!#2"), ("stages",), "prod", "^$", ("one_version_per_commit",)),
    Bug(
        5, tags("m#prod#1"), ("show", "m", "--json"), "'ref': '[0-9a-f]{40}'", "'m#prod#1'", ("one_version_per_commit",)
    ),
    Bug(
        6,
        tags("m@v1.0.0", "m@v1.0.0!", "m@v1.0.0#1"),
        ("show", "m"),
        "Multiple registrations",
        "m@v1.0.0#1",
        ("many_registrations",),
    ),
    Bug(
        7,
        tags("m@v1.0.0", "m#old#1", "m#new#2"),
        ("show", "m", "--stage", "--av", "1"),
        "old\n",
        "new\n",
        ("last_assignments",),
    ),
    Bug(
        8,
        tags("m@v1.0.0", "/", "m#prod#1"),
        ("show", "m", "--ref", "--ro"),
        "m#prod#1",
        "^m@v1.0.0\n$",
        ("registered_only",),
    ),
    Bug(9, tags("m@v1.0.0", "m#prod#1", "m#prod!#2"), ("stages", "--used"), "^$", "prod\n", ("used_stages",)),
    Bug(9, tags("m@v1.0.0", "m#prod#1", "m@v1.0.0!"), ("stages", "--used"), "^$", "prod\n", ("used_stages",)),
    Bug(12, digits_for_names, ("show", "--plain"), "100000 ", "1e5 ", ("text_in_tables",)),
    Bug(13, with_config("stages: [prod]\n"), ("doctor",), "stages=None", "stages: prod"),
    Bug(16, tags(), ("parse-tag", "a//b=m@v1.0.0"), "register", "git refuses", code=1),
    Bug(16, tags(), ("parse-tag", "m@v1.0.0\n"), "register", "Cannot parse", code=1),
    Bug(18, tags("m@v1.0.0"), ("show", "--json", "--plain"), "Unexpected error", "one output format", code=2),
    Bug(18, tags("m@v1.0.0"), ("stages", "--allowed", "--used"), "Unexpected error", "cannot be used together", code=2),
    Bug(20, tags(), ("history", "--help"), "Show new first", "Show the oldest first"),
    Bug(22, tags("m@v10.10.10"), ("show", "--plain"), r"v10\.10\.\n", r"v10\.10\.10\n", ("whole_versions",)),
    Bug(
        23,
        two_copies,
        ("show", "m", "--stage"),
        "dev, prod\ndev, prod\n|prod, dev\nprod, dev\n",
        "prod, dev\n\n",
        ("copies_apart",),
    ),
    Bug(23, two_copies, ("show", "--vs", "-1", "--plain"), " v1.0.0 +v1.0.0\n", "v1.0.0, v1.0.0", ("copies_apart",)),
    Bug(24, commit_after_tag, ("show",), "v1.0.0", "Nothing found", ("tags_before_commits",)),
    Bug(
        24, tags("m@v1.0.0!"), ("show", "m", "-d", "--ref"), "^[0-9a-f]{7}\n", "^m@v1.0.0!\n", ("tags_before_commits",)
    ),
    Bug(25, tags("m@v1.0.0", "m#prod#007"), ("stages",), "prod", "^$", ("unseen_tags", "m#prod#007")),
    Bug(26, tag_of_tag, ("check-ref", "m@v1.0.0", "--json"), "m@v1.0.0", "m@v1.0.0", ("peeled_tags",)),
    Bug(27, tag_by_another_name, ("show",), "Cannot parse tag name 'release'", "v1.0.0", ("names_of_refs",)),
    Bug(28, raw_tag(ADA, b"caf\xe9"), ("show",), "Unexpected error", "v2.0.0"),
    Bug(28, raw_tag(b"", b"a message"), ("show",), "Unexpected error", "v1.0.0", ("unseen_tags", "m@v2.0.0")),
    Bug(28, raw_tag(ADA.replace(b"Ada", b""), b"a message"), ("show",), "Unexpected error", "v2.0.0"),
    Bug(30, tags("m@v1.0.0"), ("show", "--av", "-2"), "v1.0.0", "not in the range", code=2),
    Bug(3, index_now("m: [1\n"), ("show", "--name"), "doesn't conform", "^m\nMalformed"),
    Bug(3, index_now("dir:m: {}\n"), ("show", "--name"), "Invalid value 'dir:m'", r"\*dir:m"),
    Bug(3, index_now("dir..m: {}\n"), ("show", "--name"), "Invalid value", "^m\n.* which cannot name an artifact"),
    Bug(5, index_now("m: {}\n", "/", "m#prod#1"), ("show", "m", "--ref"), "[0-9a-f]{7}\n", "^m@v1.0.0\nm#prod#1\n$"),
    Bug(
        24,
        index_now("m: {}\n", "m@deprecated", "/"),
        ("show", "--name"),
        "^m\n",
        "^$",
        ("tags_before_commits",),
    ),
    Bug(31, tags("m@v1.0.0"), ("history", "--plain"), r"^(?![\s\S]* commit +v1)", r" commit +v1\.0\.0 "),
    Bug(32, index_then_none("n: {}\n"), ("show", "-A"), "No such option", r"\*n "),
    Bug(32, index_now("n: {}\n"), ("describe", "n"), "No such command", "^\\{\\}\n$"),
    Bug(33, dvc_yaml, ("show", "--name"), "^m\n$", "^m\n\\*sub:n\n$"),
]


@pytest.mark.parametrize("bug", BUGS, ids=str)
def test_bug(bug: Bug, oracle: Gto, ours: Ours, tmp_path: Path) -> None:
    repo = tmp_path / "repo"
    bug.write(WorkDir.init(repo))

    theirs, mine = oracle.run(repo, *bug.argv), ours.run(repo, *bug.argv)

    assert re.search(bug.wrong, f"{theirs.stdout}{theirs.stderr}")
    assert re.search(bug.right, f"{mine.stdout}{mine.stderr}")
    assert theirs != mine
    assert mine.code == bug.code
    if bug.repair:
        assert oracle.run(repo, *bug.argv, repairs=[bug.repair]) == mine


def test_annotation_that_gto_refuses_is_read(ours: Ours, tmp_path: Path) -> None:
    """3: an artifact in a folder can be annotated, and nothing else suffers from it."""
    repo = tmp_path / "repo"
    workdir = WorkDir.init(repo)
    workdir.commit(artifacts__yaml="dir:m: {type: model}\n")
    workdir.tag("dir=m@v1.0.0")
    (version,) = ours.run(repo, "show", "dir:m", "--json").stdout
    assert version["enrichments"][0]["enrichments"][0]["artifact"]["type"] == "model"


def test_stage_of_the_version_that_is_active(ours: Ours, tmp_path: Path) -> None:
    """2: of several versions on a commit, the newest that is active gets the stage."""
    repo = tmp_path / "repo"
    tags("m@v1.0.0", "m@v1.0.0!", "m@v2.0.0", "m#prod#1")(WorkDir.init(repo))
    assert ours.call(repo, "find_versions_in_stage", name="m", stage="prod")[0]["version"] == "v2.0.0"


LONG_NAME = "models/" + "-".join(["long"] * 15)
# These take a process of their own: gto reads the environment when it is imported.
ASKS = ("check-ref", f"{LONG_NAME}@v1.0.0")
AT_START = [
    (4, {"GTO_STAGES": "prod, dev"}, ("stages",), "Traceback", "Wrong environment variable 'GTO_STAGES'"),
    (17, {"COLUMNS": "80"}, ASKS, f'of artifact *\n"{LONG_NAME[:-2]}\n', f'of artifact "{LONG_NAME}" was registered'),
    (29, {"GTO_EMOJIS": "false"}, ASKS, "^ Version", "^Version"),
]


@pytest.mark.parametrize(
    ("number", "environ", "argv", "wrong", "right"), AT_START, ids=["4-GTO_STAGES", "17-COLUMNS", "29-GTO_EMOJIS"]
)
def test_bug_at_start(
    number: int,
    environ: dict[str, str],
    argv: tuple[str, ...],
    wrong: str,
    right: str,
    ours: Ours,
    tmp_path: Path,
) -> None:
    tags(f"{LONG_NAME}@v1.0.0")(WorkDir.init(tmp_path))
    python = str(peers.python_of(peers.GTO))
    theirs = subprocess.run(
        [python, "-W", "ignore", "-c", "from gto.cli import app; app()", *argv],
        cwd=tmp_path,
        env=environment() | environ,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    mine = ours.run(tmp_path, *argv, environ=environ)
    assert re.search(wrong, theirs.stdout + theirs.stderr)
    assert re.search(right, f"{mine.stdout}{mine.stderr}")
    assert not re.search(wrong, f"{mine.stdout}{mine.stderr}")


def test_each_is_documented() -> None:
    documented = {int(number) for number in re.findall(r"^### ([0-9]+)\. ", DIFFERENCES.read_text("utf-8"), re.M)}
    assert documented >= {bug.number for bug in BUGS} | {number for number, *_ in AT_START}


def test_each_repair_is_shown_to_be_right() -> None:
    assert {bug.__name__ for bug in KNOWN_BUGS} <= {bug.repair[0] for bug in BUGS if bug.repair}
