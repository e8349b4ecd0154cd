"""Random changes of a registry, and the twin repositories in which both programs make them.

The twins begin as copies of one template. What happens in them besides the two programs' work (new
commits, tags made by hand) happens in both, without git: a ref is a file. A tag object's id stands
for everything in it, so equal ids are equal names, targets, taggers, times and messages.
"""

from __future__ import annotations

import os
import shutil
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha1
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from gto_ci.core.names import Kind, match_tag
from tests.oracle.programs import Moment, Question
from tests.oracle.registries import MESSAGES, PEOPLE, ZONES, Story, Tag
from tests.workdir import FIRST_DATE, WorkDir

MAIN = "refs/heads/main"
START = FIRST_DATE + 86400
KINDS = {  # in the order that they have within a second
    Kind.DEPRECATION: "deprecate",
    Kind.REGISTRATION: "register",
    Kind.DEREGISTRATION: "deregister",
    Kind.ASSIGNMENT: "assign",
    Kind.UNASSIGNMENT: "unassign",
}
NAMES = ("m", "churn", "models/nlp", "data.v1:m", "a/b:c", "X_1", "m/prod", "1e5", "x:y")
STAGES = ("prod", "dev", "s", "eu", "eu/prod", "stage-1", "7")
BAD_NAMES = (
    "",
    "a b",
    "m@x",
    "m#prod",
    "é",
    "m/",
    "_m",
    "a:b:c",
    "m=x",
    ":m",
    "m.x",
    "a/@",
)
NAMES_GIT_REFUSES = ("a//b", "..:x", "x/.y:m", "a.lock/b:m", "m\n")
STAGES_GIT_REFUSES = ("eu//prod", "prod\n")
BAD_STAGES = ("", "a b", "prod!", "p#1", "é", "eu/", "-s", "p@v1.0.0", "p.x")
BAD_VERSIONS = (
    "", "1.0.0", "v1.0",
    "v01.0.0", "v1.0.0-", "V1.0.0", "v1.0.0!", "v1.0.0#1", "v1.0.0-rc.01", "latest", "v1.0.0 ", "v",
    "v1.0.0/2", "v1.0.0+", "v-1.0.0", "vv1.0.0",
)  # fmt: skip
ODD_VERSIONS = (
    "v1.0.0-rc.1", "v1.0.0-rc.2", "v1.0.0-alpha", "v1.0.0+a", "v1.0.0+b", "v1.0.0+b.7", "v0.0.1-0", "v2.0.0-x-y.z+0.1",
    "v10.10.10", "v1.9.0", "v0.0.0", "v0.0.1+a",
)  # fmt: skip
NOT_COMMITS = ("HEAD^{tree}", "of-tree")
BAD_REFS = (
    "",
    "unknown",
    "HEAD^{tree}",
    "HEAD~99",
    "deadbee",
    "refs/heads/unknown",
    "0" * 40,
    "m@v9.9.9",
    "HEAD:x",
    "..",
)
TEXTS = (
    *MESSAGES, "", "", "#", "# a\n#b\n\n\n\n# c\n\n", "a\r\nb", "\n", " ", "tab\tand 'quotes' \"too\" $HOME `x` \\n",
    "Deprecating artifact 'm'", "日本語\n\n\n\n\n——", "tagger X <x@y> 0 +0000\n\nmore",
)  # fmt: skip
BY_HAND = "Hand Made"


class Step(NamedTuple):
    """One change that is asked for: as a question, and what it amounts to.

    ``wanted`` has the arguments by the names that they have in the API; ``commit`` is the number of
    the commit that ``ref`` names, 0 where there is none.
    """

    question: Question
    moment: Moment
    action: str
    wanted: Mapping[str, Any]
    commit: int

    def __str__(self) -> str:
        ask, kwargs = self.question
        asked = f"api.{ask}({dict(kwargs)})" if isinstance(ask, str) else f"gto {list(ask)}"
        return f"{asked}  {dict(self.moment.environ)}"

    @property
    def name(self) -> str:
        return str(self.wanted["name"])

    def at(self, story: Story) -> int:
        """The number of the commit that the change is about, 0 where there is none."""
        version = self.wanted.get("version")
        if self.action == "register" or not version:
            return self.commit
        return next((tag.commit for tag in story.events(self.name) if tag.version == version), 0)


