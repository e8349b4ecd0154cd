"""Explain one tag. Every CI run calls this module, so it imports as little as possible."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from gto_ci.api.open_repository import RepoLike, opened
from gto_ci.core import names
from gto_ci.core.events import Event, TagRecord
from gto_ci.core.resolve import RegistryTags, pushed_reference, resolve, typed_reference
from gto_ci.git import Repository

if TYPE_CHECKING:
    from gto_ci.git.signatures import Signature


class RefMeaning(NamedTuple):
    """The meaning of a ref: its events (one, or none).

    If a ref resembles a registry tag but names no event, ``note`` says why. ``signature`` is the
    signature of the event's tag, if the caller asked for it.
    """

    events: list[Event]
    note: str = ""
    signature: Signature | None = None


def check_ref(repo: RepoLike, ref: str) -> list[Event]:
    """Return the event that ``ref`` names, in a list. The list is empty if there is none.

    ``ref`` is a tag (``NAME`` or ``refs/tags/NAME``) or, if no tag has this name, a shortcut. Only the tags of
    one artifact are read.

    >>> [event] = api.check_ref(repo, "churn#prod#1")
    >>> event.artifact, event.stage, event.version, event.event
    ('churn', 'prod', 'v1.0.0', 'assignment')
    >>> print(event)
    Stage "prod" was assigned to version "v1.0.0" of artifact "churn"

    Raises:
        NoRepository, WrongConfig, GitError: the repository cannot be read.
    """
    return explain_ref(repo, ref).events


def explain_ref(repo: RepoLike, ref: str, verify: bool = False) -> RefMeaning:
    """Return the event that ``ref`` names or, if there is none, a sentence that says why.

    With ``verify``, also check the tag's signature.

    >>> from gto_ci.api import tag_meaning
    >>> tag_meaning.explain_ref(repo, "churn@v9.9.9").note
    "'churn@v9.9.9' names no version in this repository: 'churn' has no active version v9.9.9"

    Raises:
        NoRepository, WrongConfig, GitError: the repository cannot be read.
    """
    reference = pushed_reference(ref)
    if reference.tag is None:
        reference = typed_reference(ref)
    if reference.artifact is None:
        found = resolve(reference, RegistryTags(()))
        return RefMeaning([], "" if found.reason == "unrelated" else found.cause)
    with opened(repo) as (repository, _):
        tags = RegistryTags(repository.tag_records(reference.artifact))
        # as in GTO, a tag takes precedence over the shortcut of its name
        if reference.shortcut and any(record.name == ref for record in tags.records):
            reference = pushed_reference(ref)
        found = resolve(reference, tags)
        if found.reason == "missing":
            found = resolve(typed_reference(ref), tags)
        if found.event is None:
            return RefMeaning([], "" if found.reason == "unrelated" else found.cause)
        signature = signatures_of(repository, tags.records, [found.event])[found.event.tag] if verify else None
        return RefMeaning([found.event], signature=signature)


def parse_tag(name: str) -> dict[str, Any]:
    """Return the parts of a tag name: ``name``, ``action`` and, if present, ``version``, ``stage`` and ``counter``.

    >>> api.parse_tag("churn@v1.0.0")
    {'name': 'churn', 'version': 'v1.0.0', 'action': 'register'}

    Raises:
        InvalidTag: the name is not in registry format.
    """
    from gto_ci.render import views

    return views.tag_view(names.parse_tag(name))


def signatures_of(
    repository: Repository, records: Sequence[TagRecord], events: Sequence[Event]
) -> dict[str, Signature]:
    """Return the signatures of the tags of ``events``, by tag. Git verifies only signed tags.

    Raises:
        GitError: git cannot read the repository.
    """
    from gto_ci.git.signatures import UNSIGNED, verify

    tags = {event.tag for event in events}
    signed = {record.name: record.signed for record in records if record.signed and record.name in tags}
    return {**dict.fromkeys(tags, UNSIGNED), **verify(repository, signed)}
