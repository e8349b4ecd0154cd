"""The side of gto 0.2.4: runs in that peer's environment and answers with its command line.

A question is one line of JSON on standard input, its answer one line on standard output, as in
``serve.py``: ``{"repo": PATH, "argv": [...], "environ": {...}, "mended": [NAME, ...]}`` →
``{"code": N, "stdout": "...", "stderr": "..."}``. ``"mended"`` names those of :data:`REPAIRS` that
are in place while it answers; without it, it is gto as it is.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from typing import Any
from unittest.mock import patch

import git
import gto.api
import gto.base
import gto.cli
import gto.index
import gto.registry
import gto.tag
import gto.utils
from click.testing import CliRunner
from typer.main import get_command

Json = Any
REPAIRS: dict[str, Callable[[], AbstractContextManager[None]]] = {}
WRITING = ("annotate", "remove", "register", "assign", "deprecate")


def repair(function: Callable[[], Iterator[None]]) -> Callable[[], AbstractContextManager[None]]:
    """Make a generator function a context manager that mends one bug, known by the function's name."""
    REPAIRS[function.__name__] = contextmanager(function)
    return REPAIRS[function.__name__]


@repair
def dates_with_zones() -> Iterator[None]:
    """An event's date is the tagger's or committer's, in their time zone, not the reading machine's."""
    parse_tag, update_state = gto.tag.parse_tag, gto.index.EnrichmentManager.update_state
    event = gto.index.EnrichmentEvent

    def parse(tag: git.TagReference) -> Any:
        parsed = parse_tag(tag)
        parsed.created_at = git.objects.util.from_timestamp(tag.tag.tagged_date, tag.tag.tagger_tz_offset)
        return parsed

    def update(manager: Any, *args: Any, **options: Any) -> Any:
        def commit_event(**fields: Any) -> Any:
            return event(**{**fields, "created_at": manager.repo.commit(fields["commit_hexsha"]).committed_datetime})

        with patch.object(gto.index, "EnrichmentEvent", commit_event):
            return update_state(manager, *args, **options)

    with (
        patch.object(gto.tag, "parse_tag", parse),
        patch.object(gto.index.EnrichmentManager, "update_state", update),
    ):
        yield


@repair
def no_corrupted_index() -> Iterator[None]:
    """An ``artifacts.yaml`` that cannot be read annotates nothing in its commit."""
    theirs = gto.index.RepoIndexManager.get_commit_index

    def get_commit_index(manager: Any, *args: Any, **options: Any) -> Any:
        try:
            return theirs(manager, *args, **options)
        except (gto.index.git.GitError, gto.exceptions.RefNotFound):
            raise
        except Exception:
            return gto.index.Index(frozen=True)

    with patch.object(gto.index.RepoIndexManager, "get_commit_index", get_commit_index):
        yield


@repair
def one_version_per_commit() -> Iterator[None]:
    """All stages, and the annotation, of an unregistered commit belong to one version."""
    theirs = gto.base.Artifact.find_version

    def find_version(artifact: Any, name: Any = None, commit_hexsha: Any = None, **options: Any) -> Any:
        registered = theirs(artifact, name, commit_hexsha, **{**options, "create_new": False})
        if registered or not options.get("create_new"):
            return registered
        return theirs(artifact, name, commit_hexsha, **options, include_discovered=True)

    with patch.object(gto.base.Artifact, "find_version", find_version):
        yield


@repair
def many_registrations() -> Iterator[None]:
    """The table of ``show NAME`` has a row for a version that was registered twice."""
    theirs = gto.base.Version.dict_state

    def dict_state(version: Any, **options: Any) -> Any:
        state = theirs(version, **options)
        state["registrations"] = Uncounted(state["registrations"])
        return state

    with patch.object(gto.base.Version, "dict_state", dict_state):
        yield


class Uncounted(list[Any]):
    """A list of registrations that is never too long for a table."""

    def __len__(self) -> int:
        return min(1, super().__len__())


@repair
def last_assignments() -> Iterator[None]:
    """``--av N`` counts the last N stages of a version, not the first."""
    theirs, stages_of_version = gto.base.Artifact.get_vstages, gto.base.Version.get_vstages

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
    theirs = gto.base.Artifact.get_versions

    def get_versions(artifact: Any, include_non_explicit: bool = False, **options: Any) -> Any:
        versions = theirs(artifact, include_non_explicit=include_non_explicit, **options)
        return [version for version in versions if version.is_registered or include_non_explicit]

    with patch.object(gto.base.Artifact, "get_versions", get_versions):
        yield


