"""The uncommitted change of a work tree, as a tree and as a patch.

First git stages the work tree, as ``git add`` would, in an index and an object store beside the
user's own, which stay as they are. Then the two trees are compared where none of the user's settings
counts. So the same change gives the same bytes for everybody: those that ``git diff`` prints for
somebody who has set nothing.

What a person has set for git to *show* does not matter to the second step, and what would change
content on its way into git (line ends, modes) is fixed for the first. Filters (``filter.NAME.clean``)
run: they are part of how a repository keeps its files, and what one encrypts must not go out plain.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gto_ci.core.errors import Remedies, WrongArguments, quote
from gto_ci.git.output import split_patch
from gto_ci.git.worktree.sandbox import SUBMODULE, Sandbox, file_names

DIFF = ("diff", "--patience", "--binary")
_LINK_DEPTH = 3
_GLOB = re.compile(r"[*?\[]")
_POINTER = re.compile(rb"version https://git-lfs\.github\.com/spec/v1\n")
_POINTER_CHANGED = re.compile(rb"^\+oid sha256:[0-9a-f]{64}\r?$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which untracked files belong to a change: ``include``, as a person named them, or all that are not ignored."""

    include: tuple[str, ...] = ()
    untracked: bool = False
    follow_symlinks: bool = False


@dataclass(frozen=True, slots=True)
class CapturedChange:
    """An uncommitted change of the commit ``base``.

    ``tree`` is the id of the work tree that it leads to, ``left_out`` the untracked files that do not
    belong to it, ``notes`` what a person has to know: what the patch says, and does not carry.
    """

    base: str
    tree: str
    patch: bytes
    left_out: tuple[str, ...]
    notes: tuple[str, ...]


def capture(
    sandbox: Sandbox, base: str, selection: Selection, folder: Path, *, partial: bool = False
) -> CapturedChange:
    """Return the change of the commit ``base`` that the work tree holds, staged or not.

    ``folder`` is what the names in ``selection`` are relative to; ``partial``: objects may have to be
    fetched first.

    Raises:
        WrongArguments: a file to include is not there, or not inside the repository.
        GitError: git cannot read the work tree.
    """
    untracked = sandbox.untracked("--exclude-standard")
    chosen = _choose(sandbox, selection, folder, untracked)
    index = sandbox.copy_index()
    sandbox.git("add", "--update", index=index)
    tracked = tree = _write_tree(sandbox, index)
    if chosen:
        names = b"".join(os.fsencode(name) + b"\0" for name in chosen)
        options = ("--force", "--pathspec-from-file=-", "--pathspec-file-nul")
        sandbox.git("add", *options, stdin=names, index=index, GIT_LITERAL_PATHSPECS="1")
        tree = _write_tree(sandbox, index)
    if partial:  # git fetches what it lacks; where nobody's settings count it could not
        sandbox.git(*DIFF, base, tree)
    patch = sandbox.neutral(*DIFF, base, tracked)
    if tree != tracked:
        patch += _in_order(sandbox, tracked, tree, chosen)
    taken = set(chosen)
    left_out = tuple(name for name in untracked if name not in taken)
    return CapturedChange(base, tree, patch, left_out, tuple(_notes(sandbox, base, tree, patch)))


def _write_tree(sandbox: Sandbox, index: Path) -> str:
    # without the option a partial clone would fetch every file
    return sandbox.git("write-tree", "--missing-ok", index=index).decode().strip()


def _in_order(sandbox: Sandbox, tracked: str, tree: str, chosen: Sequence[str]) -> bytes:
    """The patch that adds the chosen files, in the order in which they were chosen.

    What is in their way goes first: git does not see that it is gone where a link to itself is in its folder's place.
    """
    parts = split_patch(sandbox.neutral(*DIFF, "--no-renames", tracked, tree))
    by_name = dict(zip([change.path for change in sandbox.changes(tracked, tree)], parts, strict=True))
    added = [by_name.pop(name) for name in chosen if name in by_name]
    return b"".join([*by_name.values(), *added])


def _choose(sandbox: Sandbox, selection: Selection, folder: Path, untracked: Sequence[str]) -> list[str]:
    """The untracked files that belong to the change, each once, in the order in which they were named."""
    chosen: dict[str, None] = {}
    for name in selection.include:
        for path in _named(sandbox, name, folder, untracked):
            chosen[path] = None
            if selection.follow_symlinks:
                chosen.update(dict.fromkeys(_behind(sandbox, path, untracked)))
    if selection.untracked:
        chosen.update(dict.fromkeys(name for name in untracked if not name.endswith("/")))
    return list(chosen)


