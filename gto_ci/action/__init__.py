"""The action: interpret a ref, and write step outputs, log tables, a summary and a comment.

Data flows one way: environment → inputs → the tags needed → events → registry → the ref's meaning →
its annotation → the gate's verdict → a ghost applied, data pulled → comment → tables, summary, outputs.
The outputs are written last, when every result is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone

from gto_ci.action import apply_ghost, comment, gate, pull_data
from gto_ci.action.interpret_ref import annotate, interpret, reference_of
from gto_ci.action.outcome import Outcome
from gto_ci.action.report import report
from gto_ci.action.workspace import give_to_owner, open_repository
from gto_ci.core import names
from gto_ci.core.errors import GtoError, quote
from gto_ci.core.resolve import Reference, RegistryTags
from gto_ci.files import config
from gto_ci.git import Repository
from gto_ci.git.remotes.mirror import RemoteMirror
from gto_ci.git.remotes.settings import find_remote
from gto_ci.hints import Interface, next_step
from gto_ci.platforms.inputs import Inputs
from gto_ci.platforms.platform import Platform
from gto_ci.render import summary_page

_INPUT_PREFIXES = ("INPUT_", "GTO_INPUT_")  # these variables hold inputs, and an input may be a secret


def run(inputs: Inputs, platform: Platform, environ: Mapping[str, str]) -> None:
    """Run the action. Return normally only if the step succeeds.

    Raises:
        GateClosed: the gate is closed; all outputs were written.
        GtoError: the step failed for another reason; no outputs were written.
    """
    for secret in inputs.secrets:
        platform.log.mask(secret)
    # programs that the action starts must not see its inputs
    environ = {name: value for name, value in environ.items() if not name.startswith(_INPUT_PREFIXES)}
    try:
        outcome = _run(inputs, platform, environ)
    except GtoError as error:
        comment.post_failure(inputs, platform, error)
        if inputs.summary:
            platform.write_summary(summary_page.failure(error.cause, next_step(error.next_step, Interface.ACTION)))
        raise
    if outcome.gate is not None and not outcome.gate.passed:
        raise outcome.gate.failure


def _run(inputs: Inputs, platform: Platform, environ: Mapping[str, str]) -> Outcome:
    target = platform.target(inputs.ref)
    reference = reference_of(target)
    if inputs.ghost.wanted:
        apply_ghost.check_trust(inputs.ghost, platform)
    repository = open_repository(platform.job.workspace, inputs.path, environ)
    outcome = Outcome(config.load(repository.root, environ))
    if reference is None:
        platform.log.notice(
            f"{target.nothing or quote(target.text)} is not a registry tag, so its outputs are empty. {names.TAG_RULE}"
        )
    if reference is not None or _needs_registry(inputs):
        _read(inputs, platform, repository, reference, outcome)
    if inputs.gate.requires and outcome.gate is None:
        outcome.gate = gate.judge_no_event(inputs.gate)
    if outcome.gate is None or outcome.gate.passed:
        _change_workspace(inputs, platform, repository, environ, outcome)
    outcome.comment = comment.comment(inputs, platform, outcome)
    report(inputs, platform, outcome)
    return outcome


def _needs_registry(inputs: Inputs) -> bool:
    return inputs.show or inputs.history or inputs.summary or inputs.comment != "never"


def _read(
    inputs: Inputs,
    platform: Platform,
    repository: Repository,
    reference: Reference | None,
    outcome: Outcome,
) -> None:
    """Read the tags, the annotation and the gate's verdict into ``outcome``."""
    remote = find_remote(repository, inputs.token, platform.job.server_url)
    with RemoteMirror.borrowing(repository, remote) as mirror:
        if inputs.fetch_tags:
            outcome.tags = RegistryTags(mirror.fetch_registry(), "on the remote")
        else:
            outcome.tags = RegistryTags(repository.tag_records(), "in the workspace")
        if reference is not None:
            found = interpret(reference, outcome.tags, fetched=inputs.fetch_tags)
            outcome.meaning = annotate(found, mirror, outcome.settings, platform.log)
        context = gate.GateContext(inputs, platform, repository, mirror, datetime.now(timezone.utc))
        outcome.gate = gate.judge(context, outcome)
        if inputs.comment != "never" and platform.job.change is not None:
            from gto_ci.action import pull_request  # late: most jobs do not run for a pull request

            outcome.proposal = pull_request.propose(context, platform.job.change, outcome)
        event = outcome.meaning.event
        if inputs.fetch_tags and event and reference and reference.commit:
            # actions/checkout leaves the triggering tag lightweight: restore the annotated one
            give_to_owner(mirror.restore_tag(event.tag), repository.root)


def _change_workspace(
    inputs: Inputs, platform: Platform, repository: Repository, environ: Mapping[str, str], outcome: Outcome
) -> None:
    path = pull_data.choose(inputs, repository, outcome.meaning) if inputs.pull else ""
    if inputs.ghost.wanted:
        outcome.applied = apply_ghost.apply(inputs.ghost, repository, environ)
        platform.remember_ghost(str(outcome.applied))
    if path:
        outcome.pulled = pull_data.pull(path, inputs, platform, repository, environ)
