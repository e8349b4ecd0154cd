"""A sandbox: the user's repository with fixed settings, and a scratch repository for everything that git writes.

The user's settings must not change what is captured or applied, so they are overridden here. The scratch repository
takes new objects and indexes.
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

SUBMODULE = "160000"  # git's mode for a submodule
_PIN = {
    "core.attributesFile": os.devnull,
    "core.autocrlf": "false",
    "core.bigFileThreshold": "512m",
    "core.checkStat": "default",
    "core.eol": "native",
    "core.fsmonitor": "false",
    "core.fsync": "none",  # a scratch repository need not survive a power cut
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
# on other systems these describe the file system, and git has set them itself
_PIN_ON_UNIX = {"core.symlinks": "true"}
_PIN_ON_LINUX = {"core.ignoreCase": "false", "core.precomposeUnicode": "false"}
# variables that change the meaning of a command's arguments
_STEERING = re.compile(
    r"GIT_(?:LITERAL|GLOB|NOGLOB|ICASE)_PATHSPECS|GIT_(?:EXTERNAL_DIFF|DIFF_OPTS|ATTR_SOURCE|DEFAULT_HASH|FLUSH|PAGER)"
)


class TreeChange(NamedTuple):
    """One path in which two trees differ. The mode and id of a missing file are zeros."""

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
    """A path in which two trees differ, with the numbers of added and removed lines; None for a binary file."""

    path: str
    added: int | None
    removed: int | None


class Sandbox:
    """A user's repository with fixed settings, and a scratch repository for everything that git writes."""

    def __init__(self, repository: Repository, scratch_area: ScratchArea) -> None:
        self.repository = repository
        self.root = repository.root
        self.scratch_area = scratch_area
        self.scratch: ScratchRepository
        self.scratch, paths = scratch_area.borrowing(repository, "index", "HEAD", "ORIG_HEAD")
        self._index, head, self._orig_head = paths
        environ = {name: value for name, value in repository.runner.environ.items() if not _STEERING.fullmatch(name)}
        self._runner = Runner(environ, repository.runner.config, repository.runner.secrets)
        # HEAD is never executable, except on file systems without modes, where every file looks executable
        settings = {**_PIN, "core.fileMode": str(not head.stat().st_mode & stat.S_IXUSR).lower()}
        if sys.platform != "win32":
            settings.update(_PIN_ON_UNIX)
        if sys.platform == "linux":
            settings.update(_PIN_ON_LINUX)
        # options of the command override `git -c …`, with which we may have been started
        self.pins = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]

    def git(self, *args: str, stdin: bytes | None = None, index: Path | None = None, **environ: str) -> bytes:
        """Run git in the user's repository; it writes new objects to the scratch repository, and reads both."""
        variables = {"GIT_OBJECT_DIRECTORY": str(self.scratch.root / "objects"), **environ}
        if index is not None:
            variables["GIT_INDEX_FILE"] = str(index)
        return self._runner.run([*self.pins, *args], self.root, stdin=stdin, environ=variables)

    def neutral(self, *args: str) -> bytes:
        """Run git with its default settings and the working tree's attributes; it reads the objects of both."""
        places = {"GIT_DIR": str(self.scratch.root), "GIT_WORK_TREE": str(self.root)}
        runner = self.scratch.neutral.runner
        return runner.run(args, self.root, environ={**places, "GIT_INDEX_FILE": str(self.scratch_area.file("index"))})

    def copy_index(self, name: str = "index") -> Path:
        """Return a copy of the user's index with the same time, from which git sees which files may have changed."""
        copy = self.scratch_area.file(name)
        copy.unlink(missing_ok=True)  # in our own scratch folder
        if self._index.exists():
            shutil.copy2(self._index, copy)
        return copy

    @property
    def records(self) -> list[Path]:
        """The files other than refs that git replaces when it moves to a commit: the index, and ORIG_HEAD."""
        return [self._index, self._orig_head]

    def untracked(self, *options: str) -> list[str]:
        """Return the untracked files, without our scratch files; the path of a nested repository ends in a slash."""
        found = file_names(self.git("ls-files", "--others", "-z", *options))
        root, folder = Path(os.path.realpath(self.root)), Path(os.path.realpath(self.scratch_area.folder))
        if root not in folder.parents:
            return found
        scratch = {place.relative_to(root) for place in scratch_files(folder)}
        return [name for name in found if scratch.isdisjoint((Path(name), *Path(name).parents))]

    def line_counts(self, old: str, new: str) -> list[LineCounts]:
        """Return the paths in which the trees (or commits) ``old`` and ``new`` differ, with numbers of lines."""
        options = ("-r", "-z", "--numstat", "--no-renames", "--no-ext-diff")
        return parse_line_counts(self.git("diff-tree", *options, old, new))

    def blob(self, oid: str) -> bytes:
        """Return the content of the blob ``oid``."""
        return self.git("cat-file", "blob", oid)

    def tree_id(self, treeish: str) -> str:
        """Return the id of the tree of a commit, or of a tree itself."""
        return self.git("rev-parse", "--verify", f"{treeish}^{{tree}}").decode().strip()

    def changes(self, old: str, new: str) -> list[TreeChange]:
        """Return the differences between the trees (or commits) ``old`` and ``new``, one for each path."""
        fields = self.git("diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", old, new).split(b"\0")
        found = []
        for about, path in zip(fields[::2], fields[1::2], strict=False):
            old_mode, mode, old_id, new_id, _ = about.decode().lstrip(":").split(" ")
            found.append(TreeChange(os.fsdecode(path), old_mode, mode, old_id, new_id))
        return found


def parse_line_counts(listed: bytes) -> list[LineCounts]:
    """Return the paths and numbers of lines in the output of ``git diff-tree --numstat -z``."""
    found = []
    for entry in filter(None, listed.split(b"\0")):
        added, removed, path = entry.split(b"\t", 2)
        binary = added == b"-"
        found.append(LineCounts(os.fsdecode(path), None if binary else int(added), None if binary else int(removed)))
    return found


def file_names(listed: bytes) -> list[str]:
    """Return the names in a list of git's, in which a NUL follows each name."""
    return [os.fsdecode(name) for name in listed.split(b"\0") if name]