def _named(sandbox: Sandbox, name: str, folder: Path, untracked: Sequence[str]) -> list[str]:
    """The files that a person means by ``name``: a file, all untracked ones in a folder, or those of a pattern."""
    if not name or "\0" in name:
        raise WrongArguments(f"{quote(name)} is no name of a file", Remedies.NAME_UNTRACKED_FILE)
    path = _inside(sandbox, name, folder)
    place = sandbox.root / path
    if os.path.lexists(place):
        for above in list(Path(path).parents)[:-1]:
            if (sandbox.root / above).is_symlink():
                raise WrongArguments(f"{quote(name)} lies behind the symbolic link {quote(above)}", "Name its target")
        if place.is_symlink() or not place.is_dir():
            return [path]
        return _in_folder(sandbox, path, untracked) or _nothing(name, "holds no untracked file")
    if _GLOB.search(name):
        return sandbox.untracked("--exclude-standard", "--", f":(top,glob){path}") or _nothing(
            name, "matches no untracked file"
        )
    return _nothing(name, "does not exist")


def _nothing(name: str, why: str) -> list[str]:
    raise WrongArguments(f"{quote(name)} {why}", "'git status' lists the untracked files")


def _inside(sandbox: Sandbox, name: str, folder: Path) -> str:
    """The path of ``name`` relative to the root, which it must not leave."""
    place = os.path.normpath(os.path.join(os.path.realpath(folder), name))  # noqa: PTH118  a link stays a link
    path = os.path.relpath(place, os.path.realpath(sandbox.root))
    first = path.split(os.sep, 1)[0]
    if first in (os.pardir, ".git") or os.path.isabs(path):  # noqa: PTH117
        raise WrongArguments(
            f"{quote(name)} is not located in the source directory", "Name a file inside the work tree"
        )
    return path.replace(os.sep, "/")


def _in_folder(sandbox: Sandbox, path: str, untracked: Sequence[str]) -> list[str]:
    prefix = "" if path == "." else f"{path}/"
    found = [name for name in untracked if name.startswith(prefix) and not name.endswith("/")]
    # a folder that is ignored as a whole, and was named all the same, is meant
    return found or [name for name in sandbox.untracked("--", f":(top,literal){path}") if not name.endswith("/")]


def _behind(sandbox: Sandbox, path: str, untracked: Sequence[str]) -> list[str]:
    """What the symbolic link ``path`` leads to, step by step."""
    found: list[str] = []
    place = sandbox.root / path
    for _ in range(_LINK_DEPTH):
        if not place.is_symlink():
            return found
        target = str(place.readlink())
        if os.path.isabs(target):  # noqa: PTH117
            raise WrongArguments(
                f"The symbolic link {quote(path)} leads to the absolute path {quote(target)}", "Make it relative"
            )
        inside = _inside(sandbox, target, place.parent)
        place = sandbox.root / inside
        if place.is_dir() and not place.is_symlink():
            return [*found, *_in_folder(sandbox, inside, untracked)]
        if not os.path.lexists(place):
            raise WrongArguments(
                f"The symbolic link {quote(path)} leads to nothing: {quote(inside)}", "Make its target"
            )
        found.append(inside)
    if place.is_symlink():
        raise WrongArguments(f"{quote(path)} is a chain of more than {_LINK_DEPTH} symbolic links", "Shorten it")
    return found


def _notes(sandbox: Sandbox, base: str, tree: str, patch: bytes) -> Iterable[str]:
    """What the patch says and does not carry: commits and changes of submodules, content in Git LFS."""
    changes = sandbox.changes(base, tree) if b"160000" in patch or _POINTER_CHANGED.search(patch) else []
    for change in changes:
        if SUBMODULE in (change.mode, change.old_mode) and not change.removed:
            yield (
                f"Submodule {quote(change.path)}: the patch says that it is at {change.new}, "
                "and does not carry that commit; push it to the submodule's own remote"
            )
    if (sandbox.root / ".gitmodules").exists():
        for path in _dirty_submodules(sandbox):
            yield f"Submodule {quote(path)}: it has uncommitted changes of its own, which the patch does not carry"
    if _POINTER_CHANGED.search(patch):
        blobs = [change for change in changes if change.mode.startswith("100")]
        for change, found in zip(blobs, _small(sandbox, [one.new for one in blobs]), strict=True):
            if _POINTER.match(found):
                yield (
                    f"Git LFS: the patch carries the pointer of {quote(change.path)}, and not its content; "
                    "'git lfs push' brings that to the server"
                )


def _dirty_submodules(sandbox: Sandbox) -> list[str]:
    status = sandbox.git("status", "--porcelain=v2", "-z", "--no-renames", "--ignore-submodules=none")
    found = []
    for entry in file_names(status):
        fields = entry.split(" ", 8)
        if fields[0] == "1" and fields[2][0] == "S" and set(fields[2][2:]) != {"."}:
            found.append(fields[8])
    return found


def _small(sandbox: Sandbox, oids: Sequence[str]) -> list[bytes]:
    """The content of blobs, nothing for those too large to be a pointer."""
    listed = sandbox.git("cat-file", "--batch-check=%(objectsize)", stdin="".join(f"{oid}\n" for oid in oids).encode())
    sizes = [int(line) for line in listed.decode().splitlines()]
    wanted = [oid for oid, size in zip(oids, sizes, strict=True) if size <= 1024]
    content = dict(zip(wanted, [sandbox.git("cat-file", "blob", oid) for oid in wanted], strict=True))
    return [content.get(oid, b"") for oid in oids]
