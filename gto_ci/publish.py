"""Publish a change: read the artifact's tags, plan, create the tags, push them, and report.

A change becomes visible as a whole. First the tag objects are written. Then git locks the refs and the artifact. With
``push``, the tags are pushed next. The refs are written here only when the remote has accepted the tags. If another
writer has created a tag in the meantime, here or on the remote, the change is planned again.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from gto_ci.core.errors import ArtifactNotFound, GitError, GtoError, PushRefused, TagProblem, quote
from gto_ci.core.events import Event, TagRecord, read_events
from gto_ci.core.names import Kind, match_tag
from gto_ci.core.registry import not_found
from gto_ci.core.tag_plans import Deprecate, NewTag, Request, State, TagPlan, plan
from gto_ci.files.config import Settings
from gto_ci.git import Repository
from gto_ci.git.process import without_password
from gto_ci.git.write_tags import Tagger, make_tags, prepared
from gto_ci.race_retries import LostRace, Say, retry_lost_races

# The modules for pushes are imported by the functions that push, because most commands do not push.
if TYPE_CHECKING:
    from gto_ci.git.remotes.mirror import RemoteMirror
    from gto_ci.git.remotes.push import CounterRef
    from gto_ci.git.remotes.settings import Remote

TAGS_PER_PUSH = 3  # GitHub creates no events for the tags of a push with more tags, and so starts no workflow
_ARRIVING = (0.1, 0.4)  # seconds to wait for the tags of a push whose mark is visible already


@dataclass(frozen=True, slots=True)
class PublishOptions:
    """How to publish a change. ``say`` is called with each line for a person."""

    push: bool = False
    dry_run: bool = False
    tagger: Tagger = field(default_factory=Tagger)
    say: Say = lambda _: None


def publish(repository: Repository, settings: Settings, request: Request, options: PublishOptions) -> Event | None:
    """Carry out ``request``, and return the event of the last tag that was created, None if there was none.

    Raises:
        GtoError: it cannot be done, and nothing was changed here or on the remote. One exception: if the remote
            refuses a later part of a deletion, the error names the tags that were deleted.
    """
    with _source(repository, options) as source:

        def attempt() -> tuple[TagPlan, Event | None]:
            records = source.records(request.name)
            change = _plan(repository, settings, request, records, source.given)
            if options.dry_run or not change.create:
                return change, None
            made = _create(repository, change, source, options)
            events = read_events([*records, *made])
            return change, next((event for event in events if event.tag == made[-1].name), None)

        change, event = retry_lost_races(attempt, options.say)
        if options.dry_run:
            _announce(change, source, options.say)
        elif not change.create:
            _delete(repository, change, source, options.say)
        return event


@dataclass(slots=True)
class _Source:
    """Where the registry's tags are read and written. ``remote`` is None if nothing is pushed.

    ``at_url``: the repository is at a URL, so its tags are the remote's. ``here`` holds the names of the
    artifact's tags in this repository, as they were read last, and ``unpushed`` those that the remote lacks.
    """

    repository: Repository
    remote: Remote | None = None
    mirror: RemoteMirror | None = None
    at_url: bool = False
    here: frozenset[str] = frozenset()
    unpushed: frozenset[str] = frozenset()

    @property
    def mark(self) -> CounterRef | None:
        """The artifact's mark on the remote when its tags were read; None if nothing is pushed."""
        return self.mirror.mark if self.mirror else None

    @property
    def given(self) -> int:
        """The counter of a tag that was not among those read; 0 for none."""
        return self.mark.unlisted if self.mark else 0

    def records(self, artifact: str) -> list[TagRecord]:
        """Return the tags of ``artifact``, here and on the remote; if a tag differs, the remote's."""
        for pause in _ARRIVING:
            records = self._records(artifact)
            if not self.given:
                return records
            time.sleep(pause)
        return self._records(artifact)  # the mark's tag was deleted, or was never pushed

    def _records(self, artifact: str) -> list[TagRecord]:
        found = {record.name: record for record in self.repository.tag_records(artifact)}
        self.here = frozenset(found)
        if self.mirror is not None and not self.at_url:
            there = {r.name: r for r in self.mirror.fetch_registry(artifact)}
            self.unpushed = self.here - frozenset(there)
            found.update(there)
        return list(found.values())


