"""Updates of a working tree by a patch, by commits or by both: completely, or not at all.

First the patch is applied to a tree, in a separate index. This shows whether it applies, and whether it writes only
where it may, before any file is touched. Then the working tree must have no changes of its own at those paths.
Writing the files is the last step; see :mod:`gto_ci.git.worktree.uninterruptible`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gto_ci.core.errors import DoesNotApply, GhostRefused, GitError, GtoError, quote
from gto_ci.git.output import split_patch
from gto_ci.git.repository import Repository
from gto_ci.git.worktree.backup import back_up, back_up_records
from gto_ci.git.worktree.file_commit import fast_forward
from gto_ci.git.worktree.sandbox import SUBMODULE, Sandbox, TreeChange, file_names
from gto_ci.git.worktree.uninterruptible import finish

# Git's messages about a path outside the working tree, or inside .git
_FORBIDDEN = re.compile(r"invalid path|beyond a symbolic link|Invalid path|would be a directory/file conflict")
# A patch may create a file, a symbolic link or a submodule. Git would accept the mode of a folder too.
_WRONG_MODE = re.compile(rb"^new (?:file )?mode (?!(?:100[0-7]{3}|120000|160000)\r?$)([^\r\n]*)", re.MULTILINE)
_DISTRUST = "Nothing was changed; do not trust its sender"
_GIT_FOLDERS = ("--path-format=absolute", "--git-dir", "--git-common-dir")
_SHOWN = 5  # paths that an error names
# Git does not quote names with spaces, and misreads its own header if the name of a folder ends in a space
_MISREAD = re.compile(rb"^diff --git a/(.* /.*) b/\1$", re.MULTILINE)


def apply_to_tree(sandbox: Sandbox, commit: str, patch: bytes, *, three_way: bool = False) -> str:
    """Return the id of the tree of ``commit`` (or of a tree) with ``patch`` applied. Nothing else is changed.

    With ``three_way``, the patch may be based on another commit, if the repository has its files.

    Raises:
        GhostRefused: the patch writes outside the working tree or into ``.git``, or creates a non-file.
        DoesNotApply: it does not apply, or is not a patch.
    """
    if wrong := _WRONG_MODE.search(patch):
        mode = quote(wrong[1].decode(errors="replace"))
        raise GhostRefused(f"The patch creates something that is not a file: its mode is {mode}", _DISTRUST)
    patch = _MISREAD.sub(rb'diff --git "a/\1" "b/\1"', patch)
    index = sandbox.scratch_area.file("applied")
    index.unlink(missing_ok=True)  # in our own scratch folder
    sandbox.git("read-tree", commit, index=index)
    if patch:
        options = ["--3way"] if three_way else []
        try:
            sandbox.git("apply", "--cached", *options, "-", stdin=patch, index=index)
        except GitError as error:
            raise _unfit(error, commit, three_way=three_way) from error
        _check_parts(sandbox, patch)
    return sandbox.git("write-tree", "--missing-ok", index=index).decode().strip()


def _check_parts(sandbox: Sandbox, patch: bytes) -> None:
    """Make sure that git reads each part of ``patch`` as the change of a file, and nothing else.

    Git skips parts that it cannot read. It also reads patches of other programs, and would then read an absolute path
    as a path inside the working tree.
    """
    taken = sandbox.git("apply", "--numstat", "-z", "-", stdin=patch).count(b"\0")
    if taken != len(split_patch(patch)):
        raise GhostRefused("The patch has parts that 'git diff' does not make: words, or absolute paths", _DISTRUST)


def growth(sandbox: Sandbox, changes: Iterable[TreeChange]) -> int:
    """Return how many bytes the files of a tree grow by ``changes``.

    Files that a partial clone lacks are not counted, if git (2.44 or newer) can be kept from fetching them.

    Raises:
        GitError: git cannot read the trees.
    """
    files = [change for change in changes if SUBMODULE not in (change.old_mode, change.mode)]
    before = [change.old for change in files if not change.added]
    after = [change.new for change in files if not change.removed]
    asked = "".join(f"{oid}\n" for oid in {*before, *after}).encode()
    listed = sandbox.git("cat-file", "--batch-check", stdin=asked, GIT_NO_LAZY_FETCH="1").decode().splitlines()
    size = {words[0]: int(words[2]) for words in map(str.split, listed) if len(words) == 3}
    return sum(size.get(oid, 0) for oid in after) - sum(size.get(oid, 0) for oid in before)


def _unfit(error: GitError, commit: str, *, three_way: bool) -> GtoError:
    said = [line.removeprefix("error: ") for line in error.stderr.splitlines() if line.startswith(("error:", "U "))]
    words = quote("; ".join(said) or error.stderr.strip(), 400)[1:-1]
    if _FORBIDDEN.search(words):
        return GhostRefused(f"The patch writes where it may not: {words}", _DISTRUST)
    if three_way:
        return DoesNotApply(
            f"The patch does not merge with {commit[:12]}: {words}", "Nothing was changed; check out the patch's base"
        )
    return DoesNotApply(f"The patch does not apply to {commit[:12]}: {words}", "Nothing was changed")


@dataclass(frozen=True, slots=True)
class PlannedUpdate:
    """An update of the working tree: HEAD goes from ``head`` to ``commit``, the files go to ``tree``.

    ``committed`` are the differences between ``head`` and ``commit``, ``uncommitted`` those between ``commit`` and
    ``tree``, ``together`` those between ``head`` and ``tree``. Made by :func:`plan_update`.
    """

    head: str
    commit: str
    tree: str
    committed: Sequence[TreeChange]
    uncommitted: Sequence[TreeChange]
    together: Sequence[TreeChange]

    @property
    def steps(self) -> list[TreeChange]:
        """Every change of a path on the way, also one that the next step takes back."""
        return [*self.committed, *self.together]


def plan_update(sandbox: Sandbox, head: str, commit: str, tree: str | None = None) -> PlannedUpdate:
    """Return what it takes to go from the commit ``head`` to ``commit``, and to have the files of ``tree``.

    Without ``tree``, the files are those of ``commit``.

    Raises:
        GitError: git cannot read the commits.
    """
    committed = sandbox.changes(head, commit) if commit != head else []
    if tree is None:
        return PlannedUpdate(head, commit, sandbox.tree_id(commit), committed, [], committed)
    uncommitted = sandbox.changes(commit, tree)
    together = sandbox.changes(head, tree) if committed else uncommitted
    return PlannedUpdate(head, commit, tree, committed, uncommitted, together)


def update_worktree(sandbox: Sandbox, plan: PlannedUpdate, pack: bytes = b"") -> None:
    """Carry out ``plan``, all of it or nothing. ``pack`` holds the commits that the repository lacks.

    The index becomes that of the new commit; other staged changes stay.

    Raises:
        DoesNotApply: the working tree has its own changes, or untracked files, at the same paths.
        GitError: git cannot write; then nothing is changed.
    """
    _check_free(sandbox, plan.steps)
    moves = plan.commit != plan.head
    if not (moves or plan.uncommitted):
        return
    touched = {change.path: None for change in (*plan.committed, *plan.uncommitted)}
    places = [sandbox.root / path for path in touched]
    folders = {folder for place in places for folder in place.parents if sandbox.root in folder.parents}

    def write() -> None:
        backup = back_up(places, sandbox.root, sandbox.scratch_area.file("backup"))
        records = back_up_records(sandbox.records, sandbox.scratch_area.file("records"))
        try:
            if moves:
                store(sandbox.repository, pack)
                fast_forward(sandbox.repository, plan.commit, "git-ghost: pull commits")
                records.note_written()
            if plan.uncommitted:
                write_tree(sandbox, plan.commit, plan.tree)
            hand_over(sandbox, [*places, *folders])
        except BaseException as error:
            if moves:
                _go_back(sandbox, plan)
                records.restore()
            left = backup.restore(lambda files: _written(sandbox, files, [*plan.committed, *plan.uncommitted]))
            with suppress(GtoError, OSError):  # the first error is the one to report
                hand_over(sandbox, folders)
            if left and isinstance(error, GtoError):
                raise _left(sandbox, error, left) from error
            raise

    finish(write)


def hand_over(sandbox: Sandbox, written: Iterable[Path]) -> None:
    """Give files that root has written to the working tree's owner, who could not change them otherwise."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return
    git_dir, common = (Path(line) for line in sandbox.repository.rev_parse(*_GIT_FOLDERS))
    for owner, paths in ((sandbox.root, written), (git_dir, _records(git_dir)), (common, _records(common))):
        user, group = owner.stat().st_uid, owner.stat().st_gid
        for path in paths if user != 0 else ():
            if os.path.lexists(path) and path.lstat().st_uid == 0:
                os.chown(path, user, group, follow_symlinks=False)


