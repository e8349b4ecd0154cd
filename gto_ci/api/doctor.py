"""Find problems with git, the tagger's identity, the clone, the remote and its tags, the files and the token.

The number of git processes does not depend on the number of tags.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar

from gto_ci.api.queries import artifact_problems, file_problems, record_problem
from gto_ci.core.errors import GitError, GtoError, WrongConfig, one_line, quote
from gto_ci.core.events import TagRecord, read_events
from gto_ci.core.names import match_tag
from gto_ci.core.registry import Registry
from gto_ci.files import config, policy_file
from gto_ci.files.config import POLICY_FILE, Settings
from gto_ci.git import Repository, Runner
from gto_ci.git.output import RemoteTag
from gto_ci.git.process import without_password
from gto_ci.git.remotes import diagnostics
from gto_ci.git.remotes.settings import read_settings

T = TypeVar("T")
Status = Literal["ok", "warning", "problem"]
_SHOWN = 10  # the most tags in one line, and the most problems of the registry with a line of their own
_AT_ONCE = 3  # the most tags in one push for which GitHub starts workflows
_YES = ("", "true", "yes", "on", "1")  # in git, a key without a value is true


class Diagnosis(NamedTuple):
    """The result of one check. ``fix`` is a command, or a short instruction."""

    check: str
    status: Status
    message: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class _Setup:
    """A repository, and the facts that several checks need. ``entries`` are git's settings: scope, key, value."""

    repository: Repository
    shallow: bool
    offline: bool
    entries: Sequence[tuple[str, str, str]]

    @property
    def settings(self) -> dict[str, str]:
        return {key: value for _, key, value in self.entries}

    @property
    def environ(self) -> Mapping[str, str]:
        return self.repository.runner.environ

    @property
    def urls(self) -> dict[str, str]:
        """The URL of each remote, by name."""
        urls: dict[str, str] = {}
        for _, key, value in self.entries:
            if key.startswith("remote.") and key.endswith(".url"):
                urls.setdefault(key[len("remote.") : -len(".url")], value)  # git fetches from a remote's first URL
        return urls


def examine(repo: str | Path, environ: Mapping[str, str], *, offline: bool = False) -> Iterator[Diagnosis]:
    """Yield the results of all checks, in the order in which a user would fix the problems.

    ``offline`` skips the checks that need the network. If there is no usable repository, the checks end with
    that problem.
    """
    runner = Runner(environ)
    try:
        yield _git(diagnostics.git_version(runner))
        yield _package()
        repository = Repository.open(repo, runner)
        shallow = diagnostics.is_shallow(repository)
        case = _Setup(repository, shallow, offline, read_settings(repository))
    except GtoError as error:
        yield Diagnosis("repository", "problem", error.cause, error.next_step)
        return
    yield Diagnosis("repository", "ok", f"The repository is {quote(repository.root)}")
    for name, check in _CHECKS.items():
        try:
            yield from check(case)
        except GitError as error:
            yield Diagnosis(name, "problem", error.cause, error.next_step or "git fsck")


# The machine and the tagger


def _git(version: tuple[int, ...]) -> Diagnosis:
    message = f"The version of git is {'.'.join(map(str, version)) or 'unknown'}"
    if version < diagnostics.OLDEST:
        oldest = ".".join(map(str, diagnostics.OLDEST))
        return Diagnosis(
            "git", "problem", f"{message}; gto-ci needs {oldest} or newer", f"Install git {oldest} or newer"
        )
    return Diagnosis("git", "ok", message)


def _package() -> Diagnosis:
    from importlib import metadata  # late: nothing else needs it

    try:
        other = metadata.distribution("gto")
    except metadata.PackageNotFoundError:
        return Diagnosis("package", "ok", "No other installed package provides the program 'gto'")
    message = f"The package gto {one_line(other.version)} is also installed, and provides the program 'gto' too"
    fix = "pip uninstall gto && pip install --force-reinstall --no-deps gto-ci"
    return Diagnosis("package", "problem", message, fix)


