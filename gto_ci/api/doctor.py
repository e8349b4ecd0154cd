"""What is wrong around a registry: git, the person, the clone, the remote and its tags, files, a token.

However many tags there are, the number of git processes is the same.
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
from gto_ci.files.config import CONFIG_FILE, POLICY_FILE, Settings
from gto_ci.git import Repository, Runner
from gto_ci.git.output import RemoteTag
from gto_ci.git.process import without_password
from gto_ci.git.remotes import diagnostics
from gto_ci.git.remotes.settings import read_settings

T = TypeVar("T")
Status = Literal["ok", "warning", "problem"]
_SHOWN = 10  # tags that one line names, and problems of the registry that are told one by one
_AT_ONCE = 3  # tags in one push: of more than these GitHub starts no workflow
_YES = ("", "true", "yes", "on", "1")  # a key without a value is true


class Diagnosis(NamedTuple):
    """What one check found. ``fix`` is a command, or a few words, that puts it right."""

    check: str
    status: Status
    said: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class _Setup:
    """A repository, and what several checks ask of it. ``entries`` are git's settings: scope, key, value."""

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
        """The address of each remote, by name."""
        urls: dict[str, str] = {}
        for _, key, value in self.entries:
            if key.startswith("remote.") and key.endswith(".url"):
                urls.setdefault(key[len("remote.") : -len(".url")], value)  # of several, git fetches from the first
        return urls


