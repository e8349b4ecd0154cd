"""The events of a registry, read from tags and from commits.

A :class:`TagRecord` is a tag as git stores it. An :class:`Event` is what the tag means to the
registry. A tag is an event if it is annotated, its name is in registry format, it points to a commit
(directly or through other tags), and it has a tagger's date. :func:`read_events` sorts events by
(time, kind priority, counter, tag name). The order is total, so two events in the same second always
give the same result.

A :class:`CommitEvent` is shown beside them in a history. It says which commit a version is, or that
the files of a commit annotate an artifact. It never changes what the tags say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from gto_ci.core.names import ASSIGNMENT, CREATION, REGISTRATION, UNASSIGNMENT, Kind, TagName, match_tag

if TYPE_CHECKING:
    from datetime import datetime

# datetime's range, less one day at each end, so that no time zone exceeds it
_EARLIEST, _LATEST = -62135510400, 253402214400


class TagRecord(NamedTuple):
    """A tag as git stores it.

    ``target`` is the ID of the object that the tag peels to, and ``target_type`` is that object's type.
    A lightweight tag has ``annotated=False`` and no tagger. ``time`` is in seconds since the epoch, or
    None if the tag object has no date. ``zone`` is in git's form, ``+0930``. ``signed`` is the ID of the
    tag object if it has a signature, else empty.
    """

    name: str
    annotated: bool
    target: str
    target_type: str
    author: str = ""
    author_email: str = ""
    time: int | None = None
    zone: str = "+0000"
    message: str = ""
    signed: str = ""


class CommitRecord(NamedTuple):
    """A commit as git stores it. ``time`` and ``zone`` are the committer's (see :class:`TagRecord`)."""

    commit: str
    author: str
    author_email: str
    committer: str
    committer_email: str
    time: int
    zone: str
    message: str

    @property
    def created_at(self) -> datetime:
        """The committer's date, in the committer's time zone."""
        return moment(self.time, self.zone)


class Event(NamedTuple):
    """One change to an artifact, recorded by a tag.

    ``version`` is None for a deprecation. For a stage event it is the version registered at the same
    commit, or the commit's full ID if there is none. ``time``, in seconds since the epoch, and ``zone``,
    such as ``+0930``, are the tagger's.
    """

    kind: Kind
    artifact: str
    version: str | None
    stage: str | None
    counter: int | None
    tag: str
    commit: str
    author: str
    author_email: str
    message: str
    time: int
    zone: str

    @classmethod
    def of(cls, name: TagName, record: TagRecord, version: str | None) -> Event:
        """Return the event of the tag ``record``, whose parsed name is ``name``. The tag must have a date."""
        kind, artifact, _, stage, counter = name
        tag, _, commit, _, author, email, time, zone, message, _ = record
        # the fields in order: this is called for each tag, and with keywords an event takes 1.4× the time to make
        fields = (kind, artifact, version, stage, counter, tag, commit, author, email, message, time or 0, zone)
        return tuple.__new__(cls, fields)

    @property
    def created_at(self) -> datetime:
        """The tagger's date, in the tagger's time zone."""
        return moment(self.time, self.zone)

    @property
    def created_at_text(self) -> str:
        """:attr:`created_at` in the form that tables show."""
        return moment_text(self.time, self.zone)

    @property
    def order(self) -> tuple[int, int, int, str]:
        """The sort key of this event."""
        return (self.time, self.kind.priority, self.counter or 0, self.tag)

    @property
    def commit_hexsha(self) -> str:
        """GTO's name for ``commit``."""
        return self.commit

    @property
    def event(self) -> str:
        """The kind as a word: ``registration``, ``assignment`` …"""
        return self.kind.word

    @property
    def priority(self) -> int:
        """The kind's rank among events in the same second."""
        return self.kind.priority

    @property
    def ref(self) -> str:
        """GTO's name for ``tag``."""
        return self.tag

    def __str__(self) -> str:
        if self.stage is not None:
            verb = self.kind.verb
            return f'Stage "{self.stage}" was {verb} version "{self.version}" of artifact "{self.artifact}"'
        if self.version is not None:
            return f'Version "{self.version}" of artifact "{self.artifact}" was {self.kind.verb}'
        return f'Artifact "{self.artifact}" was {self.kind.verb}'


class CommitEvent(NamedTuple):
    """A version's commit, in the form of an event.

    ``version`` is the commit's full ID if no version is registered there. Attributes in common with
    :class:`Event` have the same names.
    """

    artifact: str
    version: str
    record: CommitRecord

    @property
    def event(self) -> str:
        """The kind as a word."""
        return "commit"

    @property
    def priority(self) -> int:
        """The kind's rank among events in the same second: the first."""
        return 0

    @property
    def stage(self) -> None:
        """Always None."""
        return None

    @property
    def commit(self) -> str:
        """The commit's full ID."""
        return self.record.commit

    @property
    def ref(self) -> str:
        """The ref to check out: the commit's full ID."""
        return self.record.commit

    @property
    def created_at(self) -> datetime:
        """The committer's date, in the committer's time zone."""
        return self.record.created_at

    @property
    def created_at_text(self) -> str:
        """:attr:`created_at` in the form that tables show."""
        return moment_text(self.record.time, self.record.zone)

    @property
    def author(self) -> str:
        """The commit's author."""
        return self.record.author

    @property
    def author_email(self) -> str:
        """The author's email address."""
        return self.record.author_email

    @property
    def message(self) -> str:
        """The commit's message, verbatim."""
        return self.record.message

    @property
    def order(self) -> tuple[int, int, int, str]:
        """The sort key among all events. A commit comes before the tags of the same second."""
        return (self.record.time, self.priority, 0, f"{self.artifact}@{self.version}@{self.commit}")


