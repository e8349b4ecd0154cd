"""Set up a repository: write settings, annotations, a policy and a workflow.

Existing files stay as they are, except that the annotation file gets new artifacts. All files are written, or none.
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
    """The files to write, and their content.

    ``artifacts`` are pairs of name and path, with an empty path for none. ``action`` is the action that the
    workflow uses.
    """

    stages: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    artifacts: tuple[tuple[str, str], ...] = ()
    workflow: bool = True
    policy: bool = False
    action: str = ACTION


class InitTarget(NamedTuple):
    """A repository before the setup.

    ``annotations`` is the path of its annotation file. ``existing`` are the paths of the settings, policy and
    workflow files that exist.
    """

    root: Path
    settings: Settings
    annotations: str
    existing: frozenset[str]


class NewText(NamedTuple):
    """A file to write. ``before`` is its current content, None if it does not exist."""

    path: str
    before: bytes | None
    after: bytes


class Plan(NamedTuple):
    """The files to write to the working tree at ``root``. ``notes`` are sentences about what stays as it is."""

    root: Path
    texts: tuple[NewText, ...]
    notes: tuple[str, ...]


def inspect(repo: str | Path, environ: Mapping[str, str]) -> InitTarget:
    """Return the repository's settings, and the files that exist.

    Raises:
        NoRepository, WrongConfig, GitError: there is no repository, or its configuration is wrong.
        GtoError: the repository has no working tree.
    """
    repository = Repository.open(repo, Runner(environ))
    if read_head(repository).bare:
        raise GtoError(f"{quote(repository.root)} is a bare repository: it has no working tree", "Work in a clone")
    settings = config.load(repository.root, environ)
    # a broken symbolic link exists too: writing through it would create a file elsewhere
    paths = (CONFIG_FILE, POLICY_FILE, WORKFLOW_FILE)
    existing = frozenset(path for path in paths if os.path.lexists(repository.root / path))
    return InitTarget(repository.root, settings, files.index_path(settings), existing)


def read_artifact(text: str) -> tuple[str, str]:
    """Parse ``NAME`` or ``NAME=PATH``. Return name and path; without a path, it is empty.

    Raises:
        InvalidName: the name is outside the grammar.
        WrongArguments: there is no path after ``=``.
    """
    name, divider, path = text.partition("=")
    check_artifact(name)
    if divider and not path:
        raise WrongArguments(f"The path of artifact {quote(name)} is missing", f"Write {name}=PATH, or {name}")
    return name, path


def plan(target: InitTarget, options: InitOptions) -> Plan:
    """Return the files to write, without writing them.

    Raises:
        WrongAnnotations: the annotation file cannot be parsed.
        GtoError: a file cannot be created at its path.
    """
    stages = options.stages or target.settings.stages or ()
    contents: dict[str, str] = {}
    if options.stages or options.types:
        contents[CONFIG_FILE] = settings_text(options.stages, options.types)
        config.settings_in(contents[CONFIG_FILE].encode(), CONFIG_FILE, {})
    if options.policy:
        contents[POLICY_FILE] = policy_text(stages)
        policy_file.read(contents[POLICY_FILE].encode(), POLICY_FILE)
    if options.workflow:
        has_policy = options.policy or POLICY_FILE in target.existing
        contents[WORKFLOW_FILE] = workflow_text(options.action, policy=has_policy)
    texts = [NewText(path, None, text.encode()) for path, text in contents.items() if path not in target.existing]
    notes = [f"{quote(path)} already exists and stays as it is" for path in contents if path in target.existing]
    if options.artifacts:
        annotated, known = _annotated(target, options.artifacts)
        texts += [annotated] if annotated.after != annotated.before else []
        notes += [f"{quote(name)} is already in {quote(target.annotations)} and stays as it is" for name in known]
    for text in texts:
        _check_place(target.root, text.path)
    if len({files.file_to_write(target.root, text.path) for text in texts}) < len(texts):
        raise GtoError(
            f"The index {quote(target.annotations)} is also one of the other files", "Correct 'index' in .gto"
        )
    return Plan(target.root, tuple(sorted(texts)), tuple(notes))


def write_plan(plan: Plan) -> None:
    """Write all files of ``plan``, or none.

    Raises:
        GtoError: a file cannot be written, or has changed since; all files are as before.
    """
    finish(lambda: _write(plan))


def _annotated(target: InitTarget, artifacts: Sequence[tuple[str, str]]) -> tuple[NewText, list[str]]:
    """Add ``artifacts`` to the annotation file. Return the new file, and the artifacts that it already has."""
    before = files.read(files.file_to_write(target.root, target.annotations), target.annotations)
    names = set(read_artifacts_yaml(before or b"", target.annotations))
    after, known = before, []
    for name, path in artifacts:
        if name in names:
            known.append(name)
            continue
        names.add(name)
        after = editing.annotate(after, target.annotations, name, editing.AnnotationUpdate(path=path or None))
    return NewText(target.annotations, before, after or b""), known


def _check_place(root: Path, path: str) -> None:
    files.file_to_write(root, path)
    for parent in reversed((root / path).parents):
        if root in parent.parents and os.path.lexists(parent) and not parent.is_dir():
            name = quote(parent.relative_to(root).as_posix())
            raise GtoError(
                f"{name} is not a folder, so {quote(path)} cannot be written",
                f"Move {name} away, or leave out that file",
            )


def _write(plan: Plan) -> None:
    with ExitStack() as undo:
        prepared: list[tuple[NewText, Path, Path]] = []
        for text in plan.texts:
            place = files.file_to_write(plan.root, text.path)
            with _file_errors(text.path):
                for folder in _missing(place.parent):
                    folder.mkdir()
                    undo.callback(_remove_empty, folder)
                beside = files.write_beside(place, text.after)
            undo.callback(beside.unlink, missing_ok=True)  # ours: its name is random, and was free
            prepared.append((text, place, beside))
        for text, place, beside in prepared:
            with _file_errors(text.path):
                files.put_in_place(beside, place, text.before, text.path)
            undo.callback(_put_back, place, text)
        undo.pop_all()


def _missing(folder: Path) -> list[Path]:
    """Return ``folder`` and its parents that do not exist, the outermost first."""
    return [parent for parent in reversed((folder, *folder.parents)) if not parent.exists()]


def _remove_empty(folder: Path) -> None:
    """Remove a folder that we created, unless another program has put a file in it."""
    with suppress(OSError):
        folder.rmdir()


def _put_back(place: Path, text: NewText) -> None:
    """Restore a file that we wrote, unless another program has changed it since."""
    if files.read(place, text.path) != text.after:
        return
    if text.before is None:
        place.unlink()  # ours: it holds what we wrote
    else:
        files.replace(place, text.after, text.before, text.path)


@contextmanager
def _file_errors(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise files.file_error(path, error) from error