def _records(git_dir: Path) -> Iterator[Path]:
    """Yield the files and folders of a repository that an update may write, without packs, which it does not."""
    folders = [git_dir, *(git_dir / name for name in ("refs", "logs", "objects"))]
    for folder in folders:
        for path in folder.iterdir() if folder.is_dir() else ():
            yield path
            yield from path.rglob("*") if path.is_dir() and folder != git_dir and path.name != "pack" else ()


def write_tree(sandbox: Sandbox, commit: str, tree: str) -> None:
    """Write the difference between ``commit`` and ``tree`` to the working tree at ``commit``. Keep the index.

    Raises:
        GitError: git cannot write.
    """
    # files outside a sparse checkout are written too, otherwise their changes would be lost
    options = ("-c", "core.sparseCheckout=false")
    index = sandbox.copy_index()
    # read-tree compares only times: a file that was touched, and is the same, would count as changed
    with suppress(GitError):  # _check_free has reported changed files
        sandbox.git("update-index", "-q", "--refresh", index=index)
    # content in Git LFS is not fetched: that takes other credentials, and time
    sandbox.git(*options, "read-tree", "-m", "-u", commit, tree, index=index, GIT_LFS_SKIP_SMUDGE="1")


def store(repository: Repository, pack: bytes) -> None:
    """Store the objects of a thin pack in ``repository``. No ref points to them yet.

    Raises:
        GitError: git cannot write.
    """
    if pack:
        repository.git("-c", "gc.auto=0", "unpack-objects", "-q", stdin=pack)


