"""Add and remove annotations in ``artifacts.yaml``."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from gto_ci.api import files
from gto_ci.api.open_repository import RepoLike, opened
from gto_ci.api.tag_writes import Stdout, line_printer
from gto_ci.core.errors import GtoError, InvalidName, UnknownType, WrongArguments, quote
from gto_ci.core.names import PART, check_artifact
from gto_ci.files.annotations import Annotation, Plain, read_artifacts_yaml
from gto_ci.files.config import Settings
from gto_ci.git import Repository
from gto_ci.git.process import without_password
from gto_ci.git.remotes.push import Destination, find_destination, push_commit
from gto_ci.git.remotes.url_repository import UrlRepository
from gto_ci.git.worktree import file_commit
from gto_ci.git.worktree.file_commit import Head


def annotate(
    repo: RepoLike,
    name: str,
    type: str | None = None,
    path: str | None = None,
    must_exist: bool = False,
    allow_same_path: bool = False,
    labels: Sequence[str] | None = None,
    description: str = "",
    custom: Plain = None,
    commit: bool = False,
    push: bool = False,
    dry_run: bool = False,
    stdout: Stdout = False,
) -> Annotation:
    """Annotate artifact ``name`` in the working tree's ``artifacts.yaml``, and return its whole annotation.

    A given value replaces the old value, except that ``labels`` are added to the existing labels. With
    ``must_exist``, the path must be a file or folder in the current commit. ``commit`` commits only
    ``artifacts.yaml``, even if other files are changed or staged. ``push`` commits, and pushes the branch.

    >>> api.annotate(repo, "segment", type="model", path="s3://models/segment", labels=["nlp"]).labels
    ('nlp',)
    >>> api.annotate(repo, "segment", labels=["fast"]).labels
    ('nlp', 'fast')

    Raises:
        InvalidName: the name, the type or a label is outside the grammar.
        UnknownType: the configuration does not allow the type.
        WrongArguments: a required path does not exist, or the path clashes with another artifact's path.
        WrongAnnotations: the file cannot be parsed; it stays unchanged.
        PushRefused: the remote refuses the push; nothing was changed.
        GtoError: with ``commit``, the file has uncommitted changes; or there is no working tree.
        NoRepository, WrongConfig, GitError: the repository cannot be read or written.
    """
    from gto_ci.files.annotations import editing  # late: only needed for writing

    check_artifact(name)
    if "" in (type, path):
        raise WrongArguments("The type or the path is empty", "Leave it out to keep the current value")
    for label in labels or ():
        check_word("label", label)
    if must_exist and not path:
        raise WrongArguments("`path` is required when `must_exist` is set to True", "Add the path")
    change = editing.AnnotationUpdate(type, path, must_exist, tuple(labels or ()), description, custom)
    message = f"Annotate artifact `{name}`" + (f" of type `{type}`" if type else "")
    message += f" with path `{path}`" if path else ""
    with opened(repo) as (repository, settings):
        _check_type(settings, type)
        if must_exist and path:
            _check_committed(repository, path)
        index = files.index_path(settings)
        after = _write(
            repository,
            index,
            lambda data: editing.annotate(data, index, name, change, allow_same_path=allow_same_path),
            _WriteOptions(message, commit or push, push, dry_run, line_printer(stdout)),
        )
        return read_artifacts_yaml(after, index)[name]


def remove(
    repo: RepoLike,
    name: str,
    commit: bool = False,
    push: bool = False,
    dry_run: bool = False,
    stdout: Stdout = False,
) -> None:
    """Remove artifact ``name`` from the working tree's ``artifacts.yaml``.

    ``commit`` and ``push`` work as in :func:`annotate`.

    >>> api.annotate(repo, "segment", type="model").type
    'model'
    >>> api.remove(repo, "segment")

    Raises:
        ArtifactNotFound: the file does not annotate the artifact.
        WrongAnnotations: the file cannot be parsed; it stays unchanged.
        PushRefused: the remote refuses the push; nothing was changed.
        GtoError: with ``commit``, the file has uncommitted changes; or there is no working tree.
        NoRepository, WrongConfig, GitError: the repository cannot be read or written.
    """
    from gto_ci.files.annotations import editing  # late: only needed for writing

    check_artifact(name)
    with opened(repo) as (repository, settings):
        index = files.index_path(settings)
        message = f"Remove annotation for artifact `{name}`"
        options = _WriteOptions(message, commit or push, push, dry_run, line_printer(stdout))
        _write(repository, index, lambda data: editing.remove(data, index, name), options)


@dataclass(frozen=True, slots=True)
class _WriteOptions:
    """How to write an edit: ``message`` is the commit message, ``say`` prints a line for the user."""

    message: str
    commit: bool
    push: bool
    dry_run: bool
    say: Callable[[str], None]


Edit = Callable[[bytes | None], bytes]


def _write(repository: Repository, index: str, edit: Edit, options: _WriteOptions) -> bytes:
    """Edit the file ``index`` in the working tree or in a new commit, and return its new text."""
    if isinstance(repository, UrlRepository):
        head = Head(repository.commit_id("HEAD"), repository.branch, bare=True)
        return _commit(repository, head, index, edit, replace(options, commit=True, push=True))
    head = file_commit.read_head(repository)
    if options.commit:
        return _commit(repository, head, index, edit, options)
    if head.bare:
        raise GtoError(
            f"{quote(repository.root)} is a bare repository: it has no working tree", "Use --commit, or work in a clone"
        )
    file = files.file_to_write(repository.root, index)
    before = files.read(file, index)
    after = edit(before)
    if options.dry_run:
        _say_difference(before, after, index, options.say)
    elif after != before:
        files.replace(file, before, after, index)
    return after


def _commit(repository: Repository, head: Head, index: str, edit: Edit, options: _WriteOptions) -> bytes:
    destination = _destination(repository, head) if options.push else None
    if not head.bare:
        file_commit.check_clean(repository, index)
    before = file_commit.committed_file(repository, head, index)
    after = edit(before)
    if options.dry_run:
        _say_difference(before, after, index, options.say)
    if after == before:
        options.say(f"Nothing to commit: {index} already has this annotation")
    elif options.dry_run:
        options.say(f"Would have committed {index}: {options.message}")
        if destination:
            options.say(f"Would have pushed it to {_shown(destination)}")
    else:
        _commit_text(repository, head, index, after, destination, options)
    return after


def _commit_text(
    repository: Repository, head: Head, index: str, text: bytes, destination: Destination | None, options: _WriteOptions
) -> None:
    """Create the commit, push it if there is a destination, and then move the local branch to it."""
    new = file_commit.make_commit(repository, head, index, text, options.message)
    if destination:
        push_commit(repository, new, destination)
    try:
        file_commit.make_visible(repository, head, new, "gto")
    except GtoError as error:
        if not destination:
            raise
        raise GtoError(
            f"Commit {new[:7]} was pushed to {_shown(destination)}, but your branch was not updated: {error.cause}",
            f"Run 'git merge --ff-only {new}'",
        ) from error
    done = f"Committed and pushed to {_shown(destination)}" if destination else "Committed"
    options.say(f"{done}: {new[:7]} {options.message}")


def _destination(repository: Repository, head: Head) -> Destination:
    if isinstance(repository, UrlRepository) and head.branch is not None:
        address = without_password(repository.remote.url)
        return Destination(repository.remote_name(), f"refs/heads/{head.branch}", address)
    if head.branch is None:
        raise GtoError("HEAD is detached: there is no branch to push", "Check out a branch: git switch BRANCH")
    return find_destination(repository, head.branch)


def _shown(destination: Destination) -> str:
    return f"{quote(destination.ref.removeprefix('refs/heads/'))} on {quote(destination.address or destination.remote)}"


def _say_difference(before: bytes | None, after: bytes, index: str, say: Callable[[str], None]) -> None:
    for line in files.difference(index, before, after):
        say(line)


# Checks


def check_word(kind: str, text: str) -> None:
    if not re.fullmatch(PART, text):
        rule = "Use letters, digits, '-', '_' and '/', with a letter or digit at both ends"
        raise InvalidName(f"Invalid {kind} {quote(text)}", rule)


def _check_type(settings: Settings, type: str | None) -> None:
    if not type:
        return
    check_word("type", type)
    if settings.types is not None and type not in settings.types:
        raise UnknownType(f"Type {quote(type)} is not allowed", f"Allowed types are: {list(settings.types)}")


def _check_committed(repository: Repository, path: str) -> None:
    normal = posixpath.normpath(path)
    outside = normal.startswith(("/", "../")) or normal == ".." or "\0" in normal
    if outside or repository.objects([f"HEAD:{'' if normal == '.' else normal}"]) == [None]:
        raise WrongArguments(
            f"Nothing found in {quote(path)} for checked out commit", "Commit it first, or omit --must-exist"
        )
