"""Random repositories with annotations, and what is done to them, within what gto 0.2.4 allows.

A :class:`Story` is a repository that git writes at once: commits on some branches, each with its
``artifacts.yaml`` or none, and registry tags. :func:`steps` is what follows: annotations in the
working tree or committed, and whatever else somebody does meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import NamedTuple

from tests.oracle.registries import Told
from tests.workdir import FIRST_DATE, WorkDir

NAMES = ("churn", "nn", "models/nlp", "cv-class", "segment2", "churn2", "no", "a1", "nlp")
STAGES = ("prod", "dev", "qa", "eu/live")
TYPES = ("model", "dataset", "no")
LABELS = ("fast", "tok-en", "on", "eu/first", "z9", "yes")
PATHS = (
    "models/nn.pkl", "models/nn.pkl", "models", "models2", "data/train.csv", "data/train.csv", "data/./train.csv",
    "data", "README", "README", "s3://b/nn.pkl", "s3://b2/churn", "nothing/here", "a path/with spaces.bin",
    "ünï/cøde", "yes", "~", "123", "no.txt",
)  # fmt: skip
DESCRIPTIONS = (
    "a model", "two\nlines", "  spaces  ", "# no", "yes", "12:30", "0x1F", "null", "Ünïcode … ✅", "it's \"so\"",
    "[bold]x[/bold] :tada:", "key: value", "- item", "2024-01-01", "1e3", "trailing\n", "{}", "a b" * 40, "!tag", "&a",
    "0o17", "=", "%x", "\ttab", "x #y", "\\", "a\r\nb",
)  # fmt: skip
BAD_NAMES = ("-nn", "nn-", "n n", "n_", "é1", "nn@v1.0.0", "nn#prod", "nn/")
FILES = {"models/nn.pkl": "weights\n", "data/train.csv": "1,2\n", "README": "read me\n", "yes": "no\n"}
BROKEN = ("churn: [1\n", "- churn\n", "just text\n", "churn: {labels: 5}\n", "churn:\n\ttype: x\n")
ZONES = ("+0000", "+0000", "+0530", "-0800", "+1345", "-0330")
MESSAGES = ("a commit", "two\n\nparagraphs", "Ünïcode … ✅", "[bold]x[/bold] :tada:", "# not a comment")


class Tag(NamedTuple):
    """A registry tag; ``kind`` is register, deregister, assign, unassign or deprecate."""

    name: str
    kind: str
    artifact: str
    version: str
    stage: str
    commit: int


class Step(NamedTuple):
    """A command of gto, or (without ``argv``) what somebody does to the files by hand."""

    argv: tuple[str, ...] = ()
    files: tuple[tuple[str, str | None], ...] = ()  # None: the file is removed
    commit: bool = False  # the files by hand, and all that is uncommitted
    tag: str = ""  # on HEAD, unless it has one of this artifact


@dataclass
class Story(Told):
    rng: Random
    names: list[str]
    types: list[str] | None = None
    branches: list[str] = field(default_factory=list)
    heads: dict[str, int] = field(default_factory=dict)
    indexes: dict[int, str | None] = field(default_factory=dict)
    tags: list[Tag] = field(default_factory=list)
    counters: dict[str, int] = field(default_factory=dict)
    now: int = FIRST_DATE
    stream: list[bytes] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)

    def write(self, path: Path) -> WorkDir:
        """Let git write everything, in one process, and check out a branch, or its commit alone."""
        workdir = WorkDir.init(path, "--template=")
        self.ids = workdir.git("fast-import", "--quiet", "--force", stdin=b"".join(self.stream)).split()
        detach = ["--detach"] if self.rng.random() < 0.15 else []
        workdir.git("checkout", "--quiet", "--force", *detach, self.rng.choice(("main", *self.heads)), "--")
        workdir.now = self.now + 60
        return workdir

    def commit(self) -> None:
        rng, mark = self.rng, len(self.indexes) + 1
        known = list(self.heads)
        branch = "main" if mark == 1 else rng.choice(("main", "main", *known, "side", "dev/x"))
        parent = self.heads.get(branch, rng.choice(list(self.heads.values())) if self.heads else 0)
        date = f"{self._minute()} {rng.choice(ZONES)}"
        self._say(f"commit refs/heads/{branch}", f"mark :{mark}")
        self._say(f"author Ada Lovelace <ada@example.com> {date}", f"committer Bob <bob@example.com> {date}")
        self._data(rng.choice(MESSAGES) + "\n")
        if parent:
            self._say(f"from :{parent}")
        others = [head for name, head in self.heads.items() if name != branch and head != parent]
        if others and rng.random() < 0.2:
            self._say(f"merge :{rng.choice(others)}")
        files = dict(FILES) if mark == 1 else {}
        if mark == 1 and self.types is not None:
            files[".gto"] = f"types: [{', '.join(map(repr, self.types))}]\n"
        for name, content in files.items():
            self._say(f"M 100644 inline {name}")
            self._data(content)
        self._index(mark, self.indexes.get(parent))
        self._say(f"get-mark :{mark}")
        self.heads[branch] = mark

    def _index(self, mark: int, before: str | None) -> None:
        rng = self.rng
        what = rng.choices(("same", "new", "none", "empty", "broken"), (25, 60, 8, 3, 4))[0]
        text = {"same": before, "none": None, "empty": "{}\n", "broken": rng.choice(BROKEN)}.get(what)
        if what == "new":
            text = document(rng, self.names)
        self.indexes[mark] = text
        if text is not None:
            self._say("M 100644 inline artifacts.yaml")
            self._data(text)
        elif before is not None:
            self._say("D artifacts.yaml")

    def tag(self) -> None:
        """Add a tag as gto's writing side would: one version on a commit, one commit for a version."""
        rng = self.rng
        artifact, at = rng.choice(self.names), rng.randint(1, len(self.indexes))
        mine = [tag for tag in self.tags if tag.artifact == artifact]
        here = [tag for tag in mine if tag.commit == at]
        versions = [tag.version for tag in here if tag.version]
        kind = rng.choices(("register", "assign", "unassign", "deregister", "deprecate"), (40, 36, 10, 8, 6))[0]
        version = stage = ""
        if kind in ("register", "deregister"):
            taken = {tag.version for tag in mine}
            version = versions[0] if versions else f"v{rng.randrange(3)}.{rng.choice((0, 1, 10))}.{rng.choice((0, 12))}"
            if (kind == "deregister" and not versions) or (not versions and version in taken):
                return
            body = f"@{version}" + "!" * (kind == "deregister")
        elif kind in ("assign", "unassign"):
            stages = [tag.stage for tag in here if tag.stage]
            if kind == "unassign" and not stages:
                return
            stage = rng.choice(stages if kind == "unassign" else STAGES)
            body = f"#{stage}" + "!" * (kind == "unassign")
        else:
            body = "@deprecated"
        self._tag(Tag(artifact + body, kind, artifact, version, stage, at))

    def _tag(self, tag: Tag) -> None:
        rng, name = self.rng, tag.name
        if rng.random() < (0.6 if tag.stage else 0.1) or any(one.name == name for one in self.tags):
            self.counters[tag.artifact] = self.counters.get(tag.artifact, 0) + 1
            name += f"#{self.counters[tag.artifact]}"
        self._say(f"tag {name}", f"from :{tag.commit}")
        self._say(f"tagger Ada Lovelace <ada@example.com> {self._minute()} {rng.choice(ZONES)}")
        self._data(rng.choice(MESSAGES) + "\n")
        self.tags.append(tag._replace(name=name))

    def active(self, tag: Tag) -> bool:
        """Whether the version that ``tag`` names is registered now, and its artifact not deprecated."""
        mine = [one for one in self.tags if one.artifact == tag.artifact]
        last = [one.kind for one in mine if one.version == tag.version and one.version][-1:]
        return last == ["register"] and mine[-1].kind != "deprecate"


