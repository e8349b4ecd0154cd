"""A commit of one file, which leaves all other changes of the user alone.

First the commit's objects are written, which are not visible. Then one git process makes the commit visible. It has its
own session, so it finishes even if we are killed: the repository is in the old state or in the new one.
"""

from __future__ import annotations

import os
import posixpath
import re
import shlex
from dataclasses import dataclass

from gto_ci.core.errors import GitError, GtoError, quote
from gto_ci.git.process import QUIET
from gto_ci.git.repository import Repository

_LINK = "120000"  # git's mode of a symbolic link
_NO_IDENTITY = re.compile(r"ident|user\.(name|email)", re.IGNORECASE)
_IN_PROGRESS = {"MERGE_HEAD": "merge", "CHERRY_PICK_HEAD": "cherry-pick"}


@dataclass(frozen=True, slots=True)
class Head:
    """The checkout: its ``commit`` (None before the first one) and ``branch`` (None if HEAD is detached).

    ``bare``: there is no working tree.
    """

    commit: str | None
    branch: str | None
    bare: bool


def read_head(repository: Repository) -> Head:
    """Return the checked-out commit and branch.

    Raises:
        GitError: git cannot read the repository.
    """
    bare = repository.rev_parse("--is-inside-work-tree") != ["true"]
    commit = repository.git_or_none("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    ref = repository.git_or_none("symbolic-ref", "--quiet", "HEAD")
    return Head(commit, ref.removeprefix("refs/heads/") if ref else None, bare)


def check_clean(repository: Repository, path: str) -> None:
    """Make sure that ``path`` is the same in HEAD, in the index and in the working tree.

    Raises:
        GtoError: it is not, or a merge is not finished.
        GitError: git cannot read the repository.
    """
    status = repository.git(
        *("status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--ignored", "--"),
        f":(top,literal){path}",
    )
    if status:
        raise GtoError(
            f"The command would have changed files that were not committed: {quote(path)}",
            f"Commit that change first, for example: git commit -m 'Update annotations' -- {shlex.quote(path)}",
        )
    files, _ = repository.paths_and_format(*_IN_PROGRESS)
    for file, what in zip(files, _IN_PROGRESS.values(), strict=True):
        if os.path.lexists(file):
            raise GtoError(f"A {what} is not finished here", f"Finish it: git {what} --continue, or --abort")


def committed_file(repository: Repository, head: Head, path: str) -> bytes | None:
    """Return the content of ``path`` in ``head``, None if there is no such file.

    Raises:
        GtoError: ``path`` is not a plain file.
        GitError: git cannot read the repository.
    """
    folder, name = posixpath.split(path)
    mode, kind, oid = _entries(repository, head, folder).get(name, ("", "", ""))
    if not mode:
        return None
    if kind != "blob" or mode == _LINK:
        raise _no_file(path)
    (found,) = repository.objects([oid])
    return found.data if found else None


def make_commit(repository: Repository, head: Head, path: str, data: bytes, message: str) -> str:
    """Write a commit that changes ``path`` in ``head`` to ``data``, and return its id. No ref points to it yet.

    Git's environment and configuration determine author, committer and signature.

    Raises:
        GtoError: ``path``, or something above it, is not what a file can replace.
        GitError: git knows no identity or no key to sign with, or cannot write.
    """
    blob = repository.git("hash-object", "-w", "--stdin", stdin=data).decode().strip()
    tree = _tree_with(repository, head, path, blob)
    parents = ["-p", head.commit] if head.commit else []
    sign = ["-S"] if repository.git_or_none("config", "--type=bool", "--get", "commit.gpgSign") == "true" else []
    try:
        made = repository.git("commit-tree", *sign, *parents, "-F", "-", tree, stdin=os.fsencode(message))
    except GitError as error:
        if _NO_IDENTITY.search(error.stderr):
            step = "Set your name: git config --global user.name 'Your Name', and user.email likewise"
        else:
            step = "Check user.signingkey and gpg.format" if sign else error.next_step
        raise GitError(error.command, error.returncode, error.stdout, error.stderr, step) from error
    return made.decode().strip()


def make_visible(repository: Repository, head: Head, commit: str, action: str) -> None:
    """Move the branch, the index and the changed files from ``head`` to ``commit``, in one git process.

    ``action`` goes into the reflog. Other changes stay, staged or not.

    Raises:
        GitError: HEAD or a file has changed in the meantime; then nothing else is changed.
    """
    if head.bare:
        _run_to_its_end(
            repository, ["update-ref", "-m", action, "HEAD", commit, head.commit or "0" * len(commit)], action
        )
    else:
        fast_forward(repository, commit, action)


def fast_forward(repository: Repository, commit: str, action: str) -> None:
    """Move the checked-out branch, the index and the changed files on to ``commit``; see :func:`make_visible`.

    Raises:
        GitError: HEAD is not before ``commit``, or a file has changed in the meantime; then nothing else is changed.
    """
    options = ("--ff-only", "--quiet", "--no-squash", "--no-stat", "--no-autostash", "--no-verify-signatures")
    _run_to_its_end(repository, ["merge", *options, commit], action)


def _run_to_its_end(repository: Repository, command: list[str], action: str) -> None:
    # the merge only delivers a commit, so the user's hooks and settings for merges do not apply
    repository.runner.with_config(*QUIET).run(
        command,
        repository.root,
        environ={"GIT_REFLOG_ACTION": action},
        detached=True,
        next_step="Something else changed this repository at the same time; look at 'git status', and run it again",
    )


def _tree_with(repository: Repository, head: Head, path: str, blob: str) -> str:
    """Write HEAD's tree with the file ``path`` replaced or added, and return its id. Inner folders come first."""
    mode, kind, oid = "100644", "blob", blob
    while path:
        folder, name = posixpath.split(path)
        entries = _entries(repository, head, folder)
        old = entries.get(name)
        if old is not None and (old[1] != kind or old[0] == _LINK):
            raise _no_file(path)
        entries[name] = (old[0] if old else mode, kind, oid)
        text = "".join(" ".join(entry) + f"\t{name}\0" for name, entry in entries.items())
        oid = repository.git("mktree", "-z", "--missing", stdin=os.fsencode(text)).decode().strip()
        path, mode, kind = folder, "040000", "tree"
    return oid


def _entries(repository: Repository, head: Head, folder: str) -> dict[str, tuple[str, str, str]]:
    """Return mode, type and id of each entry of ``folder`` in ``head``, by name; nothing if there is no such folder."""
    tree = f"{head.commit}:{folder}"
    if head.commit is None or (folder and repository.objects([tree]) == [None]):
        return {}
    listed = repository.git("ls-tree", "-z", "--full-tree", tree).decode(errors="surrogateescape")
    entries: dict[str, tuple[str, str, str]] = {}
    for line in filter(None, listed.split("\0")):
        about, _, name = line.partition("\t")
        mode, kind, oid = about.split(" ")
        entries[name] = (mode, kind, oid)
    return entries


def _no_file(path: str) -> GtoError:
    return GtoError(f"{quote(path)} is not a plain file in the current commit", "Commit it as a file first")
