"""Pushes of tags and branches, which never overwrite what the remote has.

A tag is pushed by the id of its object, so it need not have a ref here yet. If the tag exists on the remote as another
object, git's client refuses to push it, or the server does if the tag is new. Deletions name the object that they
expect.

Two writers could still give one counter to tags with different names, ``m#dev#4`` and ``m#prod#4``. So a push of tags
with counters also moves the artifact's mark, a ref of its own (:func:`mark_of`), to the new tag. The push names the
mark's value at the time when the tags were listed. So the remote accepts only one of two pushes that start from the
same listing.

A remote writes the refs of a push one after another, and answers listings meanwhile, so a listing may contain the mark
without its tag. Therefore the counter of the tag that the mark points to counts too, even if the tag is not listed.
Counters of a mark only grow.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from gto_ci.core.errors import GitError, PushRefused, quote
from gto_ci.core.names import ref_part
from gto_ci.git.output import parse_push_rejections, parse_ref, parse_remote_messages
from gto_ci.git.remotes.network_retries import retrying
from gto_ci.git.repository import Repository

MARKS = "refs/gto-ci/newest/"
_TAGS = "refs/tags/"

# Git's messages if a ref has changed meanwhile. A listing may not show the change, if a replica that lags answers.
_OVERTAKEN = re.compile(r"\[rejected\] \((?:stale info|already exists)\)|is at [0-9a-f]{40,} but expected ")
_LOCKED = re.compile(r"(?i:unable) to create '.*?\.lock': File exists")


class RefUpdate(NamedTuple):
    """One ref of a remote, the id that it has, and the id that it is to have; "" for none."""

    ref: str
    old: str
    new: str


class PushReport(NamedTuple):
    """A remote's answer to a push: the reason for each ref that it rejected, and its messages for a person."""

    rejections: Mapping[str, str]
    messages: Sequence[str]

    @property
    def causes(self) -> dict[str, str]:
        """The rejections, without the refs that were rejected only because another one was."""
        return {ref: reason for ref, reason in self.rejections.items() if "atomic" not in reason}

    @property
    def text(self) -> str:
        """The reasons and messages in one line, "" if there are none."""
        return "; ".join([*sorted(set(self.causes.values())), *self.messages])


@dataclass(frozen=True, slots=True)
class CounterRef:
    """An artifact's mark on the remote: the ref, and its id when the tags were listed, "" if there was none.

    ``unlisted`` is the counter of the tag that it points to, if that tag was not listed; else 0.
    """

    ref: str
    seen: str
    unlisted: int = 0


@dataclass(frozen=True, slots=True)
class Destination:
    """The target of a push: a remote's name, and the full name of the branch there.

    ``address`` is the remote's name in messages, if it is another one.
    """

    remote: str
    ref: str
    address: str = ""


def is_done(updates: Sequence[RefUpdate], there: Mapping[str, str]) -> bool:
    """Tell whether a remote whose refs are ``there`` has made all ``updates``.

    After a push that failed, this means that only the remote's answer was lost.
    """
    return all(there.get(update.ref, "") == update.new for update in updates)


def mark_of(artifact: str) -> str:
    """Return the ref of the mark of ``artifact``, which points to its newest tag with a counter that we pushed."""
    return MARKS + ref_part(artifact)


def push_tags(repository: Repository, remote: str, tags: Mapping[str, str], mark: CounterRef | None = None) -> None:
    """Create ``tags`` (name: id of the object) on ``remote``, a remote's name or URL: all of them, or none.

    ``mark`` moves to the last tag. If the remote refuses such refs, only the tags are pushed.

    Raises:
        PushRefused: the remote refuses. ``raced``: another writer pushed first. ``taken``: the tags that the remote
            has as other objects.
        GitError: the remote cannot be reached.
    """
    creating = [RefUpdate(f"{_TAGS}{name}", "", oid) for name, oid in tags.items()]
    moving = [RefUpdate(mark.ref, mark.seen, creating[-1].new)] if mark else []
    try:
        _push(repository, remote, [*creating, *moving], leased=moving)
    except GitError as error:
        report, there = read_report(error), _list(repository, remote, [update.ref for update in (*creating, *moving)])
        if is_done(creating, there):
            return
        taken = _changed(creating, there)
        moved = mark is not None and there[mark.ref] != mark.seen
        raced = bool(taken) or moved or _OVERTAKEN.search(error.stdout + error.stderr) is not None
        # the remote may refuse the mark, and the tags only because they came with it
        if mark and not raced and report.causes.keys() == {mark.ref}:
            push_tags(repository, remote, tags)
            return
        raise _tags_refused(report.text or error.cause, remote, taken, raced=raced) from error


def delete_tags(repository: Repository, remote: str, tags: Mapping[str, str]) -> None:
    """Delete ``tags`` (name: id of the remote's object) on ``remote``: all of them, or none.

    Raises:
        PushRefused: the remote refuses, or a tag has changed.
        GitError: the remote cannot be reached.
    """
    deleting = [RefUpdate(f"{_TAGS}{name}", oid, "") for name, oid in tags.items()]
    try:
        _push(repository, remote, deleting, leased=deleting)
    except GitError as error:
        report, there = read_report(error), _list(repository, remote, [update.ref for update in deleting])
        if not is_done(deleting, there):
            raise _tags_refused(report.text or error.cause, remote, _changed(deleting, there)) from error


