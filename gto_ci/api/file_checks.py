"""Check files before they are committed, and tags before they are pushed.

Files are those that a person writes, in the work tree. A tag is at fault where the registry would pass over it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from gto_ci.core import names
from gto_ci.core.errors import GtoError, WrongArguments, WrongConfig, WrongFile, one_line, quote
from gto_ci.core.events import TagRecord, why_no_event
from gto_ci.files import config, policy_file
from gto_ci.files.annotations import read_artifacts_yaml, read_dvc_yaml
from gto_ci.files.annotations.reading import DVC_SECTION
from gto_ci.files.yaml12 import Document, line_of
from gto_ci.git import Repository
from gto_ci.git.output import GitObject
from gto_ci.git.tag_objects import parse_tag_object

KINDS = ("artifacts", "dvc", "config", "policy")
_DVC = "dvc.yaml"
_TAGS = "refs/tags/"
_ANEW = "Make it anew with 'gto register' or 'gto assign', or with 'git tag --annotate --force'"


class FileProblem(NamedTuple):
    """Something wrong in a file. ``line`` counts from 1, and is 0 where it is not known."""

    path: str
    line: int
    text: str

    def __str__(self) -> str:
        line = f":{self.line}" if self.line else ""
        return f"{one_line(self.path, 500)}{line}: {self.text}"


class PushedRef(NamedTuple):
    """A ref that is about to be pushed, by its name on the remote; ``rev`` names what it will hold, here."""

    ref: str
    rev: str


# Files


def usual_files(repository: Repository) -> list[str]:
    """Return which files with a meaning the work tree has, as paths from its top: of ``dvc.yaml`` all that git knows.

    Raises:
        GitError: git cannot read the repository, or it has no work tree.
    """
    found = repository.tracked_files(_DVC)
    usual = [config.CONFIG_FILE, config.POLICY_FILE, _index(repository), _DVC, *found]
    return [path for path in dict.fromkeys(usual) if (repository.root / path).is_file()]


def check_files(repository: Repository, files: Sequence[Path], kind: str = "") -> list[FileProblem]:
    """Return what is wrong with ``files``; ``kind`` is one of :data:`KINDS`, by default what their names say.

    Raises:
        GtoError: a file cannot be read, or its name does not say what it is.
    """
    index = _index(repository)
    return [problem for file in files for problem in _check(kind or _kind_of(file, index), file, repository.root)]


def _index(repository: Repository) -> str:
    try:
        return posixpath.normpath(config.load(repository.root, {}).index)
    except WrongConfig:  # that is said of the file itself
        return config.Settings().index


def _kind_of(file: Path, index: str) -> str:
    kinds = {posixpath.basename(index): "artifacts", _DVC: "dvc"}
    kinds |= {config.CONFIG_FILE: "config", config.POLICY_FILE: "policy"}
    if file.name not in kinds:
        step = f"Say what it is: --as {', '.join(KINDS[:-1])} or {KINDS[-1]}"
        raise WrongArguments(f"{quote(file)} is none of {', '.join(kinds)}", step)
    return kinds[file.name]


def _check(kind: str, file: Path, root: Path) -> list[FileProblem]:
    path = str(file)
    try:
        data = file.read_bytes()
    except OSError as error:
        raise GtoError(f"Cannot read {quote(file)}: {error.strerror}", "Name a file that is there") from error
    try:
        match kind:
            case "config":
                config.settings_in(data, path, {})
            case "policy":
                policy_file.read(data, path)
            case "dvc":
                return _wrong_names(data, path, read_dvc_yaml(data, path), _folder(file, root), DVC_SECTION)
            case _:
                return _wrong_names(data, path, read_artifacts_yaml(data, path))
    except WrongFile as error:
        step = f". {error.next_step}" if error.next_step else ""
        return [FileProblem(path, error.line, f"{error.reason}{step}")]
    return []


def _folder(file: Path, root: Path) -> str:
    """What stands before the names of artifacts that a ``dvc.yaml`` annotates."""
    try:
        folder = file.parent.resolve().relative_to(root.resolve()).as_posix()
    except ValueError:  # it is not of this repository
        return ""
    return "" if folder == "." else f"{folder}:"


def _wrong_names(
    data: bytes, path: str, found: Iterable[str], folder: str = "", section: Sequence[str] = ()
) -> list[FileProblem]:
    """The names among ``found`` that no artifact can have; ``section`` leads to them in the YAML text ``data``."""
    wrong = {name: reason for name in found if (reason := _not_a_name(folder + name))}
    if not wrong:
        return []
    document = Document(data)
    lines = {key.value: line_of(key) for key, _ in document.pairs(document.section(*section), path)}
    return [FileProblem(path, lines[name], reason) for name, reason in wrong.items()]


def _not_a_name(text: str) -> str:
    try:
        names.check_artifact(text)
    except GtoError as error:
        return str(error)
    return ""


# Tags


def sent_by_git(told: bytes) -> list[PushedRef]:
    """Return what git tells its hook ``pre-push``, ``LOCAL OID REMOTE OID`` in each line, without what is deleted.

    Raises:
        WrongArguments: a line is not of that form.
    """
    sent = []
    for line in filter(None, told.decode(errors="surrogateescape").split("\n")):  # names may hold other line breaks
        words = line.rsplit(" ", 3)  # what is pushed may be called `HEAD^{/a word}`
        if len(words) != 4:
            raise WrongArguments(f"This is not what git tells a pre-push hook: {quote(line)}", "Let git run it")
        _, rev, ref, _ = words
        if rev.strip("0"):
            sent.append(PushedRef(ref, rev))
    return sent


def sent_by_pre_commit(environ: Mapping[str, str]) -> list[PushedRef] | None:
    """Return the one ref of a push that pre-commit tells its hooks, None where it tells of none."""
    ref = environ.get("PRE_COMMIT_REMOTE_BRANCH")
    rev = environ.get("PRE_COMMIT_TO_REF") or environ.get("PRE_COMMIT_LOCAL_BRANCH")
    return [PushedRef(ref, rev)] if ref and rev else None


def check_push(repository: Repository, sent: Iterable[PushedRef]) -> list[str]:
    """Return what is wrong with the tags among ``sent``: a sentence each, and what to do.

    Raises:
        GitError: git cannot read the repository.
    """
    tags = {one.ref.removeprefix(_TAGS): one.rev for one in sent if one.ref.startswith(_TAGS)}
    parsed = {tag: name for tag in tags if (name := names.match_tag(tag))}
    faults = [
        f"Tag {quote(tag)} resembles a registry tag, and is none. {names.TAG_RULE}"
        for tag in tags
        if tag not in parsed and names.looks_like_tag(tag)
    ]
    answers = iter(repository.objects([rev for tag in parsed for rev in (tags[tag], f"{tags[tag]}^{{}}")]))
    for (tag, name), own, target in zip(parsed.items(), answers, answers, strict=False):
        reason = why_no_event(_record(tag, own, target), name) if own and target else None
        if reason:
            faults.append(f"Tag {quote(tag)} would mean nothing to the registry: {reason}. {_ANEW}")
    return faults


def _record(tag: str, own: GitObject, target: GitObject) -> TagRecord:
    """The tag as the remote would have it: ``own`` is the object it holds, ``target`` what that finally points to."""
    if own.kind != "tag":
        return TagRecord(tag, False, target.oid, target.kind)
    return parse_tag_object(tag, target.oid, own.data)._replace(target_type=target.kind)
