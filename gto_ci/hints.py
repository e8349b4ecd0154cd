"""The words of each door for a remedy: an option of a command, an input of the action, a keyword of the library.

An error from below carries a :class:`gto_ci.core.errors.Remedy`. Only a door knows what its user
can type, so only here do options, inputs and keywords stand.
"""

from __future__ import annotations

import shlex
from enum import Enum
from typing import TYPE_CHECKING

from gto_ci.core.errors import GtoError, Remedies, Remedy

if TYPE_CHECKING:
    from gto_ci.core.policy import AssignCommand


class Door(Enum):
    """Where a user meets an error; the value is the place of its words in the table."""

    COMMAND = 0
    ACTION = 1
    LIBRARY = 2


_JOB_LOGIN = (
    "Check the input 'ghost-repo', and its credentials: 'ghost-token' or 'ghost-ssh-key'; "
    "the job's own token reaches no other repository"
)
_KNOWN_HOSTS = "Set the input 'ghost-known-hosts' to the host's lines of ssh's known_hosts (ssh-keyscan prints them)"
_REDIRECTED = "Set the input 'ghost-repo' to the address that its server redirects to: a job follows no redirects"
_CHECKOUT = "Run actions/checkout before this step, or set the input 'path' to its folder"
_GIVE_KEY = "Set 'ghost-ssh-key' to a private key as 'ssh-keygen' writes it, all its lines, without a passphrase"

