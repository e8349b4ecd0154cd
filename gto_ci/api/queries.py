"""Read the registry: its artifacts, versions, stages, events, annotations and problems."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

from gto_ci.api.open_repository import RepoLike, opened
from gto_ci.api.tag_meaning import signatures_of
from gto_ci.core import names
from gto_ci.core.errors import Remedies, TagProblem, WrongAnnotations, WrongArguments, quote
from gto_ci.core.events import CommitEvent, Event, TagRecord, read_events, why_no_event
from gto_ci.core.registry import ALL, Artifact, Registry, Sort, StageLimits, Version, VersionStage, journal, not_found
from gto_ci.core.resolve import Reference, RegistryTags, resolve, typed_reference
from gto_ci.files.annotations import Annotation, find, read_artifacts_yaml, read_dvc_yaml
from gto_ci.files.annotations.discovery import Discovery, discover, read_commits
from gto_ci.files.config import Settings
from gto_ci.git import Repository
from gto_ci.git.signatures import Signature
from gto_ci.git.trees import Scope
from gto_ci.render import views
from gto_ci.render.views import Row

Table = tuple[list[Row], Literal["keys"]]
Warn = Callable[[str], None]  # receives a sentence for the user about what was left out


def show(
    repo: RepoLike,
    name: str | None = None,
    truncate_hexsha: bool = False,
    registered_only: bool = False,
    deprecated: bool = False,
    assignments_per_version: int = ALL,
    versions_per_stage: int = 1,
    sort: Sort = "timestamp",
    table: bool = False,
    *,
    all_branches: bool = False,
    all_commits: bool = False,
    warn: Warn | None = None,
) -> dict[str, Row] | list[Row] | Table:
    """Return the registry (a dictionary by artifact name), or the versions of one artifact (a list).

    ``name`` is an artifact or a shortcut: ``NAME@latest``, ``NAME@greatest``, ``NAME@vX.Y.Z`` or
    ``NAME#STAGE``. An artifact without tags is included if a file annotates it in HEAD, in the head
    of a local branch (``all_branches``), or in any commit of the local branches (``all_commits``).
    With ``table``, the result is a pair: the rows of a table, and the string ``"keys"``, as in ``gto.api``.
    Dates are timezone-aware :class:`datetime.datetime` values. If a file cannot be parsed, ``warn`` is called.

    >>> api.show(repo)
    {'churn': {'version': 'v1.1.0', 'stage': {'prod': 'v1.0.0'}, 'registered': True, 'active': True}}
    >>> [version["ref"] for version in api.show(repo, "churn#prod")]
    ['churn@v1.0.0']

    Raises:
        ArtifactNotFound: no tag and no file names the artifact.
        WrongArguments: a limit is below -1.
        NoRepository, WrongConfig, GitError: the repository cannot be read.
    """
    limits = StageLimits(assignments_per_version, versions_per_stage, sort, registered_only)
    scope = _scope(all_branches, all_commits)
    with opened(repo) as (repository, settings):
        if not name:
            registry, _ = _survey(repository, settings, scope=scope, warn=warn)
            stages = registry.columns(settings.stages)
            view = views.registry_view(registry, stages, limits, deprecated=deprecated, short=truncate_hexsha)
            return (views.registry_table(view, stages), "keys") if table else view
        shortcut = names.match_shortcut(name)
        artifact_name = shortcut.artifact if shortcut else name
        artifact, found = _read_artifact(repository, settings, artifact_name, scope, described=not table, warn=warn)
        chosen = views.choose_versions(artifact, shortcut, limits, deprecated=deprecated)
        if table:
            return views.versions_table(chosen, short=truncate_hexsha, registered=artifact.registered), "keys"
        return [views.version_view(version, shown, _commit_view(version, found)) for version, shown in chosen]


def history(
    repo: RepoLike,
    artifact: str | None = None,
    ascending: bool = False,
    table: bool = False,
    truncate_hexsha: bool = False,
    *,
    all_branches: bool = False,
    all_commits: bool = False,
    verify: bool = False,
    warn: Warn | None = None,
) -> list[Row] | Table:
    """Return the events of one artifact or of all artifacts, newest first.

    The list also has the commits that have a version, or whose files annotate an artifact as in
    :func:`show`. With ``verify``, each row has a ``signature``, which is None for commits.

    >>> [(row["event"], row["version"], row["stage"]) for row in api.history(repo, "churn", ascending=True)][:3]
    [('commit', 'v1.0.0', None), ('registration', 'v1.0.0', None), ('assignment', 'v1.0.0', 'prod')]

    Raises:
        NoRepository, WrongConfig, GitError: the repository cannot be read.
    """
    events, signatures = read_journal(
        repo, artifact, ascending, all_branches=all_branches, all_commits=all_commits, verify=verify, warn=warn
    )
    view = views.history_view(events, short=truncate_hexsha, signatures=signatures)
    return (views.history_table(view), "keys") if table else view


def read_journal(
    repo: RepoLike,
    artifact: str | None = None,
    ascending: bool = False,
    *,
    all_branches: bool = False,
    all_commits: bool = False,
    verify: bool = False,
    warn: Warn | None = None,
) -> tuple[list[Event | CommitEvent], dict[str, Signature] | None]:
    """Return the events of :func:`history` and, with ``verify``, the signatures of their tags, by tag.

    Raises:
        NoRepository, WrongConfig, GitError: the repository cannot be read.
    """
    scope = _scope(all_branches, all_commits)
    with opened(repo) as (repository, settings):
        if artifact and not names.is_artifact(artifact):
            return [], None
        with repository.reading_tags(artifact or None) as records:
            found = _discover(repository, settings, scope, warn=warn)  # while git reads tags
            kept = list(records) if verify else None
            events = read_events(records if kept is None else kept)
        missing = [commit for commit in _commits_of_versions(events) if commit not in found.commits]
        commits = {**found.commits, **read_commits(repository, missing)}
        all_events = journal(events, commits, found.notes(artifact or None), ascending=ascending)
        return all_events, None if kept is None else signatures_of(repository, kept, events)


def describe(repo: RepoLike, name: str, rev: str | None = None, *, warn: Warn | None = None) -> Annotation | None:
    """Return the artifact's annotation at a commit, or None if there is none.

    ``name`` is an artifact, a shortcut, or a tag. An artifact is read at HEAD or at the commit ``rev``,
    a shortcut at its version's commit, and a tag at the commit that it points to. ``warn`` is called if
    two files annotate the artifact, or if no tag and no file names it.

    >>> api.describe(repo, "churn@latest").path
    'churn.pkl'
    >>> api.describe(repo, "segment") is None
    True

    Raises:
        WrongArguments: ``rev`` is given with a shortcut or a tag, or a shortcut names several versions.
        ArtifactNotFound: the shortcut's artifact does not exist.
        RefNotFound, TagProblem: the commit or the tag does not exist.
        WrongAnnotations: a file that could annotate the artifact cannot be parsed.
        NoRepository, WrongConfig, GitError: the repository cannot be read.
    """
    reference = typed_reference(name)
    artifact = reference.artifact or name
    if rev is not None and reference.artifact:
        raise WrongArguments("Either specify revision or use naming shortcut", "Leave out one of them")
    with opened(repo) as (repository, settings):
        commit = _commit_of(reference, repository, settings) if reference.artifact else _commit_of_rev(repository, rev)
        if commit is None:
            return None
        found = find(repository.objects, commit, artifact, settings.index)
        for warning in found.warnings:
            _warn(warn, warning)
        if found.annotation is None and not reference.artifact and warn is not None:
            _warn(warn, _unknown_artifact(repository, settings, artifact))
        return found.annotation


def get_stages(repo: RepoLike, allowed: bool = False, used: bool = False) -> list[str] | None:
    """Return the stages that the configuration allows or, if it does not limit the stages, the stages in use.

    With ``allowed``, return None if the configuration does not limit the stages. With ``used``, return
    every stage that a tag names, now or in the past.

    >>> api.get_stages(repo)
    ['prod']

    Raises:
        WrongArguments: both ``allowed`` and ``used`` are set.
        NoRepository, WrongConfig, GitError: the repository cannot be read.
    """
    if allowed and used:
        raise WrongArguments("'allowed' and 'used' cannot be used together", "Leave one of them out")
    with opened(repo) as (repository, settings):
        if allowed:
            return None if settings.stages is None else list(settings.stages)
        if used:
            return read_registry(repository).stages_ever_used()
        return list(settings.stages) if settings.stages is not None else read_registry(repository).stages_in_use()


def find_latest_version(
    repo: RepoLike,
    name: str,
    all: bool = False,
    registered: bool = True,
) -> Version | list[Version] | None:
    """Return an artifact's greatest active version, or None. With ``all``, return a list of all active versions.

    With ``registered=False``, unregistered commits count too, if a stage was assigned to them or if
    HEAD's files annotate the artifact.

    >>> api.find_latest_version(repo, "churn").version
    'v1.1.0'
    >>> [version.version for version in api.find_latest_version(repo, "churn", all=True)]
    ['v1.1.0', 'v1.0.0']

    Raises:
        ArtifactNotFound: no tag and no file in HEAD names the artifact.
        NoRepository, WrongConfig, GitError: the repository cannot be read.
    """
    with opened(repo) as (repository, settings):
        artifact, _ = _read_artifact(repository, settings, name)
        versions = artifact.versions(registered_only=registered)
        return versions if all else next(iter(versions), None)


def find_versions_in_stage(
    repo: RepoLike,
    name: str,
    stage: str,
    assignments_per_version: int = ALL,
    versions_per_stage: int = 1,
    registered_only: bool = False,
) -> list[VersionStage] | None:
    """Return the versions of an artifact that ``stage`` holds, greatest first, or None if there are none.

    >>> [held.version for held in api.find_versions_in_stage(repo, "churn", "prod")]
    ['v1.0.0']

    Raises:
        ArtifactNotFound: no tag and no file in HEAD names the artifact.
        NoRepository, WrongConfig, GitError: the repository cannot be read.
    """
    with opened(repo) as (repository, settings):
        limits = StageLimits(assignments_per_version, versions_per_stage, "semver", registered_only)
        artifact, _ = _read_artifact(repository, settings, name)
        return artifact.in_stages(limits).get(stage)


def doctor(repo: RepoLike) -> tuple[Settings, list[str]]:
    """Return the settings in effect, and the registry's problems as sentences.

    Raises:
        NoRepository, WrongConfig, GitError: the repository cannot be read.
    """
    with opened(repo) as (repository, settings):
        records = repository.tag_records()
        problems = [problem for record in records if (problem := record_problem(record))]
        registry = Registry.fold(read_events(records))
        for artifact in registry.artifacts.values():
            problems += artifact_problems(artifact, settings)
        return settings, problems + file_problems(repository, settings)


def state(repo: RepoLike) -> Row:
    """Return the complete state of the registry, in the format of ``print-state`` in GTO 1.10.1.

    Raises:
        NoRepository, WrongConfig, GitError: the repository cannot be read.
    """
    with opened(repo) as (repository, settings):
        registry, found = _survey(repository, settings, described=True)
        return views.state_view(registry, lambda version: _commit_view(version, found))


def index(repo: RepoLike) -> dict[str, dict[str, Row]]:
    """Return all annotations at all commits of the local branches, by artifact and commit ID.

    Raises:
        NoRepository, WrongConfig, GitError: the repository cannot be read.
    """
    with opened(repo) as (repository, settings):
        found: dict[str, dict[str, Row]] = {}
        for commit, annotations in discover(repository, Scope.COMMITS, settings.index).annotations.items():
            for name, annotation in annotations.items():
                found.setdefault(name, {})[commit] = views.annotation_view(annotation)
        return found


def read_registry(repository: Repository, artifact: str | None = None) -> Registry:
    """Read the registry's tags, or only those of one artifact.

    Raises:
        GitError: the repository cannot be read.
    """
    with repository.reading_tags(artifact) as records:
        return Registry.fold(read_events(records))


def _survey(
    repository: Repository,
    settings: Settings,
    artifact: str | None = None,
    scope: Scope = Scope.HEAD,
    *,
    described: bool = False,
    warn: Warn | None = None,
) -> tuple[Registry, Discovery]:
    """Read the registry's tags, or only those of one artifact, and the annotations in files.

    With ``described``, also read the annotations at the commits of all versions.
    """
    with repository.reading_tags(artifact) as records:
        # read files while git reads tags, unless the files to read depend on the tags
        found = None if described else _discover(repository, settings, scope, warn=warn)
        events = read_events(records)
    if found is None:
        found = _discover(repository, settings, scope, events, described=True, warn=warn)
    return Registry.fold(events, found.notes(artifact)), found


def _discover(
    repository: Repository,
    settings: Settings,
    scope: Scope,
    events: Iterable[Event] = (),
    *,
    described: bool = False,
    warn: Warn | None = None,
) -> Discovery:
    """Read the annotations in files, and the commits of the versions in ``events``.

    With ``described``, also read the annotations at these commits.
    """
    found = discover(repository, scope, settings.index, _commits_of_versions(events), described=described)
    _warn(warn, found.warning)
    return found


def _commits_of_versions(events: Iterable[Event]) -> list[str]:
    return list(dict.fromkeys(event.commit for event in events if event.version))


def _read_artifact(
    repository: Repository,
    settings: Settings,
    name: str,
    scope: Scope = Scope.HEAD,
    *,
    described: bool = False,
    warn: Warn | None = None,
) -> tuple[Artifact, Discovery]:
    if names.is_artifact(name):
        registry, found = _survey(repository, settings, name, scope, described=described, warn=warn)
        artifact = registry.artifacts.get(name)
        if artifact is not None:
            return artifact, found
    registry, _ = _survey(repository, settings, scope=scope)
    raise not_found(name, sorted(registry.artifacts))


def _commit_view(version: Version, found: Discovery) -> Row | None:
    """Return the author and message of a version's commit, and the artifact's annotation at it."""
    commit = found.commits.get(version.commit)
    return None if commit is None else views.commit_view(version, commit, found.at(version.commit, version.artifact))


def _scope(all_branches: bool, all_commits: bool) -> Scope:
    return Scope.COMMITS if all_commits else Scope.BRANCHES if all_branches else Scope.HEAD


def _warn(warn: Warn | None, sentence: str) -> None:
    if warn is not None and sentence:
        warn(sentence)


def _commit_of(reference: Reference, repository: Repository, settings: Settings) -> str | None:
    found = resolve(reference, RegistryTags(repository.tag_records(reference.artifact)))
    if found.event is not None:
        return found.event.commit
    if found.reason == "several versions":
        raise WrongArguments(
            f"Ambiguous naming shortcut: multiple variants found. {found.cause}", Remedies.NAME_COMMIT.about("rev")
        )
    if reference.shortcut is None:
        raise TagProblem(found.cause, "Check its name")
    # if no tag names the artifact but HEAD's files annotate it, the shortcut stands for HEAD
    artifact, _ = _read_artifact(repository, settings, reference.shortcut.artifact)
    versions = [] if artifact.registered else artifact.find(reference.shortcut)
    return versions[0].commit if versions else None


def _commit_of_rev(repository: Repository, rev: str | None) -> str | None:
    if rev is not None:
        return repository.commit_id(rev)
    (head,) = repository.objects(["HEAD^{commit}"])
    return head.oid if head else None


def _unknown_artifact(repository: Repository, settings: Settings, name: str) -> str:
    """Return a sentence saying that no tag and no file in HEAD names the artifact, "" if one does."""
    known = _survey(repository, settings)[0].artifacts
    return "" if name in known else str(not_found(name, sorted(known)))


def file_problems(repository: Repository, settings: Settings) -> list[str]:
    """Return the mistakes in the working tree's annotation files. If there are none, return those in HEAD's files.

    Raises:
        GitError: git cannot read the repository.
    """
    problems = []
    for path, read in ((settings.index, read_artifacts_yaml), ("dvc.yaml", read_dvc_yaml)):
        try:
            file = repository.root / path
            if file.is_file():
                read(file.read_bytes(), path)
        except WrongAnnotations as error:
            problems.append(str(error))
    warning = "" if problems else discover(repository, Scope.HEAD, settings.index).warning
    return [*problems, *([warning] if warning else [])]


def record_problem(record: TagRecord) -> str | None:
    """Return why the registry ignores a tag that resembles a registry tag, None if it does not ignore it."""
    name = names.match_tag(record.name)
    if name is not None:
        reason = why_no_event(record, name)
        return f"Tag {quote(record.name)} is ignored: {reason}" if reason else None
    if names.looks_like_tag(record.name):
        return f"Tag {quote(record.name)} is ignored: it resembles a registry tag but is not in registry format"
    return None


def artifact_problems(artifact: Artifact, settings: Settings) -> list[str]:
    """Return the contradictions between an artifact's tags, or between the tags and ``.gto``, as sentences."""
    problems = []
    active = [version for version in artifact.by_key.values() if version.registered and version.active]
    for attribute, other, state in (
        ("commit", "version", "has several versions"),
        ("version", "commit", "is registered at several commits"),
    ):
        groups: dict[str, list[str]] = {}
        for version in active:
            groups.setdefault(getattr(version, attribute), []).append(getattr(version, other))
        for key, members in groups.items():
            if len(members) > 1:
                subject = f"{attribute} {views.short_id(key)}"
                problems.append(f"Artifact {quote(artifact.name)}: {subject} {state}: {', '.join(members)}")
    if settings.stages is not None:
        used = {event.stage for event in artifact.events if event.stage is not None}
        problems += [
            f"Artifact {quote(artifact.name)} uses the stage {quote(stage)}, which .gto does not allow"
            for stage in sorted(used - set(settings.stages))
        ]
    return problems
