"""The oracle's side: runs in the peer's environment and answers questions with ``gto`` itself.

A question is one line of JSON on standard input, its answer one line on standard output:

``{"repo": PATH, "argv": [...]}``
    → ``{"code": N, "stdout": "...", "stderr": "..."}``, from the command line;
``{"repo": PATH, "call": NAME, "kwargs": [{...}, ...]}``
    → a list of ``{"value": ...}`` or ``{"error": "...", "type": "..."}``, one for each call, from ``gto.api``.

``"environ"`` sets variables for one question. ``"repairs"`` names those of gto's known bugs that
are to be mended while it answers (see :data:`REPAIRS`); without it, it is gto as it is. ``"clock"``
says that the question may write, and the time, in seconds since 1970, that its tags then get.
"""

from __future__ import annotations

import importlib
import json
import operator
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import datetime
from functools import partial, partialmethod
from typing import Any
from unittest.mock import patch

import gto.api
import gto.base
import gto.cli
import gto.constants
import gto.exceptions
import gto.index
import gto.registry
import gto.tag
import gto.utils
import gto.versions
from click.testing import CliRunner
from scmrepo.git import Git, GitTag

Json = Any
REPAIRS: dict[str, Callable[..., AbstractContextManager[None]]] = {}


def repair(function: Callable[..., Iterator[None]]) -> Callable[..., AbstractContextManager[None]]:
    """Make a generator function a context manager that mends one bug, known by the function's name."""
    REPAIRS[function.__name__] = contextmanager(function)
    return REPAIRS[function.__name__]


@repair
def unseen_tags(*names: str) -> Iterator[None]:
    """Tags that are no events: gto does not see those called ``names``."""
    theirs = Git.list_tags
    with patch.object(Git, "list_tags", lambda scm: [name for name in theirs(scm) if name not in names]):
        yield


@repair
def peeled_tags() -> Iterator[None]:
    """A tag of a tag is about the commit at its end, not about the tag between."""
    theirs = Git.get_tag

    def get_tag(scm: Git, name: str) -> GitTag | str | None:
        tag = theirs(scm, name)
        if isinstance(tag, GitTag):
            tag.target = scm.pygit2.repo.revparse_single(f"refs/tags/{name}^{{commit}}").id.__str__()
        return tag

    with patch.object(Git, "get_tag", get_tag):
        yield


@repair
def names_of_refs() -> Iterator[None]:
    """A tag is called what its ref is called, whatever name its object was made with."""
    theirs = Git.get_tag

    def get_tag(scm: Git, name: str) -> GitTag | str | None:
        tag = theirs(scm, name)
        if isinstance(tag, GitTag):
            tag.name = name
        return tag

    with patch.object(Git, "get_tag", get_tag):
        yield


@repair
def one_version_per_commit() -> Iterator[None]:
    """All stages of an unregistered commit belong to one version, not each to two new ones."""
    theirs = gto.base.Artifact.find_version

    def find_version(artifact: Any, name: Any = None, commit_hexsha: Any = None, **options: Any) -> Any:
        registered = theirs(artifact, name, commit_hexsha, **{**options, "create_new": False})
        if registered or not options.get("create_new"):
            return registered
        return theirs(artifact, name, commit_hexsha, **options, include_discovered=True)

    with patch.object(gto.base.Artifact, "find_version", find_version):
        yield


@repair
def no_corrupted_index() -> Iterator[None]:
    """An ``artifacts.yaml`` that cannot be read says nothing of the versions at its commit."""
    theirs = gto.index.EnrichmentManager.describe

    def describe(manager: Any, *args: Any, **options: Any) -> Any:
        try:
            return theirs(manager, *args, **options)
        except gto.exceptions.WrongArtifactsYaml:
            return []

    with (
        patch.object(gto.index.EnrichmentManager, "describe", describe),
        patch.object(gto.index.logger, "warning"),
    ):
        yield


@repair
def many_registrations() -> Iterator[None]:
    """The table of ``show NAME`` has a row for a version that was registered twice."""
    theirs = gto.api._get_versions

    def get_versions(*args: Any) -> list[dict[str, Any]]:
        return [{**version, "registrations": version["registrations"][-1:]} for version in theirs(*args)]

    with patch.object(gto.api, "_get_versions", get_versions):
        yield