# for a command, for the action, for the library; None where the remedy's own text will do
_REMEDY_WORDS: dict[Remedy, tuple[str | None, str | None, str | None]] = {
    Remedies.USE_SIMPLE_TAG: ("Use '--simple true'", None, "Pass simple=True"),
    Remedies.USE_COUNTED_TAG: (
        "Use '--simple false' for a tag with a counter, or delete that one",
        None,
        "Pass simple=False for a tag with a counter, or delete that one",
    ),
    Remedies.FORCE_NEW_TAG: (
        "Use the '--force' flag to create a new Git tag nevertheless",
        None,
        "Pass force=True to create a new Git tag nevertheless",
    ),
    Remedies.FORCE_DEPRECATION: ("Use '--force' to do it nevertheless", None, "Pass force=True to do it nevertheless"),
    Remedies.OMIT_VERSION: (
        "Leave --version out to assign that one",
        None,
        "Leave name_version out to assign that one",
    ),
    Remedies.NAME_VERSION: ("Name one with --version", None, "Pass version"),
    Remedies.NAME_COMMIT: ("Name a commit with --{fact}", None, "Pass {fact}"),
    Remedies.SIGN_WITHOUT_KEY: ("Use --no-sign", None, "Pass sign=False"),
    Remedies.NAME_TAGGER: ("Use --author and --author-email", None, "Pass author and author_email"),
    Remedies.NAME_POLICY: ("Name another: --policy-ref or --policy", None, "Pass policy_ref or policy"),
    Remedies.NAME_REPOSITORY: ("{text} with --repo", _CHECKOUT, "{text} as repo"),
    Remedies.CLONE_REPOSITORY: ("{text} with --repo", None, "{text} as repo"),
    Remedies.NAME_WORKING_FOLDER: (
        "Name a folder that you may write to with --ghost-working-dir",
        None,
        "Pass a folder that you may write to as working_dir",
    ),
    Remedies.READ_LOCAL_TAGS: (None, "Set 'fetch-tags: false' to read only the tags that it has", None),
    Remedies.CHECK_REMOTE_LOGIN: (
        None,
        "Check the credentials: the 'token' input needs read access to the contents of this repository",
        None,
    ),
    Remedies.CHECK_REMOTE: (
        None,
        "Check that the runner can reach the remote; 'fetch-tags: false' reads only what the workspace has",
        None,
    ),
    Remedies.CHECK_PATCH_LOGIN: (None, _JOB_LOGIN, None),
    Remedies.CHECK_PATCH_REPOSITORY: (
        "Check --ghost-repo (or GIT_GHOST_REPO), and the network",
        "Check the input 'ghost-repo', and that the runner can reach it",
        "Check repo (or GIT_GHOST_REPO), and the network",
    ),
    Remedies.TRUST_PATCH_HOST: (None, _KNOWN_HOSTS, None),
    Remedies.FOLLOW_PATCH_REPOSITORY: (None, _REDIRECTED, None),
    Remedies.NAME_PATCH_REPOSITORY: (
        "Set GIT_GHOST_REPO, or give --ghost-repo URL",
        "Set 'ghost-repo' to its URL",
        "Set GIT_GHOST_REPO, or pass repo",
    ),
    Remedies.NAME_PREFIX: ("For example: --ghost-prefix ghost", "For example: 'ghost-prefix: ghost'", None),
    Remedies.CHOOSE_PREFIX: (
        "Use letters, digits, '-', '_' and '/', for example: --ghost-prefix team/ghost",
        "Use letters, digits, '-', '_' and '/', for example: 'ghost-prefix: team/ghost'",
        None,
    ),
    Remedies.NAME_SOURCE: (
        "Run this inside a repository, or name one with --src-dir",
        _CHECKOUT,
        "Pass a folder inside a repository as source",
    ),
    Remedies.NAME_UNTRACKED_FILE: ("Name an untracked file with --include", None, "Pass untracked files as include"),
    Remedies.MERGE_GHOST: ("Merge it with what is here: --force-base", None, "Pass force_base=True to merge it"),
    Remedies.PUSH_LARGER: ("Allow more with --max-size", None, "Pass a larger max_size"),
    Remedies.PULL_LARGER: (
        "Allow more with --max-size, if you trust it",
        None,
        "Pass a larger max_size, if you trust it",
    ),
    Remedies.FORCE_REMOVAL: ("Add --force", None, "Pass force=True"),
    Remedies.CHOOSE_GHOST: (
        "Name one with --from and --to, or add --all; --dryrun shows which",
        None,
        "Pass start and end, or several=True; dry_run=True tells which",
    ),
    Remedies.CHOOSE_GHOSTS_TO_DELETE: (
        "For example: git ghost gc --older-than 30d --dry-run",
        None,
        "Pass older_than, unreachable or keep_last",
    ),
    Remedies.ALLOW_PATHS: (None, "If you trust its author, name the paths in the input 'ghost-allow'", None),
    Remedies.GIVE_PRIVATE_KEY: (None, _GIVE_KEY, None),
    Remedies.CHECK_TOKEN: (None, "Check the input 'token'; it may have expired", None),
    Remedies.ASK_NO_COMMENT: (None, "Set 'comment: never'", None),
    Remedies.NAME_DVC_EXTRA: (None, "Add it to the step's inputs: 'pull-extras: {fact}'", None),
    Remedies.PULL_NO_DATA: (None, "Set 'pull: false'", None),
}


_WORDS = {remedy.kind: words for remedy, words in _REMEDY_WORDS.items()}


def next_step(step: str, door: Door) -> str:
    """Return the next step in the words of ``door``; empty where there is none."""
    words = _WORDS[step.kind][door.value] if isinstance(step, Remedy) else None
    if not isinstance(step, Remedy) or words is None:
        return step
    words = words.format(fact=step.fact, text=getattr(Remedies, step.kind))
    return f"{step.first}; or {words[:1].lower()}{words[1:]}" if step.first else words


def sentence(error: GtoError, door: Door) -> str:
    """Return what went wrong and the next step, in the words of ``door``."""
    step = next_step(error.next_step, door)
    return f"{error.cause}. {step}" if step else error.cause


def assign_command(wanted: AssignCommand) -> str:
    """Return the command that makes an assignment and pushes its tag."""
    which = ["--version", wanted.version] if wanted.version else [wanted.commit]
    words = ["gto", "assign", wanted.artifact, *which, "--stage", wanted.stage]
    words += [] if wanted.version else ["--skip-registration"]
    return shlex.join([*words, *(["--force"] if wanted.again else []), "--push"])


def for_library(error: GtoError) -> GtoError:
    """Return ``error``, whose ``str()`` now has the library's words. A command says it in its own all the same."""
    error.args = (sentence(error, Door.LIBRARY),)
    return error
