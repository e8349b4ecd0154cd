"""Job: the action. A ref becomes step outputs, tables in the log, and a summary.

environment → inputs → the tags needed → events → registry → what the ref means → its annotation
→ outputs, tables, summary. Nothing is written before everything is known.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from gto_ci import config, names
from gto_ci.annotations import Annotation, find
from gto_ci.config import Settings
from gto_ci.errors import GtoError, NoRepository, TagProblem, WrongAnnotations, WrongInput, quote
from gto_ci.events import Event, TagRecord, explain_absence, read_events
from gto_ci.git import Repository, Runner
from gto_ci.git.remote import find_remote
from gto_ci.git.snapshot import QUIET, Snapshot
from gto_ci.github import outputs
from gto_ci.github.event import Job, Target, decide
from gto_ci.github.inputs import Inputs
from gto_ci.github.log import Log
from gto_ci.names import Kind, TagName
from gto_ci.registry import Registry, StageLimits
from gto_ci.render import page, table, views

# A message longer than this is a text, not a message; whole, it could fill what a job may output.
MESSAGE_LIMIT = 10_000
HISTORY_ROWS = 1000


@dataclass(frozen=True, slots=True)
class Meaning:
    """What the ref turned out to mean: an event, or the name of a deleted tag, or nothing.

    ``annotation`` and ``warnings`` are what the files at the event's commit say.
    """

    event: Event | None = None
    deleted: TagName | None = None
    annotation: Annotation | None = None
    warnings: tuple[str, ...] = ()

    @property
    def artifact(self) -> str | None:
        """The artifact that it is about."""
        return self.event.artifact if self.event else self.deleted.artifact if self.deleted else None


def run(inputs: Inputs, job: Job, environ: Mapping[str, str], log: Log) -> None:
    """Do the action's work; return normally only when the step has succeeded.

    Raises:
        GtoError: the step has to fail; nothing was written to the outputs.
    """
    log.mask(inputs.token)
    try:
        _run(inputs, job, environ, log)
    except GtoError as error:
        if inputs.summary and job.summary_file:
            outputs.append(job.summary_file, page.failure(error.cause, error.next_step).encode())
        raise


def _run(inputs: Inputs, job: Job, environ: Mapping[str, str], log: Log) -> None:
    target = decide(inputs.ref, job)
    name = _registry_name(target)
    repository = _open(inputs, job, environ)
    settings = config.load(repository.root, environ)
    if name is None:
        log.notice(
            f"{target.nothing or quote(target.text)} is no registry tag: all outputs are empty. {names.TAG_RULE}"
        )
        if not (inputs.show or inputs.history or inputs.summary):
            outputs.append(job.output_file, outputs.render(outputs.fit({})[0]))
            return
    remote = find_remote(repository, inputs.token, job.server_url)
    with Snapshot.beside(repository, remote) as snapshot:
        records = snapshot.fetch_registry() if inputs.fetch_tags else repository.tag_records()
        registry = Registry.fold(read_events(records))
        meaning = Meaning()
        if name is not None:
            meaning = _interpret(target, name, records, registry, fetched=inputs.fetch_tags)
            meaning = _annotate(meaning, snapshot, settings, log)
        if inputs.fetch_tags and meaning.event and target.commit:
            # the tag that set the job off is lightweight after a checkout; the user gets the real one back
            _give_to_owner(snapshot.restore_tag(meaning.event.tag), repository.root)
    _report(inputs, job, log, settings, registry, meaning)


def _registry_name(target: Target) -> TagName | names.Shortcut | None:
    """The parts of the target's text, None where it says nothing to the registry."""
    tag = names.match_tag(target.text)
    if tag is not None:
        return None if tag.kind is Kind.CREATION else tag
    return names.match_shortcut(target.text) if target.may_be_shortcut else None