@repair
def last_assignments() -> Iterator[None]:
    """``--av N`` counts the last N stages of a version, not the first."""
    theirs = gto.base.Artifact.get_vstages
    stages_of_version = gto.base.Version.get_vstages

    def get_vstages(artifact: Any, *args: Any, assignments_per_version: int = -1, **options: Any) -> Any:
        def last(version: Any, *args: Any, **options: Any) -> Any:
            entered = stages_of_version(version, *args, **options)
            return entered[max(0, len(entered) - assignments_per_version) :]

        if assignments_per_version < 0:
            return theirs(artifact, *args, assignments_per_version=-1, **options)
        with patch.object(gto.base.Version, "get_vstages", last):
            return theirs(artifact, *args, assignments_per_version=-1, **options)

    with patch.object(gto.base.Artifact, "get_vstages", get_vstages):
        yield


@repair
def registered_only() -> Iterator[None]:
    """``--ro`` leaves out versions that were never registered."""
    theirs = gto.api._get_versions

    def get_versions(artifact: Any, deprecated: bool, registered_only: bool, *args: Any) -> list[dict[str, Any]]:
        versions = theirs(artifact, deprecated, registered_only, *args)
        return [version for version in versions if version["registrations"] or not registered_only]

    with patch.object(gto.api, "_get_versions", get_versions):
        yield


@repair
def copies_apart() -> Iterator[None]:
    """A version that is registered at two commits is two versions, each with its own stages."""
    get_versions, get_vstages = gto.api._get_versions, gto.base.Artifact.get_vstages

    def own_stages(*args: Any) -> list[dict[str, Any]]:
        versions = get_versions(*args)
        for version in versions:
            version["stages"] = [s for s in version["stages"] if s["commit_hexsha"] == version["commit_hexsha"]]
        return versions

    def not_taken_for_one(artifact: Any, *args: Any, **options: Any) -> Any:
        stages = [stage for version in artifact.versions for stage in version.stages.values()]
        names = [stage.version for stage in stages]
        try:
            for stage in stages:
                stage.version += stage.commit_hexsha
            return get_vstages(artifact, *args, **options)
        finally:
            for stage, name in zip(stages, names, strict=True):
                stage.version = name

    with (
        patch.object(gto.api, "_get_versions", own_stages),
        patch.object(gto.base.Artifact, "get_vstages", not_taken_for_one),
    ):
        yield


@repair
def tags_before_commits() -> Iterator[None]:
    """What a tag says comes from the tag, however its date and its commit's compare, and even if it deregisters."""
    theirs = gto.base.Version.authoring_event.fget

    def is_active(artifact: Any) -> bool:
        events = [event for event in artifact.get_events() if not isinstance(event, gto.base.Commit)]
        # one that files annotate and no tag names is there
        return bool(artifact.versions) if not events else not isinstance(events[0], gto.base.Deprecation)

    def authoring_event(version: Any) -> Any:
        if version.registrations:
            return theirs(version)
        staged = [event for stage in version.stages.values() for event in stage.get_events()]
        tags = sorted(staged or version.deregistrations, key=lambda event: event.created_at)
        return tags[-1] if tags else theirs(version)

    with (
        patch.object(gto.base.Artifact, "is_active", property(is_active)),
        patch.object(gto.base.Version, "authoring_event", property(authoring_event)),
    ):
        yield


@repair
def used_stages() -> Iterator[None]:
    """``stages --used`` lists every stage that a tag names."""
    theirs = gto.registry.GitRegistry.get_stages

    def get_stages(registry: Any, allowed: bool = False, used: bool = False) -> Any:
        if not used:
            return theirs(registry, allowed=allowed)
        artifacts = registry.get_artifacts().values()
        return sorted({e.stage for artifact in artifacts for e in artifact.get_events() if hasattr(e, "stage")})

    with patch.object(gto.registry.GitRegistry, "get_stages", get_stages):
        yield


@repair
def text_in_tables() -> Iterator[None]:
    """Tables print what looks like a number as it is."""
    with patch.object(gto.utils, "tabulate", partial(gto.utils.tabulate, disable_numparse=True)):
        yield