@repair
def tags_before_commits() -> Iterator[None]:
    """What a tag says comes from the tag, however its date and its commit's compare, and even if it deregisters."""
    theirs = gto.base.BaseObject.authoring_event.fget

    def is_active(artifact: Any) -> bool:
        events = artifact.get_events()
        tags = [event for event in events if not isinstance(event, gto.base.Commit)]
        return bool(events) and not (tags and isinstance(tags[0], gto.base.Deprecation))

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
def deprecated_are_hidden() -> Iterator[None]:
    """``show`` leaves out an artifact that is deprecated, as gto 1.x does."""
    show_registry, show_versions = gto.api._show_registry, gto.api._show_versions

    def active(repo: str, **options: Any) -> set[str]:
        reads = {name: options[name] for name in ("all_branches", "all_commits")}
        artifacts = gto.registry.GitRegistry.from_repo(repo).get_artifacts(**reads)
        return {name for name, artifact in artifacts.items() if artifact.is_active}

    def registry(repo: str, table: bool = False, **options: Any) -> Any:
        shown = show_registry(repo, table=table, **options)
        names = active(repo, **options)
        if table:
            return [row for row in shown[0] if row["name"].lstrip("*") in names], shown[1]
        return {name: state for name, state in shown.items() if name in names}

    def versions(repo: str, name: str, table: bool = False, **options: Any) -> Any:
        shown = show_versions(repo, name, table=table, **options)
        match = gto.api.re.search(gto.api.shortcut_regexp, name)
        if (match["artifact"] if match else name) in active(repo, **options):
            return shown
        return ([], "keys") if table else []

    with patch.object(gto.api, "_show_registry", registry), patch.object(gto.api, "_show_versions", versions):
        yield


@repair
def text_in_tables() -> Iterator[None]:
    """Tables print what looks like a number as it is."""
    with patch.object(gto.utils, "tabulate", partial(gto.utils.tabulate, disable_numparse=True)):
        yield


@repair
def whole_versions() -> Iterator[None]:
    """Tables cut commit ids to 7 characters, all of them and nothing else."""
    is_id = gto.api.re.compile("[0-9a-f]{40}").fullmatch

    def cut(cell: Any) -> Any:
        if not isinstance(cell, str):
            return cell
        return ", ".join(part[:7] if is_id(part) else part for part in cell.split(", "))

    def cutting(theirs: Callable[..., Any]) -> Callable[..., Any]:
        def ask(*args: Any, table: bool = False, truncate_hexsha: bool = False, **options: Any) -> Any:
            answer = theirs(*args, table=table, **options)
            if not (table and truncate_hexsha):
                return answer
            return [{key: cut(value) for key, value in row.items()} for row in answer[0]], answer[1]

        return ask

    with (
        patch.object(gto.api, "show", cutting(gto.api.show)),
        patch.object(gto.api, "history", cutting(gto.api.history)),
    ):
        yield


@repair
def verbatim() -> Iterator[None]:
    """What a person wrote is printed as it is: not as markup, not wrapped."""

    def echo(*message: Any) -> None:
        gto.ui._echo_func(*message, markup=False, emoji=False, highlight=False, soft_wrap=True)

    with patch.object(gto.cli, "echo", echo):
        yield


# these mend what gto reads, the others what it makes of it
OF_WHAT_IS_READ = frozenset({"dates_with_zones", "no_corrupted_index", "one_version_per_commit"})


class Memory:
    """Keeps what gto read of the repository that was asked about last, until a command may change it."""

    def __init__(self) -> None:
        self._repo = ""
        self._known: dict[Json, Any] = {}
        self._get_state = gto.registry.GitRegistry.get_state

    @contextmanager
    def serving(self, question: Json) -> Iterator[None]:
        if question["repo"] != self._repo or question["argv"][0] in WRITING:
            self._repo, self._known = question["repo"], {}
        mended = tuple(name for name in question["mended"] if name in OF_WHAT_IS_READ)

        def get_state(registry: Any, all_branches: bool = False, all_commits: bool = False) -> Any:
            key = (mended, all_branches, all_commits)
            if key not in self._known:
                self._known[key] = self._get_state(registry, all_branches, all_commits)
            return self._known[key]

        with patch.object(gto.registry.GitRegistry, "get_state", get_state):
            yield


def main() -> None:
    memory = Memory()
    reply = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # nothing that gto prints or logs can be taken for an answer
    app = get_command(gto.cli.app)
    for line in sys.stdin:
        question = json.loads(line)
        with ExitStack() as mended:
            mended.enter_context(patch.dict(os.environ, question["environ"]))
            mended.enter_context(memory.serving(question))
            for name in question["mended"]:
                mended.enter_context(REPAIRS[name]())
            result = CliRunner(mix_stderr=False).invoke(app, question["argv"])
            answer = {"code": result.exit_code, "stdout": result.stdout, "stderr": result.stderr}
            print(json.dumps(answer), file=reply, flush=True)


if __name__ == "__main__":
    main()
