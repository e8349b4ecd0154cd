"""The files in the commits of branches, read in a few processes for any number of commits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum

from gto_ci.git.output import parse_raw_diff
from gto_ci.git.repository import Repository

# By the length of ids. Git knows the empty tree even if the repository does not have it.
_EMPTY_TREES = {
    40: "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    64: "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
}
_RAW = ("--raw", "-z", "--no-renames", "--no-abbrev")

Files = Mapping[str, str]  # the ids of blobs, by path


class Scope(Enum):
    """The commits whose files count: HEAD, the heads of all local branches, or all commits of all local branches."""

    HEAD = "HEAD"
    BRANCHES = "branches"
    COMMITS = "commits"


def files_in(repository: Repository, scope: Scope, pathspecs: Sequence[str]) -> dict[str, Files]:
    """Return the files that match ``pathspecs``, for each commit in ``scope``; with all commits, newest first.

    Raises:
        GitError: git cannot read the repository.
    """
    if scope is not Scope.HEAD:
        repository.fetch("branches" if scope is Scope.BRANCHES else "history")
    if scope is Scope.COMMITS:
        repository.fetch("history")
        return _in_all_commits(repository, pathspecs)
    trees = _head(repository) if scope is Scope.HEAD else _branches(repository)
    return _in_trees(repository, trees, pathspecs)


def changed_files(repository: Repository, old: str, new: str, pathspecs: Sequence[str]) -> list[str]:
    """Return the paths that match ``pathspecs`` and differ between two commits.

    Raises:
        GitError: git cannot read the repository.
    """
    options = ("-r", "-z", "--name-only", "--no-renames")
    listed = repository.git("diff-tree", *options, old, new, "--", *pathspecs)
    return [path.decode(errors="surrogateescape") for path in listed.split(b"\0") if path]


def _head(repository: Repository) -> dict[str, str]:
    commit, tree = repository.objects(["HEAD^{commit}", "HEAD^{tree}"])
    return {commit.oid: tree.oid} if commit and tree else {}  # neither, before the first commit


def _branches(repository: Repository) -> dict[str, str]:
    repository.fetch("branches")
    listed = repository.git("for-each-ref", "--format=%(objectname) %(tree)", "refs/heads").decode()
    pairs = (line.split(" ") for line in listed.splitlines())
    return {commit: tree for commit, tree in pairs if tree}


def _in_trees(repository: Repository, trees: Mapping[str, str], pathspecs: Sequence[str]) -> dict[str, Files]:
    # a tree differs from the empty tree by all its files; unlike ls-tree, one diff-tree reads many trees
    asked = "".join(f"{_EMPTY_TREES[len(tree)]} {tree}\n" for tree in dict.fromkeys(trees.values()))
    if not asked:
        return {}
    output = repository.git("diff-tree", "--stdin", "-r", *_RAW, "--", *pathspecs, stdin=asked.encode())
    found = {header.split(" ")[1]: changes for header, changes in parse_raw_diff(output)}
    return {commit: _applied({}, found.get(tree, ())) for commit, tree in trees.items()}


def _in_all_commits(repository: Repository, pathspecs: Sequence[str]) -> dict[str, Files]:
    # A commit's files are those of its first parent, with its own changes. --sparse keeps the commits that change none
    # of the files, --full-history keeps merged branches that had no effect.
    walk = ("--branches", "--topo-order", "--reverse", "--full-history", "--sparse", "--no-show-signature")
    compare = ("--diff-merges=first-parent", "--root", *_RAW)
    output = repository.git("log", *walk, *compare, "--format=%H %P", "--", *pathspecs)
    found: dict[str, Files] = {}
    for header, changes in parse_raw_diff(output):
        commit, *parents = header.split()
        files = found.get(parents[0], {}) if parents else {}
        found[commit] = _applied(files, changes)
    return dict(reversed(found.items()))


def _applied(files: Files, changes: Iterable[tuple[str, str | None]]) -> Files:
    """Return ``files`` after ``changes``: the same mapping if there are none, as in most commits."""
    changes = list(changes)
    if not changes:
        return files
    after = {**files, **dict(changes)}
    return {path: oid for path, oid in after.items() if oid is not None}