@repair
def whole_versions() -> Iterator[None]:
    """The table of ``show`` cuts commit ids, and not versions that are longer than 7 characters."""
    theirs = gto.api._show_registry

    def cut(cell: str | None) -> str | None:
        versions = [] if cell is None else cell.split(", ")
        return ", ".join(v[:7] if gto.api.is_hexsha(v) else v for v in versions) if versions else None

    def show_registry(*args: Any, table: bool = False, truncate_hexsha: bool = False, **options: Any) -> Any:
        if not (table and truncate_hexsha):
            return theirs(*args, table=table, truncate_hexsha=truncate_hexsha, **options)
        rows, headers = theirs(*args, table=True, **options)
        return [{key: value if key == "name" else cut(value) for key, value in row.items()} for row in rows], headers

    with patch.object(gto.api, "_show_registry", show_registry):
        yield


@repair
def free_versions() -> Iterator[None]:
    """The next version is one that no commit ever had: a deregistered one is passed over."""
    theirs, semver = gto.registry.GitRegistry.register, gto.versions.SemVer
    bump, minimal = semver.bump, semver.get_minimal

    def register(registry: Any, name: str, *args: Any, **options: Any) -> Any:
        taken = {version.version for version in registry.find_artifact(name, create_new=True).versions}

        def bump_on(version: Any, **part: Any) -> Any:
            version = bump(version, **part)
            return bump_on(version, **part) if version.version in taken else version

        def first_free() -> Any:
            return bump_on(minimal(), bump_patch=True) if minimal().version in taken else minimal()

        with patch.object(semver, "bump", bump_on), patch.object(semver, "get_minimal", first_free):
            return theirs(registry, name, *args, **options)

    with patch.object(gto.registry.GitRegistry, "register", register):
        yield


@repair
def author_of_both() -> Iterator[None]:
    """The author that ``assign`` is given is also that of the registration that it makes."""
    register, theirs = gto.registry.GitRegistry.register, gto.registry.GitRegistry.assign

    def assign(registry: Any, *args: Any, **options: Any) -> Any:
        person = {"author": options.get("author"), "author_email": options.get("author_email")}
        with patch.object(gto.registry.GitRegistry, "register", partialmethod(register, **person)):
            return theirs(registry, *args, **options)

    with patch.object(gto.registry.GitRegistry, "assign", assign):
        yield


@repair
def stages_of_commits() -> Iterator[None]:
    """``unassign`` finds a version that is not registered by its commit."""
    theirs = gto.base.Artifact.find_version

    def find_version(artifact: Any, name: Any = None, commit_hexsha: Any = None, **options: Any) -> Any:
        try:
            return theirs(artifact, name, commit_hexsha, **options)
        except gto.exceptions.VersionRequired:
            if name:
                raise
            return theirs(artifact, name, commit_hexsha, **options, include_discovered=True)

    with patch.object(gto.base.Artifact, "find_version", find_version):
        yield


class Moment(datetime):
    """A tag's time, and its place among the tags of that second."""

    place: tuple[Any, ...] = ()

    def _order(self, other: datetime) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        return (self.timestamp(), self.place), (other.timestamp(), getattr(other, "place", ()))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, datetime) and operator.eq(*self._order(other))

    def __lt__(self, other: datetime) -> bool:
        return operator.lt(*self._order(other))

    def __gt__(self, other: datetime) -> bool:
        return operator.gt(*self._order(other))

    __hash__ = datetime.__hash__


@repair
def order_within_a_second() -> Iterator[None]:
    """Of tags with the same time, the kind, then the counter, then the name says which is later."""
    kinds = [gto.constants.Action[kind] for kind in ("DEPRECATE", "REGISTER", "DEREGISTER", "ASSIGN", "UNASSIGN")]
    find, parse_tag = gto.tag.find, gto.tag.parse_tag

    def place(name: str) -> tuple[Any, ...]:
        parts = gto.tag.parse_name(name)
        return kinds.index(parts["action"]), parts.get("counter", 0), name

    def find_in_order(*args: Any, **options: Any) -> list[GitTag]:
        return sorted(find(*args, **options), key=lambda tag: (tag.tag_time, place(tag.name)))

    def parse_with_place(tag: GitTag) -> Any:
        parsed, at = parse_tag(tag), tag.tag_datetime
        parsed.created_at = Moment(at.year, at.month, at.day, at.hour, at.minute, at.second, tzinfo=at.tzinfo)
        parsed.created_at.place = place(tag.name)
        return parsed

    with patch.object(gto.tag, "find", find_in_order), patch.object(gto.tag, "parse_tag", parse_with_place):
        yield