def examine(repo: str | Path, environ: Mapping[str, str], *, offline: bool = False) -> Iterator[Diagnosis]:
    """Yield what each check finds, in the order in which one would put things right.

    ``offline`` leaves out what asks the network. Where there is no usable repository, that is the last finding.
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


# The machine and the person


def _git(version: tuple[int, ...]) -> Diagnosis:
    said = f"Git is {'.'.join(map(str, version)) or 'of an unknown version'}"
    if version < diagnostics.OLDEST:
        oldest = ".".join(map(str, diagnostics.OLDEST))
        return Diagnosis("git", "problem", f"{said}; {oldest} or newer is needed", f"Install git {oldest} or newer")
    return Diagnosis("git", "ok", said)


def _package() -> Diagnosis:
    from importlib import metadata  # late: nothing else needs it

    try:
        other = metadata.distribution("gto")
    except metadata.PackageNotFoundError:
        return Diagnosis("package", "ok", "No other package here brings a program 'gto'")
    said = f"The package gto {one_line(other.version)} is installed here, too, and brings a program of the same name"
    fix = "pip uninstall gto && pip install --force-reinstall --no-deps gto-ci"
    return Diagnosis("package", "problem", said, fix)


def _identity(case: _Setup) -> Iterator[Diagnosis]:
    set_name = "git config --global user.name 'Your Name'"
    set_email = "git config --global user.email you@example.com"
    try:
        who = diagnostics.identity(case.repository)
    except GitError as error:
        said = f"Git does not know who makes tags here: {error.cause}"
        yield Diagnosis("identity", "problem", said, f"{set_name} && {set_email}")
        return
    lacking = [
        (what, command)
        for what, command in (("name", set_name), ("email", set_email))
        if not (case.settings.get(f"user.{what}") or case.settings.get(f"committer.{what}"))
        and not case.environ.get(f"GIT_COMMITTER_{what.upper()}")
        and not (what == "email" and case.environ.get("EMAIL"))
    ]
    if lacking:
        keys = " and ".join(f"user.{what}" for what, _ in lacking)
        said = f"Without {keys}, git makes up who makes tags: {quote(who)}"
        yield Diagnosis("identity", "warning", said, " && ".join(command for _, command in lacking))
    else:
        yield Diagnosis("identity", "ok", f"Tags are made by {quote(who)}")


def _signing(case: _Setup) -> Iterator[Diagnosis]:
    if case.settings.get("tag.gpgsign", "false").lower() not in _YES:
        yield Diagnosis("signing", "ok", "Tags are signed only where that is asked for")
        return
    email = diagnostics.identity(case.repository).rpartition("<")[2].rstrip(">")
    fault = diagnostics.key_fault(case.settings, case.environ, email)
    if fault:
        said = f"tag.gpgSign is on, and there is no key to sign with: {fault}"
        yield Diagnosis("signing", "problem", said, "git config user.signingKey KEY, or git config tag.gpgSign false")
    else:
        yield Diagnosis("signing", "ok", "Tags are signed, and there is a key")


# The clone


def _history(case: _Setup) -> Iterator[Diagnosis]:
    if case.shallow:
        said = "The clone is shallow: commits of older versions are not here"
        yield Diagnosis("history", "warning", said, "git fetch --unshallow")
    else:
        yield Diagnosis("history", "ok", "The history is whole")


def _vanishing(case: _Setup) -> Iterator[Diagnosis]:
    found = False
    for scope, key, value in case.entries:
        section, _, setting = key.rpartition(".")
        prunes = setting == "prunetags" and value.lower() in _YES
        if prunes and (section == "fetch" or section.startswith("remote.")):
            said = f"{_plain(key)} is on: a fetch that prunes deletes the tags that were not pushed"
        elif setting == "tagopt" and section.startswith("remote.") and value == "--no-tags":
            said = f"{_plain(key)} is --no-tags: a fetch brings no tags"
        else:
            continue
        found = True
        where = f"--{scope} " if scope in ("system", "global", "local", "worktree") else ""
        yield Diagnosis("settings", "warning", said, f"git config {where}--unset-all {_shell(key)}")
    if not found:
        yield Diagnosis("settings", "ok", "No setting makes tags vanish")


def _files(case: _Setup) -> Iterator[Diagnosis]:
    repository, settings = case.repository, Settings()
    try:
        settings = config.load(repository.root, case.environ)
        yield Diagnosis("config", "ok", f"{CONFIG_FILE}: {_allowed(settings)}")
    except WrongConfig as error:
        yield Diagnosis("config", "problem", error.cause, error.next_step)
    problems = _attempt(lambda: file_problems(repository, settings))
    for problem in problems:
        yield Diagnosis("annotations", "problem", problem, "Correct that file")
    if not problems:
        yield Diagnosis("annotations", "ok", f"{_plain(settings.index)} and dvc.yaml can be read, where they are there")
    yield _policy(repository)


def _attempt(read: Callable[[], list[str]]) -> list[str]:
    try:
        return read()
    except OSError as error:
        return [f"Cannot read {quote(error.filename)}: {error.strerror}"]


def _allowed(settings: Settings) -> str:
    stages = "any stage" if settings.stages is None else f"the stages {', '.join(settings.stages)}"
    types = "any type" if settings.types is None else f"the types {', '.join(settings.types)}"
    return f"{stages}, {types}"


def _policy(repository: Repository) -> Diagnosis:
    file = repository.root / POLICY_FILE
    try:
        data = file.read_bytes() if file.is_file() else repository.file_at("HEAD", POLICY_FILE)
        if data is None:
            return Diagnosis("policy", "ok", f"No {POLICY_FILE}: nothing but inputs can close the gate")
        rules = policy_file.read(data, POLICY_FILE).rules
    except OSError as error:
        return Diagnosis("policy", "problem", f"Cannot read {POLICY_FILE}: {error.strerror}", "Make it readable")
    except GtoError as error:
        return Diagnosis("policy", "problem", error.cause, error.next_step or f"Correct {POLICY_FILE}")
    return Diagnosis("policy", "ok", f"{POLICY_FILE} holds {len(rules)} rule{'' if len(rules) == 1 else 's'}")


# Tags, here and there


def _tags(case: _Setup) -> Iterator[Diagnosis]:
    remote = yield from _remote(case)
    there: dict[str, RemoteTag] | None = None
    if remote and not case.offline:
        try:
            there = diagnostics.tags_on(case.repository, remote, case.settings)
        except GitError as error:
            yield Diagnosis(
                "remote", "problem", f"The remote {quote(remote)} is not reached: {error.cause}", error.next_step
            )
    here = _of_registry(diagnostics.local_tags(case.repository))
    records = case.repository.tag_records()
    clobbered = _clobbered(records, here, there or {})
    if there is not None:
        yield from _differences(remote, here, _of_registry(there), clobbered)
    yield from _registry(case, records, clobbered, remote if there is None else "")
    if remote and not case.offline:
        yield from _token(case, case.urls[remote])


def _remote(case: _Setup) -> Generator[Diagnosis, None, str]:
    """Return, in the end, what the remote is called; empty where there is none to ask."""
    urls = case.urls
    if not urls:
        yield Diagnosis("remote", "warning", "There is no remote: tags cannot be pushed", "git remote add origin URL")
        return ""
    if "origin" not in urls and len(urls) > 1:
        said = f"There are several remotes, and none is called origin: {_plain(', '.join(sorted(urls)))}"
        yield Diagnosis("remote", "warning", said, f"git remote rename {_shell(min(urls))} origin")
        return ""
    name = "origin" if "origin" in urls else next(iter(urls))
    yield Diagnosis("remote", "ok", f"The remote is {quote(name)}, {quote(without_password(urls[name]))}")
    return name


def _of_registry(tags: Mapping[str, T]) -> dict[str, T]:
    return {name: tag for name, tag in tags.items() if match_tag(name)}


def _clobbered(
    records: Iterable[TagRecord], here: Mapping[str, str], there: Mapping[str, RemoteTag]
) -> dict[str, RemoteTag]:
    """Tags that are lightweight here and annotated on the remote, as checkouts leave them."""
    light = (record.name for record in records if not record.annotated and record.name in here)
    return {name: there[name] for name in light if name in there and there[name].oid != there[name].target}


def _differences(
    remote: str, here: Mapping[str, str], there: Mapping[str, RemoteTag], clobbered: Mapping[str, RemoteTag]
) -> Iterator[Diagnosis]:
    moved = [name for name, oid in here.items() if name in there and there[name].oid != oid and name not in clobbered]
    groups: list[tuple[Status, list[str], str, Callable[[list[str]], str]]] = [
        ("problem", [*clobbered], "lightweight here, and annotated on the remote", partial(_fetch, remote)),
        ("problem", moved, "another here than on the remote", partial(_fetch, remote)),
        ("warning", [name for name in here if name not in there], "not pushed", partial(_push, remote)),
        ("warning", [name for name in there if name not in here], "on the remote, and not here",
         lambda _: f"git fetch --tags {_shell(remote)}"),
    ]  # fmt: skip
    for status, names, what, fix in groups:
        if names:
            said = f"{len(names)} tag{' is' if len(names) == 1 else 's are'} {what}: {_some(sorted(names))}"
            yield Diagnosis("tags", status, said, fix(sorted(names)))
    if not any(names for _, names, _, _ in groups):
        yield Diagnosis("tags", "ok", f"The registry's tags, {len(here)}, are those of the remote")


def _fetch(remote: str, names: Sequence[str]) -> str:
    return f"git fetch {_shell(remote, *(f'+refs/tags/{name}:refs/tags/{name}' for name in names[:_SHOWN]))}"


def _push(remote: str, names: Sequence[str]) -> str:
    return f"git push {_shell(remote, *(f'refs/tags/{name}' for name in names[:_AT_ONCE]))}"


def _registry(
    case: _Setup, records: Sequence[TagRecord], known: Mapping[str, object], unasked: str
) -> Iterator[Diagnosis]:
    """What contradicts itself in the registry; of the tags in ``known`` all has been said.

    ``unasked`` is a remote that may know better, and was not asked.
    """
    try:
        settings = config.load(case.repository.root, case.environ)
    except WrongConfig:  # that was said
        settings = Settings()
    found = [
        Diagnosis("registry", "problem", problem, _mended(record, unasked))
        for record in records
        if record.name not in known and (problem := record_problem(record))
    ]
    for artifact in Registry.fold(read_events(records)).artifacts.values():
        fix = f"{_shell('gto', 'history', artifact.name)} shows what was done, and gto deprecate takes it back"
        found += [Diagnosis("registry", "problem", problem, fix) for problem in artifact_problems(artifact, settings)]
    yield from found[:_SHOWN]
    if found[_SHOWN:]:
        yield Diagnosis(
            "registry", "problem", f"There are {len(found) - _SHOWN} more problems of this kind", "gto doctor"
        )
    if not found:
        yield Diagnosis("registry", "ok", "The registry does not contradict itself")


def _mended(record: TagRecord, unasked: str) -> str:
    if record.annotated or record.target_type != "commit" or not match_tag(record.name):
        return f"If nobody needs it: git tag --delete {_shell(record.name)}"
    return (
        _fetch(unasked, [record.name])
        if unasked
        else f"git tag --annotate --force {_shell(record.name, record.target)}"
    )


def _token(case: _Setup, url: str) -> Iterator[Diagnosis]:
    if not any(case.environ.get(name) for name in ("GITHUB_TOKEN", "GH_TOKEN")):
        return
    from gto_ci.platforms.github import permissions  # late: it takes an HTTP client

    place = permissions.find_place(url, case.environ)
    if place is None:
        return
    where = quote(place.repository)
    try:
        grant = permissions.ask(place)
    except GtoError as error:
        yield Diagnosis("token", "problem", error.cause, "Give GITHUB_TOKEN (or GH_TOKEN) another token, or unset it")
        return
    if permissions.is_of_an_app(place):
        yield Diagnosis("token", "ok", f"The token may read {where}; more, where the workflow's 'permissions' say so")
    elif not grant.push:
        yield Diagnosis("token", "warning", f"The token may read {where}, and not push", "Ask for write access there")
    elif grant.scopes is not None and not {"repo", "public_repo"} & {*grant.scopes}:
        said = f"You may push to {where}, but not with this token: its scopes are {quote(', '.join(grant.scopes))}"
        yield Diagnosis("token", "warning", said, "gh auth refresh --scopes repo")
    else:
        whose = "The token" if grant.scopes is not None else "You, and the token if it has 'Contents: write',"
        yield Diagnosis("token", "ok", f"{whose} may push to {where}")


_CHECKS: dict[str, Callable[[_Setup], Iterator[Diagnosis]]] = {
    "identity": _identity,
    "signing": _signing,
    "history": _history,
    "settings": _vanishing,
    "files": _files,
    "tags": _tags,
}


# Words


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return _plain(", ".join(names[:_SHOWN])) + more


def _shell(*words: str) -> str:
    return _plain(shlex.join(words))


def _plain(text: str) -> str:
    return one_line(text, 10_000)