@contextmanager
def _source(repository: Repository, options: PublishOptions) -> Iterator[_Source]:
    if type(repository) is not Repository:
        from gto_ci.git.remotes.url_repository import UrlRepository

        if isinstance(repository, UrlRepository):
            yield _Source(repository, repository.remote, repository.link.mirror, at_url=True)
            return
    if not options.push:
        yield _Source(repository)
        return
    from gto_ci.git.remotes.mirror import RemoteMirror
    from gto_ci.git.remotes.settings import find_remote

    remote = find_remote(repository)
    if remote is None:
        raise TagProblem(
            f"Cannot push: the repository {quote(repository.root)} has no remote",
            "Add one: git remote add origin URL",
        )
    with RemoteMirror.borrowing(repository, remote) as mirror:
        yield _Source(repository, remote, mirror)


def _plan(
    repository: Repository, settings: Settings, request: Request, records: Sequence[TagRecord], given: int
) -> TagPlan:
    state = State.read(request.name, records, given=given)
    try:
        return plan(request, state)
    except ArtifactNotFound as error:
        if isinstance(request, Deprecate) and request.head and not request.annotated and not request.delete:
            from gto_ci.files.annotations import find as find_annotation

            found = find_annotation(repository.objects, request.head, request.name, settings.index)
            if found.annotation is not None:
                return plan(replace(request, annotated=True), state)
        names = (match_tag(record.name) for record in repository.tag_records())
        raise not_found(request.name, sorted({name.artifact for name in names if name})) from error


def _create(repository: Repository, change: TagPlan, source: _Source, options: PublishOptions) -> list[TagRecord]:
    """Create the tags, and return their records."""
    wanted = [(str(tag.name), tag.commit, tag.message) for tag in change.create]
    repository.bring_commits([tag.commit for tag in change.create])
    made = make_tags(repository, options.tagger, wanted, change.earliest)
    tags = {record.name: oid for oid, record in made}
    artifact = change.create[0].name.artifact
    with prepared(repository, artifact, tags, {}) as commit:
        # at a URL, the tags were read from the remote, and the remote itself detects races
        if not source.at_url and repository.tag_names(artifact) != source.here:
            raise LostRace(f"Another writer created or deleted a tag of {quote(artifact)}")
        if source.remote is not None:
            from gto_ci.git.remotes.push import push_tags

            options.say(f"Running `{_command(source, list(tags))}`")
            counted = any(tag.name.counter for tag in change.create)
            push_tags(repository, source.remote.name, tags, source.mark if counted else None)
        commit()
    for tag in change.create:
        options.say(_created(tag))
    if source.remote is None:
        _remind(source, list(tags), options.say)
    for name in tags if source.remote else ():
        options.say(f"Successfully pushed git tag {name} on remote.")
    behind = _left_behind(change, source)
    if behind:
        options.say("The remote does not have the registration of that version yet; to push it, run:")
        options.say(_command(source, behind))
    return [record for _, record in made]


def _left_behind(change: TagPlan, source: _Source) -> list[str]:
    """Return the tags that register the versions of the pushed tags, if only this repository has them."""
    about = {(tag.name.artifact, tag.version) for tag in change.create if tag.name.stage is not None}
    names = [match_tag(tag) for tag in sorted(source.unpushed)]
    return [str(n) for n in names if n and n.kind is Kind.REGISTRATION and (n.artifact, n.version) in about]


def _delete(repository: Repository, change: TagPlan, source: _Source, say: Say) -> None:
    if not change.delete:
        say("There is no tag to delete")
        return
    names = [event.tag for event in change.delete]
    here = repository.tag_ids(names)
    with prepared(repository, change.delete[0].artifact, {}, here) as commit:
        gone = _delete_there(repository, names, here, source, say) if source.remote else []
        commit()
    stop = _stop(change)
    for event in change.delete:
        say(_deleted(event, stop))
    if source.remote is None:
        _remind(source, names, say, delete=True)
    for name in gone:
        say(f"Successfully deleted git tag {name} on remote.")