def make_template(path: Path) -> WorkDir:
    """Return a repository of nine commits, five in ``main`` yet, and refs of every kind to them."""
    workdir = WorkDir.init(path, "--template=")
    workdir.git("config", "user.name", "Conf Igured")
    workdir.git("config", "user.email", "conf@example.com")
    commits = [workdir.commit(f"commit {number}") for number in range(7)]
    workdir.git("checkout", "--quiet", "-b", "side", commits[2])
    commits += [workdir.commit(f"aside {number}") for number in range(2)]
    workdir.git("checkout", "--quiet", "main")
    workdir.git("reset", "--quiet", "--hard", commits[1])
    workdir.tag("release", commits[0])
    workdir.lightweight("light", commits[3])
    workdir.git("branch", "both", commits[4])
    workdir.tag("both", commits[5])
    workdir.tag("of-tree", "HEAD^{tree}")
    for unneeded in ("logs", "ORIG_HEAD", "COMMIT_EDITMSG"):
        found = path / ".git" / unneeded
        shutil.rmtree(found) if found.is_dir() else found.unlink(missing_ok=True)
    (path / ".git" / "commits").write_text("\n".join(commits))
    return workdir


@dataclass
class Twins:
    """Two repositories that hold the same, as long as both programs do the same."""

    ours: Path
    theirs: Path
    commits: list[str]
    stages: list[str] | None = None
    _known: dict[str, tuple[str, int] | None] = field(default_factory=dict)

    @classmethod
    def of(cls, template: Path, path: Path, stages: list[str] | None) -> Twins:
        twins = cls(path / "ours", path / "theirs", (template / ".git" / "commits").read_text().split(), stages)
        for twin in (twins.ours, twins.theirs):
            shutil.copytree(template, twin)
            if stages is not None:
                (twin / ".gto").write_text(f"stages: [{', '.join(map(repr, stages))}]\n")
        return twins

    def set_ref(self, ref: str, oid: str | None) -> None:
        """Point ``ref`` to ``oid`` in both, or delete it."""
        for twin in (self.ours, self.theirs):
            file = twin / ".git" / ref
            if oid is None:
                file.unlink()
            else:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(f"{oid}\n")

    def tag(self, name: str, commit: str, date: str) -> None:
        """Make an annotated tag in both, as somebody by hand would."""
        text = f"object {commit}\ntype commit\ntag {name}\ntagger {BY_HAND} <hand@example.com> {date}\n\nby hand\n"
        data = b"tag %d\0%s" % (len(text), text.encode())
        oid = sha1(data).hexdigest()
        for twin in (self.ours, self.theirs):
            file = twin / ".git" / "objects" / oid[:2] / oid[2:]
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(zlib.compress(data))
        self.set_ref(f"refs/tags/{name}", oid)

    def resolve(self, ref: str) -> int:
        """Return the number of the commit that ``ref`` names in ours, 0 where it names none."""
        there = refs(self.ours)
        if ref.startswith("HEAD"):
            head = self.commits.index(there[MAIN]) + 1 if MAIN in there else 0
            return max(head - {"HEAD": 0, "HEAD~1": 1}.get(ref, 99), 0)
        for name in (ref, f"refs/tags/{ref}", f"refs/heads/{ref}"):
            if name in there:
                target, _ = tag_object(self.ours, there[name]) or (there[name], 0)
                return self.commits.index(target) + 1 if target in self.commits else 0
        found = [number for number, one in enumerate(self.commits, 1) if len(ref) > 6 and one.startswith(ref.lower())]
        return found[0] if found else 0

    def level(self) -> None:
        """Give theirs what ours has."""
        for folder in ("refs", "objects"):
            shutil.rmtree(self.theirs / ".git" / folder)
            shutil.copytree(self.ours / ".git" / folder, self.theirs / ".git" / folder)

    def story(self, rng: Random) -> Story:
        """Return what is in ours now."""
        tags = []
        for name, oid in refs(self.ours).items():
            if name.startswith("refs/tags/"):
                tags.append(self._tag(name.removeprefix("refs/tags/"), oid))
        return Story(rng, sorted(tags, key=in_order), self.commits, stages=self.stages)

    def _tag(self, name: str, oid: str) -> Tag:
        if oid not in self._known:
            self._known[oid] = tag_object(self.ours, oid)
        annotated, parts = self._known[oid], match_tag(name)
        target, time = annotated or (oid, 0)
        at = self.commits.index(target) + 1 if target in self.commits else 0
        kind = KINDS.get(parts.kind, "other") if parts and at else "other"
        if parts is None or kind == "other":
            return Tag(name, "other", commit=at, time=time, annotated=annotated is not None)
        return Tag(name, kind, parts.artifact, parts.version or "", parts.stage or "", at, time, annotated is not None)


