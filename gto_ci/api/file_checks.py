"""Check files before a commit, and tags before a push.

Files are checked in the working tree. A tag is wrong if the registry would ignore it.
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
_CREATE_AGAIN = "Create it again with 'gto register' or 'gto assign', or with 'git tag --annotate --force'"


class FileProblem(NamedTuple):
    """A mistake in a file. ``line`` counts from 1, and is 0 if the line is unknown."""

    path: str
    line: int
    text: str

    def __str__(self) -> str:
        line = f":{self.line}" if self.line else ""
        return f"{one_line(self.path, 500)}{line}: {self.text}"


class PushedRef(NamedTuple):
    """A ref to be pushed: its name on the remote, and the local revision ``rev`` that it will point to."""

    ref: str
    rev: str


# Files


def usual_files(repository: Repository) -> list[str]:
    """Return the paths of the working tree's registry files, relative to its root.

    These are ``.gto``, ``.gto-policy.yaml``, the annotation file, ``dvc.yaml``, and every tracked ``dvc.yaml``
    in a folder.

    Raises:
        GitError: git cannot read the repository, or it has no working tree.
    """
    tracked = repository.tracked_files(_DVC)
    usual = [config.CONFIG_FILE, config.POLICY_FILE, _index(repository), _DVC, *tracked]
    return [path for path in dict.fromkeys(usual) if (repository.root / path).is_file()]


def check_files(repository: Repository, files: Sequence[Path], kind: str = "") -> list[FileProblem]:
    """Return the mistakes in ``files``. ``kind`` is one of :data:`KINDS`; without it, a file's name says its kind.

    Raises:
        GtoError: a file cannot be read, or its name does not say its kind.
    """
    index = _index(repository)
    return [problem for file in files for problem in _check(kind or _kind_of(file, index), file, repository.root)]


def _index(repository: Repository) -> str:
    try:
        return posixpath.normpath(config.load(repository.root, {}).index)
    except WrongConfig:  # the check of .gto reports it
        return config.Settings().index


def _kind_of(file: Path, index: str) -> str:
    kinds = {posixpath.basename(index): "artifacts", _DVC: "dvc"}
    kinds |= {config.CONFIG_FILE: "config", config.POLICY_FILE: "policy"}
    if file.name not in kinds:
        *known, last = kinds
        step = f"Name its kind: --as {', '.join(KINDS[:-1])} or {KINDS[-1]}"
        raise WrongArguments(f"{quote(file)} is not named {', '.join(known)} or {last}", step)
    return kinds[file.name]


def _check(kind: str, file: Path, root: Path) -> list[FileProblem]:
    path = str(file)
    try:
        data = file.read_bytes()
    except OSError as error:
        raise GtoError(f"Cannot read {quote(file)}: {error.strerror}", "Name an existing file") from error
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
    """Return the prefix of the artifacts that a ``dvc.yaml`` annotates: ``FOLDER:``, or "" in the root."""
    try:
        folder = file.parent.resolve().relative_to(root.resolve()).as_posix()
    except ValueError:  # the file is outside the repository
        return ""
    return "" if folder == "." else f"{folder}:"


def _wrong_names(
    data: bytes, path: str, found: Iterable[str], folder: str = "", section: Sequence[str] = ()
) -> list[FileProblem]:
    """Return the invalid artifact names among ``found``. ``section`` leads to them in the YAML text ``data``."""
    wrong = {name: reason for name in found if (reason := _name_problem(folder + name))}
    if not wrong:
        return []
    document = Document(data)
    lines = {key.value: line_of(key) for key, _ in document.pairs(document.section(*section), path)}
    return [FileProblem(path, lines[name], reason) for name, reason in wrong.items()]


def _name_problem(text: str) -> str:
    try:
        names.check_artifact(text)
    except GtoError as error:
        return str(error)
    return ""


# Tags


def refs_from_git(data: bytes) -> list[PushedRef]:
    """Parse git's input for a ``pre-push`` hook, and return the refs without deleted ones.

    Each line has the form ``LOCAL-REF LOCAL-OID REMOTE-REF REMOTE-OID``. Source: githooks(5).

    Raises:
        WrongArguments: a line does not have that form.
    """
    refs = []
    for line in filter(None, data.decode(errors="surrogateescape").split("\n")):  # a ref may hold other line breaks
        words = line.rsplit(" ", 3)  # the local ref may contain spaces: `HEAD^{/a word}`
        if len(words) != 4:
            raise WrongArguments(f"This is not git's input for a pre-push hook: {quote(line)}", "Let git run the hook")
        _, rev, ref, _ = words
        if rev.strip("0"):
            refs.append(PushedRef(ref, rev))
    return refs


def refs_from_pre_commit(environ: Mapping[str, str]) -> list[PushedRef] | None:
    """Return the pushed ref from pre-commit's variables, None if they are not set. pre-commit passes only one ref."""
    ref = environ.get("PRE_COMMIT_REMOTE_BRANCH")
    rev = environ.get("PRE_COMMIT_TO_REF") or environ.get("PRE_COMMIT_LOCAL_BRANCH")
    return [PushedRef(ref, rev)] if ref and rev else None


def check_push(repository: Repository, refs: Iterable[PushedRef]) -> list[str]:
    """Return one sentence, with a fix, for each tag among ``refs`` that the registry would ignore.

    Raises:
        GitError: git cannot read the repository.
    """
    tags = {pushed.ref.removeprefix(_TAGS): pushed.rev for pushed in refs if pushed.ref.startswith(_TAGS)}
    parsed = {tag: name for tag in tags if (name := names.match_tag(tag))}
    problems = [
        f"Tag {quote(tag)} resembles a registry tag but is not one. {names.TAG_RULE}"
        for tag in tags
        if tag not in parsed and names.looks_like_tag(tag)
    ]
    objects = iter(repository.objects([rev for tag in parsed for rev in (tags[tag], f"{tags[tag]}^{{}}")]))
    for (tag, name), tag_object, peeled in zip(parsed.items(), objects, objects, strict=False):
        reason = why_no_event(_record(tag, tag_object, peeled), name) if tag_object and peeled else None
        if reason:
            problems.append(f"Tag {quote(tag)} would be ignored: {reason}. {_CREATE_AGAIN}")
    return problems


def _record(tag: str, pointed: GitObject, peeled: GitObject) -> TagRecord:
    """Return the tag as the remote would store it. ``pointed`` is the object that the ref points to."""
    if pointed.kind != "tag":
        return TagRecord(tag, False, peeled.oid, peeled.kind)
    return parse_tag_object(tag, peeled.oid, pointed.data)._replace(target_type=peeled.kind)