def _identity(case: _Setup) -> Iterator[Diagnosis]:
    set_name = "git config --global user.name 'Your Name'"
    set_email = "git config --global user.email you@example.com"
    try:
        tagger = diagnostics.identity(case.repository)
    except GitError as error:
        message = f"Git has no name and email for the tagger: {error.cause}"
        yield Diagnosis("identity", "problem", message, f"{set_name} && {set_email}")
        return
    missing = [
        (field, command)
        for field, command in (("name", set_name), ("email", set_email))
        if not (case.settings.get(f"user.{field}") or case.settings.get(f"committer.{field}"))
        and not case.environ.get(f"GIT_COMMITTER_{field.upper()}")
        and not (field == "email" and case.environ.get("EMAIL"))
    ]
    if missing:
        keys = " and ".join(f"user.{field}" for field, _ in missing)
        message = f"Without {keys}, git guesses the tagger: {quote(tagger)}"
        yield Diagnosis("identity", "warning", message, " && ".join(command for _, command in missing))
    else:
        yield Diagnosis("identity", "ok", f"The tagger is {quote(tagger)}")


def _signing(case: _Setup) -> Iterator[Diagnosis]:
    if case.settings.get("tag.gpgsign", "false").lower() not in _YES:
        yield Diagnosis("signing", "ok", "Git signs tags only on request")
        return
    email = diagnostics.identity(case.repository).rpartition("<")[2].rstrip(">")
    fault = diagnostics.key_fault(case.settings, case.environ, email)
    if fault:
        message = f"tag.gpgSign is on, but there is no signing key: {fault}"
        fix = "git config user.signingKey KEY, or git config tag.gpgSign false"
        yield Diagnosis("signing", "problem", message, fix)
    else:
        yield Diagnosis("signing", "ok", "Git signs tags, and has a signing key")


# The clone


def _history(case: _Setup) -> Iterator[Diagnosis]:
    if case.shallow:
        message = "The clone is shallow: it lacks the commits of older versions"
        yield Diagnosis("history", "warning", message, "git fetch --unshallow")
    else:
        yield Diagnosis("history", "ok", "The clone has the full history")


def _tag_settings(case: _Setup) -> Iterator[Diagnosis]:
    found = False
    for scope, key, value in case.entries:
        section, _, setting = key.rpartition(".")
        prunes = setting == "prunetags" and value.lower() in _YES
        if prunes and (section == "fetch" or section.startswith("remote.")):
            message = f"{_plain(key)} is on: a fetch that prunes deletes tags that are not pushed"
        elif setting == "tagopt" and section.startswith("remote.") and value == "--no-tags":
            message = f"{_plain(key)} is --no-tags: git fetch fetches no tags"
        else:
            continue
        found = True
        where = f"--{scope} " if scope in ("system", "global", "local", "worktree") else ""
        yield Diagnosis("settings", "warning", message, f"git config {where}--unset-all {_shell(key)}")
    if not found:
        yield Diagnosis("settings", "ok", "No git setting deletes or skips tags")


def _files(case: _Setup) -> Iterator[Diagnosis]:
    repository, settings = case.repository, Settings()
    try:
        settings = config.load(repository.root, case.environ)
        yield Diagnosis("config", "ok", f"The settings allow {_allowed(settings)}")
    except WrongConfig as error:
        yield Diagnosis("config", "problem", error.cause, error.next_step)
    problems = _attempt(lambda: file_problems(repository, settings))
    for problem in problems:
        yield Diagnosis("annotations", "problem", problem, "Correct this file")
    if not problems:
        yield Diagnosis("annotations", "ok", f"There are no errors in {_plain(settings.index)} and dvc.yaml")
    yield _policy(repository)


def _attempt(read: Callable[[], list[str]]) -> list[str]:
    try:
        return read()
    except OSError as error:
        return [f"Cannot read {quote(error.filename)}: {error.strerror}"]


def _allowed(settings: Settings) -> str:
    stages = "any stage" if settings.stages is None else f"the stages {', '.join(settings.stages)}"
    types = "any type" if settings.types is None else f"the types {', '.join(settings.types)}"
    return f"{stages} and {types}"