def _go_back(sandbox: Sandbox, plan: PlannedUpdate) -> None:
    """Move HEAD back to its old commit, if it is at the new one: another program may have moved it on."""
    if sandbox.repository.rev_parse("HEAD") == [plan.commit]:
        with suppress(GitError):  # moved on in this very moment
            sandbox.repository.git("update-ref", "-m", "git-ghost: taken back", "HEAD", plan.head, plan.commit)


def _written(sandbox: Sandbox, files: Sequence[Path], changes: Sequence[TreeChange]) -> set[Path]:
    """Return those of ``files`` that git wrote for ``changes``: they have the new content, or the beginning of it."""
    index = sandbox.scratch_area.file("found")
    index.unlink(missing_ok=True)  # in our own scratch folder
    names = [file.relative_to(sandbox.root).as_posix() for file in files]
    listing = "".join(f"{name}\0" for name in names)
    try:
        sandbox.git("update-index", "--add", "--info-only", "-z", "--stdin", stdin=os.fsencode(listing), index=index)
        listed = sandbox.git("ls-files", "--stage", "-z", index=index)
    except GitError:  # a filter fails, perhaps the same one that made the update fail
        listed = b""
    # of each entry: mode, id and stage, a tab, the name
    entries = (entry.partition("\t") for entry in file_names(listed))
    there = {name: tuple(about.split(" ")[:2]) for about, _, name in entries}
    wanted = {(change.path, change.mode, change.new) for change in changes}
    found = set()
    for file, name in zip(files, names, strict=True):
        if (name, *there.get(name, ())) in wanted or any(
            change.path == name and _is_begun(sandbox, file, change) for change in changes
        ):
            found.add(file)
    return found


def _is_begun(sandbox: Sandbox, file: Path, change: TreeChange) -> bool:
    """Tell whether git wrote the beginning of ``file`` and then stopped: on a full disk, for example."""
    if file.is_symlink() or not change.mode.startswith("100"):
        return False
    with suppress(GtoError, OSError):
        whole = sandbox.git("cat-file", "blob", change.new)
        return file.stat().st_size <= len(whole) and whole.startswith(file.read_bytes())
    return False


def _left(sandbox: Sandbox, error: GtoError, places: Sequence[Path]) -> GtoError:
    names = _some([place.relative_to(sandbox.root).as_posix() for place in places])
    return GtoError(
        f"{error.cause}. Another program changed {names} at the same time; its changes were kept",
        "Look at 'git status' before you go on",
    )


def _check_free(sandbox: Sandbox, changes: Sequence[TreeChange]) -> None:
    """Check that the working tree has no changes of its own, and no untracked files, at the paths of ``changes``."""
    touched = {change.path for change in changes}
    listed = sandbox.git("status", "--porcelain", "-z", "--no-renames", "--ignore-submodules=all")
    dirty = [os.fsdecode(entry[3:]) for entry in listed.split(b"\0") if entry]
    taken = sorted(touched.intersection(dirty))
    if taken:
        raise DoesNotApply(
            f"The working tree has uncommitted changes in {_some(taken)}", "Commit them, or stash them: git stash"
        )
    hidden = sorted(touched.intersection(_hidden(sandbox)))
    if hidden:
        raise DoesNotApply(
            f"Git was told not to look at {_some(hidden)}", "Have it look again: git update-index --no-assume-unchanged"
        )
    removed = {change.path for change in changes if change.removed}
    in_the_way = sorted(path for path in (_obstacle(sandbox.root, change, removed) for change in changes) if path)
    if in_the_way:
        raise DoesNotApply(f"Untracked files are in the way: {_some(in_the_way)}", "Move them, or delete them")


def _hidden(sandbox: Sandbox) -> list[str]:
    """Return the files that git was told to treat as unchanged; ``ls-files -v`` marks them with a small letter."""
    listed = sandbox.git("ls-files", "-v", "-z").split(b"\0")
    return [os.fsdecode(entry[2:]) for entry in listed if entry[:1].islower()]


def _obstacle(root: Path, change: TreeChange, removed: set[str]) -> str:
    """Return the file in the way of the new file that ``change`` makes, also an ignored one; "" for none."""
    if not change.added:
        return ""
    parts = change.path.split("/")
    for depth in range(1, len(parts)):
        above = "/".join(parts[:depth])
        place = root / above
        if place.is_symlink() or (place.exists() and not place.is_dir()):
            return "" if above in removed else above
    place = root / change.path
    if place.is_dir() and not place.is_symlink():
        files = (
            file.relative_to(root).as_posix() for file in place.rglob("*") if file.is_symlink() or not file.is_dir()
        )
        return next((file for file in files if file not in removed), "")
    return change.path if os.path.lexists(place) else ""


def _some(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return ", ".join(quote(path) for path in paths[:_SHOWN]) + more
