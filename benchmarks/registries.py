"""Repositories to measure on: registries of any size, drawn from a seed, written by ``git fast-import``.

What a registry holds is like what people keep: artifacts in folders, each with versions on commits of its own, stages
that follow them, now and then a version taken back, and a message on every tag. GTO 1.10.1 reads the same from it as
we do (``tests/oracle/test_benchmarks.py`` holds that), so both answer the same question.
"""

from __future__ import annotations

import hashlib
import random
import re
import shutil
import struct
import subprocess
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha1
from itertools import chain
from pathlib import Path

STAGES = ("dev", "staging", "prod")
_PEOPLE = ("Ada Lovelace <ada@example.com>", "Grace Hopper <grace@example.com>", "Zoë Ångström <zoe@example.com>")
_START = 1_600_000_000  # seconds since the epoch; an event every minute from then on
_FOLDERS = ("vision", "text", "speech", "ranking")
_sha1 = partial(sha1, usedforsecurity=False)


@dataclass(frozen=True, slots=True)
class Shape:
    """What a registry is made of. ``annotated`` puts each artifact into every commit's ``artifacts.yaml``."""

    tags: int
    artifacts: int
    seed: int = 1
    commits: int = 0  # 0: as many as there are versions of the artifact that has most
    annotated: bool = False

    @classmethod
    def usual(cls, tags: int, seed: int) -> Shape:
        """The shape for a size: from 4 artifacts with 10 tags to 2,000 with 100,000."""
        return cls(tags, max(4, min(2000, tags // 50)), seed)

    def __str__(self) -> str:
        return f"{self.tags:,} tags of {self.artifacts:,} artifacts"


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag to be written; ``commit`` counts from 0."""

    name: str
    commit: int
    time: int
    tagger: str
    message: str


@dataclass(frozen=True, slots=True)
class Made:
    """A registry that was written, and names in it to ask about."""

    folder: Path
    shape: Shape
    artifact: str  # the one with most tags
    version_tag: str  # its newest registration
    stage_tag: str  # its newest assignment
    typical: str  # the one with the median number of tags
    typical_tag: str  # its newest registration
    tags: tuple[str, ...]  # all of them, in the order of their events


class _Artifact:
    """The life of one artifact: what tag comes next."""

    def __init__(self, number: int) -> None:
        self.name = f"{_FOLDERS[number % len(_FOLDERS)]}/model-{number:04d}"
        self.versions: list[tuple[str, int]] = []  # with its commit
        self.counters = 0
        self.held: dict[str, tuple[str, int]] = {}

    def next(self, draw: random.Random, commits: int) -> tuple[str, int, str]:
        """Return a tag's name, commit and message."""
        what = draw.random()
        free = len(self.versions) < commits
        if not self.versions or (free and what < 0.4):
            number = len(self.versions)
            version = f"v{number // 100}.{number // 10 % 10}.{number % 10}"
            self.versions.append((version, number))
            return f"{self.name}@{version}", number, f"Registering artifact {self.name} version {version}"
        self.counters += 1
        stage = draw.choice(STAGES)
        if stage in self.held and what > 0.92:
            version, commit = self.held.pop(stage)
            return f"{self.name}#{stage}!#{self.counters}", commit, f"Unassigning stage {stage} from {version}"
        version, commit = draw.choice(self.versions[-3:])
        self.held[stage] = (version, commit)
        return f"{self.name}#{stage}#{self.counters}", commit, f"Assigning stage {stage} to {version}"


def draw_tags(shape: Shape) -> list[Tag]:
    """Return the tags of a registry, in the order in which they were made."""
    draw = random.Random(shape.seed)  # noqa: S311  # nothing secret is drawn
    artifacts = [_Artifact(number) for number in range(shape.artifacts)]
    commits = shape.commits or max(4, 2 * shape.tags // shape.artifacts)
    tags = []
    for number in range(shape.tags):
        # each artifact gets a first tag, then those with low numbers get most, as in life
        place = number if number < shape.artifacts else int(shape.artifacts * draw.random() ** 2)
        name, commit, message = artifacts[place].next(draw, commits)
        tags.append(Tag(name, commit, _START + 60 * (number + commits), draw.choice(_PEOPLE), message))
    return tags


def write(folder: Path, shape: Shape) -> Made:
    """Write a repository with a working tree into the empty or missing ``folder``, its tags packed, as in clones."""
    tags = draw_tags(shape)
    folder.mkdir(parents=True, exist_ok=True)
    _git(folder, "init", "--quiet", "--initial-branch=main")
    _git(folder, "config", "user.name", "Bench")
    _git(folder, "config", "user.email", "bench@example.com")
    commits = max([shape.commits, 1, *(tag.commit + 1 for tag in tags)])
    _pour(folder, ["-c", "fastimport.unpackLimit=0", "fast-import", "--quiet"], _commits(shape, commits))
    _write_tags(folder, tags)
    _git(folder, "pack-refs", "--all")
    _git(folder, "reset", "--quiet", "--hard")
    return _made(folder, shape, tags)


def kept(folder: Path, shape: Shape) -> Made:
    """Return the registry of this shape in ``folder``, written there unless it is: to be read, not to be changed."""
    parts = (shape.tags, shape.artifacts, shape.seed, shape.commits, int(shape.annotated))
    home = folder / "-".join(map(str, parts))
    # written last: a registry that was interrupted, or drawn by another version of this file, is written again
    stamp, drawn_by = home.with_suffix(".ready"), hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    if stamp.is_file() and stamp.read_text() == drawn_by:
        return _made(home, shape, draw_tags(shape))
    stamp.unlink(missing_ok=True)
    shutil.rmtree(home, ignore_errors=True)
    made = write(home, shape)
    stamp.write_text(drawn_by)
    return made


def _made(folder: Path, shape: Shape, tags: list[Tag]) -> Made:
    own: dict[str, list[str]] = {}
    for tag in tags:
        own.setdefault(re.split("[@#]", tag.name)[0], []).append(tag.name)
    by_number = sorted(own, key=lambda name: (len(own[name]), name))
    most, typical = by_number[-1], by_number[len(by_number) // 2]
    stages = [name for name in own[most] if "#" in name and "!" not in name]
    return Made(
        folder=folder,
        shape=shape,
        artifact=most,
        version_tag=_newest_version(own[most]),
        stage_tag=stages[-1] if stages else own[most][-1],
        typical=typical,
        typical_tag=_newest_version(own[typical]),
        tags=tuple(tag.name for tag in tags),
    )


def _newest_version(names: list[str]) -> str:
    return [name for name in names if "@" in name][-1]


def _commits(shape: Shape, commits: int) -> Iterator[bytes]:
    for number in range(commits):
        files = {"train.py": f"STEP = {number}\n"}
        if shape.annotated:
            files["artifacts.yaml"] = _annotations(shape, number)
        when = f"{_START + 60 * number} +0000"
        text = f"commit refs/heads/main\ncommitter {_PEOPLE[0]} {when}\n{_data(f'Step {number}')}"
        for path, content in files.items():
            text += f"M 100644 inline {path}\n{_data(content)}"
        yield f"{text}\n".encode()


def _write_tags(folder: Path, tags: list[Tag]) -> None:
    """Write tag objects as one pack, and their refs as packed ones.

    fast-import would write each ref into a file first: five minutes for 1,000,000, instead of half a one.
    """
    if not tags:
        return
    commits = _git(folder, "rev-list", "--reverse", "main").decode().split()
    refs: list[tuple[bytes, str, str]] = []

    def objects() -> Iterator[bytes]:
        for tag in tags:
            commit = commits[tag.commit]
            header = f"object {commit}\ntype commit\ntag {tag.name}\ntagger {tag.tagger} {tag.time} +0100"
            data = f"{header}\n\n{tag.message}\n".encode()
            oid = _sha1(b"tag %d\0%s" % (len(data), data)).hexdigest()
            refs.append((f"refs/tags/{tag.name}".encode(), oid, commit))
            yield _packed(data)

    _pour(folder, ["index-pack", "--stdin"], _pack(len(tags), objects()))
    with (folder / ".git/packed-refs").open("wb") as file:
        file.write(b"# pack-refs with: peeled fully-peeled sorted \n")
        file.writelines(b"%s %s\n^%s\n" % (oid.encode(), ref, commit.encode()) for ref, oid, commit in sorted(refs))


def _pack(count: int, objects: Iterable[bytes]) -> Iterator[bytes]:
    """A pack of so many objects, as `git help format-pack` describes it."""
    checksum = _sha1()
    for part in chain([b"PACK" + struct.pack(">II", 2, count)], objects):
        checksum.update(part)
        yield part
    yield checksum.digest()


def _packed(data: bytes) -> bytes:
    """A tag object in a pack: its kind (4) and size, 4 bits and then 7 in a byte, and its compressed content."""
    size = len(data)
    head = [4 << 4 | size & 15]
    size >>= 4
    while size:
        head[-1] |= 128
        head.append(size & 127)
        size >>= 7
    return bytes(head) + zlib.compress(data, 1)


def _annotations(shape: Shape, number: int) -> str:
    return "".join(
        f"{_Artifact(n).name}:\n  type: model\n  path: out/{n}.bin\n  labels: [step-{number}]\n"
        for n in range(shape.artifacts)
    )


def _data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}\n"


def _git(folder: Path, *args: str) -> bytes:
    return subprocess.run(["git", "-C", str(folder), *args], check=True, stdout=subprocess.PIPE).stdout


def _pour(folder: Path, args: Sequence[str], parts: Iterable[bytes]) -> None:
    """Run git, and give it ``parts`` as they are made: all of them at once would not fit into every memory."""
    command = ["git", "-C", str(folder), *args]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as git:
        assert git.stdin is not None
        git.stdin.writelines(parts)
    if git.returncode:
        raise subprocess.CalledProcessError(git.returncode, command)