def _open(inputs: Inputs, job: Job, environ: Mapping[str, str]) -> Repository:
    """Open the repository at the input ``path``; trust it, whoever owns it, in this process only."""
    workspace = job.workspace.resolve()
    folder = (workspace / inputs.path).resolve()
    if not folder.is_relative_to(workspace):
        raise WrongInput(
            f"Input 'path' leaves the workspace: {quote(inputs.path)}", "Give a path relative to the workspace"
        )
    next_step = "Run actions/checkout before this step, or set the input 'path' to where it put the repository"
    try:
        repository = Repository.open(folder, Runner(environ))
    except NoRepository as error:
        raise NoRepository(error.cause, next_step) from error
    if not repository.root.is_relative_to(workspace):
        raise NoRepository(f"No Git repo found at {quote(inputs.path)} in the workspace", next_step)
    return replace(repository, runner=repository.runner.with_config(*QUIET, ("safe.directory", str(repository.root))))


def _give_to_owner(created: Iterable[Path], root: Path) -> None:
    """Give new files to the workspace's owner: later steps, which do not run as root, must be able to change them."""
    if os.geteuid() != 0:
        return
    owner = root.stat()
    for path in created:
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _interpret(
    target: Target,
    name: TagName | names.Shortcut,
    records: list[TagRecord],
    registry: Registry,
    *,
    fetched: bool,
) -> Meaning:
    """Say what the ref means, or raise: in registry format, it never quietly means nothing."""
    if target.deleted and isinstance(name, TagName):
        return Meaning(deleted=name)
    event = registry.event_of(target.text)
    if event is None and target.may_be_shortcut:
        shortcut = names.match_shortcut(target.text)
        event = _resolve(shortcut, registry) if shortcut else None
    if event is None:
        raise _no_event(target, name, records, fetched=fetched)
    if target.commit and event.commit != target.commit:
        raise TagProblem(
            f"Tag {quote(target.text)} points to commit {event.commit}, but this job runs on {target.commit}: "
            "the tag was moved after the job was started",
            "Run the workflow for the tag as it is now",
        )
    return Meaning(event=event)


def _resolve(shortcut: names.Shortcut, registry: Registry) -> Event | None:
    """The event that brought about what a shortcut names."""
    artifact = registry.artifacts.get(shortcut.artifact)
    if artifact is None:
        return None
    if shortcut.stage is not None:
        held = artifact.holder(shortcut.stage)
        return held.events[-1] if held else None
    versions = artifact.find(shortcut)
    return versions[0].authoring if versions else None


def _no_event(target: Target, name: TagName | names.Shortcut, records: list[TagRecord], *, fetched: bool) -> TagProblem:
    where = "on the remote" if fetched else "in the workspace"
    if isinstance(name, TagName) and any(record.name == target.text for record in records):
        cause = f"{explain_absence(records, target.text, name)} ({where})"
        if fetched:
            # quoted for any shell: a registry tag has no quote in it, but may have a # or a !
            anew = f"git tag -a -f -m MESSAGE '{name}' '{name}^{{}}' && git push --force origin 'refs/tags/{name}'"
            return TagProblem(cause, f"Make it an annotated tag: {anew}")
        return TagProblem(cause, "Set 'fetch-tags: true' to have the annotated tag fetched")
    if target.may_be_shortcut and names.match_shortcut(target.text):
        known = ", ".join(sorted(registry_names(records))[:5]) or "none"
        return TagProblem(
            f"{quote(target.text)} names no tag and no version {where}", f"Artifacts known there: {known}"
        )
    next_step = "Push the tag, or check its name" if fetched else "Set 'fetch-tags: true' to have it fetched"
    return TagProblem(f"Tag {quote(target.text)} does not exist {where}", next_step)


def registry_names(records: Iterable[TagRecord]) -> set[str]:
    """Return the names of the artifacts that the events among ``records`` are about."""
    return {event.artifact for event in read_events(records)}


def _annotate(meaning: Meaning, snapshot: Snapshot, settings: Settings, log: Log) -> Meaning:
    """Add what the files at the event's commit say; a broken file is a warning, for the event stands."""
    event = meaning.event
    if event is None:
        return meaning
    try:
        found = find(snapshot.objects, event.commit, event.artifact, settings.index)
    except WrongAnnotations as error:
        warning = f"{error} (at commit {views.short_id(event.commit)}); the annotation outputs are empty"
        log.warning(warning, error.path, error.line)
        return replace(meaning, warnings=(warning,))
    for warning in found.warnings:
        log.warning(warning)
    return replace(meaning, annotation=found.annotation, warnings=found.warnings)


