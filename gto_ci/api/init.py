"""A repository set up: settings, annotations, rules and a workflow, each where it is not there yet.

What is there stays. All files are written, or none.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from gto_ci.api import files
from gto_ci.api.init_templates import ACTION, WORKFLOW_FILE, policy_text, settings_text, workflow_text
from gto_ci.core.errors import GtoError, WrongArguments, quote
from gto_ci.core.names import check_artifact
from gto_ci.files import config, policy_file
from gto_ci.files.annotations import editing, read_artifacts_yaml
from gto_ci.files.config import CONFIG_FILE, POLICY_FILE, Settings
from gto_ci.git import Repository, Runner
from gto_ci.git.worktree.file_commit import read_head
from gto_ci.git.worktree.uninterruptible import finish


@dataclass(frozen=True, slots=True)
class InitOptions:
    """What to set up. ``artifacts`` are names and paths, empty for none; ``action`` is what the workflow uses."""

    stages: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    artifacts: tuple[tuple[str, str], ...] = ()
    workflow: bool = True
    policy: bool = False
    action: str = ACTION


class InitTarget(NamedTuple):
    """A repository as it is before: ``annotations`` is its annotation file, ``there`` which of our files it has."""

    root: Path
    settings: Settings
    annotations: str
    there: frozenset[str]


class NewText(NamedTuple):
    """A file to be written; ``before`` is what it holds, None where it is not there."""

    path: str
    before: bytes | None
    after: bytes


class Plan(NamedTuple):
    """What is to be written into the work tree at ``root``; ``notes`` are sentences on what stays as it is."""

    root: Path
    texts: tuple[NewText, ...]
    notes: tuple[str, ...]


def look(repo: str | Path, environ: Mapping[str, str]) -> InitTarget:
    """Return what is there.

    Raises:
        NoRepository, WrongConfig, GitError: there is no repository, or its configuration is wrong.
        GtoError: it has no work tree.
    """
    repository = Repository.open(repo, Runner(environ))
    if read_head(repository).bare:
        raise GtoError(f"{quote(repository.root)} is a bare repository: it has no work tree", "Work in a clone")
    settings = config.load(repository.root, environ)
    # a link that leads nowhere is there too: written through it, the file would be elsewhere
    there = {path for path in (CONFIG_FILE, POLICY_FILE, WORKFLOW_FILE) if os.path.lexists(repository.root / path)}
    return InitTarget(repository.root, settings, files.index_path(settings), frozenset(there))


def read_artifact(text: str) -> tuple[str, str]:
    """Return name and path, which may be empty, of ``NAME`` or ``NAME=PATH``.

    Raises:
        InvalidName: the name is outside the grammar.
        WrongArguments: the path is missing.
    """
    name, given, path = text.partition("=")
    check_artifact(name)
    if given and not path:
        raise WrongArguments(f"The path of artifact {quote(name)} is missing", f"Write {name}=PATH, or {name}")
    return name, path


def plan(site: InitTarget, options: InitOptions) -> Plan:
    """Return what would be written. Nothing is.

    Raises:
        WrongAnnotations: the annotation file cannot be understood.
        GtoError: a file cannot be where it is to be.
    """
    stages = options.stages or site.settings.stages or ()
    wanted: dict[str, str] = {}
    if options.stages or options.types:
        wanted[CONFIG_FILE] = settings_text(options.stages, options.types)
        config.settings_in(wanted[CONFIG_FILE].encode(), CONFIG_FILE, {})
    if options.policy:
        wanted[POLICY_FILE] = policy_text(stages)
        policy_file.read(wanted[POLICY_FILE].encode(), POLICY_FILE)
    if options.workflow:
        has_policy = options.policy or POLICY_FILE in site.there
        wanted[WORKFLOW_FILE] = workflow_text(options.action, policy=has_policy)
    texts = [NewText(path, None, text.encode()) for path, text in wanted.items() if path not in site.there]
    notes = [f"{quote(path)} is there already, and stays as it is" for path in wanted if path in site.there]
    if options.artifacts:
        annotated, known = _annotated(site, options.artifacts)
        texts += [annotated] if annotated.after != annotated.before else []
        notes += [f"{quote(name)} is in {quote(site.annotations)} already, and stays as it is" for name in known]
    for text in texts:
        _check_place(site.root, text.path)
    if len({files.file_to_write(site.root, text.path) for text in texts}) < len(texts):
        raise GtoError(f"The index {quote(site.annotations)} is one of the other files, too", "Correct 'index' in .gto")
    return Plan(site.root, tuple(sorted(texts)), tuple(notes))


def carry_out(plan: Plan) -> None:
    """Write all files of ``plan``, or none.

    Raises:
        GtoError: one cannot be written, or is not as it was; then everything is as it was.
    """
    finish(lambda: _write(plan))


def _annotated(site: InitTarget, artifacts: Sequence[tuple[str, str]]) -> tuple[NewText, list[str]]:
    """The annotation file with those of ``artifacts`` that it lacks, and the names of the others."""
    before = files.read(files.file_to_write(site.root, site.annotations), site.annotations)
    names = set(read_artifacts_yaml(before or b"", site.annotations))
    after, known = before, []
    for name, path in artifacts:
        if name in names:
            known.append(name)
            continue
        names.add(name)
        after = editing.annotate(after, site.annotations, name, editing.AnnotationUpdate(path=path or None))
    return NewText(site.annotations, before, after or b""), known


def _check_place(root: Path, path: str) -> None:
    files.file_to_write(root, path)
    for above in reversed((root / path).parents):
        if root in above.parents and os.path.lexists(above) and not above.is_dir():
            name = quote(above.relative_to(root).as_posix())
            raise GtoError(f"{name} is not a folder, and {quote(path)} is to be in it", "Move it away, or do without")


def _write(plan: Plan) -> None:
    with ExitStack() as undo:
        prepared: list[tuple[NewText, Path, Path]] = []
        for text in plan.texts:
            place = files.file_to_write(plan.root, text.path)
            with _in_words(text.path):
                for folder in _missing(place.parent):
                    folder.mkdir()
                    undo.callback(_remove_empty, folder)
                beside = files.write_beside(place, text.after)
            undo.callback(beside.unlink, missing_ok=True)  # its name is random, and was free
            prepared.append((text, place, beside))
        for text, place, beside in prepared:
            with _in_words(text.path):
                files.put_in_place(beside, place, text.before, text.path)
            undo.callback(_put_back, place, text)
        undo.pop_all()


def _missing(folder: Path) -> list[Path]:
    """The folders to be made so that ``folder`` is there, the outermost first."""
    return [one for one in reversed((folder, *folder.parents)) if not one.exists()]


def _remove_empty(folder: Path) -> None:
    """Remove a folder that we made, unless somebody else has a file in it."""
    with suppress(OSError):
        folder.rmdir()


def _put_back(place: Path, text: NewText) -> None:
    """Undo what was written here, unless another program has changed it since."""
    if files.read(place, text.path) != text.after:
        return
    if text.before is None:
        place.unlink()  # holds what we wrote
    else:
        files.replace(place, text.after, text.before, text.path)


@contextmanager
def _in_words(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise files.trouble(path, error) from error
