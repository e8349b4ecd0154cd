"""Job: questions to the registry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from gto_ci import names
from gto_ci.annotations import Annotation, read_artifacts_yaml, read_dvc_yaml
from gto_ci.api.opening import RepoLike, opened
from gto_ci.config import Settings
from gto_ci.errors import GtoError, WrongAnnotations, WrongArguments, quote
from gto_ci.events import Event, TagRecord, explain_absence, read_events, why_no_event
from gto_ci.git import Repository
from gto_ci.git.parse import parse_commit
from gto_ci.registry import ALL, Artifact, Registry, Sort, StageLimits, Version, VersionStage, not_found
from gto_ci.render import views
from gto_ci.render.views import Row

Table = tuple[list[Row], Literal["keys"]]


@dataclass(frozen=True, slots=True)
class RefMeaning:
    """What a ref means: its events (one, or none), or why there is none although it looks like one."""

    events: list[Event]
    note: str = ""


def check_ref(repo: RepoLike, ref: str) -> list[Event]:
    """Return the events that the tag ``ref`` (``NAME`` or ``refs/tags/NAME``) records: one, or none.

    Only the tags of the artifact in question are read.

    Raises:
        NoRepository, WrongConfig, GitError: the repository cannot be read.
    """
    return explain_ref(repo, ref).events


def explain_ref(repo: RepoLike, ref: str) -> RefMeaning:
    """Return what :func:`check_ref` does and, where that is nothing, a sentence that says why.

    Raises:
        NoRepository, WrongConfig, GitError: the repository cannot be read.
    """
    with opened(repo) as (repository, _):
        tag = ref.removeprefix("refs/tags/")
        name = names.match_tag(tag)
        if name is None:
            return RefMeaning([], _not_a_tag(tag))
        records = repository.tag_records(name.artifact)
        events = [event for event in read_events(records) if event.tag == tag]
        if events:
            return RefMeaning(events)
        return RefMeaning([], explain_absence(records, tag, name))


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
) -> dict[str, Row] | list[Row] | Table:
    """Return the registry (a dictionary by artifact name), or the versions of one artifact (a list).

    ``name`` is an artifact or a shortcut: ``NAME@latest``, ``NAME@greatest``, ``NAME@vX.Y.Z``,
    ``NAME#STAGE``. With ``table`` the result is rows for a table and the word ``"keys"``, as in
    ``gto.api``. Dates are aware :class:`datetime.datetime`.

    Raises:
        ArtifactNotFound: no tag names the artifact.
        WrongArguments: a limit is below -1.
        NoRepository, WrongConfig, GitError: the repository cannot be read.
    """
    limits = StageLimits(assignments_per_version, versions_per_stage, sort, registered_only)
    with opened(repo) as (repository, settings):
        if not name:
            registry = read_registry(repository)
            stages = registry.columns(settings.stages)
            view = views.registry_view(registry, stages, limits, deprecated=deprecated, short=truncate_hexsha)
            return (views.registry_table(view, stages), "keys") if table else view
        artifact = _read_artifact(repository, name)
        chosen = views.choose_versions(artifact, name, limits, deprecated=deprecated)
        if table:
            return views.versions_table(chosen, short=truncate_hexsha), "keys"
        commits = _commits(repository, settings, [version for version, _ in chosen])
        return [
            views.version_view(version, shown, commit) for (version, shown), commit in zip(chosen, commits, strict=True)
        ]


def history(
    repo: RepoLike,
    artifact: str | None = None,
    ascending: bool = False,
    table: bool = False,
    truncate_hexsha: bool = False,
) -> list[Row] | Table:
    """Return what happened, newest first, to one artifact or to all.

    Raises:
        NoRepository, WrongConfig, GitError: the repository cannot be read.
    """
    with opened(repo) as (repository, _):
        registry = Registry() if artifact and not _is_name(artifact) else read_registry(repository, artifact or None)
        view = views.history_view(registry.history(artifact or None, ascending=ascending), short=truncate_hexsha)
        return (views.history_table(view), "keys") if table else view


def get_stages(repo: RepoLike, allowed: bool = False, used: bool = False) -> list[str] | None:
    """Return the stages that the configuration allows, else those in use.

    ``allowed``: only the configuration's, None where it sets none. ``used``: all that any tag
    ever named.

    Raises:
        WrongArguments: both are asked for.
        NoRepository, WrongConfig, GitError: the repository cannot be read.
    """
    if allowed and used:
        raise WrongArguments("'allowed' and 'used' exclude each other", "Ask for one of them")
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
    """Return the greatest version of an artifact in effect, None where there is none; with ``all``, every one.

    Raises:
        ArtifactNotFound: no tag names the artifact.
        NoRepository, WrongConfig, GitError: the repository cannot be read.
    """
    with opened(repo) as (repository, _):
        versions = _read_artifact(repository, name).versions(registered_only=registered)
        return versions if all else next(iter(versions), None)


def find_versions_in_stage(
    repo: RepoLike,
    name: str,
    stage: str,
    assignments_per_version: int = ALL,
    versions_per_stage: int = 1,
    registered_only: bool = False,
) -> list[VersionStage] | None:
    """Return what ``stage`` holds of an artifact, foremost version first; None where it holds nothing.

    Raises:
        ArtifactNotFound: no tag names the artifact.
        NoRepository, WrongConfig, GitError: the repository cannot be read.
    """
    with opened(repo) as (repository, _):
        limits = StageLimits(assignments_per_version, versions_per_stage, "semver", registered_only)
        return _read_artifact(repository, name).in_stages(limits).get(stage)


def parse_tag(name: str) -> Row:
    """Return the parts of a tag name: ``name``, ``action``, and what applies of ``version``, ``stage``, ``counter``.

    Raises:
        InvalidTag: it is not in registry format.
    """
    return views.tag_view(names.parse_tag(name))


def doctor(repo: RepoLike) -> tuple[Settings, list[str]]:
    """Return the settings in effect and the registry's problems, one sentence each.

    Raises:
        NoRepository, WrongConfig, GitError: the repository cannot be read.
    """
    with opened(repo) as (repository, settings):
        records = repository.tag_records()
        problems = [problem for record in records if (problem := _record_problem(record))]
        registry = Registry.fold(read_events(records))
        for artifact in registry.artifacts.values():
            problems += _artifact_problems(artifact, settings)
        for path, read in ((settings.index, read_artifacts_yaml), ("dvc.yaml", read_dvc_yaml)):
            try:
                file = repository.root / path
                if file.is_file():
                    read(file.read_bytes(), path)
            except WrongAnnotations as error:
                problems.append(str(error))
        return settings, problems


def read_registry(repository: Repository, artifact: str | None = None) -> Registry:
    """Return the registry, or as much of it as concerns one artifact, in one git process.

    Raises:
        GitError: the repository cannot be read.
    """
    return Registry.fold(read_events(repository.tag_records(artifact)))


def annotation_view(annotation: Annotation) -> Row:
    """Return an annotation as GTO's JSON holds it: every field, set or not."""
    fields = {**asdict(annotation), "labels": list(annotation.labels), "description": annotation.description or ""}
    del fields["source"]
    return fields


