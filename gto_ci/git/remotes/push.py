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

from gto_ci.core.errors import GitError, PushRefused, quote
from gto_ci.core.names import ref_part
from gto_ci.git.output import RemoteTag, parse_ls_remote, parse_ref
from gto_ci.git.remotes.settings import FOR_A_PERSON, retrying
from gto_ci.git.repository import Repository

MARKS = "refs/gto-ci/newest/"

# A ref is no longer as it was, by git's words of the refusal: a listing after it may come from a replica that lags.
_OVERTAKEN = re.compile(r"\[rejected\] \((?:stale info|already exists)\)|is at [0-9a-f]{40,} but expected ")
_LOCKED = re.compile(r"(?i:unable) to create '.*?\.lock': File exists")
_REJECTED = re.compile(r"^!\t\S*:(?P<ref>\S+)\t(?P<reason>.*)$", re.MULTILINE)
_REJECTED_COMMIT = re.compile(r"^!\t[^\t]*\t(?P<reason>.*)$", re.MULTILINE)


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
    refspecs = [f"{oid}:refs/tags/{name}" for name, oid in tags.items()]
    marking = [f"{list(tags.values())[-1]}:{mark.ref}"] if mark else []
    leases = [f"--force-with-lease={mark.ref}:{mark.seen}"] if mark else []
    try:
        _push(repository, remote, [*refspecs, *marking], *leases)
    except GitError as error:
        if not _was_rejected(error):
            raise
        listed = _list(
            repository, remote, [f"refs/tags/{_literal(name)}" for name in tags] + [m.ref for m in [mark] if m]
        )
        there = {tag.name: tag.oid for tag in parse_ls_remote(listed)}
        if {name: there.get(name) for name in tags} == tags:  # taken after all, though the answer was lost
            return
        taken = [name for name, oid in tags.items() if there.get(name, oid) != oid]
        moved = mark is not None and parse_ref(listed, mark.ref) != mark.seen
        raced = bool(taken) or moved or _OVERTAKEN.search(error.stdout + error.stderr) is not None
        if mark and not raced and _only_the_mark(error, mark):
            push_tags(repository, remote, tags)
            return
        raise _refusal(error, remote, taken, raced=raced) from error


def delete_tags(repository: Repository, remote: str, tags: Mapping[str, str]) -> None:
    """Delete ``tags`` (name: id of the object that the remote has) on ``remote``, all of them or none.

    Raises:
        PushRefused: the remote does not let go of them, or they have changed.
        GitError: the remote cannot be reached.
    """
    leases = [f"--force-with-lease=refs/tags/{name}:{oid}" for name, oid in tags.items()]
    try:
        _push(repository, remote, [f":refs/tags/{name}" for name in tags], *leases)
    except GitError as error:
        if not _was_rejected(error):
            raise
        there = {tag.name: tag.oid for tag in remote_tags(repository, remote, list(tags))}
        if not there:
            return
        taken = [name for name, oid in tags.items() if there.get(name, oid) != oid]
        raise _refusal(error, remote, taken) from error


def drop_mark(repository: Repository, remote: str, mark: CounterRef) -> None:
    """Delete ``mark`` on ``remote``, unless it has moved.

    Raises:
        GitError: the remote cannot be reached, or does not let go of it.
    """
    _push(repository, remote, [f":{mark.ref}"], f"--force-with-lease={mark.ref}:{mark.seen}")


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
    command = ["push", "--porcelain", "--no-follow-tags", "--recurse-submodules=no", "--", destination.remote]
    command.append(f"{commit}:{destination.ref}")
    try:
        retrying(lambda: converse(repository, *command), FOR_A_PERSON)
    except GitError as error:
        reasons = [match["reason"] for match in _REJECTED_COMMIT.finditer(error.stdout)]
        if not reasons:
            raise
        listed = retrying(lambda: converse(repository, "ls-remote", "--", destination.remote, destination.ref))
        if parse_ref(listed, destination.ref) == commit:  # taken after all, though the answer was lost
            return
        words = "; ".join([*reasons, *re.findall(r"^remote: *(\S.*?)\s*$", error.stderr, re.MULTILINE)])
        behind = re.search(r"fetch first|non-fast-forward", words)
        raise PushRefused(
            f"The remote {quote(destination.remote)} refused: {quote(words, 400)[1:-1]}",
            "Nothing was changed; "
            + ("get its commits first: git pull --rebase" if behind else "ask its owner for permission"),
        ) from error


def remote_tags(repository: Repository, remote: str, names: Sequence[str]) -> list[RemoteTag]:
    """Return those of the tags ``names`` that ``remote`` has.

    Raises:
        GitError: the remote cannot be reached.
    """
    listed = _list(repository, remote, [f"refs/tags/{_literal(name)}" for name in names])
    return [tag for tag in parse_ls_remote(listed) if tag.name in names]


def _list(repository: Repository, remote: str, patterns: Sequence[str]) -> bytes:
    return retrying(lambda: converse(repository, "ls-remote", "--", remote, *patterns), FOR_A_PERSON)


def _push(repository: Repository, remote: str, refspecs: Sequence[str], *options: str) -> None:
    command = ["push", "--porcelain", "--no-follow-tags", "--recurse-submodules=no", *options]
    atomic = ["--atomic"] if len(refspecs) > 1 else []

    def attempt() -> None:
        try:
            converse(repository, *command, *atomic, "--", remote, *refspecs)
        except GitError as error:
            if "does not support --atomic" not in error.stderr:
                raise
            converse(repository, *command, "--", remote, *refspecs)

    retrying(attempt, FOR_A_PERSON)


def converse(repository: Repository, *args: str) -> bytes:
    """Run ``git ARGS``, which talks to a remote, within the time that the caller's environment allows.

    Raises:
        GitError: git failed, or it took longer.
    """
    runner = repository.runner.patient()
    return runner.run(args, repository.root, timeout=runner.network_timeout)


def _was_rejected(error: GitError) -> bool:
    return _REJECTED.search(error.stdout) is not None


def _only_the_mark(error: GitError, mark: CounterRef) -> bool:
    """Tell whether the remote objects to the mark, and to the tags only because they came with it."""
    refused = {m["ref"] for m in _REJECTED.finditer(error.stdout) if "atomic" not in m["reason"]}
    return refused == {mark.ref}


def _refusal(error: GitError, remote: str, taken: Sequence[str], *, raced: bool = False) -> PushRefused:
    reasons = {match["reason"] for match in _REJECTED.finditer(error.stdout) if "atomic" not in match["reason"]}
    said = re.findall(r"^remote: *(\S.*?)\s*$", error.stderr, re.MULTILINE)
    words = "; ".join([*sorted(reasons), *said]) or error.cause
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
