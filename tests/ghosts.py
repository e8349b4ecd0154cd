"""A patch repository and two clones for tests of ghosts; ghosts written with plain git, as Git Ghost writes them."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests import forking
from tests.running import Ran
from tests.workdir import WorkDir

EVERYTHING = ("-u", "-I", "new/x.log")  # options that push all of the change that `with_a_change` makes
FILES = {
    "a/one.txt": "1\n",
    "a/two.txt": "2\n",
    "b.txt": "b\n",
    "c.txt": "c\n",
    "tool.sh": "#!/bin/sh\n",
    ".gitignore": "*.log\n",
}


@dataclass
class Ghosts:
    """A patch repository, a clone in which changes are made, and one in which they are pulled.

    `more` are variables for every program.
    """

    folder: Path
    url: str
    store: WorkDir
    here: WorkDir
    there: WorkDir
    more: dict[str, str] = field(default_factory=dict)

    @classmethod
    def create(cls, folder: Path, **files: str | bytes) -> Ghosts:
        """An empty patch repository, a repository with one commit of `files` (default: `foo`), and a clone of it."""
        store = WorkDir(folder / "ghosts.git")
        here = WorkDir.init(folder / "here")
        here.git("init", "--quiet", "--bare", "--initial-branch=main", str(store.path))
        for name, content in (files or {"foo": "a\n"}).items():
            here.write(name, content)
        here.commit("one")
        there = WorkDir(folder / "there", now=here.now)
        here.git("clone", "--quiet", str(here.path), str(there.path))
        return cls(folder, str(store.path), store, here, there)

    @classmethod
    def with_a_change(cls, folder: Path) -> Ghosts:
        """A change of many kinds in `here`: files changed, removed, made executable, ignored; a link, new folders."""
        ghosts = cls.create(folder, **FILES)
        here = ghosts.here
        here.write("a/one.txt", "one\n")
        (here.path / "a/two.txt").unlink()
        here.write("b.txt", "bb\n")
        (here.path / "tool.sh").chmod(0o755)
        here.write("new/deep/file.txt", "new\n")
        here.write("new/x.log", "kept\n")
        (here.path / "link").symlink_to("b.txt")
        return ghosts

    def run(self, work: WorkDir, *args: str, **more: str) -> Ran:
        """Run `git-ghost` in `work`."""
        return forking.shared().run(work, *args, **{"GIT_GHOST_REPO": self.url, **self.more, **more})

    def ok(self, work: WorkDir, *args: str, **more: str) -> str:
        """Run `git-ghost` in `work`, expect success, and return what it printed."""
        ran = self.run(work, *args, **more)
        assert ran.code == 0, ran
        return ran.out

    def push(self, *args: str, work: WorkDir | None = None) -> tuple[str, str]:
        """Push the change in `here`; the two words that are printed on the last line."""
        start, end = self.ok(work or self.here, "push", *args).splitlines()[-1].split(" ")
        return start, end

    def refs(self) -> dict[str, str]:
        """The branches of the patch repository and their commits."""
        lines = self.store.git("for-each-ref", "--format=%(refname:strip=2) %(objectname)").splitlines()
        return dict(line.split(" ") for line in lines)

    def file(self, branch: str, name: str) -> bytes:
        """The content of a file in a branch of the patch repository."""
        return bytes_of(self.store, "cat-file", "blob", f"refs/heads/{branch}:{name}")

    def write(self, branch: str, files: Mapping[str, bytes | tuple[str, bytes]], **more: str) -> str:
        """Make a branch of the patch repository as Git Ghost does; a file may come with its mode."""
        entries = b""
        for name, content in files.items():
            mode, data = content if isinstance(content, tuple) else ("100644", content)
            oid = self.store.git("hash-object", "-w", "--stdin", stdin=data)
            entries += f"{mode} blob {oid}\t".encode() + os.fsencode(name) + b"\0"
        tree = self.store.git("mktree", "-z", stdin=entries)
        commit = self.store.git("commit-tree", "-m", "Create ghost commit", tree)
        self.store.git("update-ref", f"refs/heads/{branch}", commit)
        return commit

    def write_diff(self, base: str, patch: bytes, *, prefix: str = "ghost", digest: str | None = None) -> str:
        """Make a ghost of a diff as Git Ghost does; its hash, or the `digest` that it is to claim."""
        digest = digest or sha1(patch)
        self.write(f"{prefix}/{base}/{digest}", {"local-mod.patch": patch})
        return digest


def git_commands(trace: Path) -> Counter[str]:
    """How often our program ran each command of git, by what GIT_TRACE2_EVENT has written; not what git itself ran."""
    events = [json.loads(line) for line in trace.read_text().splitlines()]
    return Counter(event["name"] for event in events if event["event"] == "cmd_name" and "/" not in event["sid"])


def sha1(data: bytes) -> str:
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


def bytes_of(work: WorkDir, *args: str) -> bytes:
    """What git prints, byte for byte."""
    return subprocess.run(["git", *args], cwd=work.path, env=work.environ(), capture_output=True, check=True).stdout


def diff_of(work: WorkDir, base: str, *untracked: str) -> bytes:
    """The patch that Git Ghost makes: the commands that it runs."""
    patch = bytes_of(work, "diff", "--patience", "--binary", base)
    for name in untracked:
        command = ["git", "diff", "--patience", "--binary", "--no-index", "/dev/null", name]
        patch += subprocess.run(command, cwd=work.path, env=work.environ(), capture_output=True, check=False).stdout
    return patch


def tree_of(work: WorkDir) -> str:
    """The id of the tree that the whole working tree is, with what is untracked and not ignored; nothing is changed."""
    index = work.path.parent / f".index-of-{work.path.name}"
    environ = work.environ() | {"GIT_INDEX_FILE": str(index)}
    plain = ["-c", "core.fileMode=true", "-c", "core.symlinks=true", "-c", "core.autocrlf=false"]
    for command in (["read-tree", "HEAD"], ["add", "--all"]):
        subprocess.run(["git", *plain, *command], cwd=work.path, env=environ, check=True, capture_output=True)
    done = subprocess.run(["git", "write-tree"], cwd=work.path, env=environ, check=True, capture_output=True)
    index.unlink()
    return done.stdout.decode().strip()