def _read_artifact(repository: Repository, name: str) -> Artifact:
    shortcut = names.match_shortcut(name)
    wanted = shortcut.artifact if shortcut else name
    if _is_name(wanted):
        found = read_registry(repository, wanted).artifacts.get(wanted)
        if found is not None:
            return found
    raise not_found(wanted, sorted(read_registry(repository).artifacts))


def _is_name(text: str) -> bool:
    try:
        names.check_artifact(text)
    except GtoError:
        return False
    return True


def _not_a_tag(tag: str) -> str:
    if names.match_tag(tag.replace(":", "=")):
        return f"{quote(tag)} is not a tag name: in tags ':' is written '='; try {quote(tag.replace(':', '='))}"
    return f"{quote(tag)} is not in registry format" if names.looks_like_tag(tag) else ""


def _commits(repository: Repository, settings: Settings, versions: Sequence[Version]) -> list[Row | None]:
    """What each version's commit says: its author and message, and the artifact's annotation there."""
    wanted = [name for v in versions for name in (v.commit, f"{v.commit}:{settings.index}")]
    found = repository.objects(wanted) if wanted else []
    rows: list[Row | None] = []
    for version, commit, index in zip(versions, found[::2], found[1::2], strict=True):
        if commit is None or commit.kind != "commit":
            rows.append(None)
            continue
        annotation = None
        if index is not None and index.kind == "blob":
            try:
                annotation = read_artifacts_yaml(index.data, settings.index).get(version.artifact)
            except (
                WrongAnnotations
            ):  # an old commit's broken file hides no version; `gto doctor` speaks of the current one
                annotation = None
        rows.append(
            views.commit_view(version, parse_commit(commit.data), annotation_view(annotation) if annotation else None)
        )
    return rows


def _record_problem(record: TagRecord) -> str | None:
    name = names.match_tag(record.name)
    if name is not None:
        reason = why_no_event(record, name)
        return f"Tag {quote(record.name)} is ignored: {reason}" if reason else None
    if names.looks_like_tag(record.name):
        return f"Tag {quote(record.name)} is ignored: it resembles a registry tag but is not in registry format"
    return None


def _artifact_problems(artifact: Artifact, settings: Settings) -> list[str]:
    problems = []
    active = [version for version in artifact.by_key.values() if version.registered and version.active]
    for attribute, other, rule in (
        ("commit", "version", "one commit holds the versions"),
        ("version", "commit", "one version is registered at the commits"),
    ):
        groups: dict[str, list[str]] = {}
        for version in active:
            groups.setdefault(getattr(version, attribute), []).append(getattr(version, other))
        for key, members in groups.items():
            if len(members) > 1:
                problems.append(f"Artifact {quote(artifact.name)}, {views.short_id(key)}: {rule} {', '.join(members)}")
    if settings.stages is not None:
        used = {event.stage for event in artifact.events if event.stage is not None}
        problems += [
            f"Artifact {quote(artifact.name)} uses the stage {quote(stage)}, which .gto does not allow"
            for stage in sorted(used - set(settings.stages))
        ]
    return problems
