"""Apply a ghost to the workspace, for the job's later steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote as percent
from urllib.parse import urlsplit, urlunsplit

from gto_ci.core.errors import DoesNotApply, GhostRefused, WrongInput, quote
from gto_ci.git import Repository
from gto_ci.git.process import without_password
from gto_ci.platforms.inputs import GhostInputs
from gto_ci.platforms.platform import Platform

if TYPE_CHECKING:
    from gto_ci.ghost.session import Session
    from gto_ci.git.worktree.apply import PlannedUpdate
    from gto_ci.git.worktree.sandbox import LineCounts

# if git followed a redirect, it would send the headers for the first server, credentials included, to the second
_NO_REDIRECTS = (("http.followRedirects", "false"),)


@dataclass(frozen=True, slots=True)
class Applied:
    """The result of applying a ghost.

    ``base`` is HEAD's commit before, ``commit`` HEAD's commit now. ``diff`` is the hash of the diff, "" for
    none. ``tree`` is the tree id of the working tree. ``files`` are the files that differ from ``base``.
    ``notes`` are sentences for the user.
    """

    base: str
    diff: str
    commit: str
    tree: str
    files: tuple[LineCounts, ...]
    notes: tuple[str, ...]

    def __str__(self) -> str:
        parts = [f"commits {self.base[:7]}..{self.commit[:7]}"] if self.commit != self.base else []
        parts += [f"diff {self.diff[:12]}"] if self.diff else []
        return " and ".join(parts) + f" on {self.base[:7]}"


def check_trust(ghost: GhostInputs, platform: Platform) -> None:
    """Refuse a ghost if an untrusted user may have triggered the job: a ghost is code that the job runs.

    Raises:
        GhostRefused: anyone may have triggered the job.
    """
    risk = platform.untrusted(ghost.allow_events)
    if risk:
        raise GhostRefused(
            f"The ghost was not applied. {risk}. An attacker could choose the ghost, and so run code in this job",
            "Apply ghosts in a workflow that runs on workflow_dispatch. If no attacker can choose the ghost here, "
            "add the event (or 'fork') to the input 'ghost-allow-events'",
        )


def apply(ghost: GhostInputs, repository: Repository, environ: Mapping[str, str]) -> Applied:
    """Apply the ghost that the inputs name to the working tree of ``repository``: all of it, or nothing.

    Raises:
        GtoError: the ghost was not applied, and nothing changed.
    """
    from gto_ci.ghost.names import CommitRange, DiffName  # late: most jobs apply no ghost
    from gto_ci.ghost.protected_paths import refuse_protected
    from gto_ci.ghost.pull_ghost import pull

    files: tuple[LineCounts, ...] = ()

    def guard(session: Session, plan: PlannedUpdate) -> None:
        nonlocal files
        refuse_protected(session, plan.steps, ghost.allow)
        files = tuple(session.sandbox.line_counts(plan.head, plan.tree))

    with _opened(ghost, repository, environ) as session:
        head = session.head_commit()
        commits = CommitRange(ghost.commits[0] or head, ghost.commits[1]) if ghost.commits else None
        diff = DiffName(ghost.diff[0] or head, ghost.diff[1]) if ghost.diff else None
        if commits is not None:
            _check_base(session, commits.start)
        elif diff is not None:
            _check_base(session, diff.base)
        done = pull(session, diff=diff, commits=commits, guard=guard)
    return Applied(
        done.start, done.diff.hash if done.diff is not None else "", done.commit, done.tree, files, done.notes
    )


@contextmanager
def _opened(ghost: GhostInputs, repository: Repository, environ: Mapping[str, str]) -> Iterator[Session]:
    from gto_ci.ghost.session import Options, open_session
    from gto_ci.git.remotes.ssh_agent import ssh_key

    with ExitStack() as stack:
        variables = dict(environ)
        if ghost.ssh_key:
            variables.update(stack.enter_context(ssh_key(ghost.ssh_key, ghost.known_hosts, environ)))
        options = Options(repo=_with_token(ghost), prefix=ghost.prefix, source=str(repository.root))
        yield stack.enter_context(open_session(options, variables, (*repository.runner.config, *_NO_REDIRECTS)))


def _with_token(ghost: GhostInputs) -> str:
    """Return the patch repository's URL with the token in it; later, only git's environment holds the token.

    Raises:
        WrongInput: a token cannot be used with this URL.
    """
    if not ghost.token:
        return ghost.repo
    try:
        parts = urlsplit(ghost.repo)
    except ValueError:  # for example, an incomplete IPv6 address
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or "@" in parts.netloc:
        raise WrongInput(
            f"Input 'ghost-token' cannot be used with 'ghost-repo' {quote(without_password(ghost.repo))}",
            "Use a URL that starts with https:// and has no user name",
        )
    login = f"x-access-token:{percent(ghost.token, safe='')}"
    return urlunsplit(parts._replace(netloc=f"{login}@{parts.netloc}"))


def _check_base(session: Session, base: str) -> None:
    head, start = session.head_commit(), session.start(base)
    if not head.startswith(start):
        raise DoesNotApply(
            f"The workspace is at {head}, but the ghost starts at {start}",
            f"Nothing was changed. Check out that commit: actions/checkout with 'ref: {start}'",
        )
