"""The uncommitted change of a working tree, as a tree and as a patch.

First git stages the working tree, as ``git add`` would, in a separate index and object store. The user's own do not
change. Then git compares the two trees without the user's settings. So the same change gives the same bytes for every
user: those that ``git diff`` prints with git's default settings.

Settings that change git's *output* have no effect on the second step. Settings that change content on its way into git
(line ends, modes) are fixed in the first. Filters (``filter.NAME.clean``) run, because they belong to how a repository
stores its files, and content that a filter encrypts must not be pushed in plain text.
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
    """The untracked files that belong to a change.

    These are the files listed in ``include`` or, with ``untracked``, all that are not ignored. ``follow_symlinks``
    adds the target of a symbolic link in ``include``.
    """

    include: tuple[str, ...] = ()
    untracked: bool = False
    follow_symlinks: bool = False


@dataclass(frozen=True, slots=True)
class CapturedChange:
    """An uncommitted change on top of the commit ``base``.

    ``tree`` is the ID of the resulting tree; ``left_out`` lists the untracked files that do not belong to the change.
    ``notes`` are messages for the user about what the patch mentions but does not contain.
    """

    base: str
    tree: str
    patch: bytes
    left_out: tuple[str, ...]
    notes: tuple[str, ...]


def capture(
    sandbox: Sandbox, base: str, selection: Selection, folder: Path, *, partial: bool = False
) -> CapturedChange:
    """Return the difference between the commit ``base`` and the working tree, staged or not.

    The names in ``selection`` are relative to ``folder``. ``partial``: the repository may have to fetch objects first.

    Raises:
        WrongArguments: a file to include does not exist, or is not inside the repository.
        GitError: git cannot read the working tree.
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
    if partial:  # git fetches missing objects now: without the user's settings it could not
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
    """Return the patch that adds the ``chosen`` files, in this order.

    It first removes tracked files in their place: git still finds such a file if its folder became a link to itself.
    """
    parts = split_patch(sandbox.neutral(*DIFF, "--no-renames", tracked, tree))
    by_name = dict(zip([change.path for change in sandbox.changes(tracked, tree)], parts, strict=True))
    added = [by_name.pop(name) for name in chosen if name in by_name]
    return b"".join([*by_name.values(), *added])


def _choose(sandbox: Sandbox, selection: Selection, folder: Path, untracked: Sequence[str]) -> list[str]:
    """Return the untracked files that belong to the change, each once, in the order of their names' first mention."""
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
    """Return the files that ``name`` means: one file, the untracked files in a folder, or the matches of a pattern."""
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
    """Return the path of ``name`` relative to the root. It must be inside the working tree."""
    place = os.path.normpath(os.path.join(os.path.realpath(folder), name))  # noqa: PTH118  a link stays a link
    path = os.path.relpath(place, os.path.realpath(sandbox.root))
    first = path.split(os.sep, 1)[0]
    if first in (os.pardir, ".git") or os.path.isabs(path):  # noqa: PTH117
        raise WrongArguments(
            f"{quote(name)} is not located in the source directory", "Name a file inside the working tree"
        )
    return path.replace(os.sep, "/")


def _in_folder(sandbox: Sandbox, path: str, untracked: Sequence[str]) -> list[str]:
    prefix = "" if path == "." else f"{path}/"
    found = [name for name in untracked if name.startswith(prefix) and not name.endswith("/")]
    # if only ignored files are in the folder, they are meant
    return found or [name for name in sandbox.untracked("--", f":(top,literal){path}") if not name.endswith("/")]


def _behind(sandbox: Sandbox, path: str, untracked: Sequence[str]) -> list[str]:
    """Return the targets of the symbolic link ``path``, one for each step."""
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
    """Yield what the patch mentions but does not contain: commits and changes of submodules, content in Git LFS."""
    changes = sandbox.changes(base, tree) if b"160000" in patch or _POINTER_CHANGED.search(patch) else []
    for change in changes:
        if SUBMODULE in (change.mode, change.old_mode) and not change.removed:
            yield (
                f"Submodule {quote(change.path)}: the patch records that it is at {change.new}, "
                "and does not contain that commit; push it to the submodule's own remote"
            )
    if (sandbox.root / ".gitmodules").exists():
        for path in _dirty_submodules(sandbox):
            yield f"Submodule {quote(path)}: the patch does not contain its uncommitted changes"
    if _POINTER_CHANGED.search(patch):
        blobs = [change for change in changes if change.mode.startswith("100")]
        for change, found in zip(blobs, _small(sandbox, [one.new for one in blobs]), strict=True):
            if _POINTER.match(found):
                yield (
                    f"Git LFS: the patch contains the pointer of {quote(change.path)}, and not its content; "
                    "'git lfs push' uploads the content"
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
    """Return the content of blobs, nothing for each that is too large for a pointer of Git LFS."""
    listed = sandbox.git("cat-file", "--batch-check=%(objectsize)", stdin="".join(f"{oid}\n" for oid in oids).encode())
    sizes = [int(line) for line in listed.decode().splitlines()]
    wanted = [oid for oid, size in zip(oids, sizes, strict=True) if size <= 1024]
    content = dict(zip(wanted, [sandbox.git("cat-file", "blob", oid) for oid in wanted], strict=True))
    return [content.get(oid, b"") for oid in oids]