def moment(time: int, zone: str) -> datetime:
    """Return the datetime for git's ``SECONDS +HHMM``. An impossible zone counts as UTC.

    A time outside datetime's range becomes the nearest one inside it.
    """
    return _calendar(zone)(min(max(time, _EARLIEST), _LATEST))


def moment_text(time: int, zone: str) -> str:
    """Return ``str(moment(time, zone))``, such as ``2026-10-31 09:15:00+01:00``, without a date object.

    With date objects, ``gto history`` of 10,000 tags takes 1.15× the instructions.
    """
    if not _EARLIEST <= time <= _LATEST:
        time = min(max(time, _EARLIEST), _LATEST)
    east, text = _distance(zone)
    hour, second = divmod(time + east, 3600)
    return f"{_hour(hour)}:{_TWO[second // 60]}:{_TWO[second % 60]}{text}"


_TWO = tuple(f"{number:02}" for number in range(60))


@lru_cache(maxsize=256)
def _calendar(zone: str) -> Callable[[int], datetime]:
    from datetime import datetime, timedelta, timezone  # late: most commands never convert a time

    east, _ = _distance(zone)
    return partial(datetime.fromtimestamp, tz=timezone(timedelta(seconds=east)))


@lru_cache(maxsize=256)
def _distance(zone: str) -> tuple[int, str]:
    """Return the UTC offset of ``+HHMM`` in seconds, east positive, and its ISO 8601 form."""
    if len(zone) != 5 or not zone[1:].isdecimal() or int(zone[1:3]) > 23 or int(zone[3:5]) > 59:
        return 0, "+00:00"
    seconds = int(zone[1:3]) * 3600 + int(zone[3:5]) * 60
    sign = "-" if zone.startswith("-") and seconds else "+"
    return -seconds if sign == "-" else seconds, f"{sign}{_TWO[seconds // 3600]}:{_TWO[seconds // 60 % 60]}"


@lru_cache(maxsize=4096)
def _hour(number: int) -> str:
    """Return the date and hour that begins ``number`` hours after the epoch."""
    from datetime import date

    day, hour = divmod(number, 24)
    return f"{date.fromordinal(date(1970, 1, 1).toordinal() + day).isoformat()} {_TWO[hour]}"


def why_no_event(record: TagRecord, name: TagName) -> str | None:
    """Return why a tag in registry format records no event, or None if it records one."""
    if not record.annotated:
        return "it is lightweight, and only annotated tags count"
    if record.target_type != "commit":
        return f"it points to a {record.target_type}, not to a commit"
    if record.time is None:
        return "it has no tagger and no date"
    if not _EARLIEST <= record.time <= _LATEST:
        return f"its date is out of range ({record.time} seconds since 1970)"
    if name.kind is CREATION:
        return "'created' is reserved and means nothing to the registry"
    return None


def read_events(records: Iterable[TagRecord]) -> list[Event]:
    """Return the events among ``records``, in order, each stage event with its version resolved."""
    by_artifact: dict[str, list[_Found]] = {}
    for record in records:
        name = match_tag(record.name)
        if name is None or record.time is None or why_no_event(record, name):
            continue
        order = (record.time, name.kind.priority, name.counter or 0, record.name)
        by_artifact.setdefault(name.artifact, []).append((order, name, record))
    # artifacts are independent: resolve each on its own, then sort all events together
    events = [event for own in by_artifact.values() for event in _events_of_one(own)]
    events.sort(key=itemgetter(0))
    return [event for _, event in events]


_Order = tuple[int, int, int, str]
_Found = tuple[_Order, TagName, TagRecord]


def _events_of_one(found: list[_Found]) -> Iterator[tuple[_Order, Event]]:
    """Yield the events of one artifact in order, each with its sort key."""
    found.sort(key=itemgetter(0))
    versions = _VersionsAtCommits((name, record.target) for _, name, record in found)
    for order, name, record in found:
        yield order, Event.of(name, record, versions.of(name, record.target))


class _VersionsAtCommits:
    """Finds the version of an artifact that a stage event concerns. Takes each event once, in order.

    Normally a commit has one version, and every stage event there concerns it, whether it was
    registered before or after the assignment. If tags put several versions on one commit, an
    unassignment concerns the version that its stage holds there. Any other stage event concerns the
    newest version that is active at that moment, else the newest one so far, else the first one to follow.
    """

    def __init__(self, names: Iterable[tuple[TagName, str]]) -> None:
        self._first: dict[str, str] = {}
        self._active: dict[str, list[str]] = {}
        self._newest: dict[str, str] = {}
        self._held: dict[tuple[str, str], str] = {}
        for name, commit in names:
            if name.version is not None:
                self._first.setdefault(commit, name.version)

    def of(self, name: TagName, commit: str) -> str | None:
        if name.version is not None:
            active = self._active.setdefault(commit, [])
            if name.version in active:
                active.remove(name.version)
            if name.kind is REGISTRATION:
                active.append(name.version)
            self._newest[commit] = name.version
            return name.version
        if name.stage is None:
            return None
        held = (commit, name.stage)
        if name.kind is UNASSIGNMENT and held in self._held:
            return self._held[held]
        active = self._active.get(commit, [])
        version = active[-1] if active else self._newest.get(commit) or self._first.get(commit, commit)
        if name.kind is ASSIGNMENT:
            self._held[held] = version
        return version
