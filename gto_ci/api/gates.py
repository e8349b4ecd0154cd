"""Check an event against the policy, and list the rules that apply to an artifact."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

from gto_ci.api.open_repository import RepoLike, opened
from gto_ci.core import names
from gto_ci.core.errors import RefNotFound, Remedies, TagProblem, WrongAnnotations, WrongPolicy, quote
from gto_ci.core.events import Event
from gto_ci.core.names import Kind
from gto_ci.core.policy import Rule, applying
from gto_ci.core.resolve import RegistryTags, resolve, typed_reference
from gto_ci.files.annotations import find
from gto_ci.files.config import POLICY_FILE, Settings
from gto_ci.gate import Facts, Gate, Rules, judge_event, read_rules
from gto_ci.git import Repository
from gto_ci.git.remotes.policy_evidence import EvidenceSource, RemoteEvidence


def check_gate(repo: RepoLike, ref: str, policy: str | Path | None = None, policy_ref: str = "") -> tuple[Event, Gate]:
    """Return the event that ``ref`` (a tag or a shortcut) names, and the gate's current verdict on it.

    The rules come from ``.gto-policy.yaml`` at ``policy_ref``, which defaults to the default branch. If the
    path ``policy`` is given, the rules come from that local file instead.

    >>> from pathlib import Path
    >>> rules = Path(repo, "rules.yaml")
    >>> _ = rules.write_text("rules: [{name: order, stages: [prod], require: {after: staging}}]")
    >>> event, gate = api.check_gate(repo, "churn#prod#1", policy=rules)
    >>> gate.passed, [finding.check for finding in gate.verdict.failures]
    (False, ['after'])

    Raises:
        TagProblem: ``ref`` does not name an event.
        WrongPolicy: there is no policy, or it cannot be parsed.
        RefNotFound: the ref to read the policy from does not exist.
        GtoError: the repository cannot be read.
    """
    with opened(repo) as (repository, settings):
        source = _evidence_source(repository)
        rules = _rules(repository, source, policy, policy_ref)
        event, tags = _find(repository, ref)
        return event, judge_event(rules, event, tags, source, _facts(source, event, settings))


def explain_gate(
    repo: RepoLike,
    artifact: str,
    stage: str | None = None,
    event: str = "",
    policy: str | Path | None = None,
    policy_ref: str = "",
) -> tuple[str, tuple[Rule, ...]]:
    """Return where the rules come from, and the rules for an assignment of ``stage``, or else for a registration.

    ``event`` is the word for another kind of event, such as ``deprecation``.

    Raises:
        WrongPolicy, RefNotFound, GtoError: as in :func:`check_gate`.
        InvalidName: ``artifact`` or ``stage`` is outside the grammar.
    """
    names.check_artifact(artifact)
    if stage is not None:
        names.check_stage(stage)
    default = Kind.ASSIGNMENT if stage else Kind.REGISTRATION
    kind = next((kind for kind in Kind if kind.word == event), default)
    with opened(repo) as (repository, _):
        rules = _rules(repository, _evidence_source(repository), policy, policy_ref)
        return rules.where, applying(rules.policy, kind, artifact, stage)


def _evidence_source(repository: Repository) -> EvidenceSource:
    from gto_ci.git.remotes.url_repository import UrlRepository

    if isinstance(repository, UrlRepository):
        return RemoteEvidence(repository.link.mirror)
    return EvidenceSource(repository, repository.remote_name())


def _rules(repository: Repository, source: EvidenceSource, policy: str | Path | None, policy_ref: str) -> Rules:
    if policy is not None:
        return _rules_in(Path(policy))
    if not policy_ref and not isinstance(source, RemoteEvidence) and not repository.remote_names():
        policy_ref = "HEAD"  # without a remote, there is no default branch
    try:
        rules = read_rules(source, policy_ref)
    except RefNotFound as error:
        if policy_ref:
            raise
        name = repository.remote_name()
        raise RefNotFound(
            "The default branch is not known here",
            Remedies.NAME_POLICY.after(f"Ask the remote: git remote set-head {name} --auto"),
        ) from error
    if rules is None:
        where = quote(policy_ref) if policy_ref else "the default branch"
        raise WrongPolicy(POLICY_FILE, 0, f"{where} has no such file", Remedies.NAME_POLICY)
    return rules


def _rules_in(file: Path) -> Rules:
    from gto_ci.files.policy_file import read

    try:
        policy = read(file.read_bytes(), str(file))
        signers = (file.parent / policy.allowed_signers).read_bytes() if policy.allowed_signers else None
    except OSError as error:
        raise WrongPolicy(str(file), 0, f"{quote(error.filename)}: {error.strerror}", "Check the path") from error
    return Rules(policy, f"the local file {quote(file)}", signers)


def _find(repository: Repository, ref: str) -> tuple[Event, RegistryTags]:
    reference = typed_reference(ref)
    tags = RegistryTags(repository.tag_records(reference.artifact) if reference.artifact else ())
    found = resolve(reference, tags)
    if found.event is not None:
        return found.event, tags
    if reference.artifact is None:
        raise TagProblem(found.cause, names.TAG_RULE)
    command = "gto show" if reference.shortcut else "gto history"
    raise TagProblem(found.cause, f"To list what exists, run '{command}'")


def _facts(source: EvidenceSource, event: Event, settings: Settings) -> Facts:
    now = datetime.now(timezone.utc)
    try:
        return Facts(now, find(source.objects, event.commit, event.artifact, settings.index).annotation)
    except WrongAnnotations as error:
        return Facts(now, annotation_problem=str(error))