def random_story(seed: int) -> Story:
    """Return the story of repository number ``seed``; the same for the same number, everywhere."""
    rng = Random(seed)
    story = Story(rng, rng.sample(NAMES, rng.randint(2, 4)))
    if rng.random() < 0.25:
        story.types = rng.sample(TYPES, rng.randint(1, 2))
    story.commit()
    commits = rng.randint(0, 5)
    for _ in range(rng.randint(commits, 18)):
        if rng.random() < 0.3 and len(story.indexes) <= commits:
            story.commit()
        else:
            story.tag()
    return story


def document(rng: Random, names: list[str]) -> str:
    """Return an ``artifacts.yaml`` as a person might write it, which gto 0.2.4 can read."""
    lines = ["# what is in this repository\n", "\n"] if rng.random() < 0.3 else []
    for name in rng.sample(names, rng.randint(0, len(names))) or names[:1]:
        lines.append(f"{name}:" + rng.choice(("", "  # ours")))
        folder = name.replace("/", "-")  # so that no path lies in another
        fields = {
            "type": rng.choice(TYPES[:2]),
            "path": rng.choice((f"files/{folder}.bin", f'"s3://{folder}/x"')),
            "virtual": rng.choice(("true", "false")),
            "labels": rng.choice(("[zz, fast]", "[]", "\n  - z9\n  - 'a1'")),
            "description": rng.choice(("plain words", '"quoted: \\u263a"', "|\n    a\n    block\n", "'it''s'", '""')),
            "custom": "{depth: [1, 2.5, true]}",
            "owner": "somebody",
        }
        chosen = [key for key in rng.sample(list(fields), len(fields)) if rng.random() < 0.5] or ["type"]
        lines.append("\n" + "".join(f"  {key}: {fields[key]}\n" for key in chosen))
        lines.append(rng.choice(("", "\n", "# a comment\n")))
    return "".join(lines)


