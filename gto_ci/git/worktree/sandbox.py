"""A user's repository with fixed settings, and a scratch repository for what is written.

What a person has set for git must not change what is captured, or what is written: it is fixed here.
New objects and indexes go to a scratch repository.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import sys
from pathlib import Path
from typing import NamedTuple

from gto_ci.git.process import Runner
from gto_ci.git.repository import Repository
from gto_ci.git.scratch_area import ScratchArea, ScratchRepository
from gto_ci.git.scratch_folders import scratch_files

SUBMODULE = "160000"  # git's mode of one
_PIN = {
    "core.attributesFile": os.devnull,
    "core.autocrlf": "false",
    "core.bigFileThreshold": "512m",
    "core.checkStat": "default",
    "core.eol": "native",
    "core.fsmonitor": "false",
    "core.fsync": "none",  # what is written goes to a scratch repository
    "core.hooksPath": os.devnull,
    "core.safecrlf": "false",
    "core.splitIndex": "false",
    "core.trustctime": "true",
    "core.protectHFS": "true",
    "core.protectNTFS": "true",
    "diff.ignoreSubmodules": "none",
    "status.showUntrackedFiles": "no",
    "apply.whitespace": "nowarn",
    "apply.ignoreWhitespace": "no",
    "gc.auto": "0",
    "maintenance.auto": "false",
}
# on systems where these are facts of the file system, not a matter of taste, git has found them out itself
_PIN_ON_UNIX = {"core.symlinks": "true"}
_PIN_ON_LINUX = {"core.ignoreCase": "false", "core.precomposeUnicode": "false"}
# variables by which a caller could change what the arguments of a command mean
_STEERING = re.compile(
    r"GIT_(?:LITERAL|GLOB|NOGLOB|ICASE)_PATHSPECS|GIT_(?:EXTERNAL_DIFF|DIFF_OPTS|ATTR_SOURCE|DEFAULT_HASH|FLUSH|PAGER)"
)


class TreeChange(NamedTuple):
    """One path in which two trees differ; of what is not there, mode and id are zeros."""

    path: str
    old_mode: str
    mode: str
    old: str
    new: str

    @property
    def added(self) -> bool:
        """Whether the path is new."""
        return self.old_mode == "000000"

    @property
    def removed(self) -> bool:
        """Whether the path is gone."""
        return self.mode == "000000"


class LineCounts(NamedTuple):
    """A path in which two trees differ, with the lines that were added and removed; None where it is binary."""

    path: str
    added: int | None
    removed: int | None


class Sandbox:
    """A user's repository, seen with fixed settings, and a scratch repository that takes what is written."""

    def __init__(self, repository: Repository, scratch_area: ScratchArea) -> None:
        self.repository = repository
        self.root = repository.root
        self.scratch_area = scratch_area
        self.scratch: ScratchRepository
        self.scratch, paths = scratch_area.beside(repository, "index", "HEAD", "ORIG_HEAD")
        self._index, head, self._orig_head = paths
        environ = {name: value for name, value in repository.runner.environ.items() if not _STEERING.fullmatch(name)}
        self._runner = Runner(environ, repository.runner.config, repository.runner.secrets)
        # where the file system knows no modes, every file looks executable; HEAD never is
        settings = {**_PIN, "core.fileMode": str(not head.stat().st_mode & stat.S_IXUSR).lower()}
        if sys.platform != "win32":
            settings.update(_PIN_ON_UNIX)
        if sys.platform == "linux":
            settings.update(_PIN_ON_LINUX)
        # as options of the command: they are stronger than `git -c …`, under which we may have been started
        self.pins = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]

    def git(self, *args: str, stdin: bytes | None = None, index: Path | None = None, **environ: str) -> bytes:
        """Run git in the user's repository. New objects go to the scratch repository, and come from there too."""
        variables = {"GIT_OBJECT_DIRECTORY": str(self.scratch.root / "objects"), **environ}
        if index is not None:
            variables["GIT_INDEX_FILE"] = str(index)
        return self._runner.run([*self.pins, *args], self.root, stdin=stdin, environ=variables)

    def neutral(self, *args: str) -> bytes:
        """Run git with nobody's settings on the objects of both, the work tree's attributes in effect."""
        places = {"GIT_DIR": str(self.scratch.root), "GIT_WORK_TREE": str(self.root)}
        runner = self.scratch.neutral.runner
        return runner.run(args, self.root, environ={**places, "GIT_INDEX_FILE": str(self.scratch_area.file("index"))})

    def copy_index(self, name: str = "index") -> Path:
        """Return a copy of the user's index, of the same age: by it git tells what may have changed since."""
        copy = self.scratch_area.file(name)
        copy.unlink(missing_ok=True)  # in our own scratch folder
        if self._index.exists():
            shutil.copy2(self._index, copy)
        return copy

    @property
    def records(self) -> list[Path]:
        """The files of the repository that going to a commit replaces, beside refs: the user's index, and ORIG_HEAD."""
        return [self._index, self._orig_head]

    def untracked(self, *options: str) -> list[str]:
        """Return the untracked files but those of our own; a repository inside this one ends in a slash."""
        found = file_names(self.git("ls-files", "--others", "-z", *options))
        root, folder = Path(os.path.realpath(self.root)), Path(os.path.realpath(self.scratch_area.folder))
        if root not in folder.parents:
            return found
        scratch = {place.relative_to(root) for place in scratch_files(folder)}
        return [name for name in found if scratch.isdisjoint((Path(name), *Path(name).parents))]

    def line_counts(self, old: str, new: str) -> list[LineCounts]:
        """Return how many lines differ between the trees (or commits) ``old`` and ``new``, by path."""
        options = ("-r", "-z", "--numstat", "--no-renames", "--no-ext-diff")
        return parse_line_counts(self.git("diff-tree", *options, old, new))

    def blob(self, oid: str) -> bytes:
        """Return the content of the blob ``oid``."""
        return self.git("cat-file", "blob", oid)

    def tree_id(self, treeish: str) -> str:
        """Return the id of the tree that a commit, or a tree, is."""
        return self.git("rev-parse", "--verify", f"{treeish}^{{tree}}").decode().strip()

    def changes(self, old: str, new: str) -> list[TreeChange]:
        """Return where the trees (or commits) ``old`` and ``new`` differ, by path."""
        fields = self.git("diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", old, new).split(b"\0")
        found = []
        for about, path in zip(fields[::2], fields[1::2], strict=False):
            old_mode, mode, old_id, new_id, _ = about.decode().lstrip(":").split(" ")
            found.append(TreeChange(os.fsdecode(path), old_mode, mode, old_id, new_id))
        return found


def parse_line_counts(listed: bytes) -> list[LineCounts]:
    """Return what ``git diff-tree --numstat -z`` says, by path."""
    found = []
    for entry in filter(None, listed.split(b"\0")):
        added, removed, path = entry.split(b"\t", 2)
        binary = added == b"-"
        found.append(LineCounts(os.fsdecode(path), None if binary else int(added), None if binary else int(removed)))
    return found


def file_names(listed: bytes) -> list[str]:
    """Return the names in a list of git's that has a NUL after each."""
    return [os.fsdecode(name) for name in listed.split(b"\0") if name]