def in_order(tag: Tag) -> tuple[int, int, int, str]:
    """Return what tags are sorted by: the later of two in one second is the one of the later kind."""
    parts = match_tag(tag.name)
    kinds = ["other", *KINDS.values()]
    return tag.time, kinds.index(tag.kind), (parts and parts.counter) or 0, tag.name


def refs(repo: Path) -> dict[str, str]:
    """Return all refs of a repository whose refs are not packed, and its HEAD."""
    git = repo / ".git"
    assert not (git / "packed-refs").exists()
    found = {"HEAD": (git / "HEAD").read_text().strip()}
    for folder, _, names in os.walk(git / "refs"):
        within = os.path.relpath(folder, git)
        for name in names:
            with open(f"{folder}/{name}", encoding="ascii") as file:  # noqa: PTH123  # thousands of times
                found[f"{within}/{name}"] = file.read().strip()
    return dict(sorted(found.items()))


def tag_object(repo: Path, oid: str) -> tuple[str, int] | None:
    """Return the target and the time of a tag object, None where ``oid`` is no tag."""
    data = zlib.decompress((repo / ".git" / "objects" / oid[:2] / oid[2:]).read_bytes())
    if not data.startswith(b"tag "):
        return None
    head = data.partition(b"\0")[2].partition(b"\n\n")[0].decode().split("\n")
    return head[0].split()[1], int(head[3].rsplit(None, 2)[1])