def _policy(repository: Repository) -> Diagnosis:
    file = repository.root / POLICY_FILE
    try:
        data = file.read_bytes() if file.is_file() else repository.file_at("HEAD", POLICY_FILE)
        if data is None:
            return Diagnosis("policy", "ok", f"There is no {POLICY_FILE}: only inputs can close the gate")
        rules = policy_file.read(data, POLICY_FILE).rules
    except OSError as error:
        return Diagnosis("policy", "problem", f"Cannot read {POLICY_FILE}: {error.strerror}", "Make it readable")
    except GtoError as error:
        return Diagnosis("policy", "problem", error.cause, error.next_step or f"Correct {POLICY_FILE}")
    return Diagnosis("policy", "ok", f"{POLICY_FILE} holds {len(rules)} rule{'' if len(rules) == 1 else 's'}")


# Local tags and remote tags


def _tags(case: _Setup) -> Iterator[Diagnosis]:
    remote = yield from _remote(case)
    remote_tags: dict[str, RemoteTag] | None = None
    if remote and not case.offline:
        try:
            remote_tags = diagnostics.tags_on(case.repository, remote, case.settings)
        except GitError as error:
            message = f"Cannot reach the remote {quote(remote)}: {error.cause}"
            yield Diagnosis("remote", "problem", message, error.next_step)
    local_tags = _registry_tags(diagnostics.local_tags(case.repository))
    records = case.repository.tag_records()
    clobbered = _clobbered(records, local_tags, remote_tags or {})
    if remote_tags is not None:
        yield from _differences(remote, local_tags, _registry_tags(remote_tags), clobbered)
    yield from _registry(case, records, clobbered, remote if remote_tags is None else "")
    if remote and not case.offline:
        yield from _token(case, case.urls[remote])


def _remote(case: _Setup) -> Generator[Diagnosis, None, str]:
    """Yield the result of the check, and return the remote's name, "" if there is none to use."""
    urls = case.urls
    if not urls:
        yield Diagnosis("remote", "warning", "There is no remote: tags cannot be pushed", "git remote add origin URL")
        return ""
    if "origin" not in urls and len(urls) > 1:
        message = f"There are several remotes, but none is named origin: {_plain(', '.join(sorted(urls)))}"
        yield Diagnosis("remote", "warning", message, f"git remote rename {_shell(min(urls))} origin")
        return ""
    name = "origin" if "origin" in urls else next(iter(urls))
    yield Diagnosis("remote", "ok", f"The remote is {quote(name)}, {quote(without_password(urls[name]))}")
    return name


def _registry_tags(tags: Mapping[str, T]) -> dict[str, T]:
    return {name: tag for name, tag in tags.items() if match_tag(name)}


def _clobbered(
    records: Iterable[TagRecord], local_tags: Mapping[str, str], remote_tags: Mapping[str, RemoteTag]
) -> dict[str, RemoteTag]:
    """Return the tags that are lightweight here but annotated on the remote. actions/checkout leaves such tags."""
    lightweight = (record.name for record in records if not record.annotated and record.name in local_tags)
    candidates = {name: remote_tags[name] for name in lightweight if name in remote_tags}
    return {name: tag for name, tag in candidates.items() if tag.oid != tag.target}


def _differences(
    remote: str,
    local_tags: Mapping[str, str],
    remote_tags: Mapping[str, RemoteTag],
    clobbered: Mapping[str, RemoteTag],
) -> Iterator[Diagnosis]:
    shared = [name for name in local_tags if name in remote_tags and name not in clobbered]
    differing = [name for name in shared if remote_tags[name].oid != local_tags[name]]
    only_local = [name for name in local_tags if name not in remote_tags]
    only_remote = [name for name in remote_tags if name not in local_tags]
    groups: list[tuple[Status, list[str], str, Callable[[list[str]], str]]] = [
        ("problem", [*clobbered], "lightweight here but annotated on the remote", partial(_fetch, remote)),
        ("problem", differing, "different here and on the remote", partial(_fetch, remote)),
        ("warning", only_local, "not pushed", partial(_push, remote)),
        ("warning", only_remote, "on the remote but not here", lambda _: f"git fetch --tags {_shell(remote)}"),
    ]
    for status, names, state, fix in groups:
        if names:
            message = f"{len(names)} tag{' is' if len(names) == 1 else 's are'} {state}: {_some(sorted(names))}"
            yield Diagnosis("tags", status, message, fix(sorted(names)))
    if not any(names for _, names, _, _ in groups):
        yield Diagnosis("tags", "ok", f"The registry tags here ({len(local_tags)}) match those on the remote")


