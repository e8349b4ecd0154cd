"""Pushing tags, never over what the remote has.

A tag is pushed by its object's id, so it need not have a ref here yet. A tag that exists on the
remote as another object is left alone, by git's client and, if it came into being in the meantime,
by its server. Deletions name the object that they expect.

Two writers could still mint one counter for tags of different names, ``m#dev#4`` and ``m#prod#4``.
So a push of counted tags also moves the artifact's mark, a ref of its own
(:func:`mark_of`), from where it was when the tags were listed to the new tag: of two pushes that
start from the same list the remote takes one.

A remote writes the refs of a push one after the other, and lists refs while it does, so the mark may
be seen before its tag. Therefore the counter of the tag that the mark points to counts too, whether
that tag is listed or not: each mark's counter is greater than that of the mark before it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from gto_ci.core.errors import GitError, PushRefused, quote
from gto_ci.core.names import ref_part
from gto_ci.git.output import parse_push_rejections, parse_ref, parse_remote_messages
from gto_ci.git.remotes.settings import retrying
from gto_ci.git.repository import Repository

MARKS = "refs/gto-ci/newest/"
_TAGS = "refs/tags/"

# A ref is no longer as it was, by git's words of the refusal: a listing after it may come from a replica that lags.
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
    """An artifact's mark on the remote: the ref, and the id that it held when the tags were listed, or "".

    ``unlisted`` is the counter of the tag that it points to, where that tag was not listed; else 0.
    """

    ref: str
    seen: str
    unlisted: int = 0


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a branch is pushed to: a remote's name, and the full name of the branch there.

    ``address`` is what to call the remote before a person, if not by its name.
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
    """Return the ref that points to the newest counted tag of ``artifact`` that was pushed by us."""
    return MARKS + ref_part(artifact)


def push_tags(repository: Repository, remote: str, tags: Mapping[str, str], mark: CounterRef | None = None) -> None:
    """Make ``tags`` (name: id of the object) on ``remote``, a remote's name or URL: all of them or none.

    ``mark`` moves to the last of them. A remote that has no place for such refs gets the tags alone.

    Raises:
        PushRefused: the remote does not take them; ``raced`` if somebody else's came first, and
            ``taken`` are those that it has as other objects.
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
        # the remote may object to the mark, and to the tags only because they came with it
        if mark and not raced and report.causes.keys() == {mark.ref}:
            push_tags(repository, remote, tags)
            return
        raise _tags_refused(report.text or error.cause, remote, taken, raced=raced) from error


def delete_tags(repository: Repository, remote: str, tags: Mapping[str, str]) -> None:
    """Delete ``tags`` (name: id of the object that the remote has) on ``remote``, all of them or none.

    Raises:
        PushRefused: the remote does not let go of them, or they have changed.
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
        GitError: the remote cannot be reached, or does not let go of it.
    """
    deleting = [RefUpdate(mark.ref, mark.seen, "")]
    _push(repository, remote, deleting, leased=deleting)


def find_destination(repository: Repository, branch: str) -> Destination:
    """Return where ``branch`` is pushed to: its push remote, or its upstream, or its name on the remote.

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
    """Make ``commit`` the head of a remote's branch, if that is a step forward for it.

    Raises:
        PushRefused: the remote does not take it.
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
    """Return those of the tags ``names`` that ``remote`` has, with the ids of their objects.

    Raises:
        GitError: the remote cannot be reached.
    """
    found = _list(repository, remote, [f"{_TAGS}{name}" for name in names])
    return {ref.removeprefix(_TAGS): oid for ref, oid in found.items() if oid}


def _list(repository: Repository, remote: str, refs: Sequence[str]) -> dict[str, str]:
    """Return the ids of ``refs`` on ``remote``, "" for each that it does not have."""
    patterns = [_literal(ref) for ref in refs]
    listed = retrying(lambda: _converse(repository, "ls-remote", "--", remote, *patterns))
    return {ref: parse_ref(listed, ref) for ref in refs}


def _push(
    repository: Repository, remote: str, updates: Sequence[RefUpdate], *, leased: Sequence[RefUpdate] = ()
) -> None:
    """Push ``updates``, all or none; the remote refuses those ``leased`` that do not have their old id any more."""
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
    """Run ``git ARGS``, which talks to a remote, within the time that the caller's environment allows."""
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
    """Return the names of the tags that the remote has, and as other objects than ``updates`` say."""
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
        return PushRefused(f"{where}: somebody else pushed a tag of this artifact first", "Try again", taken, raced)
    if locked := _LOCKED.search(words):
        step = "Another push may be at work: try again, and if it stays, its owner has to remove that .lock file"
        return PushRefused(f"{where}: {quote(locked[0], 400)[1:-1]}", step)
    return PushRefused(f"{where}: {quote(words, 400)[1:-1]}", "Nothing was changed; ask its owner for permission")


def _literal(name: str) -> str:
    # in a pattern of ls-remote these would be wildcards; no tag of the registry holds them, but a name may be any
    return re.sub(r"([*?\[\\])", r"\\\1", name)