@dataclass
class Author:
    """Invents what happens next in the twins; ``story`` is what is in them."""

    rng: Random
    twins: Twins
    names: list[str]
    stages: list[str]
    story: Story = field(init=False)
    clock: int = START
    zone: str = "+0000"
    head: int = 1  # the number of commits in main, less one

    def __post_init__(self) -> None:
        self.zone = self.rng.choice(ZONES)
        self.look()

    def look(self) -> None:
        self.story = self.twins.story(self.rng)

    def between(self) -> str:
        """Do by hand, in both twins, what somebody else might between two commands; return what."""
        rng, done = self.rng, []
        if rng.random() < 0.3 and self.head < 6:
            self.head += 1
            self.twins.set_ref(MAIN, self.twins.commits[self.head])
            done.append(f"main is commit {self.head}")
        if rng.random() < 0.08:
            done.append(self._in_the_way())
        if rng.random() < 0.04:
            mine = [tag for tag in self.story.tags if tag.kind != "other"]
            if mine:
                lost = rng.choice(mine).name
                self.twins.set_ref(f"refs/tags/{lost}", None)
                done.append(f"{lost} is deleted")
        if done:
            self.look()
        return ", ".join(filter(None, done))

    def _in_the_way(self) -> str:
        """Make a tag by hand: often one that a command would want to make."""
        rng = self.rng
        artifact, commit = rng.choice(self.names), rng.randrange(len(self.twins.commits))
        stage, number = rng.choice(self.stages), rng.choice((1, 2, 3, 7, 9, 99))
        bodies = ("@v0.0.1", "@v0.0.2", "@v0.1.0#3", f"#{stage}#{number}", f"#{stage}", "@deprecated", "@v0.0.1!")
        name = artifact.replace(":", "=") + rng.choice(bodies)
        tags = [tag.name for tag in self.story.tags]
        if any(one == name or one.startswith(name + "/") or name.startswith(one + "/") for one in tags):
            return ""
        if rng.random() < 0.5:
            self.twins.set_ref(f"refs/tags/{name}", self.twins.commits[commit])
            return f"lightweight {name} at commit {commit}"
        there = self.story.versions_at(artifact, commit + 1)
        parts = match_tag(name)
        registered = {tag.version for tag in self.story.events(artifact) if tag.version}
        if parts and parts.version and (there or parts.version in registered):
            return ""  # two versions at one commit, or one at two, which only tags by hand can do: bugs 2 and 23
        self._tick()
        self.twins.tag(name, self.twins.commits[commit], f"{self.clock} {self.zone}")
        return f"annotated {name} at commit {commit}"

    def step(self) -> Step:
        """Return the next change to ask for."""
        rng = self.rng
        self._tick()
        acts: list[Callable[[], dict[str, Any]]] = [
            self._register,
            self._assign,
            self._unassign,
            self._deregister,
            self._deprecate,
        ]
        act = rng.choices(acts, [34, 34, 14, 10, 8])[0]
        wanted = {"name": self._name(), **self._common(), **act()}
        action = act.__name__[1:]
        if rng.random() < 0.3:
            question = as_call(action, wanted, rng)
            wanted = dict(question.kwargs)
        else:
            question = as_command(action, wanted, rng)
            wanted = as_meant(action, wanted)
        ref = wanted.get("ref")
        commit = 0 if ref is None else self.twins.resolve(ref)
        return Step(question, Moment(self._environ(), self.clock), action, wanted, commit)

    def _environ(self) -> dict[str, str]:
        rng = self.rng
        environ = {"GIT_COMMITTER_DATE": f"{self.clock} {self.zone}"}
        if rng.random() < 0.7:
            name, email = rng.choice(PEOPLE)
            environ |= {"GIT_COMMITTER_NAME": name, "GIT_COMMITTER_EMAIL": email}
        if rng.random() < 0.03:
            environ["GTO_STAGES"] = '["prod", "s"]'
        return environ

    def _tick(self) -> None:
        if self.rng.random() > 0.12:
            self.clock += 60

    def _name(self) -> str:
        return (
            self.rng.choice(self.names) if self.rng.random() > 0.04 else self.rng.choice(BAD_NAMES + NAMES_GIT_REFUSES)
        )

    def _common(self) -> dict[str, Any]:
        rng = self.rng
        wanted: dict[str, Any] = {}
        if rng.random() < 0.35:
            wanted["message"] = rng.choice(TEXTS)
        if rng.random() < 0.25:
            wanted["simple"] = rng.choice((True, False, None))
        if rng.random() < 0.18:
            wanted["force"] = True
        return wanted

    def _register(self) -> dict[str, Any]:
        rng = self.rng
        wanted: dict[str, Any] = {}
        if rng.random() < 0.5:
            wanted["ref"] = self._ref()
        if rng.random() < 0.45:
            wanted["version"] = self._new_version()
        lost = [tag for tag in self.story.events() if tag.kind == "deregister"]
        if lost and rng.random() < 0.25:  # where a version was
            tag = rng.choice(lost)
            wanted |= {"name": tag.artifact, "ref": self.twins.commits[tag.commit - 1]}
            wanted |= rng.choice(({}, {"simple": False}, {"simple": False, "version": tag.version}))
        for part in ("major", "minor", "patch"):
            if rng.random() < (0.08 if "version" not in wanted else 0.01):
                wanted[f"bump_{part}"] = True
        return wanted

    def _assign(self) -> dict[str, Any]:
        rng = self.rng
        wanted: dict[str, Any] = {"stage": self._stage()}
        if rng.random() < 0.4:
            wanted["version"] = self._version()
        if rng.random() < (0.55 if "version" not in wanted else 0.1):
            wanted["ref"] = self._ref()
            if rng.random() < 0.3:
                wanted["version"] = self._new_version()
        if rng.random() < 0.2:
            wanted["skip_registration"] = True
        return wanted

    def _unassign(self) -> dict[str, Any]:
        rng = self.rng
        wanted: dict[str, Any] = {"version": self._version(), "stage": self._stage(), "at": self._ref()}
        staged = [tag for tag in self.story.events() if tag.kind == "assign"]
        if staged and rng.random() < 0.8:
            tag = rng.choice(staged)
            here = self.story.versions_at(tag.artifact, tag.commit)
            wanted |= {"name": tag.artifact, "stage": tag.stage, "version": min(here, default=self._version())}
            wanted["at"] = self.twins.commits[tag.commit - 1]
        return wanted | self._deleting()

    def _deregister(self) -> dict[str, Any]:
        wanted: dict[str, Any] = {"version": self._version(), "at": self._ref()}
        registered = [tag for tag in self.story.events() if tag.kind == "register"]
        if registered and self.rng.random() < 0.8:
            tag = self.rng.choice(registered)
            wanted |= {"name": tag.artifact, "version": tag.version, "at": self.twins.commits[tag.commit - 1]}
        return wanted | self._deleting()

    def _deprecate(self) -> dict[str, Any]:
        wanted = {"ref": self._ref()} if self.rng.random() < 0.3 else {}
        return wanted | self._deleting()

    def _deleting(self) -> dict[str, Any]:
        return {"delete": True} if self.rng.random() < 0.25 else {}

    def _ref(self) -> str:
        rng, commits = self.rng, self.twins.commits
        if rng.random() < 0.06:
            return rng.choice(BAD_REFS + NOT_COMMITS)
        names = ["HEAD", "main", "side", "release", "light", "refs/heads/side", "HEAD~1", "both", "refs/tags/light"]
        names += [tag.name for tag in self.story.events()]
        commit = rng.choice(commits)
        return rng.choice((rng.choice(names), commit, commit[:7], commit[:10], commit[:8].upper()))

    def _stage(self) -> str:
        return (
            self.rng.choice(self.stages)
            if self.rng.random() > 0.04
            else self.rng.choice(BAD_STAGES + STAGES_GIT_REFUSES)
        )

    def _new_version(self) -> str:
        rng = self.rng
        chance = rng.random()
        if chance < 0.08:
            return rng.choice(BAD_VERSIONS)
        if chance < 0.18:
            return self._version()
        if chance < 0.4:
            return rng.choice(ODD_VERSIONS)
        return f"v{rng.randrange(3)}.{rng.choice((0, 1, 2, 10))}.{rng.randrange(4)}"

    def _version(self) -> str:
        known = sorted({tag.version for tag in self.story.events() if tag.version})
        chance = self.rng.random()
        if chance < 0.05:
            return self.rng.choice(BAD_VERSIONS)
        return self.rng.choice(known) if known and chance < 0.9 else "v7.7.7"


