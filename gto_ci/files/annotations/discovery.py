"""The annotations in the files of commits: of HEAD, of all branches or of all commits.

Each distinct file is read once, however many commits hold it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from gto_ci.core.errors import WrongAnnotations, quote
from gto_ci.core.events import CommitEvent, CommitRecord
from gto_ci.core.names import is_artifact
from gto_ci.files.annotations.reading import Annotation, read_artifacts_yaml, read_dvc_yaml
from gto_ci.git import Repository
from gto_ci.git.output import GitObject, parse_commit
from gto_ci.git.trees import Files, Scope, files_in

Annotations = Mapping[str, Annotation]  # by artifact


class Discovery(NamedTuple):
    """The annotations in the files of commits.

    ``annotations`` holds those of each commit in the scope, by commit. ``described`` holds those in ``artifacts.yaml``
    at the other requested commits. ``commits`` holds the commits of both by id. ``warning`` is a sentence about files
    that were left out, or empty.
    """

    annotations: Mapping[str, Annotations]
    described: Mapping[str, Annotations]
    commits: Mapping[str, CommitRecord]
    warning: str

    def notes(self, artifact: str | None = None) -> list[CommitEvent]:
        """Return the commits that annotate ``artifact``, or any artifact: one event for each artifact of a commit."""
        return [
            CommitEvent(name, commit, self.commits[commit])
            for commit, found in self.annotations.items()
            if commit in self.commits
            for name in (found if artifact is None else (artifact,) if artifact in found else ())
        ]

    def at(self, commit: str, artifact: str) -> Annotation | None:
        """Return the annotation of ``artifact`` at ``commit``."""
        return self.described.get(commit, {}).get(artifact) or self.annotations.get(commit, {}).get(artifact)


def discover(
    repository: Repository,
    scope: Scope,
    index: str,
    commits: Sequence[str] = (),
    *,
    described: bool = False,
) -> Discovery:
    """Return the annotations of the commits in ``scope``, and read ``commits`` with the same process.

    ``index`` is the annotation file's name. With ``described``, that file is also read at ``commits``. A file that
    cannot be understood has no annotations.

    Raises:
        GitError: git cannot read the repository.
    """
    index = posixpath.normpath(index)
    found = files_in(repository, scope, [f":(top,literal){index}", ":(top,glob)**/dvc.yaml"])
    annotating = {commit: files for commit, files in found.items() if files}
    blobs = list(dict.fromkeys(oid for files in annotating.values() for oid in files.values()))
    ids = list(dict.fromkeys([*annotating, *commits]))
    files_there = [f"{commit}:{index}" for commit in commits] if described else []
    asked = [*ids, *blobs, *files_there]
    repository.bring_blobs(blobs)
    answers = repository.objects(asked) if asked else []
    records = _commits_among(answers[: len(ids)])
    contents = {one.oid: one.data for one in answers[len(ids) : len(ids) + len(blobs)] if one}
    reader = _Reader(index, contents)
    annotations = {commit: reader.annotations(files, commit) for commit, files in annotating.items()}
    there = dict(zip(commits, answers[len(ids) + len(blobs) :], strict=True)) if described else {}
    return Discovery(annotations, {c: reader.alone(blob) for c, blob in there.items()}, records, reader.warning)


def read_commits(repository: Repository, commits: Sequence[str]) -> dict[str, CommitRecord]:
    """Return the commits among ``commits`` that the repository has, by id.

    Raises:
        GitError: git cannot read the repository.
    """
    return _commits_among(repository.objects(commits)) if commits else {}


def _commits_among(answers: Iterable[GitObject | None]) -> dict[str, CommitRecord]:
    return {one.oid: parse_commit(one.oid, one.data) for one in answers if one and one.kind == "commit"}


class _Reader:
    """Parses each file once, and merges each combination of files once."""

    def __init__(self, index: str, contents: Mapping[str, bytes]) -> None:
        self._index = index
        self._contents = contents
        self._files: dict[tuple[str, str], Annotations] = {}
        self._combined: dict[frozenset[tuple[str, str]], Annotations] = {}
        self._problems: list[str] = []

    @property
    def warning(self) -> str:
        """A sentence about the first file that cannot be understood, and the number of others."""
        if not self._problems:
            return ""
        more = len(self._problems) - 1
        return self._problems[0] + (f" (and {more} more)" if more else "")

    def annotations(self, files: Files, commit: str) -> Annotations:
        """Return the annotations in all ``files`` of a commit; if two name an artifact, ``artifacts.yaml`` wins."""
        key = frozenset(files.items())
        known = self._combined.get(key)
        if known is None:
            parts = [self._file(path, oid, commit) for path, oid in sorted(files.items()) if path != self._index]
            if self._index in files:
                parts.append(self._file(self._index, files[self._index], commit))
            known = self._combined[key] = _merged(parts)
        return known

    def alone(self, blob: GitObject | None) -> Annotations:
        """Return the annotations in the ``artifacts.yaml`` of an earlier commit, none if it is malformed."""
        if blob is None or blob.kind != "blob":
            return {}
        key = (self._index, blob.oid)
        if key not in self._files:
            try:
                self._files[key] = read_artifacts_yaml(blob.data, self._index)
            except WrongAnnotations:  # no one can correct an old commit; `gto doctor` reports the current one
                self._files[key] = {}
        return self._files[key]

    def _file(self, path: str, oid: str, commit: str) -> Annotations:
        key = (path, oid)
        if key not in self._files:
            try:
                found = self._read(path, self._contents.get(oid, b""))
            except WrongAnnotations as error:
                found = {}
                self._problems.append(f"{error} (at commit {commit[:7]}); nothing in it is shown")
            for name in [name for name in found if not is_artifact(name)]:
                del found[name]
                self._problems.append(
                    f"{quote(path)} (at commit {commit[:7]}) annotates {quote(name)}, which cannot name an artifact"
                )
            self._files[key] = found
        return self._files[key]

    def _read(self, path: str, data: bytes) -> dict[str, Annotation]:
        if path == self._index:
            return read_artifacts_yaml(data, path)
        folder = posixpath.dirname(path)
        entries = read_dvc_yaml(data, path).items()
        return {f"{folder}:{name}" if folder else name: entry for name, entry in entries}


def _merged(parts: Iterable[Annotations]) -> Annotations:
    merged: dict[str, Annotation] = {}
    for part in parts:
        merged.update(part)
    return merged
