"""Find the annotations that a pull request changes, and forecast the gate's verdicts after a merge."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence
from dataclasses import replace

from gto_ci.action.gate import GateContext
from gto_ci.action.outcome import Outcome, Proposal
from gto_ci.core.errors import InvalidName, WrongAnnotations
from gto_ci.core.events import Event, TagRecord
from gto_ci.core.names import Kind, TagName, check_artifact
from gto_ci.core.policy import Finding, applying
from gto_ci.core.versions import bump
from gto_ci.files.annotations import Annotation, ArtifactChange, compare, find, read_artifacts_yaml, read_dvc_yaml
from gto_ci.gate import Rules, judge_event
from gto_ci.git.output import parse_commit_parents
from gto_ci.git.trees import changed_files
from gto_ci.platforms.platform import PullRequest
from gto_ci.render.summary_page import GateForecast

_MOST = 50  # the limit for artifacts, and for files


def propose(context: GateContext, change: PullRequest, outcome: Outcome) -> Proposal:
    """Return the effect of merging the pull request ``change``.

    Raises:
        GitError: the remote cannot be reached.
        WrongPolicy: the rules cannot be parsed.
    """
    old, new = _commits(context, change)
    index = posixpath.normpath(outcome.settings.index)
    problems: list[str] = []
    names = _named(context, (old, new), index, problems)
    if len(names) > _MOST:
        problems.append(f"This pull request touches {len(names)} artifacts. Only the first {_MOST} are shown")
    changes = []
    for name in sorted(names)[:_MOST]:
        before, after = (_annotation(context, commit, name, index) for commit in (old, new))
        if before != after:
            changes.append(compare(name, before, after))
    rules = context.rules
    forecasts = _forecasts(context, rules, changes, new, change, outcome) if rules else ()
    return Proposal(tuple(changes), tuple(forecasts), rules.where if rules else "", tuple(problems))


def _commits(context: GateContext, change: PullRequest) -> tuple[str, str]:
    """Fetch and return the commits before and after the merge; if there is no merge commit, base and head.

    Their trees are fetched too.
    """
    mirror = context.mirror
    new = change.merged or change.head
    _fetch(context, [new])
    (found,) = mirror.objects([new])
    parents = parse_commit_parents(found.data) if found is not None else []
    old = parents[0] if change.merged and len(parents) > 1 else change.base
    _fetch(context, [old])
    return old, new


def _fetch(context: GateContext, commits: Sequence[str]) -> None:
    missing = [commit for commit in commits if context.repository.objects([commit]) == [None]]
    if missing:
        context.mirror.fetch(missing, "--depth=1", "--filter=blob:none")


def _named(context: GateContext, commits: tuple[str, str], index: str, problems: list[str]) -> set[str]:
    """Return the artifacts in annotation files that differ between the two commits."""
    pathspecs = (f":(top,literal){index}", ":(top,glob)**/dvc.yaml")
    paths = changed_files(context.mirror.scratch, *commits, pathspecs)[:_MOST]
    found: set[str] = set()
    for commit in commits:
        for path, blob in zip(paths, context.mirror.objects([f"{commit}:{path}" for path in paths]), strict=True):
            if blob is None or blob.kind != "blob":
                continue
            try:
                found.update(_names_in(path, blob.data, index))
            except WrongAnnotations as error:
                if commit == commits[1]:
                    problems.append(str(error))
    return found


def _names_in(path: str, data: bytes, index: str) -> Iterable[str]:
    folder = posixpath.dirname(path)
    names = (
        read_artifacts_yaml(data, path)
        if path == index
        else [f"{folder}:{name}" if folder else name for name in read_dvc_yaml(data, path)]
    )
    for name in names:
        try:
            yield check_artifact(name)
        except InvalidName:
            continue


def _annotation(context: GateContext, commit: str, artifact: str, index: str) -> Annotation | None:
    try:
        return find(context.mirror.objects, commit, artifact, index).annotation
    except WrongAnnotations:  # already among the problems
        return None


def _forecasts(
    context: GateContext,
    rules: Rules,
    changes: Sequence[ArtifactChange],
    commit: str,
    change: PullRequest,
    outcome: Outcome,
) -> Iterable[GateForecast]:
    facts = context.facts(outcome)
    stages = {
        *outcome.columns,
        *(glob for rule in rules.policy.rules for glob in rule.stages if not set(glob) & set("*?[")),
    }
    for artifact_change in changes:
        artifact, annotation = artifact_change.artifact, artifact_change.annotation
        if annotation is None:
            continue
        merged = replace(facts, annotation=annotation, branches=(change.target,) if change.target else ())
        for stage in ("", *sorted(stages)):
            event = _next_event(artifact, stage, commit, outcome, int(context.now.timestamp()))
            if applying(rules.policy, event.kind, event.artifact, event.stage):
                gate = judge_event(rules, event, outcome.tags, context.source, merged, proposed=True)
                yield GateForecast(artifact, stage, [_without_version(finding) for finding in gate.verdict.findings])


def _without_version(finding: Finding) -> Finding:
    """Leave a failed version check open: the tagger may still choose another version."""
    return replace(finding, passed=None) if finding.check == "versions" and not finding.passed else finding


def _next_event(artifact: str, stage: str, commit: str, outcome: Outcome, time: int) -> Event:
    known = outcome.registry.artifacts.get(artifact)
    greatest = known.greatest() if known else None
    version = bump(greatest.version) if greatest else "v0.0.1"
    kind = Kind.ASSIGNMENT if stage else Kind.REGISTRATION
    name = TagName(kind, artifact, None if stage else version, stage or None)
    return Event.of(name, TagRecord("", annotated=True, target=commit, target_type="commit", time=time), version)