def as_command(function: str, wanted: dict[str, Any], rng: Random) -> Question:
    """Return a change as a command line."""
    words, options = [wanted["name"]], list(flags(wanted, rng))
    command = "deprecate" if function in ("unassign", "deregister") else function
    if command == "deprecate":
        words += [wanted[key] for key in ("version", "stage") if key in wanted]
        options += [["--ref", wanted["ref"]]] if "ref" in wanted else []
    else:
        words += [wanted["ref"]] if "ref" in wanted else []
        options += [["--version", wanted["version"]]] if "version" in wanted else []
        options += [["--stage", wanted["stage"]]] if "stage" in wanted else []
    if command == "assign" and rng.random() < 0.2:
        command = "promote"
    rng.shuffle(options)
    return Question((command, *words, *(word for option in options for word in option)))


def as_meant(function: str, wanted: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of the API that a command line with these stands for."""
    meant = dict(wanted)
    if function == "register":
        meant.setdefault("ref", "HEAD")
    elif function == "assign" and "ref" in meant and "version" in meant:
        meant["name_version"] = meant.pop("version")
    elif function == "assign" and "version" not in meant:
        meant.setdefault("ref", "HEAD")
    return meant


def flags(wanted: dict[str, Any], rng: Random) -> Iterator[list[str]]:
    """Return the options that mean the same in all commands, each with its value."""
    if "message" in wanted:
        yield [rng.choice(("-m", "--message")), wanted["message"]]
    if "simple" in wanted:
        text = {True: "true", False: "false", None: "auto"}[wanted["simple"]]
        yield ["--simple", text if rng.random() > 0.03 else rng.choice(("True", "", "yes"))]
    for key in ("force", "bump_major", "bump_minor", "bump_patch"):
        if key in wanted:
            yield ["--" + key.replace("_", "-")]
    if "delete" in wanted:
        yield [rng.choice(("-d", "--delete"))]
    if "skip_registration" in wanted:
        yield [rng.choice(("--sr", "--skip-registration"))]


def as_call(function: str, wanted: dict[str, Any], rng: Random) -> Question:
    """Return a change as a call of ``gto.api``."""
    kwargs = as_meant(function, wanted) if rng.random() < 0.9 or function == "register" else dict(wanted)
    if "at" in kwargs and rng.random() < 0.4:
        kwargs["ref"] = kwargs["at"]
        if rng.random() < 0.9:
            del kwargs["version"]
    kwargs.pop("at", None)
    if rng.random() < 0.3:
        kwargs["author"] = rng.choice(("Grace Hopper", "Zoë", "grace", "a b c d"))
    if rng.random() < 0.3:
        kwargs["author_email"] = rng.choice(("grace@example.com", "zoë@example.org", "g"))
    return Question(function, kwargs)


def random_author(seed: int, template: Path, path: Path) -> Author:
    """Return the author of sequence number ``seed``, with twins in ``path``."""
    rng = Random(seed)
    stages = rng.sample(STAGES, rng.randint(1, 3))
    allowed = None
    if rng.random() < 0.3:
        allowed = [*rng.sample(stages, rng.randint(1, len(stages))), "later"]
    twins = Twins.of(template, path, allowed)
    if rng.random() < 0.03:
        twins.set_ref(MAIN, None)  # no commit yet, as far as HEAD knows
    return Author(rng, twins, rng.sample(NAMES, rng.randint(1, 3)), stages)