def _fetch(remote: str, names: Sequence[str]) -> str:
    return f"git fetch {_shell(remote, *(f'+refs/tags/{name}:refs/tags/{name}' for name in names[:_SHOWN]))}"


def _push(remote: str, names: Sequence[str]) -> str:
    return f"git push {_shell(remote, *(f'refs/tags/{name}' for name in names[:_AT_ONCE]))}"


def _registry(
    case: _Setup, records: Sequence[TagRecord], reported: Mapping[str, object], unread_remote: str
) -> Iterator[Diagnosis]:
    """Check the registry for contradictions. Skip the tags in ``reported``: another check has reported them.

    ``unread_remote`` is a remote whose tags were not read, "" if there is none.
    """
    try:
        settings = config.load(case.repository.root, case.environ)
    except WrongConfig:  # reported by _files
        settings = Settings()
    found = [
        Diagnosis("registry", "problem", problem, _tag_fix(record, unread_remote))
        for record in records
        if record.name not in reported and (problem := record_problem(record))
    ]
    for artifact in Registry.fold(read_events(records)).artifacts.values():
        fix = f"Run {_shell('gto', 'history', artifact.name)} to see the events, and gto deprecate to undo one"
        found += [Diagnosis("registry", "problem", problem, fix) for problem in artifact_problems(artifact, settings)]
    yield from found[:_SHOWN]
    if found[_SHOWN:]:
        yield Diagnosis("registry", "problem", f"The registry has {len(found) - _SHOWN} more problems", "gto doctor")
    if not found:
        yield Diagnosis("registry", "ok", "The registry has no contradictions")


def _tag_fix(record: TagRecord, unread_remote: str) -> str:
    if record.annotated or record.target_type != "commit" or not match_tag(record.name):
        return f"If no one needs it: git tag --delete {_shell(record.name)}"
    if unread_remote:  # it may hold the annotated tag
        return _fetch(unread_remote, [record.name])
    return f"git tag --annotate --force {_shell(record.name, record.target)}"


def _token(case: _Setup, url: str) -> Iterator[Diagnosis]:
    if not any(case.environ.get(name) for name in ("GITHUB_TOKEN", "GH_TOKEN")):
        return
    from gto_ci.platforms.github import token_permissions  # late: it takes an HTTP client

    place = token_permissions.find_place(url, case.environ)
    if place is None:
        return
    where = quote(place.repository)
    try:
        grant = token_permissions.ask(place)
    except GtoError as error:
        yield Diagnosis("token", "problem", error.cause, "Set GITHUB_TOKEN (or GH_TOKEN) to another token, or unset it")
        return
    if token_permissions.is_of_an_app(place):
        yield Diagnosis("token", "ok", f"The token can read {where}; the workflow's 'permissions' may allow more")
    elif not grant.push:
        yield Diagnosis(
            "token", "warning", f"The token can read {where}, but cannot push to it", "Ask for write access"
        )
    elif grant.scopes is not None and not {"repo", "public_repo"} & {*grant.scopes}:
        message = f"You can push to {where}, but not with this token: its scopes are {quote(', '.join(grant.scopes))}"
        yield Diagnosis("token", "warning", message, "gh auth refresh --scopes repo")
    elif grant.scopes is None:
        message = f"You can push to {where}; the token can push if it has the permission 'Contents: write'"
        yield Diagnosis("token", "ok", message)
    else:
        yield Diagnosis("token", "ok", f"The token can push to {where}")


_CHECKS: dict[str, Callable[[_Setup], Iterator[Diagnosis]]] = {
    "identity": _identity,
    "signing": _signing,
    "history": _history,
    "settings": _tag_settings,
    "files": _files,
    "tags": _tags,
}


# Text


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return _plain(", ".join(names[:_SHOWN])) + more


def _shell(*words: str) -> str:
    return _plain(shlex.join(words))


def _plain(text: str) -> str:
    return one_line(text, 10_000)