def _delete_there(
    repository: Repository, names: Sequence[str], here: dict[str, str], source: _Source, say: Say
) -> list[str]:
    """Delete those of the tags ``names`` that the remote has, and return them."""
    from gto_ci.git.remotes.push import delete_tags, drop_mark, remote_tags

    assert source.remote is not None
    there = remote_tags(repository, source.remote.name, names)
    for name in names:
        if name in here and there.get(name, here[name]) != here[name]:
            raise PushRefused(
                f"The remote's tag {quote(name)} is another than yours; nothing was deleted",
                f"Look at it first: git fetch --force {source.remote.name} tag {shlex.quote(name)}",
            )
    wanted = [name for name in names if name in there]
    if len(wanted) > TAGS_PER_PUSH:
        say(_WHY_CHUNKS)
    done: list[str] = []
    for chunk in _chunks(wanted):
        say(f"Running `{_command(source, chunk, delete=True)}`")
        try:
            delete_tags(repository, source.remote.name, {name: there[name] for name in chunk})
        except GtoError as error:
            if not done:
                raise
            raise PushRefused(
                f"{error.cause}. Before that the remote deleted {', '.join(map(quote, done))}",
                "Here nothing was deleted; the same command goes on where it stopped",
            ) from error
        done += chunk
    if source.mark and source.mark.seen in {there[name] for name in done}:
        # the mark points to a tag that was deleted above; a mark that stays only skips a number
        with suppress(GitError):
            drop_mark(repository, source.remote.name, source.mark)
    return done


_WHY_CHUNKS = (
    f"At most {TAGS_PER_PUSH} tags go in one push: for more GitHub would create no events, and start no workflows"
)


def _chunks(names: Sequence[str]) -> list[Sequence[str]]:
    return [names[start : start + TAGS_PER_PUSH] for start in range(0, len(names), TAGS_PER_PUSH)]


def _command(source: _Source, names: Sequence[str], *, delete: bool = False) -> str:
    if source.remote is None:
        remote = source.repository.remote_name()
    else:
        remote = without_password(source.remote.url) if source.at_url else source.remote.name
    return shlex.join(["git", "push", remote, *names, *(["--delete"] if delete else [])])


def _remind(source: _Source, names: Sequence[str], say: Say, *, delete: bool = False) -> None:
    if not names:
        return
    say("To push the changes upstream, run:")
    for chunk in _chunks(names):
        say(_command(source, chunk, delete=delete))
    if len(names) > TAGS_PER_PUSH:
        say(_WHY_CHUNKS)


def _announce(change: TagPlan, source: _Source, say: Say) -> None:
    """Report what would be done."""
    for tag in change.create:
        say(f"Would have {_lower(_created(tag))}")
    stop = _stop(change)
    for event in change.delete:
        say(f"Would have {_lower(_deleted(event, stop))}")
    names = [str(tag.name) for tag in change.create] + [event.tag for event in change.delete]
    for chunk in _chunks(names) if source.remote else ():
        say(f"Would have run `{_command(source, chunk, delete=bool(change.delete))}`")


def _lower(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:]


def _created(tag: NewTag) -> str:
    """Return the sentence for a tag that was created, exactly as in GTO's README."""
    match tag.name.kind:
        case Kind.REGISTRATION:
            return f"Created git tag '{tag.name}' that registers a version"
        case Kind.ASSIGNMENT:
            return f"Created git tag '{tag.name}' that assigns a stage to '{tag.version}'"
        case Kind.UNASSIGNMENT:
            return f"Created git tag '{tag.name}' that unassigns a stage from '{tag.version}'"
        case Kind.DEREGISTRATION:
            return f"Created git tag '{tag.name}' that deregistered a version."
        case _:
            return f"Created Git tag '{tag.name}' that deprecates an artifact."


def _deleted(event: Event, stop: str) -> str:
    """Return the sentence for a tag that was deleted, as in GTO's README."""
    did = {
        Kind.REGISTRATION: "registered a version",
        Kind.DEREGISTRATION: "deregistered a version",
        Kind.ASSIGNMENT: f"assigned a stage to '{event.version}'",
        Kind.UNASSIGNMENT: f"unassigned a stage to '{event.version}'",
        Kind.DEPRECATION: "deprecated an artifact",
    }
    return f"Deleted git tag '{event.tag}' that {did[event.kind]}{stop}"


def _stop(change: TagPlan) -> str:
    """Return the end of these sentences: a full stop as in GTO's README, except if only a stage is removed."""
    return "." if any(event.stage is None for event in change.delete) else ""