# the others mend what gto makes of its state, not the state
OF_WHAT_IS_READ = frozenset(
    {
        "order_within_a_second",
        "unseen_tags",
        "peeled_tags",
        "names_of_refs",
        "one_version_per_commit",
        "no_corrupted_index",
    }
)


class Memory:
    """Keeps what gto read of the repository that was asked about last: dozens of questions follow.

    While gto may write, only its settings are kept, and the present time is the question's ``clock``.
    """

    def __init__(self) -> None:
        self._repo = ""
        self._states: dict[str, Any] = {}
        self._configs: dict[str, Any] = {}
        self._get_state = gto.registry.GitRegistry.get_state
        self._read_config = gto.registry.read_registry_config

    @contextmanager
    def serving(self, question: Json) -> Iterator[None]:
        clock = question.get("clock")
        if question.get("repo") != self._repo:
            self._repo, self._states, self._configs = question.get("repo"), {}, {}
        if clock is not None:
            self._states = {}
        environ = question.get("environ") or {}
        settings = json.dumps([(name, text) for name, text in environ.items() if name.startswith("GTO_")])
        key = settings + json.dumps([one for one in question.get("repairs", []) if one[0] in OF_WHAT_IS_READ])

        def get_state(registry: Any, **options: Any) -> Any:
            if clock is not None:
                return self._get_state(registry, **options)
            if key not in self._states:
                self._states[key] = self._get_state(registry)
            return self._states[key]

        def read_config(file: str) -> Any:
            if settings not in self._configs:
                self._configs[settings] = self._read_config(file)
            return self._configs[settings]

        with (
            patch.object(gto.registry.GitRegistry, "get_state", get_state),
            patch.object(gto.registry, "read_registry_config", read_config),
            patch.object(gto.index, "read_registry_config", read_config),
            patch("time.time", time.time if clock is None else lambda: float(clock)),
        ):
            yield


def answer(question: Json) -> Json:
    if "argv" in question:
        result = CliRunner().invoke(gto.cli.app, question["argv"])
        return {"code": result.exit_code, "stdout": result.stdout, "stderr": result.stderr}
    return [call(getattr(gto.api, question["call"]), kwargs) for kwargs in question["kwargs"]]


def call(function: Callable[..., Any], kwargs: dict[str, Any]) -> Json:
    if "sort" in kwargs:
        kwargs["sort"] = gto.api.VersionSort(kwargs["sort"])
    try:
        return {"value": gto.utils.make_ready_to_serialize(plain(function(**kwargs)))}
    except Exception as error:
        return {"error": str(error), "type": type(error).__name__}


def plain(value: Any) -> Any:
    """Versions and stages by what both programs call the same; events with the word for their kind."""
    if isinstance(value, gto.base.BaseEvent):
        return value.dict_state(exclude={"priority", "addition"})
    if isinstance(value, (gto.base.Version, gto.base.VStage)):
        fields = ("artifact", "version", "commit_hexsha", "stage")
        return {name: getattr(value, name) for name in fields if hasattr(value, name)}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return list(map(plain, value)) if isinstance(value, tuple) else value


def main() -> None:
    memory = Memory()
    reply = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # nothing that gto prints or logs can be taken for an answer
    importlib.import_module("pygit2")  # loaded when first needed, which is inside a repair
    for line in sys.stdin:
        question = json.loads(line)
        with ExitStack() as mended:
            if question.get("environ"):
                mended.enter_context(patch.dict(os.environ, question["environ"]))
            mended.enter_context(memory.serving(question))
            for name, *args in question.get("repairs", []):
                mended.enter_context(REPAIRS[name](*args))
            print(json.dumps(answer(question)), file=reply, flush=True)


if __name__ == "__main__":
    main()
