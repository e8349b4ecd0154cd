"""Linked work trees that show a commit with a change applied.

Each has a mark in its administrative folder: what it was made of, so that it can be told from a
person's own, and whether it was changed since.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from gto_ci.git.process import Runner
from gto_ci.git.repository import Repository
from gto_ci.git.worktree.apply import store
from gto_ci.git.worktree.sandbox import Sandbox

_MARK = "git-ghost.json"


@dataclass(frozen=True, slots=True)
class WorktreeRecord:
    """What a linked work tree was made of: the commit, the hash of the diff, the id of the tree that they make."""

    base: str
    hash: str
    tree: str


def add_worktree(sandbox: Sandbox, folder: Path, mark: WorktreeRecord, pack: bytes) -> None:
    """Make a linked work tree at ``mark.base`` whose files are those of ``mark.tree``; ``pack`` holds new commits.

    ``folder`` does not exist, or is empty.

    Raises:
        GitError: git cannot write; then there is none.
    """
    was_there = folder.exists()
    store(sandbox.repository, pack)
    options = ("--quiet", "--detach", "--no-checkout")
    quiet = Repository(sandbox.root, sandbox.repository.runner.with_config(("core.hooksPath", os.devnull)))
    quiet.git("worktree", "add", *options, "--", str(folder), mark.base)
    try:
        runner = _plain(quiet.runner)
        objects = {"GIT_OBJECT_DIRECTORY": str(sandbox.scratch.root / "objects"), "GIT_LFS_SKIP_SMUDGE": "1"}
        runner.run([*sandbox.pins, "read-tree", "-m", "-u", mark.tree], folder, environ=objects)
        runner.run(["reset", "--quiet", "--mixed", mark.base], folder)
        (_administration(folder, runner) / _MARK).write_text(json.dumps(asdict(mark)), encoding="utf-8")
    except BaseException:
        # made a moment ago, in a folder in which there was nothing
        remove_worktree(sandbox.repository, folder)
        if was_there:
            folder.mkdir()
        raise


def marked_worktrees(repository: Repository) -> dict[Path, WorktreeRecord]:
    """Return the linked work trees that :func:`add_worktree` made, by folder.

    Raises:
        GitError: git cannot read the repository.
    """
    common = Path(repository.rev_parse("--path-format=absolute", "--git-common-dir")[0])
    found: dict[Path, WorktreeRecord] = {}
    for file in sorted(common.glob(f"worktrees/*/{_MARK}")):
        try:
            mark = WorktreeRecord(**json.loads(file.read_text(encoding="utf-8")))
            folder = Path((file.parent / "gitdir").read_text(encoding="utf-8").strip()).parent
        except (OSError, ValueError, TypeError):  # damaged: then it is nobody's to remove
            continue
        found[folder] = mark
    return found


def remove_worktree(repository: Repository, folder: Path) -> None:
    """Remove a linked work tree, and whatever was changed in it. Its folder may be gone already.

    Git refuses unless the folder's own ``.git`` leads back to this repository, so what else came into the
    same place stays. Other work trees stay too, although their folders may be gone: on a disk that is not
    mounted, for example.

    Raises:
        GitError: git cannot remove it.
    """
    repository.git("worktree", "remove", "--force", "--", str(folder))


def _plain(runner: Runner) -> Runner:
    # the ceiling of the source repository has nothing to do with a folder elsewhere
    environ = {name: value for name, value in runner.environ.items() if name != "GIT_CEILING_DIRECTORIES"}
    return Runner(environ, runner.config, runner.secrets)


def _administration(folder: Path, runner: Runner) -> Path:
    return Path(runner.run(["rev-parse", "--absolute-git-dir"], folder).decode(errors="surrogateescape").strip())
