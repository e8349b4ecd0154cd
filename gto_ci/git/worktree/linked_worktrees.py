"""Linked worktrees that hold a commit with a change applied.

A record in the administrative folder of each says what it was made from. This distinguishes it from the user's own work
trees, and shows whether its files have changed since.
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
    """The commit and the hash of the diff that a linked worktree was made from, and the id of the resulting tree."""

    base: str
    hash: str
    tree: str


def add_worktree(sandbox: Sandbox, folder: Path, mark: WorktreeRecord, pack: bytes) -> None:
    """Make a linked worktree at ``mark.base`` with the files of ``mark.tree``; ``pack`` holds new commits.

    ``folder`` must be missing or empty.

    Raises:
        GitError: git cannot write; then no worktree is left.
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
        # made a moment ago, in a folder that was empty
        remove_worktree(sandbox.repository, folder)
        if was_there:
            folder.mkdir()
        raise


def marked_worktrees(repository: Repository) -> dict[Path, WorktreeRecord]:
    """Return the linked worktrees that :func:`add_worktree` made, by folder.

    Raises:
        GitError: git cannot read the repository.
    """
    common = Path(repository.rev_parse("--path-format=absolute", "--git-common-dir")[0])
    found: dict[Path, WorktreeRecord] = {}
    for file in sorted(common.glob(f"worktrees/*/{_MARK}")):
        try:
            mark = WorktreeRecord(**json.loads(file.read_text(encoding="utf-8")))
            folder = Path((file.parent / "gitdir").read_text(encoding="utf-8").strip()).parent
        except (OSError, ValueError, TypeError):  # a damaged record: its worktree is not removed
            continue
        found[folder] = mark
    return found


def remove_worktree(repository: Repository, folder: Path) -> None:
    """Remove a linked worktree with all changes in it. Its folder may be missing already.

    Git refuses unless the folder's ``.git`` leads back to this repository, so nothing else in that place is removed.
    Other worktrees stay, even if their folders are missing: they may be on a disk that is not mounted.

    Raises:
        GitError: git cannot remove it.
    """
    repository.git("worktree", "remove", "--force", "--", str(folder))


def _plain(runner: Runner) -> Runner:
    # the ceiling of the source repository does not apply to a folder elsewhere
    environ = {name: value for name, value in runner.environ.items() if name != "GIT_CEILING_DIRECTORIES"}
    return Runner(environ, runner.config, runner.secrets)


def _administration(folder: Path, runner: Runner) -> Path:
    return Path(runner.run(["rev-parse", "--absolute-git-dir"], folder).decode(errors="surrogateescape").strip())