def steps(story: Story) -> Iterator[Step]:
    rng = story.rng
    for number in range(rng.randint(3, 8)):
        what = rng.random()
        if what < 0.58:
            yield Step(annotate(rng, story.names))
        elif what < 0.72:
            name = rng.choice((*story.names, *story.names, "unknown", rng.choice(BAD_NAMES)))
            yield Step(("remove", name, *(["--commit"] if rng.random() < 0.5 else [])))
        elif what < 0.82:
            yield Step(
                tag=rng.choice(story.names) + rng.choice((f"@v9.{number}.0", f"#{rng.choice(STAGES)}#9{number}"))
            )
        else:
            yield by_hand(rng, story.names)


def annotate(rng: Random, names: list[str]) -> tuple[str, ...]:
    """Return a command that annotates; some are wrong."""
    argv = ["annotate", rng.choice(BAD_NAMES) if rng.random() < 0.05 else rng.choice(names)]
    if rng.random() < 0.5:
        argv += ["--type", rng.choice((*TYPES * 5, "Wrong type"))]
    if rng.random() < 0.6:
        argv += ["--path", rng.choice(PATHS)]
    if rng.random() < 0.15 and "data/./train.csv" not in argv:  # 74
        argv += [rng.choice(("-e", "--must-exist"))]
    for label in rng.choices((*LABELS * 8, "-no-"), k=rng.choice((0, 0, 1, 2, 3))):
        argv += ["--label", label]
    if rng.random() < 0.5:
        argv += [rng.choice(("-d", "--description")), rng.choice(DESCRIPTIONS)]
    return (*argv, *(["--commit"] if rng.random() < 0.45 else []))


def by_hand(rng: Random, names: list[str]) -> Step:
    """Return a change of files, tracked or not, that may stay uncommitted."""
    files: dict[str, str | None] = {}
    for name in rng.sample(("README", "data/train.csv", "new.txt", "new/file", "models/nn.pkl"), rng.randint(0, 3)):
        files[name] = None if rng.random() < 0.15 else f"changed {rng.random()}\n"
    if rng.random() < 0.35:
        text = rng.choices((document(rng, names), "{}\n", rng.choice(BROKEN)), (4, 1, 1))[0]
        files["artifacts.yaml"] = text
    return Step(files=tuple(files.items()), commit=rng.random() < 0.6)
