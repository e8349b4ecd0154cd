"""Create and delete tags: register, assign, deprecate, and undo these events.

In the examples, ``churn`` in ``repo`` has the versions ``v1.0.0``, which is in ``prod``, and ``v1.1.0``.
HEAD is one commit after ``v1.1.0``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from gto_ci.api.open_repository import RepoLike, opened
from gto_ci.core.errors import RefNotFound, UnknownStage, WrongArguments, quote
from gto_ci.core.events import Event
from gto_ci.core.names import check_artifact, check_stage
from gto_ci.core.tag_plans import Assign, Deprecate, Deregister, Part, Register, Unassign, check_version
from gto_ci.files.config import Settings
from gto_ci.git import Repository
from gto_ci.git.write_tags import Tagger
from gto_ci.publish import PublishOptions, publish
from gto_ci.race_retries import Say

# True prints the same lines as the command line; a function receives them one by one
Stdout = bool | Callable[[str], None]


def register(
    repo: RepoLike,
    name: str,
    ref: str = "HEAD",
    version: str | None = None,
    message: str | None = None,
    simple: bool | None = None,
    force: bool = False,
    bump_major: bool = False,
    bump_minor: bool = False,
    bump_patch: bool = False,
    push: bool = False,
    stdout: Stdout = False,
    author: str | None = None,
    author_email: str | None = None,
    sign: bool | None = None,
    dry_run: bool = False,
) -> Event | None:
    """Register a version of artifact ``name`` at ``ref``, and return the registration (None with ``dry_run``).

    Without ``version``, the greatest active version is bumped, by default its patch part. The first
    version is ``v0.0.1``. ``simple=False`` adds a counter to the tag.

    >>> api.register(repo, "churn", bump_minor=True).tag
    'churn@v1.2.0'

    Raises:
        VersionExistsForCommit: the commit already has an active version.
        VersionAlreadyRegistered: the version exists; the error says who registered it, when and where.
        InvalidName, WrongArguments, RefNotFound, TagExists: the arguments are wrong.
        PushRefused: the remote refuses the push; nothing was changed.
        NoRepository, WrongConfig, GitError: the repository cannot be read or written.
    """
    flags: dict[Part, bool] = {"major": bump_major, "minor": bump_minor, "patch": bump_patch}
    bumps = [part for part, is_set in flags.items() if is_set]
    if len(bumps) + (version is not None) > 1:
        raise WrongArguments("Need to specify either version or single bump argument", "Leave the others out")
    if version is not None:
        check_version(version)
    common = _common(name, message, simple, force)
    options = _publish_options(push, stdout, author, author_email, sign, dry_run)
    with opened(repo) as (repository, settings):
        commit = _commit(repository, ref)
        request = Register(commit=commit, version=version, bump=bumps[0] if bumps else None, **common)
        return publish(repository, settings, request, options)


def assign(
    repo: RepoLike,
    name: str,
    stage: str,
    version: str | None = None,
    ref: str | None = None,
    name_version: str | None = None,
    message: str | None = None,
    simple: bool | None = False,
    force: bool = False,
    push: bool = False,
    skip_registration: bool = False,
    stdout: Stdout = False,
    author: str | None = None,
    author_email: str | None = None,
    sign: bool | None = None,
    dry_run: bool = False,
) -> Event | None:
    """Assign ``stage`` to a version of artifact ``name``, and return the assignment (None with ``dry_run``).

    ``version`` or ``ref`` selects the version. If the commit ``ref`` has no version, gto first
    registers ``name_version`` (by default the next patch version), unless ``skip_registration`` is set.
    Either both tags are created, or neither.

    >>> api.assign(repo, "churn", "dev", version="v1.1.0").tag
    'churn#dev#2'
    >>> api.assign(repo, "churn", "dev", ref="HEAD").version
    'v1.1.1'

    Raises:
        WrongArguments: the version is unknown or already in that stage, or the arguments contradict each other.
        UnknownStage: the configuration does not allow the stage.
        InvalidName, RefNotFound, TagExists, VersionAlreadyRegistered: the arguments are wrong.
        PushRefused: the remote refuses the push; nothing was changed.
        NoRepository, WrongConfig, GitError: the repository cannot be read or written.
    """
    _one_of(version, ref)
    if name_version is not None:
        check_version(name_version)
        if skip_registration:
            raise WrongArguments("You either need to supply version name or skip registration", "Leave one out")
    common = _common(name, message, simple, force)
    options = _publish_options(push, stdout, author, author_email, sign, dry_run)
    with opened(repo) as (repository, settings):
        request = Assign(
            stage=_allowed(settings, stage),
            version=version,
            commit=None if ref is None else _commit(repository, ref),
            name_version=name_version,
            skip_registration=skip_registration,
            **common,
        )
        return publish(repository, settings, request, options)


def unassign(
    repo: RepoLike,
    name: str,
    ref: str | None = None,
    version: str | None = None,
    stage: str | None = None,
    message: str | None = None,
    stdout: Stdout = False,
    simple: bool | None = None,
    force: bool = False,
    delete: bool = False,
    push: bool = False,
    author: str | None = None,
    author_email: str | None = None,
    sign: bool | None = None,
    dry_run: bool = False,
) -> Event | None:
    """Unassign ``stage`` from the version that ``version`` or ``ref`` selects, and return the unassignment.

    With ``delete``, delete the version's tags of this stage instead, and return None.

    >>> api.unassign(repo, "churn", version="v1.0.0", stage="prod").tag
    'churn#prod!#2'
    >>> api.find_versions_in_stage(repo, "churn", "prod") is None
    True

    Raises:
        ArtifactNotFound, VersionRequired: the artifact or the version does not exist.
        WrongArguments: the version is not in the stage, or the arguments contradict each other.
        UnknownStage, InvalidName, RefNotFound, TagExists: the arguments are wrong.
        PushRefused: the remote refuses the push.
        NoRepository, WrongConfig, GitError: the repository cannot be read or written.
    """
    _one_of(version, ref)
    common = _common(name, message, simple, force)
    options = _publish_options(push, stdout, author, author_email, sign, dry_run)
    with opened(repo) as (repository, settings):
        allowed = _allowed(settings, stage)
        commit = None if ref is None else _commit(repository, ref)
        request = Unassign(stage=allowed, version=version, commit=commit, delete=delete, **common)
        return publish(repository, settings, request, options)


def deregister(
    repo: RepoLike,
    name: str,
    ref: str | None = None,
    version: str | None = None,
    message: str | None = None,
    stdout: Stdout = False,
    simple: bool | None = None,
    force: bool = False,
    delete: bool = False,
    push: bool = False,
    author: str | None = None,
    author_email: str | None = None,
    sign: bool | None = None,
    dry_run: bool = False,
) -> Event | None:
    """Deregister the version that ``version`` or ``ref`` selects, and return the deregistration.

    With ``delete``, delete the version's tags and its stages' tags instead, and return None.

    >>> api.deregister(repo, "churn", version="v1.1.0").tag
    'churn@v1.1.0!'
    >>> api.find_latest_version(repo, "churn").version
    'v1.0.0'

    Raises:
        ArtifactNotFound, VersionRequired: the artifact or the version does not exist.
        WrongArguments: the version is not registered or already deregistered, or the arguments contradict each other.
        InvalidName, RefNotFound, TagExists: the arguments are wrong.
        PushRefused: the remote refuses the push.
        NoRepository, WrongConfig, GitError: the repository cannot be read or written.
    """
    _one_of(version, ref)
    common = _common(name, message, simple, force)
    options = _publish_options(push, stdout, author, author_email, sign, dry_run)
    with opened(repo) as (repository, settings):
        commit = None if ref is None else _commit(repository, ref)
        request = Deregister(version=version, commit=commit, delete=delete, **common)
        return publish(repository, settings, request, options)


def deprecate(
    repo: RepoLike,
    name: str,
    ref: str | None = None,
    message: str | None = None,
    stdout: Stdout = False,
    simple: bool | None = None,
    force: bool = False,
    delete: bool = False,
    push: bool = False,
    author: str | None = None,
    author_email: str | None = None,
    sign: bool | None = None,
    dry_run: bool = False,
) -> Event | None:
    """Deprecate artifact ``name``, and return the deprecation.

    ``ref`` is the commit to tag, by default the commit of the artifact's newest event. With ``delete``,
    delete all tags of the artifact instead, and return None.

    >>> api.deprecate(repo, "churn").tag
    'churn@deprecated'
    >>> api.show(repo)
    {}

    Raises:
        ArtifactNotFound: no tag names the artifact.
        WrongArguments: the artifact is already deprecated, or the arguments contradict each other.
        InvalidName, RefNotFound, TagExists: the arguments are wrong.
        PushRefused: the remote refuses the push.
        NoRepository, WrongConfig, GitError: the repository cannot be read or written.
    """
    common = _common(name, message, simple, force)
    options = _publish_options(push, stdout, author, author_email, sign, dry_run)
    with opened(repo) as (repository, settings):
        request = Deprecate(
            commit=None if ref is None else _commit(repository, ref),
            head=_head(repository) if ref is None else None,
            delete=delete,
            **common,
        )
        return publish(repository, settings, request, options)


def _common(name: str, message: str | None, simple: bool | None, force: bool) -> dict[str, Any]:
    return {"name": check_artifact(name), "message": message or "", "simple": simple, "force": force}


def _publish_options(
    push: bool, stdout: Stdout, author: str | None, author_email: str | None, sign: bool | None, dry_run: bool
) -> PublishOptions:
    return PublishOptions(push, dry_run, Tagger(author or "", author_email or "", sign), line_printer(stdout))


def line_printer(stdout: Stdout) -> Say:
    """Return the function for printing lines: one that discards them, one that writes to stdout, or the given one."""
    if callable(stdout):
        return stdout
    return _write_line if stdout else lambda _: None


def _write_line(line: str) -> None:
    sys.stdout.write(line + "\n")


def _one_of(version: str | None, ref: str | None) -> None:
    if (version is None) == (ref is None):
        raise WrongArguments("One and only one of (version, ref) must be specified", "Name a version or a commit")
    if version is not None:
        check_version(version)


def _allowed(settings: Settings, stage: str | None) -> str:
    """Return ``stage`` if it is valid and the settings allow it."""
    if stage is None:
        raise WrongArguments("'stage' is required", "Name a stage")
    if settings.stages is not None and check_stage(stage) not in settings.stages:
        raise UnknownStage(f"Stage {quote(stage)} is not allowed", f"Allowed stages are: {list(settings.stages)}")
    return check_stage(stage)


def _commit(repository: Repository, ref: str) -> str:
    if not ref:
        raise RefNotFound("The ref is empty", "Name a commit, branch or tag, or leave it out")
    return repository.commit_id(ref)


def _head(repository: Repository) -> str | None:
    try:
        return repository.commit_id("HEAD")
    except RefNotFound:  # there is no commit yet
        return None