def drop_mark(repository: Repository, remote: str, mark: CounterRef) -> None:
    """Delete ``mark`` on ``remote``, unless it has moved.

    Raises:
        GitError: the remote cannot be reached, or refuses.
    """
    deleting = [RefUpdate(mark.ref, mark.seen, "")]
    _push(repository, remote, deleting, leased=deleting)


def find_destination(repository: Repository, branch: str) -> Destination:
    """Return the target for a push of ``branch``: its push remote, else its upstream, else its name on the remote.

    Raises:
        GitError: git cannot read the configuration.
    """
    for key in (f"branch.{branch}.pushRemote", "remote.pushDefault"):
        remote = repository.git_or_none("config", "--get", key)
        if remote:
            return Destination(remote, f"refs/heads/{branch}")
    remote = repository.git_or_none("config", "--get", f"branch.{branch}.remote")
    ref = repository.git_or_none("config", "--get", f"branch.{branch}.merge")
    if remote and remote != "." and ref:
        return Destination(remote, ref)
    return Destination(repository.remote_name(), f"refs/heads/{branch}")


def push_commit(repository: Repository, commit: str, destination: Destination) -> None:
    """Move a remote's branch forward to ``commit``.

    Raises:
        PushRefused: the remote refuses, or has other commits.
        GitError: the remote cannot be reached.
    """
    remote, moving = destination.remote, [RefUpdate(destination.ref, "", commit)]
    try:
        _push(repository, remote, moving)
    except GitError as error:
        report = read_report(error)
        if is_done(moving, _list(repository, remote, [destination.ref])):
            return
        behind = re.search(r"fetch first|non-fast-forward", report.text)
        raise PushRefused(
            f"The remote {quote(remote)} refused: {quote(report.text, 400)[1:-1]}",
            "Nothing was changed; "
            + ("get its commits first: git pull --rebase" if behind else "ask its owner for permission"),
        ) from error


def remote_tags(repository: Repository, remote: str, names: Sequence[str]) -> dict[str, str]:
    """Return the ids of the tags ``names`` on ``remote``, without those that it does not have.

    Raises:
        GitError: the remote cannot be reached.
    """
    found = _list(repository, remote, [f"{_TAGS}{name}" for name in names])
    return {ref.removeprefix(_TAGS): oid for ref, oid in found.items() if oid}


def _list(repository: Repository, remote: str, refs: Sequence[str]) -> dict[str, str]:
    """Return the ids of ``refs`` on ``remote``, "" for each that does not exist there."""
    patterns = [_literal(ref) for ref in refs]
    listed = retrying(lambda: _converse(repository, "ls-remote", "--", remote, *patterns))
    return {ref: parse_ref(listed, ref) for ref in refs}


def _push(
    repository: Repository, remote: str, updates: Sequence[RefUpdate], *, leased: Sequence[RefUpdate] = ()
) -> None:
    """Push ``updates``, all or none. The remote refuses if one of ``leased`` no longer has its old id."""
    leases = [f"--force-with-lease={update.ref}:{update.old}" for update in leased]
    command = ["push", "--porcelain", "--no-follow-tags", "--recurse-submodules=no", *leases]
    atomic = ["--atomic"] if len(updates) > 1 else []
    refspecs = [f"{update.new}:{update.ref}" for update in updates]

    def attempt() -> None:
        try:
            _converse(repository, *command, *atomic, "--", remote, *refspecs)
        except GitError as error:
            if "does not support --atomic" not in error.stderr:
                raise
            _converse(repository, *command, "--", remote, *refspecs)

    retrying(attempt)


def _converse(repository: Repository, *args: str) -> bytes:
    """Run ``git ARGS``, which talks to a remote, with the time limit for that."""
    runner = repository.runner.patient()
    return runner.run(args, repository.root, timeout=runner.network_timeout)


def read_report(error: GitError) -> PushReport:
    """Return the report in the output of a push that failed.

    Raises:
        GitError: ``error`` again, if the remote rejected nothing.
    """
    report = PushReport(parse_push_rejections(error.stdout), parse_remote_messages(error.stderr))
    if not report.rejections:
        raise error
    return report


def _changed(updates: Sequence[RefUpdate], there: Mapping[str, str]) -> list[str]:
    """Return the names of the tags that exist on the remote as other objects than ``updates`` say."""
    return [
        update.ref.removeprefix(_TAGS) for update in updates if there[update.ref] not in ("", update.old, update.new)
    ]


def _tags_refused(words: str, remote: str, taken: Sequence[str], *, raced: bool = False) -> PushRefused:
    where = f"The remote {quote(remote)} refused"
    if taken:
        tags = ", ".join(quote(tag) for tag in taken)
        return PushRefused(
            f"{where}: it has {tags} already, as another object", "Fetch its tags: git fetch --tags", taken, raced
        )
    if raced:
        return PushRefused(f"{where}: another writer pushed a tag of this artifact first", "Try again", taken, raced)
    if locked := _LOCKED.search(words):
        step = "Another push may be at work: try again, and if it stays, its owner has to remove that .lock file"
        return PushRefused(f"{where}: {quote(locked[0], 400)[1:-1]}", step)
    return PushRefused(f"{where}: {quote(words, 400)[1:-1]}", "Nothing was changed; ask its owner for permission")


def _literal(name: str) -> str:
    # these characters are wildcards in a pattern of ls-remote; a name may be any text
    return re.sub(r"([*?\[\\])", r"\\\1", name)
