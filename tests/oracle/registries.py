"""Random registries, written with plain git.

A registry is told as a list of tags first (:class:`Story`), from which the tests know, without
either program, what is in it; then git writes it. All times are a minute apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import NamedTuple

from tests.workdir import FIRST_DATE, WorkDir

NAMES = (
    "m", "churn", "churn/v2", "churn2", "models/nlp", "a/b:c", "data.v1:m", "x:y", "X_1", "a-b", "tok/en:A/b",
    "m/prod", "c", "1e5", "42", "nlp:models/nlp",
)  # fmt: skip
STAGES = ("prod", "dev", "s", "stage-1", "eu/prod", "qa_2", "7", "eu")
ODD_VERSIONS = (
    "v1.0.0-rc.1", "v1.0.0-rc.2", "v1.0.0-rc.10", "v1.0.0-alpha", "v1.0.0-1", "v1.0.0+a", "v1.0.0+b", "v1.0.0+b.7",
    "v0.0.1-0", "v2.0.0-x-y.z+0.1", "v10.10.10", "v1.10.0", "v1.9.0", "v123.456.789", "v1.0.0-rc.1+build",
)  # fmt: skip
OTHER_TAGS = (
    "v1.0.0", "release-1", "m@v1.0", "m@1.0.0", "m#", "churn@latest", "m#prod!!", "m@v1.0.0!#x", "@v1.0.0", "#prod",
    "m@deprecated!", "m#-prod", "m@v01.0.0", "a=b=c@v1.0.0", "m@v1.0.0#", "nightly/2024-01-01", "m@v1.0.0-",
)  # fmt: skip
# these stop gto, or are events to it alone
NOT_EVENTS = ("m@created", "churn@created#2", "m#prod#0", "churn@v7.0.0#007", "c#dev!#00")
BUILDS = ("v1.0.0", "v1.0.0+a", "v1.0.0+b", "v1.0.0+b.7", "v1.0.0+0")
YEARS = 20 * 365 * 86400
ZONES = ("+0000", "+0000", "+0530", "-0800", "+1345", "-0330")
PEOPLE = (("Ada Lovelace", "ada@example.com"), ("Émile Borel", "émile@example.org"), ("bot[ci]", "bot+ci@example.com"))
MESSAGES = (
    "a message",
    "two\n\nparagraphs\n",
    "  spaces  \n\n",
    "# not a comment",
    "Ünïcode … ✅",
    "[bold]x[/bold] :tada:",
)
ANNOTATED = ("m", "churn", "models/nlp")
ARTIFACTS_YAML = """\
m: {{type: model, path: models/m.pkl, virtual: false, labels: [a, "{number}"], description: "m {number}"}}
churn: {{type: dataset}}
models/nlp: {{labels: [x], custom: {{depth: [1, 2.5, true], none: {{}}}}}}
"""


class Tag(NamedTuple):
    """A tag as the story tells it: ``kind`` is register, deregister, assign, unassign, deprecate or other."""

    name: str
    kind: str
    artifact: str = ""
    version: str = ""
    stage: str = ""
    commit: int = 0
    time: int = 0
    annotated: bool = True


def tags(*names: str) -> Callable[[WorkDir], None]:
    """A commit with these tags; ``/`` instead of a name makes the next commit."""

    def write(workdir: WorkDir) -> None:
        workdir.commit("a commit")
        for name in names:
            if name == "/":
                workdir.commit("a commit")
            else:
                workdir.tag(name)

    return write


class Told:
    """What is told as a stream for ``git fast-import``, a minute at a time."""

    now: int
    stream: list[bytes]

    def _minute(self) -> int:
        self.now += 60
        return self.now

    def _say(self, *lines: str) -> None:
        self.stream.extend(line.encode() + b"\n" for line in lines)

    def _data(self, text: str) -> None:
        data = text.encode()
        self.stream.append(b"data %d\n%s\n" % (len(data), data))


@dataclass
class Story(Told):
    """What happened in a repository; commits are numbers until git has written them."""

    rng: Random
    tags: list[Tag] = field(default_factory=list)
    commits: list[str] = field(default_factory=list)  # lines of the fast-import stream, then ids
    now: int = FIRST_DATE
    stages: list[str] | None = None
    stream: list[bytes] = field(default_factory=list)
    with_index: bool = False
    annotated: tuple[str, ...] = ()  # the artifacts that the last commit annotates
    commits_are_newer: bool = False  # than all tags: the clocks of those who wrote them disagree

    def commit(self) -> None:
        number = len(self.commits) + 1
        name, email = self.rng.choice(PEOPLE)
        date = f"{self._minute() + (YEARS if self.commits_are_newer else 0)} {self.rng.choice(ZONES)}"
        message = self.rng.choice(MESSAGES).strip() + "\n"
        self._say("commit refs/heads/main", f"mark :{number}", f"author Ada Lovelace <ada@example.com> {date}")
        self._say(f"committer {name} <{email}> {date}")
        self._data(message)
        if self.with_index and self.rng.random() < 0.5:
            self._say("M 100644 inline artifacts.yaml")
            self._data(ARTIFACTS_YAML.format(number=number))
            self.annotated = ANNOTATED
        else:
            self._say("deleteall")
            self.annotated = ()
        self._say(f"get-mark :{number}")
        self.commits.append("")

    def tag(self, tag: Tag) -> bool:
        """Add a tag, unless a file system or git would refuse its ref beside the others."""
        folders = [one.name + "/" for one in self.tags if one.name.startswith(tag.name + "/")]
        if folders or any(one.name == tag.name or tag.name.startswith(one.name + "/") for one in self.tags):
            return False
        time = self._minute() if tag.annotated else 0
        if tag.annotated:
            name, email = self.rng.choice(PEOPLE)
            self._say(f"tag {tag.name}", f"from :{tag.commit}")
            self._say(f"tagger {name} <{email}> {time} {self.rng.choice(ZONES)}")
            self._data(self.rng.choice(MESSAGES))
        else:
            self._say(f"reset refs/tags/{tag.name}", f"from :{tag.commit}", "")
        self.tags.append(tag._replace(time=time))
        return True

    def write(self, path: Path) -> WorkDir:
        """Let git write everything, in one process, and put ``.gto`` into the working tree."""
        workdir = WorkDir.init(path)
        ids = workdir.git("fast-import", "--quiet", "--force", stdin=b"".join(self.stream))
        self.commits = ids.split()
        if self.stages is not None:
            workdir.write(".gto", f"stages: [{', '.join(map(repr, self.stages))}]\n")
        return workdir

    def events(self, artifact: str | None = None) -> Iterator[Tag]:
        return (t for t in self.tags if t.annotated and t.kind != "other" and artifact in (None, t.artifact))

    def artifacts(self) -> list[str]:
        return sorted({tag.artifact for tag in self.events()})

    def versions_at(self, artifact: str, commit: int) -> set[str]:
        return {tag.version for tag in self.events(artifact) if tag.version and tag.commit == commit}

    def copies(self) -> set[tuple[str, str]]:
        """The artifacts and versions that are registered, or were, at several commits."""
        places = {(tag.artifact, tag.version, tag.commit) for tag in self.events() if tag.version}
        seen = Counter((artifact, version) for artifact, version, _ in places)
        return {copied for copied, number in seen.items() if number > 1}


@dataclass
class _Author:
    """Invents what happens next.

    ``daring`` is how often a rule of GTO's writing side is ignored; ``builds``, whether versions
    mostly differ in their build metadata; ``strange``, whether there are tags among :data:`NOT_EVENTS`.
    """

    story: Story
    names: list[str]
    stages: list[str]
    daring: float
    builds: bool
    strange: bool
    counters: dict[str, int] = field(default_factory=dict)

    def next(self) -> None:
        rng, story = self.story.rng, self.story
        if len(story.commits) < 2 or rng.random() < 0.22:
            story.commit()
            return
        act: Callable[[str], Tag] = rng.choices(
            [self._register, self._assign, self._unassign, self._deregister, self._deprecate, self._other],
            [34, 34, 12, 12, 5, 5],
        )[0]
        tag = act(rng.choice(self.names))
        if self._breaks_everything(tag):
            return
        if tag.kind != "other" and rng.random() < 0.05:
            tag = tag._replace(annotated=False)
        story.tag(tag)

    def _register(self, artifact: str) -> Tag:
        rng = self.story.rng
        mine = [tag for tag in self.story.events(artifact) if tag.kind == "register"]
        if mine and rng.random() < 0.3:  # again, where it was
            old = rng.choice(mine)
            return self._named(old, "register", f"@{old.version}")
        at = self._commit()
        if self.story.versions_at(artifact, at) and rng.random() > self.daring:
            at = len(self.story.commits)
        if mine and rng.random() < self.daring / 2:  # the same version on another commit
            version = rng.choice(mine).version
        else:
            numbers = f"v{rng.randrange(3)}.{rng.choice((0, 1, 2, 10))}.{rng.randrange(4)}"
            odd = rng.random() < (0.9 if self.builds else 0.3)
            version = rng.choice(BUILDS if self.builds else ODD_VERSIONS) if odd else numbers
        return self._named(Tag("", "", artifact, version, "", at), "register", f"@{version}")

    def _deregister(self, artifact: str) -> Tag:
        mine = [tag for tag in self.story.events(artifact) if tag.kind == "register"]
        if self.story.rng.random() < self.daring / 5:  # what was never registered
            mine = [self._register(artifact)]
        if not mine:
            return self._register(artifact)
        old = self.story.rng.choice(mine)
        return self._named(old, "deregister", f"@{old.version}!")

    def _assign(self, artifact: str) -> Tag:
        rng = self.story.rng
        mine = [tag for tag in self.story.events(artifact) if tag.version]
        at = rng.choice(mine).commit if mine and rng.random() > self.daring / 3 else self._commit()
        if not self.story.versions_at(artifact, at) and rng.random() > self.daring:
            return self._register(artifact)
        stage = rng.choice(self.stages)
        return self._named(Tag("", "", artifact, "", stage, at), "assign", f"#{stage}")

    def _unassign(self, artifact: str) -> Tag:
        rng = self.story.rng
        mine = [tag for tag in self.story.events(artifact) if tag.kind == "assign"]
        if rng.random() < self.daring / 5:  # from a stage it may never have been in
            mine = [Tag("", "", artifact, "", rng.choice(self.stages), self._commit())]
        if not mine:
            return self._assign(artifact)
        old = rng.choice(mine)
        return self._named(old, "unassign", f"#{old.stage}!")

    def _deprecate(self, artifact: str) -> Tag:
        return self._named(Tag("", "", artifact, commit=self._commit()), "deprecate", "@deprecated")

    def _other(self, _: str) -> Tag:
        rng = self.story.rng
        names = NOT_EVENTS if self.strange else OTHER_TAGS
        return Tag(rng.choice(names), "other", commit=self._commit(), annotated=rng.random() < 0.7)

    def _named(self, tag: Tag, kind: str, body: str) -> Tag:
        name = tag.artifact.replace(":", "=") + body
        counted = self.story.rng.random() < (0.6 if tag.stage else 0.15)
        if counted or any(one.name == name for one in self.story.tags):
            self.counters[tag.artifact] = self.counters.get(tag.artifact, 0) + 1
            name += f"#{self.counters[tag.artifact]}"
        return tag._replace(name=name, kind=kind, annotated=True)

    def _commit(self) -> int:
        return self.story.rng.randint(1, len(self.story.commits))

    def _breaks_everything(self, tag: Tag) -> bool:
        """Known bug 2 has a test of its own: a stage on a commit with several versions stops gto."""
        events = [*self.story.events(tag.artifact), tag]
        there = [one for one in events if one.commit == tag.commit]
        return any(one.stage for one in there) and len({one.version for one in there if one.version}) > 1


def random_story(seed: int) -> Story:
    """Return the story of registry number ``seed``; the same for the same number, everywhere."""
    rng = Random(seed)
    story = Story(rng, with_index=rng.random() < 0.4)
    stages = rng.sample(STAGES, rng.randint(1, 4))
    if rng.random() < 0.35:
        story.stages = [
            *rng.sample(stages, rng.randint(0, len(stages))),
            *rng.sample(("later", "never"), rng.randint(0, 1)),
        ]
    story.commits_are_newer = rng.random() < 0.1
    names, daring = rng.sample(NAMES, rng.randint(1, 4)), rng.choice((0.0, 0.0, 0.3, 0.7))
    author = _Author(story, names, stages, daring, builds=rng.random() < 0.3, strange=rng.random() < 0.2)
    for _ in range(rng.randint(8, 45)):
        author.next()
    # known bug 2: where HEAD annotates an artifact, several versions of it there stop gto
    if any(len(story.versions_at(name, len(story.commits))) > 1 for name in story.annotated):
        story.with_index = False
        story.commit()
    return story
