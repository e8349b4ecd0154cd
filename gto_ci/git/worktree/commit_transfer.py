"""Commits on their way from one clone to another: as a mailbox, and as a bundle.

Git Ghost stores a mailbox (``git log --pretty=email``). It does not name committers, so commits that are made from it
have other ids. We store a bundle too (gitformat-bundle(5)), which contains the commits themselves. A commit's id is a
hash of its content and of all commits before it. So a bundle with the requested id has not been tampered with.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from gto_ci.core.errors import DoesNotApply, GhostRefused, GitError, quote
from gto_ci.git.worktree.apply import apply_to_tree
from gto_ci.git.worktree.sandbox import Sandbox

_BUNDLE_REF = "refs/heads/ghost"
_MAILBOX = ("log", "-p", "--reverse", "--pretty=email", "--stat", "-m", "--first-parent", "--binary")
_DATE = re.compile(rb"^Date: (.*)$", re.MULTILINE)
_QUIET_FSCK = "missingEmail=ignore,badTimezone=ignore,zeroPaddedFilemode=ignore,missingSpaceBeforeDate=ignore"


@dataclass(frozen=True, slots=True)
class Commits:
    """Packed commits: a mailbox and a bundle."""

    mailbox: bytes
    bundle: bytes


def pack_commits(sandbox: Sandbox, start: str, end: str, *, partial: bool = False) -> Commits:
    """Return the commits after ``start`` up to ``end``. ``partial``: the repository may have to fetch objects first.

    Raises:
        GitError: git cannot read all of them, for example because the repository is shallow.
    """
    if partial:
        sandbox.git(*_MAILBOX, f"{start}..{end}")
    mailbox = sandbox.neutral(*_MAILBOX, f"{start}..{end}")
    wanted = f"{end}\n^{start}\n".encode()
    pack = sandbox.git("pack-objects", "--revs", "--thin", "--stdout", "-q", "--delta-base-offset", stdin=wanted)
    return Commits(mailbox, _bundle_head(start, end) + pack)


def _bundle_head(start: str, end: str) -> bytes:
    version = "# v2 git bundle\n" if len(end) == 40 else "# v3 git bundle\n@object-format=sha256\n"
    return f"{version}-{start} \n{end} {_BUNDLE_REF}\n\n".encode()


def unbundle(sandbox: Sandbox, start: str, end: str, bundle: bytes) -> bytes:
    """Store the commits of ``bundle`` in the scratch repository, and return its pack.

    Raises:
        GhostRefused: its commits are broken, or are not those after ``start`` up to ``end``.
    """
    head, divider, pack = bundle.partition(b"\n\n")
    lines = head.decode(errors="replace").split("\n")
    if not divider or not lines[0].startswith("# v"):
        raise GhostRefused("its bundle is not a bundle of git")
    needs = [line[1:].partition(" ")[0] for line in lines[1:] if line.startswith("-")]
    tips = [line.partition(" ")[0] for line in lines[1:] if line[:1] not in ("-", "@")]
    if tips != [end] or needs != [start]:
        raise GhostRefused("its bundle is of other commits")
    git = sandbox.scratch.git
    try:
        git.git("index-pack", "--stdin", "--fix-thin", f"--strict={_QUIET_FSCK}", stdin=pack)
        git.git("rev-list", "--objects", "--quiet", end, f"^{start}")
        whole = git.is_ancestor(start, end)
    except GitError as error:
        raise GhostRefused(f"its bundle is broken: {error.cause}") from error
    if not whole:
        raise GhostRefused("its bundle is of other commits")
    return pack


def replay(sandbox: Sandbox, start: str, mailbox: bytes, *, three_way: bool = False) -> str:
    """Make a commit of each mail in ``mailbox``, one after another on top of ``start``, and return the last one.

    This does the same as ``git am``, but in the scratch repository: no file and no branch changes.

    Raises:
        GhostRefused: a mail is broken, or writes where a patch may not.
        DoesNotApply: a patch does not apply.
    """
    folder = sandbox.scratch_area.file("mails")
    folder.mkdir()
    box = sandbox.scratch_area.file("mailbox")
    box.write_bytes(mailbox)
    sandbox.scratch.neutral.git("mailsplit", "--keep-cr", f"-o{folder}", "--", str(box))
    commit = start
    for mail in sorted(folder.iterdir()):
        commit = _replay_one(sandbox, commit, mail, three_way=three_way)
    return commit


def _replay_one(sandbox: Sandbox, parent: str, mail: Path, *, three_way: bool) -> str:
    message, patch = sandbox.scratch_area.file("message"), sandbox.scratch_area.file("patch")
    try:
        info = sandbox.scratch.neutral.git("mailinfo", "-b", str(message), str(patch), stdin=mail.read_bytes())
    except GitError as error:
        raise GhostRefused(f"mail {mail.name} in its mailbox is broken: {error.cause}") from error
    fields = dict(line.partition(": ")[::2] for line in info.decode(errors="surrogateescape").splitlines())
    if not fields.get("Date"):
        raise GhostRefused(f"mail {mail.name} in its mailbox has no date")
    subject = fields.get("Subject", "")
    try:
        tree = apply_to_tree(sandbox, parent, patch.read_bytes(), three_way=three_way)
    except DoesNotApply as error:
        raise DoesNotApply(f"The commit {quote(subject)} does not apply. {error.cause}", error.next_step) from error
    body = message.read_bytes()
    text = subject.encode(errors="surrogateescape") + (b"\n\n" + body if body.strip() else b"\n")
    author = {
        "GIT_AUTHOR_NAME": fields.get("Author") or "unknown",
        "GIT_AUTHOR_EMAIL": fields.get("Email", ""),
        "GIT_AUTHOR_DATE": fields["Date"],
    }
    runner = sandbox.scratch.git.runner
    made = runner.run(["commit-tree", "-p", parent, "-F", "-", tree], sandbox.scratch.root, stdin=text, environ=author)
    return made.decode().strip()


def pack_new(sandbox: Sandbox, start: str, end: str) -> bytes:
    """Return a thin pack of the scratch repository's commits after ``start`` up to ``end``."""
    wanted = f"{end}\n^{start}\n".encode()
    return sandbox.scratch.git.git("pack-objects", "--revs", "--thin", "--stdout", "-q", stdin=wanted)