def _report(inputs: Inputs, job: Job, log: Log, settings: Settings, registry: Registry, meaning: Meaning) -> None:
    view = views.registry_view(registry, registry.columns(settings.stages), StageLimits())
    values, left_out = outputs.fit(output_values(registry, meaning, view))
    warnings = [*meaning.warnings]
    for name in left_out:
        warnings.append(
            f"The output '{name}' is empty: the outputs of this step together are larger than a job may have"
        )
        log.warning(warnings[-1])
    rows = views.registry_table(view, registry.columns(settings.stages))
    _print_tables(inputs, log, registry, meaning, rows)
    if inputs.print_outputs:
        with log.group("Outputs"):
            log.text("\n".join(f"{name}: {value}" for name, value in values.items()))
    outputs.append(job.output_file, outputs.render(values))
    if inputs.summary and job.summary_file:
        text = page.summary(_title(meaning), values, rows, warnings)
        outputs.append(job.summary_file, text.encode(errors="replace"))


def _print_tables(inputs: Inputs, log: Log, registry: Registry, meaning: Meaning, rows: list[views.Row]) -> None:
    name = meaning.artifact
    artifact = registry.artifacts.get(name) if name else None
    if inputs.show:
        if artifact is not None:
            chosen = views.choose_versions(artifact, artifact.name, StageLimits(), deprecated=not artifact.active)
            with log.group(f"gto show {artifact.name}"):
                log.text(table.table(views.versions_table(chosen)))
        with log.group("gto show"):
            log.text(table.table(rows))
    if inputs.history:
        events = registry.history(name)
        with log.group(f"gto history {name}" if name else "gto history"):
            log.text(table.table(views.history_table(views.history_view(events[:HISTORY_ROWS], short=True))))
            if len(events) > HISTORY_ROWS:
                log.text(f"… and {len(events) - HISTORY_ROWS} earlier events; `gto history` lists them all")


def output_values(registry: Registry, meaning: Meaning, view: Mapping[str, views.Row]) -> dict[str, str]:
    """Return the outputs by name, as text; those that do not apply are missing or empty."""
    if meaning.deleted is not None:
        gone = meaning.deleted
        return {
            "event": gone.kind.word,
            "name": gone.artifact,
            "version": gone.version or "",
            "stage": gone.stage or "",
            "tag": str(gone),
            "deleted": "true",
            "registry": views.to_json(view),
        }
    event = meaning.event
    if event is None:
        return {}
    previous = registry.previous(event) or ("", "")
    note = meaning.annotation
    event = event._replace(message=_shortened(event.message))
    return {
        "event": event.kind.word,
        "name": event.artifact,
        "version": event.version or "",
        "stage": event.stage or "",
        "type": (note.type if note else None) or "",
        "path": (note.path if note else None) or "",
        "description": (note.description if note else None) or "",
        "labels": json.dumps(note.labels) if note else "",
        "custom": json.dumps(note.custom) if note and note.custom is not None else "",
        "tag": event.tag,
        "commit": event.commit,
        "author": event.author,
        "author-email": event.author_email,
        "message": event.message,
        "created-at": event.created_at.isoformat(),
        "previous-version": previous[0],
        "previous-commit": previous[1],
        "deleted": "false",
        "is-latest": _flag(registry.is_latest(event)) if event.version else "",
        "is-current": _flag(registry.is_current(event)) if event.kind is Kind.ASSIGNMENT else "",
        "json": views.to_json(views.event_view(event)),
        "registry": views.to_json(view),
    }


def _title(meaning: Meaning) -> str:
    if meaning.event is not None:
        return str(meaning.event)
    if meaning.deleted is not None:
        return f"Tag {meaning.deleted} was deleted"
    return "No registry tag"


def _shortened(message: str) -> str:
    if len(message) <= MESSAGE_LIMIT:
        return message
    return f"{message[:MESSAGE_LIMIT]}… (cut: the tag's message has {len(message)} characters)"


def _flag(value: bool) -> str:
    return "true" if value else "false"
